"""Goods under a ban against goods without one.

With a handful of goods there is no usable standard error, so inference permutes which goods are banned. Zeros are
what a ban is meant to bring, so none of the measures needs the logarithm of one: changes are compared in levels, as
shares of what was before, or as a ratio of ratios of totals. The last is what Poisson regression with effects of
goods and periods estimates from two periods (Santos Silva and Tenreyro 2006; Chen and Roth 2024 on why log(x + 1)
is no answer). Logarithms are offered where nothing is zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from musan.errors import MethodError
from musan.methods import arguments, labelled
from musan.methods.facts import facts
from musan.methods.permutation import accepted, selections, share_as_extreme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.methods.labelled import Array

Measure = Literal["ratio", "proportion", "log", "level"]
Tail = Literal["fall", "rise", "two-sided"]
TAILS = {"fall": "lower", "rise": "upper", "two-sided": "two-sided"}

WORDS = {
    "ratio": "banned total after over before, over the same ratio of the others; large goods weigh most",
    "proportion": "mean over goods of the change as a share of what was before; every good weighs the same",
    "log": "mean over goods of the change in logarithm; every good weighs the same",
    "level": "mean over goods of the change in amount; large goods weigh most",
}


@dataclass(frozen=True, eq=False)
class BannedAgainstUnbanned:
    """How much more the banned goods changed than the others.

    Attributes
    ----------
    estimate : float
        The difference in the measure's own unit: a ratio (1 is no effect), a share (-1 is a complete fall more
        than the others'), a logarithm or an amount.
    effect_pct : float or None
        The estimate in percent: of what the ban's goods would have been had they changed like the others (``ratio``,
        ``log``), or in points of what was before (``proportion``). None for ``level``.
    low, high : float or None
        Interval by inverting the two-sided permutation test, assuming one effect for all banned goods; infinite
        where nothing is rejected. None for ``ratio``, whose test has no such inverse.
    p_value, smallest_p : float
        Share of the ways to choose the banned goods that look as extreme, and the least that is possible.
    tail : str
    least, most : float
        The estimate when one good at a time is left out, smallest and largest.
    level : float
    frame : DataFrame
        One row a good: ``good``, ``banned``, ``before``, ``after`` (means a period), ``change``, ``proportion``,
        ``estimate_without``.
    measure : str
    n, banned : int
        Goods, and banned ones.
    permutations : int
    exact : bool
        Whether all ways were counted.
    assumptions : tuple of str
    """

    estimate: float
    effect_pct: float | None
    low: float | None
    high: float | None
    p_value: float
    smallest_p: float
    tail: str
    least: float
    most: float
    level: float
    frame: pd.DataFrame
    measure: str
    n: int
    banned: int
    permutations: int
    exact: bool
    assumptions: tuple[str, ...]

    @property
    def untestable(self) -> bool:
        """Return whether so few goods can't reject anything at this level."""
        return self.smallest_p > 1 - self.level

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("measure", f"{self.measure}: {WORDS[self.measure]}"),
            ("goods, banned and others", f"{self.banned} and {self.n - self.banned}"),
            ("estimate", self.estimate),
            ("effect in percent", self.effect_pct),
            (f"{100 * self.level:g} % interval, low", self.low),
            (f"{100 * self.level:g} % interval, high", self.high),
            ("leaving out one good, smallest", self.least),
            ("leaving out one good, largest", self.most),
            (f"p-value ({self.tail})", self.p_value),
            ("smallest p-value that so few goods allow", self.smallest_p),
            ("testable at this level", "no: too few goods" if self.untestable else "yes"),
        )


def banned_against_unbanned(
    values: pd.DataFrame,
    *,
    banned: Sequence[Any],
    last_before: Any,
    measure: Measure = "ratio",
    tail: Tail = "two-sided",
    level: float = 0.95,
    permutations: int = 10_000,
    seed: int,
) -> BannedAgainstUnbanned:
    """Return how much more banned goods changed than others, with permutation inference over goods.

    Parameters
    ----------
    values : DataFrame, periods by goods
        Not negative; zeros are kept as they are. Periods up to ``last_before`` are averaged, and so are those after.
    banned : sequence of labels
        Goods under the ban; all other columns are compared with.
    last_before : label
        Last period before the ban.
    measure : str
        ``ratio``, ``proportion``, ``log`` or ``level``.
    tail : str
        ``fall``, ``rise`` or ``two-sided``: the alternative of the p-value.
    level : float
        Of the interval.
    permutations : int
        Where there are no more ways to choose the banned goods, all are counted.
    seed : int

    Returns
    -------
    BannedAgainstUnbanned

    Raises
    ------
    MethodError
        Missing or negative figures, unsorted periods, unknown goods, nobody to compare with, or a zero that the
        measure can't take.
    """
    arguments.choice("measure", measure, get_args(Measure))
    arguments.choice("tail", tail, TAILS)
    arguments.level(level)
    arguments.whole("permutations", permutations, 100)
    before, after, mask = _two_periods(values, banned, last_before, measure)
    masks, exact = selections(mask, permutations, np.random.default_rng(seed))
    estimates = _estimates(before, after, masks, measure)
    # A ratio of zero is as far out as an infinite one.
    with np.errstate(divide="ignore"):
        centred = np.log(estimates) if measure == "ratio" else estimates
    without = np.array([_without(before, after, mask, good, measure) for good in range(len(mask))])
    low, high = (None, None) if measure == "ratio" else _interval(before, after, masks, measure, level)
    estimate = float(estimates[0])
    ends = without[np.isfinite(without)]
    return BannedAgainstUnbanned(
        estimate=estimate,
        effect_pct=_percent(estimate, measure),
        low=low,
        high=high,
        p_value=share_as_extreme(centred, TAILS[tail]),
        smallest_p=1 / len(masks),
        tail=tail,
        least=float(min(ends, default=np.nan)),
        most=float(max(ends, default=np.nan)),
        level=level,
        frame=_goods(values.columns, before, after, mask, without),
        measure=measure,
        n=len(mask),
        banned=int(mask.sum()),
        permutations=len(masks),
        exact=exact,
        assumptions=(
            "without the ban the banned goods would have changed like the others",
            "the ban did not touch the others: no substitution towards them, no shared port or payment closed",
            "under no effect any choice of banned goods was as likely as the true one",
        ),
    )


def _two_periods(values: pd.DataFrame, banned: Sequence[Any], last_before: Any, measure: str) -> tuple[Array, ...]:
    """Return means before and after for each good, and which are banned; refuse zeros that can't be taken."""
    figures = labelled.matrix("values", values)
    labelled.periods("values", values.index)
    if (figures < 0).any():
        good = values.columns[int(np.argwhere(figures < 0)[0][1])]
        raise MethodError(f"{good} has a negative figure", "values", "correct it: trade is not negative")
    names = labelled.known("banned", banned, values.columns)
    mask = values.columns.isin(names)
    if mask.all():
        raise MethodError("all goods are banned", "banned", "add goods without the ban to compare with")
    n = labelled.last_before(last_before, values.index, before=1)
    before, after = figures[:n].mean(axis=0), figures[n:].mean(axis=0)
    empty = before == 0 if measure in ("ratio", "proportion") else np.zeros(len(mask), dtype=bool)
    if measure == "log":
        empty = (before == 0) | (after == 0)
    if empty.any():
        good = values.columns[int(np.argmax(empty))]
        remedy = "use measure='ratio' or 'level'" if measure == "log" else "leave it out, or use measure='level'"
        raise MethodError(f"{good} is zero {'before' if before[empty][0] == 0 else 'after'}", "values", remedy)
    if measure == "ratio" and after[~mask].sum() == 0:
        raise MethodError("the others are all zero after", "values", "use measure='proportion' or 'level'")
    return before, after, mask


def _change(before: Array, after: Array, measure: str) -> Array:
    if measure == "level":
        return after - before
    return np.log(after / before) if measure == "log" else after / before - 1


def _estimates(before: Array, after: Array, masks: Array, measure: str) -> Array:
    """Return the estimate for each way to choose the banned goods."""
    if measure == "ratio":
        with np.errstate(divide="ignore", invalid="ignore"):
            ours = (masks @ after) / (masks @ before)
            theirs = (~masks @ after) / (~masks @ before)
            ratio: Array = ours / theirs
        return ratio
    change = _change(before, after, measure)
    means: Array = masks @ change / masks.sum(axis=1) - ~masks @ change / (~masks).sum(axis=1)
    return means


def _interval(before: Array, after: Array, masks: Array, measure: str, level: float) -> tuple[float, float]:
    change = _change(before, after, measure)
    centred = masks - masks.mean(axis=1, keepdims=True)
    return accepted(centred @ change, centred @ centred[0], level)


def _without(before: Array, after: Array, mask: Array, good: int, measure: str) -> float:
    """Return the estimate without one good; missing if it was the last of its kind."""
    keep = np.arange(len(mask)) != good
    if not mask[keep].any() or mask[keep].all():
        return np.nan
    return float(_estimates(before[keep], after[keep], mask[keep][None, :], measure)[0])


def _percent(estimate: float, measure: str) -> float | None:
    if measure == "level":
        return None
    return 100 * {"ratio": estimate - 1, "log": float(np.expm1(estimate)), "proportion": estimate}[measure]


def _goods(names: pd.Index, before: Array, after: Array, mask: Array, without: Array) -> pd.DataFrame:
    proportion = np.divide(after - before, before, out=np.full(len(mask), np.nan), where=before > 0)
    return pd.DataFrame(
        {
            "good": names,
            "banned": mask,
            "before": before,
            "after": after,
            "change": after - before,
            "proportion": proportion,
            "estimate_without": without,
        }
    )
