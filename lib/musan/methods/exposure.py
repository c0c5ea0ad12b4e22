"""Shift-share exposure: whether places were hit hardest whose goods were hit hardest.

A place's exposure is the sum over goods of its share of each good times what happened to the good. Places with
alike shares have alike errors, so the usual standard errors are too small, often by far. Adao, Kolesar and Morales
(2019, Quarterly Journal of Economics 134) sum over goods instead of places; what counts is how many goods carry the
shares (Borusyak, Hull and Jaravel 2022, Review of Economic Studies 89). With few of them nothing of this holds, and
the result says ``untestable``.

Ranks of places are in :mod:`musan.methods.ranks`, graded reports from few places in
:mod:`musan.methods.gradient`; both can be reached from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from musan.errors import MethodError
from musan.methods import arguments, labelled
from musan.methods.facts import facts
from musan.methods.gradient import SeverityGradient, detectable_slope, severity_gradient
from musan.methods.permutation import accepted, arrangements, share_as_extreme
from musan.methods.places import Places, by_place, shares_and_shocks
from musan.methods.ranks import RankIntervals, rank_intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.methods.labelled import Array

__all__ = [
    "ExposureIndex",
    "PermutedShocks",
    "RankIntervals",
    "RotembergWeights",
    "SeverityGradient",
    "ShiftShare",
    "detectable_slope",
    "exposure_index",
    "permute_shocks",
    "rank_intervals",
    "rotemberg_weights",
    "severity_gradient",
    "shift_share",
]

LEAST_SHOCKS = 20.0  # effective number below which the normal approximation is not to be trusted
INTERVAL, RAYS, LINE = "interval", "two rays", "whole line"
ASSUMPTIONS = (
    "shocks to goods are as good as random given the covariates, and not related to one another",
    "no good dominates: the effective number of shocks is large",
    "an effect of one unit of exposure is the same everywhere, or an average is wanted",
)


@dataclass(frozen=True, eq=False)
class ExposureIndex:
    """Exposure of places, and how many shocks there are to learn from.

    Attributes
    ----------
    frame : DataFrame
        One row a place: ``place``, ``exposure`` (in the unit of the shocks), ``share_sum``.
    goods : DataFrame
        One row a good: ``good``, ``shock``, ``mean_share`` (over places, normalised to sum to one).
    effective_shocks : float
        Inverse Herfindahl index of the mean shares.
    largest_share : float
    complete : bool
        Whether every place's shares sum to one.
    n, shocks : int
        Places and goods.
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    goods: pd.DataFrame
    effective_shocks: float
    largest_share: float
    complete: bool
    n: int
    shocks: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        top = self.goods.sort_values("mean_share", ascending=False).iloc[0]
        return facts(
            ("places", self.n),
            ("goods", self.shocks),
            ("effective number of shocks", self.effective_shocks),
            ("largest mean share", f"{top['good']}, {100 * self.largest_share:.0f} %"),
            ("shares sum to one everywhere", "yes" if self.complete else "no"),
            ("lowest and highest exposure", f"{self.frame['exposure'].min():.4g}, {self.frame['exposure'].max():.4g}"),
        )


@dataclass(frozen=True, eq=False)
class ShiftShare:
    """The slope of an outcome on exposure, with intervals by several methods.

    Attributes
    ----------
    slope : float
        Outcome per unit of exposure.
    frame : DataFrame
        One row a method (``equal variance``, ``robust``, ``akm``, ``akm0``): ``standard_error``, ``low``, ``high``,
        ``p_value`` (of a slope of ``null``), ``shape``. The shape is ``interval``; ``two rays`` (all slopes up to
        ``low`` and from ``high`` on, so low < high enclose what is rejected); or ``whole line``. The standard error
        of akm0 is the length of its interval over that of a normal one, infinite if it is none.
    effective_shocks : float
    least_shocks : float
        Effective number of shocks below which the result is called untestable.
    level, null : float
    n, shocks : int
    assumptions : tuple of str
    """

    slope: float
    frame: pd.DataFrame
    effective_shocks: float
    least_shocks: float
    level: float
    null: float
    n: int
    shocks: int
    assumptions: tuple[str, ...]

    @property
    def untestable(self) -> bool:
        """Return whether there are too few shocks for any of these intervals."""
        return self.effective_shocks < self.least_shocks

    def row(self, method: str) -> pd.Series:
        """Return the row of one method."""
        arguments.choice("method", method, self.frame["method"])
        return self.frame[self.frame["method"] == method].iloc[0]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        rows = [(f"{100 * self.level:g} % interval, {r.method}", _words(r)) for r in self.frame.itertuples()]
        effective = f"{self.effective_shocks:.1f} of {self.shocks}"
        verdict = f"no: fewer than {self.least_shocks:g} effective shocks" if self.untestable else "yes"
        return facts(
            ("slope", self.slope),
            *rows,
            ("places", self.n),
            ("effective number of shocks", effective),
            ("testable", verdict),
        )


@dataclass(frozen=True, eq=False)
class RotembergWeights:
    """What each good contributes to the slope.

    Attributes
    ----------
    frame : DataFrame
        One row a good, the largest weight in absolute value first: ``good``, ``shock``, ``weight`` (they sum to one),
        ``slope`` (with that good's shares alone as the instrument; missing if they say nothing), ``contribution``
        (their product; they sum to the overall slope).
    slope : float
    negative : float
        Sum of the negative weights, in absolute value.
    top_five : float
        Share of the five largest in the sum of absolute weights.
    n, shocks : int
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    slope: float
    negative: float
    top_five: float
    n: int
    shocks: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        top = ", ".join(f"{row.good} {row.weight:.2f}" for row in self.frame.head(5).itertuples())
        return facts(
            ("slope", self.slope),
            ("largest weights", top),
            ("share of the five largest", self.top_five),
            ("sum of negative weights", self.negative),
        )


@dataclass(frozen=True, eq=False)
class PermutedShocks:
    """A test of the slope that permutes shocks among goods.

    ``low`` and ``high`` bound the slopes that are not rejected, infinite where none is. ``smallest_p`` is the
    least p-value that so few goods allow; ``exact`` says whether all orders were counted. ``frame`` has one row a
    permutation: ``statistic``, the true order first.
    """

    slope: float
    low: float
    high: float
    p_value: float
    smallest_p: float
    level: float
    exact: bool
    permutations: int
    frame: pd.DataFrame
    n: int
    shocks: int
    assumptions: tuple[str, ...]

    @property
    def untestable(self) -> bool:
        """Return whether so few goods can't reject anything at this level."""
        return self.smallest_p > 1 - self.level

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("slope", self.slope),
            (f"{100 * self.level:g} % interval", f"{self.low:.4g} to {self.high:.4g}"),
            ("p-value", self.p_value),
            ("smallest p-value that so few goods allow", self.smallest_p),
            ("orders of the shocks", f"{self.permutations}{', all there are' if self.exact else ''}"),
            ("testable at this level", "no: too few goods" if self.untestable else "yes"),
        )


def exposure_index(shares: pd.DataFrame, shocks: pd.Series) -> ExposureIndex:
    """Return each place's exposure to shocks and the effective number of shocks.

    Parameters
    ----------
    shares : DataFrame, places by goods
        Not negative; each row sums to at most one.
    shocks : Series, by good
        What happened to each good, such as the share of its trade that was lost.

    Returns
    -------
    ExposureIndex

    Raises
    ------
    MethodError
        Missing figures, negative shares or rows that sum to more than one, or goods that differ.
    """
    weights, hit = shares_and_shocks(shares, shocks)
    sums = weights.sum(axis=1)
    mean = weights.sum(axis=0) / weights.sum()
    frame = pd.DataFrame({"place": shares.index, "exposure": weights @ hit, "share_sum": sums})
    return ExposureIndex(
        frame=frame,
        goods=pd.DataFrame({"good": shares.columns, "shock": hit, "mean_share": mean}),
        effective_shocks=_effective(mean),
        largest_share=float(mean.max()),
        complete=bool(np.allclose(sums, 1)),
        n=len(weights),
        shocks=len(hit),
        assumptions=("what a place does not make is not hit: missing shares have a shock of zero",),
    )


def shift_share(
    outcome: pd.Series,
    shares: pd.DataFrame,
    shocks: pd.Series,
    *,
    covariates: pd.DataFrame | None = None,
    weights: pd.Series | None = None,
    shock_groups: Sequence[object] | None = None,
    control_share_sum: bool = True,
    null: float = 0.0,
    level: float = 0.95,
    least_shocks: float = LEAST_SHOCKS,
) -> ShiftShare:
    """Return the slope of an outcome on shift-share exposure with AKM and AKM0 inference.

    Parameters
    ----------
    outcome : Series, by place
    shares : DataFrame, places by goods
    shocks : Series, by good
        As in :func:`exposure_index`.
    covariates : DataFrame, by place, optional
        A constant is always added.
    weights : Series, by place, optional
        Weights of least squares, positive.
    shock_groups : sequence, one a good, optional
        Goods whose shocks may be related, such as those of one chapter.
    control_share_sum : bool
        Where shares do not sum to one, add their sum to the covariates (Borusyak, Hull and Jaravel 2022); else
        places that make more of the goods are compared with places that make less.
    null : float
        Slope under test in the p-values.
    level : float
        Of the intervals.
    least_shocks : float
        Effective number of shocks below which the result is untestable.

    Returns
    -------
    ShiftShare

    Raises
    ------
    MethodError
        As in :func:`exposure_index`; places that differ; an exposure that the covariates explain wholly; or more
        goods than places, or goods whose shares add up to one another, for which AKM is not defined.
    """
    arguments.level(level)
    data = Places.of(outcome, shares, shocks, covariates, weights, control_share_sum)
    groups = np.arange(len(data.shocks)) if shock_groups is None else pd.factorize(pd.Index(list(shock_groups)))[0]
    if len(groups) != len(data.shocks):
        raise MethodError(f"{len(groups)} for {len(data.shocks)} goods", "shock_groups", "give one a good")
    hit = _residual_shocks(data)
    inside = pd.Series(data.mean_shares).groupby(groups).sum().to_numpy()
    usual = stats.norm.ppf((1 + level) / 2)
    rows = [
        _normal_row("equal variance", data, data.equal_variance_error(), null, usual),
        _normal_row("robust", data, data.robust_error(), null, usual),
        *_akm_rows(data, hit, groups, null, usual),
    ]
    return ShiftShare(
        slope=data.slope,
        frame=pd.DataFrame(rows),
        effective_shocks=_effective(inside),
        least_shocks=least_shocks,
        level=level,
        null=null,
        n=len(data.outcome),
        shocks=len(data.shocks),
        assumptions=ASSUMPTIONS,
    )


def rotemberg_weights(
    outcome: pd.Series,
    shares: pd.DataFrame,
    shocks: pd.Series,
    *,
    treatment: pd.Series | None = None,
    covariates: pd.DataFrame | None = None,
    weights: pd.Series | None = None,
    control_share_sum: bool = True,
) -> RotembergWeights:
    """Return the weight of each good in the slope (Goldsmith-Pinkham, Sorkin and Swift 2020, AER 110).

    Parameters
    ----------
    outcome, shares, shocks, covariates, weights, control_share_sum
        As in :func:`shift_share`.
    treatment : Series, by place, optional
        What the exposure is an instrument for; the exposure itself by default.

    Returns
    -------
    RotembergWeights

    Raises
    ------
    MethodError
        As in :func:`shift_share`, or a treatment that the exposure says nothing about.
    """
    data = Places.of(outcome, shares, shocks, covariates, weights, control_share_sum)
    given = data.exposure if treatment is None else data.residual(by_place("treatment", treatment, shares.index))
    first = (data.shares * data.weights[:, None]).T @ given
    reduced = (data.shares * data.weights[:, None]).T @ data.outcome
    total = float(data.shocks @ first)
    if abs(total) <= 1e-12 * float(np.abs(data.shocks) @ np.abs(first)):
        raise MethodError("the exposure says nothing about it", "treatment", "leave it out, or use another")
    weight = data.shocks * first / total
    slope = np.divide(reduced, first, out=np.full(len(first), np.nan), where=first != 0)
    names = {"good": shares.columns, "shock": data.shocks, "weight": weight, "slope": slope}
    frame = pd.DataFrame({**names, "contribution": data.shocks * reduced / total})
    size = np.sort(np.abs(weight))[::-1]
    return RotembergWeights(
        frame=frame.sort_values("weight", key=abs, ascending=False, kind="stable", ignore_index=True),
        slope=float(data.shocks @ reduced) / total,
        negative=float(np.abs(weight[weight < 0]).sum()),
        top_five=float(size[:5].sum() / size.sum()),
        n=len(data.outcome),
        shocks=len(weight),
        assumptions=("shares are as good as random given the covariates; weights say which of them matter",),
    )


def permute_shocks(
    outcome: pd.Series,
    shares: pd.DataFrame,
    shocks: pd.Series,
    *,
    covariates: pd.DataFrame | None = None,
    weights: pd.Series | None = None,
    control_share_sum: bool = True,
    level: float = 0.95,
    permutations: int = 5040,
    seed: int,
) -> PermutedShocks:
    """Test the slope by permuting shocks among goods (Borusyak and Hull 2023, Econometrica 91).

    The test is exact with any number of goods if any order of the shocks was as likely as the true one. The
    statistic is the partial correlation of outcome and exposure.

    Parameters
    ----------
    outcome, shares, shocks, covariates, weights, control_share_sum
        As in :func:`shift_share`; there may be more goods than places.
    level : float
        Of the interval.
    permutations : int
        All orders are taken if there are no more.
    seed : int

    Returns
    -------
    PermutedShocks

    Raises
    ------
    MethodError
        As in :func:`shift_share`, or shocks that are all the same.
    """
    arguments.level(level)
    arguments.whole("permutations", permutations, 100)
    data = Places.of(outcome, shares, shocks, covariates, weights, control_share_sum)
    labelled.not_constant("shocks", data.shocks)
    orders, exact = arrangements(len(data.shocks), permutations, np.random.default_rng(seed))
    inner = data.residual(data.shares) * np.sqrt(data.weights)[:, None]
    gram, cross = inner.T @ inner, inner.T @ (data.outcome * np.sqrt(data.weights))
    drawn = data.shocks[orders]
    length = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", drawn, gram, drawn), 0))
    # An order that leaves no exposure to vary is uncorrelated with everything.
    length = np.where(length > 1e-9 * length[0], length, np.inf)
    constant, across = drawn @ cross / length, drawn @ (gram @ data.shocks) / length
    low, high = accepted(constant, across, level)
    same = np.abs(constant) >= np.abs(constant[0]) * (1 - 1e-9)
    return PermutedShocks(
        slope=data.slope,
        low=low,
        high=high,
        p_value=share_as_extreme(constant),
        smallest_p=float(np.mean(np.isclose(np.abs(across), abs(across[0]), rtol=1e-9) & same)),
        level=level,
        exact=exact,
        permutations=len(orders),
        frame=pd.DataFrame({"statistic": constant / np.linalg.norm(data.outcome * np.sqrt(data.weights))}),
        n=len(data.outcome),
        shocks=len(data.shocks),
        assumptions=(
            "any order of the shocks among the goods was as likely as the true one",
            "for the interval: one unit of exposure has the same effect everywhere",
        ),
    )


# Sums over goods


def _effective(shares: Array) -> float:
    return float(1 / (shares**2).sum())


def _residual_shocks(data: Places) -> Array:
    """Return shocks less what covariates explain: the regression of residual exposure on shares."""
    root = np.sqrt(data.weights)
    places, goods = data.shares.shape
    if goods > places:
        what = f"{goods} goods and only {places} places"
        raise MethodError(what, "shares", "merge goods, or use permute_shocks")
    found, _, rank, _ = np.linalg.lstsq(data.shares * root[:, None], data.exposure * root, rcond=1e-10)
    if rank < goods:
        raise MethodError("the shares of some goods add up to one another", "shares", "merge or drop those goods")
    return np.asarray(found)


def _normal_row(method: str, data: Places, error: float, null: float, usual: float) -> dict[str, object]:
    p_value = float(2 * stats.norm.sf(abs(data.slope - null) / error)) if error > 0 else 0.0
    ends = {"low": data.slope - usual * error, "high": data.slope + usual * error}
    return {"method": method, "standard_error": error, **ends, "p_value": p_value, "shape": INTERVAL}


def _akm_rows(data: Places, hit: Array, groups: Array, null: float, usual: float) -> list[dict[str, object]]:
    """Return the rows of AKM and AKM0 (Adao, Kolesar and Morales 2019, section IV)."""

    def by_group(figures: Array) -> Array:
        return np.bincount(groups, weights=hit * data.by_good(figures))

    spread = data.spread
    at_slope, along = by_group(data.errors), by_group(data.exposure)
    akm = _normal_row("akm", data, float(np.sqrt((at_slope**2).sum())) / spread, null, usual)
    # AKM0 has the errors under the slope that is tested, so its set of slopes solves a quadratic:
    # lead d^2 - 2 half d - rest <= 0 for d = slope - tested.
    lead = spread**2 / usual**2 - float((along**2).sum())
    half, rest = float(at_slope @ along), float((at_slope**2).sum())
    root = half**2 + lead * rest
    low, high, shape = -np.inf, np.inf, LINE
    if lead > 0 or (lead < 0 and root > 0):
        reach, middle = np.sqrt(root) / abs(lead), data.slope - half / lead
        low, high, shape = middle - reach, middle + reach, INTERVAL if lead > 0 else RAYS
    tested = by_group(data.outcome - null * data.exposure)
    error = float(np.sqrt((tested**2).sum())) / spread
    p_value = float(2 * stats.norm.sf(abs(data.slope - null) / error)) if error > 0 else 0.0
    length = float(high - low) / (2 * usual) if shape == INTERVAL else np.inf
    akm0 = {"method": "akm0", "standard_error": length, "low": float(low), "high": float(high)}
    return [akm, {**akm0, "p_value": p_value, "shape": shape}]


def _words(row: object) -> str:
    low, high, shape = (getattr(row, name) for name in ("low", "high", "shape"))
    if shape == RAYS:
        return f"unbounded: up to {low:.4g}, and from {high:.4g} on"
    return "unbounded: every slope" if shape == LINE else f"{low:.4g} to {high:.4g}"
