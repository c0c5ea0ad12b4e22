"""A vintage of UN Comtrade as statements on China's monthly trade with the DPRK, for :mod:`musan.methods.reconcile`.

Where customs give every month, the fragments that the press printed of it add nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from musan import evidence
from musan.errors import MethodError, nearest
from musan.methods import statements

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from pathlib import Path

TABLE = "comtrade_flows"
CHINA = "156"
# As in musan.mirror: product -> its heading, flow of the reporter -> series.
HEADINGS = {"total": "TOTAL", "iron_ore": "2601", "coal": "2701"}
SERIES = {"imports": "china_imports", "exports": "china_exports"}
USD_PER_MILLION = 1e6
HALF_WIDTH = 0.0005  # million dollars: UN Comtrade prints dollars, kept here to the thousand
MONTHS = 12


def of(vintage: Path, product: str) -> pd.DataFrame:
    """Return what China's customs recorded, as statements.

    Parameters
    ----------
    vintage : Path
        Folder of a vintage of UN Comtrade.
    product : {"total", "iron_ore", "coal"}
        ``total`` speaks of both flows, ores and coal of China's imports only.

    Returns
    -------
    DataFrame
        Statements in million US dollars (see :mod:`musan.methods.statements`): one a month, zero where the month
        has a total but no record of the product, and one for each year that lacks months.

    Raises
    ------
    MethodError
        Unknown product.
    EvidenceError
        The folder is no vintage of UN Comtrade, or not as it was written.
    """
    if product not in HEADINGS:
        raise MethodError(f"unknown product {product!r}", "product", nearest(product, HEADINGS))
    table = evidence.load(TABLE, folder=vintage)
    china = table[table["reporter_code"] == CHINA]
    if product != "total":
        china = china[china["flow"] == "imports"]
    rows = china[china["hs_code"] == HEADINGS[product]].assign(note="")
    if product != "total":
        rows = pd.concat([rows, _empty(china, rows)], ignore_index=True)
    rows = rows[(rows["frequency"] == "monthly") | ~_complete(rows)]
    rows = rows.assign(
        value=(rows["value_usd"].astype(float) / USD_PER_MILLION).round(3),
        basis="reported",
        note=rows["note"] + f"UN Comtrade as of {vintage.name}",
    )
    out = statements.levels(rows, start="period", end="period", series=SERIES)
    return out.assign(half_width=HALF_WIDTH).sort_values(["series", "start", "end"], ignore_index=True)


def _empty(china: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row of zero for each period in which China recorded trade, but none in the product."""
    totals = china[china["hs_code"] == HEADINGS["total"]]
    without = totals[~totals["period"].astype(str).isin(rows["period"].astype(str))]
    return without.assign(value_usd=0.0, note="no record where the total has one; ")


def _complete(rows: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether all months of its year are there for its flow."""
    monthly = rows[rows["frequency"] == "monthly"]
    years = pd.Series([period.year for period in monthly["period"]], index=monthly.index, dtype=int)
    counts = monthly.groupby([monthly["flow"].astype(str), years]).size()
    return pd.Series(
        [
            counts.get((flow, period.year), 0) == MONTHS
            for flow, period in zip(rows["flow"].astype(str), rows["period"], strict=True)
        ],
        index=rows.index,
        dtype=bool,
    )


def in_place_of(fragments: pd.DataFrame, monthly: pd.DataFrame) -> pd.DataFrame:
    """Return statements in which a vintage stands in the place of the fragments that it makes needless.

    Parameters
    ----------
    fragments : DataFrame
        From :func:`musan.mirror.printed`.
    monthly : DataFrame
        From :func:`of`.

    Returns
    -------
    DataFrame
        The vintage's statements, and the fragments that speak of a month it does not have. A rate speaks of the
        year before too.
    """
    single = monthly[monthly["start"] == monthly["end"]]
    known = set(zip(single["series"], single["start"], strict=True))
    needed = [not _covered(row, known) for row in fragments.to_dict("records")]
    return pd.concat([monthly, fragments[pd.Series(needed, index=fragments.index, dtype=bool)]], ignore_index=True)


def _covered(row: Mapping[Hashable, Any], known: set[tuple[str, pd.Period]]) -> bool:
    spans = [(row["start"], row["end"])]
    if row["kind"] == "rate":
        spans.append((row["start"] - MONTHS, row["end"] - MONTHS))
    months = [month for start, end in spans for month in pd.period_range(start, end, freq="M")]
    return all((name, month) in known for name in str(row["series"]).split("+") for month in months)
