"""Processes on this machine that do one run at a time, and can be lost or stopped one by one."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from queue import SimpleQueue
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar

from musan.collection import startup

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

GRACE = 10  # seconds that a process told to stop has for stopping its kernel


class Workers(Executor):
    """An executor in which a process that dies takes only its own run with it.

    A ``ProcessPoolExecutor`` that loses a process fails every run that it was given, so each process
    here is a pool of one, replaced when it breaks.

    Parameters
    ----------
    jobs : int
        How many processes.
    """

    def __init__(self, jobs: int) -> None:
        self._others = set(multiprocessing.active_children())
        self._free: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        self._pools = [_pool() for _ in range(jobs)]
        for pool in self._pools:
            self._free.put(pool)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Hand a call to a free process; wait for one when all are busy."""
        pool = self._free.get()

        def give_back(future: Future[T]) -> None:
            broken = not future.cancelled() and isinstance(future.exception(), BrokenProcessPool)
            self._free.put(self._replace(pool) if broken else pool)

        future = pool.submit(fn, *args, **kwargs)
        future.add_done_callback(give_back)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes once they have done what they were given."""
        for pool in self._pools:
            pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def terminate(self) -> None:
        """End the processes and the kernels they have started, now."""
        self.shutdown(wait=False, cancel_futures=True)
        processes = set(multiprocessing.active_children()) - self._others
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(GRACE)
            process.kill()

    def _replace(self, broken: ProcessPoolExecutor) -> ProcessPoolExecutor:
        fresh = _pool()
        self._pools[self._pools.index(broken)] = fresh
        return fresh


def _pool() -> ProcessPoolExecutor:
    # Spawned, not forked: a fork copies locks that another thread of the caller may hold.
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare)


def _prepare() -> None:
    """Leave an interrupt from the keyboard to the parent, which then ends its processes by SIGTERM."""
    startup.lean()
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a kernel that is killed leaves tasks open
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, _leave)


def _leave(*_: object) -> NoReturn:
    """Unwind the stack, so that the kernel is stopped and no half-written file stays."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + signal.SIGTERM)
