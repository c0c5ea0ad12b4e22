"""How far a refresh is: bars with sizes on a terminal, one line a file in a log."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from musan.terminal import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from musan.refresh.http import Report


@contextmanager
def shown() -> Iterator[Report]:
    """Yield a listener for :class:`musan.refresh.http.Client`; what it shows goes to stderr."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield (
            lambda label, done, total: (
                screen.print(f"{label}: {done:,} bytes", markup=False, soft_wrap=True) if done == total else None
            )
        )
        return
    bars = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(), console=screen, transient=True,
    )  # fmt: skip
    tasks: dict[str, TaskID] = {}

    def listen(label: str, done: int, total: int | None) -> None:
        if label not in tasks:
            for old in tasks.values():
                bars.remove_task(old)
            tasks.clear()
            tasks[label] = bars.add_task(label, total=total)
        bars.update(tasks[label], completed=done, total=total)

    with bars:
        yield listen
