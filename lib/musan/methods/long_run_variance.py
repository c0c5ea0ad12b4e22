"""Covariances that hold up when errors are serially correlated or of unequal size (HAC).

Kernel estimators of Newey and West (1987) and Andrews (1991), with automatic bandwidths (Andrews 1991;
Newey and West 1994; Lazarus, Lewis, Stock and Watson 2018) and prewhitening (Andrews and Monahan 1992).
Everything works on stacks of samples at once, so that a bootstrap needs no loop.

The definitions are those of the R package sandwich (Zeileis 2004, Journal of Statistical Software 11(10)):
``Hac()`` is its ``kernHAC``, ``NEWEY_WEST`` its ``NeweyWest``. Bai and Perron (2003, Journal of Applied Econometrics
18) use the same estimator with other divisors: :func:`bai_perron_variance`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import fft

from musan.errors import MethodError
from musan.methods.arguments import choice, number

Array = npt.NDArray[np.float64]
Kernel = Literal["quadratic_spectral", "bartlett"]
Rule = Literal["andrews", "newey_west", "lazarus"]
# Andrews (1991), equation 6.2, and Newey and West (1994), table 1: constant and rate of each kernel.
CONSTANT = {"quadratic_spectral": 1.3221, "bartlett": 1.1447}
RATE = {"quadratic_spectral": 1 / 5, "bartlett": 1 / 3}
# Newey and West (1994), table 2: how the lags that feed the bandwidth grow with n.
LAG_RATE = {"quadratic_spectral": 2 / 25, "bartlett": 2 / 9}


@dataclass(frozen=True)
class Hac:
    """How to estimate a long-run variance.

    Parameters
    ----------
    kernel : {"quadratic_spectral", "bartlett"}
        The Bartlett kernel with bandwidth S weighs lag j by 1 - j/S: Newey and West's with lag S - 1, and without
        prewhitening White's covariance, which allows for unequal sizes only, with S = 1.
    bandwidth : {"andrews", "newey_west", "lazarus"} or float
        A rule, or a number of periods above zero. ``andrews``: AR(1) plug-in (Andrews 1991). ``newey_west``:
        nonparametric plug-in (Newey and West 1994), for Bartlett cut down to a whole lag. ``lazarus``:
        1.3 sqrt(n), rounded up, for Bartlett and for critical values that allow for it (Lazarus et al. 2018).
    prewhiten : bool
        Filter the scores by a first-order autoregression first and recolour after.
    adjust : bool
        Multiply by n / (n - k) for the k coefficients estimated.
    """

    kernel: Kernel = "quadratic_spectral"
    bandwidth: Rule | float = "andrews"
    prewhiten: bool = True
    adjust: bool = True

    def __post_init__(self) -> None:
        choice("kernel", self.kernel, get_args(Kernel))
        if isinstance(self.bandwidth, str):
            choice("bandwidth", self.bandwidth, get_args(Rule))
            if self.bandwidth == "lazarus" and self.kernel != "bartlett":
                raise MethodError("'lazarus' is a rule for the Bartlett kernel", "bandwidth", "set kernel='bartlett'")
        else:
            number("bandwidth", self.bandwidth, 0, above=True)

    def words(self) -> str:
        """Return the choices in words, for a list of assumptions."""
        name = self.kernel.replace("_", " ")
        if isinstance(self.bandwidth, str):
            people = {"andrews": "Andrews (1991)", "newey_west": "Newey-West (1994)", "lazarus": "1.3 sqrt(n)"}
            width = f"bandwidth by {people[self.bandwidth]}"
        else:
            width = f"bandwidth {self.bandwidth:g}"
        return f"HAC covariance: {name} kernel, {width}{', prewhitened' if self.prewhiten else ''}"


NEWEY_WEST = Hac("bartlett", "newey_west", prewhiten=True, adjust=False)


def kernel_weights(lags: Array, bandwidth: Array | float, kernel: Kernel) -> Array:
    """Return the weight of each lag, one at lag zero; ``lags`` and ``bandwidth`` broadcast."""
    x = np.abs(lags) / bandwidth
    if kernel == "bartlett":
        return np.maximum(0.0, 1 - x)
    z = 6 * np.pi * np.maximum(x, 1e-3) / 5
    # Near zero the formula is 0 / 0; its expansion there is one minus z squared over ten.
    return np.where(x < 1e-3, 1 - (6 * np.pi * x / 5) ** 2 / 10, 3 / z**2 * (np.sin(z) / z - np.cos(z)))


def weighted_sum(scores: Array, bandwidth: Array, kernel: Kernel) -> Array:
    """Return the kernel-weighted sum of all autocovariances.

    Parameters
    ----------
    scores : ndarray, shape (..., m, n)
        Time comes last.
    bandwidth : ndarray, shape (...)
    kernel : {"quadratic_spectral", "bartlett"}

    Returns
    -------
    ndarray, shape (..., m, m)
    """
    n = scores.shape[-1]
    size = fft.next_fast_len(2 * n, real=True)
    weights = kernel_weights(np.arange(n, dtype=float), np.asarray(bandwidth)[..., None], kernel)
    # By Parseval, a sum over lags is one over frequencies: no autocovariance need be worked out.
    window = 2 * fft.rfft(weights, size).real - weights[..., :1]
    window *= np.where((np.arange(window.shape[-1]) % size == 0) | (2 * np.arange(window.shape[-1]) == size), 1, 2)
    # The real part of a product with a conjugate is that of the real parts plus that of the imaginary ones: as they lie
    # side by side in memory, one product of real numbers adds both.
    spectrum, twice = fft.rfft(scores, size).view(np.float64), np.repeat(window, 2, axis=-1)
    total = (spectrum * twice[..., None, :]) @ np.swapaxes(spectrum, -1, -2) / size
    return np.asarray((total + np.swapaxes(total, -1, -2)) / 2)


def meat(scores: Array, hac: Hac, *, constant: int | None = None) -> Array:
    """Return the long-run variance of scores, the middle of a sandwich covariance.

    Parameters
    ----------
    scores : ndarray, shape (..., n, m)
        Regressors times residuals; leading axes are samples.
    hac : Hac
    constant : int, optional
        Column of the constant, which does not count in the choice of a bandwidth (unless it is alone).

    Returns
    -------
    ndarray, shape (..., m, m)
    """
    n, m = scores.shape[-2:]
    used, colour = np.ascontiguousarray(np.swapaxes(scores, -1, -2)), None
    if hac.prewhiten:
        used, colour = _prewhitened(used)
    total = weighted_sum(used, _bandwidth(used, n, hac, constant), hac.kernel) / n
    if hac.adjust:
        total = total * n / (n - m)
    if colour is not None:
        total = colour @ total @ np.swapaxes(colour, -1, -2)
    return np.asarray(total)


def constant_column(design: Array) -> int | None:
    """Return which column is constant, if one is."""
    flat = np.flatnonzero(np.ptp(design, axis=0) == 0)
    return int(flat[0]) if len(flat) else None


def sandwich(design: Array, residuals: Array, hac: Hac, *, constant: int | None = None) -> Array:
    """Return the HAC covariance of least-squares coefficients.

    Parameters
    ----------
    design : ndarray, shape (n, m)
    residuals : ndarray, shape (..., n)
        Leading axes are samples.
    hac : Hac
    constant : int, optional
        As in :func:`meat`.

    Returns
    -------
    ndarray, shape (..., m, m)
    """
    n = len(design)
    middle = meat(residuals[..., None] * design, hac, constant=constant)
    bread = inverse_square(design)
    return np.asarray(n * (bread @ middle @ bread))


def inverse_square(design: Array) -> Array:
    """Return (X'X)^-1 by way of QR, which keeps twice the digits of inverting X'X."""
    root = np.linalg.inv(np.linalg.qr(design, mode="r"))
    return np.asarray(root @ root.T)


def bai_perron_variance(scores: Array) -> Array:
    """Return the long-run variance that Bai and Perron (2003) use: prewhitened, quadratic spectral.

    Parameters
    ----------
    scores : ndarray, shape (..., n, q)
        Regressors times residuals of one regime.

    Returns
    -------
    ndarray, shape (..., q, q)
        Every column counts in the choice of the bandwidth, its autoregression has no intercept, and the
        divisor is n - 1 - q.
    """
    n, q = scores.shape[-2:]
    whitened, colour = _prewhitened(np.ascontiguousarray(np.swapaxes(scores, -1, -2)))
    rho, variance = _first_order(whitened, intercept=False)
    width = _plug_in(rho, variance, n - 1, "quadratic_spectral", np.ones(q))
    total = weighted_sum(whitened, width, "quadratic_spectral") / (n - 1 - q)
    return np.asarray(colour @ total @ np.swapaxes(colour, -1, -2))


def long_run_variance(series: Array, hac: Hac | None = None) -> Array:
    """Return the long-run variance of a series about its mean.

    Parameters
    ----------
    series : ndarray, shape (..., n)
    hac : Hac, optional
        By default the estimator of Andrews (1991), prewhitened.

    Returns
    -------
    ndarray, shape (...)
    """
    centred = series - series.mean(axis=-1, keepdims=True)
    return np.asarray(meat(centred[..., None], hac or Hac())[..., 0, 0])


# From here on time comes last: scores have shape (..., m, n).


def _prewhitened(scores: Array) -> tuple[Array, Array]:
    """Return the residuals of a first-order vector autoregression, and the matrix that recolours."""
    before, now = scores[..., :-1], scores[..., 1:]
    # The pseudo-inverse does no harm where scores are all zero, and keeps its digits where they are collinear.
    slope = now @ np.linalg.pinv(before)
    colour = np.linalg.inv(np.eye(scores.shape[-2]) - slope)
    return np.asarray(now - slope @ before), np.asarray(colour)


def _first_order(scores: Array, *, intercept: bool) -> tuple[Array, Array]:
    """Return autoregressive coefficient and error variance of each row."""
    before, now = scores[..., :-1], scores[..., 1:]
    if intercept:
        before = before - before.mean(axis=-1, keepdims=True)
        now = now - now.mean(axis=-1, keepdims=True)
    square, product = np.vecdot(before, before), np.vecdot(before, now)
    rho = product / np.where(square > 0, square, 1)
    return np.asarray(rho), np.asarray(np.maximum(np.vecdot(now, now) - rho * product, 0) / before.shape[-1])


def _plug_in(rho: Array, variance: Array, n: int, kernel: Kernel, weights: Array) -> Array:
    """Return the bandwidth of Andrews (1991), equations 6.2 and 6.4."""
    below = (weights * variance**2 / (1 - rho) ** 4).sum(axis=-1)
    if kernel == "bartlett":
        above = (weights * 4 * rho**2 * variance**2 / ((1 - rho) ** 6 * (1 + rho) ** 2)).sum(axis=-1)
    else:
        above = (weights * 4 * rho**2 * variance**2 / (1 - rho) ** 8).sum(axis=-1)
    ratio = above / np.where(below > 0, below, 1)
    return np.asarray(np.maximum(CONSTANT[kernel] * (n * ratio) ** RATE[kernel], 1e-8))


def _bandwidth(scores: Array, n: int, hac: Hac, constant: int | None) -> Array:
    shape = scores.shape[:-2]
    if not isinstance(hac.bandwidth, str):
        return np.full(shape, float(hac.bandwidth))
    if hac.bandwidth == "lazarus":
        return np.full(shape, np.ceil(1.3 * np.sqrt(n)))
    weights = np.ones(scores.shape[-2])
    if constant is not None and len(weights) > 1:
        weights[constant] = 0.0
    if hac.bandwidth == "andrews":
        rho, variance = _first_order(scores, intercept=True)
        return _plug_in(rho, variance, scores.shape[-1], hac.kernel, weights)
    return _newey_west(weights @ scores, n, hac)


def _newey_west(combined: Array, n: int, hac: Hac) -> Array:
    """Return the bandwidth of Newey and West (1994)."""
    lags = int(np.floor((3 if hac.prewhiten else 4) * (n / 100) ** LAG_RATE[hac.kernel]))
    length = combined.shape[-1]
    sums = np.stack([np.vecdot(combined[..., j:], combined[..., : length - j]) for j in range(lags + 1)], axis=-1)
    powers = np.arange(lags + 1.0)
    order = 1 if hac.kernel == "bartlett" else 2
    level = sums[..., 0] + 2 * sums[..., 1:].sum(axis=-1)
    curvature = 2 * (powers**order * sums).sum(axis=-1)
    rate = RATE[hac.kernel]
    width = CONSTANT[hac.kernel] * ((curvature / level) ** 2) ** rate * n**rate
    # NeweyWest cuts the bandwidth down to a whole lag L and weighs lag j by 1 - j / (L + 1).
    return np.asarray(np.floor(width) + 1 if hac.kernel == "bartlett" else np.maximum(width, 1e-8))
