"""Synthetic difference-in-differences: a weighted mix of units and of periods in place of plain averages.

Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), American Economic Review 111. Weights are exact (see
:mod:`musan.methods.synthetic_control`); the authors' own program stops short of the optimum, so its estimates
differ in the third or fourth digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from musan.errors import MethodError
from musan.methods import arguments, labelled
from musan.methods.facts import facts
from musan.methods.synthetic_control import panel, simplex_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.methods.labelled import Array

Estimator = Literal["synthetic difference", "synthetic control", "difference"]
Variance = Literal["placebo", "jackknife", "none"]


@dataclass(frozen=True, eq=False)
class SyntheticDifference:
    """The mean effect on treated units after a measure; amounts in the unit of the outcomes.

    Attributes
    ----------
    estimate : float
    standard_error, low, high : float or None
        Normal interval; None without a variance.
    p_value : float or None
    level : float
    frame : DataFrame
        One row a period: ``period``, ``role``, ``treated`` (mean), ``synthetic`` (weighted mean of the others),
        ``time_weight`` (before the measure), ``effect`` (after it: the difference less its weighted mean before).
    unit_weights, time_weights : DataFrame
        ``unit`` or ``period``, and ``weight``.
    zeta_unit, zeta_time : float
        Regularisation, as the paper sets it.
    n, n_treated : int
        Units without and with the measure.
    n_before, n_after : int
        Periods.
    effective_units, effective_periods : float
        Inverse of the sums of squared weights.
    replications : int
        Estimates behind the standard error.
    estimator, variance : str
    assumptions : tuple of str
    """

    estimate: float
    standard_error: float | None
    low: float | None
    high: float | None
    p_value: float | None
    level: float
    frame: pd.DataFrame
    unit_weights: pd.DataFrame
    time_weights: pd.DataFrame
    zeta_unit: float
    zeta_time: float
    n: int
    n_treated: int
    n_before: int
    n_after: int
    effective_units: float
    effective_periods: float
    replications: int
    estimator: str
    variance: str
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("estimator", self.estimator),
            ("effect a period on the treated", self.estimate),
            (f"standard error ({self.variance})", self.standard_error),
            (f"{100 * self.level:g} % interval, low", self.low),
            (f"{100 * self.level:g} % interval, high", self.high),
            ("units without and with the measure", f"{self.n} and {self.n_treated}"),
            ("effective number of units", f"{self.effective_units:.1f} of {self.n}"),
            ("effective number of periods before", f"{self.effective_periods:.1f} of {self.n_before}"),
        )


def synthetic_difference(
    outcomes: pd.DataFrame,
    *,
    treated: Sequence[str],
    last_before: Any,
    estimator: Estimator = "synthetic difference",
    variance: Variance = "placebo",
    replications: int = 200,
    level: float = 0.95,
    seed: int,
) -> SyntheticDifference:
    """Return the mean effect on treated units by synthetic difference-in-differences, or its two parents.

    Unit weights make the others run parallel to the treated before the measure, time weights make the periods
    before like those after; both weighted differences are then taken.

    Parameters
    ----------
    outcomes : DataFrame, periods by units
    treated : sequence of str
        Units that the measure touched, all from the same period on.
    last_before : label
        Last period before the measure.
    estimator : str
        ``synthetic difference``; ``synthetic control`` (unit weights without intercept, no time weights); or
        ``difference`` (equal weights).
    variance : str
        ``placebo`` (algorithm 4 of the paper: the estimate for units without the measure; assumes that their
        variance is that of the treated), ``jackknife`` (algorithm 3: two or more treated units) or ``none``.
    replications : int
        Placebo estimates. Where there are no more ways to choose the placebo units, all are taken.
    level : float
        Of the interval.
    seed : int

    Returns
    -------
    SyntheticDifference

    Raises
    ------
    MethodError
        Missing figures, unsorted periods, unknown names, too few units or periods, or weights that did not
        converge.
    """
    arguments.choice("estimator", estimator, get_args(Estimator))
    arguments.choice("variance", variance, get_args(Variance))
    arguments.level(level)
    arguments.whole("replications", replications, 20)
    figures, n = panel(outcomes, last_before)
    names = labelled.known("treated", treated, outcomes.columns)
    at = outcomes.columns.isin(names)
    others = outcomes.columns[~at]
    spare = len(names) if variance == "placebo" else 0
    if len(others) - spare < 2:
        what = f"{len(others)} units without the measure are too few for {len(names)} with it"
        raise MethodError(what, "treated", "add units without the measure, or use variance='none'")
    if variance == "jackknife" and len(names) < 2:
        raise MethodError("a jackknife needs two treated units", "variance", "use 'placebo'")
    block = _Block.of(figures[:, ~at], figures[:, at], n, estimator)
    unit, time = block.weights()
    estimate = block.estimate(unit, time)
    spread: Array = np.ones(0)
    if variance == "placebo":
        spread = block.placebos(replications, np.random.default_rng(seed))
    elif variance == "jackknife":
        spread = block.jackknife(unit, time)
    error = None if variance == "none" else float(spread.std()) * _inflation(variance, len(spread))
    return _difference(outcomes, block, unit, time, estimate, error, len(spread), level, others, variance)


def _inflation(variance: str, count: int) -> float:
    return float(np.sqrt(count - 1)) if variance == "jackknife" else 1.0


@dataclass(frozen=True, eq=False)
class _Block:
    """Units without and with a measure that all begins at one time."""

    others: Array  # (periods, units)
    treated: Array
    n: int
    estimator: Estimator
    zeta_unit: float
    zeta_time: float

    @classmethod
    def of(cls, others: Array, treated: Array, n: int, estimator: Estimator) -> _Block:
        """Set the regularisation as the paper does: by the noise of first differences before the measure."""
        noise = float(np.diff(others[:n], axis=0).std(ddof=1)) if n > 1 else 0.0
        cells = treated.shape[1] * (len(treated) - n)
        small = 1e-6 * noise
        return cls(
            others, treated, n, estimator, small if estimator == "synthetic control" else cells**0.25 * noise, small
        )  # fmt: skip

    def weights(self) -> tuple[Array, Array]:
        """Return unit weights and time weights."""
        count, n = self.others.shape[1], self.n
        if self.estimator == "difference":
            return np.full(count, 1 / count), np.full(n, 1 / n)
        before, target = self.others[:n], self.treated[:n].mean(axis=1)
        if self.estimator == "synthetic control":
            return simplex_weights(before, target, ridge=n * self.zeta_unit**2).weights, np.zeros(n)
        # Columns without their means: the intercept of the paper.
        unit = simplex_weights(before - before.mean(axis=0), target - target.mean(), ridge=n * self.zeta_unit**2)
        periods, then = before.T, self.others[n:].mean(axis=0)
        ridge = count * self.zeta_time**2
        time = simplex_weights(periods - periods.mean(axis=0), then - then.mean(), ridge=ridge)
        return unit.weights, time.weights

    def curve(self, unit: Array) -> Array:
        """Return the difference between the treated and the weighted others in each period."""
        curve: Array = self.treated.mean(axis=1) - self.others @ unit
        return curve

    def estimate(self, unit: Array, time: Array) -> float:
        """Return the mean difference after less the weighted one before."""
        curve = self.curve(unit)
        return float(curve[self.n :].mean() - time @ curve[: self.n])

    def placebos(self, most: int, generator: np.random.Generator) -> Array:
        """Return estimates with as many units without the measure in the place of the treated."""
        count, size = self.others.shape[1], self.treated.shape[1]
        if comb(count, size) <= most:
            groups = [list(group) for group in combinations(range(count), size)]
        else:
            groups = [list(generator.choice(count, size, replace=False)) for _ in range(most)]
        estimates = []
        for group in groups:
            rest = np.setdiff1d(np.arange(count), group)
            placebo = _Block(
                self.others[:, rest],
                self.others[:, group],
                self.n,
                self.estimator,
                self.zeta_unit,
                self.zeta_time,
            )
            estimates.append(placebo.estimate(*placebo.weights()))
        return np.array(estimates)

    def jackknife(self, unit: Array, time: Array) -> Array:
        """Return estimates without each unit in turn, its weight given to the others in proportion."""
        estimates = []
        for out in range(self.others.shape[1]):
            left = np.delete(unit, out)
            if left.sum() <= 0:
                what = "all weight lies on one unit, so it can't be left out"
                raise MethodError(what, "variance", "use variance='placebo'")
            smaller = _Block(np.delete(self.others, out, axis=1), self.treated, self.n, self.estimator, 0, 0)
            estimates.append(smaller.estimate(left / left.sum(), time))
        for out in range(self.treated.shape[1]):
            smaller = _Block(self.others, np.delete(self.treated, out, axis=1), self.n, self.estimator, 0, 0)
            estimates.append(smaller.estimate(unit, time))
        return np.array(estimates)


def _difference(
    outcomes: pd.DataFrame,
    block: _Block,
    unit: Array,
    time: Array,
    estimate: float,
    error: float | None,
    replications: int,
    level: float,
    others: pd.Index,
    variance: str,
) -> SyntheticDifference:
    reach = None if error is None else float(stats.norm.ppf((1 + level) / 2)) * error
    n, periods = block.n, len(block.treated)
    curve = block.curve(unit)
    frame = pd.DataFrame(
        {
            "period": outcomes.index,
            "role": np.where(np.arange(periods) < n, "before", "after"),
            "treated": block.treated.mean(axis=1),
            "synthetic": block.others @ unit,
            "time_weight": np.concatenate([time, np.full(periods - n, np.nan)]),
            "effect": np.concatenate([np.full(n, np.nan), curve[n:] - time @ curve[:n]]),
        }
    )
    weights = pd.DataFrame({"unit": others, "weight": unit})
    return SyntheticDifference(
        estimate=estimate,
        standard_error=error,
        low=None if reach is None else estimate - reach,
        high=None if reach is None else estimate + reach,
        p_value=float(2 * stats.norm.sf(abs(estimate) / error)) if error else None,
        level=level,
        frame=frame,
        unit_weights=weights.sort_values("weight", ascending=False, kind="stable", ignore_index=True),
        time_weights=pd.DataFrame({"period": outcomes.index[:n], "weight": time}),
        zeta_unit=0.0 if block.estimator == "difference" else block.zeta_unit,
        zeta_time=block.zeta_time if block.estimator == "synthetic difference" else 0.0,
        n=len(unit),
        n_treated=block.treated.shape[1],
        n_before=n,
        n_after=periods - n,
        effective_units=float(1 / (unit**2).sum()),
        effective_periods=float(1 / (time**2).sum()) if time.any() else 0.0,
        replications=replications,
        estimator=block.estimator,
        variance=variance,
        assumptions=(
            "without the measure the treated would have run parallel to the weighted mix of others",
            "the measure did not touch the others",
            *(["the treated vary as much as the others: the standard error is theirs"] * (variance == "placebo")),
        ),
    )
