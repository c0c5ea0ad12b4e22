"""Processes that run notebooks, seen from the process that waits for them: forked or started anew."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any

from musan.collection import child, preload, startup
from musan.collection.child import Done, Job
from musan.collection.journal import Journal
from musan.collection.preload import FORK, NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from musan.collection.progress import Report

GRACE = 10.0  # seconds that a process told to stop has for stopping its kernel
# A pool of threads for BLAS, or one that gives memory back, would stand in the way of forks.
_ONE_THREAD_IN_ALL = {**startup.ONE_THREAD, "JE_ARROW_MALLOC_CONF": "background_thread:false"}
# A thread that encodes a picture shares the heap: glibc would keep 30 MB for it alone.
_ONE_HEAP = {"MALLOC_ARENA_MAX": "1"}


class Child:
    """A process that does jobs, with a journal that outlives it; the two kinds say how it starts and ends.

    Attributes
    ----------
    idle : bool
        Whether it has done its job, and could do another.
    grace : float
        Seconds that it may take beyond a limit, because it heeds that itself.
    """

    grace = 0.0

    def __init__(self) -> None:
        self.journal = Journal()
        self.idle = True

    @contextmanager
    def _pipes(self) -> Iterator[tuple[int, int, int]]:
        """Make the pipes, and yield the descriptors for the child; they are closed here afterwards."""
        jobs, self._jobs = Pipe(duplex=False)
        self._said, said = Pipe(duplex=False)
        try:
            yield jobs.fileno(), said.fileno(), self.journal.fileno()
        finally:
            jobs.close()
            said.close()

    def give(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Give it a job.

        Parameters
        ----------
        function : callable
            It must have a name in a module.
        arguments
            Anything that can be pickled.
        """
        self.journal.clear()
        self.idle = False
        with suppress(BrokenPipeError):  # it has died, which is seen when its answer is read
            self._jobs.send(Job(function, arguments, os.getcwd(), dict(os.environ)))  # noqa: PTH109  # a str

    def hear(self, seconds: float | None) -> Report | Done | None:
        """Return what it says next, or None when it says nothing for so long.

        Parameters
        ----------
        seconds : float or None
            How long to wait; None for any time.

        Raises
        ------
        EOFError
            It says nothing more, because it has died.
        """
        if not self._said.poll(seconds):
            return None
        try:
            said: Report | Done = self._said.recv()
        except OSError as error:
            raise EOFError from error
        self.idle = isinstance(said, Done)
        return said

    def stop(self) -> None:
        """Ask it to end."""
        raise NotImplementedError

    def end(self) -> int:
        """End it with all that it has started, and return its exit code."""
        raise NotImplementedError

    def close(self) -> None:
        """Give everything back."""
        for each in (self._jobs, self._said, self.journal):
            each.close()


class Spawned(Child):
    """A process started anew, which starts kernels."""

    grace = GRACE  # papermill's client measures a kernel's time, unless it has died or hangs itself

    def __init__(self) -> None:
        super().__init__()
        with self._pipes() as descriptors:
            self._process = subprocess.Popen(
                _python(child.main, *map(str, descriptors)),
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # a kernel repeats there what C code prints
                start_new_session=True,  # Ctrl-C is for the process that waits, which then stops this one
            )

    def stop(self) -> None:
        """Ask it to stop its kernel and end."""
        self._process.terminate()

    def end(self) -> int:
        """Ask it to end, and end it when it does not; return its exit code."""
        self._jobs.close()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(GRACE)
        self._process.kill()
        return self._process.wait()


class Forked(Child):
    """A fork of a process that has loaded the library; it runs cells itself.

    Parameters
    ----------
    control : socket
        Connected to :mod:`musan.collection.preload`.
    """

    def __init__(self, control: socket.socket) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._code: int | None = None
        self._status, status = os.pipe()
        with self._pipes() as descriptors:
            try:
                socket.send_fds(control, [FORK], [*descriptors, status])
            finally:
                os.close(status)
        try:
            self._process = self._number()
        except EOFError:
            self.close()
            raise

    def _number(self) -> int:
        number = os.read(self._status, NUMBER.size)
        if not number:
            raise EOFError("the process that forks has died")
        return int(NUMBER.unpack(number)[0])

    def stop(self) -> None:
        """End it: nothing but its cells would hear that it is asked to."""
        with self._lock:
            if self._code is None:
                for kill in (os.kill, os.killpg):  # it may not have its own group yet
                    with suppress(ProcessLookupError):
                        kill(self._process, signal.SIGKILL)

    def end(self) -> int:
        """End it with all that its cells have started, and return its exit code."""
        self.stop()
        with self._lock:
            if self._code is None:
                try:
                    self._code = self._number()
                except EOFError:  # the process that forks has died, and nobody else knows
                    self._code = -signal.SIGKILL
        return self._code

    def close(self) -> None:
        """Give everything back."""
        super().close()
        os.close(self._status)


class ForkServer:
    """The process that forks; it starts to load modules at once.

    Parameters
    ----------
    modules : sequence of str
        What to load.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                _python(preload.main, str(theirs.fileno()), *modules),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD_IN_ALL, **_ONE_HEAP},
                start_new_session=True,
            )
        self._lock = threading.Lock()
        self._reason: str | None = None

    def why_not(self) -> str:
        """Say why it can't be forked, once it has loaded; empty when it can."""
        with self._lock:
            if self._reason is None:
                self._reason = self._hello()
            return self._reason

    def has_died(self) -> bool:
        """Return whether it can fork no more, though it could."""
        return self._reason == "" and self._process.poll() is not None

    def _hello(self) -> str:
        with self._control.makefile() as said:
            line = said.readline()
        if not line:
            return "the process that loads the library ended before it had"
        hello = json.loads(line)
        if "error" in hello:
            return f"the library could not be loaded beforehand ({hello['error']})"
        return "" if hello["threads"] == 1 else f"what notebooks import has started {hello['threads'] - 1} threads"

    def fork(self) -> Forked:
        """Return a new child."""
        with self._lock:
            return Forked(self._control)

    def close(self) -> None:
        """End it; its children go on."""
        self._process.kill()
        self._process.wait()
        self._control.close()


def _python(function: Callable[[], None], *arguments: str) -> list[str]:
    """Return the command that calls a function of ours in a new interpreter."""
    code = f"from {function.__module__} import {function.__name__} as call; call()"
    return [sys.executable, "-c", code, *arguments]


def fate(code: int) -> str:
    """Say how a process has ended.

    Parameters
    ----------
    code : int
        Its exit code, negative when a signal ended it.
    """
    if code >= 0:
        return f"left with exit code {code}, as by os._exit({code})"
    name = signal.Signals(-code).name
    return f"killed by {name}, as when memory runs out" if name == "SIGKILL" else f"killed by {name}"
