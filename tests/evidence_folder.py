"""Small copies of the data package that a test may tamper with, read by the csv module alone."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import tempfile
from functools import cache
from typing import TYPE_CHECKING, Any

from musan.locations import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = CHECKOUT / "data"


@cache
def descriptor() -> dict[str, Any]:
    return json.loads((DATA / "datapackage.json").read_text(encoding="utf-8"))


@cache
def resources() -> dict[str, dict[str, Any]]:
    return {resource["name"]: resource for resource in descriptor()["resources"]}


def fields(table: str) -> list[dict[str, Any]]:
    return resources()[table]["schema"]["fields"]


@cache
def _cells(table: str) -> tuple[tuple[str, ...], ...]:
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(map(tuple, csv.reader(file)))


def cells(table: str) -> list[list[str]]:
    """Return all rows as text, the header first."""
    return [list(row) for row in _cells(table)]


def records(table: str) -> list[dict[str, str]]:
    header, *rows = cells(table)
    return [dict(zip(header, row, strict=True)) for row in rows]


def copy(*tables: str, into: Path) -> Path:
    """Return a new folder below ``into`` with these tables and all that :func:`musan.evidence.load` reads.

    A new folder each time: the library remembers tables by folder and time of change.
    """
    folder = into.__class__(tempfile.mkdtemp(dir=into))
    for name in ("datapackage.json", "checksums.csv", *(f"{table}.csv" for table in tables)):
        shutil.copy(DATA / name, folder / name)
    return folder


def write(folder: Path, table: str, rows: list[list[str]]) -> None:
    with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def record_hash(folder: Path, table: str) -> None:
    """Write the present hash of the table into the descriptor, as if the change were meant."""
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    [entry] = [resource for resource in package["resources"] if resource["name"] == table]
    entry["hash"] = f"sha256:{hashlib.sha256((folder / entry['path']).read_bytes()).hexdigest()}"
    path.write_text(json.dumps(package), encoding="utf-8")


def changed(table: str, change: Callable[[list[list[str]]], object], *, into: Path, recorded: bool) -> Path:
    """Return a copy in which ``change`` has been made to the rows of one table."""
    folder = copy(table, into=into)
    rows = cells(table)
    change(rows)
    write(folder, table, rows)
    if recorded:
        record_hash(folder, table)
    return folder


def with_cell(table: str, line: int, column: str, value: str, *, into: Path, recorded: bool) -> Path:
    """Return a copy in which one cell, by its line in the file, has another value."""

    def put(rows: list[list[str]]) -> None:
        rows[line - 1][rows[0].index(column)] = value

    return changed(table, put, into=into, recorded=recorded)
