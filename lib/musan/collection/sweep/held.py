"""A process that has run the first cells of a notebook and is forked for each run of the others.

It is itself a fork of :mod:`musan.collection.preload`, and serves as that does.
"""

from __future__ import annotations

import gc
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from IPython import get_ipython
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines

from musan.collection import progress, shell, startup
from musan.collection.preload import Server, threads
from musan.collection.sweep.case import Case, Result, executed

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from musan.collection.kernel import Session

_HOLDING, _RESUMING = "musan-holding", "musan-resuming"


@dataclass
class _Held:
    """What this process holds: ``cells`` of the executed notebook, and the client that has run them."""

    case: Case
    cells: int
    address: str
    folder: Path = Path()
    reason: str = ""
    client: shell.ShellClient | None = None


_held: list[_Held] = []  # at most one: a process holds one notebook


def hold(case: Case, cells: int, address: str) -> Result | str:
    """Run the first cells of a notebook, then fork on demand.

    Parameters
    ----------
    case : Case
        One of the runs.
    cells : int
        How many cells of the executed notebook.
    address : str
        Path of the socket to take demands from. Who listens there is told that it may ask by a report that the
        next cell begins.

    Returns
    -------
    Result or str
        Only when it can't be forked: the failure of a cell, or the reason.
    """
    _held.append(_Held(case, cells, address))
    found = executed(case, _HOLDING)
    return _held[0].reason or found


def resume(case: Case) -> Result:
    """Run the other cells, in a fork.

    Parameters
    ----------
    case : Case
        The run, of the same notebook.
    """
    return executed(case, _RESUMING)


class _Holding(Engine):  # type: ignore[misc]
    """Runs the first cells and then serves."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, *, session: Session, **_: object
    ) -> None:
        del kernel_name  # there is none
        [held] = _held
        session.notebook = nb_man.nb
        the_shell = shell.the_shell()
        os.environ.update({**startup.ONE_THREAD, **session.environment})
        the_shell.begin(session.folder)
        held.client = shell.ShellClient(nb_man, the_shell)
        progress.report(progress.Prepared(nb_man.nb))
        if not held.client.execute_cells(0, held.cells):
            return
        held.folder = Path.cwd()
        if threads() > 1:
            held.reason = f"what they call has started {threads() - 1} threads"
            return
        gc.collect()
        gc.freeze()
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(held.address)
            progress.report(progress.CellBegan(held.cells, {}, 0, 0))
            Server(control, dict(os.environ)).serve()


class _Resuming(Engine):  # type: ignore[misc]
    """Takes over what the first cells have shown, and runs the others."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, *, session: Session, **_: object
    ) -> None:
        del kernel_name  # there is none
        [held] = _held
        client, notebook = held.client, nb_man.nb
        assert client is not None, "hold comes first"
        for cell, ran in zip(notebook.cells[: held.cells], client.nb.cells, strict=False):
            cell.update({part: ran[part] for part in ("outputs", "metadata", "execution_count") if part in ran})
        client.nb_man, client.nb, session.notebook = nb_man, notebook, notebook
        the_shell = shell.the_shell()
        the_shell.resume(held.folder)
        _renew(notebook, held.case.first.renew)
        progress.report(progress.Prepared(notebook))
        client.execute_cells(held.cells, len(notebook.cells))
        notebook.metadata["language_info"] = the_shell.language
        client.set_widgets_metadata()


def _renew(notebook: NotebookNode, statement: str) -> None:
    """Set the parameters again, as this notebook's injected cell says, and what holds them all."""
    namespace = get_ipython().user_ns
    [injected] = [cell for cell in notebook.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    exec(injected.source, namespace)
    exec(statement, namespace)


papermill_engines.register(_HOLDING, _Holding)
papermill_engines.register(_RESUMING, _Resuming)
