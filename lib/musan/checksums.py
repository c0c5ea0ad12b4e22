"""Where a table differs from its record: one CRC-32 a row and one a column."""

from __future__ import annotations

import csv
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from musan.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    # Of one table: ("row", line number) or ("column", name) to eight hex digits.
    Checksums = Mapping[tuple[str, str], str]

CELL_SEPARATOR = "\x1f"


class Difference(NamedTuple):
    """The lines and columns of a table that are not as recorded.

    Attributes
    ----------
    lines : list of int
        Line numbers in the file (the header is line 1). Added lines are counted in the file as it is,
        removed lines as it was.
    columns : list of str
        Names of columns.
    """

    lines: list[int]
    columns: list[str]


def checksums(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[tuple[str, str], str]:
    """Return the checksum of each row and of each column.

    Parameters
    ----------
    header : sequence of str
        The names of the columns.
    rows : sequence of sequence of str
        The cells as text, without the header.

    Returns
    -------
    dict
        ``("row", "2")`` for the line under the header and so on, ``("column", name)`` for each column.
    """
    by_row = {("row", str(line)): _crc(row) for line, row in enumerate(rows, start=2)}
    by_column = {
        ("column", name): _crc(row[place] if place < len(row) else "" for row in rows)
        for place, name in enumerate(header)
    }
    return by_row | by_column


def read(path: Path, table: str) -> dict[tuple[str, str], str]:
    """Read what was recorded of one table.

    Parameters
    ----------
    path : Path
        The file ``checksums.csv``.
    table : str
        The name of the table.

    Returns
    -------
    dict
        What :func:`checksums` returned when the table was recorded.

    Raises
    ------
    EvidenceError
        If the file is missing or has no such table.
    """
    remedy = "restore the file, or run python -m musan.catalogue to record the tables as they are"
    if not path.is_file():
        raise EvidenceError("the file does not exist", str(path), remedy)
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["table"] == table]
    if not rows:
        raise EvidenceError(f"the table {table!r} has no checksums", str(path), remedy)
    return {(row["kind"], row["key"]): row["crc32"] for row in rows}


def locate(header: Sequence[str], rows: Sequence[Sequence[str]], recorded: Checksums) -> Difference:
    """Say in which lines and columns a table differs from its record.

    Parameters
    ----------
    header : sequence of str
        The names of its columns, as they are now.
    rows : sequence of sequence of str
        Its cells as text, as they are now, without the header.
    recorded : mapping
        What :func:`read` returned for the table.

    Returns
    -------
    Difference
        ``lines`` and ``columns``; both empty when nothing differs.
    """
    now = checksums(header, rows)
    names = [name for kind, name in recorded.keys() | now.keys() if kind == "column"]
    changed = {name for name in names if recorded.get(("column", name)) != now.get(("column", name))}
    order = [*header, *sorted(set(names) - set(header))]
    return Difference(_changed_lines(recorded, now), [name for name in order if name in changed])


def _crc(cells: Iterable[str]) -> str:
    return f"{crc32(CELL_SEPARATOR.join(cells).encode()):08x}"


def _changed_lines(was: Checksums, now: Checksums) -> list[int]:
    before, after = ([value for (kind, _), value in sums.items() if kind == "row"] for sums in (was, now))
    if len(before) == len(after):
        return [line for line, (old, new) in enumerate(zip(before, after, strict=True), 2) if old != new]
    # A line put in or taken out moves all that follow; only the line itself differs.
    lines: set[int] = set()
    for what, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what != "equal":
            lines.update(range(j1 + 2, j2 + 2) or range(i1 + 2, i2 + 2))
    return sorted(lines)
