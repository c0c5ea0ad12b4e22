"""A table of a vintage: its fields, its rows, its entry in ``datapackage.json``."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from musan import evidence

if TYPE_CHECKING:
    from pathlib import Path

Field = Mapping[str, Any]


class Schema(TypedDict):
    """What a table has: its fields as in a data package, and the names of those that tell its rows apart."""

    fields: Sequence[Field]
    primaryKey: Sequence[str]  # the data package's word


@dataclass(frozen=True)
class Licence:
    """Under what terms a source may be used.

    Parameters
    ----------
    name, title, path : str
        As in a data package.
    redistribution : bool
        Whether its rows may be passed on.
    """

    name: str
    title: str
    path: str
    redistribution: bool

    def entry(self) -> dict[str, str]:
        """Return the entry of a data package."""
        return {"name": self.name, "title": self.title, "path": self.path}


@dataclass(frozen=True)
class Table:
    """Rows in the form of ``data/``: CSV, text cells, an empty cell for what is missing.

    Parameters
    ----------
    name, title, description : str
        As in a data package.
    schema : Schema
        ``fields`` and ``primaryKey``.
    rows : sequence of mapping
        Field name to value; numbers may be decimals, yes and no booleans, what is missing None.
    """

    name: str
    title: str
    description: str
    schema: Schema
    rows: Sequence[Mapping[str, object]]

    def write(self, folder: Path, licence: Licence) -> dict[str, Any]:
        """Write ``NAME.csv``, sorted by the key, and return the entry of the data package.

        Parameters
        ----------
        folder : Path
            Where to.
        licence : Licence
            Its terms.
        """
        names = [field["name"] for field in self.schema["fields"]]
        key = self.schema["primaryKey"]
        lines = sorted(
            ([cell(row.get(name)) for name in names] for row in self.rows),
            key=lambda line: [line[names.index(name)] for name in key],
        )
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([names, *lines])
        content = text.getvalue().encode()
        (folder / f"{self.name}.csv").write_bytes(content)
        return {
            "name": self.name,
            "path": f"{self.name}.csv",
            "title": self.title,
            "description": self.description,
            "type": "table",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "rows": len(lines),
            "bytes": len(content),
            "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
            "licenses": [licence.entry()],
            "schema": {"fields": list(self.schema["fields"]), "primaryKey": list(key)},
        }


def cell(value: object) -> str:
    """Return a value as the text of a cell.

    Parameters
    ----------
    value : object
        A decimal is written without an exponent and without zeros that say nothing.

    Examples
    --------
    >>> cell(Decimal("1.5E+3")), cell(Decimal("0.250")), cell(True), cell(None)
    ('1500', '0.25', 'yes', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def field(name: str, kind: str, title: str, description: str, **more: Any) -> Field:
    """Return a field of a schema.

    Parameters
    ----------
    name, kind, title, description : str
        As in a data package; the names of the types are those of :mod:`musan.evidence`.
    **more
        ``unit``, ``semantic``, or ``required``, ``enum``, ``pattern`` and ``minimum`` (constraints).
    """
    about: dict[str, Any] = {"name": name, "type": kind, "title": title, "description": description}
    about |= {key: more.pop(key) for key in ("unit", "semantic") if key in more}
    if kind == "boolean":
        about |= {"trueValues": ["yes"], "falseValues": ["no"]}
    return about | ({"constraints": more} if more else {})


def committed_schema(name: str) -> Schema:
    """Return the schema of a committed table, for a table of a vintage that can stand in its place.

    Parameters
    ----------
    name : str
        The table.
    """
    schema = evidence.resource(name)["schema"]
    return {"fields": schema["fields"], "primaryKey": schema["primaryKey"]}


def citation(used_by: str, **about: object) -> Table:
    """Return a table ``sources`` with the one source of a vintage, published and seen today.

    Parameters
    ----------
    used_by : str
        The table that rests on it.
    **about
        The other cells of its row.
    """
    entry = evidence.resource("sources")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    row = {"used_by": used_by, "published": today, "date_inferred": False, "accessed": today, **about}
    return Table("sources", entry["title"], entry["description"], committed_schema("sources"), [row])
