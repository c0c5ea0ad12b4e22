"""Rebuild a monthly series from scattered printed figures, with its uncertainty.

Each printed figure is a linear statement on the months (:mod:`musan.methods.statements`). The months
follow a random walk whose steps scale with the local level and may be large at the dates of known
events. Statements err by their rounding and by a share of their value that is the same for all
(compilers differ by a few per cent); the errors have Student-t tails, so a misprint loses its weight.
Both scales are set by maximum leave-one-out likelihood, which keeps intervals honest when the model is
only roughly right (Bachoc 2013). Months can't be negative: truncation is done by expectation
propagation. Each statement is held against what all others say of it (leave-one-out z); what one source
adds is told by :mod:`musan.methods.source_value`.

The idea is temporal disaggregation (Chow and Lin 1971; Denton 1971) in its state-space form (Durbin
and Koopman 2012, ch. 4 and 7), with an arbitrary set of overlapping constraints instead of one total.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import linalg, optimize, special, stats
from scipy.ndimage import maximum_filter1d

from musan.errors import MethodError
from musan.methods.statements import design, drop_reprints, inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]

LEVEL = 0.90
FLAG = 3.0  # |z| above which a statement does not fit what all others say
TAIL = 4.0  # degrees of freedom of the statements' errors
JUMP = 0.7  # a step at a known event may reach this share of the level, one standard deviation
FLOOR = 0.03  # steps never scale with less than this share of the series' largest level
LOOSE = 3.0  # how much wider steps are when figures are held against each other only
# Weak log-normal priors on the two scales keep sparse series (ore: a dozen figures) away from the edges.
STEP_PRIOR = (np.log(0.2), 1.0)
NOISE_PRIOR = (np.log(0.015), 0.3)


@dataclass(frozen=True)
class Reconciliation:
    """A rebuilt monthly series.

    Attributes
    ----------
    frame : DataFrame
        One row a series and month: ``series``, ``month``, ``mean``, ``sd``, ``low``, ``high`` (90 %).
    statements : DataFrame
        The statements with ``role`` (``fitted`` or ``checked``), ``expected`` and ``expected_sd`` (what all
        others say), ``z``, ``inside`` (does the 90 % interval hold it), ``flagged``, ``weight``.
    coverage : float
        Share of fitted statements inside their leave-one-out 90 % interval.
    n : int
        Number of statements fitted.
    effective_n : float
        How many of them the fit could not have known from its prior and the other statements:
        the trace of the smoother.
    step, noise : float
        Monthly step and disagreement between statements, standard deviations as shares of the level.
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    statements: pd.DataFrame
    coverage: float
    n: int
    effective_n: float
    step: float
    noise: float
    reprints: int
    assumptions: tuple[str, ...]
    _model: _Model = field(repr=False)
    _mean: Array = field(repr=False)
    _covariance: Array = field(repr=False)
    _months: pd.PeriodIndex = field(repr=False)
    _series: tuple[str, ...] = field(repr=False)

    @property
    def flagged(self) -> pd.DataFrame:
        """Return the statements that do not fit what all others say, the worst first."""
        rows = self.statements[self.statements["flagged"]]
        return rows.reindex(rows["z"].abs().sort_values(ascending=False).index)

    def draws(self, n: int = 2000, *, seed: int) -> dict[str, pd.DataFrame]:
        """Return random paths from the posterior, for sums, ratios and falls with their interval.

        Parameters
        ----------
        n : int
            Number of paths.
        seed : int
            Seed of the generator.

        Returns
        -------
        dict of DataFrame
            For each series a frame of shape (n, months), non-negative.
        """
        noise = np.random.default_rng(seed).standard_normal((n, len(self._mean)))
        paths = noise @ self._root.T + self._mean
        blocks = np.split(np.clip(paths, 0, None), len(self._series), axis=1)
        return {s: pd.DataFrame(b, columns=self._months) for s, b in zip(self._series, blocks, strict=True)}

    @cached_property
    def _root(self) -> Array:
        """A root of the covariance, which all draws share."""
        values, vectors = np.linalg.eigh(self._covariance)
        root: Array = vectors * np.sqrt(np.abs(values))  # rounding may leave a value just below zero
        return root

    def told(self, statements: pd.DataFrame) -> pd.DataFrame:
        """Return what the rebuilt months say of statements that did not enter them.

        Parameters
        ----------
        statements : DataFrame
            As for :func:`fit`, inside the months.

        Returns
        -------
        DataFrame
            The statements with ``expected``, ``expected_sd``, ``z``, ``inside`` and ``flagged``.
        """
        rows = statements.reset_index(drop=True)
        figures = _Figures.of(rows, self._series, self._months)
        error = figures.variance(self.noise, self._model.smallest, self._model.level)
        said = figures.told(self._mean, self._covariance)
        return _held_against(rows, "checked", figures.right, said, error, np.zeros(len(rows)))

    def series(self, name: str) -> pd.DataFrame:
        """Return mean, sd and interval of one series, indexed by month."""
        if name not in self._series:
            raise MethodError(f"there is no series {name!r}", "name", f"known: {', '.join(self._series)}")
        return self.frame[self.frame["series"] == name].drop(columns="series").set_index("month")

    def summary(self) -> pd.DataFrame:
        """Return one row a fact about the fit, to print in a notebook."""
        return pd.DataFrame(
            [
                ("statements fitted", f"{self.n}"),
                ("reprints left out", f"{self.reprints}"),
                ("effective number of statements", f"{self.effective_n:.1f}"),
                ("monthly step, share of the level", f"{100 * self.step:.0f} %"),
                ("disagreement between statements", f"{100 * self.noise:.1f} %"),
                ("leave-one-out coverage of the 90 % interval", f"{100 * self.coverage:.0f} %"),
                ("statements flagged", f"{int(self.statements['flagged'].sum())}"),
            ],
            columns=["fact", "value"],
        )


def fit(
    statements: pd.DataFrame,
    *,
    months: pd.PeriodIndex,
    series: Sequence[str],
    events: Sequence[pd.Period] = (),
    check_only: Sequence[str] = ("claim", "estimate"),
    scales: tuple[float, float] | None = None,
) -> Reconciliation:
    """Rebuild one or several monthly series from statements.

    Parameters
    ----------
    statements : DataFrame
        From :func:`musan.methods.statements.levels` and ``rates``. Statements that reach outside
        ``months`` are left out.
    months : PeriodIndex, length T
        Consecutive months.
    series : sequence of str
        Names of the series; statements may speak of sums (``"a+b"``).
    events : sequence of Period
        Months at which a large step is allowed.
    check_only : sequence of str
        Values of ``basis`` that are held against the fit but do not enter it.
    scales : (float, float), optional
        Monthly step and disagreement between statements, as shares of the level, where they are known;
        by default both are set by leave-one-out likelihood.

    Returns
    -------
    Reconciliation
        In the unit of the statements.

    Raises
    ------
    MethodError
        Months with gaps, negative levels, fewer than three statements, a series without any level, or
        scales that are not positive.
    """
    _refuse_bad(statements, months, series)
    _refuse_texts(series, events, check_only)
    _refuse_scales(scales)
    usable = inside(statements, months)
    usable, reprints = drop_reprints(usable)
    fitted = usable[~usable["basis"].isin(list(check_only))].reset_index(drop=True)
    checked = usable[usable["basis"].isin(list(check_only))].reset_index(drop=True)
    if gap := lacking(fitted, series):
        raise MethodError(*gap)
    figures = _Figures.of(fitted, series, months)
    model, weights = _tune(_start(fitted, figures, months, tuple(series), events), scales)
    mean, covariance = model.posterior(weights)
    truncated, shrunk, table = _truncate(mean, covariance)
    others = _Figures.of(checked, series, months)
    tested = pd.concat(
        [
            _held_against(fitted, "fitted", figures.right, model.others_say(weights),
                          model.variance, weights),
            _held_against(checked, "checked", others.right, others.told(mean, covariance),
                          others.variance(model.noise, model.smallest, model.level), np.zeros(len(checked))),
        ],
        ignore_index=True,
    )  # fmt: skip
    inner = tested.loc[tested["role"] == "fitted", "inside"]
    leverage = figures.told(mean, covariance)[1] * weights / model.variance
    frame = table.assign(series=np.repeat(list(series), len(months)), month=months.append([months] * (len(series) - 1)))
    return Reconciliation(
        frame=frame[["series", "month", "mean", "sd", "low", "high"]],
        statements=tested.sort_values(["start", "end", "series"], kind="stable", ignore_index=True),
        coverage=float(inner.mean()),
        n=len(fitted),
        effective_n=float(leverage.sum()),
        step=model.step,
        noise=model.noise,
        reprints=reprints,
        assumptions=ASSUMPTIONS,
        _model=model,
        _mean=truncated,
        _covariance=shrunk,
        _months=months,
        _series=tuple(series),
    )


ASSUMPTIONS = (
    "between two statements the series moves by steps that scale with its local level",
    "large steps are possible at the dates of the events given, and unlikely elsewhere",
    "figures that agree within their rounding are one figure printed twice",
    "compilers disagree by a random share of the value, the same for all",
    "a misprint loses its weight only where figures on the same months contradict it",
    "no month is negative",
)


def _refuse_bad(statements: pd.DataFrame, months: pd.PeriodIndex, series: Sequence[str]) -> None:
    if months.freqstr != "M" or len(months) < 2 or (np.diff(months.asi8) != 1).any():
        raise MethodError("are not consecutive", "months", "give pd.period_range(first, last, freq='M')")
    if len(set(series)) != len(series) or not series:
        raise MethodError("are empty or repeat", "series", "give each series once")
    levels = statements.loc[statements["kind"] == "level", "value"]
    if (levels < 0).any():
        raise MethodError("holds a negative level", "statements", "trade is not negative: drop or correct the row")
    figures = statements[["value", "half_width"]].to_numpy(dtype=float)
    rates = statements.loc[statements["kind"] == "rate", "rate"].to_numpy(dtype=float)
    if not (np.isfinite(figures).all() and np.isfinite(rates).all()):
        raise MethodError("holds a missing or infinite figure", "statements", "drop those rows first")
    if statements[["start", "end"]].isna().to_numpy().any():
        raise MethodError("holds a missing month", "statements", "drop those rows first")


def _refuse_texts(series: Sequence[str], events: Sequence[pd.Period], check_only: Sequence[str]) -> None:
    for name, words in (("series", series), ("check_only", check_only)):
        if isinstance(words, str):
            raise MethodError(f"is the text {words!r}", name, f"give a list: [{words!r}]")
    for event in events:
        if not isinstance(event, pd.Period):
            raise MethodError(f"holds {event!r}, which is no month", "events", "give pd.Period objects")


def _refuse_scales(scales: tuple[float, float] | None) -> None:
    if scales is not None and not (len(scales) == 2 and all(np.isfinite(s) and s > 0 for s in scales)):
        raise MethodError(f"are {scales!r}", "scales", "give (step, noise), both above zero, such as (0.2, 0.015)")


def lacking(fitted: pd.DataFrame, series: Sequence[str]) -> tuple[str, str, str] | None:
    """Return what statements lack for a fit, where and what to do; None when they suffice."""
    if len(fitted) < 3:
        return f"only {len(fitted)} can be used", "statements", "at least three are needed"
    told = set(fitted.loc[fitted["kind"] == "level", "series"].str.split("+").explode())
    if missing := sorted(set(series) - told):
        return f"no level speaks of {missing[0]!r}", "statements", "leave the series out"
    return None


@dataclass(frozen=True)
class _Figures:
    """Statements as arrays: ``design @ months = right`` give or take rounding and noise."""

    design: Array  # (n, m)
    right: Array  # (n,)
    rounding: Array  # (n,) half widths
    scale: Array  # (n,) size that the noise is a share of

    @classmethod
    def of(cls, rows: pd.DataFrame, series: Sequence[str], months: pd.PeriodIndex) -> _Figures:
        weights, right = design(rows, series, months)
        size = rows["value"].abs().to_numpy(dtype=float)
        # Both sides of a year-on-year rate carry noise.
        scale = np.where(rows["kind"] == "rate", size * np.sqrt(2.0), size)
        return cls(weights, right, rows["half_width"].to_numpy(dtype=float), scale)

    def variance(self, noise: float, smallest: float, level: Array) -> Array:
        """Return the error variance; uniform rounding has variance half width squared over three."""
        variance: Array = self.rounding**2 / 3 + (noise * self.size(level)) ** 2 + smallest**2
        return variance

    def size(self, level: Array) -> Array:
        """Return the size that the noise of each statement is a share of, given the local level."""
        # The level around where the figure is lower: else the lower of two figures would count as the more precise
        # one, and a misprint that is too low would win. A rate's design holds both its sides, whose errors add as
        # squares: hence the root of a half.
        around = np.abs(self.design) @ level * np.where(self.right == 0, np.sqrt(0.5), 1.0)
        size: Array = np.maximum(self.scale, around)
        return size

    def told(self, mean: Array, covariance: Array) -> tuple[Array, Array]:
        """Return mean and variance of what the months say of each statement."""
        return self.design @ mean, ((self.design @ covariance) * self.design).sum(axis=1)


@dataclass(frozen=True)
class _Model:
    """A linear Gaussian model of stacked monthly series; immutable, so that tuning passes copies on."""

    figures: _Figures
    level: Array  # (m,) local level that steps scale with
    jumps: Array  # (T,) bool
    blocks: int
    step: float = 0.2
    noise: float = 0.02

    @property
    def variance(self) -> Array:
        """Error variance of each statement."""
        return self.figures.variance(self.noise, self.smallest, self.level)

    @property
    def smallest(self) -> float:
        """No figure, a printed zero included, is exact beyond this."""
        return float(1e-5 * self.level.max())

    def steps(self) -> tuple[Array, Array]:
        """Return standard deviations of the steps to each month: those that are fixed, and multiples of ``step``."""
        fixed, moving = [], []
        for level in np.split(self.level, self.blocks):
            # A step at an event may be as large as anything that the series saw within a year of it.
            large = np.where(self.jumps, JUMP * maximum_filter1d(level, 25), 0.0)
            # A vague start: the first month lies anywhere within a few times the largest level.
            large[0] = 3 * level.max()
            fixed.append(large)
            moving.append(np.where(large > 0, 0.0, level))
        return np.concatenate(fixed), np.concatenate(moving)

    def precision(self) -> Array:
        """Return the prior precision of the months: random walks with a vague start."""
        fixed, moving = self.steps()
        walk = np.diff(np.eye(len(fixed) // self.blocks), axis=0, prepend=0)
        parts = [walk / steps[:, None] for steps in np.split(fixed + self.step * moving, self.blocks)]
        out: Array = linalg.block_diag(*(part.T @ part for part in parts))
        return out

    def posterior(self, weights: Array) -> tuple[Array, Array]:
        """Return mean and covariance of the months, given error weights."""
        scaled = self.figures.design * (weights / self.variance)[:, None]
        covariance = np.linalg.inv(self.precision() + scaled.T @ self.figures.design)
        return covariance @ (scaled.T @ self.figures.right), covariance

    def others_say(self, weights: Array) -> tuple[Array, Array]:
        """Return mean and variance of what all other statements say of each.

        Closed form for a linear Gaussian model: with leverage h = spread / error, the mean without the
        statement is (told - h * right) / (1 - h), and its variance is spread / (1 - h).
        """
        told, spread = self.figures.told(*self.posterior(weights))
        leverage = np.clip(spread * weights / self.variance, 0, 1 - 1e-12)
        return (told - leverage * self.figures.right) / (1 - leverage), spread / (1 - leverage)


class _Misfit:
    """Minus the log leave-one-out likelihood of a model's statements as a function of (log step, log noise).

    It is the likelihood of what :meth:`_Model.others_say` returns, for many steps and noises at little cost: statements
    see the months through fewer combinations than there are statements or months. The prior covariance of these is a
    fixed part and one that grows with the square of the step, for months are sums of independent steps.

    Parameters
    ----------
    model : _Model
        Its step and noise do not matter.
    weights : array, shape (n,)
        Error weights.
    mix, seen : array, shape (n, r) and (r, m)
        The combinations in each statement, and the months in each combination.
    """

    def __init__(self, model: _Model, weights: Array, mix: Array, seen: Array) -> None:
        figures = model.figures
        self._right, self._mix = figures.right, mix
        self._least = figures.variance(0, model.smallest, model.level) / weights
        self._noise = figures.size(model.level) ** 2 / weights
        # A step counts as often as the months from then on.
        months = np.split(seen, model.blocks, axis=1)
        held = np.hstack([part[:, ::-1].cumsum(axis=1)[:, ::-1] for part in months])
        self._fixed, self._moving = (part @ part.T for part in (held * sizes for sizes in model.steps()))

    def __call__(self, scales: Array) -> float:
        """Return the misfit at (log step, log noise)."""
        step, noise = np.exp(scales)
        error = self._least + noise**2 * self._noise
        prior = linalg.cholesky(self._fixed + step**2 * self._moving, lower=True)
        # In units of their errors, statements are sums of independent standard normal causes and an error.
        right, causes = self._right / np.sqrt(error), (self._mix @ prior) / np.sqrt(error)[:, None]
        posterior = linalg.cholesky(np.eye(len(prior)) + causes.T @ causes, lower=True)
        causes = linalg.solve_triangular(posterior, causes.T, lower=True)
        # What remains when a statement's own share of what is told of it, the leverage, is taken out.
        left = 1 - np.clip((causes**2).sum(axis=0), 0, 1 - 1e-12)
        fit = np.log(error / left) + (right - causes.T @ (causes @ right)) ** 2 / left
        priors = sum(((s - m) / d) ** 2 for s, (m, d) in zip(scales, (STEP_PRIOR, NOISE_PRIOR), strict=True))
        return float(0.5 * (fit.sum() + priors))


def _combinations(model: _Model) -> tuple[Array, Array]:
    """Return the combinations in each statement and the months in each: their product is the design."""
    # In units of the level: one series may be a thousand times the other.
    left, sizes, right = np.linalg.svd(model.figures.design * model.level, full_matrices=False)
    told = sizes > 1e-10 * sizes[0]
    return left[:, told] * sizes[told], right[told] / model.level


def _start(
    fitted: pd.DataFrame,
    figures: _Figures,
    months: pd.PeriodIndex,
    series: tuple[str, ...],
    events: Sequence[pd.Period],
) -> _Model:
    """Return the model with each series at the median monthly level of its own statements."""
    level = []
    for name in series:
        own = (fitted["series"] == name) & (fitted["kind"] == "level")
        own = own if own.any() else fitted["kind"] == "level"
        rows = own.to_numpy()
        monthly = figures.right[rows] / figures.design[rows].sum(axis=1)
        level.append(max(float(np.median(monthly)), 0.1 * float(monthly.max()), 1e-9))
    return _Model(figures, np.repeat(level, len(months)), np.asarray(months.isin(list(events))), len(series))


def _tune(model: _Model, scales: tuple[float, float] | None = None, rounds: int = 8) -> tuple[_Model, Array]:
    """Set the two scales (unless they are given), the error weights and the local level in turn."""
    weights = np.ones(len(model.figures.right))
    combinations = None if scales else _combinations(model)
    for _ in range(rounds):
        step, noise = scales or (model.step, model.noise)
        if combinations:
            step, noise = _likeliest((step, noise), _Misfit(model, weights, *combinations))
        model = replace(model, step=step, noise=noise)
        mean, _ = model.posterior(weights)
        # Student-t errors as a scale mixture: the expected weight given the present fit. With a loose prior,
        # so that a figure loses weight when other figures contradict it, not when it makes the path rough.
        loose = replace(model, step=LOOSE * model.step)
        told, spread = loose.figures.told(*loose.posterior(weights))
        weights = (TAIL + 1) / (TAIL + ((model.figures.right - told) ** 2 + spread) / model.variance)
        model = replace(model, level=_local_level(mean, model.blocks))
    return model, weights


def _likeliest(start: tuple[float, float], misfit: _Misfit) -> tuple[float, float]:
    """Return step and noise at the maximum of the leave-one-out likelihood."""
    best = optimize.minimize(misfit, np.log(start), method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-3})
    return float(np.exp(best.x[0])), float(np.exp(best.x[1]))


def _local_level(mean: Array, blocks: int, reach: int = 2) -> Array:
    """Return the centred moving average of each series, bounded below by a share of its maximum."""
    out = []
    for part in np.split(np.clip(mean, 0, None), blocks):
        padded = np.pad(part, reach, mode="edge")
        smooth = np.convolve(padded, np.ones(2 * reach + 1) / (2 * reach + 1), mode="valid")
        out.append(np.maximum(smooth, FLOOR * max(float(part.max()), 1e-9)))
    return np.concatenate(out)


def _held_against(
    rows: pd.DataFrame, role: str, right: Array, expected: tuple[Array, Array], error: Array, weights: Array
) -> pd.DataFrame:
    """Return the statements with what the others say of them."""
    mean, variance = expected
    z = (right - mean) / np.sqrt(variance + error)
    return rows.assign(
        role=role,
        expected=np.where(rows["kind"] == "rate", np.nan, mean),
        expected_sd=np.sqrt(variance),
        z=z,
        inside=np.abs(z) <= stats.norm.ppf(0.5 + LEVEL / 2),
        flagged=np.abs(z) > FLAG,
        weight=weights,
    )


def _truncate(mean: Array, covariance: Array, sweeps: int = 12) -> tuple[Array, Array, pd.DataFrame]:
    """Return mean, covariance and a table of marginals of the months given that none is negative.

    Expectation propagation with one site a month (Minka 2001; Cunningham, Hennig and Lacoste-Julien
    2011). Months more than eight standard deviations above zero need none.
    """
    start = np.linalg.solve(covariance, mean)
    sigma, mu = covariance.copy(), mean.copy()
    site_precision, site_shift = np.zeros(len(mean)), np.zeros(len(mean))
    near = np.flatnonzero(mean < 8 * np.sqrt(np.diag(covariance)))
    cavity_mean, cavity_sd = mean.copy(), np.sqrt(np.diag(covariance))
    for _ in range(sweeps):
        before = mu.copy()
        for i in near:
            precision = max(1 / sigma[i, i] - site_precision[i], 1e-300)
            cavity_mean[i] = (mu[i] / sigma[i, i] - site_shift[i]) / precision
            cavity_sd[i] = precision**-0.5
            first, second = _above_zero(cavity_mean[i], cavity_sd[i])
            change = 1 / second - precision - site_precision[i]
            site_precision[i] += change
            site_shift[i] = first / second - cavity_mean[i] * precision
            column = sigma[:, i].copy()
            sigma -= np.outer(column, column) * (change / (1 + change * column[i]))
            mu = sigma @ (start + site_shift)
        if np.allclose(mu, before, rtol=1e-6, atol=1e-9 * (1 + np.abs(mu).max())):
            break
    tail = stats.norm.cdf(-cavity_mean / cavity_sd)
    edges = [tail + (1 - tail) * share for share in (0.5 - LEVEL / 2, 0.5 + LEVEL / 2)]
    low, high = (np.maximum(cavity_mean + cavity_sd * stats.norm.ppf(edge), 0) for edge in edges)
    table = pd.DataFrame({"mean": mu, "sd": np.sqrt(np.diag(sigma)), "low": low, "high": high})
    return mu, sigma, table


def _above_zero(mean: float, sd: float) -> tuple[float, float]:
    """Return mean and variance of a normal variable given that it is positive."""
    z = mean / sd
    log_density = -(z**2) / 2 - np.log(np.sqrt(2 * np.pi))
    ratio = np.exp(log_density - special.log_ndtr(z))
    first = mean + sd * ratio
    return max(float(first), 1e-12 * sd), max(float(sd**2 * (1 - ratio * (ratio + z))), 1e-12 * sd**2)
