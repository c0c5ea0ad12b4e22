"""How much fuel was delivered: what customs and the UN committee record, and what is alleged beyond that.

No compiler covers both sides of the caps. China's customs print gasoline before them and next to nothing
after; the UN committee's notifications start with them and count all refined oil from China and Russia. So
every comparison is a reading, and each says what it sets against what.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from musan import claims, evidence, iron_ore, markets
from musan.errors import EvidenceError
from musan.methods import arguments
from musan.remembered import remembered

BEFORE = ("june_2017", "year_2016", "before_cap")
AFTER = ("notified", "customs", "with_tankers_third", "with_tankers_full")
RECORDED = ("notified", "customs")
COUNTERFACTUALS = ("recorded_months", "june_2017", "july_2017")
CLAIM = "no_money_for_gasoline"
STATEMENT_CHOICES = ["window", "outlets", "inferred_dates", "supply_before", "supply_after"]
ATTRIBUTION_CHOICES = ["counterfactual", "supply_after"]
FIRST_CAP = "UNSCR 2375"
CUSTOMS, COMMITTEE = "China customs", "1718 Committee notifications"
FROM_CHINA, FROM_BOTH, ALLEGED = "china_to_dprk", "china_and_russia_to_dprk", "illicit_tanker_deliveries"
REFINED = ("gasoline", "diesel", "gasoline_and_diesel", "jet_fuel", "fuel_oil", "lpg")
# The United States counted its tankers as 90 % full in the upper case and as a third full in the lower one.
THIRD_OF_UPPER_CASE = (1 / 3) / 0.9


def _rows(**wanted: str) -> pd.DataFrame:
    """Return the rows of ``fuel_trade`` with these cells, periods compared as they are printed."""
    table = evidence.load("fuel_trade")
    keep = pd.Series(True, index=table.index)
    for column, value in wanted.items():
        keep &= table[column].map(str) == value
    return table[keep]


def _one(**wanted: str) -> pd.Series[Any]:
    rows = _rows(**wanted)
    if len(rows) != 1:
        told = ", ".join(wanted.values())
        raise EvidenceError(f"{len(rows)} rows for {told}", "data/fuel_trade.csv", "one row is expected")
    return rows.iloc[0]


def tonnes_per_barrel() -> float:
    """Return what the tables make of a barrel: the cap of 2018 is printed in barrels and in tonnes."""
    cap = {"flow": "cap_res_2397", "product": "refined_petroleum"}
    tonnes, barrels = (_quantity(_one(**cap, unit=unit)) for unit in ("tonnes_per_year", "barrels_per_year"))
    return tonnes / barrels


def _quantity(row: pd.Series[Any]) -> float:
    return float(row["quantity"])


@remembered
def readings() -> pd.DataFrame:
    """Return deliveries a month before and after the caps under every reading.

    Returns
    -------
    DataFrame
        ``reading`` (of :data:`BEFORE` and :data:`AFTER`), ``side``, ``tonnes_a_month``, ``what`` (compiler, product and
        months in words), ``recorded`` (False where alleged deliveries are added), ``source_id``.
    """
    june = _one(flow=FROM_CHINA, product="gasoline", period_start="2017-06", unit="tonnes")
    year = _one(flow=FROM_CHINA, product="gasoline_and_diesel", period_start="2016", unit="tonnes")
    old = _one(flow="all_to_dprk", product="refined_petroleum", unit="barrels_per_year")
    notified = _one(flow=FROM_BOTH, period_start="2018-01", period_end="2018-04", unit="tonnes")
    customs = _customs_after()
    alleged = _one(flow=ALLEGED, period_start="2018-01", unit="barrels")
    a_month = _quantity(notified) / 4
    tankers = _quantity(alleged) * tonnes_per_barrel() / 5
    both = f"{notified['source_id']};{alleged['source_id']}"
    rows = [
        ("june_2017", "before", _quantity(june), "China's customs, gasoline, June 2017", True, june["source_id"]),
        (
            "year_2016",
            "before",
            _quantity(year) / 12,
            "China's customs, gasoline and diesel, 2016",
            True,
            year["source_id"],
        ),
        (
            "before_cap",
            "before",
            _quantity(old) * tonnes_per_barrel() / 12,
            "official imports before the caps, all refined oil",
            True,
            old["source_id"],
        ),
        (
            "notified",
            "after",
            a_month,
            "notified to the UN, all refined oil, Jan-Apr 2018",
            True,
            notified["source_id"],
        ),
        (
            "customs",
            "after",
            float(customs["quantity"].sum()),
            "China's customs, all fuel, February 2018",
            True,
            customs["source_id"].iloc[0],
        ),
        (
            "with_tankers_third",
            "after",
            a_month + THIRD_OF_UPPER_CASE * tankers,
            "notified, and alleged tankers a third full, Jan-May 2018",
            False,
            both,
        ),
        (
            "with_tankers_full",
            "after",
            a_month + tankers,
            "notified, and alleged tankers 90 % full, Jan-May 2018",
            False,
            both,
        ),
    ]
    return pd.DataFrame(rows, columns=["reading", "side", "tonnes_a_month", "what", "recorded", "source_id"])


def _customs_after() -> pd.DataFrame:
    rows = _rows(flow=FROM_CHINA, period_start="2018-02", period_end="2018-02", unit="tonnes", compiler=CUSTOMS)
    return rows[rows["product"].isin(REFINED)]


def change_pct(before: str, after: str) -> float:
    """Return the change of deliveries a month between two readings, in percent."""
    arguments.choice("supply_before", before, BEFORE)
    arguments.choice("supply_after", after, AFTER)
    return _change_pct(before, after, _levels())


def _levels() -> pd.Series[float]:
    """Return deliveries in tonnes a month, by reading."""
    return readings().set_index("reading")["tonnes_a_month"].astype(float)


def _change_pct(before: str, after: str, level: pd.Series[float]) -> float:
    return float(100 * (level[after] / level[before] - 1))


@remembered
def monthly() -> pd.DataFrame:
    """Return the deliveries that are printed for single months.

    Returns
    -------
    DataFrame
        ``month``, ``compiler``, ``product`` (gasoline, or all refined oil), ``tonnes``, ``capped`` (from the month of
        the first cap on), ``source_id``.
    """
    gasoline = _rows(flow=FROM_CHINA, product="gasoline", unit="tonnes", compiler=CUSTOMS)
    notified = _rows(flow=FROM_BOTH, product="refined_petroleum", unit="tonnes", compiler=COMMITTEE)
    rows = pd.concat([gasoline, notified])
    rows = rows[
        [_is_month(start) and start == end for start, end in zip(rows["period_start"], rows["period_end"], strict=True)]
    ]
    months = pd.PeriodIndex(list(rows["period_start"]), freq="M")
    frame = pd.DataFrame(
        {
            "month": months,
            "compiler": rows["compiler"].astype(str).to_numpy(),
            "product": rows["product"].astype(str).to_numpy(),
            "tonnes": rows["quantity"].to_numpy(float),
            "capped": months >= first_cap(),
            "source_id": rows["source_id"].astype(str).to_numpy(),
        }
    )
    return frame.sort_values(["month", "compiler"], ignore_index=True)


def _is_month(period: object) -> bool:
    return isinstance(period, pd.Period) and period.freqstr == "M"


def first_cap() -> pd.Period:
    """Return the month in which the first cap on refined oil took effect."""
    return iron_ore.binding_from(FIRST_CAP).asfreq("M")


def cap_tonnes_a_month() -> float:
    """Return the cap of 2018 in tonnes a month."""
    return _quantity(_one(flow="cap_res_2397", product="refined_petroleum", unit="tonnes_per_year")) / 12


def year_tonnes_a_month(year: int) -> float:
    """Return what was notified to the UN for a whole year, in tonnes a month."""
    rows = _rows(flow=FROM_BOTH, period_start=str(year), period_end=str(year), compiler=COMMITTEE).iloc[0]
    factor = 1.0 if rows["unit"] == "tonnes" else tonnes_per_barrel()
    return _quantity(rows) * factor / 12


@dataclass(frozen=True)
class CapEffect:
    """Deliveries after the caps against what came before them.

    Attributes
    ----------
    effect_pct, low_pct, high_pct : float
        Change in percent of the counterfactual, and its 90 % interval from resampled months.
    placebo_rank : int
        Place of the true change among those at placebo dates, 1 for the largest fall.
    placebos : int
    n : int
        Months on both sides.
    before, after : DataFrame
        The months: ``month``, ``tonnes``.
    placebo_changes : DataFrame
        ``date`` (first month of the new regime), ``change_pct``, ``true``.
    assumptions : tuple of str
    """

    effect_pct: float
    low_pct: float
    high_pct: float
    placebo_rank: int
    placebos: int
    n: int
    before: pd.DataFrame
    after: pd.DataFrame
    placebo_changes: pd.DataFrame
    assumptions: tuple[str, ...]


def cap_effect(counterfactual: str, after: str, *, draws: int, seed: int) -> CapEffect:
    """Return how far deliveries after the caps lie from those before, in levels, and from placebo dates.

    Parameters
    ----------
    counterfactual : {"recorded_months", "june_2017", "july_2017"}
        What would have gone on: the mean of all months of gasoline that customs printed before the first cap,
        or one of the two last.
    after : str
        Of :data:`AFTER`: the months notified to the UN from 2018 on, with or without alleged tankers, or the
        gasoline that customs printed in the months after the first cap.
    draws : int
        Resamples of months for the interval.
    seed : int

    Returns
    -------
    CapEffect
        Placebo dates are the cuts between the months before the first cap.
    """
    arguments.choice("counterfactual", counterfactual, COUNTERFACTUALS)
    arguments.choice("supply_after", after, AFTER)
    return _cap_effect(counterfactual, after, monthly(), _levels(), draws=draws, seed=seed)


def _cap_effect(
    counterfactual: str, after: str, months: pd.DataFrame, level: pd.Series[float], *, draws: int, seed: int
) -> CapEffect:
    customs = months[months["compiler"] == CUSTOMS]
    earlier = customs.loc[~customs["capped"], ["month", "tonnes"]]
    later = months[months["capped"] & (months["compiler"] == (CUSTOMS if after == "customs" else COMMITTEE))]
    later = later[["month", "tonnes"]].assign(tonnes=later["tonnes"] + _alleged_a_month(after, level))
    chosen = earlier if counterfactual == "recorded_months" else _single(earlier, counterfactual)
    low, high = _interval(chosen["tonnes"].to_numpy(float), later["tonnes"].to_numpy(float), draws, seed)
    effect = _change(chosen["tonnes"].to_numpy(float), later["tonnes"].to_numpy(float))
    placebos = _placebos(earlier)
    changes = pd.concat(
        [placebos, pd.DataFrame([{"date": later["month"].min(), "change_pct": effect, "true": True}])],
        ignore_index=True,
    ).sort_values("change_pct", kind="stable", ignore_index=True)
    return CapEffect(
        effect_pct=effect,
        low_pct=low,
        high_pct=high,
        placebo_rank=int((placebos["change_pct"] < effect).sum()) + 1,
        placebos=len(placebos),
        n=len(chosen) + len(later),
        before=chosen.reset_index(drop=True),
        after=later.reset_index(drop=True),
        placebo_changes=changes,
        assumptions=(
            "without the caps deliveries would have gone on as in the months before that were printed",
            "gasoline from China stands for all refined oil before the caps",
            "months are independent of each other",
        ),
    )


def _alleged_a_month(after: str, level: pd.Series[float]) -> float:
    return 0.0 if after in RECORDED else float(level[after] - level["notified"])


def _single(earlier: pd.DataFrame, counterfactual: str) -> pd.DataFrame:
    month = {"june_2017": "2017-06", "july_2017": "2017-07"}[counterfactual]
    rows = earlier[earlier["month"] == pd.Period(month)]
    if rows.empty:
        raise EvidenceError(
            f"no gasoline is printed for {month}", "data/fuel_trade.csv", "choose another counterfactual"
        )
    return rows


def _change(before: arguments.Array, after: arguments.Array) -> float:
    return float(100 * (after.mean() / before.mean() - 1))


def _interval(before: arguments.Array, after: arguments.Array, draws: int, seed: int) -> tuple[float, float]:
    generator = np.random.default_rng(seed)
    means = [generator.choice(side, size=(draws, len(side))).mean(axis=1) for side in (before, after)]
    low, high = np.quantile(100 * (means[1] / means[0] - 1), [0.05, 0.95])
    return float(low), float(high)


def _placebos(earlier: pd.DataFrame) -> pd.DataFrame:
    tonnes = earlier["tonnes"].to_numpy(float)
    return pd.DataFrame(
        [
            {"date": earlier["month"].iloc[cut], "change_pct": _change(tonnes[:cut], tonnes[cut:]), "true": False}
            for cut in range(1, len(tonnes))
        ],
        columns=["date", "change_pct", "true"],
    )


def affordable_measures(
    *, window: str, currency: str, outlets: str, inferred_dates: bool, supply_before: str, supply_after: str
) -> dict[str, Any]:
    """Return the measures of the rule ``affordable`` for one reading of prices and deliveries.

    Parameters
    ----------
    window, currency, outlets, inferred_dates
        As in :func:`musan.markets.price_change`.
    supply_before, supply_after
        As in :func:`change_pct`.
    """
    price = _price_measures(window, currency, outlets, inferred_dates=inferred_dates)
    return {"quantity_change_pct": change_pct(supply_before, supply_after), **price}


def _price_measures(window: str, currency: str, outlets: str, *, inferred_dates: bool) -> dict[str, Any]:
    price = markets.price_change("gasoline", window, currency=currency, outlets=outlets, inferred_dates=inferred_dates)
    change = None if price.change is None else price.change.pct
    return {"price_change_pct": change, "networks": len(price.networks)}


def statement_specifications(currency: str) -> pd.DataFrame:
    """Return the verdict on the statement under all its choices, in one currency.

    Returns
    -------
    DataFrame
        A column for each of :data:`STATEMENT_CHOICES`, the measures, and ``verdict``.
    """
    level, rows = _levels(), []
    changes = {pair: _change_pct(*pair, level) for pair in product(BEFORE, AFTER)}
    prices = {
        (window, outlets, dates): _price_measures(window, currency, outlets, inferred_dates=dates)
        for window, outlets, dates in product(markets.WINDOWS, markets.OUTLETS, (True, False))
    }
    for key, pair in product(prices, changes):
        measures = {"quantity_change_pct": changes[pair], **prices[key]}
        verdict = claims.decide(CLAIM, "statement", measures).verdict.value
        rows.append(dict(zip(STATEMENT_CHOICES, (*key, *pair), strict=True)) | measures | {"verdict": verdict})
    return pd.DataFrame(rows)


def effect_measures(effect: CapEffect) -> dict[str, Any]:
    """Return the measures of the rule ``gap_to_counterfactual``."""
    return {
        "effect_pct": effect.effect_pct,
        "effect_high_pct": effect.high_pct,
        "placebo_rank": effect.placebo_rank,
        "placebos": effect.placebos,
    }


def attribution_specifications(*, draws: int, seed: int) -> pd.DataFrame:
    """Return the verdict on the attribution under all its choices.

    Returns
    -------
    DataFrame
        A column for each of :data:`ATTRIBUTION_CHOICES`, ``effect_pct``, ``low_pct``, ``high_pct``, ``verdict``.
    """
    months, level, rows = monthly(), _levels(), []
    for choices in product(COUNTERFACTUALS, AFTER):
        effect = _cap_effect(*choices, months, level, draws=draws, seed=seed)
        rows.append(
            dict(zip(ATTRIBUTION_CHOICES, choices, strict=True))
            | {"effect_pct": effect.effect_pct, "low_pct": effect.low_pct, "high_pct": effect.high_pct}
            | {"verdict": claims.decide(CLAIM, "attribution", effect_measures(effect)).verdict.value}
        )
    return pd.DataFrame(rows)


def alleged_port_calls() -> int:
    """Return the port calls of tankers that the United States alleged for January to May 2018."""
    return int(_quantity(_one(flow=ALLEGED, product="port_calls", period_start="2018-01", unit="count")))
