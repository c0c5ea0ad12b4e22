"""When did China's imports from the DPRK break? Tests at the dates of measures, and without a date.

Tests run on months that the printed figures pin down. A month that is only filled in between others is no
observation: a test that counts it as one claims more than was seen. What filling in does to a p-value is shown by
repeating the test over random paths of the rebuilt series.

A date is the last month of the old regime. In dollars the tests ask when most money was lost; in logarithms,
when trade fell by the largest share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import signal

from musan import mirror, prose
from musan.errors import MethodError
from musan.methods import breaks, interrupted, multiple_breaks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from musan.methods.reconcile import Reconciliation

    Monthly = pd.Series[float]

KNOWN_WITHIN = 0.10  # half the 90 % interval of a month that counts as known, as a share of its mean
MIDDLE_OF_MONTH = 15
TRIMMING = 0.15  # share of the months left out at either end
LEVEL, TAIL = 0.95, 0.05  # of the intervals, and cut from either end of what the random paths say
SHORTEST = multiple_breaks.MINIMUM
SCALES = ("dollars", "logarithm")
# The measures that the step model takes together: one for each of the three falls that the series shows.
STEPS = ("MOFCOM/GACC announcement suspending coal", "UNSCR 2371", "UNSCR 2397")
# The month that holds most of the week of holidays.
NEW_YEAR = ("2013-02", "2014-02", "2015-02", "2016-02", "2017-01", "2018-02", "2019-02")
FILLED_FROM, FILLED_TO = "2014-01", "2018-12"
# Ways of looking for a break that the prose speaks of.
KNOWN, SMOOTH, DRAWN = "known months", "2014-2018, smooth mean", "2014-2018, random paths"
PATHS, PATH_REPLICATIONS = 60, 299
SIMULATED, SIMULATED_REPLICATIONS, WARM_UP = 200, 199, 100


@dataclass(frozen=True, eq=False)
class KnownMonths:
    """The longest unbroken run of months that the printed figures pin down.

    Attributes
    ----------
    imports : Series
        Million US dollars, by month.
    printed : int
        How many of them a source prints as a single month; the others follow from totals and rates of change.
    """

    imports: Monthly
    printed: int

    def on(self, scale: str) -> Monthly:
        """Return the values in dollars or as logarithms."""
        return _on(self.imports, scale)


def known_months(rebuilt: Reconciliation) -> KnownMonths:
    """Return the longest unbroken run of months of China's imports that are known.

    Parameters
    ----------
    rebuilt : Reconciliation
        China's trade with the DPRK, from :func:`musan.mirror.rebuild`.

    Returns
    -------
    KnownMonths

    Raises
    ------
    MethodError
        No month is known.
    """
    series = rebuilt.series(mirror.IMPORTS)
    known = (series["high"] - series["low"]) / 2 <= KNOWN_WITHIN * series["mean"]
    if not known.any():
        what = f"no month is known to within {100 * KNOWN_WITHIN:.0f} %"
        raise MethodError(what, "rebuilt", "add figures on single months to the tables")
    run = (known != known.shift()).cumsum()[known]
    longest = run.value_counts().sort_index().idxmax()
    values = series.loc[run[run == longest].index, "mean"]
    told = rebuilt.statements
    single = told[
        (told["series"] == mirror.IMPORTS)
        & (told["kind"] == "level")
        & (told["role"] == "fitted")
        & (told["start"] == told["end"])
    ]
    return KnownMonths(imports=values, printed=int(values.index.isin(single["start"]).sum()))


def margin(known: KnownMonths) -> int:
    """Return the fewest months on either side of a date that is tried."""
    return int(TRIMMING * len(known.imports))


def measure_dates(known: KnownMonths, folder: Path | None = None) -> pd.DataFrame:
    """Return the last month before each measure bit, measures of the same month together.

    Parameters
    ----------
    known : KnownMonths
        Measures too near its ends to be tested are left out.
    folder : Path, optional
        Folder of the data package.

    Returns
    -------
    DataFrame
        ``last_month`` and ``measures`` (instruments, as a tuple). A measure in force by the middle of a month counts
        from that month, a later one from the next.
    """
    events = mirror.measures(folder)
    events = events.assign(
        last_month=events["effective_from"].map(_last_month),
        measures=events["instrument"].str.replace(r"MOFCOM/GACC? [Aa]nnouncement", "Chinese notice", regex=True),
    )
    inside = events["last_month"].isin(_candidates(known))
    together = events[inside].groupby("last_month")["measures"].agg(tuple)
    return together.sort_index().reset_index()


def at_each_date(known: KnownMonths, *, replications: int, seed: int) -> pd.DataFrame:
    """Test for a single break at each date, as if it had been known beforehand.

    Parameters
    ----------
    known : KnownMonths
    replications, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        One row a scale and date: ``scale``, ``date``, ``statistic`` (F), ``p_value`` (bootstrap), ``p_table``
        (F distribution), ``change`` (of the mean, in the scale's unit), ``rank`` of its t-ratio among all
        dates, the largest first, by standard errors that allow for serial correlation.
    """
    rows: list[dict[str, object]] = []
    for scale in SCALES:
        y = known.on(scale)
        any_date = _candidates(known)[0]  # all are ranked alike, none as the true one
        tried = interrupted.placebo(y, any_date, trend=False, slope=False, margin=margin(known)).frame
        ranks = tried["statistic"].rank(ascending=False, method="max").astype(int)
        for date, change, rank in zip(tried["date"], tried["estimate"], ranks, strict=True):
            test = breaks.chow(y, date, replications=replications, seed=seed)
            rows.append(
                {
                    "scale": scale,
                    "date": date,
                    "statistic": test.statistic,
                    "p_value": test.p_bootstrap,
                    "p_table": test.p_table,
                    "change": change,
                    "rank": rank,
                }
            )
    return pd.DataFrame(rows)


def dated(each: pd.DataFrame, dates: pd.DataFrame) -> pd.DataFrame:
    """Return the tests at the dates of the measures.

    Parameters
    ----------
    each : DataFrame
        From :func:`at_each_date`.
    dates : DataFrame
        From :func:`measure_dates`.

    Returns
    -------
    DataFrame
        One row a date: ``measures``, ``last_month``, ``change_usd_million``, and for dollars and logarithm
        ``p_table_*``, ``p_*`` and ``rank_*``.
    """
    at = each.set_index(["scale", "date"])
    columns: dict[str, Any] = {"change_usd_million": _at_dates(at["change"], "dollars", dates)}
    for scale in SCALES:
        columns[f"p_table_{scale}"] = _at_dates(at["p_table"], scale, dates)
        columns[f"p_{scale}"] = _at_dates(at["p_value"], scale, dates)
        columns[f"rank_{scale}"] = _at_dates(at["rank"], scale, dates)
    return dates[["measures", "last_month"]].assign(**columns)


def steps(
    known: KnownMonths, *, replications: int, seed: int, later: int = 0, folder: Path | None = None
) -> pd.DataFrame:
    """Estimate the shifts at the three main measures together, so that none stands for another.

    Parameters
    ----------
    known : KnownMonths
    replications, seed : int
        Of the bootstrap.
    later : int
        Months by which the middle step is moved.
    folder : Path, optional
        Folder of the data package.

    Returns
    -------
    DataFrame
        One row a measure: ``measure``, ``last_month``, ``change_usd_million``, ``usd_low``, ``usd_high``,
        ``p_dollars``, and from the regression in logarithms ``change_pct``, ``pct_low``, ``pct_high``,
        ``p_logarithm``. Intervals are 95 %.
    """
    events = mirror.measures(folder).set_index("instrument").loc[list(STEPS), "effective_from"]
    dates = [_last_month(start) + later * (i == 1) for i, start in enumerate(events)]
    terms = [f"level after {date}" for date in dates]
    dollars, logarithm = (
        interrupted.fit(
            known.on(scale), dates, trend=False, slope=False, level=LEVEL, replications=replications, seed=seed
        ).coefficients.loc[terms]
        for scale in SCALES
    )
    shares = 100 * np.expm1(logarithm[["estimate", "low", "high"]].to_numpy())
    return pd.DataFrame(
        {
            "measure": list(STEPS),
            "last_month": dates,
            "change_usd_million": dollars["estimate"].to_numpy(),
            "usd_low": dollars["low"].to_numpy(),
            "usd_high": dollars["high"].to_numpy(),
            "p_dollars": dollars["p_value"].to_numpy(),
            "change_pct": shares[:, 0],
            "pct_low": shares[:, 1],
            "pct_high": shares[:, 2],
            "p_logarithm": logarithm["p_value"].to_numpy(),
        }
    )


def undated(known: KnownMonths, rebuilt: Reconciliation, *, replications: int, seed: int) -> pd.DataFrame:
    """Look for one break without being told its date, in several ways.

    Parameters
    ----------
    known : KnownMonths
    rebuilt : Reconciliation
    replications, seed : int
        Of the bootstrap and of the random paths.

    Returns
    -------
    DataFrame
        One row a scale and way: ``scale``, ``way``, ``date``, ``low``, ``high`` (95 % interval for it, missing where
        there is none), ``p_value``
        (bootstrap), ``p_low``, ``p_high`` (90 % of the random paths, where there are any), ``p_table`` (limit
        distribution), ``n``, ``effective_n``. The ways: the known months as they are; with a yearly wave; with
        the Chinese New Year; with a variance that allows for serial correlation (HAC); the smooth mean of five years,
        filled-in months included; and the middle of :data:`PATHS` random paths over the same years.
    """
    filled = rebuilt.series(mirror.IMPORTS)["mean"][FILLED_FROM:FILLED_TO]
    paths = rebuilt.draws(PATHS, seed=seed)[mirror.IMPORTS]
    rows: list[dict[str, object]] = []
    for scale in SCALES:
        y = known.on(scale)
        ways: dict[str, tuple[Monthly, dict[str, Any]]] = {
            KNOWN: (y, {}),
            "with a yearly wave": (y, {"fixed": _wave(y.index)}),
            "with Chinese New Year": (y, {"fixed": _new_year(y.index)}),
            "robust variance": (y, {"covariance": "hac"}),
            SMOOTH: (_on(filled, scale), {}),
        }
        for way, (series, options) in ways.items():
            test = breaks.unknown_break(
                series, trimming=TRIMMING, level=LEVEL, replications=replications, seed=seed, **options
            )
            rows.append({"scale": scale, "way": way} | _found(test))
        rows.append({"scale": scale, "way": DRAWN} | _over_paths(paths.loc[:, FILLED_FROM:FILLED_TO], scale))
    return pd.DataFrame(rows)


def uncertainty(known: KnownMonths, rebuilt: Reconciliation, *, seed: int) -> pd.DataFrame:
    """Return how the test on the known months moves with what is left uncertain about them, a row a scale."""
    paths = rebuilt.draws(PATHS, seed=seed)[mirror.IMPORTS][known.imports.index]
    return pd.DataFrame([{"scale": scale} | _over_paths(paths, scale) for scale in SCALES])


def false_alarms(p_values: Sequence[float], *, months: int, memory: float, seed: int) -> list[float]:
    """Return how often a series without a break gets p-values as small.

    The bootstrap estimates the memory of the months and so finds too little of it in a short series; this says how
    much too small its p-values are.

    Parameters
    ----------
    p_values : sequence of float
        Of :func:`musan.methods.breaks.unknown_break`.
    months : int
        Length of the series.
    memory : float
        Correlation of a month with the one before; 1 is a random walk.
    seed : int

    Returns
    -------
    list of float
        For each p-value the share of simulated series that reach it.
    """
    generator = np.random.default_rng(seed)
    shocks = generator.standard_normal((SIMULATED, WARM_UP + months))
    paths = signal.lfilter([1.0], [1.0, -memory], shocks, axis=1)[:, WARM_UP:]
    found = breaks.unknown_break_p(paths, trimming=TRIMMING, replications=SIMULATED_REPLICATIONS)
    return [float((found <= p).mean()) for p in p_values]


def number_of_breaks(known: KnownMonths, *, replications: int, seed: int) -> pd.DataFrame:
    """Return how many breaks each criterion finds.

    Parameters
    ----------
    known : KnownMonths
    replications, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        One row a scale: ``scale``, ``sequential`` (tests at 5 %, Bai and Perron), ``p_value`` (none against any number:
        UDmax, bootstrap), ``bic`` (supposes no serial correlation) and ``dates`` of BIC's breaks.
    """
    rows = []
    for scale in SCALES:
        found = breaks.multiple_breaks(known.on(scale), trimming=TRIMMING, replications=replications, seed=seed)
        by_bic = int(found.partitions["bic"].to_numpy().argmin())
        rows.append(
            {
                "scale": scale,
                "sequential": found.breaks,
                "p_value": float(found.maxima["p_bootstrap"]["UDmax"]),
                "bic": by_bic,
                "dates": tuple(found.dates_of(by_bic)["date"]) if by_bic else (),
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Nearest:
    """How near a break is to a measure, and how near it would be anyway.

    Attributes
    ----------
    months : int
        From the break to the nearest measure.
    chance : float
        Share of all dates that could have been found which lie as near to some measure.
    inside : tuple of Period
        Dates of measures within the interval of the break's date.
    """

    months: int
    chance: float
    inside: tuple[pd.Period, ...]


def nearest(found: pd.Series[Any], known: KnownMonths, dates: pd.DataFrame) -> Nearest:
    """Return how near a break is to a measure.

    Parameters
    ----------
    found : Series
        A row of :func:`undated`.
    known : KnownMonths
    dates : DataFrame
        From :func:`measure_dates`.

    Returns
    -------
    Nearest
    """
    last_months = list(dates["last_month"])
    distance = [
        min(abs((month - measure).n) for measure in last_months) for month in [found["date"], *_candidates(known)]
    ]
    return Nearest(
        months=distance[0],
        chance=float(np.mean(np.array(distance[1:]) <= distance[0])),
        inside=tuple(month for month in last_months if found["low"] <= month <= found["high"]),
    )


def _candidates(known: KnownMonths) -> list[pd.Period]:
    """Return the dates that can be tried."""
    months, shortest = list(known.imports.index), margin(known)
    return months[shortest - 1 : len(months) - shortest]


def _at_dates(column: pd.Series[Any], scale: str, dates: pd.DataFrame) -> Any:
    return column.loc[scale].loc[list(dates["last_month"])].to_numpy()


def _on(values: Monthly, scale: str) -> Monthly:
    return pd.Series(np.log(values), index=values.index) if scale == "logarithm" else values


def _last_month(start: pd.Period) -> pd.Period:
    month, day = start.asfreq("M", how="start"), start.start_time.day
    return month - int(day <= MIDDLE_OF_MONTH)


def _wave(months: pd.Index) -> pd.DataFrame:
    angle = 2 * np.pi * pd.PeriodIndex(months).month.to_numpy() / 12
    return pd.DataFrame({"sine": np.sin(angle), "cosine": np.cos(angle)}, index=months)


def _new_year(months: pd.Index) -> pd.Series[float]:
    return pd.Series([float(str(month) in NEW_YEAR) for month in months], index=months, name="Chinese New Year")


def _found(test: breaks.UnknownBreak) -> dict[str, object]:
    return {
        "date": test.date,
        "low": test.low,
        "high": test.high,
        "p_value": test.p_value,
        "p_table": float(test.tests["p_asymptotic"]["sup"]),
        "n": test.n,
        "effective_n": test.effective_n,
    }


def _over_paths(paths: pd.DataFrame, scale: str) -> dict[str, object]:
    """Return the middle of the tests on random paths; a path with a month at zero has no logarithm and is left out."""
    positive = paths[(paths > 0).all(axis=1)]
    values = pd.DataFrame(np.log(positive)) if scale == "logarithm" else positive
    tests = breaks.unknown_breaks(values, trimming=TRIMMING, level=LEVEL, replications=PATH_REPLICATIONS)
    date = tests["date"].mode().iloc[0]
    return {
        "date": date,
        "low": _quantile(list(tests["low"].dropna()), TAIL),
        "high": _quantile(list(tests["high"].dropna()), 1 - TAIL),
        "p_value": tests["p_value"].median(),
        "p_table": tests["p_asymptotic"].median(),
        "n": values.shape[1],
        "effective_n": tests["effective_n"].median(),
        "p_low": tests["p_value"].quantile(TAIL),
        "p_high": tests["p_value"].quantile(1 - TAIL),
        "same_date": float((tests["date"] == date).mean()),
    }


def _quantile(dates: Sequence[pd.Period], share: float) -> pd.Period | None:
    return sorted(dates)[round(share * (len(dates) - 1))] if dates else None


def interval_words(found: pd.Series[Any]) -> str:
    """Return the interval of a break's date in words: "August 2017 to November 2017"."""
    low, high = ("no limit" if pd.isna(month) else prose.month(month) for month in (found["low"], found["high"]))
    return f"{low} to {high}"


def p_words(p: float) -> str:
    """Return a p-value in words: "0.063", "below 0.001"."""
    return "below 0.001" if p < 0.001 else f"{p:.3f}"
