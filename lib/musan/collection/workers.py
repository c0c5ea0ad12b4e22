"""Processes on this machine that do one run at a time, and can be lost or stopped one by one."""

from __future__ import annotations

import ast
import logging
import threading
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from musan.collection import source
from musan.collection.child import Done
from musan.collection.forks import Child, ForkServer, Spawned
from musan.collection.progress import CellEnded
from musan.collection.single import RunOutcome, RunRequest, finish, run_one, without_notebook
from musan.collection.watch import Lost, salvaged, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

# What to load before forking, as far as notebooks import it: known to print nothing and to start no thread.
PACKAGES = {"matplotlib", "musan", "numpy", "pandas", "scipy", "seaborn", "statsmodels"}


class Workers:
    """Runs notebooks in processes, each waited for by a thread; one that dies takes only its own run with it.

    Parameters
    ----------
    jobs : int
        How many at a time.
    notebooks : sequence of Path
        Source notebooks that may have to be run; what they import is loaded before the first fork.
    """

    def __init__(self, jobs: int, notebooks: Sequence[Path]) -> None:
        self._notebooks = notebooks
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="musan-run")
        self._lock = threading.Lock()
        self._busy: set[Child] = set()
        self._spare: list[Spawned] = []
        self._server: ForkServer | None = None
        self._warned = self._ended = False

    def submit(self, request: RunRequest, on_cell: Callable[[int, int], None]) -> Future[RunOutcome]:
        """Start a run as soon as there is a thread to wait for it.

        Parameters
        ----------
        request : RunRequest
            What to run.
        on_cell : callable
            Told, in any thread, how many of the notebook's code cells have run, and how many it has.

        Returns
        -------
        Future of RunOutcome
            It fails only when :meth:`terminate` has ended the run.
        """
        return self._threads.submit(self._run, request, on_cell)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End once all is done; after an exception, such as an interrupt, at once."""
        if kind:
            self.terminate()
        else:
            self.shutdown()

    def shutdown(self) -> None:
        """End once all is done."""
        self._threads.shutdown()
        for child in self._spare:
            child.end()
            child.close()
        if self._server:
            self._server.close()

    def terminate(self) -> None:
        """End all runs, and the kernels and processes they have started, now."""
        with self._lock:
            self._ended = True
            busy = list(self._busy)
            if self._server:
                self._server.close()
        for child in busy:
            child.stop()  # all of them, before waiting for each
        for child in busy:
            child.end()
        self._threads.shutdown(cancel_futures=True)
        self.shutdown()

    def _run(self, request: RunRequest, on_cell: Callable[[int, int], None]) -> RunOutcome:
        started = time.time()
        try:
            server = self._fork_server() if request.engine == "fork" else None
            if not server:
                request = replace(request, engine="papermill")
            child = self._child(server)
        except (OSError, EOFError) as error:
            return without_notebook(request, started, f"its process could not be started ({error})")
        try:
            child.give(run_one, request)
            for said in watch(child, request.limits):
                if isinstance(said, CellEnded):
                    on_cell(said.done, said.cells)
            if self._ended:
                raise CancelledError  # what an earlier run has left stays as it is
            if isinstance(said, Lost):
                return _salvaged(child, request, started, said)
            assert isinstance(said, Done), "nothing else comes last"
            outcome: RunOutcome = said.result
            return outcome
        finally:
            self._release(child)

    def _fork_server(self) -> ForkServer | None:
        """Return what forks, once it can; None when it may not."""
        with self._lock:
            if self._ended:
                raise CancelledError
            if not self._server or self._server.has_died():
                self._server = ForkServer(imports(self._notebooks))
            server = self._server
        reason = server.why_not()
        with self._lock:
            if self._ended:
                raise CancelledError
            if reason and not self._warned:
                logging.getLogger("musan").warning("runs take longer, each in a kernel of its own: %s", reason)
            self._warned |= bool(reason)
        return None if reason else server

    def _child(self, server: ForkServer | None) -> Child:
        with self._lock:
            child = server.fork() if server else self._spare.pop() if self._spare else Spawned()
            self._busy.add(child)
            if self._ended:
                child.stop()
        return child

    def _release(self, child: Child) -> None:
        """Keep a process for the next run if it can do another, else end it."""
        with self._lock:
            self._busy.discard(child)
            if isinstance(child, Spawned) and child.idle and not self._ended:
                self._spare.append(child)
                return
        child.end()
        child.close()


def imports(notebooks: Iterable[Path]) -> list[str]:
    """Return the modules that notebooks import and that may be loaded for them.

    Parameters
    ----------
    notebooks : iterable of Path
        Source notebooks.

    Returns
    -------
    list of str
        Names, those of whole packages first.
    """
    found: set[str] = set()
    for notebook in notebooks:
        for cell in source.read(notebook)["cells"]:
            if cell.get("cell_type") == "code":
                found |= _imports("".join(cell["source"]))
    return sorted(name for name in found if name.partition(".")[0] in PACKAGES)


def _imports(code: str) -> set[str]:
    try:
        tree = ast.parse(code)
    except SyntaxError:  # a magic command, or an error that the run will show
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # What is imported from a package may be a module of it or not; if not, that import just fails.
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _salvaged(child: Child, request: RunRequest, started: float, lost: Lost) -> RunOutcome:
    """Return the outcome of a run whose process is lost, with the notebook as far as it had come."""
    found = salvaged(child, lost)
    return finish(request, started, *found) if found else without_notebook(request, started, lost.reason)
