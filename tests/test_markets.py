"""Fuel, food and the markets: what the tables say, and how altered tables turn the verdicts."""

import csv
import shutil

import numpy as np
import pandas as pd
import pytest

import evidence_folder
from musan import claims, evidence, food, fuel_supply, markets
from musan.errors import EvidenceError, MethodError
from musan.rules import Verdict

TABLES = (
    "market_prices",
    "exchange_rate_quarterly",
    "fuel_trade",
    "sanction_events",
    "food_rations",
    "field_reports",
    "attendance",
    "sources",
)
DEFAULT = {
    "window": "first_half",
    "currency": "usd",
    "outlets": "all",
    "inferred_dates": True,
    "supply_before": "june_2017",
    "supply_after": "notified",
}
GASOLINE, RATIONS = "no_money_for_gasoline", "rations_suspended_since_march"


@pytest.fixture
def altered(tmp_path, monkeypatch):
    """A function that makes changes to rows of tables, as dictionaries, and turns the library to the copy."""

    def alter(**changes):
        folder = evidence_folder.copy(*TABLES, into=tmp_path)
        shutil.copy(evidence_folder.DATA / "claims.yml", folder)
        for table, change in changes.items():
            rows = evidence_folder.records(table)
            header = list(rows[0])
            rows = change(rows) or rows
            with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, header, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            evidence_folder.record_hash(folder, table)
        monkeypatch.setenv("MUSAN_DATA", str(folder))

    return alter


def statement(**choices):
    return claims.decide(GASOLINE, "statement", fuel_supply.affordable_measures(**DEFAULT | choices)).verdict


def attribution(counterfactual="recorded_months", after="notified"):
    effect = fuel_supply.cap_effect(counterfactual, after, draws=500, seed=1)
    return claims.decide(GASOLINE, "attribution", fuel_supply.effect_measures(effect)).verdict


def rations(dated_by="mine_rations"):
    return claims.decide(RATIONS, "statement", {"months_off": food.months_off(dated_by)}).verdict


def rations_cause(kind="rations_and_pay"):
    return claims.decide(RATIONS, "attribution", food.cause_measures(kind)).verdict


# Prices


def test_only_prices_by_the_kilogram_in_one_place_and_unit_are_compared():
    rows = markets.quotes("gasoline")
    assert set(rows["unit"].astype(str)) == {"kpw_per_kg", "usd_per_kg", "cny_per_kg"}
    assert rows["bound"].isna().all()
    assert rows["when"].dt.year.between(2016, 2019).all()
    assert not markets.quotes("gasoline", inferred_dates=False)["date_inferred"].any()


def test_a_price_is_converted_at_the_rate_of_its_day():
    rows = markets.quotes("gasoline").set_index("when")
    spring = rows[rows["date"].map(str) == "2018-03-23"].iloc[0]
    assert spring["price_cny"] == pytest.approx(14960 / 1360)
    assert spring["price_kpw"] == 14960
    june = rows[rows["date"].map(str) == "2018-06-05"].iloc[0]
    assert june["price_usd"] == pytest.approx(1.86)
    assert june["price_kpw"] == pytest.approx(1.86 * 8040, rel=0.02)  # the rate at the end of that quarter


def test_won_prices_of_one_network_are_round_in_yuan():
    gasoline = markets.in_yuan("gasoline")
    assert gasoline.loc[gasoline["when"].between("2018-03", "2018-05"), "price_cny"].round(2).unique().tolist() == [
        11.0
    ]
    assert gasoline["round"].mean() > 0.8


def test_a_network_that_tells_two_stories_is_shown():
    assert sorted(markets.two_stories()["price_kpw"]) == [12800, 18000]


def test_gasoline_rose_in_the_first_half_and_had_fallen_by_summer():
    half, summer = (markets.price_change("gasoline", window) for window in ("first_half", "third_quarter"))
    assert 60 < half.change.low_pct < half.change.pct < half.change.high_pct
    assert summer.change.high_pct < 0
    assert half.networks == summer.networks == ("dailynk",)


def test_a_window_without_a_report_has_no_change():
    price = markets.price_change("gasoline", "third_quarter", inferred_dates=False)
    assert price.change is None
    assert price.networks == ()
    assert statement(window="third_quarter", inferred_dates=False) is Verdict.NOT_TESTABLE


def test_leaving_out_the_articles_network_leaves_it_out():
    rows = markets.of_outlets(markets.quotes("gasoline"), "without_asiapress")
    assert "asiapress" not in set(rows["network"])
    with pytest.raises(MethodError, match="did you mean 'without_asiapress'"):
        markets.of_outlets(rows, "without_asiapres")


def test_events_are_ranked_among_placebo_dates_with_printed_days():
    study = markets.event_study("gasoline", days=90)
    assert study["change_pct"].is_monotonic_decreasing
    assert study["rank"].tolist() == list(range(1, len(study) + 1))
    events = markets.fuel_events()["date"]
    assert study.loc[study["event"], "date"].isin(events).all()
    gaps = [abs(day - event).days for day in study.loc[~study["event"], "date"] for event in events]
    assert min(gaps) > 31
    assert study.iloc[0]["label"] == "CNPC halts sales"
    with pytest.raises(MethodError, match="no day has 2 reports"):
        markets.event_study("gasoline", days=1)


def test_jumps_are_those_of_a_segmented_regression():
    jumps = markets.jumps("gasoline").set_index(["label", "new_slope"])
    assert jumps.loc[("CNPC halts sales", False), "rank"] == 1
    assert (jumps["rank"] <= jumps["dates"]).all()
    rows = markets.quotes("gasoline", inferred_dates=False)
    rows = rows[rows["exact_day"]]
    logs = np.log(rows["price_usd"]).groupby(rows["when"].dt.normalize()).mean()
    step = (logs.index >= pd.Timestamp("2017-06-28")).astype(float)
    design = np.column_stack([np.ones(len(logs)), np.arange(len(logs)), step])
    expected = np.linalg.lstsq(design, logs.to_numpy(), rcond=None)[0][2]
    assert jumps.loc[("CNPC halts sales", False), "jump_pct"] == pytest.approx(100 * np.expm1(expected))


def test_the_income_that_keeps_a_price_level():
    assert markets.income_fall(19, 0.5) == pytest.approx(100 * (1 - 0.81**2))
    assert markets.income_fall(10, 1) == pytest.approx(10)
    assert markets.income_fall(0, 0.3) == 0


# Deliveries


def test_a_barrel_is_what_the_cap_makes_of_it():
    assert fuel_supply.tonnes_per_barrel() == pytest.approx(62_500 / 500_000)


def test_readings_are_the_printed_figures_a_month():
    level = fuel_supply.readings().set_index("reading")["tonnes_a_month"].astype(float)
    assert level["june_2017"] == 8262
    assert level["year_2016"] == pytest.approx(140_000 / 12)
    assert level["notified"] == pytest.approx(8618 / 4)
    assert level["customs"] == 9 + 74
    # A third full, 89 tankers carry what alone would exceed the cap of 500,000 barrels.
    alleged = (level["with_tankers_third"] - level["notified"]) * 5 / fuel_supply.tonnes_per_barrel()
    assert 500_000 < alleged < 520_000


def test_months_are_single_and_know_the_cap():
    months = fuel_supply.monthly().set_index(["compiler", "month"])["tonnes"]
    assert months["China customs"].to_dict() == {
        pd.Period("2016-07"): 4000,
        pd.Period("2017-06"): 8262,
        pd.Period("2017-07"): 120,
        pd.Period("2017-10"): 0,
        pd.Period("2017-11"): 0,
        pd.Period("2017-12"): 0,
    }
    assert months["1718 Committee notifications"].sum() == 8620


def test_the_effect_of_the_caps_is_in_levels_with_zeros_allowed():
    effect = fuel_supply.cap_effect("recorded_months", "customs", draws=500, seed=1)
    assert (effect.effect_pct, effect.low_pct, effect.high_pct) == (-100, -100, -100)
    assert (effect.placebo_rank, effect.placebos, effect.n) == (1, 2, 6)
    again = fuel_supply.cap_effect("recorded_months", "notified", draws=500, seed=1)
    assert again.effect_pct == pytest.approx(100 * ((8620 / 4) / ((4000 + 8262 + 120) / 3) - 1))
    assert again.low_pct < again.effect_pct < 0 < again.high_pct


def test_every_choice_has_one_row():
    readings = fuel_supply.statement_specifications("usd")
    assert len(readings) == 3 * 2 * 2 * 3 * 4
    assert not readings.duplicated(fuel_supply.STATEMENT_CHOICES).any()
    default = {name: value for name, value in DEFAULT.items() if name != "currency"}
    row = readings[np.logical_and.reduce([readings[name] == value for name, value in default.items()])]
    assert row["verdict"].tolist() == [statement().value]
    effects = fuel_supply.attribution_specifications(draws=200, seed=1)
    assert not effects.duplicated(fuel_supply.ATTRIBUTION_CHOICES).any()
    assert len(effects) == 3 * 4


def test_a_missing_delivery_is_named(altered):
    altered(fuel_trade=lambda rows: [row for row in rows if row["period_start"] != "2017-06"])
    with pytest.raises(EvidenceError, match="0 rows for china_to_dprk, gasoline, 2017-06"):
        fuel_supply.readings()


# Rations and harvests


def test_independent_reports_on_the_mine_leave_the_article_out():
    rows = food.reports_on_the_mine("rations_and_pay")
    assert rows["report_id"].tolist() == ["FR156", "FR132", "FR134"]
    assert not rows["source_id"].str.startswith(evidence.UNDER_TEST).any()
    assert len(food.reports_on_the_mine("rations")) == 2


def test_the_two_ways_to_date_the_end():
    assert food.months_off("mine_rations") == {"dailynk": 4}
    assert food.months_off("county_food") == {"dailynk": -1}


def test_a_figure_from_before_the_ban_is_of_pay_only():
    assert food.before_sanctions("rations").empty
    assert food.before_sanctions("rations_and_pay")["value"].tolist() == [300_000, 30_000]


def test_the_national_ration_keeps_memo_and_un_apart():
    rows = food.national_rations()
    year = rows[rows["period"].str.startswith("2018")].set_index("kind")["grams"]
    assert year.to_dict() == {"as reported to WFP and FAO": 380, "government memo of 2019": 550}


def test_harvests_are_compared_within_one_estimator_and_indicator():
    changes = food.harvest_changes().set_index(["estimator", "after"])["change_pct"]
    assert changes[("FAO GIEWS", "2017/18")] == pytest.approx(100 * (5.5 / 5.79 - 1))
    assert len(changes) == 4
    assert food.gap_2018_19() == (0.641, 1.59)


def test_the_story_tells_who_is_independent():
    story = food.mine_story().set_index(["network", "status"])
    assert not story.loc[("ASIAPRESS", "suspended"), "independent"].any()
    assert story.loc[("Daily NK", "suspended"), "independent"].all()


# The verdicts turn with the tables


def halved_in_2018(rows):
    for row in rows:
        if row["item"] == "gasoline" and row["date"].startswith("2018-0"):
            row["price"] = str(float(row["price"]) / 2)


def second_network(rows):
    for row in rows:
        if row["item"] == "gasoline" and row["date"] == "2018-06-05":
            row["origin_network"] = "rfa"


def plenty(rows):
    for row in rows:
        if row["source_id"] == "upi-2018-06-russia-china-provided-nearly":
            row["quantity"] = str(5 * float(row["quantity"]))


def test_the_statement_turns_with_prices_and_deliveries(altered):
    assert statement() is Verdict.CAVEATS
    altered(market_prices=second_network)
    assert statement() is Verdict.SUPPORTED
    altered(market_prices=halved_in_2018)
    assert statement() is Verdict.MIXED
    altered(fuel_trade=plenty)
    assert statement() is Verdict.MIXED
    altered(market_prices=halved_in_2018, fuel_trade=plenty)
    assert statement() is Verdict.CONTRADICTED


def steady_until_the_cap(rows):
    """Gasoline of 8,000 to 8,200 tonnes in each of twelve months before the first cap."""
    model = next(row for row in rows if row["product"] == "gasoline" and row["period_start"] == "2017-06")
    rows = [row for row in rows if not (row["product"] == "gasoline" and row["period_start"] in ("2016-07", "2017-07"))]
    months = [str(month) for month in pd.period_range("2016-08", "2017-07", freq="M") if str(month) != "2017-06"]
    return rows + [
        model | {"period_start": month, "period_end": month, "quantity": str(8000 + 100 * (i % 3))}
        for i, month in enumerate(months)
    ]


def july_as_june(rows):
    for row in rows:
        if row["product"] == "gasoline" and row["period_start"] in ("2016-07", "2017-07") and row["unit"] == "tonnes":
            row["quantity"] = "9000"


def test_the_cause_turns_with_deliveries_before_the_caps(altered):
    assert attribution() is Verdict.MIXED
    assert attribution("july_2017") is Verdict.CONTRADICTED
    altered(fuel_trade=july_as_june)
    assert attribution() is Verdict.CAVEATS
    altered(fuel_trade=steady_until_the_cap)
    assert attribution() is Verdict.SUPPORTED
    altered(fuel_trade=plenty)
    assert attribution() is Verdict.CONTRADICTED


def field_report(report_id, **cells):
    def change(rows):
        for row in rows:
            if row["report_id"] == report_id:
                row.update(cells)

    return change


def both(*changes):
    def change(rows):
        for each in changes:
            rows = each(rows) or rows
        return rows

    return change


def test_the_date_of_the_end_turns_with_the_field_reports(altered):
    assert rations() is Verdict.MIXED
    april = field_report("FR132", period_start="2018-04")
    altered(field_reports=april)
    assert rations() is Verdict.CAVEATS
    altered(field_reports=both(april, field_report("FR134", period_start="2018-03", origin_network="rfa")))
    assert rations() is Verdict.SUPPORTED
    altered(field_reports=field_report("FR132", period_start="2018-10"))
    assert rations() is Verdict.CONTRADICTED


def test_the_cause_of_the_end_turns_with_the_second_coder_and_the_baseline(altered):
    assert rations_cause() is Verdict.MIXED
    agreed = [field_report(name, attributed_second="yes") for name in ("FR132", "FR156")]
    altered(field_reports=both(*agreed))
    assert rations_cause() is Verdict.CAVEATS
    altered(attendance=lambda rows: [row for row in rows if row["attendance_id"] not in ("AL11", "AL12")])
    assert rations_cause() is Verdict.NOT_TESTABLE
    denied = [
        field_report(name, attributed_second="no", attributed_to_sanctions="no") for name in ("FR132", "FR134", "FR156")
    ]
    altered(field_reports=both(*denied))
    assert rations_cause() is Verdict.CONTRADICTED
