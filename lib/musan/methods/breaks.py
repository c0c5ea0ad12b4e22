"""Did a regression change, and when? Known dates, one unknown date, several, and slow drift.

A break's date is the last observation of the old regime. Statistics are in Wald form (the number of
coefficients that may change times F) as in Andrews (1993), unless they say otherwise.

P-values. Tables and limit distributions assume errors without memory, or long series: at an autocorrelation
of 0.5 and 60 months a nominal 5 % is 46 %, and HAC covariances help little in short series (24 to 82 %). The
recommended p-value is the bootstrap's: errors drawn from an autoregression fitted under the null hypothesis
(corrected for regressors other than a constant), the statistic worked out anew on each draw. A series under
:data:`MINIMUM` observations gets no test at an unknown date.

Where the bootstrap holds, and where not: with 24 and 60 observations and autocorrelations of the first order up to
0.5, a nominal 5 % is between 2.5 and 7 %. It rises to 6 to 10 % at an autocorrelation of 0.7; to 13 to 16 % with
errors of the second order (0.3, 0.3; still 11 % with 120 observations), which short series hide from the criterion
that chooses the order; and to 6 to 9 % where the errors' size triples (11 to 13 % unless innovations are "wild").
See whether a result stands with ``order=2``, which has 5 % in the second case.

Intervals for a date suppose that the shift is small and the series long. With 24 to 120 observations, nominal 95 % ones
hold the date of a shift by two standard deviations in 95 to 98 % of samples without serial correlation, but in 80 to 88
% at 0.5 (with ``covariance="hac"`` 85 to 94 %); of a shift by one in 82 to 90 % and 65 to 68 % (HAC 66 to 85 %).
All numbers are in ``tests/reference/breaks/README.md``.

References: Chow (1960), Econometrica 28; Andrews (1993), Econometrica 61; Andrews and Ploberger (1994), Econometrica
62; Hansen (1997), Journal of Business and Economic Statistics 15; Diebold and Chen (1996), Journal of Econometrics 70.
Several breaks: :mod:`musan.methods.multiple_breaks`; moving and cumulative sums: :mod:`musan.methods.fluctuation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from musan.errors import MethodError
from musan.methods import autoregression
from musan.methods.facts import facts
from musan.methods.fluctuation import Fluctuation, cusum, mosum
from musan.methods.limit_distributions import STATISTICS, hansen_p
from musan.methods.long_run_variance import Hac, constant_column, sandwich
from musan.methods.multiple_breaks import (
    MINIMUM,
    Covariance,
    MultipleBreaks,
    chosen_covariance,
    multiple_breaks,
    shortest_regime,
)
from musan.methods.observations import NOTHING, Observations, Values, known, observe
from musan.methods.partitions import before_and_after, date_bounds, date_inside, date_intervals, fit_regimes

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from musan.methods.autoregression import Innovations, Order

__all__ = [
    "Chow",
    "Fluctuation",
    "Hac",
    "MultipleBreaks",
    "UnknownBreak",
    "chow",
    "cusum",
    "mosum",
    "multiple_breaks",
    "unknown_break",
    "unknown_break_p",
    "unknown_breaks",
]

Array = npt.NDArray[np.float64]
AT_UNKNOWN_DATE = "a test at an unknown date"
BLOCK = 40_000  # figures of draws held at once while a bootstrap runs: with what follows from them, they fit a cache


@dataclass(frozen=True, eq=False)
class Chow:
    """A test for a break at a known date.

    Attributes
    ----------
    date : label
        Last observation of the old regime; ``position`` counts it from one.
    statistic : float
        F, that is the Wald statistic over the number of coefficients.
    p_value : float
        The bootstrap's, or ``p_table`` if there was no bootstrap.
    p_bootstrap, p_table : float
        ``p_table`` is that of the F distribution, with HAC of chi-squared; it is wrong under serial correlation,
        and with HAC in short series.
    degrees : tuple of int
        Of the F distribution.
    frame : DataFrame
        One row a coefficient: ``coefficient``, ``before``, ``after``, ``change``.
    n : int
    effective_n : float
        Observations without memory that would pin down a mean as well, if there is no break.
    assumptions : tuple of str
    """

    date: Any
    position: int
    statistic: float
    p_bootstrap: float
    p_table: float
    degrees: tuple[int, int]
    frame: pd.DataFrame
    n: int
    effective_n: float
    assumptions: tuple[str, ...]

    @property
    def p_value(self) -> float:
        """Return the recommended p-value."""
        return self.p_table if np.isnan(self.p_bootstrap) else self.p_bootstrap

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("last observation of the old regime", self.date),
            ("F", self.statistic),
            ("degrees of freedom", f"{self.degrees[0]}, {self.degrees[1]}"),
            ("p, bootstrap", known(self.p_bootstrap)),
            ("p, by table", self.p_table),
            ("observations", self.n),
            ("effective number of observations", round(self.effective_n, 1)),
        )


@dataclass(frozen=True, eq=False)
class UnknownBreak:
    """A test for one break at an unknown date.

    Attributes
    ----------
    date : label
        Least-squares estimate: last observation of the old regime; ``position`` counts it from one.
    low, high : label
        Interval for the date at ``level`` (Bai 1997), of use only if there is a break; too short under serial
        correlation, less so with ``covariance="hac"``.
    tests : DataFrame
        Indexed by ``sup``, ``ave``, ``exp``: ``statistic``, ``p_bootstrap``, ``p_asymptotic`` (Hansen 1997).
    sup_date : label
        Where the largest statistic is; not ``date`` where a HAC covariance moves it.
    frame : DataFrame
        One row a date tried: ``date``, ``position``, ``statistic``.
    regimes : DataFrame
        One row a coefficient: ``coefficient``, ``before``, ``after``, ``change`` at ``date``.
    n : int
    effective_n : float
        Observations without memory that would pin down a mean as well, if there is no break.
    assumptions : tuple of str
    """

    date: Any
    position: int
    low: Any
    high: Any
    level: float
    tests: pd.DataFrame
    sup_date: Any
    frame: pd.DataFrame
    regimes: pd.DataFrame
    n: int
    effective_n: float
    assumptions: tuple[str, ...]

    @property
    def p_value(self) -> float:
        """Return the recommended p-value: sup-F by bootstrap, or the asymptotic one if there was none."""
        p = self.tests.loc["sup", ["p_bootstrap", "p_asymptotic"]].to_numpy(dtype=float)
        return float(p[1] if np.isnan(p[0]) else p[0])

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        rows: list[tuple[str, object]] = [
            ("last observation of the old regime", self.date),
            (f"{100 * self.level:.0f} % interval for it", f"{self.low} to {self.high}"),
        ]
        for name, test in self.tests.iterrows():
            rows += [
                (f"{name}-F", float(test["statistic"])),
                (f"{name}-F: p, bootstrap", known(test["p_bootstrap"])),
                (f"{name}-F: p, asymptotic", known(test["p_asymptotic"])),
            ]
        rows += [("observations", self.n), ("effective number of observations", round(self.effective_n, 1))]
        return facts(*rows)


def chow(
    y: Values,
    date: Hashable,
    regressors: Values | None = None,
    *,
    fixed: Values | None = None,
    constant: bool = True,
    covariance: Covariance = "classical",
    replications: int = 999,
    order: Order = "bic",
    innovations: Innovations = "wild",
    seed: int = 0,
) -> Chow:
    """Test for a break at a known date (Chow 1960).

    The date must not come from a look at the series: else use :func:`unknown_break`.

    Parameters
    ----------
    y : array-like or Series, shape (n,)
        The series; a Series brings its dates (periods or numbers).
    date : label
        Last observation of the old regime: a date of ``y``, or its position from one if ``y`` has none.
    regressors : array-like or DataFrame, shape (n, k), optional
        Columns whose coefficients may change; without any, the mean may.
    fixed : array-like or DataFrame, shape (n, p), optional
        Columns whose coefficients may not change, such as seasonal dummies.
    constant : bool
        Put a constant among the regressors.
    covariance : "classical", "hac" or Hac
        ``"hac"`` is ``Hac()``: Andrews (1991), prewhitened.
    replications : int
        Bootstrap draws; 0 for none.
    order : int, "bic" or "aic"
        Lags of the errors' autoregression in the bootstrap, or the criterion that chooses them (on the
        residuals with a break: one that is left out looks like a long memory).
    innovations : {"wild", "resampled", "normal"}
        ``"wild"`` gives the innovations random signs in their order, which keeps changes in their size.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    Chow

    Raises
    ------
    MethodError
        Bad data (see :func:`musan.methods.observations.observe`), fewer than eight observations, a date outside
        the sample, or a regime with no more observations than coefficients.
    """
    bootstrap = autoregression.Bootstrap(replications, order, innovations, seed)
    data = observe(y, regressors, fixed, constant=constant, minimum=8, purpose="a Chow test")
    hac = chosen_covariance(covariance)
    k, position = data.changing.shape[1], data.position(date, "date")
    if not k < position < data.n - k:
        what = f"a regime has {min(position, data.n - position)} observations for {k} coefficients"
        raise MethodError(what, "date", "choose a date further from the ends, or fewer regressors")
    path = _WaldPath.over(data, np.array([position]), hac, "date")
    residuals = path.null_residuals(data.y)
    errors = bootstrap.fit(residuals, fit_regimes(data, (position,))[1], data.regressors)
    statistic = path(residuals[None])[0] / k
    degrees = k, data.n - 2 * k - data.fixed.shape[1]
    p_table = stats.chi2.sf(statistic[0] * k, k) if hac else stats.f.sf(statistic[0], *degrees)
    return Chow(
        date=data.date(position),
        position=position,
        statistic=float(statistic[0]),
        p_bootstrap=float(bootstrap.p_values(statistic * k, errors, path)[0]),
        p_table=float(p_table),
        degrees=degrees,
        frame=before_and_after(data, position),
        n=data.n,
        effective_n=errors.effective_n,
        assumptions=_assumptions(data, hac, errors, bootstrap, "the date was known beforehand"),
    )


def unknown_break(
    y: Values,
    regressors: Values | None = None,
    *,
    fixed: Values | None = None,
    constant: bool = True,
    trimming: float = 0.15,
    covariance: Covariance = "classical",
    level: float = 0.95,
    replications: int = 999,
    order: Order = "bic",
    innovations: Innovations = "wild",
    seed: int = 0,
) -> UnknownBreak:
    """Test for one break at an unknown date, by the sup-F, ave-F and exp-F of all dates.

    Parameters
    ----------
    y : array-like or Series, shape (n,)
        The series; a Series brings its dates (periods or numbers).
    regressors, fixed, constant, covariance, replications, order, innovations, seed
        As in :func:`chow`.
    trimming : float
        Share of the sample left out at either end, or the number of observations if at least one.
    level : float
        Of the interval for the date.

    Returns
    -------
    UnknownBreak

    Raises
    ------
    MethodError
        Bad data (see :func:`musan.methods.observations.observe`), fewer than 16 observations, or a
        trimming that leaves a regime with too few observations or no date to try.
    """
    bootstrap = autoregression.Bootstrap(replications, order, innovations, seed)
    data = observe(y, regressors, fixed, constant=constant, minimum=MINIMUM, purpose=AT_UNKNOWN_DATE)
    tried = _Tried.of(data, _dates_tried(data, chosen_covariance(covariance), trimming), bootstrap)
    k, share = data.changing.shape[1], tried.share
    dates = date_intervals(data, (tried.position,), tried.path.hac, level)
    positions, statistics = tried.path.positions, tried.statistics
    p_asymptotic = [hansen_p(float(s), name, k, share) for s, name in zip(statistics, STATISTICS, strict=True)]
    return UnknownBreak(
        date=data.date(tried.position),
        position=tried.position,
        low=dates["low"].iloc[0],
        high=dates["high"].iloc[0],
        level=level,
        tests=pd.DataFrame(
            {"statistic": statistics, "p_bootstrap": tried.p_bootstrap, "p_asymptotic": p_asymptotic},
            index=pd.Index(STATISTICS, name="test"),
        ),
        sup_date=data.date(int(positions[np.argmax(tried.wald)])),
        frame=pd.DataFrame({"date": data.index[positions - 1], "position": positions, "statistic": tried.wald}),
        regimes=before_and_after(data, tried.position),
        n=data.n,
        effective_n=tried.errors.effective_n,
        assumptions=_assumptions(data, tried.path.hac, tried.errors, bootstrap, "there is at most one break"),
    )


def unknown_breaks(
    samples: pd.DataFrame, *, trimming: float = 0.15, level: float = 0.95, replications: int = 999, seed: int = 0
) -> pd.DataFrame:
    """Test for one break of the mean at an unknown date, and nothing else, in each of several series.

    What the series share is worked out once, so that this takes a third of the time of as many
    :func:`unknown_break`.

    Parameters
    ----------
    samples : DataFrame
        One row a series, one column a date.
    trimming, level, replications
        As in :func:`unknown_break`.
    seed : int
        Seed of the first series' bootstrap; each further one has the next.

    Returns
    -------
    DataFrame
        Indexed as the samples: ``date``, ``low``, ``high`` (missing without an interval), ``p_value``,
        ``p_asymptotic`` (of the sup-F) and ``effective_n``, as in :class:`UnknownBreak`.
    """
    rows = []
    for data, tried in _each(samples.to_numpy(), samples.columns, trimming, replications, seed):
        [(position, low, high)] = date_bounds(data, (tried.position,), None, level)
        p_asymptotic = hansen_p(float(tried.statistics[0]), "sup", 1, tried.share)
        p_value = p_asymptotic if np.isnan(tried.p_bootstrap[0]) else float(tried.p_bootstrap[0])
        dates = (date_inside(data, bound) for bound in (position, low, high))
        rows.append((*dates, p_value, p_asymptotic, tried.errors.effective_n))
    columns = ["date", "low", "high", "p_value", "p_asymptotic", "effective_n"]
    return pd.DataFrame(rows, columns=columns, index=samples.index)


def unknown_break_p(samples: Array, *, trimming: float = 0.15, replications: int = 999, seed: int = 0) -> Array:
    """Return the bootstrap p-value of the sup-F for a mean that may change once, and nothing else, of several series.

    Parameters
    ----------
    samples : ndarray, shape (samples, n)
    trimming, replications, seed
        As in :func:`unknown_breaks`, of which this is ``p_value``; at least one replication.

    Returns
    -------
    ndarray, shape (samples,)
    """
    dates = pd.RangeIndex(1, samples.shape[1] + 1)
    return np.array([tried.p_bootstrap[0] for _, tried in _each(samples, dates, trimming, replications, seed)])


def _each(
    samples: Array, dates: pd.Index, trimming: float, replications: int, seed: int
) -> Iterator[tuple[Observations, _Tried]]:
    """Yield each series with its test by the sup-F alone; the dates tried are the same for all."""
    path: _WaldPath | None = None
    for i, sample in enumerate(samples):
        bootstrap = autoregression.Bootstrap(replications, "bic", "wild", seed + i)
        data = observe(pd.Series(sample, dates), minimum=MINIMUM, purpose=AT_UNKNOWN_DATE)
        path = path or _dates_tried(data, None, trimming)
        yield data, _Tried.of(data, path, bootstrap, _sup)


@dataclass(frozen=True, eq=False)
class _Tried:
    """All dates tried: the statistic at each, the least-squares date, and the tests over all dates."""

    path: _WaldPath
    wald: Array
    position: int
    errors: autoregression.Autoregression
    statistics: Array
    p_bootstrap: Array

    @classmethod
    def of(
        cls,
        data: Observations,
        path: _WaldPath,
        bootstrap: autoregression.Bootstrap,
        functionals: Callable[[Array], Array] | None = None,
    ) -> _Tried:
        over_dates = functionals or _functionals
        residuals = path.null_residuals(data.y)
        values = path(residuals[None])
        position = int(path.positions[path.classical(residuals[None])[0].argmax()])
        errors = bootstrap.fit(residuals, fit_regimes(data, (position,))[1], data.regressors)
        statistics = over_dates(values)[0]
        p_bootstrap = bootstrap.p_values(statistics, errors, lambda draws: over_dates(path(draws)))
        return cls(path, values[0], position, errors, statistics, p_bootstrap)

    @property
    def share(self) -> float:
        """Return the share of the sample before the first date tried."""
        return int(self.path.positions[0]) / self.path.data.n


def _assumptions(
    data: Observations,
    hac: Hac | None,
    errors: autoregression.Autoregression,
    bootstrap: autoregression.Bootstrap,
    *others: str,
) -> tuple[str, ...]:
    table = hac.words() if hac else "p-values of tables: errors without serial correlation and of one size"
    return (data.assumption(), *others, table, *bootstrap.words(errors, "no break"))


# Statistics, for a stack of samples at once


def _dates_tried(data: Observations, hac: Hac | None, trimming: float) -> _WaldPath:
    """Return the statistics at all dates that leave each regime long enough."""
    shortest = shortest_regime(data, trimming)
    return _WaldPath.over(data, np.arange(shortest, data.n - shortest + 1), hac, "trimming")


@dataclass(frozen=True, eq=False)
class _WaldPath:
    """Wald statistics of a break at each of several dates.

    Attributes
    ----------
    null : ndarray, shape (n, k + p)
        Orthonormal basis of all regressors.
    directions : ndarray, shape (dates, n, k)
        What a break at each date adds to it, orthonormal.
    """

    data: Observations
    positions: npt.NDArray[np.int64]
    hac: Hac | None
    null: Array
    directions: Array

    @classmethod
    def over(cls, data: Observations, positions: npt.NDArray[np.int64], hac: Hac | None, argument: str) -> _WaldPath:
        null = np.linalg.qr(data.regressors)[0]
        after = np.arange(1, data.n + 1) > positions[:, None]
        added = after[:, :, None] * data.changing
        size = np.linalg.norm(added, axis=1)
        added = added - null @ (null.T @ added)
        directions, scale = np.linalg.qr(added)
        lost = (np.abs(np.diagonal(scale, axis1=1, axis2=2)) <= NOTHING * size).any(axis=1)
        if lost.any():
            at = data.date(int(positions[int(np.argmax(lost))]))
            what = f"a break at {at} can't be told from no break"
            raise MethodError(what, argument, "keep off the ends, or leave out regressors that stand still there")
        return cls(data, positions, hac, null, directions)

    def null_residuals(self, y: Array) -> Array:
        """Return residuals without a break; the statistics depend on nothing else."""
        return np.asarray(y - (y @ self.null) @ self.null.T)

    def __call__(self, draws: Array) -> Array:
        """Return the statistics of each sample at each date, shape (samples, dates)."""
        if self.hac is None:
            return self.classical(draws)
        width = draws.shape[1] * (self.null.shape[1] + self.directions.shape[2]) ** 2
        blocks = np.array_split(draws, max(1, len(draws) * width // BLOCK))
        return np.vstack([self._robust(block, self.hac) for block in blocks])

    def classical(self, draws: Array) -> Array:
        """Return the statistics for errors without memory and of one size."""
        residuals = self.null_residuals(draws)
        dates, n, k = self.directions.shape
        along = residuals @ self.directions.transpose(1, 0, 2).reshape(n, dates * k)
        gained = (along.reshape(-1, dates, k) ** 2).sum(axis=2)
        left = (residuals**2).sum(axis=1)[:, None] - gained
        return np.asarray(gained * (n - k - self.null.shape[1]) / np.maximum(left, NOTHING**2 * gained))

    def _robust(self, draws: Array, hac: Hac) -> Array:
        residuals = self.null_residuals(draws)
        k = self.directions.shape[2]
        found = np.empty((len(draws), len(self.positions)))
        for i, (position, direction) in enumerate(zip(self.positions, self.directions, strict=True)):
            after = (np.arange(self.data.n) >= position)[:, None] * self.data.changing
            design = np.hstack([self.data.regressors, after])
            change = residuals @ np.linalg.pinv(design)[-k:].T
            left = residuals - (residuals @ direction) @ direction.T
            covariance = sandwich(design, left, hac, constant=constant_column(design))[:, -k:, -k:]
            found[:, i] = (change * np.linalg.solve(covariance, change[..., None])[..., 0]).sum(axis=1)
        return found


def _functionals(paths: Array) -> Array:
    """Return sup, ave and exp of each path, shape (samples, 3)."""
    largest = paths.max(axis=1)
    # log(mean(exp(F / 2))), the largest taken out first so that nothing overflows.
    exponential = largest / 2 + np.log(np.exp((paths - largest[:, None]) / 2).mean(axis=1))
    return np.column_stack([largest, paths.mean(axis=1), exponential])


def _sup(paths: Array) -> Array:
    """Return the sup of each path alone, shape (samples, 1)."""
    return np.asarray(paths.max(axis=1, keepdims=True))
