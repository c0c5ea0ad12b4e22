"""Income with and without sanctions, and what altered tables would make of the two attributions."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import altered
import evidence_folder
from musan import claims, income_counterfactual, workers_abroad
from musan.errors import MethodError
from musan.income_counterfactual import Choices
from musan.rules import Verdict

DRAWS = {"draws": 400, "seed": 1}
DEFAULT = Choices()


def income_verdict(choices: Choices = DEFAULT) -> Verdict:
    effect = income_counterfactual.income_effect(choices, **DRAWS)
    return claims.decide("foreign_currency_income_fell", "attribution", effect.measures).verdict


def reserve_verdict() -> Verdict:
    return claims.decide("regime_endurance", "attribution", income_counterfactual.reserve_measures(**DRAWS)).verdict


# The committed tables


@pytest.mark.parametrize(("source", "first", "before"), [("harvard", 1995, 22), ("kotra", 2007, 10)])
def test_goods_have_one_figure_for_each_year_up_to_2018(source, first, before):
    series = income_counterfactual.goods_by_year(source)
    assert [period.year for period in series.index] == list(range(first, 2019))
    assert sum(period.year <= 2016 for period in series.index) == before
    assert (series > 0).all()


def test_goods_fell_far_below_their_forecast_and_further_than_at_any_earlier_date():
    gap = income_counterfactual.goods_gap("harvard", "stays", **DRAWS)
    middle, far, near = gap.pct
    assert far < middle < near < -70
    assert middle == pytest.approx(100 * (307.515746 / 2870.309625 - 1), abs=0.1)  # a random walk forecasts 2016
    assert (gap.placebos.rank, gap.placebos.placebos) == (1, 9)


def test_ten_years_leave_no_placebo_date():
    assert income_counterfactual.goods_gap("kotra", "stays", **DRAWS).placebos is None


def test_the_ends_of_all_channels_are_those_of_their_ranges():
    effect = income_counterfactual.income_effect(DEFAULT, **DRAWS)
    gap = income_counterfactual.goods_gap("harvard", "stays", **DRAWS)
    others = income_counterfactual.other_channels(DEFAULT)
    new = others[others["dated"]]
    undated = others.loc[~others["dated"], "after_high"].sum()
    by_hand = (gap.observed + new["after_high"].sum() + undated) / (
        gap.expected_low + new["before_low"].sum() + undated
    )
    assert effect.high_pct == pytest.approx(100 * (by_hand - 1))
    assert effect.low_pct < effect.effect_pct < effect.high_pct < 0


def test_channels_that_may_move_apart_allow_a_rise():
    assert income_counterfactual.income_effect(Choices(other_channels="apart"), **DRAWS).high_pct > 0


def test_wages_bound_what_workers_earned():
    low, high = workers_abroad.income_from_wages()
    row = income_counterfactual.other_channels(Choices(workers_income="from_wages")).set_index("channel")
    assert row.loc["workers abroad", ["before_low", "after_high"]].tolist() == [low, high]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, Verdict.MIXED),
        ({"goods_source": "kotra"}, Verdict.MIXED),
        ({"new_channels": False}, Verdict.MIXED),
        ({"new_channels": False, "workers_income": "from_wages"}, Verdict.SUPPORTED),
    ],
)
def test_the_attribution_on_the_committed_tables(options, says):
    assert income_verdict(Choices(**options)) is says


def test_the_specifications_hold_the_default_with_its_verdict():
    table = income_counterfactual.specifications(**DRAWS)
    assert len(table) == 32
    assert not table.duplicated(income_counterfactual.CHOICES).any()
    default = table.query(
        "goods_source == 'harvard' and trend == 'stays' and other_channels == 'same' and new_channels "
        "and workers_income == 'published'"
    )
    assert default["verdict"].tolist() == [income_verdict().value]


@pytest.mark.parametrize("options", [{"goods_source": "itc"}, {"trend": "falls"}, {"other_channels": "none"}])
def test_an_unknown_choice_is_refused(options):
    with pytest.raises(MethodError, match="is not a choice here"):
        Choices(**options)


def test_no_author_prints_a_series_of_the_stock_from_before_sanctions():
    assert income_counterfactual.dated_stocks()["until_2016"].max() == 1
    assert reserve_verdict() is Verdict.NOT_TESTABLE


def test_what_authors_say_of_two_dates_is_a_change_and_no_more():
    change = income_counterfactual.stocks_before_and_after().set_index("author")
    assert change.loc["Zang", "change_low_pct"] == pytest.approx(100 * (1700 / 4800 - 1))
    assert change.loc["INSS", "change_high_pct"].max() < 0


# Altered tables


def _modest(row):
    """Workers at most 600 million a year, theft, smuggling and tourism small."""
    if row["unit"] not in ("usd_million", "usd_million_cumulative"):
        return {"central": "40000"} if row["unit"] == "visitors_foreign" else None
    if row["channel"] == "overseas_workers_total" and row["cumulative"] == "no":
        return {"low": "200", "central": "", "high": "600"}
    if row["channel"] in ("cyber", "smuggling_coal", "smuggling"):
        return {"central": "50"}
    if row["channel"] == "tourism" and row["period_start"] == "2018":
        return {"central": "60"}
    return None


def _without(*years):
    def change(row):
        harvard = row["source_id"] == income_counterfactual.HARVARD and row["product"] == "total"
        return {"measure": "quantity"} if harvard and row["year"] in years else None

    return change


def test_modest_income_elsewhere_would_let_sanctions_explain_the_fall(tmp_path, monkeypatch):
    altered.tables({"fx_income": _modest}, tmp_path, monkeypatch)
    assert income_verdict() is Verdict.SUPPORTED


def test_with_fewer_placebo_dates_it_would_be_so_with_caveats(tmp_path, monkeypatch):
    altered.tables({"fx_income": _modest, "trade_annual": _without("1995", "1996")}, tmp_path, monkeypatch)
    assert income_verdict() is Verdict.CAVEATS


def test_exports_that_had_grown_would_contradict_it(tmp_path, monkeypatch):
    def grown(row):
        total = row["source_id"] == income_counterfactual.HARVARD and row["product"] == "total"
        return {"value": "4000"} if total and row["year"] == "2018" else None

    altered.tables({"trade_annual": grown}, tmp_path, monkeypatch)
    assert income_verdict() is Verdict.CONTRADICTED


def test_with_eight_years_before_it_could_not_be_tested(tmp_path, monkeypatch):
    altered.tables({"trade_annual": _without(*map(str, range(1995, 2009)))}, tmp_path, monkeypatch)
    assert income_verdict() is Verdict.NOT_TESTABLE


def _with_a_series_of_stocks(into, monkeypatch, left):
    """Zang prints a stock for each year end from 1993 on, and ``left`` for the end of 2020."""

    def last(row):
        then = row["author_institution"].startswith("Zang") and row["period_end"] == "2020-12-31"
        return {"low": left, "central": left, "high": left} if then else None

    altered.tables({"fx_reserves": last}, into, monkeypatch)
    folder = into / "data"
    with (folder / "fx_reserves.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    model = next(row for row in rows if row[header.index("period_end")] == "2017-12-31")
    noise = np.random.default_rng(1).normal(0, 100, 24)
    for year, error in zip(range(1993, 2017), noise, strict=True):
        row = list(model)
        for name in ("period_start", "period_end"):
            row[header.index(name)] = f"{year}-12-31"
        row[header.index("central")] = f"{4400 + error:.0f}"
        rows.append(row)
    evidence_folder.write(folder, "fx_reserves", [header, *rows])
    evidence_folder.record_hash(folder, "fx_reserves")


@pytest.mark.parametrize(
    ("left", "says"), [("300", Verdict.SUPPORTED), ("4000", Verdict.MIXED), ("5000", Verdict.CONTRADICTED)]
)
def test_a_series_of_stocks_would_let_the_pressure_be_attributed(tmp_path, monkeypatch, left, says):
    _with_a_series_of_stocks(tmp_path, monkeypatch, left)
    assert reserve_verdict() is says
