"""Tests for breaks, held against R, published tables, brute force and simulation."""

import time
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from musan.errors import MethodError
from musan.methods import autoregression, breaks
from musan.methods import limit_distributions as limits
from musan.methods.long_run_variance import NEWEY_WEST, Hac, bai_perron_variance, long_run_variance, sandwich

REFERENCE = Path(__file__).parents[1] / "reference" / "breaks"
VALUES = {
    (case, quantity): np.array(str(figures).split(), dtype=float)
    for case, quantity, figures in pd.read_csv(REFERENCE / "values.csv").itertuples(index=False)
}


def table(name):
    return pd.read_csv(REFERENCE / f"{name}.csv")


def dated(name, column, freq):
    frame = table(name)
    return frame.drop(columns=column).set_axis(pd.PeriodIndex(frame[column], freq=freq))


NILE = table("nile").set_index("year")["flow"]
SEATBELTS = dated("seatbelts", "month", "M")
REAL_INTEREST = dated("real_interest", "quarter", "Q")["rate"]
INVESTMENT = table("investment").set_index("year")
MODELS = {
    "nile": (NILE, None),
    "seatbelts": (SEATBELTS["y"], SEATBELTS[["ylag1", "ylag12"]]),
    "real_interest": (REAL_INTEREST, None),
    "trend": (NILE, pd.Series(np.arange(1.0, 101), NILE.index)),
    "investment": (INVESTMENT["RealInv"], INVESTMENT[["RealGNP", "RealInt"]]),
}
HACS = {
    "andrews": Hac(),
    "newey_west": NEWEY_WEST,
    "newey_west_lag_4": Hac("bartlett", 5, prewhiten=False),
    "bartlett": Hac("bartlett", prewhiten=False),
    "bartlett_andrews": Hac("bartlett", prewhiten=False),
    "quadratic_newey_west": Hac(bandwidth="newey_west"),
}


def errors(n, rho, seed):
    return lfilter([1.0], [1.0, -rho], np.random.default_rng(seed).standard_normal(n + 100))[100:]


def cases(start):
    return sorted({case for case, _ in VALUES if case.startswith(start)})


# R: strucchange and sandwich


@pytest.mark.parametrize("trimming", [0.15, 0.1])
@pytest.mark.parametrize("name", ["nile", "seatbelts", "real_interest", "trend"])
def test_one_unknown_break_is_strucchanges(name, trimming):
    result = breaks.unknown_break(*MODELS[name], trimming=trimming, replications=0)
    case = f"{name}_{trimming:g}"
    assert result.position == VALUES[case, "position"]
    for test in ("sup", "ave", "exp"):
        np.testing.assert_allclose(result.tests.loc[test, "statistic"], VALUES[case, f"{test}F"], rtol=1e-10)
        np.testing.assert_allclose(result.tests.loc[test, "p_asymptotic"], VALUES[case, f"{test}F_p"], atol=1e-12)
    if (case, "path") in VALUES:
        np.testing.assert_allclose(result.frame["statistic"], VALUES[case, "path"], rtol=1e-10)


def test_the_nile_fell_after_1898():
    result = breaks.unknown_break(NILE, replications=199)
    assert round(result.tests.loc["sup", "statistic"], 2) == 75.93
    assert (result.date, result.low, result.high) == (1898, 1895, 1902)
    assert result.p_value == result.tests.loc["sup", "p_bootstrap"] == 1 / 200
    assert result.sup_date == 1898
    assert result.regimes["before"].item() == pytest.approx(NILE.loc[:1898].mean())
    assert result.effective_n < result.n == 100


@pytest.mark.parametrize("name", ["nile", "real_interest"])
@pytest.mark.parametrize("hac", ["andrews", "newey_west", "bartlett"])
def test_hac_statistics_are_strucchanges(name, hac):
    result = breaks.unknown_break(*MODELS[name], covariance=HACS[hac], replications=0)
    np.testing.assert_allclose(result.frame["statistic"], VALUES[f"{name}_{hac}", "path"], rtol=1e-9)


def test_hac_statistics_of_collinear_regressors_have_more_digits_than_rs():
    result = breaks.unknown_break(*MODELS["seatbelts"], covariance=NEWEY_WEST, replications=0)
    first = result.frame["statistic"].iloc[0]
    # By arithmetic with 40 digits; R solves normal equations and has six.
    assert first == pytest.approx(18.07639945181075, rel=1e-8)
    for hac in ("andrews", "newey_west", "bartlett"):
        path = breaks.unknown_break(*MODELS["seatbelts"], covariance=HACS[hac], replications=0).frame["statistic"]
        np.testing.assert_allclose(path, VALUES[f"seatbelts_{hac}", "path"], rtol=1e-5)


@pytest.mark.parametrize("case", cases("hansen"))
def test_asymptotic_p_values_are_hansens(case):
    _, statistic, coefficients, trimming = case.split("_")
    found = [
        limits.hansen_p(x, statistic[:3], int(coefficients), int(trimming) / 100) for x in VALUES[case, "statistic"]
    ]
    np.testing.assert_allclose(found, VALUES[case, "p"], atol=1e-12)


def test_no_table_holds_more_than_ten_coefficients():
    assert np.isnan(limits.hansen_p(30.0, "sup", 11, 0.15))
    assert limits.bai_perron_critical(11, 0.15) is None


@pytest.mark.parametrize("case", cases("chow"))
def test_chow_is_strucchanges(case):
    name, position = case.removeprefix("chow_").rsplit("_", 1)
    y, regressors = MODELS[name]
    result = breaks.chow(y, y.index[int(position) - 1], regressors, replications=0)
    assert result.position == int(position)
    assert result.statistic == pytest.approx(VALUES[case, "F"].item(), rel=1e-10)
    assert result.p_table == result.p_value == pytest.approx(VALUES[case, "p"].item(), abs=1e-12)


@pytest.mark.parametrize("trimming", [0.15, 0.1])
@pytest.mark.parametrize("name", ["nile", "seatbelts", "real_interest", "trend"])
def test_several_breaks_are_strucchanges(name, trimming):
    case = f"bp_{name}_{trimming:g}"
    result = breaks.multiple_breaks(*MODELS[name], trimming=trimming, replications=0)
    with_hac = breaks.multiple_breaks(*MODELS[name], trimming=trimming, covariance=Hac(), replications=0)
    assert len(result.partitions) >= 4
    for m, row in result.partitions.iterrows():
        if (case, f"rss_{m}") not in VALUES:
            continue
        assert row["rss"] == pytest.approx(VALUES[case, f"rss_{m}"].item(), rel=1e-9)
        assert row["bic"] == pytest.approx(VALUES[case, f"bic_{m}"].item(), rel=1e-9)
        for level in (0.95, 0.9) if m else ():
            found = result.dates_of(m, level=level)[["low_position", "position", "high_position"]]
            np.testing.assert_array_equal(found.to_numpy().T.ravel(), VALUES[case, f"interval_{m}_{level:g}"])
        if (case, f"interval_hac_{m}_0.95") in VALUES:
            found = with_hac.dates_of(m)[["low_position", "position", "high_position"]]
            np.testing.assert_array_equal(found.to_numpy().T.ravel(), VALUES[case, f"interval_hac_{m}_0.95"])


@pytest.mark.parametrize("covariance", ["classical", "hac"])
@pytest.mark.parametrize("kind", ["ols-cusum", "rec-cusum", "ols-mosum"])
@pytest.mark.parametrize("name", ["nile", "seatbelts", "real_interest", "trend", "investment"])
def test_cumulative_and_moving_sums_are_strucchanges(name, kind, covariance):
    test = breaks.mosum if kind == "ols-mosum" else breaks.cusum
    choices = {"residuals": "recursive"} if kind == "rec-cusum" else {}
    result = test(*MODELS[name], covariance=covariance, replications=0, **choices)
    case = f"{kind}_{name}_{covariance}"
    np.testing.assert_allclose(result.frame["process"], VALUES[case, "process"], rtol=1e-8, atol=1e-9)
    assert result.statistic == pytest.approx(VALUES[case, "statistic"].item(), rel=1e-8)
    assert result.p_asymptotic == pytest.approx(VALUES[case, "p"].item(), abs=1e-9)


@pytest.mark.parametrize("case", cases("limit"))
def test_limits_of_sums_are_strucchanges(case):
    x = float(case.split("_")[1])
    assert limits.bridge_p(x) == pytest.approx(VALUES[case, "bridge"].item(), abs=1e-12)
    assert limits.motion_p(x) == pytest.approx(VALUES[case, "motion"].item(), abs=1e-12)
    for window in (0.15, 0.22, 0.5):
        assert limits.mosum_p(x, window) == pytest.approx(VALUES[case, f"mosum_{window:g}"].item(), abs=1e-12)


@pytest.mark.parametrize("case", cases("argmax"))
def test_distribution_of_the_date_is_bais(case):
    x, growth, ratio = map(float, case.split("_")[1:])
    assert limits.argmax_probability(x, growth, ratio) == pytest.approx(VALUES[case, "probability"].item(), abs=1e-8)


def test_quantiles_of_the_date_are_those_of_its_distribution():
    low, high = limits.argmax_quantiles(0.9, 1.5, 0.7)
    assert limits.argmax_probability(low, 1.5, 0.7) == pytest.approx(0.05, abs=1e-9)
    assert limits.argmax_probability(high, 1.5, 0.7) == pytest.approx(0.95, abs=1e-9)
    # Bai (1997): symmetric with 95 % inside 11 where both regimes are alike.
    assert limits.argmax_quantiles(0.95, 1, 1) == pytest.approx((-11.0333, 11.0333), abs=1e-3)


@pytest.mark.parametrize("name", ["investment", "public_schools"])
@pytest.mark.parametrize("hac", [name for name in HACS if name != "bartlett"])
def test_hac_covariances_are_sandwichs(name, hac):
    frame = table(name)
    if name == "investment":
        y, design = frame["RealInv"], np.column_stack([np.ones(len(frame)), frame[["RealGNP", "RealInt"]]])
    else:
        y, design = frame["Expenditure"], np.vander(frame["Income"], 3, increasing=True)
    residuals = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    found = sandwich(design, residuals.to_numpy(), HACS[hac], constant=0)
    np.testing.assert_allclose(found.ravel(), VALUES[f"hac_{name}", hac], rtol=1e-6)


def test_long_run_variance_is_sandwichs():
    assert long_run_variance(NILE.to_numpy(float)) == pytest.approx(VALUES["hac_nile", "long_run_variance"].item())


def test_a_stack_of_samples_is_each_sample():
    scores = np.random.default_rng(0).standard_normal((3, 30, 2))
    np.testing.assert_allclose(bai_perron_variance(scores)[1], bai_perron_variance(scores[1]))


# R once more, on series that no other test uses


OTHERS = {name: frame.dropna(axis=1).drop(columns="series") for name, frame in table("others").groupby("series")}
MORE_HACS = HACS | {
    "bartlett_prewhitened": Hac("bartlett"),
    "newey_west_raw": Hac("bartlett", "newey_west", prewhiten=False),
    "lag_3": Hac("bartlett", 4, prewhiten=False, adjust=False),
    "white": Hac("bartlett", 1, prewhiten=False, adjust=False),
}


def other(name):
    frame = OTHERS[name].reset_index(drop=True)
    return frame["y"].to_numpy(), frame.drop(columns="y").to_numpy() if frame.shape[1] > 1 else None


def of_other(name, start):
    return {
        q.removeprefix(start): v for (case, q), v in VALUES.items() if case == f"other_{name}" and q.startswith(start)
    }


@pytest.mark.parametrize("name", OTHERS)
def test_other_series_one_break_is_strucchanges(name):
    y, regressors = other(name)
    for trimming, expected in of_other(name, "one_").items():
        result = breaks.unknown_break(y, regressors, trimming=float(trimming), replications=0)
        assert result.position == expected[0]
        np.testing.assert_allclose(result.tests["statistic"], expected[1:4], rtol=1e-9)
        np.testing.assert_allclose(result.tests["p_asymptotic"], expected[4:], atol=1e-10)
    for position, expected in of_other(name, "chow_").items():
        result = breaks.chow(y, int(position), regressors, replications=0)
        np.testing.assert_allclose([result.statistic, result.p_table], expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", OTHERS)
def test_other_series_covariances_are_sandwichs(name):
    y, regressors = other(name)
    design = np.column_stack([np.ones(len(y)), *([] if regressors is None else [regressors])])
    residuals = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    for kind, expected in of_other(name, "covariance_").items():
        found = sandwich(design, residuals, MORE_HACS[kind], constant=0)
        np.testing.assert_allclose(found.ravel(), expected, rtol=1e-7, atol=1e-12)
    for kind, hac in MORE_HACS.items():
        if (f"other_{name}", f"sup_{kind}") in VALUES:
            result = breaks.unknown_break(y, regressors, trimming=0.2, covariance=hac, replications=0)
            np.testing.assert_allclose(
                result.frame["statistic"].max(), VALUES[f"other_{name}", f"sup_{kind}"], rtol=1e-7
            )


@pytest.mark.parametrize("trimming", [0.15, 0.25])
@pytest.mark.parametrize("name", OTHERS)
def test_other_series_several_breaks_are_strucchanges(name, trimming):
    y, regressors = other(name)
    choices = {"trimming": trimming, "max_breaks": 4 if trimming == 0.15 else 2, "replications": 0}
    result = breaks.multiple_breaks(y, regressors, **choices)
    results = {"classical": result, "andrews": breaks.multiple_breaks(y, regressors, covariance=Hac(), **choices)}
    for m, expected in of_other(name, f"fit_{trimming:g}_").items():
        np.testing.assert_allclose(result.partitions.loc[int(m), ["rss", "bic"]].astype(float), expected[:2], rtol=1e-9)
        if m == "0":
            continue
        assert result.dates_of(int(m))["position"].tolist() == expected[2:].tolist()
    for column, start in (("sup_f", "sup_f_"), ("next_sup_f", "next_")):
        for m, expected in of_other(name, f"{start}{trimming:g}_").items():
            np.testing.assert_allclose(result.tests.loc[int(m), column], expected, rtol=1e-8)
    for key, expected in of_other(name, f"interval_{trimming:g}_").items():
        m, covariance = key.split("_")
        dates = results[covariance].dates_of(int(m), level=0.9)
        found = dates[["low_position", "position", "high_position"]].to_numpy().T.ravel()
        given = np.isfinite(expected)  # where R gives none, an interval from the date itself on
        np.testing.assert_array_equal(found[given], expected[given])
        assert np.isfinite(found).all()
        assert (dates["low_position"] <= dates["position"]).all()
        assert (dates["position"] <= dates["high_position"]).all()
    for m, expected in of_other(name, f"regimes_{trimming:g}_").items():
        found = breaks.multiple_breaks(y, regressors, choose=int(m), **choices).regimes["estimate"]
        k = len(expected) // (int(m) + 1)
        np.testing.assert_allclose(found, expected.reshape(k, -1).T.ravel(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", OTHERS)
def test_other_series_sums_are_strucchanges(name):
    y, regressors = other(name)
    covariances = {"classical": "classical", "andrews": "hac", "newey_west": Hac("bartlett", "newey_west")}
    calls = {
        "ols-cusum": breaks.cusum,
        "rec-cusum": lambda *a, **k: breaks.cusum(*a, residuals="recursive", **k),
        "ols-mosum": lambda *a, **k: breaks.mosum(*a, window=0.25, **k),
    }
    for kind, call in calls.items():
        for covariance, choice in covariances.items():
            result = call(y, regressors, covariance=choice, replications=0)
            found = result.statistic, result.p_asymptotic
            np.testing.assert_allclose(found, VALUES[f"other_{name}", f"{kind}_{covariance}"], rtol=1e-7, atol=1e-9)
            boundary = result.frame["boundary"].iloc[-1]  # R's root is good to five digits
            assert boundary == pytest.approx(VALUES[f"other_{name}", f"{kind}_boundary"][-1], rel=3e-5)


def test_recursive_residuals_wait_for_the_regressors_to_move():
    y, late = errors(40, 0.3, 2), (np.arange(40) >= 20) * np.random.default_rng(1).standard_normal(40)
    result = breaks.cusum(y, late, residuals="recursive", replications=0)
    assert result.frame["position"].tolist() == [*range(2, 21), *range(22, 41)]
    moved = breaks.cusum(y + 5 + 7 * late, late, residuals="recursive", replications=0)
    np.testing.assert_allclose(moved.frame["process"], result.frame["process"], atol=1e-9)  # no coefficient left in it
    plain = breaks.cusum(y[:20], residuals="recursive", replications=0).frame["process"].to_numpy()
    ratio = result.frame["process"].to_numpy()[:19] / plain
    np.testing.assert_allclose(ratio, ratio[0])


# Bai and Perron (2003)


def test_the_real_interest_rate_is_bai_and_perrons():
    result = breaks.multiple_breaks(REAL_INTEREST, max_breaks=5, covariance="hac", replications=0)
    assert result.tests["sup_f"].round(2).tolist() == [57.91, 43.01, 33.32, 24.77, 18.33]
    assert result.tests["next_sup_f"].round(2).tolist()[1:] == [33.93, 14.72, 0.03, 0.0]
    assert result.maxima["statistic"].round(2).tolist() == [57.91, 57.91]
    assert result.maxima["critical_5"].tolist() == [8.88, 9.91]
    assert result.breaks == 3
    assert list(map(str, result.dates["date"])) == ["1966Q4", "1972Q3", "1980Q3"]
    assert result.regimes["estimate"].round(2).tolist() == [1.82, 0.87, -1.80, 5.64]
    assert result.partitions["bic"].idxmin() == result.partitions["lwz"].idxmin() == 2


def test_published_critical_values_are_in_order():
    for coefficients in range(1, 11):
        for trimming in (0.05, 0.1, 0.15, 0.2, 0.25):
            critical = limits.bai_perron_critical(coefficients, trimming)
            sup = critical.filter(like="sup").dropna(axis=1)
            assert (np.diff(critical.drop(columns=critical.columns[critical.isna().any()]), axis=0) > 0).all()
            assert (np.diff(sup, axis=1) < 0).all()
            assert (critical["WDmax"] >= critical["UDmax"]).all()
            assert (critical["UDmax"] >= critical["sup1"] - 0.015).all()  # printed with two digits
    assert limits.bai_perron_critical(1, 0.15).loc[0.05, "sup3"] == 5.96
    assert limits.bai_perron_critical(1, 0.12) is None


def test_tables_of_one_break_agree_with_each_other():
    for coefficients in range(1, 11):
        critical = limits.bai_perron_critical(coefficients, 0.15)["sup1"]
        for significance, value in critical.items():
            assert limits.hansen_p(value, "sup", coefficients, 0.15) == pytest.approx(significance, rel=0.25)


# Brute force


def rss(y, design):
    left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return left @ left


def blocks(design, cuts):
    row = np.arange(len(design))[:, None]
    return np.hstack(
        [np.where((first <= row) & (row < last), design, 0) for first, last in pairwise((0, *cuts, len(design)))]
    )


@pytest.mark.parametrize("trend", [False, True])
def test_dynamic_programming_finds_what_exhaustion_finds(trend):
    y = errors(26, 0.3, 4) + np.repeat([0, 2, -1], [9, 8, 9])
    design = np.column_stack([np.ones(26), np.arange(26)]) if trend else np.ones((26, 1))
    result = breaks.multiple_breaks(y, np.arange(26) if trend else None, trimming=5, max_breaks=3, replications=0)
    for m in (1, 2, 3):
        allowed = [c for c in combinations(range(5, 22), m) if np.diff((0, *c, 26)).min() >= 5]
        found = min((rss(y, blocks(design, c)), c) for c in allowed)
        assert result.partitions.loc[m, "rss"] == pytest.approx(found[0])
        assert tuple(result.dates_of(m)["position"]) == found[1]


def test_fixed_regressors_keep_one_coefficient():
    n, season = 48, np.eye(12)[np.arange(48) % 12][:, 1:]
    y = errors(n, 0, 2) + season @ np.arange(11) - 2 * (np.arange(n) >= 30)
    result = breaks.unknown_break(y, fixed=season, replications=0)
    null = np.column_stack([np.ones(n), season])
    for _, row in result.frame.iloc[::7].iterrows():
        full = np.column_stack([null, np.arange(n) >= row["position"]])
        f = (rss(y, null) - rss(y, full)) / (rss(y, full) / (n - 13))
        assert row["statistic"] == pytest.approx(f)
    several = breaks.multiple_breaks(y, fixed=season, max_breaks=2, replications=0)
    assert several.dates_of(1)["position"].item() == result.position
    pairs = [c for c in combinations(range(7, 42), 2) if np.diff((0, *c, n)).min() >= 7]
    best = min(rss(y, np.column_stack([blocks(np.ones((n, 1)), c), season])) for c in pairs)
    assert several.partitions.loc[2, "rss"] == pytest.approx(best)
    assert several.tests.loc[1, "sup_f"] == pytest.approx(result.tests.loc["sup", "statistic"])


def test_sup_f_of_one_break_is_the_same_by_both_roads():
    y, regressors = MODELS["seatbelts"]
    one = breaks.unknown_break(y, regressors, replications=0)
    several = breaks.multiple_breaks(y, regressors, replications=0)
    assert several.tests.loc[1, "sup_f"] == pytest.approx(one.tests.loc["sup", "statistic"])
    assert several.tests.loc[1, "next_sup_f"] == pytest.approx(one.tests.loc["sup", "statistic"])
    # Nearly: Hansen's trimming is the share of observations left out, 27 of 180.
    assert several.tests.loc[1, "next_p_asymptotic"] == pytest.approx(one.tests.loc["sup", "p_asymptotic"], rel=1e-6)


def test_results_do_not_depend_on_units_or_direction():
    y = errors(40, 0.4, 7) + 2 * (np.arange(40) >= 25)
    plain = breaks.unknown_break(y, replications=199)
    scaled = breaks.unknown_break(1e6 - 300 * y, replications=199)
    reverse = breaks.unknown_break(y[::-1], replications=0)
    np.testing.assert_allclose(plain.frame["statistic"], scaled.frame["statistic"])
    np.testing.assert_allclose(plain.frame["statistic"], reverse.frame["statistic"][::-1])
    assert reverse.position == 40 - plain.position


# The bootstrap


def test_autocorrelations_of_an_autoregression():
    series = autoregression.Autoregression(np.array([0.5, 0.3]), np.zeros(1), 1)
    assert series.order == 2
    implied = autoregression.fit(errors(4000, 0.5, 3), 1).autocorrelations
    np.testing.assert_allclose(implied[:5], implied[1] ** np.arange(5))
    second = autoregression.fit(lfilter([1], [1, -0.5, -0.3], errors(20000, 0, 1)), "bic")
    assert second.order == 2
    np.testing.assert_allclose(second.coefficients, [0.5, 0.3], atol=0.03)
    draws = second.draw(50, np.random.default_rng(0), "normal")
    lag = (draws[:, 1:] * draws[:, :-1]).mean() / (draws**2).mean()
    assert lag == pytest.approx(0.5 / 0.7, abs=0.02)


def test_correction_for_regressors_makes_the_expected_autocorrelation_right():
    n = 24
    since = np.arange(n) - 12
    design = np.column_stack([np.ones(n), np.arange(n), since >= 0, np.maximum(since, 0)]).astype(float)
    maker = np.eye(n) - design @ np.linalg.pinv(design)
    draws = np.array([errors(n, 0.5, seed) for seed in range(200)]) @ maker
    plain = np.mean([autoregression.fit(e, 1).coefficients[0] for e in draws])
    corrected = np.mean([autoregression.fit(e, 1, design=design).coefficients[0] for e in draws])
    assert plain < 0.2
    assert corrected == pytest.approx(0.5, abs=0.08)
    expected = maker @ toeplitz(0.5 ** np.arange(n)) @ maker
    found = autoregression._corrected(np.array([1, np.trace(expected, offset=1) / np.trace(expected)]), design)
    assert found[1] == pytest.approx(0.5, abs=1e-6)


def test_the_same_seed_gives_the_same_p_value():
    y = errors(30, 0.4, 1)
    one, again, other = (breaks.unknown_break(y, replications=499, seed=s).tests["p_bootstrap"] for s in (1, 1, 2))
    assert one.tolist() == again.tolist() != other.tolist()
    several = [breaks.multiple_breaks(y, replications=99, seed=5).tests["next_p_bootstrap"].tolist() for _ in "ab"]
    assert several[0] == several[1]


@pytest.mark.parametrize(("n", "rho"), [(24, 0.5), (60, 0.5), (24, 0.0)])
def test_size_is_kept_under_serial_correlation(n, rho):
    tests = [breaks.unknown_break(errors(n, rho, seed), replications=199, seed=9000 + seed) for seed in range(200)]
    rejected = np.mean([t.p_value <= 0.05 for t in tests])
    assert rejected <= 0.08
    if rho:
        assert np.mean([t.tests.loc["sup", "p_asymptotic"] <= 0.05 for t in tests]) > 0.25


def test_size_is_kept_with_a_trend_and_with_recursive_residuals():
    found = []
    for seed in range(80):
        y, choices = errors(24, 0.5, seed), {"replications": 199, "seed": 9000 + seed}
        changing = breaks.unknown_break(y, np.arange(24), **choices).p_value
        fixed = breaks.unknown_break(y, fixed=np.arange(24), **choices).p_value
        recursive = breaks.cusum(y, residuals="recursive", **choices).p_value
        found.append([p <= 0.05 for p in (changing, fixed, recursive)])
    assert (np.mean(found, axis=0) <= 0.1).all()  # two standard errors above 0.05


def test_a_plausible_shift_is_found():
    rates = []
    for seed in range(60):
        y = errors(60, 0.3, seed) * np.sqrt(1 - 0.3**2)
        y[36:] -= 2
        result = breaks.unknown_break(y, replications=199, seed=9000 + seed)
        rates.append((result.p_value <= 0.05, abs(result.position - 36) <= 3))
    assert (np.mean(rates, axis=0) > 0.8).all()


def test_a_level_that_comes_back_is_found():
    y = errors(90, 0.2, 5)
    y[30:60] += 6
    index = pd.period_range("2012-01", periods=90, freq="M")
    result = breaks.multiple_breaks(pd.Series(y, index), replications=199)
    assert list(map(str, result.dates["date"])) == ["2014-06", "2016-12"]
    assert (result.dates["low"] <= result.dates["date"]).all()
    # A level that comes back is hidden from the test of one break, not from that of any number.
    assert result.tests.loc[1, "p_bootstrap"] > 0.05 >= result.maxima.loc["UDmax", "p_bootstrap"]
    assert result.frame["regime"].tolist() == [1] * 30 + [2] * 30 + [3] * 30
    assert result.frame["fitted"].round(9).nunique() == 3


def test_a_bootstrap_of_a_thousand_takes_no_time():
    y = errors(60, 0.3, 1)
    start = time.perf_counter()
    breaks.unknown_break(y, replications=999)
    assert time.perf_counter() - start < 2


def test_hac_and_bootstrap_go_together():
    y = errors(40, 0.5, 3) + 3 * (np.arange(40) >= 20)
    one = breaks.unknown_break(y, covariance=NEWEY_WEST, replications=99)
    several = breaks.multiple_breaks(y, covariance="hac", max_breaks=2, replications=99)
    known = breaks.chow(y, 20, covariance="hac", replications=99)
    sums = breaks.mosum(y, covariance="hac", replications=99)
    for p in (one.p_value, several.maxima.loc["UDmax", "p_bootstrap"], known.p_value, sums.p_value):
        assert 0 < p <= 1
    assert any("HAC" in words for words in one.assumptions)


# Results and refusals


def test_results_print():
    result = breaks.unknown_break(NILE, replications=99)
    for item in (
        result,
        breaks.chow(NILE, 1898, replications=99),
        breaks.cusum(NILE, replications=99),
        breaks.multiple_breaks(NILE, replications=99, max_breaks=2),
    ):
        summary = item.summary()
        assert list(summary.columns) == ["fact", "value"]
        assert summary["value"].map(type).eq(str).all()
        assert not item.frame.empty
        assert item.n == 100
        assert item.assumptions
    assert "1895 to 1902" in result.summary()["value"].tolist()


def monthly(figures):
    return pd.Series(figures, pd.period_range("2014-01", periods=len(figures), freq="M"))


GOOD = errors(48, 0.3, 9)
GAP = monthly(GOOD).drop(pd.Period("2015-05", "M"))
TESTS = [breaks.unknown_break, breaks.multiple_breaks, breaks.cusum, breaks.mosum]


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(
    ("y", "what"),
    [
        (np.where(np.arange(48) == 3, np.nan, GOOD), "missing"),
        (GOOD[:12], "too few"),
        (np.ones(48), "constant"),
        (monthly(GOOD).iloc[::-1], "order"),
        (pd.concat([monthly(GOOD), monthly(GOOD).iloc[-1:]]), "repeated"),
        (GAP, "gap after 2015-04"),
        (np.ones((48, 2)), "shape"),
        (["a"] * 48, "numbers"),
    ],
)
def test_bad_series_are_refused(test, y, what):
    with pytest.raises(MethodError, match=what) as caught:
        test(y)
    assert caught.value.where == "y"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: breaks.unknown_break(GOOD, trimming=0), "trimming"),
        (lambda: breaks.unknown_break(GOOD, trimming="wide"), "trimming"),
        (lambda: breaks.unknown_break(GOOD, trimming=np.inf), "trimming"),
        (lambda: breaks.unknown_break(GOOD + 0j), "y"),
        (lambda: breaks.unknown_break(GOOD, replications=199.5), "replications"),
        (lambda: breaks.unknown_break(GOOD, replications="many"), "replications"),
        (lambda: breaks.unknown_break(GOOD, seed=-1), "seed"),
        (lambda: breaks.unknown_break(GOOD, np.where(np.arange(48) == 2, np.nan, 1.0)), "regressors"),
        (lambda: breaks.unknown_break(GOOD, fixed=np.arange(47)), "fixed"),
        (lambda: breaks.chow(monthly(GOOD), "2016"), "date"),
        (lambda: breaks.chow(monthly(GOOD), 2016), "date"),
        (lambda: breaks.chow(monthly(GOOD), pd.NaT), "date"),
        (lambda: breaks.chow(GOOD, [20]), "date"),
        (lambda: breaks.chow(np.where(np.arange(48) == 3, np.nan, GOOD), 20), "y"),
        (lambda: breaks.chow(GOOD[:7], 4), "y"),
        (lambda: breaks.chow(np.ones(48), 20), "y"),
        (lambda: breaks.chow(monthly(GOOD).iloc[::-1], "2016-01"), "y"),
        (lambda: breaks.chow(pd.concat([monthly(GOOD), monthly(GOOD).iloc[-1:]]), "2016-01"), "y"),
        (lambda: breaks.multiple_breaks(GOOD, max_breaks=1.5), "max_breaks"),
        (lambda: breaks.multiple_breaks(GOOD, significance=0), "significance"),
        (lambda: breaks.multiple_breaks(GOOD, replications=0).dates_of("two"), "breaks"),
        (lambda: breaks.multiple_breaks(GOOD, replications=0).dates_of(1, level=0), "level"),
        (lambda: breaks.mosum(GOOD, window=None), "window"),
        (lambda: breaks.unknown_break(GOOD, trimming=0.6), "trimming"),
        (lambda: breaks.unknown_break(GOOD, np.arange(48), trimming=0.04), "trimming"),
        (lambda: breaks.unknown_break(GOOD, level=1.2), "level"),
        (lambda: breaks.unknown_break(GOOD, replications=10), "replications"),
        (lambda: breaks.unknown_break(GOOD, innovations="wilder"), "innovations"),
        (lambda: breaks.unknown_break(GOOD, order=30), "order"),
        (lambda: breaks.unknown_break(GOOD, covariance="robust"), "covariance"),
        (lambda: breaks.unknown_break(GOOD, np.arange(47)), "regressors"),
        (lambda: breaks.unknown_break(GOOD, np.arange(48) * [[1], [2]]), "regressors"),
        (lambda: breaks.unknown_break(GOOD, np.column_stack([np.arange(48), 2 * np.arange(48)])), "regressors"),
        (lambda: breaks.unknown_break(GOOD, constant=False), "regressors"),
        (lambda: breaks.unknown_break(GOOD, np.arange(48) == 2), "trimming"),
        (lambda: breaks.unknown_break(GOOD, fixed=np.ones(48)), "fixed"),
        (lambda: breaks.unknown_break(monthly(GOOD), monthly(GOOD).shift(1, freq="M")), "regressors"),
        (lambda: breaks.unknown_break(np.arange(48), np.arange(48)), "y"),
        (lambda: breaks.chow(monthly(GOOD), "2031-01"), "date"),
        (lambda: breaks.chow(monthly(GOOD), "no date"), "date"),
        (lambda: breaks.chow(GOOD, 0), "date"),
        (lambda: breaks.chow(GOOD, 47), "date"),
        (lambda: breaks.multiple_breaks(GOOD, max_breaks=9), "max_breaks"),
        (lambda: breaks.multiple_breaks(GOOD, choose="aic"), "choose"),
        (lambda: breaks.multiple_breaks(GOOD, choose=7, replications=0), "choose"),
        (lambda: breaks.multiple_breaks(GOOD, replications=0).dates_of(9), "breaks"),
        (lambda: breaks.cusum(GOOD, residuals="recursiv"), "residuals"),
        (lambda: breaks.mosum(GOOD, window=0.01), "window"),
        (lambda: Hac("parzen"), "kernel"),
        (lambda: Hac(bandwidth="andrew"), "bandwidth"),
        (lambda: Hac(bandwidth=0), "bandwidth"),
        (lambda: Hac(bandwidth="lazarus"), "bandwidth"),
    ],
)
def test_bad_arguments_are_refused(call, where):
    with pytest.raises(MethodError) as caught:
        call()
    assert caught.value.where == where
    assert caught.value.remedy


def test_a_known_date_may_be_tested_in_a_dozen_years():
    y = pd.Series(np.r_[errors(7, 0, 1), 5 + errors(5, 0, 2)], range(2008, 2020))
    result = breaks.chow(y, 2014, replications=199)
    assert (result.date, result.position, result.n) == (2014, 7, 12)
    assert result.p_value <= 0.05


def test_a_regime_of_zeros_is_no_obstacle():
    y = np.r_[10 + errors(30, 0, 3), np.zeros(18)]
    result = breaks.unknown_break(y, replications=99)
    assert result.position == 30
    assert result.low is None  # no errors after it: no interval
    assert result.p_value == 0.01
    assert breaks.multiple_breaks(y, replications=99, choose=1).dates["date"].item() == 30


@pytest.mark.parametrize("replications", [0, 99])
def test_several_series_get_the_tests_that_each_gets_alone(replications):
    with_a_break = np.r_[errors(20, 0.2, 4), 3 + errors(20, 0.2, 5)]
    samples = pd.DataFrame(
        [with_a_break, errors(40, 0.6, 6), np.r_[10 + errors(28, 0, 3), np.zeros(12)]],
        columns=pd.period_range("2015-01", periods=40, freq="M"),
    )
    together = breaks.unknown_breaks(samples, trimming=0.2, replications=replications, seed=5)
    for i, (_, sample) in enumerate(samples.iterrows()):
        alone = breaks.unknown_break(sample, trimming=0.2, replications=replications, seed=5 + i)
        dates, numbers = together.iloc[i, :3], together.iloc[i, 3:].astype(float)
        assert [None if pd.isna(date) else date for date in dates] == [alone.date, alone.low, alone.high]
        expected = alone.p_value, alone.tests["p_asymptotic"]["sup"], alone.effective_n
        np.testing.assert_allclose(numbers, expected, rtol=1e-12)


def test_the_p_value_alone_is_that_of_the_whole_test():
    y = np.random.default_rng(3).normal(size=(2, 40))
    whole = [breaks.unknown_break(row, trimming=0.2, replications=99, seed=5 + i).p_value for i, row in enumerate(y)]
    assert breaks.unknown_break_p(y, trimming=0.2, replications=99, seed=5).tolist() == whole


def test_the_exp_statistic_of_a_path_of_large_values_is_finite():
    y = pd.Series(np.r_[errors(20, 0, 1), 1e6 + errors(20, 0, 2)])
    test = breaks.unknown_break(y, replications=0)
    assert test.tests["statistic"]["exp"] == pytest.approx(
        special.logsumexp(test.frame["statistic"] / 2) - np.log(len(test.frame))
    )
