"""The command ``musan``.

It ends with 0 when all went well, 1 when a notebook failed, 2 when what was asked for cannot be done (an
unknown notebook, a refused parameter, an output folder in use, nothing to export), and 128 plus the signal's
number when a signal has stopped it (Ctrl-C: 130, SIGTERM: 143). What is heavy to import is imported by the
command that needs it.
"""

from __future__ import annotations

import atexit
import gc
import signal
import time
from pathlib import Path  # noqa: TC003  # typer reads it
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from musan.collection import startup
from musan.command_line import (
    NOTEBOOK_FAILED,
    REFUSED,
    CellTimeout,
    EngineOption,
    Jobs,
    Output,
    Stopped,
    Timeout,
    chosen_output,
    cores,
    parameter_texts,
    stopped_by_signals,
)
from musan.errors import MusanError, ParameterError, nearest
from musan.locations import notebooks_folder
from musan.refresh_command import compare, refresh
from musan.sweep_command import sweep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from musan.collection.keys import Memory
    from musan.collection.publish import Early
    from musan.collection.run import Engine, RunEvent


class _Commands(TyperGroup):
    """The commands, with an error of ours as one line and an exit code instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        startup.lean()
        atexit.register(gc.freeze)  # the interpreter then ends at once, not after a last look at all that is loaded
        try:
            return super().invoke(ctx)
        except MusanError as error:
            typer.echo(f"musan: {error}", err=True)
            raise typer.Exit(REFUSED) from error
        except KeyboardInterrupt as error:
            number = error.number if isinstance(error, Stopped) else signal.SIGINT
            typer.echo("musan: interrupted; notebooks that had ended are kept", err=True)
            raise typer.Exit(128 + number) from error


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Test, with open figures, a 2018 report on North Korea's economy under sanctions.",
)


def _show_verdicts(rows: Sequence[Mapping[str, Any]]) -> None:
    from musan import terminal
    from musan.collection import verdicts

    terminal.show_table(list(verdicts.HEADINGS.values()), verdicts.short(rows))


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
    jobs: Jobs = None,
    timeout: Timeout = None,
    cell_timeout: CellTimeout = 900,
    engine: EngineOption = "auto",
    force: Annotated[bool, typer.Option("--force", help="Run them also when nothing has changed.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each would run; run nothing.")] = False,
    output: Output = None,
) -> None:
    """Run notebooks (all by default) that have changed, then write figures, pages and verdicts."""
    texts = parameter_texts(parameters or [])
    from musan.collection import keys, lock
    from musan.collection import run as runner
    from musan.collection.publish import Early

    target = chosen_output(output)
    chosen, reason = runner.engine_for("fork" if engine == "auto" else engine)
    requests = runner.plan(names or [], texts, notebooks_folder(), target, cell_timeout, timeout, chosen)
    if explain:
        _explain(keys.Memory(target, requests, force=force))
        return
    if engine == "fork" and reason:
        typer.echo(f"musan: papermill runs the notebooks: {reason}", err=True)
    with lock.held(target), stopped_by_signals(), Early(target) as early:
        memory = keys.Memory(target, requests, force=force)
        failed = _run(target, memory, early, chosen, reason, jobs or cores())
        try:
            _publish(target, early=early)
        finally:
            if failed:
                names_of = ", ".join(failed)
                typer.echo(f"musan: {len(failed)} of {len(requests)} notebooks failed: {names_of}", err=True)
    if failed:
        raise typer.Exit(NOTEBOOK_FAILED)


def _run(output: Path, memory: Memory, early: Early, engine: Engine, reason: str, jobs: int) -> list[str]:
    """Run what is due, keep the record, and return the names of the notebooks that failed."""
    from musan import terminal
    from musan.collection import run as runner
    from musan.collection.record import Batch

    requests = memory.requests
    batch = Batch(output, memory, engine, reason, jobs, time.time())
    pace = terminal.Pace([request.name for request in requests], memory.seconds(), jobs)
    try:
        with terminal.progress(len(requests), pace) as show:

            def listen(event: RunEvent) -> None:
                batch.listen(event)
                show(event)
                if event.kind == "started":
                    early.prepare()
                if event.outcome and event.outcome.executed and not event.outcome.unchanged:
                    early.ready(event.outcome.executed)
                if event.kind == "cell" and event.running < cores():
                    early.begin()

            runner.run(requests, jobs=jobs, on_event=listen, unchanged=memory.unchanged)
    finally:
        batch.write(time.time())
    return batch.failed()


def _explain(memory: Memory) -> None:
    """Print for each notebook why it would run, or that it would not."""
    for name, reasons in memory.explained().items():
        typer.echo(f"{name}: {'; '.join(reasons) or 'unchanged'}")


def _publish(output: Path, *, force: bool = False, early: Early | None = None, address: str = "") -> None:
    from musan.collection.publish import publish

    published = publish(output, force=force, early=early, address=address)
    _show_verdicts(published.verdicts)
    typer.echo(f"\nSite: {published.index}{' (unchanged)' if published.unchanged else ''}")


@app.command()
def export(
    output: Output = None,
    address: Annotated[
        str, typer.Option(help="Where the site will be published, for search engines.", metavar="URL")
    ] = "",
) -> None:
    """Write figures, pages and verdicts again, from the notebooks already run."""
    from musan.collection import lock, verdicts
    from musan.collection.export import site_address

    target, published_at = chosen_output(output), site_address(address)
    verdicts.require_executed(target)
    with lock.held(target):
        _publish(target, force=True, address=published_at)


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

    table = collected.read(chosen_output(output))
    if readme:
        outputs.write_text(readme, collected.in_readme(readme, table))
    elif form == "table":
        _show_verdicts(collected.rows(table))
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


for command in (sweep, refresh, compare):
    app.command()(command)


if __name__ == "__main__":
    app()
