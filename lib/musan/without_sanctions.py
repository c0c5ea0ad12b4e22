"""What China would have bought from the DPRK without sanctions: forecasts from before a measure, and placebo dates.

The monthly series is itself rebuilt from printed figures and smooth where few were printed. A model fitted to its
mean would take the smoothing for calm. So each model is fitted to several random paths of the rebuilt series and the
forecasts are pooled. By default the paths come from figures whose period had ended before the measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from musan import claims, commodity_prices, evidence, mirror
from musan.errors import EvidenceError, MethodError
from musan.locations import data_folder
from musan.methods import reconcile, state_space
from musan.methods.multiverse import grid
from musan.methods.state_space import Sarimax, Structural
from musan.refresh import vintages
from musan.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Array = np.ndarray[Any, Any]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]

CLAIM = "exports_fell_90"
Measure = Literal["full_ban", "coal_suspension", "coal_cap", "first_ban"]
Model = Literal["level", "drift", "sarima"]
Window = Literal["first_half", "year"]
Statements = Literal["before_measure", "all"]
Windows = Literal["apart", "overlapping"]

# The record of sanction_events that dates each measure.
INSTRUMENTS: dict[str, str] = {
    "full_ban": "UNSCR 2371",
    "coal_suspension": "MOFCOM/GACC announcement suspending coal",
    "coal_cap": "UN 1718 Committee coal table",  # the first month that counts against the yearly cap
    "first_ban": "MOFCOM/GACC Announcement No. 11 of 2016",
}
MEASURE_WORDS = {
    "full_ban": "full ban on coal, ore and seafood",
    "coal_suspension": "China's halt of coal",
    "coal_cap": "yearly cap on coal",
    "first_ban": "first ban, with exemption",
}
MODELS: dict[str, Structural | Sarimax] = {
    "level": Structural("local level", seasonal=12),
    "drift": Structural("random walk with drift"),
    "sarima": Sarimax((1, 0, 0), (1, 0, 0, 12), constant=True),
}
MODEL_WORDS = {
    "level": "wandering level with a fixed season",
    "drift": "random walk with a trend",
    "sarima": "seasonal ARIMA that returns to its mean",
}
WINDOWS: dict[str, pd.PeriodIndex] = {
    "first_half": pd.period_range("2018-01", "2018-06", freq="M"),
    "year": pd.period_range("2018-01", "2018-12", freq="M"),
}
WINDOW_WORDS = {"first_half": "January to June 2018", "year": "2018"}
COMMODITIES = ("iron_ore", "coal_australian")
CHOICES: dict[str, tuple[Any, ...]] = {
    "measure": ("full_ban", "coal_suspension", "first_ban"),
    "model": ("level", "drift", "sarima"),
    "prices": (True, False),
    "horizon": ("first_half", "year"),
    "placebo_windows": ("apart", "overlapping"),
}
LEVEL = 0.90
LEAST_SHARE = 0.05  # a path with a month below this share of its mean can't be put in logarithms and is drawn again
MOST_TRIES = 40


@dataclass(frozen=True)
class Design:
    """How the counterfactual is made.

    Attributes
    ----------
    measure : str
        Key of :data:`INSTRUMENTS`; what came before it is attributed to nothing.
    model : str
        Key of :data:`MODELS`; fitted to logarithms.
    prices : bool
        Whether world prices of iron ore and coal enter.
    horizon : str
        Key of :data:`WINDOWS`.
    statements : str
        ``before_measure``: paths from figures whose period ended before the measure. ``all``: from all figures,
        so that later ones shape the months before.
    series : str
        Flow that is forecast.
    vintage : str
        Names of vintages; UN Comtrade takes the place of printed figures (see :func:`musan.mirror.printed`), the Pink
        Sheet that of committed prices.
    """

    measure: Measure = "full_ban"
    model: Model = "level"
    prices: bool = True
    horizon: Window = "first_half"
    statements: Statements = "before_measure"
    series: str = mirror.IMPORTS
    vintage: str = ""

    @property
    def last_before(self) -> pd.Period:
        """Return the last month before the month in which the measure took effect."""
        return last_month_before(self.measure)

    @property
    def window(self) -> pd.PeriodIndex:
        """Return the months that are compared."""
        return WINDOWS[self.horizon]


@dataclass(frozen=True, eq=False)
class Gap:
    """What came, against what would have come without the measure.

    Attributes
    ----------
    effect_pct, low_pct, high_pct : float
        Observed less expected, in percent of the expected; ``high_pct`` is the end nearest to zero of a fall.
        Median and 90 % interval over all simulated paths.
    expected, expected_low, expected_high : float
        Million USD over the months compared.
    observed : float
        Likewise, rebuilt from all figures.
    path : DataFrame
        Month by month after the measure: ``month``, ``observed``, ``expected``, ``low``, ``high``.
    slopes : dict of str to float
        Percent of trade a percent of price, median over paths; empty without prices.
    effective_draws : float
        Median effective number of parameter draws; below some 50 the interval is rough.
    paths, failed : int
        Paths of the rebuilt series fitted, and those at which the model had no clear maximum.
    n : int
        Months fitted.
    statements : int
        Printed figures behind the months fitted.
    """

    effect_pct: float
    low_pct: float
    high_pct: float
    expected: float
    expected_low: float
    expected_high: float
    observed: float
    path: pd.DataFrame
    slopes: dict[str, float]
    effective_draws: float
    paths: int
    failed: int
    n: int
    statements: int


@dataclass(frozen=True, eq=False)
class Placebos:
    """The gap at the true date among gaps at dates at which no measure of the kind began.

    Attributes
    ----------
    frame : DataFrame
        One row a date: ``last_before``, ``window_start``, ``window_end``, ``effect_pct``, ``low_pct``, ``high_pct``
        (median and range over paths), ``true``, ``after_first_ban`` (the months compared reach beyond the first ban, so
        the placebo is not a clean one).
    rank : int
        Of the true date, 1 the largest fall: the worst rank over paths.
    count : int
        Placebo dates.
    apart : int
        How many of their windows do not overlap: the number of placebos that are nearly independent.
    rank_apart : int
        Of the true date among those alone.
    failed : int
        Dates without any fit; left out.
    """

    frame: pd.DataFrame
    rank: int
    count: int
    apart: int
    rank_apart: int
    failed: int


def last_month_before(measure: str) -> pd.Period:
    """Return the last month before the month in which a measure took effect."""
    return _last_month_before(INSTRUMENTS[measure])


@remembered
def _last_month_before(instrument: str) -> pd.Period:
    events = evidence.load("sanction_events")
    found = events.loc[events["instrument"] == instrument, "effective_from"]
    if found.empty:
        raise EvidenceError(
            f"no event is named {instrument!r}",
            "data/sanction_events.csv",
            "correct INSTRUMENTS in musan.without_sanctions",
        )
    effect: pd.Period = found.iloc[0].asfreq("M", how="start")
    return effect - 1


@lru_cache(maxsize=16)
def _until(last: pd.Period, folder: Path, vintage: str, store: Path) -> reconcile.Reconciliation:
    del store  # where the vintage is: part of the cache key only
    known = mirror.printed("total", folder, vintage)
    effect = set(mirror.measures(folder)["month"])
    return reconcile.fit(
        known[known["end"] <= last],
        months=pd.period_range(mirror.FIRST, last, freq="M"),
        series=[mirror.IMPORTS, mirror.EXPORTS],
        events=sorted(month for month in effect | {month + 1 for month in effect} if month <= last),
    )


def rebuilt_before(
    last: pd.Period, statements: Statements = "before_measure", vintage: str = ""
) -> reconcile.Reconciliation:
    """Return the monthly series that forecasts start from.

    Parameters
    ----------
    last : Period
        Last month before the measure.
    statements : str
        ``before_measure``: only figures whose period ended by then. ``all``: :func:`musan.mirror.rebuild`, whose months
        before the measure lean on later figures too.
    vintage : str
        Names of vintages. A month that customs recorded before the measure counts as known then, with what customs
        have revised since.
    """
    if statements == "before_measure":
        return _until(last, data_folder(), vintage, vintages.store_folder())
    return mirror.rebuild("total", vintage=vintage)


def paths_before(design: Design, paths: int, seed: int) -> pd.DataFrame:
    """Return random paths of the series up to the measure, all months well above zero.

    Parameters
    ----------
    design : Design
    paths : int
        How many.
    seed : int

    Raises
    ------
    MethodError
        Too few paths stay above zero: the figures before the date pin the months down too little.
    """
    months = pd.period_range(mirror.FIRST, design.last_before, freq="M")
    rebuilt = rebuilt_before(design.last_before, design.statements, design.vintage)
    drawn = rebuilt.draws(MOST_TRIES * paths, seed=seed)[design.series].loc[:, months]
    positive = drawn.min(axis=1) > LEAST_SHARE * drawn.mean(axis=1)
    kept: pd.DataFrame = drawn.loc[positive].head(paths).reset_index(drop=True)
    if len(kept) < paths:
        what = f"only {len(kept)} of {MOST_TRIES * paths} paths up to {design.last_before} stay above zero"
        raise MethodError(what, "measure", "choose a later measure, or statements='all'")
    return kept


def log_prices(vintage: str = "") -> pd.DataFrame:
    """Return logarithms of the world prices of iron ore and coal, a column each, indexed by month.

    Parameters
    ----------
    vintage : str
        Names of vintages, as for :func:`musan.commodity_prices.monthly`.
    """
    return _log_prices(data_folder(), vintage, vintages.store_folder()).copy()


@lru_cache(maxsize=16)
def _log_prices(folder: Path, vintage: str, store: Path) -> pd.DataFrame:
    del folder, store  # part of the cache key only
    table = commodity_prices.monthly(vintage)
    wide = table[table["commodity"].isin(COMMODITIES)].pivot_table(
        index="month", columns="commodity", values="price", observed=True
    )
    logs: pd.DataFrame = wide[list(COMMODITIES)].astype(float).apply(np.log)
    return logs


@dataclass(frozen=True, eq=False)
class _Forecast:
    """A model fitted to logarithms less their mean, over their spread."""

    fitted: state_space.Fitted
    centre: float
    spread: float

    def amounts(self, figures: Array) -> Array:
        """Return figures of the model in million USD."""
        out: Array = np.exp(self.centre + self.spread * figures)
        return out


def _fit(path: Array, ahead: int, model: Model, prices: Array | None) -> _Forecast:
    """Fit a model to the logarithm of a path, given prices of its months and those ahead."""
    logs = np.log(path)
    centre, spread = float(logs.mean()), float(logs.std())
    regressors = None if prices is None else prices[: len(path) + ahead]
    fitted = state_space.fit(MODELS[model], (logs - centre) / spread, regressors, ahead)
    return _Forecast(fitted, centre, spread)


def _prices(design: Design) -> Array | None:
    """Return logarithms of prices from the first month on, where they enter the model."""
    return log_prices(design.vintage).loc[mirror.FIRST :].to_numpy(dtype=float) if design.prices else None


def _months(last: pd.Period) -> int:
    """Return how many months there are up to a month."""
    return (last - pd.Period(mirror.FIRST, "M")).n + 1


@dataclass(frozen=True, eq=False)
class _Pooled:
    """Simulated months ahead from all paths, shape (draws, months), and what came, (paths, months)."""

    ahead: pd.PeriodIndex
    simulated: Array
    slopes: dict[str, float]
    effective: float
    paths: int
    failed: int


def _pool(design: Design, until: pd.Period, paths: int, simulations: int, seed: int) -> _Pooled:
    """Fit each path and simulate to a month."""
    ahead, prices = pd.period_range(design.last_before + 1, until, freq="M"), _prices(design)
    simulated, slopes, effective, failed = [], [], [], 0
    for number, path in enumerate(paths_before(design, paths, seed).to_numpy()):
        try:
            forecast = _fit(path, len(ahead), design.model, prices)
            drawn, draws = forecast.fitted.simulate(simulations, np.random.default_rng([seed, number]))
        except MethodError:
            failed += 1
            continue
        simulated.append(forecast.amounts(drawn))
        slopes.append(forecast.fitted.slopes * forecast.spread)
        effective.append(draws)
    if not simulated:
        what = f"{MODEL_WORDS[design.model]} could be fitted to none of {paths} paths"
        raise MethodError(what, "model", "choose another model, or a later measure")
    middle = [float(slope) for slope in np.median(slopes, axis=0)]
    return _Pooled(
        ahead,
        np.concatenate(simulated),
        dict(zip(COMMODITIES, middle, strict=True)) if design.prices else {},
        float(np.median(effective)),
        len(simulated),
        failed,
    )


def gap(design: Design, *, paths: int, simulations: int, seed: int) -> Gap:
    """Return what came in 2018 against what would have come without the measure.

    Parameters
    ----------
    design : Design
    paths : int
        Random paths of the rebuilt series that the model is fitted to.
    simulations : int
        Forecasts from each, with the model's parameters drawn anew.
    seed : int

    Raises
    ------
    MethodError
        The model can be fitted to no path.
    """
    return _gap(design, _pool(design, design.window[-1], paths, simulations, seed), seed)


def _gap(design: Design, pooled: _Pooled, seed: int) -> Gap:
    columns = pooled.ahead.get_indexer(design.window)
    totals = pooled.simulated[:, columns].sum(axis=1)
    # What came is rebuilt too: each simulated total meets a random path of its own.
    rebuilt = mirror.rebuild("total", vintage=design.vintage)
    came = _came(design, len(totals), seed)
    effects = 100 * (came[design.window].sum(axis=1).to_numpy() / totals - 1)
    ends = [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2]
    low, middle, high = map(float, np.quantile(effects, ends))
    expected_low, expected, expected_high = map(float, np.quantile(totals, ends))
    mean = rebuilt.series(design.series)["mean"]
    until = pooled.ahead[: columns[-1] + 1]
    by_month = np.quantile(pooled.simulated[:, : len(until)], ends, axis=0)
    path = pd.DataFrame(by_month.T, columns=["low", "expected", "high"])
    path.insert(0, "observed", mean[until].to_numpy())
    path.insert(0, "month", until)
    base = rebuilt_before(design.last_before, design.statements, design.vintage)
    return Gap(
        effect_pct=middle,
        low_pct=low,
        high_pct=high,
        expected=expected,
        expected_low=expected_low,
        expected_high=expected_high,
        observed=float(mean[design.window].sum()),
        path=path,
        slopes=pooled.slopes,
        effective_draws=pooled.effective,
        paths=pooled.paths,
        failed=pooled.failed,
        n=_months(design.last_before),
        statements=base.n,
    )


def _came(design: Design, paths: int, seed: int) -> pd.DataFrame:
    """Return random paths of what came, rebuilt from all figures."""
    return _drawn(design.series, design.vintage, paths, seed + 1, data_folder(), vintages.store_folder())


@lru_cache(maxsize=4)
def _drawn(series: str, vintage: str, paths: int, seed: int, folder: Path, store: Path) -> pd.DataFrame:
    del folder, store  # part of the cache key only
    return mirror.rebuild("total", vintage=vintage).draws(paths, seed=seed)[series]


def placebo_dates(design: Design, *, least_months: int) -> list[pd.Period]:
    """Return the dates that leave enough months to fit, and months to compare that end before the measure.

    A placebo date is the last month fitted. The months compared lie as far after it as those of 2018 after the measure.
    """
    first = pd.Period(mirror.FIRST, "M") + least_months - 1
    last = design.last_before - (design.window[-1] - design.last_before).n
    return list(pd.period_range(first, last, freq="M"))


def placebos(design: Design, *, paths: int, seed: int, least_months: int) -> Placebos:
    """Return the rank of the gap at the true date among those at placebo dates, all made in the same way.

    Parameters
    ----------
    design : Design
    paths : int
        Random paths of the rebuilt series, each ranked by itself: a median over them would hide their noise.
    seed : int
    least_months : int
        Fewest months fitted.
    """
    drawn = paths_before(design, paths, seed)
    dates = placebo_dates(design, least_months=least_months)
    return _ranked(design, drawn, _expected(design, drawn, dates), dates, seed)


def _expected(design: Design, drawn: pd.DataFrame, dates: Sequence[pd.Period]) -> dict[pd.Period, Array]:
    """Return the forecast from each date and from the measure, shape (paths, months ahead); NaN where no model fits."""
    ahead, prices = (design.window[-1] - design.last_before).n, _prices(design)
    out = {}
    for date in [*dates, design.last_before]:
        rows = np.full((len(drawn), ahead), np.nan)
        for row, path in zip(rows, drawn.to_numpy(), strict=True):
            try:
                forecast = _fit(path[: _months(date)], ahead, design.model, prices)
            except MethodError:
                continue
            row[:] = forecast.amounts(forecast.fitted.mean)
        out[date] = rows
    return out


def _ranked(
    design: Design, drawn: pd.DataFrame, expected: dict[pd.Period, Array], dates: Sequence[pd.Period], seed: int
) -> Placebos:
    """Set what came against the forecasts and rank the true date in each path."""
    measure = design.last_before
    offsets = np.array([(month - measure).n for month in design.window])
    before, after = drawn.to_numpy(), _came(design, len(drawn), seed).to_numpy()
    effects: dict[pd.Period, Array] = {}
    for date in [*dates, measure]:
        total = (after if date == measure else before)[:, _months(date) - 1 + offsets].sum(axis=1)
        effects[date] = 100 * (total / expected[date][:, offsets - 1].sum(axis=1) - 1)
    fitted = {date: effect for date, effect in effects.items() if np.isfinite(effect).any()}
    if measure not in fitted:
        what = f"{MODEL_WORDS[design.model]} could be fitted to no path up to {measure}"
        raise MethodError(what, "model", "choose another model")
    first_ban = last_month_before("first_ban")
    rows = [
        {
            "last_before": date,
            "window_start": date + int(offsets[0]),
            "window_end": date + int(offsets[-1]),
            "effect_pct": float(np.nanmedian(effect)),
            "low_pct": float(np.nanmin(effect)),
            "high_pct": float(np.nanmax(effect)),
            "true": date == measure,
            "after_first_ban": bool(date + int(offsets[-1]) > first_ban),
        }
        for date, effect in fitted.items()
    ]
    frame = pd.DataFrame(rows)
    true = fitted.pop(measure)
    beaten = np.array([effect <= true for effect in fitted.values()]).reshape(len(fitted), len(true))
    beaten = beaten[:, np.isfinite(true)]
    apart = _apart(list(fitted), len(offsets))
    return Placebos(
        frame=frame,
        rank=1 + int(beaten.sum(axis=0).max()),
        count=len(fitted),
        apart=int(apart.sum()),
        rank_apart=1 + int(beaten[apart].sum(axis=0).max()),
        failed=len(effects) - 1 - len(fitted),
    )


def _apart(starts: list[pd.Period], length: int) -> Mask:
    """Return which windows of a length, taken from the earliest on, do not overlap with one taken before."""
    taken, free = np.zeros(len(starts), dtype=bool), None
    for position in sorted(range(len(starts)), key=starts.__getitem__):
        if free is None or starts[position] >= free:
            taken[position], free = True, starts[position] + length
    return taken


def measures(found: Gap, ranked: Placebos | None, windows: Windows = "apart") -> dict[str, float | int | None]:
    """Return what the rule ``gap_to_counterfactual`` asks for.

    Parameters
    ----------
    found : Gap
    ranked : Placebos or None
    windows : {"apart", "overlapping"}
        Count only placebo dates whose windows do not overlap, or all of them.
    """
    rank, count = (0, 0)
    if ranked:
        rank, count = (ranked.rank_apart, ranked.apart) if windows == "apart" else (ranked.rank, ranked.count)
    return {
        "effect_pct": found.effect_pct,
        "effect_high_pct": found.high_pct,
        "placebo_rank": rank if count else None,
        "placebos": count,
    }


def verdict(found: Gap, ranked: Placebos | None, windows: Windows = "apart") -> str:
    """Return the verdict that the ledger's rule gives."""
    return claims.decide(CLAIM, "attribution", measures(found, ranked, windows)).verdict.value


def specifications(*, paths: int, simulations: int, seed: int, least_months: int, vintage: str = "") -> pd.DataFrame:
    """Return the gap, the rank and the verdict under every combination of :data:`CHOICES`.

    Parameters
    ----------
    paths : int
        Random paths of the rebuilt series for each gap; placebo dates use one.
    simulations, seed, least_months
        As in :func:`gap` and :func:`placebos`.
    vintage : str
        As in :class:`Design`.

    Returns
    -------
    DataFrame
        The choices, ``effect_pct``, ``low_pct``, ``high_pct``, ``placebo_rank``, ``placebos``, ``verdict``.
    """
    rows = []
    for measure, model, prices in product(*(CHOICES[name] for name in ("measure", "model", "prices"))):
        designs = [Design(measure, model, prices, horizon, vintage=vintage) for horizon in CHOICES["horizon"]]
        longest = max(designs, key=lambda design: len(design.window))
        pooled = _pool(longest, longest.window[-1], paths, simulations, seed)
        drawn = paths_before(longest, 1, seed)
        dates = {design: placebo_dates(design, least_months=least_months) for design in designs}
        # One forecast from each date serves both horizons.
        expected = _expected(longest, drawn, max(dates.values(), key=len))
        for design in designs:
            found = _gap(design, pooled, seed)
            ranked = _ranked(design, drawn, expected, dates[design], seed)
            for windows in CHOICES["placebo_windows"]:
                facts = measures(found, ranked, windows)
                rows.append(
                    {
                        "effect_pct": found.effect_pct,
                        "low_pct": found.low_pct,
                        "high_pct": found.high_pct,
                        "placebo_rank": facts["placebo_rank"],
                        "placebos": facts["placebos"],
                        "verdict": verdict(found, ranked, windows),
                    }
                )
    return grid(CHOICES).frame[list(CHOICES)].join(pd.DataFrame(rows))
