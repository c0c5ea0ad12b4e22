"""Every rule can come out every way it says, changes sides where its thresholds are, and refuses bad input."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from musan import claims, rules
from musan.errors import ClaimError
from musan.rules import RULES, SCALE, Verdict

SUPPORTED, CAVEATS, MIXED, CONTRADICTED, NOT_TESTABLE, NO_CAUSE = (
    Verdict.SUPPORTED, Verdict.CAVEATS, Verdict.MIXED, Verdict.CONTRADICTED, Verdict.NOT_TESTABLE,
    Verdict.NO_CAUSAL_CLAIM,
)  # fmt: skip

USES = [(name, aspect) for name, claim in claims.ledger().items() for aspect in claim.criteria]


def criterion(name, aspect):
    return claims.ledger()[name].criteria[aspect]


def thresholds_in_the_ledger(rule):
    """Return the different sets of thresholds that the ledger gives to a rule."""
    found = []
    for name, aspect in USES:
        used = criterion(name, aspect)
        if used.rule == rule and used.thresholds not in found:
            found.append(used.thresholds)
    return found


THRESHOLDS = {rule: thresholds_in_the_ledger(rule) for rule in RULES}


# What a notebook may measure, as strategies, and what an author of the ledger may set

percent, share, slope = st.floats(-150, 250), st.floats(0, 1), st.floats(-5, 5)
amount, count, months = st.floats(0, 10_000), st.integers(0, 100), st.integers(-60, 60)
points, positive = st.floats(0, 50), st.integers(1, 30)


def given_dict(required, optional=None):
    optional = {name: st.none() | strategy for name, strategy in (optional or {}).items()}
    return st.fixed_dictionaries(required | optional)


MEASURES = {
    "size_of_fall": given_dict({}, {"fall_pct": percent, "low_pct": percent, "high_pct": percent}),
    "income_fell": given_dict(
        {}, {"before_low": amount, "before_high": amount, "after_low": amount, "after_high": amount}
    ),
    "printed_amounts": given_dict(
        {"deviations_pct": st.dictionaries(st.sampled_from("abc"), st.lists(percent, max_size=5), max_size=3)}
    ),
    "rank": given_dict({"ranks": st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10))}),
    "stopped_since": given_dict(
        {"networks_reporting_more": count}, {"months_early": months, "share_after_pct": st.floats(0, 300)}
    ),
    "reports_lean": given_dict(
        {"worse_first": count, "worse_second": count, "other_first": count, "other_second": count, "networks": count}
    ),
    "gradient": given_dict(
        {"effective_places": st.floats(0, 60)}, {"slope_low": slope, "slope_high": slope, "detectable": slope}
    ),
    "affordable": given_dict({"networks": count}, {"price_change_pct": percent, "quantity_change_pct": percent}),
    "dated_by_networks": given_dict({"months_off": st.dictionaries(st.sampled_from("abcdef"), months)}),
    "share_from_testimony": given_dict({"informants": count}, {"bound_low": share, "bound_high": share}),
    "rise_since": given_dict(
        {"dates": count, "networks": count}, {"change": percent, "change_low": percent, "change_high": percent}
    ),
    "months_of_cover": given_dict({"failed_forecasts": count}, {"share_exhausted": share}),
    "rule_exists": given_dict({"independent_before": count, "independent_after": count, "denying": count}),
    "nothing_bears_on_it": given_dict({"rows": count}),
    "no_causal_claim": given_dict({}),
    "stopped_with_measure": given_dict({}, {"months_after_measure": months, "unbanned_change_pct": percent}),
    "fall_after_measure": given_dict(
        {}, {"share_before_pct": percent, "price_share_low_pct": percent, "price_share_high_pct": percent}
    ),
    "gap_to_counterfactual": given_dict(
        {"placebos": count}, {"effect_pct": percent, "effect_high_pct": percent, "placebo_rank": st.integers(1, 100)}
    ),
    "cause_named_by_reports": given_dict(
        {"named_first": share, "named_second": share, "baseline": st.booleans(), "reports": count}
    ),
}

PLAUSIBLE = {
    "size_of_fall": given_dict(
        {"claimed_pct": st.floats(5, 100), "tolerance_pp": points, "caveat_pp": points, "least_share": share}
    ),
    "income_fell": given_dict({"sharp_pct": points}),
    "printed_amounts": given_dict({"tolerance_pct": points, "caveat_pct": points, "agree_share": share}),
    "rank": given_dict({"claimed_rank": positive, "most_share": share}),
    "stopped_since": given_dict({"near_months": positive, "far_months": positive, "stopped_share_pct": points}),
    "reports_lean": given_dict(
        {"least_reports": positive, "least_networks": positive, "lean_share": st.floats(0.5, 1)}
    ),
    "gradient": given_dict({"least_places": st.floats(1, 30), "worth_seeing": st.floats(0.01, 3)}),
    "affordable": given_dict({"dear_pct": points, "scarce_pct": points}),
    "dated_by_networks": given_dict({"near_months": positive, "far_months": positive}),
    "share_from_testimony": given_dict(
        {"claimed_low": share, "claimed_high": share, "least_informants": positive, "widest": share}
    ),
    "rise_since": given_dict({}),
    "months_of_cover": given_dict({"under_pressure_share": share, "enduring_share": share}),
    "rule_exists": given_dict({"claimed_new": st.booleans(), "least_sources": positive}),
    "nothing_bears_on_it": given_dict({}),
    "no_causal_claim": given_dict({}),
    "stopped_with_measure": given_dict({"near_months": positive, "steady_pct": points}),
    "fall_after_measure": given_dict({"mostly_pct": st.floats(50, 100), "hardly_pct": points}),
    "gap_to_counterfactual": given_dict({"large_pct": points, "rank_share": share, "least_placebos": positive}),
    "cause_named_by_reports": given_dict({"least_reports": positive, "named_share": st.floats(0.5, 1)}),
}


def test_every_rule_is_tested_here():
    assert set(RULES) == set(MEASURES) == set(PLAUSIBLE)


@pytest.mark.parametrize("name", RULES)
def test_a_rules_first_line_can_be_shown(name):
    # Notebooks show it beside the claim.
    first = RULES[name].function.__doc__.split("\n\n")[0]
    assert first.strip().endswith(".")
    assert set(RULES[name].may_return) <= set(Verdict)


@pytest.mark.parametrize("name", RULES)
def test_any_measures_give_a_verdict_that_the_rule_may_return(name):
    rule = RULES[name]

    @settings(max_examples=60)
    @given(MEASURES[name], st.sampled_from(THRESHOLDS[name]) | PLAUSIBLE[name])
    def check(measures, thresholds):
        before = repr((measures, thresholds))
        ruling = rule(measures, thresholds)
        assert ruling.verdict in rule.may_return
        assert ruling.reasons
        assert all(isinstance(reason, str) and reason.strip() for reason in ruling.reasons)
        assert not any("nan" in reason.lower().split() for reason in ruling.reasons)
        assert ruling == rule(measures, thresholds)
        assert repr((measures, thresholds)) == before

    check()


# Every verdict, by example

# Rule -> thresholds, and for every verdict measures that give it.
EXAMPLES = {
    "size_of_fall": (
        {"claimed_pct": 90, "tolerance_pp": 5, "caveat_pp": 10, "least_share": 0.5},
        {
            SUPPORTED: {"fall_pct": 88.0, "low_pct": 87.0, "high_pct": 89.0},
            CAVEATS: {"fall_pct": 88.0, "low_pct": 75.0, "high_pct": 89.0},
            MIXED: {"fall_pct": 60.0, "low_pct": None, "high_pct": None},
            CONTRADICTED: {"fall_pct": -4.0, "low_pct": None, "high_pct": None},
            NOT_TESTABLE: {"fall_pct": None, "low_pct": None, "high_pct": None},
        },
    ),
    "income_fell": (
        {"sharp_pct": 30},
        {
            SUPPORTED: {"before_low": 3000, "before_high": 4000, "after_low": 500, "after_high": 900},
            CAVEATS: {"before_low": 1000, "before_high": 4000, "after_low": 500, "after_high": 900},
            MIXED: {"before_low": 1000, "before_high": 4000, "after_low": 900, "after_high": 4000},
            CONTRADICTED: {"before_low": 1000, "before_high": 2000, "after_low": 1000, "after_high": 2500},
            NOT_TESTABLE: {"before_low": None, "before_high": 2000, "after_low": 1000, "after_high": 2500},
        },
    ),
    "printed_amounts": (
        {"tolerance_pct": 2, "caveat_pct": 10, "agree_share": 0.67},
        {
            SUPPORTED: {"deviations_pct": {"2014": [0.2, -1.1, 1.4, 40.0], "2016": [0.3]}},
            CAVEATS: {"deviations_pct": {"2014": [0.2], "2016": [-6.0]}},
            MIXED: {"deviations_pct": {"2014": [0.2], "2016": [50.0]}},
            CONTRADICTED: {"deviations_pct": {"2014": [-30.0], "2016": [50.0]}},
            NOT_TESTABLE: {"deviations_pct": {"2014": [0.2], "2016": []}},
        },
    ),
    "rank": (
        {"claimed_rank": 2, "most_share": 0.67},
        {
            SUPPORTED: {"ranks": {"chapter": 2, "line": 2}},
            CAVEATS: {"ranks": {"2014": 2, "2015": 2, "2016": 2, "line": 7}},
            MIXED: {"ranks": {"chapter": 2, "line": 7}},
            CONTRADICTED: {"ranks": {"chapter": 3, "line": 7}},
            NOT_TESTABLE: {"ranks": {}},
        },
    ),
    "stopped_since": (
        {"near_months": 1, "far_months": 3, "stopped_share_pct": 1},
        {
            SUPPORTED: {"months_early": 0, "share_after_pct": 0.0, "networks_reporting_more": 0},
            CAVEATS: {"months_early": 3, "share_after_pct": 0.0, "networks_reporting_more": 1},
            MIXED: {"months_early": 0, "share_after_pct": 0.0, "networks_reporting_more": 2},
            CONTRADICTED: {"months_early": -8, "share_after_pct": 40.0, "networks_reporting_more": 0},
            NOT_TESTABLE: {"months_early": None, "share_after_pct": None, "networks_reporting_more": 3},
        },
    ),
    "reports_lean": (
        {"least_reports": 20, "least_networks": 3, "lean_share": 0.67},
        {
            CAVEATS: {"worse_first": 30, "worse_second": 28, "other_first": 5, "other_second": 7, "networks": 4},
            MIXED: {"worse_first": 30, "worse_second": 15, "other_first": 5, "other_second": 20, "networks": 4},
            CONTRADICTED: {"worse_first": 5, "worse_second": 3, "other_first": 30, "other_second": 32, "networks": 4},
            NOT_TESTABLE: {"worse_first": 19, "worse_second": 19, "other_first": 0, "other_second": 0, "networks": 4},
        },
    ),
    "gradient": (
        {"least_places": 8, "worth_seeing": 0.5},
        {
            SUPPORTED: {"slope_low": 0.1, "slope_high": 0.9, "effective_places": 20.0, "detectable": 0.3},
            CAVEATS: {"slope_low": 0.1, "slope_high": 0.9, "effective_places": 9.0, "detectable": 0.3},
            MIXED: {"slope_low": -0.1, "slope_high": 0.4, "effective_places": 20.0, "detectable": 0.3},
            CONTRADICTED: {"slope_low": -0.9, "slope_high": -0.1, "effective_places": 20.0, "detectable": 0.3},
            NOT_TESTABLE: {"slope_low": -2.0, "slope_high": 2.0, "effective_places": 20.0, "detectable": 2.9},
        },
    ),
    "affordable": (
        {"dear_pct": 50, "scarce_pct": 50},
        {
            SUPPORTED: {"price_change_pct": 80.0, "quantity_change_pct": -70.0, "networks": 2},
            CAVEATS: {"price_change_pct": 80.0, "quantity_change_pct": -70.0, "networks": 1},
            MIXED: {"price_change_pct": 5.0, "quantity_change_pct": -70.0, "networks": 2},
            CONTRADICTED: {"price_change_pct": 5.0, "quantity_change_pct": 10.0, "networks": 2},
            NOT_TESTABLE: {"price_change_pct": None, "quantity_change_pct": -70.0, "networks": 2},
        },
    ),
    "dated_by_networks": (
        {"near_months": 1, "far_months": 4},
        {
            SUPPORTED: {"months_off": {"dailynk": 1, "rfa": -1}},
            CAVEATS: {"months_off": {"dailynk": 1}},
            MIXED: {"months_off": {"dailynk": 4, "rfa": 0}},
            CONTRADICTED: {"months_off": {"dailynk": -12}},
            NOT_TESTABLE: {"months_off": {}},
        },
    ),
    "share_from_testimony": (
        {"claimed_low": 0.3, "claimed_high": 0.4, "least_informants": 3, "widest": 0.3},
        {
            SUPPORTED: {"informants": 5, "bound_low": 0.31, "bound_high": 0.39},
            CAVEATS: {"informants": 5, "bound_low": 0.25, "bound_high": 0.45},
            MIXED: {"informants": 5, "bound_low": 0.38, "bound_high": 0.6},
            CONTRADICTED: {"informants": 5, "bound_low": 0.5, "bound_high": 0.7},
            NOT_TESTABLE: {"informants": 1, "bound_low": 0.31, "bound_high": 0.39},
        },
    ),
    "rise_since": (
        {},
        {
            SUPPORTED: {"change": 5.0, "change_low": 1.0, "change_high": 9.0, "dates": 2, "networks": 2},
            CAVEATS: {"change": 5.0, "change_low": 1.0, "change_high": 9.0, "dates": 2, "networks": 1},
            MIXED: {"change": 5.0, "change_low": -1.0, "change_high": 11.0, "dates": 2, "networks": 2},
            CONTRADICTED: {"change": -5.0, "change_low": -9.0, "change_high": -1.0, "dates": 2, "networks": 2},
            NOT_TESTABLE: {"change": None, "change_low": None, "change_high": None, "dates": 1, "networks": 1},
        },
    ),
    "months_of_cover": (
        {"under_pressure_share": 0.67, "enduring_share": 0.33},
        {
            SUPPORTED: {"share_exhausted": 0.8, "failed_forecasts": 0},
            CAVEATS: {"share_exhausted": 0.8, "failed_forecasts": 3},
            MIXED: {"share_exhausted": 0.5, "failed_forecasts": 3},
            CONTRADICTED: {"share_exhausted": 0.1, "failed_forecasts": 3},
            NOT_TESTABLE: {"share_exhausted": None, "failed_forecasts": 3},
        },
    ),
    "rule_exists": (
        {"claimed_new": True, "least_sources": 3},
        {
            SUPPORTED: {"independent_before": 0, "independent_after": 3, "denying": 0},
            CAVEATS: {"independent_before": 0, "independent_after": 2, "denying": 0},
            MIXED: {"independent_before": 1, "independent_after": 2, "denying": 0},
            CONTRADICTED: {"independent_before": 4, "independent_after": 0, "denying": 0},
            NOT_TESTABLE: {"independent_before": 0, "independent_after": 0, "denying": 0},
        },
    ),
    "nothing_bears_on_it": ({}, {NOT_TESTABLE: {"rows": 0}, MIXED: {"rows": 2}}),
    "no_causal_claim": ({}, {NO_CAUSE: {}}),
    "stopped_with_measure": (
        {"near_months": 2, "steady_pct": 25},
        {
            SUPPORTED: {"months_after_measure": 1, "unbanned_change_pct": -5.0},
            CAVEATS: {"months_after_measure": 1, "unbanned_change_pct": None},
            MIXED: {"months_after_measure": 1, "unbanned_change_pct": -60.0},
            CONTRADICTED: {"months_after_measure": -1, "unbanned_change_pct": -5.0},
            NOT_TESTABLE: {"months_after_measure": None, "unbanned_change_pct": -5.0},
        },
    ),
    "fall_after_measure": (
        {"mostly_pct": 67, "hardly_pct": 33},
        {
            SUPPORTED: {"share_before_pct": 5.0, "price_share_low_pct": 10.0, "price_share_high_pct": 40.0},
            CAVEATS: {"share_before_pct": 5.0, "price_share_low_pct": 10.0, "price_share_high_pct": 70.0},
            MIXED: {"share_before_pct": 50.0, "price_share_low_pct": 10.0, "price_share_high_pct": 40.0},
            CONTRADICTED: {"share_before_pct": 90.0, "price_share_low_pct": 10.0, "price_share_high_pct": 40.0},
            NOT_TESTABLE: {"share_before_pct": None, "price_share_low_pct": 10.0, "price_share_high_pct": 40.0},
        },
    ),
    "gap_to_counterfactual": (
        {"large_pct": 50, "rank_share": 0.1, "least_placebos": 9},
        {
            SUPPORTED: {"effect_pct": -85.0, "effect_high_pct": -70.0, "placebo_rank": 1, "placebos": 12},
            CAVEATS: {"effect_pct": -85.0, "effect_high_pct": -70.0, "placebo_rank": 1, "placebos": 4},
            MIXED: {"effect_pct": -85.0, "effect_high_pct": -20.0, "placebo_rank": 1, "placebos": 12},
            CONTRADICTED: {"effect_pct": 3.0, "effect_high_pct": 20.0, "placebo_rank": 9, "placebos": 12},
            NOT_TESTABLE: {"effect_pct": None, "effect_high_pct": None, "placebo_rank": None, "placebos": 0},
        },
    ),
    "cause_named_by_reports": (
        {"least_reports": 20, "named_share": 0.67},
        {
            CAVEATS: {"named_first": 0.8, "named_second": 0.7, "baseline": True, "reports": 30},
            MIXED: {"named_first": 0.8, "named_second": 0.4, "baseline": True, "reports": 30},
            CONTRADICTED: {"named_first": 0.2, "named_second": 0.1, "baseline": True, "reports": 30},
            NOT_TESTABLE: {"named_first": 0.8, "named_second": 0.7, "baseline": False, "reports": 30},
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_a_rule_returns_every_verdict_that_it_may(name):
    thresholds, by_verdict = EXAMPLES[name]
    assert {verdict: RULES[name](by_verdict[verdict], thresholds).verdict for verdict in by_verdict} == {
        verdict: verdict for verdict in by_verdict
    }
    assert set(by_verdict) == set(RULES[name].may_return)


# A few values a measure, on all sides of every threshold that the ledger sets.
GRIDS = {
    "size_of_fall": {"fall_pct": [None, 10, 60, 82, 88], "low_pct": [None, 70], "high_pct": [None, 89]},
    "income_fell": {
        "before_low": [None, 1000], "before_high": [1000, 3000], "after_low": [100, 900], "after_high": [200, 2000],
    },
    "printed_amounts": {
        "deviations_pct": [{}, *({"a": [a], "b": [b]} for a, b in itertools.product([0.5, 8, 20, 60], repeat=2))],
    },
    "rank": {"ranks": [{}, *(dict(enumerate(places)) for places in itertools.product([1, 2], repeat=4))]},
    "stopped_since": {
        "months_early": [None, 0, 2, 9], "share_after_pct": [0, 50], "networks_reporting_more": [0, 1, 2],
    },
    "reports_lean": {
        "worse_first": [1, 15, 40], "worse_second": [1, 15, 40], "other_first": [1, 40], "other_second": [1, 40],
        "networks": [1, 4],
    },
    "gradient": {
        "slope_low": [None, -1, 0.2], "slope_high": [-0.2, 1], "effective_places": [3, 10, 40],
        "detectable": [None, 0.1, 3],
    },
    "affordable": {"price_change_pct": [None, 5, 90], "quantity_change_pct": [-90, 5], "networks": [0, 1, 2]},
    "dated_by_networks": {"months_off": [{}, {"a": 0}, {"a": 0, "b": 1}, {"a": 3}, {"a": 20}]},
    "share_from_testimony": {
        "informants": [1, 9], "bound_low": [None, 0.25, 0.32, 0.39, 0.6], "bound_high": [0.38, 0.45, 0.55, 0.7],
    },
    "rise_since": {
        "change": [None, 0], "change_low": [-9, 1], "change_high": [-1, 9], "dates": [1, 2], "networks": [1, 2],
    },
    "months_of_cover": {"share_exhausted": [None, 0.1, 0.5, 0.9], "failed_forecasts": [0, 2]},
    "rule_exists": {"independent_before": [0, 1, 9], "independent_after": [0, 1, 9], "denying": [0, 1, 9]},
    "nothing_bears_on_it": {"rows": [0, 1]},
    "no_causal_claim": {},
    "stopped_with_measure": {"months_after_measure": [None, -2, 1, 9], "unbanned_change_pct": [None, -60, 0]},
    "fall_after_measure": {
        "share_before_pct": [None, 5, 50, 90], "price_share_low_pct": [5, 90], "price_share_high_pct": [10, 95],
    },
    "gap_to_counterfactual": {
        "effect_pct": [None, -90, 5], "effect_high_pct": [-80, -5], "placebo_rank": [None, 1, 9],
        "placebos": [2, 20],
    },
    "cause_named_by_reports": {
        "named_first": [0.1, 0.5, 0.9], "named_second": [0.1, 0.5, 0.9], "baseline": [True, False], "reports": [1, 50],
    },
}  # fmt: skip


def reached(rule, thresholds):
    """Return for each verdict that the rule can give under these thresholds measures that give it."""
    found = {}
    for values in itertools.product(*GRIDS[rule].values()):
        measures = dict(zip(GRIDS[rule], values, strict=True))
        found.setdefault(RULES[rule](measures, thresholds).verdict, measures)
    return found


@pytest.mark.parametrize(("name", "aspect"), USES)
def test_the_ledger_sets_every_threshold_and_no_measure(name, aspect):
    used = criterion(name, aspect)
    assert set(used.thresholds) == set(RULES[used.rule].arguments) - set(GRIDS[used.rule])


@pytest.mark.parametrize(("name", "aspect"), USES)
def test_under_the_ledgers_thresholds_a_claim_can_come_out_every_way(name, aspect):
    used = criterion(name, aspect)
    found = reached(used.rule, used.thresholds)
    assert {verdict.value for verdict in found} == {verdict.value for verdict in RULES[used.rule].may_return}
    for verdict, measures in found.items():
        assert claims.decide(name, aspect, measures).verdict is verdict


# Thresholds at their edges


def reports(worse, of, networks=3):
    other = of - worse
    first, second = {"worse_first": worse, "other_first": other}, {"worse_second": worse, "other_second": other}
    return first | second | {"networks": networks}


def income(low, high, before=(100, 100)):
    return {"before_low": before[0], "before_high": before[1], "after_low": low, "after_high": high}


def rise(low, high, dates=2, networks=2):
    return {"change": (low + high) / 2, "change_low": low, "change_high": high, "dates": dates, "networks": networks}


def fall(pct, low=None, high=None):
    return {"fall_pct": pct, "low_pct": low, "high_pct": high}


def named(first, second, of=30, baseline=True):
    return {"named_first": first, "named_second": second, "reports": of, "baseline": baseline}


def gap(effect, high, rank=1, placebos=19):
    return {"effect_pct": effect, "effect_high_pct": high, "placebo_rank": rank, "placebos": placebos}


def steep(low, high, places=20.0, detectable=0.1):
    return {"slope_low": low, "slope_high": high, "effective_places": places, "detectable": detectable}


def voices(low, high, informants=5):
    return {"informants": informants, "bound_low": low, "bound_high": high}


def stopped(early, share=0.0, networks=0):
    return {"months_early": early, "share_after_pct": share, "networks_reporting_more": networks}


def fuel(price, quantity, networks=2):
    return {"price_change_pct": price, "quantity_change_pct": quantity, "networks": networks}


def before_measure(share, low=0.0, high=0.0):
    return {"share_before_pct": share, "price_share_low_pct": low, "price_share_high_pct": high}


def with_measure(months, unbanned=0.0):
    return {"months_after_measure": months, "unbanned_change_pct": unbanned}


def cover(share, failed=0):
    return {"share_exhausted": share, "failed_forecasts": failed}


def described(before, after, denying=0):
    return {"independent_before": before, "independent_after": after, "denying": denying}


SMALL = 1e-6
# rule, threshold, measures as a function of x, x at the edge, step, verdicts just below, at and just above.
# Thresholds are those of EXAMPLES.
EDGES = [
    ("size_of_fall", "tolerance_pp", fall, 85, SMALL, (CAVEATS, SUPPORTED, SUPPORTED)),
    ("size_of_fall", "tolerance_pp", fall, 95, SMALL, (SUPPORTED, SUPPORTED, CAVEATS)),
    ("size_of_fall", "caveat_pp", fall, 80, SMALL, (MIXED, CAVEATS, CAVEATS)),
    ("size_of_fall", "caveat_pp", fall, 100, SMALL, (CAVEATS, CAVEATS, MIXED)),
    ("size_of_fall", "caveat_pp", lambda x: fall(90, x, 91), 80, SMALL, (CAVEATS, SUPPORTED, SUPPORTED)),
    ("size_of_fall", "caveat_pp", lambda x: fall(90, 89, x), 100, SMALL, (SUPPORTED, SUPPORTED, CAVEATS)),
    ("size_of_fall", "least_share", fall, 45, SMALL, (CONTRADICTED, MIXED, MIXED)),
    ("size_of_fall", "claimed_pct", fall, 90, 5 + SMALL, (CAVEATS, SUPPORTED, CAVEATS)),
    ("income_fell", "sharp_pct", lambda x: income(60, x), 70, SMALL, (SUPPORTED, SUPPORTED, CAVEATS)),
    ("income_fell", "sharp_pct", lambda x: income(x, 100, (50, 150)), 40, SMALL, (CAVEATS, CAVEATS, MIXED)),
    ("income_fell", "", lambda x: income(x, 150, (50, 150)), 50, SMALL, (MIXED, CONTRADICTED, CONTRADICTED)),
    ("income_fell", "", lambda x: income(10, 20, (x, 100)), 0, 1, (CAVEATS, CAVEATS, CAVEATS)),
    ("income_fell", "", lambda x: income(0, 0, (0, x)), 0, 1, (NOT_TESTABLE, NOT_TESTABLE, CAVEATS)),
    ("printed_amounts", "tolerance_pct", lambda x: {"deviations_pct": {"a": [x]}}, 2, SMALL,
     (SUPPORTED, SUPPORTED, CAVEATS)),
    ("printed_amounts", "tolerance_pct", lambda x: {"deviations_pct": {"a": [x]}}, -2, SMALL,
     (CAVEATS, SUPPORTED, SUPPORTED)),
    ("printed_amounts", "caveat_pct", lambda x: {"deviations_pct": {"a": [x]}}, 10, SMALL,
     (CAVEATS, CAVEATS, CONTRADICTED)),
    ("printed_amounts", "agree_share", lambda n: {"deviations_pct": {"a": [0] * n + [50] * (100 - n)}}, 67, 1,
     (CONTRADICTED, SUPPORTED, SUPPORTED)),
    ("rank", "claimed_rank", lambda x: {"ranks": {"a": x}}, 2, 1, (CONTRADICTED, SUPPORTED, CONTRADICTED)),
    ("rank", "most_share", lambda n: {"ranks": {i: 2 if i < n else 3 for i in range(100)}}, 67, 1,
     (MIXED, CAVEATS, CAVEATS)),
    ("rank", "", lambda n: {"ranks": {i: 2 if i < n else 3 for i in range(100)}}, 99, 1,
     (CAVEATS, CAVEATS, SUPPORTED)),
    ("rank", "", lambda n: {"ranks": {i: 2 if i < n else 3 for i in range(9)}}, 0, 1,
     (CONTRADICTED, CONTRADICTED, MIXED)),
    ("stopped_since", "near_months", stopped, 1, 1, (SUPPORTED, SUPPORTED, CAVEATS)),
    ("stopped_since", "near_months", stopped, -1, 1, (CAVEATS, SUPPORTED, SUPPORTED)),
    ("stopped_since", "far_months", stopped, 3, 1, (CAVEATS, CAVEATS, MIXED)),
    ("stopped_since", "far_months", stopped, -3, 1, (MIXED, CAVEATS, CAVEATS)),
    ("stopped_since", "stopped_share_pct", lambda x: stopped(0, x), 1, SMALL, (SUPPORTED, SUPPORTED, CONTRADICTED)),
    ("stopped_since", "", lambda x: stopped(0, 0, x), 1, 1, (SUPPORTED, CAVEATS, MIXED)),
    ("reports_lean", "least_reports", lambda n: reports(n, n), 20, 1, (NOT_TESTABLE, CAVEATS, CAVEATS)),
    ("reports_lean", "least_networks", lambda n: reports(30, 30, n), 3, 1, (MIXED, CAVEATS, CAVEATS)),
    ("reports_lean", "lean_share", lambda n: reports(n, 100), 67, 1, (MIXED, CAVEATS, CAVEATS)),
    ("reports_lean", "lean_share", lambda n: reports(n, 100), 33, 1, (CONTRADICTED, MIXED, MIXED)),
    ("gradient", "least_places", lambda x: steep(0.1, 1, x), 8, SMALL, (NOT_TESTABLE, CAVEATS, CAVEATS)),
    ("gradient", "least_places", lambda x: steep(0.1, 1, x), 16, SMALL, (CAVEATS, SUPPORTED, SUPPORTED)),
    ("gradient", "worth_seeing", lambda x: steep(-1, 1, detectable=x), 0.5, SMALL, (MIXED, MIXED, NOT_TESTABLE)),
    ("gradient", "", lambda x: steep(x, 1), 0, SMALL, (MIXED, MIXED, SUPPORTED)),
    ("gradient", "", lambda x: steep(-1, x), 0, SMALL, (CONTRADICTED, MIXED, MIXED)),
    ("affordable", "dear_pct", lambda x: fuel(x, -80), 50, SMALL, (MIXED, SUPPORTED, SUPPORTED)),
    ("affordable", "scarce_pct", lambda x: fuel(80, x), -50, SMALL, (SUPPORTED, SUPPORTED, MIXED)),
    ("affordable", "", lambda n: fuel(80, -80, n), 1, 1, (NOT_TESTABLE, CAVEATS, SUPPORTED)),
    ("dated_by_networks", "near_months", lambda x: {"months_off": {"a": 0, "b": x}}, 1, 1,
     (SUPPORTED, SUPPORTED, MIXED)),
    ("dated_by_networks", "near_months", lambda x: {"months_off": {"a": 0, "b": x}}, -1, 1,
     (MIXED, SUPPORTED, SUPPORTED)),
    ("dated_by_networks", "far_months", lambda x: {"months_off": {"a": x, "b": 30}}, 4, 1,
     (MIXED, MIXED, CONTRADICTED)),
    ("share_from_testimony", "least_informants", lambda n: voices(0.32, 0.38, n), 3, 1,
     (NOT_TESTABLE, SUPPORTED, SUPPORTED)),
    ("share_from_testimony", "claimed_low", lambda x: voices(x, 0.38), 0.3, SMALL, (CAVEATS, SUPPORTED, SUPPORTED)),
    ("share_from_testimony", "claimed_high", lambda x: voices(0.32, x), 0.4, SMALL, (SUPPORTED, SUPPORTED, CAVEATS)),
    ("share_from_testimony", "claimed_low", lambda x: voices(0.1, x), 0.3, SMALL, (CONTRADICTED, MIXED, MIXED)),
    ("share_from_testimony", "claimed_high", lambda x: voices(x, 0.6), 0.4, SMALL, (MIXED, MIXED, CONTRADICTED)),
    ("share_from_testimony", "claimed_low", lambda x: voices(0.2, x), 0.4, SMALL, (MIXED, CAVEATS, CAVEATS)),
    ("share_from_testimony", "widest", lambda x: voices(0.2, x), 0.5, SMALL, (CAVEATS, CAVEATS, NOT_TESTABLE)),
    ("rise_since", "", lambda x: rise(x, 5), 0, SMALL, (MIXED, MIXED, SUPPORTED)),
    ("rise_since", "", lambda x: rise(-5, x), 0, SMALL, (CONTRADICTED, CONTRADICTED, MIXED)),
    ("rise_since", "", lambda n: rise(1, 5, dates=n), 2, 1, (NOT_TESTABLE, SUPPORTED, SUPPORTED)),
    ("rise_since", "", lambda n: rise(1, 5, networks=n), 2, 1, (CAVEATS, SUPPORTED, SUPPORTED)),
    ("months_of_cover", "under_pressure_share", cover, 0.67, SMALL, (MIXED, SUPPORTED, SUPPORTED)),
    ("months_of_cover", "enduring_share", cover, 0.33, SMALL, (CONTRADICTED, CONTRADICTED, MIXED)),
    ("months_of_cover", "", lambda n: cover(0.9, n), 0, 1, (CAVEATS, SUPPORTED, CAVEATS)),
    ("rule_exists", "least_sources", lambda n: described(0, n), 3, 1, (CAVEATS, SUPPORTED, SUPPORTED)),
    ("rule_exists", "claimed_new", lambda n: described(n, 3), 1, 1, (SUPPORTED, MIXED, MIXED)),
    ("nothing_bears_on_it", "", lambda n: {"rows": n}, 1, 1, (NOT_TESTABLE, MIXED, MIXED)),
    ("stopped_with_measure", "", with_measure, 0, 1, (CONTRADICTED, SUPPORTED, SUPPORTED)),
    ("stopped_with_measure", "near_months", with_measure, 2, 1, (SUPPORTED, SUPPORTED, MIXED)),
    ("stopped_with_measure", "steady_pct", lambda x: with_measure(1, x), -25, SMALL, (MIXED, MIXED, SUPPORTED)),
    ("fall_after_measure", "mostly_pct", before_measure, 67, SMALL, (MIXED, CONTRADICTED, CONTRADICTED)),
    ("fall_after_measure", "hardly_pct", before_measure, 33, SMALL, (SUPPORTED, MIXED, MIXED)),
    ("fall_after_measure", "mostly_pct", lambda x: before_measure(0, x, 90), 67, SMALL, (CAVEATS, MIXED, MIXED)),
    ("fall_after_measure", "mostly_pct", lambda x: before_measure(0, 0, x), 67, SMALL, (SUPPORTED, CAVEATS, CAVEATS)),
    ("gap_to_counterfactual", "", lambda x: gap(x, 5), 0, SMALL, (MIXED, CONTRADICTED, CONTRADICTED)),
    ("gap_to_counterfactual", "large_pct", lambda x: gap(-90, x), -50, SMALL, (SUPPORTED, SUPPORTED, MIXED)),
    ("gap_to_counterfactual", "least_placebos", lambda n: gap(-90, -80, 1, n), 9, 1, (CAVEATS, SUPPORTED, SUPPORTED)),
    ("gap_to_counterfactual", "rank_share", lambda n: gap(-90, -80, n, 19), 2, 1, (SUPPORTED, SUPPORTED, MIXED)),
    ("cause_named_by_reports", "least_reports", lambda n: named(0.9, 0.9, n), 20, 1,
     (NOT_TESTABLE, CAVEATS, CAVEATS)),
    ("cause_named_by_reports", "named_share", lambda x: named(0.9, x), 0.67, SMALL, (MIXED, CAVEATS, CAVEATS)),
    ("cause_named_by_reports", "named_share", lambda x: named(x, 0.1), 0.33, SMALL, (CONTRADICTED, MIXED, MIXED)),
    ("cause_named_by_reports", "named_share", lambda x: named(x, x, baseline=False), 0.33, SMALL,
     (CONTRADICTED, NOT_TESTABLE, NOT_TESTABLE)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "threshold", "measures", "edge", "step", "verdicts"),
    EDGES,
    ids=[f"{name}-{threshold or 'itself'}-{edge}" for name, threshold, _, edge, *_ in EDGES],
)
def test_a_threshold_divides_where_it_is_set(name, threshold, measures, edge, step, verdicts):
    thresholds, _ = EXAMPLES[name]
    found = tuple(RULES[name](measures(x), thresholds).verdict for x in (edge - step, edge, edge + step))
    assert found == verdicts


def test_every_threshold_of_the_ledger_has_an_edge_here():
    tested = {(name, threshold) for name, threshold, *_ in EDGES}
    in_ledger = {(rule, threshold) for rule, sets in THRESHOLDS.items() for used in sets for threshold in used}
    assert in_ledger <= tested


def test_bounds_as_wide_as_allowed_can_be_tested_whatever_the_last_bit():
    thresholds, _ = EXAMPLES["share_from_testimony"]
    for low in (0.1, 0.15, 0.2, 0.25, 0.3):
        assert RULES["share_from_testimony"](voices(low, round(low + 0.3, 2)), thresholds).verdict is not NOT_TESTABLE


def test_two_thirds_in_words_are_two_thirds_in_numbers():
    meant = [criterion(*use) for use in USES if criterion(*use).why.lower().startswith("two thirds")]
    shares = [used.thresholds.get("lean_share", used.thresholds.get("named_share")) for used in meant]
    assert len(shares) > 10
    assert all(share <= 2 / 3 for share in shares if share is not None)


# Worse measures never make a better verdict

# rule, what grows, the measures for x, largest x; the greater x, the worse for the claim.
WORSE = [
    ("size_of_fall", "gap below", lambda x, t: fall(t["claimed_pct"] - x), 120.0),
    ("size_of_fall", "gap above", lambda x, t: fall(t["claimed_pct"] + x), 120.0),
    ("size_of_fall", "interval", lambda x, t: fall(t["claimed_pct"], t["claimed_pct"] - x, t["claimed_pct"]), 90.0),
    ("income_fell", "income after, high", lambda x, t: income(0, x), 300.0),
    ("income_fell", "income after, low", lambda x, t: income(x, 300, (200, 300)), 300.0),
    ("income_fell", "less before", lambda x, t: income(50, 100, (200 - x, 200)), 200.0),
    ("printed_amounts", "deviation", lambda x, t: {"deviations_pct": {"a": [x], "b": [1]}}, 90.0),
    ("printed_amounts", "compilers off", lambda n, t: {"deviations_pct": {"a": [0] * 9 + [99] * n}}, 30),
    ("rank", "other readings", lambda n, t: {"ranks": {i: t["claimed_rank"] + (i > 9) for i in range(10 + n)}}, 30),
    ("stopped_since", "networks that see trade", lambda n, t: stopped(0, 0, n), 5),
    ("stopped_since", "trade after", lambda x, t: stopped(0, x), 100.0),
    ("stopped_since", "months early", lambda n, t: stopped(n), 24),
    ("stopped_since", "months late", lambda n, t: stopped(-n), 24),
    ("reports_lean", "contrary reports", lambda n, t: reports(40 - n, 40), 40),
    ("reports_lean", "contrary under one coding", lambda n, t: reports(40, 40) | {"other_second": n}, 60),
    ("reports_lean", "fewer networks", lambda n, t: reports(40, 40, 6 - n), 6),
    ("gradient", "smaller slope", lambda x, t: steep(2 - x, 3 - x), 6.0),
    ("gradient", "fewer places", lambda x, t: steep(1, 2, 60 - x), 60.0),
    ("affordable", "cheaper", lambda x, t: fuel(150 - x, -90), 300.0),
    ("affordable", "more supply", lambda x, t: fuel(150, x - 100), 300.0),
    ("affordable", "fewer networks", lambda n, t: fuel(150, -90, 5 - n), 5),
    ("dated_by_networks", "months off", lambda n, t: {"months_off": {"a": n}}, 24),
    ("dated_by_networks", "one network off", lambda n, t: {"months_off": {"a": 0, "b": -n}}, 24),
    ("share_from_testimony", "share too high", lambda x, t: voices(0.31 + x, 0.39 + x), 0.6),
    ("share_from_testimony", "share too low", lambda x, t: voices(0.31 - x, 0.39 - x), 0.31),
    ("rise_since", "smaller rise", lambda x, t: rise(10 - x, 20 - x), 40.0),
    ("rise_since", "fewer networks", lambda n, t: rise(10, 20, networks=5 - n), 5),
    ("months_of_cover", "fewer pairs run out", lambda x, t: cover(1 - x), 1.0),
    ("months_of_cover", "failed forecasts", lambda n, t: cover(1.0, n), 5),
    ("rule_exists", "fewer sources", lambda n, t: described(0, 9 - n), 9),
    ("rule_exists", "older sources", lambda n, t: described(n, 9), 9),
    ("rule_exists", "more denials", lambda n, t: described(2, 3, n), 9),
    ("stopped_with_measure", "months after", lambda n, t: with_measure(n), 24),
    ("stopped_with_measure", "other goods fell", lambda x, t: with_measure(1, 20 - x), 120.0),
    ("fall_after_measure", "share before", lambda x, t: before_measure(x), 100.0),
    ("fall_after_measure", "prices, low", lambda x, t: before_measure(0, x, 100), 100.0),
    ("fall_after_measure", "prices, high", lambda x, t: before_measure(0, 0, x), 100.0),
    ("gap_to_counterfactual", "end of interval", lambda x, t: gap(-100, x - 100), 150.0),
    ("gap_to_counterfactual", "smaller effect", lambda x, t: gap(x - 100, x - 80), 150.0),
    ("gap_to_counterfactual", "rank", lambda n, t: gap(-100, -95, 1 + n, 40), 40),
    ("cause_named_by_reports", "named less", lambda x, t: named(1 - x, 1 - x, of=50), 1.0),
    ("cause_named_by_reports", "named less by one", lambda x, t: named(1, 1 - x, of=50), 1.0),
]


@pytest.mark.parametrize(
    ("name", "what", "measures", "most"), WORSE, ids=[f"{name}-{what}" for name, what, *_ in WORSE]
)
def test_worse_measures_never_give_a_better_verdict(name, what, measures, most):
    x = st.integers(0, most) if isinstance(most, int) else st.floats(0, most)

    @settings(max_examples=50)
    @given(st.tuples(x, x).map(sorted), st.sampled_from(THRESHOLDS[name]))
    def check(pair, thresholds):
        less, more = (RULES[name](measures(value, thresholds), thresholds).verdict for value in pair)
        assume(NOT_TESTABLE not in (less, more))
        assert SCALE.index(less) <= SCALE.index(more)

    check()


def test_every_rule_that_weighs_something_is_monotone():
    assert {name for name, *_ in WORSE} == set(RULES) - {"nothing_bears_on_it", "no_causal_claim"}


# What is refused


def _one_call(name):
    thresholds, by_verdict = EXAMPLES[name]
    return next(iter(by_verdict.values())), thresholds


def _refused(name, measures, thresholds):
    with pytest.raises(ClaimError) as refused:
        RULES[name](measures, thresholds)
    assert refused.value.where == f"rule {name}"
    return refused.value


@pytest.mark.parametrize("name", RULES)
def test_an_unknown_argument_is_refused(name):
    measures, thresholds = _one_call(name)
    assert "'nonsense'" in _refused(name, measures | {"nonsense": 1}, thresholds).what
    assert "'nonsense'" in _refused(name, measures, thresholds | {"nonsense": 1}).what
    for argument in RULES[name].arguments:
        error = _refused(name, measures | {f"{argument}_": 1}, thresholds)
        assert f"did you mean {argument!r}?" in error.remedy


@pytest.mark.parametrize("name", RULES)
def test_a_missing_argument_is_refused(name):
    measures, thresholds = _one_call(name)
    for argument in RULES[name].arguments:
        fewer = [{key: value for key, value in given.items() if key != argument} for given in (measures, thresholds)]
        assert _refused(name, *fewer).what == f"needs {argument}"


@pytest.mark.parametrize("name", RULES)
def test_a_measure_can_not_replace_a_threshold(name):
    measures, thresholds = _one_call(name)
    for argument, value in thresholds.items():
        error = _refused(name, measures | {argument: value}, thresholds)
        assert error.what == f"{argument!r} is given twice"
        assert "ledger" in error.remedy


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
@pytest.mark.parametrize("name", RULES)
def test_a_number_that_is_none_is_refused(name, value):
    measures, thresholds = _one_call(name)
    for argument in RULES[name].arguments:
        changed = [given | {argument: value} if argument in given else given for given in (measures, thresholds)]
        assert _refused(name, *changed).what == f"{argument} is {value}"


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    ("name", "measures"),
    [
        ("printed_amounts", lambda x: {"deviations_pct": {"2014": [0.1, x]}}),
        ("printed_amounts", lambda x: {"deviations_pct": {"2014": (x,), "2016": (0.1,)}}),
        ("rank", lambda x: {"ranks": {"chapter": 2, "line": x}}),
        ("dated_by_networks", lambda x: {"months_off": {"dailynk": x, "rfa": 1}}),
    ],
)
def test_a_number_that_is_none_is_refused_inside_a_list_too(name, measures, value):
    assert str(value) in _refused(name, measures(value), EXAMPLES[name][0]).what


def test_numpys_own_missing_numbers_are_refused():
    measures, thresholds = _one_call("months_of_cover")
    _refused("months_of_cover", measures | {"share_exhausted": np.float32("nan")}, thresholds)


def test_an_unknown_rule_names_the_nearest():
    with pytest.raises(ClaimError, match="there is no rule 'size_of_fal'; did you mean 'size_of_fall'"):
        rules.rule("size_of_fal")


def test_a_rule_that_returns_what_it_may_not_is_refused():
    careless = rules.Rule("careless", lambda: rules.Ruling(SUPPORTED, ("why",)), (MIXED,))
    with pytest.raises(ClaimError, match="rule careless: returned 'supported'; add it to may_return"):
        careless({}, {})
