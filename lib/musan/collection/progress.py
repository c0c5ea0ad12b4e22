"""What a run says of itself while it runs: which cell has begun, what it has shown, which has ended.

Code that executes cells calls :func:`report`; who listens, if anybody, is up to the process: a journal that
outlives it, a pipe to the process that waits, both, or nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbformat import NotebookNode


@dataclass(frozen=True)
class Prepared:
    """The notebook with its parameters put in, before its first cell."""

    notebook: NotebookNode


@dataclass(frozen=True)
class CellBegan:
    """A cell is about to run; ``done`` of ``cells`` code cells have run before it."""

    position: int
    metadata: dict[str, Any]
    done: int
    cells: int


@dataclass(frozen=True)
class Written:
    """Text on its way to one of the streams, which a later message of that stream holds again."""

    name: str
    text: str


@dataclass(frozen=True)
class Shown:
    """A message of the Jupyter protocol from a cell: a stream's text, a display, an error."""

    message: dict[str, Any]


@dataclass(frozen=True)
class CellEnded:
    """A cell has run, well or not; ``done`` of ``cells`` code cells have."""

    position: int
    metadata: dict[str, Any]
    done: int
    cells: int


Report = Prepared | CellBegan | Written | Shown | CellEnded

_listener: ContextVar[Callable[[Report], None] | None] = ContextVar("listener", default=None)


def report(what: Report) -> None:
    """Tell who listens, if anybody does.

    Parameters
    ----------
    what : Report
        What has happened.
    """
    listener = _listener.get()
    if listener:
        listener(what)


@contextmanager
def reporting_to(listener: Callable[[Report], None]) -> Iterator[None]:
    """Send the reports made inside the block to a listener.

    Parameters
    ----------
    listener : callable
        Called with each report.
    """
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)
