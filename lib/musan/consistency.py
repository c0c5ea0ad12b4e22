"""What a table's schema can't say: sums, orders and ties between tables."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")

# In each pair the first may not lie above the second.
ORDERED_NUMBERS = (
    ("low", "central"),
    ("central", "high"),
    ("low", "value"),
    ("value", "high"),
    ("low", "high"),
    ("estimate_low", "estimate_high"),
    ("value_low", "value_high"),
    ("quantity_low", "quantity_high"),
)
ORDERED_DATES = (("period_start", "period_end"), ("effective_from", "effective_to"))


@dataclass(frozen=True)
class Table:
    """A table as text.

    Parameters
    ----------
    name : str
        The name of the table, which is also the name of its file without ``.csv``.
    header : tuple of str
        The names of the columns.
    rows : tuple of tuple of str
        The cells, without the header.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the line number of each row (the header is line 1) and its cells by column."""
        for line, row in enumerate(self.rows, start=2):
            yield line, dict(zip(self.header, row, strict=True))


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in one place.

    Parameters
    ----------
    table : str
        The name of the table.
    row : int
        The line number in the file; 0 for the table as a whole.
    column : str
        The name of the column; empty for the row as a whole.
    value : str
        The cell.
    what : str
        What is wrong with it.
    """

    table: str
    row: int
    column: str
    value: str
    what: str

    @property
    def where(self) -> str:
        """File, row and column."""
        row = f", row {self.row}" if self.row else ""
        column = f", column {self.column}" if self.column else ""
        return f"{self.table}.csv{row}{column}"


def all_faults(package: Mapping[str, Any], tables: Mapping[str, Table]) -> list[Fault]:
    """Return every fault in tables that already follow their schemas.

    Parameters
    ----------
    package : mapping
        The descriptor of the data package.
    tables : mapping of str to Table
        All its tables.

    Returns
    -------
    list of Fault
        Empty when all is well.
    """
    faults: list[Fault] = []
    for resource in package["resources"]:
        table = tables[resource["name"]]
        numeric = [f["name"] for f in resource["schema"]["fields"] if f["type"] in ("number", "integer")]
        faults += stray_blanks(table)
        faults += repeated_rows(table)
        faults += unsorted_rows(table, resource.get("sortedBy", []))
        faults += odd_numbers(table, numeric)
        faults += wrong_order(table)
        faults += unknown_list_keys(table, resource, tables)
    faults += wrong_used_by(package, tables)
    faults += missing_addresses(tables["sources"])
    faults += unequal_parts(tables["exports_by_product_2016"])
    faults += unequal_sexes(tables["refugee_arrivals"])
    return faults


def stray_blanks(table: Table) -> list[Fault]:
    """Return the cells with blanks at an end, two blanks in a row, or a line break."""
    return [
        Fault(table.name, line, column, value, "has stray blanks or a line break")
        for line, row in table.records()
        for column, value in row.items()
        if value != value.strip() or "  " in value or "\n" in value
    ]


def repeated_rows(table: Table) -> list[Fault]:
    """Return the rows that stand twice in a table."""
    first: dict[tuple[str, ...], int] = {}
    return [
        Fault(table.name, line, "", ",".join(row), f"is the same as row {first[row]}")
        for line, row in enumerate(table.rows, start=2)
        if first.setdefault(row, line) != line
    ]


def unsorted_rows(table: Table, columns: Iterable[str]) -> list[Fault]:
    """Return the rows that stand below a row they should precede."""
    places = [table.header.index(column) for column in columns]
    keys = [[row[place] for place in places] for row in table.rows]
    return [
        Fault(table.name, line, ", ".join(columns), " ".join(key), "sorts before the row above it")
        for line, (above, key) in enumerate(pairwise(keys), start=3)
        if above > key
    ]


def odd_numbers(table: Table, columns: Iterable[str]) -> list[Fault]:
    """Return the numbers with an exponent, a leading zero, a plus or a separator."""
    return [
        Fault(table.name, line, column, row[column], "is not a plain number")
        for line, row in table.records()
        for column in columns
        if row[column] and not PLAIN_NUMBER.fullmatch(row[column])
    ]


def wrong_order(table: Table) -> list[Fault]:
    """Return the lows above their highs and the periods that end before they start."""
    numbers = [pair for pair in ORDERED_NUMBERS if set(pair) <= set(table.header)]
    dates = [pair for pair in ORDERED_DATES if set(pair) <= set(table.header)]
    faults = []
    for line, row in table.records():
        for low, high in numbers:
            if row[low] and row[high] and float(row[low]) > float(row[high]):
                faults.append(Fault(table.name, line, low, row[low], f"is above {high} {row[high]}"))
        for start, end in dates:
            a, b = row[start], row[end]
            # A date without its day or month is compared as far as both go.
            if a and b and a[: len(b)] > b[: len(a)]:
                faults.append(Fault(table.name, line, start, a, f"is after {end} {b}"))
    return faults


def unknown_list_keys(table: Table, resource: Mapping[str, Any], tables: Mapping[str, Table]) -> list[Fault]:
    """Return the ids in list cells that the table they point to does not have."""
    faults = []
    for field in resource["schema"]["fields"]:
        if not (key := field.get("listForeignKey")):
            continue
        known = {row[key["field"]] for _, row in tables[key["resource"]].records()}
        faults += [
            Fault(table.name, line, field["name"], value, f"is not a {key['field']} of {key['resource']}")
            for line, row in table.records()
            for value in row[field["name"]].split(field["delimiter"])
            if value and value not in known
        ]
    return faults


def wrong_used_by(package: Mapping[str, Any], tables: Mapping[str, Table]) -> list[Fault]:
    """Return the sources whose ``used_by`` is not the list of tables that cite them."""
    used: dict[str, set[str]] = defaultdict(set)
    for resource in package["resources"]:
        columns = list(_citing_columns(resource["schema"]))
        for _, row in tables[resource["name"]].records():
            for column in columns:
                for source in row[column].split(";"):
                    used[source].add(resource["name"])
    return [
        Fault("sources", line, "used_by", row["used_by"], f"should be {expected!r}")
        for line, row in tables["sources"].records()
        if row["used_by"] != (expected := ";".join(sorted(used[row["source_id"]])))
    ]


def _citing_columns(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the columns that hold ids of sources."""
    for key in schema.get("foreignKeys", []):
        if key["reference"]["resource"] == "sources":
            yield from key["fields"]
    for field in schema["fields"]:
        if field.get("listForeignKey", {}).get("resource") == "sources":
            yield field["name"]


def missing_addresses(sources: Table) -> list[Fault]:
    """Return the sources without an address whose note does not say why."""
    return [
        Fault("sources", line, "url", "", "is empty, and the note does not say 'no stable address'")
        for line, row in sources.records()
        if not row["url"] and "no stable address" not in row["note"]
    ]


def unequal_parts(exports: Table) -> list[Fault]:
    """Return the faults of a table of parts: no single total, a wrong total, a skipped rank."""
    rows = list(exports.records())
    parts = sum(float(row["value_usd"]) for _, row in rows if row["row_type"] != "total")
    totals = [(line, row["value_usd"]) for line, row in rows if row["row_type"] == "total"]
    products = [(line, row["rank"]) for line, row in rows if row["row_type"] == "product"]
    if len(totals) != 1:
        return [Fault(exports.name, 0, "row_type", "total", f"is in {len(totals)} rows, not in one")]
    return [
        Fault(exports.name, line, "value_usd", total, f"is not the sum of its parts, {parts:.0f}")
        for line, total in totals
        if abs(float(total) - parts) > 0.5
    ] + [
        Fault(exports.name, line, "rank", rank, f"should be {place}")
        for place, (line, rank) in enumerate(products, start=1)
        if rank != str(place)
    ]


def unequal_sexes(arrivals: Table) -> list[Fault]:
    """Return the years in which men and women do not add up to the total."""
    return [
        Fault(arrivals.name, line, "total", row["total"], f"is not {row['male']} and {row['female']}")
        for line, row in arrivals.records()
        if int(row["male"]) + int(row["female"]) != int(row["total"])
    ]
