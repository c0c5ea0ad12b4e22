"""A process that runs notebooks for another one, seen from its inside.

It takes jobs from a pipe, reports how far it is and returns results over another, and ends when the process
that waits for it has ended, whatever it is doing. Started anew, by :func:`main`, it does one job after the
other; forked from :mod:`musan.collection.preload`, it does one.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, NoReturn

from musan.collection import progress, startup
from musan.collection.journal import Writer

if sys.platform == "linux":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Job:
    """A call to make, in the folder and with the environment of the process that asks for it."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    folder: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Done:
    """What the call returned."""

    result: Any


class Desk:
    """Where a child takes its jobs from and tells what it has done.

    Parameters
    ----------
    jobs, said, journal : int
        File descriptors: a pipe to read, a pipe to write, a journal.
    """

    def __init__(self, jobs: int, said: int, journal: int) -> None:
        self._jobs = Connection(jobs, writable=False)
        self._said = Connection(said, readable=False)
        self._journal = Writer(journal)

    def serve(self, lifeline: signal.Signals, environment: Mapping[str, str] | None = None) -> bool:
        """Do one job.

        Parameters
        ----------
        lifeline : signal.Signals
            What ends the job, and what it has started, when nobody waits for it any more.
        environment : mapping of str to str, optional
            Variables that the job's environment must have, too.

        Returns
        -------
        bool
            Whether there was one.
        """
        try:
            job: Job = self._jobs.recv()
        except EOFError:
            return False
        os.environ.clear()
        os.environ.update({**job.environment, **(environment or {})})
        os.chdir(job.folder)
        with _ended_with(self._jobs.fileno(), lifeline), progress.reporting_to(self._tell):
            done = Done(job.function(*job.arguments))
        self._said.send(done)
        return True

    def _tell(self, what: progress.Report) -> None:
        self._journal(what)
        if isinstance(what, progress.CellBegan | progress.CellEnded):
            self._said.send(what)


@contextmanager
def _ended_with(descriptor: int, by: signal.Signals) -> Iterator[None]:
    """Have the kernel of Linux send a signal to this process group when the other end of a pipe is closed.

    A thread that watches the pipe would stand in the way of forks, and of little use beside C code that
    never returns. Elsewhere than on Linux only new processes are used, which end after their job.
    """
    if sys.platform != "linux":
        yield
        return
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, by)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([descriptor], [], [], 0)[0]:  # it was closed before
        os.killpg(0, by)
    try:
        yield
    finally:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags)


def _leave(*_: object) -> NoReturn:
    """Unwind the stack, so that the kernel is stopped and no half-written file stays."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + signal.SIGTERM)


def main() -> None:
    """Do jobs until there are no more; the arguments are the file descriptors of the :class:`Desk`."""
    startup.lean()
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a kernel that is killed leaves tasks open
    signal.signal(signal.SIGTERM, _leave)
    desk = Desk(*map(int, sys.argv[1:]))
    while desk.serve(signal.SIGTERM):
        pass
