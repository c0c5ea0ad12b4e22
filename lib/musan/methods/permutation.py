"""Permutation tests, exact where all arrangements can be listed, and intervals by inverting them.

A test of "the slope of ``outcome`` on ``exposure`` is b" compares the correlation of ``outcome - b exposure`` with
the exposure to its correlations with rearranged exposures. For each arrangement the values of b under which it
looks at least as extreme as what happened form a closed interval (by the Cauchy-Schwarz inequality), so the set of
slopes that the test does not reject is found exactly, without a grid (Ernst 2004, Statistical Science 19).
"""

from __future__ import annotations

from itertools import combinations, permutations
from math import comb, factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from musan.methods.labelled import Array

TIES = 1e-9  # relative difference below which two statistics are the same number


def arrangements(n: int, most: int, generator: np.random.Generator) -> tuple[Array, bool]:
    """Return orders of ``n`` things, the given one first, and whether they are all that exist.

    All ``n!`` are listed if they are at most ``most``; else ``most`` are drawn.
    """
    if factorial(n) <= most:
        return np.array(list(permutations(range(n)))), True
    drawn = generator.permuted(np.tile(np.arange(n), (most - 1, 1)), axis=1)
    return np.vstack([np.arange(n), drawn]), False


def selections(chosen: Array, most: int, generator: np.random.Generator) -> tuple[Array, bool]:
    """Return ways to choose as many as are ``chosen`` (bool), that one first, and whether they are all."""
    n, k = len(chosen), int(chosen.sum())
    if comb(n, k) <= most:
        masks = np.zeros((comb(n, k), n), dtype=bool)
        for row, members in enumerate(combinations(range(n), k)):
            masks[row, list(members)] = True
        first = int(np.argmax((masks == chosen).all(axis=1)))
        return np.vstack([masks[first], np.delete(masks, first, axis=0)]), True
    drawn = generator.permuted(np.tile(chosen, (most - 1, 1)), axis=1)
    return np.vstack([chosen, drawn]), False


def share_as_extreme(statistics: Array, tail: str = "two-sided") -> float:
    """Return the p-value: the share of statistics at least as extreme as the first, which is the observed one.

    ``tail`` is ``two-sided``, ``lower`` or ``upper``.
    """
    signed = {"two-sided": np.abs(statistics), "lower": -statistics, "upper": statistics}[tail]
    first = signed[0]
    slack = TIES * abs(first) if np.isfinite(first) else 0.0
    return float(np.mean(signed >= first - slack))


def accepted(constant: Array, slope: Array, level: float) -> tuple[float, float]:
    """Return the lowest and the highest b that the test does not reject.

    The statistic of arrangement i under b is ``constant[i] - b * slope[i]``, the first is the observed one and its
    slope is the largest in absolute value. ``-inf`` and ``inf`` where no b is rejected.
    """
    a, c = constant[0], slope[0]
    same = np.abs(np.abs(slope) - abs(c)) <= TIES * abs(c)
    ends = np.column_stack(
        [(a - constant[~same]) / (c - slope[~same]), (a + constant[~same]) / (c + slope[~same])]
    )  # fmt: skip
    low, high = np.sort(ends.min(axis=1)), np.sort(ends.max(axis=1))
    needed = (1 - level) * len(constant) * (1 + TIES) - same.sum()  # how many intervals must hold b
    if needed < 0:
        return -np.inf, np.inf
    at_low = np.searchsorted(low, low, side="right") - np.searchsorted(high, low, side="left")
    at_high = np.searchsorted(low, high, side="right") - np.searchsorted(high, high, side="left")
    point = a / c  # every interval holds the estimate
    inside_low, inside_high = low[at_low > needed], high[at_high > needed]
    return float(min(inside_low, default=point)), float(max(inside_high, default=point))
