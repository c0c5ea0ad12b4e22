"""Whether severity rises with exposure: graded reports from few places, several reports a place.

Exposure differs between places only, so places are what counts, not reports. The test permutes exposures among
places: it is exact with any number of them if, under no effect, any place could have had any exposure. Beside it
stand a wild cluster bootstrap (Cameron, Gelbach and Miller 2008, Review of Economics and Statistics 90; weights of
Webb 2023) and an ordered logit, whose test permutes the same exposures against its scores, which without covariates
are those of Wilcoxon's rank-sum test.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special, stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from musan.errors import MethodError
from musan.methods import arguments, labelled
from musan.methods.facts import facts
from musan.methods.permutation import TIES, accepted, arrangements, share_as_extreme

if TYPE_CHECKING:
    from musan.methods.labelled import Array

WEBB = np.sqrt([0.5, 1.0, 1.5])
MOST_STEPS = 10  # distinct values of severity beyond which no ordered logit is fitted
POWER_ORDERS = 300  # orders of the exposures that power is worked out over
SEPARATED = 15.0  # a slope in logits per standard deviation beyond which categories are told apart wholly


@dataclass(frozen=True, eq=False)
class SeverityGradient:
    """The slope of severity on exposure, from reports grouped in places.

    Attributes
    ----------
    slope, low, high : float
        Steps of severity per unit of exposure (least squares), and the slopes that the permutation test does not
        reject; infinite where none is rejected.
    standard_error : float
        Standard deviation of the slope over permutations.
    p_value, smallest_p : float
        Of no slope, two-sided, and the least that so few places allow.
    wild_p : float
        The same by wild cluster bootstrap.
    ordered_p : float or None
        By permutation of the score of the ordered logit; None with more than ten distinct values.
    detectable : float
        Smallest slope that the permutation test finds with probability ``power``, over exposures and errors like
        those at hand; infinite if it finds none.
    level, power : float
    n, places : int
        Reports and places.
    effective_places : float
        Places, were all to have equally many reports: (sum of reports)^2 / sum of squares.
    effective_leverage : float
        Places that carry the slope: inverse Herfindahl of their parts in the variance of exposure.
    exact : bool
        Whether all permutations were counted.
    frame : DataFrame
        One row a place: ``place``, ``exposure``, ``reports``, ``mean_severity`` (less covariates, if any).
    assumptions : tuple of str
    """

    slope: float
    low: float
    high: float
    standard_error: float
    p_value: float
    smallest_p: float
    wild_p: float
    ordered_p: float | None
    detectable: float
    level: float
    power: float
    n: int
    places: int
    effective_places: float
    effective_leverage: float
    exact: bool
    frame: pd.DataFrame
    assumptions: tuple[str, ...]
    _reports: _Reports

    @cached_property
    def ordered_slope(self) -> float | None:
        """Return logits of more severe per unit of exposure, by ordered logit, fitted when it is asked for.

        None where exposure tells the categories apart wholly, the fit did not converge, or severity has more than
        ten distinct values.
        """
        return None if self._reports.fine else _ordered_slope(self._reports)

    @property
    def untestable(self) -> bool:
        """Return whether so few places can't reject anything at this level."""
        return self.smallest_p > 1 - self.level

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("reports and places", f"{self.n} and {self.places}"),
            ("effective number of places", self.effective_places),
            ("places that carry the slope", self.effective_leverage),
            ("slope, steps of severity per unit of exposure", self.slope),
            (f"{100 * self.level:g} % interval (permutation)", f"{self.low:.4g} to {self.high:.4g}"),
            ("p-value (permutation)", self.p_value),
            ("p-value (wild cluster bootstrap)", self.wild_p),
            ("slope in logits (ordered logit)", self.ordered_slope),
            ("p-value (ordered logit, permutation)", self.ordered_p),
            (f"smallest slope found in {100 * self.power:g} % of cases", self.detectable),
            ("testable at this level", "no: too few places" if self.untestable else "yes"),
        )


def detectable_slope(standard_error: float, *, freedom: float, level: float = 0.95, power: float = 0.8) -> float:
    """Return the smallest true slope that a two-sided test finds with a given probability (Bloom 1995).

    Parameters
    ----------
    standard_error : float
        Of the slope.
    freedom : float
        Degrees of freedom: places less two, or effective shocks less one.
    level : float
        One less the size of the test.
    power : float
        Probability of finding it.

    Returns
    -------
    float
        In the unit of the slope.

    Raises
    ------
    MethodError
        A standard error or degrees of freedom that are not positive.
    """
    arguments.level(level)
    arguments.number("power", power, 0.01, 0.99)
    if not standard_error > 0:
        raise MethodError(f"it is {standard_error:g}", "standard_error", "give a positive number")
    if not freedom > 0:
        raise MethodError(f"it is {freedom:g}", "freedom", "give at least three places")
    return float(standard_error * (stats.t.ppf((1 + level) / 2, freedom) + stats.t.ppf(power, freedom)))


def severity_gradient(
    severity: pd.Series,
    exposure: pd.Series,
    place: pd.Series,
    *,
    covariates: pd.DataFrame | None = None,
    level: float = 0.95,
    power: float = 0.8,
    permutations: int = 5040,
    seed: int,
) -> SeverityGradient:
    """Return how severity rises with exposure, with inference over places.

    Parameters
    ----------
    severity : Series, by report
        Whole steps, such as -1 (better), 0 (unchanged) and 1 (worse).
    exposure : Series, by place
        Such as the ``exposure`` of :func:`musan.methods.exposure.exposure_index`.
    place : Series, by report
        Labels in the index of ``exposure``.
    covariates : DataFrame, by report, optional
        Such as dummies of outlets. A constant is always added.
    level, power : float
    permutations : int
        All are taken if there are no more.
    seed : int

    Returns
    -------
    SeverityGradient

    Raises
    ------
    MethodError
        Missing figures, severity that is constant or not in whole steps, unknown places, fewer than four places,
        or exposure that is constant or explained by the covariates.
    """
    arguments.level(level)
    arguments.number("power", power, 0.01, 0.99)
    arguments.whole("permutations", permutations, 100)
    data = _Reports.of(severity, exposure, place, covariates)
    generator = np.random.default_rng(seed)
    orders, exact = arrangements(len(data.exposure), permutations, generator)
    drawn = data.exposure[orders]
    length = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", drawn, data.gram, drawn), 0))
    length = np.where(length > 1e-9 * length[0], length, np.inf)
    constant, across = drawn @ data.cross / length, drawn @ (data.gram @ data.exposure) / length
    low, high = accepted(constant, across, level)
    left = data.cross - data.slope * (data.gram @ data.exposure)
    error = float(np.std(drawn @ left / length**2))
    scores = None if data.fine else np.bincount(data.place, weights=_null_scores(data))
    return SeverityGradient(
        slope=data.slope,
        low=low,
        high=high,
        standard_error=error,
        p_value=share_as_extreme(constant),
        smallest_p=float(np.mean(np.isclose(np.abs(across), abs(across[0]), rtol=1e-9))),
        wild_p=_wild(data, permutations, generator),
        ordered_p=None if scores is None else share_as_extreme(drawn @ scores / length),
        detectable=_detectable(drawn, left, data.gram, error, level, power, generator),
        level=level,
        power=power,
        n=len(data.severity),
        places=len(data.exposure),
        effective_places=float(data.reports.sum() ** 2 / (data.reports**2).sum()),
        effective_leverage=data.leverage(),
        exact=exact,
        frame=data.frame(),
        assumptions=(
            "under no effect any place could have had any exposure (given the covariates)",
            "reports of a place depend on one another in any way; those of different places don't",
            "steps of severity are equally large (slope), or only ordered (ordered logit)",
            "places were not chosen for being both exposed and hard hit",
        ),
        _reports=data,
    )


def _detectable(
    drawn: Array, left: Array, gram: Array, error: float, level: float, power: float, generator: np.random.Generator
) -> float:
    """Return the smallest slope that the permutation test finds with a given probability.

    Every order of the exposures is taken as the true one in turn, with the errors at hand and a slope added; the
    share of orders in which the test then rejects is its power.
    """
    if error <= 0:
        return np.inf
    some = drawn[generator.permutation(len(drawn))[:POWER_ORDERS]]
    length = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", some, gram, some), 0))
    length = np.where(length > 1e-9 * length.max(), length, np.inf)[:, None]
    left = left * np.sqrt((len(left) - 1) / (len(left) - 2))  # for the slope that was fitted
    noise, signal = some @ left[:, None] / length, some @ gram @ some.T / length

    one = np.empty_like(signal)  # filled anew each time: asking for as much memory again takes longer than the sums

    def found(slope: float) -> float:
        rejected = []
        for sign in (1, -1):
            np.abs(np.add(noise, np.multiply(sign * slope, signal, out=one), out=one), out=one)
            shares = np.count_nonzero(one >= np.diag(one) * (1 - TIES), axis=0) / len(one)
            rejected.append((shares <= 1 - level + TIES).mean())
        return float(np.mean(rejected))

    low, high = 0.0, 64 * error
    if found(high) < power:
        return np.inf
    while high - low > 1e-3 * error:
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) >= power else (middle, high)
    return high


@dataclass(frozen=True, eq=False)
class _Reports:
    """Reports with their place's number, and sums over places of figures less the covariates."""

    severity: Array
    place: Array  # numbers of places
    exposure: Array  # by place
    labels: pd.Index
    covariates: Array  # by report, without the constant
    basis: Array
    cross: Array  # severity less covariates, summed over each place's reports
    gram: Array  # (places, places): the same of indicators of places

    @classmethod
    def of(
        cls, severity: pd.Series, exposure: pd.Series, place: pd.Series, covariates: pd.DataFrame | None
    ) -> _Reports:
        """Check the arguments and take out the covariates."""
        graded = labelled.vector("severity", severity)
        labelled.not_constant("severity", graded)
        if (graded != np.round(graded)).any():
            raise MethodError("it is not in whole steps", "severity", "code it as whole numbers, such as -1, 0, 1")
        if len(place) != len(graded):
            raise MethodError(f"{len(place)} for {len(graded)} reports", "place", "give the place of each report")
        if not exposure.index.is_unique:
            raise MethodError("a place comes twice", "exposure", "keep one row a place")
        labelled.vector("exposure", exposure)
        if unknown := [label for label in pd.unique(place) if label not in exposure.index]:
            raise MethodError(f"{unknown[0]} has no exposure", "place", "add it to exposure, or drop its reports")
        numbers, labels = pd.factorize(pd.Index(place), sort=True)
        if len(labels) < 4:
            raise MethodError(f"only {len(labels)} places have reports", "place", "at least four are needed")
        known = exposure.reindex(labels).to_numpy(dtype=float)
        labelled.not_constant("exposure", known)
        others = np.ones((len(graded), 0))
        if covariates is not None:
            others = labelled.matrix("covariates", covariates, len(graded))
        return cls._summed(graded, numbers, known, labels, others)

    @classmethod
    def _summed(cls, graded: Array, numbers: Array, known: Array, labels: pd.Index, others: Array) -> _Reports:
        columns = np.column_stack([np.ones(len(graded)), others])
        left, values, _ = np.linalg.svd(columns / np.linalg.norm(columns, axis=0).clip(1e-300), full_matrices=False)
        basis = left[:, values > 1e-10 * values[0]]
        places = np.eye(len(labels))[numbers]
        inside = places.T @ basis
        gram = places.T @ places - inside @ inside.T
        if known @ gram @ known <= 1e-12 * len(graded) * max(1.0, float(known @ known)):
            raise MethodError("they explain all of the exposure", "covariates", "drop one")
        rest = graded - basis @ (basis.T @ graded)
        return cls(graded, numbers, known, labels, others, basis, places.T @ rest, gram)

    @property
    def fine(self) -> bool:
        """Return whether severity has too many distinct values for an ordered logit."""
        return len(np.unique(self.severity)) > MOST_STEPS

    @property
    def slope(self) -> float:
        """Return the least squares slope over reports."""
        return float(self.exposure @ self.cross) / float(self.exposure @ self.gram @ self.exposure)

    @property
    def reports(self) -> Array:
        """Return the number of reports of each place."""
        return np.bincount(self.place, minlength=len(self.labels)).astype(float)

    def rest(self, figures: Array) -> Array:
        """Return figures by report less what the covariates explain."""
        less: Array = figures - self.basis @ (self.basis.T @ figures)
        return less

    def leverage(self) -> float:
        """Return the inverse Herfindahl of places' parts in the variance of exposure."""
        parts = np.bincount(self.place, weights=self.rest(self.exposure[self.place]) ** 2)
        return float(parts.sum() ** 2 / (parts**2).sum())

    def frame(self) -> pd.DataFrame:
        """Return one row a place."""
        level = float(self.severity.mean())
        mean = np.bincount(self.place, weights=self.rest(self.severity)) / self.reports + level
        counts = self.reports.astype(int)
        rows = {"place": self.labels, "exposure": self.exposure, "reports": counts, "mean_severity": mean}
        return pd.DataFrame(rows).sort_values("exposure", ascending=False, kind="stable", ignore_index=True)


def _wild(data: _Reports, draws: int, generator: np.random.Generator) -> float:
    """Return the p-value of no slope by wild cluster bootstrap with the null imposed and Webb's weights."""
    places = np.eye(len(data.labels))[data.place]
    along = data.rest(data.exposure[data.place])
    null = data.rest(data.severity)
    # Row g: the errors of place g alone, less the covariates; scores[h, g]: what they add to place h's score.
    single = data.rest(places * null[:, None])
    scores = places.T @ (along[:, None] * single)
    weight = places.T @ along**2
    total = weight.sum()
    flips = generator.choice(np.concatenate([-WEBB, WEBB]), size=(draws - 1, len(data.labels)))
    flips = np.vstack([np.ones(len(data.labels)), flips])
    parts = flips @ scores.T
    slopes = parts.sum(axis=1) / total
    errors = np.sqrt(((parts - slopes[:, None] * weight) ** 2).sum(axis=1))
    ratio = np.divide(slopes, errors, out=np.full(draws, np.inf), where=errors > 1e-12 * total)
    return share_as_extreme(ratio)


def _ordered_slope(data: _Reports) -> float | None:
    """Return the slope of an ordered logit."""
    spread = float(data.exposure[data.place].std())
    standard = data.exposure[data.place] / spread
    fitted = _fit_logit(data.severity, np.column_stack([standard, data.covariates]))
    return None if fitted is None or abs(fitted[0]) > SEPARATED else float(fitted[0]) / spread


def _null_scores(data: _Reports) -> Array:
    """Return each report's derivative of the log-likelihood by its linear predictor, without exposure."""
    _, codes = np.unique(data.severity, return_inverse=True)
    shares = np.bincount(codes) / len(codes)
    cuts = special.logit(np.cumsum(shares)[:-1])
    index = np.zeros(len(codes))
    if data.covariates.shape[1]:
        fitted = _fit_logit(data.severity, data.covariates)
        if fitted is None:
            raise MethodError("the ordered logit on them did not converge", "covariates", "drop or merge some")
        count = data.covariates.shape[1]
        index = data.covariates @ fitted[:count]
        rest = fitted[count:]
        cuts = np.cumsum(np.concatenate([rest[:1], np.exp(rest[1:])]))
    ends = np.concatenate([[-np.inf], cuts, [np.inf]])
    # For the logistic distribution the derivative is 1 - F(upper) - F(lower).
    scores: Array = 1 - special.expit(ends[codes + 1] - index) - special.expit(ends[codes] - index)
    return scores


def _fit_logit(severity: Array, columns: Array) -> Array | None:
    """Return the parameters of an ordered logit, or None without convergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence is checked
        try:
            model: Any = OrderedModel(severity.astype(int), columns, distr="logit")
            result = model.fit(method="bfgs", maxiter=500, gtol=1e-7, disp=False)
        except (ValueError, np.linalg.LinAlgError):
            return None
    return np.asarray(result.params) if result.mle_retvals["converged"] else None
