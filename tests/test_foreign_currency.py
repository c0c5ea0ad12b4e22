"""Ranges of income by channel and year."""

from __future__ import annotations

import pytest

from musan import foreign_currency


def tourism(year):
    return foreign_currency.channel_ranges(year).set_index("channel").loc["tourism"]


def test_tourists_counted_otherwise_spend_what_the_one_source_assumes():
    # 1.2 million visitors at 300 dollars, or the 200,000 of a tourism official.
    assert tourism(2018)[["low_usd_million", "high_usd_million"]].tolist() == pytest.approx([60, 360])
    assert tourism(2019)["low_usd_million"] == pytest.approx(105)
    assert tourism(2016)[["low_usd_million", "high_usd_million"]].tolist() == [30, 40]


def test_published_figures_are_yearly_and_leave_out_goods():
    table = foreign_currency.published_figures()
    assert "goods" not in set(table["channel"])
    assert (table["low_usd_million"] <= table["high_usd_million"]).all()
    coal = table[(table["channel"] == "coal smuggling") & table["summed"]]
    assert sorted(coal["high_usd_million"]) == pytest.approx([510 / 5, 2150 / 7])
    assert (table.loc[~table["summed"], "first"] == table.loc[~table["summed"], "last"]).all()


def test_channels_without_dated_figures_earn_one_range_in_all_years():
    before, after = (foreign_currency.channel_ranges(year).set_index("channel") for year in (2016, 2018))
    for channel in ("workers abroad", "arms", "fishing rights", "remittances"):
        columns = ["low_usd_million", "high_usd_million"]
        assert before.loc[channel, columns].tolist() == after.loc[channel, columns].tolist()
