"""What the command line shows: progress, tables. Rich on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.progress import Task, TaskID

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


class Pace:
    """How long a batch has to go, by how long its notebooks took when they last ran.

    Parameters
    ----------
    names : sequence of str
        The notebooks of the batch.
    seconds : mapping of str to float
        How long each took, where that is known; the others are taken to need the mean of these.
    jobs : int
        How many run at a time.
    """

    def __init__(self, names: Sequence[str], seconds: Mapping[str, float], jobs: int) -> None:
        self._seconds, self._jobs = seconds, jobs
        self._waiting = set(names)
        self._started: dict[str, float] = {}

    def note(self, event: RunEvent, now: float) -> None:
        """Take note of an event.

        Parameters
        ----------
        event : RunEvent
            A run has started, gone on or ended.
        now : float
            The time in seconds, from any origin.
        """
        if event.kind == "started":
            self._started[event.name] = now
        elif event.kind == "ended":
            self._waiting.discard(event.name)

    def left(self, now: float) -> float | None:
        """Return the seconds to go; None when no notebook has run before.

        Parameters
        ----------
        now : float
            The time in seconds, from the same origin.
        """
        if not self._seconds:
            return None
        mean = sum(self._seconds.values()) / len(self._seconds)
        rests = [self._seconds.get(name, mean) - (now - self._started.get(name, now)) for name in self._waiting]
        rests = [max(rest, 0.0) for rest in rests]
        return max(sum(rests) / self._jobs, max(rests, default=0.0))


class _TimeLeft(ProgressColumn):
    """The time to go, on the line of the whole batch only."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def render(self, task: Task) -> Text:
        left = self._pace.left(time.monotonic()) if task.fields["whole"] else None
        return Text("" if left is None else f"about {_duration(left)} left")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


@contextmanager
def progress(total: int, pace: Pace) -> Iterator[Callable[[RunEvent], None]]:
    """Yield a listener for :func:`musan.collection.run.run` that shows how far the runs are.

    Parameters
    ----------
    total : int
        How many runs there are.
    pace : Pace
        What is known of the time to go.
    """
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda event: _line(screen, event)
        return
    bars = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"), TimeElapsedColumn(), _TimeLeft(pace), console=screen, transient=True,
    )  # fmt: skip
    whole = bars.add_task("all", total=total, unit="notebooks", whole=True)
    lines: dict[str, TaskID] = {}

    def listen(event: RunEvent) -> None:
        pace.note(event, time.monotonic())
        if event.kind == "started":
            lines[event.name] = bars.add_task(event.name, total=event.cells or None, unit="cells", whole=False)
        elif event.kind == "cell":
            bars.update(lines[event.name], completed=event.cell, total=event.cells)
        else:
            if event.name in lines:
                bars.remove_task(lines.pop(event.name))
            bars.update(whole, completed=event.done)
            _line(bars.console, event)

    with bars:
        yield listen


def _line(screen: Console, event: RunEvent) -> None:
    """Print one line for a run that has started or ended."""
    outcome = event.outcome
    if outcome is None:
        if event.kind == "started" and not screen.is_terminal:
            screen.print(f"{event.name} started", markup=False, soft_wrap=True)
        return
    if outcome.unchanged:
        how = "unchanged"
    elif outcome.ok:
        how = f"done in {outcome.seconds:.1f} s"
    else:
        how = f"failed after {outcome.seconds:.1f} s: {outcome.error}"
    screen.print(f"[{event.done}/{event.total}] {event.name} {how}", markup=False, soft_wrap=True)
