"""Limit distributions of break tests and break dates, as published.

Tables in ``published/``: ``hansen_1997.csv`` holds the coefficients of Hansen's approximations (1997, Journal of
Business and Economic Statistics 15) for one to ten coefficients, ``bai_perron_2003.csv`` the critical values of Bai and
Perron (2003, Econometrics Journal 6). All hold for long series with errors that the statistic's covariance allows for.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special, stats

Array = npt.NDArray[np.float64]
Statistic = Literal["sup", "ave", "exp"]
STATISTICS: tuple[Statistic, ...] = ("sup", "ave", "exp")
MOST_COEFFICIENTS = 10
# Chu, Hornik and Kuan (1995), Biometrika 82: the largest moving sum of a Brownian bridge, window 0.05 to 0.50.
MOSUM_WINDOWS = np.arange(1, 11) * 0.05
MOSUM_LEVELS = np.array([0.10, 0.05, 0.025, 0.01])
MOSUM_CRITICAL = np.array(
    [
        [0.7552, 0.8017, 0.8444, 0.8977],
        [0.9809, 1.0483, 1.1119, 1.1888],
        [1.1211, 1.2059, 1.2845, 1.3767],
        [1.2170, 1.3158, 1.4053, 1.5131],
        [1.2811, 1.3920, 1.4917, 1.6118],
        [1.3258, 1.4448, 1.5548, 1.6863],
        [1.3514, 1.4789, 1.5946, 1.7339],
        [1.3628, 1.4956, 1.6152, 1.7572],
        [1.3610, 1.4976, 1.6210, 1.7676],
        [1.3751, 1.5115, 1.6341, 1.7808],
    ]
)


@cache
def _table(name: str) -> pd.DataFrame:
    with (files("musan.methods") / "published" / f"{name}.csv").open() as stream:
        return pd.read_csv(stream)


@cache
def _hansen(statistic: Statistic, coefficients: int) -> tuple[Array, Array, Array]:
    """Return the trimmings from 0.01 to 0.49, and at each the polynomial and the degrees of freedom."""
    table = _table("hansen_1997")
    rows = table[(table["statistic"] == statistic) & (table["coefficients"] == coefficients)].sort_values("trimming")
    polynomial = rows[["a0", "a1", "a2", "a3"]].fillna(0).to_numpy()
    return rows["trimming"].to_numpy(), polynomial, rows["degrees"].to_numpy()


def hansen_p(value: float, statistic: Statistic, coefficients: int, trimming: float) -> float:
    """Return the p-value of a sup, ave or exp statistic by the approximation of Hansen (1997).

    Parameters
    ----------
    value : float
        The statistic, in Wald form: coefficients times F.
    statistic : {"sup", "ave", "exp"}
    coefficients : int
        How many may change.
    trimming : float
        Share of the sample before the first date tried, if as much is left after the last; in general
        1 / (1 + sqrt(lambda)) with Andrews' (1993) lambda.

    Returns
    -------
    float
        NaN for more than ten coefficients.
    """
    if coefficients > MOST_COEFFICIENTS or np.isnan(value):
        return float("nan")
    if trimming >= 0.5:
        return float(special.chdtrc(coefficients, value))
    known, polynomial, degrees = _hansen(statistic, coefficients)
    tails = special.chdtrc(degrees, np.maximum(polynomial @ value ** np.arange(4.0), 0))
    full = np.append(known, 0.5), np.append(tails, special.chdtrc(coefficients, value))
    return float(np.interp(trimming, *full))


def bai_perron_critical(coefficients: int, trimming: float) -> pd.DataFrame | None:
    """Return critical values of Bai and Perron (2003), or None if the case is not in the table.

    Parameters
    ----------
    coefficients : int
        How many may change, one to ten.
    trimming : float
        Shortest regime as a share of the sample: 0.05, 0.10, 0.15, 0.20 or 0.25.

    Returns
    -------
    DataFrame or None
        Indexed by significance (0.10, 0.05, 0.025, 0.01): ``UDmax``, ``WDmax`` (for up to five breaks; three
        at 0.20 and two at 0.25) and ``sup1`` to ``sup9``.
    """
    table = _table("bai_perron_2003")
    rows = table[np.isclose(table["trimming"], trimming) & (table["coefficients"] == coefficients)]
    if rows.empty:
        return None
    return rows.set_index("significance").drop(columns=["trimming", "coefficients"])


def bridge_p(value: float) -> float:
    """Return the probability that a Brownian bridge strays further than ``value`` from zero."""
    if value < 0.1:
        return 1.0
    terms = np.arange(1, 101)
    return float(-2 * ((-1.0) ** terms * np.exp(-2 * terms**2 * value**2)).sum())


def motion_p(value: float) -> float:
    """Return the probability that a Brownian motion crosses ``value`` times 1 + 2 t (Brown, Durbin, Evans 1975)."""
    if value < 0.3:
        # The formula is not a probability there; the straight line is the one that strucchange takes.
        return 1 - 0.1465 * value
    upper = stats.norm.sf(3 * value) + np.exp(-4 * value**2) * (special.ndtr(value) + special.ndtr(5 * value) - 1)
    return float(2 * (upper - np.exp(-16 * value**2) * stats.norm.sf(value)))


def mosum_p(value: float, window: float) -> float:
    """Return the p-value of the largest moving sum, between the printed quantiles by a straight line.

    Below the 10 % quantile the line runs to one at zero; above that of 1 % the answer is 1 %.
    """
    quantiles = [np.interp(window, MOSUM_WINDOWS, column) for column in MOSUM_CRITICAL.T]
    return float(np.interp(value, [0.0, *quantiles], [1.0, *MOSUM_LEVELS]))


def mosum_critical(window: float, significance: float) -> float:
    """Return the critical value of the largest moving sum at 10, 5, 2.5 or 1 %."""
    column = int(np.argmin(np.abs(MOSUM_LEVELS - significance)))
    return float(np.interp(window, MOSUM_WINDOWS, MOSUM_CRITICAL[:, column]))


def argmax_probability(x: float, growth: float, ratio: float) -> float:
    """Return P(V <= x) for the date V at which a two-sided Brownian motion with drift peaks (Bai 1997).

    Parameters
    ----------
    x : float
    growth : float
        Xi of Bai and Perron (1998, proposition 7): the size of the break measured by the regressors after
        it, over that by those before.
    ratio : float
        Variance of the errors' scores after the break over that before.
    """
    phi = growth * ratio
    if x < 0:
        return _left(-x, growth, phi)
    return 1 - _left(x * growth**2 / phi, growth, growth**2 / phi) if x > 0 else _left(0.0, growth, phi)


def _left(x: float, xi: float, phi: float) -> float:
    """Return the left tail of Bai (1997, appendix B); the right is its mirror image in rescaled time."""
    ratio = xi / phi
    slope = np.exp(ratio * (1 + ratio) * x / 2 + special.log_ndtr(-(0.5 + ratio) * np.sqrt(x)))
    weight = (phi + 2 * xi) / (phi + xi)
    tail = ((phi + 2 * xi) * weight / xi - 2 + x / 2) * special.ndtr(-np.sqrt(x) / 2)
    return float(-np.sqrt(x / (2 * np.pi)) * np.exp(-x / 8) - weight / ratio * slope + tail)


def argmax_quantiles(level: float, growth: float, ratio: float) -> tuple[float, float]:
    """Return the two quantiles that hold ``level`` of the distribution of :func:`argmax_probability`.

    Returns
    -------
    tuple of float
        The first at most zero, the second at least: a quantile on the other side of zero counts as zero, so that an
        interval holds the estimated date, and at least ``level``. (There strucchange gives no interval.)
    """
    found = []
    for tail, sign in (((1 - level) / 2, -1.0), ((1 + level) / 2, 1.0)):
        at_zero = argmax_probability(0.0, growth, ratio) - tail
        far = sign * 1000.0
        while np.isfinite(at_zero) and sign * (argmax_probability(far, growth, ratio) - tail) < 0 and abs(far) < 1e9:
            far *= 2
        if not np.isfinite(at_zero) or sign * at_zero > 0:
            found.append(0.0 if np.isfinite(at_zero) else float("nan"))
            continue
        root = optimize.brentq(lambda x, t=tail: argmax_probability(x, growth, ratio) - t, 0.0, far, xtol=1e-10)
        found.append(float(root))
    return found[0], found[1]
