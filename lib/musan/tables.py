"""A table as a reader needs it: caption, header cells, aligned numbers, words for codes.

>>> show(pd.DataFrame({"year": [2016], "value_usd": [74410000.0]}), "Iron ore")
Table 'Iron ore': 1 row, 2 columns
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from musan.errors import MusanError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LONGEST = 400
MISSING = "\u2013"
MINUS = "\u2212"
# Column-name parts that are not plain words.
SPELLINGS = {
    "usd": "USD", "cny": "CNY", "kpw": "KPW", "krw": "KRW", "hs": "HS", "pct": "%",
    "yoy": "year on year", "cif": "CIF", "fob": "FOB", "dprk": "DPRK", "un": "UN",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table ready to be shown.

    Attributes
    ----------
    caption : str
        What the table says.
    header : tuple of str
        Column titles.
    rows : tuple of tuple of str
        Cells as text, not escaped.
    kinds : tuple of str
        For each column ``"num"`` (right-aligned), ``"short"`` (not wrapped), ``"long"`` (wide enough to
        read) or "".
    notes : str
        A line under the table.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kinds: tuple[str, ...]
    notes: str = ""

    def __repr__(self) -> str:
        plural = "" if len(self.rows) == 1 else "s"
        return f"Table {self.caption!r}: {len(self.rows)} row{plural}, {len(self.header)} columns"

    def to_html(self) -> str:
        """Return the table as HTML, every text escaped."""
        label = escape(self.caption)
        head = "".join(
            f'<th scope="col"{_class(kind)}>{escape(title)}</th>'
            for title, kind in zip(self.header, self.kinds, strict=True)
        )
        body = "\n".join(self._row(row) for row in self.rows)
        notes = f'\n<p class="notes">{escape(self.notes)}</p>' if self.notes else ""
        return (
            f'<div class="table" role="region" tabindex="0" aria-label="{label}">\n<table>\n'
            f"<caption>{label}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
            f"</table>{notes}\n</div>"
        )

    def _row(self, row: tuple[str, ...]) -> str:
        first = f'<th scope="row"{_class(self.kinds[0])}>{_breakable(row[0])}</th>'
        others = "".join(
            f"<td{_class(kind)}>{_breakable(cell)}</td>" for cell, kind in zip(row[1:], self.kinds[1:], strict=True)
        )
        return f"<tr>{first}{others}</tr>"

    def to_text(self) -> str:
        """Return the table as aligned plain text."""
        columns = list(zip(self.header, *self.rows, strict=True))
        widths = [max(map(len, column)) for column in columns]
        lines = [
            "  ".join(
                cell.rjust(width) if kind == "num" else cell.ljust(width)
                for cell, width, kind in zip(row, widths, self.kinds, strict=True)
            ).rstrip()
            for row in (self.header, *self.rows)
        ]
        return "\n".join([self.caption, *lines, *([self.notes] if self.notes else [])])

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": self.to_text()}


def show(
    frame: pd.DataFrame,
    caption: str,
    *,
    formats: Mapping[str, str | Callable[[Any], str]] | None = None,
    notes: str = "",
    titles: Mapping[str, str] | None = None,
) -> Table:
    """Return a frame as a table for readers.

    Parameters
    ----------
    frame : DataFrame
        At most 400 rows. The first column names the rows; a named index is put before it.
    caption : str
        What the table says, in words.
    formats : mapping, optional
        Column to format, ``"{:,.1f}"`` or a function of the value. Missing values are "–" in any case.
    notes : str, optional
        A line under the table: what is left out, what a mark means.
    titles : mapping, optional
        Column to title; otherwise the column's name in words (see :func:`prettify`).

    Returns
    -------
    Table
        Shown by a notebook as HTML; numbers are right-aligned with thousands separators.
    """
    if not caption.strip():
        raise MusanError("the table has no caption", "tables.show", "say in words what the table shows")
    if len(frame) > LONGEST:
        raise MusanError(
            f"the table {caption!r} has {len(frame)} rows, the most is {LONGEST}",
            "tables.show",
            "aggregate it, or select the rows that matter",
        )
    frame = _with_named_index(frame)
    if frame.columns.empty:
        raise MusanError(f"the table {caption!r} has no columns", "tables.show", "pass a frame with columns")
    formats, titles = formats or {}, titles or {}
    for column in [*formats, *titles]:
        if column not in frame.columns:
            raise MusanError(
                f"the table {caption!r} has no column {column!r}",
                "tables.show",
                nearest(column, map(str, frame.columns)),
            )
    columns = [_cells(frame.iloc[:, i], formats.get(str(name))) for i, name in enumerate(frame.columns)]
    return Table(
        caption=caption,
        header=tuple(titles.get(str(name)) or prettify(name) for name in frame.columns),
        rows=tuple(zip(*columns, strict=True)),
        kinds=tuple(_kind(frame.iloc[:, i], cells) for i, cells in enumerate(columns)),
        notes=notes,
    )


def prettify(name: object) -> str:
    """Return a column's name as a title: "value_cif_usd" is "Value CIF USD".

    Parameters
    ----------
    name : object
        A column's name, or a tuple of names of a column with levels.

    Returns
    -------
    str
        Words with spaces, the first letter a capital unless it stands alone, as n and p do.
    """
    parts = name if isinstance(name, tuple) else (name,)
    title = ", ".join(_words(str(part)) for part in parts if str(part))
    return title[:1].upper() + title[1:] if len(title) > 1 else title


def as_text(value: object) -> str:
    """Return one value in the words of the house: "yes", "2017-09", "1,234.5", "–".

    Parameters
    ----------
    value : object
        A number, period, date, boolean, tuple or text; or a missing value.

    Returns
    -------
    str
        Text, not escaped.
    """
    if isinstance(value, (tuple, list, set, frozenset)):
        return ", ".join(map(as_text, value)) if value else MISSING
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return MISSING
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, pd.Interval):
        return f"{as_text(value.left)} to {as_text(value.right)}"
    return str(value)


def _with_named_index(frame: pd.DataFrame) -> pd.DataFrame:
    if any(name is not None for name in frame.index.names):
        return frame.reset_index()
    return frame


def _words(name: str) -> str:
    if "_" not in name and name not in SPELLINGS:
        return name
    return " ".join(SPELLINGS.get(word, word) for word in name.split("_"))


def _is_numeric(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype))


def _cells(column: pd.Series[Any], form: str | Callable[[Any], str] | None) -> list[str]:
    """Return the cells of one column as text."""
    if form is None and _is_numeric(column):
        form = _number_format(column)
    return [_cell(value, form) for value in column]


def _cell(value: object, form: str | Callable[[Any], str] | None) -> str:
    text = as_text(value)
    if form is None or text == MISSING:
        return text
    shown = form(value) if callable(form) else form.format(value)
    if shown[:1] != "-" or not shown[1:2].isdigit():  # a hyphen alone or within words is no minus
        return str(shown)
    return (MINUS if any(digit in shown for digit in "123456789") else "") + shown[1:]


def _number_format(column: pd.Series[Any]) -> str:
    """Return a format with the decimals that suit the column's middle value and that its values have."""
    if str(column.name) == "year":
        return "{:.0f}"
    values = pd.to_numeric(column, errors="coerce").astype("float64").abs()
    present = values[(values > 0) & (values < float("inf"))]
    if present.empty:
        return "{:,.0f}"
    middle = float(present.median())
    suitable = sum(middle < limit for limit in (1000, 10, 1, 0.01))
    return f"{{:,.{min(suitable, max(map(_decimals, present)))}f}}"


def _decimals(value: float) -> int:
    """Return how many decimals a number has, at most four."""
    return len(f"{value:.4f}".rstrip("0").partition(".")[2])


def _kind(column: pd.Series[Any], cells: Sequence[str]) -> str:
    longest = max(map(len, cells), default=0)
    return "num" if _is_numeric(column) else "short" if longest <= 12 else "long" if longest > 40 else ""


def _breakable(cell: str) -> str:
    """Return a cell as HTML; a long identifier may be broken after its underscores."""
    html = escape(cell)
    return html.replace("_", "_<wbr>") if max(map(len, cell.split()), default=0) > 20 else html


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
