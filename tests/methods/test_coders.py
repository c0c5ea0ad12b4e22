"""Agreement of coders, held against published examples, other packages and the project's own codebook."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from musan import evidence
from musan.errors import MethodError
from musan.methods.coders import cohen_kappa, compare_codings, kappa_of_table, krippendorff_alpha

REFERENCE = Path(__file__).parents[1] / "reference" / "informant"
PAIRS = {
    "sector": ("sector", "sector_second"),
    "indicator": ("indicator", "indicator_second"),
    "direction": ("direction", "direction_second"),
    "attributed_to_sanctions": ("attributed_to_sanctions", "attributed_second"),
}
# Part C of Krippendorff (2011): four observers (columns), twelve units, gaps.
PUBLISHED = pd.DataFrame(
    {
        "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    }
)


def table(name):
    return pd.read_csv(REFERENCE / f"{name}.csv")


# Kappa


@pytest.mark.parametrize(
    "row", list(table("kappa").itertuples()), ids=lambda row: f"{row.table} {row.weights} {row.source}"
)
def test_kappas_are_those_of_vcd_and_psych(row):
    cells = table("kappa_tables")
    counts = cells[cells["table"] == row.table].pivot_table(index="first", columns="second", values="count")
    result = kappa_of_table(counts.to_numpy(), weights=row.weights)
    assert result.kappa == pytest.approx(row.kappa, rel=1e-12)
    if row.source == "vcd" or row.weights == "none":
        assert result.standard_error == pytest.approx(row.standard_error, rel=1e-12)


def test_the_table_of_sas():
    counts = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]
    plain, linear = (kappa_of_table(counts, weights=weights) for weights in ("none", "linear"))
    assert [round(x, 4) for x in (plain.kappa, plain.standard_error, plain.low, plain.high)] == [
        0.4842, 0.1380, 0.2137, 0.7547,
    ]  # fmt: skip
    assert [round(x, 4) for x in (linear.kappa, linear.standard_error, linear.low, linear.high)] == [
        0.4701, 0.1457, 0.1845, 0.7558,
    ]  # fmt: skip


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_the_standard_error_is_that_of_the_delta_method(weights):
    counts = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12.0]])
    n, step, shares = counts.sum(), 1e-6, counts.ravel() / counts.sum()
    distance = np.abs(np.subtract.outer(np.arange(3), np.arange(3))) / 2
    near = {"none": np.eye(3), "linear": 1 - distance, "quadratic": 1 - distance**2}[weights]

    def kappa(cells):
        p = cells.reshape(3, 3)
        expected = (near * np.outer(p.sum(axis=1), p.sum(axis=0))).sum() / cells.sum() ** 2
        return ((near * p).sum() / cells.sum() - expected) / (1 - expected)

    slope = np.array([(kappa(shares + step * e) - kappa(shares - step * e)) / (2 * step) for e in np.eye(9)])
    variance = (shares @ slope**2 - (shares @ slope) ** 2) / n
    assert kappa_of_table(counts, weights=weights).standard_error == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_simple_cases_of_kappa():
    assert cohen_kappa(list("aabb"), list("aabb")).kappa == 1
    assert cohen_kappa(list("aabb"), list("abab")).kappa == pytest.approx(0)
    assert cohen_kappa(list("aabb"), list("bbaa")).kappa == pytest.approx(-1)
    result = cohen_kappa(list("yyynnn"), list("yynnny"))
    assert (result.agreement, result.expected_agreement) == pytest.approx((4 / 6, 0.5))
    assert result.kappa == pytest.approx(1 / 3)


def test_missing_codes_are_dropped_and_counted():
    result = cohen_kappa(["a", "b", None, "a"], ["a", "b", "b", np.nan])
    assert (result.n, result.dropped) == (2, 2)


def test_an_unused_category_counts_for_weights_only():
    first, second = [1, 1, 2, 4, 4, 2], [1, 2, 2, 4, 2, 1]
    free, full = (cohen_kappa(first, second, weights="linear", categories=c) for c in (None, [1, 2, 3, 4]))
    assert free.kappa != pytest.approx(full.kappa)
    plain = [cohen_kappa(first, second, categories=c).kappa for c in (None, [1, 2, 3, 4])]
    assert plain[0] == pytest.approx(plain[1])


def test_kappa_intervals_cover():
    # Three categories; the second coder repeats the first's code in six cases of ten, else draws one.
    generator, shares = np.random.default_rng(8), np.array([0.5, 0.3, 0.2])
    cells = 0.4 * np.outer(shares, shares) + 0.6 * np.diag(shares)
    draws = generator.multinomial(247, cells.ravel(), 600).reshape(-1, 3, 3)
    results = [kappa_of_table(counts) for counts in draws]
    assert 0.93 <= np.mean([result.low <= 0.6 <= result.high for result in results]) <= 0.97


# Alpha


@pytest.mark.parametrize(("measurement", "printed"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_the_published_example(measurement, printed):
    result = krippendorff_alpha(PUBLISHED, measurement=measurement)
    assert result.alpha == pytest.approx(printed, abs=0.5e-3)
    assert (result.n, result.codes, result.coders, result.dropped) == (11, 40, 4, 1)
    assert result.low < result.alpha <= result.high


def test_the_published_coincidences():
    # The diagonal and the marginals of the coincidence matrix of the same example.
    found = krippendorff_alpha(PUBLISHED, draws=0).coincidences
    assert np.diag(found) == pytest.approx([7, 10, 8, 4, 3])
    assert found.sum().to_numpy() == pytest.approx([9, 13, 10, 5, 3])


@pytest.mark.parametrize("row", list(table("alpha").itertuples()), ids=lambda row: f"{row.set} {row.measurement}")
def test_alphas_are_those_of_the_krippendorff_package(row):
    codes = table("alpha_codes")
    wide = codes[codes["set"] == row.set].pivot_table(index="unit", columns="coder", values="code")
    assert krippendorff_alpha(wide, measurement=row.measurement, draws=0).alpha == pytest.approx(row.alpha, rel=1e-12)


def test_alpha_of_two_coders_is_scotts_pi_for_small_samples():
    generator = np.random.default_rng(1)
    first = generator.integers(0, 4, 60)
    second = np.where(generator.random(60) < 0.6, first, generator.integers(0, 4, 60))
    expected = (np.bincount(np.r_[first, second], minlength=4) / 120) ** 2
    pi = (np.mean(first == second) - expected.sum()) / (1 - expected.sum())
    alpha = krippendorff_alpha(np.column_stack([first, second]), draws=0).alpha
    assert alpha == pytest.approx(1 - (1 - pi) * 119 / 120)


def test_the_order_of_words_is_taken_from_the_categories():
    order = ["low", "middle", "high"]
    words = pd.DataFrame({"a": ["low", "high", "middle", "high"], "b": ["low", "middle", "middle", "high"]})
    ranks = words.apply(lambda column: column.map(order.index))
    expected = krippendorff_alpha(ranks, measurement="ordinal", draws=0).alpha
    assert krippendorff_alpha(words, measurement="ordinal", categories=order, draws=0).alpha == pytest.approx(expected)
    typed = words.astype(pd.CategoricalDtype(order, ordered=True))
    assert krippendorff_alpha(typed, measurement="ordinal", draws=0).alpha == pytest.approx(expected)


def test_a_shift_of_numbers_does_not_move_interval_alpha():
    near, far = (krippendorff_alpha(PUBLISHED + shift, measurement="interval", draws=0).alpha for shift in (0, 1e6))
    assert near == pytest.approx(far, rel=1e-9)


def test_the_bootstrap_is_seeded_and_leaves_out_what_is_not_defined():
    same, again, other = (krippendorff_alpha(PUBLISHED, seed=seed) for seed in (1, 1, 2))
    assert (same.low, same.high) == (again.low, again.high)
    assert same.low != other.low
    rare = pd.DataFrame({"a": [1, 1, 1, 2], "b": [1, 1, 1, 2]})
    assert krippendorff_alpha(rare).undefined > 100
    none = krippendorff_alpha(PUBLISHED, draws=0)
    assert none.low is None
    assert none.high is None


def test_alpha_intervals_cover():
    generator, shares = np.random.default_rng(4), np.array([0.5, 0.3, 0.2])
    covered, repeats = 0, 300
    for _ in range(repeats):
        first = generator.choice(3, 120, p=shares)
        second = np.where(generator.random(120) < 0.6, first, generator.choice(3, 120, p=shares))
        result = krippendorff_alpha(np.column_stack([first, second]), draws=300, seed=int(generator.integers(2**31)))
        covered += result.low <= 0.6 <= result.high
    assert 0.91 <= covered / repeats <= 0.975


# The project's codebook


def test_the_codebook_is_reproduced_but_for_a_corrected_code():
    reports = evidence.load("field_reports")
    found = compare_codings(reports, PAIRS).frame.set_index("variable")
    assert found["n"].tolist() == [247] * 4
    printed = pd.DataFrame({"agree": [80.6, 85.0, 87.4, 66.4], "kappa": [0.79, 0.83, 0.79, 0.50]}, index=list(PAIRS))
    # One code of attribution was corrected after the table was made: 165 of 247 agree, 164 are printed.
    gap = found["agreement_pct"] - printed["agree"]
    assert gap.drop("attributed_to_sanctions").abs().max() <= 0.05
    assert gap["attributed_to_sanctions"] == pytest.approx(100 / 247, abs=0.05)
    assert (found["kappa"] - printed["kappa"]).abs().max() <= 0.011
    assert (found["kappa"] - found["alpha"]).abs().max() < 0.02


def test_the_table_of_directions_is_that_of_the_codebook():
    reports = evidence.load("field_reports")
    counts = cohen_kappa(reports["direction"].astype(str), reports["direction_second"].astype(str)).table
    assert counts.to_numpy().tolist() == [[50, 2, 3, 0], [5, 6, 2, 4], [2, 0, 30, 0], [0, 6, 7, 130]]


# What can't be used


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: cohen_kappa(["a"], ["a", "b"]), "second"),
        (lambda: cohen_kappa(pd.Series(list("ab")), pd.Series(list("ab"), index=[1, 2])), "second"),
        (lambda: cohen_kappa(["a", "a"], ["a", "a"]), "first"),
        (lambda: cohen_kappa([None, "a"], ["a", None]), "first"),
        (lambda: cohen_kappa([None], [None]), "first"),
        (lambda: cohen_kappa(["a", "b"], ["b", "a"], weights="linear"), "categories"),
        (lambda: cohen_kappa(["a", "b"], ["b", "a"], weights="cubic"), "weights"),
        (lambda: cohen_kappa(["a", "b"], ["b", "c"], categories=["a", "b"]), "categories"),
        (lambda: cohen_kappa(["a", "b"], ["b", "a"], categories=["a", "b", "b"]), "categories"),
        (lambda: kappa_of_table([[1, 2, 3], [1, 2, 3]]), "table"),
        (lambda: kappa_of_table([[1, -2], [1, 2]]), "table"),
        (lambda: kappa_of_table([["a", "b"], ["c", "d"]]), "table"),
        (lambda: kappa_of_table([[0, 0], [0, 0]]), "first"),
        (lambda: kappa_of_table([[0.5, 0.5], [1, 2]]), "table"),
        (lambda: kappa_of_table(pd.DataFrame([[1, 2], [3, 4]], index=["a", "b"], columns=["b", "a"])), "table"),
        (lambda: krippendorff_alpha([[1], [2]]), "codes"),
        (lambda: krippendorff_alpha([[1, None], [None, 2]]), "codes"),
        (lambda: krippendorff_alpha([[1, 1], [1, 1]]), "codes"),
        (lambda: krippendorff_alpha([["a", "b"], ["b", "b"]], measurement="ordinal"), "categories"),
        (lambda: krippendorff_alpha([["a", "b"], ["b", "b"]], measurement="interval"), "codes"),
        (lambda: krippendorff_alpha([[1, 2]], measurement="circular"), "measurement"),
        (lambda: krippendorff_alpha([[1, 2]], draws=-1), "draws"),
        (lambda: compare_codings(PUBLISHED, {}), "variables"),
        (lambda: compare_codings(PUBLISHED, {"x": ("A", "E")}), "variables"),
    ],
)
def test_bad_arguments_are_named_with_a_remedy(call, where):
    with pytest.raises(MethodError) as caught:
        call()
    assert caught.value.where == where
    assert caught.value.remedy


def test_results_print():
    kappa, alpha = cohen_kappa(list("aabb"), list("abbb")), krippendorff_alpha(PUBLISHED)
    for result in (kappa, alpha):
        assert list(result.summary().columns) == ["fact", "value"]
        assert len(result.frame) == 1
    comparison = compare_codings(PUBLISHED, {"x": ("A", "B")})
    assert comparison.summary().shape == (1, 9)
