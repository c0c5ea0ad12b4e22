"""Tables larger than memory: from CSV, plain, gzipped or zipped, to Parquet, one part after another.

A part is one CSV file, such as a year. DuckDB sorts it within a set amount of memory, on disk where that is not
enough, so the peak does not grow with the number of rows. A member of a zip archive is unpacked for as long as
it is converted, and no longer.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musan.refresh.errors import RefreshError, expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from musan.refresh.tables import Licence, Schema

MEGABYTE = 10**6
MEMORY = 300  # megabytes that DuckDB may use; the process has some 180 beside them
THREADS = 2  # each takes its part of the memory
CSV_BUFFER = 8_000_000  # bytes of a file that are read at once; DuckDB's own number is four times as many
ROW_GROUP = 122_880  # rows that are read or left out together, DuckDB's own number
PART_LIMIT = 8_000 * MEGABYTE  # of one unpacked CSV file
BLOCK = 2**20
HEADER_LENGTH = 2**16  # characters of a first line


@dataclass(frozen=True)
class Column:
    """A column that is kept.

    Parameters
    ----------
    name : str
        Ours.
    kind : str
        DuckDB's name of its type.
    missing : sequence of str
        Words for a missing value, blanks around them not counted.
    """

    name: str
    kind: str
    missing: Sequence[str] = ()


@dataclass(frozen=True)
class Layout:
    """How the rows of a source are read and kept.

    Parameters
    ----------
    columns : mapping of str to Column
        Name in the file to column.
    orders : mapping of str to sequence of str
        Name of each copy to the columns that it is sorted by.
    delimiter : str
        Between the cells of the file.
    only : str
        Condition in SQL on the file's columns; rows that do not meet it are left out.
    """

    columns: Mapping[str, Column]
    orders: Mapping[str, Sequence[str]]
    delimiter: str = ","
    only: str = "true"


@contextmanager
def database(folder: Path | None = None, memory: int = MEMORY) -> Iterator[DuckDBPyConnection]:
    """Yield a DuckDB that keeps to an amount of memory and puts the rest into a temporary folder.

    Parameters
    ----------
    folder : Path, optional
        Where that folder is made; the system's place for such by default.
    memory : int
        Megabytes.

    Raises
    ------
    RefreshError
        When DuckDB is not installed.
    """
    duckdb = _duckdb()
    spill = tempfile.TemporaryDirectory(prefix="musan-", dir=folder)
    with spill as path, duckdb.connect(":memory:") as connection:
        connection.execute("SET memory_limit = ?", [f"{memory}MB"])
        connection.execute("SET threads = ?", [THREADS])
        connection.execute("SET temp_directory = ?", [path])
        connection.execute("SET preserve_insertion_order = false")
        yield connection


def _duckdb() -> Any:
    try:
        import duckdb
    except ModuleNotFoundError as missing:
        raise RefreshError("duckdb is not installed", "", "pip install 'musan[refresh]'") from missing
    return duckdb


@contextmanager
def unpacked(archive: zipfile.ZipFile, member: str, folder: Path) -> Iterator[Path]:
    """Yield a member of a zip archive as a file, which is removed afterwards.

    Parameters
    ----------
    archive : ZipFile
        The archive.
    member : str
        Its name there.
    folder : Path
        Where to.

    Raises
    ------
    RefreshError
        When it is damaged or larger than :data:`PART_LIMIT`.
    """
    path, size = folder / "part.csv", archive.getinfo(member).file_size
    if size > PART_LIMIT:
        raise RefreshError(f"would unpack to {size / MEGABYTE:,.0f} MB", member, "see what the archive is")
    try:
        try:
            # zipfile gives no more than the size it has announced, and checks the sum of it.
            with archive.open(member) as packed, path.open("wb") as file:
                shutil.copyfileobj(packed, file, BLOCK)
        except (zipfile.BadZipFile, EOFError, zlib.error) as error:
            raise RefreshError(f"the archive is damaged ({error})", member, "fetch it again") from error
        yield path
    finally:
        path.unlink(missing_ok=True)


def convert(
    connection: DuckDBPyConnection, source: Path, folder: Path, part: str, layout: Layout, where: str
) -> dict[str, dict[str, Any]]:
    """Write one CSV file as Parquet, once for each order of the layout.

    Parameters
    ----------
    connection : DuckDBPyConnection
        From :func:`database`.
    source : Path
        The file; ``.gz`` for a gzipped one.
    folder : Path
        Where to; each order has a folder in it.
    part : str
        Name of the folder of this part, such as ``year=2015``.
    layout : Layout
        How to read and keep it.
    where : str
        The file as the publisher calls it, for messages.

    Returns
    -------
    dict of str to dict
        Order to ``path``, ``rows``, ``bytes`` and ``hash`` of the file.

    Raises
    ------
    RefreshError
        When a column is missing, or a cell is not of its type.
    """
    duckdb = _duckdb()
    header = _header(source, layout.delimiter, where)
    expect(header, list(layout.columns), "the columns", f"{where}, line 1")
    # A column that may lack values is read as text, for its words to be told from what is no number at all.
    kinds = {
        name: "VARCHAR" if name not in layout.columns or layout.columns[name].missing else layout.columns[name].kind
        for name in header
    }
    rows = (
        "read_csv($source, header = true, auto_detect = false, delim = $delimiter, quote = '\"', escape = '\"', "
        f"buffer_size = {CSV_BUFFER}, "
        f"columns = {{{', '.join(f'{_text(name)}: {_text(kind)}' for name, kind in kinds.items())}}})"
    )
    kept = ", ".join(f"{_value(name, column)} AS {column.name}" for name, column in layout.columns.items())
    query, given = (
        f"SELECT {kept} FROM {rows} WHERE {layout.only}",
        {"source": str(source), "delimiter": layout.delimiter},
    )
    written: dict[str, dict[str, Any]] = {}
    for order, keys in layout.orders.items():
        path = folder / order / part / "flows.parquet"
        path.parent.mkdir(parents=True)
        copy = (
            f"COPY ({query} ORDER BY {', '.join(keys)}) TO {_text(str(path))} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        try:
            count = connection.execute(copy, given).fetchone()
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            what = " ".join(str(error).split())[:300]
            raise RefreshError(f"could not be converted ({what})", where, "free space on the disk") from None
        except duckdb.Error as error:
            what, remedy = " ".join(str(error).split())[:300], "see what the publisher has changed"
            raise RefreshError(f"a row is not as documented ({what})", where, remedy) from None
        query, given = "SELECT * FROM read_parquet($source, hive_partitioning = false)", {"source": str(path)}
        written[order] = {
            "path": path.relative_to(folder).as_posix(),
            "rows": count[0] if count else 0,
            "bytes": path.stat().st_size,
            "hash": f"sha256:{_sha256(path)}",
        }
    return written


def _header(source: Path, delimiter: str, where: str) -> list[str]:
    opened = gzip.open if source.suffix == ".gz" else open
    try:
        with opened(source, "rt", encoding="utf-8-sig", errors="replace") as file:
            line = file.readline(HEADER_LENGTH)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RefreshError(
            f"expected a gzipped file, seen something else ({error})", where, "fetch it again"
        ) from error
    return [name.strip().strip('"') for name in line.rstrip("\r\n").split(delimiter)]


def _value(name: str, column: Column) -> str:
    """Return a column in SQL, its words for a missing value made null."""
    quoted = '"' + name.replace('"', '""') + '"'
    if not column.missing:
        return quoted
    words = ", ".join(map(_text, column.missing))
    return (
        f"CAST(CASE WHEN coalesce(trim({quoted}), '') IN ({words}) THEN NULL ELSE trim({quoted}) END AS {column.kind})"
    )


def _text(text: str) -> str:
    """Return a text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entry(
    order: str, parts: Sequence[Mapping[str, Any]], title: str, licence: Licence, schema: Schema
) -> dict[str, Any]:
    """Return the entry of one copy in the data package.

    Parameters
    ----------
    order : str
        Its name.
    parts : sequence of mapping
        What :func:`convert` returned for it.
    title : str
        Of the source.
    licence : Licence
        Its terms.
    schema : Schema
        Its fields and key.
    """
    return {
        "name": order,
        "path": [part["path"] for part in parts],
        "title": title,
        "format": "parquet",
        "rows": sum(part["rows"] for part in parts),
        "bytes": sum(part["bytes"] for part in parts),
        "parts": list(parts),
        "licenses": [licence.entry()],
        "schema": dict(schema),
    }


def files(folder: Path, resource: Mapping[str, Any], first: int = 0, last: int = 9999) -> list[str]:
    """Return the files of a copy, after a look at their sizes.

    Parameters
    ----------
    folder : Path
        Of the vintage.
    resource : mapping
        The entry of the copy.
    first, last : int
        Years.

    Raises
    ------
    RefreshError
        When a file is missing or not as it was written, or there is none for these years.
    """
    found = []
    for part in resource["parts"]:
        path = folder / part["path"]
        year = int(part["path"].partition("year=")[2][:4])
        if not first <= year <= last:
            continue
        if not path.is_file() or path.stat().st_size != part["bytes"]:
            raise RefreshError("is missing or not as it was written", str(path), "fetch a new vintage")
        found.append(str(path))
    if not found:
        raise RefreshError(f"has no year from {first} to {last}", str(folder), "ask for other years")
    return found


def of_country(folder: Path, resource: Mapping[str, Any], column: str, country: int) -> list[dict[str, str]]:
    """Return the rows of one country as text, in the order of their columns.

    Parameters
    ----------
    folder : Path
        Of the vintage.
    resource : mapping
        The entry of the copy that is sorted by the country.
    column : str
        The column of the country.
    country : int
        Its number.
    """
    names = [field["name"] for field in resource["schema"]["fields"]]
    texts = ", ".join(f"coalesce(CAST({name} AS VARCHAR), '')" for name in names)
    query = f"SELECT {texts} FROM read_parquet($files, hive_partitioning = false) WHERE {column} = $country"
    query += f" ORDER BY {', '.join(names)}"
    with database() as connection:
        found = connection.execute(query, {"files": files(folder, resource), "country": country}).fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]
