"""Exposure of towns, samples of reports, and what altered tables would turn."""

from __future__ import annotations

from dataclasses import asdict, replace

import pandas as pd
import pytest

import altered
import evidence_folder
from musan import claims, evidence, field_reports, outline, parameters
from musan import export_cities as towns
from musan.export_cities import ELSEWHERE, HARDEST, MILLS, Choices

DEFAULT = Choices()
NOT_TESTABLE, MIXED = "not testable with open data", "mixed"
SUPPORTED, CAVEATS, CONTRADICTED = "supported", "supported with caveats", "contradicted"
IN_WINDOW = ("2017-07", "2018-12")
# A town for each report of the window, in turn: four that export coal or seafood, and more that are made not to.
EXPORTERS = ("C01", "C05", "C06", "C08", "C16", "C27", "C31", "C39")
OTHERS = ("C02", "C09", "C10", "C11", "C12", "C15", "C17", "C18", "C19", "C22")


@pytest.fixture(scope="module")
def pool():
    return towns.pool()


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Return a function that changes tables in a copy, and returns what samples are then drawn from."""

    def make(**changes):
        altered.tables(changes, tmp_path, monkeypatch)
        return towns.pool()

    return make


def counts(row):
    return (
        row["exclude"] == "no"
        and row["state_media"] == "no"
        and not row["source_id"].startswith("asiapress-2018-08-exports-drop")
        and IN_WINDOW[0] <= row["period_end"][:7] <= IN_WINDOW[1]
        and len(row["period_end"]) > 4
    )


def spread_over_towns(severity_of_exporters, severity_of_others):
    """Return a change that gives the reports of the window, in turn, to towns with and without exports."""
    seen = {"n": 0}

    def change(row):
        if not counts(row):
            return None
        n = seen["n"] = seen["n"] + 1
        group = (EXPORTERS, OTHERS)[n % 2]
        direction = (severity_of_exporters, severity_of_others)[n % 2]
        city = group[n // 2 % len(group)]
        # One report in seven says otherwise, so that reports of a town differ.
        said = "mixed" if n % 7 == 0 else direction
        return {"city_ids": city, "direction": said, "direction_second": said}

    return change


def no_other_exports(row):
    flags = [name for name in row if name.startswith("exports_")]
    return {**dict.fromkeys(flags, "no"), "export_products": "timber"} if row["city_id"] in OTHERS else None


# What is measured


def test_the_choices_are_the_notebooks_parameters():
    model = parameters.ExportCities().model_dump(exclude={"vintage"})
    assert asdict(DEFAULT) == {name: value for name, value in model.items() if name not in ("permutations", "seed")}


def test_the_loss_by_good_is_the_tables_own(pool):
    rows = evidence_folder.records("imports_from_dprk_by_product_china")
    value = {(row["year"], row["hs_code"]): float(row["value_usd"]) for row in rows}
    textiles = [sum(value[year, code] for code in ("61", "62")) for year in ("2016", "2018")]
    assert pool.losses.loc["textiles", "lost_share"] == pytest.approx(1 - textiles[1] / textiles[0])
    assert pool.losses.loc["coal", "lost_usd_million"] == pytest.approx(value["2016", "2701"] / 1e6)
    assert 0 < pool.losses.loc["other_minerals", "lost_share"] < 1


def test_a_town_without_a_stated_product_has_no_exposure_unless_asked_for(pool):
    known, every = (towns.exposure(replace(DEFAULT, unknown_flags=f), pool) for f in ("left_out", "not_exposed"))
    assert "C09" not in known  # Kaechon digs coal, but no product is named
    assert every["C09"] == 0
    assert known.max() == every.max() == 1
    assert known["C02"] == 0
    assert 0 < known["C04"] < 1


def test_dollars_a_head_set_the_small_mining_town_above_the_capital(pool):
    by_head = towns.exposure(replace(DEFAULT, exposure_by="dollars_per_head"), pool)
    assert by_head[towns.MUSAN] > 5 * by_head[towns.PYONGYANG] > 0
    assert "C39" not in by_head  # no census figure


def test_the_samples_leave_out_the_article_and_overlap_nowhere(pool):
    wide = replace(DEFAULT, first_month="2016-01", last_month="2021-12", elsewhere="no_export_town")
    export, rest = (towns.sample(claim, wide, pool) for claim in (HARDEST, ELSEWHERE))
    assert not set(export["report_id"]) & set(rest["report_id"])
    for items in (export, rest):
        assert len(items) > 50
        assert not items["source_id"].isin(evidence.NOT_INDEPENDENT).any()
        assert not items["source_id"].str.startswith(evidence.UNDER_TEST).any()


def test_elsewhere_widens_from_towns_to_all_that_names_no_export_town(pool):
    narrow, middle, wide = (
        set(towns.sample(ELSEWHERE, replace(DEFAULT, elsewhere=reading), pool)["report_id"])
        for reading in ("towns", "towns_and_provinces", "no_export_town")
    )
    assert 0 < len(narrow) < len(middle) < len(wide)
    assert narrow < middle < wide


def test_groups_of_places_hold_every_report_once(pool):
    assert towns.groups(DEFAULT, pool)["reports"].sum() == len(towns.window(DEFAULT, pool))
    assert towns.by_sector(DEFAULT, pool)["reports"].sum() == len(towns.window(DEFAULT, pool))
    assert towns.networks(DEFAULT, pool)["reports"].sum() == len(towns.window(DEFAULT, pool))
    assert towns.timeline(DEFAULT, pool)["report_id"].nunique() == len(towns.window(DEFAULT, pool))


@pytest.mark.parametrize(
    ("worse", "effective"), [(["a"] * 10, 1.0), (["a", "b"] * 3, 2.0), (["a", "a", "a", "b"], 1.6), ([], 0.0)]
)
def test_effective_places(worse, effective):
    assert towns.effective_places(pd.Series(worse, dtype=object)) == pytest.approx(effective)


def test_too_few_towns_leave_no_slope_and_no_error(pool):
    alone = replace(DEFAULT, first_month="2018-10", last_month="2018-10")
    found = towns.gradient(alone, pool, permutations=199, seed=1)
    assert found.fit is None
    assert found.measures()["slope_low"] is None
    assert claims.decide(HARDEST, "statement", found.measures()).verdict.value == NOT_TESTABLE


def test_the_rank_of_every_town_is_covered(pool):
    found = towns.gradient(DEFAULT, pool, permutations=199, seed=1)
    ranks = towns.ranked(found, draws=500, seed=1).frame
    assert ranks["rank"].between(ranks["low"], ranks["high"]).all()
    assert (found.places.set_index("name").loc[ranks["place"], "reports"] >= 3).all()


def test_contrary_reports_to_drop_are_just_enough(pool):
    wide = towns.lean(ELSEWHERE, replace(DEFAULT, elsewhere="no_export_town"), pool)
    drop = towns.contrary_to_drop(wide)
    share = claims.claim(ELSEWHERE).criteria["statement"].thresholds["lean_share"]
    worse, other = wide.tally.worse_second, wide.tally.other_second
    assert worse / (worse + other - drop) >= share > worse / (worse + other - drop + 1)


def test_every_study_of_lights_is_read_and_they_disagree():
    lights = towns.studies_of_lights()
    assert not lights["reading"].eq("not judged").any()
    assert {towns.AS_CLAIMED, towns.REVERSE} <= set(lights["reading"])
    assert lights["result"].ne("").all()


def test_specifications_hold_the_headline_of_each_claim(pool):
    for claim in (ELSEWHERE, MILLS):
        grid = towns.specifications(claim, DEFAULT, pool, seed=1)
        own = grid[
            [
                all(row[name] == asdict(DEFAULT)[name] for name in claims.claim(claim).choices)
                for _, row in grid.iterrows()
            ]
        ]
        assert len(own) == 1
        assert own.iloc[0]["statement"] == towns.lean(claim, DEFAULT, pool).verdict("statement")
        assert own.iloc[0]["attribution"] == towns.lean(claim, DEFAULT, pool).verdict("attribution")


# The map


def test_nearly_all_towns_lie_within_the_outline():
    places = towns.towns()
    inside = [outline.holds(x, y) for x, y in zip(places["longitude"], places["latitude"], strict=True)]
    assert sum(inside) >= 0.9 * len(places)
    assert outline.holds(126.5, 40.0)
    assert not outline.holds(127.0, 37.5)  # Seoul
    assert not outline.holds(124.4, 40.5)


# What the tables say, and what would turn it


def test_the_verdicts_on_the_committed_tables(pool):
    found = towns.gradient(DEFAULT, pool, permutations=999, seed=2018)
    assert claims.decide(HARDEST, "statement", found.measures()).verdict.value == NOT_TESTABLE
    assert found.effective_places < 8 < found.measures()["detectable"] * 8
    verdicts = {(c, a): towns.lean(c, DEFAULT, pool).verdict(a) for c in (ELSEWHERE, MILLS) for a in claims.ASPECTS}
    assert set(verdicts.values()) == {NOT_TESTABLE}
    assert towns.lean(HARDEST, DEFAULT, pool).verdict("attribution") == MIXED


@pytest.mark.parametrize(
    ("exporters", "others", "verdict"),
    [("worse", "better", SUPPORTED), ("better", "worse", CONTRADICTED)],
)
def test_reports_spread_over_many_towns_turn_the_verdict_on_export_cities(planted, exporters, others, verdict):
    pool = planted(field_reports=spread_over_towns(exporters, others), cities=no_other_exports)
    found = towns.gradient(DEFAULT, pool, permutations=999, seed=1)
    assert found.effective_places > 16
    assert claims.decide(HARDEST, "statement", found.measures()).verdict.value == verdict


@pytest.mark.parametrize(("cause", "verdict"), [("yes", CAVEATS), ("no", CONTRADICTED)])
def test_causes_under_both_codings_turn_the_attribution_for_export_cities(planted, cause, verdict):
    pool = planted(field_reports=lambda row: {"attributed_to_sanctions": cause, "attributed_second": cause})
    assert towns.lean(HARDEST, DEFAULT, pool).verdict("attribution") == verdict


def on_provinces(direction, cause="yes"):
    """Return a change that puts the reports of the window on households of inland provinces."""
    provinces = ("Ryanggang", "Chagang", "Kangwon", "South Hwanghae")
    seen = {"n": 0}

    def change(row):
        if not counts(row):
            return {"attributed_to_sanctions": cause, "attributed_second": cause}
        n = seen["n"] = seen["n"] + 1
        return {
            "city_ids": "",
            "province": provinces[n % 4],
            "sector": "households",
            "sector_second": "households",
            "indicator": "rations",
            "direction": direction,
            "direction_second": direction,
            "attributed_to_sanctions": cause,
            "attributed_second": cause,
        }

    return change


@pytest.mark.parametrize(("direction", "verdict"), [("worse", CAVEATS), ("better", CONTRADICTED)])
def test_reports_on_the_interior_turn_the_verdict_on_other_areas(planted, direction, verdict):
    pool = planted(field_reports=on_provinces(direction))
    assert towns.lean(ELSEWHERE, DEFAULT, pool).verdict("statement") == verdict


@pytest.mark.parametrize(("cause", "verdict"), [("yes", NOT_TESTABLE), ("no", CONTRADICTED)])
def test_causes_turn_the_attribution_for_other_areas_only_with_a_baseline_or_without_any_cause(planted, cause, verdict):
    found = towns.lean(ELSEWHERE, DEFAULT, planted(field_reports=on_provinces("worse", cause)))
    assert found.baseline.empty
    assert found.verdict("attribution") == verdict


def on_steel(direction, cause):
    def change(row):
        if not counts(row):
            return None
        return {
            "sector": "steel",
            "sector_second": "steel",
            "direction": direction,
            "direction_second": direction,
            "attributed_to_sanctions": cause,
            "attributed_second": cause,
        }

    return change


@pytest.mark.parametrize(
    ("direction", "cause", "statement", "attribution"),
    [
        ("worse", "yes", CAVEATS, CAVEATS),
        ("better", "yes", CONTRADICTED, NOT_TESTABLE),
        ("worse", "no", CAVEATS, CONTRADICTED),
    ],
)
def test_reports_on_mills_turn_the_verdicts_on_mills(planted, direction, cause, statement, attribution):
    found = towns.lean(MILLS, DEFAULT, planted(field_reports=on_steel(direction, cause)))
    assert (found.verdict("statement"), found.verdict("attribution")) == (statement, attribution)
    assert not found.baseline.empty  # RFA told of idle mills at Chongjin in 2016


def test_codes_count_as_frames_do(pool):
    codes = field_reports.Codes.of(pool.reports)
    rows = field_reports.between(pool.reports, "2017-07", "2018-12")
    sample = codes.within("2017-07", "2018-12")
    assert list(pool.reports.index[sample]) == list(rows.index)
    assert codes.statement(sample) == field_reports.tally(rows).measures()
    assert codes.attribution(sample) == field_reports.named_cause(rows)
