"""Ranges and Sobol indices, held against scipy's distributions and cases with closed forms."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from musan.errors import MethodError
from musan.methods.ranges import Range, draw, sensitivity

REFERENCE = Path(__file__).parents[1] / "reference" / "attendance"
CASES = [
    (Range(2, 5), stats.uniform(2, 3)),
    (Range(0.5, 8, "log_uniform"), stats.loguniform(0.5, 8)),
    (Range(1, 5, "triangular", 2), stats.triang(0.25, 1, 4)),
    (Range(1, 5, "triangular", 1), stats.triang(0, 1, 4)),
    (Range(-5, -1, "triangular", -1), stats.triang(1, -5, 4)),
]


@pytest.mark.parametrize(("span", "law"), CASES, ids=lambda case: getattr(case, "shape", ""))
def test_ranges_are_their_distributions(span, law):
    shares = np.linspace(0, 1, 21)
    np.testing.assert_allclose(span.ppf(shares), law.ppf(shares), rtol=1e-12)
    assert span.mean == pytest.approx(law.mean())


@pytest.mark.parametrize("span", [Range(3, 3), Range(3, 3, "log_uniform"), Range(3, 3, "triangular", 3)])
def test_a_known_figure_is_always_drawn(span):
    assert (span.ppf([0, 0.3, 1]) == 3).all()
    assert span.mean == 3


def test_draws_are_seeded_and_independent():
    ranges = {"a": Range(0, 1), "b": Range(1, 100, "log_uniform")}
    drawn = draw(ranges, 4000, seed=1)
    pd.testing.assert_frame_equal(drawn, draw(ranges, 4000, seed=1))
    assert not drawn.equals(draw(ranges, 4000, seed=2))
    assert drawn["a"].mean() == pytest.approx(0.5, abs=0.02)
    assert abs(drawn["a"].corr(np.log(drawn["b"]))) < 0.05


def ishigami(x):
    return np.sin(x["x1"]) + 7 * np.sin(x["x2"]) ** 2 + 0.1 * x["x3"] ** 4 * np.sin(x["x1"])


def test_the_published_indices_of_ishigami():
    expected = pd.read_csv(REFERENCE / "ishigami.csv")
    ranges = {name: Range(-np.pi, np.pi) for name in expected["parameter"]}
    result = sensitivity(ishigami, ranges, n=8192, seed=3)
    np.testing.assert_allclose(result.frame["first"], expected["first"], atol=2e-3)
    np.testing.assert_allclose(result.frame["total"], expected["total"], atol=2e-3)
    assert result.mean == pytest.approx(3.5, abs=1e-3)
    assert result.sd**2 == pytest.approx(0.5 + 49 / 8 + np.pi**4 / 50 + np.pi**8 / 1800, rel=1e-3)
    assert result.n == 8 * 8192 * 5


def test_intervals_of_indices_cover():
    # Linear: the share of each squared coefficient, no interaction.
    ranges = {name: Range(0, 1) for name in "abc"}
    truth = np.array([9, 4, 1]) / 14
    held = []
    for seed in range(40):
        frame = sensitivity(lambda x: 3 * x["a"] + 2 * x["b"] + x["c"], ranges, n=64, seed=seed).frame
        held.append((frame["first_low"] <= truth) & (truth <= frame["first_high"]))
    assert 0.85 <= np.mean(held) <= 1


def test_indices_are_seeded():
    ranges = {name: Range(-1, 1) for name in ("x1", "x2", "x3")}
    first, again, other = (sensitivity(ishigami, ranges, n=64, seed=seed).frame for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def two(**options):
    return sensitivity(lambda x: x["a"] + x["b"], {"a": Range(0, 1), "b": Range(0, 1)}, **{"seed": 1, **options})


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: Range(2, 1), "low"),
        (lambda: Range(np.nan, 1), "low"),
        (lambda: Range(0, np.inf), "high"),
        (lambda: Range(0, 1, "log_uniform"), "low"),
        (lambda: Range(0, 1, "triangular"), "mode"),
        (lambda: Range(0, 1, "triangular", 2), "mode"),
        (lambda: Range(0, 1, mode=0.5), "mode"),
        (lambda: Range(0, 1, "normal"), "shape"),
        (lambda: draw({}, 5, seed=1), "ranges"),
        (lambda: draw({"a": Range(0, 1)}, 0, seed=1), "n"),
        (lambda: sensitivity(lambda x: x["a"], {"a": Range(0, 1)}, seed=1), "ranges"),
        (lambda: two(n=100), "n"),
        (lambda: two(replicates=1), "replicates"),
        (lambda: two(level=0), "level"),
        (lambda: sensitivity(lambda x: 0 * x["a"] + 3, dict.fromkeys("ab", Range(0, 1)), seed=1), "function"),
        (lambda: sensitivity(lambda x: np.log(x["a"] - 2), dict.fromkeys("ab", Range(3, 4)), seed=1, n=4), None),
        (lambda: sensitivity(lambda _: np.array([1.0]), dict.fromkeys("ab", Range(0, 1)), seed=1), "function"),
        (lambda: sensitivity(lambda x: x["a"] / 0, dict.fromkeys("ab", Range(1, 2)), seed=1), "function"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_arguments_are_named_with_a_remedy(call, where):
    if where is None:
        call()  # a range that just fits is not refused
        return
    with pytest.raises(MethodError) as caught:
        call()
    assert caught.value.where == where
    assert caught.value.remedy


def test_results_print():
    summary = two(n=64).summary()
    assert summary.columns[:2].tolist() == ["parameter", "first"]
