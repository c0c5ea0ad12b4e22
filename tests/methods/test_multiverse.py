"""Grids, curves, influence and tests of many specifications, held against R, closed forms and brute force."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from musan.errors import MethodError
from musan.methods.multiverse import (
    Linear,
    adjust,
    agreement,
    curve_test,
    grid,
    influence,
    specification_curve,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "multiverse"
P_VALUES = pd.read_csv(REFERENCE / "p_values.csv")["p_value"]
CHOICES = {"period": ["june", "half", "year"], "base": [2016, 2014, 2017], "currency": ["usd", "cny"]}
NAMES = list(CHOICES)


def table(estimate=lambda row: 0.0, verdict=lambda row: "supported"):
    frame = grid(CHOICES).frame
    return frame.assign(estimate=frame.apply(estimate, axis=1), verdict=frame.apply(verdict, axis=1))


# Grid


def test_a_grid_has_every_combination_once_and_the_default_first():
    result = grid(CHOICES)
    assert (result.n, result.excluded) == (18, 0)
    assert not result.frame.duplicated(NAMES).any()
    assert result.frame.iloc[0][NAMES].tolist() == ["june", 2016, "usd"]
    assert result.frame["default"].tolist() == [True] + [False] * 17
    assert result.frame["specification"].tolist() == list(range(1, 19))
    assert result.frame["base"].dtype.kind == "i"
    assert "june (6)" in result.summary().to_string()


def test_exclusions_take_out_what_has_all_their_options():
    result = grid(CHOICES, exclude=[{"period": "year", "base": [2014, 2017]}, {"currency": "cny", "base": 2014}])
    frame = result.frame
    out = ((frame["period"] == "year") & frame["base"].isin([2014, 2017])).sum()
    assert out == 0
    assert ((frame["currency"] == "cny") & (frame["base"] == 2014)).sum() == 0
    assert result.excluded == 4 + 3 - 1
    assert result.n + result.excluded == 18


@pytest.mark.parametrize(
    ("choices", "exclude", "where"),
    [
        ({}, [], "choices"),
        ({"a": []}, [], "choices"),
        ({"a": [1, 1]}, [], "choices"),
        ({"a": "usd"}, [], "choices"),
        (CHOICES, [{"perod": "june"}], "exclude"),
        (CHOICES, [{"period": "july"}], "exclude"),
        (CHOICES, [{}], "exclude"),
        (CHOICES, [{"base": 2016}], "exclude"),
    ],
)
def test_bad_grids_are_refused_by_name(choices, exclude, where):
    with pytest.raises(MethodError) as error:
        grid(choices, exclude=exclude)
    assert error.value.where == where
    assert error.value.remedy


# Agreement


def test_agreement_is_the_share_of_the_headline_verdict():
    frame = table(verdict=lambda row: "mixed" if row["base"] == 2017 else "supported")
    result = agreement(frame, choices=NAMES, headline="supported")
    assert result.share == pytest.approx(12 / 18)
    assert result.decisive_choice == "base"
    flips = result.flips.set_index("choice")
    assert flips.loc["base", ["pairs", "flipped"]].tolist() == [18, 12]
    assert flips.loc["currency", ["pairs", "flipped"]].tolist() == [9, 0]
    assert result.verdicts.set_index("verdict")["specifications"].to_dict() == {"supported": 12, "mixed": 6}


def test_agreement_of_all_has_no_decisive_choice():
    result = agreement(table(), choices=NAMES, headline="supported")
    assert result.share == 1
    assert result.decisive_choice is None


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.drop(columns="verdict"),
        lambda frame: frame.iloc[:0],
        lambda frame: pd.concat([frame, frame]),
    ],
)
@pytest.mark.parametrize("method", [agreement, influence])
def test_bad_specifications_are_refused_by_name(change, method):
    with pytest.raises(MethodError) as error:
        method(change(table()), choices=NAMES, headline="supported")
    assert error.value.where == "specifications"
    assert error.value.remedy


# Specification curve


def test_curve_is_sorted_and_knows_its_sides():
    frame = table(estimate=lambda row: {2016: 1.0, 2014: -3.0, 2017: 0.2}[row["base"]] + (row["currency"] == "cny"))
    frame["low"], frame["high"] = frame["estimate"] - 0.5, frame["estimate"] + 0.5
    result = specification_curve(frame, choices=NAMES, low="low", high="high", verdict="verdict")
    assert result.frame["estimate"].is_monotonic_increasing
    assert result.frame["order"].tolist() == list(range(1, 19))
    assert (result.lowest, result.highest) == (-3.0, 2.0)
    assert result.median == pytest.approx(frame["estimate"].median())
    assert result.below == pytest.approx(6 / 18)
    assert result.above == pytest.approx(9 / 18)  # 0.2 has an interval across zero
    assert len(result.marks) == 18 * 3
    first = result.marks[result.marks["order"] == 1].set_index("choice")["option"]
    assert first.to_dict() == result.frame.iloc[0][NAMES].to_dict()
    assert "whole interval" in result.summary().to_string()


def test_curve_without_intervals_counts_signs():
    frame = table(estimate=lambda row: row["base"] - 2016.0)
    result = specification_curve(frame, choices=NAMES)
    assert (result.above, result.below) == pytest.approx((1 / 3, 1 / 3))
    assert specification_curve(frame, choices=NAMES, null=-5.0).above == 1


@pytest.mark.parametrize(
    ("change", "arguments", "where"),
    [
        (lambda f: f, {"low": "estimate"}, "high"),
        (lambda f: f.assign(low=9.0, high=10.0), {"low": "low", "high": "high"}, "low"),
        (lambda f: f.assign(estimate=np.nan), {}, "estimate"),
        (lambda f: f.drop(columns="base"), {}, "specifications"),
    ],
)
def test_bad_curves_are_refused_by_name(change, arguments, where):
    with pytest.raises(MethodError) as error:
        specification_curve(change(table()), choices=NAMES, **arguments)
    assert error.value.where == where
    assert error.value.remedy


# Influence


def test_variance_parts_in_a_full_grid_are_those_of_anova():
    frame = pd.read_csv(REFERENCE / "grid.csv", dtype={"base": str})
    expected = pd.read_csv(REFERENCE / "variance_parts.csv", index_col="choice")["part"]
    frame["verdict"] = "supported"
    result = influence(frame, choices=NAMES, headline="supported", estimate="estimate")
    parts = result.frame.set_index("choice")
    for name in NAMES:
        for column in ("estimate_variance", "estimate_alone", "estimate_last"):
            assert parts.loc[name, column] == pytest.approx(expected[name], abs=1e-10)
    assert result.estimate_rest == pytest.approx(expected["rest"], abs=1e-10)
    assert result.verdict_rest is None  # every verdict is the same
    assert parts["verdict_variance"].isna().all()
    assert "–" in result.summary().to_string()


def test_variance_parts_with_gaps_are_means_over_all_orders():
    draw = np.random.default_rng(0)
    frame = table(estimate=lambda row: (row["base"] == 2014) + 0.5 * (row["currency"] == "cny") + draw.normal())
    frame = frame.sample(12, random_state=1)
    frame["verdict"] = np.where(frame["estimate"] > 0.5, "supported", "mixed")
    result = influence(frame, choices=NAMES, headline="supported", estimate="estimate")

    def explained(columns, values):
        if not columns:
            return 0.0
        dummies = pd.get_dummies(frame[columns].astype(str), drop_first=True).astype(float)
        return sm.OLS(values, sm.add_constant(dummies)).fit().rsquared

    for column, values in (
        ("estimate_variance", frame["estimate"]),
        ("verdict_variance", (frame["verdict"] == "supported").astype(float)),
    ):
        for name in NAMES:
            gains = []
            for order in permutations(NAMES):
                before = list(order[: order.index(name)])
                gains.append(explained([*before, name], values) - explained(before, values))
            assert result.frame.set_index("choice").loc[name, column] == pytest.approx(np.mean(gains), abs=1e-9)
    parts = result.frame["estimate_variance"].sum() + result.estimate_rest
    assert parts == pytest.approx(1)


def test_the_choice_that_flips_is_the_one_with_the_variance():
    frame = table(
        estimate=lambda row: float(row["base"] == 2017),
        verdict=lambda row: "mixed" if row["base"] == 2017 else "supported",
    )
    result = influence(frame, choices=NAMES, headline="supported", estimate="estimate")
    first = result.frame.iloc[0]
    assert first["choice"] == "base" == result.agreement.decisive_choice
    assert first["options"] == 3
    assert first["verdict_variance"] == pytest.approx(1)
    assert first["estimate_variance"] == pytest.approx(1)
    assert result.frame["verdict_variance"].iloc[1:].abs().max() < 1e-12
    assert result.estimate_rest == pytest.approx(0, abs=1e-12)


def test_too_many_choices_are_refused():
    frame = pd.DataFrame([[0] * 13 + ["supported"]], columns=[*map(str, range(13)), "verdict"])
    with pytest.raises(MethodError) as error:
        influence(frame, choices=list(map(str, range(13))), headline="supported")
    assert error.value.where == "choices"


# Permutation test of the curve


def sample(seed=0, n=80, effect=0.0):
    draw = np.random.default_rng(seed)
    data = pd.DataFrame({"x": draw.normal(size=n), "z": draw.normal(size=n), "block": np.arange(n) % 4})
    data["y"] = effect * data["x"] + data["z"] + draw.normal(size=n)
    data["noisy"] = data["y"] + draw.normal(size=n)
    data["later"] = np.arange(n) >= n // 3
    return data


SPECIFICATIONS = {
    f"{outcome} on {', '.join(('x', *others))}{' later' if where else ''}": Linear(outcome, "x", others, where)
    for outcome in ("y", "noisy")
    for others in ((), ("z",))
    for where in (None, "later")
}


def test_linear_is_robust_least_squares():
    data = sample(effect=0.4)
    rows = data[data["later"]]
    fitted = sm.OLS(rows["y"], sm.add_constant(rows[["x", "z"]])).fit(cov_type="HC1", use_t=True)
    assert Linear("y", "x", ("z",), "later")(data) == pytest.approx((fitted.params["x"], fitted.pvalues["x"]))


def test_an_effect_is_seen_and_its_sign_matters():
    data = sample(effect=0.6)
    result = curve_test(data, SPECIFICATIONS, shuffle="x", sign="positive", draws=200, seed=0)
    assert result.n == 8
    assert (result.frame["p_value"] <= 0.02).all()
    assert result.estimates["estimate"].is_monotonic_increasing
    assert (result.estimates["shuffled_low"] < result.estimates["shuffled_high"]).all()
    wrong = curve_test(data, SPECIFICATIONS, shuffle="x", sign="negative", draws=200, seed=0)
    assert (wrong.frame["p_value"] >= 0.9).all()
    median = result.frame.set_index("statistic").loc["median estimate", "observed"]
    assert median == pytest.approx(np.median([one(data)[0] for one in SPECIFICATIONS.values()]))


def test_shuffled_data_reject_as_often_as_they_should():
    rejected = np.zeros(3)
    two = {name: SPECIFICATIONS[name] for name in list(SPECIFICATIONS)[:4:2]}
    for seed in range(50):
        result = curve_test(sample(seed, n=40), two, shuffle="x", draws=100, seed=seed)
        rejected += result.frame["p_value"].to_numpy() <= 0.2
    assert (rejected <= 18).all()  # 10 expected
    assert rejected[0] >= 3
    assert rejected[2] >= 3


def test_shuffling_within_groups_keeps_groups():
    data = sample(effect=0.0)
    data["x"] = data["block"] * 10.0  # constant within groups: nothing can move
    result = curve_test(data, {"one": Linear("y", "x")}, shuffle=["x"], within="block", draws=100, seed=0)
    assert (result.frame["p_value"] == 1).all()
    assert curve_test(sample(), SPECIFICATIONS, shuffle="x", draws=100, seed=3).frame.equals(
        curve_test(sample(), SPECIFICATIONS, shuffle="x", draws=100, seed=3).frame
    )


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"specifications": {}}, "specifications"),
        ({"specifications": {"bad": lambda data: (np.nan, 0.5)}}, "specifications"),
        ({"specifications": {"bad": lambda data: (1.0, 1.5)}}, "specifications"),
        ({"specifications": {"flat": Linear("y", "x", ("x",))}}, "specifications"),
        ({"shuffle": "w"}, "shuffle"),
        ({"within": "w"}, "within"),
        ({"sign": "up"}, "sign"),
        ({"draws": 9}, "draws"),
        ({"rate": 0.9}, "rate"),
    ],
)
def test_bad_curve_tests_are_refused_by_name(arguments, where):
    with pytest.raises(MethodError) as error:
        curve_test(sample(), **({"specifications": SPECIFICATIONS, "shuffle": "x", "seed": 0} | arguments))
    assert error.value.where == where
    assert error.value.remedy


# Adjusted p-values


@pytest.mark.parametrize("method", ["holm", "benjamini-hochberg", "benjamini-yekutieli", "bonferroni"])
def test_adjusted_p_values_are_those_of_r(method):
    expected = pd.read_csv(REFERENCE / "adjusted.csv")[method]
    result = adjust(P_VALUES, method=method)
    np.testing.assert_allclose(result.frame["adjusted"], expected, rtol=1e-12)
    assert (result.frame["rejected"] == (expected <= 0.05)).all()


def test_published_number_of_rejections():
    """Benjamini and Hochberg (1995), section 4.1: four hypotheses where Bonferroni rejects three."""
    counts = {method: adjust(P_VALUES, method=method).rejected for method in ("benjamini-hochberg", "bonferroni")}
    assert counts == {"benjamini-hochberg": 4, "bonferroni": 3}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_adjusting_never_lowers_and_keeps_the_order(values):
    given_values = pd.Series(values)
    results = {
        m: adjust(given_values, method=m).frame["adjusted"] for m in ("holm", "benjamini-hochberg", "bonferroni")
    }
    for adjusted in results.values():
        assert (adjusted >= given_values - 1e-12).all()
        assert (adjusted <= 1).all()
        order = np.argsort(values, kind="stable")
        assert (np.diff(adjusted.to_numpy()[order]) >= -1e-12).all()
    assert (results["benjamini-hochberg"] <= results["holm"] + 1e-12).all()
    assert (results["holm"] <= results["bonferroni"] + 1e-12).all()


@pytest.mark.parametrize(
    ("values", "arguments", "where"),
    [
        ([0.1, np.nan], {}, "p_values"),
        ([0.1, 1.2], {}, "p_values"),
        ([], {}, "p_values"),
        ([0.1], {"method": "hochberg"}, "method"),
        ([0.1], {"rate": 0}, "rate"),
    ],
)
def test_bad_p_values_are_refused_by_name(values, arguments, where):
    with pytest.raises(MethodError) as error:
        adjust(pd.Series(values, dtype=float), **arguments)
    assert error.value.where == where
    assert error.value.remedy
