"""Tables load typed and verified, a changed cell is named, and the cautions mark the rows that they say."""

from __future__ import annotations

import datetime
import re

import numpy as np
import pandas as pd
import pytest
from frictionless import Resource, Schema
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import evidence_folder
from musan import evidence, reads
from musan.errors import EvidenceError

TABLES = sorted(evidence_folder.resources())
ARTICLE = "20180820-un-sanctions-nk-exports-drop"


# What a table becomes


def test_tables_are_those_of_the_descriptor():
    assert sorted(evidence.tables()) == TABLES


@pytest.mark.parametrize("table", TABLES)
def test_row_counts_are_those_of_the_descriptor(table):
    frame = evidence.load(table)
    assert len(frame) == evidence_folder.resources()[table]["rows"] == len(evidence_folder.records(table))
    assert frame.attrs["table"] == table
    assert list(frame.index) == list(range(len(frame)))


def _as_text(cell, field):
    """Return a typed cell as the text that it was read from, as far as its type keeps it."""
    if cell is None or (not isinstance(cell, tuple) and pd.isna(cell)):
        return ""
    if field["type"] == "boolean":
        return "yes" if cell else "no"
    if field.get("semantic") == "list":
        return field["delimiter"].join(cell)
    if field.get("semantic") == "quarter":
        return f"{cell.year}-Q{cell.quarter}"
    return str(cell)


def _dtype(field):
    """Return the documented dtype of a column."""
    if field["type"] in ("year", "yearmonth"):
        return {"year": "period[Y-DEC]", "yearmonth": "period[M]"}[field["type"]]
    if semantic := field.get("semantic"):
        return {"quarter": "period[Q-DEC]", "date": "object", "list": "object"}[semantic]
    if field["type"] == "string":
        return "category" if "enum" in field.get("constraints", {}) else "string"
    return {"boolean": "boolean", "integer": "Int64", "number": "Float64"}[field["type"]]


@pytest.mark.parametrize("table", TABLES)
def test_every_cell_keeps_its_value_in_the_documented_type(table):
    frame, records = evidence.load(table), evidence_folder.records(table)
    assert list(frame.columns) == [field["name"] for field in evidence_folder.fields(table)]
    for field in evidence_folder.fields(table):
        name = field["name"]
        assert str(frame[name].dtype) == _dtype(field), name
        texts = [record[name] for record in records]
        if field["type"] in ("number", "integer"):
            expected = [float(text) if text else None for text in texts]
            assert [None if pd.isna(cell) else float(cell) for cell in frame[name]] == expected, name
        else:
            assert [_as_text(cell, field) for cell in frame[name]] == texts, name


def test_closed_vocabularies_have_all_their_words_even_unused_ones():
    frame = evidence.load("trade_monthly")
    assert list(frame["basis"].cat.categories) == list(evidence.BASIS)
    assert "quantity" in frame.loc[frame["measure"] == "value", "measure"].cat.categories


def test_dates_keep_the_precision_that_was_printed():
    frame = evidence.load("sources")
    published = frame.set_index("source_id")["published"]
    assert {period.freqstr for period in published if period is not None} == {"Y-DEC", "M", "D"}
    assert None in set(evidence.load("food_rations")["period_start"])


def test_lists_are_tuples_and_an_empty_list_is_empty():
    lists = evidence.load("field_reports")["city_ids"]
    assert all(isinstance(cell, tuple) for cell in lists)
    assert () in set(lists)
    assert max(map(len, lists)) > 1


def test_a_change_to_a_loaded_table_does_not_reach_the_next_reader():
    first = evidence.load("trade_monthly")
    first.loc[:, "value"] = -1.0
    first["basis"] = first["basis"].cat.rename_categories({"reported": "invented"})
    first.attrs["table"] = "nonsense"
    del first["source_id"]
    again = evidence.load("trade_monthly")
    assert again["value"].min() >= 0
    assert "invented" not in again["basis"].cat.categories
    assert again.attrs["table"] == "trade_monthly"
    assert "source_id" in again


def test_another_folder_can_be_named_or_set(tmp_path, monkeypatch):
    folder = evidence_folder.with_cell("trade_monthly", 2, "value", "123.5", into=tmp_path, recorded=True)
    assert evidence.load("trade_monthly", folder=folder)["value"].iloc[0] == 123.5
    committed = evidence.load("trade_monthly")["value"].iloc[0]
    assert committed != 123.5
    monkeypatch.setenv("MUSAN_DATA", str(folder))
    assert evidence.load("trade_monthly")["value"].iloc[0] == 123.5
    monkeypatch.delenv("MUSAN_DATA")
    assert evidence.load("trade_monthly")["value"].iloc[0] == committed


def test_what_is_read_ahead_is_not_noted_and_read_again_when_it_changes(tmp_path, monkeypatch):
    noted = {}
    monkeypatch.setattr(reads, "_noted", noted)
    monkeypatch.setattr(reads, "_entries", {})
    folder = evidence_folder.copy(*TABLES, into=tmp_path)
    monkeypatch.setenv("MUSAN_DATA", str(folder))
    evidence.read_ahead()
    assert noted == {}
    rows = evidence_folder.cells("trade_monthly")
    rows[2][rows[0].index("value")] = "1"
    evidence_folder.write(folder, "trade_monthly", rows)
    with pytest.raises(EvidenceError, match="line 3, column value"):
        evidence.load("trade_monthly")
    assert list(noted) == ["trade_monthly"]


def test_a_table_that_changes_while_we_run_is_read_again(tmp_path):
    folder = evidence_folder.copy("trade_monthly", into=tmp_path)
    assert len(evidence.load("trade_monthly", folder=folder)) == 295
    rows = evidence_folder.cells("trade_monthly")
    rows[2][rows[0].index("value")] = "1"
    evidence_folder.write(folder, "trade_monthly", rows)
    with pytest.raises(EvidenceError, match="line 3, column value"):
        evidence.load("trade_monthly", folder=folder)


# What is refused


def _refusal(table, folder):
    with pytest.raises(EvidenceError) as refused:
        evidence.load(table, folder=folder)
    return refused.value


def _names_the_cell(error, table, line, column, value):
    assert error.where == f"data/{table}.csv, line {line}, column {column}"
    assert repr(value) in error.what
    assert f"git checkout -- data/{table}.csv" in error.remedy
    for part in (error.where, error.what, error.remedy):
        assert part in str(error)


@pytest.mark.parametrize(
    ("table", "line", "column", "value"),
    [
        ("trade_monthly", 2, "value", "7"),
        ("trade_annual", 100, "source_id", "hankyung-2018-02-kores-2017-minerals"),
        ("sources", 705, "title", "Another title"),
        ("field_reports", 50, "direction_second", "mixed"),
        ("sanction_events", 20, "effective_to", "2019-01-01"),
        ("cities", 10, "name", "Nowhere"),
        ("refugee_arrivals", 3, "total", "1"),
        ("market_prices", 300, "note", "first line\nsecond line"),
    ],
)
def test_a_valid_cell_that_is_not_the_recorded_one_is_named(tmp_path, table, line, column, value):
    folder = evidence_folder.with_cell(table, line, column, value, into=tmp_path, recorded=False)
    error = _refusal(table, folder)
    _names_the_cell(error, table, line, column, value)
    assert "python -m musan.catalogue" in error.remedy


@st.composite
def cells_to_change(draw):
    table = draw(st.sampled_from(TABLES))
    rows = evidence_folder.cells(table)
    line = draw(st.integers(2, len(rows)))
    column = draw(st.sampled_from(rows[0]))
    return table, line, column, rows[line - 1][rows[0].index(column)]


@settings(max_examples=40)
@given(
    cell=cells_to_change(),
    value=st.one_of(
        st.integers().map(str),
        st.dates().map(str),
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
        st.sampled_from(["", "yes", "no", "2018", "2018-06", "value", "reported"]),
    ),
)
def test_any_changed_cell_is_named(tmp_path_factory, cell, value):
    table, line, column, before = cell
    assume(value != before)
    into = tmp_path_factory.mktemp("changed")
    error = _refusal(table, evidence_folder.with_cell(table, line, column, value, into=into, recorded=False))
    _names_the_cell(error, table, line, column, value)


BROKEN = [
    # table, line, column, value, why the schema refuses it
    ("trade_monthly", 3, "value", "12,5", "is not a plain number"),
    ("trade_monthly", 3, "value", "1e3", "is not a plain number"),
    ("trade_monthly", 3, "value", "nan", "is not a plain number"),
    ("trade_monthly", 3, "value", "9" * 400, "is not a plain number"),
    ("trade_monthly", 3, "value", "1٢", "is not a plain number"),
    ("trade_monthly", 3, "value", "-0.5", "is below the minimum 0"),
    ("trade_monthly", 296, "yoy_pct", "-100.1", "is below the minimum -100"),
    ("trade_monthly", 3, "month", "2018-13", "is not a month YYYY-MM"),
    ("trade_monthly", 3, "month", "20١٢-01", "is not a month YYYY-MM"),
    ("trade_monthly", 3, "hs_inferred", "maybe", "is neither yes nor no"),
    ("trade_monthly", 3, "basis", "reportd", "is not one of reported, rounded, derived, implied, estimate, claim"),
    ("trade_monthly", 3, "hs_code", "26O1", "does not have the form"),
    ("trade_annual", 3, "year", "18", "is not a year YYYY"),
    ("trade_annual", 3, "rank", "2.5", "is not a whole number"),
    ("trade_annual", 3, "rank", "9" * 20, "is not a whole number"),
    ("trade_annual", 3, "rank", "0", "is below the minimum 1"),
    ("cities", 3, "latitude", "43.2", "is above the maximum 43.1"),
    ("food_rations", 3, "coverage_pct", "101", "is above the maximum 100"),
    ("field_reports", 3, "report_id", "FR1", "does not have the form"),
    ("field_reports", 3, "city_ids", "C01,C02", "does not have the form"),
    ("exchange_rate_quarterly", 3, "quarter", "2015-Q5", "does not have the form"),
    ("sanction_events", 3, "date", "2018-2-3", "does not have the form"),
    ("sanction_events", 3, "effective_from", "2018-02-30", "is not a date of the calendar"),
    ("sources", 4, "source_id", evidence_folder.cells("sources")[1][0], "stands in an earlier row already"),
]


@pytest.mark.parametrize(("table", "line", "column", "value", "why"), BROKEN)
def test_a_recorded_cell_that_breaks_the_schema_is_named(tmp_path, table, line, column, value, why):
    error = _refusal(table, evidence_folder.with_cell(table, line, column, value, into=tmp_path, recorded=True))
    _names_the_cell(error, table, line, column, value)
    assert why in error.what


@pytest.mark.parametrize(("table", "column"), [("trade_monthly", "flow"), ("cities", "latitude"), ("sources", "title")])
def test_an_empty_cell_where_a_value_is_required_is_named(tmp_path, table, column):
    error = _refusal(table, evidence_folder.with_cell(table, 5, column, "", into=tmp_path, recorded=True))
    assert error.where == f"data/{table}.csv, line 5, column {column}"
    assert error.what == "the cell is empty but a value is required"
    assert f"git checkout -- data/{table}.csv" in error.remedy


def _frictionless_refuses(table, folder, line, column):
    """Return whether frictionless finds a fault in this cell of the table."""
    schema = {"fields": evidence_folder.fields(table)}  # without keys: those tie rows and tables, not cells
    resource = Resource(path=f"{table}.csv", basepath=str(folder), schema=Schema.from_descriptor(schema))
    rows = resource.validate().flatten(["rowNumber", "fieldName"])
    return [line, column] in rows


@pytest.mark.parametrize(
    ("table", "line", "column", "value"),
    [
        ("trade_monthly", 3, "value", "12,5"),
        ("trade_monthly", 3, "value", "0"),
        ("trade_monthly", 3, "hs_inferred", "maybe"),
        ("trade_monthly", 3, "basis", "reportd"),
        ("trade_monthly", 3, "flow", ""),
        ("trade_monthly", 3, "bound", ""),
        ("trade_annual", 3, "rank", "0"),
        ("trade_annual", 3, "rank", "61"),
        ("cities", 3, "latitude", "43.2"),
        ("cities", 3, "latitude", "43.1"),
        ("field_reports", 3, "city_ids", "C01;C02"),
        ("field_reports", 3, "city_ids", "C01,C02"),
        ("sources", 4, "source_id", evidence_folder.cells("sources")[1][0]),
    ],
)
def test_we_refuse_a_cell_when_frictionless_does(tmp_path, table, line, column, value):
    folder = evidence_folder.with_cell(table, line, column, value, into=tmp_path, recorded=True)
    if _frictionless_refuses(table, folder, line, column):
        assert _refusal(table, folder).where == f"data/{table}.csv, line {line}, column {column}"
    else:
        assert len(evidence.load(table, folder=folder)) == evidence_folder.resources()[table]["rows"]


@settings(max_examples=15)
@given(cell=cells_to_change(), value=st.sampled_from(["", "x", "-1", "0", "1.5", "yes", "2018", "2018-06-15", "a b"]))
def test_what_frictionless_refuses_we_refuse(tmp_path_factory, cell, value):
    # Not the other way round: frictionless takes 1e3 and NaN for plain numbers and 18 for a year.
    table, line, column, before = cell
    assume(value != before)
    into = tmp_path_factory.mktemp("both")
    folder = evidence_folder.with_cell(table, line, column, value, into=into, recorded=True)
    if _frictionless_refuses(table, folder, line, column):
        assert _refusal(table, folder).where == f"data/{table}.csv, line {line}, column {column}"


@settings(max_examples=40)
@given(cell=cells_to_change(), value=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8))
def test_any_recorded_cell_is_loaded_or_refused_in_words(tmp_path_factory, cell, value):
    table, line, column, _ = cell
    into = tmp_path_factory.mktemp("recorded")
    folder = evidence_folder.with_cell(table, line, column, value, into=into, recorded=True)
    refused = ""
    try:
        frame = evidence.load(table, folder=folder)
    except EvidenceError as error:
        refused = error.where
    if refused:
        assert refused == f"data/{table}.csv, line {line}, column {column}"
    else:
        assert len(frame) == evidence_folder.resources()[table]["rows"]


def test_a_missing_table_is_named(tmp_path):
    folder = evidence_folder.copy(into=tmp_path)
    error = _refusal("trade_monthly", folder)
    assert error.what == "the table is missing"
    assert error.where == str(folder / "trade_monthly.csv")
    assert error.remedy == "run `git checkout -- data/trade_monthly.csv`"


def test_a_missing_descriptor_is_named(tmp_path):
    error = _refusal("trade_monthly", tmp_path)
    assert error.where == str(tmp_path / "datapackage.json")
    assert "no descriptor" in error.what
    assert "git" in error.remedy


def test_a_broken_descriptor_is_named_with_its_line(tmp_path):
    (tmp_path / "datapackage.json").write_text('{\n"resources": [}', encoding="utf-8")
    error = _refusal("trade_monthly", tmp_path)
    assert error.where == f"{tmp_path / 'datapackage.json'}, line 2"
    assert "not valid JSON" in error.what


def test_columns_in_another_order_are_refused(tmp_path):
    def swap(rows):
        for row in rows:
            row[0], row[1] = row[1], row[0]

    error = _refusal("trade_monthly", evidence_folder.changed("trade_monthly", swap, into=tmp_path, recorded=True))
    assert error.where == "data/trade_monthly.csv, line 1"
    assert "the columns are flow, month, product" in error.what


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(("change", "cells"), [(lambda row: row.pop(), 13), (lambda row: row.append("x"), 15)])
def test_a_ragged_row_is_named(tmp_path, change, cells, recorded):
    folder = evidence_folder.changed("trade_monthly", lambda r: change(r[6]), into=tmp_path, recorded=recorded)
    error = _refusal("trade_monthly", folder)
    assert error.where == "data/trade_monthly.csv, line 7"
    assert error.what == f"has {cells} cells, the header has 14"
    assert "git checkout -- data/trade_monthly.csv" in error.remedy


@pytest.mark.parametrize(("content", "what"), [(b"", "is empty"), (b"month\n\xff", "is not UTF-8 text (byte 6)")])
def test_a_file_that_is_no_table_is_refused(tmp_path, content, what):
    folder = evidence_folder.copy("trade_monthly", into=tmp_path)
    (folder / "trade_monthly.csv").write_bytes(content)
    error = _refusal("trade_monthly", folder)
    assert (error.where, error.what) == ("data/trade_monthly.csv", what)


@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
def test_other_line_ends_are_refused_though_every_cell_is_the_same(tmp_path, ending):
    folder = evidence_folder.copy("trade_monthly", into=tmp_path)
    path = folder / "trade_monthly.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", ending))
    error = _refusal("trade_monthly", folder)
    assert "every cell is the same" in error.what
    assert error.where == "data/trade_monthly.csv"


def test_several_changed_cells_are_all_located(tmp_path):
    def change(rows):
        rows[4][rows[0].index("value")] = "1"
        rows[9][rows[0].index("note")] = "x"

    error = _refusal("trade_monthly", evidence_folder.changed("trade_monthly", change, into=tmp_path, recorded=False))
    assert error.where == "data/trade_monthly.csv, lines 5, 10, columns value, note"


def test_a_row_taken_out_is_located(tmp_path):
    folder = evidence_folder.changed("trade_monthly", lambda rows: rows.pop(5), into=tmp_path, recorded=False)
    assert _refusal("trade_monthly", folder).where.startswith("data/trade_monthly.csv, lines 6, ")


def test_an_unknown_table_names_the_nearest():
    with pytest.raises(EvidenceError, match=r"there is no table 'trade_montly'; did you mean 'trade_monthly'\?"):
        evidence.load("trade_montly")
    with pytest.raises(EvidenceError, match="known: attendance, bok_national_accounts"):
        evidence.resource("zzzzzzzz")


# Periods


def test_a_date_is_the_period_that_was_printed():
    assert evidence.as_period("2017") == pd.Period("2017", "Y")
    assert evidence.as_period("2017-09") == pd.Period("2017-09", "M")
    assert evidence.as_period("2017-09-05") == pd.Period("2017-09-05", "D")
    assert evidence.as_period("") is None


@given(st.dates(datetime.date(1975, 1, 1), datetime.date(2030, 12, 31)))
def test_first_and_last_days_enclose_every_precision(day):
    periods = pd.Series([evidence.as_period(str(day)[:length]) for length in (4, 7, 10)] + [None], dtype=object)
    first, last = evidence.starts(periods), evidence.ends(periods)
    assert first.iloc[0] == pd.Timestamp(day.year, 1, 1)
    assert last.iloc[0] == pd.Timestamp(day.year, 12, 31)
    assert first.iloc[1] == pd.Timestamp(day.year, day.month, 1)
    assert (last.iloc[1] + pd.Timedelta(days=1)).day == 1
    assert first.iloc[2] == last.iloc[2] == pd.Timestamp(day)
    assert first.iloc[3] is pd.NaT
    assert last.iloc[3] is pd.NaT


def test_days_keep_the_index_and_work_on_monthly_columns():
    frame = evidence.load("trade_monthly").iloc[[10, 20]]
    assert list(evidence.starts(frame["month"]).index) == [10, 20]
    assert list(evidence.starts(frame["month"]).dt.day) == [1, 1]


# Where figures come from


def _named(table, columns):
    """Count from the file in how many rows each source is named."""
    counts = {}
    for record in evidence_folder.records(table):
        for source in {source for column in columns for source in record[column].split(";") if source}:
            counts[source] = counts.get(source, 0) + 1
    return counts


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("trade_monthly", ["source_id"]),
        ("sanction_events", ["source_id", "other_source_ids"]),
        ("labour_law", ["source_id", "other_source_ids"]),
        ("cities", ["coord_source_id", "population_source_id", "source_ids"]),
    ],
)
def test_sources_counts_the_rows_that_rest_on_each(table, columns):
    found = evidence.sources(evidence.load(table))
    assert dict(zip(found["source_id"], found["rows"], strict=True)) == _named(table, columns)
    assert found["rows"].is_monotonic_decreasing
    known = {record["source_id"]: record for record in evidence_folder.records("sources")}
    for row in found.head(5).itertuples():
        assert row.title == known[row.source_id]["title"]
        assert row.publisher == known[row.source_id]["publisher"]
        assert row.kind == known[row.source_id]["kind"]


def test_sources_of_several_frames_add_up():
    frames = [evidence.load("trade_monthly"), evidence.load("trade_annual").head(30)]
    together = evidence.sources(*frames).set_index("source_id")["rows"]
    apart = [evidence.sources(frame).set_index("source_id")["rows"] for frame in frames]
    assert together.to_dict() == apart[0].add(apart[1], fill_value=0).astype(int).to_dict()


def test_every_table_cites_known_sources_only():
    cited = [table for table in TABLES if table != "field_report_cities"]
    assert len(evidence.sources(*map(evidence.load, cited))) == 704


def test_no_rows_rest_on_no_source():
    found = evidence.sources(evidence.load("trade_monthly").head(0))
    assert len(found) == 0
    assert "licence_note" in found


def test_a_frame_without_sources_is_refused():
    with pytest.raises(EvidenceError, match="field_report_cities: the frame has no column source_id; keep the column"):
        evidence.sources(evidence.load("trade_monthly"), evidence.load("field_report_cities"))


def test_an_unknown_source_names_the_nearest():
    frame = pd.DataFrame({"source_id": ["nyt-2019-04-state-economy-falter"]})
    with pytest.raises(EvidenceError, match="did you mean 'nyt-2019-04-state-economy-falters'"):
        evidence.sources(frame)


# Which figures to keep


def test_filter_basis_keeps_printed_figures_unless_told_otherwise():
    frame, records = evidence.load("trade_monthly"), evidence_folder.records("trade_monthly")
    printed = [i for i, record in enumerate(records) if record["basis"] in ("reported", "rounded")]
    assert list(evidence.filter_basis(frame).index) == printed
    doubted = [i for i, record in enumerate(records) if record["basis"] == "claim"]
    assert list(evidence.filter_basis(frame, ["claim"]).index) == doubted
    assert len(evidence.filter_basis(frame, evidence.BASIS)) == len(frame)
    assert len(evidence.filter_basis(frame, [])) == 0


def test_filter_basis_refuses_an_unknown_basis_and_a_frame_without_one():
    with pytest.raises(EvidenceError, match="unknown basis 'reportd'; did you mean 'reported'"):
        evidence.filter_basis(evidence.load("trade_monthly"), ["reported", "reportd"])
    with pytest.raises(EvidenceError, match="filter_basis on cities: the frame has no column 'basis'"):
        evidence.filter_basis(evidence.load("cities"))


def _doubtful_in_the_codebook():
    text = (evidence_folder.DATA / "codebook.md").read_text(encoding="utf-8")
    [passage] = re.findall(r"Rows whose first coding looks doubtful;(.*?)Second coding doubtful", text, re.DOTALL)
    return set(re.findall(r"FR\d{3}", passage))


def _sources_where(test):
    return {record["source_id"] for record in evidence_folder.records("sources") if test(record)}


ARTICLE_PAGES = _sources_where(lambda s: ARTICLE in s["url"] or s["url"].endswith("wp-json/wp/v2/posts/3814"))
NYT_ON_MUSAN = _sources_where(lambda s: s["publisher"].startswith("New York Times") and s["published"] == "2019-04")

# KOTRA's figures on China with its estimate of crude, by hand: year, flow, product and figure as printed.
WITH_CRUDE = {
    ("2014", "imports", "crude", "500"), ("2014", "imports", "total", "4020"), ("2014", "total", "total", "6860"),
    ("2015", "imports", "crude", "280"), ("2015", "imports", "total", "3230"), ("2015", "total", "total", "5710"),
    ("2016", "imports", "crude", "230"), ("2016", "imports", "total", "3420"), ("2016", "total", "total", "6050"),
    ("2017", "total", "total", "5260"),
    ("2018", "imports", "crude", "310"), ("2018", "total", "total", "2720"),
    ("2019", "imports", "total", "2880"),
    ("2020", "imports", "total", "712.8"), ("2020", "total", "total", "760.8"),
}  # fmt: skip
# KOTRA's figures on all partners hold it too: its totals and its imports of mineral fuels, by hand.
WITH_CRUDE_WORLD = {
    ("2014", "imports", "4450"), ("2014", "imports", "750"), ("2014", "total", "7610"), ("2014", "total", "7610.9"),
    ("2015", "imports", "3550"), ("2015", "total", "6250"), ("2016", "imports", "440"), ("2016", "imports", "3730"),
    ("2016", "imports", "3711.2"), ("2016", "total", "6550"), ("2017", "imports", "3778"), ("2017", "total", "5550"),
    ("2018", "imports", "360"), ("2018", "imports", "2600"), ("2018", "total", "2840"), ("2019", "imports", "2970"),
    ("2019", "total", "3224.5"), ("2019", "total", "3240"), ("2020", "imports", "773.67"), ("2020", "total", "863"),
}  # fmt: skip


def _of_the_world(record):
    return record["year"], record["flow"], record["value"]


# Caution -> what the catalogue's page, the codebook or the sources say of the row, in the words of the file.
MEANT = {
    "date_inferred": lambda r: r["date_inferred"] == "yes",
    "hs_inferred": lambda r: r["hs_inferred"] == "yes",
    "state_media": lambda r: r["state_media"] == "yes",
    "marked": lambda r: r["exclude"] == "yes",
    "doubtful_coding": lambda r: r["report_id"] in _doubtful_in_the_codebook(),
    "claim": lambda r: r["basis"] == "claim",
    "regional": lambda r: r["region"] == "jilin",
    "several_years": lambda r: r["cumulative"] == "yes",
    "crude_estimate": lambda r: (
        (r["partner"] == "china" and (r["year"], r["flow"], r["product"], r["value"]) in WITH_CRUDE)
        or (
            r["partner"] == "world"
            and (r["year"], r["flow"], r["value"]) in WITH_CRUDE_WORLD
            and "kotra" in r["source_id"]
        )
    ),
    "under_test": lambda r: r["source_id"] in ARTICLE_PAGES,
    "not_independent": lambda r: r["source_id"] in ARTICLE_PAGES | NYT_ON_MUSAN,
}


def _has(table, *columns):
    return set(columns) <= set(evidence_folder.cells(table)[0])


APPLIES = [
    (caution, table)
    for caution, (columns, _, _) in evidence.CAUTIONS.items()
    for table in TABLES
    if (table == "trade_annual" if caution == "crude_estimate" else _has(table, *columns.split()))
]


def test_every_caution_is_meant_by_the_catalogue():
    assert set(MEANT) == set(evidence.CAUTIONS)
    assert {caution for caution, _ in APPLIES} == set(MEANT)
    assert len(ARTICLE_PAGES) == 3
    assert len(NYT_ON_MUSAN) == 1
    assert len(_doubtful_in_the_codebook()) == 20


@pytest.mark.parametrize(("caution", "table"), APPLIES)
def test_a_caution_marks_the_rows_that_it_means(caution, table):
    meant = [MEANT[caution](record) for record in evidence_folder.records(table)]
    kept = evidence.exclude(evidence.load(table), caution)
    assert list(kept.index) == [i for i, marked in enumerate(meant) if not marked]
    assert kept.attrs["excluded"] == {caution: sum(meant)}
    assert kept.attrs["table"] == table


@pytest.mark.parametrize(
    ("caution", "table", "rows"),
    [
        ("state_media", "field_reports", 7),
        ("marked", "field_reports", 12),
        ("hs_inferred", "trade_annual", 10),
        ("crude_estimate", "trade_annual", 35),
        ("several_years", "fx_income", 22),
        ("regional", "trade_cumulative", 6),
    ],
)
def test_every_caution_has_rows_to_mark(caution, table, rows):
    assert evidence.exclude(evidence.load(table), caution).attrs["excluded"] == {caution: rows}


@pytest.mark.parametrize(
    ("year", "value", "marked"),
    [
        (2014, 4020, True), (2015, 3230, True), (2016, 3420, True),
        (2014, 6860, True), (2015, 5710, True), (2016, 6050, True), (2018, 2720, True),
        (2014, 3522.52, False), (2014, 6363.63, False), (2015, 5430, False), (2020, 539.05, False),
        (2018, 2220, False), (2018, 2430, False), (2019, 2589, False), (2013, 6540, False), (2013, 6544.7, False),
    ],
)  # fmt: skip
def test_only_kotra_adds_crude(year, value, marked):
    # Customs, KITA and KOTRA's Beijing office, which prints customs figures, do not; nor did KOTRA before 2014.
    frame = evidence.load("trade_annual")
    frame = frame[
        (frame["partner"] == "china") & (frame["year"] == pd.Period(str(year), "Y")) & (frame["value"] == value)
    ]
    assert len(frame) == 1
    assert len(evidence.exclude(frame, "crude_estimate")) == (0 if marked else 1)


def test_crude_is_marked_in_totals_over_all_partners():
    frame = evidence.load("trade_annual")
    says_so = frame[frame["note"].fillna("").str.contains("includes .*crude") & (frame["partner"] == "world")]
    assert len(says_so) == 2
    assert len(evidence.exclude(says_so, "crude_estimate")) == 0


def test_a_row_is_counted_under_the_first_caution_that_marks_it():
    frame = evidence.load("field_reports")
    order = ["state_media", "marked", "not_independent", "under_test", "doubtful_coding", "date_inferred", "claim"]
    kept = evidence.exclude(frame, *order)
    counts = kept.attrs["excluded"]
    assert list(counts) == order
    assert sum(counts.values()) == len(frame) - len(kept)
    assert counts["under_test"] == 0  # the article's own pages are not independent of it either
    both = [r for r in evidence_folder.records("field_reports") if r["state_media"] == r["exclude"] == "yes"]
    assert counts["marked"] == 12 - len(both)


def test_counts_go_on_from_call_to_call():
    frame = evidence.load("field_reports")
    once = evidence.exclude(frame, "state_media", "date_inferred")
    twice = evidence.exclude(evidence.exclude(frame, "state_media"), "date_inferred")
    assert once.attrs["excluded"] == twice.attrs["excluded"]
    pd.testing.assert_frame_equal(once, twice)
    assert "excluded" not in frame.attrs


def test_nothing_to_exclude_leaves_all_rows():
    frame = evidence.load("trade_monthly")
    kept = evidence.exclude(frame)
    assert len(kept) == len(frame)
    assert kept.attrs["excluded"] == {}


def test_a_missing_flag_marks_nothing():
    frame = evidence.load("trade_monthly")
    assert frame["hs_inferred"].isna().any()
    assert evidence.exclude(frame, "hs_inferred").attrs["excluded"]["hs_inferred"] == int(
        np.sum([record["hs_inferred"] == "yes" for record in evidence_folder.records("trade_monthly")])
    )


def test_an_unknown_caution_names_the_nearest():
    with pytest.raises(EvidenceError, match="unknown caution 'state_medium'; did you mean 'state_media'"):
        evidence.exclude(evidence.load("field_reports"), "state_medium")


@pytest.mark.parametrize(
    ("caution", "table"),
    [
        ("state_media", "cities"),
        ("marked", "trade_monthly"),
        ("date_inferred", "trade_monthly"),
        ("hs_inferred", "field_reports"),
        ("doubtful_coding", "attendance"),
        ("claim", "cities"),
        ("regional", "trade_annual"),
        ("several_years", "fx_reserves"),
        ("crude_estimate", "trade_monthly"),
        ("crude_estimate", "trade_cumulative"),
        ("crude_estimate", "fuel_trade"),
        ("under_test", "cities"),
        ("not_independent", "field_report_cities"),
    ],
)
def test_a_caution_that_does_not_apply_is_refused(caution, table):
    with pytest.raises(EvidenceError, match=rf"exclude\('{caution}'\) on {table}: the frame has no column"):
        evidence.exclude(evidence.load(table), caution)
