"""Tests for interrupted series, held against R, statsmodels and simulation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from scipy.signal import lfilter

from musan.errors import MethodError
from musan.methods import interrupted
from musan.methods.long_run_variance import NEWEY_WEST, Hac

REFERENCE = Path(__file__).parents[1] / "reference" / "interrupted"
VALUES = {
    (case, quantity): np.array(str(figures).split(), dtype=float)
    for case, quantity, figures in pd.read_csv(REFERENCE / "values.csv").itertuples(index=False)
}
SEATBELTS = pd.read_csv(REFERENCE / "seatbelts.csv")
SEATBELTS.index = pd.PeriodIndex(SEATBELTS.pop("month"), freq="M")
LAG_6 = Hac("bartlett", 7, prewhiten=False)
COVARIANCES = {"classical": "classical", "newey_west": NEWEY_WEST, "newey_west_lag_6": LAG_6, "andrews": Hac()}
DRIVERS, LAW = np.log(SEATBELTS["drivers"]), "1983-01"
ZEROS = pd.read_csv(REFERENCE / "zeros.csv")["y"].to_numpy()
CASES = {
    "plain": (DRIVERS, LAW, {}),
    "level_only": (DRIVERS, LAW, {"slope": False}),
    "dummies": (DRIVERS, LAW, {"seasonality": "dummies"}),
    "fourier": (DRIVERS, LAW, {"seasonality": "fourier"}),
    "controls": (DRIVERS, LAW, {"controls": SEATBELTS["price"]}),
    "two_dates": (DRIVERS, ["1973-10", LAW], {}),
    "poisson": (SEATBELTS["vans_killed"], LAW, {"family": "poisson", "exposure": SEATBELTS["kms"]}),
    "quasipoisson": (SEATBELTS["vans_killed"], LAW, {"family": "quasipoisson", "seasonality": "dummies"}),
    "zeros": (ZEROS, 16, {"family": "poisson", "slope": False}),
}
Z = stats.norm.ppf(0.975)


def errors(n, rho, seed):
    return lfilter([1.0], [1.0, -rho], np.random.default_rng(seed).standard_normal(n + 100))[100:]


def monthly(figures, start="2014-01"):
    return pd.Series(figures, pd.period_range(start, periods=len(figures), freq="M"))


# R: lm, glm, sandwich


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("case", CASES)
def test_coefficients_and_errors_are_rs(case, covariance):
    y, dates, choices = CASES[case]
    result = interrupted.fit(y, dates, covariance=COVARIANCES[covariance], intervals="normal", **choices)
    table = result.coefficients
    np.testing.assert_allclose(table["estimate"], VALUES[case, "coefficients"], rtol=1e-9)
    np.testing.assert_allclose(table["standard_error"], VALUES[case, covariance], rtol=1e-8)
    np.testing.assert_allclose(result.frame["fitted"], VALUES[case, "fitted"], rtol=1e-10)
    np.testing.assert_allclose(table["high"] - table["low"], 2 * Z * table["standard_error"])
    np.testing.assert_allclose(table["p_value"], 2 * stats.norm.sf(abs(table["estimate"]) / table["standard_error"]))
    if covariance == "newey_west_lag_6":
        np.testing.assert_allclose(result.covariance.to_numpy().ravel(), VALUES[case, "covariance"], rtol=1e-7)
    if case == "quasipoisson":
        assert result.dispersion == pytest.approx(VALUES[case, "dispersion"].item())


def test_effects_are_rs():
    result = interrupted.fit(DRIVERS, LAW, covariance=LAG_6, intervals="normal")
    after = result.frame.iloc[169:]
    np.testing.assert_allclose(after["effect"], VALUES["plain", "effect"], rtol=1e-9)
    np.testing.assert_allclose(after["effect_high"] - after["effect"], Z * VALUES["plain", "effect_error"], rtol=1e-8)
    half = (after["counterfactual_high"] - after["counterfactual_low"]) / 2
    np.testing.assert_allclose(half, Z * VALUES["plain", "counterfactual_error"], rtol=1e-8)
    total = result.total.iloc[0]
    found = total["effect"], (total["effect_high"] - total["effect"]) / Z
    np.testing.assert_allclose(found, VALUES["plain", "total"], rtol=1e-9)
    before = result.frame.iloc[:169]
    assert (before[["effect", "effect_low", "effect_high"]] == 0).all(axis=None)
    np.testing.assert_allclose(before["counterfactual"], before["fitted"])


def test_effects_of_counts_are_rs():
    y, dates, choices = CASES["poisson"]
    result = interrupted.fit(y, dates, covariance=LAG_6, intervals="normal", **choices)
    total = result.total.iloc[0]
    found = total["effect"], (total["effect_high"] - total["effect"]) / Z
    np.testing.assert_allclose(found, VALUES["poisson", "total"], rtol=1e-9)
    found = total["share"], (total["share_high"] - total["share"]) / Z
    np.testing.assert_allclose(found, VALUES["poisson", "share"], rtol=1e-9)
    after, table = result.frame.iloc[169:], result.coefficients
    np.testing.assert_allclose(after["ratio"], after["fitted"] / after["counterfactual"])
    first = after.iloc[0]
    ratios = ["ratio", "ratio_low", "ratio_high"]
    np.testing.assert_allclose(first[ratios].astype(float), table.loc["level after 1983-01", ratios].astype(float))


def test_errors_are_statsmodels():
    y = errors(60, 0.5, 1)
    result = interrupted.fit(y, 30, covariance=LAG_6, intervals="t")
    t = np.arange(60)
    design = np.column_stack([np.ones(60), t, t >= 30, np.maximum(t - 30, 0)])
    other = sm.OLS(y, design).fit(cov_type="HAC", cov_kwds={"maxlags": 6, "use_correction": True}, use_t=True)
    np.testing.assert_allclose(result.coefficients["estimate"], other.params)
    np.testing.assert_allclose(result.coefficients["standard_error"], other.bse)
    np.testing.assert_allclose(result.coefficients[["low", "high"]], other.conf_int())
    np.testing.assert_allclose(result.coefficients["p_value"], other.pvalues)


# R once more, on series that no other test uses


OTHERS = {name: frame.reset_index(drop=True) for name, frame in pd.read_csv(REFERENCE / "others.csv").groupby("series")}
OTHER_CASES = {
    "homicides_poisson": (53, 12),
    "discoveries_poisson": ([25, 50], 1),
    "deaths_poisson": (30, 12),
    "deaths_quasipoisson": ([14, 30, 61], 12),
    "gas_gaussian": (44, 4),
}
MORE_COVARIANCES = {
    "classical": "classical",
    "smooth": "hac",
    "newey_west": NEWEY_WEST,
    "andrews": Hac(),
    "white": Hac("bartlett", 1, prewhiten=False, adjust=False),
    "andrews_raw": Hac(prewhiten=False),
    "quadratic_newey_west": Hac(bandwidth="newey_west"),
}


@pytest.mark.parametrize("covariance", MORE_COVARIANCES)
@pytest.mark.parametrize("name", OTHER_CASES)
def test_other_series_are_rs(name, covariance):
    series, family = name.split("_")
    frame, (dates, length) = OTHERS[series], OTHER_CASES[name]
    choices = {"seasonality": "dummies", "season_length": length} if length > 1 else {}
    exposure = None if family == "gaussian" else frame["exposure"].to_numpy()
    result = interrupted.fit(
        frame["y"].to_numpy(), dates, family=family, exposure=exposure, covariance=MORE_COVARIANCES[covariance],
        intervals="normal", **choices,
    )  # fmt: skip
    case, fitted = f"other_{name}", result.frame["fitted"]
    np.testing.assert_allclose(result.coefficients["estimate"], VALUES[case, "coefficients"], rtol=1e-8)
    np.testing.assert_allclose([fitted.sum(), (fitted**2).sum()], VALUES[case, "fitted_sum"], rtol=1e-10)
    np.testing.assert_allclose(result.coefficients["standard_error"], VALUES[case, covariance], rtol=1e-6)
    total = result.total.iloc[0]
    found = total["effect"], (total["effect_high"] - total["effect"]) / Z
    np.testing.assert_allclose(found, VALUES[case, f"total_{covariance}"], rtol=1e-6)


@pytest.mark.parametrize("name", OTHERS)
def test_placebo_statistics_are_rs(name):
    y = OTHERS[name]["y"].to_numpy(float)
    found = [interrupted.placebo(y, len(y) // 2, term=t).frame["statistic"] for t in ("level", "slope", "joint")]
    np.testing.assert_allclose([f.max() for f in found], VALUES[f"placebo_{name}", "largest"], rtol=1e-8)
    np.testing.assert_allclose([f.mean() for f in found], VALUES[f"placebo_{name}", "mean"], rtol=1e-8)


def test_values_in_dollars_are_counts_like_others():
    t = np.arange(60)
    y = np.where(t % 7 == 0, 0.0, 3.1e9 * np.exp(-0.02 * t - 0.4 * (t >= 40) + 0.2 * errors(60, 0.3, 4)))
    small, large = (interrupted.fit(y / unit, 40, family="poisson", intervals="t") for unit in (1e6, 1))
    np.testing.assert_allclose(large.coefficients.iloc[1:, :4], small.coefficients.iloc[1:, :4], rtol=1e-6)
    assert large.total["share"].item() == pytest.approx(small.total["share"].item())


# Definitions


def test_level_is_the_jump_at_the_first_observation_after_the_date():
    t = np.arange(40)
    noise = np.tile([0.1, -0.1, -0.1, 0.1], 10)
    y = monthly(10 + 0.5 * t - 4 * (t >= 25) - 0.3 * np.maximum(t - 25, 0) + noise)
    result = interrupted.fit(y, "2016-01", replications=99)
    table = result.coefficients["estimate"]
    assert list(table.index) == ["constant", "trend", "level after 2016-01", "slope after 2016-01"]
    np.testing.assert_allclose(table, [10, 0.5, -4, -0.3], atol=0.1)
    at = result.frame.set_index("date").loc[pd.Period("2016-02", "M")]
    assert at["effect"] == pytest.approx(table["level after 2016-01"])
    last = result.frame.iloc[-1]
    assert last["effect"] == pytest.approx(table["level after 2016-01"] + 14 * table["slope after 2016-01"])
    total = result.total.iloc[0]
    assert total["effect"] == pytest.approx(result.frame["effect"].sum())
    assert total["share"] == pytest.approx(total["effect"] / result.frame["counterfactual"].iloc[25:].sum())


def test_counterfactual_keeps_season_and_controls():
    t = np.arange(48)
    control = np.random.default_rng(3).standard_normal(48)
    season = np.tile(np.arange(12), 4)
    y = monthly(20 + season + 2 * control - 5 * (t >= 30) + 0.1 * errors(48, 0, 2))
    result = interrupted.fit(
        y, "2016-06", controls=pd.Series(control, y.index, name="c"), seasonality="dummies", slope=False,
        trend=False, replications=99,
    )  # fmt: skip
    np.testing.assert_allclose(result.frame["counterfactual"], 20 + season + 2 * control, atol=0.3)
    assert result.coefficients.loc["c", "estimate"] == pytest.approx(2, abs=0.1)
    assert result.coefficients.loc["season 12", "estimate"] == pytest.approx(11, abs=0.3)


def test_all_harmonics_are_as_good_as_dummies():
    y = monthly(errors(72, 0.3, 4) + np.tile(np.arange(12) % 5, 6))
    dummies = interrupted.fit(y, "2017-06", seasonality="dummies", intervals="t")
    waves = interrupted.fit(y, "2017-06", seasonality="fourier", harmonics=6, intervals="t")
    assert len(waves.coefficients) == len(dummies.coefficients)
    np.testing.assert_allclose(waves.frame["fitted"], dummies.frame["fitted"])
    quarterly = pd.Series(y.to_numpy()[:40], pd.period_range("2010Q3", periods=40, freq="Q"))
    assert "season 4" in interrupted.fit(quarterly, "2015Q1", seasonality="dummies", intervals="t").coefficients.index
    undated = interrupted.fit(y.to_numpy(), 42, seasonality="dummies", season_length=12, intervals="t")
    np.testing.assert_allclose(undated.frame["fitted"], dummies.frame["fitted"])


def test_exposure_scales_counts():
    exposure = np.linspace(1, 3, 40)
    y = np.random.default_rng(5).poisson(20 * exposure * np.where(np.arange(40) < 24, 1, 0.5))
    result = interrupted.fit(y, 24, family="poisson", exposure=exposure, slope=False, trend=False, replications=199)
    row = result.coefficients.loc["level after 24"]
    assert row["ratio"] == pytest.approx((y[24:].sum() / exposure[24:].sum()) / (y[:24].sum() / exposure[:24].sum()))
    assert row["ratio_low"] < 0.5 < row["ratio_high"]
    np.testing.assert_allclose(result.frame["counterfactual"], exposure * y[:24].sum() / exposure[:24].sum())


def test_zeros_are_counts_like_others():
    result = interrupted.fit(ZEROS, 16, family="poisson", replications=199)
    assert 0 < result.coefficients.loc["level after 16", "ratio"] < 1
    assert (result.frame[["counterfactual_low", "ratio_low"]] > 0).all(axis=None)


# Intervals


def coverage(n, rho, samples, **choices):
    inside = []
    for seed in range(samples):
        table = interrupted.fit(
            errors(n, rho, seed), n // 2, seed=9000 + seed, replications=199, **choices
        ).coefficients
        inside.append((table["low"] <= 0) & (table["high"] >= 0))
    return np.mean(inside, axis=0)[2:]


def test_default_intervals_cover_in_short_persistent_series():
    assert (coverage(24, 0.5, 120) > 0.88).all()
    assert (coverage(60, 0.5, 60) > 0.88).all()


def test_newey_west_with_student_does_not():
    assert (coverage(24, 0.5, 120, covariance=NEWEY_WEST, intervals="t") < 0.8).all()


def test_fixed_b_is_exact_without_serial_correlation():
    found = coverage(24, 0.0, 120, intervals="fixed_b")
    np.testing.assert_allclose(found, 0.95, atol=0.045)


def test_intervals_and_p_values_agree():
    result = interrupted.fit(errors(48, 0.4, 6) - 3 * (np.arange(48) >= 24), 24, replications=999)
    table = result.coefficients
    outside = (table["low"] > 0) | (table["high"] < 0)
    assert (outside == (table["p_value"] <= 0.05)).all()
    wide = interrupted.fit(errors(48, 0.4, 6) - 3 * (np.arange(48) >= 24), 24, replications=999, level=0.99)
    assert (wide.coefficients["high"] > table["high"]).all()


def test_the_same_seed_gives_the_same_intervals():
    y = errors(30, 0.4, 1)
    one, again, other = (interrupted.fit(y, 15, replications=199, seed=s).coefficients["low"] for s in (1, 1, 2))
    assert one.tolist() == again.tolist() != other.tolist()


# Placebo dates


def test_a_true_break_ranks_first():
    y = monthly(errors(60, 0.3, 2) - 8 * (np.arange(60) >= 40))
    result = interrupted.placebo(y, "2017-04", slope=False, trend=False)
    assert str(result.date) == "2017-04"
    assert result.rank == 1
    assert result.p_value == 1 / result.n_dates == 1 / len(result.frame)
    assert result.frame["true"].sum() == 1
    assert result.statistic == result.frame["statistic"].max()
    fitted = interrupted.fit(y, "2017-04", slope=False, trend=False, intervals="t").coefficients
    row = fitted.loc["level after 2017-04"]
    assert result.statistic == pytest.approx(abs(row["estimate"] / row["standard_error"]))
    clean = interrupted.placebo(y, "2017-04", slope=False, trend=False, window="before")
    assert clean.rank == 1
    assert clean.n_dates < result.n_dates
    assert clean.frame.loc[~clean.frame["true"], "estimate"].abs().max() < 4


def test_over_all_dates_every_rank_comes_once():
    y = errors(32, 0.4, 3)
    found = [interrupted.placebo(y, date, slope=False, trend=False, margin=5).p_value for date in range(5, 28)]
    np.testing.assert_allclose(sorted(found), np.arange(1, 24) / 23)


@pytest.mark.parametrize("term", ["slope", "joint"])
def test_other_terms_may_be_ranked(term):
    t = np.arange(60)
    y = errors(60, 0, 8) + 2.0 * np.maximum(t - 30, 0)
    assert interrupted.placebo(y, 30, term=term).rank <= 4
    counts = np.random.default_rng(2).poisson(np.where(t < 30, 30, 5))
    assert interrupted.placebo(counts, 30, term=term, family="poisson").n_dates > 20


# Results and refusals


def test_results_print():
    for family in ("gaussian", "poisson"):
        result = interrupted.fit(SEATBELTS["vans_killed"], LAW, family=family, replications=99)
        summary = result.summary()
        assert summary["value"].map(type).eq(str).all()
        assert summary["fact"].str.startswith("level after 1983-01").any()
        assert result.n == 192
        assert 0 < result.effective_n <= 192
        assert any("draws" in words for words in result.assumptions)
    placebo = interrupted.placebo(SEATBELTS["vans_killed"], LAW)
    assert placebo.summary()["value"].map(type).eq(str).all()


GOOD = monthly(errors(48, 0.3, 9))
COUNTS = monthly(np.random.default_rng(1).poisson(5, 48).astype(float))


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: interrupted.fit(GOOD.where(GOOD.index != GOOD.index[4]), "2016-01"), "y"),
        (lambda: interrupted.fit(GOOD.iloc[::-1], "2016-01"), "y"),
        (lambda: interrupted.fit(pd.concat([GOOD, GOOD.iloc[-1:]]), "2016-01"), "y"),
        (lambda: interrupted.fit(GOOD.drop(GOOD.index[9]), "2016-01"), "y"),
        (lambda: interrupted.fit(GOOD * 0, "2016-01"), "y"),
        (lambda: interrupted.fit(GOOD.iloc[:6], "2014-03"), "y"),
        (lambda: interrupted.fit(monthly(np.arange(48.0)), "2016-01"), "y"),
        (lambda: interrupted.fit(COUNTS - 3, "2016-01", family="poisson"), "y"),
        (lambda: interrupted.fit(COUNTS.where(COUNTS.index < "2016-02", 0.0), "2016-01", family="poisson"), "y"),
        (lambda: interrupted.fit(GOOD, "2031-01"), "dates"),
        (lambda: interrupted.fit(GOOD, "2016"), "dates"),
        (lambda: interrupted.fit(GOOD, ["2016-01", "2016-01"]), "dates"),
        (lambda: interrupted.fit(COUNTS, "2016-01", family="poisson", exposure="days"), "exposure"),
        (lambda: interrupted.fit(COUNTS, "2016-01", family="poisson", exposure=pd.Series(np.ones(48))), "exposure"),
        (lambda: interrupted.fit(COUNTS, "2016-01", family="poisson", exposure=np.full(48, np.nan)), "exposure"),
        (lambda: interrupted.fit(GOOD, "2016-01", seasonality="fourier", harmonics=1.5), "harmonics"),
        (lambda: interrupted.fit(GOOD, "2016-01", seasonality="dummies", season_length=0), "season_length"),
        (lambda: interrupted.fit(GOOD, "2016-01", seed="x"), "seed"),
        (lambda: interrupted.fit(GOOD, "2016-01", order=-1), "order"),
        (lambda: interrupted.placebo(GOOD.where(GOOD.index != GOOD.index[4]), "2016-01"), "y"),
        (lambda: interrupted.placebo(GOOD.iloc[::-1], "2016-01"), "y"),
        (lambda: interrupted.placebo(pd.concat([GOOD, GOOD.iloc[-1:]]), "2016-01"), "y"),
        (lambda: interrupted.placebo(GOOD * 0, "2016-01"), "y"),
        (lambda: interrupted.placebo(GOOD.iloc[:6], "2014-03"), "margin"),
        (lambda: interrupted.placebo(COUNTS - 3, "2016-01", family="poisson"), "y"),
        (lambda: interrupted.placebo(GOOD, "2016-01", controls=np.arange(47)), "controls"),
        (lambda: interrupted.placebo(GOOD, "2016-01", margin="wide"), "margin"),
        (lambda: interrupted.fit(GOOD, []), "dates"),
        (lambda: interrupted.fit(GOOD, "2017-11"), "dates"),
        (lambda: interrupted.fit(GOOD, ["2016-05", "2016-01"]), "dates"),
        (lambda: interrupted.fit(GOOD, ["2016-01", "2016-02"]), "dates"),
        (lambda: interrupted.fit(GOOD, "2016-01", controls=np.arange(48)), "dates"),
        (lambda: interrupted.fit(GOOD, "2016-01", controls=np.arange(47)), "controls"),
        (lambda: interrupted.fit(GOOD, "2016-01", exposure=np.ones(48)), "exposure"),
        (lambda: interrupted.fit(COUNTS, "2016-01", family="poisson", exposure=np.zeros(48)), "exposure"),
        (lambda: interrupted.fit(GOOD, "2016-01", family="binomial"), "family"),
        (lambda: interrupted.fit(GOOD, "2016-01", covariance="hca"), "covariance"),
        (lambda: interrupted.fit(GOOD, "2016-01", intervals="fixed b"), "intervals"),
        (lambda: interrupted.fit(GOOD, "2016-01", replications=0), "replications"),
        (lambda: interrupted.fit(GOOD, "2016-01", level=95), "level"),
        (lambda: interrupted.fit(GOOD, "2016-01", seasonality="monthly"), "seasonality"),
        (lambda: interrupted.fit(GOOD.iloc[:20], "2015-01", seasonality="dummies"), "seasonality"),
        (lambda: interrupted.fit(GOOD, "2016-01", seasonality="fourier", harmonics=7), "harmonics"),
        (lambda: interrupted.fit(GOOD.to_numpy(), 20, seasonality="dummies"), "season_length"),
        (lambda: interrupted.placebo(GOOD, "2016-01", term="trend"), "term"),
        (lambda: interrupted.placebo(GOOD, "2016-01", term="joint", slope=False), "term"),
        (lambda: interrupted.placebo(GOOD, "2016-01", window="after"), "window"),
        (lambda: interrupted.placebo(GOOD, "2016-01", margin=30), "margin"),
        (lambda: interrupted.placebo(GOOD, "2013-01"), "date"),
    ],
)
def test_bad_arguments_are_refused(call, where):
    with pytest.raises(MethodError) as caught:
        call()
    assert caught.value.where == where
    assert caught.value.remedy
