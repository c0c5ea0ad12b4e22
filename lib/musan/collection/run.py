"""Run notebooks, several at a time, each written whole or not at all.

Which notebook with which parameters is settled, and refused, by :func:`plan` before anything runs;
:func:`run` then works through the plan with processes of our own or any ``concurrent.futures.Executor``.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Literal

from musan.collection import source
from musan.collection.single import Engine, RunOutcome, RunRequest, last_line, run_one, without_notebook
from musan.collection.workers import Workers
from musan.errors import ParameterError, nearest
from musan.parameters import MODELS, without_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Engine", "RunEvent", "RunOutcome", "RunRequest", "engine_for", "plan", "run", "run_one"]


@dataclass(frozen=True)
class RunEvent:
    """A run has started, has done ``cell`` of its ``cells``, or has ended with an outcome.

    ``done`` of ``total`` runs have ended by now, and ``running`` are under way. A run that is unchanged ends without
    having started.
    """

    kind: Literal["started", "cell", "ended"]
    name: str
    done: int
    total: int
    outcome: RunOutcome | None = None
    cell: int = 0
    cells: int = 0
    running: int = 0


def engine_for(asked: Engine) -> tuple[Engine, str]:
    """Return the engine to use on this machine.

    Parameters
    ----------
    asked : {"fork", "papermill"}
        The engine asked for.

    Returns
    -------
    engine : {"fork", "papermill"}
        The same, or papermill where a process can't be forked safely.
    reason : str
        Why it is another one; empty when it is not.
    """
    if asked == "fork" and sys.platform != "linux":
        return "papermill", "only Linux lets a process be forked safely once it has loaded numpy"
    return asked, ""


def plan(
    selection: Sequence[str],
    texts: Mapping[str, str],
    folder: Path,
    output: Path,
    cell_timeout: float | None = None,
    timeout: float | None = None,
    engine: Engine = "papermill",
) -> list[RunRequest]:
    """Return the runs that a reader asks for, or refuse them all.

    Parameters
    ----------
    selection : sequence of str
        Notebook names or unique beginnings of names; empty means all.
    texts : mapping of str to str
        Parameters as texts; each is given to every selected notebook that has one of that name.
    folder : Path
        The folder of source notebooks.
    output : Path
        The output folder.
    cell_timeout : float, optional
        Seconds after which a cell has failed; no limit by default.
    timeout : float, optional
        Seconds after which a run has failed; no limit by default.
    engine : {"papermill", "fork"}
        As :func:`engine_for` gives it.

    Returns
    -------
    list of RunRequest
        One a notebook, in reading order.

    Raises
    ------
    CollectionError
        For an unknown or ambiguous name.
    ParameterError
        For a parameter that no selected notebook has, or a value that one of them refuses.
    """
    names = source.resolve(selection, source.names(folder))
    models = {name: MODELS[name] if name in MODELS else without_parameters(name) for name in names}
    known = {parameter for model in models.values() for parameter in model.model_fields}
    for unknown in sorted(set(texts) - known):
        where = names[0] if len(names) == 1 else "the notebooks to run"
        remedy = nearest(unknown, known) if known else "they have no parameters"
        raise ParameterError(f"no parameter {unknown!r}", where, remedy)
    requests = []
    for name, model in models.items():
        path = folder / f"{name}.ipynb"
        own = source.parameter_values(source.read(path)) if model.model_fields else {}
        given = model.values_of({key: text for key, text in texts.items() if key in model.model_fields})
        requests.append(
            RunRequest(
                name=name,
                source=path,
                parameters=model.checked({**own, **given}).model_dump(),
                target=output / "notebooks" / f"{name}.ipynb",
                failed=output / "failed" / f"{name}.ipynb",
                output=output,
                cell_timeout=cell_timeout,
                timeout=timeout,
                engine=engine,
            )
        )
    return requests


def run(
    requests: Sequence[RunRequest],
    executor: Executor | None = None,
    jobs: int = 2,
    on_event: Callable[[RunEvent], None] | None = None,
    unchanged: Callable[[RunRequest], RunOutcome | None] | None = None,
) -> list[RunOutcome]:
    """Run notebooks; one that fails does not stop the others.

    Parameters
    ----------
    requests : sequence of RunRequest
        As :func:`plan` gives them. Those whose notebook reads the others' findings run last.
    executor : concurrent.futures.Executor, optional
        Where to run them, each in a kernel of its own; ``jobs`` processes on this machine by default.
    jobs : int
        How many at a time.
    on_event : callable, optional
        Told when a run starts, has done a cell, and ends; always in the caller's thread.
    unchanged : callable, optional
        Asked for a request right before its run would start; an outcome that it returns stands for the run.

    Returns
    -------
    list of RunOutcome
        In the order of the requests.
    """
    waves: tuple[list[int], list[int]] = ([], [])
    notebooks = [source.read(request.source) for request in requests]
    # A long run that starts last keeps one process busy while the others idle.
    for position in sorted(range(len(requests)), key=lambda position: not source.is_long(notebooks[position])):
        waves[source.reads_findings(notebooks[position])].append(position)
    jobs = max(1, min(jobs, len(requests)))
    with _submitter(executor, jobs, requests) as submit:
        batch = _Batch(requests, submit, on_event, unchanged)
        for wave in waves:
            batch.run(wave, jobs)
    return [batch.outcomes[position] for position in range(len(requests))]


@dataclass(frozen=True)
class _Ended:
    """A run is no longer under way; the future knows its outcome."""

    position: int
    future: Future[RunOutcome]


@dataclass(frozen=True)
class _At:
    """A run has done ``cell`` of its ``cells``."""

    position: int
    cell: int
    cells: int


_Submit = Callable[[RunRequest, Callable[[int, int], None]], Future[RunOutcome]]


class _Batch:
    """Runs under way and those that have ended. News of them may come from any thread, and queues."""

    def __init__(
        self,
        requests: Sequence[RunRequest],
        submit: _Submit,
        on_event: Callable[[RunEvent], None] | None,
        unchanged: Callable[[RunRequest], RunOutcome | None] | None,
    ) -> None:
        self.outcomes: dict[int, RunOutcome] = {}
        self._requests, self._submit, self._running = requests, submit, 0
        self._on_event, self._unchanged = on_event, unchanged
        self._news: SimpleQueue[_At | _Ended] = SimpleQueue()

    def run(self, positions: Sequence[int], jobs: int) -> None:
        """Run some of the requests, ``jobs`` at a time."""
        waiting = deque(positions)
        while waiting or self._running:
            while waiting and self._running < jobs:
                self._start(waiting.popleft())
            if self._running:
                news = self._news.get()
                if isinstance(news, _At):
                    self._tell("cell", news.position, news.cell, news.cells)
                else:
                    self._running -= 1
                    self._end(news.position, _outcome(news.future, self._requests[news.position]))

    def _start(self, position: int) -> None:
        """Start a run, if it is needed."""
        request = self._requests[position]
        known = self._unchanged(request) if self._unchanged else None
        if known is not None:
            self._end(position, known)
            return
        self._running += 1
        self._tell("started", position)
        try:
            future = self._submit(request, lambda cell, cells: self._news.put(_At(position, cell, cells)))
        except BrokenExecutor as error:  # that is an outcome of this run, too
            future = Future()
            future.set_exception(error)
        future.add_done_callback(lambda future: self._news.put(_Ended(position, future)))

    def _end(self, position: int, outcome: RunOutcome) -> None:
        self.outcomes[position] = outcome
        self._tell("ended", position)

    def _tell(self, kind: Literal["started", "cell", "ended"], position: int, cell: int = 0, cells: int = 0) -> None:
        if self._on_event:
            name, outcome = self._requests[position].name, self.outcomes.get(position)
            done, total = len(self.outcomes), len(self._requests)
            self._on_event(RunEvent(kind, name, done, total, outcome, cell, cells, self._running))


@contextmanager
def _submitter(given: Executor | None, jobs: int, requests: Sequence[RunRequest]) -> Iterator[_Submit]:
    """Yield what starts a run; processes of our own are ended, and runs with them when we are interrupted."""
    if given is not None:
        # Its process is not ours to run cells in, and need not have one thread.
        yield lambda request, _: given.submit(run_one, replace(request, engine="papermill"))
        return
    with Workers(jobs, [request.source for request in requests]) as workers:
        yield workers.submit


def _outcome(future: Future[RunOutcome], request: RunRequest) -> RunOutcome:
    """Return what a run returned; when it could not, its process died or could not be reached."""
    error = CancelledError() if future.cancelled() else future.exception()
    if error is None:
        return future.result()
    reason = "its process died" if isinstance(error, BrokenExecutor) else last_line(error)
    return without_notebook(request, time.time(), reason)
