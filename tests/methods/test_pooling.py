"""Pooling, held against R's metafor, closed forms and simulated coverage."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from musan.errors import MethodError
from musan.methods.pooling import pool, pool_shares

REFERENCE = Path(__file__).parents[1] / "reference" / "informant"
METHODS = {"FE": "fixed", "DL": "dersimonian_laird", "REML": "reml"}
ERRORS = {"z": "normal", "knha": "knapp_hartung", "adhoc": "knapp_hartung_at_least_one"}
RESULTS = ["estimate", "standard_error", "low", "high", "tau2", "q", "q_p", "prediction_low", "prediction_high"]


def table(name):
    return pd.read_csv(REFERENCE / f"{name}.csv")


EFFECTS, SHARES = table("pooling_effects"), table("pooling_shares")
BCG = EFFECTS[EFFECTS["set"] == "bcg"]


@pytest.mark.parametrize(
    "row", list(table("pooling").itertuples()), ids=lambda row: f"{row.set} {row.method} {row.test}"
)
def test_fits_are_those_of_metafor(row):
    chosen = EFFECTS[EFFECTS["set"] == row.set]
    fit = pool(
        chosen["effect"],
        chosen["variance"],
        method=METHODS[row.method],
        errors=ERRORS[row.test],
        prediction="as_errors",
    )
    for name in RESULTS:
        printed, found = getattr(row, name), getattr(fit, name)
        if found is None:
            assert np.isnan(printed)
        else:
            assert found == pytest.approx(printed, rel=1e-10, abs=1e-12), name
    assert fit.i2_pct == pytest.approx(row.i2, abs=1e-9)
    if not np.isnan(row.tau2_low):
        assert (fit.tau2_low, fit.tau2_high) == pytest.approx((row.tau2_low, row.tau2_high), rel=1e-9)


def test_the_trials_as_printed():
    moments = pool(BCG["effect"], BCG["variance"], method="dersimonian_laird", errors="normal")
    assert (round(moments.estimate, 3), round(moments.tau2, 3)) == (-0.714, 0.309)
    likelihood = pool(BCG["effect"], BCG["variance"], method="reml", errors="normal")
    assert (round(likelihood.estimate, 4), round(likelihood.tau2, 4)) == (-0.7145, 0.3132)


def test_the_prediction_interval_of_higgins():
    fit = pool(BCG["effect"], BCG["variance"], method="dersimonian_laird", errors="normal")
    half = stats.t.ppf(0.975, 11) * np.sqrt(fit.tau2 + fit.standard_error**2)
    assert fit.prediction_high == pytest.approx(fit.estimate + half)
    assert pool([0.1, 0.5], [0.1, 0.1]).prediction_low is None


def test_equal_variances_give_the_plain_mean():
    effects = np.array([0.1, 0.7, 1.9, 0.4])
    fit = pool(effects, [0.05] * 4)
    assert fit.estimate == pytest.approx(effects.mean())
    assert fit.tau2 == pytest.approx(effects.var(ddof=1) - 0.05)
    assert fit.standard_error == pytest.approx(effects.std(ddof=1) / 2)
    assert fit.effective_n == pytest.approx(4)
    assert fit.frame["weight_pct"].to_numpy() == pytest.approx([25] * 4)


numbers = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.05, 2)), min_size=2, max_size=8)


@settings(max_examples=40)
@given(numbers, st.sampled_from(sorted(METHODS.values())), st.floats(-5, 5), st.floats(0.2, 5))
def test_shift_and_scale(figures, method, shift, scale):
    effects, variances = map(np.array, zip(*figures, strict=True))
    fit = pool(effects, variances, method=method)
    moved = pool(shift + scale * effects, scale**2 * variances, method=method)
    assert moved.estimate == pytest.approx(shift + scale * fit.estimate, abs=1e-6)
    assert moved.tau2 == pytest.approx(scale**2 * fit.tau2, abs=1e-6)
    assert effects.min() - 1e-9 <= fit.estimate <= effects.max() + 1e-9


@settings(max_examples=25)
@given(numbers)
def test_reml_is_the_highest_restricted_likelihood(figures):
    y, v = map(np.array, zip(*figures, strict=True))

    def likelihood(tau2):
        w = 1 / (v + tau2)
        return 0.5 * (np.log(w).sum() - np.log(w.sum()) - w @ (y - w @ y / w.sum()) ** 2)

    best = likelihood(pool(y, v, method="reml").tau2)
    assert best >= max(likelihood(tau2) for tau2 in np.concatenate([[0], np.geomspace(1e-6, 100, 500)])) - 1e-9


def test_simulated_coverage_with_few_figures():
    # Five figures that differ (tau^2 = 0.1): Knapp-Hartung holds the level, normal errors do not.
    generator, held = np.random.default_rng(5), {"normal": 0, "knapp_hartung": 0, "prediction": 0}
    repeats = 400
    for _ in range(repeats):
        variances = generator.uniform(0.02, 0.2, 5)
        effects = generator.normal(0.3 + generator.normal(0, np.sqrt(0.1), 5), np.sqrt(variances))
        for errors in ("normal", "knapp_hartung"):
            fit = pool(effects, variances, errors=errors)
            held[errors] += fit.low <= 0.3 <= fit.high
        held["prediction"] += fit.prediction_low <= generator.normal(0.3, np.sqrt(0.1)) <= fit.prediction_high
    assert held["normal"] / repeats < 0.92
    assert 0.915 <= held["knapp_hartung"] / repeats <= 0.97
    assert 0.84 <= held["prediction"] / repeats <= 0.94  # less than its level, as the module says


@pytest.mark.parametrize("scale", ["logit", "arcsine", "raw"])
def test_shares_have_the_effects_of_escalc(scale):
    fit = pool_shares(SHARES["successes"], SHARES["n"], scale=scale)
    expected = EFFECTS[EFFECTS["set"] == scale]
    np.testing.assert_allclose(fit.frame["effect"], expected["effect"], rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(fit.frame["variance"], expected["variance"], rtol=1e-13)
    back = {"logit": special.expit, "arcsine": lambda x: np.sin(x) ** 2, "raw": lambda x: x}[scale]
    assert fit.share == pytest.approx(back(fit.pooled.estimate))
    assert 0 <= fit.prediction_low <= fit.low <= fit.share <= fit.high <= fit.prediction_high <= 1


def test_ends_past_the_scale_are_cut():
    fit = pool_shares([0, 10], [10, 10], scale="arcsine")
    assert (fit.low, fit.high) == (0, 1)


def test_figures_closer_than_chance_are_said_so():
    tight = EFFECTS[EFFECTS["set"] == "tight"]
    fit = pool(tight["effect"], tight["variance"])
    assert any("closer together" in note for note in fit.assumptions)
    assert pool(BCG["effect"], BCG["variance"], method="fixed").errors == "normal"


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: pool([0.1], [0.1]), "effects"),
        (lambda: pool([0.1, np.nan], [0.1, 0.1]), "effects"),
        (lambda: pool([0.1, 0.2], [0.1, 0]), "variances"),
        (lambda: pool([0.1, 0.2], [0.1]), "variances"),
        (lambda: pool([0.1, 0.2], [0.1, 0.1], labels=["a"]), "labels"),
        (lambda: pool([0.1, 0.2], [0.1, 0.1], method="ml"), "method"),
        (lambda: pool([0.1, 0.2], [0.1, 0.1], errors="robust"), "errors"),
        (lambda: pool([0.1, 0.2], [0.1, 0.1], prediction="none"), "prediction"),
        (lambda: pool([0.1, 0.2], [0.1, 0.1], level=1), "level"),
        (lambda: pool_shares([1, 6], [5, 5]), "successes"),
        (lambda: pool_shares([1, -1], [5, 5]), "successes"),
        (lambda: pool_shares([1, 0.5], [5, 5]), "successes"),
        (lambda: pool_shares([1, 2], [5, 5.5]), "n"),
        (lambda: pool_shares([0, 2], [0, 5]), "successes"),
        (lambda: pool_shares([1, 2], [5]), "n"),
        (lambda: pool_shares([1, 2], [5, 5], scale="probit"), "scale"),
    ],
)
def test_bad_arguments_are_named_with_a_remedy(call, where):
    with pytest.raises(MethodError) as caught:
        call()
    assert caught.value.where == where
    assert caught.value.remedy


def test_results_print():
    for result in (pool([0.1, 0.5], [0.1, 0.2]), pool_shares([1, 4, 2], [10, 12, 9])):
        assert result.n
        assert result.effective_n > 1
        assert len(result.frame) == result.n
        assert list(result.summary().columns) == ["fact", "value"]
