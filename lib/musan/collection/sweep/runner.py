"""Processes for the runs of a sweep, on the machine that this is called on."""

from __future__ import annotations

import logging
import os
import platform
import socket
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from musan.collection.child import Done
from musan.collection.forks import Child, ForkServer
from musan.collection.progress import CellBegan
from musan.collection.run import engine_for
from musan.collection.sweep import base
from musan.collection.sweep.case import Case, Result, hold, result, resume, whole
from musan.collection.watch import Lost, salvaged, watch
from musan.collection.workers import Workers
from musan.locations import notebooks_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

_MOST_HELD = 2  # notebooks whose first cells are held in memory at a time


class Runner(Workers):
    """Does the runs of a sweep: like :class:`Workers`, and cells that no swept parameter reaches run once.

    Parameters
    ----------
    jobs : int
        How many runs at a time.
    notebooks : sequence of Path
        Source notebooks; what they import is loaded before the first fork.
    """

    def __init__(self, jobs: int, notebooks: Sequence[Path]) -> None:
        super().__init__(jobs, notebooks)
        self._places: dict[object, _Place] = {}

    def start(self, case: Case) -> Future[Result]:
        """Start a run as soon as there is a thread to wait for it.

        Parameters
        ----------
        case : Case
            The run.

        Returns
        -------
        Future of Result
            It fails only when :meth:`terminate` has ended the run; other failures are results.
        """
        return self._threads.submit(self.do, case)

    def do(self, case: Case) -> Result:
        """Do a run.

        Parameters
        ----------
        case : Case
            The run.

        Returns
        -------
        Result
            A failure is a result, not an exception.
        """
        try:
            server = self._fork_server() if case.settings.engine == "fork" else None
            if server is None:
                case = replace(case, settings=replace(case.settings, engine="papermill"))
            if server is None or not case.first.code:
                return self._whole(server, case)
            with self._held(server, case) as held:
                if isinstance(held.instead, Result):
                    return held.instead
                if held.instead:
                    return self._whole(server, case)
                with self._at_work(held) as child:
                    child.give(resume, case)
                    return _answer(child, case)
        except (OSError, EOFError) as error:
            return Result(failure=f"its process could not be started ({error})")

    def shutdown(self) -> None:
        """End once all is done."""
        self._threads.shutdown()
        for place in self._places.values():
            self._let_go(place.give_up())
        super().shutdown()

    def _whole(self, server: ForkServer | None, case: Case) -> Result:
        with self._at_work(server) as child:
            child.give(whole, case)
            return _answer(child, case)

    @contextmanager
    def _at_work(self, server: ForkServer | None) -> Iterator[Child]:
        child = self._child(server)
        try:
            yield child
        finally:
            self._release(child)

    @contextmanager
    def _held(self, server: ForkServer, case: Case) -> Iterator[_Held]:
        """Yield what holds the first cells of the case's notebook; it runs them for the first who asks."""
        fixed = tuple((name, value) for name, value in case.parameters.items() if name not in case.swept)
        with self._lock:
            place = self._places.setdefault((case.name, case.base, case.swept, fixed, case.settings), _Place())
            place.users += 1
            idle = [each for each in self._places.values() if each.held and not each.users]
            too_many = [each.give_up() for each in idle[: max(len(idle) + 1 - _MOST_HELD, 0)]]
        try:
            for each in too_many:
                self._let_go(each)
            with place.lock:
                if place.held is None or place.held.has_died():
                    self._let_go(place.give_up())
                    place.held = _Held(self._child(server))
                    place.held.fill(case)
                held = place.held
            yield held
        finally:
            with self._lock:
                place.users -= 1

    def _let_go(self, held: _Held | None) -> None:
        if held:
            held.close()
            self._release(held.child)


class _Held(ForkServer):
    """A fork of the process that has loaded the library, which runs the first cells and then forks in its turn.

    Attributes
    ----------
    child : Child
        The process.
    instead : Result or str
        Why it can't be forked: what a run comes to whose first cells fail, or a reason; empty when it can.
    """

    def __init__(self, child: Child) -> None:
        self.child = child
        self.instead: Result | str = ""
        self._lock = threading.Lock()
        self._control = socket.socket(socket.AF_UNIX)

    def fill(self, case: Case) -> None:
        """Let it run the first cells, no longer than a run and its cells may take.

        Parameters
        ----------
        case : Case
            One of the runs.
        """
        with tempfile.TemporaryDirectory(prefix="musan-") as folder, socket.socket(socket.AF_UNIX) as listener:
            address = f"{folder}/control"
            listener.bind(address)
            listener.listen(1)
            cells = case.first.cells + 1  # with the injected one
            self.child.give(hold, case, cells, address)
            answer = _wait(self.child, case, until=cells)
            if answer is None:
                self._control, _ = listener.accept()
                return
        self.instead = answer
        if isinstance(answer, str):
            logging.getLogger("musan").warning("%s: all cells run in every run: %s", case.name, answer)

    def has_died(self) -> bool:
        """Return whether it can fork no more, though it could."""
        try:
            return not self.instead and self._control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Let it end; its forks go on."""
        self._control.close()


@dataclass
class _Place:
    """Where the first cells of a notebook are held, once somebody has asked for them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    held: _Held | None = None
    users: int = 0

    def give_up(self) -> _Held | None:
        """Return what was held here, to be ended."""
        held, self.held = self.held, None
        return held


def _answer(child: Child, case: Case) -> Result:
    answer = _wait(child, case)
    assert isinstance(answer, Result)
    return answer


def _wait(child: Child, case: Case, until: int | None = None) -> Result | str | None:
    """Wait for what a child answers, no longer than it may take; None when it is about to run the cell ``until``."""
    for said in watch(child, case.settings.limits):
        if isinstance(said, CellBegan) and said.position == until:
            return None
    if isinstance(said, Lost):
        found = salvaged(child, said)
        return result(case, *found) if found else Result(failure=said.reason)
    assert isinstance(said, Done), "nothing else comes last"
    answer: Result | str = said.result
    return answer


def do_elsewhere(case: Case) -> Result:
    """Do a run in a process that an executor has chosen, with the notebooks and tables that are there.

    Parameters
    ----------
    case : Case
        The run.

    Returns
    -------
    Result
        A failure when what is there is not what the run was planned with.
    """
    folder = notebooks_folder()
    path = folder / f"{case.name}.ipynb"
    if not path.is_file() or _base_here(path, tuple(base.stamp(path))) != case.base:
        where = f"process {os.getpid()} of {platform.node()}"
        return Result(failure=f"{where} holds another version of the notebook, the tables, the library or a package")
    engine, _ = engine_for(case.settings.engine)
    settings = replace(case.settings, engine=engine, folder=folder, output=None)
    return _here().do(replace(case, settings=settings))


@lru_cache(maxsize=64)
def _base_here(path: Path, stamp: tuple[tuple[int, ...], ...]) -> str:
    del stamp  # part of the cache key only
    return base.of_notebook(path, base.held())


@cache
def _here() -> Runner:
    """Return the runner of this process, which as many threads use as there are."""
    return Runner(1, sorted(notebooks_folder().glob("*.ipynb")))
