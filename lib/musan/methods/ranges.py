"""Ranges of uncertain figures: draws from them, and how much each moves a result (Sobol indices).

A published figure is often a range without a law. A range here says how it is to be drawn from: evenly,
evenly in the logarithm, or most often near a likeliest value. Shares of draws are shares of what was assumed,
never probabilities of what happened.

References: Sobol (2001), Mathematics and Computers in Simulation 55; Saltelli and others (2010), Computer
Physics Communications 181, for the estimators (``scipy.stats.sobol_indices``); Owen (1997), SIAM Journal on
Numerical Analysis 34, for scrambled sequences, whose replicates give the intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from musan.errors import MethodError
from musan.methods import arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from musan.methods.arguments import Array

Shape = Literal["uniform", "log_uniform", "triangular"]


@dataclass(frozen=True)
class Range:
    """A range of a figure and how it is drawn from.

    Parameters
    ----------
    low, high : float
        Ends, in ``unit``; equal for a figure that is taken as known.
    shape : str
        ``uniform``; ``log_uniform``: uniform in the logarithm, for figures that differ by factors;
        ``triangular``: likeliest at ``mode``.
    mode : float, optional
        For ``triangular`` only.
    unit, source : str
        Unit and where the range is printed.

    Raises
    ------
    MethodError
        An end is missing or infinite, low lies above high, a log-uniform range reaches zero, or the mode
        lies outside or is given with another shape.
    """

    low: float
    high: float
    shape: Shape = "uniform"
    mode: float | None = None
    unit: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a range that can't be drawn from."""
        arguments.choice("shape", self.shape, get_args(Shape))
        low, high = arguments.number("low", self.low), arguments.number("high", self.high)
        if low > high:
            raise MethodError(f"is {low:g}, above high = {high:g}", "low", "swap them")
        if self.shape == "log_uniform" and low <= 0:
            raise MethodError(f"is {low:g}", "low", "a log-uniform range lies above 0: use shape='uniform'")
        if (self.mode is None) == (self.shape == "triangular"):
            raise MethodError("goes with shape='triangular' and with no other", "mode", "give both or neither")
        if self.mode is not None:
            arguments.number("mode", self.mode, low, high)

    @property
    def mean(self) -> float:
        """Return the mean of the draws."""
        if self.low == self.high:
            return float(self.low)
        if self.mode is not None:
            return (self.low + self.mode + self.high) / 3
        if self.shape == "log_uniform":
            return float((self.high - self.low) / np.log(self.high / self.low))
        return (self.low + self.high) / 2

    def ppf(self, share: Any) -> Array:
        """Return the value below which a share of the draws lies.

        Parameters
        ----------
        share : array of float
            0 to 1.

        Returns
        -------
        array of the same shape
        """
        share, width = np.asarray(share, dtype=np.float64), self.high - self.low
        if self.shape == "log_uniform":
            return np.asarray(self.low * np.power(self.high / self.low, share), dtype=np.float64)
        if self.mode is None or width == 0:
            return np.asarray(self.low + width * share, dtype=np.float64)
        left = (self.mode - self.low) / width
        rising = self.low + np.sqrt(share * width * (self.mode - self.low))
        falling = self.high - np.sqrt((1 - share) * width * (self.high - self.mode))
        return np.asarray(np.where(share < left, rising, falling), dtype=np.float64)


@dataclass(frozen=True)
class Sensitivity:
    """How much of the variance of a result each range accounts for.

    ``frame`` has one row a range: ``parameter``, ``first`` (alone), ``total`` (with all it interacts with),
    each with ``_low`` and ``_high``. ``mean`` and ``sd`` are those of the result. ``n`` is the number of
    evaluations.
    """

    frame: pd.DataFrame
    mean: float
    sd: float
    level: float
    replicates: int
    n: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return the indices, largest total first, rounded, to print in a notebook."""
        return self.frame.sort_values("total", ascending=False, kind="stable", ignore_index=True).round(3)


def draw(ranges: Mapping[str, Range], n: int, *, seed: int) -> pd.DataFrame:
    """Return independent draws from ranges.

    Parameters
    ----------
    ranges : mapping of str to Range
        At least one.
    n : int
        Number of draws, at least 1.
    seed : int
        Of the generator.

    Returns
    -------
    DataFrame, shape (n, len(ranges))
        A column for each range.

    Raises
    ------
    MethodError
        No range, or no draw.
    """
    if not ranges:
        raise MethodError("is empty", "ranges", "give at least one range")
    uniform = np.random.default_rng(seed).random((arguments.whole("n", n, 1), len(ranges)))
    return pd.DataFrame({name: span.ppf(uniform[:, i]) for i, (name, span) in enumerate(ranges.items())})


def sensitivity(
    function: Callable[[dict[str, Array]], Array],
    ranges: Mapping[str, Range],
    *,
    n: int = 1024,
    replicates: int = 8,
    level: float = 0.95,
    seed: int,
) -> Sensitivity:
    """Return first and total Sobol indices of a function of uncertain figures.

    Each replicate scrambles the Sobol sequence anew; indices are means over replicates, and their intervals
    Student's t over them. A small index may come out slightly negative.

    Parameters
    ----------
    function : callable
        From a dict with an array of shape (m,) for each range to an array of shape (m,), all finite.
    ranges : mapping of str to Range
        At least two, taken as independent.
    n : int
        Points a replicate, a power of two. The function is evaluated at n (k + 2) points a replicate.
    replicates : int
        At least 2.
    level : float
        Of the intervals.
    seed : int
        Of the generator.

    Returns
    -------
    Sensitivity

    Raises
    ------
    MethodError
        Fewer than two ranges, n is no power of two, the function returns another shape or values that are
        not finite, or it is constant over the ranges.
    """
    level, names = arguments.level(level), list(ranges)
    n, replicates = arguments.whole("n", n, 2), arguments.whole("replicates", replicates, 2)
    if len(names) < 2:
        raise MethodError(f"{len(names)} range", "ranges", "give at least two")
    if n & (n - 1):
        raise MethodError(f"is {n}, no power of two", "n", f"give {1 << n.bit_length()}")
    values: list[Array] = []

    def evaluate(points: Array) -> Array:
        result = np.asarray(function(dict(zip(names, points, strict=True))), dtype=np.float64)
        if result.shape != points.shape[1:] or not np.isfinite(result).all():
            raise MethodError("does not return one finite number a point", "function", "check it at the ranges' ends")
        values.append(result)
        return result[None].copy()  # scipy centres what it is given in place

    found = []
    for generator in np.random.default_rng(seed).spawn(replicates):
        indices = stats.sobol_indices(func=evaluate, n=n, dists=list(ranges.values()), rng=generator)
        found.append((indices.first_order, indices.total_order))
    outcome = np.concatenate(values)
    if np.ptp(outcome) <= 1e-12 * np.abs(outcome).max():
        raise MethodError("it is constant over the ranges", "function", "widen a range: nothing moves it")
    sample = np.asarray(found)  # (replicates, 2, k)
    middle, error = sample.mean(axis=0), sample.std(axis=0, ddof=1) / np.sqrt(replicates)
    half = stats.t.ppf((1 + level) / 2, replicates - 1) * error
    columns = {
        f"{kind}{end}": middle[i] + sign * half[i]
        for i, kind in enumerate(("first", "total"))
        for end, sign in (("", 0), ("_low", -1), ("_high", 1))
    }
    return Sensitivity(
        frame=pd.DataFrame({"parameter": names, **columns}),
        mean=float(outcome.mean()),
        sd=float(outcome.std()),
        level=level,
        replicates=replicates,
        n=len(outcome),
        assumptions=("Ranges are independent and drawn as stated; indices change with them.",),
    )
