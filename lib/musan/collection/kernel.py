"""Execute one notebook in a kernel of its own, by papermill, and keep what it has done when it fails."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KERNEL = "python3"
START_TIMEOUT = 120  # seconds; a kernel on a busy disk has taken 20
# Runs share the cores: with two at a time and BLAS pools of their own, all of them get slower.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
QUIET = ["--IPKernelApp.log_level=40"]  # else each kernel warns that it talks over a local socket
_ENGINE = "musan"


@dataclass(frozen=True)
class Failure:
    """Where and why a notebook stopped; ``cell`` counts the source notebook's cells from 1."""

    cell: int
    code: str
    error: str


@dataclass
class _Session:
    """What papermill's interface to an engine has no place for; the engine puts ``notebook`` in."""

    folder: Path
    environment: Mapping[str, str]
    cell_timeout: float | None
    notebook: NotebookNode = field(default_factory=NotebookNode)


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine, with an environment for the kernel and no loss when the kernel dies."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        session: _Session,
        start_timeout: int,
        **_: object,
    ) -> None:
        session.notebook = nb_man.nb
        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            startup_timeout=start_timeout,
            timeout=session.cell_timeout,
            shutdown_kernel="immediate",
            extra_arguments=list(QUIET),
            log=papermill.log.logger,
        )
        try:
            client.execute(cwd=str(session.folder), env={**os.environ, **ONE_THREAD, **session.environment})
        except (DeadKernelError, CellTimeoutError) as error:
            _mark(nb_man, error, session.cell_timeout)


papermill_engines.register(_ENGINE, _Engine)


def _mark(nb_man: NotebookExecutionManager, error: Exception, cell_timeout: float | None) -> None:
    """Give the cell that was running an error output, so that the run fails there as with any error."""
    started = [n for n, cell in enumerate(nb_man.nb.cells) if cell.metadata.papermill.start_time]
    if not started:
        raise error
    reason = (
        f"the cell did not end within {cell_timeout:g} s"
        if isinstance(error, CellTimeoutError)
        else "the kernel died: killed, out of memory, or left by os._exit"
    )
    cell = nb_man.nb.cells[started[-1]]
    nb_man.cell_exception(cell, cell_index=started[-1])
    name = type(error).__name__
    shown = {"output_type": "error", "ename": name, "evalue": reason, "traceback": [f"{name}: {reason}"]}
    cell.outputs.append(nbformat.from_dict(shown))


def execute(
    source: Path,
    parameters: Mapping[str, object],
    environment: Mapping[str, str],
    cell_timeout: float | None = None,
) -> tuple[NotebookNode, Failure | None]:
    """Execute a notebook and return it, complete or up to the cell that failed.

    Parameters
    ----------
    source : Path
        The source notebook; the kernel works in its folder, as JupyterLab's does.
    parameters : mapping of str to object
        Values that papermill puts into a cell after the one tagged ``parameters``.
    environment : mapping of str to str
        Variables added to the kernel's environment.
    cell_timeout : float, optional
        Seconds after which a cell has failed; no limit by default.

    Returns
    -------
    notebook : NotebookNode
        The executed notebook.
    failure : Failure or None
        None when every cell ran.
    """
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # the outcome says it, once
    session = _Session(source.parent, environment, cell_timeout)
    try:
        papermill.execute_notebook(
            str(source),
            None,
            parameters=dict(parameters),
            engine_name=_ENGINE,
            kernel_name=KERNEL,
            language="python",
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            start_timeout=START_TIMEOUT,
            session=session,
        )
    except PapermillExecutionError as error:
        failure = _failure(session.notebook, error.cell_index, error.source, error.ename, error.evalue)
        return session.notebook, failure
    return session.notebook, _stopped_early(session.notebook)


def _stopped_early(notebook: NotebookNode) -> Failure | None:
    """Return the cell that ended the run by ``sys.exit(0)``, which papermill takes for success."""
    for position, cell in enumerate(notebook.cells):
        if cell.metadata.papermill.exception:
            reason = "the cell stopped the notebook before its end"
            return _failure(notebook, position, cell.source, "SystemExit", reason)
    return None


def _failure(notebook: NotebookNode, position: int, code: str, name: str, message: str) -> Failure:
    """Return a failure in terms of the source notebook, which lacks the cell that papermill injected."""
    injected = [n for n, cell in enumerate(notebook.cells) if "injected-parameters" in cell.metadata.get("tags", [])]
    last_line = next((line for line in reversed(message.strip().splitlines()) if line.strip()), "")
    return Failure(
        cell=position + 1 - sum(n < position for n in injected),
        code=code,
        error=f"{name}: {last_line.strip()}" if last_line else name,
    )
