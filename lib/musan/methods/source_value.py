"""What one source adds to a rebuilt series: leave it out, rebuild, compare.

A source prints several figures and errs in all of them alike, so leaving out one statement at a time (the z-scores of
:mod:`musan.methods.reconcile`) can't show what rests on it. A figure that others print too costs nothing
to lose; a month of which one source alone speaks gets the width of a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from musan.errors import MethodError, nearest
from musan.methods import reconcile
from musan.methods.facts import facts
from musan.methods.statements import inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.methods.reconcile import Reconciliation

ASSUMPTIONS = (
    "the monthly step and the disagreement between statements stay what all sources together say they are",
    "a figure that another source prints too is still known without the first",
    "sources are told apart by their name only: two that copy a third count as two",
)


@dataclass(frozen=True)
class SourceValues:
    """What each source adds to a rebuilt series.

    Attributes
    ----------
    frame : DataFrame
        One row a source, the one that narrows the series most first: ``source``; ``n`` (its usable statements);
        ``wider_pct`` (how much wider the 90 % intervals of all months together are without it; a little below
        zero where a source that contradicts others made them doubt); ``most_wider``, ``series`` and ``month``
        (by how much and where most, in the unit of the statements); ``move`` (the largest move of a month's
        mean without it, same unit); ``largest_z`` (the worst fit of its figures to what all other sources
        say); ``flagged`` (how many of them do not fit); ``needed`` (without it there is no fit; the other
        columns are then missing).
    n : int
        Statements fitted when no source is left out.
    whole : Reconciliation
        The fit with all sources.
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    n: int
    whole: Reconciliation
    assumptions: tuple[str, ...] = ASSUMPTIONS

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        told = self.frame[~self.frame["needed"]]
        first = told.iloc[0] if len(told) else None
        return facts(
            ("sources", len(self.frame)),
            ("statements fitted", self.n),
            ("sources without which there is no fit", int(self.frame["needed"].sum())),
            ("intervals widen most without", None if first is None else first["source"]),
            ("by, all months together", None if first is None else f"{first['wider_pct']:.1f} %"),
            ("sources with a figure that the others contradict", int((told["flagged"] > 0).sum())),
        )


def source_values(
    statements: pd.DataFrame,
    *,
    months: pd.PeriodIndex,
    series: Sequence[str],
    events: Sequence[pd.Period] = (),
    check_only: Sequence[str] = ("claim", "estimate"),
    by: str = "source_id",
) -> SourceValues:
    """Return the value of each source for a rebuilt series: the series is rebuilt without it.

    Parameters
    ----------
    statements, months, series, events, check_only
        As for :func:`musan.methods.reconcile.fit`.
    by : str
        Column of ``statements`` that tells sources apart, such as ``source_id`` or a publisher.

    Returns
    -------
    SourceValues
        Sources of which a statement enters the fit or would if no other had printed it.

    Raises
    ------
    MethodError
        What :func:`~musan.methods.reconcile.fit` refuses; an unknown column, a statement without a source,
        or one source only.
    """
    if by not in statements:
        raise MethodError(f"is no column: {by!r}", "by", nearest(by, statements.columns))
    if statements[by].isna().any() or (statements[by] == "").any():
        raise MethodError("holds a statement without a source", "statements", f"fill the column {by!r}")
    settings = {"months": months, "series": series, "events": events, "check_only": check_only}
    whole = reconcile.fit(statements, **settings)  # type: ignore[arg-type]
    usable = inside(statements, months)
    fitted = usable[~usable["basis"].isin(list(check_only))]
    names = fitted[by].unique()
    if len(names) < 2:
        raise MethodError("come from one source only", "statements", "two or more are needed to leave one out")
    rows = []
    for name in names:
        own, rest = fitted[fitted[by] == name], statements[statements[by] != name]
        row: dict[str, object] = {"source": name, "n": len(own), "needed": True}
        if not reconcile.lacking(fitted[fitted[by] != name], series):
            without = reconcile.fit(rest, scales=(whole.step, whole.noise), **settings)  # type: ignore[arg-type]
            row |= {"needed": False, **_difference(whole, without), **_own_figures(without.told(own))}
        rows.append(row)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    order = ["needed", "wider_pct"]
    frame = frame.sort_values(order, ascending=False, kind="stable", ignore_index=True)
    return SourceValues(frame=frame, n=whole.n, whole=whole)


COLUMNS = [
    "source", "n", "wider_pct", "most_wider", "series", "month", "move", "largest_z", "flagged", "needed",
]  # fmt: skip


def _difference(whole: Reconciliation, without: Reconciliation) -> dict[str, object]:
    """Return how far the months move and how much wider they get without a source."""
    width, wider = ((fit.frame["high"] - fit.frame["low"]).to_numpy() for fit in (whole, without))
    growth = wider - width
    most = int(np.argmax(growth))
    return {
        "wider_pct": 100 * float(growth.sum() / width.sum()),
        "most_wider": float(growth[most]),
        "series": whole.frame["series"].iloc[most],
        "month": whole.frame["month"].iloc[most],
        "move": float((without.frame["mean"] - whole.frame["mean"]).abs().max()),
    }


def _own_figures(told: pd.DataFrame) -> dict[str, object]:
    """Return how well a source's own figures fit what all others say."""
    return {"largest_z": float(told["z"].abs().max()), "flagged": int(told["flagged"].sum())}
