"""Shares from few observations, held against printed tables, R, exact coverage and brute force."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from musan.errors import MethodError
from musan.methods.informant import (
    INTERVALS,
    beta_binomial,
    selection_bounds,
    selection_surface,
    share_interval,
    worst_case,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "informant"
shares = st.floats(0, 1)
inner = st.floats(0.01, 0.99)
ratios = st.floats(0.01, 100)


def table(name):
    return pd.read_csv(REFERENCE / f"{name}.csv")


def ends(row, **options):
    result = share_interval(row.successes, row.n, method=row.method, **options)
    return np.array([result.low, result.high])


# Intervals


@pytest.mark.parametrize(
    "row", list(table("newcombe").itertuples()), ids=lambda row: f"{row.successes}/{row.n} {row.method}"
)
def test_intervals_are_those_printed_by_newcombe(row):
    np.testing.assert_allclose(ends(row), [row.low, row.high], rtol=0, atol=0.5001e-4)


@pytest.mark.parametrize(
    "row", list(table("binom").itertuples()), ids=lambda row: f"{row.successes}/{row.n} {row.method}"
)
def test_intervals_are_those_of_the_binom_package(row):
    printed_to = 5.001e-8 if row.n == 30 else 1e-14
    np.testing.assert_allclose(ends(row), [row.low, row.high], rtol=0, atol=printed_to)


def test_intervals_are_those_of_r():
    for row in table("intervals").itertuples():
        if row.method != "wilson_corrected" or abs(row.successes - row.n / 2) >= 0.5:
            np.testing.assert_allclose(ends(row, level=row.level), [row.low, row.high], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("method", INTERVALS)
def test_intervals_mirror_and_hold_the_estimate(method):
    for n in (1, 2, 7, 40):
        for x in range(n + 1):
            result, mirror = (share_interval(k, n, method=method) for k in (x, n - x))
            assert result.low == pytest.approx(1 - mirror.high, abs=1e-12)
            assert 0 <= result.low <= result.estimate == x / n <= result.high <= 1


def test_end_points_follow_the_rule():
    nobody = share_interval(0, 20, method="jeffreys")
    assert nobody.low == 0
    assert nobody.high == pytest.approx(stats.beta.ppf(0.975, 0.5, 20.5), rel=1e-12)
    assert share_interval(20, 20, method="jeffreys").high == 1
    assert share_interval(1, 20, method="jeffreys").low > 0


def coverage(method, n, share, level=0.95):
    """Exact chance that the interval holds the share."""
    results = [share_interval(x, n, method=method, level=level) for x in range(n + 1)]
    inside = [(result.low <= share) & (share <= result.high) for result in results]
    return np.sum(stats.binom.pmf(np.arange(n + 1)[:, None], n, share) * np.array(inside), axis=0)


@pytest.mark.parametrize(
    ("method", "least", "mean_low", "mean_high"),
    [
        ("clopper_pearson", 0.95, 0.955, 0.985),
        ("wilson_corrected", 0.945, 0.955, 0.985),
        ("agresti_coull", 0.925, 0.950, 0.970),
        ("wilson", 0.83, 0.945, 0.960),
        ("jeffreys", 0.84, 0.940, 0.960),
    ],
)
def test_exact_coverage_is_as_stated(method, least, mean_low, mean_high):
    grid = np.linspace(0.005, 0.995, 397)
    for n in (10, 30, 100):
        covered = coverage(method, n, grid)
        assert covered.min() >= least
        assert mean_low <= covered.mean() <= mean_high


def test_a_design_effect_widens_as_fewer_observations_do():
    halved = share_interval(30, 100, design_effect=2)
    same = share_interval(15, 50)
    assert (halved.low, halved.high) == pytest.approx((same.low, same.high), rel=1e-14)
    assert (halved.n, halved.effective_n, halved.estimate) == (100, 50, 0.3)


def test_a_design_effect_covers_clustered_workers():
    # 40 informants with 10 colleagues each, alike with an intraclass correlation of 0.2.
    generator, rho, share = np.random.default_rng(7), 0.2, 0.35
    scale = (1 - rho) / rho
    seen = generator.binomial(10, generator.beta(share * scale, (1 - share) * scale, (2000, 40))).sum(axis=1)
    effect = 1 + 9 * rho

    def covered(effect):
        unique = {x: share_interval(int(x), 400, design_effect=effect) for x in np.unique(seen)}
        return np.mean([unique[x].low <= share <= unique[x].high for x in seen])

    assert 0.935 <= covered(effect) <= 0.965
    assert covered(1) < 0.88


# Beta-binomial


def test_the_posterior_is_conjugate():
    result = beta_binomial(3, 10, prior=(2, 5))
    assert (result.alpha, result.beta) == (5, 12)
    assert result.mean == pytest.approx(5 / 17)
    assert result.sd == pytest.approx(np.sqrt(5 * 12 / (17**2 * 18)))
    assert (result.low, result.high) == pytest.approx(tuple(stats.beta.ppf([0.025, 0.975], 5, 12)))
    assert result.probability_between(0, result.low) == pytest.approx(0.025)
    assert beta_binomial(30, 100, design_effect=10).alpha == pytest.approx(3.5)
    assert beta_binomial(0, 0).mean == 0.5


def test_the_prediction_is_the_mixture_of_binomials():
    posterior = beta_binomial(3, 10)
    prediction = posterior.predict(6)
    for count in range(7):
        mixture, _ = integrate.quad(
            lambda share, count=count: stats.binom.pmf(count, 6, share) * stats.beta.pdf(share, 3.5, 7.5), 0, 1
        )
        assert prediction.frame["probability"][count] == pytest.approx(mixture, rel=1e-8)
    assert prediction.mean == pytest.approx(6 * posterior.mean)
    assert prediction.frame["probability"].sum() == pytest.approx(1)


def test_the_rule_of_succession():
    assert beta_binomial(4, 9, prior=(1, 1)).predict(1).frame["probability"][1] == pytest.approx(5 / 11)


def test_the_prediction_interval_covers():
    # Under its own prior the interval holds at least the level, on average over shares.
    generator, held = np.random.default_rng(3), []
    for share in generator.beta(0.5, 0.5, 400):
        prediction = beta_binomial(int(generator.binomial(12, share)), 12).predict(20, level=0.9)
        held.append(prediction.low <= generator.binomial(20, share) <= prediction.high)
    assert 0.87 <= np.mean(held) <= 0.99


# Bounds


def test_one_informant_bounds_almost_nothing():
    bounds = worst_case(0.35, 0.05)
    assert (bounds.low, bounds.high) == pytest.approx((0.0175, 0.9675))
    assert bounds.width == pytest.approx(0.95)


@given(seen=st.tuples(shares, shares), fraction=st.tuples(shares, shares), unseen=st.tuples(shares, shares))
def test_worst_case_is_the_extreme_over_all_corners_and_middles(seen, fraction, unseen):
    seen, fraction, unseen = (tuple(sorted(pair)) for pair in (seen, fraction, unseen))
    bounds = worst_case(seen, fraction, share_unseen=unseen)
    s, f, u = (np.linspace(*pair, 5) for pair in (seen, fraction, unseen))
    every = f[:, None, None] * s[:, None] + (1 - f[:, None, None]) * u
    assert bounds.low == pytest.approx(every.min(), abs=1e-12)
    assert bounds.high == pytest.approx(every.max(), abs=1e-12)


@given(seen=st.tuples(inner, inner), fraction=st.tuples(shares, shares), ratio=st.tuples(ratios, ratios))
def test_selection_bounds_are_the_extreme_over_all(seen, fraction, ratio):
    seen, fraction, ratio = (tuple(sorted(pair)) for pair in (seen, fraction, ratio))
    bounds = selection_bounds(seen, fraction, ratio)
    s, f = np.linspace(*seen, 5), np.linspace(*fraction, 5)[:, None]
    r = np.linspace(*ratio, 5)[:, None, None]
    odds = s / (1 - s) / r
    every = f * s + (1 - f) * odds / (1 + odds)
    assert bounds.low == pytest.approx(every.min(), abs=1e-9)
    assert bounds.high == pytest.approx(every.max(), abs=1e-9)


def test_the_odds_ratio_is_that_of_being_seen():
    # 10,000 workers, 3,500 leave; the odds of being seen are three times as high for one who leaves.
    leave, stay = 3500.0, 6500.0
    stays_seen = 0.1
    odds = 3 * stays_seen / (1 - stays_seen)
    leaves_seen = odds / (1 + odds)
    seen = leave * leaves_seen + stay * stays_seen
    bounds = selection_bounds(leave * leaves_seen / seen, seen / 10_000, 3)
    assert bounds.low == pytest.approx(0.35, rel=1e-12)
    assert bounds.high == pytest.approx(0.35, rel=1e-12)


def test_selection_bounds_run_from_one_number_to_the_worst_case():
    assert selection_bounds(0.35, 0.05, 1).low == pytest.approx(0.35)
    worst, wide = worst_case((0.3, 0.4), (0.02, 0.1)), selection_bounds((0.3, 0.4), (0.02, 0.1), (1e-12, 1e12))
    assert (wide.low, wide.high) == pytest.approx((worst.low, worst.high), abs=1e-9)


@settings(max_examples=30)
@given(seen=st.tuples(shares, shares), fraction=shares, ratio=ratios)
def test_the_surface_is_made_of_selection_bounds(seen, fraction, ratio):
    seen = tuple(sorted(seen))
    surface = selection_surface(seen, [fraction], [ratio])
    bounds = selection_bounds(seen, fraction, ratio)
    assert tuple(surface.frame.loc[0, ["low", "high"]]) == pytest.approx((bounds.low, bounds.high), abs=1e-12)


def test_the_surface_as_a_table():
    surface = selection_surface(0.35, [0.01, 0.5, 1.0], [0.5, 1, 2, 4])
    grid = surface.grid()
    assert grid.shape == (4, 3)
    assert surface.n == 12
    assert (grid[1.0] == 0.35).all()
    assert grid.loc[1].to_numpy() == pytest.approx([0.35] * 3)
    assert (np.diff(grid[0.01]) < 0).all()


# What can't be used


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: share_interval(-1, 5), "successes"),
        (lambda: share_interval(6, 5), "successes"),
        (lambda: share_interval(1.5, 5), "successes"),
        (lambda: share_interval(float("nan"), 5), "successes"),
        (lambda: share_interval("many", 5), "successes"),
        (lambda: share_interval(0, 0), "n"),
        (lambda: share_interval(1, 5, level=95), "level"),
        (lambda: share_interval(1, 5, method="wald"), "method"),
        (lambda: share_interval(1, 5, design_effect=0), "design_effect"),
        (lambda: share_interval(1, 5, method="wilson_corrected", design_effect=2), "design_effect"),
        (lambda: beta_binomial(1, 5, prior=(0, 1)), "prior"),
        (lambda: beta_binomial(1, 5, prior=(1, 1, 1)), "prior"),
        (lambda: beta_binomial(1, 5).predict(0), "future"),
        (lambda: worst_case(1.2, 0.5), "share_seen"),
        (lambda: worst_case(0.3, (0.5, 0.1)), "fraction_seen"),
        (lambda: worst_case((0.3, 0.4, 0.5), 0.1), "share_seen"),
        (lambda: worst_case(0.3, 0.1, share_unseen=(-0.1, 1)), "share_unseen"),
        (lambda: selection_bounds(0.3, 0.1, 0), "odds_ratio"),
        (lambda: selection_bounds(0.3, 0.1, (2, 1)), "odds_ratio"),
        (lambda: selection_surface(0.3, [], [1]), "fractions_seen"),
        (lambda: selection_surface(0.3, [0.1, 0.1], [1]), "fractions_seen"),
        (lambda: selection_surface(0.3, [0.1], [1, np.nan]), "odds_ratios"),
        (lambda: selection_surface(0.3, [0.1], [1]).grid("middle"), "end"),
    ],
)
def test_bad_arguments_are_named_with_a_remedy(call, where):
    with pytest.raises(MethodError) as caught:
        call()
    assert caught.value.where == where
    assert caught.value.remedy


def test_results_are_frozen_and_print():
    results = [
        share_interval(3, 10),
        beta_binomial(3, 10),
        beta_binomial(3, 10).predict(5),
        worst_case(0.3, 0.1),
        selection_bounds((0.3, 0.4), 0.1, (0.5, 2)),
        selection_surface(0.3, [0.1], [1]),
    ]
    for result in results:
        assert replace(result) is not result
        assert result.n >= 1
        assert result.assumptions
        assert len(result.frame) >= 1
        assert list(result.summary().columns) == ["fact", "value"]
        with pytest.raises(AttributeError):
            result.n = 0
