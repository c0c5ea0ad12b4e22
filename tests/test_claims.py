"""The ledger covers the article, a finding says what the ledger's rule says, and verdicts come from notebooks only."""

from __future__ import annotations

import copy
import json
import math
import re
from html.parser import HTMLParser

import nbclient
import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pydantic import ValidationError

import evidence_folder
from musan import claims, parameters, rules
from musan.claims import MIME, Finding
from musan.errors import ClaimError
from musan.rules import Verdict

LEDGER = evidence_folder.DATA / "claims.yml"
CLAIMS = claims.ledger(LEDGER)
METHOD_STATEMENT = "2.2"
HEADLINE = "1.5"


# The ledger


def test_the_ledger_loads_in_the_articles_order():
    assert len(CLAIMS) == len(yaml.safe_load(LEDGER.read_text(encoding="utf-8"))["claims"])
    items = [tuple(map(int, claim.article[0].split("."))) for claim in CLAIMS.values()]
    assert items == sorted(items)
    assert claims.ledger() == CLAIMS


def _items_of_page(page):
    text = (evidence_folder.DATA / "article.md").read_text(encoding="utf-8")
    return dict(re.findall(rf"^\d+\. ({page}\.\d+) (.*)$", text, re.MULTILINE))


@pytest.mark.parametrize("item", [item for item in (HEADLINE, *_items_of_page(2)) if item != METHOD_STATEMENT])
def test_every_claim_of_the_headline_and_of_page_2_is_in_the_ledger(item):
    assert item in {item for claim in CLAIMS.values() for item in claim.article}


def test_the_ledger_claims_nothing_that_the_article_does_not():
    items = _items_of_page(1) | _items_of_page(2) | _items_of_page(3)
    assert len(_items_of_page(2)) == 18
    assert "method statement" in items[METHOD_STATEMENT]
    for claim in CLAIMS.values():
        assert set(claim.article) <= set(items)
        assert METHOD_STATEMENT not in claim.article
        assert {claim.page} == {int(item[0]) for item in claim.article}


@pytest.mark.parametrize("name", [name for name, claim in CLAIMS.items() if claim.quote])
def test_a_quote_stands_in_our_copy_of_the_articles_claims(name):
    quote, article = CLAIMS[name].quote, (evidence_folder.DATA / "article.md").read_text(encoding="utf-8")
    assert len(quote.split()) <= 12
    for part in quote.split(" ... "):
        assert part in article


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_names_tables_rules_and_notebooks_that_can_exist(name):
    claim = CLAIMS[name]
    assert set(claim.tables) <= set(evidence_folder.resources())
    assert set(claim.criteria) == set(claims.ASPECTS)
    for criterion in claim.criteria.values():
        assert criterion.rule in rules.RULES
        assert set(criterion.thresholds) <= set(rules.RULES[criterion.rule].arguments)
        assert re.fullmatch(r"\d\d_[a-z]+(_[a-z]+)*", criterion.notebook)
        assert len(criterion.why.split()) > 3
    assert claim.would_change
    if claim.kind == "testimony":
        assert re.fullmatch("[A-F][1-6]", str(claim.admiralty))
        assert claim.admiralty.why


def test_a_statement_has_a_rule_that_may_refute_it_unless_nothing_bears_on_it():
    for name, claim in CLAIMS.items():
        rule = rules.RULES[claim.criteria["statement"].rule]
        if rule.name != "nothing_bears_on_it":
            assert Verdict.CONTRADICTED in rule.may_return, name
            assert claim.tables, name


WITH_CHOICES = [
    (name, aspect, choice)
    for name, claim in CLAIMS.items()
    for aspect, criterion in claim.criteria.items()
    for choice in criterion.choices
]


@pytest.mark.parametrize(("name", "aspect", "choice"), WITH_CHOICES)
def test_a_choice_is_a_parameter_of_the_notebook_with_allowed_values(name, aspect, choice):
    criterion = CLAIMS[name].criteria[aspect]
    model = parameters.MODELS[criterion.notebook]
    assert choice in model.model_fields
    values = criterion.choices[choice]
    assert len(set(values)) == len(values) > 1
    for value in values:
        assert getattr(model.checked({choice: value}), choice) == value
    assert model.model_fields[choice].default in values


def _entry(name="sign_in_and_leave"):
    entries = yaml.safe_load(LEDGER.read_text(encoding="utf-8"))["claims"]
    return copy.deepcopy(next(entry for entry in entries if entry["id"] == name))


def _written(tmp_path, *entries):
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump({"claims": list(entries)}, allow_unicode=True), encoding="utf-8")
    return path


def _set(entry, value, *keys):
    for key in keys[:-1]:
        entry = entry[key]
    entry[keys[-1]] = value


@pytest.mark.parametrize(
    ("keys", "value", "where", "what"),
    [
        (["id"], "Sign in!", "id", "pattern"),
        (["article"], "page 2.15", "article", "pattern"),
        (["article"], "2.155", "article", "pattern"),
        (["kind"], "rumour", "kind", "'measured'"),
        (["admiralty"], None, "", "testimony needs its Admiralty letters"),
        (["admiralty", "source"], "G", "admiralty.source", "'A', 'B'"),
        (["admiralty", "item"], 7, "admiralty.item", "1, 2"),
        (["would_chnage"], "x", "would_chnage", "not permitted"),
        (["criteria", "statement", "thresholds"], {"widst": 1}, "criteria.statement", "did you mean 'widest'?"),
        (["criteria", "statement", "thresholds", "widest"], math.nan, "criteria.statement.thresholds", "finite"),
        (["criteria", "statement", "set_on"], "soon", "criteria.statement.set_on", "date"),
        (["criteria", "cause"], {}, "criteria.cause", "'statement' or 'attribution'"),
    ],
)
def test_a_claim_that_breaks_the_model_is_named_with_its_field(tmp_path, keys, value, where, what):
    entry = _entry()
    _set(entry, value, *keys)
    with pytest.raises(ClaimError) as refused:
        claims.ledger(_written(tmp_path, entry))
    assert refused.value.where.startswith(f"claims.yml, claim {entry['id']}")
    assert where in refused.value.where
    assert what in refused.value.what
    assert refused.value.remedy == "correct the ledger"


def test_a_claim_without_both_criteria_is_refused(tmp_path):
    entry = _entry()
    del entry["criteria"]["attribution"]
    with pytest.raises(ClaimError, match="a claim has two criteria, statement and attribution"):
        claims.ledger(_written(tmp_path, entry))


def test_an_unknown_rule_names_the_nearest(tmp_path):
    entry = _entry()
    entry["criteria"]["attribution"]["rule"] = "rise_sinc"
    with pytest.raises(ClaimError, match="did you mean 'rise_since'"):
        claims.ledger(_written(tmp_path, entry))


def test_a_claim_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(ClaimError, match=r"claims.yml: the claim 'sign_in_and_leave' stands twice"):
        claims.ledger(_written(tmp_path, _entry(), _entry()))


def test_a_ledger_that_is_missing_or_not_yaml_is_refused(tmp_path):
    with pytest.raises(ClaimError, match=f"{tmp_path / 'claims.yml'}: there is no ledger"):
        claims.ledger(tmp_path / "claims.yml")
    (tmp_path / "claims.yml").write_text("claims: [unclosed", encoding="utf-8")
    with pytest.raises(ClaimError, match="is not valid YAML"):
        claims.ledger(tmp_path / "claims.yml")


@pytest.mark.parametrize("text", ["", "claims:", "claims: [exports]", "other: []"])
def test_a_ledger_without_claims_is_refused(tmp_path, text):
    path = tmp_path / "claims.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ClaimError, match=re.escape(str(path))):
        claims.ledger(path)


def test_an_unknown_claim_names_the_nearest():
    with pytest.raises(ClaimError, match="there is no claim 'exports_fell_09'; did you mean 'exports_fell_90'"):
        claims.claim("exports_fell_09")


@pytest.mark.parametrize("notebook", sorted({c.notebook for claim in CLAIMS.values() for c in claim.criteria.values()}))
def test_a_notebook_can_show_what_it_decides(notebook):
    shown = claims.of_notebook(notebook)
    decided = [(claim.statement, aspect) for claim in CLAIMS.values() for aspect, c in claim.criteria.items()
               if c.notebook == notebook]  # fmt: skip
    assert list(zip(shown["claim"], shown["verdict_on"], strict=True)) == decided
    assert shown["rule"].str.endswith(".").all()
    assert not shown["rule"].str.contains("\n").any()
    assert (shown["set_on"].str.len() == len("2026-11-25")).all()


def test_a_notebook_that_decides_nothing_is_refused():
    with pytest.raises(ClaimError, match="no claim is tested in '10_verdicts'"):
        claims.of_notebook("10_verdicts")


# A finding

FALL = {"fall_pct": 88.0, "low_pct": 87.0, "high_pct": 89.0}


def found(**facts):
    facts = {"measures": FALL, "estimate": 88.0, "low": 87.0, "high": 89.0, "unit": "percent"} | facts
    return claims.find("exports_fell_90", "statement", **facts)


def test_a_finding_has_the_ledgers_verdict_and_says_why():
    model = parameters.MODELS["01_trade_collapse"]
    finding = found(
        parameters=model(),
        n=6,
        period="first half of 2018",
        concerns=["press copies"],
        agreement=0.75,
        specifications=8,
    )
    criterion = CLAIMS["exports_fell_90"].criteria["statement"]
    ruling = rules.RULES[criterion.rule](FALL, criterion.thresholds)
    assert (finding.verdict, finding.reasons) == (ruling.verdict, ruling.reasons)
    assert finding.verdict is Verdict.SUPPORTED
    assert finding.notebook == "01_trade_collapse"
    assert finding.parameters == model().model_dump()
    assert finding.grade == "moderate"
    assert finding.would_change == CLAIMS["exports_fell_90"].would_change
    assert finding.sentence().startswith("Exports fell by 90 percent: statement supported (a fall of 88.0 %")
    assert finding.figures() == "88 (87 to 89) percent, first half of 2018, n = 6"
    below = finding.model_copy(update={"estimate": -1234.5, "low": -2000.0, "high": -0.25})
    assert below.figures().startswith("\N{MINUS SIGN}1,234 (\N{MINUS SIGN}2,000 to \N{MINUS SIGN}0.25) percent")
    assert finding.agreed() == "75 % of 8 defensible analyses give this verdict"
    assert claims.decide("exports_fell_90", "statement", FALL) == ruling


def test_a_finding_can_not_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        found().verdict = Verdict.CONTRADICTED


def test_a_finding_without_an_estimate_shows_none():
    finding = claims.find("chinese_interest_faded", "statement", measures={"rows": 0})
    assert finding.verdict is Verdict.NOT_TESTABLE
    assert finding.figures() == finding.agreed() == ""


@settings(max_examples=40)
@given(
    measures=st.fixed_dictionaries(dict.fromkeys(FALL, st.none() | st.floats(-200, 200))),
    estimate=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    words=st.lists(st.text(max_size=20), max_size=3),
    agreement=st.none() | st.floats(0, 1),
)
def test_a_finding_survives_json(measures, estimate, words, agreement):
    finding = found(
        measures=measures, estimate=estimate, low=None, high=estimate, assumptions=words, concerns=words,
        strengths=words[:1], agreement=agreement, decisive_choice="".join(words) or None,
    )  # fmt: skip
    record = json.loads(json.dumps(finding._repr_mimebundle_()[MIME]))
    assert Finding.model_validate(record) == finding


def test_a_finding_has_a_record_a_card_and_a_sentence():
    bundle = found()._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {MIME, "text/html", "text/plain"}
    assert bundle["text/html"].startswith('<section class="finding" data-verdict="supported" ')
    assert bundle["text/plain"] == found().sentence()
    assert set(bundle[MIME]) >= {
        "claim", "aspect", "verdict", "estimate", "low", "high", "unit", "period", "n", "agreement", "specifications",
        "decisive_choice", "grade", "grade_reasons", "reasons", "assumptions", "would_change", "notebook", "parameters",
    }  # fmt: skip
    assert bundle[MIME]["verdict"] == "supported"


class Card(HTMLParser):
    """Elements opened and not closed, all names seen, and the text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.seen, self.text, self.attributes = [], set(), "", {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.add(tag)
        self.attributes |= dict(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_card_is_sound_and_says_all():
    finding = found(assumptions=["customs are complete"], agreement=0.75, specifications=8, decisive_choice="currency")
    card = Card(finding._repr_mimebundle_()["text/html"])
    assert card.open == []
    assert card.attributes["data-verdict"] == "supported"
    for words in ("Exports fell by 90 percent", "Is the statement true?", "supported", "customs are complete",
                  "currency flips it most often", finding.would_change, "starts high"):  # fmt: skip
        assert words in card.text


def test_the_card_shows_markup_as_text(tmp_path, monkeypatch):
    nasty = '<script>alert("1")</script> & <b>'
    entry = _entry("exports_fell_90")
    entry |= {"title": nasty, "would_change": nasty}
    monkeypatch.setenv("MUSAN_DATA", str(tmp_path))
    _written(tmp_path, entry)
    finding = found(
        unit=nasty, period=nasty, assumptions=[nasty], concerns=[nasty], decisive_choice=nasty, agreement=0.5
    )
    card = Card(finding._repr_mimebundle_()["text/html"])
    assert card.open == []
    assert card.seen <= {"section", "p", "span", "strong", "dl", "dt", "dd"}
    assert card.text.count(nasty) == 7
    assert card.attributes["aria-label"] == f"{nasty}, statement"


@pytest.mark.parametrize(
    ("facts", "where", "what"),
    [
        ({"agreement": 1.1}, "agreement", "less than or equal to 1"),
        ({"estimate": "many"}, "estimate", "valid number"),
        ({"estimate": math.nan}, "estimate", "finite"),
        ({"assumption": ("x",)}, "assumption", "not permitted"),
    ],
)
def test_a_fact_that_is_none_is_refused(facts, where, what):
    with pytest.raises(ClaimError) as refused:
        found(**facts)
    assert refused.value.where == f"find('exports_fell_90'), {where}"
    assert what in refused.value.what


def test_measures_must_fit_the_rule_and_thresholds_are_the_ledgers():
    with pytest.raises(ClaimError, match="rule size_of_fall: needs high_pct"):
        found(measures={"fall_pct": 88.0, "low_pct": 87.0})
    with pytest.raises(ClaimError, match="rule size_of_fall: unknown argument 'fall'; did you mean 'fall_pct'"):
        found(measures=FALL | {"fall": 1.0})
    with pytest.raises(ClaimError, match="'tolerance_pp' is given twice; a threshold is set in the ledger only"):
        found(measures=FALL | {"tolerance_pp": 50})
    with pytest.raises(ClaimError, match="fall_pct is nan"):
        found(measures=FALL | {"fall_pct": math.nan})


def test_an_unknown_claim_or_aspect_is_refused():
    with pytest.raises(ClaimError, match="did you mean 'exports_fell_90'"):
        claims.find("exports_fell_9", "statement", measures=FALL)
    with pytest.raises(ClaimError, match="there is no verdict on 'statment'; did you mean 'statement'"):
        claims.find("exports_fell_90", "statment", measures=FALL)


def test_counts_from_a_frame_are_measures_too():
    finding = claims.find("chinese_interest_faded", "statement", measures={"rows": np.int64(0)})
    assert finding._repr_mimebundle_()[MIME]["measures"] == {"rows": 0}


@pytest.mark.parametrize("interval", [{"low": 89.0, "high": 87.0}, {"low": 91.0, "high": 95.0}])
def test_an_interval_that_does_not_hold_the_estimate_is_refused(interval):
    with pytest.raises(ClaimError):
        found(**interval)


# The grade


@pytest.mark.parametrize(
    ("kind", "concerns", "strengths", "grade"),
    [
        ("measured", 0, 0, "high"),
        ("measured", 1, 0, "moderate"),
        ("measured", 2, 0, "low"),
        ("measured", 3, 0, "very low"),
        ("measured", 9, 0, "very low"),
        ("measured", 0, 5, "high"),
        ("measured", 2, 1, "moderate"),
        ("comparison", 0, 0, "moderate"),
        ("comparison", 0, 1, "high"),
        ("cause", 1, 0, "low"),
        ("testimony", 0, 0, "low"),
        ("testimony", 0, 1, "moderate"),
        ("testimony", 4, 3, "very low"),
        ("forecast", 1, 0, "very low"),
    ],
)
def test_a_grade_starts_with_its_kind_and_moves_a_step_a_reason(kind, concerns, strengths, grade):
    concerns, strengths = ([f"{word} {i}" for i in range(n)] for word, n in (("bad", concerns), ("good", strengths)))
    graded, reasons = claims.grade(kind, concerns, strengths)
    assert graded == grade
    assert reasons[0] == f"starts {claims.STARTING_GRADE[kind]} for a {kind} claim"
    assert list(reasons[1:]) == [f"+ {word}" for word in strengths] + [f"− {word}" for word in concerns]


def test_every_kind_has_a_starting_grade():
    assert {claim.kind for claim in CLAIMS.values()} <= set(claims.STARTING_GRADE)


# Findings from executed notebooks


def executed(path, *bundles, kind="execute_result"):
    """Write a notebook as if its cells had been run, one finding a cell."""
    cells = [
        new_markdown_cell("# A question"),
        new_code_cell("x = 1"),
        new_code_cell("print(x)", outputs=[new_output("stream", text="1\n")]),
        new_code_cell("x", outputs=[new_output("execute_result", data={"text/plain": "1"}, execution_count=3)]),
        new_code_cell("1 / 0", outputs=[new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])]),
    ]
    count = {"execution_count": 4} if kind == "execute_result" else {}
    cells += [new_code_cell("claims.find(...)", outputs=[new_output(kind, data=b, **count)]) for b in bundles]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def bundle(finding, **changed):
    data = finding._repr_mimebundle_()
    return data | {MIME: data[MIME] | changed}


ORE = claims.find("iron_ore_second_export", "statement", measures={"ranks": {"chapter 2014": 3, "line 2016": 7}})
NO_CAUSE = claims.find("iron_ore_second_export", "attribution", measures={})


def test_findings_come_back_in_the_order_of_notebooks_and_cells(tmp_path):
    first = executed(tmp_path / "02_musan_iron_ore.ipynb", bundle(NO_CAUSE), bundle(ORE))
    second = executed(tmp_path / "01_trade_collapse.ipynb", bundle(found()), kind="display_data")
    assert claims.collect([first, second]) == [NO_CAUSE, ORE, found()]
    assert claims.collect([second, first]) == [found(), NO_CAUSE, ORE]
    assert claims.collect([]) == []


def test_a_notebook_without_findings_has_none(tmp_path):
    assert claims.collect([executed(tmp_path / "a.ipynb")]) == []


def test_a_finding_shown_by_a_real_notebook_is_collected(tmp_path):
    source = (
        "from musan import claims, parameters\n"
        "claims.find('exports_fell_90', 'statement', parameters.MODELS['01_trade_collapse'](),\n"
        f"            measures={FALL!r}, estimate=88.0, unit='percent')"
    )
    notebook = new_notebook(cells=[new_markdown_cell("# Run"), new_code_cell("1 + 1"), new_code_cell(source)])
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    nbformat.write(notebook, tmp_path / "01_trade_collapse.ipynb")
    [finding] = claims.collect([tmp_path / "01_trade_collapse.ipynb"])
    assert finding.verdict is Verdict.SUPPORTED
    assert finding.parameters == parameters.MODELS["01_trade_collapse"]().model_dump()
    assert 'class="finding"' in notebook.cells[-1].outputs[0]["data"]["text/html"]


def _refused(paths):
    with pytest.raises(ClaimError) as refused:
        claims.collect(paths)
    return refused.value


def test_a_verdict_that_the_rule_does_not_give_is_refused(tmp_path):
    path = executed(tmp_path / "02.ipynb", bundle(ORE, verdict="supported"))
    error = _refused([path])
    assert error.where == str(path)
    assert error.what.startswith("says 'supported' of iron_ore_second_export, statement")
    assert "the ledger's rule gives 'contradicted'" in error.what
    assert "run it again" in error.remedy


def test_measures_that_do_not_give_the_verdict_are_refused(tmp_path):
    path = executed(tmp_path / "02.ipynb", bundle(ORE, measures={"ranks": {"chapter 2014": 2}}))
    assert "the ledger's rule gives 'supported'" in _refused([path]).what


def test_a_verdict_from_before_a_change_of_the_ledger_is_refused(tmp_path, monkeypatch):
    path = executed(tmp_path / "01.ipynb", bundle(found()))
    entry = _entry("exports_fell_90")
    entry["criteria"]["statement"]["thresholds"] |= {"tolerance_pp": 1, "caveat_pp": 1.5}
    _written(tmp_path, entry)
    monkeypatch.setenv("MUSAN_DATA", str(tmp_path))
    assert "the ledger's rule gives 'mixed'" in _refused([path]).what


def test_two_findings_for_one_aspect_are_refused(tmp_path):
    first, second = (executed(tmp_path / name, bundle(ORE)) for name in ("a.ipynb", "b.ipynb"))
    error = _refused([first, second])
    assert error.where == str(second)
    assert error.what == "iron_ore_second_export, statement is found in a.ipynb too"
    assert "one notebook" in error.remedy
    assert _refused([executed(tmp_path / "c.ipynb", bundle(ORE), bundle(ORE))]).where == str(tmp_path / "c.ipynb")


@pytest.mark.parametrize("content", ["not json", "[1, 2]", '{"cells": "none"}', ""])
def test_a_file_that_is_no_notebook_is_refused(tmp_path, content):
    path = tmp_path / "a.ipynb"
    path.write_text(content, encoding="utf-8")
    error = _refused([path])
    assert error.where == str(path)
    assert "is not a notebook" in error.what


def test_a_notebook_that_is_missing_is_refused(tmp_path):
    assert _refused([tmp_path / "a.ipynb"]).where == str(tmp_path / "a.ipynb")


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"verdict": "true"}, "verdict"),
        ({"aspect": "cause"}, "aspect"),
        ({"agreement": 3}, "agreement"),
        ({"grade": "splendid"}, "grade"),
        ({"invented": 1}, "invented"),
        ({"reasons": None}, "reasons"),
    ],
)
def test_a_record_that_is_no_finding_is_refused(tmp_path, changed, where):
    path = executed(tmp_path / "02.ipynb", bundle(ORE, **changed))
    error = _refused([path])
    assert error.where == str(path)
    assert f"a finding that is not one ({where}" in error.what


def test_a_record_that_lacks_a_field_is_refused(tmp_path):
    data = bundle(ORE)
    del data[MIME]["would_change"]
    assert "(would_change: Field required)" in _refused([executed(tmp_path / "02.ipynb", data)]).what


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"claim": "iron_ore_second"}, "there is no claim 'iron_ore_second'"),
        ({"measures": {"rank": 2}}, "unknown argument 'rank'"),
        ({"measures": {}}, "needs ranks"),
    ],
)
def test_a_record_that_does_not_fit_the_ledger_is_refused(tmp_path, changed, says):
    assert says in str(_refused([executed(tmp_path / "02.ipynb", bundle(ORE, **changed))]))


def test_a_record_that_does_not_fit_the_ledger_is_told_with_its_notebook(tmp_path):
    path = executed(tmp_path / "02.ipynb", bundle(ORE, measures={}))
    assert str(path) in str(_refused([path]))


def test_reasons_that_the_rule_does_not_give_are_refused(tmp_path):
    path = executed(tmp_path / "02.ipynb", bundle(ORE, reasons=["because"]))
    _refused([path])


# The table of verdicts


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setenv("MUSAN_NOTEBOOKS", str(folder))
    return folder


def test_without_notebooks_there_is_no_verdict(notebooks):
    table = claims.verdict_table([])
    assert list(table["claim"]) == list(CLAIMS)
    assert set(table["statement"]) == set(table["attribution"]) == {"no notebook yet"}
    assert table["agreement"].isna().all()
    assert set(table["grade"]) | set(table["estimate"]) | set(table["reasons"]) == {""}


def test_a_notebook_that_was_not_run_says_so(notebooks):
    (notebooks / "01_trade_collapse.ipynb").touch()
    table = claims.verdict_table([]).set_index("claim")
    assert table.loc["exports_fell_90", "statement"] == "not run"
    assert table.loc["exports_fell_90", "attribution"] == "no notebook yet"
    for name, claim in CLAIMS.items():
        for aspect, criterion in claim.criteria.items():
            there = criterion.notebook == "01_trade_collapse"
            assert table.loc[name, aspect] == ("not run" if there else "no notebook yet")


def test_the_table_has_what_the_findings_say_and_nothing_else(notebooks):
    table = claims.verdict_table([ORE, NO_CAUSE, found(agreement=0.75, specifications=4, period="2018")])
    assert list(table["claim"]) == list(CLAIMS)
    rows = table.set_index("claim")
    ore, fall = rows.loc["iron_ore_second_export"], rows.loc["exports_fell_90"]
    assert (ore["statement"], ore["attribution"]) == ("contradicted", "no causal claim")
    assert (fall["statement"], fall["attribution"]) == ("supported", "no notebook yet")
    assert fall["agreement"] == 0.75
    assert fall["estimate"] == "88 (87 to 89) percent, 2018"
    assert ore["reasons"] == "; ".join(ORE.reasons)
    assert fall["notebook"] == "01_trade_collapse"
    assert fall["attribution_notebook"] == "03_without_sanctions"
    others = rows.drop(["iron_ore_second_export", "exports_fell_90"])
    assert set(others["statement"]) == {"no notebook yet"}
    assert rows.loc["sign_in_and_leave", "admiralty"] == "C6"


def test_verdicts_of_one_notebook_do_not_depend_on_the_others(notebooks):
    alone, together = (claims.verdict_table(findings).set_index("claim") for findings in ([ORE], [found(), ORE]))
    assert alone.loc["iron_ore_second_export"].equals(together.loc["iron_ore_second_export"])


# The multiverse of a verdict


def _runs(**extra):
    by = claims.claim("rations_suspended_since_march").criteria["statement"].choices["dated_by"]
    return pd.DataFrame({"dated_by": list(by), "verdict": ["mixed", "contradicted"], "months_off": [3.0, None]}).assign(
        **extra
    )


def test_agreement_is_over_the_ledgers_choices_and_goes_into_the_finding():
    agreed = claims.agreement(
        "rations_suspended_since_march", "statement", _runs(), headline="mixed", estimate="months_off"
    )
    assert (agreed.share, agreed.n, agreed.decisive_choice) == (0.5, 2, "dated_by")
    finding = claims.find(
        "rations_suspended_since_march", "statement", measures={"months_off": {"dailynk": 3}}, agreed=agreed
    )
    assert finding.specifications == 2
    assert finding.analyses["estimate"] == (3.0, None)
    assert finding.analyses["dated_by"] == ("mine_rations", "county_food")
    again = claims.Finding.model_validate_json(finding.model_dump_json())
    assert again == finding


def test_other_columns_may_vary_only_when_the_verdict_does_not():
    twice = pd.concat([_runs(seed=1), _runs(seed=2)], ignore_index=True)
    assert claims.agreement("rations_suspended_since_march", "statement", twice, headline="mixed").n == 2
    twice.loc[0, "verdict"] = "supported"
    with pytest.raises(ClaimError, match="differs between analyses with the same choices"):
        claims.agreement("rations_suspended_since_march", "statement", twice, headline="mixed")


def test_a_verdict_without_choices_has_no_agreement():
    with pytest.raises(ClaimError, match="has no choices for its statement"):
        claims.agreement("musan_population", "statement", _runs(), headline="mixed")


def test_analyses_must_be_as_many_as_the_finding_says():
    agreed = claims.agreement("rations_suspended_since_march", "statement", _runs(), headline="mixed")
    finding = claims.find("rations_suspended_since_march", "statement", measures={"months_off": {}}, agreed=agreed)
    with pytest.raises(ValidationError, match="the analyses are not 3 each"):
        claims.Finding.model_validate(finding.model_dump() | {"specifications": 3})
