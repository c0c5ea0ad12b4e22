"""How far did exports fall? Every defensible reading: period, base year, compiler, currency.

The article's "90 %" names none of these. Each reading is one row with its own figure, so that a reader
sees which of them give 90 and which do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from musan import evidence, mirror
from musan.errors import MethodError

if TYPE_CHECKING:
    from musan.methods.reconcile import Reconciliation

NOW = 2018
PERIODS = {"june": (6, 6), "first_half": (1, 6), "year": (1, 12)}
CHOICES = ["period", "base_year", "compiler", "currency"]
COLUMNS = [*CHOICES, "before", "after", "unit", "fall_pct", "low_pct", "high_pct", "source_id"]


def readings(rebuilt: Reconciliation, *, draws: int, seed: int) -> pd.DataFrame:
    """Return the fall of exports in 2018 under every reading that the tables allow.

    Parameters
    ----------
    rebuilt : Reconciliation
        China's trade with the DPRK, from :func:`musan.mirror.rebuild`.
    draws : int
        Random paths for the intervals of the rebuilt series.
    seed : int

    Returns
    -------
    DataFrame
        One row a reading: ``period`` (june, first_half, year), ``base_year``, ``compiler`` (reconciled,
        customs, kotra, itc), ``currency`` (usd, cny), ``before`` and ``after`` in ``unit`` (missing where
        only the rate was printed), ``fall_pct``, ``low_pct`` and ``high_pct`` (90 % interval, where there is
        one), ``source_id`` of the figure after.
    """
    parts = [_rebuilt(rebuilt, draws, seed), _customs(), _compiler("kotra"), _compiler("itc"), _in_yuan()]
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def reading(table: pd.DataFrame, *, period: str, base_year: int, compiler: str, currency: str) -> pd.Series[Any]:
    """Return one reading, or say which periods and base years its compiler prints.

    Raises
    ------
    MethodError
        The tables hold no such reading.
    """
    rows = table[(table["compiler"] == compiler) & (table["currency"] == currency)]
    found = rows[(rows["period"] == period) & (rows["base_year"] == base_year)]
    if found.empty:
        known = ", ".join(f"{p} against {y}" for p, y in zip(rows["period"], rows["base_year"], strict=True))
        raise MethodError(
            f"{compiler} has no figure in {currency} for {period} of {NOW} against {base_year}",
            "period, base_year, compiler, currency",
            f"it has: {known}" if known else "choose another compiler or currency",
        )
    return found.iloc[0]


def _rebuilt(rebuilt: Reconciliation, draws: int, seed: int) -> pd.DataFrame:
    paths = rebuilt.draws(draws, seed=seed)[mirror.IMPORTS]
    mean = rebuilt.series(mirror.IMPORTS)["mean"]
    rows = []
    for period, (first, last) in PERIODS.items():
        months = {
            year: pd.period_range(f"{year}-{first:02d}", f"{year}-{last:02d}", freq="M")
            for year in range(2014, NOW + 1)
        }
        after = paths[months[NOW]].sum(axis=1)
        for year in range(2014, NOW):
            fall = 100 * (1 - after / paths[months[year]].sum(axis=1))
            low, middle, high = np.quantile(fall, [0.05, 0.5, 0.95])
            rows.append(
                _row(period, year, "reconciled", mean[months[year]].sum(), mean[months[NOW]].sum())
                | {"fall_pct": middle, "low_pct": low, "high_pct": high}
            )
    return pd.DataFrame(rows)


def _row(
    period: str, year: int, compiler: str, before: float, after: float, source: str = "", currency: str = "usd"
) -> dict[str, object]:
    return {
        "period": period,
        "base_year": year,
        "compiler": compiler,
        "currency": currency,
        "before": before,
        "after": after,
        "unit": f"{currency}_million",
        "fall_pct": 100 * (1 - after / before),
        "low_pct": np.nan,
        "high_pct": np.nan,
        "source_id": source,
    }


def _customs() -> pd.DataFrame:
    """Return what Chinese customs printed: June, the first half and the year."""
    monthly = evidence.filter_basis(evidence.load("trade_monthly"), ("reported", "rounded", "derived"))
    monthly = monthly.assign(period_start=monthly["month"], period_end=monthly["month"])
    half = evidence.filter_basis(evidence.exclude(evidence.load("trade_cumulative"), "regional"))
    rows = []
    for period, table in (("june", monthly), ("first_half", half)):
        first, last = PERIODS[period]
        found = {
            year: _printed(table, pd.Period(f"{year}-{first:02d}"), pd.Period(f"{year}-{last:02d}"))
            for year in (*range(2014, NOW), NOW)
        }
        rows += _against(found, period)
    year = evidence.exclude(evidence.load("imports_from_dprk_by_product_china"), "date_inferred")
    year = year[year["hs_level"] == "total"]
    totals = {
        p.year: (float(value) / mirror.USD_PER_MILLION, source)
        for p, value, source in zip(year["year"], year["value_usd"], year["source_id"], strict=True)
    }
    return pd.DataFrame(rows + _against(totals, "year"))


def _printed(table: pd.DataFrame, start: pd.Period, end: pd.Period) -> tuple[float, str] | None:
    """Return the customs figure for China's imports over a period; KITA's differ and are left out."""
    rows = table[
        (table["flow"] == mirror.IMPORTS)
        & (table["product"] == "total")
        & (table["measure"] == "value")
        & (table["unit"] == "usd_million")
        & (table["period_start"] == start)
        & (table["period_end"] == end)
        & ~table["source_id"].str.contains("kita")
    ]
    return None if rows.empty else (float(rows["value"].iloc[0]), str(rows["source_id"].iloc[0]))


def _against(
    found: dict[int, tuple[float, str] | None] | dict[int, tuple[float, str]], period: str
) -> list[dict[str, object]]:
    now = found.get(NOW)
    if now is None:
        return []
    return [
        _row(period, year, "customs", before[0], now[0], now[1])
        for year, before in sorted(found.items())
        if before is not None and 2014 <= year < NOW
    ]


def _compiler(name: str) -> pd.DataFrame:
    """Return a compiler's exports to all partners, by year."""
    annual = evidence.filter_basis(evidence.load("trade_annual"))
    annual = annual[
        (annual["flow"] == "exports")
        & (annual["partner"] == "world")
        & (annual["product"] == "total")
        & (annual["measure"] == "value")
    ].assign(start=lambda f: [p.year for p in f["year"]], exports=lambda f: f["value"])
    balance = evidence.filter_basis(evidence.load("trade_balance"))
    balance = balance[(balance["frequency"] == "annual") & balance["exports"].notna()].assign(
        start=lambda f: [p.year for p in f["period_start"]]
    )
    own = pd.concat(
        [
            annual[annual["note"].fillna("").str.upper().str.startswith(name.upper())],
            balance[balance["compiler"].str.upper() == name.upper()],
        ]
    ).drop_duplicates("start")
    found = {int(s): (float(v), str(i)) for s, v, i in zip(own["start"], own["exports"], own["source_id"], strict=True)}
    return pd.DataFrame(_against(found, "year")).assign(compiler=name)


def _in_yuan() -> pd.DataFrame:
    """Return the fall that customs printed in yuan."""
    annual = evidence.filter_basis(evidence.load("trade_annual"))
    rows = annual[
        (annual["flow"] == "exports")
        & (annual["partner"] == "china")
        & (annual["product"] == "total")
        & (annual["unit"] == "cny_million")
        & (annual["year"] == pd.Period(str(NOW), "Y"))
        & annual["yoy_pct"].notna()
    ]
    out = []
    for value, rate, source in zip(rows["value"], rows["yoy_pct"], rows["source_id"], strict=True):
        before = float(value) / (1 + float(rate) / 100)
        out.append(
            _row("year", NOW - 1, "customs", before, float(value), str(source), "cny") | {"fall_pct": -float(rate)}
        )
    return pd.DataFrame(out)
