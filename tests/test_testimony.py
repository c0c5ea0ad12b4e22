"""What notebook 08 measures on the committed tables, and that altered tables would turn each verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import altered
from musan import absence, claims, parameters, testimony
from musan.errors import EvidenceError, MethodError
from musan.methods import informant
from musan.rules import Verdict

DEFAULT = parameters.Testimony()


def statement_verdict(**changed) -> Verdict:
    p = DEFAULT.model_copy(update=changed)
    said = testimony.statement(counted_by=p.counted_by, inferred_dates=p.inferred_dates)
    bounds = said.bounds(p.acquaintances, p.odds_ratio_low, p.odds_ratio_high)
    return claims.decide(testimony.CLAIM, "statement", testimony.measures(said, bounds)).verdict


def attribution_verdict(comparable="same_workplace") -> Verdict:
    return claims.decide(testimony.CLAIM, "attribution", testimony.change(comparable).measures()).verdict


def sign_and_leave(low, high, year, network, source, population="Musan mine workers"):
    """Return the cells of one more figure on who signs in and leaves."""
    return {
        "period_start": year,
        "period_end": year,
        "indicator": testimony.MEASURE,
        "population": population,
        "sample_n": "",
        "value_low": low,
        "value_high": high,
        "unit": "share_percent",
        "bound": "",
        "origin_network": network,
        "date_inferred": "no",
        "source_id": source,
    }


def rows_instead(tmp_path, monkeypatch, rows):
    """Put figures in the place of rows on later years, which nothing here rests on."""
    altered.tables({"attendance": lambda row: rows.get(row["attendance_id"])}, tmp_path, monkeypatch)


# The committed tables


def test_the_tables_hold_one_voice_and_two_shares():
    said = testimony.statement()
    assert said.rows["id"].tolist() == ["AL01"]
    assert (said.informants, said.low, said.high, said.workforce) == (1, 0.3, 0.4, 10_000)
    shares = absence.stated_shares().set_index("id")
    assert shares["under_test"].to_dict() == {"AL01": True, "AL06": False}
    assert shares.loc["AL06", ["low_pct", "high_pct"]].tolist() == [30, 100]  # "fewer than 70 percent report"


def test_a_page_in_both_tables_counts_once():
    assert absence.stated_shares()["source_id"].is_unique


def test_the_verdicts_on_the_committed_tables():
    assert statement_verdict() is Verdict.NOT_TESTABLE
    assert attribution_verdict() is Verdict.NOT_TESTABLE


def test_no_defensible_choice_adds_a_voice_or_a_date():
    found = testimony.specifications()
    choices = list(claims.claim(testimony.CLAIM).choices)
    assert len(found) == np.prod([len(options) for options in claims.claim(testimony.CLAIM).choices.values()])
    assert not found.duplicated(choices).any()
    assert set(found["statement"]) == set(found["attribution"]) == {Verdict.NOT_TESTABLE.value}


def test_the_ledgers_choices_are_parameters_with_the_default_first():
    for name, options in claims.claim(testimony.CLAIM).choices.items():
        assert options[0] == getattr(DEFAULT, name)
        for option in options:
            parameters.Testimony.checked({name: option})


def test_what_acquaintances_are_worth():
    one = testimony.interval_of_acquaintances(100, 0.1, 0.35)
    assert one.effective_n == pytest.approx(100 / (1 + 99 * 0.1))
    table = testimony.effective_samples([10, 100, 10_000], [0.1], 0.35)
    assert table["effective_n"].is_monotonic_increasing
    assert (table["effective_n"] < 1 / 0.1).all()
    assert testimony.interval_of_acquaintances(100, 0.0, 0.35).effective_n == 100


def test_shops_that_differ_make_workers_alike():
    # Two shops, 10 and 60 percent of 35 on average: variance between over variance of a worker.
    shops = np.array([0.1, 0.6])
    assert testimony.correlation_of_shops(0.35, 0.25) == pytest.approx(shops.var() / (0.35 * 0.65))
    with pytest.raises(MethodError, match="are no shares"):
        testimony.correlation_of_shops(0.2, 0.3)


def test_the_fraction_and_the_ratio_at_which_bounds_are_just_narrow_enough():
    share = (0.3, 0.4)
    needed = testimony.fraction_needed(share, 0.3)
    assert informant.worst_case(share, needed).width == pytest.approx(0.3)
    assert testimony.fraction_needed((0.2, 0.6), 0.3) > 1
    ratio = testimony.widest_ratio(share, 0.01, 0.3)
    assert informant.selection_bounds(share, 0.01, (1 / ratio, ratio)).width == pytest.approx(0.3)
    assert testimony.widest_ratio((0.2, 0.6), 0.01, 0.3) == 1
    assert testimony.widest_ratio(share, 1.0, 0.3) == np.inf


def test_bounds_widen_with_the_ratio_and_hold_what_was_stated():
    found = testimony.by_odds_ratio((0.3, 0.4), 0.01, [1, 1.5, 3])
    assert found["width"].is_monotonic_increasing
    assert (found["low"] <= 0.3).all()
    assert (found["high"] >= 0.4).all()
    wedge = testimony.worst_by_fraction((0.3, 0.4), [0, 0.5, 1])
    assert wedge.iloc[0].tolist() == [0, 0, 1]
    assert wedge.iloc[-1].tolist() == [1, 0.3, 0.4]


def test_more_informants_see_more_of_the_mine():
    said = testimony.statement()
    assert said.fraction_seen(100) == pytest.approx(0.01)
    three = testimony.Statement(said.rows, 3, said.low, said.high, said.workforce)
    assert three.fraction_seen(100) == pytest.approx(1 - 0.99**3)
    assert three.fraction_seen(20_000) == 1


def test_what_it_would_take():
    said = testimony.statement()
    found = testimony.verdicts_if(said, 100, [2, 3], [1, 1.5, 2]).set_index(["informants", "odds_ratio"])["verdict"]
    assert found[2, 1] == Verdict.NOT_TESTABLE.value
    assert found[3, 1] == Verdict.SUPPORTED.value
    assert found[3, 1.5] == Verdict.CAVEATS.value
    assert found[3, 2] == Verdict.NOT_TESTABLE.value


def test_base_rates_are_asked_of_two_cohorts_each():
    rates = testimony.base_rates()
    assert rates.groupby("question").size().tolist() == [2, 2, 2, 2]
    assert rates["share_pct"].between(0, 100).all()
    assert testimony.income_from_markets().successes == 26


def test_other_reports_leave_the_article_out():
    others = testimony.other_reports()
    assert not others["source_id"].str.startswith("asiapress-2018-08-exports-drop").any()
    assert {"AL48", "AL08", "AL10", "AL49"} <= set(others["attendance_id"])
    assert others.set_index("attendance_id").loc["AL06", "says"] == "officials attending work: at most 70 percent"


def test_an_unknown_baseline_leaves_any_change():
    found = testimony.change_if_baseline_were((0.3, 0.4), [0, 0.35, 1])
    assert found["high"].tolist() == pytest.approx([40, 5, -60])
    assert found["low"].tolist() == pytest.approx([30, -5, -70])


def test_an_unknown_reading_names_the_known_ones():
    with pytest.raises(MethodError, match="same_workplace"):
        absence.change_since(absence.stated_shares(), "same_workplaces")
    with pytest.raises(EvidenceError, match="AL99"):
        absence.figure("AL99")


def test_a_network_is_the_one_named_first():
    sources = pd.Series(["rfa-nd-exemption-fee-8-3", "dailynk-japan-2015-04-absence-fine", "npr-nd-paying-not-to-work"])
    assert absence.network_of(sources).tolist() == ["rfa", "dailynk", "NPR"]
    assert absence.name_of("dailynk") == "Daily NK"


# Altered tables


TWO_MORE_VOICES = {
    "AL42": sign_and_leave("30", "40", "2018", "rfa", "rfa-2021-05-ragwon-workers-leave"),
    "AL43": sign_and_leave("30", "40", "2018", "dailynk", "dailynk-japan-2021-05-ragwon-workers-leave"),
}


@pytest.mark.parametrize(
    ("odds", "verdict"),
    [((1.0, 1.0), Verdict.SUPPORTED), ((0.8, 1.25), Verdict.CAVEATS), ((0.5, 2.0), Verdict.NOT_TESTABLE)],
)
def test_two_more_voices_would_make_the_statement_testable(tmp_path, monkeypatch, odds, verdict):
    rows_instead(tmp_path, monkeypatch, TWO_MORE_VOICES)
    assert testimony.statement().informants == 3
    assert statement_verdict(odds_ratio_low=odds[0], odds_ratio_high=odds[1]) is verdict


def test_voices_that_all_say_ten_percent_would_contradict_it(tmp_path, monkeypatch):
    rows = {"AL01": {"value_low": "8", "value_high": "10"}}
    rows |= {row: {**cells, "value_low": "8", "value_high": "10"} for row, cells in TWO_MORE_VOICES.items()}
    rows_instead(tmp_path, monkeypatch, rows)
    assert statement_verdict() is Verdict.CONTRADICTED


def test_a_second_report_of_one_network_is_a_voice_only_if_pages_count(tmp_path, monkeypatch):
    rows = dict(TWO_MORE_VOICES)
    rows["AL42"] = {**rows["AL42"], "origin_network": "dailynk"}
    rows_instead(tmp_path, monkeypatch, rows)
    assert testimony.statement().informants == 2
    assert testimony.statement(counted_by="sources").informants == 3


def test_a_survey_counts_its_respondents(tmp_path, monkeypatch):
    rows_instead(tmp_path, monkeypatch, {"AL42": {**TWO_MORE_VOICES["AL42"], "sample_n": "40"}})
    assert testimony.statement().informants == 41


@pytest.mark.parametrize(
    ("low", "high", "network", "verdict"),
    [
        ("5", "10", "dailynk", Verdict.CAVEATS),  # a rise; no network gives both figures
        ("25", "50", "dailynk", Verdict.MIXED),
        ("60", "70", "dailynk", Verdict.CONTRADICTED),
    ],
)
def test_a_figure_from_2015_would_decide_whether_the_share_rose(tmp_path, monkeypatch, low, high, network, verdict):
    rows_instead(
        tmp_path,
        monkeypatch,
        {"AL42": sign_and_leave(low, high, "2015", network, "dailynk-japan-2015-04-absence-fine")},
    )
    assert attribution_verdict() is verdict


def test_two_networks_with_figures_on_both_sides_would_support_a_rise(tmp_path, monkeypatch):
    rows = {
        "AL42": sign_and_leave("5", "10", "2015", "asiapress", "asiapress-2016-03-party-congress-control"),
        "AL43": sign_and_leave("5", "10", "2015", "dailynk", "dailynk-japan-2015-04-absence-fine"),
        "AL45": sign_and_leave("30", "40", "2018", "dailynk", "dailynk-2019-02-musan-mine-workers-enter"),
    }
    rows_instead(tmp_path, monkeypatch, rows)
    assert attribution_verdict() is Verdict.SUPPORTED


def test_a_figure_from_another_mine_counts_under_a_wider_reading_only(tmp_path, monkeypatch):
    elsewhere = sign_and_leave("5", "10", "2015", "dailynk", "dailynk-japan-2015-04-absence-fine", "Hyesan miners")
    rows_instead(tmp_path, monkeypatch, {"AL42": elsewhere})
    assert attribution_verdict() is Verdict.NOT_TESTABLE
    assert attribution_verdict("same_measure") is Verdict.CAVEATS


def test_without_the_statement_there_is_nothing_to_test(tmp_path, monkeypatch):
    rows_instead(tmp_path, monkeypatch, {"AL01": {"population": "Hyesan miners"}})
    with pytest.raises(EvidenceError, match="no figure for register_then_leave_share"):
        testimony.statement()
