"""Time series models on a standardised series: fit, check, and simulate with uncertain parameters.

The likelihood and the filter are those of statsmodels with exact diffuse initial states (Durbin and Koopman 2012,
chapter 5). The maximum is sought from several starts and checked; a model without a clear maximum is refused.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from scipy import optimize, stats
from statsmodels.tools.numdiff import approx_hess3
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.statespace.structural import UnobservedComponents

from musan.errors import MethodError
from musan.methods import arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from musan.methods.labelled import Array

Trend = Literal[
    "constant", "deterministic trend", "local level", "random walk with drift", "local linear trend", "smooth trend"
]
# Name in statsmodels, states that start diffuse, variances.
TRENDS = {
    "constant": ("deterministic constant", 1, 1),
    "deterministic trend": ("deterministic trend", 2, 1),
    "local level": ("local level", 1, 2),
    "random walk with drift": ("random walk with drift", 2, 1),
    "local linear trend": ("local linear trend", 2, 3),
    "smooth trend": ("smooth trend", 2, 2),
}
STARTS = (1.0, 0.3, 2.0)
BESIDE = (1e-3, 1e-2, 0.1)
STEEPEST = 1e-4  # slope of the log-likelihood a period beyond which a point is no maximum
PROPOSALS = 400
THREADS = 100  # parameter vectors that paths are simulated from


@dataclass(frozen=True)
class Structural:
    """A structural time series model: trend, seasonal, regressors and noise.

    ``trend`` is ``constant``, ``deterministic trend``, ``local level`` (a random walk seen with noise), ``random
    walk with drift``, ``local linear trend`` or ``smooth trend``. ``seasonal`` is the number of periods in a year,
    with a pattern that is fixed unless ``seasonal_varies``.
    """

    trend: Trend = "local level"
    seasonal: int | None = None
    seasonal_varies: bool = False

    def __post_init__(self) -> None:
        """Refuse an unknown trend or an impossible season."""
        arguments.choice("trend", self.trend, get_args(Trend))
        if self.seasonal is not None:
            arguments.whole("seasonal", self.seasonal, 2)

    @property
    def words(self) -> str:
        """Return the model in words."""
        if self.seasonal is None:
            return self.trend
        return f"{self.trend}, {'varying' if self.seasonal_varies else 'fixed'} season of {self.seasonal}"

    @property
    def parameters(self) -> int:
        """Return the number of states and variances to be found."""
        _, states, variances = TRENDS[self.trend]
        return states + variances + (self.seasonal - 1 + self.seasonal_varies if self.seasonal else 0)

    def build(self, series: Array, regressors: Array | None) -> Any:
        """Return the model of statsmodels."""
        return UnobservedComponents(
            series,
            TRENDS[self.trend][0],
            seasonal=self.seasonal,
            stochastic_seasonal=self.seasonal_varies,
            exog=regressors,
            mle_regression=False,  # slopes are states, so that their uncertainty is in the forecast's
            use_exact_diffuse=True,
        )


@dataclass(frozen=True)
class Sarimax:
    """A seasonal ARIMA model with regressors, ``order`` (p, d, q) and ``seasonal_order`` (P, D, Q, s).

    ``constant`` adds one; in a differenced series it is a drift.
    """

    order: tuple[int, int, int] = (1, 0, 0)
    seasonal_order: tuple[int, int, int, int] = (0, 0, 0, 0)
    constant: bool = True

    def __post_init__(self) -> None:
        """Refuse orders that are no orders."""
        if len(self.order) != 3 or min(self.order) < 0:
            raise MethodError(f"{self.order} is no order", "order", "give (p, d, q), none negative")
        season = self.seasonal_order
        if len(season) != 4 or min(season) < 0 or (any(season[:3]) and season[3] < 2):
            raise MethodError(f"{season} is no order", "seasonal_order", "give (P, D, Q, s) with s of at least 2")

    @property
    def words(self) -> str:
        """Return the model in words."""
        season = f" x {self.seasonal_order}" if any(self.seasonal_order) else ""
        return f"ARIMA {self.order}{season}{' with a constant' if self.constant else ''}"

    @property
    def parameters(self) -> int:
        """Return the number of coefficients and of periods lost to differences."""
        (p, d, q), (p_s, d_s, q_s, s) = self.order, self.seasonal_order
        return p + q + p_s + q_s + d + s * d_s + self.constant + 1

    def build(self, series: Array, regressors: Array | None) -> Any:
        """Return the model of statsmodels."""
        return SARIMAX(
            series,
            exog=regressors,
            order=self.order,
            seasonal_order=self.seasonal_order,
            trend="c" if self.constant else "n",
            use_exact_diffuse=True,
        )


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model: one-step predictions, the mean forecast, and what is needed to simulate paths."""

    model: Any
    best: Array  # unconstrained parameters
    future: Array | None
    one_step: Array
    residuals: Array  # standardised one-step errors
    mean: Array
    parameters: dict[str, float]
    slopes: Array
    words: str

    def simulate(self, draws: int, generator: np.random.Generator) -> tuple[Array, float]:
        """Return paths of shape (draws, periods ahead), and the effective number of parameter draws."""
        vectors, effective = _likely_parameters(self.model, self.best, generator)
        repetitions = -(-draws // len(vectors))
        paths = [self._paths(vector, repetitions, generator) for vector in vectors]
        return np.concatenate(paths)[:draws], effective

    def _paths(self, vector: Array, repetitions: int, generator: np.random.Generator) -> Array:
        """Return paths under given parameters from what is known of the state after the last period."""
        values = self.model.transform_params(vector)
        self.model.update(values)
        space = self.model.ssm
        known = space.filter()
        transition, selection = space["transition"], space["selection"]
        shift = space["state_intercept"]
        shift = shift[:, -1] if shift.ndim == 2 else shift
        moves = np.linalg.cholesky(space["state_cov"] + 1e-18 * np.eye(selection.shape[1]))
        noise = float(np.sqrt(space["obs_cov"][0, 0]))
        start = known.predicted_state[:, -1], known.predicted_state_cov[:, :, -1]
        states = generator.multivariate_normal(*start, size=repetitions, method="eigh", check_valid="ignore")
        paths = np.empty((repetitions, len(self.mean)))
        for ahead, (design, level) in enumerate(self._seen(values)):
            paths[:, ahead] = states @ design + level + noise * generator.normal(size=repetitions)
            steps = generator.normal(size=(repetitions, selection.shape[1])) @ moves.T
            states = states @ transition.T + shift + steps @ selection.T
        return paths

    def _seen(self, values: Array) -> Iterator[tuple[Array, float]]:
        """Yield how each period ahead is seen: the row of the design, and what regressors add outside the state."""
        design = np.asarray(self.model.ssm["design"])[0]
        design = design if design.ndim == 1 else design[:, -1]
        for ahead in range(len(self.mean)):
            if self.future is None:
                yield design, 0.0
            elif isinstance(self.model, UnobservedComponents):
                row = self.future[ahead]
                yield np.concatenate([design[: -len(row)], row]), 0.0
            else:
                yield design, float(self.future[ahead] @ values[_regressor_places(self.model)])


def fit(model: Structural | Sarimax, series: Array, regressors: Array | None, ahead: int) -> Fitted:
    """Fit a model to a standardised series and forecast.

    Parameters
    ----------
    model : Structural or Sarimax
    series : array, shape (n,)
        Mean zero, variance one.
    regressors : array, shape (n + ahead, k), optional
    ahead : int
        Periods to forecast.

    Returns
    -------
    Fitted

    Raises
    ------
    MethodError
        No clear maximum of the likelihood was found.
    """
    n = len(series)
    spread = np.ones(0)
    past = future = None
    if regressors is not None:
        centre, spread = regressors[:n].mean(axis=0), regressors[:n].std(axis=0)
        standard = (regressors - centre) / spread
        past, future = standard[:n], standard[n:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on starting values; convergence is checked below
        built = model.build(series, past)
        best = _maximise(built, model.words)
        result = built.filter(built.transform_params(best))
        mean = np.asarray(result.get_forecast(ahead, exog=future).predicted_mean)
    unknown = int(result.nobs_diffuse)
    errors = np.asarray(result.standardized_forecasts_error[0])[unknown:]
    one_step = np.asarray(result.fittedvalues, dtype=float).copy()
    one_step[:unknown] = np.nan
    slopes = _slopes(model, result, 0 if past is None else past.shape[1])
    kept = _parameters(model, result, [] if past is None else built.exog_names)
    return Fitted(built, best, future, one_step, errors, mean, kept, slopes / spread, model.words)


def _slopes(model: Structural | Sarimax, result: Any, count: int) -> Array:
    """Return the slopes of the regressors: states in a structural model, parameters in an ARIMA model."""
    if not count:
        return np.ones(0)
    if isinstance(model, Structural):
        return np.asarray(result.filtered_state[-count:, -1], dtype=float)
    return np.asarray(result.params, dtype=float)[_regressor_places(result.model)]


def _regressor_places(model: Any) -> list[int]:
    return [model.param_names.index(name) for name in model.exog_names]


def _parameters(model: Structural | Sarimax, result: Any, regressors: list[str]) -> dict[str, float]:
    """Return the parameters other than slopes, named in words; a constant as the mean or drift it implies."""
    named = {}
    for name, value in zip(result.model.param_names, map(float, result.params), strict=True):
        if name.startswith("sigma2"):
            named[f"variance of {name.removeprefix('sigma2').strip('.') or 'the errors'}"] = value
        elif name == "intercept" and isinstance(model, Sarimax):
            differenced = model.order[1] + model.seasonal_order[1] > 0
            named["drift" if differenced else "mean"] = value / float(np.sum(result.polynomial_reduced_ar))
        elif name not in regressors:
            named[name] = value
    return named


def _maximise(model: Any, words: str) -> Array:
    """Return the unconstrained parameters at the maximum of the likelihood."""
    n = model.nobs

    def loss(vector: Array) -> float:
        value = model.loglike(vector, transformed=False)
        return -float(value) / n if np.isfinite(value) else 1e10

    first = np.asarray(model.untransform_params(model.start_params), dtype=float)
    if not len(first):
        return first
    tight = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    found = [optimize.minimize(loss, first * times, method="L-BFGS-B", options=tight) for times in STARTS]
    best = min(found, key=lambda one: float(one.fun))
    for _ in range(3):
        # A standard deviation of zero is flat whether it is best or not, so look to its side.
        beside = min((_beside(best.x, i, step) for i in range(len(first)) for step in BESIDE), key=loss)
        if loss(beside) > best.fun - 1e-9:
            break
        best = optimize.minimize(loss, beside, method="L-BFGS-B", options=tight)
    if _steepness(best.x, loss) > STEEPEST:
        best = optimize.minimize(loss, best.x, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12})
    if best.fun >= 1e9 or _steepness(best.x, loss) > STEEPEST:
        what = f"the likelihood of {words} has no clear maximum in these {n} periods"
        raise MethodError(what, "model", "use a simpler model, or more periods before the measure")
    return np.asarray(best.x, dtype=float)


def _beside(vector: Array, at: int, step: float) -> Array:
    """Return parameters with one that is next to zero moved away from it."""
    moved = vector.copy()
    moved[at] = step if abs(vector[at]) < min(BESIDE) else vector[at]
    return moved


def _steepness(vector: Array, loss: Callable[[Array], float]) -> float:
    """Return the largest slope of the loss, by central differences."""
    steps = 1e-4 * np.abs(vector) + 1e-7
    slopes = np.array(
        [(loss(vector + one) - loss(vector - one)) / (2 * one.sum()) for one in np.diag(steps)]
    )  # fmt: skip
    return float(np.abs(slopes).max()) if np.isfinite(slopes).all() else np.inf


def _likely_parameters(model: Any, best: Array, generator: np.random.Generator) -> tuple[Array, float]:
    """Draw parameters in proportion to the likelihood, by importance sampling in two rounds.

    Flat in the unconstrained parameters, which for variances are standard deviations (Gelman 2006).
    """
    if not len(best):
        return best[None, :], float("inf")

    def loglike(vector: Array) -> float:
        value = model.loglike(vector, transformed=False)
        return float(value) if np.isfinite(value) else -np.inf

    curvature = -np.atleast_2d(approx_hess3(best, loglike))
    values, directions = np.linalg.eigh(np.nan_to_num((curvature + curvature.T) / 2))
    # A standardised series leaves no parameter more uncertain than about one.
    spread = directions @ np.diag(1 / np.maximum(values, 1.0)) @ directions.T
    centre = best
    for _ in range(2):
        proposal = stats.multivariate_t(centre, spread, df=5)
        drawn = proposal.rvs(PROPOSALS, random_state=generator).reshape(PROPOSALS, len(best))
        logs = np.array([loglike(vector) for vector in drawn]) - proposal.logpdf(drawn)
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        centre = weights @ drawn
        spread = np.cov(drawn.T, aweights=weights).reshape(len(best), len(best)) + 1e-6 * np.eye(len(best))
    points = (generator.random() + np.arange(THREADS)) / THREADS
    chosen = np.searchsorted(np.cumsum(weights), points)
    return drawn[np.minimum(chosen, PROPOSALS - 1)], float(1 / (weights**2).sum())
