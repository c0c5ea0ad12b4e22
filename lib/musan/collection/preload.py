"""A process that has loaded what notebooks import, and forks a child for each run.

It is started by :mod:`musan.collection.forks`, and says first how many threads it has: with more than one it
may not be forked, because the others would be missing in the child with their locks held. It makes no socket
of ZeroMQ and no event loop; children do.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from musan.collection import startup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Imported by others only where they are installed: polars starts threads, debugpy prints.
BARRED = ("debugpy", "polars")
NUMBER = struct.Struct("q")  # a process id, later its exit code
FORK = b"f"


def threads() -> int:
    """Return how many threads the operating system has given this process."""
    return len(list(Path("/proc/self/task").iterdir()))


def main() -> None:
    """Load modules, then fork on demand until nobody can demand any more.

    The arguments are the file descriptor of a socket, and what to load beside what every run needs.
    """
    descriptor, *modules = sys.argv[1:]
    control = socket.socket(fileno=int(descriptor))
    before = dict(os.environ)
    try:
        _load(modules)
    except Exception as error:  # it can be seen nowhere else
        control.sendall(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode() + b"\n")
        return
    environment = {name: value for name, value in os.environ.items() if before.get(name) != value}
    gc.collect()
    gc.freeze()  # a child's collector then leaves these objects, and the pages they are on, alone
    control.sendall(json.dumps({"threads": threads()}).encode() + b"\n")
    Server(control, environment).serve()


def _load(modules: Sequence[str]) -> None:
    """Make the shell, and import in it what notebooks import."""
    startup.lean()
    with startup.without(*BARRED):
        import nbformat

        from musan.collection import shell, single

        del single  # what a child calls
        nbformat.validate(nbformat.v4.new_notebook())  # the first of a process builds the validator
        with shell.the_shell().as_in_a_cell():
            for module in modules:
                with suppress(Exception):  # the cell that imports it will say so
                    importlib.import_module(module)
            with suppress(Exception):  # so will the cell that needs the table
                _read_ahead()


def _read_ahead() -> None:
    """Read the tables and the ledger of claims, which nearly all notebooks read, if they import what reads them."""
    if evidence := sys.modules.get("musan.evidence"):
        evidence.read_ahead()
    if claims := sys.modules.get("musan.claims"):
        claims.ledger()


class Server:
    """Forks, and tells each child's process id and exit code over a pipe of its own."""

    def __init__(self, control: socket.socket, environment: Mapping[str, str]) -> None:
        self._control, self._environment = control, environment
        self._pipes: dict[int, int] = {}
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)

    def serve(self) -> None:
        """Fork on demand until the other end of the socket is closed."""
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only with a handler does the signal wake us
        signal.set_wakeup_fd(self._waker.fileno())
        while True:
            ready, _, _ = select.select([self._control, self._woken], [], [])
            if self._woken in ready:
                self._woken.recv(4096)
                self._bury()
            if self._control in ready:
                asked, descriptors, *_ = socket.recv_fds(self._control, len(FORK), 4, socket.MSG_CMSG_CLOEXEC)
                if not asked:
                    return
                self._fork(*descriptors)

    def _fork(self, jobs: int, said: int, journal: int, pipe: int) -> None:
        if threads() != 1:
            raise RuntimeError("a process with several threads cannot be forked safely")
        process = os.fork()
        if process == 0:
            self._become_child(jobs, said, journal, pipe)
        _write(pipe, process)
        self._pipes[process] = pipe
        for descriptor in (jobs, said, journal):
            os.close(descriptor)

    def _become_child(self, jobs: int, said: int, journal: int, pipe: int) -> NoReturn:
        """Run one job in a session of its own, as a kernel has, and leave without a trace of the parent."""
        from musan.collection.child import Desk

        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for mine in (self._control, self._woken, self._waker):
                mine.close()
            for descriptor in (pipe, *self._pipes.values()):
                os.close(descriptor)
            os.setsid()
            if Desk(jobs, said, journal).serve(signal.SIGKILL, self._environment):
                signal.pause()  # until it is ended with all that its cells have started
            code = 0
        finally:
            os._exit(code)

    def _bury(self) -> None:
        """Tell the exit codes of the children that have ended."""
        while self._pipes:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            pipe = self._pipes.pop(process)
            _write(pipe, os.waitstatus_to_exitcode(status))
            os.close(pipe)


def _write(pipe: int, number: int) -> None:
    with suppress(BrokenPipeError):  # who asked has gone
        os.write(pipe, NUMBER.pack(number))
