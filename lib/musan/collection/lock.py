"""One batch at a time in an output folder."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from musan.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = ".lock"

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def take(file: TextIO) -> None:
    """Lock a file for as long as this process lives and keeps it open; locks of one process don't shut each other out.

    Parameters
    ----------
    file : file
        Open for writing.

    Raises
    ------
    BlockingIOError, PermissionError
        Another process has it.
    """
    if sys.platform == "win32":
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        # Not flock, which the children of a process that was killed would go on holding.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def held(output: Path) -> Iterator[None]:
    """Keep an output folder to this process; the system lets go of it however the process ends.

    Parameters
    ----------
    output : Path
        The folder; made when it is missing.

    Raises
    ------
    CollectionError
        Another process has it, or it can't be written.
    """
    path = output / NAME
    try:
        output.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        what = f"can't be written ({error.strerror})"
        raise CollectionError(what, str(output), "choose another folder with --output") from error
    with file:
        try:
            take(file)
        except (BlockingIOError, PermissionError) as error:
            file.seek(0)
            what = f"another musan is at work in this folder (process {file.read().strip() or 'unknown'})"
            raise CollectionError(what, str(output), "wait for it, or choose another folder with --output") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
