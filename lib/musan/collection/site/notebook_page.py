"""The page of one notebook."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from nbconvert.filters import strip_ansi
from nbconvert.preprocessors import Preprocessor

from musan import __version__, evidence, mime
from musan.collection import outputs
from musan.collection.site import assets, citation, facts, markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from nbformat import NotebookNode

    from musan.collection.site.facts import Setting

UNDESCRIBED = "A figure without a description"
_KINDS = ("image/svg+xml", "image/png", "image/jpeg", "text/html", "text/markdown", "text/latex", "text/plain")
# musan.tables makes each table a tab stop; on a page a script does so where the table does not fit.
_OWN_TABLE = re.compile(r'^<div class="table" role="region" tabindex="0" aria-label="[^"]*">')
_EXPLORER = re.compile(r"application/vnd\.musan\.([a-z0-9_]+)\+json")
_SHORTEST_CONTENTS = 2


@dataclass(frozen=True)
class Executed:
    """An executed notebook, and what its page and the index need to know of it."""

    name: str
    title: str
    answer: str
    notebook: NotebookNode
    read: Mapping[str, str] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """Return the name of its page."""
        return f"{self.name}.html"

    @property
    def file(self) -> str:
        """Return the name of the executed notebook beside its page."""
        return f"{self.name}.ipynb"

    @property
    def number(self) -> str:
        """Return what the name begins with, "01" of "01_trade_collapse", or the whole name."""
        return self.name.partition("_")[0] if self.name[:1].isdigit() else self.name

    @property
    def day(self) -> date | None:
        """Return the day of its run, when it tells."""
        return facts.day(self.notebook)


@dataclass(frozen=True)
class Neighbours:
    """Where a page stands in a site."""

    previous: Executed | None = None
    next: Executed | None = None
    address: str = ""  # of the site, when it is published


@dataclass(frozen=True)
class FigureShown:
    """A figure on a page, with where its numbers come from."""

    name: str
    caption: str
    alt: str
    picture: str
    width: int | None
    height: int | None
    data: str


@dataclass(frozen=True)
class Source:
    """A source of figures as a page lists it; only its id is known when it is not in the catalogue."""

    short: str
    title: str = ""
    address: str = ""


def executed(notebook: NotebookNode, name: str, read: Mapping[str, str] | None = None) -> Executed:
    """Return what the pages of a site need to know of a notebook.

    Parameters
    ----------
    notebook : NotebookNode
        The executed notebook.
    name : str
        Its name.
    read : mapping, optional
        The tables it read, as :func:`musan.collection.site.facts.digests` gives them.
    """
    title, answer = outputs.title(notebook, name), outputs.answer(notebook)
    return Executed(name, title, answer, notebook, facts.digests(notebook) if read is None else read)


def html(one: Executed, site: Neighbours | None = None) -> str:
    """Return the page of a notebook.

    Parameters
    ----------
    one : Executed
        The notebook.
    site : Neighbours, optional
        The pages around it; without them the page stands alone.

    Returns
    -------
    str
        HTML; nothing in it is loaded from elsewhere.
    """
    body = _Body(one)
    cells = body.cells()
    tables = facts.tables_read(one.read)
    return assets.render(
        "notebook.html.j2",
        files=sorted(body.files),
        one=one,
        site=site,
        title=one.title,
        answer=body.answer,
        heading=body.heading,
        cells=cells,
        contents=[each for each in body.headings.found if each.level in (2, 3)],
        listed=len(body.headings.found) >= _SHORTEST_CONTENTS,
        changed=[setting for setting in body.settings if setting.changed],
        sources=list(body.sources.values()),
        tables=tables,
        vintage=next((table.vintage for table in tables if table.sha256 and not table.live), ""),
        live=facts.vintages_read(tables),
        day=facts.in_words(one.day),
        citation=citation.sentence(one.title, one.name, one.day),
        bibtex=citation.bibtex(one.title, one.name, one.day),
        version=one.notebook.metadata.get("musan", {}).get("run", {}).get("version") or __version__,
        python=one.notebook.metadata.get("language_info", {}).get("version", ""),
    )


class WholePage(Preprocessor):
    """Make the page when ``jupyter nbconvert --template musan`` runs; the template only has to print it."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Return the notebook as it is, and the page as the resource ``musan_page``.

        Parameters
        ----------
        nb : NotebookNode
            The notebook.
        resources : dict
            nbconvert's.
        """
        name = resources.get("metadata", {}).get("name") or "notebook"
        return nb, {**resources, "musan_page": html(executed(nb, name))}


class _Body:
    """The cells of a notebook as HTML, and what was met on the way."""

    def __init__(self, one: Executed) -> None:
        self.headings = markup.Headings(taken=("main", "about", "contents", "cite", "tables", "sources"))
        self.files: set[str] = set()
        self.settings: list[Setting] = []
        self.sources = _sources(one)
        self.answer = Markup()
        self.heading = Markup()
        self._one = one

    def cells(self) -> list[Markup]:
        """Return the cells; the first title and the answer are taken out, for they stand at the head."""
        shown = [self._cell(cell) for cell in self._one.notebook.cells]
        return [part for part in shown if part]

    def _cell(self, cell: NotebookNode) -> Markup:
        if cell.cell_type == "markdown":
            return self._text(cell)
        if cell.cell_type == "raw" or not cell.source.strip():
            return Markup()
        parts = [self._input(cell), *(self._output(output) for output in cell.outputs)]
        return _wrapped("cell", Markup("\n").join(part for part in parts if part))

    def _text(self, cell: NotebookNode) -> Markup:
        text = markup.from_markdown(cell.source, self.headings, cell.get("attachments"))
        first = re.match(r"\s*<h1 [^>]*>.*?</h1>\s*", text, re.DOTALL)
        if first and not self.heading:
            self.heading, text = Markup(first[0]), Markup(text[first.end() :])
        return _wrapped("cell text", text)

    def _input(self, cell: NotebookNode) -> Markup:
        tags = cell.metadata.get("tags", [])
        if {"remove-input", "injected-parameters"} & set(tags):
            return Markup()
        if "parameters" in tags:
            run = self._one.notebook.metadata.get("musan", {}).get("run", {})
            self.settings = facts.settings(self._one.notebook, run.get("notebook", self._one.name))
            return _part("parameters", settings=self.settings)
        return _part("code", code=markup.coloured(cell.source), setup="setup" in tags)

    def _output(self, output: NotebookNode) -> Markup:
        if output.output_type == "stream":
            return _part("plain", text=strip_ansi(output.text), warning=output.name == "stderr")
        if output.output_type == "error":
            trace = strip_ansi("\n".join(output.traceback))
            return _part("failure", name=output.ename, value=strip_ansi(output.evalue), trace=trace)
        return self._bundle(output.data, output.metadata)

    def _bundle(self, data: Mapping[str, Any], about: Mapping[str, Any]) -> Markup:
        """Return a rich output in the best of the forms that it has."""
        if mime.ANSWER in data:
            self.answer = markup.inert(str(data.get("text/html", "")))
            return Markup()
        if mime.FIGURE in data:
            return self._figure(data)
        if explorer := self._explorer(data):
            return explorer
        kind = next((kind for kind in _KINDS if kind in data), "")
        return self._shown(kind, data[kind], str(about.get("alt") or UNDESCRIBED)) if kind else Markup()

    def _shown(self, kind: str, content: str, alt: str) -> Markup:
        if kind.startswith("image/"):
            address = markup.data_address(kind, content) if kind == "image/svg+xml" else f"data:{kind};base64,{content}"
            return _part("picture", address=re.sub(r"\s+", "", address), alt=alt)
        if kind == "text/html":
            plain = markup.inert(_OWN_TABLE.sub(markup.TABLE, content))
            own = plain.startswith(("<section", markup.TABLE, '<p class="answer'))
            return plain if own or not plain.strip() else _wrapped("output", plain)
        if kind == "text/markdown":
            return _wrapped("prose", markup.from_markdown(content, self.headings))
        return _part("plain", text=strip_ansi(content), warning=False)

    def _figure(self, data: Mapping[str, Any]) -> Markup:
        about = data[mime.FIGURE]
        picture = re.search(r'src="(data:image/[a-z]+;base64,[A-Za-z0-9+/=]+)"', str(data.get("text/html", "")))
        ids = set(map(str, about.get("sources", ())))
        numbers = [number for number, name in enumerate(self.sources, start=1) if name in ids]
        figure = FigureShown(
            name=str(about["name"]),
            caption=str(about["caption"]),
            alt=str(about["alt"]),
            picture=picture[1] if picture else "",
            width=about.get("width"),
            height=about.get("height"),
            data=markup.data_address("text/csv", str(about["csv"])),
        )
        return _part("figure", figure=figure, count=len(numbers), ranges=_ranges(numbers))

    def _explorer(self, data: Mapping[str, Any]) -> Markup:
        """Return an output that a script of ours brings to life, what it shows without one inside."""
        for kind in data:
            name = _EXPLORER.fullmatch(kind)
            script = assets.explorer_script(name[1]) if name else None
            if name and script:
                self.files |= {assets.EXPLORERS_STYLE, script}
                inside = self._shown("text/html", str(data.get("text/html", "")), UNDESCRIBED)
                return _part("explorer", name=name[1], data=json_inside(data[kind]), inside=inside)
        return Markup()


def json_inside(content: object) -> Markup:
    """Return JSON that can stand in a script element: nothing in it ends the element.

    Parameters
    ----------
    content : object
        Anything that JSON can hold.
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _wrapped(name: str, inside: Markup) -> Markup:
    return Markup('<div class="{}">\n{}\n</div>').format(name, inside) if inside.strip() else Markup()


def _part(name: str, /, **values: Any) -> Markup:
    """Return one of the template's macros."""
    macro = getattr(assets.environment().get_template("parts.html.j2").module, name)
    return Markup(macro(**values)).strip()


def _sources(one: Executed) -> dict[str, Source]:
    """Return the sources of all figures of a notebook by id, in the order in which the page numbers them.

    Those of the same figures stand together, by publisher, so that a figure names them in few ranges.
    """
    shown = [data[mime.FIGURE] for data in outputs.bundles(one.notebook) if mime.FIGURE in data]
    behind = [set(map(str, figure.get("sources", ()))) for figure in shown]
    ids = set().union(*behind)
    known: dict[str, Source] = {}
    for vintage in (*facts.vintages_read(facts.tables_read(one.read)), "") if ids else ():
        known |= _catalogue(vintage)
    found = {name: known.get(name) or Source(name) for name in ids}

    def place(name: str) -> tuple[list[bool], str, str]:
        return [name not in figure for figure in behind], found[name].short.lower(), name

    return {name: found[name] for name in sorted(found, key=place)}


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return ascending numbers as ranges: 1, 2, 3, 7 as (1, 3), (7, 7)."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _catalogue(vintage: str) -> Iterator[tuple[str, Source]]:
    """Yield the sources of the catalogue, and those of a vintage unless its name is empty, with their ids."""
    known = evidence.known_sources(vintage=vintage).reset_index()
    table = known[["source_id", "publisher", "published", "title", "url"]].astype(object)
    for name, publisher, published, title, address in table.itertuples(index=False):
        short = re.split(r" \(| via | / |, ", str(publisher))[0]
        when = "" if published is None or published != published else f" {published}"
        link = str(address) if str(address).startswith(("http://", "https://")) else ""
        yield str(name), Source(f"{short}{when}", str(title), link)
