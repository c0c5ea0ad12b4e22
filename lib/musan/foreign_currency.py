"""What the country earned, channel by channel, as ranges over all that was published.

Only goods, tourism and the Kaesong zone have figures by year. For every other channel the published
figures are not dated to a year, or are sums over several: one range then stands for both years, so that
these channels blur a change and never make one. Counts of tourists are turned into dollars at the spending that one
source assumes.
"""

from __future__ import annotations

import pandas as pd

from musan import evidence
from musan.remembered import remembered

# Channel -> rows of fx_income that speak of it, and whether its figures are dated to a year.
CHANNELS: dict[str, tuple[tuple[str, ...], bool]] = {
    "goods": (("goods_exports",), True),
    "workers abroad": (("overseas_workers_total",), False),
    "tourism": (("tourism",), True),
    "Kaesong": (("kaesong",), True),
    "arms": (("arms",), False),
    "fishing rights": (("fishing_rights",), False),
    "coal smuggling": (("smuggling_coal", "smuggling"), False),
    "cyber theft": (("cyber",), False),
    "remittances": (("remittances_by_refugees",), False),
}
# Published only from the year in which sanctions closed the legal way: nothing to add before.
ONLY_UNDER_SANCTIONS = ("coal smuggling", "cyber theft")
# Raw mirror data that the catalogue says must not be used for levels.
UNUSABLE = ("korea-herald-2020-05-monitor-nks-exports-shrivel",)
FIRST_YEAR, LAST_YEAR = 2014, 2023


@remembered
def channel_ranges(year: int) -> pd.DataFrame:
    """Return what each channel earned in a year, from the lowest to the highest published figure.

    Parameters
    ----------
    year : int
        2014 to 2019.

    Returns
    -------
    DataFrame
        One row a channel: ``channel``, ``year``, ``low_usd_million``, ``high_usd_million``, ``rows`` (how many
        figures), ``dated`` (are they figures of that year?), ``source_ids`` (tuple).
    """
    table = _in_dollars()
    return pd.DataFrame([_range(table, channel, year) for channel in CHANNELS])


def published_figures(since: int = 2012) -> pd.DataFrame:
    """Return every published figure of the channels other than goods, sums over several years as a yearly mean.

    Parameters
    ----------
    since : int
        First year that counts.

    Returns
    -------
    DataFrame
        One row a figure: ``channel``, ``first``, ``last`` (years), ``low_usd_million``, ``high_usd_million`` (a year),
        ``summed`` (was it printed as a sum over years?), ``basis``, ``source_id``.
    """
    table = _in_dollars()
    parts = []
    for channel, (names, _) in CHANNELS.items():
        rows = table[table["channel"].isin(names) & (table["first"] >= since) & (table["high"] > 0)]
        if channel != "goods":
            parts.append(rows.assign(channel=channel).sort_values(["first", "low"], kind="stable"))
    frame = pd.concat(parts, ignore_index=True)
    frame["summed"] = frame["cumulative"].astype(bool)
    frame = frame.astype({"first": int, "last": int, "low": float, "high": float, "basis": "string"})
    frame = frame.rename(columns={"low": "low_usd_million", "high": "high_usd_million"})
    columns = ["channel", "first", "last", "low_usd_million", "high_usd_million", "summed", "basis", "source_id"]
    return frame[columns]


@remembered
def _in_dollars() -> pd.DataFrame:
    """Return the rows in dollars, sums over several years spread evenly over them."""
    income = evidence.load("fx_income")
    table = pd.concat([income, _world_exports(), _tourism_by_visitors(income)], ignore_index=True)
    table = table[table["unit"].isin(["usd_million", "usd_million_cumulative"]) & ~table["source_id"].isin(UNUSABLE)]
    first = evidence.starts(table["period_start"]).dt.year
    last = evidence.ends(table["period_end"]).dt.year.fillna(LAST_YEAR)
    years = (last - first + 1).where(table["cumulative"].astype(bool), 1)
    ends = {
        side: table[[side, "central"]].bfill(axis=1)[side].astype("Float64") / years.to_numpy()
        for side in ("low", "high")
    }
    table = table.assign(first=first, last=last, low=ends["low"], high=ends["high"])
    return table[table["low"].notna() & table["high"].notna()]


def _world_exports() -> pd.DataFrame:
    """Return goods exports of further compilers from the annual table, shaped like ``fx_income``."""
    annual = evidence.filter_basis(evidence.load("trade_annual"))
    rows = annual[
        (annual["flow"] == "exports")
        & (annual["partner"] == "world")
        & (annual["product"] == "total")
        & (annual["measure"] == "value")
    ]
    return pd.DataFrame(
        {
            "channel": "goods_exports",
            "period_start": rows["year"].astype(object),
            "period_end": rows["year"].astype(object),
            "low": pd.NA,
            "central": rows["value"],
            "high": pd.NA,
            "unit": rows["unit"].astype(str),
            "cumulative": False,
            "source_id": rows["source_id"],
        }
    ).astype({"low": "Float64", "high": "Float64"})


def _tourism_by_visitors(income: pd.DataFrame) -> pd.DataFrame:
    """Return what other counts of visitors would have brought in at the spending of the one source that prints both."""
    tourism = income[income["channel"] == "tourism"]
    dollars = tourism[tourism["unit"] == "usd_million"].drop_duplicates("source_id").set_index("source_id")["central"]
    visitors = tourism[tourism["unit"].isin(["visitors_chinese", "visitors_foreign"])]
    both = visitors[visitors["source_id"].isin(dollars.index)]
    if both.empty:
        return both
    spending = float(dollars[both["source_id"].iloc[0]]) / float(both["central"].iloc[0])
    others = visitors[~visitors["source_id"].isin(dollars.index)]
    return others.assign(central=others["central"] * spending, unit="usd_million", basis="derived")


def _range(table: pd.DataFrame, channel: str, year: int) -> dict[str, object]:
    names, dated = CHANNELS[channel]
    rows = table[table["channel"].isin(names)]
    single = rows[~rows["cumulative"].astype(bool)]
    if dated:
        here = single[(single["first"] <= year) & (single["last"] >= year)]
        # Without a figure for the year, the nearest year before it.
        rows = here if len(here) else single[single["first"] == single.loc[single["first"] <= year, "first"].max()]
    else:
        rows = rows[(rows["last"] >= FIRST_YEAR) & (rows["first"] <= LAST_YEAR)]
    low, high = float(rows["low"].min()), float(rows["high"].max())
    if channel in ONLY_UNDER_SANCTIONS:
        # The lowest case is that the channel earned nothing; before sanctions it was not needed.
        low, high = 0.0, high if year > 2016 else 0.0
    return {
        "channel": channel,
        "year": year,
        "low_usd_million": low,
        "high_usd_million": high,
        "rows": len(rows),
        "dated": dated,
        "source_ids": tuple(dict.fromkeys(rows["source_id"])),
    }
