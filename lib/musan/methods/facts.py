"""Facts about a result in words, as a small table that prints well in a notebook."""

from __future__ import annotations

import math

import pandas as pd


def facts(*rows: tuple[str, object]) -> pd.DataFrame:
    """Return rows of name and value as a frame with the columns ``fact`` and ``value``, in words.

    Parameters
    ----------
    *rows : tuple of str and object
        Numbers are printed with four digits; None as a dash.

    Returns
    -------
    DataFrame
    """
    return pd.DataFrame([(name, words(value)) for name, value in rows], columns=["fact", "value"])


def words(value: object) -> str:
    """Return a value in words: a number with four digits or in thousands, a dash for None."""
    if value is None:
        return "–"
    if isinstance(value, float):  # numpy's float64 is one
        return f"{value:,.0f}" if 1e4 <= abs(value) < math.inf else f"{value:.4g}"
    if isinstance(value, tuple):
        return ", ".join(map(words, value))
    return str(value)


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage with its sign, a dash for None."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def span_words(low: float | None, high: float | None, digits: int = 4) -> str:
    """Return ``low to high`` with some significant digits, a dash if there is none."""
    return "–" if low is None or high is None else f"{low:.{digits}g} to {high:.{digits}g}"
