"""What is remembered of the tables, and what makes it be worked out anew."""

from __future__ import annotations

import inspect

import pandas as pd
import pytest

import altered
from musan import evidence
from musan.remembered import remembered


@pytest.fixture
def first_city():
    """Return a function of the tables that counts how often it is worked out."""

    @remembered
    def found(column, *, rows=1):
        """Return the first cities."""
        found.times += 1
        return evidence.load("cities")[[column]].head(rows)

    found.times = 0
    return found


def test_it_is_worked_out_once_for_the_same_arguments(first_city):
    assert first_city("name").equals(first_city(column="name", rows=1))
    assert first_city.times == 1
    assert first_city("name", rows=2).shape == (2, 1)
    assert first_city("province").columns.tolist() == ["province"]
    assert first_city.times == 3


def test_what_a_caller_changes_does_not_come_back(first_city):
    name = first_city("name").iloc[0, 0]
    changed = first_city("name")
    changed.iloc[0, 0] = "elsewhere"
    changed["more"] = 1
    pd.testing.assert_frame_equal(first_city("name"), evidence.load("cities")[["name"]].head(1))
    assert first_city("name").iloc[0, 0] == name != "elsewhere"
    assert first_city.times == 1


def test_other_tables_are_read_anew(first_city, tmp_path, monkeypatch):
    before = first_city("name")
    altered.tables({"cities": lambda row: {"name": f"New {row['name']}"}}, tmp_path, monkeypatch)
    assert first_city("name").iloc[0, 0] == f"New {before.iloc[0, 0]}"
    descriptor = tmp_path / "data" / "datapackage.json"
    descriptor.write_text(descriptor.read_text(encoding="utf-8") + "\n", encoding="utf-8")  # as a changed hash would
    first_city("name")
    assert first_city.times == 3


def test_it_keeps_its_name_and_its_words(first_city):
    assert inspect.getdoc(first_city) == "Return the first cities."
    assert list(inspect.signature(first_city).parameters) == ["column", "rows"]
