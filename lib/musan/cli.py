"""The command ``musan``.

It ends with 0 when all went well, 1 when a notebook failed, 2 when what was asked for cannot be done (an
unknown notebook, a refused parameter, nothing to export), 130 when interrupted. What is heavy to import is
imported by the command that needs it.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from typer.core import TyperGroup

from musan.collection import startup
from musan.errors import MusanError, ParameterError, nearest
from musan.locations import notebooks_folder, output_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

NOTEBOOK_FAILED, REFUSED, INTERRUPTED = 1, 2, 130


class _Commands(TyperGroup):
    """The commands, with an error of ours as one line and an exit code instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        startup.lean()
        try:
            return super().invoke(ctx)
        except MusanError as error:
            typer.echo(f"musan: {error}", err=True)
            raise typer.Exit(REFUSED) from error
        except KeyboardInterrupt as error:
            typer.echo("musan: interrupted; notebooks that had ended are kept", err=True)
            raise typer.Exit(INTERRUPTED) from error


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Test, with open figures, a 2018 report on North Korea's economy under sanctions.",
)

Output = Annotated[
    Path | None, typer.Option("--output", help="Output folder.", file_okay=False, show_default="output/")
]


def _output(chosen: Path | None) -> Path:
    return chosen.expanduser().resolve() if chosen else output_folder()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _texts(pairs: Sequence[str]) -> dict[str, str]:
    """Return ``key=value`` pairs as a dictionary."""
    texts: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (equals and name.isidentifier()):
            raise ParameterError(f"{pair!r} is not of the form key=value", "-p", "write for example -p base_year=2015")
        if name in texts:
            raise ParameterError(f"parameter {name} is given twice", "-p", "give it once")
        texts[name] = text
    return texts


@contextmanager
def _ending_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: with the kernels stopped."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show_verdicts(table: pd.DataFrame) -> None:
    from musan import terminal
    from musan.collection import verdicts

    rows = verdicts.short(table)
    terminal.show_table(list(rows.columns), rows.to_numpy().tolist())


@app.command()
def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Notebooks, by name or a unique beginning."),
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="KEY=VALUE", help="Change a parameter; may be repeated."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Notebooks at a time.", show_default="cores")] = None,
    cell_timeout: Annotated[float, typer.Option(min=1, help="Seconds after which a cell has failed.")] = 900,
    output: Output = None,
) -> None:
    """Run notebooks (all by default), then write figures, pages and verdicts."""
    texts = _texts(parameters or [])
    from musan import terminal
    from musan.collection import run as runner

    target = _output(output)
    requests = runner.plan(names or [], texts, notebooks_folder(), target, cell_timeout)
    with _ending_by_sigterm(), terminal.progress(len(requests)) as listen:
        outcomes = runner.run(requests, jobs=jobs or _cores(), on_event=listen)
    failed = [outcome.name for outcome in outcomes if not outcome.ok]
    try:
        _publish(target)
    finally:
        if failed:
            typer.echo(f"musan: {len(failed)} of {len(outcomes)} notebooks failed: {', '.join(failed)}", err=True)
    if failed:
        raise typer.Exit(NOTEBOOK_FAILED)


def _publish(output: Path) -> None:
    from musan.collection.publish import publish

    published = publish(output)
    _show_verdicts(published.table)
    typer.echo(f"\nSite: {published.index}")


@app.command()
def export(output: Output = None) -> None:
    """Write figures, pages and verdicts again, from the notebooks already run."""
    from musan.collection import verdicts

    target = _output(output)
    verdicts.require_executed(target)
    _publish(target)


@app.command()
def verdicts(
    form: Annotated[
        Literal["table", "csv", "json", "markdown"], typer.Option("--format", help="How to print them.")
    ] = "table",
    output: Output = None,
    readme: Annotated[
        Path | None, typer.Option(help="Put the table into this file, between its two marks.", dir_okay=False)
    ] = None,
) -> None:
    """Print the verdicts of the notebooks already run."""
    from musan.collection import outputs
    from musan.collection import verdicts as collected

    table = collected.read(_output(output))
    if readme:
        outputs.write_text(readme, collected.in_readme(readme, table))
    elif form == "table":
        _show_verdicts(table)
    else:
        typer.echo(collected.as_text(table, form), nl=False)


@app.command()
def params(name: Annotated[str, typer.Argument(help="A notebook, by name or a unique beginning.")]) -> None:
    """List the parameters of a notebook and what each may be."""
    from musan import terminal
    from musan.collection import source
    from musan.parameters import MODELS, describe

    (found,) = source.resolve([name], source.names(notebooks_folder()))
    if found not in MODELS:
        raise ParameterError("this notebook has no parameters", found, nearest(found, MODELS))
    rows = [
        [each.name, each.type_words, str(each.default), each.range_words, each.description] for each in describe(found)
    ]
    terminal.show_table(["Parameter", "Kind", "Default", "Allowed", "Meaning"], rows)


if __name__ == "__main__":
    app()
