"""What other defensible choices would have said: agreement, and the choice that flips a verdict.

A multiverse (Steegen, Tuerlinckx, Gelman and Vanpaemel 2016) is the set of all analyses that a careful
analyst could defend. Agreement is a share of them, never a probability: they are not draws from anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd

from musan.errors import MethodError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Agreement:
    """How far defensible analyses agree with the headline verdict.

    Attributes
    ----------
    share : float
        Share of specifications with the headline verdict.
    n : int
        Number of specifications.
    decisive_choice : str or None
        The choice that most often flips the verdict; ``None`` when nothing does.
    flips : DataFrame
        One row a choice: ``choice``, ``pairs`` (specifications that differ in it alone), ``flipped`` (of them
        with different verdicts), ``flip_share``.
    verdicts : DataFrame
        One row a verdict: ``verdict``, ``specifications``.
    """

    share: float
    n: int
    decisive_choice: str | None
    flips: pd.DataFrame
    verdicts: pd.DataFrame


def agreement(
    specifications: pd.DataFrame, *, choices: Sequence[str], headline: str, verdict: str = "verdict"
) -> Agreement:
    """Return how far specifications agree with the headline verdict, and which choice flips it.

    Parameters
    ----------
    specifications : DataFrame
        One row a specification: a column for each choice and one with its verdict.
    choices : sequence of str
        Columns that hold the choices.
    headline : str
        The verdict under the default choices.
    verdict : str
        Column with the verdict.

    Returns
    -------
    Agreement
        A choice's flip share is taken over all pairs of specifications that differ in that choice alone.

    Raises
    ------
    MethodError
        No specification, a missing column, or two rows with the same choices.
    """
    if missing := sorted({*choices, verdict} - set(specifications.columns)):
        raise MethodError(f"lacks the column {missing[0]!r}", "specifications", "add it")
    if specifications.empty:
        raise MethodError("is empty", "specifications", "give at least one specification")
    if specifications.duplicated(list(choices)).any():
        raise MethodError("holds the same choices twice", "specifications", "keep one row for each set of choices")
    flips = pd.DataFrame([_flips(specifications, choice, choices, verdict) for choice in choices])
    most = flips.sort_values("flip_share", ascending=False, kind="stable").iloc[0]
    counts = (
        specifications[verdict].astype(str).value_counts().rename_axis("verdict").reset_index(name="specifications")
    )
    return Agreement(
        share=float((specifications[verdict].astype(str) == headline).mean()),
        n=len(specifications),
        decisive_choice=str(most["choice"]) if most["flip_share"] > 0 else None,
        flips=flips,
        verdicts=counts,
    )


def _flips(specifications: pd.DataFrame, choice: str, choices: Sequence[str], verdict: str) -> dict[str, object]:
    others = [name for name in choices if name != choice]
    groups = specifications.groupby(others, sort=False, observed=True) if others else [((), specifications)]
    pairs = flipped = 0
    for _, group in groups:
        for first, second in combinations(group[verdict].astype(str), 2):
            pairs += 1
            flipped += first != second
    return {"choice": choice, "pairs": pairs, "flipped": flipped, "flip_share": flipped / pairs if pairs else 0.0}
