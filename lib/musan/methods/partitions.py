"""Where breaks are and how precisely: least squares over all partitions of a sample.

The search works on a stack of samples at once, so that a bootstrap needs no loop over replications. Positions
count observations from one and name the last observation of an old regime.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from musan.errors import MethodError
from musan.methods.arguments import level as check_level
from musan.methods.limit_distributions import argmax_quantiles
from musan.methods.long_run_variance import Hac, bai_perron_variance, constant_column, inverse_square, meat
from musan.methods.observations import NOTHING, Observations

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Positions = tuple[int, ...]
LongRun = Hac | Literal["bai_perron"] | None  # None: errors without memory, of one size in each regime


# Least squares, given dates


def bounds(data: Observations, positions: Positions) -> list[tuple[int, int]]:
    """Return each regime as the slice of its rows."""
    return list(pairwise((0, *positions, data.n)))


def split_regressors(data: Observations, positions: Positions) -> Array:
    """Return the regressors with one block of the changing ones for each regime, the fixed ones last."""
    q = data.changing.shape[1]
    design = np.zeros((data.n, (len(positions) + 1) * q))
    for i, (first, last) in enumerate(bounds(data, positions)):
        design[first:last, i * q : (i + 1) * q] = data.changing[first:last]
    return np.hstack([design, data.fixed])


def fit_regimes(data: Observations, positions: Positions) -> tuple[Array, Array]:
    """Return the changing coefficients, shape (regimes, q), and the residuals."""
    design = split_regressors(data, positions)
    coefficients = np.linalg.lstsq(design, data.y, rcond=None)[0]
    q = data.changing.shape[1]
    by_regime = coefficients[: (len(positions) + 1) * q].reshape(-1, q)
    return np.asarray(by_regime), np.asarray(data.y - design @ coefficients)


def before_and_after(data: Observations, position: int) -> pd.DataFrame:
    """Return the coefficients before and after one break."""
    before, after = fit_regimes(data, (position,))[0]
    return pd.DataFrame({"coefficient": data.names, "before": before, "after": after, "change": after - before})


def date_intervals(data: Observations, positions: Positions, long_run: LongRun, level: float) -> pd.DataFrame:
    """Return an interval for each break date (Bai 1997; Bai and Perron 1998, 2003).

    Parameters
    ----------
    data : Observations
    positions : tuple of int
    long_run : Hac, "bai_perron" or None
    level : float

    Returns
    -------
    DataFrame
        ``date``, ``low``, ``high``, ``position``, ``low_position``, ``high_position``. Bounds are rounded outwards. A
        position may lie outside the sample, its date is then the end of the sample. Bounds are missing
        where a regime has no errors.
    """
    rows = date_bounds(data, positions, long_run, level)
    frame = pd.DataFrame(rows, columns=["position", "low_position", "high_position"])
    for name, bound in (("high", "high_position"), ("low", "low_position"), ("date", "position")):
        frame.insert(0, name, pd.Series([date_inside(data, b) for b in frame[bound]], dtype=object))
    return frame


def date_inside(data: Observations, bound: float) -> Any:
    """Return the date at a bound of an interval, at the end of the sample if it lies outside, None without one."""
    return None if np.isnan(bound) else data.date(min(max(int(bound), 1), data.n))


def date_bounds(
    data: Observations, positions: Positions, long_run: LongRun, level: float
) -> list[tuple[int, float, float]]:
    """Return the position of each break and its bounds, as :func:`date_intervals` has them."""
    check_level(level)
    coefficients, residuals = fit_regimes(data, positions)
    moments = [_moments(data, residuals, first, last, long_run) for first, last in bounds(data, positions)]
    rows = []
    for position, change, before, after in zip(
        positions, np.diff(coefficients, axis=0), moments[:-1], moments[1:], strict=True
    ):
        size, size_after = change @ before[0] @ change, change @ after[0] @ change
        noise, noise_after = change @ before[1] @ change / size, change @ after[1] @ change / size_after
        low, high = float("nan"), float("nan")
        if noise > NOTHING**2 * size and noise_after > NOTHING**2 * size:
            low, high = argmax_quantiles(level, size_after / size, noise_after / noise)
        scale = noise / size
        rows.append((position, position - np.ceil(high * scale), position - np.floor(low * scale)))
    return rows


def _moments(data: Observations, residuals: Array, first: int, last: int, long_run: LongRun) -> tuple[Array, Array]:
    """Return the second moments of a regime's regressors, and the variance of its scores."""
    design, errors = data.changing[first:last], residuals[first:last]
    square = design.T @ design / len(design)
    if long_run is None:
        return square, square * (errors @ errors) / len(design)
    return square, _regime_variance(design, errors, long_run)


def _regime_variance(design: Array, errors: Array, long_run: Hac | Literal["bai_perron"]) -> Array:
    scores = errors[:, None] * design
    if isinstance(long_run, Hac):
        return meat(scores, long_run, constant=constant_column(design))
    return bai_perron_variance(scores)


# The search, for a stack of samples at once


@dataclass(frozen=True, eq=False)
class Partition:
    """The best dates of one number m of breaks, in each sample.

    Attributes
    ----------
    positions : ndarray of int, shape (samples, m)
    rss : ndarray, shape (samples,)
    costs : ndarray, shape (samples, n, n)
        Sums of squares of all possible regimes, given the fixed coefficients.
    adjusted : ndarray, shape (samples, n)
        The series less what the fixed regressors explain.
    """

    positions: Whole
    rss: Array
    costs: Array
    adjusted: Array


@dataclass(frozen=True, eq=False)
class Search:
    """A search for breaks: no regime shorter than ``shortest``, statistics with the covariance ``long_run``."""

    data: Observations
    shortest: int
    long_run: LongRun

    def partitions(self, draws: Array, most: int) -> list[Partition]:
        """Return the best partitions of each sample with none to ``most`` breaks."""
        if self.data.fixed.shape[1]:
            found = [self._in_turns(draws, draws, 0)]
            for m in range(1, most + 1):
                found.append(self._in_turns(draws, found[-1].adjusted, m))
            return found
        costs = self.costs(draws)
        return [Partition(p, rss, costs, draws) for p, rss in _least(costs, most)]

    def _in_turns(self, draws: Array, adjusted: Array, m: int) -> Partition:
        """Find dates given the fixed coefficients and these given the dates, then move each date in turn."""
        dates = np.empty((len(draws), 0), dtype=np.int64)
        for _ in range(10 if m else 0):
            before, (dates, _) = dates, _least(self.costs(adjusted), m)[m]
            if np.array_equal(before, dates):
                break
            adjusted = self._solve(draws, dates)[1]
        if m:
            dates = np.array([self._moved(draw, list(row)) for draw, row in zip(draws, dates, strict=True)])
        rss, adjusted = self._solve(draws, dates)
        return Partition(dates, rss, self.costs(adjusted), adjusted)

    def _moved(self, y: Array, dates: list[int]) -> list[int]:
        """Move each date to its best place given the others, until none moves."""
        before: list[int] = []
        while before != dates:
            before = dates
            for i in range(len(dates)):
                ends = [0, *dates[:i], *dates[i + 1 :], self.data.n]
                best = self._best_date(y, dates[:i] + dates[i + 1 :], ends[i], ends[i + 1])
                dates = [*dates[:i], best, *dates[i + 1 :]]
        return dates

    def _best_date(self, y: Array, others: list[int], first: int, last: int) -> int:
        """Return the break between two others that leaves the least sum of squares, all coefficients refitted."""
        null = np.linalg.qr(split_regressors(self.data, tuple(others)))[0]
        tried = np.arange(first + self.shortest, last - self.shortest + 1)
        rows = np.arange(self.data.n)
        after = (rows >= tried[:, None]) & (rows < last)
        added = after[:, :, None] * self.data.changing
        added = added - null @ (null.T @ added)
        along = np.swapaxes(added, 1, 2) @ (y - null @ (null.T @ y))
        square = np.swapaxes(added, 1, 2) @ added
        gained = (along * np.linalg.solve(square, along[..., None])[..., 0]).sum(axis=1)
        return int(tried[gained.argmax()])

    def _solve(self, draws: Array, positions: Whole) -> tuple[Array, Array]:
        """Return the sum of squares given the dates, and the series less what the fixed regressors explain."""
        rss, adjusted = np.empty(len(draws)), np.empty_like(draws)
        changing = self.data.changing.shape[1] * (positions.shape[1] + 1)
        for i, (draw, dates) in enumerate(zip(draws, positions, strict=True)):
            design = split_regressors(self.data, tuple(dates))
            coefficients = np.linalg.lstsq(design, draw, rcond=None)[0]
            rss[i] = ((draw - design @ coefficients) ** 2).sum()
            adjusted[i] = draw - self.data.fixed @ coefficients[changing:]
        return rss, adjusted

    def costs(self, draws: Array) -> Array:
        """Return the sum of squares of every possible regime, shape (samples, first row, last row)."""
        X = self.data.changing
        # Sums of squares come as differences: less of what all regimes explain, fewer digits lost.
        basis = np.linalg.qr(X)[0]
        draws = draws - (draws @ basis) @ basis.T
        if X.shape[1] == 1 and np.ptp(X) == 0:
            return self._costs_of_means(draws)
        n = self.data.n
        costs = np.full((len(draws), n, n), np.inf)
        for length in range(self.shortest, n + 1):
            first = np.arange(n - length + 1)
            windows = np.lib.stride_tricks.sliding_window_view(X, length, axis=0).transpose(0, 2, 1)
            basis, scale = np.linalg.qr(windows)
            if length == self.shortest:
                self._refuse_short(windows, scale)
            pieces = np.lib.stride_tricks.sliding_window_view(draws, length, axis=1).transpose(1, 0, 2)
            squares = (pieces**2).sum(axis=2) - ((pieces @ basis) ** 2).sum(axis=2)
            costs[:, first, first + length - 1] = np.maximum(squares, 0.0).T
        return costs

    def _costs_of_means(self, draws: Array) -> Array:
        n = draws.shape[1]
        length = np.arange(1, n + 1) - np.arange(n)[:, None]
        sums, squares = (np.pad(np.cumsum(x, axis=1), ((0, 0), (1, 0))) for x in (draws, draws**2))
        # Sum of squares less squared sum over length, in place: asking for as much memory again takes longer than that.
        total = sums[:, None, 1:] - sums[:, :-1, None]
        total *= total
        total /= np.maximum(length, 1)
        costs = squares[:, None, 1:] - squares[:, :-1, None]
        costs -= total
        np.maximum(costs, 0.0, out=costs)
        costs[:, length < self.shortest] = np.inf
        return np.asarray(costs)

    def _refuse_short(self, windows: Array, scale: Array) -> None:
        size = np.linalg.norm(windows, axis=1)
        lost = (np.abs(np.diagonal(scale, axis1=1, axis2=2)) <= NOTHING * size).any(axis=1)
        if lost.any():
            start = self.data.index[int(np.argmax(lost))]
            what = f"the coefficients of a regime that starts at {start} can't be told apart"
            raise MethodError(what, "trimming", "raise it, or leave out regressors that stand still for so long")

    def sup_f(self, draws: Array, found: list[Partition]) -> Array:
        """Return sup-F(k), none against k breaks, of each sample, shape (samples, k from one)."""
        n, q, p = self.data.n, self.data.changing.shape[1], self.data.fixed.shape[1]
        columns = []
        for k, part in enumerate(found[1:], start=1):
            degrees = n - (k + 1) * q - p
            if self.long_run is None:
                columns.append(_fall(found[0].rss, part.rss) * degrees / k)
            else:
                walds = [self._wald(y, tuple(dates)) for y, dates in zip(draws, part.positions, strict=True)]
                columns.append(np.array(walds) * degrees / (n * k))
        return np.column_stack(columns)

    def next_sup_f(self, part: Partition) -> Array:
        """Return sup-F(l+1|l) of each sample, given its l breaks; zero where no further break fits."""
        n, q, sample = self.data.n, self.data.changing.shape[1], np.arange(len(part.rss))
        edges = np.column_stack([0 * sample, part.positions, 0 * sample + n])
        best = np.zeros(len(sample))
        for first, last in pairwise(edges.T):
            whole = part.costs[sample, first, last - 1]
            halves = part.costs[sample, first, :-1] + part.costs[sample, 1:, last - 1]
            split = halves.argmin(axis=1)
            fits = np.isfinite(halves[sample, split])
            if self.long_run is None:
                after = np.where(fits, halves[sample, split], whole)
                best = np.maximum(best, _fall(whole, after) * (last - first - 2 * q))
                continue
            for i in np.flatnonzero(fits):
                y, position, length = part.adjusted[i, first[i] : last[i]], split[i] + 1 - first[i], last[i] - first[i]
                value = self._within(first[i], last[i])._wald(y, (position,)) * (length - 2 * q) / length
                best[i] = max(best[i], value)
        return best

    def _within(self, first: int, last: int) -> Search:
        d, rows = self.data, slice(first, last)
        part = Observations(d.y[rows], d.changing[rows], np.empty((last - first, 0)), d.index[rows], d.names, ())
        return Search(part, self.shortest, self.long_run)

    def _wald(self, y: Array, positions: Positions) -> float:
        """Return the HAC Wald statistic of equal coefficients in all regimes."""
        q = self.data.changing.shape[1]
        delta, covariance = (self._partial if self.data.fixed.shape[1] else self._pure)(y, positions)
        contrast = np.kron(np.diff(np.eye(len(positions) + 1), axis=0), np.eye(q))
        change = contrast @ delta
        return float(change @ np.linalg.pinv(contrast @ covariance @ contrast.T, hermitian=True) @ change)

    def _pure(self, y: Array, positions: Positions) -> tuple[Array, Array]:
        """Return coefficients and their covariance, regime by regime."""
        assert self.long_run is not None
        q = self.data.changing.shape[1]
        delta, covariance = [], np.zeros(((len(positions) + 1) * q,) * 2)
        for i, (first, last) in enumerate(bounds(self.data, positions)):
            design = self.data.changing[first:last]
            bread = inverse_square(design)
            delta.append(bread @ (design.T @ y[first:last]))
            middle = _regime_variance(design, y[first:last] - design @ delta[-1], self.long_run)
            block = slice(i * q, (i + 1) * q)
            covariance[block, block] = (last - first) * bread @ middle @ bread
        return np.concatenate(delta), covariance

    def _partial(self, y: Array, positions: Positions) -> tuple[Array, Array]:
        """With fixed regressors, one covariance of the whole sample (as in Bai and Perron's own program)."""
        assert self.long_run is not None
        design = split_regressors(self.data, positions)
        changing = (len(positions) + 1) * self.data.changing.shape[1]
        coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
        fixed = design[:, changing:]
        own = design[:, :changing] - fixed @ np.linalg.lstsq(fixed, design[:, :changing], rcond=None)[0]
        middle = _regime_variance(own, y - design @ coefficients, self.long_run)
        bread = inverse_square(own)
        return np.asarray(coefficients[:changing]), np.asarray(self.data.n * bread @ middle @ bread)


def _fall(before: Array, after: Array) -> Array:
    """Return the fall of a sum of squares relative to what is left, finite where the fit becomes exact."""
    return np.asarray((before - after) / np.maximum(after, NOTHING**2 * np.maximum(before, 1e-300)))


def _least(costs: Array, most: int) -> list[tuple[Whole, Array]]:
    """Return dates and sum of squares of the best partitions with none to ``most`` breaks.

    Dynamic programming: ``least[:, b]`` is the least sum for rows up to b with the breaks placed so far, and
    a new regime starts one row after the old one ends.
    """
    sample, n = np.arange(len(costs)), costs.shape[1]
    least, choices = costs[:, 0, :], []
    found = [(np.empty((len(sample), 0), dtype=np.int64), least[:, -1])]
    for m in range(1, most + 1):
        total = least[:, :-1, None] + costs[:, 1:, :]
        choices.append(total.argmin(axis=1))
        least = np.take_along_axis(total, choices[-1][:, None, :], axis=1)[:, 0, :]
        end, positions = np.full(len(sample), n - 1), np.empty((len(sample), m), dtype=np.int64)
        for i in range(m - 1, -1, -1):
            end = choices[i][sample, end]
            positions[:, i] = end + 1
        found.append((positions, least[:, -1]))
    return found
