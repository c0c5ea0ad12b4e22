"""The reports of a run in a file without a name, which outlives the process that wrote them.

A process that is killed, crashes or leaves by ``os._exit`` says nothing more; what its cells had shown by
then is read from the journal by the process that waited for it.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from typing import TYPE_CHECKING

from musan.collection.progress import CellBegan, Report, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_WRITTEN = 4_000_000  # characters of a cell's text kept twice, in case the process is lost


class Journal:
    """The journal as the process that waits has it.

    A file and not a pipe: a pipe would have to be read all the time, or it would stop the writer.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # it is closed by close

    def fileno(self) -> int:
        """Return the file descriptor, which a process may inherit to write."""
        return self._file.fileno()

    def clear(self) -> None:
        """Make room for the next run."""
        self._file.seek(0)
        self._file.truncate()

    def reports(self) -> Iterator[Report]:
        """Yield what was written, up to where the writer was stopped in the middle of a word."""
        self._file.seek(0)
        while True:
            try:
                yield pickle.load(self._file)  # our own process wrote it
            except (EOFError, pickle.UnpicklingError):
                return

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


class Writer:
    """A listener that writes reports into a journal.

    Parameters
    ----------
    descriptor : int
        The journal's file descriptor in this process.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._written = 0

    def __call__(self, what: Report) -> None:
        """Write one report.

        Parameters
        ----------
        what : Report
            What has happened.
        """
        if isinstance(what, CellBegan):
            self._written = 0
        elif isinstance(what, Written):
            self._written += len(what.text)
            if self._written > MOST_WRITTEN:
                return
        rest = memoryview(pickle.dumps(what))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
