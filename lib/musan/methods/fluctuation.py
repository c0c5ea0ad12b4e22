"""Does a regression drift? Cumulative and moving sums of residuals.

OLS-CUSUM (Ploberger and Krämer 1992, Econometrica 60), recursive CUSUM (Brown, Durbin and Evans 1975, Journal of the
Royal Statistical Society B 37) and OLS-MOSUM (Chu, Hornik and Kuan 1995, Biometrika 82), in the definitions of the R
package strucchange (Zeileis et al. 2002, Journal of Statistical Software 7(2)). No particular kind of change is
looked for, so where there is a break a test for breaks has more power. On sizes of the bootstrap see
:mod:`musan.methods.breaks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize

from musan.errors import MethodError
from musan.methods import autoregression
from musan.methods.arguments import choice, number
from musan.methods.facts import facts
from musan.methods.limit_distributions import bridge_p, mosum_critical, mosum_p, motion_p
from musan.methods.long_run_variance import Hac, long_run_variance
from musan.methods.multiple_breaks import MINIMUM, Covariance, chosen_covariance
from musan.methods.observations import NOTHING, Observations, Values, known, observe
from musan.methods.partitions import fit_regimes

if TYPE_CHECKING:
    from collections.abc import Callable

    from musan.methods.autoregression import Bootstrap, Innovations, Order

Array = npt.NDArray[np.float64]
Residuals = Literal["ols", "recursive"]
RECURSIVE = "recursive CUSUM"
SPAN = 1e-6  # relative distance from what earlier regressors span, under which a row of them adds nothing new


@dataclass(frozen=True, eq=False)
class Fluctuation:
    """A cumulative or moving sum of residuals.

    Attributes
    ----------
    statistic : float
        Largest distance of the process from zero (recursive CUSUM: over 1 + 2 t).
    p_bootstrap, p_asymptotic : float
    date : label
        Where that largest distance is; not an estimate of a break.
    frame : DataFrame
        ``date``, ``position`` (observations summed, or middle of the window), ``process``, ``boundary`` (of 5 %,
        asymptotic).
    n : int
    effective_n : float
        Observations without memory that would pin down a mean as well.
    assumptions : tuple of str
    """

    kind: str
    statistic: float
    p_bootstrap: float
    p_asymptotic: float
    date: Any
    frame: pd.DataFrame
    n: int
    effective_n: float
    assumptions: tuple[str, ...]

    @property
    def p_value(self) -> float:
        """Return the recommended p-value."""
        return self.p_asymptotic if np.isnan(self.p_bootstrap) else self.p_bootstrap

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("test", self.kind),
            ("statistic", self.statistic),
            ("furthest from zero at", self.date),
            ("p, bootstrap", known(self.p_bootstrap)),
            ("p, asymptotic", self.p_asymptotic),
            ("observations", self.n),
            ("effective number of observations", round(self.effective_n, 1)),
        )


def cusum(
    y: Values,
    regressors: Values | None = None,
    *,
    constant: bool = True,
    residuals: Residuals = "ols",
    covariance: Covariance = "classical",
    replications: int = 999,
    order: Order = "bic",
    innovations: Innovations = "wild",
    seed: int = 0,
) -> Fluctuation:
    """Test a regression's stability by the cumulative sum of its residuals.

    Parameters
    ----------
    y : array-like or Series, shape (n,)
        The series; a Series brings its dates (periods or numbers).
    regressors : array-like or DataFrame, shape (n, k), optional
        Without any, the mean is tested.
    constant : bool
        Put a constant among the regressors.
    residuals : {"ols", "recursive"}
        Recursive residuals are one-step forecast errors. Observations that can't be forecast have none: those that
        are the first to identify one of the k coefficients, as a rule the first k of the sample.
    covariance : "classical", "hac" or Hac
        Of the errors' standard deviation; HAC takes the long-run one.
    replications, order, innovations, seed
        Of the bootstrap under no change, as in :func:`musan.methods.breaks.chow`.

    Returns
    -------
    Fluctuation

    Raises
    ------
    MethodError
        Bad data (see :func:`musan.methods.observations.observe`) or fewer than 16 observations.
    """
    choice("residuals", residuals, get_args(Residuals))
    bootstrap = autoregression.Bootstrap(replications, order, innovations, seed)
    data = _observed(y, regressors, constant)
    hac = chosen_covariance(covariance)
    k = data.changing.shape[1]
    if residuals == "ols":
        maker = _least_squares(data)
        positions, divisor, lost = np.arange(1, data.n + 1), np.ones(data.n), k
        p_of: Callable[[float], float] = bridge_p
    else:
        maker, positions = _recursive(data)
        divisor, lost = 1 + 2 * np.arange(1, len(positions) + 1) / len(positions), 0
        p_of = motion_p

    def process(draws: Array) -> Array:
        errors = draws @ maker.T
        return np.asarray(np.cumsum(errors, axis=1) / (_deviation(errors, lost, hac) * np.sqrt(errors.shape[1])))

    critical = float(optimize.brentq(lambda x: p_of(x) - 0.05, 0.5, 3))
    kind = "OLS-CUSUM" if residuals == "ols" else RECURSIVE
    return _tested(kind, data, process, positions, divisor, critical, p_of, hac, bootstrap)


def mosum(
    y: Values,
    regressors: Values | None = None,
    *,
    constant: bool = True,
    window: float = 0.15,
    covariance: Covariance = "classical",
    replications: int = 999,
    order: Order = "bic",
    innovations: Innovations = "wild",
    seed: int = 0,
) -> Fluctuation:
    """Test a regression's stability by moving sums of its least-squares residuals.

    Parameters
    ----------
    y, regressors, constant, covariance, replications, order, innovations, seed
        As in :func:`cusum`.
    window : float
        Length of the moving window as a share of the sample, above 0 and under 1. Asymptotic p-values are
        tabulated for 0.05 to 0.50, and from 0.01 to 0.10; beyond, the nearest is given.

    Returns
    -------
    Fluctuation

    Raises
    ------
    MethodError
        Bad data (see :func:`musan.methods.observations.observe`), fewer than 16 observations, or a window
        of less than two of them.
    """
    bootstrap = autoregression.Bootstrap(replications, order, innovations, seed)
    data = _observed(y, regressors, constant)
    hac = chosen_covariance(covariance)
    width = int(np.floor(data.n * window)) if 0 < number("window", window) < 1 else 0
    if width < 2:
        raise MethodError(f"it is {window}", "window", f"give a share from {2 / data.n:.2f} to under 1, such as 0.15")
    maker = _least_squares(data)
    positions = np.arange(width, data.n + 1) - width // 2

    def process(draws: Array) -> Array:
        errors = draws @ maker.T
        sums = np.cumsum(np.pad(errors, ((0, 0), (1, 0))), axis=1)
        scale = _deviation(errors, data.changing.shape[1], hac) * np.sqrt(data.n)
        return np.asarray((sums[:, width:] - sums[:, :-width]) / scale)

    critical = mosum_critical(window, 0.05)
    divisor = np.ones(len(positions))

    def p_of(value: float) -> float:
        return mosum_p(value, window)

    return _tested("OLS-MOSUM", data, process, positions, divisor, critical, p_of, hac, bootstrap)


def _observed(y: Values, regressors: Values | None, constant: bool) -> Observations:
    return observe(y, regressors, constant=constant, minimum=MINIMUM, purpose="a test at an unknown date")


def _tested(
    kind: str,
    data: Observations,
    process: Callable[[Array], Array],
    positions: npt.NDArray[np.int64],
    divisor: Array,
    critical: float,
    p_of: Callable[[float], float],
    hac: Hac | None,
    bootstrap: Bootstrap,
) -> Fluctuation:
    null = _least_squares(data)
    # The early recursive residuals, with few figures behind them, feel all of the bias of short series.
    mild = kind != RECURSIVE
    errors = bootstrap.fit(null @ data.y, _with_a_break(data), data.changing, as_demeaned=mild)

    def largest(draws: Array) -> Array:
        return np.asarray((np.abs(process(draws)) / divisor).max(axis=1))

    path = process(data.y[None])[0]
    distances = np.abs(path) / divisor
    table = hac.words() if hac else "asymptotic p-value: errors without serial correlation and of one size"
    return Fluctuation(
        kind=kind,
        statistic=float(distances.max()),
        p_bootstrap=float(bootstrap.p_values(distances.max(), errors, largest)),
        p_asymptotic=p_of(float(distances.max())),
        date=data.date(int(positions[distances.argmax()])),
        frame=pd.DataFrame(
            {
                "date": data.index[positions - 1],
                "position": positions,
                "process": path,
                "boundary": critical * divisor,
            }
        ),
        n=data.n,
        effective_n=errors.effective_n,
        assumptions=(data.assumption(), table, *bootstrap.words(errors, "no change")),
    )


def _deviation(errors: Array, lost: int, hac: Hac | None) -> Array:
    """Return the errors' standard deviation or the long-run one, given the coefficients lost, shape (samples, 1)."""
    n = errors.shape[1]
    if hac is None:
        # Recursive residuals, which lose nothing, have the divisor of a sample.
        centred = errors - errors.mean(axis=1, keepdims=True)
        variance = (centred**2).sum(axis=1) / (n - max(lost, 1))
    else:
        variance = long_run_variance(errors, hac) * n / (n - lost)
    return np.asarray(np.sqrt(variance)[:, None])


def _least_squares(data: Observations) -> Array:
    basis = np.linalg.qr(data.changing)[0]
    return np.asarray(np.eye(data.n) - basis @ basis.T)


def _with_a_break(data: Observations) -> Array:
    """Return residuals with the best single break, not within 15 % of the ends."""
    shortest = min(max(int(0.15 * data.n), data.changing.shape[1] + 1), data.n // 2)
    tried = [fit_regimes(data, (position,))[1] for position in range(shortest, data.n - shortest + 1)]
    return min(tried, key=lambda errors: float(errors @ errors))


def _recursive(data: Observations) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the matrix, shape (n - k, n), that makes recursive residuals of a series, and their positions."""
    basis = np.linalg.qr(data.changing)[0]
    rows, positions = [], []
    for t in range(data.n):
        forecast = basis[t] @ np.linalg.pinv(basis[:t], rcond=NOTHING)
        unknown = basis[t] - forecast @ basis[:t]
        if np.linalg.norm(unknown) > SPAN * np.linalg.norm(basis[t]):
            continue  # no earlier observation has to do with one of its coefficients
        row = np.concatenate([-forecast, [1.0], np.zeros(data.n - t - 1)])
        rows.append(row / np.linalg.norm(row))
        positions.append(t + 1)
    return np.array(rows), np.array(positions)
