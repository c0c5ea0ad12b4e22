"""Forecasts, synthetic controls and differences, held against R, published numbers, closed forms and brute force."""

from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from musan.errors import MethodError
from musan.methods import state_space
from musan.methods.counterfactual import (
    Sarimax,
    Structural,
    banned_against_unbanned,
    forecast,
    placebo_dates,
    placebo_units,
    synthetic_control,
    synthetic_difference,
)
from musan.methods.likelihoods import Filter
from musan.methods.permutation import accepted, arrangements, selections, share_as_extreme
from musan.methods.synthetic_control import simplex_weights

REFERENCE = Path(__file__).parents[1] / "reference" / "counterfactual"
FORECASTS = pd.read_csv(REFERENCE / "forecasts.csv").set_index(["case", "quantity"])["value"]
SMOKING = pd.read_csv(REFERENCE / "california_prop99.csv", index_col="Year")
CALIFORNIA = {"treated": "California", "last_before": 1988}


def series(name, ahead=0):
    """A series of R's, with as many further periods (whose values are not used)."""
    table = pd.read_csv(REFERENCE / f"{name}.csv")
    step = table["time"].iloc[1] - table["time"].iloc[0]
    values = np.concatenate([table["value"], np.full(ahead, table["value"].iloc[-1])])
    return pd.Series(values, np.round(table["time"].iloc[0] + step * np.arange(len(values)), 6))


def expected(case, quantity):
    return FORECASTS.loc[case].filter(regex=f"^{quantity}").to_numpy()


def months(values, start="2014-01"):
    return pd.Series(np.asarray(values, dtype=float), pd.period_range(start, periods=len(values), freq="M"))


def collapse(n=38, after=8, level=200.0, left=0.1, seed=0):
    """Trade that falls to a tenth after its n-th month."""
    noise = np.random.default_rng(seed).normal(size=n + after)
    return months(level * np.exp(0.1 * noise) * np.where(np.arange(n + after) < n, 1, left))


# Forecasts against R

CASES = {
    "nile level": ("nile", 0, 5, Structural("local level"), "level"),
    "nile level to 1950": ("nile", -20, 5, Structural("local level"), "level"),
    "log drivers level": ("uk_drivers", 0, 5, Structural("local level"), "log"),
    "airline": ("air_passengers", 0, 12, Sarimax((0, 1, 1), (0, 1, 1, 12), constant=False), "log"),
    "huron with trend": ("lake_huron", 0, 5, Sarimax((2, 0, 0)), "level"),
}


@pytest.mark.parametrize("case", CASES)
def test_forecasts_are_those_of_r(case):
    name, cut, ahead, model, scale = CASES[case]
    outcome = series(name, max(ahead + cut, 0))
    last = outcome.index[-ahead - 1] if cut == 0 else outcome.index[cut - 1]
    regressors = pd.DataFrame({"year": outcome.index - 1920}, outcome.index) if "huron" in case else None
    result = forecast(
        outcome, last_before=last, model=model, scale=scale, regressors=regressors, draws=200, level=0.6827, seed=1
    )
    after = result.frame[result.frame["role"] == "after"].iloc[:ahead]
    ours = np.log(after["expected"]) if scale == "log" else after["expected"]
    np.testing.assert_allclose(ours, expected(case, "forecast"), rtol=2e-5)
    found = result.parameters.set_index("parameter")["value"]
    for quantity in FORECASTS.loc[case].index:
        if quantity in found.index:
            reference = FORECASTS[case, quantity]
            assert found[quantity] == pytest.approx(reference, rel=2e-4)


def test_published_variances_of_the_nile():
    result = forecast(series("nile", 1), last_before=1970, draws=200, seed=0)
    found = result.parameters.set_index("parameter")["value"]
    assert round(found["variance of irregular"]) in (15098, 15099)
    assert round(found["variance of level"]) == 1469


def test_published_variances_of_the_british_drivers():
    outcome = series("uk_drivers", 1)
    last = outcome.index[-2]
    level, seasonal = (
        forecast(outcome, last_before=last, model=model, scale="log", draws=200, seed=0).parameters["value"]
        for model in (Structural("local level"), Structural("local level", seasonal=12))
    )
    assert list(level) == pytest.approx([0.00222157, 0.0118660], rel=2e-5)
    assert list(seasonal) == pytest.approx([0.00351385, 0.000945723], rel=2e-4)


def test_interval_is_that_of_r_and_a_little_wider_for_the_parameters():
    outcome = series("nile", 5)
    result = forecast(outcome, last_before=1970, draws=20_000, level=0.6827, seed=3)
    after = result.frame[result.frame["role"] == "after"]
    half = (after["expected_high"] - after["expected_low"]) / 2
    ratio = half.to_numpy() / expected("nile level", "standard error")
    assert ((ratio > 0.98) & (ratio < 1.12)).all()


# Likelihoods of many parameters at once, against the filter of statsmodels

CLOSED = [
    Structural("constant", seasonal=4, seasonal_varies=True),
    Structural("deterministic trend"),
    Structural("local level"),
    Structural("local level", seasonal=12),
    Structural("random walk with drift", seasonal=4),
    Structural("smooth trend"),
    Sarimax((1, 0, 0), (1, 0, 0, 12)),
    Sarimax((2, 0, 0), (2, 0, 0, 4), constant=False),
    Sarimax((3, 1, 0), (1, 1, 0, 4)),
    Sarimax((0, 1, 0), constant=False),
]


@pytest.mark.parametrize("with_regressors", [True, False])
@pytest.mark.parametrize("model", CLOSED, ids=lambda model: model.words)
def test_likelihood_and_forecasts_are_those_of_the_filter(model, with_regressors):
    draw = np.random.default_rng(3)
    outcome = draw.normal(size=40).cumsum() / 4
    regressors = draw.normal(size=(46, 2)) if with_regressors else None
    built = model.build(outcome, regressors[:40] if with_regressors else None)
    built.ssm.tolerance = 0  # or the filter takes its gain for settled when it nearly is
    ours = state_space._likelihood(model, built, outcome, regressors, 6)
    reference = Filter(built, regressors[40:] if with_regressors else None, 6)
    assert not isinstance(ours, Filter)
    vectors = draw.normal(size=(20, len(built.param_names)))
    apart = ours.loglikes(vectors) - reference.loglikes(vectors)
    assert np.ptp(apart) < 1e-8
    np.testing.assert_allclose(ours.mean(vectors[0]), reference.mean(vectors[0]), atol=1e-9)
    one, other = (way.paths(vectors[:1], 5000, np.random.default_rng(1)) for way in (ours, reference))
    spread = other.std(axis=0)
    assert np.abs(one.mean(axis=0) - other.mean(axis=0)).max() < 0.08 * spread.max()
    np.testing.assert_allclose(np.cov(one.T), np.cov(other.T), atol=0.1 * spread.max() ** 2)


@pytest.mark.parametrize("with_regressors", [True, False])
@pytest.mark.parametrize("model", CLOSED, ids=lambda model: model.words)
def test_maximum_in_closed_form_is_what_a_search_over_all_parameters_finds(model, with_regressors):
    for seed in range(3):
        draw = np.random.default_rng(seed)
        outcome = draw.normal(size=40).cumsum() / 4 + draw.normal(size=40)
        regressors = draw.normal(size=(46, 2)) if with_regressors else None
        fitted = state_space.fit(model, outcome, regressors, 6)
        start = fitted.built.untransform_params(fitted.built.start_params)
        searched = state_space._search(fitted.likelihood.loglikes, 40, start)
        found, expected = fitted.likelihood.loglikes(np.stack([fitted.best, searched]))
        assert found > expected - 1e-9
        if found < expected + 1e-6:  # else the search ended at a lower top
            np.testing.assert_allclose(fitted.mean, fitted.likelihood.mean(searched), atol=1e-4)


def test_the_higher_of_two_maxima_is_found():
    draw = np.random.default_rng(116)
    outcome = stats.zscore(draw.normal(size=27).cumsum() / 2 + draw.normal(size=27))
    fitted = state_space.fit(Structural("local level", seasonal=12), outcome, None, 3)
    sizes, angles = np.meshgrid(np.geomspace(0.3, 3, 100), np.linspace(0, np.pi / 2, 500))
    grid = np.stack([sizes * np.cos(angles), sizes * np.sin(angles)], axis=-1).reshape(-1, 2)
    highest = grid[np.argmax(fitted.likelihood.loglikes(grid))]
    np.testing.assert_allclose(fitted.best, highest, atol=0.02)
    lower = optimize.minimize(
        lambda one: -fitted.likelihood.loglikes(one[None, :])[0], [1.0, 0.2], method="Nelder-Mead"
    )
    assert lower.fun > 0.1 - fitted.likelihood.loglikes(fitted.best[None, :])[0]


def test_as_many_states_as_periods_have_no_maximum():
    for trend, periods in (("random walk with drift", 2), ("smooth trend", 2), ("local level", 1)):
        with pytest.raises(MethodError, match="no clear maximum"):
            state_space.fit(Structural(trend), np.linspace(-1, 1, periods), None, 3)


@pytest.mark.parametrize("model", [Structural("local linear trend"), Sarimax((0, 1, 1))], ids=lambda model: model.words)
def test_other_models_go_through_the_filter(model):
    outcome = collapse().to_numpy()
    likelihood = state_space._likelihood(model, model.build(outcome, None), outcome, None, 3)
    assert isinstance(likelihood, Filter)


def test_paths_of_several_parameters_come_in_their_order():
    outcome = np.random.default_rng(0).normal(size=40)
    for model in (Structural("local level"), Sarimax((1, 0, 0))):
        built = model.build(outcome, None)
        likelihood = state_space._likelihood(model, built, outcome, None, 3)
        small, large = np.zeros(len(built.param_names)), np.ones(len(built.param_names))
        small[-1] = 1e-4
        paths = likelihood.paths(np.stack([small, large, small]), 50, np.random.default_rng(0))
        assert paths.shape == (150, 3)
        still = paths[[*range(50), *range(100, 150)]].std(axis=0)
        assert still.max() < 0.01 < paths[50:100].std(axis=0).min()


# What a forecast must add up to


def test_effects_add_up():
    result = forecast(collapse(), last_before="2017-02", seed=0)
    after = result.frame[result.frame["role"] == "after"]
    np.testing.assert_allclose(after["effect"], after["observed"] - after["expected"])
    np.testing.assert_allclose(after["cumulative"], after["effect"].cumsum())
    assert after["cumulative"].iloc[-1] == pytest.approx(result.total)
    assert after["cumulative_low"].iloc[-1] == pytest.approx(result.total_low)
    assert result.mean * result.periods_after == pytest.approx(result.total)
    assert result.relative_pct == pytest.approx(100 * (after["observed"].sum() / after["expected"].sum() - 1))
    assert result.relative_low_pct < result.relative_pct < result.relative_high_pct < -70
    assert result.n == 38
    assert result.p_value < 0.01
    assert "effect a period" in result.summary().to_string()


def test_only_the_time_before_is_fitted():
    one, other = collapse(left=0.1), collapse(left=3.0)
    same = [forecast(values, last_before="2017-02", seed=5).frame["expected"] for values in (one, other)]
    pd.testing.assert_series_equal(*same)


def test_unit_of_the_outcome_does_not_matter():
    small, large = (forecast(collapse() * times, last_before="2017-02", seed=2) for times in (1, 1e6))
    assert large.total == pytest.approx(1e6 * small.total, rel=1e-4)
    assert large.relative_high_pct == pytest.approx(small.relative_high_pct, rel=1e-3)


def test_seed_decides():
    first, again, other = (forecast(collapse(), last_before="2017-02", seed=s) for s in (1, 1, 2))
    assert first.total_low == again.total_low
    assert first.total_low != other.total_low


def test_log_scale_takes_zeros_after_and_never_goes_below_zero():
    result = forecast(collapse(left=0.0), last_before="2017-02", scale="log", seed=0)
    assert result.relative_pct == pytest.approx(-100)
    assert result.relative_high_pct == pytest.approx(-100)
    assert (result.frame["expected_low"].dropna() > 0).all()


@pytest.mark.parametrize("model", [Structural("local level"), Sarimax((1, 0, 0))])
def test_regressors_explain_what_they_explain(model):
    draw = np.random.default_rng(4)
    price = np.cumsum(draw.normal(size=60)) + 50
    outcome = months(30 + 2 * price + draw.normal(size=60))
    table = pd.DataFrame({"price": price}, outcome.index)
    result = forecast(outcome, last_before=outcome.index[47], model=model, regressors=table, seed=1)
    slope = result.parameters.set_index("parameter").loc["slope of price", "value"]
    assert slope == pytest.approx(2, abs=0.2)
    assert result.total_low < 0 < result.total_high
    assert result.total_high - result.total_low < 60


def test_negative_forecasts_have_no_percentage():
    draw = np.random.default_rng(0)
    result = forecast(months(draw.normal(size=40)), last_before="2016-06", seed=0)
    assert result.relative_pct is None
    assert any("scale='log'" in note for note in result.assumptions)
    assert "–" in result.summary().to_string()


def test_interval_covers_and_p_value_is_not_too_small():
    inside = rejected = 0
    for seed in range(30):
        draw = np.random.default_rng(seed)
        outcome = months(draw.normal(size=50) + np.sqrt(0.1) * np.cumsum(draw.normal(size=50)))
        result = forecast(outcome, last_before=outcome.index[37], draws=200, level=0.9, seed=seed)
        inside += result.total_low <= 0 <= result.total_high
        rejected += result.p_value <= 0.1
    assert inside >= 24  # 30 x 0.9 less two standard deviations
    assert rejected <= 6


# Placebo dates


def test_true_date_ranks_first_when_it_is_the_only_fall():
    result = placebo_dates(collapse(), last_before="2017-02", horizon=6, scale="log")
    assert result.rank == 1
    assert result.p_value == pytest.approx(1 / (result.placebos + 1))
    assert result.failed == 0
    assert result.frame["true_date"].sum() == 1
    latest = result.frame.loc[~result.frame["true_date"], "last_before"].max()
    assert latest == pd.Period("2016-08", "M")  # its window ends with the last period before
    assert result.effective_n == (38 - 12) // 6
    single = forecast(collapse(after=6), last_before="2017-02", scale="log", seed=0)
    true = result.frame[result.frame["true_date"]].iloc[0]
    assert true["relative_pct"] == pytest.approx(single.relative_pct)


def test_direction_of_placebos():
    ranks = [
        placebo_dates(collapse(), last_before="2017-02", horizon=6, scale="log", direction=one).rank
        for one in ("rise", "either")
    ]
    assert ranks[0] > 5
    assert ranks[1] == 1


def test_failed_placebos_are_reported(monkeypatch):
    honest = state_space.fit

    def fails_at_twenty(model, values, regressors, ahead):
        if len(values) == 20:
            raise MethodError("the likelihood has no clear maximum", "model")
        return honest(model, values, regressors, ahead)

    monkeypatch.setattr(state_space, "fit", fails_at_twenty)
    result = placebo_dates(collapse(), last_before="2017-02", horizon=6, scale="log")
    assert result.failed == 1
    assert result.frame["status"].str.contains("no clear maximum").sum() == 1
    assert result.placebos == len(result.frame) - 2


def test_a_fit_without_a_maximum_is_refused(monkeypatch):
    monkeypatch.setattr(state_space, "STEEPEST", -1.0)
    with pytest.raises(MethodError, match="no clear maximum") as error:
        forecast(collapse(), last_before="2017-02", seed=0)
    assert error.value.where == "model"
    assert "simpler" in error.value.remedy


def with_gap(outcome):
    return outcome.drop(outcome.index[5])


def with_nan(outcome):
    return outcome.where(outcome.index != outcome.index[4])


@pytest.mark.parametrize(
    ("change", "arguments", "where"),
    [
        (with_nan, {}, "outcome"),
        (with_gap, {}, "outcome"),
        (lambda y: y.iloc[::-1], {}, "outcome"),
        (lambda y: pd.concat([y.iloc[:3], y]), {}, "outcome"),
        (lambda y: y * 0 + 5, {}, "outcome"),
        (lambda y: y - 300, {"scale": "log"}, "outcome"),
        (lambda y: y, {"last_before": "2030-01"}, "last_before"),
        (lambda y: y, {"last_before": "2014-04"}, "last_before"),
        (lambda y: y, {"last_before": "2017-10"}, "last_before"),
        (lambda y: y, {"level": 95}, "level"),
        (lambda y: y, {"draws": 10}, "draws"),
        (lambda y: y, {"scale": "logs"}, "scale"),
        (lambda y: y, {"regressors": pd.DataFrame({"one": np.ones(46)}, collapse().index)}, "regressors"),
        (lambda y: y, {"regressors": pd.DataFrame({"x": np.arange(46.0)})}, "regressors"),
    ],
)
def test_bad_series_are_refused_by_name(change, arguments, where):
    with pytest.raises(MethodError) as error:
        forecast(change(collapse()), **({"last_before": "2017-02", "seed": 0} | arguments))
    assert error.value.where == where
    assert error.value.remedy


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda: Structural("level"), "trend"),
        (lambda: Structural(seasonal=1), "seasonal"),
        (lambda: Sarimax((1, 0)), "order"),
        (lambda: Sarimax((1, 0, 0), (1, 0, 0, 0)), "seasonal_order"),
        (lambda: placebo_dates(collapse(after=30), last_before="2017-02", horizon=30), "horizon"),
        (lambda: placebo_dates(collapse(), last_before="2017-02", horizon=6, dates=["2016-12"]), "dates"),
        (lambda: placebo_dates(collapse(), last_before="2017-02", horizon=6, shortest=3), "shortest"),
        (lambda: placebo_dates(collapse(), last_before="2017-02", horizon=6, direction="down"), "direction"),
    ],
)
def test_bad_models_and_dates_are_refused_by_name(make, where):
    with pytest.raises(MethodError) as error:
        make()
    assert error.value.where == where
    assert error.value.remedy


# Weights on a simplex


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 10.0]))
def test_weights_are_optimal(rows, columns, seed, ridge):
    draw = np.random.default_rng(seed)
    matrix, target = draw.normal(size=(rows, columns)), draw.normal(size=rows)
    found = simplex_weights(matrix, target, ridge=ridge)
    weights = found.weights
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    assert found.gap <= 1e-9
    gradient = matrix.T @ (matrix @ weights - target) + ridge * weights
    assert (gradient - weights @ gradient >= -1e-6).all()


def test_weights_are_those_of_another_solver():
    draw = np.random.default_rng(0)
    matrix, target = draw.normal(size=(15, 6)), draw.normal(size=15)

    def loss(w):
        return ((matrix @ w - target) ** 2).sum() + 0.3 * (w**2).sum()

    other = optimize.minimize(
        loss,
        np.full(6, 1 / 6),
        method="SLSQP",
        bounds=[(0, 1)] * 6,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    found = simplex_weights(matrix, target, ridge=0.3).weights
    np.testing.assert_allclose(found, other.x, atol=1e-6)
    assert loss(found) <= loss(other.x) + 1e-10


def test_a_true_mix_is_found_and_doubt_is_said():
    draw = np.random.default_rng(1)
    matrix = draw.normal(size=(20, 5))
    truth = np.array([0.5, 0.2, 0.3, 0, 0])
    sure = simplex_weights(matrix, matrix @ truth)
    np.testing.assert_allclose(sure.weights, truth, atol=1e-8)
    assert sure.unique
    twins = simplex_weights(np.hstack([matrix, matrix[:, :1]]), matrix @ truth)
    assert not twins.unique


# Synthetic control and synthetic difference-in-differences: California's tobacco programme


def test_difference_in_differences_is_as_published():
    result = synthetic_difference(SMOKING, treated=["California"], last_before=1988, estimator="difference", seed=0)
    assert result.estimate == pytest.approx(-27.34911, abs=5e-6)


def test_synthetic_difference_is_as_published():
    result = synthetic_difference(SMOKING, treated=["California"], last_before=1988, seed=0)
    assert result.estimate == pytest.approx(-15.604, abs=2e-3)
    # The authors' algorithm with thirty times the steps; then the sd of all 38 placebo estimates.
    assert result.estimate == pytest.approx(-15.60529, abs=2e-4)
    assert result.standard_error == pytest.approx(9.3688, abs=5e-3)
    assert result.replications == 38
    assert result.effective_units == pytest.approx(16.4, abs=0.05)
    assert result.effective_periods == pytest.approx(2.8, abs=0.05)


def test_synthetic_control_is_nearer_the_optimum_than_what_is_published():
    ours = synthetic_difference(
        SMOKING, treated=["California"], last_before=1988, estimator="synthetic control", seed=0
    )
    # With 10^4, 10^5 and 3 x 10^5 steps the authors' algorithm gives -19.620, -19.561 and -19.535.
    gaps = np.abs(np.array([-19.61966, -19.56112, -19.53498]) - ours.estimate)
    assert gaps[0] < 0.11
    assert (np.diff(gaps) < 0).all()
    exact = synthetic_control(SMOKING, **CALIFORNIA)
    assert exact.effect == pytest.approx(ours.estimate, abs=1e-4)
    theirs = {"Utah": 0.396104, "Montana": 0.232273, "Nevada": 0.204426, "Connecticut": 0.104467}
    theirs |= {"New Hampshire": 0.045364, "Colorado": 0.013316, "Delaware": 0.004050}
    before = SMOKING.loc[:1988]
    loss = ((before[list(theirs)] @ pd.Series(theirs) - before["California"]) ** 2).mean()
    assert exact.rmspe_before**2 < loss
    weights = exact.weights.set_index("donor")["weight"]
    assert (weights[list(theirs)] - pd.Series(theirs)).abs().max() < 0.006


def test_effect_curve_and_weights_make_the_estimate():
    result = synthetic_difference(SMOKING, treated=["California"], last_before=1988, seed=0)
    assert result.frame["effect"].mean() == pytest.approx(result.estimate)
    assert result.unit_weights["weight"].sum() == pytest.approx(1)
    assert result.time_weights["weight"].sum() == pytest.approx(1)
    noise = np.diff(SMOKING.drop(columns="California").loc[:1988], axis=0).std(ddof=1)
    assert result.zeta_unit == pytest.approx(12**0.25 * noise)


@pytest.mark.parametrize("estimator", ["synthetic difference", "difference"])
def test_two_way_effects_are_taken_out_exactly(estimator):
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=8) + draw.normal(size=(12, 1)) * 5, columns=list("abcdefgh"))
    table.loc[8:, ["a", "b"]] += 3.0
    result = synthetic_difference(table, treated=["a", "b"], last_before=7, estimator=estimator, seed=0)
    assert result.estimate == pytest.approx(3)


def test_jackknife_is_the_textbook_one():
    draw = np.random.default_rng(2)
    table = pd.DataFrame(draw.normal(size=(10, 9)), columns=list("abcdefghi"))
    arguments = {"treated": ["a", "b", "c"], "last_before": 6, "estimator": "difference", "seed": 0}
    result = synthetic_difference(table, variance="jackknife", **arguments)
    change = table.loc[7:].mean() - table.loc[:6].mean()
    leave = [
        change.drop(out).reindex(list("abc")).mean() - change.drop(out).drop(list("abc"), errors="ignore").mean()
        for out in table
    ]
    assert result.standard_error == pytest.approx(np.sqrt(8 / 9 * ((leave - np.mean(leave)) ** 2).sum()))


def test_placebo_error_of_several_treated_is_drawn():
    draw = np.random.default_rng(3)
    table = pd.DataFrame(draw.normal(size=(12, 20)), columns=[f"u{i}" for i in range(20)])
    arguments = {"treated": ["u0", "u1", "u2"], "last_before": 7, "estimator": "difference", "replications": 400}
    first, again = (synthetic_difference(table, seed=1, **arguments) for _ in range(2))
    assert first.standard_error == again.standard_error
    change = (table.loc[8:].mean() - table.loc[:7].mean()).drop(["u0", "u1", "u2"]).to_numpy()
    every = [change[list(g)].mean() - np.delete(change, g).mean() for g in combinations(range(17), 3)]
    assert first.standard_error == pytest.approx(np.std(every), rel=0.1)


def test_placebo_units_rank_by_the_ratio():
    result = placebo_units(SMOKING, **CALIFORNIA)
    assert result.n == 39
    assert result.p_value == pytest.approx(result.rank / 39)
    single = synthetic_control(SMOKING, **CALIFORNIA)
    treated = result.frame[result.frame["treated"]].iloc[0]
    assert treated["ratio"] == pytest.approx(single.ratio)
    assert result.rank == (result.frame["ratio"] >= treated["ratio"]).sum()
    # No placebo uses the treated unit.
    missouri = synthetic_control(SMOKING.drop(columns="California"), treated="Missouri", last_before=1988)
    assert result.frame.set_index("unit").loc["Missouri", "ratio"] == pytest.approx(missouri.ratio)
    strict = placebo_units(SMOKING, **CALIFORNIA, worst_fit=2.0)
    assert strict.n < 39
    assert strict.gaps.shape == (31, 39)


def test_placebo_p_values_are_uniform_without_an_effect():
    low = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        table = pd.DataFrame(np.cumsum(draw.normal(size=(20, 10)), axis=0), columns=list("abcdefghij"))
        low += placebo_units(table, treated="a", last_before=12).p_value <= 0.2
    assert 10 <= low <= 32  # 20 expected; a treated unit has one more donor than its placebos


def test_predictors_and_their_importance():
    draw = np.random.default_rng(5)
    traits = pd.DataFrame(draw.normal(size=(3, 39)) * [[1.0], [10.0], [0.1]], columns=SMOKING.columns)
    equal = synthetic_control(SMOKING, **CALIFORNIA, predictors=traits)
    other_unit = synthetic_control(SMOKING, **CALIFORNIA, predictors=traits.mul([1.0, 1000.0, 1.0], axis=0))
    pd.testing.assert_frame_equal(equal.weights, other_unit.weights)
    only = synthetic_control(
        SMOKING, **CALIFORNIA, predictors=traits, importance=pd.Series([1.0, 0.0, 0.0], traits.index)
    )
    mix = only.weights.set_index("donor")["weight"].reindex(traits.columns.drop("California"))
    assert traits.drop(columns="California").iloc[0] @ mix == pytest.approx(traits["California"].iloc[0])
    assert not only.unique


@pytest.mark.parametrize(
    ("run", "where"),
    [
        (lambda: synthetic_control(SMOKING.where(SMOKING > 60), **CALIFORNIA), "outcomes"),
        (lambda: synthetic_control(SMOKING.iloc[::-1], **CALIFORNIA), "outcomes"),
        (lambda: synthetic_control(SMOKING, treated="Californa", last_before=1988), "treated"),
        (lambda: synthetic_control(SMOKING, treated="California", last_before=1960), "last_before"),
        (lambda: synthetic_control(SMOKING, treated="California", last_before=2000), "last_before"),
        (lambda: synthetic_control(SMOKING[["California", "Utah"]], **CALIFORNIA), "outcomes"),
        (lambda: synthetic_control(SMOKING, **CALIFORNIA, predictors=SMOKING.iloc[:3, :5]), "predictors"),
        (lambda: synthetic_control(SMOKING, **CALIFORNIA, predictors=SMOKING.iloc[:2] * 0), "predictors"),
        (
            lambda: synthetic_control(
                SMOKING, **CALIFORNIA, predictors=SMOKING.iloc[:2], importance=pd.Series([-1, 2], [1970, 1971])
            ),
            "importance",
        ),
        (
            lambda: synthetic_difference(
                SMOKING, treated=["California"], last_before=1988, variance="jackknife", seed=0
            ),
            "variance",
        ),
        (lambda: synthetic_difference(SMOKING, treated=[], last_before=1988, seed=0), "treated"),
        (
            lambda: synthetic_difference(SMOKING.iloc[:, :4], treated=["Alabama"] * 2, last_before=1988, seed=0),
            "treated",
        ),
        (
            lambda: synthetic_difference(
                SMOKING.iloc[:, :4], treated=list(SMOKING.columns[:2]), last_before=1988, seed=0
            ),
            "treated",
        ),
    ],
)
def test_bad_panels_are_refused_by_name(run, where):
    with pytest.raises(MethodError) as error:
        run()
    assert error.value.where == where
    assert error.value.remedy


# Banned against unbanned goods


def goods(seed=0, n=7):
    draw = np.random.default_rng(seed)
    return pd.DataFrame(draw.uniform(10, 100, (6, n)), [2013, 2014, 2015, 2016, 2017, 2018], list("abcdefg")[:n])


BANNED = ["a", "b", "c", "d", "e"]


def test_ratio_is_poisson_regression():
    table = goods()
    result = banned_against_unbanned(table, banned=BANNED, last_before=2016, seed=0)
    before, after = table.loc[:2016].mean(), table.loc[2017:].mean()
    stacked = pd.concat([before, after]).to_numpy()
    dummies = np.vstack([np.eye(7), np.eye(7)])
    later = np.repeat([0.0, 1.0], 7)
    hit = later * np.tile(np.isin(table.columns, BANNED), 2)
    fitted = sm.GLM(stacked, np.column_stack([dummies, later, hit]), family=sm.families.Poisson()).fit(tol=1e-12)
    assert np.log(result.estimate) == pytest.approx(fitted.params[-1], abs=1e-8)
    assert result.effect_pct == pytest.approx(100 * np.expm1(fitted.params[-1]))
    assert result.low is None


@pytest.mark.parametrize("measure", ["log", "level", "proportion"])
def test_difference_of_mean_changes_and_its_permutations(measure):
    table = goods(3)
    result = banned_against_unbanned(table, banned=BANNED, last_before=2016, measure=measure, seed=0)
    before, after = table.loc[:2016].mean(), table.loc[2017:].mean()
    change = {"log": np.log(after / before), "level": after - before, "proportion": after / before - 1}[measure]
    assert result.estimate == pytest.approx(change[BANNED].mean() - change[["f", "g"]].mean())
    every = []
    for chosen in combinations("abcdefg", 5):
        rest = [good for good in "abcdefg" if good not in chosen]
        every.append(change[list(chosen)].mean() - change[rest].mean())
    assert result.p_value == pytest.approx(np.mean(np.abs(every) >= abs(result.estimate) - 1e-12))
    assert result.permutations == 21
    assert result.exact
    assert result.smallest_p == pytest.approx(1 / 21)
    assert not result.untestable
    # The interval holds just those effects that the same test does not reject.
    for effect in np.linspace(result.low - 1, result.high + 1, 41):
        adjusted = change.copy()
        adjusted[BANNED] -= effect
        means = [
            abs(adjusted[list(c)].mean() - adjusted[[g for g in "abcdefg" if g not in c]].mean())
            for c in combinations("abcdefg", 5)
        ]
        here = abs(adjusted[BANNED].mean() - adjusted[["f", "g"]].mean())
        kept = np.mean(np.array(means) >= here - 1e-12) > 0.05
        assert kept == (result.low - 1e-9 <= effect <= result.high + 1e-9)


def test_a_complete_ban_is_a_fall_of_all():
    table = goods()
    table.loc[2017:, BANNED] = 0.0
    result = banned_against_unbanned(table, banned=BANNED, last_before=2016, tail="fall", seed=0)
    assert result.estimate == 0
    assert result.effect_pct == -100
    assert result.p_value == pytest.approx(1 / 21)
    assert result.frame.set_index("good").loc["a", "proportion"] == -1
    share = banned_against_unbanned(table, banned=BANNED, last_before=2016, measure="proportion", seed=0)
    assert share.p_value == pytest.approx(1 / 21)
    assert share.effect_pct == pytest.approx(
        100 * (-1 - share.frame.set_index("good").loc[["f", "g"], "proportion"].mean())
    )


def test_too_few_goods_are_called_untestable():
    result = banned_against_unbanned(goods(n=4), banned=["a", "b"], last_before=2016, measure="level", seed=0)
    assert result.untestable
    assert (result.low, result.high) == (-np.inf, np.inf)
    assert "too few goods" in result.summary().to_string()


def test_leaving_out_one_good():
    table = goods()
    result = banned_against_unbanned(table, banned=BANNED, last_before=2016, seed=0)
    without = [
        banned_against_unbanned(
            table.drop(columns=good), banned=[b for b in BANNED if b != good], last_before=2016, seed=0
        ).estimate
        for good in table
    ]
    assert (result.least, result.most) == pytest.approx((min(without), max(without)))


@pytest.mark.parametrize(
    ("change", "arguments", "where"),
    [
        (lambda t: -t, {}, "values"),
        (lambda t: t.where(t > 20), {}, "values"),
        (lambda t: t.iloc[::-1], {}, "values"),
        (lambda t: t.assign(a=0.0), {}, "values"),
        (lambda t: t.assign(a=[5.0] * 4 + [0.0] * 2), {"measure": "log"}, "values"),
        (lambda t: t.assign(f=[5.0] * 4 + [0.0] * 2, g=[5.0] * 4 + [0.0] * 2), {}, "values"),
        (lambda t: t, {"banned": ["z"]}, "banned"),
        (lambda t: t, {"banned": list("abcdefg")}, "banned"),
        (lambda t: t, {"last_before": 2018}, "last_before"),
        (lambda t: t, {"measure": "logs"}, "measure"),
        (lambda t: t, {"tail": "lower"}, "tail"),
    ],
)
def test_bad_goods_are_refused_by_name(change, arguments, where):
    with pytest.raises(MethodError) as error:
        banned_against_unbanned(change(goods()), **({"banned": BANNED, "last_before": 2016, "seed": 0} | arguments))
    assert error.value.where == where
    assert error.value.remedy


# Permutations


def test_all_orders_and_choices_are_listed_once():
    draw = np.random.default_rng(0)
    orders, exact = arrangements(4, 24, draw)
    assert exact
    assert sorted(map(tuple, orders)) == sorted(permutations(range(4)))
    assert list(orders[0]) == [0, 1, 2, 3]
    chosen = np.array([False, True, True, False, False])
    masks, exact = selections(chosen, 10, draw)
    assert exact
    assert len({tuple(mask) for mask in masks}) == 10
    assert (masks[0] == chosen).all()
    drawn, exact = arrangements(9, 500, draw)
    assert not exact
    assert drawn.shape == (500, 9)
    assert (np.sort(drawn, axis=1) == np.arange(9)).all()


def test_share_as_extreme_counts_ties_and_itself():
    values = np.array([2.0, 2.0 - 1e-15, -2.0, 1.0, 3.0])
    assert share_as_extreme(values) == pytest.approx(4 / 5)
    assert share_as_extreme(values, "upper") == pytest.approx(3 / 5)
    assert share_as_extreme(values, "lower") == pytest.approx(4 / 5)
    assert share_as_extreme(np.array([-np.inf, 1.0, -np.inf])) == pytest.approx(2 / 3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.8, 0.9, 0.95]))
def test_accepted_slopes_are_those_that_a_grid_finds(seed, level):
    draw = np.random.default_rng(seed)
    x, y = draw.normal(size=(2, 5))
    x, y = x - x.mean(), y - y.mean()
    orders, _ = arrangements(5, 120, draw)
    constant, slope = x[orders] @ y, x[orders] @ x
    low, high = accepted(constant, slope, level)
    for b in np.concatenate([np.linspace(-8, 8, 33), [y @ x / (x @ x)]]):
        statistics = np.abs(constant - b * slope)
        kept = np.mean(statistics >= statistics[0] - 1e-9) > 1 - level + 1e-12
        if min(abs(b - low), abs(b - high)) > 1e-6:
            assert kept == (low <= b <= high)
