"""The analyses behind a verdict: read from findings or from a sweep, and a stale sweep is refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pandas as pd
import pytest

from musan import claims, figures, multiverse_figures, multiverses, summary
from musan.errors import ClaimError
from musan.rules import Verdict

CLAIM = "no_money_for_gasoline"
CHOICES = claims.claim(CLAIM).criteria["attribution"].choices
MEASURES = {"effect_pct": -80.0, "effect_high_pct": -60.0, "placebo_rank": 1, "placebos": 3}


def analyses():
    """Return one analysis a combination, in which the counterfactual decides the verdict."""
    frame = pd.DataFrame(list(product(*CHOICES.values())), columns=list(CHOICES))
    mixed = frame["counterfactual"] == "july_2017"
    verdicts = mixed.map({True: Verdict.MIXED.value, False: Verdict.CAVEATS.value})
    return frame.assign(verdict=verdicts, estimate=-80.0 + 3 * frame.index)


def finding(**parameters):
    agreed = claims.agreement(CLAIM, "attribution", analyses(), headline=Verdict.CAVEATS.value, estimate="estimate")
    facts = {"estimate": -80.0, "unit": "percent, deliveries", "period": "2018", "n": 10}
    found = claims.find(CLAIM, "attribution", measures=MEASURES, agreed=agreed, **facts)
    default = {"counterfactual": "recorded_months", "supply_after": "notified"}
    return found.model_copy(update={"parameters": default | parameters})


def sweep(folder, table):
    table = table.assign(low=table["estimate"] - 1, high=table["estimate"] + 1)
    if "error" not in table:
        table["error"] = ""
    table.to_csv(multiverses.file_of(folder, CLAIM, "attribution"), index=False)


def test_without_a_sweep_the_analyses_are_those_of_the_base_run(tmp_path):
    [one] = multiverses.read([finding()], tmp_path)
    assert one.origin == "base run"
    assert one.agreed.n == 12
    assert one.agreed.share == pytest.approx(2 / 3)
    assert one.has_estimates
    row = multiverses.overview([one]).iloc[0]
    assert (row["choice"], row["others"]) == ("counterfactual", "mixed (4)")
    assert row["variance"] == pytest.approx(1)


def test_a_sweep_takes_the_place_of_the_base_run(tmp_path):
    table = analyses().assign(verdict=Verdict.CAVEATS.value)
    sweep(tmp_path, table)
    [one] = multiverses.read([finding()], tmp_path)
    assert (one.origin, one.agreed.share) == ("sweep", 1)
    assert multiverses.overview([one]).iloc[0]["choice"] == "none"


def test_combinations_that_the_tables_do_not_allow_are_counted_apart(tmp_path):
    table = analyses()
    refused = table["supply_after"] == "with_tankers_full"
    table = table.assign(error=refused.map({True: "no figure", False: ""}))
    table.loc[refused, ["verdict", "estimate"]] = ["", None]
    sweep(tmp_path, table)
    [one] = multiverses.read([finding()], tmp_path)
    assert (one.agreed.n, one.refused) == (9, 3)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda table: table.iloc[1:], "each combination"),
        (lambda table: pd.concat([table, table.iloc[:1]]), "each combination"),
        (lambda table: table.replace({"supply_after": {"customs": "guessed"}}), "each combination"),
        (lambda table: table.drop(columns="supply_after"), "no column 'supply_after'"),
        (lambda table: table.assign(verdict=Verdict.CONTRADICTED.value), "where the run says"),
    ],
)
def test_a_sweep_that_no_longer_fits_is_refused(tmp_path, change, problem):
    sweep(tmp_path, change(analyses()))
    with pytest.raises(ClaimError, match=problem) as refusal:
        multiverses.read([finding()], tmp_path)
    assert f"musan sweep --claim {CLAIM}" in str(refusal.value)


def test_true_and_false_of_a_sweep_are_read_as_such(tmp_path):
    criterion = claims.claim("iron_ore_second_export").criteria["statement"]
    told = pd.DataFrame({"count_estimated_rank": [False, True], "verdict": ["contradicted", "mixed"]})
    agreed = claims.agreement("iron_ore_second_export", "statement", told, headline="contradicted")
    found = claims.find("iron_ore_second_export", "statement", measures={"ranks": {"2016": 7}}, agreed=agreed)
    found = found.model_copy(update={"parameters": {"count_estimated_rank": False}})
    file = multiverses.file_of(tmp_path, found.claim, "statement")
    told.assign(estimate=[7, 2], low=None, high=None, error="").to_csv(file, index=False)
    [one] = multiverses.read([found], tmp_path)
    assert set(one.analyses["count_estimated_rank"]) == set(criterion.choices["count_estimated_rank"]) == {True, False}


def test_a_folder_that_was_given_must_be_there(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSAN_OUTPUT", str(tmp_path))
    assert multiverses.folder() == tmp_path / "sweeps"
    with pytest.raises(ClaimError, match="does not exist"):
        multiverses.folder(str(tmp_path / "nowhere"))


def test_figures_show_every_analysis(tmp_path):
    figures.use_style()
    many = multiverses.read([finding()], tmp_path)
    overall = multiverse_figures.all_verdicts(many)
    assert "67 percent supported with caveats" in overall.alt
    (curve,) = multiverse_figures.specification_curves(many)
    assert curve.alt.startswith("12 dots from -80 to -47")
    assert len(curve.csv.splitlines()) == 13


# For a reader in a hurry


def test_every_finding_stands_once_in_the_summary():
    short = summary.in_short([finding()])
    assert short.to_dict("records") == [
        {"verdict": "supported with caveats", "statement": "", "attribution": "Nobody has money for gasoline"}
    ]
    assert summary.in_short([]).empty


def test_a_sentence_says_what_was_claimed_what_was_found_and_what_to_cite():
    measures = {"price_change_pct": 102.0, "quantity_change_pct": -65.0, "networks": 1}
    statement = claims.find(
        CLAIM, "statement", measures=measures, estimate=102.0, low=63.0, high=151.0, unit="percent", period="2018", n=25
    )
    [row] = summary.quotable([statement, finding()]).to_dict("records")
    assert row["sentence"] == (
        "ASIAPRESS, August 2018, in our words: Cars are not driven because nobody has money for gasoline. Open figures "
        "support this with caveats (102 (63 to 151) percent, 2018, n = 25); that sanctions are the cause they support "
        "with caveats."
    )
    assert row["cite"].startswith("musan ")
    assert "06_fuel_food_markets, tables of 20" in row["cite"]


def test_a_claim_that_cannot_be_tested_is_quoted_with_the_reason():
    one = claims.find("chinese_interest_faded", "statement", measures={"rows": 0})
    [row] = summary.quotable([one]).to_dict("records")
    assert row["sentence"].endswith("Open figures can't test this (no row of any table bears on it).")


def test_names_of_choices_are_spelled_for_readers():
    assert multiverses.in_words("without_asiapress") == "without ASIAPRESS"
    assert multiverses.in_words("bank_of_korea") == "Bank of Korea"
    assert multiverses.in_words(True) == "yes"
    assert multiverses.in_words("june_2017") == "June 2017"
    assert multiverses.in_words("same_outlet") == "same outlet"
    assert multiverses.in_words(0.5) == "0.5"


def test_every_spelled_part_stands_in_the_ledger():
    names = {
        str(name)
        for claim in claims.ledger().values()
        for criterion in claim.criteria.values()
        for choice, options in criterion.choices.items()
        for name in (choice, *options)
    }
    for part in multiverses.SPELLED:
        assert any(part in name for name in names), part


def test_what_choices_share_is_worked_out_once():
    asked = []

    def found(one):
        asked.append(one)
        return one.numerator

    drawn = [Fraction(1, 2), Fraction(1, 3), Fraction(2, 3)]
    assert multiverses.once(found, drawn, ["numerator"]) == [1, 1, 2]
    assert asked == [Fraction(1, 2), Fraction(2, 3)]
