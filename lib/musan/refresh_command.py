"""The commands ``musan refresh`` and ``musan compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musan.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from musan.compare import Comparison
    from musan.refresh.sources import Source
    from musan.refresh.vintages import Vintage

SOURCE_FAILED = 1
ON_SCREEN, ON_PAGE = 20, 2000  # figures that are listed
QUESTIONS = {"statement": "Is it true?", "attribution": "Are sanctions the cause?"}


def refresh(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE", help="comtrade, pink_sheet, ecos; baci, comtrade_bulk.", show_default="the first three"
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="The first month.", show_default="each source's own")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of vintages.", file_okay=False, show_default="vintages/")
    ] = None,
    attempts: Annotated[int, typer.Option(min=1, max=20, help="How often a request is made at most.")] = 5,
) -> None:
    """Fetch live sources into new vintages beside the old, and show which figures changed."""
    first = _month(since) if since else None
    from musan.refresh import sources as live
    from musan.refresh import vintages
    from musan.refresh.errors import RefreshError

    chosen = live.chosen(sources or [])
    store = output.expanduser().resolve() if output else vintages.store_folder()
    failed = []
    for source in chosen:
        for left in vintages.clean(store, source.name):
            typer.echo(f"{source.name}: removed what an interrupted refresh had left ({left})", err=True)
        try:
            _refresh(source, store, first, attempts)
        except RefreshError as error:
            typer.echo(f"musan: {source.name}: {error}", err=True)
            failed.append(source.name)
    if failed:
        typer.echo(f"musan: {len(failed)} of {len(chosen)} sources failed: {', '.join(failed)}", err=True)
        raise typer.Exit(SOURCE_FAILED)


def _month(text: str) -> pd.Period:
    import pandas as pd

    try:
        month = pd.Period(f"{text}-01" if len(text) == 4 else text, "M")
    except ValueError:
        month = None
    if month is None or f"{month}" not in (text, f"{text}-01") or month > pd.Period.now("M"):
        raise ParameterError(f"{text!r} is no month that has begun", "--since", "write for example 2018-01")
    return month


def _refresh(source: Source, store: Path, since: pd.Period | None, attempts: int) -> None:
    """Refresh one source, and say where it is and what changed."""
    from musan import compare as comparing
    from musan.refresh import progress, vintages
    from musan.refresh import sources as live
    from musan.refresh.http import Patience

    earlier = vintages.listing(store, source.name)
    with progress.shown() as report:
        made = live.refresh(source, store, since, report, Patience(attempts=attempts))
    typer.echo(f"{source.name}: {made.full_name} in {store} ({_size(made)})")
    if not source.licence.redistribution:
        typer.echo(f"{source.name}: these rows may not be passed on ({source.licence.title})")
    if earlier:
        changed = comparing.compare(earlier[-1].folder, made.folder)
        typer.echo(f"{source.name}: against {earlier[-1].name}: {summary(changed)}")


def _size(vintage: Vintage) -> str:
    resources = vintage.package()["resources"]
    return ", ".join(f"{entry['name']} {entry['rows']:,} rows" for entry in resources if entry["name"] != "sources")


def compare(
    before: Annotated[str, typer.Argument(metavar="A", help="A folder, or a vintage such as comtrade/2026-11.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another of the same kind.")],
    data: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A B", help="For two outputs: the tables that each was run with."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.", dir_okay=False)] = None,
) -> None:
    """Show which figures and verdicts differ between two vintages, folders of tables, or outputs."""
    from musan import compare as comparing

    found = comparing.compare(_folder(before), _folder(after), data)
    if html:
        from musan.collection import outputs

        outputs.write_text(html, page(found))
    if as_json:
        typer.echo(found.as_json(), nl=False)
    else:
        _show(found)


def _folder(name: str) -> Path:
    """Return the folder of that name, else the vintage."""
    from musan.refresh import vintages

    path = Path(name).expanduser()
    return path if path.is_dir() else vintages.find(vintages.store_folder(), name).folder


def summary(found: Comparison) -> str:
    """Return how much changed, in a sentence.

    Parameters
    ----------
    found : Comparison
        From :func:`musan.compare.compare`.
    """
    counts = ", ".join(f"{number:,} {what}" for what, number in found.counts().items())
    figures = f"figures: {counts}" if found.tables else "figures were not compared"
    turned = f"; verdicts that turned: {len(found.verdicts)}" if found.verdicts else ""
    return f"{figures}{turned}."


def _show(found: Comparison) -> None:
    """Print a comparison as tables."""
    from musan import terminal

    typer.echo(summary(found))
    if found.verdicts:
        rows = [[t.title, QUESTIONS[t.aspect], t.before, t.after, "\n".join(t.why)] for t in found.verdicts]
        terminal.show_table(["Claim", "Question", "Before", "After", "Why"], rows)
    if found.figures:
        lines = [
            [
                f.table,
                f.row,
                f.what,
                f.column,
                f.before,
                f.after,
                "" if f.change is None else f"{100 * f.change:+.1f} %",
            ]
            for f in found.figures[:ON_SCREEN]
        ]
        terminal.show_table(["Table", "Row", "What", "Column", "Before", "After", "Change"], lines)
    if (more := len(found.figures) - ON_SCREEN) > 0:
        typer.echo(f"and {more:,} more: --json has all")
    for remark in found.remarks:
        typer.echo(f"Remark: {remark}")


def page(found: Comparison) -> str:
    """Return a comparison as a page that needs nothing else.

    Parameters
    ----------
    found : Comparison
        From :func:`musan.compare.compare`.
    """
    from jinja2 import Environment

    from musan.locations import PACKAGE

    template = (PACKAGE / "comparison.html.j2").read_text(encoding="utf-8")
    made = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    text = made.render(comparison=found, summary=summary(found), questions=QUESTIONS, shown=ON_PAGE)
    return f"{text}\n"
