"""What the tables say of iron ore (HS 2601): amounts, ranks, price and volume, and when recorded trade stopped."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from musan import commodity_prices, evidence, mirror
from musan.errors import EvidenceError
from musan.methods.decompose import Method, PriceVolume, price_volume

CLAIMED_USD_MILLION = {2014: 219.9, 2016: 74.41}  # the article, page 2
ARTICLE = pd.Period("2018-08", "M")  # month of publication
CLAIMED_STOP = pd.Period("2017-12", "M")  # "the end of last year"
BAN = "UNSCR 2371"  # the first measure that bans iron ore without exemption
EXEMPTING_BAN = "UNSCR 2270"  # the first that bans it unless for livelihood
UNBANNED = ("6704", "2716")  # wigs, electricity: in no measure of 2016-2018 as goods that China buys

# Chapter of the Harmonized System of each product line named in exports_by_product_2016 that belongs to
# one of the five largest chapters (headings of HS 1992).
CHAPTER_OF = {
    "Coal": "27", "Petroleum oils, refined": "27", "Electrical energy": "27",
    "Iron ores and concentrates": "26", "Lead ore": "26", "Zinc ore": "26", "Copper ore": "26",
    "Precious metal ores": "26", "Molybdenum ore": "26",
    "Molluscs": "03", "Crustaceans": "03", "Frozen fish, excluding fillets": "03",
    "Men's overcoats, not knit": "62", "Womens overcoats, not knit": "62", "Men's suits and pants": "62",
    "Women's suits and pants": "62", "Activewear": "62", "Women's shirts": "62",
    "Garments made of textile felts and nonwoven fabric": "62",
    "T-shirts, knit": "61", "Women's suits, knit": "61", "Sweaters, pullovers, sweatshirts etc., knit": "61",
    "Men's suits, knit": "61", "Men's undergarments, knit": "61", "Gloves, knit": "61", "Activewear, knit": "61",
}  # fmt: skip
MINERAL_CHAPTERS = ("25", "26", "27")
LINE = "Iron ores and concentrates"
UNSPECIFIED = "Commodities not specified according to kind"


def population() -> int:
    """Return the population of Musan county in the census of 2008."""
    cities = evidence.load("cities")
    return int(cities.loc[cities["name"].str.startswith("Musan"), "population_2008"].iloc[0])


def independent_amounts() -> pd.DataFrame:
    """Return what compilers independent of the article print for the two years that it names.

    Returns
    -------
    DataFrame
        One row a figure: ``year``, ``compiler``, ``value_usd_million``, ``claimed_usd_million``,
        ``deviation_pct``, ``basis``, ``source_id``. All ores (HS26) and rows that are claims are left out.
    """
    annual = evidence.exclude(evidence.load("trade_annual"), "under_test", "hs_inferred", "claim")
    annual = annual[
        (annual["product"] == "iron_ore")
        & (annual["flow"] == "exports")
        & (annual["measure"] == "value")
        & annual["year"].dt.year.isin(CLAIMED_USD_MILLION)
    ]
    customs = evidence.load("imports_from_dprk_by_product_china")
    customs = customs[(customs["hs_code"] == "2601") & customs["year"].dt.year.isin(CLAIMED_USD_MILLION)]
    harvard = evidence.load("exports_by_product_2016")
    harvard = harvard[harvard["product_name"] == LINE]
    sources = evidence.load("sources").set_index("source_id")["publisher"]
    rows = pd.concat(
        [
            annual[["year", "value", "basis", "source_id"]],
            customs.assign(value=customs["value_usd"] / mirror.USD_PER_MILLION)[
                ["year", "value", "basis", "source_id"]
            ],
            harvard.assign(value=harvard["value_usd"] / mirror.USD_PER_MILLION)[
                ["year", "value", "basis", "source_id"]
            ],
        ]
    )
    claimed = rows["year"].dt.year.map(CLAIMED_USD_MILLION)
    return pd.DataFrame(
        {
            "year": rows["year"].dt.year,
            "compiler": rows["source_id"].map(sources),
            "value_usd_million": rows["value"].astype(float),
            "claimed_usd_million": claimed,
            "deviation_pct": 100 * (rows["value"].astype(float) / claimed - 1),
            "basis": rows["basis"].astype(str),
            "source_id": rows["source_id"],
        }
    ).sort_values("year", kind="stable", ignore_index=True)


def lines_2016() -> pd.DataFrame:
    """Return the product lines of 2016 with their chapter, where it is one of the five largest.

    Returns
    -------
    DataFrame
        ``product_name``, ``rank``, ``value_usd_million``, ``chapter`` (missing outside the five).
    """
    table = evidence.load("exports_by_product_2016")
    lines = table[table["row_type"] == "product"]
    if unknown := sorted(set(CHAPTER_OF) - set(lines["product_name"])):
        raise EvidenceError(
            f"no product line is named {unknown[0]!r}",
            "data/exports_by_product_2016.csv",
            "correct CHAPTER_OF in musan.iron_ore",
        )
    return pd.DataFrame(
        {
            "product_name": lines["product_name"].astype(str),
            "rank": lines["rank"].astype(int),
            "value_usd_million": lines["value_usd"].astype(float) / mirror.USD_PER_MILLION,
            "chapter": lines["product_name"].map(CHAPTER_OF),
        }
    )


def chapters() -> pd.DataFrame:
    """Return the five largest chapters of 2014 and 2016 with their rank.

    Returns
    -------
    DataFrame
        ``year``, ``chapter``, ``value_usd_million``, ``rank``. 2014 as China's customs print it; 2016 as the
        sum of the named product lines.
    """
    customs = evidence.load("imports_from_dprk_by_product_china")
    printed = customs[(customs["year"].dt.year == 2014) & (customs["hs_level"] == "2")]
    then = pd.DataFrame(
        {
            "year": 2014,
            "chapter": printed["hs_code"].astype(str),
            "value_usd_million": printed["value_usd"].astype(float) / mirror.USD_PER_MILLION,
        }
    )
    sums = lines_2016().dropna(subset="chapter").groupby("chapter")["value_usd_million"].sum()
    now = sums.reset_index().assign(year=2016)
    both = pd.concat([then, now], ignore_index=True)
    both["rank"] = both.groupby("year")["value_usd_million"].rank(ascending=False).astype(int)
    return both.sort_values(["year", "rank"], ignore_index=True)


def estimated_lines_2014() -> pd.DataFrame:
    """Return product lines of 2014, estimated: the chapters of 2014 split as the lines of 2016 were.

    No ranking of 2014 by product line is in the tables. Iron ore itself is taken as the mean of the
    independent compilers.

    Returns
    -------
    DataFrame
        ``product_name``, ``value_usd_million``, ``rank``; largest first.
    """
    lines = lines_2016().dropna(subset="chapter")
    share = lines["value_usd_million"] / lines.groupby("chapter")["value_usd_million"].transform("sum")
    totals = chapters().query("year == 2014").set_index("chapter")["value_usd_million"]
    out = lines.assign(value_usd_million=share * lines["chapter"].map(totals))
    amounts = independent_amounts()
    known = amounts.loc[amounts["year"] == 2014, "value_usd_million"].mean()
    out.loc[out["product_name"] == LINE, "value_usd_million"] = known
    out["rank"] = out["value_usd_million"].rank(ascending=False).astype(int)
    return out.sort_values("rank", ignore_index=True)[["product_name", "value_usd_million", "rank"]]


def ranks() -> pd.DataFrame:
    """Return the rank of iron ore under every classification that the tables allow.

    Returns
    -------
    DataFrame
        ``year``, ``classification``, ``scope`` (all exports, minerals), ``rank``, ``basis`` (printed,
        estimated). For chapters the rank is that of all ores (HS26), which favours the claim.
    """
    lines, by_chapter = lines_2016(), chapters()
    minerals = lines[lines["chapter"].isin(MINERAL_CHAPTERS)]
    ores = by_chapter[by_chapter["chapter"] == "26"].set_index("year")["rank"]
    named = lines[lines["product_name"] != UNSPECIFIED]["value_usd_million"].rank(ascending=False)
    line = lines.index[lines["product_name"] == LINE][0]
    estimated = estimated_lines_2014().set_index("product_name")["rank"]
    rows = [
        (2014, "chapter (HS2), all ores", "all exports", ores[2014], "printed"),
        (2014, "product line (HS4)", "all exports", estimated[LINE], "estimated"),
        (2016, "chapter (HS2), all ores", "all exports", ores[2016], "printed"),
        (2016, "product line (HS4)", "all exports", lines.loc[line, "rank"], "printed"),
        (2016, "product line (HS4), without unspecified goods", "all exports", named[line], "printed"),
        (2016, "product line (HS4)", "minerals", minerals["value_usd_million"].rank(ascending=False)[line], "printed"),
    ]
    out = pd.DataFrame(rows, columns=["year", "classification", "scope", "rank", "basis"])
    return out.astype({"rank": int})


def unit_values() -> pd.DataFrame:
    """Return value, quantity and unit value of China's imports of ore by year, where both were printed.

    Returns
    -------
    DataFrame
        Indexed by year: ``value_usd_million``, ``quantity_million_tonnes``, ``unit_value_usd_per_tonne``.
    """
    table = evidence.load("imports_from_dprk_by_product_china")
    rows = table[(table["hs_code"] == "2601") & (table["quantity_unit"] == "kg") & (table["quantity"] > 0)]
    value = rows["value_usd"].astype(float)
    tonnes = rows["quantity"].astype(float) / 1000
    return pd.DataFrame(
        {
            "year": rows["year"].dt.year,
            "value_usd_million": value / mirror.USD_PER_MILLION,
            "quantity_million_tonnes": tonnes / 1e6,
            "unit_value_usd_per_tonne": value / tonnes,
        }
    ).set_index("year")


def _of(year: int, column: str) -> float:
    return float(unit_values()[column].loc[year])


def fall_2014_2016(method: Method, lag_months: int, value_2014: float, vintage: str = "") -> PriceVolume:
    """Return how much of the fall from 2014 to 2016 world prices explain.

    Tonnages of 2014 are not in the tables, so volume is the value deflated by the world price; ``vintage`` is as for
    :func:`musan.commodity_prices.monthly`.
    """
    price = commodity_prices.yearly("iron_ore", lag_months, vintage)
    return price_volume(
        value_2014,
        _of(2016, "value_usd_million"),
        price_0=price[2014],
        price_1=price[2016],
        method=method,
        unit="USD million",
        periods=("2014", "2016"),
        price_source="world price",
    )


def rise_2016_2017(method: Method) -> PriceVolume:
    """Return how much of the rise from 2016 to 2017 is price and how much is volume, from unit values."""
    return price_volume(
        _of(2016, "value_usd_million"),
        _of(2017, "value_usd_million"),
        quantity_0=_of(2016, "quantity_million_tonnes"),
        quantity_1=_of(2017, "quantity_million_tonnes"),
        method=method,
        unit="USD million",
        periods=("2016", "2017"),
    )


@dataclass(frozen=True)
class Stop:
    """When recorded trade in ore stopped.

    Attributes
    ----------
    last_month, first_empty_month : Period
        The last month with a recorded shipment, and the first with a printed zero after it.
    months_early : int
        From the last shipment to the month that the article names.
    months_after_ban : int
        From the month in which the full ban took effect to the first empty month.
    share_after_pct : float
        Recorded trade in 2018 as a share of 2017, in percent.
    record : DataFrame
        ``month``, ``quantity_tonnes``, ``source_id``: the months with a printed tonnage.
    """

    last_month: pd.Period
    first_empty_month: pd.Period
    months_early: int
    months_after_ban: int
    share_after_pct: float
    record: pd.DataFrame


def binding_from(instrument: str) -> pd.Period:
    """Return the day on which a resolution or notice took effect."""
    events = evidence.load("sanction_events")
    found: pd.Period = events.loc[events["instrument"] == instrument, "effective_from"].iloc[0]
    return found


def stop() -> Stop:
    """Return when recorded trade in ore stopped, from printed tonnages and the customs totals of 2018."""
    monthly = evidence.filter_basis(evidence.load("trade_monthly"))
    rows = monthly[
        (monthly["product"] == "iron_ore") & (monthly["flow"] == mirror.IMPORTS) & (monthly["measure"] == "quantity")
    ]
    record = rows[["month", "value", "source_id"]].rename(columns={"value": "quantity_tonnes"})
    shipped = record[record["quantity_tonnes"] > 0]
    last = shipped["month"].max()
    empty = record.loc[(record["quantity_tonnes"] == 0) & (record["month"] > last), "month"].min()
    ban = binding_from(BAN).asfreq("M")
    customs = evidence.load("imports_from_dprk_by_product_china")
    customs = customs[customs["hs_code"] == "2601"]
    ore = customs["value_usd"].astype(float).set_axis(customs["year"].dt.year)
    return Stop(
        last_month=last,
        first_empty_month=empty,
        months_early=(CLAIMED_STOP - last).n,
        months_after_ban=(empty - ban).n,
        share_after_pct=float(100 * ore[2018] / ore[2017]),
        record=record.sort_values("month", ignore_index=True),
    )


def sales_before_ban(paths: pd.DataFrame) -> pd.Series[float]:
    """Return, for each random path of monthly imports, the sum of the twelve months before a ban could bind.

    Parameters
    ----------
    paths : DataFrame
        Random paths of China's monthly imports of ore, from :meth:`Reconciliation.draws`.
    """
    last = binding_from(EXEMPTING_BAN).asfreq("M") - 1
    return paths.loc[:, last - 11 : last].sum(axis=1)


def share_before_ban_pct(paths: pd.DataFrame, value_2014: float) -> float:
    """Return the share of the fall from 2014 to 2016 that had come before a ban could bind, in percent.

    The median over the random paths; above 100 when sales were lower then than in 2016.
    """
    whole = value_2014 - _of(2016, "value_usd_million")
    return float((100 * (value_2014 - sales_before_ban(paths)) / whole).median())


def unbanned_change_pct() -> float:
    """Return the change from 2016 to 2018 of China's imports of the goods that no measure bans, in percent."""
    customs = evidence.load("imports_from_dprk_by_product_china")
    goods = customs[customs["hs_code"].isin(UNBANNED)]
    sums = goods.groupby(goods["year"].dt.year)["value_usd"].sum().astype(float)
    return float(100 * (sums[2018] / sums[2016] - 1))


def unrecorded_trade() -> pd.DataFrame:
    """Return independent field reports of ore leaving Musan outside the records, from 2018 on.

    Returns
    -------
    DataFrame
        Rows of ``field_reports`` on iron mining and smuggling with their first and last day. Left out: the
        article and items that quote its author, state media, rows marked by the catalogue.
    """
    table = evidence.exclude(evidence.load("field_reports"), "not_independent", "state_media", "marked")
    table = table.assign(first_day=evidence.starts(table["period_start"]), last_day=evidence.ends(table["period_end"]))
    return table[
        (table["sector"] == "iron_mining")
        & (table["indicator"] == "smuggling")
        & (table["last_day"] >= pd.Timestamp("2018-01-01"))
    ]


def networks_reporting_trade() -> list[str]:
    """Return the networks whose reports put unrecorded trade between the stated month and the article.

    A report counts when its whole period lies in that span, so that a statement on several years does not.
    """
    rows = unrecorded_trade()
    inside = (rows["first_day"] > CLAIMED_STOP.end_time.normalize()) & (rows["last_day"] <= ARTICLE.end_time)
    return sorted(rows.loc[inside, "origin_network"].astype(str).unique())
