"""Samples on the capital, the army and the rich: what counts, what is never spliced, and what turns a verdict."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace

import pandas as pd
import pytest

import evidence_folder
from musan import capital_army_elites as top
from musan import claims, elite_figures, evidence, field_reports, parameters
from musan.capital_army_elites import ARMY, CAPITAL, ELITES, Choices
from musan.errors import EvidenceError

TABLES = ("field_reports", "elite_military", "literature_results", "sources")
DEFAULT = Choices()
ANYWHERE = replace(DEFAULT, elites="everywhere")
CAVEATS, MIXED, CONTRADICTED = "supported with caveats", "mixed", "contradicted"
NOT_TESTABLE = "not testable with open data"


@pytest.fixture(scope="module")
def pool():
    return top.pool()


@pytest.fixture
def altered(tmp_path, monkeypatch):
    """Return a function that changes rows of tables in a copy, and returns what samples are then drawn from."""

    def make(**changes):
        folder = evidence_folder.copy(*TABLES, into=tmp_path)
        shutil.copy(evidence_folder.DATA / "claims.yml", folder / "claims.yml")
        for table, change in changes.items():
            header, *rows = evidence_folder.cells(table)
            records = change([dict(zip(header, row, strict=True)) for row in rows])
            evidence_folder.write(folder, table, [header, *([row[name] for name in header] for row in records)])
            evidence_folder.record_hash(folder, table)
        monkeypatch.setenv("MUSAN_DATA", str(folder))
        return top.pool()

    return make


def put(where, **values):
    """Return a change that gives values to the rows of which ``where`` is true."""

    def change(records):
        assert any(where(row) for row in records)
        return [{**row, **values} if where(row) else row for row in records]

    return change


WORSE = {"direction": "worse", "direction_second": "worse"}
BETTER = {"direction": "better", "direction_second": "better"}
BY_SANCTIONS = {"attributed_to_sanctions": "yes", "attributed_second": "yes"}
BY_OTHER_CAUSES = {"attributed_to_sanctions": "no", "attributed_second": "no"}


def on_capital(row):
    return "C21" in row["city_ids"].split(";")


# What counts


def test_the_choices_are_the_notebooks_parameters():
    assert asdict(DEFAULT) == parameters.CapitalArmyElites().model_dump(exclude={"vintage"})


def test_the_sample_of_the_capital_is_what_a_plain_count_of_the_file_gives(pool):
    left_out = {"nyt-2019-04-state-economy-falters"}
    counted = [
        row
        for row in evidence_folder.records("field_reports")
        if on_capital(row)
        and row["state_media"] == "no"
        and row["exclude"] == "no"
        and row["source_id"] not in left_out
        and not row["source_id"].startswith("asiapress-2018-08-exports-drop")
        and "2017-07" <= (row["period_end"] + "-12")[:7] <= "2018-12"
    ]
    tally = top.lean(CAPITAL, DEFAULT, pool).tally
    assert tally.reports == len(counted) > 10
    assert tally.worse_first == sum(row["direction"] == "worse" for row in counted)
    assert tally.worse_second == sum(row["direction_second"] == "worse" for row in counted)


@pytest.mark.parametrize("claim", [CAPITAL, ARMY, ELITES])
def test_a_sample_holds_neither_the_article_nor_what_quotes_its_author(claim, pool):
    wide = replace(DEFAULT, first_month="2016-01", last_month="2021-12", last_month_elites="2021-12")
    ids = top.sample(claim, wide, pool)["source_id"]
    assert len(ids) > 5
    assert not ids.isin(evidence.NOT_INDEPENDENT).any()
    assert not ids.str.startswith(evidence.UNDER_TEST).any()


@pytest.mark.parametrize("claim", [CAPITAL, ARMY, ELITES])
def test_a_sample_ends_within_its_window(claim, pool):
    first, last = DEFAULT.window(claim)
    days = top.sample(claim, DEFAULT, pool)["last_day"]
    assert days.is_monotonic_increasing
    assert days.min() >= pd.Timestamp(first)
    assert days.max() <= pd.Period(last).end_time


def test_figures_count_only_where_the_ledgers_estimand_names_them(pool):
    kinds = {claim: set(top.sample(claim, DEFAULT, pool)["kind"]) for claim in top.SUBJECTS}
    assert kinds == {CAPITAL: {"report"}, ARMY: {"report"}, ELITES: {"report", "figure"}}
    everywhere = replace(DEFAULT, count_figures="all")
    assert "figure" in set(top.sample(CAPITAL, everywhere, pool)["kind"])
    assert set(top.sample(ELITES, replace(DEFAULT, count_figures="none"), pool)["kind"]) == {"report"}


def test_no_page_is_counted_as_a_report_and_as_a_figure(pool):
    items = top.sample(ELITES, replace(DEFAULT, count_figures="all"), pool)
    by_kind = items.groupby("kind")["source_id"].agg(set)
    assert not by_kind["report"] & by_kind["figure"]


def test_a_page_does_not_come_back_as_a_figure_when_its_report_is_left_out(pool):
    """The business owner's income: the report's date was worked out, the figure's was not."""
    printed = top.sample(ELITES, replace(DEFAULT, inferred_dates=False), pool)
    assert not (printed["source_id"] == "asiapress-2018-08-pyongyang-business-owner").any()


def test_a_page_told_by_a_report_outside_the_window_still_counts_as_a_figure(pool):
    """The flat on the outskirts: its report runs to 2019, the figure to 2018."""
    items = top.sample(ELITES, replace(DEFAULT, last_month_elites="2018-12"), pool)
    flat = items[items["source_id"] == "asiapress-2020-01-pyongyang-interview-p3"]
    assert flat["kind"].tolist() == ["figure"]


def test_levels_to_compare_with_are_in_no_tally(pool):
    figures = top.sample(CAPITAL, replace(DEFAULT, count_figures="all", last_month="2019-12"), pool)
    assert figures["direction"].isin(["worse", "mixed", "unchanged", "better"]).all()


@pytest.mark.parametrize(
    ("choice", "gone"),
    [
        ({"same_outlet": False}, lambda items: items["origin_network"] == "asiapress"),
        ({"inferred_dates": False}, lambda items: items["date_inferred"]),
        ({"doubtful_coding": False}, lambda items: items["doubtful"]),
        ({"elites": "capital"}, lambda items: ~items["capital"]),
        ({"elites": "earnings_only"}, lambda items: items["indicator"] == "market_activity"),
    ],
)
def test_a_choice_leaves_out_what_it_says_and_nothing_else(choice, gone, pool):
    whole, part = top.sample(ELITES, ANYWHERE, pool), top.sample(ELITES, replace(ANYWHERE, **choice), pool)
    assert 0 < len(part) < len(whole)
    assert not gone(part).any()
    assert sorted(part["words"]) == sorted(whole.loc[~gone(whole), "words"])


def test_trading_firms_and_the_whole_army_are_wider_samples(pool):
    for claim, wider in ((ELITES, {"elites": "with_trading_firms"}), (ARMY, {"army": "whole_sector"})):
        narrow, wide = (set(top.sample(claim, c, pool)["words"]) for c in (DEFAULT, replace(DEFAULT, **wider)))
        assert narrow < wide


def test_the_second_coder_may_put_a_report_elsewhere(pool):
    drawn = replace(DEFAULT, count_figures="none")
    first, second, either = (
        set(top.sample(ELITES, replace(drawn, sectors_by=by), pool)["words"]) for by in ("first", "second", "either")
    )
    assert first != second
    assert either == first | second


# Figures


def test_no_pair_joins_two_pages_two_places_or_two_units(pool):
    figures = elite_figures.table()
    for pair in pool.pairs.itertuples():
        same = figures[
            (figures["source_id"] == pair.source_id)
            & (figures["unit"] == pair.unit)
            & (figures["place"] == pair.place)
            & (figures["indicator"] == pair.indicator)
        ]
        assert {pair.before, pair.after} <= set(elite_figures.amount(same))
        assert pair.before_day < elite_figures.SANCTIONED_SINCE <= pair.last_day


def test_luxury_lists_are_never_compared(pool):
    assert (elite_figures.table()["indicator"] == "luxury_imports_china").sum() > 5
    assert not (pool.pairs["indicator"] == "luxury_imports_china").any()


def test_two_pages_compare_flats_and_they_move_in_opposite_directions(pool):
    change = top.lean(ELITES, DEFAULT, pool).baseline.set_index("origin_network")["change_pct"]
    assert change["dailynk"] == pytest.approx(100 * (250_000 / 105_000 - 1))
    assert change["asiapress"] == pytest.approx(100 * (41_000 / 83_000 - 1))


def test_the_baseline_must_end_within_the_window(pool):
    early = top.lean(ELITES, replace(DEFAULT, last_month_elites="2018-12"), pool).baseline
    assert early["origin_network"].tolist() == ["dailynk"]


def test_flats_are_joined_within_one_page_place_and_size_only():
    flats = elite_figures.flats(elite_figures.table())
    for _, part in flats.groupby(["series", "source_id"]):
        assert part[["place", "size_m2"]].drop_duplicates().shape[0] == 1
    assert (flats["low"] <= flats["price"]).all()
    assert (flats["price"] <= flats["high"]).all()
    assert flats["price"].max() / flats["price"].min() > 3


def test_bearing_counts_every_judged_row_once():
    figures = elite_figures.table()
    counts = elite_figures.bearing_by_subject(figures, "1900-01-01")
    judged = figures[figures["bearing_on_claim"] != "baseline"]
    assert counts.to_numpy().sum() == judged["last_day"].notna().sum() > 40


def test_one_network_counts_once_for_one_thing_at_one_time():
    """Asia Economy prints in dollars the survey that ASIAPRESS prints in won."""
    figures = elite_figures.table()
    survey = figures[(figures["place"] == "Pyongyang Chung-guyok") & (figures["last_day"].dt.year == 2016)]
    assert survey["publisher"].tolist() == ["Asia Economy (ASIAPRESS)"]
    assert survey["origin_network"].tolist() == ["asiapress"]


def test_an_indicator_without_a_subject_is_refused(altered):
    with pytest.raises(EvidenceError, match="'yachts' has no subject"):
        altered(elite_military=put(lambda row: row["indicator"] == "elite_size", indicator="yachts"))


# Tallies


@pytest.mark.parametrize("claim", [CAPITAL, ARMY, ELITES])
def test_groups_are_the_tally_in_other_words(claim, pool):
    leaning = top.lean(claim, DEFAULT, pool)
    counts = top.groups(leaning.items)
    assert counts["as the claim says"].tolist() == [leaning.tally.worse_first, leaning.tally.worse_second]
    assert counts.sum(axis=1).tolist() == [len(leaning.items)] * 2


def test_half_years_hold_each_report_once(pool):
    halves = top.by_half_year(CAPITAL, DEFAULT, pool)
    wide = top.sample(CAPITAL, replace(DEFAULT, first_month="2016-01", last_month="2019-12"), pool)
    groups = list(dict.fromkeys(top.GROUPS.values()))
    assert halves[["year", "half"]].drop_duplicates().shape[0] == 8
    assert halves.groupby("coding")[groups].sum().sum(axis=1).tolist() == [len(wide)] * 2


def test_opposite_reports_have_two_sides_and_two_networks(pool):
    found = top.opposite_reports(top.lean(CAPITAL, DEFAULT, pool).items)
    assert len(found) > 1
    for _, part in found.groupby([found["last_day"].dt.to_period("Q"), "indicator"]):
        assert part["says"].nunique() == 2
        assert len(set(part["origin_network"])) > 1


def test_the_whole_sample_stands_beside_those_without_a_network(pool):
    table = top.without_each_network(DEFAULT, pool)
    for claim, subject in top.SUBJECTS.items():
        part = table[table["subject"] == subject].set_index("without")["n"]
        assert part[""] == len(top.sample(claim, DEFAULT, pool))
        assert (part.drop("") < part[""]).all()


def test_the_placebo_window_ends_before_the_claims_window(pool):
    table = top.before_and_since(DEFAULT, pool)
    assert len(table) == 2 * len(top.SUBJECTS)
    assert top.BEFORE[1] < DEFAULT.first_month
    empty = top.before_and_since(replace(DEFAULT, same_outlet=False, inferred_dates=False), pool)
    assert empty.loc[empty["n"] == 0, "worse_first_pct"].isna().all()


@pytest.mark.parametrize("claim", [CAPITAL, ARMY, ELITES])
def test_a_specification_says_what_its_sample_says(claim, pool):
    table = top.specifications(claim, DEFAULT, pool)
    grid = claims.claim(claim).choices
    assert len(table) == pd.Series([len(values) for values in grid.values()]).prod()
    for row in table.iloc[:: len(table) // 16].to_dict("records"):
        leaning = top.lean(claim, replace(DEFAULT, **{name: row[name] for name in grid}), pool)
        assert (row["n"], row["statement"], row["attribution"]) == (
            leaning.tally.reports,
            leaning.verdict("statement"),
            leaning.verdict("attribution"),
        )


@pytest.mark.parametrize("claim", [CAPITAL, ARMY, ELITES])
def test_the_default_is_one_of_the_specifications(claim, pool):
    table = top.specifications(claim, DEFAULT, pool)
    for name in claims.claim(claim).choices:
        table = table[table[name] == getattr(DEFAULT, name)]
    assert table["statement"].tolist() == [top.lean(claim, DEFAULT, pool).verdict("statement")]


def test_hunger_in_the_army_is_told_of_long_before_the_sanctions(pool):
    found = top.hunger_in_the_army(pool)
    assert found["first_day"].min() < pd.Timestamp("1990-01-01")
    assert found["first_day"].is_monotonic_increasing
    assert found["last_day"].notna().all()
    assert set(found["names_sanctions"]) <= {"yes", "one coder", "no", "not coded"}
    assert set(found.loc[found["kind"] == "figure", "names_sanctions"]) == {"not coded"}
    assert found["source_id"].str.startswith("asiapress").any()


# Studies


def test_every_study_that_speaks_of_the_capital_has_been_read():
    found = top.studies_of_the_capital()
    assert set(found["source_id"]) == set(top.STUDIES)
    assert set(found["capital"]) == {"shielded", "hit", "not on sanctions"}


def test_a_study_that_is_added_is_not_judged(altered):
    altered(
        literature_results=put(
            lambda row: row["source_id"] == "38north-2018-03-maximum-pressure-economy-do", outcome="rice in Pyongyang"
        )
    )
    found = top.studies_of_the_capital().set_index("source_id")
    assert found.loc["38north-2018-03-maximum-pressure-economy-do", "capital"] == "not judged"


# What turns a verdict: the tables, and nothing else


def test_the_statement_on_the_capital_turns_with_the_reports(altered):
    assert top.lean(CAPITAL, DEFAULT, altered()).verdict("statement") == MIXED
    for values, verdict in ((WORSE, CAVEATS), (BETTER, CONTRADICTED)):
        assert (
            top.lean(CAPITAL, DEFAULT, altered(field_reports=put(on_capital, **values))).verdict("statement") == verdict
        )


def test_the_cause_in_the_capital_turns_with_what_reports_name_and_with_the_baseline(altered):
    def verdict(pool):
        return top.lean(CAPITAL, DEFAULT, pool).verdict("attribution")

    assert verdict(altered()) == NOT_TESTABLE
    named = put(on_capital, **WORSE, **BY_SANCTIONS)
    assert verdict(altered(field_reports=named)) == CAVEATS
    assert verdict(altered(field_reports=put(on_capital, **WORSE, **BY_OTHER_CAUSES))) == CONTRADICTED

    def without_2016(records):
        return [row for row in records if row["period_start"] != "2016"]

    assert verdict(altered(field_reports=named, elite_military=without_2016)) == NOT_TESTABLE


def moved_to_the_army(**values):
    """Return a change that makes reports on mines of the window reports on supply of the army."""
    return put(
        lambda row: row["sector"].endswith("_mining") and "2017-07" <= row["period_end"] <= "2018-12",
        sector="military",
        sector_second="military",
        indicator="military_supply",
        indicator_second="military_supply",
        **values,
    )


def test_the_statement_on_the_army_turns_with_more_reports(altered):
    assert top.lean(ARMY, DEFAULT, altered()).verdict("statement") == NOT_TESTABLE
    for values, verdict in ((WORSE, CAVEATS), (BETTER, CONTRADICTED)):
        leaning = top.lean(ARMY, DEFAULT, altered(field_reports=moved_to_the_army(**values)))
        assert leaning.tally.reports >= 10
        assert leaning.verdict("statement") == verdict


def test_the_cause_in_the_army_turns_with_a_ration_from_before(altered):
    named = moved_to_the_army(**WORSE, **BY_SANCTIONS)
    assert top.lean(ARMY, DEFAULT, altered(field_reports=named)).verdict("attribution") == NOT_TESTABLE

    def with_rations(records):
        [ration] = [row for row in records if row["indicator"] == "army_daily_ration"]
        two = [{**ration, "period_start": year, "period_end": year, "basis": "reported"} for year in ("2015", "2018")]
        return sorted([*records, *two], key=lambda row: row["period_start"])

    pool = altered(field_reports=named, elite_military=with_rations)
    assert top.lean(ARMY, DEFAULT, pool).verdict("attribution") == CAVEATS


def test_the_statement_on_the_rich_of_pyongyang_turns_with_the_reports(altered):
    def rich_of_the_capital(row):
        return row["sector"] == "elite" and "Pyongyang" in row["place"]

    assert top.lean(ELITES, DEFAULT, altered()).verdict("statement") == MIXED
    worse = altered(field_reports=put(rich_of_the_capital, **WORSE))
    assert top.lean(ELITES, DEFAULT, worse).verdict("statement") == CAVEATS
    better = altered(field_reports=put(rich_of_the_capital, **BETTER))
    assert top.lean(ELITES, DEFAULT, better).verdict("statement") == CONTRADICTED


def test_the_statement_on_the_rich_turns_with_one_code(altered):
    whole = top.lean(ELITES, ANYWHERE, altered())
    assert (whole.verdict("statement"), whole.to_spare) == (CAVEATS, 0)
    one = put(lambda row: row["report_id"] == "FR221", direction_second="unchanged")
    assert top.lean(ELITES, ANYWHERE, altered(field_reports=one)).verdict("statement") == MIXED


def test_the_statement_on_the_rich_turns_with_the_figures(altered):
    fallen = put(
        lambda row: row["indicator"].startswith("apartment_price") and row["bearing_on_claim"] == "supports_pressure",
        bearing_on_claim="contradicts_pressure",
    )
    assert top.lean(ELITES, ANYWHERE, altered(elite_military=fallen)).verdict("statement") == MIXED


def test_the_cause_among_the_rich_turns_with_one_more_report_and_the_second_coder(altered):
    def rich(row):
        return row["sector"] == "elite" or row["indicator"] == "elite_income"

    named = put(rich, **WORSE, **BY_SANCTIONS)
    assert top.lean(ELITES, ANYWHERE, altered()).verdict("attribution") == NOT_TESTABLE
    assert top.lean(ELITES, ANYWHERE, altered(field_reports=named)).verdict("attribution") == CAVEATS

    def no_flats_before(records):
        return [row for row in records if row["indicator"] != "apartment_price" or row["period_start"] >= "2017"]

    pool = altered(field_reports=named, elite_military=no_flats_before)
    assert top.lean(ELITES, ANYWHERE, pool).verdict("attribution") == NOT_TESTABLE


def test_an_empty_sample_has_no_estimate(pool):
    nothing = top.Lean(
        ARMY,
        pool.items[:0],
        field_reports.tally(pool.items[:0]),
        {"reports": 0} | dict.fromkeys(("named_first", "named_second"), 0.0),
        pool.pairs[:0],
    )
    for aspect in claims.ASPECTS:
        assert nothing.facts(aspect)["n"] == 0
        assert "estimate" not in nothing.facts(aspect)
        assert nothing.verdict(aspect) == NOT_TESTABLE
