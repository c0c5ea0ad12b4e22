"""What an explorer carries for the page's script, and what stands in its place without one."""

from __future__ import annotations

import json
import sys

import pandas as pd
import pytest

from musan import claims, explorers, multiverses
from musan import workplace_incentives as incentives
from musan.methods import attendance

NUMBERS = incentives.calibration()
PAID = incentives.paid(NUMBERS)


@pytest.fixture
def explorer():
    return explorers.attendance_explorer(PAID, NUMBERS)


@pytest.fixture
def batch(monkeypatch, tmp_path):
    monkeypatch.setenv("MUSAN_OUTPUT", str(tmp_path))


def test_sliders_start_where_the_page_stands_and_can_reach_every_printed_value(explorer):
    for slider in explorer.sliders:
        start = getattr(PAID, slider.name)
        assert slider.low <= start <= slider.high
        assert NUMBERS[slider.name].high <= slider.high
        PAID.change(**{slider.name: slider.high})  # the model takes it
        PAID.change(**{slider.name: slider.low})


@pytest.mark.usefixtures("batch")
def test_the_bundle_is_data_with_a_table_beside_it(explorer):
    bundle = explorer._repr_mimebundle_()
    told = json.loads(json.dumps(bundle[explorers.ATTENDANCE_MIME]))
    assert told["values"]["wage_kpw_per_month"] == PAID.wage_kpw_per_month
    assert f"{100 * attendance.shares(PAID).share('attend'):.1f}" in bundle["text/html"]
    assert explorers.WIDGET_MIME not in bundle


def test_without_ipywidgets_there_is_no_widget_and_no_complaint(explorer, analyses, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    for shown in (explorer, analyses):
        assert explorers.WIDGET_MIME not in shown._repr_mimebundle_()


@pytest.fixture
def stacked(monkeypatch):
    """The parts of each widget that is made."""
    widgets = pytest.importorskip("ipywidgets")
    made = []
    real = widgets.VBox
    monkeypatch.setattr(widgets, "VBox", lambda children: made.append(children) or real(children))
    return made


def test_in_jupyterlab_sliders_redraw_the_table(explorer, stacked):
    assert "model_id" in explorer._repr_mimebundle_()[explorers.WIDGET_MIME]
    [*sliders, shown] = stacked[0]
    before = shown.value
    sliders[0].value = 0.0
    assert shown.value != before
    share = attendance.shares(PAID.change(wage_kpw_per_month=0.0)).share("attend")
    assert f"{100 * share:.1f}" in shown.value


@pytest.fixture
def analyses(tmp_path):
    frame = pd.DataFrame(
        {"count_estimated_rank": [False, True], "verdict": ["contradicted", "mixed"], "estimate": [7.0, None]}
    )
    agreed = claims.agreement(
        "iron_ore_second_export", "statement", frame, headline="contradicted", estimate="estimate"
    )
    found = claims.find("iron_ore_second_export", "statement", measures={"ranks": {"2016": 7}}, agreed=agreed)
    return explorers.analyses_explorer(multiverses.read([found], tmp_path))


@pytest.mark.usefixtures("batch")
def test_analyses_travel_as_plain_columns(analyses):
    bundle = analyses._repr_mimebundle_()
    [one] = json.loads(json.dumps(bundle[explorers.ANALYSES_MIME]))["verdicts"]
    assert one["analyses"] == {
        "count_estimated_rank": {"values": [False, True], "at": "01"},
        "verdict": {"values": ["contradicted", "mixed"], "at": "01"},
        "estimate": {"values": [7.0, None], "at": "01"},
    }
    assert "Iron ore was the second-highest export" in bundle["text/html"]
    assert explorers.WIDGET_MIME not in bundle


def test_in_jupyterlab_switches_count_the_analyses_that_are_left(analyses, stacked):
    assert "model_id" in analyses._repr_mimebundle_()[explorers.WIDGET_MIME]
    verdict, switches, shown = stacked[0]
    assert verdict.label == "Iron ore was the second-highest export: true?"
    (choice,) = switches.children
    assert "2 of 2 analyses" in shown.value
    choice.value = [True]
    assert "1 of 2 analyses; this page says contradicted" in shown.value
    assert "mixed" in shown.value
    choice.value = []
    assert "0 of 2 analyses" in shown.value
