"""Figures on the capital, the army and the elites, kept apart where they must not be spliced.

What a figure says for or against pressure is the judgement of the people who compiled the table. Prices of
flats differ by source, size and part of town: only figures from one page, for one place and in one unit are
ever compared. Lists of luxury goods before 2017 and from 2020 on differ and are never compared.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from musan import evidence
from musan.errors import EvidenceError, nearest
from musan.remembered import remembered

SANCTIONED_SINCE = pd.Timestamp("2017-01-01")  # a figure from before this day is one from before the sanctions
DIRECTION = {"supports_pressure": "worse", "ambiguous": "mixed", "contradicts_pressure": "better"}
SUBJECTS = {
    "flats": ("apartment_price", "apartment_price_change"),
    "incomes": ("household_income_change", "median_household_income_change", "share_earning_over_1m_won_month"),
    "trading firms": (
        "ships_operating", "trading_companies", "trading_company_branch_closures", "trading_company_income",
        "trading_company_investigation", "trading_company_profit_vs_plan",
    ),
    "luxury imports": ("luxury_imports_china",),
    "the privileged": ("elite_size",),
    "lights and building": (
        "development_concentration", "light_change", "light_index", "light_share_of_dprk", "pyongyang_lights",
        "pyongyang_minus_rest_lights_per_sanction",
    ),
    "taxis": ("taxi_companies", "taxis", "taxis_new_fleet"),
    "fuel": ("gasoline_price", "gasoline_sales_ban"),
    "markets and prices": (
        "exchange_rate", "price_change_import_banned_goods", "pyongyang_daily_life", "pyongyang_markets",
    ),
    "rations and power": ("holiday_special_rations", "household_electricity", "ration_days", "ration_delay"),
    "telephones": ("mobile_subscribers",),
    "the army": (
        "army_daily_ration", "army_food", "army_food_supply_interval", "army_leave_for_food", "army_malnutrition",
        "army_size", "army_theft", "army_vehicle_use",
    ),
}  # fmt: skip
# Subject of each indicator.
SUBJECT = {indicator: subject for subject, indicators in SUBJECTS.items() for indicator in indicators}
# Indicators of what the rich earn and own; surveys of refugees are not of the rich.
ELITE_INDICATORS = (*SUBJECTS["flats"], "household_income_change", "elite_size")
# Network of a publisher, as in field_reports: the first name that occurs in it.
NETWORKS = {"ASIAPRESS": "asiapress", "Daily NK": "dailynk", "RFA": "rfa", "VOA": "voa"}
_FLAT_UNIT = re.compile(r"usd_per_(?:flat_)?(\d+)m2")


@remembered
def table() -> pd.DataFrame:
    """Return the figures with what they are about, which network they come from and what they say.

    Returns
    -------
    DataFrame
        Rows of ``elite_military`` with ``first_day`` and ``last_day`` (a row that is onward counts at its start),
        ``subject``, ``publisher``, ``origin_network`` and ``direction`` (worse, mixed, better; missing for a level
        to compare with). A second row of one network on one indicator, place and period is left out.
    """
    rows = evidence.load("elite_military")
    if unknown := sorted(set(rows["indicator"]) - set(SUBJECT)):
        raise EvidenceError(
            f"the indicator {unknown[0]!r} has no subject",
            "data/elite_military.csv",
            f"add it to SUBJECTS in musan.elite_figures; {nearest(unknown[0], SUBJECT)}",
        )
    sources = evidence.load("sources").set_index("source_id")
    first = evidence.starts(rows["period_start"])
    rows = rows.assign(
        first_day=first,
        last_day=evidence.ends(rows["period_end"]).fillna(first),
        subject=rows["indicator"].map(SUBJECT),
        publisher=rows["source_id"].map(sources["publisher"]).astype(str),
        origin_network=[_network(sources.loc[source]) for source in rows["source_id"]],
        direction=rows["bearing_on_claim"].astype(str).map(DIRECTION),
    )
    return rows.drop_duplicates(["origin_network", "indicator", "place", "first_day", "last_day"])


def _network(source: pd.Series[Any]) -> str:
    for name, network in NETWORKS.items():
        if name in str(source["publisher"]):
            return network
    return "analyst" if str(source["kind"]) in ("think_tank", "academic") else "other_press"


def bearing_by_subject(figures: pd.DataFrame, since: str) -> pd.DataFrame:
    """Return how many figures speak for pressure, for neither and against it, by subject.

    Parameters
    ----------
    figures : DataFrame
        From :func:`table`.
    since : str
        Figures whose period ends before this day are left out, and so are levels to compare with.

    Returns
    -------
    DataFrame
        Indexed by subject: ``worse``, ``mixed``, ``better``; the most for pressure first.
    """
    said = figures[figures["direction"].notna() & (figures["last_day"] >= pd.Timestamp(since))]
    counts = pd.crosstab(said["subject"], said["direction"]).reindex(columns=list(DIRECTION.values()), fill_value=0)
    lean = counts["worse"] - counts["better"]
    return counts.loc[lean.sort_values(ascending=False, kind="stable").index]


def amount(figures: pd.DataFrame) -> pd.Series[float]:
    """Return the figure of each row, or the middle of its range; missing for words."""
    middle = (figures["low"] + figures["high"]) / 2
    return figures["value"].fillna(middle).astype("Float64").astype(float)


def before_and_after(figures: pd.DataFrame) -> pd.DataFrame:
    """Return what one page gives for one thing both before the sanctions and later.

    Parameters
    ----------
    figures : DataFrame
        From :func:`table`, or a part of it.

    Returns
    -------
    DataFrame
        One row a later figure: ``source_id``, ``publisher``, ``origin_network``, ``sector`` (subject),
        ``indicator``, ``place``, ``unit``, ``capital``, ``date_inferred`` (of either side), ``before`` and
        ``before_day`` (the last figure from before), ``after``, ``last_day`` (of the later figure), ``change_pct``;
        the earliest first. Voices that nobody checked (``basis`` is claim) are no baseline.
    """
    same = ["source_id", "publisher", "origin_network", "subject", "indicator", "place", "unit"]
    numbers = evidence.exclude(figures.assign(amount=amount(figures)), "claim").dropna(subset=["amount"])
    numbers = numbers[[*same, "amount", "date_inferred", "first_day", "last_day"]].sort_values("last_day")
    early = numbers[numbers["last_day"] < SANCTIONED_SINCE].drop_duplicates(same, keep="last")
    late = numbers[numbers["first_day"] >= SANCTIONED_SINCE]
    pairs = late.merge(early, on=same, suffixes=("", "_before"))
    return pd.DataFrame(
        {
            **{name: pairs[name].astype(object) for name in same if name != "subject"},
            **dict.fromkeys(("sector", "sector_second"), pairs["subject"]),
            "indicator_second": pairs["indicator"].astype(object),
            "doubtful": False,
            "capital": in_capital(pairs),
            "date_inferred": pairs["date_inferred"].astype(bool) | pairs["date_inferred_before"].astype(bool),
            "before": pairs["amount_before"],
            "before_day": pairs["last_day_before"],
            "after": pairs["amount"],
            "last_day": pairs["last_day"],
            "change_pct": 100 * (pairs["amount"] / pairs["amount_before"] - 1),
        }
    )


def flats(figures: pd.DataFrame) -> pd.DataFrame:
    """Return the prices of flats of known size in Pyongyang, dollars a square metre, one series a page, place and size.

    Returns
    -------
    DataFrame
        ``series`` (outlet, place and size), ``middle`` (day in the middle of the period), ``low``, ``high``,
        ``price`` (dollars a square metre), ``size_m2``, ``publisher``, ``place``, ``source_id``. Prices in won, of
        flats without a size, and changes without a level are left out.
    """
    size = figures["unit"].map(_size)
    rows = figures[(figures["indicator"] == "apartment_price") & size.notna() & in_capital(figures)]
    size = size.loc[rows.index].astype(float)
    price = amount(rows) / size
    return pd.DataFrame(
        {
            "series": rows["publisher"].map(outlet)
            + ", "
            + rows["place"].str.removeprefix("Pyongyang ")
            + size.map(", {:.0f} m²".format),
            "middle": rows["first_day"] + (rows["last_day"] - rows["first_day"]) / 2,
            "low": (rows["low"].astype(float) / size).fillna(price),
            "high": (rows["high"].astype(float) / size).fillna(price),
            "price": price,
            "size_m2": size,
            "publisher": rows["publisher"],
            "place": rows["place"].astype(str),
            "source_id": rows["source_id"].astype(str),
        }
    ).sort_values("middle", ignore_index=True)


def _size(unit: str) -> float | None:
    found = _FLAT_UNIT.match(unit)
    return float(found.group(1)) if found else None


def outlet(publisher: str) -> str:
    """Return a short name of a publisher: the network in it, else its name without what it cites or copies."""
    return next((name for name in NETWORKS if name in publisher), re.split(r" \(| via | / ", publisher)[0])


def in_capital(figures: pd.DataFrame) -> pd.Series[bool]:
    """Return which figures are on Pyongyang or a part of it."""
    return figures["place"].str.startswith("Pyongyang").fillna(False).astype(bool)
