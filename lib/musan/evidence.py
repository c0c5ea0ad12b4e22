"""Load the published figures, verified and typed, and say where each comes from.

``load("trade_monthly")`` reads one table of the data package in ``data/``. It refuses a file whose
hash is not the recorded one and any cell that breaks the table's schema, and it names the file, the
row, the column, the value and what to do. ``filter_basis`` and ``exclude`` make the cautions of the
catalogue one call each; ``sources`` gives the citations behind any frame.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from musan import checksums, reads
from musan.errors import EvidenceError, nearest
from musan.locations import data_folder
from musan.refresh import vintages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

BASIS = ("reported", "rounded", "derived", "implied", "estimate", "claim")
UNDER_TEST = "asiapress-2018-08-exports-drop"  # the article's own pages, as sources of rows

# Rows whose first coding the codebook calls doubtful.
DOUBTFUL_CODING = frozenset(
    f"FR{number:03d}"
    for number in (24, 49, 58, 93, 98, 115, 123, 128, 142, 153, 154, 194, 195, 206, 209, 210, 213, 217, 222, 234)
)
# The April 2019 New York Times item quotes the head of ASIAPRESS: not independent of the article.
NOT_INDEPENDENT = frozenset({"nyt-2019-04-state-economy-falters"})


def _folder(folder: Path | None) -> Path:
    return data_folder() if folder is None else folder


@lru_cache(maxsize=8)
def _package_text(path: Path, modified: int) -> dict[str, Any]:
    del modified  # part of the cache key only
    try:
        package: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise EvidenceError(
            f"is not valid JSON ({error.msg})",
            f"{path}, line {error.lineno}",
            "restore it from git, or fetch the vintage again",
        ) from error
    return package


def package(folder: Path | None = None) -> dict[str, Any]:
    """Return the descriptor ``datapackage.json`` as a dictionary.

    Parameters
    ----------
    folder : Path, optional
        Folder of the data package; the committed tables by default.

    Raises
    ------
    EvidenceError
        When the descriptor is missing or is not JSON.
    """
    path = _folder(folder) / "datapackage.json"
    if not path.is_file():
        raise EvidenceError(
            "the data package has no descriptor", str(path), "restore it from git, or fetch the vintage again"
        )
    return _package_text(path, path.stat().st_mtime_ns)


def tables(folder: Path | None = None) -> list[str]:
    """Return the names of all tables of the package."""
    return [resource["name"] for resource in package(folder)["resources"]]


def resource(name: str, folder: Path | None = None) -> dict[str, Any]:
    """Return the descriptor of one table: title, description, cautions, licences, schema.

    That it was asked for is noted in the notebook that runs (:mod:`musan.reads`).

    Raises
    ------
    EvidenceError
        When no table has this name; the nearest name is given.
    """
    for entry in package(folder)["resources"]:
        if entry["name"] == name:
            found: dict[str, Any] = entry
            elsewhere = folder is not None and folder.resolve() != data_folder()
            reads.note(vintages.noted_name(_folder(folder), name) if elsewhere else name, found)
            return found
    where, _ = _place(_folder(folder), "datapackage.json")
    raise EvidenceError(f"there is no table {name!r}", where, nearest(name, tables(folder)))


def _is_vintage(folder: Path) -> bool:
    return "retrieved" in package(folder)


def _place(folder: Path, file: str) -> tuple[str, str]:
    """Return a file of a data package as messages name it, and how to have it back as it was."""
    if _is_vintage(folder):
        fetch = f"fetch another with `musan refresh {folder.parent.name}`"
        return str(folder / file), f"a vintage is never changed: {fetch}"
    return f"data/{file}", f"run `git checkout -- data/{file}`"


def _read_cells(path: Path, entry: dict[str, Any], folder: Path) -> tuple[list[str], list[list[str]]]:
    """Return header and rows as text, after the hash of the file has been checked."""
    where, remedy = _place(folder, path.name)
    if not path.is_file():
        raise EvidenceError("the table is missing", str(path), remedy)
    raw = path.read_bytes()
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8"), newline="")))
    except UnicodeDecodeError as error:
        raise EvidenceError(f"is not UTF-8 text (byte {error.start})", where, remedy) from error
    if not rows:
        raise EvidenceError("is empty", where, remedy)
    header, body = rows[0], rows[1:]
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise EvidenceError(
                f"has {len(row)} cells, the header has {len(header)}",
                f"{where}, line {number}",
                remedy if _is_vintage(folder) else f"correct the line or {remedy}",
            )
    if f"sha256:{hashlib.sha256(raw).hexdigest()}" != entry["hash"]:
        raise EvidenceError(*_what_changed(path, header, body, folder))
    return header, body


def _what_changed(path: Path, header: list[str], body: list[list[str]], folder: Path) -> tuple[str, str, str]:
    """Return what, where and remedy for a table that is not the recorded one."""
    where, remedy = _place(folder, path.name)
    if _is_vintage(folder):
        return "the bytes of the file differ from the recorded hash", where, remedy
    remedy += " to restore it, or, if the change is meant, `python -m musan.catalogue` to record it"
    recorded = checksums.read(folder / "checksums.csv", path.stem)
    lines, columns = checksums.locate(header, body, recorded)
    if not lines and not columns:
        return (
            "the bytes of the file differ from the recorded hash though every cell is the same",
            where,
            remedy,
        )
    if len(lines) == 1 and len(columns) == 1:
        cell = body[lines[0] - 2][header.index(columns[0])]
        return (
            f"the cell {cell!r} is not the recorded one",
            f"{where}, line {lines[0]}, column {columns[0]}",
            remedy,
        )
    shown = ", ".join(map(str, lines[:8])) + (" ..." if len(lines) > 8 else "")
    return (
        f"{len(lines)} rows are not the recorded ones",
        f"{where}, lines {shown}, columns {', '.join(columns) or 'none'}",
        remedy,
    )


def _refuse(folder: Path, table: str, field: str, line: int, value: str, why: str) -> EvidenceError:
    shown = f"{value!r} {why}" if value else "the cell is empty but a value is required"
    where, remedy = _place(folder, f"{table}.csv")
    remedy = remedy if _is_vintage(folder) else f"correct the cell, or {remedy}"
    return EvidenceError(shown, f"{where}, line {line}, column {field}", remedy)


_PATTERNS = {
    # Eighteen digits are what a 64-bit integer surely holds.
    "number": r"-?(0|[1-9]\d{0,17})(\.\d+)?",
    "integer": r"-?(0|[1-9]\d{0,17})",
    "year": r"(1[89]|20)\d\d",
    "yearmonth": r"(1[89]|20)\d\d-(0[1-9]|1[0-2])",
    "boolean": r"yes|no",
}
_NAMES = {
    "number": "is not a plain number",
    "integer": "is not a whole number",
    "year": "is not a year YYYY",
    "yearmonth": "is not a month YYYY-MM",
    "boolean": "is neither yes nor no",
}


def _check(folder: Path, table: str, field: dict[str, Any], cells: pd.Series[str]) -> None:
    """Refuse the first cell that breaks the field's type or constraints."""
    rules = field.get("constraints", {})
    filled = cells[cells != ""]

    def refuse(bad: pd.Series[bool], why: str) -> None:
        if bad.any():
            index = int(bad[bad].index.to_numpy(dtype=int)[0])
            raise _refuse(folder, table, field["name"], index + 2, str(cells[index]), why)

    if rules.get("required"):
        refuse(cells == "", "")
    if field["type"] in _PATTERNS:
        refuse(~filled.str.fullmatch(_PATTERNS[field["type"]], flags=re.ASCII), _NAMES[field["type"]])
    if "enum" in rules:
        refuse(
            ~filled.isin([str(value) for value in rules["enum"]]),
            f"is not one of {', '.join(map(str, rules['enum']))}",
        )
    if "pattern" in rules:
        refuse(~filled.str.fullmatch(rules["pattern"], flags=re.ASCII), f"does not have the form {rules['pattern']}")
    if field.get("semantic") == "date":
        refuse(~filled.map(_on_the_calendar).astype(bool), "is not a date of the calendar")
    if rules.get("unique"):
        refuse(filled.duplicated(), "stands in an earlier row already")
    if field["type"] in ("number", "integer", "year"):
        numbers = pd.to_numeric(filled)
        if "minimum" in rules:
            refuse(numbers < float(rules["minimum"]), f"is below the minimum {rules['minimum']}")
        if "maximum" in rules:
            refuse(numbers > float(rules["maximum"]), f"is above the maximum {rules['maximum']}")


def _on_the_calendar(text: str) -> bool:
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return False
    return True


def as_period(text: str) -> pd.Period | None:
    """Return a date as the period that was printed: a year, a month or a day; ``None`` for "".

    >>> as_period("2017"), as_period("2017-09"), as_period("2017-09-05")
    (Period('2017', 'Y-DEC'), Period('2017-09', 'M'), Period('2017-09-05', 'D'))
    """
    if not text:
        return None
    return pd.Period(text, freq={4: "Y", 7: "M", 10: "D"}[len(text)])


def _typed(field: dict[str, Any], cells: pd.Series[str]) -> pd.Series[Any]:
    """Return the column with its proper type; the cells have been checked."""
    missing = cells.where(cells != "", None)
    kind, semantic = field["type"], field.get("semantic")
    if kind == "boolean":
        return missing.map({"yes": True, "no": False}).astype("boolean")
    if kind == "integer":
        return pd.to_numeric(missing).astype("Int64")
    if kind == "number":
        return pd.to_numeric(missing).astype("Float64")
    if kind in ("year", "yearmonth") or semantic == "quarter":
        frequency = {"year": "Y", "yearmonth": "M"}.get(kind, "Q")
        return pd.Series(pd.PeriodIndex(missing, freq=frequency), index=cells.index)
    if semantic == "date":
        return pd.Series([as_period(cell) for cell in cells], index=cells.index, dtype=object)
    if semantic == "list":
        split = field.get("delimiter", ";")
        return pd.Series([tuple(cell.split(split)) if cell else () for cell in cells], index=cells.index, dtype=object)
    if "enum" in field.get("constraints", {}):
        return missing.astype(pd.CategoricalDtype([str(value) for value in field["constraints"]["enum"]]))
    return missing.astype("string")


@lru_cache(maxsize=64)
def _load(name: str, folder: Path, stamp: tuple[int, int]) -> pd.DataFrame:
    del stamp  # part of the cache key only: a changed file is read again
    entry = resource(name, folder)
    fields = entry["schema"]["fields"]
    header, body = _read_cells(folder / entry["path"], entry, folder)
    if header != [field["name"] for field in fields]:
        where, remedy = _place(folder, entry["path"])
        raise EvidenceError(
            f"the columns are {', '.join(header)}, not those of the schema",
            f"{where}, line 1",
            remedy,
        )
    text = pd.DataFrame(body, columns=header, dtype=str)
    columns = {}
    for field in fields:
        _check(folder, name, field, text[field["name"]])
        columns[field["name"]] = _typed(field, text[field["name"]])
    return pd.DataFrame(columns)


def load(name: str, *, folder: Path | None = None) -> pd.DataFrame:
    """Return one table as a typed frame, verified against its recorded hash and schema.

    Parameters
    ----------
    name : str
        Name of the table, such as ``"trade_monthly"``; see :func:`tables`.
    folder : Path, optional
        Folder of the data package; the committed tables by default.

    Returns
    -------
    DataFrame
        One row for each row of the file, in its order. Months, quarters and years are periods; dates
        of mixed precision are ``Period`` objects with the precision that was printed; closed
        vocabularies are categories; yes/no columns are nullable booleans; numbers are nullable;
        semicolon lists are tuples. ``frame.attrs["table"]`` is the name.

    Raises
    ------
    EvidenceError
        Unknown table; missing or altered file; a cell that breaks the schema.
    """
    chosen = _folder(folder)
    path = chosen / resource(name, chosen)["path"]
    stamp = (
        path.stat().st_mtime_ns if path.is_file() else 0,
        (chosen / "datapackage.json").stat().st_mtime_ns,
    )
    frame = _load(name, chosen, stamp).copy()
    frame.attrs["table"] = name
    return frame


def read_ahead() -> None:
    """Read the committed tables, so that processes forked from this one need not; they see when a file changes."""
    with reads.unnoted():
        for name in tables():
            load(name)


def provenance(*names: str, folder: Path | None = None) -> pd.DataFrame:
    """Return what identifies the tables that an analysis rests on.

    Parameters
    ----------
    *names : str
        Names of tables.
    folder : Path, optional
        Folder of the data package; the committed tables by default.

    Returns
    -------
    DataFrame
        One row a table: ``table``, ``title``, ``rows``, ``terms`` (titles of its licences), ``sha256`` (first twelve
        digits), ``vintage`` (version of the package).
    """
    entries = [resource(name, folder) for name in names]
    return pd.DataFrame(
        {
            "table": list(names),
            "title": [entry["title"] for entry in entries],
            "rows": [entry["rows"] for entry in entries],
            "terms": ["; ".join(licence["title"] for licence in entry["licenses"]) for entry in entries],
            "sha256": [entry["hash"].removeprefix("sha256:")[:12] for entry in entries],
            "vintage": package(folder)["version"],
        }
    )


def cautions(*names: str, folder: Path | None = None) -> pd.DataFrame:
    """Return the catalogue's cautions for tables: ``table``, ``caution``, one row a caution."""
    rows = [(name, text) for name in names for text in resource(name, folder)["cautions"]]
    return pd.DataFrame(rows, columns=["table", "caution"])


def starts(periods: pd.Series[Any]) -> pd.Series[Any]:
    """Return the first day of each period (``NaT`` where there is none)."""
    return pd.Series(
        [period.start_time.normalize() if isinstance(period, pd.Period) else pd.NaT for period in periods],
        index=periods.index,
        dtype="datetime64[ns]",
    )


def ends(periods: pd.Series[Any]) -> pd.Series[Any]:
    """Return the last day of each period (``NaT`` where there is none)."""
    return pd.Series(
        [period.end_time.normalize() if isinstance(period, pd.Period) else pd.NaT for period in periods],
        index=periods.index,
        dtype="datetime64[ns]",
    )


def known_sources(folder: Path | None = None, vintage: str = "") -> pd.DataFrame:
    """Return the table of sources, indexed by ``source_id``, with those of vintages after the committed ones.

    Parameters
    ----------
    folder : Path, optional
        Folder of the data package; the committed tables by default.
    vintage : str
        Names of vintages (see :func:`musan.refresh.vintages.named`).
    """
    parts = [load("sources", folder=each) for each in (folder, *(one.folder for one in vintages.named(vintage)))]
    together = pd.concat(parts, ignore_index=True) if vintage else parts[0]
    return together.drop_duplicates("source_id").set_index("source_id")


def sources(*frames: pd.DataFrame, folder: Path | None = None, vintage: str = "") -> pd.DataFrame:
    """Return the citations behind the rows of any frames.

    Parameters
    ----------
    *frames : DataFrame
        Frames with a column ``source_id`` (columns ending in ``source_id`` or ``source_ids`` count too).
    folder : Path, optional
        Folder of the data package; the committed tables by default.
    vintage : str
        Names of vintages whose sources count too.

    Returns
    -------
    DataFrame
        One row a source: ``source_id``, ``rows`` (how many rows rest on it), publisher, title,
        published, kind, url, licence_note, note; most used first.

    Raises
    ------
    EvidenceError
        When a frame has no source column, or an id is not in ``sources``.
    """
    used: dict[str, int] = {}
    for frame in frames:
        columns = [c for c in frame.columns if c.endswith(("source_id", "source_ids"))]
        if not columns:
            raise EvidenceError(
                "the frame has no column source_id",
                str(frame.attrs.get("table", "frame")),
                "keep the column when selecting, or pass the frame that evidence.load returned",
            )
        for cells in frame[columns].itertuples(index=False):
            # A row that names a source in two columns rests on it once.
            for source in dict.fromkeys(source for cell in cells for source in _ids(cell)):
                used[source] = used.get(source, 0) + 1
    known = known_sources(folder, vintage)
    if unknown := sorted(set(used) - set(known.index)):
        raise EvidenceError(f"unknown source {unknown[0]!r}", "source_id", nearest(unknown[0], map(str, known.index)))
    counts = (
        pd.Series(used, name="rows", dtype="int64").rename_axis("source_id").sort_values(ascending=False, kind="stable")
    )
    columns = ["publisher", "title", "published", "kind", "url", "licence_note", "note"]
    return counts.to_frame().join(known[columns]).reset_index()


def _ids(cell: object) -> tuple[str, ...]:
    if isinstance(cell, tuple):
        return cell
    return (cell,) if isinstance(cell, str) else ()


def filter_basis(frame: pd.DataFrame, keep: Iterable[str] = ("reported", "rounded")) -> pd.DataFrame:
    """Keep the rows whose figure came to be in one of the given ways.

    Parameters
    ----------
    frame : DataFrame
        A frame with a column ``basis``.
    keep : iterable of str
        Values of ``basis`` to keep. The default keeps what a source printed.

    Returns
    -------
    DataFrame
        The kept rows, index unchanged.

    Raises
    ------
    EvidenceError
        Unknown basis, or a frame without the column.
    """
    keep = tuple(keep)
    for value in keep:
        if value not in BASIS:
            raise EvidenceError(f"unknown basis {value!r}", "filter_basis(keep=...)", nearest(value, BASIS))
    _need(frame, "basis", "filter_basis")
    return frame[frame["basis"].isin(keep)]


def _need(frame: pd.DataFrame, column: str, call: str) -> None:
    if column not in frame.columns:
        raise EvidenceError(
            f"the frame has no column {column!r}",
            f"{call} on {frame.attrs.get('table', 'a frame')}",
            "use a table that has it; see data/README.md",
        )


def _flag(column: str) -> Callable[[pd.DataFrame], pd.Series[bool]]:
    return lambda frame: frame[column].fillna(False).astype(bool)


def _crude(frame: pd.DataFrame) -> pd.Series[bool]:
    # Since customs stopped recording pipeline crude in 2014, KOTRA adds an estimate of it to China's exports,
    # and so to all totals; the releases of its Beijing office print customs figures and do not.
    kotra = frame["source_id"].str.contains("kotra") & ~frame["source_id"].str.contains("kotra-beijing")
    note = frame["note"].fillna("").str.lower()
    with_crude = note.str.contains("crude") & ~note.str.contains("no crude|without crude")
    reached = frame["flow"].isin(["imports", "total"]) & frame["partner"].isin(["china", "world"])
    reached &= frame["product"].isin(["total", "crude", "fuels", "mineral_fuels", "mineral_oil"])
    marked: pd.Series[bool] = ((kotra | with_crude) & reached & (frame["year"].dt.year >= 2014)).astype(bool)
    return marked


# Caution -> (the columns it needs, what rows it marks, what it says).
CAUTIONS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.Series[bool]], str]] = {
    "date_inferred": ("date_inferred", _flag("date_inferred"), "the date was worked out, not printed"),
    "hs_inferred": (
        "hs_inferred",
        _flag("hs_inferred"),
        "the product code was inferred; HS26-like, not HS2601",
    ),
    "state_media": ("state_media", _flag("state_media"), "state media belong in no tally"),
    "marked": ("exclude", _flag("exclude"), "the catalogue marks the row to be left out of tallies"),
    "doubtful_coding": (
        "report_id",
        lambda frame: frame["report_id"].isin(DOUBTFUL_CODING),
        "the codebook calls the coding doubtful",
    ),
    "claim": (
        "basis",
        lambda frame: frame["basis"] == "claim",
        "a single unverified voice, or printed but doubted",
    ),
    "regional": ("region", lambda frame: frame["region"] != "all", "covers one province only"),
    "several_years": (
        "cumulative",
        _flag("cumulative"),
        "a sum over several years is never added to yearly rows",
    ),
    "crude_estimate": ("year partner flow", _crude, "KOTRA adds estimated crude oil that customs do not show"),
    "under_test": (
        "source_id",
        lambda frame: frame["source_id"].str.startswith(UNDER_TEST).astype(bool),
        "the article's own statement can't be evidence for itself",
    ),
    "not_independent": (
        "source_id",
        lambda frame: (
            frame["source_id"].isin(NOT_INDEPENDENT) | frame["source_id"].str.startswith(UNDER_TEST).astype(bool)
        ),
        "the article itself, or an item that quotes its author",
    ),
}


def exclude(frame: pd.DataFrame, *cautions: str) -> pd.DataFrame:
    """Leave out the rows that the catalogue's cautions mark.

    Parameters
    ----------
    frame : DataFrame
        A frame from :func:`load`, or a part of one.
    *cautions : str
        Names from :data:`CAUTIONS`, such as ``"state_media"`` or ``"date_inferred"``.

    Returns
    -------
    DataFrame
        The rows that remain, index unchanged. ``attrs["excluded"]`` counts the rows left out, by caution,
        each row under the first caution that marks it.

    Raises
    ------
    EvidenceError
        Unknown caution, or one that does not apply to this frame.
    """
    counts = dict(frame.attrs.get("excluded", {}))
    kept = frame
    for name in cautions:
        if name not in CAUTIONS:
            raise EvidenceError(f"unknown caution {name!r}", "exclude", nearest(name, CAUTIONS))
        columns, marks, _ = CAUTIONS[name]
        for column in columns.split():
            _need(kept, column, f"exclude({name!r})")
        marked = marks(kept).fillna(False).astype(bool)
        counts[name] = counts.get(name, 0) + int(marked.sum())
        kept = kept[~marked]
    kept = kept.copy()
    kept.attrs["excluded"] = counts
    return kept
