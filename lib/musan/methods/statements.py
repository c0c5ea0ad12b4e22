"""Printed figures as linear statements on a monthly series, with the precision they were printed at.

A month, a total over several months, a year and a year-on-year rate all say the same kind of thing:
a weighted sum of months equals a number, give or take the rounding. :mod:`musan.methods.reconcile`
rebuilds the series from them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from musan.errors import MethodError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

COLUMNS = [
    "series", "start", "end", "kind", "value", "rate", "half_width", "basis", "method", "source_id", "note",
]  # fmt: skip
# A figure given as "about 200" may be rounded to tens or hundreds: never take it as looser than this.
COARSEST = 0.05
# Ratios and shares from which a figure was worked back are printed with two digits or so.
IMPLIED_HALF_WIDTH = 0.02


def half_width(value: float, basis: str = "reported") -> float:
    """Return half the last printed digit's place: how far the true figure can lie from the printed one.

    Parameters
    ----------
    value : float
        The printed figure, in any unit.
    basis : str
        ``reported``: the last printed decimal, or the unit. ``rounded``: the last digit that is not
        zero, at most 5 % of the value. ``derived``: twice as wide, for two figures went into it.
        ``implied``: at least 2 %. ``estimate`` and ``claim``: as ``reported``.

    Returns
    -------
    float
        Half width in the unit of ``value``.

    Examples
    --------
    >>> half_width(184.85), half_width(210), half_width(1670, "rounded")
    (0.005, 0.5, 5.0)
    """
    text = f"{abs(value):.10f}".rstrip("0").rstrip(".")
    decimals = len(text.partition(".")[2])
    width = 0.5 * 10.0**-decimals
    if basis == "rounded" and decimals == 0 and value:
        zeros = len(text) - len(text.rstrip("0"))
        width = min(0.5 * 10.0**zeros, max(COARSEST * abs(value), width))
    if basis == "derived":
        width *= 2
    if basis == "implied":
        width = max(width, IMPLIED_HALF_WIDTH * abs(value))
    return width


def levels(
    frame: pd.DataFrame, *, start: str, end: str, series: str | Mapping[str, str], value: str = "value"
) -> pd.DataFrame:
    """Return one statement a row: the sum of the months from ``start`` to ``end`` equals the value.

    Parameters
    ----------
    frame : DataFrame
        Rows of one measure and unit, with columns ``value``, ``basis``, ``source_id`` and, where
        known, ``method``, ``note``.
    start, end : str
        Columns with the first and last period (monthly or yearly periods); the same column for one period.
    series : str or mapping
        The series that all rows speak of, or a mapping from the column ``flow`` to the series; ``"a+b"``
        is the sum of the series ``a`` and ``b``.
    value : str
        Column with the figure.

    Returns
    -------
    DataFrame
        Columns as in :data:`COLUMNS`; ``rate`` is missing.

    Raises
    ------
    MethodError
        A row without value or period.
    """
    if frame[[start, end, value]].isna().to_numpy().any():
        raise MethodError("has rows without a period or a value", "frame", "drop those rows first")
    names = series if isinstance(series, str) else frame["flow"].astype(str).map(dict(series))
    out = pd.DataFrame(
        {
            "series": names,
            "start": [p.asfreq("M", how="start") for p in frame[start]],
            "end": [p.asfreq("M", how="end") for p in frame[end]],
            "kind": "level",
            "value": frame[value].astype(float).to_numpy(),
            "rate": np.nan,
            "basis": frame["basis"].astype(str).to_numpy(),
            "method": _text(frame, "method"),
            "source_id": _text(frame, "source_id"),
            "note": _text(frame, "note"),
        },
        index=frame.index,
    )
    out["half_width"] = [half_width(v, b) for v, b in zip(out["value"], out["basis"], strict=True)]
    return out[COLUMNS].reset_index(drop=True)


def rates(frame: pd.DataFrame, *, start: str, end: str, series: str | Mapping[str, str]) -> pd.DataFrame:
    """Return one statement a printed year-on-year rate: this period is (1 + rate) times the same a year before.

    Parameters
    ----------
    frame, start, end, series
        As for :func:`levels`; the column ``yoy_pct`` holds the rate in percent.

    Returns
    -------
    DataFrame
        Columns as in :data:`COLUMNS`; ``value`` is the level in the row (it scales the rounding of the
        rate), ``rate`` a fraction, ``half_width`` the rounding of the rate times the year-ago level.
    """
    rows = frame[frame["yoy_pct"].notna()]
    out = levels(rows, start=start, end=end, series=series)
    printed = rows["yoy_pct"].astype(float).to_numpy()
    out["kind"] = "rate"
    out["rate"] = printed / 100
    year_ago = out["value"] / (1 + out["rate"]).clip(lower=1e-3)
    out["half_width"] = [half_width(float(r)) / 100 * y for r, y in zip(printed, year_ago, strict=True)]
    return out


def _text(frame: pd.DataFrame, column: str) -> list[str]:
    if column not in frame:
        return [""] * len(frame)
    return ["" if pd.isna(cell) else str(cell) for cell in frame[column]]


def drop_reprints(statements: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Keep the most precise of statements that print the same figure for the same thing.

    Two levels for one series and period are one figure printed twice when they agree within their
    rounding. Counting both would make the posterior too sure of itself.

    Parameters
    ----------
    statements : DataFrame
        Columns as in :data:`COLUMNS`.

    Returns
    -------
    statements : DataFrame
        The statements kept, in their order.
    dropped : int
        How many were reprints.
    """
    ordered = statements.assign(_doubt=statements["basis"].eq("claim")).sort_values(
        ["_doubt", "half_width"], kind="stable"
    )
    kept: dict[Hashable, list[Mapping[Any, Any]]] = defaultdict(list)
    places = []
    for place, row in zip(ordered.index, ordered.to_dict("records"), strict=True):
        same = kept[row["series"], row["start"], row["end"], row["kind"]]
        if not any(_reprints(row, other) for other in same):
            same.append(row)
            places.append(place)
    return statements.loc[sorted(places)].reset_index(drop=True), len(statements) - len(places)


def _reprints(row: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    """Return whether two statements on the same thing agree within their rounding."""
    width = other["half_width"] + row["half_width"]
    if row["kind"] != "rate":
        return bool(abs(other["value"] - row["value"]) <= width * (1 + 1e-9))
    width /= max(abs(row["value"] / max(1 + row["rate"], 1e-3)), 1e-9)
    return bool(abs(other["rate"] - row["rate"]) <= width * (1 + 1e-9))


def design(
    statements: pd.DataFrame, series: Sequence[str], months: pd.PeriodIndex
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the weights and right-hand sides of the statements.

    Parameters
    ----------
    statements : DataFrame
        Columns as in :data:`COLUMNS`.
    series : sequence of str
        Names of the latent series, stacked in this order.
    months : PeriodIndex
        Months of the latent series, length T.

    Returns
    -------
    weights : ndarray, shape (n, len(series) * T)
    right : ndarray, shape (n,)
        A level's value; 0 for a rate.

    Raises
    ------
    MethodError
        A statement on an unknown series or outside the months.
    """
    weights = np.zeros((len(statements), len(series) * len(months)))
    for i, row in enumerate(statements.to_dict("records")):
        for name in str(row["series"]).split("+"):
            if name not in series:
                raise MethodError(f"speaks of an unknown series {name!r}", "statements", f"known: {', '.join(series)}")
            first = list(series).index(name) * len(months)
            _add(weights[i], first, months, row["start"], row["end"], 1.0)
            if row["kind"] == "rate":
                _add(weights[i], first, months, row["start"] - 12, row["end"] - 12, -(1 + float(row["rate"])))
    right = np.where(statements["kind"] == "rate", 0.0, statements["value"].astype(float))
    return weights, right


def _add(
    weights: np.ndarray[Any, Any],
    first: int,
    months: pd.PeriodIndex,
    start: pd.Period,
    end: pd.Period,
    weight: float,
) -> None:
    low, high = (start - months[0]).n, (end - months[0]).n
    if low < 0 or high >= len(months) or low > high:
        raise MethodError(f"a statement on {start} to {end} lies outside the months", "statements", "see inside()")
    weights[first + low : first + high + 1] += weight


def inside(statements: pd.DataFrame, months: pd.PeriodIndex) -> pd.DataFrame:
    """Return the statements that speak of the given months only (a rate needs the year before too)."""
    first = [s - 12 if k == "rate" else s for s, k in zip(statements["start"], statements["kind"], strict=True)]
    keep = [a >= months[0] and b <= months[-1] for a, b in zip(first, statements["end"], strict=True)]
    return statements[np.array(keep, dtype=bool)].reset_index(drop=True)
