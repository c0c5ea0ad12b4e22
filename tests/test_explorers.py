"""What an explorer carries for the page's script, and what stands in its place without one."""

from __future__ import annotations

import json

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


def test_without_ipywidgets_there_is_no_widget_and_no_complaint(explorer, monkeypatch):
    monkeypatch.delenv("MUSAN_OUTPUT", raising=False)
    monkeypatch.setattr(explorers, "find_spec", lambda name: None)
    assert explorers.WIDGET_MIME not in explorer._repr_mimebundle_()


def test_in_jupyterlab_sliders_redraw_the_table(explorer, monkeypatch):
    widgets = pytest.importorskip("ipywidgets")
    monkeypatch.delenv("MUSAN_OUTPUT", raising=False)
    made = []
    real = widgets.VBox
    monkeypatch.setattr(widgets, "VBox", lambda children: made.append(children) or real(children))
    assert "model_id" in explorer._repr_mimebundle_()[explorers.WIDGET_MIME]
    [*sliders, shown] = made[0]
    before = shown.value
    sliders[0].value = 0.0
    assert shown.value != before
    share = attendance.shares(PAID.change(wage_kpw_per_month=0.0)).share("attend")
    assert f"{100 * share:.1f}" in shown.value


def test_analyses_travel_as_plain_columns(tmp_path):
    frame = pd.DataFrame(
        {"count_estimated_rank": [False, True], "verdict": ["contradicted", "mixed"], "estimate": [7.0, None]}
    )
    agreed = claims.agreement(
        "iron_ore_second_export", "statement", frame, headline="contradicted", estimate="estimate"
    )
    found = claims.find("iron_ore_second_export", "statement", measures={"ranks": {"2016": 7}}, agreed=agreed)
    many = multiverses.read([found], tmp_path)
    bundle = explorers.analyses_explorer(many)._repr_mimebundle_()
    [one] = json.loads(json.dumps(bundle[explorers.ANALYSES_MIME]))["verdicts"]
    assert one["analyses"] == {
        "count_estimated_rank": {"values": [False, True], "at": [0, 1]},
        "verdict": {"values": ["contradicted", "mixed"], "at": [0, 1]},
        "estimate": {"values": [7.0, None], "at": [0, 1]},
    }
    assert "Iron ore was the second-highest export" in bundle["text/html"]
