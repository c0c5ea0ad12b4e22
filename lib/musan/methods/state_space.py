"""Time series models on a standardised series: fit, check, and simulate with uncertain parameters.

The models are those of statsmodels with exact diffuse initial states (Durbin and Koopman 2012, chapter 5); their
likelihood is worked out for many parameters at once where it can be. Its maximum is exact where it has a formula, else
sought from several starts, and checked; a model without a clear maximum is refused.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from scipy import optimize, stats
from statsmodels.tools.numdiff import approx_hess3
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.statespace.structural import UnobservedComponents

from musan.errors import MethodError
from musan.methods import arguments
from musan.methods.likelihoods import Autoregression, Contrasts, Filter, VarianceComponents, regressor_places

if TYPE_CHECKING:
    from collections.abc import Callable

    from musan.methods.labelled import Array
    from musan.methods.likelihoods import Likelihood

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
    def variances(self) -> int:
        """Return the number of variances to be found."""
        return TRENDS[self.trend][2] + bool(self.seasonal and self.seasonal_varies)

    @property
    def parameters(self) -> int:
        """Return the number of states and variances to be found."""
        return TRENDS[self.trend][1] + self.variances + (self.seasonal - 1 if self.seasonal else 0)

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

    @property
    def longest_lag(self) -> int:
        """Return the longest lag that a period depends on, differences included."""
        (p, d, _), (p_s, d_s, _, s) = self.order, self.seasonal_order
        return p + d + s * (p_s + d_s)

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
    """A fitted model: its mean forecast, one-step predictions, and what is needed to simulate paths."""

    model: Structural | Sarimax
    built: Any
    likelihood: Likelihood
    best: Array  # unconstrained parameters
    mean: Array
    spreads: Array  # of the regressors

    def simulate(self, draws: int, generator: np.random.Generator) -> tuple[Array, float]:
        """Return paths of shape (draws, periods ahead), and the effective number of parameter draws."""
        vectors, effective = _likely_parameters(self.likelihood, self.best, generator)
        paths = self.likelihood.paths(vectors, -(-draws // len(vectors)), generator)
        return paths[:draws], effective

    @property
    def words(self) -> str:
        """Return the model in words."""
        return self.model.words

    @cached_property
    def _result(self) -> Any:
        return self.built.filter(self.built.transform_params(self.best), cov_type="none")

    @property
    def one_step(self) -> Array:
        """Return one-step predictions; missing while the state is unknown."""
        predicted = np.asarray(self._result.fittedvalues, dtype=float).copy()
        predicted[: int(self._result.nobs_diffuse)] = np.nan
        return predicted

    @property
    def residuals(self) -> Array:
        """Return standardised one-step errors."""
        return np.asarray(self._result.standardized_forecasts_error[0])[int(self._result.nobs_diffuse) :]

    @property
    def slopes(self) -> Array:
        """Return the slopes of the regressors: states in a structural model, parameters in an ARIMA model."""
        count = len(self.spreads)
        if not count:
            return np.ones(0)
        if isinstance(self.model, Structural):
            return np.asarray(self._result.filtered_state[-count:, -1], dtype=float) / self.spreads
        return np.asarray(self._result.params, dtype=float)[regressor_places(self.built)] / self.spreads

    @property
    def parameters(self) -> dict[str, float]:
        """Return the parameters other than slopes, named in words."""
        return _parameters(self.model, self._result, list(self.built.exog_names) if len(self.spreads) else [])


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
    spreads, standard = np.ones(0), None
    if regressors is not None:
        spreads = regressors[:n].std(axis=0)
        standard = (regressors - regressors[:n].mean(axis=0)) / spreads
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on starting values; convergence is checked below
        built = model.build(series, None if standard is None else standard[:n])
        likelihood = _likelihood(model, built, series, standard, ahead)
        best = _maximise(likelihood, built, n, model.words)
        mean = likelihood.mean(best)
    return Fitted(model, built, likelihood, best, mean, spreads)


def _likelihood(
    model: Structural | Sarimax, built: Any, series: Array, regressors: Array | None, ahead: int
) -> Likelihood:
    """Return the likelihood in closed form where there is one."""
    n = len(series)
    given = np.empty((n + ahead, 0)) if regressors is None else np.asarray(regressors, dtype=float)
    if isinstance(model, Structural) and model.variances <= 2:
        return VarianceComponents(_contrasts(model, n, ahead, given.tobytes()), series)
    if isinstance(model, Sarimax) and not model.order[2] + model.seasonal_order[2] and n > model.longest_lag:
        return Autoregression(series, given, model.order, model.seasonal_order, constant=model.constant)
    return Filter(built, None if regressors is None else regressors[n:], ahead)


@lru_cache(maxsize=8)
def _contrasts(model: Structural, n: int, ahead: int, regressors: bytes) -> Contrasts:
    """Return what the model says of any series of a length, such as one random path and the next."""
    columns = np.frombuffer(regressors).reshape(n + ahead, -1) if regressors else None
    return Contrasts(model.build(np.zeros(n + ahead), columns), n)


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


def _maximise(likelihood: Likelihood, built: Any, n: int, words: str) -> Array:
    """Return the unconstrained parameters at the maximum of the likelihood."""
    if isinstance(likelihood, VarianceComponents):
        best = likelihood.likeliest()
    else:
        start = np.asarray(built.untransform_params(built.start_params), dtype=float)
        if isinstance(likelihood, Autoregression):
            best = likelihood.with_lags(_search(likelihood.loglikes_of_lags, n, start[likelihood.lags]))
        else:
            best = _search(likelihood.loglikes, n, start)
    loss, slopes = _loss_and_slopes(likelihood.loglikes, n, best)
    if not np.isfinite(best).all() or loss >= 1e9 or np.abs(slopes).max() > STEEPEST:
        what = f"the likelihood of {words} has no clear maximum in these {n} periods"
        raise MethodError(what, "model", "use a simpler model, or more periods before the measure")
    return best


def _losses(loglikes: Callable[[Array], Array], n: int, vectors: Array) -> Array:
    """Return minus the log-likelihood a period."""
    values = -loglikes(vectors) / n
    return np.where(np.isfinite(values), values, 1e10)


def _loss_and_slopes(loglikes: Callable[[Array], Array], n: int, vector: Array) -> tuple[float, Array]:
    """Return minus the log-likelihood a period and its slopes."""
    count = len(vector)
    moves = np.vstack([np.zeros(count), np.eye(count), -np.eye(count)])
    steps = 1e-4 * np.abs(vector) + 1e-7
    found = _losses(loglikes, n, vector + moves * steps)
    return float(found[0]), (found[1 : count + 1] - found[count + 1 :]) / (2 * steps)


def _search(loglikes: Callable[[Array], Array], n: int, first: Array) -> Array:
    """Return the parameters at the maximum of a likelihood, sought from several multiples of starting values."""
    count = len(first)
    if not count:
        return first
    losses, loss_and_slopes = partial(_losses, loglikes, n), partial(_loss_and_slopes, loglikes, n)

    def search(start: Array) -> Any:
        tight = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
        return optimize.minimize(loss_and_slopes, start, jac=True, method="L-BFGS-B", options=tight)

    best = min((search(first * times) for times in STARTS), key=lambda one: float(one.fun))
    for _ in range(3):
        # A standard deviation of zero is flat whether it is best or not, so look to its side.
        beside = np.array([_beside(best.x, i, step) for i in range(count) for step in BESIDE])
        found = losses(beside)
        if found.min() > best.fun - 1e-9:
            break
        best = search(beside[np.argmin(found)])
    if np.abs(loss_and_slopes(best.x)[1]).max() > STEEPEST:
        options = {"xatol": 1e-7, "fatol": 1e-12}
        best = optimize.minimize(lambda one: losses(one[None, :])[0], best.x, method="Nelder-Mead", options=options)
    return np.asarray(best.x, dtype=float)


def _beside(vector: Array, at: int, step: float) -> Array:
    """Return parameters with one that is next to zero moved away from it."""
    moved = vector.copy()
    moved[at] = step if abs(vector[at]) < min(BESIDE) else vector[at]
    return moved


def _likely_parameters(likelihood: Likelihood, best: Array, generator: np.random.Generator) -> tuple[Array, float]:
    """Draw parameters in proportion to the likelihood, by importance sampling in two rounds.

    Flat in the unconstrained parameters, which for variances are standard deviations (Gelman 2006).
    """
    if not len(best):
        return best[None, :], float("inf")

    def loglikes(vectors: Array) -> Array:
        values = likelihood.loglikes(vectors)
        return np.where(np.isfinite(values), values, -np.inf)

    def loglike(vector: Array) -> float:
        return float(loglikes(vector[None, :])[0])

    curvature = -np.atleast_2d(approx_hess3(best, loglike))
    values, directions = np.linalg.eigh(np.nan_to_num((curvature + curvature.T) / 2))
    # A standardised series leaves no parameter more uncertain than about one.
    spread = directions @ np.diag(1 / np.maximum(values, 1.0)) @ directions.T
    centre = best
    for _ in range(2):
        proposal = stats.multivariate_t(centre, spread, df=5)
        drawn = proposal.rvs(PROPOSALS, random_state=generator).reshape(PROPOSALS, len(best))
        logs = loglikes(drawn) - proposal.logpdf(drawn)
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        centre = weights @ drawn
        spread = np.cov(drawn.T, aweights=weights).reshape(len(best), len(best)) + 1e-6 * np.eye(len(best))
    points = (generator.random() + np.arange(THREADS)) / THREADS
    chosen = np.searchsorted(np.cumsum(weights), points)
    return drawn[np.minimum(chosen, PROPOSALS - 1)], float(1 / (weights**2).sum())
