"""Design effects: how many independent observations a weighted, clustered or stratified sample is worth.

The design effect is the variance of an estimate over that of the same estimate from a simple random sample
of the same size (Kish 1965); the effective n is n over it. Weights that differ cost precision, clusters of
like people cost more, strata save some. Testimony is the extreme: what one informant says of his colleagues
is one cluster, however many they are, and its effective n can't exceed 1 over the intraclass correlation.

References: Kish (1965), *Survey Sampling*, and (1992), Journal of Official Statistics 8; Cochran (1977),
*Sampling Techniques*; Särndal, Swensson and Wretman (1992), *Model Assisted Survey Sampling*, chapter 5, for
the linearised variance of a weighted mean; Lumley (2010), *Complex Surveys*; Donner and Koval (1980),
Biometrics 36, for the intraclass correlation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from musan.errors import MethodError
from musan.methods import arguments
from musan.methods.facts import facts, percent, span_words

if TYPE_CHECKING:
    from musan.methods.arguments import Array

Codes = npt.NDArray[np.int64]
Against = Literal["without_replacement", "with_replacement"]


@dataclass(frozen=True)
class DesignEffect:
    """A design effect and what it leaves of ``n`` observations: ``effective_n`` is ``n`` over it."""

    design_effect: float
    n: int
    effective_n: float
    of: str
    assumptions: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row: ``of``, ``n``, ``design_effect``, ``effective_n``."""
        columns = ["of", "n", "design_effect", "effective_n"]
        return pd.DataFrame([[getattr(self, name) for name in columns]], columns=columns)

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("design effect of", self.of),
            ("observations", self.n),
            ("design effect", self.design_effect),
            ("effective n", self.effective_n),
        )


@dataclass(frozen=True)
class IntraclassCorrelation:
    """How alike members of a cluster are: 0 not at all, 1 the same.

    ``cluster_size`` is the mean size that the estimate rests on, adjusted for unequal sizes.
    """

    value: float
    n: int
    clusters: int
    cluster_size: float
    assumptions: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row: ``intraclass_correlation``, ``n``, ``clusters``, ``cluster_size``."""
        row = {"intraclass_correlation": [self.value], "n": [self.n], "clusters": [self.clusters]}
        return pd.DataFrame({**row, "cluster_size": [self.cluster_size]})

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("intraclass correlation", self.value),
            ("observations", self.n),
            ("clusters", self.clusters),
        )


@dataclass(frozen=True)
class SurveyMean:
    """A weighted mean (a share, if the values are 0 and 1) with the error that its design leaves.

    ``against`` says which simple random sample the design effect is held against. The interval is Student's t
    with ``degrees_of_freedom``, clusters less strata.
    """

    mean: float
    standard_error: float
    low: float
    high: float
    level: float
    design_effect: float
    against: str
    n: int
    effective_n: float
    clusters: int
    strata: int
    degrees_of_freedom: int
    assumptions: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row: ``mean``, ``standard_error``, ``low``, ``high``, ``design_effect``, ``effective_n``."""
        columns = ["mean", "standard_error", "low", "high", "design_effect", "effective_n"]
        return pd.DataFrame([[getattr(self, name) for name in columns]], columns=columns)

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("mean", self.mean),
            ("standard error", self.standard_error),
            (f"{percent(self.level, 0)} interval", span_words(self.low, self.high)),
            ("observations", self.n),
            ("clusters, strata", (self.clusters, self.strata)),
            (f"design effect, {self.against.replace('_', ' ')}", self.design_effect),
            ("effective n", self.effective_n),
        )


def design_effect_of_weights(weights: Any) -> DesignEffect:
    """Return what unequal weights cost: n sum(w^2) / sum(w)^2 (Kish 1965, 1992).

    Parameters
    ----------
    weights : array of float, length n
        Above 0, in any unit.

    Returns
    -------
    DesignEffect

    Raises
    ------
    MethodError
        A weight is missing, infinite, zero or negative.
    """
    weights = arguments.vector("weights", weights, low=0, above=True)
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    n, note = len(weights), "Weights have nothing to do with the values (Kish 1992)."
    return DesignEffect(n / effective, n, effective, "weights", (note,))


def design_effect_of_clusters(cluster_sizes: Any, intraclass_correlation: float) -> DesignEffect:
    """Return what clusters cost: 1 + (m - 1) rho (Kish 1965).

    m is the mean size of the cluster that an observation belongs to, sum(size^2) / sum(size): the common size
    if all are equal.

    Parameters
    ----------
    cluster_sizes : array of int, length k
        Observations in each cluster, at least 1. One informant is one cluster.
    intraclass_correlation : float
        Up to 1, and such that the design effect stays above 0.

    Returns
    -------
    DesignEffect

    Raises
    ------
    MethodError
        A size is not a count of at least 1, or the correlation is out of range.
    """
    sizes = arguments.vector("cluster_sizes", cluster_sizes, low=1)
    if (sizes != np.round(sizes)).any():
        raise MethodError("not all are whole", "cluster_sizes", "give how many observations each cluster has")
    rho = arguments.number("intraclass_correlation", intraclass_correlation, -1, 1)
    size = float((sizes**2).sum() / sizes.sum())
    effect, n = 1 + (size - 1) * rho, int(sizes.sum())
    if effect <= 0:
        what = f"is {rho:g}, impossible with clusters of {size:g}"
        raise MethodError(what, "intraclass_correlation", f"give more than {-1 / (size - 1):.4g}")
    note = "Members of any one cluster are equally alike; clusters have nothing to do with each other."
    return DesignEffect(effect, n, n / effect, "clusters", (note,))


def intraclass_correlation(values: Any, clusters: Any) -> IntraclassCorrelation:
    """Return how alike members of a cluster are, from a one-way analysis of variance.

    (between - within) / (between + (m - 1) within), with mean squares between and within clusters and m the
    mean cluster size, adjusted for unequal sizes (Donner and Koval 1980). It can be slightly negative.

    Parameters
    ----------
    values : array of float, length n
        For a share, 0 and 1.
    clusters : array, length n
        Label of each value's cluster.

    Returns
    -------
    IntraclassCorrelation

    Raises
    ------
    MethodError
        A value or label is missing, there is one cluster, no cluster has two members, or all values are equal.
    """
    values = arguments.vector("values", values, least=3)
    codes = _codes("clusters", clusters, len(values))
    sizes = np.bincount(codes)
    k, n = len(sizes), len(values)
    if k < 2 or k == n:
        what = f"{k} clusters among {n} values"
        raise MethodError(what, "clusters", "give at least two clusters, one of them with two members")
    if np.ptp(values) == 0:
        raise MethodError("all are equal", "values", "a constant has no correlation")
    means = np.bincount(codes, values) / sizes
    between = float((sizes * (means - values.mean()) ** 2).sum() / (k - 1))
    within = float(((values - means[codes]) ** 2).sum() / (n - k))
    size = float((n - (sizes**2).sum() / n) / (k - 1))
    value = (between - within) / (between + (size - 1) * within)
    note = "Clusters are a random draw of clusters; members of any one are equally alike."
    return IntraclassCorrelation(value, n, k, size, (note,))


def survey_mean(
    values: Any,
    *,
    weights: Any = None,
    clusters: Any = None,
    strata: Any = None,
    population_clusters: Any = None,
    against: Against | None = None,
    level: float = 0.95,
) -> SurveyMean:
    """Return a weighted mean with its standard error and design effect, for a one-stage sample design.

    The variance is that of the linearised mean between clusters within strata. The design effect is held
    against a simple random sample of the same n from a population as large as the weights' sum, drawn without
    or with replacement (``deff=TRUE`` and ``deff="replace"`` of R's survey package).

    Parameters
    ----------
    values : array of float, length n
        For a share, 0 and 1.
    weights : array of float, length n, optional
        Above 0: how many people each observation stands for. By default all the same.
    clusters : array, length n, optional
        Label of each observation's cluster, within its stratum. By default each is its own.
    strata : array, length n, optional
        Label of each observation's stratum. By default there is one.
    population_clusters : float, or array of float of length n, optional
        How many clusters (without clusters: people) the observation's stratum has in the population. By
        default so many that the sample takes nothing away.
    against : str, optional
        ``without_replacement`` or ``with_replacement``. By default the first if the weights sum to more than
        n, else the second.
    level : float
        Of the interval.

    Returns
    -------
    SurveyMean

    Raises
    ------
    MethodError
        An array is too short, of another length or out of range; a stratum has a single cluster, or fewer in
        the population than in the sample; all values are equal; ``without_replacement`` is asked for and the
        weights sum to no more than n.
    """
    level, values = arguments.level(level), arguments.vector("values", values, least=2)
    n = len(values)
    if np.ptp(values) == 0:
        raise MethodError("all are equal", "values", "a constant has no design effect: use a share interval")
    weights = np.ones(n) if weights is None else arguments.vector("weights", weights, low=0, above=True)
    arguments.same_length(values=values, weights=weights)
    stratum = np.zeros(n, dtype=np.int64) if strata is None else _codes("strata", strata, n)
    cluster = np.arange(n) if clusters is None else _codes("clusters", clusters, n)
    against = _against(against, float(weights.sum()), n)
    mean = float((weights * values).sum() / weights.sum())
    influence = weights * (values - mean) / weights.sum()
    variance, count, layers = _between_clusters(influence, stratum, cluster, population_clusters)
    spread = float((weights * (values - mean) ** 2).sum() / weights.sum()) * n / (n - 1)
    left = 1 - n / float(weights.sum()) if against == "without_replacement" else 1.0
    effect = variance / (spread / n * left)
    error, df = float(np.sqrt(variance)), count - layers
    half = float(stats.t.ppf((1 + level) / 2, df)) * error
    return SurveyMean(
        mean=mean,
        standard_error=error,
        low=mean - half,
        high=mean + half,
        level=level,
        design_effect=effect,
        against=against,
        n=n,
        effective_n=n / effect if effect > 0 else np.inf,
        clusters=count,
        strata=layers,
        degrees_of_freedom=df,
        assumptions=(
            "Clusters are drawn at random within strata, in one stage; weights are the inverse of the chances.",
            "The mean is close to linear in its totals: many clusters, or clusters of like size.",
        ),
    )


def _against(given: Against | None, total: float, n: int) -> Against:
    known: tuple[Against, Against] = ("without_replacement", "with_replacement")
    if given is None:
        return known[0] if total > n * (1 + 1e-9) else known[1]
    arguments.choice("against", given, known)
    if given == known[0] and total <= n * (1 + 1e-9):
        what = f"weights sum to {total:g}, the sample has {n}"
        raise MethodError(what, "against", "give weights that sum to the population, or 'with_replacement'")
    return given


def _between_clusters(influence: Array, stratum: Codes, cluster: Codes, population: Any) -> tuple[float, int, int]:
    """Return the variance of a total of influences, and the numbers of clusters and of strata."""
    frame = pd.DataFrame({"stratum": stratum, "cluster": cluster, "influence": influence})
    if population is not None:
        many = np.full(len(frame), population) if np.ndim(population) == 0 else population
        arguments.same_length(values=frame, population_clusters=many)
        population = arguments.vector("population_clusters", many, low=1)
    frame["population"] = np.inf if population is None else population
    totals = frame.groupby(["stratum", "cluster"])["influence"].sum()
    layers = totals.groupby("stratum").agg(["size", "var"])
    sizes = frame.groupby("stratum")["population"].agg(["min", "max"])
    if (layers["size"] < 2).any():
        what = f"stratum number {int(np.argmax(layers['size'] < 2))} has a single cluster"
        raise MethodError(what, "strata" if len(layers) > 1 else "clusters", "merge it with a stratum like it")
    if (sizes["min"] < sizes["max"]).any() or (sizes["min"] < layers["size"]).any():
        what = "a stratum has several values, or fewer clusters than were drawn"
        raise MethodError(what, "population_clusters", "give each stratum's number of clusters in the population")
    # n clusters of N: (1 - n/N) n times the variance between cluster totals.
    variance = (layers["size"] * layers["var"] * (1 - layers["size"] / sizes["min"])).sum()
    return float(variance), int(layers["size"].sum()), len(layers)


def _codes(name: str, labels: Any, n: int) -> Codes:
    if len(labels) != n:
        raise MethodError(f"has {len(labels)} labels for {n} values", name, "give one label a value")
    codes, _ = pd.factorize(np.asarray(labels))
    if (codes < 0).any():
        raise MethodError(f"label {int(np.argmax(codes < 0))} is missing", name, "give each value a label")
    return np.asarray(codes, dtype=np.int64)
