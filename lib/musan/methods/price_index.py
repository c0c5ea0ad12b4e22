"""A price index from reports that come at odd times, from odd places, in batches.

The model is hierarchical and in logs: a report is the price level of its period, plus what its place always
adds, plus what its article adds to all of its prices, plus its own error. Places and articles are random with
standard deviations from restricted maximum likelihood (Patterson and Thompson 1971, Biometrika 58), so a place
seen once is trusted less than one seen often, and ten prices from one article count for less than ten articles.
With one place and one article each this is the country-product-dummy index of Summers (1973).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import t as student

from musan.errors import MethodError
from musan.methods import arguments
from musan.methods.facts import facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.methods.arguments import Array

COLUMNS = ("price", "period", "place", "article")
LOWEST, HIGHEST = -12.0, 6.0  # logs of the variance ratios that are tried


@dataclass(frozen=True)
class Change:
    """Change of the price level between two spans of periods, in percent, with its interval."""

    pct: float
    low_pct: float
    high_pct: float


@dataclass(frozen=True)
class PriceIndex:
    """Price level by period.

    Attributes
    ----------
    frame : DataFrame
        ``period``, ``level`` (in the unit of the prices), ``low``, ``high``, ``reports``, ``articles``.
    covariance : ndarray
        Of the logs of the levels.
    sd_place, sd_article, sd_report : float
        Standard deviations of logs: between places, between articles, within both.
    n, articles, places : int
    effective_n : float
        Independent reports that would give a mean as precise.
    degrees : int
        Degrees of freedom of the intervals: articles less periods, at least one.
    confidence : float
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    covariance: Array
    sd_place: float
    sd_article: float
    sd_report: float
    n: int
    articles: int
    places: int
    effective_n: float
    degrees: int
    confidence: float
    assumptions: tuple[str, ...]

    def has(self, periods: Sequence[str]) -> bool:
        """Say whether each of the periods has a report."""
        return set(periods) <= set(self.frame["period"])

    def change(self, before: Sequence[str], after: Sequence[str]) -> Change:
        """Return the change between the mean log level of some periods and that of others.

        Parameters
        ----------
        before, after : sequence of str
            Periods; each counts the same within its span, however many reports it has.

        Returns
        -------
        Change

        Raises
        ------
        MethodError
            A period without a report.
        """
        weights = self._mean(after) - self._mean(before)
        change = float(weights @ np.log(self.frame["level"].to_numpy(float)))
        reach = self._factor() * float(np.sqrt(weights @ self.covariance @ weights))
        return Change(*(100 * float(np.expm1(x)) for x in (change, change - reach, change + reach)))

    def summary(self) -> pd.DataFrame:
        """Return what the index rests on, in words."""
        return facts(
            ("reports", self.n),
            ("articles", self.articles),
            ("places", self.places),
            ("independent reports that would be as precise", round(self.effective_n, 1)),
            ("spread between places, percent", 100 * self.sd_place),
            ("spread between articles, percent", 100 * self.sd_article),
            ("spread within both, percent", 100 * self.sd_report),
        )

    def _factor(self) -> float:
        return float(student.ppf(0.5 + self.confidence / 2, self.degrees))

    def _mean(self, periods: Sequence[str]) -> Array:
        known = list(self.frame["period"])
        if missing := [period for period in periods if period not in known]:
            raise MethodError(f"no report in {missing[0]}", "before, after", f"the index has {', '.join(known)}")
        weights = np.zeros(len(known))
        weights[[known.index(period) for period in periods]] = 1 / len(periods)
        return weights


def price_index(reports: pd.DataFrame, *, confidence: float = 0.9) -> PriceIndex:
    """Return the price level by period from irregular reports.

    Parameters
    ----------
    reports : DataFrame
        One row a report: ``price`` (positive, one unit), ``period``, ``place``, ``article`` (texts).
    confidence : float
        Of the intervals.

    Returns
    -------
    PriceIndex

    Raises
    ------
    MethodError
        A column is missing, a price is not positive, or there are no more reports than periods.
    """
    confidence = arguments.level(confidence)
    if missing := [column for column in COLUMNS if column not in reports.columns]:
        raise MethodError(f"lacks the column {missing[0]!r}", "reports", "add it")
    logs = np.log(arguments.vector("price", reports["price"], low=0, above=True))
    labels = reports["period"].astype(str).to_numpy()
    periods = sorted(set(labels))
    if len(logs) <= len(periods):
        raise MethodError(f"has {len(logs)} reports for {len(periods)} periods", "reports", "use longer periods")
    design = (labels[:, None] == np.array(periods)[None, :]).astype(float)
    same = [_same(reports[column]) for column in ("place", "article")]
    ratios = _variance_ratios(logs, design, same)
    fitted = _fit(ratios, logs, design, same)
    articles = reports["article"].astype(str)
    degrees = max(articles.nunique() - len(periods), 1)
    reach = student.ppf(0.5 + confidence / 2, degrees) * np.sqrt(np.diag(fitted.covariance))
    counts = articles.groupby(labels)
    frame = pd.DataFrame(
        {
            "period": periods,
            "level": np.exp(fitted.effects),
            "low": np.exp(fitted.effects - reach),
            "high": np.exp(fitted.effects + reach),
            "reports": counts.size().reindex(periods).to_numpy(),
            "articles": counts.nunique().reindex(periods).to_numpy(),
        }
    )
    sd_place, sd_article = np.sqrt(ratios * fitted.variance)
    return PriceIndex(
        frame=frame,
        covariance=fitted.covariance,
        sd_place=float(sd_place),
        sd_article=float(sd_article),
        sd_report=float(np.sqrt(fitted.variance)),
        n=len(logs),
        articles=articles.nunique(),
        places=reports["place"].nunique(),
        effective_n=_effective_n(ratios, same),
        degrees=degrees,
        confidence=confidence,
        assumptions=(
            "a place is dearer or cheaper by the same share in every period",
            "reports of one article share an error, articles do not",
            "a period is seen on its days with reports only",
        ),
    )


@dataclass(frozen=True)
class _Fit:
    """Generalised least squares for given variance ratios; ``slopes`` are those of the criterion, by log of a ratio."""

    criterion: float
    slopes: Array
    effects: Array
    covariance: Array
    variance: float


def _same(column: pd.Series[Any]) -> Array:
    """Return a matrix with one where two reports share a label."""
    labels = np.asarray(column.fillna("").astype(str), dtype=str)
    return np.asarray(labels[:, None] == labels[None, :], dtype=float)


def _spread(ratios: Array, same: Sequence[Array]) -> Array:
    """Return the covariance of reports in units of their own variance."""
    spread: Array = np.eye(len(same[0])) + np.tensordot(ratios, np.asarray(same), axes=1)
    return spread


def _fit(ratios: Array, logs: Array, design: Array, same: Sequence[Array]) -> _Fit:
    root = np.linalg.cholesky(_spread(ratios, same))
    whiten: Array = np.linalg.inv(root)
    x: Array = whiten @ design
    y: Array = whiten @ logs
    information: Array = x.T @ x
    covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
    effects = np.asarray(np.linalg.solve(information, x.T @ y), dtype=np.float64)
    rest = y - x @ effects
    degrees = len(logs) - design.shape[1]
    variance = max(float(rest @ rest) / degrees, 1e-12)
    criterion = float(np.log(np.diag(root)).sum() + np.linalg.slogdet(information)[1] / 2)
    return _Fit(
        criterion=criterion + degrees * np.log(variance) / 2,
        slopes=ratios * _slopes(whiten, x, covariance, rest / np.sqrt(variance), same),
        effects=effects,
        covariance=variance * covariance,
        variance=variance,
    )


def _slopes(whiten: Array, x: Array, covariance: Array, rest: Array, same: Sequence[Array]) -> Array:
    """Return the derivatives of the restricted likelihood's criterion by each variance ratio.

    With P the matrix that makes weighted residuals and S the reports that share a label, they are half of
    trace(P S) - (P y)' S (P y) / variance (Harville 1977, Journal of the American Statistical Association 72).
    """
    within = whiten.T @ x
    projection = whiten.T @ whiten - within @ covariance @ within.T
    weighted = whiten.T @ rest
    return np.array([((projection * each).sum() - weighted @ each @ weighted) / 2 for each in same])


def _variance_ratios(logs: Array, design: Array, same: Sequence[Array]) -> Array:
    """Return the variances between places and between articles, relative to that within, by REML."""

    def criterion(theta: Array) -> tuple[float, Array]:
        fitted = _fit(np.exp(theta), logs, design, same)
        return fitted.criterion, fitted.slopes

    bounds = [(LOWEST, HIGHEST)] * len(same)
    starts = ([-1.0, -1.0], [-8.0, -8.0], [-8.0, 0.0], [0.0, -8.0])
    found = [minimize(criterion, start, jac=True, method="L-BFGS-B", bounds=bounds) for start in starts]
    best = min(found, key=lambda result: float(result.fun))
    ratios: Array = np.exp(np.asarray(best.x, dtype=float))
    return ratios


def _effective_n(ratios: Array, same: Sequence[Array]) -> float:
    correlation = _spread(ratios, same) / (1 + ratios.sum())
    return float(np.linalg.solve(correlation, np.ones(len(correlation))).sum())
