"""A series with its regressors and dates, checked once for every method that takes a regression.

Anything that is not a clean, ordered, complete series is refused here, with the argument's name and what to do.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from musan.errors import MethodError

if TYPE_CHECKING:
    from collections.abc import Hashable

Array = npt.NDArray[np.float64]
Values = npt.ArrayLike | pd.Series | pd.DataFrame

NOTHING = 1e-10  # relative size under which a sum of squares is rounding error


@dataclass(frozen=True, eq=False)
class Observations:
    """A series of n observations and its regressors.

    Attributes
    ----------
    y : ndarray, shape (n,)
    changing : ndarray, shape (n, q)
        Regressors whose coefficients may change at a break; the first is the constant unless left out.
    fixed : ndarray, shape (n, p)
        Regressors with one coefficient throughout; p may be zero.
    index : Index, length n
        Dates; 1 to n where the data came without.
    names, fixed_names : tuple of str
    """

    y: Array
    changing: Array
    fixed: Array
    index: pd.Index
    names: tuple[str, ...]
    fixed_names: tuple[str, ...]

    @property
    def n(self) -> int:
        """Return the number of observations."""
        return len(self.y)

    @property
    def regressors(self) -> Array:
        """Return all regressors, those that may change first."""
        return np.hstack([self.changing, self.fixed])

    def date(self, position: int) -> Any:
        """Return the date of the ``position``-th observation, counted from one."""
        return self.index[position - 1]

    def position(self, date: Hashable, argument: str) -> int:
        """Return how many observations there are up to and including ``date``."""
        try:
            where = self.index.get_loc(as_label(self.index, date))
        except (KeyError, ValueError, TypeError, pd.errors.InvalidIndexError) as error:
            span = f"{self.index[0]} to {self.index[-1]}"
            raise MethodError(
                f"{date} is not a date of the series", argument, f"give one of its dates, {span}"
            ) from error
        return int(cast("int", where)) + 1

    def assumption(self) -> str:
        """Return in words what may change."""
        what = f"coefficients that may change: {', '.join(self.names)}"
        return f"{what}; fixed: {', '.join(self.fixed_names)}" if self.fixed_names else what


def known(value: float) -> float | None:
    """Return a number, or None if it is not one."""
    return None if np.isnan(value) else float(value)


def as_label(index: pd.Index, date: Hashable) -> Any:
    """Return a date in the type of the index's labels; refuse a year, say, where these are months."""
    if isinstance(index, pd.PeriodIndex):
        freq = cast("Any", index.freq)
        if isinstance(date, datetime.date):
            return pd.Period(cast("Any", date), freq=freq)
        given = date if isinstance(date, pd.Period) else pd.Period(str(date))
        if not isinstance(given, pd.Period) or given.asfreq(freq, "start") != given.asfreq(freq, "end"):
            raise ValueError(f"{date} is not one of these periods")
        return given.asfreq(freq)
    return pd.Timestamp(cast("Any", date)) if isinstance(index, pd.DatetimeIndex) else date


def observe(
    y: Values,
    regressors: Values | None = None,
    fixed: Values | None = None,
    *,
    constant: bool = True,
    minimum: int = 3,
    purpose: str = "this method",
    named: str = "regressors",
) -> Observations:
    """Check a series and its regressors.

    Parameters
    ----------
    y : array-like or Series, shape (n,)
        The series; a Series brings its dates, which must be ordered, unique and, if periods, without gaps.
    regressors, fixed : array-like, Series or DataFrame, shape (n,) or (n, k), optional
        Columns whose coefficients may change, and columns whose coefficients may not.
    constant : bool
        Put a constant first among the regressors that may change, unless one is there.
    minimum : int
        Fewest observations that ``purpose`` can do with.
    purpose : str
        What the data are for, in words, for the error.
    named : str
        What the caller names ``regressors``, for the error.

    Returns
    -------
    Observations

    Raises
    ------
    MethodError
        A missing or infinite figure, too few observations, a constant series, dates out of order, repeated
        or with gaps, regressors of another length or other dates, none at all, or linearly dependent ones.
    """
    y = y.iloc[:, 0] if isinstance(y, pd.DataFrame) and y.shape[1] == 1 else y
    series, index = _series(y, minimum, purpose)
    changing, names = columns(regressors, named, index, dated=isinstance(y, pd.Series))
    if constant and not (np.ptp(changing, axis=0) == 0).any():
        changing, names = np.hstack([np.ones((len(series), 1)), changing]), ("constant", *names)
    if not names:
        raise MethodError("there are none", named, "give some, or leave constant=True")
    other, other_names = columns(fixed, "fixed", index, dated=isinstance(y, pd.Series))
    every = np.hstack([changing, other])
    size = np.linalg.norm(every, axis=0)
    rank = np.linalg.matrix_rank(every / np.where(size > 0, size, 1)) if len(series) > every.shape[1] else 0
    if rank < every.shape[1]:
        where = "fixed" if other_names else named
        raise MethodError("the regressors are linearly dependent", where, "leave out what the others add up to")
    left = series - every @ np.linalg.lstsq(every, series, rcond=None)[0]
    if left @ left <= NOTHING**2 * (series @ series):
        raise MethodError("the regressors fit it exactly", "y", "there is no error left to judge a break by")
    return Observations(series, changing, other, index, names, other_names)


def _series(y: Values, minimum: int, purpose: str) -> tuple[Array, pd.Index]:
    figures = _numbers(y, "y")
    if figures.ndim != 1:
        raise MethodError(f"its shape is {figures.shape}", "y", "give one series, shape (n,)")
    index = y.index if isinstance(y, pd.Series) else pd.RangeIndex(1, len(figures) + 1)
    _refuse_missing(figures[:, None], "y", index)
    if len(figures) < minimum:
        what = f"{len(figures)} observations are too few for {purpose}"
        raise MethodError(what, "y", f"give at least {minimum}, such as monthly or quarterly data")
    if np.ptp(figures) == 0:
        raise MethodError("it is constant", "y", "a series that never moves has no break to test")
    check_dates(index, "y")
    return figures, index


def check_dates(index: pd.Index, argument: str) -> None:
    """Refuse dates that are repeated, out of order or, if they are periods, have gaps."""
    if not index.is_unique:
        repeated = index[index.duplicated()][0]
        raise MethodError(f"the date {repeated} is repeated", argument, "keep one observation a date")
    if not index.is_monotonic_increasing:
        raise MethodError("its dates are out of order", argument, "call sort_index() first")
    if isinstance(index, pd.PeriodIndex) and (np.diff(index.asi8) != 1).any():
        gap = index[int(np.argmax(np.diff(index.asi8) != 1))]
        what = f"there is a gap after {gap}"
        raise MethodError(what, argument, "fill the gap or cut the series; a break must not fall into a hole")


def columns(given: Values | None, argument: str, index: pd.Index, *, dated: bool) -> tuple[Array, tuple[str, ...]]:
    """Return figures, shape (n, k), and the names of the columns; refuse what does not go with the index."""
    if given is None:
        return np.empty((len(index), 0)), ()
    figures = _numbers(given, argument)
    figures = figures[:, None] if figures.ndim == 1 else figures
    if figures.ndim != 2 or len(figures) != len(index):
        what = f"its shape is {figures.shape}, the series has {len(index)} observations"
        raise MethodError(what, argument, "give one row an observation")
    if dated and isinstance(given, pd.Series | pd.DataFrame) and not given.index.equals(index):
        raise MethodError("its dates are not those of the series", argument, "reindex it to the series")
    _refuse_missing(figures, argument, index)
    if isinstance(given, pd.DataFrame):
        return figures, tuple(map(str, given.columns))
    if isinstance(given, pd.Series) and given.name is not None:
        return figures, (str(given.name),)
    return figures, tuple(f"{argument}_{i + 1}" for i in range(figures.shape[1]))


def _numbers(given: Values, argument: str) -> Array:
    try:
        if np.iscomplexobj(given):
            raise TypeError("complex")
        return np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MethodError("not all of it is numbers", argument, "give numbers only") from error


def _refuse_missing(figures: Array, argument: str, index: pd.Index) -> None:
    bad = ~np.isfinite(figures).all(axis=1)
    if bad.any():
        what = f"the figure of {index[int(np.argmax(bad))]} is missing or infinite"
        raise MethodError(what, argument, "fill it, or cut the series to the months that are known")
