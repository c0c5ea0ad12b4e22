"""Execute cells in this process: ipykernel's own shell, with nothing between it and nbclient.

A kernel sends what cells show over ZeroMQ to nbclient, which puts it into the notebook. Here the same kernel
and the same client are in one process and the messages are handed over by a call, so that the executed
notebook is the same, and the process has one thread and may be forked.
"""

from __future__ import annotations

import asyncio
import codecs
import io
import os
import random
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any

import ipykernel_launcher  # type: ignore[import-untyped]
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import Session as JupyterSession
from nbclient.client import timestamp
from nbclient.exceptions import CellExecutionComplete, CellExecutionError
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from tornado.ioloop import IOLoop

from musan.collection import progress, startup
from musan.collection.kernel import QUIET, Client, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nbformat import NotebookNode

    Message = dict[str, Any]

ENGINE = "musan-shell"
FLUSHED_AFTER = 0.2  # seconds that ipykernel holds back what is printed: OutStream.flush_interval
MOST_HELD = 1 << 20  # characters held back at most; ipykernel has no limit
CHUNK = 1 << 20  # bytes read at a time of what was written past Python

_IN_MEMORY = "--HistoryManager.hist_file=:memory:"  # as nbclient asks of a kernel


class _Session(JupyterSession):
    """Hands a message over where a session would sign it and put it on a socket."""

    deliver: Callable[[Message], None] | None = None

    def send(  # type: ignore[override]  # there is no socket
        self,
        stream: object,  # noqa: ARG002  # there is none
        msg_or_type: Message | str,
        content: Message | None = None,
        parent: Message | None = None,
        ident: object = None,  # noqa: ARG002
        buffers: list[bytes] | None = None,
        track: bool = False,  # noqa: ARG002
        header: Message | None = None,
        metadata: Message | None = None,
    ) -> Message:
        """Deliver a message with its content as it would be after the journey: plain JSON."""
        message: Message = (
            self.msg(msg_or_type, content, parent=parent, header=header, metadata=metadata)
            if isinstance(msg_or_type, str)
            else dict(msg_or_type)
        )
        *_, packed = self.serialize(message)
        message["content"] = self.unpack(packed)
        message["buffers"] = list(buffers or [])
        if self.deliver:
            self.deliver(message)
        return message


class _Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of the cells, flushed when ipykernel's would have been."""

    encoding = "UTF-8"

    def __init__(self, name: str, session: _Session) -> None:
        self.name = name
        self._session = session
        self._owner = os.getpid()
        self._held: list[str] = []
        self._length = 0  # of what is held
        self._line_end = ""  # held but not yet reported
        self._flushed_at = 0.0
        self._others: tuple[_Stream, ...] = ()
        self._file: IO[bytes] | None = None
        self._read = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def capture(self, descriptor: int, others: Iterable[_Stream]) -> None:
        """Take what is written to a file descriptor, too: by C code, by other processes.

        Parameters
        ----------
        descriptor : int
            1 or 2.
        others : iterable of _Stream
            All streams of the cells.
        """
        self._owner, self._others, self._held = os.getpid(), tuple(others), []
        self._file, self._read = tempfile.TemporaryFile(buffering=0), 0  # noqa: SIM115  # as long as the process
        os.dup2(self._file.fileno(), descriptor)

    def fileno(self) -> int:
        """Return the descriptor whose content ends up in this stream."""
        return 1 if self.name == "stdout" else 2

    def isatty(self) -> bool:
        """Return False."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Hold the text until the next flush.

        Parameters
        ----------
        text : str
            What was printed.
        """
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")  # as ipykernel says
        if os.getpid() != self._owner:  # a process that the cell has forked
            os.write(self.fileno(), text.encode())
            return len(text)
        self._take_written()
        self._hold(text)
        return len(text)

    def flush(self) -> None:
        """Show what has been held."""
        if os.getpid() != self._owner:
            return
        self._take_written()
        self._show()

    def _show(self) -> None:
        held, self._held, self._length, self._line_end = "".join(self._held), [], 0, ""
        if held:
            kernel: Any = _Kernel.instance()
            self._session.send(None, "stream", {"name": self.name, "text": held}, parent=kernel.get_parent())

    def _hold(self, text: str) -> None:
        """Hold a text; show first what a clock would have shown by now."""
        now = time.monotonic()
        late = [stream for stream in self._others if stream._held and now >= stream._flushed_at]
        for stream in sorted(late, key=lambda stream: stream._flushed_at):
            stream._show()
        if not self._held:
            self._flushed_at = now + FLUSHED_AFTER
        self._held.append(text)
        self._length += len(text)
        if text == "\n":  # as print writes it after each text; it goes with the next one
            self._line_end = text
        else:
            progress.report(progress.Written(self.name, self._line_end + text))
            self._line_end = ""
        if self._length > MOST_HELD:
            self._show()

    def _take_written(self) -> None:
        """Hold what has been written to the file descriptor since the last time."""
        if self._file is None:
            return
        while written := os.pread(self._file.fileno(), CHUNK, self._read):
            self._read += len(written)
            self._hold(self._decoder.decode(written))


class _Kernel(IPythonKernel):
    """ipykernel's kernel; requests come by a call and are never queued."""

    # do_execute asks it which thread takes signals.
    shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
    _supports_kernel_subshells = False

    def _abort_queues(self, *_: object) -> None:
        """Do nothing: nobody has asked for the next cell yet."""


class _Application(IPKernelApp):
    """The program ``ipykernel`` without sockets and threads; it reads the same settings and start-up files."""

    def _nothing(self, **_: object) -> None:
        """Do nothing: there is no connection."""

    init_connection_file = init_poller = init_sockets = init_heartbeat = _nothing
    write_connection_file = log_connection_info = _nothing

    def init_io(self) -> None:
        """Put the streams of the cells in place."""
        session = self.session = _Session(parent=self)
        sys.stdout, sys.stderr = _Stream("stdout", session), _Stream("stderr", session)
        self.patch_io()  # type: ignore[no-untyped-call]

    def init_kernel(self) -> None:
        """Make the kernel, and its shell with it."""
        self.kernel = _Kernel.instance(
            parent=self, session=self.session, log=self.log, profile_dir=self.profile_dir, user_ns=self.user_ns
        )


class Shell:
    """The one shell of this process.

    It is made before what notebooks import is loaded, because some libraries ask at their import whether they
    are in a notebook. It may then be forked; :meth:`begin` makes the fork ready for cells.
    """

    def __init__(self) -> None:
        # As ipykernel_launcher leaves them: the working folder comes first when a module is looked for.
        sys.argv = [ipykernel_launcher.__file__]
        if sys.path[0] in ("", str(Path.cwd())):
            del sys.path[0]
        self._application = _Application.instance()
        self._application.initialize([*QUIET, _IN_MEMORY])  # type: ignore[no-untyped-call]
        self._kernel: Any = self._application.kernel  # few of its methods say their types
        self._kernel._execute_sleep = 0  # it waits for ZeroMQ
        self._reply: Message = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._random = random.getstate()

    @property
    def language(self) -> Message:
        """What a kernel says of its language."""
        return dict(self._kernel.language_info)

    @contextmanager
    def as_in_a_cell(self) -> Iterator[None]:
        """Let what is imported inside the block find itself in a notebook."""
        with self._kernel.shell.builtin_trap:
            yield

    def begin(self, folder: Path) -> None:
        """Make a process that was forked as fresh as a kernel that has just started.

        Parameters
        ----------
        folder : Path
            The folder that cells work in.
        """
        random.seed()
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        self._random = random.getstate()
        self.resume(folder)

    def resume(self, folder: Path) -> None:
        """Make a process that was forked between two cells ready for the next one, as if nothing had happened.

        Parameters
        ----------
        folder : Path
            The folder that cells work in.
        """
        streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, _Stream)]
        for descriptor, stream in enumerate(streams, start=1):
            stream.capture(descriptor, streams)
        os.chdir(folder)
        random.setstate(self._random)  # a fork begins with another one
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._kernel.io_loop = IOLoop.current()

    def run(self, code: str, show: Callable[[Message], None]) -> Message:
        """Run the code of a cell.

        Parameters
        ----------
        code : str
            The cell's source.
        show : callable
            Takes each message of the Jupyter protocol that the cell gives rise to.

        Returns
        -------
        dict
            The kernel's reply.
        """
        assert self._loop is not None, "begin comes first"
        session = self._kernel.session

        def deliver(message: Message) -> None:
            if message["msg_type"] == "execute_reply":
                self._reply = message
            else:
                show(message)

        asked = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        session.deliver = deliver
        self._loop.run_until_complete(self._handle(session.msg("execute_request", asked)))
        self._random = random.getstate()
        return self._reply

    async def _handle(self, request: Message) -> None:
        """Do with a request what a kernel does with one from its shell channel."""
        self._kernel.set_parent([], request)
        self._kernel._publish_status("busy", "shell")
        self._kernel.pre_handler_hook()
        try:
            await self._kernel.execute_request(None, [], request)
        finally:
            self._kernel.post_handler_hook()
        self._kernel._publish_status("idle", "shell")


class ShellClient(Client):
    """papermill's client with the shell of this process in place of a kernel."""

    def __init__(self, nb_man: NotebookExecutionManager, shell: Shell) -> None:
        super().__init__(nb_man)
        self._shell = shell

    def execute_cell(self, cell: NotebookNode, cell_index: int, **_: object) -> NotebookNode:
        """Run one cell, and put what it shows into the notebook.

        Parameters
        ----------
        cell : NotebookNode
            The cell.
        cell_index : int
            Its position.
        """
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or not cell.source.strip() or self.skip_cells_with_tag in tags:
            return cell
        cell.outputs, self.clear_before_next_output = [], False
        cell.metadata["execution"] = {}

        def show(message: Message) -> None:
            with suppress(CellExecutionComplete):  # said by a kernel that is idle again
                self.process_message(message, cell, cell_index)

        reply = self._shell.run(cell.source, show)
        cell.metadata["execution"]["shell.execute_reply"] = timestamp(reply)
        self.check_reply(cell, cell_index, reply)
        if reply["content"]["status"] == "error" and "raises-exception" not in tags:
            raise CellExecutionError.from_cell_and_msg(cell, reply["content"])
        return cell


class _ShellEngine(Engine):  # type: ignore[misc]
    """Runs all cells in this process."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, *, session: Session, **_: object
    ) -> None:
        del kernel_name  # there is none
        session.notebook = nb_man.nb
        shell = the_shell()
        os.environ.update({**startup.ONE_THREAD, **session.environment})
        before = Path.cwd()
        shell.begin(session.folder)
        client = ShellClient(nb_man, shell)
        try:
            client.papermill_execute_cells()
        finally:
            os.chdir(before)
        nb_man.nb.metadata["language_info"] = shell.language
        client.set_widgets_metadata()


papermill_engines.register(ENGINE, _ShellEngine)

_shells: list[Shell] = []


def the_shell() -> Shell:
    """Return the shell of this process, made when it is first asked for."""
    if not _shells:
        _shells.append(Shell())
    return _shells[0]
