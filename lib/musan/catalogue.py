"""Keep the data package, its checksums and its page in step with the tables.

``python -m musan.catalogue`` validates every table against ``datapackage.json`` and then writes what
follows from the tables: their rows, bytes and hashes, ``field_report_cities.csv``, ``checksums.csv`` and
``README.md``. When a table breaks its schema it writes nothing and names the cell. With ``--check`` it
never writes and exits with 1 when something is stale. It needs the development extra (frictionless).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musan.catalogue_page import page
from musan.catalogue_schema import schema_faults
from musan.checksums import checksums
from musan.consistency import Fault, Table, all_faults
from musan.errors import EvidenceError
from musan.locations import data_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DESCRIPTOR = "datapackage.json"
CHECKSUMS = "checksums.csv"
PAGE = "README.md"
COMMAND = "python -m musan.catalogue"
LINE_LENGTH = 110
FAULTS_SHOWN = 20


def build(folder: Path) -> dict[str, str]:
    """Return the text of every generated file, from tables that have been found valid.

    Parameters
    ----------
    folder : Path
        The folder of tables.

    Returns
    -------
    dict of str to str
        File name to text: the derived table, the checksums, the descriptor and the page.

    Raises
    ------
    EvidenceError
        If a table breaks its schema or a tie between tables; the message names file, row, column and value.
    """
    package = json.loads((folder / DESCRIPTOR).read_text(encoding="utf-8"))
    contents = {
        resource["path"]: (folder / resource["path"]).read_bytes()
        for resource in package["resources"]
        if "derivedFrom" not in resource and (folder / resource["path"]).is_file()
    }
    tables = {r["name"]: _table(r, contents, folder) for r in package["resources"] if "derivedFrom" not in r}
    cities = report_cities(tables["field_reports"])
    tables[cities.name] = cities
    contents[f"{cities.name}.csv"] = _csv([cities.header, *cities.rows]).encode()
    for resource in package["resources"]:
        content = contents[resource["path"]]
        resource["rows"] = len(tables[resource["name"]].rows)
        resource["bytes"] = len(content)
        resource["hash"] = f"sha256:{sha256(content).hexdigest()}"
    faults = schema_faults(package, contents)
    # A fault in the derived table is better told of the table that it comes from.
    refuse([fault for fault in faults if fault.table != cities.name], folder)
    refuse(all_faults(package, tables) + faults, folder)
    return {
        f"{cities.name}.csv": contents[f"{cities.name}.csv"].decode(),
        CHECKSUMS: checksums_text(tables.values()),
        DESCRIPTOR: json_text(package) + "\n",
        PAGE: page(package),
    }


def stale(folder: Path) -> list[str]:
    """Return the generated files that are not what the tables and the descriptor say.

    Parameters
    ----------
    folder : Path
        The folder of tables.

    Returns
    -------
    list of str
        File names; for the descriptor also the tables whose rows, bytes or hash have changed.
    """
    names = []
    for name, text in build(folder).items():
        old = (folder / name).read_text(encoding="utf-8") if (folder / name).is_file() else ""
        if old != text:
            names.append(f"{name} ({_changed_tables(old, text)})" if name == DESCRIPTOR else name)
    return names


def write(folder: Path) -> list[str]:
    """Write the generated files that have changed, each whole or not at all.

    Parameters
    ----------
    folder : Path
        The folder of tables.

    Returns
    -------
    list of str
        The names of the files written.
    """
    written = []
    for name, text in build(folder).items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != text.encode():
            _write_whole(path, text)
            written.append(name)
    return written


def report_cities(reports: Table) -> Table:
    """Return one row for each field report and city, in the order of the reports.

    Parameters
    ----------
    reports : Table
        The table ``field_reports``.

    Returns
    -------
    Table
        The table ``field_report_cities``.
    """
    pairs = ((row["report_id"], city) for _, row in reports.records() for city in row["city_ids"].split(";") if city)
    return Table("field_report_cities", ("report_id", "city_id"), tuple(pairs))


def checksums_text(tables: Iterable[Table]) -> str:
    """Return ``checksums.csv``: one line a row and one a column of every table.

    Parameters
    ----------
    tables : iterable of Table
        The tables, in the order of the package.

    Returns
    -------
    str
        The text of the file.
    """
    lines = [("table", "kind", "key", "crc32")]
    for table in tables:
        lines += [(table.name, *key, crc) for key, crc in checksums(table.header, table.rows).items()]
    return _csv(lines)


def refuse(faults: Sequence[Fault], folder: Path) -> None:
    """Raise when there are faults.

    Parameters
    ----------
    faults : sequence of Fault
        What is wrong.
    folder : Path
        The folder of tables, for the message.

    Raises
    ------
    EvidenceError
        With the first fault as place and cause, and the others after it.
    """
    if not faults:
        return
    first, *others = faults
    shown = [f"{folder.name}/{fault.where}: {fault.value!r} {fault.what}" for fault in others[:FAULTS_SHOWN]]
    if unseen := len(others) - len(shown):
        shown.append(f"and {unseen} more")
    raise EvidenceError(
        "\n".join([f"{first.value!r} {first.what}", *shown]),
        f"{folder.name}/{first.where}",
        f"nothing was written: correct the cell, or the schema in {DESCRIPTOR}, then run {COMMAND}",
    )


def json_text(value: object, indent: int = 0) -> str:
    """Return JSON with two blanks of indent, short flat lists and objects on one line.

    Parameters
    ----------
    value : object
        What ``json.dumps`` takes.
    indent : int
        Blanks before the line that the value begins on.

    Returns
    -------
    str
        The text, without a final newline.
    """
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    line = json.dumps(value, ensure_ascii=False)
    nested = any(isinstance(item, dict | list) for item in items)
    if not items or (not nested and len(line) + indent < LINE_LENGTH):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {json_text(item, indent + 2)}" for key, item in value.items()]
    else:
        parts = [json_text(item, indent + 2) for item in items]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return f"{start}\n" + ",\n".join(inner + part for part in parts) + f"\n{' ' * indent}{end}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Validate and refresh the data package.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is stale")
    check = parser.parse_args(arguments).check
    folder = data_folder()
    try:
        names = stale(folder) if check else write(folder)
    except EvidenceError as error:
        print(error, file=sys.stderr)
        return 1
    state = f"is stale: run {COMMAND} and look at what it changes" if check else "written"
    print("\n".join(f"{folder.name}/{name} {state}" for name in names) or "up to date")
    return int(check and bool(names))


def _table(resource: Mapping[str, Any], contents: Mapping[str, bytes], folder: Path) -> Table:
    """Read one table as text; refuse a file that is missing or has another shape."""
    where, fields = f"{folder.name}/{resource['path']}", [f["name"] for f in resource["schema"]["fields"]]
    remedy = f"nothing was written: mend the file, then run {COMMAND}"
    if resource["path"] not in contents:
        raise EvidenceError("the file does not exist", where, remedy)
    content = contents[resource["path"]]
    if content.startswith(b"\xef\xbb\xbf") or b"\r" in content or not content.endswith(b"\n"):
        raise EvidenceError("the file has a byte order mark, a CR or no line end at its end", where, remedy)
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    if header != fields:
        raise EvidenceError(f"the columns are {', '.join(header)}, not {', '.join(fields)}", where, remedy)
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise EvidenceError(f"{len(row)} cells, not {len(header)}: {row}", f"{where}, row {line}", remedy)
    return Table(resource["name"], tuple(header), tuple(map(tuple, rows)))


def _changed_tables(old: str, new: str) -> str:
    """Name the tables whose measures differ between two descriptors."""
    before = {r["name"]: r for r in json.loads(old)["resources"]}
    names = [r["name"] for r in json.loads(new)["resources"] if r != before.get(r["name"])]
    return "rows, bytes or hash of " + ", ".join(names) if names else "layout"


def _csv(lines: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue()


def _write_whole(path: Path, text: str) -> None:
    """Replace a file in one step, so that no reader sees half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    sys.exit(main())
