"""What changed between two vintages, two folders of tables or two runs: figures, and the verdicts they turn.

Figures are compared row by row, rows told apart by the key of their table. Beyond the key, where a figure comes
from (sources, notes) is not compared: a new vintage has a new source by its nature.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

from musan import reads
from musan.collection import keys
from musan.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

DESCRIPTOR, VERDICTS = "datapackage.json", "verdicts.json"
NUMBERS = ("number", "integer")
PROVENANCE = ("source_id", "other_source_ids", "second_source_id", "note")
CITATIONS = "sources"  # the table of sources holds no figures
PERIODS = ("month", "period", "quarter", "year", "period_start", "date")
ASPECTS = {"statement": "notebook", "attribution": "attribution_notebook"}  # verdict -> who gave it
# Large table -> the column that it is sorted by.
COUNTRY_OF = {"flows_by_exporter": "exporter", "flows_by_importer": "importer", "bulk_by_partner": "partner_code"}
DPRK = 408  # in BACI and in UN Comtrade
SHOWN_FIGURES = 3  # that one verdict's explanation names before it counts

Row = dict[str, str]
Rows = dict[tuple[str, ...], Row]


@dataclass(frozen=True)
class Figure:
    """A figure that is new, revised or gone.

    Parameters
    ----------
    what : {"added", "revised", "gone"}
    table : str
        Its table.
    row : str
        What tells its row apart, in words.
    column : str
        Its column; empty for a whole row.
    before, after : str
        As printed; empty where there is none.
    change : float, optional
        After against before, as a fraction; None where one is not a number or before is zero.
    """

    what: Literal["added", "revised", "gone"]
    table: str
    row: str
    column: str = ""
    before: str = ""
    after: str = ""
    change: float | None = None

    def words(self) -> str:
        """Return the figure in a sentence without a full stop."""
        if self.what != "revised":
            return f"{self.table}: {self.row} {self.what}"
        by = f" ({100 * self.change:+.1f} %)" if self.change is not None else ""
        return f"{self.table}: {self.row}, {self.column} {self.before or 'empty'} -> {self.after or 'empty'}{by}"


@dataclass(frozen=True)
class Turn:
    """A verdict that is another one now.

    Parameters
    ----------
    claim, title : str
        The claim.
    aspect : {"statement", "attribution"}
        Is it true, or are sanctions the cause.
    before, after : str
        The verdicts.
    why : tuple of str
        What changed before it: estimate, reasons, figures, tables, code.
    """

    claim: str
    title: str
    aspect: str
    before: str
    after: str
    why: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """What changed between two folders.

    Parameters
    ----------
    before, after : str
        The folders.
    figures : tuple of Figure
        By table; the largest revisions of a table first.
    verdicts : tuple of Turn
        In the order of the ledger.
    remarks : tuple of str
        What could not be compared, and why.
    tables : tuple of str
        The tables that were compared.
    """

    before: str
    after: str
    figures: tuple[Figure, ...] = ()
    verdicts: tuple[Turn, ...] = ()
    remarks: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return how many figures were added, revised and gone."""
        found = Counter(figure.what for figure in self.figures)
        return {what: found[what] for what in ("added", "revised", "gone")}

    def as_json(self) -> str:
        """Return all of it as JSON."""
        content = {"counts": self.counts(), **asdict(self)}
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class _Table:
    """A table as it is compared."""

    key: list[str]
    columns: list[str]
    rows: Rows
    period: str


def compare(before: Path, after: Path, data: tuple[Path, Path] | None = None) -> Comparison:
    """Return what changed from one folder to another.

    Parameters
    ----------
    before, after : Path
        Two folders of one kind: data packages (vintages, folders of tables) or outputs of `musan run`.
    data : tuple of Path, optional
        For outputs: the tables that each was run with, so that figures and verdicts are named together.

    Returns
    -------
    Comparison

    Raises
    ------
    EvidenceError
        When a folder is neither, or the two are not of one kind.
    """
    kinds = [_kind(folder) for folder in (before, after)]
    if kinds[0] != kinds[1]:
        what = f"the first is {kinds[0]}, the second {kinds[1]}"
        raise EvidenceError(what, f"{before} and {after}", "compare two of a kind")
    if kinds[0] == "a data package":
        return _packages(before, after)
    evidence = _packages(*data) if data else Comparison("", "")
    remarks = evidence.remarks
    if data:
        remarks += tuple(_other_tables(before, data[0])) + tuple(_other_tables(after, data[1]))
    turns = tuple(_turns(before, after, evidence.figures))
    return Comparison(str(before), str(after), evidence.figures, turns, remarks, evidence.tables)


def _kind(folder: Path) -> str:
    if (folder / VERDICTS).is_file():
        return "an output"
    if (folder / DESCRIPTOR).is_file():
        return "a data package"
    remedy = "give a vintage, a folder of tables, or an output of `musan run`"
    raise EvidenceError(f"has neither {DESCRIPTOR} nor {VERDICTS}", str(folder), remedy)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(f"is not JSON ({error})", str(path), "make it again") from error


# Figures


def _packages(before: Path, after: Path) -> Comparison:
    """Compare the tables that two data packages have in common."""
    old, new = (_json(folder / DESCRIPTOR) for folder in (before, after))
    entries = [{entry["name"]: entry for entry in package["resources"]} for package in (old, new)]
    common = [name for name in entries[0] if name in entries[1] and name != CITATIONS]
    remarks = [
        f"{name} is only in {before if name in entries[0] else after}"
        for name in {**entries[0], **entries[1]}
        if name not in (*common, CITATIONS)
    ]
    since = max(str(old.get("since", "")), str(new.get("since", "")))
    figures: list[Figure] = []
    for name in common:
        found, said = _tables((before, after), [each[name] for each in entries], since)
        changed = list(_figures(name, *found))
        if changed and not entries[0][name]["schema"].get("primaryKey"):
            said.append(f"{name}: has no key, so rows are told apart by their words")
        remarks += said
        figures += changed
    if not common:
        raise EvidenceError("the two have no table in common", f"{before} and {after}", "compare two of one source")
    return Comparison(str(before), str(after), tuple(figures), (), tuple(dict.fromkeys(remarks)), tuple(common))


def _tables(
    folders: Sequence[Path], entries: Sequence[Mapping[str, Any]], since: str
) -> tuple[list[_Table], list[str]]:
    """Return one table of both packages in the form that is compared, and remarks on it."""
    name = entries[0]["name"]
    fields = [{field["name"]: field for field in entry["schema"]["fields"]} for entry in entries]
    keys_of = [entry["schema"].get("primaryKey") or [] for entry in entries]
    key = list(keys_of[0]) if keys_of[0] == keys_of[1] else []
    both = [column for column in fields[0] if column in fields[1]]
    columns = [column for column in both if column in key or column not in PROVENANCE]
    remarks = [f"{name}: the column {column} is new or gone" for column in fields[0].keys() ^ fields[1].keys()]
    if not key:
        key = [column for column in columns if fields[0][column]["type"] not in NUMBERS]
    period = next((column for column in PERIODS if column in key), "")
    found = []
    for folder, entry in zip(folders, entries, strict=True):
        rows, said = _rows(folder, entry)
        remarks += said
        found.append(_Table(key, columns, _keyed(rows, key), period))
    if since and period:
        early = [sum(row[period] < since[: len(row[period])] for row in table.rows.values()) for table in found]
        if any(early):
            remarks.append(f"{name}: {sum(early):,} rows before {since} are left out, where only one begins earlier")
            found = [_from(table, since) for table in found]
    return found, remarks


def _from(table: _Table, since: str) -> _Table:
    period = table.period
    rows = {key: row for key, row in table.rows.items() if row[period] >= since[: len(row[period])]}
    return _Table(table.key, table.columns, rows, period)


def _rows(folder: Path, entry: Mapping[str, Any]) -> tuple[list[Row], list[str]]:
    """Return the rows of a table as text, and remarks."""
    if entry.get("format") == "parquet":
        return _dprk(folder, entry)
    path = folder / entry["path"]
    if not path.is_file():
        raise EvidenceError("the table is missing", str(path), "restore it, or fetch the vintage again")
    content = path.read_bytes()
    same = f"sha256:{hashlib.sha256(content).hexdigest()}" == entry["hash"]
    remarks = [] if same else [f"{path} is not as it was recorded"]
    try:
        table = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), restval="")
    except UnicodeDecodeError as error:
        raise EvidenceError(f"is not UTF-8 text (byte {error.start})", str(path), "restore the file") from error
    names = [field["name"] for field in entry["schema"]["fields"]]
    if list(table.fieldnames or ()) != names:
        raise EvidenceError("the columns are not those of the schema", f"{path}, line 1", "restore the file")
    return list(table), remarks


def _dprk(folder: Path, resource: Mapping[str, Any]) -> tuple[list[Row], list[str]]:
    """Return the DPRK's rows of a table that is too large to be compared whole."""
    from musan.refresh.large_files import of_country

    rows = of_country(folder, resource, COUNTRY_OF[resource["name"]], DPRK)
    return rows, [f"{resource['name']}: only the trade of the DPRK is compared"]


def _keyed(rows: Sequence[Row], key: Sequence[str]) -> Rows:
    """Return rows by their key; rows with one key are numbered."""
    seen: Counter[tuple[str, ...]] = Counter()
    found: Rows = {}
    for row in rows:
        words = tuple(row[column] for column in key)
        seen[words] += 1
        found[(*words, str(seen[words]))] = row
    return found


def _figures(name: str, before: _Table, after: _Table) -> Iterator[Figure]:
    """Yield what differs: revisions, the largest first, then what is added and what is gone."""
    revised = []
    for key, row in before.rows.items():
        if key in after.rows:
            other = after.rows[key]
            revised += [
                Figure("revised", name, _words(key), column, row[column], other[column], change)
                for column in before.columns
                if column not in before.key
                for differs, change in [_difference(row[column], other[column])]
                if differs
            ]
    yield from sorted(revised, key=lambda figure: -abs(figure.change or 0))
    yield from (Figure("added", name, _words(key)) for key in after.rows if key not in before.rows)
    yield from (Figure("gone", name, _words(key)) for key in before.rows if key not in after.rows)


def _words(key: tuple[str, ...]) -> str:
    *words, number = key
    text = ", ".join(word for word in words if word)
    return text if number == "1" else f"{text} (no. {number})"


def _difference(before: str, after: str) -> tuple[bool, float | None]:
    """Return whether two cells differ, and by what fraction."""
    if before == after:
        return False, None
    try:
        old, new = Decimal(before), Decimal(after)
    except InvalidOperation:
        return True, None
    return old != new, float(new / old - 1) if old and old != new else None


# Verdicts


def _turns(before: Path, after: Path, figures: Sequence[Figure]) -> Iterator[Turn]:
    """Yield the verdicts that differ."""
    old = {row["claim"]: row for row in _json(before / VERDICTS)}
    for row in _json(after / VERDICTS):
        was = old.get(row["claim"])
        for aspect, notebook in ASPECTS.items():
            verdict = was[aspect] if was else "no such claim"
            if verdict != row[aspect]:
                why = list(_causes(before, after, row[notebook], figures))
                why += _estimate(was, row) if was and aspect == "statement" else ()
                why = why or ["nothing that is recorded changed: run both again with this version"]
                yield Turn(row["claim"], row["title"], aspect, verdict, row[aspect], tuple(why))


def _estimate(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for column in ("estimate", "reasons"):
        if before[column] != after[column]:
            yield f"{column}: {before[column] or 'none'} -> {after[column] or 'none'}"


def _causes(before: Path, after: Path, notebook: str, figures: Sequence[Figure]) -> Iterator[str]:
    """Yield the figures, tables and code behind a notebook that differ."""
    old, new = keys.kept(before, notebook), keys.kept(after, notebook)
    if old is None or new is None:
        yield from _named(figures)
        for folder in (before, after):
            if not (folder / "notebooks" / f"{notebook}.ipynb").is_file():
                yield f"{notebook} was not run into {folder.name}"
        return
    before_it, after_it = (each.givens["parameters"].get("vintage") or "none" for each in (old, new))
    tables = [
        name
        for name, digest in new.tables.items()
        if old.tables.get(name) != digest and name.rpartition("/")[2] != CITATIONS
    ]
    if before_it != after_it:
        yield f"vintage: {before_it} -> {after_it}"
        tables = [name for name in tables if "/" not in name]
    mine = [figure for figure in figures if figure.table in tables]
    yield from _named(mine)
    if silent := [name for name in tables if name not in {figure.table for figure in mine}]:
        yield f"tables changed: {', '.join(silent)}"
    was, now = (_apart_from_figures(each.givens) for each in (old, new))
    differ = [part for part in now if was.get(part) != now[part]]
    if differ:
        yield f"not only figures differ: {', '.join(differ)}"


def _apart_from_figures(givens: keys.Givens) -> keys.Givens:
    """Return what was known before a run, without what says which figures it read."""
    rest = {part: value for part, value in givens.items() if part not in ("catalogue", "vintages")}
    parameters = {name: value for name, value in givens["parameters"].items() if name != "vintage"}
    return rest | {"parameters": parameters}


def _named(figures: Sequence[Figure]) -> Iterator[str]:
    for figure in figures[:SHOWN_FIGURES]:
        yield figure.words()
    if (more := len(figures) - SHOWN_FIGURES) > 0:
        yield f"and {more} more figures"


def _other_tables(output: Path, data: Path) -> Iterator[str]:
    """Yield a remark when an output was not made from the tables that it is said to be made from."""
    now = {entry["name"]: reads.digest(entry) for entry in _json(data / DESCRIPTOR)["resources"]}
    for path in sorted((output / "keys").glob("*.json")):
        last = keys.kept(output, path.stem)
        for table, digest in (last.tables if last else {}).items():
            if table in now and now[table] != digest:
                yield f"{output} was not run with {data}: {table} is another one"
                return
