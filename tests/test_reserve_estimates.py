"""Published stocks and losses of foreign currency, and what altered tables would make of the verdict."""

from __future__ import annotations

import pandas as pd
import pytest

import altered
from musan import claims, evidence, reserve_estimates
from musan.errors import EvidenceError, MethodError
from musan.reserve_estimates import Choices
from musan.rules import Verdict

DEFAULT = Choices()


def verdict(choices: Choices = DEFAULT) -> Verdict:
    return claims.decide("regime_endurance", "statement", reserve_estimates.measures(choices)).verdict


# The committed tables


def test_each_stock_stands_once_with_what_its_author_means():
    stocks = reserve_estimates.stocks()
    assert not stocks.duplicated(["author", "kind", "low", "high"]).any()
    kinds = stocks.groupby("author")["kind"].agg(set)
    assert kinds["Zang"] == {"lowest estimate", "estimate"}
    assert kinds["INSS"] == {"upper bound", "lowest estimate"}  # its stock of 2019 is "at least"
    assert kinds["US sources"] == {"claim"}
    # Printed in December 2018 and again in March 2019.
    assert len(stocks[stocks["author"] == "US sources"]) == 1


def test_a_review_of_other_estimates_and_money_for_payments_are_no_stocks():
    concepts = set(evidence.load("fx_reserves")["concept"])
    assert {"stock_total_prior_estimates", "stock_transactions"} <= concepts - set(reserve_estimates.CONCEPTS)


def test_the_banks_stock_of_2014_shrinks_by_its_own_flow_until_the_end_of_2016():
    row = reserve_estimates.stocks().query("kind == 'whole economy'").iloc[0]
    assert (row["low"], row["high"], row["carried"]) == (3010 - 200, 6630 - 200, -200)
    assert row["date"] == pd.Period("2016-12")


def test_a_sum_over_years_becomes_a_yearly_loss_and_a_loss_in_words_is_read():
    losses = dict(list(reserve_estimates.losses().groupby("author")))
    assert sorted(losses["INSS"]["low"]) == pytest.approx([1950 / 7, 1900 / 5])
    assert sorted(losses["INSS"]["high"]) == pytest.approx([2510 / 7, 1900 / 5])
    assert losses["Zang"]["low"].tolist() == [1000]
    assert losses["US sources"][["low", "high"]].to_numpy().tolist() == [[1000, 1500]]
    assert sorted(losses["Bank of Korea"]["low"]) == [1000, 2000]


def test_losses_summed_beyond_2020_can_be_spread_over_the_years_before_the_border_closed():
    early = reserve_estimates.losses("before_2020").query("author == 'INSS'")
    assert sorted(early["low"]) == pytest.approx([1900 / 3, 1950 / 3])
    zang = reserve_estimates.losses("before_2020").query("author == 'Zang'")
    assert zang["low"].tolist() == [1000]  # 2017-2019 in any case


def test_the_surplus_of_2021_and_the_loss_before_2017_are_no_losses_here():
    losses = reserve_estimates.losses()
    assert losses["first"].between(2017, 2019).all()
    assert (losses["low"] > 0).all()


def test_fifteen_of_forty_eight_pairs_are_gone_by_the_end_of_2020():
    found = reserve_estimates.exhaustion(DEFAULT)
    assert (found.n, int(found.frame["exhausted"].sum())) == (48, 15)
    by_hand = found.frame["usd_million"] * 12 / found.frame["usd_million_per_year"]
    left = [(reserve_estimates.HORIZON - date).n for date in found.frame["date"]]
    assert ((by_hand <= left) == found.frame["exhausted"]).all()
    assert found.grid("exhausted").shape == (6, 8)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, Verdict.CONTRADICTED),
        ({"stocks_dated": "all_dates"}, Verdict.CONTRADICTED),
        ({"count_claims": False}, Verdict.CONTRADICTED),
        ({"count_upper_bound": False}, Verdict.MIXED),
        ({"stocks_dated": "end_2016", "pairs": "same_author", "count_upper_bound": False}, Verdict.CAVEATS),
    ],
)
def test_the_verdict_on_the_committed_tables(options, says):
    assert verdict(Choices(**options)) is says


def test_an_authors_own_pairs_only():
    frame = reserve_estimates.exhaustion(Choices(pairs="same_author")).frame
    assert (frame["stock_author"] == frame["loss_author"]).all()


def test_without_claims_no_single_voice_is_left():
    frame = reserve_estimates.exhaustion(Choices(stocks_dated="all_dates", count_claims=False)).frame
    assert "claim" not in {*frame["stock_basis"], *frame["loss_basis"]}


@pytest.mark.parametrize(
    "options", [{"stocks_dated": "2016"}, {"pairs": "own"}, {"late_losses": "late"}, {"bank_of_korea": "half"}]
)
def test_an_unknown_choice_is_refused(options):
    with pytest.raises(MethodError, match="is not a choice here"):
        Choices(**options)


def test_the_specifications_are_all_combinations_of_the_ledgers_choices():
    table = reserve_estimates.specifications()
    ledger = claims.claim("regime_endurance").choices
    assert list(ledger) == reserve_estimates.CHOICES
    assert {name: set(table[name]) for name in ledger} == {name: set(values) for name, values in ledger.items()}
    assert not table.duplicated(reserve_estimates.CHOICES).any()
    default = table[
        (table[reserve_estimates.CHOICES] == pd.Series(vars(DEFAULT))[reserve_estimates.CHOICES]).all(axis=1)
    ]
    assert default["verdict"].tolist() == [verdict().value]
    assert default["share"].tolist() == [reserve_estimates.exhaustion(DEFAULT).share]
    for row in table.to_dict("records"):
        alone = reserve_estimates.exhaustion(Choices(**{name: row[name] for name in ledger}))
        assert (row["n"], row["share"] if row["n"] else None) == (alone.n, alone.share)


def test_three_dated_forecasts_have_failed_and_copies_count_once():
    table = reserve_estimates.forecasts()
    assert table["gone_by"].astype(str).tolist() == ["2018-10", "2019-12", "2020-12", "2020-12"]
    assert table["failed"].all()
    assert reserve_estimates.failed_forecasts() == 3
    assert table["only_possible"].sum() == 1
    assert table.iloc[0]["next_imports"] == 2970
    assert not table["words"].str.contains("planned horizon|bottom").any()
    assert (table["later_date"] >= table["gone_by"]).all()


def test_deficits_agree_with_the_balance_that_is_printed():
    balance = evidence.load("trade_balance").query("compiler == 'KOTRA' and frequency == 'annual'")
    printed = -balance["balance"].astype(float).to_numpy()
    deficits = reserve_estimates.trade_deficits()
    assert deficits["deficit"].to_numpy() == pytest.approx(printed, abs=10)
    assert deficits.set_index("year")["crude"].dropna().to_dict() == {2014: 500, 2015: 280, 2016: 230, 2018: 310}


def test_every_loss_is_smaller_than_the_deficit_in_goods():
    implied = reserve_estimates.income_implied()
    assert (implied["implied"] > 0).all()
    own = implied[implied["deficit_by"] == "INSS"]["deficit"]
    assert sorted(own) == pytest.approx([6000 / 5, 8570 / 7, 8570 / 7])


def test_the_sums_of_the_institute_add_up_to_their_rounding():
    sums = reserve_estimates.institute_sums()
    assert sums["gives"].tolist() == pytest.approx([-1910, -8260, -1960])
    assert (sums["off"] <= 10).all()


def test_import_cover_takes_the_imports_of_the_same_year():
    cover = reserve_estimates.import_cover().query("author == 'INSS' and kind == 'upper bound'").iloc[0]
    assert cover["months_low"] == pytest.approx(12 * 10600 / 3730)


# Altered tables


def _larger_losses(row):
    yearly = row["unit"] in ("usd_million_per_year", "usd_million_cumulative")
    return {"central": f"{float(row['central']) * 10:g}"} if yearly and row["central"] else None


def _larger_sums(row):
    if row["channel"] != "final_fx_balance":
        return None
    return {end: f"{float(row[end]) * 10:g}" for end in ("low", "central", "high") if row[end]}


def test_tenfold_losses_would_support_the_pressure(tmp_path, monkeypatch):
    altered.tables({"fx_reserves": _larger_losses, "fx_income": _larger_sums}, tmp_path, monkeypatch)
    assert verdict() is Verdict.CAVEATS  # forecasts have failed all the same


def test_with_nothing_left_afterwards_no_forecast_would_have_failed(tmp_path, monkeypatch):
    def gone(row):
        later = row["concept"].startswith("stock_total") and row["period_end"] >= "2018-10"
        if later:
            return {end: "0" for end in ("low", "central") if row[end]}
        return _larger_losses(row)

    altered.tables({"fx_reserves": gone, "fx_income": _larger_sums}, tmp_path, monkeypatch)
    assert reserve_estimates.failed_forecasts() == 0
    assert verdict() is Verdict.SUPPORTED


def test_a_smaller_stock_at_the_end_of_2017_would_make_it_mixed(tmp_path, monkeypatch):
    def smaller(row):
        return {"central": "3000"} if (row["period_end"], row["central"]) == ("2017-12-31", "3800") else None

    altered.tables({"fx_reserves": smaller}, tmp_path, monkeypatch)
    assert verdict() is Verdict.MIXED


def test_without_a_published_stock_it_could_not_be_tested(tmp_path, monkeypatch):
    def no_stock(row):
        return {"unit": "text"} if row["unit"] == "usd_million" else None

    altered.tables({"fx_reserves": no_stock}, tmp_path, monkeypatch)
    assert verdict() is Verdict.NOT_TESTABLE
    assert set(reserve_estimates.specifications()["n"]) == {0}


def test_an_old_stock_without_a_flow_of_its_author_is_refused(tmp_path, monkeypatch):
    def no_flow(row):
        early = row["unit"] == "usd_million_per_year" and row["period_start"] == "2014"
        return {"unit": "text", "central": ""} if early else None

    altered.tables({"fx_reserves": no_flow}, tmp_path, monkeypatch)
    with pytest.raises(EvidenceError, match="Bank of Korea is of 2014"):
        reserve_estimates.stocks()
