"""The command ``musan sweep``."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, nullcontext
from pathlib import Path  # noqa: TC003  # typer reads it
from typing import TYPE_CHECKING, Annotated

import typer

from musan.command_line import (
    NOTEBOOK_FAILED,
    CellTimeout,
    EngineOption,
    Jobs,
    Output,
    Timeout,
    chosen_output,
    cores,
    parameter_texts,
    stopped_by_signals,
)
from musan.errors import ParameterError
from musan.locations import notebooks_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from musan.collection.sweep.batch import Ended, Outcome, Sweep, Wanted

_PARTS = 10  # lines a notebook where the progress goes into a log


def sweep(
    name: Annotated[str | None, typer.Argument(help="A notebook, by name or a unique beginning.")] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="KEY=VALUE,VALUE", help="Values of a parameter; may be repeated."),
    ] = None,
    grid: Annotated[
        Path | None, typer.Option(help="YAML file: parameters with lists of values, and `exclude`.", dir_okay=False)
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A claim: all choices that the ledger lists; may be repeated."),
    ] = None,
    all_claims: Annotated[bool, typer.Option("--all-claims", help="All claims.")] = False,
    jobs: Jobs = None,
    timeout: Timeout = None,
    cell_timeout: CellTimeout = 900,
    engine: EngineOption = "auto",
    independent: Annotated[
        bool, typer.Option("--independent", help="Run every cell in every run, also those that no value reaches.")
    ] = False,
    figures: Annotated[bool, typer.Option("--figures", help="Render figures, too.")] = False,
    notebooks: Annotated[bool, typer.Option("--notebooks", help="Keep the executed notebooks.")] = False,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run them on a Dask cluster, such as tcp://host:8786.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what would run, and which cells once; run nothing.")
    ] = False,
    output: Output = None,
) -> None:
    """Run a notebook with every combination of values, and write what each finds into one table."""
    from musan.collection import lock
    from musan.collection import run as runner
    from musan.collection.limits import Limits
    from musan.collection.sweep import batch
    from musan.collection.sweep.case import Settings

    target = chosen_output(output)
    chosen, reason = runner.engine_for("fork" if engine == "auto" else engine)
    settings = Settings(chosen, figures, notebooks, Limits(cell_timeout, timeout))
    asked = _wanted(name, parameter_texts(parameters or []), grid, claim or [], all_claims)
    planned = batch.plan(asked, notebooks_folder(), target, settings, share=not independent)
    if explain:
        _explain(planned)
        return
    if engine == "fork" and reason:
        typer.echo(f"musan: papermill runs the notebooks: {reason}", err=True)
    ended: list[Ended] = []
    with lock.held(target), stopped_by_signals(), _executor(scheduler) as executor, _progress(planned) as show:

        def listen(one: Ended) -> None:
            ended.append(one)
            show(one)

        outcome = batch.run(planned, executor, jobs or cores(), listen)
    _report(planned, outcome, ended)


def _wanted(
    name: str | None, texts: dict[str, str], file: Path | None, claims: Sequence[str], every: bool
) -> list[Wanted]:
    """Return what is asked for, or say why that is not one thing."""
    from musan.collection import source
    from musan.collection.sweep import grid

    if (name is not None) + bool(claims) + every != 1:
        remedy = "give a notebook with values, or --claim, or --all-claims"
        raise ParameterError("it is not clear what to sweep", remedy=remedy)
    if name is None:
        if texts or file:
            raise ParameterError("the ledger says which values are swept", "-p, --grid", "leave them out")
        return [*grid.of_claims(claims)]
    [notebook] = source.resolve([name], source.names(notebooks_folder()))
    listed = grid.from_texts(notebook, texts)
    if file is None:
        one = listed
    else:
        one = grid.from_file(notebook, file)
        if twice := sorted(set(one.choices) & set(listed.choices)):
            raise ParameterError(f"parameter {twice[0]} is given twice", "-p, --grid", "give it once")
        one = grid.Grid(notebook, {**one.choices, **listed.choices}, one.exclude)
    if not one.choices:
        raise ParameterError("no values to sweep", notebook, "give some, such as -p base_year=2015,2016")
    return [(one, None)]


def _executor(scheduler: str | None) -> AbstractContextManager[Executor | None]:
    if scheduler is None:
        return nullcontext()
    from musan.collection.sweep import cluster

    return cluster.executor(scheduler)


def _explain(planned: Sweep) -> None:
    """Print for each notebook how many runs are due, and which cells run once for all of them."""
    kept = planned.kept()
    for name in kept:
        cases = [case for case in planned.cases if case.name == name]
        known = sum(planned.known(case, kept[name]) is not None for case in cases)
        first = cases[0].first
        shared = f"cells 1 to {first.cells} run once" if first.code else "every run runs all cells"
        after = f"cell {first.cells + 1} {first.why}"
        typer.echo(f"{name}: {len(cases)} runs, {known} of them known; {shared}: {after}")


def _report(planned: Sweep, outcome: Outcome, ended: Sequence[Ended]) -> None:
    """Say how the sweep ended; one with failures ends the command."""
    for line in outcome.failures:
        typer.echo(f"musan: {line}", err=True)
    refused = sum(bool(each.result.refusal) for each in ended)
    earlier = sum(each.earlier for each in ended)
    typer.echo(f"{len(ended)} runs, {earlier} of them known from earlier; the tables do not allow {refused}")
    for path in outcome.written:
        typer.echo(f"Written: {path}")
    if outcome.failures:
        what = f"{len(outcome.failures)} of {len(planned.cases)} runs failed; no table was written"
        typer.echo(f"musan: {what}; sweep again to run only these", err=True)
        raise typer.Exit(NOTEBOOK_FAILED)


@contextmanager
def _progress(planned: Sweep) -> Iterator[Callable[[Ended], None]]:
    """Yield a listener that shows how far the runs of each notebook are: bars, or a few lines in a log."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from musan import terminal

    screen = terminal.console(stderr=True)
    totals = Counter(case.name for case in planned.cases)
    done: Counter[str] = Counter()
    bars = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn("runs"),
        TimeElapsedColumn(), TimeRemainingColumn(), console=screen, transient=True, disable=not screen.is_terminal,
    )  # fmt: skip
    lines = {name: bars.add_task(name, total=total) for name, total in totals.items()}

    def listen(ended: Ended) -> None:
        name = ended.case.name
        done[name] += 1
        bars.update(lines[name], completed=done[name])
        before, now = ((done[name] - last) * _PARTS // totals[name] for last in (1, 0))
        if not screen.is_terminal and now > before:
            screen.print(f"{name}: {done[name]} of {totals[name]} runs", markup=False, soft_wrap=True)

    with bars:
        yield listen
