"""Design effects and effective n, held against R's survey package, closed forms and simulation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from musan.errors import MethodError
from musan.methods.sampling import (
    design_effect_of_clusters,
    design_effect_of_weights,
    intraclass_correlation,
    survey_mean,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "informant"
DESIGNS = {
    "clusters": ("clusters", {"clusters": "dnum", "weights": "pw", "population_clusters": "fpc"}),
    "clusters_replaced": ("clusters", {"clusters": "dnum", "weights": "pw"}),
    "clusters_2": ("clusters_2", {"clusters": "dnum", "weights": "pw"}),
    "strata": ("strata", {"strata": "stype", "weights": "pw", "population_clusters": "fpc"}),
    "strata_replaced": ("strata", {"strata": "stype", "weights": "pw"}),
    "weights": ("strata", {"weights": "pw"}),
}


def table(name):
    return pd.read_csv(REFERENCE / f"{name}.csv")


@pytest.mark.parametrize("row", list(table("survey_means").itertuples()), ids=lambda row: f"{row.design} {row.column}")
def test_survey_means_are_those_of_r(row):
    name, columns = DESIGNS[row.design]
    sample = table(f"survey_{name}")
    design = {argument: sample[column] for argument, column in columns.items()}
    result = survey_mean(sample[row.column], **design)
    replaced = survey_mean(sample[row.column], against="with_replacement", **design)
    found = [result.mean, result.standard_error, result.design_effect, replaced.design_effect, result.low, result.high]
    printed = [row.mean, row.standard_error, row.design_effect, row.design_effect_replaced, row.low, row.high]
    np.testing.assert_allclose(found, printed, rtol=1e-13)
    assert result.degrees_of_freedom == row.degrees_of_freedom
    assert result.effective_n == pytest.approx(len(sample) / row.design_effect)


def test_the_design_effect_of_the_literature():
    sample = table("survey_clusters")
    result = survey_mean(sample["api00"], clusters=sample["dnum"], weights=sample["pw"], against="with_replacement")
    assert round(result.design_effect, 2) == 9.25


def test_without_any_design_it_is_a_simple_random_sample():
    values = np.array([0, 1, 1, 0, 1, 1, 1, 0.0])
    result = survey_mean(values)
    assert result.against == "with_replacement"
    assert result.standard_error == pytest.approx(values.std(ddof=1) / np.sqrt(8))
    assert result.design_effect == pytest.approx(1)


def test_labels_of_clusters_count_within_strata():
    values, strata = np.arange(8.0) ** 2, list("aaaabbbb")
    nested = survey_mean(values, strata=strata, clusters=[1, 1, 2, 2, 1, 1, 2, 2])
    named = survey_mean(values, strata=strata, clusters=[1, 1, 2, 2, 3, 3, 4, 4])
    assert nested.standard_error == named.standard_error
    assert (nested.clusters, nested.strata, nested.degrees_of_freedom) == (4, 2, 2)


def test_a_full_count_has_no_error():
    result = survey_mean([1.0, 2.0, 4.0], population_clusters=3)
    assert result.standard_error == 0
    assert result.effective_n == np.inf


def test_survey_intervals_cover():
    # 15 districts with 8 people each; a district's own share varies around 0.35.
    generator, covered = np.random.default_rng(11), 0
    clusters = np.repeat(np.arange(15), 8)
    for _ in range(400):
        own = np.repeat(generator.beta(3.5, 6.5, 15), 8)
        result = survey_mean((generator.random(120) < own).astype(float), clusters=clusters)
        covered += result.low <= 0.35 <= result.high
    assert 0.92 <= covered / 400 <= 0.975


def test_weights():
    assert design_effect_of_weights([3, 3, 3]).design_effect == pytest.approx(1)
    result = design_effect_of_weights([1, 1, 1, 1, 4])
    assert result.effective_n == pytest.approx(64 / 20)
    assert result.design_effect == pytest.approx(5 * 20 / 64)
    weights = table("survey_strata")["pw"].to_numpy()
    variation = weights.std() / weights.mean()
    assert design_effect_of_weights(weights).design_effect == pytest.approx(1 + variation**2)


def test_clusters():
    assert design_effect_of_clusters([20] * 10, 0.05).design_effect == pytest.approx(1.95)
    assert design_effect_of_clusters([1] * 10, 0.4).effective_n == 10
    assert design_effect_of_clusters([2, 4], 0.5).design_effect == pytest.approx(1 + (20 / 6 - 1) * 0.5)
    # One informant speaks of all: never worth more than 1 over the correlation.
    assert design_effect_of_clusters([10_000], 0.1).effective_n == pytest.approx(10, rel=1e-3)


def test_the_intraclass_correlation_is_that_of_r():
    sample = table("survey_clusters")
    result = intraclass_correlation(sample["api00"], sample["dnum"])
    assert result.value == pytest.approx(table("intraclass")["intraclass_correlation"][0], rel=1e-12)
    assert (result.n, result.clusters) == (183, 15)


def test_the_intraclass_correlation_of_like_and_unlike_clusters():
    assert intraclass_correlation([1, 1, 2, 2, 5, 5], list("aabbcc")).value == pytest.approx(1)
    assert intraclass_correlation([1, 2, 1, 2, 1, 2], list("aabbcc")).value == pytest.approx(-1)
    generator = np.random.default_rng(2)
    own = np.repeat(generator.normal(0, np.sqrt(0.3), 2000), 5)
    estimate = intraclass_correlation(own + generator.normal(0, np.sqrt(0.7), 10_000), np.repeat(np.arange(2000), 5))
    assert estimate.value == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: design_effect_of_weights([1, 0]), "weights"),
        (lambda: design_effect_of_weights([1, np.inf]), "weights"),
        (lambda: design_effect_of_weights([]), "weights"),
        (lambda: design_effect_of_clusters([5, 2.5], 0.1), "cluster_sizes"),
        (lambda: design_effect_of_clusters([0, 2], 0.1), "cluster_sizes"),
        (lambda: design_effect_of_clusters([5, 5], 1.1), "intraclass_correlation"),
        (lambda: design_effect_of_clusters([5, 5], -0.25), "intraclass_correlation"),
        (lambda: intraclass_correlation([1, 2, 3], ["a", "a", "a"]), "clusters"),
        (lambda: intraclass_correlation([1, 2, 3], ["a", "b", "c"]), "clusters"),
        (lambda: intraclass_correlation([1, 1, 1], ["a", "b", "b"]), "values"),
        (lambda: intraclass_correlation([1, 2, 3], ["a", "b", None]), "clusters"),
        (lambda: survey_mean([1]), "values"),
        (lambda: survey_mean([1, 1, 1]), "values"),
        (lambda: survey_mean([1, np.nan, 1]), "values"),
        (lambda: survey_mean([0, 1, 1], weights=[1, 1]), "weights"),
        (lambda: survey_mean([0, 1, 1], strata=["a", "b", "b"]), "strata"),
        (lambda: survey_mean([0, 1, 1], clusters=["a", "a", "a"]), "clusters"),
        (lambda: survey_mean([0, 1, 1], clusters=["a", "b"]), "clusters"),
        (lambda: survey_mean([0, 1, 1], population_clusters=[2, 2, 2]), "population_clusters"),
        (lambda: survey_mean([0, 1, 1], population_clusters=[9, 9, 8]), "population_clusters"),
        (lambda: survey_mean([0, 1, 1], population_clusters=[9, 9]), "population_clusters"),
        (lambda: survey_mean([0, 1, 1], against="without_replacement"), "against"),
        (lambda: survey_mean([0, 1, 1], against="nothing"), "against"),
    ],
)
def test_bad_arguments_are_named_with_a_remedy(call, where):
    with pytest.raises(MethodError) as caught:
        call()
    assert caught.value.where == where
    assert caught.value.remedy


def test_results_print():
    results = [
        design_effect_of_weights([1, 2]),
        design_effect_of_clusters([3, 4], 0.1),
        intraclass_correlation([1, 2, 3], ["a", "b", "b"]),
        survey_mean([0, 1, 1]),
    ]
    for result in results:
        assert result.n
        assert result.assumptions
        assert len(result.frame) == 1
        assert list(result.summary().columns) == ["fact", "value"]
