"""The scripts of the explorers, in a browser: the same numbers as the library, and usable by keyboard."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from musan import explorers
from musan import workplace_incentives as incentives
from musan.collection.site import assets
from musan.locations import output_folder
from musan.methods import attendance
from musan.methods.workplace import OPTIONS

SITE = output_folder() / "site"


@pytest.fixture
def page(browser):
    made = browser.new_page()
    yield made
    made.close()


def script(name):
    return assets.environment().loader.get_source(assets.environment(), assets.explorer_script(name))[0]


def test_the_sliders_equations_are_the_librarys(page):
    """On a grid over all parameters that a reader can turn, and at the edges of the model."""
    numbers = incentives.calibration()
    start = incentives.paid(numbers)
    rng = np.random.default_rng(2018)
    places = [start, incentives.unpaid(start), start.change(exemption_fee_kpw_per_month=None)]
    for wage, ration, day, muster in itertools.product((0, 5e4, 3e5), (0, 20), (0, 0.2, 1), (0, 0.5, 1)):
        places.append(
            start.change(
                wage_kpw_per_month=float(wage),
                ration_kg_per_month=float(ration),
                detection_in_day_per_month=day,
                detection_at_muster_per_month=muster,
            )
        )
    for _ in range(2000):
        turned = {name: float(rng.uniform(one.low, 2 * one.high)) for name, one in numbers.items()}
        shares = {name: min(1.0, value) for name, value in turned.items() if "share" in name or "detection" in name}
        days = {"working_days_per_month": min(31.0, turned["working_days_per_month"])}
        places.append(start.change(**{**turned, **shares, **days}))
    page.add_script_tag(content=script("attendance_explorer"))
    values = [{name: getattr(place, name) for name in place.__dataclass_fields__} for place in places]
    found = page.evaluate("(all) => all.map(musanAttendance.shares)", json.loads(json.dumps(values)))
    for place, told in zip(places, found, strict=True):
        expected = attendance.shares(place)
        for option in OPTIONS:
            assert told[option] == pytest.approx(expected.share(option), abs=1e-9)


def test_switches_keep_the_analyses_with_the_options_left_on(page):
    page.add_script_tag(content=script("analyses_explorer"))
    columns = {"lag": [0, 0, 1, 1], "with": [True, False, True, False], "verdict": ["a", "b", "a", "a"]}
    kept = "({lag: new Set(['0', '1']), with: new Set(['true'])})"
    assert page.evaluate(f"(columns) => musanAnalyses.chosen(columns, {kept})", columns) == [0, 2]
    assert page.evaluate("(columns) => [...musanAnalyses.tally(columns, [0, 1, 2])]", columns) == [["a", 2], ["b", 1]]


@pytest.mark.parametrize("different", [1, 2, 62, 63, 4000])
def test_columns_arrive_as_they_were_packed(page, different):
    page.add_script_tag(content=script("analyses_explorer"))
    frame = pd.DataFrame({"estimate": [float(row % different) for row in range(5000)], "verdict": "mixed"})
    packed = json.loads(json.dumps(explorers._columns(frame)))
    assert page.evaluate("(packed) => musanAnalyses.columns(packed)", packed) == frame.to_dict("list")


def opened(browser, name, **settings):
    made = browser.new_page(**settings)
    path = SITE / f"{name}.html"
    assert path.is_file(), f"{path} is missing: run the collection first"
    made.goto(path.as_uri())
    return made


def test_a_slider_redraws_attendance_by_keyboard(browser):
    page = opened(browser, "09_labour_control")
    box = page.locator('[data-explorer="attendance_explorer"]')
    before = box.locator(".said").inner_text()
    share = box.locator(".share").first.inner_text()
    box.get_by_label("Cash wage").focus()
    page.keyboard.press("Home")
    assert box.locator(".share").first.inner_text() != share
    box.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert box.locator(".said").inner_text() == before
    assert box.locator(".share").first.inner_text() == share
    page.close()


def test_a_switch_takes_analyses_out_by_keyboard(browser):
    page = opened(browser, "10_verdicts")
    box = page.locator('[data-explorer="analyses_explorer"]')
    before = box.locator(".said").inner_text()
    box.get_by_role("checkbox").first.focus()
    page.keyboard.press("Space")
    assert box.locator(".said").inner_text() != before
    page.keyboard.press("Space")
    assert box.locator(".said").inner_text() == before
    box.get_by_label("Verdict").focus()
    page.keyboard.press("ArrowDown")
    assert box.locator(".said").inner_text() != before
    page.close()
