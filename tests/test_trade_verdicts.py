"""What notebooks 01 and 02 measure on the committed tables, and that altered tables would turn each verdict."""

from __future__ import annotations

import pytest

import altered
from musan import claims, exports_fall, foreign_currency, iron_ore, mirror
from musan.errors import EvidenceError, MethodError
from musan.rules import Verdict

DRAWS = {"draws": 300, "seed": 1}
DEFAULT = {"period": "first_half", "base_year": 2017, "compiler": "reconciled", "currency": "usd"}
STATED_PEOPLE = 100_000


def exports_verdict() -> Verdict:
    row = exports_fall.reading(exports_fall.readings(mirror.rebuild(), **DRAWS), **DEFAULT)
    measures = {"fall_pct": row["fall_pct"], "low_pct": row["low_pct"], "high_pct": row["high_pct"]}
    return claims.decide("exports_fell_90", "statement", measures).verdict


def income_verdict() -> Verdict:
    before, after = (foreign_currency.channel_ranges(year).sum(numeric_only=True) for year in (2016, 2018))
    measures = {
        "before_low": before["low_usd_million"],
        "before_high": before["high_usd_million"],
        "after_low": after["low_usd_million"],
        "after_high": after["high_usd_million"],
    }
    return claims.decide("foreign_currency_income_fell", "statement", measures).verdict


def amounts_verdict() -> Verdict:
    amounts = iron_ore.independent_amounts()
    deviations = {str(y): amounts.loc[amounts["year"] == y, "deviation_pct"].tolist() for y in (2014, 2016)}
    return claims.decide("iron_ore_amounts", "statement", {"deviations_pct": deviations}).verdict


def rank_verdict() -> Verdict:
    ranks = iron_ore.ranks()
    printed = ranks[(ranks["scope"] == "all exports") & (ranks["basis"] == "printed")]
    readings = printed["year"].astype(str) + printed["classification"]
    return claims.decide(
        "iron_ore_second_export", "statement", {"ranks": dict(zip(readings, printed["rank"], strict=True))}
    ).verdict


def stop_verdicts() -> tuple[Verdict, Verdict]:
    stop = iron_ore.stop()
    statement = {
        "months_early": stop.months_early,
        "share_after_pct": stop.share_after_pct,
        "networks_reporting_more": len(iron_ore.networks_reporting_trade()),
    }
    attribution = {
        "months_after_measure": stop.months_after_ban,
        "unbanned_change_pct": iron_ore.unbanned_change_pct(),
    }
    return (
        claims.decide("iron_ore_cut_off", "statement", statement).verdict,
        claims.decide("iron_ore_cut_off", "attribution", attribution).verdict,
    )


def fall_verdict() -> Verdict:
    paths = mirror.rebuild("iron_ore").draws(300, seed=1)[mirror.IMPORTS]
    value = float(iron_ore.independent_amounts().query("year == 2014")["value_usd_million"].mean())
    shares = [100 * iron_ore.fall_2014_2016("lmdi", lag, value).price_share for lag in range(4)]
    measures = {
        "share_before_pct": iron_ore.share_before_ban_pct(paths, value),
        "price_share_low_pct": min(shares),
        "price_share_high_pct": max(shares),
    }
    return claims.decide("iron_ore_amounts", "attribution", measures).verdict


# The committed tables


def test_exports_fell_by_ninety_percent_under_every_reading():
    readings = exports_fall.readings(mirror.rebuild(), **DRAWS)
    assert readings["fall_pct"].between(85, 95).all()
    assert not readings.duplicated(exports_fall.CHOICES).any()
    assert set(readings["compiler"]) == {"reconciled", "customs", "kotra", "itc"}
    intervals = readings.dropna(subset="low_pct")
    assert (intervals["low_pct"] <= intervals["fall_pct"]).all()
    assert (intervals["fall_pct"] <= intervals["high_pct"]).all()


@pytest.mark.parametrize(
    ("choice", "fall"),
    [
        # Printed: customs -87.7 % (2018), KOTRA -86.3 % (2018), Dow Jones -88 % in yuan.
        ({"period": "year", "base_year": 2017, "compiler": "customs", "currency": "usd"}, 87.7),
        ({"period": "year", "base_year": 2017, "compiler": "kotra", "currency": "usd"}, 86.3),
        ({"period": "year", "base_year": 2017, "compiler": "customs", "currency": "cny"}, 88.0),
    ],
)
def test_a_reading_agrees_with_the_printed_rate(choice, fall):
    row = exports_fall.reading(exports_fall.readings(mirror.rebuild(), **DRAWS), **choice)
    assert row["fall_pct"] == pytest.approx(fall, abs=0.06)


def test_a_reading_that_no_table_holds_says_which_ones_exist():
    readings = exports_fall.readings(mirror.rebuild(), **DRAWS)
    with pytest.raises(MethodError, match=r"itc has no figure in usd for june .* it has: year against 2015"):
        exports_fall.reading(readings, period="june", base_year=2016, compiler="itc", currency="usd")


def test_only_goods_change_much_between_the_two_years():
    before, after = (foreign_currency.channel_ranges(year).set_index("channel") for year in (2016, 2018))
    undated = ~before["dated"] & ~before.index.isin(foreign_currency.ONLY_UNDER_SANCTIONS)
    assert (before.loc[undated, "high_usd_million"] == after.loc[undated, "high_usd_million"]).all()
    assert before.loc["goods", "low_usd_million"] > 8 * after.loc["goods", "high_usd_million"]


def test_the_verdicts_on_the_committed_tables():
    assert exports_verdict() is Verdict.SUPPORTED
    assert income_verdict() is Verdict.CAVEATS
    assert amounts_verdict() is Verdict.SUPPORTED
    assert rank_verdict() is Verdict.CONTRADICTED
    assert fall_verdict() is Verdict.CONTRADICTED
    assert stop_verdicts() == (Verdict.CAVEATS, Verdict.SUPPORTED)


def test_iron_ore_is_second_among_minerals_and_by_the_estimate_for_2014():
    ranks = iron_ore.ranks().set_index(["year", "classification", "scope"])["rank"]
    assert ranks[(2016, "product line (HS4)", "minerals")] == 2
    assert ranks[(2014, "product line (HS4)", "all exports")] == 2
    assert ranks[(2016, "product line (HS4)", "all exports")] == 7


def test_recorded_ore_trade_stopped_with_the_full_ban():
    stop = iron_ore.stop()
    assert (str(stop.last_month), str(stop.first_empty_month)) == ("2017-09", "2017-10")
    assert (stop.months_early, stop.months_after_ban, stop.share_after_pct) == (3, 1, 0)


def test_a_product_line_that_is_not_in_the_table_is_named(monkeypatch):
    monkeypatch.setitem(iron_ore.CHAPTER_OF, "Gold", "71")
    with pytest.raises(EvidenceError, match="no product line is named 'Gold'"):
        iron_ore.lines_2016()


# Altered tables


def _times(factor: float, cell: str) -> str:
    return f"{float(cell) * factor:.10f}".rstrip("0").rstrip(".")


def _imports_of_2018(row: dict[str, str]) -> dict[str, str] | None:
    period = row.get("month") or row.get("period_start") or row["year"]
    flow = row.get("flow", "china_imports")
    if (
        not period.startswith("2018")
        or row.get("measure", "value") != "value"
        or row.get("product", "total") != "total"
    ):
        return None
    if flow == "total":
        return {"basis": "claim"}  # the sum no longer holds
    if flow not in ("china_imports", "exports"):
        return None
    amount = "value_usd" if "value_usd" in row else "value"
    update = {amount: _times(6, row[amount])}
    if row.get("yoy_pct"):
        update["yoy_pct"] = ""
    return update


def test_sixfold_imports_in_2018_would_contradict_the_ninety_percent(tmp_path, monkeypatch):
    tables = ["trade_monthly", "trade_cumulative", "trade_annual", "imports_from_dprk_by_product_china"]
    altered.tables(dict.fromkeys(tables, _imports_of_2018), tmp_path, monkeypatch)
    assert exports_verdict() is Verdict.CONTRADICTED


def test_income_would_not_have_fallen_had_goods_kept_up(tmp_path, monkeypatch):
    def in_channels(row):
        goods = row["channel"] == "goods_exports" and row["period_start"] == "2018"
        return {"central": "3200"} if goods else None

    def in_years(row):
        goods = (row["year"], row["flow"], row["partner"], row["product"]) == ("2018", "exports", "world", "total")
        return {"value": "3200"} if goods else None

    altered.tables({"fx_income": in_channels, "trade_annual": in_years}, tmp_path, monkeypatch)
    assert income_verdict() is Verdict.CONTRADICTED


@pytest.mark.parametrize(("people", "verdict"), [("101000", Verdict.SUPPORTED), ("310000", Verdict.CONTRADICTED)])
def test_another_census_would_turn_the_population(tmp_path, monkeypatch, people, verdict):
    def census(row):
        return {"population_2008": people} if row["name"].startswith("Musan") else None

    altered.tables({"cities": census}, tmp_path, monkeypatch)
    deviation = 100 * (float(iron_ore.population()) / STATED_PEOPLE - 1)
    measures = {"deviations_pct": {"population": [deviation]}}
    assert claims.decide("musan_population", "statement", measures).verdict is verdict


def test_other_compilers_figures_would_contradict_the_amounts(tmp_path, monkeypatch):
    def halved(row):
        ore = (
            row.get("product") == "iron_ore" or row.get("hs_code") == "2601" or row.get("product_name") == iron_ore.LINE
        )
        amount = next(name for name in ("value", "value_usd") if name in row)
        return {amount: _times(0.5, row[amount])} if ore and row["year"] in ("2014", "2016") else None

    tables = ["trade_annual", "imports_from_dprk_by_product_china", "exports_by_product_2016"]
    altered.tables(dict.fromkeys(tables, halved), tmp_path, monkeypatch)
    assert amounts_verdict() is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("lines_value", "chapter_2014", "verdict"),
    [("150000000", None, Verdict.MIXED), ("400000000", None, Verdict.CAVEATS), ("400000000", "8e8", Verdict.SUPPORTED)],
)
def test_more_ore_would_lift_its_rank(tmp_path, monkeypatch, lines_value, chapter_2014, verdict):
    def lines(row):
        if row["product_name"] == iron_ore.LINE:
            return {"value_usd": lines_value, "rank": "2"}
        return {"rank": str(int(row["rank"]) + 1)} if row["rank"] in ("2", "3", "4", "5", "6") else None

    def chapters(row):
        return {"value_usd": "800000000"} if (row["year"], row["hs_code"]) == ("2014", "26") else None

    changes = {"exports_by_product_2016": lines}
    if chapter_2014:
        changes["imports_from_dprk_by_product_china"] = chapters
    altered.tables(changes, tmp_path, monkeypatch)
    assert rank_verdict() is verdict


def test_ore_recorded_in_2018_would_contradict_the_cut_off(tmp_path, monkeypatch):
    def went_on(row):
        return {"value_usd": "50000000"} if (row["year"], row["hs_code"]) == ("2018", "2601") else None

    altered.tables({"imports_from_dprk_by_product_china": went_on}, tmp_path, monkeypatch)
    assert stop_verdicts()[0] is Verdict.CONTRADICTED


def test_a_stop_before_the_ban_would_contradict_the_cause(tmp_path, monkeypatch):
    def later(row):
        return {"effective_from": "2018-03-05"} if row["instrument"] == iron_ore.BAN else None

    altered.tables({"sanction_events": later}, tmp_path, monkeypatch)
    assert stop_verdicts()[1] is Verdict.CONTRADICTED


def test_unbanned_goods_that_vanish_too_would_blur_the_cause(tmp_path, monkeypatch):
    def vanish(row):
        return {"value_usd": "1000000"} if row["year"] == "2018" and row["hs_code"] in iron_ore.UNBANNED else None

    altered.tables({"imports_from_dprk_by_product_china": vanish}, tmp_path, monkeypatch)
    assert stop_verdicts()[1] is Verdict.MIXED


def test_a_ban_in_2015_would_let_sanctions_explain_the_fall(tmp_path, monkeypatch):
    def earlier(row):
        return {"effective_from": "2014-02-01"} if row["instrument"] == iron_ore.EXEMPTING_BAN else None

    def steady(row):
        return {"price": "90"} if row["commodity"] == "iron_ore" else None

    altered.tables({"sanction_events": earlier, "commodity_prices_monthly": steady}, tmp_path, monkeypatch)
    assert fall_verdict() is Verdict.SUPPORTED
