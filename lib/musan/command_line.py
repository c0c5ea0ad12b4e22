"""What the commands share: options, how texts become values, signals, exit codes."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from musan.errors import ParameterError
from musan.locations import output_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOTEBOOK_FAILED, REFUSED = 1, 2
STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

Output = Annotated[
    Path | None, typer.Option("--output", help="Output folder.", file_okay=False, show_default="output/")
]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Runs at a time.", show_default="cores")]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", min=1, help="Seconds after which a run has failed.", show_default="no limit"),
]
CellTimeout = Annotated[float, typer.Option("--cell-timeout", min=1, help="Seconds after which a cell has failed.")]
EngineOption = Annotated[
    Literal["auto", "fork", "papermill"],
    typer.Option(
        "--engine", help="How to run them; auto forks a process that has the library loaded, where that is safe."
    ),
]


class Stopped(KeyboardInterrupt):
    """A signal has asked this process to end."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let a signal end the runs in order, with kernels stopped and a record written; more of them change nothing."""

    def stop(number: int, _: object) -> NoReturn:
        for each in STOPPING:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    heeded = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]  # nohup has it ignored
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def chosen_output(chosen: Path | None) -> Path:
    """Return the output folder that was asked for, or the usual one."""
    return chosen.expanduser().resolve() if chosen else output_folder()


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parameter_texts(pairs: Sequence[str]) -> dict[str, str]:
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
