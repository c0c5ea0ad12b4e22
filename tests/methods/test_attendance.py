"""The model of attendance, held against brute force, its own definition and monotone comparative statics."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from musan.errors import MethodError
from musan.methods.attendance import comparative_statics, compare, detection_to_hold, response, shares
from musan.methods.attendance_draws import region, sensitivity, simulate
from musan.methods.ranges import Range
from musan.methods.workplace import OPTIONS, Workplace

SHARES = pd.read_csv(Path(__file__).parents[1] / "reference" / "attendance" / "shares.csv")
NAMES = [field.name for field in fields(Workplace)]
MINE = Workplace(
    wage_kpw_per_month=300_000,
    ration_kg_per_month=10,
    rice_price_kpw_per_kg=5_000,
    market_income_kpw_per_day=10_000,
    market_income_log_sd=0.6,
    working_days_per_month=26,
    share_of_day_left=0.7,
    detection_at_muster_per_month=0.5,
    detection_in_day_per_month=0.5,
    share_of_pay_lost_if_detected=1,
    share_sentenced_if_detected=0.1,
    sentence_months=3,
    hardship_kpw_per_month=500_000,
    exemption_fee_kpw_per_month=140_000,
)


def place_of(row):
    given = row[NAMES].astype(float)
    fee = given["exemption_fee_kpw_per_month"]
    return Workplace(**{**given, "exemption_fee_kpw_per_month": None if np.isnan(fee) else fee})


workplaces = st.builds(
    Workplace,
    wage_kpw_per_month=st.floats(0, 4e5),
    ration_kg_per_month=st.floats(0, 30),
    rice_price_kpw_per_kg=st.floats(0, 8e3),
    market_income_kpw_per_day=st.floats(100, 5e4),
    market_income_log_sd=st.floats(0.05, 2),
    working_days_per_month=st.floats(1, 31),
    share_of_day_left=st.floats(0, 1),
    detection_at_muster_per_month=st.floats(0, 1),
    detection_in_day_per_month=st.floats(0, 1),
    share_of_pay_lost_if_detected=st.floats(0, 1),
    share_sentenced_if_detected=st.floats(0, 1),
    sentence_months=st.floats(0, 12),
    hardship_kpw_per_month=st.floats(0, 2e6),
    exemption_fee_kpw_per_month=st.none() | st.floats(0, 4e5),
)


# Shares


@pytest.mark.parametrize("case", range(len(SHARES)))
def test_shares_are_those_of_two_million_workers(case):
    row = SHARES.iloc[case]
    found = shares(place_of(row)).frame.set_index("option")["share"]
    np.testing.assert_allclose(found[list(OPTIONS)], row[list(OPTIONS)].astype(float), rtol=0, atol=1.1e-6)


@given(workplaces)
def test_shares_are_a_partition(place):
    frame = shares(place).frame
    assert frame["share"].sum() == pytest.approx(1, abs=1e-9)
    assert (frame["share"] >= 0).all()


@given(workplaces, st.floats(0.001, 0.999))
def test_each_worker_has_the_best_of_his_options(place, quantile):
    income = float(stats.lognorm.ppf(quantile, place.market_income_log_sd, scale=place.market_income_kpw_per_day))
    frame = shares(place).frame
    utility = frame["intercept_kpw_per_month"] + frame["slope_days_per_month"] * income
    chosen = (frame["from_kpw_per_day"] <= income) & (income <= frame["to_kpw_per_day"])
    assert chosen.any()
    best = utility[np.isfinite(utility)].max()
    assert utility[chosen].min() >= best - 1e-6 * (1 + abs(best))


def test_the_equations_by_hand():
    frame = shares(MINE).frame.set_index("option")
    pay, served = 350_000, 0.5 * 0.1 * 3
    assert MINE.pay_kpw_per_month == pay
    assert MINE.pay_kg_rice_per_month == 70
    intercepts = [pay, (0.5 * pay - served * 500_000) / (1 + served), -served * 500_000 / (1 + served), -140_000]
    slopes = [0, 0.7 * 26 / (1 + served), 26 / (1 + served), 26]
    np.testing.assert_allclose(frame["intercept_kpw_per_month"], intercepts)
    np.testing.assert_allclose(frame["slope_days_per_month"], slopes)
    threshold = (intercepts[0] - intercepts[1]) / slopes[1]
    assert frame.loc["attend", "to_kpw_per_day"] == pytest.approx(threshold)
    assert frame.loc["attend", "share"] == pytest.approx(stats.norm.cdf(np.log(threshold / 10_000) / 0.6))


def test_without_pay_and_hardship_nobody_attends():
    stopped = MINE.change(wage_kpw_per_month=0, ration_kg_per_month=0, hardship_kpw_per_month=0)
    assert shares(stopped).share("attend") == 0
    assert not detection_to_hold(stopped, 0.01).held


def test_an_exemption_that_is_not_offered_is_not_bought():
    assert shares(MINE.change(exemption_fee_kpw_per_month=None)).share("exempt") == 0
    free = shares(MINE.change(exemption_fee_kpw_per_month=0))
    assert free.share("stay_away") == 0
    assert free.share("exempt") == pytest.approx(stats.norm.sf(np.log(350_000 / 26 / 10_000) / 0.6))


def test_before_and_after_pay_stops():
    frame = compare({"paid": MINE, "stopped": MINE.change(wage_kpw_per_month=0, ration_kg_per_month=0)}).frame
    assert frame["label"].tolist() == ["paid", "stopped"]
    assert frame["pay_kpw_per_month"].tolist() == [350_000, 0]
    assert frame["attend"][0] > 0.7 > 0.1 > frame["attend"][1]


# Comparative statics


@settings(max_examples=50)
@given(workplaces)
def test_attending_rises_with_pay_and_checks_and_falls_with_the_market(place):
    base = shares(place)
    for name, factor, sign in [
        ("wage_kpw_per_month", 1.5, 1),
        ("detection_in_day_per_month", 0.5, -1),
        ("detection_at_muster_per_month", 0.5, -1),
        ("sentence_months", 0.5, -1),
        ("hardship_kpw_per_month", 1.5, 1),
        ("share_of_pay_lost_if_detected", 0.5, -1),
        ("share_of_day_left", 0.5, 1),
        ("market_income_kpw_per_day", 1.5, -1),
    ]:
        moved = shares(place.change(**{name: factor * getattr(place, name)}))
        assert sign * (moved.share("attend") - base.share("attend")) >= -1e-9, name


def test_a_response_is_a_row_of_shares():
    wages = np.linspace(0, 300_000, 7)
    result = response(MINE, "wage_kpw_per_month", wages)
    for wage, row in zip(wages, result.frame.to_dict("records"), strict=True):
        assert row["attend"] == pytest.approx(shares(MINE.change(wage_kpw_per_month=float(wage))).share("attend"))
    assert result.n == 7


def test_statics_are_differences_of_shares():
    result = comparative_statics(MINE.change(ration_kg_per_month=0), change=0.2)
    rows = result.frame.set_index("parameter")
    assert "ration_kg_per_month" not in rows.index
    assert "ration_kg_per_month" in result.assumptions[-1]
    low, high = (shares(MINE.change(ration_kg_per_month=0, wage_kpw_per_month=300_000 * f)) for f in (0.8, 1.2))
    expected = 100 * (high.share("attend") - low.share("attend"))
    assert rows.loc["wage_kpw_per_month", "attend_points"] == pytest.approx(expected)
    assert rows.loc["share_of_pay_lost_if_detected", "high"] == 1  # not past its limit
    points = rows[[f"{option}_points" for option in OPTIONS]]
    np.testing.assert_allclose(points.sum(axis=1), 0, atol=1e-9)


# Detection


@pytest.mark.parametrize(
    ("of", "by", "target"), [("attend", "both", 0.7), ("attend", "in_day", 0.6), ("sign_in", "at_muster", 0.8)]
)
def test_the_detection_found_holds_the_share_and_no_less_does(of, by, target):
    place = MINE.change(exemption_fee_kpw_per_month=250_000, hardship_kpw_per_month=900_000)
    result = detection_to_hold(place, target, of=of, by=by)
    assert result.held
    names = {
        "both": ["detection_in_day_per_month", "detection_at_muster_per_month"],
        "in_day": ["detection_in_day_per_month"],
    }
    held = ("attend",) if of == "attend" else ("attend", "sign_and_leave")

    def share(detection):
        changed = dict.fromkeys(names.get(by, ["detection_at_muster_per_month"]), detection)
        return shares(place.change(**changed)).share(*held)

    assert share(result.detection) == pytest.approx(target, abs=1e-8)
    assert share(result.detection) >= target - 1e-12
    assert share(result.detection - 1e-6) < target


def test_what_can_not_be_held_is_said():
    result = detection_to_hold(MINE, 0.99)
    assert result.detection is None
    assert not result.held
    assert result.share_at_most < 0.99
    assert "can't be held" in result.words


def test_what_is_held_anyway_needs_no_detection():
    rich = MINE.change(wage_kpw_per_month=3_000_000, share_of_day_left=0, exemption_fee_kpw_per_month=None)
    result = detection_to_hold(rich, 0.9)
    assert result.detection == 0
    assert "without any detection" in result.words


# Regions and draws


def test_a_region_is_where_the_share_lies_between():
    result = region(MINE, ("wage_kpw_per_month", [0, 150_000, 300_000]), ("detection_in_day_per_month", [0.1, 0.3]))
    assert result.n == 6
    for row in result.frame.to_dict("records"):
        place = MINE.change(
            wage_kpw_per_month=row["wage_kpw_per_month"], detection_in_day_per_month=row["detection_in_day_per_month"]
        )
        assert row["share"] == pytest.approx(shares(place).share("sign_and_leave"))
        assert row["inside"] == (0.3 <= row["share"] <= 0.4)
    assert result.grid().shape == (2, 3)
    nowhere = region(MINE, ("share_of_day_left", [0.0]), ("detection_in_day_per_month", [0.5]))
    assert nowhere.inside_share == 0
    assert "nowhere" in nowhere.summary()["value"].tolist()


OVER = {
    "wage_kpw_per_month": Range(0, 300_000),
    "share_of_day_left": Range(0.3, 0.9),
    "share_sentenced_if_detected": Range(0.005, 0.3, "log_uniform"),
}


def test_a_simulation_is_shares_at_its_draws():
    result = simulate(MINE, OVER, n=200, seed=4)
    pd.testing.assert_frame_equal(result.frame, simulate(MINE, OVER, n=200, seed=4).frame)
    for row in result.frame.head(5).to_dict("records"):
        place = MINE.change(**{name: row[name] for name in OVER})
        for option in OPTIONS:
            assert row[option] == pytest.approx(shares(place).share(option))
    inside = result.frame["sign_and_leave"].between(0.3, 0.4)
    assert result.share_between("sign_and_leave", 0.3, 0.4) == inside.mean()


def test_the_mean_over_draws_is_the_integral():
    over = {"wage_kpw_per_month": Range(0, 300_000)}
    result = simulate(MINE, over, n=20_000, seed=2)
    mean, _ = integrate.quad(lambda u: shares(MINE.change(wage_kpw_per_month=3e5 * u)).share("attend"), 0, 1, limit=40)
    error = result.frame["attend"].std() / np.sqrt(20_000)
    assert result.frame["attend"].mean() == pytest.approx(mean, abs=4 * error)


def test_what_it_takes_compares_draws_inside_and_outside():
    result = simulate(MINE, OVER, n=4000, seed=4)
    table = result.what_it_takes("sign_and_leave", 0.3, 0.4)
    assert sorted(table["parameter"]) == sorted(OVER)
    assert table["distance"].is_monotonic_decreasing
    inside = result.frame["sign_and_leave"].between(0.3, 0.4)
    row = table.set_index("parameter").loc["share_of_day_left"]
    assert row["median"] == result.frame.loc[inside, "share_of_day_left"].median()
    assert result.what_it_takes("attend", 0, 1).empty


def test_the_parameter_that_matters_has_the_index():
    # With leaving ruled out and no exemption, the muster's detection alone decides who stays away.
    place = MINE.change(share_of_day_left=0, exemption_fee_kpw_per_month=None, hardship_kpw_per_month=900_000)
    over = {"detection_at_muster_per_month": Range(0, 1), "detection_in_day_per_month": Range(0, 1)}
    found = sensitivity(place, over, option="stay_away", n=256, seed=1).frame.set_index("parameter")
    assert found.loc["detection_at_muster_per_month", "first"] == pytest.approx(1, abs=0.02)
    assert found.loc["detection_in_day_per_month", "total"] == pytest.approx(0, abs=1e-9)


def test_coherence_is_not_called_evidence():
    results = [shares(MINE), detection_to_hold(MINE, 0.5), simulate(MINE, OVER, n=5, seed=1)]
    results.append(sensitivity(MINE, OVER, n=16, replicates=2, seed=1))
    assert all("not evidence that it happened" in result.assumptions[0] for result in results)


# What can't be used


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, bad) for name in NAMES for bad in (-1, np.nan, np.inf, "much")]
    + [("market_income_kpw_per_day", 0), ("market_income_log_sd", 0), ("working_days_per_month", 32)]
    + [("detection_in_day_per_month", 1.01), ("share_of_day_left", 2), ("wage_kpw_per_month", None)],
)
def test_an_impossible_parameter_is_named(name, value):
    with pytest.raises(MethodError) as caught:
        replace(MINE, **{name: value})
    assert caught.value.where == name
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: MINE.change(wages=1), "changes"),
        (lambda: shares(MINE).share("work"), "options"),
        (lambda: compare({}), "workplaces"),
        (lambda: response(MINE, "wage", [1]), "parameter"),
        (lambda: response(MINE, "detection_in_day_per_month", [0.5, 1.5]), "values"),
        (lambda: response(MINE, "wage_kpw_per_month", []), "values"),
        (lambda: comparative_statics(MINE, change=0), "change"),
        (lambda: detection_to_hold(MINE, 0), "target_share"),
        (lambda: detection_to_hold(MINE, 40), "target_share"),
        (lambda: detection_to_hold(MINE, 0.5, by="night"), "by"),
        (lambda: detection_to_hold(MINE, 0.5, of="sign_in"), "by"),
        (lambda: detection_to_hold(MINE, 0.5, of="sleep"), "of"),
        (lambda: region(MINE, ("wage", [1]), ("detection_in_day_per_month", [1])), "across"),
        (lambda: region(MINE, ("wage_kpw_per_month", [1]), ("detection", [1])), "up"),
        (lambda: region(MINE, ("detection_in_day_per_month", [1]), ("detection_in_day_per_month", [1])), "up"),
        (lambda: region(MINE, ("detection_in_day_per_month", [2]), ("wage_kpw_per_month", [1])), "across"),
        (lambda: region(MINE, ("detection_in_day_per_month", [1]), ("wage_kpw_per_month", [1]), low=0.5), "low"),
        (lambda: simulate(MINE, {"wage": Range(0, 1)}, seed=1), "over"),
        (lambda: simulate(MINE, {"detection_in_day_per_month": Range(0, 2)}, seed=1), "detection_in_day_per_month"),
        (lambda: simulate(MINE, {}, seed=1), "ranges"),
        (lambda: simulate(MINE, OVER, n=9, seed=1).share_between("rest", 0, 1), "option"),
        (lambda: sensitivity(MINE, OVER, option="rest", seed=1), "option"),
    ],
)
def test_bad_arguments_are_named_with_a_remedy(call, where):
    with pytest.raises(MethodError) as caught:
        call()
    assert caught.value.where == where
    assert caught.value.remedy


def test_results_print():
    results = [
        shares(MINE),
        compare({"now": MINE}),
        comparative_statics(MINE),
        detection_to_hold(MINE, 0.5),
        region(MINE, ("detection_in_day_per_month", [0.2, 0.4]), ("share_of_day_left", [0.5])),
        simulate(MINE, OVER, n=20, seed=1),
        sensitivity(MINE, OVER, n=16, replicates=2, seed=1),
    ]
    for result in results:
        assert result.n >= 1
        assert len(result.frame) >= 1
        assert len(result.summary()) >= 1
        assert result.assumptions
