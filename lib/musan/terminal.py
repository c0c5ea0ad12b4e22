"""What the command line shows: progress, tables. Rich on a terminal, plain lines in a log."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from musan.collection.run import RunEvent

LOG_WIDTH = 140  # columns where the output is not a terminal, which has no width of its own


def console(*, stderr: bool = False) -> Console:
    """Return a console that does not colour words or numbers by itself.

    Parameters
    ----------
    stderr : bool
        For progress and errors; results go to stdout.

    Returns
    -------
    Console
        As wide as the terminal.
    """
    made = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not made.is_terminal:
        made.width = LOG_WIDTH
    return made


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to stdout.

    Parameters
    ----------
    headings : sequence of str
        One a column.
    rows : sequence of sequence of str
        Texts.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    console().print(table)


@contextmanager
def progress(total: int) -> Iterator[Callable[[RunEvent], None]]:
    """Yield a listener for :func:`musan.collection.run.run` that shows how far the runs are.

    Parameters
    ----------
    total : int
        How many runs there are.
    """
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda event: _line(screen, event)
        return
    bar = Progress(
        BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"),
        console=screen, transient=True,
    )  # fmt: skip
    task = bar.add_task("", total=total)
    running: list[str] = []

    def listen(event: RunEvent) -> None:
        if event.kind == "started":
            running.append(event.name)
        else:
            running.remove(event.name)
            _line(bar.console, event)
        bar.update(task, completed=event.done, description=", ".join(running))

    with bar:
        yield listen


def _line(screen: Console, event: RunEvent) -> None:
    """Print one line for a run that has ended."""
    if event.outcome is None:
        return
    counted = f"[{event.done}/{event.total}] {event.name}"
    if event.outcome.ok:
        text = f"{counted} done in {event.outcome.seconds:.1f} s"
    else:
        text = f"{counted} failed after {event.outcome.seconds:.1f} s: {event.outcome.error}"
    screen.print(text, markup=False, soft_wrap=True)
