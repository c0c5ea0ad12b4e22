"""Goods under a ban against goods without one, and how much of the fall before any ban prices explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from musan import commodity_prices, evidence, iron_ore, mirror
from musan.errors import EvidenceError
from musan.methods.decompose import Method, price_volume
from musan.methods.difference import BannedAgainstUnbanned, banned_against_unbanned

if TYPE_CHECKING:
    from musan.methods.reconcile import Reconciliation

BANNED = {"2701": "Coal", "62": "Woven apparel", "03": "Fish and seafood", "61": "Knitted apparel", "2601": "Iron ore"}
UNBANNED = {"6704": "Wigs", "2716": "Electricity"}  # in no measure of 2016-2018 as goods that China buys
REST = "All other goods"
COAL_PRICES = ("own", "world")


def yearly_values() -> pd.DataFrame:
    """Return China's imports from the DPRK by good, million USD, 2016-2019: one copy, one classification.

    Returns
    -------
    DataFrame
        Indexed by year, a column a code of :data:`BANNED` and :data:`UNBANNED`, and ``rest``: the total less these.
    """
    table = evidence.exclude(evidence.load("imports_from_dprk_by_product_china"), "date_inferred")
    table = table.assign(year=table["year"].dt.year, value=table["value_usd"].astype(float) / mirror.USD_PER_MILLION)
    wide = table[table["year"].between(2016, 2019)].pivot_table(
        index="year", columns="hs_code", values="value", observed=True
    )
    goods = [*BANNED, *UNBANNED]
    wide.columns = wide.columns.astype(str)
    return wide[goods].assign(rest=wide["TOTAL"] - wide[goods].sum(axis=1))


def changes(base_year: int) -> pd.DataFrame:
    """Return the change of each good from a year to 2018.

    Returns
    -------
    DataFrame
        ``hs_code``, ``good``, ``group`` (banned, not banned, partly banned), ``before``, ``after`` (million USD),
        ``change_pct``.
    """
    values = yearly_values()
    names = BANNED | UNBANNED | {"rest": REST}
    groups = dict.fromkeys(BANNED, "banned") | dict.fromkeys(UNBANNED, "not banned") | {"rest": "partly banned"}
    before, after = values.loc[base_year], values.loc[2018]
    return pd.DataFrame(
        {
            "hs_code": list(names),
            "good": list(names.values()),
            "group": [groups[code] for code in names],
            "before": before[list(names)].to_numpy(),
            "after": after[list(names)].to_numpy(),
            "change_pct": (100 * (after / before - 1))[list(names)].to_numpy(),
        }
    )


def against_unbanned(base_year: int, *, seed: int) -> BannedAgainstUnbanned:
    """Return how much more banned goods fell than unbanned ones from a year to 2018, permuting which are banned."""
    values = yearly_values().loc[[base_year, 2018], [*BANNED, *UNBANNED]]
    values = values.set_axis(pd.RangeIndex(2))  # before and after: the method wants neighbouring periods
    return banned_against_unbanned(values, banned=list(BANNED), last_before=0, measure="ratio", tail="fall", seed=seed)


@dataclass(frozen=True)
class PriceShare:
    """How prices and tonnage of coal and ore moved trade from 2014 to 2016, million USD.

    Attributes
    ----------
    change, change_low, change_high : float
        Of all of China's imports from the DPRK, with 90 % interval.
    frame : DataFrame
        One row a way of splitting: ``coal_price`` (own unit value, or world price), ``method``, ``price_lag_months``,
        ``coal_price_effect``, ``coal_volume_effect``, ``ore_price_effect``, ``ore_volume_effect``, ``other_effect``
        (the rest of the change), ``price_share_pct`` (price effects in percent of the change; above 100 when prices
        took off more than the whole change).
    """

    change: float
    change_low: float
    change_high: float
    frame: pd.DataFrame


def _coal(year: int) -> tuple[float, float]:
    """Return value (million USD) and quantity (million tonnes) of anthracite that China bought, as printed."""
    table = evidence.filter_basis(evidence.load("trade_annual"))
    rows = table[
        (table["year"].dt.year == year)
        & (table["flow"] == "exports")
        & (table["partner"] == "china")
        & (table["product"] == "coal")
        & table["hs_code"].isin(["270111", "2701"])
    ]
    value = rows.loc[(rows["measure"] == "value") & (rows["basis"] == "reported"), "value"].astype(float)
    tonnes = rows.loc[(rows["measure"] == "quantity") & (rows["hs_code"] == "270111"), "value"].astype(float)
    if value.empty or tonnes.empty:
        raise EvidenceError(f"no printed value and tonnage of coal for {year}", "data/trade_annual.csv", "add the rows")
    return float(value.median()), float(tonnes.median()) / 1e6


def _coal_split(coal_price: str, method: Method, lag: int, vintage: str) -> tuple[float, float]:
    (value_0, tonnes_0), (value_1, tonnes_1) = _coal(2014), _coal(2016)
    if coal_price == "own":
        part = price_volume(value_0, value_1, quantity_0=tonnes_0, quantity_1=tonnes_1, method=method)
    else:
        world = commodity_prices.yearly("coal_australian", lag, vintage)
        part = price_volume(value_0, value_1, price_0=world[2014], price_1=world[2016], method=method)
    return part.price_effect, part.volume_effect


def price_share(rebuilt: Reconciliation, *, draws: int, seed: int, vintage: str = "") -> PriceShare:
    """Return how much of the change of trade from 2014 to 2016 the prices of coal and iron ore explain.

    Coal is split by its own unit value or by the world price; ore by the world price, for its tonnage of 2014 was
    not printed. All other goods count as not explained by prices.

    Parameters
    ----------
    rebuilt : Reconciliation
        China's trade with the DPRK.
    draws, seed : int
        Random paths for the interval of the change.
    vintage : str
        Names of vintages, as for :func:`musan.commodity_prices.monthly`.
    """
    mean = rebuilt.series(mirror.IMPORTS)["mean"]
    by_year = mean.groupby(lambda month: month.year).sum()
    paths = rebuilt.draws(draws, seed=seed)[mirror.IMPORTS].T.groupby(lambda month: month.year).sum()
    low, high = map(float, np.quantile(paths.loc[2016] - paths.loc[2014], [0.05, 0.95]))
    change = float(by_year[2016] - by_year[2014])
    amounts = iron_ore.independent_amounts()
    value_2014 = float(amounts.loc[amounts["year"] == 2014, "value_usd_million"].mean())
    methods: tuple[Method, ...] = ("lmdi", "bennet")
    rows = []
    for coal_price in COAL_PRICES:
        for method in methods:
            for lag in (0, 3):
                coal = _coal_split(coal_price, method, lag, vintage)
                ore = iron_ore.fall_2014_2016(method, lag, value_2014, vintage)
                rows.append(
                    {
                        "coal_price": coal_price,
                        "method": method,
                        "price_lag_months": lag,
                        "coal_price_effect": coal[0],
                        "coal_volume_effect": coal[1],
                        "ore_price_effect": ore.price_effect,
                        "ore_volume_effect": ore.volume_effect,
                        "other_effect": change - sum(coal) - ore.change,
                        "price_share_pct": 100 * (coal[0] + ore.price_effect) / change,
                    }
                )
    return PriceShare(change, low, high, pd.DataFrame(rows))


def unbanned_share_pct(base_year: int) -> float:
    """Return the share of the goods without a ban in all of China's imports of a year, in percent."""
    before = changes(base_year)
    return float(100 * before.loc[before["group"] == "not banned", "before"].sum() / before["before"].sum())
