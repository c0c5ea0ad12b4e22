"""Comparison with a mix of units without the measure: synthetic control.

Weights are non-negative and sum to one. They are found exactly: the point of a convex hull nearest to the treated
unit is a non-negative least squares problem in disguise (Haskell and Hanson 1981, Mathematical Programming 21),
and its optimality conditions are labelled.

References: Abadie, Diamond and Hainmueller (2010), Journal of the American Statistical Association 105; Abadie
(2021), Journal of Economic Literature 59.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import optimize

from musan.errors import MethodError
from musan.methods import labelled
from musan.methods.facts import facts

if TYPE_CHECKING:
    from musan.methods.labelled import Array

LARGEST_GAP = 1e-9  # of the optimality conditions, as a share of the largest squared distance


@dataclass(frozen=True, eq=False)
class Simplex:
    """Weights that are non-negative and sum to one; ``gap`` is what the optimality conditions are missed by.

    The gap bounds how far the objective is above its minimum, as a share of the largest squared distance between
    the target and a column. ``unique`` says whether no other weights do as well.
    """

    weights: Array
    gap: float
    unique: bool


def simplex_weights(columns: Array, target: Array, *, ridge: float = 0.0) -> Simplex:
    """Return the weights that bring a mix of columns nearest to a target.

    Minimises ``|columns @ w - target|^2 + ridge |w|^2`` over non-negative ``w`` that sum to one.

    Parameters
    ----------
    columns : array, shape (rows, columns)
    target : array, shape (rows,)
    ridge : float

    Returns
    -------
    Simplex

    Raises
    ------
    MethodError
        The optimality conditions could not be met.
    """
    distance = columns - target[:, None]
    count = columns.shape[1]
    if ridge > 0:
        distance = np.vstack([distance, np.sqrt(ridge) * np.eye(count)])
    scale = float((distance**2).sum(axis=0).max())
    if scale == 0:
        return Simplex(np.full(count, 1 / count), 0.0, count == 1)
    # With a row of ones and the target (0, 1), the solution of non-negative least squares is a multiple of the
    # wanted weights, whatever the length of that row; the median distance keeps the problem well scaled.
    length = float(np.sqrt(np.median((distance**2).sum(axis=0)))) or np.sqrt(scale)
    stacked = np.vstack([distance, np.full(count, length)])
    right = np.zeros(len(stacked))
    right[-1] = length
    try:
        raw, _ = optimize.nnls(stacked, right, maxiter=50 * count)
    except RuntimeError as error:
        raise MethodError("the weights did not converge", "outcomes", "drop donors that are alike") from error
    weights = raw / raw.sum()
    gradient = distance.T @ (distance @ weights)
    gap = float(weights @ gradient - gradient.min()) / scale
    if gap > LARGEST_GAP:
        what = f"the weights miss the optimality conditions by {gap:.1e}"
        raise MethodError(what, "outcomes", "rescale the figures or drop donors that are alike")
    tight = gradient - gradient.min() <= 1e-7 * scale
    unique = np.linalg.matrix_rank(stacked[:, tight] / np.sqrt(scale)) == tight.sum()
    return Simplex(weights, max(gap, 0.0), bool(unique))


@dataclass(frozen=True, eq=False)
class SyntheticControl:
    """A treated unit against a weighted mix of donors; amounts in the unit of the outcomes.

    Attributes
    ----------
    frame : DataFrame
        One row a period: ``period``, ``role`` (``before``, ``after``), ``observed``, ``synthetic``, ``gap``.
    weights : DataFrame
        ``donor``, ``weight``, the largest first.
    effect : float
        Mean gap after the measure.
    relative_pct : float or None
        Sum of gaps in percent of the synthetic sum; None if that is not positive.
    rmspe_before, rmspe_after, ratio : float
        Root mean squared gaps, and after over before (infinite if the fit is perfect).
    unique : bool
        Whether no other weights fit as well. If not, the effect depends on which are taken.
    gap : float
        What the optimality conditions are missed by.
    n : int
        Periods before the measure.
    donors : int
    effective_donors : float
        Inverse of the sum of squared weights.
    treated : str
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    weights: pd.DataFrame
    effect: float
    relative_pct: float | None
    rmspe_before: float
    rmspe_after: float
    ratio: float
    unique: bool
    gap: float
    n: int
    donors: int
    effective_donors: float
    treated: str
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        largest = self.weights.head(5)
        pairs = zip(largest["donor"], largest["weight"], strict=True)
        top = ", ".join(f"{donor} {100 * weight:.0f} %" for donor, weight in pairs)
        return facts(
            ("unit", self.treated),
            ("made of", top),
            ("effective number of donors", self.effective_donors),
            ("weights are the only best ones", "yes" if self.unique else "no"),
            ("root mean squared gap before", self.rmspe_before),
            ("root mean squared gap after", self.rmspe_after),
            ("ratio", self.ratio),
            ("effect, mean gap after", self.effect),
            ("effect, percent of the synthetic unit", self.relative_pct),
        )


@dataclass(frozen=True, eq=False)
class PlaceboUnits:
    """A treated unit's gap among those of units without the measure, each against its own synthetic unit.

    Attributes
    ----------
    frame : DataFrame
        One row a unit, the largest ratio first: ``unit``, ``treated``, ``rmspe_before``, ``rmspe_after``, ``ratio``,
        ``effect``, ``relative_pct``, ``kept`` (not left out for its poor fit), ``rank`` (among those kept).
    gaps : DataFrame
        Periods by units, for a figure.
    rank : int
        Of the treated unit by ratio; 1 is the largest.
    p_value, smallest_p : float
        Rank over units kept, and the smallest that so many units allow.
    n : int
        Units kept, the treated one included.
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    gaps: pd.DataFrame
    rank: int
    p_value: float
    smallest_p: float
    n: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        treated = self.frame[self.frame["treated"]].iloc[0]
        return facts(
            ("unit", treated["unit"]),
            ("ratio of gaps, after over before", float(treated["ratio"])),
            (f"rank among {self.n} units", self.rank),
            ("p-value", self.p_value),
            ("smallest p-value that so many units allow", self.smallest_p),
            ("units left out for a poor fit", int((~self.frame["kept"]).sum())),
        )


def synthetic_control(
    outcomes: pd.DataFrame,
    *,
    treated: str,
    last_before: Any,
    predictors: pd.DataFrame | None = None,
    importance: pd.Series | None = None,
) -> SyntheticControl:
    """Return a treated unit's gap to the mix of donors that was most like it before a measure.

    Parameters
    ----------
    outcomes : DataFrame, periods by units
        All columns but ``treated`` are donors.
    treated : str
    last_before : label
        Last period before the measure.
    predictors : DataFrame, predictors by units, optional
        What the mix is to be like; by default the outcome in every period before. Each predictor is divided by its
        standard deviation over units.
    importance : Series, optional
        Weight of each predictor, not negative; equal by default.

    Returns
    -------
    SyntheticControl

    Raises
    ------
    MethodError
        Missing figures, unsorted periods, unknown names, fewer than two donors or periods before, a constant
        predictor, or weights that did not converge.
    """
    figures, n = panel(outcomes, last_before)
    labelled.known("treated", [treated], outcomes.columns)
    if outcomes.shape[1] < 3:
        raise MethodError(f"only {outcomes.shape[1] - 1} donors", "outcomes", "at least two are needed")
    at = int(outcomes.columns.get_indexer(pd.Index([treated]))[0])
    traits = figures[:n] if predictors is None else _traits(predictors, importance, outcomes.columns)
    return _control(outcomes, figures, n, at, np.delete(np.arange(figures.shape[1]), at), traits)


def placebo_units(
    outcomes: pd.DataFrame,
    *,
    treated: str,
    last_before: Any,
    predictors: pd.DataFrame | None = None,
    importance: pd.Series | None = None,
    worst_fit: float | None = None,
) -> PlaceboUnits:
    """Return the rank of a treated unit's gap among those of all donors, each treated in its turn.

    The truly treated unit is never a donor to a placebo.

    Parameters
    ----------
    outcomes, treated, last_before, predictors, importance
        As in :func:`synthetic_control`.
    worst_fit : float, optional
        Leave out placebos whose root mean squared gap before is more than this many times that of the treated
        unit. The ratio already allows for a poor fit, so nothing is left out by default.

    Returns
    -------
    PlaceboUnits

    Raises
    ------
    MethodError
        As in :func:`synthetic_control`, or fewer than three donors.
    """
    figures, n = panel(outcomes, last_before)
    labelled.known("treated", [treated], outcomes.columns)
    if outcomes.shape[1] < 4:
        raise MethodError(f"only {outcomes.shape[1] - 1} donors", "outcomes", "at least three are needed")
    traits = figures[:n] if predictors is None else _traits(predictors, importance, outcomes.columns)
    at = int(outcomes.columns.get_indexer(pd.Index([treated]))[0])
    donors = np.delete(np.arange(figures.shape[1]), at)
    all_units = [(at, donors), *((int(unit), donors[donors != unit]) for unit in donors)]
    fits = [_control(outcomes, figures, n, unit, others, traits) for unit, others in all_units]
    fields = ["rmspe_before", "rmspe_after", "ratio", "effect", "relative_pct"]
    frame = pd.DataFrame([{name: getattr(fit, name) for name in fields} for fit in fits])
    frame.insert(0, "unit", [fit.treated for fit in fits])
    frame.insert(1, "treated", [True] + [False] * len(donors))
    limit = np.inf if worst_fit is None else worst_fit * fits[0].rmspe_before
    frame["kept"] = frame["treated"] | (frame["rmspe_before"] <= limit)
    frame["rank"] = frame["ratio"].where(frame["kept"]).rank(ascending=False, method="max").astype("Int64")
    rank, kept = int(frame["rank"].iloc[0]), int(frame["kept"].sum())
    return PlaceboUnits(
        frame=frame.sort_values("ratio", ascending=False, kind="stable", ignore_index=True),
        gaps=pd.DataFrame({fit.treated: fit.frame["gap"].to_numpy() for fit in fits}, index=outcomes.index),
        rank=rank,
        p_value=rank / kept,
        smallest_p=1 / kept,
        n=kept,
        assumptions=(
            "without the measure any unit was as likely as another to have the largest ratio",
            "the measure did not touch the donors, not even through trade diverted to them",
        ),
    )


def panel(outcomes: pd.DataFrame, last_before: Any) -> tuple[Array, int]:
    """Return the figures, periods by units, and the number of periods before the measure."""
    figures = labelled.matrix("outcomes", outcomes)
    labelled.periods("outcomes", outcomes.index)
    if not outcomes.columns.is_unique:
        raise MethodError("two units have one name", "outcomes", "give each unit its own column name")
    return figures, labelled.last_before(last_before, outcomes.index, before=2)


def _traits(predictors: pd.DataFrame, importance: pd.Series | None, units: pd.Index) -> Array:
    """Return scaled predictors, one column a unit in the order of the outcomes."""
    if missing := sorted(set(map(str, units)) - set(map(str, predictors.columns))):
        raise MethodError(f"it lacks the unit {missing[0]!r}", "predictors", "give a column for each unit")
    figures = labelled.matrix("predictors", predictors[list(units)])
    spread = figures.std(axis=1, ddof=1)
    if (spread == 0).any():
        name = predictors.index[int(np.argmax(spread == 0))]
        raise MethodError(f"{name} is the same for all units", "predictors", "leave it out")
    given = pd.Series(1.0, predictors.index) if importance is None else importance.reindex(predictors.index)
    weight = labelled.vector("importance", given, len(predictors))
    if (weight < 0).any() or weight.sum() <= 0:
        raise MethodError("a weight is negative, or all are zero", "importance", "give weights of zero or more")
    scaled: Array = figures / spread[:, None] * np.sqrt(weight / weight.sum())[:, None]
    return scaled


def _control(
    outcomes: pd.DataFrame, figures: Array, n: int, unit: int, donors: Array, traits: Array
) -> SyntheticControl:
    solved = simplex_weights(traits[:, donors], traits[:, unit])
    synthetic = figures[:, donors] @ solved.weights
    gap = figures[:, unit] - synthetic
    before, after = (float(np.sqrt((part**2).mean())) for part in (gap[:n], gap[n:]))
    total = float(synthetic[n:].sum())
    weights = pd.DataFrame({"donor": outcomes.columns[donors], "weight": solved.weights})
    return SyntheticControl(
        frame=pd.DataFrame(
            {
                "period": outcomes.index,
                "role": np.where(np.arange(len(gap)) < n, "before", "after"),
                "observed": figures[:, unit],
                "synthetic": synthetic,
                "gap": gap,
            }
        ),
        weights=weights.sort_values("weight", ascending=False, kind="stable", ignore_index=True),
        effect=float(gap[n:].mean()),
        relative_pct=100 * float(gap[n:].sum()) / total if total > 0 else None,
        rmspe_before=before,
        rmspe_after=after,
        ratio=after / before if before > 0 else np.inf,
        unique=solved.unique,
        gap=solved.gap,
        n=n,
        donors=len(donors),
        effective_donors=float(1 / (solved.weights**2).sum()),
        treated=str(outcomes.columns[unit]),
        assumptions=(
            "without the measure the unit would have gone on like the mix of donors that it was like before",
            "the measure did not touch the donors, not even through trade diverted to them",
            "the fit before is not by chance: many periods before, and a small gap in all of them",
        ),
    )
