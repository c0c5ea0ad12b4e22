"""Prices in North Korea's markets, as two networks and a few others report them.

Reports come at odd times. Fuel is quoted in won, dollars, yuan or euros, by the kilogram or the litre. Only
kilogram prices are compared, each converted at the market rate of its day, or else between the quarters' ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from musan import evidence, iron_ore
from musan.errors import MethodError
from musan.methods import arguments, interrupted
from musan.methods.price_index import Change, PriceIndex, price_index
from musan.remembered import remembered

if TYPE_CHECKING:
    from musan.methods.arguments import Array

FIRST_DAY, LAST_DAY = "2016-01-01", "2019-12-31"  # before, reports are months apart; then the border closed
UNITS = ("kpw_per_kg", "usd_per_kg", "cny_per_kg")
CURRENCIES = ("usd", "cny", "kpw")
UNDER_TEST = "asiapress"  # the network of the article
WINDOWS = {
    "first_half": (("2017Q1", "2017Q2"), ("2018Q1", "2018Q2")),
    "second_quarter": (("2017Q2",), ("2018Q2",)),
    "third_quarter": (("2017Q3",), ("2018Q3",)),
}
OUTLETS = ("all", "without_asiapress")
SALES_HALT = "reuters-2017-06-chinas-cnpc-stops-selling"  # its date of publication is the day of the news
CAPS = {"UNSCR 2375": "first cap on refined oil", "UNSCR 2397": "lower cap"}
CLEAR_OF_EVENTS = pd.Timedelta(days=31)
LEAST_REPORTS, LEAST_DAYS = 2, 3  # on either side of a day


@remembered
def quotes(item: str, *, inferred_dates: bool = True) -> pd.DataFrame:
    """Return the reports of one good's price by the kilogram, in three currencies.

    Parameters
    ----------
    item : {"gasoline", "diesel", "rice", "corn"}
    inferred_dates : bool
        Keep reports whose date was worked out rather than printed.

    Returns
    -------
    DataFrame
        Rows of ``market_prices`` of 2016 to 2019 with ``when`` (the day, or the middle of the month), ``quarter``,
        ``exact_day``, ``place`` (of one network), ``network``, ``quoted_in``, ``price_kpw``, ``price_usd``,
        ``price_cny``. Left out: litres, euros, and rows that give only a bound.
    """
    table = evidence.load("market_prices")
    arguments.choice("item", item, table["item"].astype(str).unique())
    rows = table[(table["item"] == item) & table["unit"].isin(UNITS) & table["bound"].isna()]
    rows = rows if inferred_dates else evidence.exclude(rows, "date_inferred")
    rows = rows.assign(when=_middles(rows["date"]), network=rows["origin_network"].astype(str))
    rows = rows[rows["when"].between(pd.Timestamp(FIRST_DAY), pd.Timestamp(LAST_DAY))]
    unit = rows["unit"].astype(str)
    dollar, yuan = _rates(rows["when"])
    printed = _printed_yuan(table, rows)
    yuan = np.where(np.isnan(printed), yuan, printed)
    won = rows["price"].to_numpy(float) * np.select([unit == UNITS[0], unit == UNITS[1]], [1.0, dollar], yuan)
    return rows.assign(
        quarter=rows["when"].dt.to_period("Q"),
        exact_day=[period.freqstr == "D" for period in rows["date"]],
        place=rows["network"] + ": " + rows["city"].map(", ".join).replace("", "not stated"),
        quoted_in=unit.str.slice(0, 3),
        price_kpw=won,
        price_usd=won / dollar,
        price_cny=won / yuan,
        printed_yuan_rate=printed,
    ).reset_index(drop=True)


def _middles(dates: pd.Series[pd.Period]) -> list[pd.Timestamp]:
    return [d.start_time + (d.end_time - d.start_time) / 2 for d in dates]


def _rates(days: pd.Series[pd.Timestamp]) -> tuple[Array, Array]:
    """Return won per dollar and per yuan on some days, on straight lines between the ends of quarters."""
    table = evidence.load("exchange_rate_quarterly")
    known = pd.DatetimeIndex([quarter.end_time for quarter in table["quarter"]])
    at, ends = _seconds(pd.DatetimeIndex(days)), _seconds(known)
    dollar, yuan = (np.interp(at, ends, table[f"kpw_per_{c}"].to_numpy(float)) for c in ("usd", "cny"))
    return dollar, yuan


def _seconds(days: pd.DatetimeIndex) -> Array:
    return np.asarray((days - pd.Timestamp(FIRST_DAY)) / pd.Timedelta(seconds=1), dtype=float)


def _printed_yuan(table: pd.DataFrame, rows: pd.DataFrame) -> Array:
    """Return the yuan rate that the same network printed for the same day and place; NaN where none."""
    rate = table[table["unit"] == "kpw_per_cny"]
    columns = ["date", "city", "origin_network"]
    by_key = {
        tuple(map(str, cells)): float(value)
        for *cells, value in zip(*(rate[c] for c in columns), rate["price"], strict=True)
    }
    return np.array(
        [by_key.get(tuple(map(str, cells)), np.nan) for cells in zip(*(rows[c] for c in columns), strict=True)]
    )


@remembered
def index(item: str, *, currency: str = "usd", outlets: str = "all", inferred_dates: bool = True) -> PriceIndex:
    """Return a good's price level by quarter, with 90 % intervals.

    Parameters
    ----------
    item : {"gasoline", "diesel", "rice", "corn"}
    currency : {"usd", "cny", "kpw"}
    outlets : {"all", "without_asiapress"}
        Whose reports; without the network that published the article.
    inferred_dates : bool
        Keep reports whose date was worked out rather than printed.

    Returns
    -------
    PriceIndex
    """
    arguments.choice("currency", currency, CURRENCIES)
    rows = of_outlets(quotes(item, inferred_dates=inferred_dates), outlets)
    return price_index(
        pd.DataFrame(
            {
                "price": rows[f"price_{currency}"],
                "period": rows["quarter"].astype(str),
                "place": rows["place"],
                "article": rows["source_id"],
            }
        )
    )


def of_outlets(rows: pd.DataFrame, outlets: str) -> pd.DataFrame:
    """Return the reports of all networks, or of those that are not the article's."""
    arguments.choice("outlets", outlets, OUTLETS)
    return rows if outlets == "all" else rows[rows["network"] != UNDER_TEST]


@dataclass(frozen=True)
class PriceChange:
    """Change of a price from 2017 to 2018.

    Attributes
    ----------
    change : Change or None
        None when one of the quarters has no report.
    networks : tuple of str
        Networks that report a price in both years' windows.
    reports : int
        Reports in the two windows.
    """

    change: Change | None
    networks: tuple[str, ...]
    reports: int


def price_change(
    item: str, window: str, *, currency: str = "usd", outlets: str = "all", inferred_dates: bool = True
) -> PriceChange:
    """Return how a price changed between the same months of 2017 and 2018.

    Parameters
    ----------
    item : {"gasoline", "diesel", "rice", "corn"}
    window : {"first_half", "second_quarter", "third_quarter"}
        Quarters that are compared; each counts the same within its window.
    currency, outlets, inferred_dates
        As in :func:`index`.

    Returns
    -------
    PriceChange
    """
    arguments.choice("window", window, WINDOWS)
    before, after = WINDOWS[window]
    fitted = index(item, currency=currency, outlets=outlets, inferred_dates=inferred_dates)
    rows = of_outlets(quotes(item, inferred_dates=inferred_dates), outlets)
    by_side = [rows[rows["quarter"].astype(str).isin(side)] for side in (before, after)]
    both = set(by_side[0]["network"]) & set(by_side[1]["network"])
    known = fitted.has([*before, *after])
    return PriceChange(
        change=fitted.change(before, after) if known else None,
        networks=tuple(sorted(both)),
        reports=sum(map(len, by_side)),
    )


@remembered
def fuel_events() -> pd.DataFrame:
    """Return the days on which news on fuel broke: ``date``, ``label``, ``source_id``.

    The halt of sales by China's state oil company was no sanction; the two caps took effect when they were adopted.
    """
    events = evidence.load("sanction_events").set_index("instrument")
    halt: pd.Period = evidence.load("sources").query("source_id == @SALES_HALT")["published"].iloc[0]
    return pd.DataFrame(
        {
            "date": [halt.start_time, *(iron_ore.binding_from(cap).start_time for cap in CAPS)],
            "label": ["CNPC halts sales", *CAPS.values()],
            "source_id": [SALES_HALT, *(str(events.loc[cap, "source_id"]) for cap in CAPS)],
        }
    )


def event_study(item: str, *, days: int, currency: str = "usd") -> pd.DataFrame:
    """Return how a price changed around news on fuel, and around days without such news.

    The change is between the mean logs of all reports in the ``days`` before and from the day on. Placebo days
    are the first of every month more than a month from each event. Only reports with a printed day count.

    Parameters
    ----------
    item : str
    days : int
        Length of the window on either side.
    currency : {"usd", "cny", "kpw"}

    Returns
    -------
    DataFrame
        ``date``, ``label``, ``event`` (False for a placebo), ``change_pct``, ``reports_before``,
        ``reports_after``, ``rank`` (1 for the largest rise), largest first. Days with fewer than two reports
        on a side are left out.
    """
    arguments.choice("currency", currency, CURRENCIES)
    rows = quotes(item, inferred_dates=False)
    rows = rows[rows["exact_day"]]
    events = fuel_events()
    months = pd.date_range(FIRST_DAY, LAST_DAY, freq="MS")
    placebos = [day for day in months if ((events["date"] - day).abs() > CLEAR_OF_EVENTS).all()]
    candidates = [(day, label, True) for day, label in zip(events["date"], events["label"], strict=True)]
    candidates += [(day, f"{day:%B %Y}", False) for day in placebos]
    logs = pd.Series(np.log(rows[f"price_{currency}"].to_numpy(float)), index=rows["when"].dt.normalize())
    found = [_around(logs, *candidate, pd.Timedelta(days=days)) for candidate in candidates]
    frame = pd.DataFrame([row for row in found if row is not None])
    if frame.empty:
        raise MethodError(
            f"no day has {LEAST_REPORTS} reports within {days} days on either side", "days", "lengthen it"
        )
    frame = frame.sort_values("change_pct", ascending=False, kind="stable", ignore_index=True)
    return frame.assign(rank=range(1, len(frame) + 1))


def _around(
    logs: pd.Series[float], day: pd.Timestamp, label: str, event: bool, reach: pd.Timedelta
) -> dict[str, object] | None:
    when = logs.index
    before, after = logs[(when >= day - reach) & (when < day)], logs[(when >= day) & (when < day + reach)]
    if min(len(before), len(after)) < LEAST_REPORTS:
        return None
    return {
        "date": day,
        "label": label,
        "event": event,
        "change_pct": 100 * float(np.expm1(after.mean() - before.mean())),
        "reports_before": len(before),
        "reports_after": len(after),
    }


def jumps(item: str, *, currency: str = "usd") -> pd.DataFrame:
    """Return the jump in a price at news on fuel by segmented regression, ranked among all days with reports.

    The log of each day's mean price is regressed on a trend and a step at one date, with or without a new slope
    from there on, and the step's t-ratio is ranked among those at all other dates. Days count in their order,
    however far apart.

    Parameters
    ----------
    item : str
    currency : {"usd", "cny", "kpw"}

    Returns
    -------
    DataFrame
        ``label``, ``last_day`` (before the step), ``new_slope``, ``jump_pct``, ``t_ratio``, ``rank``, ``dates`` tried,
        ``days`` (with a report).
    """
    arguments.choice("currency", currency, CURRENCIES)
    rows = quotes(item, inferred_dates=False)
    rows = rows[rows["exact_day"]]
    logs = np.log(rows[f"price_{currency}"]).groupby(rows["when"].dt.normalize()).mean()
    events = fuel_events()
    return pd.DataFrame(
        [
            _jump(logs, str(label), day, new_slope=new_slope)
            for new_slope in (False, True)
            for day, label in zip(events["date"], events["label"], strict=True)
        ]
    )


def _jump(logs: pd.Series[float], label: str, day: pd.Timestamp, *, new_slope: bool) -> dict[str, object]:
    last = int((logs.index < day).sum())
    tried = interrupted.placebo(logs.to_numpy(), last, slope=new_slope, margin=LEAST_DAYS)
    step = float(tried.frame.loc[tried.frame["true"], "estimate"].iloc[0])
    return {
        "label": label,
        "last_day": logs.index[last - 1],
        "new_slope": new_slope,
        "jump_pct": 100 * float(np.expm1(step)),
        "t_ratio": tried.statistic,
        "rank": tried.rank,
        "dates": tried.n_dates,
        "days": tried.n,
    }


def in_yuan(item: str) -> pd.DataFrame:
    """Return the won prices of ASIAPRESS beside its yuan rate of the same day and place.

    Returns
    -------
    DataFrame
        ``when``, ``place``, ``price_kpw``, ``kpw_per_cny``, ``price_cny``, ``round`` (within one hundredth of a
        tenth of a yuan: a price that was set in yuan), ``source_id``.
    """
    rows = quotes(item)
    rows = rows[(rows["network"] == UNDER_TEST) & rows["printed_yuan_rate"].notna() & (rows["quoted_in"] == "kpw")]
    tenths = 10 * rows["price_cny"]
    return rows.assign(kpw_per_cny=rows["printed_yuan_rate"], round=(tenths - tenths.round()).abs() < 0.01)[
        ["when", "place", "price_kpw", "kpw_per_cny", "price_cny", "round", "source_id"]
    ]


def dollar() -> pd.DataFrame:
    """Return the won price of a dollar at the end of each quarter of 2016 to 2019: ``quarter``, ``kpw_per_usd``."""
    table = evidence.load("exchange_rate_quarterly")
    years = [quarter.year for quarter in table["quarter"]]
    return table[(np.array(years) >= 2016) & (np.array(years) <= 2019)][["quarter", "kpw_per_usd", "source_id"]]


def exports_to_china() -> pd.DataFrame:
    """Return China's recorded imports from the DPRK by year, 2016 to 2019: ``year``, ``value_usd``, ``source_id``."""
    table = evidence.exclude(evidence.load("imports_from_dprk_by_product_china"), "date_inferred")
    rows = table[
        (table["hs_level"] == "total") & (table["year"] >= pd.Period("2016")) & (table["year"] <= pd.Period("2019"))
    ]
    return rows[["year", "value_usd", "source_id"]]


def income_fall(supply_fall_pct: float, income_elasticity: float) -> float:
    """Return the fall in incomes, in percent, that leaves a price unchanged when supply falls.

    At an unchanged price demand moves with income alone: one percent less income takes ``income_elasticity``
    percent off demand.
    """
    elasticity = arguments.number("income_elasticity", income_elasticity, 0, above=True)
    return float(100 * (1 - (1 - supply_fall_pct / 100) ** (1 / elasticity)))


def two_stories() -> pd.DataFrame:
    """Return Daily NK's won prices of gasoline in Pyongyang for the last ten days of August 2017, which disagree."""
    rows = quotes("gasoline")
    late_august = rows["when"].between(pd.Timestamp("2017-08-22"), pd.Timestamp("2017-09-01"))
    return rows[late_august & (rows["place"] == "dailynk: Pyongyang")][["when", "price_kpw", "note", "source_id"]]
