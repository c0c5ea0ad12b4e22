"""Work out once what follows from the tables alone, however many analyses ask for it."""

from __future__ import annotations

import inspect
from copy import copy
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from musan.locations import data_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

P = ParamSpec("P")
Found = TypeVar("Found")
MOST = 64  # values of one function held at a time


def remembered(function: Callable[P, Found]) -> Callable[P, Found]:
    """Return a function that works its value out once for the same arguments and the same tables.

    Parameters
    ----------
    function : callable
        Of the usual tables and of arguments that can be compared, and of nothing else that changes. No vintages.

    Returns
    -------
    callable
        Each caller gets a copy, so that none can change what the next one is given: of a frame with its cells, of
        anything else as :func:`copy.copy` makes it. As the descriptor ``datapackage.json`` holds the hash of every
        table, tables are the same as long as it is.
    """
    signature = inspect.signature(function)

    @lru_cache(maxsize=MOST)
    def known(folder: Path, modified: int, *args: object, **named: object) -> object:
        del folder, modified  # part of the cache key only
        return function(*args, **named)  # type: ignore[arg-type]  # as they came

    @wraps(function)
    def asked(*args: P.args, **named: P.kwargs) -> Found:
        given = signature.bind(*args, **named)
        given.apply_defaults()  # so that an argument that is spelled out is no other than the default
        folder = data_folder()
        descriptor = folder / "datapackage.json"
        modified = descriptor.stat().st_mtime_ns if descriptor.is_file() else 0
        return cast("Found", copy(known(folder, modified, *given.args, **given.kwargs)))

    return asked
