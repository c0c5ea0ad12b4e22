"""What can be said of a share from few observations, or from an observer who sees only a part.

One informant is not a sample: what he says of 10,000 workers is one cluster seen by one pair of eyes. Four
tools say how little or how much that supports. Intervals of a share take its design effect
(:mod:`musan.methods.sampling`). A beta-binomial says what a prior and the counts imply, for the share and
for a count to come. Worst-case bounds (Manski 1989) take nothing for granted about those whom the observer
does not see. Selection bounds take one thing for granted: how far the odds can differ between those whom
he sees and those whom he doesn't.

References: Wilson (1927), Journal of the American Statistical Association 22; Clopper and Pearson (1934),
Biometrika 26; Agresti and Coull (1998), The American Statistician 52; Newcombe (1998), Statistics in
Medicine 17:857-872; Brown, Cai and DasGupta (2001), Statistical Science 16; Korn and Graubard (1998), Survey
Methodology 24; Manski (1989), Journal of Human Resources 24, and (2003), *Partial Identification of
Probability Distributions*; Rosenbaum (2002), *Observational Studies*, for bounds on an odds ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from musan.errors import MethodError
from musan.methods import arguments
from musan.methods.facts import facts, percent

if TYPE_CHECKING:
    from collections.abc import Callable

    from musan.methods.arguments import Array, Span

Method = Literal["wilson", "wilson_corrected", "jeffreys", "clopper_pearson", "agresti_coull"]

SAMPLE = "Those observed are a random draw from the population, apart from the design effect given."
FORMULAS = {
    "wilson": "Wilson score interval: covers the level on average over shares.",
    "wilson_corrected": "Wilson score interval with continuity correction (Newcombe 1998): covers at least the level.",
    "jeffreys": "Jeffreys interval, from 0 if nobody and to 1 if all did (Brown, Cai and DasGupta 2001).",
    "clopper_pearson": "Clopper-Pearson interval: never covers less than the level.",
    "agresti_coull": "Agresti-Coull interval, cut at 0 and 1: seldom covers less than the level.",
}


@dataclass(frozen=True)
class ShareInterval:
    """An interval of a share.

    ``estimate`` is successes over ``n``. ``effective_n`` is ``n`` over the design effect: the interval is as
    wide as that of so many independent observations.
    """

    estimate: float
    low: float
    high: float
    level: float
    method: str
    successes: int
    n: int
    design_effect: float
    effective_n: float
    assumptions: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row: ``method``, ``successes``, ``n``, ``effective_n``, ``estimate``, ``low``, ``high``."""
        columns = ["method", "successes", "n", "effective_n", "estimate", "low", "high"]
        return pd.DataFrame([[getattr(self, name) for name in columns]], columns=columns)

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("share", f"{self.successes} of {self.n}, {percent(self.estimate)}"),
            (f"{percent(self.level, 0)} interval", f"{percent(self.low)} to {percent(self.high)}"),
            ("method", self.method),
            ("effective n", self.effective_n),
        )


@dataclass(frozen=True)
class Prediction:
    """How many of ``future`` further observations will be successes: a beta-binomial distribution.

    ``frame`` has one row a count: ``count``, ``probability``, ``cumulative``. ``n`` is the number of
    observations behind it.
    """

    future: int
    mean: float
    sd: float
    low: int
    high: int
    level: float
    n: int
    frame: pd.DataFrame
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("observations to come", self.future),
            ("successes expected", self.mean),
            (f"{percent(self.level, 0)} interval", f"{self.low} to {self.high}"),
        )


@dataclass(frozen=True)
class Posterior:
    """A beta distribution of a share: what a prior and the counts imply.

    ``alpha`` and ``beta`` are its parameters; ``low`` and ``high`` leave equal tails. ``n`` counts
    observations, ``effective_n`` is ``n`` over the design effect.
    """

    alpha: float
    beta: float
    prior: tuple[float, float]
    mean: float
    sd: float
    low: float
    high: float
    level: float
    n: int
    effective_n: float
    assumptions: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row: ``alpha``, ``beta``, ``mean``, ``sd``, ``low``, ``high``."""
        columns = ["alpha", "beta", "mean", "sd", "low", "high"]
        return pd.DataFrame([[getattr(self, name) for name in columns]], columns=columns)

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("prior", f"beta({self.prior[0]:g}, {self.prior[1]:g})"),
            ("posterior", f"beta({self.alpha:g}, {self.beta:g})"),
            ("mean", percent(self.mean)),
            (f"{percent(self.level, 0)} interval", f"{percent(self.low)} to {percent(self.high)}"),
        )

    def probability_between(self, low: float, high: float) -> float:
        """Return the posterior probability that the share lies between two values.

        Parameters
        ----------
        low, high : float
            Shares, 0 to 1.

        Returns
        -------
        float
        """
        low, high = arguments.span("low", (low, high))
        ends = stats.beta.cdf([low, high], self.alpha, self.beta)
        return float(ends[1] - ends[0])

    def predict(self, future: int, *, level: float = 0.95) -> Prediction:
        """Return the distribution of the number of successes among ``future`` further observations.

        Parameters
        ----------
        future : int
            At least 1.
        level : float
            The interval leaves at most (1 - level) / 2 on either side.

        Returns
        -------
        Prediction
        """
        future, level = arguments.whole("future", future, 1), arguments.level(level)
        counts = np.arange(future + 1)
        law = stats.betabinom(future, self.alpha, self.beta)
        probability = law.pmf(counts)
        cumulative = np.minimum(np.cumsum(probability), 1.0)
        low, high = np.searchsorted(cumulative, [(1 - level) / 2, (1 + level) / 2])
        frame = pd.DataFrame({"count": counts, "probability": probability, "cumulative": cumulative})
        ends = int(low), min(int(high), future)
        notes = (*self.assumptions, "Those to come are like those observed.")
        return Prediction(future, float(law.mean()), float(law.std()), *ends, level, self.n, frame, notes)


@dataclass(frozen=True)
class ShareBounds:
    """The lowest and the highest share of the whole population that fits what an observer says.

    Bounds are not an interval: no value between them is more likely than another. ``share_seen``,
    ``fraction_seen``, ``share_unseen`` and ``odds_ratio`` are pairs of the lowest and the highest value taken.
    ``n`` is the number of observers.
    """

    low: float
    high: float
    share_seen: tuple[float, float]
    fraction_seen: tuple[float, float]
    share_unseen: tuple[float, float]
    odds_ratio: tuple[float, float] | None
    n: int
    assumptions: tuple[str, ...]

    @property
    def width(self) -> float:
        """Return how far the bounds lie apart."""
        return self.high - self.low

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row: ``low``, ``high``, ``width``."""
        return pd.DataFrame({"low": [self.low], "high": [self.high], "width": [self.width]})

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""

        def words(ends: tuple[float, float]) -> str:
            return percent(ends[0]) if ends[0] == ends[1] else f"{percent(ends[0])} to {percent(ends[1])}"

        odds = "any" if self.odds_ratio is None else f"{self.odds_ratio[0]:g} to {self.odds_ratio[1]:g}"
        return facts(
            ("share among those seen", words(self.share_seen)),
            ("fraction of all that is seen", words(self.fraction_seen)),
            ("odds among those seen, over odds among the others", odds),
            ("share among the others", words(self.share_unseen)),
            ("share of all lies between", f"{percent(self.low)} and {percent(self.high)}"),
        )


@dataclass(frozen=True)
class SelectionSurface:
    """The share of the whole population for each fraction seen and odds ratio.

    ``frame`` has one row a pair: ``fraction_seen``, ``odds_ratio``, ``low``, ``high`` (equal if the share seen
    is one number). ``n`` is the number of pairs.
    """

    share_seen: tuple[float, float]
    frame: pd.DataFrame
    n: int
    assumptions: tuple[str, ...]

    def grid(self, end: Literal["low", "high"] = "low") -> pd.DataFrame:
        """Return one end as a table: a row for each odds ratio, a column for each fraction seen."""
        arguments.choice("end", end, ["low", "high"])
        return self.frame.pivot_table(index="odds_ratio", columns="fraction_seen", values=end)

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        lowest, highest = self.frame["low"].min(), self.frame["high"].max()
        return facts(
            ("share among those seen", f"{percent(self.share_seen[0])} to {percent(self.share_seen[1])}"),
            ("pairs of fraction and odds ratio", self.n),
            ("lowest share of all", percent(lowest)),
            ("highest share of all", percent(highest)),
        )


# Intervals: x successes of n, both perhaps fractional, and a level


def _wilson(x: float, n: float, level: float) -> tuple[float, float]:
    z2 = stats.norm.ppf((1 + level) / 2) ** 2
    middle = (x + z2 / 2) / (n + z2)
    half = np.sqrt(z2 * (x * (n - x) / n + z2 / 4)) / (n + z2)
    return middle - half, middle + half


def _wilson_corrected(x: float, n: float, level: float) -> tuple[float, float]:
    z = stats.norm.ppf((1 + level) / 2)
    spread = z**2 - 1 / n + 4 * x * (n - x) / n
    low = 2 * x + z**2 - 1 - z * np.sqrt(max(spread - 2 + 4 * x / n, 0))
    high = 2 * x + z**2 + 1 + z * np.sqrt(max(spread + 2 - 4 * x / n, 0))
    return low / (2 * (n + z**2)), high / (2 * (n + z**2))


def _jeffreys(x: float, n: float, level: float) -> tuple[float, float]:
    low, high = stats.beta.ppf([(1 - level) / 2, (1 + level) / 2], x + 0.5, n - x + 0.5)
    return low, high


def _clopper_pearson(x: float, n: float, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low = stats.beta.ppf(tail, x, n - x + 1) if x > 0 else 0.0
    return low, stats.beta.isf(tail, x + 1, n - x) if x < n else 1.0


def _agresti_coull(x: float, n: float, level: float) -> tuple[float, float]:
    z = stats.norm.ppf((1 + level) / 2)
    share = (x + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(share * (1 - share) / (n + z**2))
    return share - half, share + half


INTERVALS: dict[str, Callable[[float, float, float], tuple[float, float]]] = {
    "wilson": _wilson,
    "wilson_corrected": _wilson_corrected,
    "jeffreys": _jeffreys,
    "clopper_pearson": _clopper_pearson,
    "agresti_coull": _agresti_coull,
}


def _counts(successes: Any, n: Any, least: int) -> tuple[int, int]:
    n = arguments.whole("n", n, least)
    successes = arguments.whole("successes", successes)
    if successes > n:
        raise MethodError(f"is {successes}, more than n = {n}", "successes", "give how many of the n did it")
    return successes, n


def share_interval(
    successes: int, n: int, *, method: Method = "wilson", level: float = 0.95, design_effect: float = 1.0
) -> ShareInterval:
    """Return an interval of a share from counts.

    Parameters
    ----------
    successes, n : int
        How many of how many; ``n`` is at least 1.
    method : str
        ``wilson``, ``wilson_corrected`` (continuity correction), ``jeffreys`` (low end 0 if nobody did, high
        end 1 if all did), ``clopper_pearson`` or ``agresti_coull`` (cut at 0 and 1).
    level : float
        Confidence level.
    design_effect : float
        Above 0. The interval is that of ``n / design_effect`` observations with the same share (Korn and
        Graubard 1998, without their t correction).

    Returns
    -------
    ShareInterval

    Raises
    ------
    MethodError
        Counts are negative, not whole, or more than ``n``; the method is unknown; the level or the design
        effect is out of range; a continuity correction is asked for with a design effect.
    """
    arguments.choice("method", method, get_args(Method))
    successes, n = _counts(successes, n, 1)
    level = arguments.level(level)
    design_effect = arguments.number("design_effect", design_effect, 0, above=True)
    if method == "wilson_corrected" and design_effect != 1:
        what = "a continuity correction is for whole counts"
        raise MethodError(what, "design_effect", "use method='wilson' with a design effect")
    effective = n / design_effect
    low, high = INTERVALS[method](successes / design_effect, effective, level)
    # With nobody (or everybody) the end is 0 (or 1), for Jeffreys by the end-point rule; Agresti-Coull
    # ends past it and the others miss it by rounding.
    low = 0.0 if successes == 0 else max(float(low), 0.0)
    high = 1.0 if successes == n else min(float(high), 1.0)
    notes = SAMPLE, FORMULAS[method]
    return ShareInterval(successes / n, low, high, level, method, successes, n, design_effect, effective, notes)


def beta_binomial(
    successes: int,
    n: int,
    *,
    prior: tuple[float, float] = (0.5, 0.5),
    level: float = 0.95,
    design_effect: float = 1.0,
) -> Posterior:
    """Return the posterior of a share under a beta prior.

    Parameters
    ----------
    successes, n : int
        How many of how many; ``n`` may be 0, then the prior stands.
    prior : tuple of float
        Parameters of the beta prior, both above 0: (0.5, 0.5) is Jeffreys', (1, 1) is flat.
    level : float
        Of the equal-tailed interval.
    design_effect : float
        Above 0; counts enter divided by it.

    Returns
    -------
    Posterior

    Raises
    ------
    MethodError
        A count, the prior, the level or the design effect is out of range.
    """
    successes, n = _counts(successes, n, 0)
    level = arguments.level(level)
    design_effect = arguments.number("design_effect", design_effect, 0, above=True)
    shapes = arguments.vector("prior", prior, least=2, low=0, above=True)
    if len(shapes) != 2:
        raise MethodError(f"has {len(shapes)} values", "prior", "give two, such as (0.5, 0.5)")
    alpha = float(shapes[0]) + successes / design_effect
    beta = float(shapes[1]) + (n - successes) / design_effect
    law = stats.beta(alpha, beta)
    low, high = law.ppf([(1 - level) / 2, (1 + level) / 2])
    notes = SAMPLE, f"Before the counts the share follows beta({shapes[0]:g}, {shapes[1]:g})."
    return Posterior(
        alpha=alpha,
        beta=beta,
        prior=(float(shapes[0]), float(shapes[1])),
        mean=float(law.mean()),
        sd=float(law.std()),
        low=float(low),
        high=float(high),
        level=level,
        n=n,
        effective_n=n / design_effect,
        assumptions=notes,
    )


# Bounds: what an observer who sees a part supports

SEEN = "The share among those seen is as stated; where it is itself uncertain, give its range."
UNSEEN = {
    "worst": "Nothing is known of those not seen beyond the range given for them.",
    "odds": "The odds among those seen and those not seen differ by no more than the ratios given.",
}


def worst_case(share_seen: Span, fraction_seen: Span, *, share_unseen: Span = (0.0, 1.0)) -> ShareBounds:
    """Return the bounds of a share when an observer sees only a fraction of the population (Manski 1989).

    The share of all is fraction_seen * share_seen + (1 - fraction_seen) * share_unseen. With
    ``share_unseen`` anywhere from 0 to 1 the bounds are 1 - fraction_seen wide, plus fraction_seen times the
    width of ``share_seen``.

    Parameters
    ----------
    share_seen : float or pair of float
        Share among those seen, or its lowest and highest value, 0 to 1.
    fraction_seen : float or pair of float
        Fraction of the population that is seen, or its lowest and highest value, 0 to 1.
    share_unseen : float or pair of float
        What is taken for granted of those not seen: by default nothing.

    Returns
    -------
    ShareBounds

    Raises
    ------
    MethodError
        A share is outside 0 to 1, or a low end lies above its high end.
    """
    seen, unseen = arguments.span("share_seen", share_seen), arguments.span("share_unseen", share_unseen)
    fraction = arguments.span("fraction_seen", fraction_seen)
    # Linear in the fraction, so that the ends lie at its ends.
    low = min(_mix(f, seen[0], unseen[0]) for f in fraction)
    high = max(_mix(f, seen[1], unseen[1]) for f in fraction)
    return ShareBounds(low, high, seen, fraction, unseen, None, 1, (SEEN, UNSEEN["worst"]))


def selection_bounds(share_seen: Span, fraction_seen: Span, odds_ratio: Span) -> ShareBounds:
    """Return the bounds of a share when those seen differ from the others by at most an odds ratio.

    ``odds_ratio`` is the odds among those seen over the odds among those not seen: above 1 the observer sees
    too many who do it. The same number is the ratio, between those who do it and those who don't, of the odds
    of being seen. The share among those not seen is s / (s + odds_ratio * (1 - s)), s the share seen. As the
    ratio runs from 0 to infinity the bounds become those of :func:`worst_case`.

    Parameters
    ----------
    share_seen, fraction_seen : float or pair of float
        As in :func:`worst_case`.
    odds_ratio : float or pair of float
        Above 0.

    Returns
    -------
    ShareBounds

    Raises
    ------
    MethodError
        A share is outside 0 to 1, a ratio is not above 0, or a low end lies above its high end.
    """
    seen, fraction = arguments.span("share_seen", share_seen), arguments.span("fraction_seen", fraction_seen)
    ratio = arguments.span("odds_ratio", odds_ratio, 0.0, np.inf, above=True)
    unseen = _unseen(seen[0], ratio[1]), _unseen(seen[1], ratio[0])
    low = min(_mix(f, seen[0], unseen[0]) for f in fraction)
    high = max(_mix(f, seen[1], unseen[1]) for f in fraction)
    return ShareBounds(low, high, seen, fraction, unseen, ratio, 1, (SEEN, UNSEEN["odds"]))


def _mix(fraction: float, seen: float, unseen: float) -> float:
    return fraction * seen + (1 - fraction) * unseen


def _unseen(share: float, ratio: float) -> float:
    return share / (share + ratio * (1 - share))


def selection_surface(share_seen: Span, fractions_seen: Any, odds_ratios: Any) -> SelectionSurface:
    """Return the share of all over a grid of fractions seen and odds ratios.

    Parameters
    ----------
    share_seen : float or pair of float
        Share among those seen, or its lowest and highest value, 0 to 1.
    fractions_seen : sequence of float, length m
        Fractions of the population that are seen, 0 to 1, each once.
    odds_ratios : sequence of float, length k
        Odds among those seen over odds among the others, above 0, each once.

    Returns
    -------
    SelectionSurface
        m times k rows.

    Raises
    ------
    MethodError
        A value is missing, out of range, or given twice.
    """
    seen = arguments.span("share_seen", share_seen)
    fractions = _grid("fractions_seen", arguments.vector("fractions_seen", fractions_seen, low=0, high=1))
    ratios = _grid("odds_ratios", arguments.vector("odds_ratios", odds_ratios, low=0, above=True))
    fraction, ratio = (axis.ravel() for axis in np.meshgrid(fractions, ratios, indexing="ij"))
    ends = {
        name: fraction * share + (1 - fraction) * share / (share + ratio * (1 - share))
        for name, share in zip(("low", "high"), seen, strict=True)
    }
    frame = pd.DataFrame({"fraction_seen": fraction, "odds_ratio": ratio, **ends})
    return SelectionSurface(seen, frame, len(frame), (SEEN, UNSEEN["odds"]))


def _grid(name: str, values: Array) -> Array:
    if len(np.unique(values)) != len(values):
        raise MethodError("a value is given twice", name, "give each once")
    return values
