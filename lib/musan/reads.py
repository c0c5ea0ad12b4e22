"""What a notebook has read, kept in the notebook itself, as a compiler lists the files behind what it made.

Every table that is asked for is noted with the digest of its entry in the catalogue, which holds the hash of
its file. In a kernel, an output with nothing to see carries the list; it is renewed after each cell that has
read more. So the list is complete whatever executes the notebook, and without a line in the notebook.
"""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MIME = "application/vnd.musan.reads+json"
CHANGED = "changed while the notebook ran"  # in place of a digest; equals none

_DISPLAY = "musan-reads"
_entries: dict[str, Mapping[str, Any]] = {}  # spares the digest when a table is asked for again
_noted: dict[str, str] = {}
_shown: dict[str, str] = {}
_noting = True


def digest(content: object) -> str:
    """Return the SHA-256 of anything that JSON can hold, whatever the order of its keys.

    Parameters
    ----------
    content : object
        Such as the entry of a table in ``datapackage.json``.
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@contextmanager
def unnoted() -> Iterator[None]:
    """Let what is asked for inside the block go unnoted: nobody has read it yet."""
    global _noting  # one process runs one notebook
    before, _noting = _noting, False
    try:
        yield
    finally:
        _noting = before


def note(table: str, entry: Mapping[str, Any]) -> None:
    """Note that a table has been asked for.

    Parameters
    ----------
    table : str
        Its name; with its vintage or folder before it when that is not the usual one.
    entry : mapping
        Its entry in the catalogue.
    """
    if not _noting:
        return
    if _entries.get(table) is not entry:
        _entries[table], found = entry, digest(entry)
        _noted[table] = found if _noted.get(table, found) == found else CHANGED
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.events.register("post_run_cell", _show)  # once, however often it is asked


def _show(*_: object) -> None:
    """Show the list, or renew it, when the cell that has just ended has read more."""
    if _noted == _shown:
        return
    from IPython.display import display

    # Empty HTML, so that viewers that know no other type of this output have one that they can show.
    bundle = {MIME: {"tables": dict(sorted(_noted.items()))}, "text/html": ""}
    display(bundle, raw=True, display_id=_DISPLAY, update=bool(_shown))  # type: ignore[no-untyped-call]
    _shown.update(_noted)
