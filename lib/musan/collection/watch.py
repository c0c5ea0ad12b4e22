"""Wait for what a process says of its job, no longer than a run and its cells may take."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musan.collection.child import Done
from musan.collection.forks import fate
from musan.collection.progress import CellBegan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbformat import NotebookNode

    from musan.collection.forks import Child
    from musan.collection.kernel import Failure
    from musan.collection.limits import Limits
    from musan.collection.progress import Report


@dataclass(frozen=True)
class Lost:
    """What ended a run from outside, as the name and the message of an error."""

    name: str
    reason: str


def watch(child: Child, limits: Limits) -> Iterator[Report | Done | Lost]:
    """Yield what a process says of its job; the last is what that returned, or how it was lost.

    Parameters
    ----------
    child : Child
        The process, which has been given a job.
    limits : Limits
        How long a cell, and the run, may take; a process that takes longer is ended.
    """
    run_ends, cell_ends = _after(limits.run, child), math.inf
    while True:
        left = min(run_ends, cell_ends) - time.monotonic()
        try:
            said = child.hear(None if left == math.inf else max(left, 0))
        except EOFError:
            yield Lost("DeadKernelError", f"the process died: {fate(child.end())}")
            return
        if said is None:
            over = limits.over(run=time.monotonic() >= run_ends)
            child.end()
            yield Lost("CellTimeoutError", over)
            return
        cell_ends = _after(limits.cell, child) if isinstance(said, CellBegan) else math.inf
        yield said
        if isinstance(said, Done):
            return


def _after(seconds: float | None, child: Child) -> float:
    return math.inf if seconds is None else time.monotonic() + seconds + child.grace


def salvaged(child: Child, lost: Lost) -> tuple[NotebookNode, Failure] | None:
    """Return the notebook of a lost process as far as it had come; None when no cell had begun.

    Parameters
    ----------
    child : Child
        The process.
    lost : Lost
        What has ended it.
    """
    from musan.collection import kernel  # papermill takes a second to import

    return kernel.salvage(child.journal.reports(), lost.name, lost.reason)
