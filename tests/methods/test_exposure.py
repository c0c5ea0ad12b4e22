"""Shift-share inference, rank intervals and gradients, held against R, published sets, identities and brute force."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from musan.errors import MethodError
from musan.methods.exposure import (
    detectable_slope,
    exposure_index,
    permute_shocks,
    rank_intervals,
    rotemberg_weights,
    severity_gradient,
    shift_share,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "exposure"
PLACES = pd.read_csv(REFERENCE / "places.csv", index_col="place")
GOODS = pd.read_csv(REFERENCE / "goods.csv", index_col="good")
EXPECTED = pd.read_csv(REFERENCE / "shift_share.csv").set_index(["case", "quantity"])["value"]
SHARES, SHOCKS = PLACES[list(GOODS.index)], GOODS["shock"]
PISA = pd.read_csv(REFERENCE / "pisa.csv", index_col="country")
MEMBERS = {"outcome": PLACES["outcome"], "shares": SHARES, "shocks": SHOCKS}
COVARIATES = PLACES[["covariate"]]


def small(seed=0, places=30, goods=4):
    """Places whose outcome follows their exposure."""
    draw = np.random.default_rng(seed)
    names = [f"g{i}" for i in range(goods)]
    shares = pd.DataFrame(draw.dirichlet(np.ones(goods), places), [f"p{i}" for i in range(places)], names)
    shocks = pd.Series(draw.normal(size=goods), names)
    return shares @ shocks + 0.1 * draw.normal(size=places), shares, shocks


# Index


def test_exposure_is_the_sum_of_shares_times_shocks():
    shares = pd.DataFrame({"ore": [0.5, 0.0], "coal": [0.25, 0.5]}, ["Musan", "Anju"])
    result = exposure_index(shares, pd.Series({"coal": -0.2, "ore": -1.0}))
    assert list(result.frame["exposure"]) == pytest.approx([-0.55, -0.1])
    assert list(result.frame["share_sum"]) == [0.75, 0.5]
    assert not result.complete
    assert result.effective_shocks == pytest.approx(1 / (0.4**2 + 0.6**2))
    assert result.largest_share == pytest.approx(0.6)
    assert (result.n, result.shocks) == (2, 2)


@pytest.mark.parametrize("goods", [2, 5, 30])
def test_equal_shares_have_as_many_effective_shocks_as_goods(goods):
    shares = pd.DataFrame(np.full((6, goods), 1 / goods))
    assert exposure_index(shares, pd.Series(np.arange(goods))).effective_shocks == pytest.approx(goods)


# Shift-share regression

REGRESSIONS = {
    "plain": ("outcome", False, False, False, 0.95),
    "share sum": ("outcome", True, False, False, 0.95),
    "weighted": ("outcome", True, True, False, 0.95),
    "grouped": ("outcome", True, True, True, 0.95),
    "grouped 80": ("outcome", True, True, True, 0.8),
    "strong": ("strong", True, True, True, 0.95),
    "strong 99.9": ("strong", True, True, True, 0.999),
}


@pytest.mark.parametrize("case", REGRESSIONS)
def test_standard_errors_and_intervals_are_those_of_r(case):
    outcome, share_sum, weighted, grouped, level = REGRESSIONS[case]
    result = shift_share(
        PLACES[outcome],
        SHARES,
        SHOCKS,
        covariates=COVARIATES,
        weights=PLACES["weights"] if weighted else None,
        shock_groups=list(GOODS["group"]) if grouped else None,
        control_share_sum=share_sum,
        level=level,
    )
    reference = EXPECTED.loc[case]
    assert result.slope == pytest.approx(reference["slope"], rel=1e-9)
    for method in ("equal variance", "robust", "akm"):
        assert result.row(method)["standard_error"] == pytest.approx(reference[method], rel=1e-9)
    assert result.row("akm")["p_value"] == pytest.approx(reference["akm p"], rel=1e-7)
    akm0 = result.row("akm0")
    assert akm0["p_value"] == pytest.approx(reference["akm0 p"], rel=1e-7)
    shape = {2: "interval", 0: "whole line"}[int(reference["akm0 ends"])]
    if reference["akm0 ends"] == 2:
        assert (akm0["low"], akm0["high"]) == pytest.approx(
            (reference["akm0 end 1"], reference["akm0 end 2"]), rel=1e-8
        )
        shape = shape if reference["akm0 far left rejected"] else "two rays"
    assert akm0["shape"] == shape
    half = stats.norm.ppf((1 + level) / 2) * reference["akm"]
    assert result.row("akm")["high"] == pytest.approx(reference["slope"] + half)


def test_unbounded_intervals_are_said_to_be():
    rays = shift_share(
        PLACES["strong"], SHARES, SHOCKS, covariates=COVARIATES, weights=PLACES["weights"],
        shock_groups=list(GOODS["group"]),
    )  # fmt: skip
    row = rays.row("akm0")
    assert row["shape"] == "two rays"
    assert row["standard_error"] == np.inf
    assert not row["low"] < rays.slope < row["high"]
    assert "unbounded: up to" in rays.summary().to_string()
    line = shift_share(
        PLACES["outcome"], SHARES, SHOCKS, weights=PLACES["weights"], shock_groups=list(GOODS["group"]), level=0.99
    )
    assert (line.row("akm0")["low"], line.row("akm0")["high"]) == (-np.inf, np.inf)
    assert "unbounded: every slope" in line.summary().to_string()


def test_null_under_test_moves_the_p_value_only():
    zero, other = (shift_share(**MEMBERS, covariates=COVARIATES, null=null) for null in (0.0, 0.7))
    assert zero.row("akm0")["low"] == other.row("akm0")["low"]
    # A p-value of just 5 % at either end of the interval.
    for end in ("low", "high"):
        at_end = shift_share(**MEMBERS, covariates=COVARIATES, null=zero.row("akm0")[end])
        assert at_end.row("akm0")["p_value"] == pytest.approx(0.05, abs=1e-9)


def test_few_shocks_are_untestable():
    outcome, shares, shocks = small(goods=4)
    few = shift_share(outcome, shares, shocks)
    assert few.untestable
    assert few.effective_shocks < 4
    assert "no: fewer than 20" in few.summary().to_string()
    assert not shift_share(outcome, shares, shocks, least_shocks=3).untestable


def test_order_of_places_and_goods_does_not_matter():
    outcome, shares, shocks = small()
    one = shift_share(outcome, shares, shocks)
    mixed = shares.sample(frac=1, random_state=1)[["g3", "g0", "g2", "g1"]]
    other = shift_share(outcome.iloc[::-1], mixed, shocks)
    pd.testing.assert_frame_equal(one.frame, other.frame)


def test_shock_level_regression_gives_the_same_slope():
    """The equivalence of Borusyak, Hull and Jaravel (2022), proposition 1."""
    weights = PLACES["weights"].to_numpy()
    controls = np.column_stack([np.ones(60), PLACES["covariate"], SHARES.sum(axis=1)])
    root = np.sqrt(weights)[:, None]

    def rest(values):
        scaled = values.to_numpy()[:, None] * root
        return ((scaled - root * controls @ np.linalg.lstsq(root * controls, scaled, rcond=None)[0]) / root)[:, 0]

    size = weights @ SHARES.to_numpy()
    outcome, treatment = (
        (weights * rest(PLACES[name])) @ SHARES.to_numpy() / size for name in ("outcome", "treatment")
    )
    by_good = (size * SHOCKS * outcome).sum() / (size * SHOCKS * treatment).sum()
    ours = rotemberg_weights(**MEMBERS, treatment=PLACES["treatment"], covariates=COVARIATES, weights=PLACES["weights"])
    assert ours.slope == pytest.approx(by_good, rel=1e-10)


def test_rotemberg_weights_are_those_of_r():
    result = rotemberg_weights(
        **MEMBERS, treatment=PLACES["treatment"], covariates=COVARIATES, weights=PLACES["weights"]
    )
    reference = EXPECTED.loc["rotemberg"]
    assert result.slope == pytest.approx(reference["slope"], rel=1e-9)
    table = result.frame.set_index("good")
    for good in SHARES:
        assert table.loc[good, "weight"] == pytest.approx(reference[f"weight {good}"], rel=1e-8)
        assert table.loc[good, "slope"] == pytest.approx(reference[f"slope {good}"], rel=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9))
def test_rotemberg_weights_sum_to_one_and_to_the_slope(seed, goods):
    outcome, shares, shocks = small(seed, goods=goods)
    result = rotemberg_weights(outcome, shares, shocks)
    assert result.frame["weight"].sum() == pytest.approx(1)
    assert result.frame["contribution"].sum() == pytest.approx(result.slope)
    assert (result.frame["weight"] * result.frame["slope"]).sum() == pytest.approx(result.slope)
    assert result.slope == pytest.approx(shift_share(outcome, shares, shocks).slope)
    assert result.negative == pytest.approx(-result.frame["weight"].clip(upper=0).sum())


def test_permuted_shocks_against_brute_force():
    outcome, shares, shocks = small(goods=4)
    outcome = outcome + 0.3 * np.random.default_rng(1).normal(size=len(outcome))
    result = permute_shocks(outcome, shares, shocks, seed=0)
    assert result.exact
    assert result.permutations == 24
    assert result.smallest_p == pytest.approx(1 / 24)

    def p_value(slope):
        rest = outcome - slope * (shares @ shocks)
        found = [
            abs(np.corrcoef(rest, shares @ pd.Series(order, shocks.index))[0, 1]) for order in permutations(shocks)
        ]
        return np.mean(np.array(found) >= found[0] - 1e-12)

    assert result.p_value == pytest.approx(p_value(0.0))
    for slope in np.linspace(result.low - 0.5, result.high + 0.5, 31):
        assert (p_value(slope) > 0.05) == (result.low <= slope <= result.high)


def test_permuting_three_goods_can_say_nothing():
    outcome, shares, shocks = small(goods=3)
    result = permute_shocks(outcome, shares, shocks, seed=0)
    assert result.untestable
    assert result.p_value >= 1 / 6
    assert (result.low, result.high) == (-np.inf, np.inf)
    assert "too few goods" in result.summary().to_string()


def test_permutation_test_has_its_size_when_errors_share_goods_too():
    rejected = {"permuted": 0, "robust": 0}
    for seed in range(100):
        draw = np.random.default_rng(seed)
        _, shares, shocks = small(seed, places=40, goods=6)
        outcome = shares @ pd.Series(draw.normal(size=6), shocks.index) + 0.1 * draw.normal(size=40)
        rejected["permuted"] += permute_shocks(outcome, shares, shocks, permutations=720, seed=seed).p_value <= 0.1
        rejected["robust"] += shift_share(outcome, shares, shocks).row("robust")["p_value"] <= 0.1
    assert rejected["permuted"] <= 17  # 10 expected
    assert rejected["robust"] >= 40


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"shares": SHARES - 0.5}, "shares"),
        ({"shares": SHARES * 2}, "shares"),
        ({"shares": SHARES.where(SHARES < 0.4)}, "shares"),
        ({"shares": SHARES.assign(good_1=0.0)}, "shares"),
        ({"shares": pd.concat([SHARES, SHARES.iloc[:1]])}, "shares"),
        ({"shocks": SHOCKS.iloc[:5]}, "shocks"),
        ({"shocks": SHOCKS.where(SHOCKS > 0)}, "shocks"),
        ({"shocks": SHOCKS * 0}, "shocks"),
        ({"outcome": PLACES["outcome"].iloc[:30]}, "outcome"),
        ({"outcome": PLACES["outcome"] * 0}, "outcome"),
        ({"outcome": list(PLACES["outcome"])}, "outcome"),
        ({"weights": PLACES["weights"] - 2}, "weights"),
        ({"covariates": (SHARES @ SHOCKS).to_frame()}, "shocks"),
        ({"shock_groups": [1, 2]}, "shock_groups"),
        ({"level": 1.5}, "level"),
        ({"shares": SHARES.iloc[:8], "outcome": PLACES["outcome"].iloc[:8]}, "shares"),
        ({"shares": SHARES.assign(good_2=SHARES["good_1"]) / 2}, "shares"),
    ],
)
def test_bad_shift_shares_are_refused_by_name(change, where):
    with pytest.raises(MethodError) as error:
        shift_share(**(MEMBERS | change))
    assert error.value.where == where
    assert error.value.remedy


# Ranks


def test_published_sets_of_ranks():
    """The example of the csranks package: which of 37 countries may be the first five in mathematics."""
    arguments = {"standard_errors": PISA["standard_error"], "seed": 2}
    result = rank_intervals(PISA["score"], **arguments)
    ten = ["Belgium", "Canada", "Denmark", "Estonia", "Finland", "Japan", "Korea", "Netherlands", "Poland", "Slovenia"]
    eleven = [*ten, "Switzerland"]
    assert sorted(result.may_be_among_first(5)) == sorted([*eleven, "Sweden"])
    assert sorted(rank_intervals(PISA["score"], level=0.9, **arguments).may_be_among_first(5)) == eleven
    table = result.frame.set_index("place")
    assert table.loc["United Kingdom", ["low", "rank", "high"]].tolist() == [8, 13, 23]
    first = ["Japan", "Korea", "Estonia", "Netherlands", "Poland", "Switzerland"]
    assert list(result.frame["place"][:6]) == first
    others = table.drop(["Chile", "Mexico", "Colombia"])
    assert table.loc[["Chile", "Mexico", "Colombia"], "simultaneous_low"].min() > others["simultaneous_high"].max()
    assert table.loc["Germany", "simultaneous_low"] <= 7 <= table.loc["Korea", "simultaneous_high"]


def test_two_places_are_a_one_sided_test():
    errors = pd.Series([0.6, 0.8])  # the difference has a standard error of one
    for gap, told_apart in ((2.05, True), (1.85, False)):
        result = rank_intervals(pd.Series([gap, 0.0]), standard_errors=errors, draws=100_000, seed=0)
        # Two one-sided hypotheses: the larger noise exceeds 1.96 in 5 % of cases.
        assert (result.frame["high"].iloc[0] == 1) == told_apart
        assert (result.frame["simultaneous_low"].iloc[1] == 2) == told_apart


def test_ranks_turn_round_and_never_leave_the_table():
    draw = np.random.default_rng(0)
    estimates, errors = pd.Series(draw.normal(size=12)), pd.Series(draw.uniform(0.1, 0.6, 12))
    up = rank_intervals(estimates, standard_errors=errors, seed=0).frame.set_index("place").sort_index()
    down = rank_intervals(estimates, standard_errors=errors, largest_first=False, seed=0).frame
    down = down.set_index("place").sort_index()
    assert (up["rank"] + down["rank"] == 13).all()
    for low, high in (("low", "high"), ("simultaneous_low", "simultaneous_high")):
        assert ((up[low] >= 1) & (up[low] <= up["rank"]) & (up["rank"] <= up[high]) & (up[high] <= 12)).all()
    assert (up["simultaneous_low"] <= up["low"]).all()
    assert (up["simultaneous_high"] >= up["high"]).all()
    matrix = pd.DataFrame(np.diag(errors**2))
    again = rank_intervals(estimates, covariance=matrix, seed=0).frame.set_index("place").sort_index()
    pd.testing.assert_frame_equal(up, again)


def test_sets_cover_nearly_equal_places():
    together = alone = 0
    ranks = np.arange(6, 0, -1)
    for seed in range(200):
        draw = np.random.default_rng(seed)
        errors = pd.Series(draw.uniform(0.3, 0.8, 6))
        estimates = pd.Series(np.linspace(0, 0.01, 6) + errors * draw.normal(size=6))
        frame = rank_intervals(estimates, standard_errors=errors, level=0.9, draws=500, seed=seed).frame
        frame = frame.sort_values("place")
        together += ((frame["simultaneous_low"] <= ranks) & (ranks <= frame["simultaneous_high"])).all()
        alone += frame["low"].iloc[2] <= 4 <= frame["high"].iloc[2]
    assert together >= 170
    assert alone >= 170


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"standard_errors": PISA["standard_error"] * 0}, "standard_errors"),
        ({"standard_errors": PISA["standard_error"].iloc[::-1]}, "standard_errors"),
        ({}, "standard_errors"),
        ({"covariance": pd.DataFrame(np.eye(3))}, "covariance"),
        ({"covariance": -pd.DataFrame(np.eye(37), PISA.index, PISA.index)}, "covariance"),
        ({"covariance": pd.DataFrame(np.ones((37, 37)), PISA.index, PISA.index)}, "covariance"),
        ({"standard_errors": PISA["standard_error"], "draws": 5}, "draws"),
        ({"standard_errors": PISA["standard_error"], "level": 0}, "level"),
    ],
)
def test_bad_ranks_are_refused_by_name(arguments, where):
    with pytest.raises(MethodError) as error:
        rank_intervals(PISA["score"], seed=0, **arguments)
    assert error.value.where == where
    assert error.value.remedy


# Gradients of graded reports


def reports(seed=0, places=12, count=90, slope=0.0):
    draw = np.random.default_rng(seed)
    exposure = pd.Series(draw.uniform(0, 1, places), [f"p{i}" for i in range(places)])
    where = np.concatenate([np.arange(places), draw.integers(0, places, count - places)])
    level = slope * exposure.to_numpy()[where] + 0.4 * draw.normal(size=places)[where] + draw.normal(size=count)
    severity = pd.Series(np.digitize(level, [-0.6, 0.6]) - 1)
    return severity, exposure, pd.Series(exposure.index[where])


def test_slope_is_least_squares_and_counts_are_right():
    severity, exposure, place = reports(slope=1.0)
    result = severity_gradient(severity, exposure, place, seed=0)
    x = exposure.loc[place].to_numpy()
    assert result.slope == pytest.approx(np.polyfit(x, severity, 1)[0])
    counts = place.value_counts()
    assert result.effective_places == pytest.approx(counts.sum() ** 2 / (counts**2).sum())
    assert (result.n, result.places) == (90, 12)
    assert result.low < result.slope < result.high
    assert result.frame["reports"].sum() == 90
    mean = severity.groupby(place.to_numpy()).mean()
    assert result.frame.set_index("place")["mean_severity"].to_dict() == pytest.approx(mean.to_dict())


def test_permutation_test_against_brute_force():
    severity, exposure, place = reports(places=5, count=30, slope=1.5)
    result = severity_gradient(severity, exposure, place, seed=0)
    assert result.exact
    graded = severity.to_numpy(dtype=float)

    def p_value(slope):
        rest = graded - slope * exposure.loc[place].to_numpy()
        found = [
            abs(np.corrcoef(rest, pd.Series(order, exposure.index).loc[place])[0, 1])
            for order in permutations(exposure)
        ]
        return np.mean(np.array(found) >= found[0] - 1e-12)

    assert result.p_value == pytest.approx(p_value(0.0))
    for slope in np.linspace(result.low - 1, result.high + 1, 25):
        assert (p_value(slope) > 0.05) == (result.low <= slope <= result.high)


def test_ordered_logit_is_the_maximum_of_its_likelihood():
    severity, exposure, place = reports(slope=2.0, seed=3)
    covariate = pd.DataFrame({"outlet": np.arange(90) % 2}, dtype=float)
    result = severity_gradient(severity, exposure, place, covariates=covariate, seed=0)
    x, z, codes = exposure.loc[place].to_numpy(), covariate["outlet"].to_numpy(), severity.to_numpy() + 1

    def loss(vector):
        ends = np.array([-np.inf, vector[2], vector[2] + np.exp(vector[3]), np.inf])
        index = vector[0] * x + vector[1] * z
        share = special.expit(ends[codes + 1] - index) - special.expit(ends[codes] - index)
        return -np.log(share).sum()

    best = optimize.minimize(loss, [0, 0, -0.5, 0], method="BFGS", options={"gtol": 1e-7})
    assert result.ordered_slope == pytest.approx(best.x[0], rel=1e-3)


def test_score_of_the_ordered_logit_is_the_rank_sum():
    severity, exposure, place = reports(places=8, count=40, seed=5)
    exposed = (exposure > 0.5).astype(float)
    result = severity_gradient(severity, exposed, place, permutations=40_320, seed=0)
    assert result.exact
    centred = stats.rankdata(severity) - 20.5
    sums = pd.Series(centred).groupby(place.to_numpy()).sum().reindex(exposure.index).to_numpy()
    counts = place.value_counts().reindex(exposure.index).to_numpy()
    found = []
    for order in set(permutations(exposed)):
        chosen = np.array(order)
        part = (chosen * counts).sum() / 40
        found.append(abs(chosen @ sums) / np.sqrt(40 * part * (1 - part)))
    here = abs(exposed.to_numpy() @ sums)
    part = (exposed.to_numpy() * counts).sum() / 40
    here /= np.sqrt(40 * part * (1 - part))
    assert result.ordered_p == pytest.approx(np.mean(np.array(found) >= here - 1e-9))


def test_separated_categories_have_no_slope_in_logits():
    exposure = pd.Series(np.arange(6.0), list("abcdef"))
    place = pd.Series(list("abcdef") * 5)
    severity = pd.Series((exposure.loc[place] > 2.5).astype(int).to_numpy())
    result = severity_gradient(severity, exposure, place, seed=0)
    assert result.ordered_slope is None
    assert result.p_value == pytest.approx(0.1)  # 2 x 3! 3! of 6! orders do the same
    assert "–" in result.summary().to_string()


def test_four_places_are_untestable():
    severity, exposure, place = reports(places=4, count=40, slope=3)
    result = severity_gradient(severity, exposure, place, level=0.99, seed=0)
    assert result.untestable
    assert result.detectable == np.inf
    assert "too few places" in result.summary().to_string()


def test_wild_bootstrap_has_places_not_reports_as_its_sample():
    rejected = {"wild": 0, "permutation": 0, "ordered": 0, "reports": 0}
    for seed in range(150):
        severity, exposure, place = reports(seed, places=12, count=120)
        result = severity_gradient(severity, exposure, place, permutations=300, seed=seed)
        rejected["wild"] += result.wild_p <= 0.1
        rejected["permutation"] += result.p_value <= 0.1
        rejected["ordered"] += result.ordered_p <= 0.1
        rejected["reports"] += stats.linregress(exposure.loc[place].to_numpy(), severity).pvalue <= 0.1
    # 15 expected.
    assert max(rejected["wild"], rejected["permutation"], rejected["ordered"]) <= 26
    assert min(rejected["wild"], rejected["permutation"], rejected["ordered"]) >= 5
    assert rejected["reports"] > 26


def test_detectable_slope_is_found_as_often_as_it_says():
    found = 0
    for seed in range(120):
        draw = np.random.default_rng(seed)
        exposure = pd.Series(draw.gamma(0.7, size=8))  # few places and one or two that stand out
        place = pd.Series(np.repeat(np.arange(8), 8))
        noise = 1000 * (draw.normal(size=8)[place] * 0.5 + draw.normal(size=64))
        size = severity_gradient(pd.Series(noise.round()), exposure, place, permutations=300, seed=seed).detectable
        moved = pd.Series((noise + size * exposure.loc[place].to_numpy()).round())
        found += severity_gradient(moved, exposure, place, permutations=300, seed=seed).p_value <= 0.05
    assert 0.7 <= found / 120 <= 0.9


def test_detectable_slope_by_hand():
    assert detectable_slope(0.2, freedom=1e9) == pytest.approx(0.2 * (1.959964 + 0.841621), rel=1e-6)
    assert detectable_slope(0.2, freedom=10) == pytest.approx(0.2 * (2.228139 + 0.879058), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda s, x, p: (s + 0.5, x, p), "severity"),
        (lambda s, x, p: (s * 0, x, p), "severity"),
        (lambda s, x, p: (s.where(s > 0), x, p), "severity"),
        (lambda s, x, p: (s, x * 0, p), "exposure"),
        (lambda s, x, p: (s, x.iloc[:5], p), "place"),
        (lambda s, x, p: (s, x, p.iloc[:5]), "place"),
        (lambda s, x, p: (s[p.isin(["p1", "p2", "p3"])], x, p[p.isin(["p1", "p2", "p3"])]), "place"),
        (lambda s, x, p: (s, pd.concat([x, x]), p), "exposure"),
    ],
)
def test_bad_reports_are_refused_by_name(change, where):
    with pytest.raises(MethodError) as error:
        severity_gradient(*change(*reports()), seed=0)
    assert error.value.where == where
    assert error.value.remedy


def test_other_bad_arguments_of_a_gradient():
    severity, exposure, place = reports()
    same = pd.DataFrame({"x": exposure.loc[place].to_numpy()})
    for arguments, where in (
        ({"covariates": same}, "covariates"),
        ({"covariates": same.iloc[:3]}, "covariates"),
        ({"power": 1.2}, "power"),
        ({"permutations": 3}, "permutations"),
    ):
        with pytest.raises(MethodError) as error:
            severity_gradient(severity, exposure, place, seed=0, **arguments)
        assert error.value.where == where
    with pytest.raises(MethodError, match="standard_error"):
        detectable_slope(0.0, freedom=3)
    with pytest.raises(MethodError, match="freedom"):
        detectable_slope(1.0, freedom=0)
