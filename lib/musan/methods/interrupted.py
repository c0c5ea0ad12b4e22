"""Interrupted time series: what changed in level and slope at known dates, and what there would have been.

A date is the last observation of the old regime. The change in level is the jump at the first observation
after it; the slope changes from there on. Counts, and values with zeros, take a Poisson regression with a log
link (Santos Silva and Tenreyro 2006), never the logarithm of one more than the value.

Standard errors allow for serial correlation (Newey and West 1987). Textbook critical values fail in short
series: with 24 months and errors of autocorrelation 0.5, nominal 95 % intervals by Newey and West hold the truth
in 64 to 78 % of samples. The default intervals take the distribution of the t-ratio itself from errors drawn from an
autoregression whose coefficients are corrected for the regressors: 92 to 95 % up to an autocorrelation of 0.5, 90 to
93 % at 0.7, but 79 to 92 % with errors of the second order (0.3, 0.3), worst for a change in slope in 24 months.
Fixed-b critical values (Kiefer and Vogelsang 2005, Econometric Theory 21; Lazarus, Lewis, Stock and Watson 2018,
Journal of Business and Economic Statistics 36) lie in between. The numbers, and the size of placebo ranks, are in
``tests/reference/interrupted/README.md``.

References: Wagner, Soumerai, Zhang and Ross-Degnan (2002), Journal of Clinical Pharmacy and Therapeutics 27; Bernal,
Cummins and Gasparrini (2017), International Journal of Epidemiology 46; Turner et al. (2021), BMC Medical Research
Methodology 21; Abadie, Diamond and Hainmueller (2015), American Journal of Political Science 59, for placebos in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from musan.errors import MethodError
from musan.methods.arguments import choice, whole
from musan.methods.autoregression import Bootstrap
from musan.methods.facts import facts
from musan.methods.long_run_variance import Hac
from musan.methods.observations import Observations, Values, columns, observe
from musan.methods.segmented import (
    Family,
    Intervals,
    Law,
    Model,
    Seasonality,
    Terms,
    estimate,
    standard_errors,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from musan.methods.autoregression import Innovations, Order

Array = npt.NDArray[np.float64]
Window = Literal["all", "before"]
Covariance = Literal["hac", "classical"] | Hac

# Lazarus et al. (2018): 1.3 sqrt(n) smooths more than the usual rules, for critical values that allow for it.
SMOOTH = Hac("bartlett", "lazarus", prewhiten=False, adjust=True)


@dataclass(frozen=True, eq=False)
class Interrupted:
    """A segmented regression.

    Attributes
    ----------
    coefficients : DataFrame
        Indexed by term: ``estimate``, ``standard_error``, ``low``, ``high``, ``p_value``; with a log link on the log
        scale, and also ``ratio``, ``ratio_low``, ``ratio_high``.
    frame : DataFrame
        One row a date: ``date``, ``observed``, ``fitted``, ``counterfactual`` (without any interruption) with
        ``counterfactual_low`` and ``_high``, ``effect`` (fitted less counterfactual) with ``effect_low`` and
        ``_high``; with a log link also ``ratio`` (fitted over counterfactual), ``ratio_low``, ``ratio_high``. The
        intervals are of means, without the noise of a single observation.
    total : DataFrame
        One row: ``effect`` summed from the first interruption on, ``effect_low``, ``effect_high``, ``counterfactual``
        summed, and ``share`` (effect over counterfactual) with ``share_low``, ``share_high``.
    covariance : DataFrame
        Of the coefficients.
    family : str
    level : float
        Of all intervals.
    dispersion : float
        Error variance, or for counts variance over mean (Pearson); above one, counts vary more than Poisson's.
    n : int
    effective_n : float
        Observations without memory that would pin down a mean as well.
    assumptions : tuple of str
    """

    coefficients: pd.DataFrame
    frame: pd.DataFrame
    total: pd.DataFrame
    covariance: pd.DataFrame
    family: str
    level: float
    dispersion: float
    n: int
    effective_n: float
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        total, rows = self.total.iloc[0], []
        scale = "ratio" if self.family != "gaussian" else "estimate"
        columns = [scale, "ratio_low", "ratio_high"] if scale == "ratio" else [scale, "low", "high"]
        for term, row in self.coefficients.iterrows():
            if str(term).startswith(("level", "slope")):
                middle, low, high = (f"{row[c]:.4g}" for c in columns)
                rows.append((f"{term}{', ratio' if scale == 'ratio' else ''}", f"{middle} ({low} to {high})"))
        effect = f"{total['effect']:.4g} ({total['effect_low']:.4g} to {total['effect_high']:.4g})"
        share = [f"{100 * total[name]:.0f}" for name in ("share", "share_low", "share_high")]
        return facts(
            *rows,
            ("effect, summed", effect),
            ("effect as a share of the counterfactual", f"{share[0]} % ({share[1]} to {share[2]})"),
            ("level of the intervals", f"{100 * self.level:g} %"),
            ("dispersion", self.dispersion),
            ("observations", self.n),
            ("effective number of observations", round(self.effective_n, 1)),
        )


@dataclass(frozen=True, eq=False)
class Placebo:
    """The true date among placebo dates.

    Attributes
    ----------
    date : label
        The true date.
    statistic : float
        Its absolute t-ratio, or the Wald statistic of level and slope.
    rank : int
        Of the true date, the largest statistic being first; ties count against it.
    p_value : float
        Rank over the number of dates: how often a date drawn blindly does as well. Not below 1 / ``n_dates``.
    frame : DataFrame
        One row a date tried, the true one included: ``date``, ``estimate``, ``standard_error``, ``statistic``,
        ``true``.
    n_dates : int
        Dates tried, the true one included.
    n : int
        Observations.
    assumptions : tuple of str
    """

    date: Any
    statistic: float
    rank: int
    p_value: float
    frame: pd.DataFrame
    n_dates: int
    n: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        best = self.frame["date"].iloc[int(self.frame["statistic"].to_numpy().argmax())]
        return facts(
            ("true date", self.date),
            ("statistic at the true date", self.statistic),
            ("rank among all dates", f"{self.rank} of {self.n_dates}"),
            ("placebo p", self.p_value),
            ("date with the largest statistic", best),
            ("observations", self.n),
        )


def fit(
    y: Values,
    dates: Hashable | Sequence[Hashable],
    *,
    family: Family = "gaussian",
    exposure: Values | None = None,
    controls: Values | None = None,
    trend: bool = True,
    slope: bool = True,
    seasonality: Seasonality = "none",
    harmonics: int = 2,
    season_length: int | None = None,
    covariance: Covariance = "hac",
    intervals: Intervals = "bootstrap",
    level: float = 0.95,
    replications: int = 1999,
    order: Order = 1,
    innovations: Innovations = "resampled",
    seed: int = 0,
) -> Interrupted:
    """Fit a segmented regression with a change in level, and in slope, at each date.

    Parameters
    ----------
    y : array-like or Series, shape (n,)
        The series; a Series brings its dates (periods or numbers).
    dates : label or sequence of labels
        Last observations of the old regimes: dates of ``y``, or positions from one if it has none.
    family : {"gaussian", "poisson", "quasipoisson"}
        The last two have a log link and take zeros. They differ in the classical covariance only, where
        ``quasipoisson`` estimates the dispersion.
    exposure : array-like, shape (n,), optional
        What counts are proportional to, above zero, such as days or people; with a log link only.
    controls : array-like or DataFrame, shape (n, k), optional
        Other regressors; they keep their observed values in the counterfactual.
    trend, slope : bool
        A linear trend throughout, and its change at each date.
    seasonality : {"none", "dummies", "fourier"}
    harmonics : int
        Pairs of sine and cosine with ``fourier``.
    season_length : int, optional
        Observations a cycle; known for monthly, quarterly and weekly periods.
    covariance : "hac", "classical" or Hac
        ``"hac"``: Bartlett kernel over 1.3 sqrt(n) lags, not prewhitened, times n / (n - k). Newey and West's own
        automatic lag is ``long_run_variance.NEWEY_WEST``.
    intervals : {"bootstrap", "fixed_b", "t", "normal"}
        Where critical values and p-values come from: t-ratios of errors drawn from their autoregression; of
        errors without memory; Student's t with n - k degrees of freedom; the normal distribution.
    level : float
        Of the intervals.
    replications, order, innovations, seed
        Of the draws: their number, the lags of the errors' autoregression (or ``"aic"`` or ``"bic"``, which choose
        them), how innovations are drawn (``"wild"`` keeps changes in the size of the errors), and the seed.

    Returns
    -------
    Interrupted

    Raises
    ------
    MethodError
        Bad data (see :func:`musan.methods.observations.observe`), a date outside the sample or too near its
        ends or another date, negative counts, counts that are all zero in a regime, exposure that is
        not above zero, or no cycle length.
    """
    bootstrap = Bootstrap(replications, order, innovations, seed)
    data = observe(y, controls, constant=True, purpose="a segmented regression", named="controls")
    positions = _positions(data, dates, slope)
    terms = Terms(trend, slope, seasonality, harmonics, season_length)
    design = terms.design(data, positions)
    weights = _exposure(data, exposure, _family(family), dated=isinstance(y, pd.Series))
    model = estimate(data, design, family, weights, _covariance(covariance))
    law = Law.of(model, intervals, level, bootstrap)
    return Interrupted(
        coefficients=_coefficient_table(model, law),
        frame=_effects(model, law, positions[0]),
        total=_total(model, law, positions[0]),
        covariance=pd.DataFrame(model.covariance, index=design.names, columns=design.names),
        family=family,
        level=level,
        dispersion=model.dispersion,
        n=data.n,
        effective_n=law.errors.effective_n,
        assumptions=(
            "nothing else changed the series at these dates, and without them it had kept its level and trend",
            *terms.words(),
            model.words(),
            law.words(),
        ),
    )


def placebo(
    y: Values,
    date: Hashable,
    *,
    term: Literal["level", "slope", "joint"] = "level",
    window: Window = "all",
    margin: int | None = None,
    family: Family = "gaussian",
    exposure: Values | None = None,
    controls: Values | None = None,
    trend: bool = True,
    slope: bool = True,
    seasonality: Seasonality = "none",
    harmonics: int = 2,
    season_length: int | None = None,
    covariance: Covariance = "hac",
) -> Placebo:
    """Rank the true date's statistic among those of dates at which nothing is known to have happened.

    Parameters
    ----------
    y, family, exposure, controls, trend, slope, seasonality, harmonics, season_length, covariance
        As in :func:`fit`.
    date : label
        The true date.
    term : {"level", "slope", "joint"}
        Whose statistic is ranked.
    window : {"all", "before"}
        ``all``: the whole sample for every date; dates near the true one then feel its effect, which can
        only worsen its rank. ``before``: placebo dates see the sample up to the true date only.
    margin : int, optional
        Fewest observations on either side of a date; by default an eighth of the sample, at least four.

    Returns
    -------
    Placebo
        The p-value supposes that the true date could as well have been any other. It needs 20 dates to
        get to 5 %. For a date in the middle, at a nominal 10 %, it is at most 10 % in 2 to 6 % of samples without a
        change; in 4 to 12 % with a trend that stays, and in 10 to 14 % with ``window="before"`` (60 months).

    Raises
    ------
    MethodError
        As in :func:`fit`; a term that is not in the model; no placebo date within the margins.
    """
    if term not in ("level", "slope", "joint") or (not slope and term != "level"):
        raise MethodError(f"{term!r} is not in the model", "term", "choose 'level', or set slope=True")
    choice("window", window, get_args(Window))
    data = observe(y, controls, constant=True, purpose="a segmented regression", named="controls")
    terms = Terms(trend, slope, seasonality, harmonics, season_length)
    true, chosen, kind = data.position(date, "date"), _covariance(covariance), _family(family)
    weights = _exposure(data, exposure, kind, dated=isinstance(y, pd.Series))
    tried = _candidates(data.n, true, window, margin)
    rows = []
    for position in tried:
        stop = data.n if window == "all" or position == true else true
        part = _until(data, stop)
        design = terms.design(part, (int(position),))
        model = estimate(part, design, kind, weights[:stop], chosen)
        rows.append((data.date(position), *_statistic(model, term), position == true))
    frame = pd.DataFrame(rows, columns=["date", "estimate", "standard_error", "statistic", "true"])
    statistic = float(frame.loc[frame["true"], "statistic"].iloc[0])
    rank = int((frame["statistic"] >= statistic).sum())
    return Placebo(
        date=data.date(true),
        statistic=statistic,
        rank=rank,
        p_value=rank / len(frame),
        frame=frame,
        n_dates=len(frame),
        n=data.n,
        assumptions=("any date could have been the true one", f"statistic of: {term}", *terms.words(), model.words()),
    )


# Arguments


def _family(family: Family) -> Family:
    choice("family", family, get_args(Family))
    return family


def _covariance(covariance: Covariance) -> Hac | None:
    if isinstance(covariance, Hac):
        return covariance
    choice("covariance", covariance, ("hac", "classical"))
    return SMOOTH if covariance == "hac" else None


def _positions(data: Observations, dates: Hashable | Sequence[Hashable], slope: bool) -> tuple[int, ...]:
    given: list[Any] = list(dates) if isinstance(dates, list | tuple | pd.Index | np.ndarray) else [dates]
    if not given:
        raise MethodError("there are none", "dates", "give at least one date of the series")
    positions = tuple(data.position(date, "dates") for date in given)
    least = 2 if slope else 1
    for (before, after), label in zip(pairwise((0, *positions, data.n)), [*given, "the end"], strict=True):
        if after - before < least:
            what = f"the regime up to {label} has {max(after - before, 0)} observations"
            raise MethodError(what, "dates", f"give dates in order, with at least {least} observations to a regime")
    return positions


def _exposure(data: Observations, exposure: Values | None, family: Family, *, dated: bool) -> Array:
    if family != "gaussian" and (data.y < 0).any():
        where = data.index[int(np.argmax(data.y < 0))]
        raise MethodError(f"the figure of {where} is negative", "y", "use family='gaussian' for what can be negative")
    if exposure is None:
        return np.ones(data.n)
    if family == "gaussian":
        raise MethodError("a gaussian family has none", "exposure", "use family='poisson', or divide y by it")
    figures, _ = columns(exposure, "exposure", data.index, dated=dated)
    if figures.shape[1] != 1 or not (figures > 0).all():
        raise MethodError("it is not one column above zero", "exposure", f"give {data.n} figures above zero")
    return figures[:, 0]


def _candidates(n: int, true: int, window: Window, margin: int | None) -> npt.NDArray[np.int64]:
    margin = max(4, n // 8) if margin is None else whole("margin", margin, 2)
    stop = n if window == "all" else true
    tried = np.arange(margin, stop - margin + 1)
    if not len(tried[tried != true]):
        what = f"no date has {margin} observations on either side"
        raise MethodError(what, "margin", "give a smaller margin, or window='all'")
    return np.union1d(tried, [true])


def _until(data: Observations, stop: int) -> Observations:
    return Observations(
        data.y[:stop], data.changing[:stop], data.fixed[:stop], data.index[:stop], data.names, data.fixed_names
    )


# Tables


def _coefficient_table(model: Model, law: Law) -> pd.DataFrame:
    each = np.eye(len(model.coefficients))
    errors, half = standard_errors(model, each), law.half_widths(model, each)
    b = model.coefficients
    table = pd.DataFrame(
        {
            "estimate": b,
            "standard_error": errors,
            "low": b - half,
            "high": b + half,
            "p_value": law.p_values(b / errors, each),
        },
        index=pd.Index(model.design.names, name="term"),
    )
    if model.log:
        table = table.assign(ratio=np.exp(b), ratio_low=np.exp(b - half), ratio_high=np.exp(b + half))
    return table


def _effects(model: Model, law: Law, first: int) -> pd.DataFrame:
    """Return fitted values, counterfactual and effect at each date."""
    actual, without = model.design.actual, model.design.counterfactual
    fitted, counterfactual = model.mean(actual), model.mean(without)
    half = law.half_widths(model, without)
    low, high = without @ model.coefficients - half, without @ model.coefficients + half
    if model.log:
        low, high = model.exposure * np.exp(low), model.exposure * np.exp(high)
    effect = fitted - counterfactual
    effect[:first] = 0.0
    spread = law.half_widths(model, model.gradient(actual) - model.gradient(without))
    frame = pd.DataFrame(
        {
            "date": model.data.index,
            "observed": model.data.y,
            "fitted": fitted,
            "counterfactual": counterfactual,
            "counterfactual_low": low,
            "counterfactual_high": high,
            "effect": effect,
            "effect_low": effect - spread,
            "effect_high": effect + spread,
        }
    )
    if model.log:
        step = (actual - without) @ model.coefficients
        half = law.half_widths(model, actual - without)
        frame = frame.assign(ratio=np.exp(step), ratio_low=np.exp(step - half), ratio_high=np.exp(step + half))
    return frame


def _total(model: Model, law: Law, first: int) -> pd.DataFrame:
    """Return the effect summed, and as a share of the counterfactual summed (delta method)."""
    actual, without = model.design.actual, model.design.counterfactual
    counterfactual = float(model.mean(without)[first:].sum())
    effect = float(model.mean(actual)[first:].sum()) - counterfactual
    base = model.gradient(without)[first:].sum(axis=0)
    slope = model.gradient(actual)[first:].sum(axis=0) - base
    share = effect / counterfactual
    half, share_half = law.half_widths(model, np.array([slope, (slope - share * base) / counterfactual]))
    row = {
        "effect": effect,
        "effect_low": effect - half,
        "effect_high": effect + half,
        "counterfactual": counterfactual,
        "share": share,
        "share_low": share - share_half,
        "share_high": share + share_half,
    }
    return pd.DataFrame([row])


def _statistic(model: Model, term: str) -> tuple[float, float, float]:
    """Return estimate, standard error and statistic of an interruption (of its level, if it is joint)."""
    names = model.design.names
    level = next(i for i, name in enumerate(names) if name.startswith("level"))
    if term == "joint":
        terms = [level, level + 1]
        b = model.coefficients[terms]
        wald = float(b @ np.linalg.solve(model.covariance[np.ix_(terms, terms)], b))
        return float(b[0]), float(np.sqrt(model.covariance[level, level])), wald
    i = level + (term == "slope")
    error = float(np.sqrt(model.covariance[i, i]))
    return float(model.coefficients[i]), error, abs(float(model.coefficients[i])) / error
