"""North Koreans at work in Russia and China: permits, visas, counts by others, and what their wages can yield.

Permits are counted at a date, visas over a year, and entries at the border count a person once a crossing: the
three are never added. A visa is not a worker, but permits alone overstate the fall.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from musan import evidence
from musan.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

OFFICIAL = "Russia report|Russian Foreign Ministry"
VISAS = {"tourist_visas": "tourist", "student_visas": "student"}
_IN_CHINA = re.compile(r"China (\d+)-(\d+); worker keeps about (\d+)")


def in_russia() -> pd.DataFrame:
    """Return every count of North Koreans at work in Russia, each figure of a compiler once.

    Returns
    -------
    DataFrame
        ``date`` (period as printed), ``people``, ``what`` (permits or workers), ``official`` (reported by Russia's
        government to the UN or by its ministry), ``bound``, ``compiler``, ``source_id``.
    """
    table = evidence.load("russia")
    rows = table[table["indicator"].isin(["workers", "work_permits_valid"]) & table["value"].notna()]
    rows = rows.drop_duplicates(["indicator", "compiler", "value"])
    return pd.DataFrame(
        {
            "date": list(rows["period_end"]),
            "people": rows["value"].to_numpy(float),
            "what": ["permits" if name == "work_permits_valid" else "workers" for name in rows["indicator"]],
            "official": rows["compiler"].str.contains(OFFICIAL).to_numpy(bool),
            "bound": rows["bound"].astype("string").to_numpy(object),
            "compiler": rows["compiler"].to_numpy(str),
            "source_id": rows["source_id"].to_numpy(str),
        }
    )


def official_in_russia() -> pd.DataFrame:
    """Return what Russia's government counts, the last figure of each year end or later date, in order."""
    rows = in_russia()
    rows = rows[rows["official"]]
    month = pd.PeriodIndex([date.asfreq("M", how="end") for date in rows["date"]], freq="M")
    return rows.assign(month=month).drop_duplicates(["month", "people"]).sort_values("month", ignore_index=True)


def russian_visas() -> pd.DataFrame:
    """Return visas that Russia gave to North Koreans in whole years: ``year``, ``tourist``, ``student``, ``total``."""
    table = evidence.load("russia")
    rows = table[table["indicator"].isin(list(VISAS)) & (table["frequency"] == "annual")]
    frame = pd.DataFrame(
        {
            "year": [period.year for period in rows["period_start"]],
            "kind": [VISAS[str(name)] for name in rows["indicator"]],
            "visas": rows["value"].to_numpy(float),
        }
    )
    wide = frame.pivot_table(index="year", columns="kind", values="visas")[list(VISAS.values())]
    return wide.assign(total=wide.sum(axis=1)).rename_axis(columns=None).reset_index()


def counts(channel: str = "overseas_workers_total") -> pd.DataFrame:
    """Return published counts of workers: ``year``, ``low``, ``high``, ``unit``, ``bound``, ``source_id``, ``note``.

    Parameters
    ----------
    channel : str
        ``overseas_workers_total`` (the world), ``overseas_workers_china`` or ``overseas_workers_russia``.
    """
    income = evidence.load("fx_income")
    units = ["workers", "border_entries_as_workers", "percent_repatriated"]
    rows = income[(income["channel"] == channel) & income["unit"].isin(units)]
    return pd.DataFrame(
        {
            "year": [period.year for period in rows["period_start"]],
            "low": rows["low"].fillna(rows["central"]).to_numpy(float),
            "high": rows["high"].fillna(rows["central"]).to_numpy(float),
            "unit": rows["unit"].to_numpy(str),
            "bound": rows["bound"].astype("string").to_numpy(object),
            "source_id": rows["source_id"].to_numpy(str),
            "note": rows["note"].fillna("").to_numpy(str),
        }
    )


def monthly_wages() -> dict[str, float]:
    """Return published monthly wages of workers abroad in dollars: ``low``, ``high``, and ``kept`` by the worker."""
    table = evidence.load("russia")
    rows = table[table["indicator"] == "monthly_wage"].to_dict("records")
    if len(rows) != 1:
        raise EvidenceError(f"{len(rows)} rows on monthly wages", "data/russia.csv", "one row is expected")
    return _wages(rows[0])


def _wages(row: dict[Hashable, Any]) -> dict[str, float]:
    found = _IN_CHINA.search(str(row["note"]))
    if found is None:
        raise EvidenceError(
            "the note on wages no longer prints those in China and what the worker keeps",
            "data/russia.csv, indicator monthly_wage",
            "write it as 'China 400-500; worker keeps about 100'",
        )
    low, high, kept = (float(part) for part in found.groups())
    wages = (float(row["value"]), low, high)
    return {"low": min(wages), "high": max(wages), "kept": kept}


def income_from_wages() -> tuple[float, float]:
    """Return what the state can take of the wages of the published numbers of workers of 2017, million dollars a year.

    The fewest workers at the lowest wage to the most at the highest, less what each is said to keep.
    """
    people = counts()
    people = people[(people["year"] == 2017) & (people["unit"] == "workers")]
    wages = monthly_wages()
    low = people["low"].min() * 12 * (wages["low"] - wages["kept"])
    high = people["high"].max() * 12 * (wages["high"] - wages["kept"])
    return float(low) / 1e6, float(high) / 1e6


def dollars_a_worker() -> pd.DataFrame:
    """Return what each published income from workers comes to a head, where its source counts the workers too.

    Returns
    -------
    DataFrame
        ``year``, ``income_low``, ``income_high`` (million dollars), ``workers_low``, ``workers_high``, ``a_head_low``,
        ``a_head_high`` (dollars a year), ``source_id``.
    """
    income = evidence.load("fx_income")
    rows = income[(income["channel"] == "overseas_workers_total") & (income["unit"] == "usd_million")]
    people = counts().groupby("source_id")[["low", "high"]].agg({"low": "min", "high": "max"})
    out = []
    for row in rows.to_dict("records"):
        source = str(row["source_id"])
        low, high = (float(row["central"] if pd.isna(row[end]) else row[end]) for end in ("low", "high"))
        workers = tuple(people.loc[source]) if source in people.index else _told(str(row["note"]))
        if workers is not None:
            out.append(
                {"year": row["period_start"].year, "income_low": low, "income_high": high}
                | {"workers_low": workers[0], "workers_high": workers[1]}
                | {"a_head_low": 1e6 * low / workers[1], "a_head_high": 1e6 * high / workers[0], "source_id": source}
            )
    return pd.DataFrame(out)


def _told(note: str) -> tuple[float, float] | None:
    """Return the number of workers that a note gives beside an income, such as "50,000+ workers"."""
    found = re.search(r"([\d,]+)\+? workers", note)
    return None if found is None else (float(found[1].replace(",", "")),) * 2
