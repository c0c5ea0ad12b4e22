"""Execute one notebook by papermill, in a kernel or in this process, and keep what it has done when it fails."""

from __future__ import annotations

import logging
import math
import os
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import nbformat
import papermill
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import raise_for_execution_errors

from musan.collection import progress, startup
from musan.collection.limits import UNLIMITED, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KERNEL = "python3"
START_TIMEOUT = 120  # seconds; a kernel on a busy disk has taken 20
QUIET = ["--IPKernelApp.log_level=40"]  # else each kernel warns that it talks over a local socket
MOST_TEXT = 4_000_000  # characters that one cell may print; the rest is left out
_ENGINE = "musan-kernel"


@dataclass(frozen=True)
class Failure:
    """Where and why a notebook stopped; ``cell`` counts the source notebook's cells from 1."""

    cell: int
    code: str
    error: str


@dataclass
class Session:
    """What papermill's interface to an engine has no place for; the engine puts ``notebook`` in."""

    folder: Path
    environment: Mapping[str, str]
    limits: Limits
    notebook: NotebookNode = field(default_factory=NotebookNode)


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, which also reports what happens and bounds what a cell may print."""

    def __init__(self, nb_man: NotebookExecutionManager, **options: Any) -> None:
        super().__init__(nb_man, log=papermill.log.logger, on_cell_executed=self.check_reply, **options)
        self.clear_before_next_output = False
        runs = [cell.cell_type == "code" and bool(cell.source.strip()) for cell in self.nb.cells]
        self._done = [sum(runs[:n]) for n in range(len(runs) + 1)]  # before each cell, and at the end
        self._room = MOST_TEXT

    def papermill_execute_cells(self) -> None:
        """Run all cells, up to one that fails."""
        progress.report(progress.Prepared(self.nb))
        self.execute_cells(0, len(self.nb.cells))

    def execute_cells(self, first: int, end: int) -> bool:
        """Run the cells from ``first`` to the one before ``end``.

        Parameters
        ----------
        first, end : int
            Positions in the notebook, from 0.

        Returns
        -------
        bool
            Whether all of them ran; after one that failed none does.
        """
        for position, cell in enumerate(self.nb.cells[first:end], start=first):
            self._room = MOST_TEXT
            try:
                self.nb_man.cell_start(cell, position)
                self._report(progress.CellBegan, position, self._done[position])
                self.execute_cell(cell, position)
            except CellExecutionError as error:
                self.nb_man.cell_exception(cell, cell_index=position, exception=error)
                return False
            finally:
                self.nb_man.cell_complete(cell, cell_index=position)
                self._report(progress.CellEnded, position, self._done[position + 1])
        return True

    def _report(self, kind: type[progress.CellBegan | progress.CellEnded], position: int, done: int) -> None:
        progress.report(kind(position, dict(self.nb.cells[position].metadata), done, self._done[-1]))

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Add what a message says to the cell.

        Parameters
        ----------
        msg : dict
            A message of the Jupyter protocol.
        cell : NotebookNode
            The cell that it comes from.
        cell_index : int
            The cell's position.

        Returns
        -------
        NotebookNode or None
            The output it has become, if it has become one.
        """
        if msg["msg_type"] == "stream":
            msg = self._bounded(msg)
            if not msg["content"]["text"]:
                return None
        if msg["msg_type"] != "status":
            progress.report(progress.Shown(msg))
        output: NotebookNode | None = super().process_message(msg, cell, cell_index)
        return output

    def check_reply(self, cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
        """Let a cell fail that has asked the kernel to end, by ``quit()``.

        Parameters
        ----------
        cell : NotebookNode
            The cell.
        cell_index : int
            Its position.
        execute_reply : dict
            The kernel's reply.

        Raises
        ------
        CellExecutionError
            It has asked for that.
        """
        del cell_index
        if any(payload.get("source") == "ask_exit" for payload in execute_reply["content"].get("payload", [])):
            cell.outputs.append(_error("SystemExit", "0"))
            raise CellExecutionError("", "SystemExit", "0")

    def _bounded(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return a stream's message with as much of its text as there is room for in the cell."""
        text = message["content"]["text"]
        room, self._room = self._room, self._room - len(text)
        if len(text) <= room:
            return message
        said = f"\n[musan: the cell printed more than {MOST_TEXT:,} characters; the rest is left out]\n"
        return {**message, "content": {**message["content"], "text": text[:room] + said if room >= 0 else ""}}


class _KernelClient(Client):
    """A client of a kernel of its own."""

    def __init__(self, nb_man: NotebookExecutionManager, session: Session, **options: Any) -> None:
        super().__init__(nb_man, timeout_func=self._seconds_for, **options)
        self._limits = session.limits
        self._run_ends = time.monotonic() + (math.inf if session.limits.run is None else session.limits.run)

    def _seconds_for(self, _: NotebookNode) -> float | None:
        """Return how long the next cell may take; nbclient takes nothing below 1 ms for a limit."""
        left = min(self._limits.cell or math.inf, max(self._run_ends - time.monotonic(), 0.001))
        return None if left == math.inf else left

    def over(self) -> str:
        """Say which limit has ended the cell."""
        return self._limits.over(run=time.monotonic() >= self._run_ends)


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine, with an environment for the kernel and no loss when the kernel dies."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        session: Session,
        start_timeout: int,
        **_: object,
    ) -> None:
        session.notebook = nb_man.nb
        client = _KernelClient(
            nb_man,
            session,
            kernel_name=kernel_name,
            startup_timeout=start_timeout,
            shutdown_kernel="immediate",
            extra_arguments=list(QUIET),
        )
        try:
            client.execute(cwd=str(session.folder), env={**os.environ, **startup.ONE_THREAD, **session.environment})
        except CellTimeoutError:
            _mark(nb_man, "CellTimeoutError", client.over())
        except DeadKernelError:
            _mark(nb_man, "DeadKernelError", "the kernel died: killed, out of memory, or left by os._exit")


papermill_engines.register(_ENGINE, _Engine)


def _mark(nb_man: NotebookExecutionManager, name: str, reason: str) -> None:
    """Give the cell that was running an error output, so that the run fails there as with any error."""
    started = [n for n, cell in enumerate(nb_man.nb.cells) if cell.metadata.papermill.start_time]
    if not started:
        raise RuntimeError(reason)
    cell = nb_man.nb.cells[started[-1]]
    nb_man.cell_exception(cell, cell_index=started[-1])
    cell.outputs.append(_error(name, reason))


def _error(name: str, reason: str) -> NotebookNode:
    output = nbformat.v4.new_output("error", ename=name, evalue=reason, traceback=[f"{name}: {reason}"])
    return NotebookNode(output)


def execute(
    source: Path,
    parameters: Mapping[str, object],
    environment: Mapping[str, str],
    limits: Limits = UNLIMITED,
    engine: str = _ENGINE,
) -> tuple[NotebookNode, Failure | None]:
    """Execute a notebook and return it, complete or up to the cell that failed.

    Parameters
    ----------
    source : Path
        The source notebook; its cells work in its folder, as in JupyterLab.
    parameters : mapping of str to object
        Values that papermill puts into a cell after the one tagged ``parameters``.
    environment : mapping of str to str
        Variables added to the environment of the cells.
    limits : Limits
        How long a cell and the run may take.
    engine : str
        papermill's name of the engine; a kernel of its own by default.

    Returns
    -------
    notebook : NotebookNode
        The executed notebook.
    failure : Failure or None
        None when every cell ran.
    """
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # the outcome says it, once
    session = Session(source.parent, environment, limits)
    try:
        papermill.execute_notebook(
            str(source),
            None,
            parameters=dict(parameters),
            engine_name=engine,
            kernel_name=KERNEL,
            language="python",
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            start_timeout=START_TIMEOUT,
            session=session,
        )
    except PapermillExecutionError as error:
        return _ended(session.notebook, error)
    return _ended(session.notebook)


def salvage(reports: Iterable[progress.Report], name: str, reason: str) -> tuple[NotebookNode, Failure] | None:
    """Return the notebook as far as the journal of a lost process tells.

    Parameters
    ----------
    reports : iterable of Report
        What the process had reported.
    name, reason : str
        What ended it, as the name and the message of an error.

    Returns
    -------
    tuple of NotebookNode and Failure, or None
        As of :func:`execute`; None when no cell had begun.
    """
    client: Client | None = None
    position, unfinished = -1, dict[str, str]()
    for report in reports:
        if isinstance(report, progress.Prepared):
            client = Client(NotebookExecutionManager(report.notebook, progress_bar=False), record_timing=False)
        elif client is None:
            continue
        elif isinstance(report, progress.CellBegan):
            position, unfinished = report.position, {}
            client._room = MOST_TEXT
            client.nb.cells[position].metadata = nbformat.from_dict(report.metadata)
        elif isinstance(report, progress.Written):
            unfinished[report.name] = unfinished.get(report.name, "") + report.text
        elif isinstance(report, progress.Shown):
            if report.message["msg_type"] == "stream":
                unfinished.pop(report.message["content"]["name"], None)
            client.process_message(report.message, client.nb.cells[position], position)
        else:
            client.nb.cells[position].metadata = nbformat.from_dict(report.metadata)
    if client is None or position < 0:
        return None
    outputs = client.nb.cells[position].outputs
    outputs += [nbformat.v4.new_output("stream", name=name, text=text) for name, text in unfinished.items()]
    return _closed(client.nb_man, position, name, reason)


def _closed(nb_man: NotebookExecutionManager, position: int, name: str, reason: str) -> tuple[NotebookNode, Failure]:
    """Let a notebook fail at the cell that was running, as papermill would have done."""
    _mark(nb_man, name, reason)
    nb_man.cell_complete(nb_man.nb.cells[position], cell_index=position)
    nb_man.start_time = datetime.fromisoformat(nb_man.nb.metadata.papermill.start_time)
    nb_man.notebook_complete()
    try:
        raise_for_execution_errors(nb_man.nb, None)
    except PapermillExecutionError as error:
        notebook, failure = _ended(nb_man.nb, error)
        if failure:
            return notebook, failure
    raise AssertionError("a cell with an error output did not fail")


def _ended(notebook: NotebookNode, error: PapermillExecutionError | None = None) -> tuple[NotebookNode, Failure | None]:
    """Return a notebook that has ended, and how it failed."""
    join_streams(notebook)
    if error is not None:
        return notebook, _failure(notebook, error.cell_index, error.source, error.ename, error.evalue)
    for position, cell in enumerate(notebook.cells):
        if cell.metadata.papermill.exception:  # by sys.exit(0), which papermill takes for success
            reason = "the cell stopped the notebook before its end"
            return notebook, _failure(notebook, position, cell.source, "SystemExit", reason)
    return notebook, None


def join_streams(notebook: NotebookNode) -> None:
    """Join the pieces in which a stream arrived; where it was cut depends on the clock.

    Parameters
    ----------
    notebook : NotebookNode
        It is changed.
    """
    for cell in notebook.cells:
        joined: list[NotebookNode] = []
        for output in cell.get("outputs", []):
            last = joined[-1] if joined else {}
            if output.output_type == "stream" == last.get("output_type") and output.name == last["name"]:
                last["text"] += output.text
            else:
                joined.append(output)
        if "outputs" in cell:
            cell.outputs = joined


def _failure(notebook: NotebookNode, position: int, code: str, name: str, message: str) -> Failure:
    """Return a failure in terms of the source notebook, which lacks the cell that papermill injected."""
    injected = [n for n, cell in enumerate(notebook.cells) if "injected-parameters" in cell.metadata.get("tags", [])]
    last_line = next((line for line in reversed(message.strip().splitlines()) if line.strip()), "")
    return Failure(
        cell=position + 1 - sum(n < position for n in injected),
        code=code,
        error=f"{name}: {last_line.strip()}" if last_line else name,
    )
