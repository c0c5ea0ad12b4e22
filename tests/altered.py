"""A copy of all tables with planted changes, as an analyst's own vintage: what altered figures would say."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import evidence_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pytest

    Change = Callable[[dict[str, str]], Mapping[str, str] | None]


def tables(changes: Mapping[str, Change], into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the library read a copy of the tables in which each change has been made.

    ``changes`` maps a table to a function that gets each row as a mapping and returns the cells to set, or
    ``None`` to leave the row as it is.
    """
    folder = into / "data"
    shutil.copytree(evidence_folder.DATA, folder)
    for table, change in changes.items():
        header, *rows = evidence_folder.cells(table)
        touched = 0
        for row in rows:
            update = change(dict(zip(header, row, strict=True)))
            for name, cell in (update or {}).items():
                row[header.index(name)] = cell
            touched += bool(update)
        assert touched, f"no row of {table} was changed"
        evidence_folder.write(folder, table, [header, *rows])
        evidence_folder.record_hash(folder, table)
    monkeypatch.setenv("MUSAN_DATA", str(folder))
