"""The regression behind an interrupted time series: its terms, its estimate and where critical values come from.

Public faces are in :mod:`musan.methods.interrupted`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM

from musan.errors import MethodError
from musan.methods import autoregression
from musan.methods.arguments import choice, whole
from musan.methods.arguments import level as check_level
from musan.methods.long_run_variance import Hac, constant_column, inverse_square, sandwich
from musan.methods.observations import NOTHING, Observations

if TYPE_CHECKING:
    from musan.methods.autoregression import Bootstrap

Array = npt.NDArray[np.float64]
Family = Literal["gaussian", "poisson", "quasipoisson"]
Seasonality = Literal["none", "dummies", "fourier"]
Intervals = Literal["bootstrap", "fixed_b", "t", "normal"]

SEASONS = {"M": 12, "Q": 4, "W": 52}
BLOCK = 4_000_000  # figures held at once while a bootstrap runs, about 32 MB


# The design


@dataclass(frozen=True, eq=False)
class Design:
    """Regressors, and those without the interruptions, shape (n, k) each."""

    actual: Array
    counterfactual: Array
    names: list[str]


@dataclass(frozen=True)
class Terms:
    """What a segmented regression consists of."""

    trend: bool
    slope: bool
    seasonality: Seasonality
    harmonics: int
    season_length: int | None

    def design(self, data: Observations, positions: tuple[int, ...]) -> Design:
        """Return the regressors of a segmented regression."""
        time = np.arange(data.n, dtype=float)
        columns, names = [data.changing[:, 0]], ["constant"]
        if self.trend:
            columns, names = [*columns, time], [*names, "trend"]
        interruptions = range(len(names), len(names) + len(positions) * (1 + self.slope))
        for position in positions:
            since, date = time - position, data.date(position)
            columns.append((since >= 0).astype(float))
            names.append(f"level after {date}")
            if self.slope:
                columns.append(np.maximum(since, 0.0))
                names.append(f"slope after {date}")
        season, season_names = self._season(data)
        actual = np.column_stack([*columns, season, data.changing[:, 1:]])
        names += [*season_names, *data.names[1:]]
        self._refuse_singular(actual)
        counterfactual = actual.copy()
        counterfactual[:, list(interruptions)] = 0.0
        return Design(actual, counterfactual, names)

    def _refuse_singular(self, design: Array) -> None:
        n, k = design.shape
        if n < k + 3:
            what = f"{n} observations are too few for {k} coefficients"
            raise MethodError(what, "y", "give a longer series, or leave out slope, seasonality or controls")
        size = np.linalg.norm(design, axis=0)
        if (np.abs(np.diag(np.linalg.qr(design, mode="r"))) <= NOTHING * size).any():
            what = "level, slope, season and controls can't be told apart"
            raise MethodError(what, "dates", "leave out a date, the slope, the season or a control")

    def _season(self, data: Observations) -> tuple[Array, list[str]]:
        choice("seasonality", self.seasonality, get_args(Seasonality))
        if self.seasonality == "none":
            return np.empty((data.n, 0)), []
        length, phase = self._cycle(data)
        if self.seasonality == "dummies":
            return (phase[:, None] == np.arange(1, length)).astype(float), [f"season {i}" for i in range(2, length + 1)]
        harmonics = whole("harmonics", self.harmonics, 1, length // 2)
        angle = 2 * np.pi * phase[:, None] * np.arange(1, harmonics + 1) / length
        waves = np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(data.n, -1)
        names = [f"{wave} {i}" for i in range(1, harmonics + 1) for wave in ("sine", "cosine")]
        if 2 * harmonics == length:  # the last sine is zero at every observation
            return np.delete(waves, -2, axis=1), [*names[:-2], names[-1]]
        return waves, names

    def _cycle(self, data: Observations) -> tuple[int, npt.NDArray[np.int64]]:
        """Return the length of a cycle, and each observation's place in it from zero."""
        monthly = isinstance(data.index, pd.PeriodIndex) and data.index.freqstr.startswith("M")
        known = SEASONS.get(data.index.freqstr[0]) if isinstance(data.index, pd.PeriodIndex) else None
        length = known if self.season_length is None else whole("season_length", self.season_length, 2)
        if length is None:
            what = "the length of a cycle is not known"
            raise MethodError(what, "season_length", "give the observations a cycle, or a series with monthly periods")
        if data.n < 2 * length:
            what = f"{data.n} observations are less than two cycles of {length}"
            raise MethodError(what, "seasonality", "use 'fourier' on a longer series, or 'none'")
        if monthly and length == 12 and isinstance(data.index, pd.PeriodIndex):
            return length, np.asarray(data.index.month) - 1
        if isinstance(data.index, pd.PeriodIndex) and length == 4 and known == 4:
            return length, np.asarray(data.index.quarter) - 1
        return length, np.arange(data.n) % length

    def words(self) -> tuple[str, ...]:
        """Return the terms in words."""
        change = "level and slope change" if self.slope else "the level changes, the slope does not"
        season = {"none": "no season", "dummies": "a dummy a season", "fourier": f"{self.harmonics} harmonics a cycle"}
        return (f"{change} after the date", "linear trend" if self.trend else "no trend", season[self.seasonality])


# Estimation


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted regression in the form of a linear one.

    With a log link ``weighted`` is the design times the root of the mean and ``residuals`` are Pearson's, so that
    scores, covariances and small deviations are those of least squares.
    """

    data: Observations
    design: Design
    family: Family
    hac: Hac | None
    exposure: Array
    coefficients: Array
    weighted: Array
    residuals: Array
    covariance: Array

    @property
    def log(self) -> bool:
        """Return whether the link is the logarithm."""
        return self.family != "gaussian"

    @property
    def dispersion(self) -> float:
        """Return the error variance, or for counts Pearson's over the mean."""
        n, k = self.weighted.shape
        return float(self.residuals @ self.residuals / (n - k))

    def mean(self, design: Array) -> Array:
        """Return expected values."""
        predictor = design @ self.coefficients
        return np.asarray(self.exposure * np.exp(predictor) if self.log else predictor)

    def gradient(self, design: Array) -> Array:
        """Return how expected values move with the coefficients, shape (n, k)."""
        return np.asarray(self.mean(design)[:, None] * design if self.log else design)

    def covariances(self, residuals: Array) -> Array:
        """Return the covariance of the coefficients for a stack of residuals."""
        if self.hac is not None:
            return sandwich(self.weighted, residuals, self.hac, constant=constant_column(self.design.actual))
        n, k = self.weighted.shape
        poisson = self.family == "poisson"
        size = np.ones(len(residuals)) if poisson else (residuals**2).sum(axis=1) / (n - k)
        return np.asarray(size[:, None, None] * inverse_square(self.weighted))

    def words(self) -> str:
        """Return family and covariance in words."""
        classical = "classical covariance: no serial correlation"
        return f"{self.family}; {self.hac.words() if self.hac else classical}"


def estimate(data: Observations, design: Design, family: Family, exposure: Array, hac: Hac | None) -> Model:
    """Fit a segmented regression, by least squares or by Poisson maximum likelihood."""
    X, y = design.actual, data.y
    if family == "gaussian":
        coefficients = np.asarray(np.linalg.lstsq(X, y, rcond=None)[0])
        weighted, residuals = X, np.asarray(y - X @ coefficients)
    else:
        coefficients = _log_link(data, design, exposure)
        root = np.sqrt(exposure * np.exp(X @ coefficients))
        weighted, residuals = X * root[:, None], y / root - root
    if (residuals**2).sum() <= NOTHING**2 * (y**2).sum():
        raise MethodError("the regression fits it exactly", "y", "there is no error left to judge an effect by")
    blank = np.empty((len(coefficients),) * 2)
    model = Model(data, design, family, hac, exposure, coefficients, weighted, residuals, blank)
    blank[:] = model.covariances(residuals[None])[0]
    return model


def _log_link(data: Observations, design: Design, exposure: Array) -> Array:
    """Return maximum likelihood coefficients, refusing regimes in which nothing is left to count."""
    levels = [i for i, name in enumerate(design.names) if name.startswith("level")]
    edges = [int(np.argmax(design.actual[:, i] > 0)) for i in levels]
    for first, last in pairwise([0, *edges, data.n]):
        if not data.y[first:last].any():
            what = f"all is zero from {data.index[first]} to {data.index[last - 1]}: that ratio needs no model"
            raise MethodError(what, "y", "report a fall to nothing, or use family='gaussian'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a failure to converge is refused below, with a remedy
        model = GLM(data.y, design.actual, family=families.Poisson(), offset=np.log(exposure))
        # Newton's steps: when one moves nothing by 1e-9, the next digits are right too, however large the counts.
        result = model.fit(maxiter=200, tol_criterion="params", atol=1e-9, rtol=1e-9)
    spread = np.exp(design.actual @ result.params).min()
    if not result.converged or not np.isfinite(result.params).all() or spread < NOTHING:
        what = "the Poisson regression does not converge: a regime or season has next to nothing but zeros"
        raise MethodError(what, "y", "leave out the slope or the season, or use family='gaussian'")
    return np.asarray(result.params)


# Intervals


@dataclass(frozen=True, eq=False)
class Law:
    """Where critical values come from: draws of estimation errors and their covariances, or a quantile."""

    intervals: Intervals
    level: float
    errors: autoregression.Autoregression
    degrees: int
    deviations: Array  # (draws, k)
    covariances: Array  # (draws, k, k)

    @classmethod
    def of(cls, model: Model, intervals: Intervals, level: float, bootstrap: Bootstrap) -> Law:
        """Draw what the choice of intervals asks for."""
        choice("intervals", intervals, get_args(Intervals))
        check_level(level)
        n, k = model.weighted.shape
        errors = autoregression.fit(model.residuals, bootstrap.order, design=model.weighted)
        deviations, covariances = np.empty((0, k)), np.empty((0, k, k))
        if intervals in ("bootstrap", "fixed_b"):
            if not bootstrap.replications:
                raise MethodError("it is 0", "replications", "give at least 99, or intervals='t'")
            if intervals == "bootstrap":
                draws = bootstrap.draw(errors)
            else:
                draws = np.random.default_rng(bootstrap.seed).standard_normal((bootstrap.replications, n))
            deviations, covariances = _refit(model, draws)
        return cls(intervals, level, errors, n - k, deviations, covariances)

    def ratios(self, contrasts: Array) -> Array:
        """Return the drawn absolute t-ratios of contrasts, shape (draws, contrasts)."""
        variances = np.einsum("ck,rkl,cl->rc", contrasts, self.covariances, contrasts, optimize=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.abs(self.deviations @ contrasts.T) / np.sqrt(variances))

    def critical(self, contrasts: Array) -> Array:
        """Return the critical value of each contrast's absolute t-ratio."""
        if len(self.deviations):
            return np.asarray(np.nanquantile(self.ratios(contrasts), self.level, axis=0))
        tail = (1 + self.level) / 2
        value = stats.norm.ppf(tail) if self.intervals == "normal" else stats.t.ppf(tail, self.degrees)
        return np.full(len(contrasts), float(value))

    def p_values(self, ratios: Array, contrasts: Array) -> Array:
        """Return the p-values of observed t-ratios."""
        if len(self.deviations):
            return autoregression.share_beyond(np.abs(ratios), self.ratios(contrasts))
        tail = stats.norm.sf if self.intervals == "normal" else lambda x: stats.t.sf(x, self.degrees)
        return np.asarray(2 * tail(np.abs(ratios)))

    def half_widths(self, model: Model, contrasts: Array) -> Array:
        """Return half the width of each contrast's interval."""
        moving = np.abs(contrasts).max(axis=1) > 0
        out = np.zeros(len(contrasts))
        out[moving] = self.critical(contrasts[moving]) * standard_errors(model, contrasts[moving])
        return out

    def words(self) -> str:
        """Return the source of the critical values in words."""
        draws = f"critical values: {len(self.deviations)} draws"
        return {
            "bootstrap": f"{draws}, {self.errors.words()}",
            "fixed_b": f"{draws} of errors without serial correlation (fixed-b)",
            "t": f"critical values of Student's t with {self.degrees} degrees of freedom",
            "normal": "critical values of the normal distribution",
        }[self.intervals]


def _refit(model: Model, draws: Array) -> tuple[Array, Array]:
    """Return the estimation errors that drawn errors lead to, and their estimated covariances."""
    basis = np.linalg.pinv(model.weighted)
    k = len(basis)
    covariances = []
    for block in np.array_split(draws, max(1, draws.size * k**2 // BLOCK)):
        covariances.append(model.covariances(block - (block @ basis.T) @ model.weighted.T))
    return draws @ basis.T, np.concatenate(covariances)


def standard_errors(model: Model, contrasts: Array) -> Array:
    """Return the standard error of each row of contrasts."""
    return np.asarray(np.sqrt(np.einsum("ck,kl,cl->c", contrasts, model.covariance, contrasts)))
