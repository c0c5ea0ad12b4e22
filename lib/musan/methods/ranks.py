"""Ranks of places with what is not known about them: who can be called hardest hit.

Confidence sets for ranks from estimates and their standard errors (Mogstad, Romano, Shaikh and Wilhelm 2024, Review
of Economic Studies 91). A place's rank is one more than the number of places truly above it; each pair is tested,
with a critical value from the largest of all differences in a parametric bootstrap and stepwise rejection (Romano
and Wolf 2005), so that the sets cover with the stated probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from musan.errors import MethodError
from musan.methods import arguments, labelled
from musan.methods.facts import facts

if TYPE_CHECKING:
    from musan.methods.labelled import Array


@dataclass(frozen=True, eq=False)
class RankIntervals:
    """Confidence sets for ranks; rank 1 is the largest estimate, or the smallest if so asked.

    Attributes
    ----------
    frame : DataFrame
        One row a place, the first rank first: ``place``, ``estimate``, ``standard_error``, ``rank``, ``low``,
        ``high`` (cover this place's rank with the stated probability), ``simultaneous_low``,
        ``simultaneous_high`` (cover all ranks at once).
    level : float
    n : int
        Places.
    draws : int
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    level: float
    n: int
    draws: int
    assumptions: tuple[str, ...]

    def may_be_among_first(self, places: int) -> list[object]:
        """Return all places that may be among the first so many: with the stated probability it holds them all."""
        arguments.whole("places", places, 1)
        return list(self.frame.loc[self.frame["simultaneous_low"] <= places, "place"])

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        width = self.frame["simultaneous_high"] - self.frame["simultaneous_low"] + 1
        first = self.may_be_among_first(1)
        names = ", ".join(map(str, first[:6])) + (", ..." if len(first) > 6 else "")
        return facts(
            ("places", self.n),
            (f"may be the first, at {100 * self.level:g} %", f"{len(first)}: {names}"),
            ("places whose rank is known exactly", int((width == 1).sum())),
            ("ranks that a place may have, median", float(width.median())),
        )


def rank_intervals(
    estimates: pd.Series,
    *,
    standard_errors: pd.Series | None = None,
    covariance: pd.DataFrame | None = None,
    largest_first: bool = True,
    level: float = 0.95,
    draws: int = 5000,
    seed: int,
) -> RankIntervals:
    """Return marginal and simultaneous confidence sets for ranks.

    Parameters
    ----------
    estimates : Series, by place
    standard_errors : Series, by place
        Positive; estimates are taken as independent.
    covariance : DataFrame, places by places
        Instead of standard errors.
    largest_first : bool
        Whether rank 1 is the largest.
    level : float
        Of the sets.
    draws : int
        Of the bootstrap, at least 500.
    seed : int

    Returns
    -------
    RankIntervals

    Raises
    ------
    MethodError
        Fewer than two places, missing figures, labels that differ, a standard error that is not positive, or a
        covariance that is none.
    """
    arguments.level(level)
    arguments.whole("draws", draws, 500)
    figures = labelled.vector("estimates", estimates)
    arguments.whole("estimates", len(figures), 2)
    if not estimates.index.is_unique:
        raise MethodError("a place comes twice", "estimates", "keep one row a place")
    spread = _covariance(estimates.index, standard_errors, covariance)
    signed = figures if largest_first else -figures
    noise = np.random.default_rng(seed).multivariate_normal(
        np.zeros(len(figures)), spread, size=draws, method="eigh"
    )  # fmt: skip
    scale = np.sqrt(np.maximum(np.add.outer(np.diag(spread), np.diag(spread)) - 2 * spread, 0))
    off = ~np.eye(len(figures), dtype=bool)
    if (scale[off] <= 0).any():
        raise MethodError("two estimates move as one", "covariance", "leave one of them out")
    np.fill_diagonal(scale, np.inf)
    pairs = _Pairs(np.subtract.outer(signed, signed) / scale, noise, scale, level)
    n = len(figures)
    frame = pd.DataFrame(
        {
            "place": estimates.index,
            "estimate": figures,
            "standard_error": np.sqrt(np.diag(spread)),
            "rank": pd.Series(signed).rank(ascending=False, method="min").astype(int).to_numpy(),
        }
    )
    ends = np.array([pairs.ends(_about(place, n)) for place in range(n)])
    frame["low"], frame["high"] = ends[range(n), 0, range(n)], ends[range(n), 1, range(n)]
    frame["simultaneous_low"], frame["simultaneous_high"] = pairs.ends(off)
    return RankIntervals(
        frame=frame.sort_values(["rank", "place"], kind="stable", ignore_index=True),
        level=level,
        n=n,
        draws=draws,
        assumptions=(
            "estimates are normal about the truth with the standard errors given",
            *(["estimates of different places are independent"] if covariance is None else []),
        ),
    )


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Standardised differences of all pairs, and draws of the noise in them."""

    ratio: Array  # (n, n): how far row is above column
    noise: Array  # (draws, n)
    scale: Array
    level: float

    def ends(self, asked: Array) -> Array:
        """Return the lowest and the highest rank of each place, from the pairs that are asked about."""
        above = self.above(asked)
        return np.array([1 + above.sum(axis=0), len(above) - above.sum(axis=1)])

    def above(self, asked: Array) -> Array:
        """Return which pairs are told apart, stepwise: each round has fewer pairs, so a lower critical value."""
        left, rejected = asked.copy(), np.zeros_like(asked)
        while left.any():
            new = left & (self.ratio > self.critical(left))
            if not new.any():
                break
            rejected |= new
            left &= ~new
        return rejected

    def critical(self, left: Array) -> float:
        """Return the quantile of the largest noise among the pairs that are left."""
        largest = np.full(len(self.noise), -np.inf)
        for row in np.flatnonzero(left.any(axis=1)):
            columns = np.flatnonzero(left[row])
            gaps = (self.noise[:, [row]] - self.noise[:, columns]) / self.scale[row, columns]
            np.maximum(largest, gaps.max(axis=1), out=largest)
        return float(np.quantile(largest, self.level))


def _about(place: int, n: int) -> Array:
    """Return the pairs that say something of one place's rank."""
    asked = np.zeros((n, n), dtype=bool)
    asked[place] = asked[:, place] = True
    asked[place, place] = False
    return asked


def _covariance(places: pd.Index, standard_errors: pd.Series | None, covariance: pd.DataFrame | None) -> Array:
    if (standard_errors is None) == (covariance is None):
        raise MethodError("give either this or a covariance", "standard_errors", "not both, and not neither")
    if standard_errors is not None:
        if not standard_errors.index.equals(places):
            raise MethodError("its places are not those of the estimates", "standard_errors", "reindex it to match")
        errors = labelled.vector("standard_errors", standard_errors)
        if (errors <= 0).any():
            place = places[int(np.argmin(errors))]
            raise MethodError(f"that of {place} is not positive", "standard_errors", "leave that place out")
        return np.diag(errors**2)
    assert covariance is not None
    if not covariance.index.equals(places) or not covariance.columns.equals(places):
        raise MethodError("its places are not those of the estimates", "covariance", "reindex it to match")
    spread = labelled.matrix("covariance", covariance)
    size = float(np.abs(spread).max())
    if not np.allclose(spread, spread.T, atol=1e-9 * size) or np.linalg.eigvalsh(spread).min() < -1e-9 * size:
        raise MethodError("it is not symmetric and positive", "covariance", "give a covariance matrix")
    return spread
