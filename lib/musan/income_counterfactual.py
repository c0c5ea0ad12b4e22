"""What foreign-currency income would have been without sanctions, as far as open figures can say.

Only goods have a long series by year. Their exports of 2018 are held against a forecast from the years before
and against forecasts from dates at which nothing comparable happened. The other channels have no series: they
enter as the ranges that were published, the same with sanctions and without where no figure is dated. The stock
of reserves has no series at all before sanctions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

import pandas as pd

from musan import claims, evidence, foreign_currency, multiverses, reserve_estimates, workers_abroad
from musan.errors import MethodError
from musan.locations import data_folder
from musan.methods import arguments, counterfactual
from musan.methods.state_space import Sarimax, Structural

if TYPE_CHECKING:
    from pathlib import Path

    from musan.methods.counterfactual import Effect, Model, PlaceboDates

CLAIM = "foreign_currency_income_fell"
LAST_BEFORE, AFTER = 2016, 2018
HARVARD = "harvard-atlas-2019-hs-groups"
SOURCES = ("harvard", "kotra")
# Exports, on the scale of logarithms, would have stayed where they were but for chance, or gone on growing.
TRENDS: dict[str, Model] = {"stays": Sarimax((0, 1, 0), constant=False), "grows": Structural("random walk with drift")}
OTHERS = ("same", "apart")
WORKERS = ("published", "from_wages")
CHOICES = ["goods_source", "trend", "other_channels", "new_channels", "workers_income"]
LEAST_YEARS = 10  # fewer yearly points before the measures carry no forecast
LEVEL = 0.9


@dataclass(frozen=True)
class Choices:
    """How the income without sanctions is made up; the fields are the notebook's parameters.

    Attributes
    ----------
    goods_source : {"harvard", "kotra"}
        Whose yearly exports: cleaned mirror data from 1995 on, or KOTRA's from 2007 on.
    trend : {"stays", "grows"}
        Exports would have stayed at their last level but for chance, or gone on growing as before.
    other_channels : {"same", "apart"}
        A channel without dated figures earned one unknown sum with sanctions and without, or any two
        sums within its range.
    new_channels : bool
        Count smuggled coal and theft, which are published only for the time under sanctions.
    workers_income : {"published", "from_wages"}
        Income from workers abroad as published, or as wages of published numbers of workers allow.
    """

    goods_source: str = "harvard"
    trend: str = "stays"
    other_channels: str = "same"
    new_channels: bool = True
    workers_income: str = "published"

    def __post_init__(self) -> None:
        """Refuse an unknown option."""
        arguments.choice("goods_source", self.goods_source, SOURCES)
        arguments.choice("trend", self.trend, TRENDS)
        arguments.choice("other_channels", self.other_channels, OTHERS)
        arguments.choice("workers_income", self.workers_income, WORKERS)


@dataclass(frozen=True, eq=False)
class Gap:
    """A yearly series against its forecast from the years before the measures.

    ``effect`` and ``placebos`` are those of :mod:`musan.methods.counterfactual`; ``placebos`` is None where the
    years before leave no date. ``expected``, ``expected_low`` and ``expected_high`` are of the last year of the series.
    """

    effect: Effect
    placebos: PlaceboDates | None
    observed: float
    expected: float
    expected_low: float
    expected_high: float

    @property
    def pct(self) -> tuple[float, float, float]:
        """Return the gap in the last year in percent of what was expected: estimate, largest fall, smallest fall."""
        ends = (self.expected, self.expected_high, self.expected_low)
        middle, far, near = (100 * (self.observed / end - 1) for end in ends)
        return middle, far, near


@dataclass(frozen=True)
class IncomeEffect:
    """Income of all channels with sanctions against income without.

    Attributes
    ----------
    effect_pct : float or None
        Between mid-points, in percent of income without sanctions; None without a forecast of goods.
    low_pct, high_pct : float or None
        The largest fall and the end nearest to zero (or the largest rise) that all ranges together allow.
    placebo_rank : int or None
        Of the fall in goods among placebo dates, 1 for the largest; the other channels do not move there.
    placebos : int
    with_sanctions, without : tuple of float
        Lowest, middle and highest income, million dollars.
    years_before : int
        Years that the forecast rests on.
    """

    effect_pct: float | None
    low_pct: float | None
    high_pct: float | None
    placebo_rank: int | None
    placebos: int
    with_sanctions: tuple[float, float, float] | None
    without: tuple[float, float, float] | None
    years_before: int

    @property
    def measures(self) -> dict[str, Any]:
        """Return the measures of the rule ``gap_to_counterfactual``."""
        return {
            "effect_pct": self.effect_pct,
            "effect_high_pct": self.high_pct,
            "placebo_rank": self.placebo_rank,
            "placebos": self.placebos,
        }


def goods_by_year(source: str) -> pd.Series[float]:
    """Return exports of goods to all partners by year, million dollars, up to 2018.

    Parameters
    ----------
    source : {"harvard", "kotra"}
    """
    arguments.choice("goods_source", source, SOURCES)
    table = evidence.load("trade_annual")
    rows = table[
        (table["flow"] == "exports")
        & (table["partner"] == "world")
        & (table["product"] == "total")
        & (table["measure"] == "value")
    ]
    if source == "harvard":
        rows = rows[rows["source_id"] == HARVARD]
    else:
        rows = rows[rows["source_id"].str.contains("kotra") & (rows["basis"] != "implied")]
    yearly = {period.year: float(value) for period, value in zip(rows["year"], rows["value"], strict=True)}
    if source == "kotra":
        deficits = reserve_estimates.trade_deficits()
        yearly |= dict(zip(deficits["year"], deficits["exports"], strict=True))
    return _series({year: value for year, value in yearly.items() if year <= AFTER})


def _series(yearly: dict[int, float]) -> pd.Series[float]:
    years = sorted(yearly)
    index = pd.PeriodIndex([pd.Period(str(year), "Y") for year in years], freq="Y")
    return pd.Series([yearly[year] for year in years], index=index, dtype=float)


def _years_before(series: pd.Series[float]) -> int:
    return sum(period.year <= LAST_BEFORE for period in series.index)


def goods_gap(source: str, trend: str, *, draws: int, seed: int) -> Gap | None:
    """Return exports of goods in 2018 against their forecast from the years to 2016; None with too few years.

    Parameters
    ----------
    source : {"harvard", "kotra"}
    trend : {"stays", "grows"}
    draws : int
        Simulated paths.
    seed : int
    """
    return _goods_gap(source, trend, draws, seed, data_folder())


@lru_cache(maxsize=16)
def _goods_gap(source: str, trend: str, draws: int, seed: int, folder: Path) -> Gap | None:
    del folder  # part of the cache key only
    return gap(goods_by_year(source), trend, draws=draws, seed=seed)


def gap(series: pd.Series[float], trend: str, *, draws: int, seed: int) -> Gap | None:
    """Return the last year of a yearly series against its forecast from the years to 2016.

    Parameters
    ----------
    series : Series
        Indexed by year without gaps.
    trend : {"stays", "grows"}
    draws : int
        Simulated paths.
    seed : int

    Returns
    -------
    Gap or None
        None with fewer than ten years before, or none after.
    """
    arguments.choice("trend", trend, TRENDS)
    years_before = _years_before(series)
    horizon = len(series) - years_before
    if years_before < LEAST_YEARS or horizon < 1:
        return None
    model = TRENDS[trend]
    last = series.index[years_before - 1]
    effect = counterfactual.forecast(
        series, last_before=last, model=model, scale="log", level=LEVEL, draws=draws, seed=seed
    )
    try:
        placebos = counterfactual.placebo_dates(series, last_before=last, horizon=horizon, model=model, scale="log")
    except MethodError:  # too few years before for any placebo date
        placebos = None
    final = effect.frame.iloc[-1]
    return Gap(
        effect=effect,
        placebos=placebos,
        observed=float(final["observed"]),
        expected=float(final["expected"]),
        expected_low=float(final["expected_low"]),
        expected_high=float(final["expected_high"]),
    )


def other_channels(choices: Choices) -> pd.DataFrame:
    """Return the channels other than goods, with sanctions and without.

    Returns
    -------
    DataFrame
        ``channel``, ``dated`` (do its figures say that it changed?), ``before_low``, ``before_high`` (of 2016, taken
        for what it would have earned without sanctions), ``after_low``, ``after_high`` (of 2018), million dollars.
    """
    return _other_channels(choices, _published_channels())


def _published_channels() -> pd.DataFrame:
    """Return what is published of the channels other than goods, by channel."""
    before, after = (foreign_currency.channel_ranges(year).set_index("channel") for year in (LAST_BEFORE, AFTER))
    frame = pd.DataFrame({"dated": before["dated"]})
    for side, table in (("before", before), ("after", after)):
        frame[f"{side}_low"], frame[f"{side}_high"] = table["low_usd_million"], table["high_usd_million"]
    return frame.drop(index="goods")


def _other_channels(choices: Choices, published: pd.DataFrame) -> pd.DataFrame:
    frame = published.copy()
    if not choices.new_channels:
        frame = frame.drop(index=list(foreign_currency.ONLY_UNDER_SANCTIONS))
    # Published only for the time under sanctions: a change by themselves.
    frame.loc[frame.index.isin(foreign_currency.ONLY_UNDER_SANCTIONS), "dated"] = True
    if choices.workers_income == "from_wages":
        low, high = workers_abroad.income_from_wages()
        frame.loc["workers abroad", ["before_low", "before_high", "after_low", "after_high"]] = [low, high, low, high]
    return frame.reset_index()


def income_effect(choices: Choices, *, draws: int, seed: int) -> IncomeEffect:
    """Return income of all channels in 2018 against what it would have been without sanctions.

    Parameters
    ----------
    choices : Choices
    draws : int
        Simulated paths of the forecast of goods.
    seed : int

    Returns
    -------
    IncomeEffect
        The ends combine the ends of all ranges and of the forecast's 90 % interval: no analyst could get
        further out with these figures.
    """
    found = goods_gap(choices.goods_source, choices.trend, draws=draws, seed=seed)
    years = _years_before(goods_by_year(choices.goods_source))
    return _income_effect(choices, found, years, other_channels(choices))


def _income_effect(choices: Choices, found: Gap | None, years: int, others: pd.DataFrame) -> IncomeEffect:
    if found is None:
        return IncomeEffect(None, None, None, None, 0, None, None, years)
    sums = others.groupby("dated")[["before_low", "before_high", "after_low", "after_high"]].sum()
    dated = sums.loc[True].to_dict() if True in sums.index else dict.fromkeys(sums.columns, 0.0)
    undated = sums.loc[False].to_dict() if False in sums.index else dict.fromkeys(sums.columns, 0.0)
    after_low, after_high = (found.observed + dated[f"after_{end}"] for end in ("low", "high"))
    without_low, without_high = found.expected_low + dated["before_low"], found.expected_high + dated["before_high"]
    ends = (undated["after_low"], undated["after_high"])
    pairs = [(x, x) for x in ends] if choices.other_channels == "same" else list(product(ends, ends))
    near = max((after_high + x) / (without_low + y) for x, y in pairs)
    far = min((after_low + x) / (without_high + y) for x, y in pairs)
    middle = sum(ends) / 2
    after_mid = (after_low + after_high) / 2 + middle
    without_mid = found.expected + (dated["before_low"] + dated["before_high"]) / 2 + middle
    return IncomeEffect(
        effect_pct=100 * (after_mid / without_mid - 1),
        low_pct=100 * (far - 1),
        high_pct=100 * (near - 1),
        placebo_rank=None if found.placebos is None else found.placebos.rank,
        placebos=0 if found.placebos is None else found.placebos.placebos,
        with_sanctions=(after_low + ends[0], after_mid, after_high + ends[1]),
        without=(without_low + ends[0], without_mid, without_high + ends[1]),
        years_before=years,
    )


def specifications(*, draws: int, seed: int) -> pd.DataFrame:
    """Return the verdict on the attribution under all choices.

    Returns
    -------
    DataFrame
        A column for each of :data:`CHOICES`, ``effect_pct``, ``low_pct``, ``high_pct``, ``placebos``, ``verdict``.
    """
    named: list[dict[str, Any]] = [
        dict(zip(CHOICES, options, strict=True)) for options in product(SOURCES, TRENDS, OTHERS, (True, False), WORKERS)
    ]
    drawn = [Choices(**one) for one in named]
    published = _published_channels()
    gaps = multiverses.once(
        lambda one: goods_gap(one.goods_source, one.trend, draws=draws, seed=seed), drawn, ("goods_source", "trend")
    )
    years = multiverses.once(lambda one: _years_before(goods_by_year(one.goods_source)), drawn, ("goods_source",))
    others = multiverses.once(lambda one: _other_channels(one, published), drawn, ("new_channels", "workers_income"))
    return pd.DataFrame(
        [
            chosen | _facts(_income_effect(one, gap_of_goods, years_before, channels))
            for chosen, one, gap_of_goods, years_before, channels in zip(named, drawn, gaps, years, others, strict=True)
        ]
    )


def _facts(found: IncomeEffect) -> dict[str, Any]:
    """Return the effect with its range, the placebos, and the verdict."""
    return {
        "effect_pct": found.effect_pct,
        "low_pct": found.low_pct,
        "high_pct": found.high_pct,
        "placebos": found.placebos,
        "verdict": claims.decide(CLAIM, "attribution", found.measures).verdict.value,
    }


def dated_stocks() -> pd.DataFrame:
    """Return, for each author, how many stocks are printed for single year ends up to 2016 and after.

    Returns
    -------
    DataFrame
        ``author``, ``until_2016``, ``after``, and ``series`` (a Series of the middle of each year's figures).
    """
    table = evidence.load("fx_reserves")
    rows = table[table["concept"].isin(reserve_estimates.CONCEPTS) & (table["unit"] == "usd_million")]
    rows = rows[[start == end for start, end in zip(rows["period_start"], rows["period_end"], strict=True)]]
    low = rows["low"].fillna(rows["central"]).astype(float)
    high = rows["high"].fillna(rows["central"]).astype(float)
    frame = pd.DataFrame(
        {
            "author": [reserve_estimates.author_of(str(name)) for name in rows["author_institution"]],
            "year": [period.year for period in rows["period_end"]],
            "stock": ((low + high) / 2).to_numpy(),
        }
    )
    out = []
    for author, part in frame[frame["year"] <= reserve_estimates.HORIZON.year].groupby("author", sort=False):
        yearly = part.groupby("year")["stock"].mean()
        series = _series({int(year): float(stock) for year, stock in zip(yearly.index, yearly, strict=True)})
        before = _years_before(series)
        out.append({"author": author, "until_2016": before, "after": len(series) - before, "series": series})
    return pd.DataFrame(out).sort_values("until_2016", ascending=False, kind="stable", ignore_index=True)


def reserve_measures(*, draws: int, seed: int) -> dict[str, Any]:
    """Return the measures of ``gap_to_counterfactual`` for the stock of reserves.

    None where no author prints a series of year ends before sanctions that is long enough for a forecast and
    goes on after it.
    """
    longest = dated_stocks().iloc[0]["series"]
    unbroken = len(longest) == longest.index[-1].year - longest.index[0].year + 1
    found = gap(longest, "stays", draws=draws, seed=seed) if unbroken else None
    if found is None:
        return {"effect_pct": None, "effect_high_pct": None, "placebo_rank": None, "placebos": 0}
    middle, _, near = found.pct
    return {
        "effect_pct": middle,
        "effect_high_pct": near,
        "placebo_rank": None if found.placebos is None else found.placebos.rank,
        "placebos": 0 if found.placebos is None else found.placebos.placebos,
    }


def stocks_before_and_after() -> pd.DataFrame:
    """Return what authors who print both say of the stock at the end of 2016 and later: no counterfactual, a change.

    Returns
    -------
    DataFrame
        ``author``, ``before_low``, ``before_high``, ``date``, ``after_low``, ``after_high`` (million dollars),
        ``change_low_pct``, ``change_high_pct`` (the largest and the smallest fall that the ranges allow).
    """
    table = reserve_estimates.stocks()
    start = table[(table["date"] == reserve_estimates.START) & (table["kind"] != "store of value")].set_index("author")
    rows = []
    for row in table[table["date"] >= reserve_estimates.HORIZON].to_dict("records"):
        if row["author"] in start.index:
            low, high = float(start.loc[row["author"], "low"]), float(start.loc[row["author"], "high"])
            rows.append(
                {"author": row["author"], "before_low": low, "before_high": high, "date": row["date"]}
                | {"after_low": row["low"], "after_high": row["high"]}
                | {"change_low_pct": 100 * (row["low"] / high - 1), "change_high_pct": 100 * (row["high"] / low - 1)}
            )
    return pd.DataFrame(rows)
