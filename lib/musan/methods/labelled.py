"""Labelled series and tables as clean arrays, or an error that names the argument and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from musan.errors import MethodError, nearest
from musan.methods.observations import as_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]


def numbers(name: str, given: Any) -> Array:
    """Return finite numbers; name the first that is none."""
    try:
        figures = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MethodError("not all of it is numbers", name, "give numbers only") from error
    if not np.isfinite(figures).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(figures))[0])
        axes = [axis for axis in (getattr(given, "index", None), getattr(given, "columns", None)) if axis is not None]
        labels = ", ".join(str(axes[k][i] if k < len(axes) else i) for k, i in enumerate(where))
        what = f"the figure at {labels} is missing or infinite" if labels else "it is missing or infinite"
        raise MethodError(what, name, "drop that row or fill it and say so")
    return figures


def vector(name: str, given: Any, length: int | None = None) -> Array:
    """Return a vector of finite numbers, of this length."""
    figures = numbers(name, given)
    if figures.ndim != 1 or (length is not None and len(figures) != length):
        wanted = "one row" if length is None else f"{length} numbers"
        raise MethodError(f"its shape is {figures.shape}", name, f"give {wanted}, in the order of the other arguments")
    return figures


def matrix(name: str, given: Any, rows: int | None = None) -> Array:
    """Return a matrix of finite numbers, with this many rows."""
    figures = numbers(name, given)
    if figures.ndim != 2 or 0 in figures.shape or (rows is not None and figures.shape[0] != rows):
        wanted = "rows and columns" if rows is None else f"{rows} rows"
        raise MethodError(f"its shape is {figures.shape}", name, f"give {wanted}, in the order of the other arguments")
    return figures


def not_constant(name: str, figures: Array) -> None:
    """Refuse figures that are all the same."""
    if np.ptp(figures) <= 1e-12 * max(1.0, float(np.abs(figures).max())):
        raise MethodError("it is constant", name, "nothing can be learned from it: give figures that vary")


def periods(name: str, index: pd.Index) -> None:
    """Refuse periods that are unsorted, doubled or, if they are of a calendar, not consecutive."""
    if not index.is_unique:
        raise MethodError(f"the period {index[index.duplicated()][0]} comes twice", name, "keep one row a period")
    if not index.is_monotonic_increasing:
        raise MethodError("its periods are not sorted", name, "sort it by period: use sort_index()")
    if isinstance(index, pd.PeriodIndex) and (np.diff(index.asi8) != 1).any():
        gap = index[int(np.argmax(np.diff(index.asi8) != 1))]
        raise MethodError(f"there is a gap after {gap}", name, "give consecutive periods")


def last_before(label: Any, index: pd.Index, *, before: int, after: int = 1) -> int:
    """Return how many periods lie up to the last one before the measure; refuse too few on either side."""
    try:
        n = int(index.get_indexer(pd.Index([as_label(index, label)]))[0]) + 1
    except (ValueError, TypeError):
        n = 0
    if n == 0:
        ends = f"{index[0]} to {index[-1]}"
        raise MethodError(f"{label} is not among the periods", "last_before", f"give one of {ends}")
    if n < before:
        raise MethodError(f"only {n} periods up to {label}", "last_before", f"at least {before} are needed")
    if len(index) - n < after:
        raise MethodError(f"{len(index) - n} periods after {label}", "last_before", f"at least {after} are needed")
    return n


def known(name: str, given: Sequence[Any], labels: pd.Index) -> list[Any]:
    """Return labels that all exist, once each."""
    listed = list(given)
    if unknown := [label for label in listed if label not in labels]:
        raise MethodError(f"unknown {unknown[0]!r}", name, nearest(str(unknown[0]), map(str, labels)))
    if len(set(listed)) != len(listed) or not listed:
        raise MethodError("it is empty or repeats a name", name, "give each name once, at least one")
    return listed
