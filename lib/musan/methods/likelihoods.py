"""Likelihoods of many parameter vectors at once, and what each vector says of the periods ahead.

A fit with simulated parameters asks for thousands of likelihoods of some dozens of periods. A filter takes them one by
one. Two kinds of models have the same exact likelihood in closed form, for all vectors together: structural models
of one or two variances, and autoregressions. All others go through the filter of statsmodels. Each class has
``loglikes`` (up to a constant), ``mean`` (the forecast) and ``paths``; parameters are unconstrained, in the order and
with the transformations of statsmodels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import linalg
from statsmodels.tsa.statespace.structural import UnobservedComponents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from musan.methods.labelled import Array

NEXT_TO_NOTHING = 1e-12  # added to variances ahead, which may be zero


class Likelihood(Protocol):
    """A model of a series, as a function of its parameters."""

    def loglikes(self, vectors: Array) -> Array:
        """Return the log-likelihood of each row of parameters, up to a constant; not finite where there is none."""

    def mean(self, vector: Array) -> Array:
        """Return the forecast under given parameters, shape (ahead,)."""

    def paths(self, vectors: Array, repetitions: int, generator: np.random.Generator) -> Array:
        """Return paths under each row of parameters in turn, shape (rows * repetitions, ahead)."""


class VarianceComponents:
    """Structural models of one or two variances, whose covariance matrix is linear in these.

    Nothing is known of initial states and slopes, so the exact diffuse likelihood is that of the contrasts of the
    series in which they have no part (Francke, Koopman and de Vos 2010). One rotation makes the covariances of these
    contrasts diagonal for both variances.

    Parameters
    ----------
    model : UnobservedComponents
        Over all periods, those ahead included.
    series : array, shape (n,)
    """

    def __init__(self, model: Any, series: Array) -> None:
        n, count = len(series), len(model.param_names)
        seen, covariances = _moments(model, count)
        contrasts = linalg.null_space(seen[:n].T)
        first, last = (contrasts.T @ covariances[at][:n, :n] @ contrasts for at in (0, -1))
        roots, rotation = linalg.eigh(last, first)
        rotated = rotation.T @ contrasts.T
        carried = seen[n:] @ np.linalg.pinv(seen[:n])  # the forecast if the series were its states alone
        ahead = np.hstack([-carried, np.eye(len(carried))])
        self._roots = np.stack([np.ones_like(roots), roots])[:count]
        self._figures = rotated @ series
        self._carried = carried @ series
        self._shared = np.stack([ahead @ one[:, :n] @ rotated.T for one in covariances])
        self._own = np.stack([ahead @ one @ ahead.T for one in covariances])

    def loglikes(self, vectors: Array) -> Array:
        """Return the log-likelihood of each row of standard deviations."""
        with np.errstate(all="ignore"):
            spread = vectors**2 @ self._roots
            found: Array = -(np.log(spread) + self._figures**2 / spread).sum(axis=1) / 2
        return found

    def mean(self, vector: Array) -> Array:
        """Return the forecast under given standard deviations."""
        return self._ahead(vector)[0]

    def paths(self, vectors: Array, repetitions: int, generator: np.random.Generator) -> Array:
        """Return paths from the joint distribution of the periods ahead."""
        noise = generator.normal(size=(len(vectors), repetitions, len(self._carried)))
        tiny = NEXT_TO_NOTHING * np.eye(len(self._carried))
        paths = np.empty_like(noise)
        for at, vector in enumerate(vectors):
            mean, covariance = self._ahead(vector)
            paths[at] = mean + noise[at] @ np.linalg.cholesky(covariance + tiny).T
        return paths.reshape(-1, len(self._carried))

    def _ahead(self, vector: Array) -> tuple[Array, Array]:
        """Return mean and covariance of the periods ahead, given the series."""
        variances = vector**2
        shared = np.tensordot(variances, self._shared, axes=1)
        gain = shared / (variances @ self._roots)
        own = np.tensordot(variances, self._own, axes=1)
        return self._carried + gain @ self._figures, own - gain @ shared.T


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

    Beyond the longest lag, predictions are the lags' weighted sum; before it, those of the stationary process, by the
    recursion of Levinson and Durbin read backwards (Brockwell and Davis 1991, section 5.2).

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
        self._changes, self._moves = changes[0], np.stack(changes)[1:]
        # Where the constant, the slopes, the lags, the seasonal lags and the deviation are in a vector of parameters.
        ends = [0, *np.cumsum([int(constant), len(self._past), order[0], seasonal_order[0]]).tolist(), None]
        self._parts = [slice(start, end) for start, end in pairwise(ends)]

    def loglikes(self, vectors: Array) -> Array:
        """Return the log-likelihood of each row of parameters."""
        with np.errstate(all="ignore"):
            constant, slopes, lags, deviation = self._read(vectors)
            errors = self._changes - slopes @ self._moves - constant / lags.sum(axis=1, keepdims=True)
            innovations, spread = _one_step(lags, errors)
            spread *= deviation**2
            found: Array = -(np.log(spread) + innovations**2 / spread).sum(axis=1) / 2
        return found

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
        polynomial = _product(_stationary(lags), _stationary(seasonal), self._season)
        return constant.sum(axis=1, keepdims=True), slopes, polynomial, deviation


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


def _one_step(lags: Array, errors: Array) -> tuple[Array, Array]:
    """Return one-step prediction errors of a stationary autoregression, and variances in those of its innovations."""
    reach = lags.shape[1] - 1
    # Vectors of parameters run along the last axis: the steps of the recursion are many and short.
    weights, early = lags.T[:0:-1].copy(), errors.T[:reach]
    variance, spread = np.ones(len(lags)), np.ones_like(errors)
    filters = np.zeros((reach, reach, len(lags)))
    for at in reversed(range(reach)):
        last = weights[0]
        left = 1 - last**2
        weights = (weights[1:] - last * weights[:0:-1]) / left
        variance = variance / left
        filters[at, :at] = weights
        spread[:, at] = variance
    early = early + np.einsum("ijk,jk->ik", filters, early)
    windows = np.lib.stride_tricks.sliding_window_view(errors, reach + 1, axis=1)
    late = (windows @ lags[:, ::-1, None])[:, :, 0]
    return np.hstack([early.T, late]), spread


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
