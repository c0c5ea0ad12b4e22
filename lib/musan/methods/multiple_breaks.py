"""Several breaks at unknown dates, after Bai and Perron.

Dynamic programming finds, for each number of breaks, the dates with the least sum of squares (Bai and Perron
2003, Journal of Applied Econometrics 18). Tests of no break against k (sup-F, UDmax, WDmax) and of one more break
(sup-F(l+1|l)) follow Bai and Perron (1998, Econometrica 66), intervals for the dates Bai (1997, Review of Economics
and Statistics 79). Statistics are in the scale of their published critical values: q times F for q coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from musan.errors import MethodError
from musan.methods import autoregression
from musan.methods.arguments import choice, number, whole
from musan.methods.autoregression import share_beyond
from musan.methods.facts import facts
from musan.methods.limit_distributions import bai_perron_critical, hansen_p
from musan.methods.long_run_variance import Hac
from musan.methods.observations import Observations, Values, known, observe
from musan.methods.partitions import LongRun, Partition, Positions, Search, bounds, date_intervals, fit_regimes

if TYPE_CHECKING:
    from musan.methods.autoregression import Bootstrap, Innovations, Order

Array = npt.NDArray[np.float64]
Covariance = Literal["classical", "hac"] | Hac
Choice = Literal["sequential", "bic", "lwz"] | int

MINIMUM = 16  # observations; dates can't be found in a dozen annual figures, whatever a test says
BLOCK = 250_000  # figures held at once while a bootstrap runs: 2 MB, which a processor's cache holds
# Liu, Wu and Zidek (1997), Statistica Sinica 7: the constants they recommend.
LWZ_CONSTANT, LWZ_POWER = 0.299, 2.1


@dataclass(frozen=True, eq=False)
class MultipleBreaks:
    """A regression with several breaks.

    Attributes
    ----------
    breaks : int
        The number chosen, by ``chosen_by``.
    dates : DataFrame
        One row a break: ``date`` (last observation of the old regime), ``low`` and ``high`` (interval at ``level``;
        too short under serial correlation, less so with ``covariance="hac"``), and ``position``,
        ``low_position``, ``high_position``, counted from one.
    regimes : DataFrame
        One row a coefficient and regime: ``coefficient``, ``regime``, ``first``, ``last``, ``n``, ``estimate``.
    partitions : DataFrame
        One row a number of breaks, from none: ``dates``, ``rss``, ``bic``, ``lwz``.
    tests : DataFrame
        One row a number k of breaks: ``sup_f`` (none against k), ``p_bootstrap``, ``critical_5`` (Bai and Perron
        2003); ``next_sup_f`` (k - 1 against k), ``next_p_bootstrap``, ``next_p_asymptotic``.
    maxima : DataFrame
        Indexed by ``UDmax`` and ``WDmax`` (none against any number): ``statistic``, ``p_bootstrap``, ``critical_5``.
    n : int
    effective_n : float
        Observations without memory that would pin down a mean as well, given the breaks chosen.
    assumptions : tuple of str
    """

    breaks: int
    chosen_by: str
    dates: pd.DataFrame
    regimes: pd.DataFrame
    partitions: pd.DataFrame
    tests: pd.DataFrame
    maxima: pd.DataFrame
    level: float
    n: int
    effective_n: float
    assumptions: tuple[str, ...]
    _data: Observations = field(repr=False)
    _positions: tuple[Positions, ...] = field(repr=False)
    _long_run: LongRun = field(repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """Return the series with its fit: ``date``, ``observed``, ``fitted``, ``regime``."""
        data, positions = self._data, self._positions[self.breaks]
        regime = np.searchsorted(positions, np.arange(data.n), side="right") + 1
        fitted = data.y - fit_regimes(data, positions)[1]
        return pd.DataFrame({"date": data.index, "observed": data.y, "fitted": fitted, "regime": regime})

    def dates_of(self, breaks: int, *, level: float | None = None) -> pd.DataFrame:
        """Return dates and intervals of any number of breaks tried, as in ``dates``."""
        breaks = whole("breaks", breaks)
        if not 1 <= breaks < len(self._positions):
            remedy = f"give 1 to {len(self._positions) - 1}, or refit with another max_breaks"
            raise MethodError(f"{breaks} breaks were not tried", "breaks", remedy)
        level = self.level if level is None else level
        return date_intervals(self._data, self._positions[breaks], self._long_run, level)

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        ends = enumerate(self.dates[["date", "low", "high"]].itertuples(index=False), start=1)
        return facts(
            (f"breaks, by {self.chosen_by}", self.breaks),
            *((f"regime {i} ends", f"{date} ({low} to {high})") for i, (date, low, high) in ends),
            *((f"{name}: p, bootstrap", known(p)) for name, p in self.maxima["p_bootstrap"].items()),
            ("breaks by bic", int(self.partitions["bic"].to_numpy().argmin())),
            ("breaks by lwz", int(self.partitions["lwz"].to_numpy().argmin())),
            ("observations", self.n),
            ("effective number of observations", round(self.effective_n, 1)),
        )


def multiple_breaks(
    y: Values,
    regressors: Values | None = None,
    *,
    fixed: Values | None = None,
    constant: bool = True,
    max_breaks: int | None = None,
    trimming: float = 0.15,
    covariance: Covariance = "classical",
    choose: Choice = "sequential",
    significance: float = 0.05,
    level: float = 0.95,
    replications: int = 499,
    order: Order = "bic",
    innovations: Innovations = "wild",
    seed: int = 0,
) -> MultipleBreaks:
    """Find how many breaks there are, and when.

    Parameters
    ----------
    y : array-like or Series, shape (n,)
        The series; a Series brings its dates (periods or numbers).
    regressors : array-like or DataFrame, shape (n, k), optional
        Columns whose coefficients may change; without any, the mean may.
    fixed : array-like or DataFrame, shape (n, p), optional
        Columns whose coefficients may not change. Dates and coefficients are then found in turns, and the sum of
        squares of several breaks need not be the least of all; tests of one more break hold the
        coefficients of these columns at their estimates.
    constant : bool
        Put a constant among the regressors.
    max_breaks : int, optional
        Most breaks tried; by default five, or as many as fit.
    trimming : float
        Shortest regime as a share of the sample, or in observations if at least one.
    covariance : "classical", "hac" or Hac
        Of tests and intervals. ``"hac"`` follows Bai and Perron (2003): prewhitened, quadratic spectral,
        regime by regime. With HAC each replication of the bootstrap takes some ten milliseconds.
    choose : {"sequential", "bic", "lwz"} or int
        ``sequential``, as Bai and Perron (2003) advise: none unless UDmax rejects at ``significance``; else the
        first number from one that sup-F(l+1|l) does not reject. P-values are the bootstrap's; if
        ``replications`` is 0, sup-F(1|0) may reject in place of UDmax, and p-values are asymptotic. BIC and
        LWZ suppose that there is no serial correlation; with it they find too many.
    significance : float
    level : float
        Of the intervals for the dates.
    replications : int
        Bootstrap draws; 0 for none.
    order : int, "bic" or "aic"
        Lags of the errors' autoregression in the bootstrap, or the criterion that chooses them (on the
        residuals with most breaks).
    innovations : {"wild", "resampled", "normal"}
        ``"wild"`` gives the innovations random signs in their order, which keeps changes in their size.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    MultipleBreaks

    Raises
    ------
    MethodError
        Bad data (see :func:`musan.methods.observations.observe`), fewer than 16 observations, more
        breaks than fit, or a regime too short for its coefficients.
    """
    bootstrap = autoregression.Bootstrap(replications, order, innovations, seed)
    number("significance", significance, 0, 1, above=True)
    purpose = "a test at an unknown date"
    data = observe(y, regressors, fixed, constant=constant, minimum=MINIMUM, purpose=purpose)
    search = Search(data, shortest_regime(data, trimming), _regime_covariance(covariance))
    most = _most(data.n, search.shortest, max_breaks)
    found = search.partitions(data.y[None], most)
    positions = tuple(tuple(int(p) for p in part.positions[0]) for part in found)
    drawn = _draw(search, positions, bootstrap)
    tests, maxima = _test(search, found, drawn, trimming)
    table = pd.DataFrame([_criteria(data, p) for p in positions]).rename_axis("breaks")
    breaks, chosen_by = _choose(choose, table, tests, maxima, significance)
    errors = autoregression.fit(fit_regimes(data, positions[breaks])[1], order)
    return MultipleBreaks(
        breaks=breaks,
        chosen_by=chosen_by,
        dates=date_intervals(data, positions[breaks], search.long_run, level),
        regimes=_regimes(data, positions[breaks]),
        partitions=table,
        tests=tests,
        maxima=maxima,
        level=level,
        n=data.n,
        effective_n=errors.effective_n,
        assumptions=_assumptions(search, bootstrap, errors),
        _data=data,
        _positions=positions,
        _long_run=search.long_run,
    )


# Arguments


def chosen_covariance(covariance: Covariance) -> Hac | None:
    """Return None for the classical covariance, else how to estimate the HAC one."""
    if isinstance(covariance, Hac):
        return covariance
    choice("covariance", covariance, ("classical", "hac"))
    return None if covariance == "classical" else Hac()


def _regime_covariance(covariance: Covariance) -> LongRun:
    return "bai_perron" if covariance == "hac" else chosen_covariance(covariance)


def shortest_regime(data: Observations, trimming: float) -> int:
    """Return the fewest observations of a regime, from a share of the sample or a number of observations."""
    k = data.changing.shape[1]
    if number("trimming", trimming) <= 0:
        raise MethodError(f"it is {trimming}", "trimming", "give a share above 0 and under 0.5, such as 0.15")
    shortest = int(np.floor(trimming * data.n)) if trimming < 1 else int(trimming)
    if shortest <= k:
        what = f"{trimming} of {data.n} observations leaves a regime {shortest} for {k} coefficients"
        raise MethodError(what, "trimming", f"raise it to at least {k + 1} observations")
    if shortest > data.n // 2:
        raise MethodError(f"{trimming} leaves no date to try", "trimming", "give a share above 0 and under 0.5")
    return shortest


def _most(n: int, shortest: int, max_breaks: int | None) -> int:
    room = n // shortest - 1
    if max_breaks is None:
        return min(5, room)
    most = whole("max_breaks", max_breaks)
    if not 1 <= most <= room:
        remedy = f"give 1 to {room}, or another trimming"
        raise MethodError(f"{most} breaks do not fit", "max_breaks", remedy)
    return most


def _choose(
    choose: Choice, table: pd.DataFrame, tests: pd.DataFrame, maxima: pd.DataFrame, significance: float
) -> tuple[int, str]:
    if isinstance(choose, int):
        if not 0 <= choose < len(table):
            raise MethodError(f"{choose} breaks were not tried", "choose", f"give 0 to {len(table) - 1}")
        return choose, "the analyst"
    choice("choose", choose, ("sequential", "bic", "lwz"))
    if choose != "sequential":
        return int(table[choose].to_numpy().argmin()), choose
    by = f"sequential tests at {100 * significance:g} %"
    p = tests["next_p_bootstrap"].fillna(tests["next_p_asymptotic"]).to_numpy()
    first, udmax = p[0], maxima.loc["UDmax"].to_numpy(dtype=float)
    if not np.isnan(udmax[1]):
        first = udmax[1]
    elif significance == 0.05 and udmax[0] > udmax[2]:
        first = 0.0
    accepted = np.flatnonzero(~(np.array([first, *p[1:]]) <= significance))
    return (int(accepted[0]) if len(accepted) else len(p)), by


# Tables


def _assumptions(search: Search, bootstrap: Bootstrap, errors: autoregression.Autoregression) -> tuple[str, ...]:
    words = {None: "classical covariance: no serial correlation", "bai_perron": "HAC of Bai and Perron (2003)"}
    long_run = search.long_run
    return (
        search.data.assumption(),
        f"no regime is shorter than {search.shortest} observations",
        long_run.words() if isinstance(long_run, Hac) else words[long_run],
        *bootstrap.words(errors, "each number of breaks; at the one chosen"),
    )


def _regimes(data: Observations, positions: Positions) -> pd.DataFrame:
    estimates, _ = fit_regimes(data, positions)
    rows = [
        (name, i + 1, data.index[first], data.index[last - 1], last - first, estimates[i, j])
        for i, (first, last) in enumerate(bounds(data, positions))
        for j, name in enumerate(data.names)
    ]
    return pd.DataFrame(rows, columns=["coefficient", "regime", "first", "last", "n", "estimate"])


def _criteria(data: Observations, positions: Positions) -> dict[str, object]:
    """Return BIC (Gaussian; dates and variance count as parameters) and LWZ of one partition."""
    _, residuals = fit_regimes(data, positions)
    rss, n, m = float(residuals @ residuals), data.n, len(positions)
    coefficients = (m + 1) * data.changing.shape[1] + data.fixed.shape[1]
    with np.errstate(divide="ignore"):
        fit = n * (np.log(rss / n) + 1 + np.log(2 * np.pi))
        lwz = np.log(rss / (n - coefficients - m))
    penalty = LWZ_CONSTANT * np.log(n) ** LWZ_POWER / n
    return {
        "dates": ", ".join(str(data.date(p)) for p in positions),
        "rss": rss,
        "bic": float(fit + np.log(n) * (coefficients + m + 1)),
        "lwz": float(lwz + penalty * (coefficients + m)),
    }


# Tests


@dataclass(frozen=True, eq=False)
class _Draws:
    """Bootstrap statistics: sup-F(k) under no break, and sup-F(l+1|l) under each number l of breaks."""

    sup: Array  # (samples, most)
    following: list[Array]  # most times (samples,)


def _test(
    search: Search, found: list[Partition], drawn: _Draws | None, trimming: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    q, share = search.data.changing.shape[1], search.shortest / search.data.n
    critical = _critical(q, trimming if trimming < 1 else share, len(found) - 1)
    sup = search.sup_f(search.data.y[None], found)[0]
    following = np.array([search.next_sup_f(part)[0] for part in found[:-1]])
    # WDmax weighs k breaks by the critical value of one break over that of k.
    each = critical[2:]
    weights = each[0] / each
    tests = pd.DataFrame({"sup_f": sup, "p_bootstrap": np.nan, "critical_5": each, "next_sup_f": following})
    tests["next_p_bootstrap"] = np.nan
    asymptotic = [1 - (1 - hansen_p(f, "sup", q, share)) ** (i + 1) for i, f in enumerate(following)]
    tests["next_p_asymptotic"] = asymptotic
    statistics = [sup.max(), (sup * weights).max()]
    maxima = pd.DataFrame({"statistic": statistics, "p_bootstrap": np.nan, "critical_5": critical[:2]})
    if drawn is not None:
        tests["p_bootstrap"] = share_beyond(sup, drawn.sup)
        tests["next_p_bootstrap"] = [float(share_beyond(f, d)) for f, d in zip(following, drawn.following, strict=True)]
        largest = np.column_stack([drawn.sup.max(axis=1), (drawn.sup * weights).max(axis=1)])
        maxima["p_bootstrap"] = np.where(np.isnan(statistics), np.nan, share_beyond(np.array(statistics), largest))
    tests.index = pd.RangeIndex(1, len(tests) + 1, name="breaks")
    maxima.index = pd.Index(["UDmax", "WDmax"], name="test")
    return tests, maxima


def _critical(coefficients: int, trimming: float, most: int) -> Array:
    """Return the 5 % critical values of UDmax, WDmax and sup-F(1) to sup-F(most), NaN where none is printed."""
    table = bai_perron_critical(coefficients, trimming)
    names = ["UDmax", "WDmax", *(f"sup{k}" for k in range(1, most + 1))]
    if table is None:
        return np.full(len(names), np.nan)
    return table.reindex(columns=names).loc[0.05].to_numpy(dtype=float)


def _draw(search: Search, positions: tuple[Positions, ...], bootstrap: Bootstrap) -> _Draws | None:
    if bootstrap.replications == 0:
        return None
    generator, most = np.random.default_rng(bootstrap.seed), len(positions) - 1
    judge = fit_regimes(search.data, positions[-1])[1]
    sup, following = [], []
    for breaks in range(most):
        _, residuals = fit_regimes(search.data, positions[breaks])
        errors = bootstrap.fit(residuals, judge, search.data.regressors)
        shocks = errors.draw(bootstrap.replications, generator, bootstrap.innovations)
        draws = search.data.y - residuals + shocks
        values = []
        for block in np.array_split(draws, max(1, draws.size * search.data.n // BLOCK)):
            found = search.partitions(block, most if breaks == 0 else breaks)
            values.append(search.next_sup_f(found[breaks]))
            if breaks == 0:
                sup.append(search.sup_f(block, found))
        following.append(np.concatenate(values))
    return _Draws(np.vstack(sup), following)
