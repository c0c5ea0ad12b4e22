"""What rests on one source shows when it is left out, and a figure that others print too costs nothing to lose."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from musan.errors import MethodError
from musan.methods import reconcile, source_value, statements

MONTHS = pd.period_range("2016-01", "2017-12", freq="M")
PATH = 100 + 20 * np.sin(2 * np.pi * np.arange(24) / 12)


def said(*rows):
    """Return statements from (source, first month, last month, factor): what the source prints of the path."""
    frame = pd.DataFrame(
        [(MONTHS[a], MONTHS[b], round(f * PATH[a : b + 1].sum(), 2), "reported", who) for who, a, b, f in rows],
        columns=["first", "last", "value", "basis", "source_id"],
    )
    return statements.levels(frame, start="first", end="last", series="a")


def months_by(who, first, last, factor=1.0):
    return [(who, t, t, factor) for t in range(first, last + 1)]


def values(*rows, **settings):
    return source_value.source_values(said(*rows), months=MONTHS, series=["a"], **settings)


def of(result, who):
    return result.frame.set_index("source").loc[who]


def test_a_source_that_alone_speaks_of_some_months_is_missed_there():
    result = values(*months_by("bureau", 0, 15), *months_by("customs", 16, 23), ("bank", 0, 11, 1.0))
    customs = of(result, "customs")
    assert customs["n"] == 8
    assert customs["wider_pct"] > 100
    assert customs["month"] >= MONTHS[16]
    assert of(result, "bank")["wider_pct"] < 5
    assert list(result.frame["wider_pct"]) == sorted(result.frame["wider_pct"], reverse=True)
    assert result.n == 25


def test_a_reprint_costs_nothing_to_lose():
    result = values(*months_by("bureau", 0, 23), *months_by("paper", 4, 9))
    paper = of(result, "paper")
    assert paper["n"] == 6
    assert paper["wider_pct"] == pytest.approx(0, abs=1e-6)
    assert paper["move"] == pytest.approx(0, abs=1e-6)


def test_without_a_source_the_months_are_what_a_fit_without_it_says():
    rows = [*months_by("bureau", 0, 17), *months_by("customs", 10, 23, 1.01), ("bank", 12, 23, 1.0)]
    told = said(*rows)
    whole = reconcile.fit(told, months=MONTHS, series=["a"])
    without = reconcile.fit(
        told[told["source_id"] != "customs"], months=MONTHS, series=["a"], scales=(whole.step, whole.noise)
    )
    width = [float((fit.frame["high"] - fit.frame["low"]).sum()) for fit in (whole, without)]
    customs = of(values(*rows), "customs")
    assert customs["wider_pct"] == pytest.approx(100 * (width[1] / width[0] - 1))
    assert customs["move"] == pytest.approx(float((without.frame["mean"] - whole.frame["mean"]).abs().max()))


def test_a_source_that_is_wrong_throughout_shows_when_all_of_it_is_left_out():
    good = [*months_by("bureau", 0, 23), *months_by("bank", 0, 23, 1.003)]
    result = values(*good, *months_by("rumour", 8, 11, 1.3))
    rumour = of(result, "rumour")
    assert rumour["flagged"] == 4
    assert rumour["largest_z"] > 5
    assert of(result, "bank")["flagged"] == 0


def test_a_source_without_which_there_is_no_fit_is_needed():
    result = values(("bank", 0, 11, 1.0), *months_by("bureau", 0, 5))
    assert of(result, "bureau")["needed"]
    assert np.isnan(of(result, "bureau")["wider_pct"])
    assert not of(result, "bank")["needed"]
    assert "1" in result.summary().set_index("fact").loc["sources without which there is no fit", "value"]


def test_sources_can_be_told_apart_by_publisher():
    told = said(*months_by("a-1", 0, 11), *months_by("a-2", 12, 17), *months_by("b-1", 6, 23))
    told["publisher"] = told["source_id"].str[0]
    result = source_value.source_values(told, months=MONTHS, series=["a"], by="publisher")
    assert sorted(result.frame["source"]) == ["a", "b"]
    assert of(result, "a")["n"] == 18


def test_known_scales_are_used_and_bad_ones_refused():
    told = said(*months_by("bureau", 0, 23))
    fit = reconcile.fit(told, months=MONTHS, series=["a"], scales=(0.1, 0.02))
    assert (fit.step, fit.noise) == (0.1, 0.02)
    for scales in ((0.1, 0.0), (-0.1, 0.02), (0.1, np.nan)):
        with pytest.raises(MethodError, match="scales"):
            reconcile.fit(told, months=MONTHS, series=["a"], scales=scales)


@pytest.mark.parametrize(
    ("change", "settings", "argument"),
    [
        ({}, {"by": "newspaper"}, "by"),
        ({"source_id": ""}, {}, "statements"),
        ({"source_id": "one"}, {}, "statements"),
        ({"value": np.nan}, {}, "statements"),
    ],
)
def test_what_cannot_be_used_is_refused(change, settings, argument):
    told = said(*months_by("bureau", 0, 11), *months_by("bank", 6, 17)).assign(**change)
    with pytest.raises(MethodError) as refusal:
        source_value.source_values(told, months=MONTHS, series=["a"], **settings)
    assert argument in str(refusal.value)
