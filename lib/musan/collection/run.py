"""Run notebooks, several at a time, each written whole or not at all.

Which notebook with which parameters is settled, and refused, by :func:`plan` before any kernel starts;
:func:`run` then works through the plan with any ``concurrent.futures.Executor``.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import nbformat

from musan import __version__
from musan.collection import outputs, source
from musan.collection.workers import Workers
from musan.errors import ParameterError, nearest
from musan.parameters import MODELS, without_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nbformat import NotebookNode

    from musan.collection.kernel import Failure

CODE_SHOWN = 60  # characters of a failed cell's first line of code in its message
ERROR_SHOWN = 300  # characters of the error's last line


@dataclass(frozen=True)
class RunRequest:
    """One notebook with one set of parameters.

    Parameters
    ----------
    name : str
        The notebook's name.
    source : Path
        The source notebook.
    parameters : mapping of str to object
        All its parameters, checked.
    target : Path
        Where the executed notebook goes.
    failed : Path
        Where the partial notebook goes when a cell fails.
    output : Path
        The output folder, told to the kernel as ``MUSAN_OUTPUT``.
    cell_timeout : float, optional
        Seconds after which a cell has failed; no limit by default.
    """

    name: str
    source: Path
    parameters: Mapping[str, object]
    target: Path
    failed: Path
    output: Path
    cell_timeout: float | None = None


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Parameters
    ----------
    name : str
        The notebook's name.
    ok : bool
        Whether every cell ran.
    seconds : float
        Wall time.
    executed : Path or None
        The executed notebook.
    failed_copy : Path or None
        The partial notebook of a failed run.
    cell : int or None
        The cell that failed, counted from 1 in the source notebook.
    error : str
        What happened, in one line; empty when all went well.
    """

    name: str
    ok: bool
    seconds: float
    executed: Path | None = None
    failed_copy: Path | None = None
    cell: int | None = None
    error: str = ""


@dataclass(frozen=True)
class RunEvent:
    """A run has started, or has ended with an outcome; ``done`` of ``total`` have ended by now."""

    kind: Literal["started", "ended"]
    name: str
    done: int
    total: int
    outcome: RunOutcome | None = None


def plan(
    selection: Sequence[str],
    texts: Mapping[str, str],
    folder: Path,
    output: Path,
    cell_timeout: float | None = None,
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
            )
        )
    return requests


def run(
    requests: Sequence[RunRequest],
    executor: Executor | None = None,
    jobs: int = 2,
    on_event: Callable[[RunEvent], None] | None = None,
) -> list[RunOutcome]:
    """Run notebooks; one that fails does not stop the others.

    Parameters
    ----------
    requests : sequence of RunRequest
        As :func:`plan` gives them. Those whose notebook reads the others' findings run last.
    executor : concurrent.futures.Executor, optional
        Where to run them; ``jobs`` processes on this machine by default.
    jobs : int
        How many at a time.
    on_event : callable, optional
        Told when a run starts and ends.

    Returns
    -------
    list of RunOutcome
        In the order of the requests.
    """
    waves: tuple[list[int], list[int]] = ([], [])
    for position, request in enumerate(requests):
        waves[source.reads_findings(source.read(request.source))].append(position)
    outcomes: dict[int, RunOutcome] = {}
    jobs = max(1, min(jobs, len(requests)))

    def tell(kind: Literal["started", "ended"], position: int) -> None:
        if on_event:
            name, outcome = requests[position].name, outcomes.get(position)
            on_event(RunEvent(kind, name, len(outcomes), len(requests), outcome))

    with _executor(executor, jobs) as workers:
        for wave in waves:
            waiting, running = deque(wave), dict[Future[RunOutcome], int]()
            while waiting or running:
                while waiting and len(running) < jobs:
                    position = waiting.popleft()
                    tell("started", position)
                    running[_submit(workers, requests[position])] = position
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    position = running.pop(future)
                    outcomes[position] = _outcome(future, requests[position])
                    tell("ended", position)
    return [outcomes[position] for position in range(len(requests))]


@contextmanager
def _executor(given: Executor | None, jobs: int) -> Iterator[Executor]:
    """Yield the executor to use; our own is ended, and its runs with it when we are interrupted."""
    if given is not None:
        yield given
        return
    workers = Workers(jobs)
    try:
        yield workers
    except BaseException:
        workers.terminate()
        raise
    workers.shutdown()


def _submit(workers: Executor, request: RunRequest) -> Future[RunOutcome]:
    """Hand over a run; that the executor has broken is an outcome of this run, too."""
    try:
        return workers.submit(run_one, request)
    except BrokenExecutor as error:
        future: Future[RunOutcome] = Future()
        future.set_exception(error)
        return future


def _outcome(future: Future[RunOutcome], request: RunRequest) -> RunOutcome:
    """Return what a run returned; when it could not, its process died or could not be reached."""
    error = CancelledError() if future.cancelled() else future.exception()
    if error is None:
        return future.result()
    _remove(request.target)
    reason = "its process died" if isinstance(error, BrokenExecutor) else _last_line(error)
    return RunOutcome(request.name, ok=False, seconds=0.0, error=f"{request.name}: {reason}")


def run_one(request: RunRequest) -> RunOutcome:
    """Run one notebook and write it, whole, where the request says.

    Parameters
    ----------
    request : RunRequest
        The notebook, its parameters and where the result goes.

    Returns
    -------
    RunOutcome
        A failure is an outcome, not an exception. The executed notebook of an earlier run is removed
        by a run that fails, and an earlier partial notebook by a run that succeeds.
    """
    started = time.monotonic()
    try:
        notebook, failure = _execute(request)
        goes_to, stale = (request.failed, request.target) if failure else (request.target, request.failed)
        outputs.write_text(goes_to, nbformat.writes(notebook) + "\n")
        _remove(stale)
    except Exception as error:  # whatever it is, the other runs go on
        _remove(request.target)
        message = f"{request.name}: {_last_line(error)}"
        return RunOutcome(request.name, ok=False, seconds=time.monotonic() - started, error=message)
    seconds = time.monotonic() - started
    if failure is None:
        return RunOutcome(request.name, ok=True, seconds=seconds, executed=goes_to)
    return RunOutcome(
        request.name,
        ok=False,
        seconds=seconds,
        failed_copy=goes_to,
        cell=failure.cell,
        error=_message(request, failure),
    )


def _remove(stale: Path) -> None:
    with suppress(OSError):  # it is not there, or the folder cannot be written, which the outcome says
        stale.unlink()


def _execute(request: RunRequest) -> tuple[NotebookNode, Failure | None]:
    from musan.collection import kernel  # papermill takes a second to import, and only workers need it

    in_cell = source.parameter_values(source.read(request.source))
    changed = {
        name: value for name, value in request.parameters.items() if name not in in_cell or in_cell[name] != value
    }
    environment = {"MUSAN_OUTPUT": str(request.output)}
    notebook, failure = kernel.execute(request.source, changed, environment, request.cell_timeout)
    notebook.metadata.setdefault("musan", {})["run"] = {
        "notebook": request.name,
        "parameters": dict(request.parameters),
        "version": __version__,
    }
    return notebook, failure


def _message(request: RunRequest, failure: Failure) -> str:
    """Say in one line where a notebook failed, why, and where to look."""
    lines = (line.strip() for line in failure.code.splitlines())
    code = next((line for line in lines if line and not line.startswith("#")), "")
    return (
        f"{request.name}: cell {failure.cell} (`{_shortened(code, CODE_SHOWN)}`): "
        f"{_shortened(failure.error, ERROR_SHOWN)}; partial notebook in {_shown(request.failed)}"
    )


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {_shortened(lines[-1], ERROR_SHOWN)}" if lines else type(error).__name__


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
