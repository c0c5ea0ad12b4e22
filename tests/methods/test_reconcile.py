"""A series is rebuilt from fragments with honest intervals, and a figure that does not fit the others shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from musan.errors import MethodError
from musan.methods import reconcile, statements

MONTHS = pd.period_range("2016-01", "2018-12", freq="M")
T = len(MONTHS)


def wave(level=200.0, swing=0.3):
    """Return a smooth series with a season."""
    return level * (1 + swing * np.sin(2 * np.pi * np.arange(T) / 12)) * np.linspace(1, 0.7, T)


def said(rows, series="a"):
    """Return statements from (first month, last month, value, basis) with months as numbers."""
    frame = pd.DataFrame(
        [(MONTHS[a], MONTHS[b], float(value), basis, f"source-{i}") for i, (a, b, value, basis) in enumerate(rows)],
        columns=["first", "last", "value", "basis", "source_id"],
    )
    return statements.levels(frame, start="first", end="last", series=series)


def rate(first, last, path, basis="reported"):
    """Return the exact year-on-year rate of a path as a statement."""
    now, ago = path[first : last + 1].sum(), path[first - 12 : last - 11].sum()
    frame = pd.DataFrame({"first": [MONTHS[first]], "last": [MONTHS[last]], "value": [now], "basis": [basis]})
    frame["yoy_pct"] = 100 * (now / ago - 1)
    return statements.rates(frame, start="first", end="last", series="a")


def every_month(path, basis="reported"):
    return [(t, t, round(path[t], 2), basis) for t in range(len(path))]


def fit(rows, **settings):
    return reconcile.fit(rows, months=MONTHS, **{"series": ["a"]} | settings)


def sums(result, first, last, series="a"):
    """Return random sums of months ``first`` to ``last``."""
    return result.draws(4000, seed=7)[series].iloc[:, first : last + 1].sum(axis=1)


# What is told is given back


def test_consistent_months_come_back_as_they_are():
    path = wave()
    result = fit(said(every_month(path)))
    month = result.series("a")
    assert list(month.index) == list(MONTHS)
    assert np.abs(month["mean"] / path - 1).max() < 0.01
    assert ((month["low"] <= path) & (path <= month["high"])).mean() >= 0.9
    assert (month["sd"] < 0.02 * path).all()
    assert len(result.flagged) == 0
    assert result.n == T
    assert result.effective_n > 0.8 * T


def test_a_month_between_told_months_is_filled_in():
    path = wave()
    result = fit(said([row for row in every_month(path) if row[0] % 4]))
    month = result.series("a")
    share = (month["sd"] / path).to_numpy()
    assert np.abs(month["mean"] / path - 1)[4::4].max() < 0.06
    assert share[4::4].min() > 2 * np.delete(share, slice(0, None, 4)).max()
    assert share[0] > share[4::4].max()  # the first month has a neighbour on one side only


def test_totals_are_kept():
    path = wave()
    totals = [(0, 11), (12, 17), (18, 23), (24, 35)]
    result = fit(said([(a, b, path[a : b + 1].sum(), "reported") for a, b in totals]))
    for first, last in totals:
        total, said_total = sums(result, first, last), path[first : last + 1].sum()
        assert abs(total.mean() / said_total - 1) < 0.02
        low, high = total.quantile([0.05, 0.95])
        assert low < said_total < high
        assert high - low < 0.12 * said_total
    # What no statement tells is known less well than what one does.
    assert sums(result, 0, 5).std() > 2 * sums(result, 0, 11).std()


def test_a_rate_carries_what_is_known_of_one_year_to_the_year_before():
    path = wave()
    told = said([row for row in every_month(path) if row[0] >= 12])
    rows = pd.concat([told, *(rate(t, t + 2, path) for t in (12, 15, 18, 21))], ignore_index=True)
    result = fit(rows)
    alone = fit(told)
    total = sums(result, 0, 11)
    assert abs(total.mean() / path[:12].sum() - 1) < 0.03
    assert total.std() < 0.2 * sums(alone, 0, 11).std()


def test_a_sum_of_two_series_tells_one_from_the_other():
    one, other = wave(), wave(level=80, swing=-0.2)
    rows = [
        said(every_month(one)),
        said([(0, 11, other[:12].sum(), "reported")], "b"),
        said([(t, t, round(one[t] + other[t], 2), "reported") for t in range(T)], "a+b"),
    ]
    result = fit(pd.concat(rows, ignore_index=True), series=["a", "b"])
    assert np.abs(result.series("b")["mean"] / other - 1).max() < 0.1
    assert np.abs(result.series("a")["mean"] / one - 1).max() < 0.02


def test_a_jump_is_followed_where_an_event_is_known():
    path = np.where(np.arange(T) < 20, 200.0, 20.0)
    rows = said([(a, a + 3, path[a : a + 4].sum(), "reported") for a in range(0, T, 4)] + [(19, 19, 200, "reported")])
    result = fit(rows, events=[MONTHS[20]])
    month = result.series("a")["mean"].to_numpy()
    assert np.abs(month / path - 1).max() < 0.2
    assert month[19] > 8 * month[20]


def test_what_stands_in_the_frame_is_what_the_documentation_says():
    result = fit(said(every_month(wave())))
    assert list(result.frame.columns) == ["series", "month", "mean", "sd", "low", "high"]
    assert (result.frame["low"] < result.frame["mean"]).all()
    assert (result.frame["mean"] < result.frame["high"]).all()
    assert set(result.statements["role"]) == {"fitted"}
    assert result.coverage == result.statements["inside"].mean()
    assert (result.statements["flagged"] == (result.statements["z"].abs() > reconcile.FLAG)).all()
    facts = result.summary().set_index("fact")["value"]
    assert facts["statements fitted"] == "36"
    assert facts["leave-one-out coverage of the 90 % interval"] == f"{100 * result.coverage:.0f} %"
    with pytest.raises(AttributeError):
        result.coverage = 1.0


def test_reprints_count_once():
    rows = said([*every_month(wave()), (0, 0, round(wave()[0]), "rounded"), (1, 1, round(wave()[1], 2), "reported")])
    result = fit(rows)
    assert result.reprints == 2
    assert result.n == T


# No month is negative


def test_no_month_is_negative_when_trade_stops():
    path = np.where(np.arange(T) < 18, wave(), 0.0)
    rows = [(t, t, round(path[t], 1), "reported") for t in range(0, T, 2)] + [(24, 35, 0, "reported")]
    result = fit(said(rows), events=[MONTHS[18]])
    for name in ("mean", "low", "high", "sd"):
        assert (result.frame[name] >= 0).all()
    assert (result.frame["high"].iloc[20::2] < 2).all()
    assert result.draws(500, seed=1)["a"].min().min() >= 0


@pytest.mark.parametrize("seed", range(3))
def test_no_month_is_negative_when_figures_contradict_each_other(seed):
    generator = np.random.default_rng(seed)
    firsts = generator.integers(0, T, 25)
    lasts = np.minimum(firsts + generator.integers(0, 12, 25), T - 1)
    result = fit(said([(a, b, generator.exponential(50), "reported") for a, b in zip(firsts, lasts, strict=True)]))
    assert (result.frame[["mean", "low"]] >= 0).all().all()
    assert np.isfinite(result.frame[["mean", "sd", "low", "high"]].to_numpy()).all()


@pytest.mark.parametrize("z", [-6, -2, -0.5, 0, 0.3, 1, 2.5, 6])
def test_truncation_of_one_month_is_exact(z):
    sd = 3.0
    mean, covariance, table = reconcile._truncate(np.array([z * sd]), np.array([[sd**2]]))
    exact = stats.truncnorm(-z, np.inf, loc=z * sd, scale=sd)
    assert mean[0] == pytest.approx(exact.mean(), rel=1e-6)
    assert covariance[0, 0] == pytest.approx(exact.var(), rel=1e-6)
    assert table["sd"][0] == pytest.approx(exact.std(), rel=1e-6)
    assert table["low"][0] == pytest.approx(exact.ppf(0.05), rel=1e-5)
    assert table["high"][0] == pytest.approx(exact.ppf(0.95), rel=1e-5)


def test_truncation_leaves_months_far_above_zero_alone():
    mean, covariance = np.array([100.0, 80.0]), np.array([[4.0, 1.0], [1.0, 2.0]])
    truncated, shrunk, table = reconcile._truncate(mean, covariance)
    np.testing.assert_allclose(truncated, mean)
    np.testing.assert_allclose(shrunk, covariance)
    np.testing.assert_allclose(table["high"], mean + stats.norm.ppf(0.95) * np.sqrt(np.diag(covariance)))


def test_truncation_of_independent_months_is_exact_for_each():
    mean, sd = np.array([-1.0, 0.2, 3.0]), np.array([1.0, 0.5, 4.0])
    truncated, shrunk, table = reconcile._truncate(mean, np.diag(sd**2))
    exact = stats.truncnorm(-mean / sd, np.inf, loc=mean, scale=sd)
    np.testing.assert_allclose(truncated, exact.mean(), rtol=1e-6)
    np.testing.assert_allclose(shrunk, np.diag(exact.var()), atol=1e-9)
    np.testing.assert_allclose(table["high"], exact.ppf(0.95), rtol=1e-5)


def _near_zero(size, seed):
    """Return a mean near zero and a random covariance with strong correlations."""
    generator = np.random.default_rng([size, seed])
    factor = generator.normal(size=(size, size + 2))
    covariance = factor @ factor.T / (size + 2)
    return generator.normal(0.5, 1, size) * np.sqrt(np.diag(covariance)), covariance


# Largest errors seen over 16 such covariances, against 1.5 million draws, in standard deviations of the month:
# mean 0.03, low 0.13, high 0.17; sd 4 %; correlation 0.10. Without truncation the sd is 1.3 to 5 times too large.
@pytest.mark.parametrize(("size", "seed"), [(2, 0), (2, 1), (3, 1), (4, 2), (5, 1), (5, 2)])
def test_truncation_agrees_with_rejection_sampling(size, seed):
    mean, covariance = _near_zero(size, seed)
    truncated, shrunk, table = reconcile._truncate(mean, covariance)
    draws = np.random.default_rng(99).multivariate_normal(mean, covariance, size=1_000_000, method="cholesky")
    kept = draws[(draws >= 0).all(axis=1)]
    assert 9_000 < len(kept) < 800_000
    sd = kept.std(axis=0)
    np.testing.assert_allclose(truncated / sd, kept.mean(axis=0) / sd, atol=0.04)
    np.testing.assert_allclose(np.sqrt(np.diag(shrunk)), sd, rtol=0.04)
    np.testing.assert_allclose(shrunk / np.outer(sd, sd), np.corrcoef(kept.T), atol=0.1)
    low, high = np.quantile(kept, [0.05, 0.95], axis=0)
    np.testing.assert_allclose(table["low"] / sd, low / sd, atol=0.15)
    np.testing.assert_allclose(table["high"] / sd, high / sd, atol=0.2)


# A figure that does not fit


def told_twice(path):
    """Return every month by two compilers that differ by half a percent, and the quarters."""
    generator = np.random.default_rng(1)
    rows = [
        (t, t, round(path[t] * (1 + 0.005 * generator.standard_normal()), 2), "reported")
        for t in range(T)
        for _ in range(2)
    ]
    return rows + [(a, a + 2, round(path[a : a + 3].sum(), 1), "reported") for a in range(0, T, 3)]


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.2, 1.4, 2.0])
def test_a_misprint_is_flagged_and_hardly_moves_the_series(factor):
    path = wave()
    rows = told_twice(path)
    clean = fit(said(rows))
    misprint = round(factor * rows[33][2], 2)
    rows[33] = (16, 16, misprint, "reported")
    result = fit(said(rows))
    worst = result.flagged.iloc[0]
    assert (worst["start"], worst["value"]) == (MONTHS[16], misprint)
    assert worst["weight"] < 0.02
    assert abs(worst["expected"] / path[16] - 1) < 0.02
    assert np.sign(worst["z"]) == np.sign(factor - 1)
    assert len(result.flagged) <= 2
    moved = result.series("a")["mean"] / clean.series("a")["mean"] - 1
    assert moved.abs().max() < 0.02


def test_a_misprint_that_only_a_quarter_and_a_year_contradict_is_flagged_when_it_is_large():
    path = wave()
    rows = every_month(path) + [(a, a + 2, round(path[a : a + 3].sum(), 1), "reported") for a in range(0, T, 3)]
    rows += [(a, a + 11, round(path[a : a + 12].sum()), "reported") for a in range(0, T, 12)]
    rows[16] = (16, 16, round(2 * path[16], 2), "reported")
    result = fit(said(rows))
    assert list(result.flagged["start"]) == [MONTHS[16]]
    assert abs(result.series("a")["mean"].iloc[16] / path[16] - 1) < 0.01


@pytest.mark.xfail(
    strict=True,
    reason="within 40 % or so the month is believed: the quarter and the year, whose errors are larger in dollars, "
    "lose their weight first, though two figures and a smooth path speak against one",
)
@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_misprint_that_only_a_quarter_and_a_year_contradict_hardly_moves_the_series(factor):
    path = wave()
    rows = every_month(path) + [(a, a + 2, round(path[a : a + 3].sum(), 1), "reported") for a in range(0, T, 3)]
    rows += [(a, a + 11, round(path[a : a + 12].sum()), "reported") for a in range(0, T, 12)]
    rows[16] = (16, 16, round(factor * path[16], 2), "reported")
    assert abs(fit(said(rows)).series("a")["mean"].iloc[16] / path[16] - 1) < 0.05


def test_a_checked_figure_is_held_against_the_fit_and_does_not_enter_it():
    path = wave()
    rows = every_month(path)
    checks = [(5, 5, 1.005 * path[5], "claim"), (9, 9, 2 * path[9], "claim"), (0, 11, path[:12].sum(), "estimate")]
    result = fit(said(rows + checks))
    pd.testing.assert_frame_equal(result.frame, fit(said(rows)).frame)
    checked = result.statements[result.statements["role"] == "checked"]
    assert list(checked["inside"]) == [True, True, False]
    assert list(result.flagged["value"]) == [2 * path[9]]
    assert (checked["weight"] == 0).all()
    assert result.n == T
    assert result.coverage == result.statements.loc[result.statements["role"] == "fitted", "inside"].mean()
    entered = fit(said(rows + checks), check_only=())
    assert entered.n == T + 3
    assert set(entered.statements["role"]) == {"fitted"}


def test_what_others_say_is_what_a_fit_without_the_statement_says():
    path = wave()
    rows = [row for row in every_month(path) if row[0] % 3 == 0]
    rows += [(0, 11, path[:12].sum(), "reported"), (12, 20, path[12:21].sum(), "reported")]
    rows += [(9, 9, 1.02 * path[9], "reported"), (9, 9, 1.5 * path[9], "reported")]
    told = statements.inside(pd.concat([said(rows), rate(12, 15, path), rate(30, 30, path)], ignore_index=True), MONTHS)
    figures = reconcile._Figures.of(told, ["a"], MONTHS)
    model, weights = reconcile._tune(reconcile._start(told, figures, MONTHS, ("a",), [MONTHS[20]]))
    assert weights.min() < 0.1
    mean, variance = model.others_say(weights)
    for i in range(len(told)):
        rest = reconcile._Figures(*(np.delete(part, i, axis=0) for part in vars(figures).values()))
        without = replace(model, figures=rest).posterior(np.delete(weights, i))
        expected, spread = figures.told(*without)
        assert mean[i] == pytest.approx(expected[i], rel=1e-6, abs=1e-6)
        assert variance[i] == pytest.approx(spread[i], rel=1e-6)


@pytest.mark.parametrize("scale", [1, 1e-5, 1e5])
def test_misfit_is_the_likelihood_of_what_others_say(scale):
    one, other = wave(), scale * wave(level=80, swing=-0.2)
    rows = [
        said([*every_month(one), (0, 11, one[:12].sum(), "reported"), (16, 16, 1.4 * one[16], "reported")]),
        said([(t, t + 5, other[t : t + 6].sum(), "reported") for t in range(0, T - 5, 3)], "b"),
        said([(t, t, one[t] + other[t], "reported") for t in range(0, T, 2)], "a+b"),
        rate(12, 15, one),
    ]
    told = pd.concat(rows, ignore_index=True)
    figures = reconcile._Figures.of(told, ["a", "b"], MONTHS)
    start = reconcile._start(told, figures, MONTHS, ("a", "b"), [MONTHS[20]])
    weights = np.random.default_rng(1).uniform(0.05, 1.5, len(told))
    mix, seen = reconcile._combinations(start)
    assert len(seen) < min(figures.design.shape)
    misfit = reconcile._Misfit(start, weights, mix, seen)
    found, expected = [], []
    for step, noise in [(0.2, 0.015), (0.01, 0.2), (1.5, 0.001)]:
        model, scales = replace(start, step=step, noise=noise), np.log([step, noise])
        mean, variance = model.others_say(weights)
        likelihood = stats.norm.logpdf(figures.right, mean, np.sqrt(variance + model.variance / weights)).sum()
        priors = stats.norm.logpdf(scales, *np.transpose([reconcile.STEP_PRIOR, reconcile.NOISE_PRIOR])).sum()
        found.append(misfit(scales))
        expected.append(-likelihood - priors)
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-6)  # they are the same up to a constant


# Honest intervals


def simulate(generator, *, step=0.15, noise=0.01, misprints=1):
    """Return a random series with one large fall, and figures on it as a press would print them.

    A third or so of the months, some quarters and half-years, every year, some year-on-year rates; each with
    an error with heavy tails, rounded to the unit, a tenth or a hundredth; a few levels off by a quarter or more.
    """
    fall = int(generator.integers(14, 26))
    steps = generator.normal(-(step**2) / 2, step, T)
    steps[fall] += np.log(0.3)
    path = 200 * np.exp(np.cumsum(steps))
    spans = [(t, t) for t in range(T) if generator.random() < 0.4]
    spans += [(t, t + 2) for t in range(0, T, 3) if generator.random() < 0.3]
    spans += [(t, t + 5) for t in range(0, T, 6) if generator.random() < 0.5]
    spans += [(t, t + 11) for t in range(0, T, 12)]

    def printed(first, last):
        return path[first : last + 1].sum() * (1 + noise * generator.standard_t(5))

    values = [round(printed(*span), int(generator.integers(3))) for span in spans]
    for place in generator.choice(len(spans), size=misprints, replace=False):
        values[place] = round(values[place] * generator.choice([0.75, 1.3]), 1)
    rows = [said([(a, b, value, "reported") for (a, b), value in zip(spans, values, strict=True)])]
    rated = [t for t in range(12, T) if generator.random() < 0.2]
    table = pd.DataFrame({"month": [MONTHS[t] for t in rated], "basis": "reported"})
    table["value"] = [round(printed(t, t), 1) for t in rated]
    table["yoy_pct"] = [round(100 * (printed(t, t) / printed(t - 12, t - 12) - 1), 1) for t in rated]
    rows.append(statements.rates(table, start="month", end="month", series="a"))
    return path, pd.concat(rows, ignore_index=True), [MONTHS[fall]]


# Coverage of the 90 % intervals seen over these 20 series each, about 28 figures a series (months, leave-one-out):
# 0.87 and 0.91 as they come; 0.85 and 0.89 restless; 0.83 and 0.88 where compilers disagree by 2.6 %. Over 40 other
# series: 0.87, 0.90; without misprints 0.88, 0.92; with two each 0.87, 0.88; where compilers disagree by 4 %, far from
# what the prior on the noise expects, 0.82 and 0.86.
COVERAGE = [
    ("as they come", {}),
    ("restless", {"step": 0.3}),
    ("compilers disagree", {"noise": 0.02}),
]


@pytest.mark.parametrize(("name", "settings"), COVERAGE, ids=[name for name, _ in COVERAGE])
def test_ninety_percent_intervals_hold_about_ninety_percent(name, settings):
    generator = np.random.default_rng(2018)
    months, figures = [], []
    for _ in range(20):
        path, rows, events = simulate(generator, **settings)
        result = fit(rows, events=events)
        frame = result.series("a")
        months.append(((frame["low"] <= path) & (path <= frame["high"])).mean())
        figures.append(result.coverage)
    assert 0.80 <= np.mean(months) <= 0.97
    assert 0.80 <= np.mean(figures) <= 0.97


def test_draws_repeat_with_their_seed_and_agree_with_the_moments():
    path = wave()
    result = fit(said([row for row in every_month(path) if row[0] % 3 == 0]))
    first, again, other = (result.draws(3000, seed=seed)["a"] for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    assert first.shape == (3000, T)
    assert list(first.columns) == list(MONTHS)
    month = result.series("a")
    np.testing.assert_allclose(first.mean(), month["mean"], atol=0.1 * month["sd"].max())
    np.testing.assert_allclose(first.std(), month["sd"], rtol=0.08)
    np.testing.assert_allclose(first.quantile(0.95), month["high"], atol=0.2 * month["sd"].max())


def test_draws_are_those_of_the_normal_distribution_of_numpy():
    result = fit(said([row for row in every_month(wave()) if row[0] % 3 == 0]))
    generator = np.random.default_rng(4)
    paths = generator.multivariate_normal(result._mean, result._covariance, size=50, method="eigh")
    np.testing.assert_allclose(result.draws(50, seed=4)["a"], np.clip(paths, 0, None), rtol=1e-12, atol=1e-9)


# What is refused


def refused(argument, what, rows, **settings):
    with pytest.raises(MethodError, match=what) as error:
        reconcile.fit(rows, **{"months": MONTHS, "series": ["a"]} | settings)
    assert error.value.where == argument
    assert error.value.remedy


def test_bad_months_are_refused():
    rows = said(every_month(wave()))
    refused("months", "are not consecutive", rows, months=MONTHS.delete(5))
    refused("months", "are not consecutive", rows, months=MONTHS[::-1])
    refused("months", "are not consecutive", rows, months=MONTHS[:1])


def test_bad_series_are_refused():
    rows = said(every_month(wave()))
    refused("series", "are empty or repeat", rows, series=[])
    refused("series", "are empty or repeat", rows, series=["a", "a"])
    refused("statements", "no level speaks of 'b'", rows, series=["a", "b"])
    refused(
        "statements", "speaks of an unknown series 'b'; known: a", pd.concat([rows, said([(0, 0, 1, "reported")], "b")])
    )


def test_a_series_of_which_only_rates_speak_is_refused():
    path = wave()
    rows = pd.concat([said(every_month(path), "b"), rate(12, 12, path)], ignore_index=True)
    refused("statements", "no level speaks of 'a'", rows, series=["a", "b"])


def test_bad_figures_are_refused():
    rows = said(every_month(wave()))
    refused("statements", "holds a negative level", rows.assign(value=-rows["value"]))
    for column in ("value", "half_width"):
        for bad in (np.nan, np.inf):
            spoilt = rows.copy()
            spoilt.loc[4, column] = bad
            refused("statements", "holds a missing or infinite figure", spoilt)


def test_too_few_statements_are_refused():
    refused("statements", "only 2 can be used; at least three are needed", said(every_month(wave())[:2]))
    claims = said([(t, t, 10, "claim") for t in range(9)])
    refused("statements", "only 0 can be used", claims)
    outside = said(every_month(wave())).assign(start=pd.Period("2010-01"), end=pd.Period("2010-01"))
    refused("statements", "only 0 can be used", outside)


def test_an_unknown_series_of_the_result_is_refused():
    with pytest.raises(MethodError, match="name: there is no series 'b'; known: a"):
        fit(said(every_month(wave()))).series("b")


def test_a_missing_rate_is_refused():
    path = wave()
    rows = pd.concat([said(every_month(path)), rate(12, 12, path).assign(rate=np.nan)], ignore_index=True)
    refused("statements", "holds a missing or infinite figure", rows)


def test_a_missing_month_is_refused():
    rows = said(every_month(wave()))
    rows.loc[3, "start"] = pd.NaT
    refused("statements", "holds a missing", rows)


def test_years_are_no_months():
    refused("months", "months", said(every_month(wave())), months=pd.period_range("2016", "2018", freq="Y"))


def test_events_as_text_are_refused_or_read():
    path = np.where(np.arange(T) < 20, 200.0, 20.0)
    rows = said([(a, a + 3, path[a : a + 4].sum(), "reported") for a in range(0, T, 4)] + [(19, 19, 200, "reported")])
    try:
        as_text = fit(rows, events=[str(MONTHS[20])])
    except MethodError:
        return
    pd.testing.assert_frame_equal(as_text.frame, fit(rows, events=[MONTHS[20]]).frame)


def test_one_basis_to_check_need_not_be_a_list():
    rows = said([*every_month(wave()), (9, 9, 400, "claim")])
    try:
        result = fit(rows, check_only="claim")
    except MethodError:
        return
    assert result.n == T
