"""Errors that remember: autoregressions of regression errors, and samples drawn from them.

The one source of p-values and critical values here that holds its size in short series with serially
correlated errors is the sieve bootstrap: fit an autoregression to the residuals, draw new errors from it, work
out the statistic again (Bühlmann 1997, Bernoulli 3; Diebold and Chen 1996, Journal of Econometrics 70).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np
import numpy.typing as npt
from scipy import linalg, signal

from musan.errors import MethodError
from musan.methods.arguments import choice

if TYPE_CHECKING:
    from collections.abc import Callable

Array = npt.NDArray[np.float64]
Innovations = Literal["resampled", "wild", "normal"]
Order = int | Literal["aic", "bic"]
BURN_IN = 50  # a root of 0.9 has died out to 0.5 % by then
EDGE = 0.98  # partial autocorrelations stay inside this, so that every path is stationary


@dataclass(frozen=True, eq=False)
class Autoregression:
    """An autoregression of errors, of order p.

    Attributes
    ----------
    coefficients : ndarray, shape (p,)
    innovations : ndarray, shape (n - p,)
        Its residuals, centred.
    n : int
        Number of errors it was fitted to.
    """

    coefficients: Array
    innovations: Array
    n: int

    @cached_property
    def autocorrelations(self) -> Array:
        """Return those that the coefficients imply, from lag zero, shape (n,)."""
        return _implied(self.coefficients, self.n)

    @property
    def order(self) -> int:
        """Return the number of lags."""
        return len(self.coefficients)

    @property
    def effective_n(self) -> float:
        """Return how many uncorrelated errors would pin down a mean as well as these do."""
        lags = np.arange(1, self.n)
        spread = 1 + 2 * float(((1 - lags / self.n) * self.autocorrelations[1:]).sum())
        return float(min(self.n / spread, self.n)) if spread > 0 else float(self.n)

    def draw(self, samples: int, generator: np.random.Generator, innovations: Innovations = "resampled") -> Array:
        """Return new errors, shape (samples, n), with a start from the past of the process.

        Parameters
        ----------
        samples : int
        generator : Generator
        innovations : {"resampled", "wild", "normal"}
            Drawn anew from the residuals; the residuals in their order with random signs (which keeps
            changes in their size); or normal.
        """
        shape = samples, self.n + BURN_IN
        if innovations == "normal":
            shocks = generator.standard_normal(shape) * self.innovations.std()
        else:
            shocks = generator.choice(self.innovations, size=shape)
        if innovations == "wild":
            signs = generator.choice([-1.0, 1.0], size=(samples, len(self.innovations)))
            shocks[:, -len(self.innovations) :] = self.innovations * signs
        paths = signal.lfilter([1.0], np.concatenate([[1.0], -self.coefficients]), shocks, axis=1)
        return np.asarray(paths[:, BURN_IN:])

    def words(self) -> str:
        """Return the model in words, for a list of assumptions."""
        if not self.order:
            return "errors are uncorrelated"
        numbers = ", ".join(f"{c:.2f}" for c in self.coefficients)
        return f"errors follow an autoregression of order {self.order} ({numbers})"


@dataclass(frozen=True)
class Bootstrap:
    """How samples are drawn under a null hypothesis.

    Parameters
    ----------
    replications : int
        Samples; none if 0.
    order : int, "bic" or "aic"
        As in :func:`fit`.
    innovations : {"resampled", "wild", "normal"}
        As in :meth:`Autoregression.draw`.
    seed : int

    Raises
    ------
    MethodError
        A number of samples under 99 that is not 0, no whole number, or an unknown kind of innovations.
    """

    replications: int
    order: Order
    innovations: Innovations
    seed: int

    def __post_init__(self) -> None:
        for name, value in (("replications", self.replications), ("seed", self.seed)):
            if not isinstance(value, int | np.integer) or value < 0:
                raise MethodError(f"it is {value!r}", name, "give a whole number, 0 or more")
        if 0 < self.replications < 99:
            raise MethodError(f"it is {self.replications}", "replications", "give at least 99, or 0 for no bootstrap")
        choice("innovations", self.innovations, get_args(Innovations))

    def fit(self, residuals: Array, judge: Array, design: Array, *, as_demeaned: bool = True) -> Autoregression:
        """Return the errors' autoregression under the null hypothesis; arguments as in :func:`fit`."""
        return fit(residuals, self.order, judge=judge, design=design, as_demeaned=as_demeaned)

    def draw(self, errors: Autoregression) -> Array:
        """Return samples of errors, shape (replications, n)."""
        return errors.draw(self.replications, np.random.default_rng(self.seed), self.innovations)

    def p_values(self, observed: Array, errors: Autoregression, statistic: Callable[[Array], Array]) -> Array:
        """Return the p-value of each statistic, NaN without replications."""
        if not self.replications:
            return np.full(np.shape(observed), np.nan)
        return share_beyond(observed, statistic(self.draw(errors)))

    def words(self, errors: Autoregression, null: str) -> tuple[str, ...]:
        """Return the bootstrap in words, for a list of assumptions."""
        if not self.replications:
            return ()
        how = f"{errors.words()}, innovations {self.innovations}"
        return (f"bootstrap of {self.replications} draws under {null}: {how}",)


def fit(
    residuals: Array,
    order: Order = "bic",
    *,
    judge: Array | None = None,
    design: Array | None = None,
    as_demeaned: bool = False,
) -> Autoregression:
    """Fit an autoregression to residuals by Yule and Walker.

    Parameters
    ----------
    residuals : ndarray, shape (n,)
    order : int, "bic" or "aic"
        Number of lags, or the criterion that chooses it between one and about 2 n^(1/4): Schwarz's, or Akaike's
        with the correction of Hurvich and Tsai.
    judge : ndarray, shape (n,), optional
        Residuals that the criterion looks at instead. Under a null hypothesis without a break they should
        be those with one, for a break that is left out looks like a long memory.
    design : ndarray, shape (n, k), optional
        The regressors behind the residuals. If given, the autocorrelations are corrected for the k
        coefficients estimated: those are solved for that make residuals with the observed ones
        expected. Without it, short series look less persistent than they are.
    as_demeaned : bool
        Correct for all but one of the k only, by the autocorrelations expected of errors less their mean. A break
        that the null hypothesis leaves out makes residuals look more persistent than the errors are, which
        offsets the rest of the bias; a full correction would cost a test of breaks half its power.

    Returns
    -------
    Autoregression

    Raises
    ------
    MethodError
        An order below zero, or too high for the number of residuals.
    """
    n = len(residuals)
    highest = max(1, min(int(2 * n**0.25), n // 8))
    if order not in ("aic", "bic") and not (isinstance(order, int) and 0 <= order <= n // 4):
        raise MethodError(f"it is {order!r}", "order", f"give 'aic', 'bic' or a whole number from 0 to {n // 4}")
    if isinstance(order, int):
        lags = order
    else:
        lags = _chosen_order(_autocorrelations(residuals if judge is None else judge, highest), n, order)
    observed = _autocorrelations(residuals, lags)
    implied = observed
    if design is not None and not (as_demeaned and design.shape[1] == 1):
        implied = _corrected(observed, design)
        if as_demeaned:
            implied = _expected(implied, _moments(np.ones((n, 1)), lags + 1))
    coefficients = _levinson(implied)
    shocks = residuals[lags:] - sum(
        (c * residuals[lags - j : n - j] for j, c in enumerate(coefficients, start=1)), np.zeros(n - lags)
    )
    return Autoregression(coefficients, shocks - shocks.mean(), n)


def share_beyond(observed: Array, drawn: Array) -> Array:
    """Return the bootstrap p-value: how often a drawn statistic is at least the observed, plus itself."""
    with np.errstate(invalid="ignore"):
        return np.asarray((1 + (drawn >= observed).sum(axis=0)) / (len(drawn) + 1))


def _autocorrelations(residuals: Array, lags: int) -> Array:
    sums = np.array([residuals[j:] @ residuals[: len(residuals) - j] for j in range(lags + 1)])
    return np.asarray(sums / sums[0] if sums[0] > 0 else np.eye(1, lags + 1)[0])


def _levinson(autocorrelations: Array) -> Array:
    """Return autoregressive coefficients, with partial autocorrelations kept inside the unit circle."""
    return _levinson_by_order(autocorrelations)[-1]


def _levinson_by_order(autocorrelations: Array) -> list[Array]:
    """Return the coefficients of each order from none to as many as there are autocorrelations, each from the last."""
    found: list[Array] = [np.empty(0)]
    error = 1.0
    for k in range(1, len(autocorrelations)):
        ahead = autocorrelations[k] - found[-1] @ autocorrelations[k - 1 : 0 : -1]
        partial = min(max(float(ahead) / error, -EDGE), EDGE)
        found.append(np.append(found[-1] - partial * found[-1][::-1], partial))
        error *= 1 - partial**2
    return found


def _chosen_order(autocorrelations: Array, n: int, criterion: Literal["aic", "bic"]) -> int:
    lags = np.arange(1, len(autocorrelations))
    errors = [1 - fitted @ autocorrelations[1 : len(fitted) + 1] for fitted in _levinson_by_order(autocorrelations)[1:]]
    penalty = np.log(n) * lags if criterion == "bic" else 2 * n * (lags + 1) / (n - lags - 2)
    return int(lags[np.argmin(n * np.log(np.maximum(errors, 1e-12)) + penalty)])


def _implied(coefficients: Array, n: int) -> Array:
    """Return the autocorrelations from lag zero to n - 1 that autoregressive coefficients imply."""
    p = len(coefficients)
    if p == 0:
        return np.asarray(np.eye(1, n)[0])
    system = np.eye(p + 1)
    for row in range(p + 1):
        for j, c in enumerate(coefficients, start=1):
            system[row, abs(row - j)] -= c
    start = np.linalg.solve(system, np.eye(1, p + 1)[0])
    start /= start[0]
    impulse = signal.lfiltic([1.0], np.concatenate([[1.0], -coefficients]), start[::-1][:p])
    rest, _ = signal.lfilter([1.0], np.concatenate([[1.0], -coefficients]), np.zeros(max(n - p - 1, 0)), zi=impulse)
    return np.concatenate([start, rest])[:n]


def _corrected(observed: Array, design: Array) -> Array:
    """Return the autocorrelations of errors whose residuals are expected to have the observed ones."""
    moments = _moments(design, len(observed))
    guess: Array = observed
    for _ in range(200):
        step = observed - _expected(guess, moments)
        guess = np.clip(guess + step, -EDGE, EDGE)
        guess[0] = 1.0
        if np.abs(step).max() < 1e-8:
            break
    return guess


def _expected(autocorrelations: Array, moments: Array) -> Array:
    """Return the autocorrelations expected of residuals, given those of an autoregression's errors."""
    sums = moments @ _implied(_levinson(autocorrelations), moments.shape[1])
    return np.asarray(sums / sums[0])


def _moments(design: Array, lags: int) -> Array:
    """Return what autocovariances of errors add to those of residuals, shape (lags, n).

    With M the matrix that makes residuals and S_j the shift by j, row j holds the sums along the diagonals of
    M S_j M, both sides together, so that a product with a Toeplitz matrix is a dot product.
    """
    basis, n = cast("Array", linalg.qr(design, mode="economic")[0]), len(design)
    rows = np.zeros((lags, n))
    for j in range(lags):
        later, earlier = np.zeros_like(basis), np.zeros_like(basis)
        later[: n - j], earlier[j:] = basis[j:], basis[: n - j]
        other = basis @ (later.T @ basis) - earlier
        pairs = zip(other.T, basis.T, later.T, strict=True)
        both = np.sum([np.correlate(o, b, "full") - np.correlate(b, f, "full") for o, b, f in pairs], axis=0)
        rows[j] = both[n - 1 :] + both[n - 1 :: -1]
        rows[j, 0] /= 2
        rows[j, j] += n - j
    return rows
