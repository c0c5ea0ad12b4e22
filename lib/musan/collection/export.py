"""Turn executed notebooks into web pages: one file a notebook, and an index with the verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd
from markupsafe import Markup
from nbconvert import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML

from musan import __version__
from musan.collection import outputs
from musan.locations import templates_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nbformat import NotebookNode

TEMPLATE = "musan"
_UNDECIDED = {"no notebook yet", "not run"}


@dataclass(frozen=True)
class _Page:
    """What is needed of a notebook to make its page and to link to it."""

    name: str
    title: str
    answer: str
    notebook: NotebookNode

    @property
    def page(self) -> str:
        return f"{self.name}.html"

    @property
    def number(self) -> str:
        """Return what the name begins with, "01" of "01_trade_collapse", or the whole name."""
        return self.name.partition("_")[0] if self.name[:1].isdigit() else self.name


def page(path: Path) -> str:
    """Return one executed notebook as one self-contained HTML page.

    Parameters
    ----------
    path : Path
        An executed notebook.

    Returns
    -------
    str
        HTML; nothing in it is loaded from elsewhere.

    Raises
    ------
    CollectionError
        The file is not a notebook that ran to its end.
    """
    return _html(_open(path), {})


def export(executed: Sequence[Path], site: Path, verdicts: pd.DataFrame) -> list[Path]:
    """Write one page a notebook, and ``index.html``.

    Parameters
    ----------
    executed : sequence of Path
        Executed notebooks, in reading order.
    site : Path
        Folder of the site; made when it is missing.
    verdicts : DataFrame
        One row a claim. ``title``, ``statement`` and ``attribution`` are shown, and of ``estimate``,
        ``agreement`` (a share), ``decisive_choice``, ``grade``, ``admiralty``, ``notebook`` and
        ``attribution_notebook`` those that are there.

    Returns
    -------
    list of Path
        The pages, in order, and the index.

    Raises
    ------
    CollectionError
        A notebook did not run to its end, or a file can't be written.
    """
    pages = [_open(path) for path in executed]
    written = []
    for i, one in enumerate(pages):
        around = {"previous": pages[i - 1] if i else None, "next": pages[i + 1] if i + 1 < len(pages) else None}
        target = site / one.page
        outputs.write_text(target, _html(one, {"index": "index.html", **around}))
        written.append(target)
    index = site / "index.html"
    outputs.write_text(index, _index(pages, verdicts))
    return [*written, index]


def _open(path: Path) -> _Page:
    notebook = outputs.read(path)
    return _Page(path.stem, outputs.title(notebook, path.stem), outputs.answer(notebook), notebook)


class _Exporter(HTMLExporter):
    """nbconvert's exporter, but for its last step.

    That step parses the finished page again, for three quarters of the time, to add alt texts and tab
    stops that our template has or does not want.
    """

    def from_notebook_node(  # type: ignore[override]  # as HTMLExporter's own
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        highlight = Highlight2HTML(pygments_lexer="ipython3", parent=self)
        self.register_filter("highlight_code", highlight)  # type: ignore[no-untyped-call]
        return TemplateExporter.from_notebook_node(self, nb, resources, **kw)


@cache
def _exporter() -> _Exporter:
    folders = [str(templates_folder())]
    return _Exporter(template_name=TEMPLATE, extra_template_basedirs=folders)  # type: ignore[no-untyped-call]


def _html(one: _Page, around: dict[str, Any]) -> str:
    resources = {"metadata": {"name": one.name}, "musan": {"title": one.title, **around}}
    html, _ = _exporter().from_notebook_node(one.notebook, resources)
    return html


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder() / TEMPLATE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _index(pages: Sequence[_Page], verdicts: pd.DataFrame) -> str:
    """Return the index as HTML."""
    rows = [_row(row, {one.name: one for one in pages}) for row in verdicts.to_dict("records")]
    decided = [row["statement"] for row in rows if row["statement"] not in _UNDECIDED]
    first = outputs.figures(pages[0].notebook)[:1] if pages else []
    return (
        _environment()
        .get_template("site_index.html.j2")
        .render(
            pages=pages,
            rows=rows,
            counts=pd.Series(decided, dtype=str).value_counts().to_dict(),
            figure=Markup(first[0].html) if first else None,  # the same HTML as on the page
            figure_page=pages[0].page if first else "",
            version=__version__,
        )
    )


def _row(row: Mapping[Any, Any], pages: dict[str, _Page]) -> dict[str, Any]:
    """Return a row of verdicts as words; a column that is not there is an empty cell."""
    words = {key: "" if pd.api.types.is_scalar(value) and pd.isna(value) else value for key, value in row.items()}
    agreement = words.get("agreement", "")
    names = dict.fromkeys(words.get(key, "") for key in ("notebook", "attribution_notebook"))
    return {
        **dict.fromkeys(("estimate", "grade", "admiralty"), ""),
        **words,
        "title": words.get("title") or words.get("claim", ""),
        "decisive_choice": str(words.get("decisive_choice", "")).replace("_", " "),
        "agreement": f"{100 * float(agreement):.0f}\u00a0%" if agreement != "" else "",
        "pages": [pages[name] for name in names if name in pages],
    }
