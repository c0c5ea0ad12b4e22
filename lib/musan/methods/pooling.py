"""One figure from several: fixed and random-effects pooling of effects and of shares.

Several informants, surveys or studies each give a figure with its variance. If they measure one thing, their
weighted mean has the fixed-effect error. If each measures something of its own, drawn around a common mean
with variance tau^2, the error is wider, and a new one like them will lie in the prediction interval. With few
figures tau^2 is hardly known, which its own interval shows, and Knapp-Hartung keeps the interval of the mean
honest. Nothing keeps the prediction interval so: with five or ten figures it covers about nine in ten (Partlett
and Riley 2017).

References: DerSimonian and Laird (1986), Controlled Clinical Trials 7; Viechtbauer (2005), Journal of
Educational and Behavioral Statistics 30, for REML, and (2007), Statistics in Medicine 26:37-52, for the
interval of tau^2; Hartung and Knapp (2001), Statistics in Medicine 20; Knapp and Hartung (2003), Statistics in
Medicine 22, also for the factor of at least one; Higgins and Thompson (2002), Statistics in Medicine 21, for
I^2; Higgins, Thompson and Spiegelhalter (2009), Journal of the Royal Statistical Society A 172, for the
prediction interval, and Partlett and Riley (2017), Statistics in Medicine 36, for its coverage; Lipsey and
Wilson (2001), *Practical Meta-Analysis*, and Schwarzer and others (2019), Research Synthesis Methods 10, for
shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from musan.errors import MethodError
from musan.methods import arguments
from musan.methods.facts import facts, percent, span_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.methods.arguments import Array

Method = Literal["fixed", "dersimonian_laird", "reml"]
Errors = Literal["normal", "knapp_hartung", "knapp_hartung_at_least_one"]
Scale = Literal["logit", "arcsine", "raw"]

INDEPENDENT = "The figures are independent, and their variances are known."
BETWEEN = {
    "fixed": "All figures measure one and the same thing.",
    "dersimonian_laird": "Figures differ by chance around a mean; their variance is from moments (DerSimonian-Laird).",
    "reml": "Figures differ by chance, normally, around a mean; their variance is by restricted likelihood.",
}


@dataclass(frozen=True)
class Pooled:
    """A pooled effect.

    ``tau2`` is the variance between figures with its 95 % interval (None for a fixed effect), ``q`` Cochran's
    Q with its p-value, ``i2_pct`` the percentage of variance that lies between figures. The prediction
    interval (None for a fixed effect, or where it is not defined) is for what a new figure would measure.
    ``frame`` has one row a figure: ``label``, ``effect``, ``variance``, ``weight_pct``. ``n`` is the number of
    figures and ``effective_n`` that of equally weighted ones, sum(w)^2 / sum(w^2).
    """

    estimate: float
    standard_error: float
    low: float
    high: float
    level: float
    method: str
    errors: str
    tau2: float
    tau2_low: float | None
    tau2_high: float | None
    q: float
    q_p: float
    i2_pct: float
    prediction_low: float | None
    prediction_high: float | None
    n: int
    effective_n: float
    frame: pd.DataFrame
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        name = percent(self.level, 0)
        return facts(
            ("figures", self.n),
            ("pooled effect", self.estimate),
            (f"{name} interval", span_words(self.low, self.high)),
            (f"{name} prediction interval", span_words(self.prediction_low, self.prediction_high)),
            ("variance between figures", self.tau2),
            ("its 95 % interval", span_words(self.tau2_low, self.tau2_high)),
            ("share of variance between figures", f"{self.i2_pct:.0f} %"),
            ("Q and its p-value", (self.q, self.q_p)),
            ("method", f"{self.method}, errors: {self.errors}"),
        )


@dataclass(frozen=True)
class PooledShare:
    """A pooled share; ``pooled`` is the fit on the scale on which shares were pooled."""

    share: float
    low: float
    high: float
    level: float
    prediction_low: float | None
    prediction_high: float | None
    scale: str
    pooled: Pooled
    n: int
    effective_n: float
    assumptions: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row a figure, as in the fit: effects are on its scale."""
        return self.pooled.frame

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""

        def words(low: float | None, high: float | None) -> str:
            return "–" if low is None else f"{percent(low)} to {percent(high)}"

        name = percent(self.level, 0)
        return facts(
            ("figures", self.n),
            ("pooled share", percent(self.share)),
            (f"{name} interval", words(self.low, self.high)),
            (f"{name} prediction interval", words(self.prediction_low, self.prediction_high)),
            ("share of variance between figures", f"{self.pooled.i2_pct:.0f} %"),
            ("pooled on", f"the {self.scale} scale"),
        )


def pool(
    effects: Any,
    variances: Any,
    *,
    method: Method = "reml",
    errors: Errors | None = None,
    prediction: Literal["higgins", "as_errors"] = "higgins",
    labels: Sequence[str] | None = None,
    level: float = 0.95,
) -> Pooled:
    """Pool effects with known variances.

    Parameters
    ----------
    effects : array of float, length k
        At least 2, on a scale on which they are about normal (a log ratio, a logit).
    variances : array of float, length k
        Of the effects, above 0.
    method : str
        ``fixed``, ``dersimonian_laird`` or ``reml``: how the variance between figures is estimated.
    errors : str, optional
        ``normal`` (the default for a fixed effect); ``knapp_hartung`` (the default else): error from the
        weighted scatter, Student's t with k - 1 degrees of freedom; ``knapp_hartung_at_least_one``: the same,
        but never a smaller error than ``normal`` has.
    prediction : str
        ``higgins``: Student's t with k - 2 degrees of freedom, so that three figures are needed;
        ``as_errors``: the distribution of the interval (as R's metafor).
    labels : sequence of str, optional
        Names of the figures.
    level : float
        Of both intervals.

    Returns
    -------
    Pooled

    Raises
    ------
    MethodError
        Fewer than two figures, lengths that differ, a variance that is not above 0, or an unknown choice.
    """
    arguments.choice("method", method, get_args(Method))
    errors = errors or ("normal" if method == "fixed" else "knapp_hartung")
    arguments.choice("errors", errors, get_args(Errors))
    arguments.choice("prediction", prediction, ["higgins", "as_errors"])
    level = arguments.level(level)
    y = arguments.vector("effects", effects, least=2)
    v = arguments.vector("variances", variances, low=0, above=True)
    names = [f"figure {i + 1}" for i in range(len(y))] if labels is None else list(labels)
    k = arguments.same_length(effects=y, variances=v, labels=names)
    q = _q(0.0, y, v)
    tau2 = 0.0 if method == "fixed" else _reml(y, v) if method == "reml" else _moments(y, v, q)
    weights = 1 / (v + tau2)
    estimate = float(weights @ y / weights.sum())
    error, df = _error(y, weights, estimate, errors)
    half = _quantile(level, df) * error
    ends = None if method == "fixed" else _prediction(estimate, error, tau2, level, df, prediction, k)
    between = (None, None) if method == "fixed" else _tau2_interval(y, v)
    notes = [INDEPENDENT, BETWEEN[method]]
    if k < 5 and method != "fixed":
        notes.append(f"{k} figures hardly tell how much figures differ.")
    if error < weights.sum() ** -0.5 * (1 - 1e-9):
        notes.append("The figures lie closer together than their variances say: the normal error is larger.")
    frame = pd.DataFrame({"label": names, "effect": y, "variance": v, "weight_pct": 100 * weights / weights.sum()})
    return Pooled(
        estimate=estimate,
        standard_error=error,
        low=estimate - half,
        high=estimate + half,
        level=level,
        method=method,
        errors=errors,
        tau2=tau2,
        tau2_low=between[0],
        tau2_high=between[1],
        q=q,
        q_p=float(stats.chi2.sf(q, k - 1)),
        i2_pct=_i2(v, q, None if method == "fixed" else tau2),
        prediction_low=None if ends is None else ends[0],
        prediction_high=None if ends is None else ends[1],
        n=k,
        effective_n=float(weights.sum() ** 2 / (weights**2).sum()),
        frame=frame,
        assumptions=tuple(notes),
    )


def _q(tau2: float, y: Array, v: Array) -> float:
    """Return Cochran's Q with weights 1 / (v + tau2)."""
    w = 1 / (v + tau2)
    return float(w @ (y - w @ y / w.sum()) ** 2)


def _moments(y: Array, v: Array, q: float) -> float:
    w = 1 / v
    return max(0.0, float((q - (len(y) - 1)) / (w.sum() - (w**2).sum() / w.sum())))


def _reml(y: Array, v: Array) -> float:
    """Return the variance between figures that maximises the restricted likelihood on [0, infinity)."""

    def slope(tau2: float) -> float:
        w = 1 / (v + tau2)
        rest = y - w @ y / w.sum()
        return float(0.5 * ((w**2) @ rest**2 - w.sum() + (w**2).sum() / w.sum()))

    # The likelihood can have several peaks: find the highest on a grid, then its zero of the slope.
    top = 10 * (float(np.ptp(y)) ** 2 + float(v.max()))
    grid = np.concatenate([[0.0], np.geomspace(1e-6 * float(v.min()), top, 200)])
    w = 1 / (v + grid[:, None])
    rest = y - (w @ y / w.sum(axis=1))[:, None]
    best = int(np.argmax(np.log(w).sum(axis=1) - np.log(w.sum(axis=1)) - (w * rest**2).sum(axis=1)))
    left, right = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    if slope(left) <= 0 or slope(right) >= 0:
        return float(grid[best])
    return float(optimize.brentq(slope, left, right, xtol=1e-15, rtol=1e-14))


def _error(y: Array, weights: Array, estimate: float, errors: str) -> tuple[float, float]:
    """Return the standard error of the mean and the degrees of freedom of its interval."""
    if errors == "normal":
        return float(weights.sum() ** -0.5), np.inf
    scatter = float(weights @ (y - estimate) ** 2) / (len(y) - 1)
    scatter = max(scatter, 1.0) if errors == "knapp_hartung_at_least_one" else scatter
    return float(np.sqrt(scatter / weights.sum())), len(y) - 1


def _quantile(level: float, df: float) -> float:
    return float(stats.t.ppf((1 + level) / 2, df))


def _prediction(
    estimate: float, error: float, tau2: float, level: float, df: float, kind: str, k: int
) -> tuple[float, float] | None:
    df = k - 2 if kind == "higgins" else df
    if df < 1:
        return None
    half = _quantile(level, df) * float(np.sqrt(tau2 + error**2))
    return estimate - half, estimate + half


def _tau2_interval(y: Array, v: Array, level: float = 0.95) -> tuple[float, float]:
    """Return the values of the variance between figures that Q does not reject (Viechtbauer 2007)."""
    ends = []
    for tail in ((1 + level) / 2, (1 - level) / 2):
        quantile = float(stats.chi2.ppf(tail, len(y) - 1))
        if _q(0.0, y, v) <= quantile:
            ends.append(0.0)
            continue
        top = float(v.max()) + float(np.ptp(y)) ** 2
        while _q(top, y, v) > quantile:
            top *= 4
        ends.append(float(optimize.brentq(lambda tau2, at=quantile: _q(tau2, y, v) - at, 0, top, xtol=1e-14)))
    return ends[0], ends[1]


def _i2(v: Array, q: float, tau2: float | None) -> float:
    """Return I^2 in percent, from Q for a fixed effect, else from tau^2 and the typical variance."""
    df, w = len(v) - 1, 1 / v
    if tau2 is None:
        return max(0.0, 100 * (q - df) / q) if q > 0 else 0.0
    typical = df * w.sum() / (w.sum() ** 2 - (w**2).sum())
    return float(100 * tau2 / (tau2 + typical))


# Shares


def pool_shares(
    successes: Any,
    n: Any,
    *,
    scale: Scale = "logit",
    method: Method = "reml",
    errors: Errors | None = None,
    prediction: Literal["higgins", "as_errors"] = "higgins",
    labels: Sequence[str] | None = None,
    level: float = 0.95,
) -> PooledShare:
    """Pool shares from counts.

    Parameters
    ----------
    successes, n : array of int, length k
        How many of how many, for each figure. On the logit and the raw scale, one half is added to both
        sides of a figure in which nobody or everybody did it.
    scale : str
        ``logit``, ``arcsine`` (of the square root) or ``raw``: where shares are taken as normal. Ends on the
        raw scale are cut at 0 and 1.
    method, errors, prediction, labels, level
        As in :func:`pool`.

    Returns
    -------
    PooledShare

    Raises
    ------
    MethodError
        A count is negative, not whole, or more than its n, or as :func:`pool`.
    """
    arguments.choice("scale", scale, get_args(Scale))
    x, size = (arguments.vector(name, given, low=0) for name, given in (("successes", successes), ("n", n)))
    arguments.same_length(successes=x, n=size)
    for name, counts in (("successes", x), ("n", size)):
        if (counts != np.round(counts)).any():
            raise MethodError("not all are whole numbers", name, "give counts")
    if (size < 1).any() or (x > size).any():
        wrong = int(np.argmax((size < 1) | (x > size)))
        what = f"figure {wrong} has {x[wrong]:g} of {size[wrong]:g}"
        raise MethodError(what, "successes", "give at most n, and an n of at least 1")
    fit = pool(
        *_effects(x, size, scale), method=method, errors=errors, prediction=prediction, labels=labels, level=level
    )
    points = fit.estimate, fit.low, fit.high, fit.prediction_low, fit.prediction_high
    share, low, high, *ahead = (None if point is None else _share(point, scale) for point in points)
    assert share is not None
    assert low is not None
    assert high is not None
    notes = (*fit.assumptions, f"Shares are about normal on the {scale} scale.")
    return PooledShare(share, low, high, level, ahead[0], ahead[1], scale, fit, fit.n, fit.effective_n, notes)


def _effects(x: Array, n: Array, scale: str) -> tuple[Array, Array]:
    """Return shares on a scale, with their variances."""
    if scale == "arcsine":
        return np.arcsin(np.sqrt(x / n)), 1 / (4 * n)
    add = np.where((x == 0) | (x == n), 0.5, 0.0)
    x, rest = x + add, n - x + add
    if scale == "logit":
        return np.log(x / rest), 1 / x + 1 / rest
    share = x / (x + rest)
    return share, share * (1 - share) / (x + rest)


def _share(point: float, scale: str) -> float:
    if scale == "logit":
        return float(special.expit(point))
    if scale == "arcsine":
        return float(np.sin(np.clip(point, 0, np.pi / 2)) ** 2)
    return float(np.clip(point, 0, 1))
