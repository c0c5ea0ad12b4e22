"""What other defensible choices would have said: agreement, and the choice that flips a verdict.

A multiverse (Steegen, Tuerlinckx, Gelman and Vanpaemel 2016) is the set of all analyses that a careful
analyst could defend. Agreement is a share of them, never a probability: they are not draws from anything.
Its picture is the specification curve. Whether the curve as a whole is more than noise is tested in
:mod:`musan.methods.specification_tests`, which can be reached from here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations, product
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from musan.errors import MethodError, nearest
from musan.methods import arguments, labelled
from musan.methods.facts import facts
from musan.methods.specification_tests import Adjusted, CurveTest, Linear, adjust, curve_test

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from musan.methods.labelled import Array

__all__ = [
    "Adjusted",
    "Agreement",
    "Curve",
    "CurveTest",
    "Grid",
    "Influence",
    "Linear",
    "adjust",
    "agreement",
    "curve_test",
    "grid",
    "influence",
    "specification_curve",
]

MOST_CHOICES = 12  # variance shares take every subset of the choices


@dataclass(frozen=True, eq=False)
class Grid:
    """All combinations of choices but those excluded.

    ``frame`` has one row a specification: ``specification`` (from 1), ``default`` (the first option of every
    choice) and a column for each choice. ``n`` are left, ``excluded`` were taken out.
    """

    frame: pd.DataFrame
    choices: tuple[str, ...]
    n: int
    excluded: int

    def summary(self) -> pd.DataFrame:
        """Return one row a choice: its options, the default first, and how many specifications have each."""
        rows = []
        for choice in self.choices:
            counts = [f"{option} ({(self.frame[choice] == option).sum()})" for option in self.frame[choice].unique()]
            rows.append((choice, ", ".join(counts)))
        return pd.DataFrame(rows, columns=["choice", "options (specifications)"])


@dataclass(frozen=True, eq=False)
class Curve:
    """Specifications sorted by their estimate.

    Attributes
    ----------
    frame : DataFrame
        One row a specification, the smallest estimate first: ``order`` (from 1), ``estimate``, ``low``, ``high`` (if
        given), ``side`` (``above`` or ``below`` the null, or ``across`` where the interval holds it), then the choices
        and the verdict, if any.
    marks : DataFrame
        The same choices as long rows for the panel below a curve: ``order``, ``choice``, ``option``.
    median, lowest, highest : float
    above, below : float
        Shares of specifications that lie above and below the null, with their whole interval if there is one.
    null : float
    n : int
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    marks: pd.DataFrame
    median: float
    lowest: float
    highest: float
    above: float
    below: float
    null: float
    n: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        whole = ", whole interval" if "low" in self.frame else ""
        return facts(
            ("specifications", self.n),
            ("median estimate", self.median),
            ("smallest and largest", f"{self.lowest:.4g}, {self.highest:.4g}"),
            (f"share above {self.null:g}{whole}", f"{100 * self.above:.0f} %"),
            (f"share below {self.null:g}{whole}", f"{100 * self.below:.0f} %"),
        )


@dataclass(frozen=True, eq=False)
class Influence:
    """Which choice matters, for the verdict and for the estimate.

    Attributes
    ----------
    frame : DataFrame
        One row a choice, the most often flipping first: ``choice``, ``options``, ``pairs``, ``flipped``,
        ``flip_share`` (as in :class:`Agreement`), ``verdict_variance`` (its part in the variance of "has the
        headline verdict"), ``estimate_variance`` (its part in the variance of the estimate), and of the latter
        ``estimate_alone`` and ``estimate_last``: what the choice explains by itself, and what is lost without it.
        Parts are averages over all orders of adding main effects (Shapley), so with the rest they sum to one. In a
        full grid the three agree.
    agreement : Agreement
    verdict_rest, estimate_rest : float or None
        Variance that no choice explains by itself: interactions. None where nothing varies.
    n : int
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    agreement: Agreement
    verdict_rest: float | None
    estimate_rest: float | None
    n: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a choice and one for the rest, in percent, to print in a notebook."""
        shown = ["flip_share", "verdict_variance", "estimate_variance"]
        table = self.frame[["choice", *[name for name in shown if name in self.frame]]].copy()
        rest = {"choice": "(choices together)", "verdict_variance": self.verdict_rest}
        table.loc[len(table)] = pd.Series({**rest, "estimate_variance": self.estimate_rest})
        for name in shown:
            if name in table:
                table[name] = ["–" if pd.isna(value) else f"{100 * value:.0f} %" for value in table[name]]
        return table


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
    analyses : DataFrame
        One row a specification: its choices, ``verdict`` and, where it was named, ``estimate``.
    """

    share: float
    n: int
    decisive_choice: str | None
    flips: pd.DataFrame
    verdicts: pd.DataFrame
    analyses: pd.DataFrame


def agreement(
    specifications: pd.DataFrame,
    *,
    choices: Sequence[str],
    headline: str,
    verdict: str = "verdict",
    estimate: str | None = None,
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
    estimate : str, optional
        Column with the number behind it; missing where an analysis has none.

    Returns
    -------
    Agreement
        A choice's flip share is taken over all pairs of specifications that differ in that choice alone.

    Raises
    ------
    MethodError
        No specification, a missing column, or two rows with the same choices.
    """
    _refuse_bad(specifications, choices, [verdict, *([estimate] if estimate else [])])
    columns = {name: name for name in choices} | {verdict: "verdict"} | ({estimate: "estimate"} if estimate else {})
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
        analyses=specifications[list(columns)].rename(columns=columns).reset_index(drop=True),
    )


def _flips(specifications: pd.DataFrame, choice: str, choices: Sequence[str], verdict: str) -> dict[str, object]:
    others = [specifications[name].tolist() for name in choices if name != choice]
    same_but_for_it = list(zip(*others, strict=True)) if others else [()] * len(specifications)
    verdicts = specifications[verdict].astype(str).tolist()
    pairs = _pairs(same_but_for_it)
    flipped = pairs - _pairs(zip(same_but_for_it, verdicts, strict=True))
    return {"choice": choice, "pairs": pairs, "flipped": flipped, "flip_share": flipped / pairs if pairs else 0.0}


def _pairs(items: Iterable[Hashable]) -> int:
    """Return how many pairs of equal items there are."""
    return sum(comb(often, 2) for often in Counter(items).values())


def grid(choices: Mapping[str, Sequence[Any]], *, exclude: Sequence[Mapping[str, Any]] = ()) -> Grid:
    """Return all combinations of named choices, less those that make no sense.

    Parameters
    ----------
    choices : mapping of str to sequence
        Options of each choice, the default first.
    exclude : sequence of mappings
        Each takes out the specifications that have all of its options: ``{"base": 2017, "period": "year"}``; an
        option may be a list of several.

    Returns
    -------
    Grid

    Raises
    ------
    MethodError
        A choice without options or with one twice, an unknown choice or option to exclude, or the default itself
        excluded.
    """
    if not choices:
        raise MethodError("it is empty", "choices", "give at least one choice")
    for name, options in choices.items():
        if isinstance(options, str) or not len(options) or len(set(map(repr, options))) != len(options):
            raise MethodError(f"{name} has no options, or one twice", "choices", "give a list of different options")
    rules = [_exclusion(rule, choices) for rule in exclude]
    rows = list(product(*choices.values()))
    left = [row for row in rows if not any(_matches(dict(zip(choices, row, strict=True)), rule) for rule in rules)]
    if not left or left[0] != rows[0]:
        what = "the default, the first option of each choice, is excluded"
        raise MethodError(what, "exclude", "put another option first, or mend the exclusion")
    columns = {name: pd.Series([row[i] for row in left], dtype=object) for i, name in enumerate(choices)}
    frame = pd.DataFrame({name: column.infer_objects() for name, column in columns.items()})
    frame.insert(0, "specification", np.arange(1, len(left) + 1))
    frame.insert(1, "default", np.arange(len(left)) == 0)
    return Grid(frame=frame, choices=tuple(choices), n=len(left), excluded=len(rows) - len(left))


def _exclusion(rule: Mapping[str, Any], choices: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Return an exclusion with lists of options, all known."""
    out = {}
    for name, given in rule.items():
        arguments.choice("exclude", name, choices)
        options = list(given) if isinstance(given, list | tuple | set) else [given]
        if unknown := [option for option in options if option not in choices[name]]:
            raise MethodError(
                f"{name} has no option {unknown[0]!r}", "exclude", nearest(str(unknown[0]), map(str, choices[name]))
            )
        out[name] = options
    if not out:
        raise MethodError("an exclusion is empty", "exclude", "name at least one choice")
    return out


def _matches(row: Mapping[str, Any], rule: Mapping[str, list[Any]]) -> bool:
    return all(row[name] in options for name, options in rule.items())


def specification_curve(
    specifications: pd.DataFrame,
    *,
    choices: Sequence[str],
    estimate: str = "estimate",
    low: str | None = None,
    high: str | None = None,
    verdict: str | None = None,
    null: float = 0.0,
) -> Curve:
    """Return specifications sorted by estimate, with their choices, for a figure.

    Parameters
    ----------
    specifications : DataFrame
        One row a specification.
    choices : sequence of str
        Columns that hold the choices.
    estimate : str
        Column with the estimate.
    low, high : str, optional
        Columns with its interval, both or neither.
    verdict : str, optional
        Column with the verdict, kept beside the estimate.
    null : float
        What no effect would be.

    Returns
    -------
    Curve

    Raises
    ------
    MethodError
        No specification, a missing column, the same choices twice, a missing estimate, or an interval that does
        not hold its estimate.
    """
    if (low is None) != (high is None):
        raise MethodError("only one end of the interval is given", "low" if low is None else "high", "give both")
    ends = [] if low is None or high is None else [low, high]
    _refuse_bad(specifications, choices, [estimate, *ends, *([verdict] if verdict else [])])
    values = labelled.vector("estimate", specifications[estimate])
    frame = pd.DataFrame({"estimate": values}, index=specifications.index)
    bottom = top = values
    if ends:
        bottom, top = (specifications[name].to_numpy(dtype=float) for name in ends)
        if not ((bottom <= values) & (values <= top)).all():
            raise MethodError("an interval does not hold its estimate", "low", "check which column is which")
        frame["low"], frame["high"] = bottom, top
    frame["side"] = np.select([bottom > null, top < null], ["above", "below"], "across")
    kept = specifications[[*choices, *([verdict] if verdict else [])]]
    frame = pd.concat([frame, kept], axis=1).sort_values("estimate", kind="stable", ignore_index=True)
    frame.insert(0, "order", np.arange(1, len(frame) + 1))
    marks = frame.melt("order", list(choices), var_name="choice", value_name="option")
    return Curve(
        frame=frame,
        marks=marks,
        median=float(np.median(values)),
        lowest=float(values.min()),
        highest=float(values.max()),
        above=float((frame["side"] == "above").mean()),
        below=float((frame["side"] == "below").mean()),
        null=null,
        n=len(frame),
        assumptions=("every specification is one that a careful analyst could defend; they are no random sample",),
    )


def influence(
    specifications: pd.DataFrame,
    *,
    choices: Sequence[str],
    headline: str,
    verdict: str = "verdict",
    estimate: str | None = None,
) -> Influence:
    """Return which choice flips the verdict and how often, and its part in the variance of the results.

    Parameters
    ----------
    specifications, choices, headline, verdict
        As in :func:`agreement`.
    estimate : str, optional
        Column with the estimate.

    Returns
    -------
    Influence

    Raises
    ------
    MethodError
        As in :func:`agreement`; a missing estimate; or more than twelve choices.
    """
    if len(choices) > MOST_CHOICES:
        raise MethodError(f"{len(choices)} choices", "choices", f"give at most {MOST_CHOICES}")
    agreed = agreement(specifications, choices=choices, headline=headline, verdict=verdict)
    frame = agreed.flips.copy()
    frame.insert(1, "options", [specifications[name].nunique(dropna=False) for name in choices])
    same = (specifications[verdict].astype(str) == headline).to_numpy(dtype=float)
    parts, _, _, verdict_rest = _variance_parts(specifications, choices, same)
    frame["verdict_variance"] = parts
    estimate_rest = None
    if estimate is not None:
        _refuse_bad(specifications, choices, [estimate])
        values = labelled.vector("estimate", specifications[estimate])
        parts, alone, last, estimate_rest = _variance_parts(specifications, choices, values)
        frame["estimate_variance"], frame["estimate_alone"], frame["estimate_last"] = parts, alone, last
    return Influence(
        frame=frame.sort_values("flip_share", ascending=False, kind="stable", ignore_index=True),
        agreement=agreed,
        verdict_rest=verdict_rest,
        estimate_rest=estimate_rest,
        n=len(specifications),
        assumptions=("each specification counts the same", "parts are of main effects; the rest is their interplay"),
    )


def _variance_parts(
    specifications: pd.DataFrame, choices: Sequence[str], values: Array
) -> tuple[Array, Array, Array, float | None]:
    """Return Shapley parts, what each choice explains alone and last, and what is left; NaN if nothing varies."""
    count = len(choices)
    centred = values - values.mean()
    total = float(centred @ centred)
    if total <= 1e-20 * max(1.0, float(values @ values)):
        nothing = np.full(count, np.nan)
        return nothing, nothing, nothing, None
    dummies = [pd.get_dummies(specifications[name].astype(str)).to_numpy(dtype=float) for name in choices]
    explained: dict[tuple[int, ...], float] = {(): 0.0}
    for size in range(1, count + 1):
        for subset in combinations(range(count), size):
            columns = np.column_stack([np.ones(len(values)), *(dummies[i] for i in subset)])
            fitted = columns @ np.linalg.lstsq(columns, centred, rcond=None)[0]
            explained[subset] = float(fitted @ fitted) / total
    everything = tuple(range(count))
    parts = np.zeros(count)
    for i in range(count):
        for subset in (one for one in explained if i not in one):
            weight = 1 / (count * comb(count - 1, len(subset)))
            parts[i] += weight * (explained[tuple(sorted((*subset, i)))] - explained[subset])
    alone = np.array([explained[(i,)] for i in range(count)])
    last = np.array([explained[everything] - explained[tuple(j for j in everything if j != i)] for i in range(count)])
    return parts, alone, last, max(0.0, 1 - explained[everything])


def _refuse_bad(specifications: pd.DataFrame, choices: Sequence[str], columns: Sequence[str]) -> None:
    if missing := sorted({*choices, *columns} - set(specifications.columns)):
        raise MethodError(f"lacks the column {missing[0]!r}", "specifications", "add it")
    if specifications.empty:
        raise MethodError("is empty", "specifications", "give at least one specification")
    if specifications.duplicated(list(choices)).any():
        raise MethodError("holds the same choices twice", "specifications", "keep one row for each set of choices")
