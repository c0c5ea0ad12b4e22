"""The DPRK's trade as China records it: statements from the tables, and monthly series rebuilt from them.

DPRK exports are seen as China's imports (CIF), DPRK imports as China's exports (FOB).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from musan import evidence
from musan.errors import MethodError, nearest
from musan.locations import data_folder
from musan.methods import reconcile, statements
from musan.refresh import comtrade_statements, vintages

if TYPE_CHECKING:
    from pathlib import Path

FIRST, LAST = "2013-01", "2019-12"
IMPORTS, EXPORTS = "china_imports", "china_exports"
SERIES = {IMPORTS: IMPORTS, EXPORTS: EXPORTS, "total": f"{IMPORTS}+{EXPORTS}"}
# The annual table is seen from the DPRK.
FROM_CHINA = {"exports": IMPORTS, "imports": EXPORTS, "total": "total"}
# Product -> its heading in the table of China's imports by product.
HEADINGS = {"total": "TOTAL", "iron_ore": "2601", "coal": "2701"}
USD_PER_MILLION = 1e6
COMTRADE = "comtrade"  # the live source that records every month


def _values(frame: pd.DataFrame, product: str) -> pd.DataFrame:
    """Return the rows that give a product's value in US dollars, printed zero quantities included."""
    rows = evidence.exclude(frame[frame["product"] == product], "hs_inferred")
    zero = (rows["measure"] == "quantity") & (rows["value"] == 0)
    value = (rows["measure"] == "value") & (rows["unit"] == "usd_million")
    return rows[value | zero]


def printed(product: str, folder: Path | None = None, vintage: str = "") -> pd.DataFrame:
    """Return every printed figure on China's trade with the DPRK in one product.

    Parameters
    ----------
    product : {"total", "iron_ore", "coal"}
        ``total`` speaks of both flows, ores and coal of China's imports only.
    folder : Path, optional
        Folder of the data package.
    vintage : str
        Names of vintages (see :func:`musan.refresh.vintages.named`). One of UN Comtrade takes the place of the
        printed figures whose months it has.

    Returns
    -------
    DataFrame
        Statements in million US dollars (see :mod:`musan.methods.statements`) from ``trade_monthly``,
        ``trade_cumulative``, ``trade_annual`` and ``imports_from_dprk_by_product_china``. Left out:
        rows worked back from a year-on-year rate (the rate itself is a statement), inferred product
        codes, one province only, totals that hold KOTRA's estimate of crude oil.
    """
    if product not in HEADINGS:
        raise MethodError(f"unknown product {product!r}", "product", nearest(product, HEADINGS))
    return _printed(product, data_folder() if folder is None else folder, vintage, vintages.store_folder()).copy()


@lru_cache(maxsize=8)
def _printed(product: str, folder: Path, vintage: str, store: Path) -> pd.DataFrame:
    del store  # where the vintage is: part of the cache key only
    monthly = _values(evidence.load("trade_monthly", folder=folder), product)
    cumulative = evidence.exclude(evidence.load("trade_cumulative", folder=folder), "regional")
    cumulative = _values(cumulative[cumulative["partner"] == "china"], product)
    annual = evidence.load("trade_annual", folder=folder)
    annual = evidence.exclude(_values(annual[annual["partner"] == "china"], product), "crude_estimate")
    annual = annual.assign(flow=annual["flow"].astype(str).map(FROM_CHINA))
    parts = [
        (monthly, "month", "month"),
        (cumulative, "period_start", "period_end"),
        (annual, "year", "year"),
    ]
    out = [_comtrade(product, folder)]
    for frame, start, end in parts:
        own = frame if product == "total" else frame[frame["flow"] == IMPORTS]
        worked_back = (own["basis"] == "implied") & (own["method"] == "yoy")
        out.append(statements.levels(own[~worked_back.fillna(False)], start=start, end=end, series=SERIES))
        out.append(statements.rates(own, start=start, end=end, series=SERIES))
    fragments = pd.concat(out, ignore_index=True)
    customs = vintages.of_source(vintage, COMTRADE)
    if customs is None:
        return fragments
    months = pd.period_range(FIRST, LAST, freq="M")
    recorded = statements.inside(comtrade_statements.of(customs.folder, product), months)
    return comtrade_statements.in_place_of(fragments, recorded)


def _comtrade(product: str, folder: Path) -> pd.DataFrame:
    table = evidence.exclude(evidence.load("imports_from_dprk_by_product_china", folder=folder), "date_inferred")
    rows = table[table["hs_code"] == HEADINGS[product]]
    rows = rows.assign(value=(rows["value_usd"] / USD_PER_MILLION).round(3))
    return statements.levels(rows, start="year", end="year", series=IMPORTS)


def measures(folder: Path | None = None) -> pd.DataFrame:
    """Return the sanctions and Chinese notices of 2013-2019 with the month in which each takes effect."""
    events = evidence.load("sanction_events", folder=folder)
    events = events.assign(month=[p.asfreq("M", how="start") for p in events["effective_from"]])
    return events[(events["month"] >= pd.Period(FIRST)) & (events["month"] <= pd.Period(LAST))]


def _aimed_at(product: str, events: pd.DataFrame) -> pd.DataFrame:
    """Return the measures that name a product; all of them for the total."""
    if product == "total":
        return events
    name = product.replace("_", " ")
    named = [any(good.split(" (")[0] == name for good in goods) for goods in events["products"]]
    return events[named]


@lru_cache(maxsize=8)
def _rebuild(product: str, folder: Path, vintage: str, store: Path) -> reconcile.Reconciliation:
    del store  # where the vintage is: part of the cache key only
    months = pd.period_range(FIRST, LAST, freq="M")
    effect = set(_aimed_at(product, measures(folder))["month"])
    return reconcile.fit(
        printed(product, folder, vintage),
        months=months,
        series=[IMPORTS, EXPORTS] if product == "total" else [IMPORTS],
        # Goods landed before a ban clear in its first weeks: the month after may jump too.
        events=sorted(effect | {month + 1 for month in effect}),
    )


def rebuild(product: str = "total", folder: Path | None = None, vintage: str = "") -> reconcile.Reconciliation:
    """Return China's monthly trade with the DPRK in one product, 2013-2019, in million US dollars.

    Parameters
    ----------
    product : {"total", "iron_ore", "coal"}
    folder : Path, optional
        Folder of the data package.
    vintage : str
        Names of vintages, as for :func:`printed`.

    Returns
    -------
    Reconciliation
        Series ``china_imports`` and, for ``total``, ``china_exports``.
    """
    return _rebuild(product, data_folder() if folder is None else folder, vintage, vintages.store_folder())


FLOWS = {IMPORTS: "China's imports", EXPORTS: "China's exports", f"{IMPORTS}+{EXPORTS}": "trade both ways"}


def misfits(rebuilt: reconcile.Reconciliation, folder: Path | None = None, vintage: str = "") -> pd.DataFrame:
    """Return the statements that do not fit what all others say, in words, the worst first.

    Parameters
    ----------
    rebuilt : Reconciliation
        From :func:`rebuild`.
    folder, vintage
        As they were given to it.

    Returns
    -------
    DataFrame
        ``flow``, ``period``, ``printed`` (with its unit), ``others_say`` (the range of two standard deviations,
        for levels), ``z``, ``used`` (fitted, or only checked), ``publisher``, ``source_id``.
    """
    publishers = evidence.known_sources(folder, vintage)["publisher"]
    rows = rebuilt.flagged
    records = rows.to_dict("records")
    return pd.DataFrame(
        {
            "flow": rows["series"].map(FLOWS).to_list(),
            "period": [f"{r['start']}" if r["start"] == r["end"] else f"{r['start']} to {r['end']}" for r in records],
            "printed": [
                f"{100 * r['rate']:+.1f} % on the year" if r["kind"] == "rate" else f"{r['value']:,.2f} million USD"
                for r in records
            ],
            "others_say": [
                ""
                if r["kind"] == "rate"
                else f"{r['expected'] - 2 * r['expected_sd']:,.1f} to {r['expected'] + 2 * r['expected_sd']:,.1f}"
                for r in records
            ],
            "z": rows["z"].to_numpy(),
            "used": rows["role"].to_list(),
            "publisher": rows["source_id"].map(publishers).to_list(),
            "source_id": rows["source_id"].to_list(),
        }
    )
