"""Rations at the Musan mine and in the country, and the harvests behind them.

A workplace ration at a mine and the national mean that the DPRK reports to the UN are different things and are
never put on one line. Harvests are compared within one estimator and one indicator only.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd

from musan import evidence, field_reports, iron_ore
from musan.methods import arguments

CLAIMED = pd.Period("2018-03")
MUSAN = "C01"
MINE = "Musan iron mine"
FIRST_BAN = "UNSCR 2270"  # the first measure that names iron ore
DATED_BY = {"mine_rations": ("iron_mining",), "county_food": ()}
MINE_REPORTS = {"rations": ("rations",), "rations_and_pay": ("rations", "wages")}
PAY = ("paid_monthly_wage", "promised_monthly_wage")
NETWORKS = {"asiapress": "ASIAPRESS", "dailynk": "Daily NK"}
IN_WORDS = {
    "suspended": "no rations",
    "replaced": "food in place of pay",
    "reduced": "less food",
    "paid": "rations paid",
    "halved": "half rations",
    "normal": "normal rations",
}
GAP = ("food_import_requirement", "food_need_to_be_imported", "uncovered_deficit", "food_shortfall")
HARVEST = {
    "food_production_cereals_and_soybeans_and_potatoes_in_cereal_equivalent_paddy_basis": "food crops, paddy basis",
    "food_production": "food production",
    "crop_production": "crop production",
}


def reports_on_the_mine(kind: str) -> pd.DataFrame:
    """Return independent field reports on rations at the mine, or on rations and pay.

    Parameters
    ----------
    kind : {"rations", "rations_and_pay"}
        Two thirds of the pay promised in 2013 was in kind, so pay is partly food.

    Returns
    -------
    DataFrame
        Rows of ``field_reports``; a report counts when either coder gives it the sector and the indicator.
    """
    arguments.choice("mine_reports", kind, MINE_REPORTS)
    return field_reports.on(
        field_reports.independent(), sectors=["iron_mining"], indicators=MINE_REPORTS[kind], cities=[MUSAN]
    )


def dated_end(dated_by: str) -> pd.DataFrame:
    """Return the first report of 2018 from each independent network that rations got worse in Musan.

    Parameters
    ----------
    dated_by : {"mine_rations", "county_food"}
        Reports on the mine only, or on anyone's rations in the county.

    Returns
    -------
    DataFrame
        ``network``, ``month``, ``months_off`` (from the month in the article), ``report_id``, ``paraphrase``,
        ``source_id``; one row a network.
    """
    arguments.choice("dated_by", dated_by, DATED_BY)
    rows = field_reports.on(
        field_reports.independent(), sectors=DATED_BY[dated_by], indicators=["rations"], cities=[MUSAN]
    )
    worse = (rows["direction"] == "worse") | (rows["direction_second"] == "worse")
    rows = rows[worse & (rows["first_day"].dt.year == CLAIMED.year)].sort_values("first_day", kind="stable")
    first = rows.drop_duplicates("origin_network")
    months = first["first_day"].dt.to_period("M")
    return pd.DataFrame(
        {
            "network": first["origin_network"].astype(str),
            "month": months,
            "months_off": [(month - CLAIMED).n for month in months],
            "report_id": first["report_id"],
            "paraphrase": first["paraphrase"],
            "source_id": first["source_id"],
        }
    ).reset_index(drop=True)


def months_off(dated_by: str) -> dict[str, int]:
    """Return how many months each network's date lies from the article's: the measure of ``dated_by_networks``."""
    found = dated_end(dated_by)
    return {str(network): int(months) for network, months in zip(found["network"], found["months_off"], strict=True)}


def before_sanctions(kind: str) -> pd.DataFrame:
    """Return figures on rations, or on rations and pay, at the mine from before the first ban on iron ore.

    Returns
    -------
    DataFrame
        ``period``, ``what``, ``value``, ``unit``, ``source_id``.
    """
    arguments.choice("mine_reports", kind, MINE_REPORTS)
    ban = iron_ore.binding_from(FIRST_BAN).start_time
    rations = evidence.load("food_rations")
    rations = rations[(rations["place"] == MINE) & (evidence.ends(rations["period_end"]) < ban)]
    pay = evidence.load("attendance")
    pay = pay[
        pay["indicator"].isin(PAY)
        & pay["population"].str.startswith("Musan mine")
        & (evidence.ends(pay["period_end"]) < ban)
    ]
    parts = [_figures(rations, "status", "ration_g_per_person_day", "g_per_day")]
    if kind == "rations_and_pay":
        parts.append(_figures(pay, "indicator", "value_low", None))
    return pd.concat(parts, ignore_index=True)


def _figures(rows: pd.DataFrame, what: str, value: str, unit: str | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "period": rows["period_start"].map(str),
            "what": rows[what].astype(str).str.replace("_", " "),
            "value": rows[value].astype("Float64"),
            "unit": rows["unit"].astype(str) if unit is None else unit,
            "source_id": rows["source_id"],
        }
    )


def cause_measures(kind: str) -> dict[str, Any]:
    """Return the measures of the rule ``cause_named_by_reports`` for the mine."""
    named = field_reports.named_cause(reports_on_the_mine(kind))
    return {**named, "baseline": not before_sanctions(kind).empty}


def mine_story() -> pd.DataFrame:
    """Return what every network says of food at Musan in 2018, the article's own statements included.

    Returns
    -------
    DataFrame
        ``network``, ``first_day``, ``last_day``, ``who``, ``status``, ``independent``, ``note``, ``source_id``, in
        the order of time.
    """
    rows = evidence.load("food_rations")
    rows = rows[rows["place"].str.contains("Musan")]
    first, last = evidence.starts(rows["period_start"]), evidence.ends(rows["period_end"])
    sources = rows["source_id"].astype(str)
    frame = pd.DataFrame(
        {
            "network": sources.str.split("-").str[0].replace(NETWORKS),
            "first_day": first,
            "last_day": last,
            "who": rows["population_group"].astype(str),
            "status": rows["status"].astype(str),
            "independent": ~sources.str.startswith(evidence.UNDER_TEST),
            "note": rows["note"],
            "source_id": sources,
        }
    )
    return frame.sort_values("first_day", kind="stable", ignore_index=True)


def national_rations() -> pd.DataFrame:
    """Return national rations from 2011 on, in grams a person and day.

    Returns
    -------
    DataFrame
        ``middle`` (of the period), ``period``, ``grams``, ``kind`` (reported to the UN, or a government memo),
        ``source_id``. Left out: targets, plans, norms and estimates of consumption.
    """
    rows = evidence.load("food_rations")
    rows = rows[(rows["place"] == "national") & (rows["status"] == "paid") & rows["ration_g_per_person_day"].notna()]
    first, last = evidence.starts(rows["period_start"]), evidence.ends(rows["period_end"])
    rows, first, last = (part[first.dt.year >= 2011] for part in (rows, first, last))
    memo = (rows["basis"] == "claim") | ~rows["reported_to_un"].fillna(False).astype(bool)
    return pd.DataFrame(
        {
            "middle": first + (last - first) / 2,
            "period": [
                str(a) if a == b else f"{a} to {b}"
                for a, b in zip(rows["period_start"], rows["period_end"], strict=True)
            ],
            "grams": rows["ration_g_per_person_day"].to_numpy(float),
            "kind": memo.map({True: "government memo of 2019", False: "as reported to WFP and FAO"}),
            "source_id": rows["source_id"].astype(str),
        }
    ).reset_index(drop=True)


def harvest_changes() -> pd.DataFrame:
    """Return the change of the harvest from one year to the next, within one estimator and one indicator.

    Returns
    -------
    DataFrame
        ``harvest`` (in words), ``estimator``, ``before`` and ``after`` (years), ``million_tonnes_before``,
        ``million_tonnes_after``, ``change_pct``, ``source_id``; from 2016 on.
    """
    table = evidence.load("harvest")
    rows = table[table["indicator"].isin(HARVEST) & (table["unit"] == "million_tonnes")]
    rows = rows.assign(start=[period.year for period in rows["period_start"]])
    rows = rows[rows["start"] >= 2016].sort_values("start", kind="stable")
    out = []
    for (indicator, estimator), group in rows.groupby(["indicator", "estimator"], sort=False, observed=True):
        records = group.to_dict("records")
        for one, two in pairwise(records):
            if two["start"] == one["start"] + 1:
                out.append(
                    {
                        "harvest": HARVEST[str(indicator)],
                        "estimator": str(estimator),
                        "before": _year(one),
                        "after": _year(two),
                        "million_tonnes_before": float(one["value"]),
                        "million_tonnes_after": float(two["value"]),
                        "change_pct": 100 * (float(two["value"]) / float(one["value"]) - 1),
                        "source_id": f"{one['source_id']};{two['source_id']}",
                    }
                )
    return pd.DataFrame(out)


def _year(row: dict[Any, Any]) -> str:
    first, last = row["period_start"].year, row["period_end"].year
    return str(first) if first == last else f"{first}/{last % 100:02d}"


def gap_2018_19() -> tuple[float, float]:
    """Return the smallest and the largest published shortage of food in 2018/19, in million tonnes."""
    rows = evidence.load("harvest")
    rows = rows[rows["indicator"].isin(GAP) & (rows["period_start"].map(str) == "2018") & (rows["unit"] == "tonnes")]
    tonnes = rows["value"].to_numpy(float)
    return float(tonnes.min()) / 1e6, float(tonnes.max()) / 1e6
