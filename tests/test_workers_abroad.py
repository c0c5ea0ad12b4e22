"""Permits, visas and counts of workers abroad, and what their wages can yield."""

from __future__ import annotations

import pytest

import altered
from musan import workers_abroad
from musan.errors import EvidenceError


def test_russias_own_figures_only_fall_and_stand_once():
    official = workers_abroad.official_in_russia()
    assert official["people"].tolist() == [30023, 11490, 1000, 511]
    assert official["month"].astype(str).tolist() == ["2017-12", "2018-12", "2019-12", "2020-03"]


def test_visas_rose_as_permits_fell():
    visas = workers_abroad.russian_visas().set_index("year")
    assert visas["total"].to_dict() == {2018: 2035 + 2610, 2019: 16613 + 10345}


def test_counts_keep_stocks_and_border_entries_apart():
    china = workers_abroad.counts("overseas_workers_china")
    stocks = china[china["unit"] == "workers"]
    assert set(china.loc[china["unit"] == "border_entries_as_workers", "year"]) == {2012, 2013, 2014, 2015}
    assert (stocks.query("year == 2017")["low"].min(), stocks["high"].max()) == (50_000, 120_000)


def test_wages_and_numbers_of_workers_bound_the_income():
    assert workers_abroad.monthly_wages() == {"low": 400, "high": 600, "kept": 100}
    # 50,000 at 300 dollars a month and 170,000 at 500.
    assert workers_abroad.income_from_wages() == pytest.approx((180, 1020))


def test_the_highest_income_is_more_a_head_than_anyone_is_said_to_be_paid():
    heads = workers_abroad.dollars_a_worker().set_index("source_id")
    top = heads.loc["newsweek-2015-10-pocketing-billions-forced-labor"]
    assert (top["a_head_low"], top["a_head_high"]) == (24_000, 46_000)
    assert top["a_head_low"] > 12 * workers_abroad.monthly_wages()["high"]
    asahi = heads.loc["nk-chosun-2017-11-orders-workers-china-russia"]
    assert asahi["a_head_high"] == pytest.approx(230e6 / 170_000)


def test_a_note_on_wages_that_says_nothing_is_refused(tmp_path, monkeypatch):
    def silent(row):
        return {"note": "wages not given"} if row["indicator"] == "monthly_wage" else None

    altered.tables({"russia": silent}, tmp_path, monkeypatch)
    with pytest.raises(EvidenceError, match="indicator monthly_wage"):
        workers_abroad.monthly_wages()
