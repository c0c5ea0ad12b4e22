"""Likelihoods of many parameter vectors at once, and what each vector says of the periods ahead.

A fit with simulated parameters asks for thousands of likelihoods of some dozens of periods. A filter takes them one by
one. Two kinds of models have the same exact likelihood in closed form, for all vectors together: structural models
of one or two variances, and autoregressions. All others go through the filter of statsmodels. Each class has
``loglikes`` (up to a constant), ``mean`` (the forecast) and ``paths``; parameters are unconstrained, in the order and
with the transformations of statsmodels. The maximum of a closed form has one too, in all parameters or in most.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import linalg, optimize
from statsmodels.tsa.statespace.structural import UnobservedComponents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from musan.methods.labelled import Array

NEXT_TO_NOTHING = 1e-12  # added to variances ahead and to squares of regressors, which may be zero
# A variance that is best at zero is this share of the other. At zero itself, the sign of a rounding error would decide
# which parameters are drawn.
LEAST_SHARE = 1e-12


class Likelihood(Protocol):
    """A model of a series, as a function of its parameters."""

    def loglikes(self, vectors: Array) -> Array:
        """Return the log-likelihood of each row of parameters, up to a constant; not finite where there is none."""

    def mean(self, vector: Array) -> Array:
        """Return the forecast under given parameters, shape (ahead,)."""

    def paths(self, vectors: Array, repetitions: int, generator: np.random.Generator) -> Array:
        """Return paths under each row of parameters in turn, shape (rows * repetitions, ahead)."""


class Contrasts:
    """What a structural model of one or two variances says of any series of a length, and of the periods ahead.

    Nothing is known of initial states and slopes, so the exact diffuse likelihood is that of the contrasts of the
    series in which they have no part (Francke, Koopman and de Vos 2010). One rotation makes the covariances of these
    contrasts diagonal for both variances.

    Parameters
    ----------
    model : UnobservedComponents
        Over all periods, those ahead included.
    n : int
        Periods of the series.

    Attributes
    ----------
    rotated : array, shape (k, n)
        The contrasts of a series.
    roots : array, shape (variances, k)
        Their variances for a unit of each variance of the model.
    carried : array, shape (ahead, n)
        The forecast if the series were its states alone.
    shared, own : array, shape (variances, ahead, k) and (variances, ahead, ahead)
        Covariances of errors of that forecast with the contrasts, and with each other.
    """

    def __init__(self, model: Any, n: int) -> None:
        count = len(model.param_names)
        seen, covariances = _moments(model, count)
        contrasts = linalg.null_space(seen[:n].T)
        first, last = (contrasts.T @ covariances[at][:n, :n] @ contrasts for at in (0, -1))
        roots, rotation = linalg.eigh(last, first)
        self.rotated = rotation.T @ contrasts.T
        self.carried = seen[n:] @ np.linalg.pinv(seen[:n])
        ahead = np.hstack([-self.carried, np.eye(len(self.carried))])
        self.roots = np.stack([np.ones_like(roots), roots])[:count]
        self.shared = np.stack([ahead @ one[:, :n] @ self.rotated.T for one in covariances])
        self.own = np.stack([ahead @ one @ ahead.T for one in covariances])


class VarianceComponents:
    """Structural models of one or two variances, whose covariance matrix is linear in these.

    Parameters
    ----------
    contrasts : Contrasts
    series : array, shape (n,)
    """

    def __init__(self, contrasts: Contrasts, series: Array) -> None:
        self._roots, self._shared, self._own = contrasts.roots, contrasts.shared, contrasts.own
        self._figures = contrasts.rotated @ series
        self._carried = contrasts.carried @ series

    def loglikes(self, vectors: Array) -> Array:
        """Return the log-likelihood of each row of standard deviations."""
        with np.errstate(all="ignore"):
            spread = vectors**2 @ self._roots
            found: Array = -(np.log(spread) + self._figures**2 / spread).sum(axis=1) / 2
        return found

    def likeliest(self) -> Array:
        """Return the standard deviations of the largest likelihood.

        For a given ratio of the second variance to the first, the best first one is a mean of squares. That leaves one
        number: the best ratio is at an end, or where the slope of the likelihood goes from rising to falling.
        """
        squares, roots = self._figures**2, self._roots[-1]
        if len(self._roots) == 1 or not len(squares):  # without contrasts there is no likelihood: not a number
            alone: Array = np.full(len(self._roots), np.sqrt(squares.mean()))
            return alone

        def slopes(log_ratios: Array) -> Array:
            shares = 1 / (1 + np.exp(-log_ratios)[..., None] / roots)  # of the second variance in each contrast's
            rest = squares * (1 - shares)
            found: Array = (rest * shares).sum(axis=-1) / rest.sum(axis=-1) - shares.mean(axis=-1)
            return found

        # A share goes from low to high over some four units: steps of a half miss no top.
        grid = np.arange(np.log(LEAST_SHARE / roots.max()), np.log(1 / LEAST_SHARE / roots.min()), 0.5)
        seen = slopes(grid)
        clear = np.flatnonzero(np.abs(seen) > LEAST_SHARE)
        tops = [optimize.brentq(slopes, grid[a], grid[b]) for a, b in pairwise(clear) if seen[a] > 0 > seen[b]]
        ratios = np.exp([grid[0], *tops, grid[-1]])
        first = (squares / (1 + ratios[:, None] * roots)).mean(axis=1)
        vectors = np.sqrt(np.stack([first, first * ratios], axis=1))
        best: Array = vectors[np.argmax(self.loglikes(vectors))]
        return best

    def mean(self, vector: Array) -> Array:
        """Return the forecast under given standard deviations."""
        forecast: Array = self._ahead(vector[None, :])[0][0]
        return forecast

    def paths(self, vectors: Array, repetitions: int, generator: np.random.Generator) -> Array:
        """Return paths from the joint distribution of the periods ahead."""
        noise = generator.normal(size=(len(vectors), repetitions, len(self._carried)))
        means, covariances = self._ahead(vectors)
        roots = np.linalg.cholesky(covariances + NEXT_TO_NOTHING * np.eye(len(self._carried)))
        paths: Array = means[:, None] + noise @ roots.swapaxes(1, 2)
        return paths.reshape(-1, len(self._carried))

    def _ahead(self, vectors: Array) -> tuple[Array, Array]:
        """Return means and covariances of the periods ahead, given the series."""
        variances = vectors**2
        shared = np.tensordot(variances, self._shared, axes=1)
        gains = shared / (variances @ self._roots)[:, None]
        own = np.tensordot(variances, self._own, axes=1)
        return self._carried + gains @ self._figures, own - gains @ shared.swapaxes(1, 2)


def _moments(model: Any, count: int) -> tuple[Array, list[Array]]:
    """Return how each period sees the initial states, and the covariance of all periods for a unit of each variance."""
    space, periods = model.ssm, model.nobs
    design = np.asarray(space["design"])[0]
    rows = design.T if design.ndim == 2 else np.tile(design, (periods, 1))
    moved = [np.eye(rows.shape[1])]
    for _ in range(periods - 1):
        moved.append(space["transition"] @ moved[-1])
    seen = np.einsum("ti,tij->tj", rows, np.stack(moved))
    # Only slopes are seen differently from period to period, and they have no shocks: the first row serves all.
    echoes = rows[0] @ np.stack(moved)[:-1] @ space["selection"]
    shocks = [linalg.toeplitz(np.append(0.0, echo), np.zeros(periods)) for echo in echoes.T]
    covariances = []
    for unit in np.eye(count):
        model.update(unit)
        sizes = np.diag(space["state_cov"])
        moves = sum((size * shock @ shock.T for size, shock in zip(sizes, shocks, strict=True)), np.zeros(()))
        covariances.append(space["obs_cov"][0, 0] * np.eye(periods) + moves)
    return seen, covariances


class Autoregression:
    """Autoregressions with seasonal lags, differences, regressors and a constant.

    The likelihood rests on squares and products of the series, the constant and the regressors in the precision matrix
    of a stationary autoregression, which has a closed form (Siddiqui 1958).

    Parameters
    ----------
    series : array, shape (n,)
        More periods than the longest lag, differences included.
    regressors : array, shape (n + ahead, k)
    order, seasonal_order : tuple of int
        As in :class:`musan.methods.state_space.Sarimax`, without moving averages.
    constant : bool
    """

    def __init__(
        self,
        series: Array,
        regressors: Array,
        order: tuple[int, int, int],
        seasonal_order: tuple[int, int, int, int],
        constant: bool,
    ) -> None:
        n = len(series)
        season = max(1, seasonal_order[3])
        difference = np.ones((1, 1))
        for times, step in ((order[1], 1), (seasonal_order[1], season)):
            for _ in range(times):
                difference = _product(difference, np.array([[1.0, -1.0]]), step)
        self._series, self._past, self._future = series, regressors[:n].T, regressors[n:].T
        self._difference, self._season = difference, season
        changes = [np.convolve(row, difference[0], mode="valid") for row in (series, *self._past)]
        self._n, reach = len(changes[0]), order[0] + season * seasonal_order[0]
        self._columns = _windows(np.vstack([changes[0], np.ones(self._n), *changes[1:]]), reach)
        self._explaining = slice(1 if constant else 2, None)
        self._earliest = _windows(np.eye(reach, max(reach, 1)), reach)  # each of the earliest periods by itself
        # Where the constant, the slopes, the lags, the seasonal lags and the deviation are in a vector of parameters.
        ends = [0, *np.cumsum([int(constant), len(self._past), order[0], seasonal_order[0]]).tolist(), None]
        self._parts = [slice(start, end) for start, end in pairwise(ends)]
        self.lags = slice(self._parts[2].start, self._parts[3].stop)

    def loglikes(self, vectors: Array) -> Array:
        """Return the log-likelihood of each row of parameters."""
        with np.errstate(all="ignore"):
            constant, slopes, lags, deviation = self._read(vectors)
            squares, determinants = self._squares(lags)
            errors = np.hstack([np.ones_like(constant), -constant / lags.sum(axis=1, keepdims=True), -slopes])
            sums = np.einsum("ri,rij,rj->r", errors, squares, errors)
            variance = deviation[:, 0] ** 2
            found: Array = -(self._n * np.log(variance) - determinants + sums / variance) / 2
        return found

    def loglikes_of_lags(self, free: Array) -> Array:
        """Return the log-likelihood of each row of parameters of lags, all others being best for these."""
        return self._regressed(free)[0]

    def with_lags(self, free: Array) -> Array:
        """Return all parameters: those of the lags as given, all others best for these."""
        _, effects, variance = self._regressed(free[None, :])
        best = np.concatenate([effects[0], free, np.sqrt(variance)])
        best[self._parts[0]] *= self._polynomials(free[None, :]).sum()  # from the mean to the constant
        return best

    def _regressed(self, free: Array) -> tuple[Array, Array, Array]:
        """Return log-likelihoods, and mean, slopes and variance by generalised least squares."""
        with np.errstate(all="ignore"):
            squares, determinants = self._squares(self._polynomials(free))
            across, within = squares[:, self._explaining, :1], squares[:, self._explaining, self._explaining]
            effects = np.linalg.solve(within + NEXT_TO_NOTHING * np.eye(within.shape[1]), across)
            variance = (squares[:, 0, 0] - (across * effects).sum(axis=(1, 2))) / self._n
            found = -(self._n * (np.log(variance) + 1) - determinants) / 2
        return found, effects[:, :, 0], variance

    def _squares(self, lags: Array) -> tuple[Array, Array]:
        """Return squares and products of all columns in the precision matrix, and its log-determinant.

        The determinant is that of the earliest periods: each later one adds an innovation, whose variance is one.
        """
        signs, determinants = np.linalg.slogdet(_in_precision(self._earliest, lags))
        return _in_precision(self._columns, lags), np.where(signs > 0, determinants, np.nan)

    def mean(self, vector: Array) -> Array:
        """Return the forecast under given parameters."""
        forecast: Array = self._onward(vector[None, :], np.zeros((1, self._future.shape[1])))[0]
        return forecast

    def paths(self, vectors: Array, repetitions: int, generator: np.random.Generator) -> Array:
        """Return paths with random innovations."""
        rows = np.repeat(vectors, repetitions, axis=0)
        return self._onward(rows, generator.normal(size=(len(rows), self._future.shape[1])))

    def _onward(self, vectors: Array, noise: Array) -> Array:
        """Return the periods ahead for given innovations, in standard deviations."""
        constant, slopes, lags, deviation = self._read(vectors)
        lags = _product(lags, np.tile(self._difference, (len(lags), 1)))
        reach = lags.shape[1] - 1
        shocks = constant + deviation * noise
        known = self._series - slopes @ self._past
        path = np.hstack([known[:, known.shape[1] - reach :], shocks])
        for at in range(reach, path.shape[1]):
            path[:, at] -= np.einsum("ij,ij->i", lags[:, :0:-1], path[:, at - reach : at])
        ahead: Array = path[:, reach:] + slopes @ self._future
        return ahead

    def _read(self, vectors: Array) -> tuple[Array, Array, Array, Array]:
        """Return constants, slopes, lag polynomials (the weight of the period itself is one) and deviations."""
        constant, slopes, lags, seasonal, deviation = (vectors[:, part] for part in self._parts)
        polynomials = self._polynomials(np.hstack([lags, seasonal]))
        return constant.sum(axis=1, keepdims=True), slopes, polynomials, deviation

    def _polynomials(self, free: Array) -> Array:
        """Return lag polynomials from the parameters of the lags and of the seasonal lags."""
        lags, seasonal = np.split(free, [self._parts[2].stop - self._parts[2].start], axis=1)
        return _product(_stationary(lags), _stationary(seasonal), self._season)


def _stationary(free: Array) -> Array:
    """Return stationary lag polynomials, one a row, from unconstrained numbers (Monahan 1984)."""
    partial = free / np.sqrt(1 + free**2)
    weights = np.ones((len(free), 1 + free.shape[1]))
    for at in range(free.shape[1]):
        last = partial[:, at : at + 1]
        weights[:, 1 : at + 1] = weights[:, 1 : at + 1] + last * weights[:, at:0:-1]
        weights[:, at + 1 : at + 2] = last
    return weights


def _product(one: Array, other: Array, step: int = 1) -> Array:
    """Return products of lag polynomials row by row; those of the second are in lags of ``step`` periods."""
    degree = one.shape[1] + step * (other.shape[1] - 1)
    product = np.zeros((len(one), degree))
    for at, weight in enumerate(other.T):
        product[:, step * at : step * at + one.shape[1]] += weight[:, None] * one
    return product


def _windows(columns: Array, reach: int) -> Array:
    """Return each period of each column with the periods before it; there is nothing before the first."""
    padded = np.hstack([np.zeros((len(columns), reach)), columns])
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(padded, reach + 1, axis=1))


def _in_precision(windows: Array, lags: Array) -> Array:
    """Return squares and products of columns in the precision matrix of each stationary autoregression.

    They are those of one-step errors as if nothing had gone before, less those of the earliest periods under
    the lags in reverse: the precision matrix is the difference of two products of triangular matrices.
    """
    reach = lags.shape[1] - 1
    forward = (windows @ lags[:, ::-1].T).transpose(2, 0, 1)
    backward = (windows[:, :reach, 1:] @ lags[:, 1:].T).transpose(2, 0, 1)
    squares: Array = forward @ forward.swapaxes(1, 2) - backward @ backward.swapaxes(1, 2)
    return squares


class Filter:
    """Any model, one vector after the other, by the filter of statsmodels.

    Parameters
    ----------
    model : MLEModel
        Over the periods of the series.
    future : array, shape (ahead, k), optional
        Regressors ahead.
    ahead : int
    """

    def __init__(self, model: Any, future: Array | None, ahead: int) -> None:
        self._model, self._future, self._periods = model, future, ahead

    def loglikes(self, vectors: Array) -> Array:
        """Return the log-likelihood of each row of parameters."""
        return np.array([float(self._model.loglike(vector, transformed=False)) for vector in vectors])

    def mean(self, vector: Array) -> Array:
        """Return the forecast under given parameters."""
        result = self._model.filter(self._model.transform_params(vector), cov_type="none")
        return np.asarray(result.forecast(self._periods, exog=self._future))

    def paths(self, vectors: Array, repetitions: int, generator: np.random.Generator) -> Array:
        """Return paths from what is known of the state after the last period."""
        return np.concatenate([self._paths(vector, repetitions, generator) for vector in vectors])

    def _paths(self, vector: Array, repetitions: int, generator: np.random.Generator) -> Array:
        values = self._model.transform_params(vector)
        self._model.update(values)
        space = self._model.ssm
        known = space.filter()
        transition, selection = space["transition"], space["selection"]
        shift = space["state_intercept"]
        shift = shift[:, -1] if shift.ndim == 2 else shift
        moves = np.linalg.cholesky(space["state_cov"] + 1e-18 * np.eye(selection.shape[1]))
        noise = float(np.sqrt(space["obs_cov"][0, 0]))
        start = known.predicted_state[:, -1], known.predicted_state_cov[:, :, -1]
        states = generator.multivariate_normal(*start, size=repetitions, method="eigh", check_valid="ignore")
        paths = np.empty((repetitions, self._periods))
        for ahead, (design, level) in enumerate(self._seen(values)):
            paths[:, ahead] = states @ design + level + noise * generator.normal(size=repetitions)
            steps = generator.normal(size=(repetitions, selection.shape[1])) @ moves.T
            states = states @ transition.T + shift + steps @ selection.T
        return paths

    def _seen(self, values: Array) -> Iterator[tuple[Array, float]]:
        """Yield how each period ahead is seen: the row of the design, and what regressors add outside the state."""
        design = np.asarray(self._model.ssm["design"])[0]
        design = design if design.ndim == 1 else design[:, -1]
        for ahead in range(self._periods):
            if self._future is None:
                yield design, 0.0
            elif isinstance(self._model, UnobservedComponents):
                row = self._future[ahead]
                yield np.concatenate([design[: -len(row)], row]), 0.0
            else:
                yield design, float(self._future[ahead] @ values[regressor_places(self._model)])


def regressor_places(model: Any) -> list[int]:
    """Return where the slopes of regressors are among the parameters of a model of statsmodels."""
    return [model.param_names.index(name) for name in model.exog_names]
