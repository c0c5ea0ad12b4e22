"""What notebook 09 measures on the committed tables, and that altered tables would turn each verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import altered
from musan import absence, claims, parameters
from musan import labour_control as control
from musan import workplace_incentives as incentives
from musan.errors import EvidenceError
from musan.methods import attendance
from musan.methods.workplace import OPTIONS, PARAMETERS
from musan.rules import Verdict

P = parameters.LabourControl()
DEFAULT = control.Choices.among(P.model_dump())
EITHER = replace(DEFAULT, practice="either")
LATER = "rfa-2021-05-ragwon-workers-leave"


def verdicts(claim, **changed):
    choices = replace(DEFAULT, **changed)
    return tuple(Verdict(control.verdict(claim, aspect, choices)) for aspect in claims.ASPECTS)


# The committed tables


def test_the_verdicts_on_the_committed_tables():
    assert verdicts(control.LEFT) == (Verdict.NOT_TESTABLE, Verdict.NOT_TESTABLE)
    assert verdicts(control.CONTROL) == (Verdict.NOT_TESTABLE, Verdict.NOT_TESTABLE)
    assert verdicts(control.CHECKED) == (Verdict.CAVEATS, Verdict.NO_CAUSAL_CLAIM)
    assert verdicts(control.CHECKED, practice="camps")[0] is Verdict.SUPPORTED


def test_the_article_is_no_evidence_for_itself():
    for claim in control.SUBJECTS:
        assert "AL01" not in set(control.change(claim, DEFAULT).after["id"])
        assert not control.reports_on(claim, DEFAULT)["report_id"].isin(["FR120", "FR123", "FR125"]).any()
    assert not control.descriptions(DEFAULT)["id"].isin(["LL19", "AL01"]).any()


def test_checks_and_camps_are_told_of_from_before_the_sanctions():
    found = control.descriptions(DEFAULT)
    camps = {"independent_before": 3, "independent_after": 1, "denying": 0}
    assert control.existence(found, "either") == control.existence(found[found["camps"]], "camps") == camps
    assert control.existence(found, "both") == {"independent_before": 1, "independent_after": 0, "denying": 0}
    assert set(found.loc[found["when"] == "before", "network"]) == {"good_friends", "dailynk", "asiapress"}
    assert found.loc[found["checks"], "id"].tolist() == ["AL48"]


def test_laws_that_state_a_duty_are_no_description_of_a_practice():
    wide = control.descriptions(replace(DEFAULT, practice="any_penalty"))
    assert not wide["id"].isin(["LL01", "LL02", "LL03", "LL09", "LL12"]).any()
    assert {"LL16", "LL18", "LL24", "AL16"} <= set(wide["id"])


def test_the_price_of_leave_counts_as_a_baseline_only_if_chosen():
    assert control.baseline(control.LEFT, DEFAULT).empty
    assert control.baseline(control.LEFT, replace(DEFAULT, baseline="fee"))["id"].tolist() == ["AL09", "AL10"]


def test_traders_in_china_are_left_out_unless_chosen():
    at_home = set(control.reports_on(control.LEFT, DEFAULT)["report_id"])
    everywhere = set(control.reports_on(control.LEFT, replace(DEFAULT, firms_abroad=True))["report_id"])
    assert everywhere - at_home == {"FR062", "FR071"}


def test_reports_lean_is_counted_before_and_since():
    found = control.before_and_since(DEFAULT)
    assert len(found) == 8
    assert (found["name_sanctions"] <= found["worse"]).all()


@pytest.mark.parametrize("claim", [control.LEFT, control.CONTROL, control.CHECKED])
def test_specifications_are_the_verdicts_of_their_choices(claim):
    found = control.specifications(claim, DEFAULT)
    grid = claims.claim(claim).choices
    assert len(found) == np.prod([len(options) for options in grid.values()])
    assert tuple(found.loc[0, list(claims.ASPECTS)]) == verdicts(claim)
    for place in np.linspace(0, len(found) - 1, 9).astype(int):
        row = found.iloc[place]
        chosen = {name: bool(row[name]) if isinstance(row[name], np.bool_) else row[name] for name in grid}
        assert tuple(row[list(claims.ASPECTS)]) == verdicts(claim, **chosen)


@pytest.mark.parametrize("claim", [control.LEFT, control.CONTROL, control.CHECKED])
def test_the_ledgers_choices_are_parameters_with_the_default_first(claim):
    for name, options in claims.claim(claim).choices.items():
        assert options[0] == getattr(P, name)
        for option in options:
            parameters.LabourControl.checked({name: option})


# Altered tables


def absent(low, high, year, network="dailynk", source=LATER, population="Kimchaek steel workers"):
    return {
        "period_start": year,
        "period_end": year,
        "indicator": "absent_share",
        "population": population,
        "sample_n": "",
        "value_low": low,
        "value_high": high,
        "unit": "share_percent",
        "bound": "",
        "origin_network": network,
        "date_inferred": "no",
        "source_id": source,
        "note": "",
    }


def sentenced(persons, year):
    """Return one more figure on sentences at the mine."""
    return {
        **absent(persons, persons, year, population="Musan mine workers"),
        "indicator": "miners_sentenced",
        "unit": "persons",
    }


def rows_instead(tmp_path, monkeypatch, rows, **others):
    """Put figures in the place of rows on later years, which nothing here rests on."""
    altered.tables({"attendance": lambda row: rows.get(row["attendance_id"]), **others}, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("before", "verdict"),
    [(("5", "10"), Verdict.CAVEATS), (("15", "35"), Verdict.MIXED), (("50", "60"), Verdict.CONTRADICTED)],
)
def test_absence_of_one_enterprise_at_two_dates_would_decide_whether_workers_left(
    tmp_path, monkeypatch, before, verdict
):
    rows_instead(tmp_path, monkeypatch, {"AL42": absent(*before, "2014"), "AL43": absent("20", "30", "2018")})
    assert verdicts(control.LEFT)[0] is verdict


def test_two_networks_with_both_dates_would_support_that_workers_left(tmp_path, monkeypatch):
    rows = {
        "AL42": absent("5", "10", "2014"),
        "AL43": absent("20", "30", "2018"),
        "AL44": absent("5", "10", "2014", "rfa"),
        "AL45": absent("20", "30", "2018", "rfa"),
    }
    rows_instead(tmp_path, monkeypatch, rows)
    assert verdicts(control.LEFT)[0] is Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("punished_after", "verdict"), [("50", Verdict.CAVEATS), ("3000", Verdict.MIXED), ("9000", Verdict.CONTRADICTED)]
)
def test_control_fails_only_if_absence_rises_more_than_punishment(tmp_path, monkeypatch, punished_after, verdict):
    rows = {
        "AL42": absent("5", "10", "2014", population="Musan mine workers"),
        "AL43": absent("25", "50", "2019", population="Musan mine workers"),
        "AL44": sentenced("20", "2014"),
        "AL45": sentenced(punished_after, "2019"),
    }
    rows_instead(tmp_path, monkeypatch, rows)
    assert verdicts(control.CONTROL)[0] is verdict


def test_absence_at_two_dates_without_punishment_leaves_control_untestable(tmp_path, monkeypatch):
    rows_instead(tmp_path, monkeypatch, {"AL42": absent("5", "10", "2014"), "AL43": absent("20", "30", "2018")})
    assert control.change(control.CONTROL, DEFAULT).dates == 1
    assert verdicts(control.CONTROL)[0] is Verdict.NOT_TESTABLE


def blamed(first, second, extra=0):
    """Let reports of the window name sanctions or not; move some later ones into it."""

    def change(row):
        moved = {"period_start": "2018-10", "period_end": "2018-10"} if row["report_id"] in later else {}
        if row["report_id"] in window or moved:
            return {**moved, "attributed_to_sanctions": first, "attributed_second": second}
        return None

    window = {"FR142", "FR143", "FR144", "FR130", "FR155"}
    later = set(["FR164", "FR168", "FR153", "FR154"][:extra])
    return change


@pytest.mark.parametrize(("claim", "extra"), [(control.LEFT, 2), (control.CONTROL, 4)])
@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("yes", "yes", Verdict.CAVEATS),
        ("yes", "no", Verdict.MIXED),
        ("no", "no", Verdict.CONTRADICTED),
    ],
)
def test_reports_that_name_a_cause_and_a_figure_from_before_would_decide_the_cause(
    tmp_path, monkeypatch, claim, extra, first, second, verdict
):
    reports = {"field_reports": blamed(first, second, extra)}
    rows_instead(tmp_path, monkeypatch, {"AL42": absent("5", "10", "2014")}, **reports)
    assert verdicts(claim)[1] is verdict


def test_without_a_figure_from_before_named_causes_decide_nothing(tmp_path, monkeypatch):
    altered.tables({"field_reports": blamed("yes", "yes", 2)}, tmp_path, monkeypatch)
    assert verdicts(control.LEFT)[1] is Verdict.NOT_TESTABLE


def without_descriptions(row):
    text = " ".join(row.values()).lower()
    if (row.get("attendance_id") or row["law_id"]) in ("AL01", "LL19") or not ("absen" in text or "attendance" in text):
        return None
    if "law_id" in row:
        return {"note": "", "rule": "Work", "penalty": ""}
    return {"note": "", "indicator": "wage", "population": "workers", "unit": ""}


def test_without_any_description_the_practice_is_not_testable(tmp_path, monkeypatch):
    altered.tables(dict.fromkeys(["attendance", "labour_law"], without_descriptions), tmp_path, monkeypatch)
    assert verdicts(control.CHECKED)[0] is Verdict.NOT_TESTABLE


def test_one_network_alone_would_support_it_with_caveats(tmp_path, monkeypatch):
    def keep_one(row):
        return None if row.get("attendance_id") == "AL44" else without_descriptions(row)

    altered.tables(dict.fromkeys(["attendance", "labour_law"], keep_one), tmp_path, monkeypatch)
    assert verdicts(control.CHECKED, practice="either")[0] is Verdict.CAVEATS
    assert verdicts(control.CHECKED)[0] is Verdict.NOT_TESTABLE  # nobody tells of checks


def test_two_more_networks_that_tell_of_checks_would_support_it(tmp_path, monkeypatch):
    sources = {"AL17": "npr-nd-paying-not-to-work", "AL41": "kbs-nd-working-hours"}
    told = {"note": "attendance sheets are checked", "indicator": "wage", "unit": ""}
    rows_instead(tmp_path, monkeypatch, {row: {**told, "source_id": source} for row, source in sources.items()})
    assert verdicts(control.CHECKED)[0] is Verdict.SUPPORTED


@pytest.mark.parametrize(("deniers", "verdict"), [(1, Verdict.MIXED), (4, Verdict.CONTRADICTED)])
def test_interviews_that_deny_it_would_turn_the_practice(tmp_path, monkeypatch, deniers, verdict):
    sources = [
        "npr-nd-paying-not-to-work",
        "kbs-nd-working-hours",
        "csis-nd-no-income-trap",
        "ohchr-2019-price-is-rights",
    ]
    rows = {
        row: {"note": "absence is not punished", "indicator": "wage", "unit": "", "source_id": source}
        for row, source in list(zip(["AL17", "AL41", "AL19", "AL39"], sources, strict=True))[:deniers]
    }
    rows_instead(tmp_path, monkeypatch, rows)
    assert verdicts(control.CHECKED, practice="either")[0] is verdict
    assert verdicts(control.CHECKED)[0] is Verdict.CONTRADICTED  # one voice for checks, one or more against


def test_a_report_that_punishment_eased_counts_as_a_denial(tmp_path, monkeypatch):
    def eased(row):
        return {"direction": "better", "direction_second": "better"} if row["report_id"] == "FR236" else None

    altered.tables({"field_reports": eased}, tmp_path, monkeypatch)
    assert control.existence(control.descriptions(EITHER), "either")["denying"] == 1
    assert verdicts(control.CHECKED, practice="either")[0] is Verdict.MIXED


# The model's numbers


def test_every_number_of_the_model_has_its_rows_or_says_that_it_has_none():
    numbers = incentives.calibration()
    assert set(numbers) == set(PARAMETERS) == set(incentives.WORDS) == set(incentives.SHORT)
    for one in numbers.values():
        assert one.low <= one.central <= one.high
        assert bool(one.rows) == (one.basis != "assumed")
        assert one.range().low == one.low


def test_parameters_default_to_the_tables():
    numbers = incentives.calibration()
    assert P.wage_kpw_per_month == numbers["wage_kpw_per_month"].central == 300_000 - 200_000
    assert P.ration_kg_per_month == numbers["ration_kg_per_month"].central
    assert P.market_income_kpw_per_day == numbers["market_income_kpw_per_day"].central
    assert P.exemption_fee_kpw_per_month == numbers["exemption_fee_kpw_per_month"].central
    assert P.sentence_months == numbers["sentence_months"].central
    assert P.detection_at_muster == numbers["detection_at_muster_per_month"].central
    assert P.detection_in_day == numbers["detection_in_day_per_month"].central
    assert P.share_sentenced == numbers["share_sentenced_if_detected"].central


def test_conversions_are_those_of_the_tables():
    numbers = incentives.calibration()
    # 150 yuan at 1,215 won, the median of eight quarterly rates of 2016 and 2017; 50 of 10,000 miners.
    assert numbers["exemption_fee_kpw_per_month"].high == pytest.approx(150 * 1215)
    assert numbers["share_sentenced_if_detected"].low == pytest.approx(0.005)
    assert numbers["ration_kg_per_month"].high == pytest.approx(200_000 / numbers["rice_price_kpw_per_kg"].central)
    assert incentives.WORKING_DAYS == 26


def test_a_dearer_fee_in_the_table_moves_the_number(tmp_path, monkeypatch):
    rows_instead(tmp_path, monkeypatch, {"AL10": {"value_low": "160000", "value_high": "160000"}})
    assert incentives.calibration()["exemption_fee_kpw_per_month"].central == 160_000


def test_a_number_that_has_gone_is_named(tmp_path, monkeypatch):
    rows_instead(tmp_path, monkeypatch, {"AL11": {"note": "from a copy of the original"}})
    with pytest.raises(EvidenceError, match="AL11"):
        incentives.calibration()


def test_attendance_falls_when_pay_stops_in_every_draw():
    numbers = incentives.calibration()
    pairs = incentives.simulate(incentives.paid(numbers), numbers, draws=500, seed=1)
    assert (pairs.unpaid.frame["attend"] <= pairs.paid.frame["attend"] + 1e-12).all()
    for simulation in (pairs.paid, pairs.unpaid):
        assert simulation.frame[list(OPTIONS)].sum(axis=1).to_numpy() == pytest.approx(np.ones(500))
    shared = [name for name in pairs.unpaid.drawn if name in pairs.paid.drawn]
    pd.testing.assert_frame_equal(pairs.unpaid.frame[shared], pairs.paid.frame[shared])
    assert pairs.share_between(0.3, 0.4, least=2) is None
    assert 0 <= pairs.share_between(0.3, 0.4) <= 1


def test_a_draw_without_pay_is_the_model_at_those_numbers():
    numbers = incentives.calibration()
    place = incentives.paid(numbers)
    row = incentives.simulate(place, numbers, draws=200, seed=3).unpaid
    first = row.frame.iloc[0]
    again = attendance.shares(incentives.unpaid(place).change(**{name: float(first[name]) for name in row.drawn}))
    assert [again.share(option) for option in OPTIONS] == pytest.approx(first[list(OPTIONS)].tolist())


def test_scenarios_hold_what_their_labels_say():
    numbers = incentives.calibration()
    scenes = incentives.scenarios(incentives.paid(numbers), numbers)
    assert scenes["neither"].pay_kpw_per_month == 0
    assert scenes["ration only"].wage_kpw_per_month == 0
    assert scenes["ration only"].ration_kg_per_month > 0
    assert scenes[incentives.PLACEBO].pay_kpw_per_month == absence.figure("AL12")["value_high"]
    assert scenes["neither, no paid leave"].exemption_fee_kpw_per_month is None


def test_tables_for_readers_cover_the_model():
    numbers = incentives.calibration()
    place = incentives.paid(numbers)
    table = incentives.table(numbers, place)
    assert len(table) == len(PARAMETERS)
    rice = incentives.in_rice(numbers, place)
    assert (rice["low"] <= rice["kg"]).all()
    assert (rice["kg"] <= rice["high"]).all()
    curves = incentives.attend_by_detection({"paid": place, "unpaid": incentives.unpaid(place)}, points=5)
    assert curves.groupby("label").size().tolist() == [5, 5]
    quantiles = incentives.quantiles(incentives.simulate(place, numbers, draws=200, seed=1))
    assert len(quantiles) == 2 * len(OPTIONS)
    assert set(incentives.rows_behind(numbers)["source_id"]) >= {"dailynk-2019-01-musan-miners-sentenced"}
    assert [incentives.words_of(value) for value in (100_000.0, 37.7, 0.38462)] == ["100,000", "38", "0.38"]
