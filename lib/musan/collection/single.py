"""One run of one notebook: what is asked for, how it ended, and the run itself."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from musan import __version__
from musan.collection import outputs, source
from musan.collection.limits import Limits
from musan.refresh import vintages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbformat import NotebookNode

    from musan.collection.kernel import Failure

Engine = Literal["fork", "papermill"]

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
    timeout : float, optional
        Seconds after which the whole run has failed; no limit by default.
    engine : {"papermill", "fork"}
        A kernel of its own, or a fork of a process that has loaded the library already.
    key : str
        What the run depends on, as a hash; the executed notebook keeps it.
    """

    name: str
    source: Path
    parameters: Mapping[str, object]
    target: Path
    failed: Path
    output: Path
    cell_timeout: float | None = None
    timeout: float | None = None
    engine: Engine = "papermill"
    key: str = ""

    @property
    def limits(self) -> Limits:
        """How long a cell and the run may take."""
        return Limits(self.cell_timeout, self.timeout)


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
    unchanged : bool
        Nothing was run: an earlier run with the same key had done it.
    cells : int
        Code cells that ran, with the one that failed.
    started : float
        When, in seconds of the Unix epoch.
    engine : {"papermill", "fork"}
        What ran it; papermill also when a fork was asked for and was not safe.
    """

    name: str
    ok: bool
    seconds: float
    executed: Path | None = None
    failed_copy: Path | None = None
    cell: int | None = None
    error: str = ""
    unchanged: bool = False
    cells: int = 0
    started: float = 0.0
    engine: Engine = "papermill"


def run_one(request: RunRequest) -> RunOutcome:
    """Run one notebook and write it, whole, where the request says.

    With the engine ``fork`` its cells run in this process, which is of no use for anything else afterwards.

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
    started = time.time()
    try:
        executed = _execute(request)
    except Exception as error:  # whatever it is, the other runs go on
        return without_notebook(request, started, last_line(error))
    return finish(request, started, *executed)


def finish(request: RunRequest, started: float, notebook: NotebookNode, failure: Failure | None) -> RunOutcome:
    """Write a notebook that has run, whole or in part.

    Parameters
    ----------
    request : RunRequest
        What was asked for.
    started : float
        When the run started, in seconds of the Unix epoch.
    notebook : NotebookNode
        The notebook.
    failure : Failure or None
        Where it stopped.

    Returns
    -------
    RunOutcome
        How the run ended.
    """
    note_run(notebook, request.name, request.parameters, request.key)
    goes_to, stale = (request.failed, request.target) if failure else (request.target, request.failed)
    try:
        import nbformat  # a run that is not due has no use for it

        outputs.write_text(goes_to, nbformat.writes(notebook) + "\n")
    except Exception as error:  # a full disk, a folder that is a file
        return without_notebook(request, started, last_line(error))
    _remove(stale)
    outcome = RunOutcome(
        request.name,
        ok=failure is None,
        seconds=time.time() - started,
        cells=sum(map(_has_begun, notebook.cells)),
        started=started,
        engine=request.engine,
    )
    if failure is None:
        return replace(outcome, executed=goes_to)
    return replace(outcome, failed_copy=goes_to, cell=failure.cell, error=_message(request, failure))


def note_run(notebook: NotebookNode, name: str, parameters: Mapping[str, object], key: str) -> None:
    """Let an executed notebook say in its metadata what was run.

    Parameters
    ----------
    notebook : NotebookNode
        It is changed.
    name : str
        The notebook's name.
    parameters : mapping of str to object
        All its parameters.
    key : str
        What the run depends on, as a hash; left out when it is empty.
    """
    about = {"notebook": name, "parameters": dict(parameters), "version": __version__}
    notebook.metadata.setdefault("musan", {})["run"] = about | ({"key": key} if key else {})


def _has_begun(cell: NotebookNode) -> bool:
    in_code = cell.cell_type == "code" and bool(cell.source.strip())
    return in_code and bool(cell.metadata.get("papermill", {}).get("start_time"))


def without_notebook(request: RunRequest, started: float, reason: str) -> RunOutcome:
    """Return the outcome of a run that has left nothing; what an earlier run has left is removed.

    Parameters
    ----------
    request : RunRequest
        What was asked for.
    started : float
        When the run started, in seconds of the Unix epoch.
    reason : str
        Why, in one line.
    """
    _remove(request.target)
    return RunOutcome(
        request.name,
        ok=False,
        seconds=time.time() - started,
        error=f"{request.name}: {reason}",
        started=started,
        engine=request.engine,
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
    environment = {"MUSAN_OUTPUT": str(request.output), **same_vintages()}
    if request.engine == "papermill":
        return kernel.execute(request.source, changed, environment, request.limits)
    from musan.collection import shell

    return kernel.execute(request.source, changed, environment, request.limits, shell.ENGINE)


def same_vintages() -> dict[str, str]:
    """Return what tells a kernel, which works in a folder of its own, where this process finds vintages."""
    return {"MUSAN_VINTAGES": str(vintages.store_folder())}


def last_line(error: BaseException) -> str:
    """Return an error's type and the last line of what it says.

    Parameters
    ----------
    error : BaseException
        Any.
    """
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {_shortened(lines[-1], ERROR_SHOWN)}" if lines else type(error).__name__


def _message(request: RunRequest, failure: Failure) -> str:
    """Say in one line where a notebook failed, why, and where to look."""
    lines = (line.strip() for line in failure.code.splitlines())
    code = next((line for line in lines if line and not line.startswith("#")), "")
    return (
        f"{request.name}: cell {failure.cell} (`{_shortened(code, CODE_SHOWN)}`): "
        f"{_shortened(failure.error, ERROR_SHOWN)}; partial notebook in {_shown(request.failed)}"
    )


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
