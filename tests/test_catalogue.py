"""The data package is valid, complete and in step with its tables, and a changed cell is found."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from frictionless import Package

from musan import catalogue, checksums, consistency
from musan.catalogue_page import page
from musan.consistency import Table
from musan.errors import EvidenceError

DATA = Path(__file__).resolve().parents[1] / "data"
PACKAGE = json.loads((DATA / "datapackage.json").read_text(encoding="utf-8"))
RESOURCES = {resource["name"]: resource for resource in PACKAGE["resources"]}
FIELDS = [(name, field) for name, resource in RESOURCES.items() for field in resource["schema"]["fields"]]


def cells(name, folder=DATA):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def table(text, name="example"):
    header, *rows = csv.reader(io.StringIO(text))
    return Table(name, tuple(header), tuple(map(tuple, rows)))


@pytest.fixture
def copy(tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    return folder


def change(folder, name, line, column, value):
    header, rows = cells(name, folder)
    rows[line - 2][header.index(column)] = value
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


# The package as it is committed


def test_frictionless_finds_the_committed_package_valid():
    report = Package(str(DATA / "datapackage.json")).validate()
    assert report.flatten(["name", "rowNumber", "fieldName", "note"]) == []
    assert report.stats["tasks"] == len(RESOURCES)


def test_check_finds_nothing_stale(monkeypatch, capsys):
    monkeypatch.setenv("MUSAN_DATA", str(DATA))
    assert catalogue.main(["--check"]) == 0
    assert capsys.readouterr().out == "up to date\n"


def test_every_table_of_the_folder_is_in_the_package():
    files = {path.stem for path in DATA.glob("*.csv")} - {"checksums"}
    assert files == set(RESOURCES)


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=[f"{name}.{field['name']}" for name, field in FIELDS])
def test_every_field_is_described(name, field):
    assert field["title"].strip()
    assert field["description"].strip().endswith(".")
    assert field["type"] in {"string", "number", "integer", "year", "yearmonth", "boolean"}
    assert ("unit" in field) == (field["type"] in {"number", "integer"})
    if field["type"] == "boolean":
        assert (field["trueValues"], field["falseValues"]) == (["yes"], ["no"])
    if field.get("semantic") in {"date", "quarter"}:
        assert "pattern" in field["constraints"]
    if field.get("semantic") == "list":
        assert field["delimiter"] == ";"


def test_every_unit_that_points_to_a_column_points_to_one():
    for name, field in FIELDS:
        if field.get("unit", "").startswith("as in column "):
            column = field["unit"].removeprefix("as in column ")
            assert column in [other["name"] for other in RESOURCES[name]["schema"]["fields"]]


def test_every_source_id_is_a_foreign_key():
    for name, field in FIELDS:
        if field["name"].endswith("source_id") and name != "sources":
            keys = RESOURCES[name]["schema"]["foreignKeys"]
            reference = {"resource": "sources", "fields": ["source_id"]}
            assert {"fields": [field["name"]], "reference": reference} in keys
        if field["name"].endswith("source_ids"):
            assert field["listForeignKey"] == {"resource": "sources", "field": "source_id"}


@pytest.mark.parametrize("name", RESOURCES)
def test_every_table_has_terms_and_cautions(name):
    resource = RESOURCES[name]
    for part in ("title", "description", "coverage", "cautions", "licenses"):
        assert resource[part], part
    if "primaryKey" not in resource["schema"]:
        assert "no primary key" in resource["description"]


def test_the_page_has_every_caution_conflict_and_gap():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    assert len(PACKAGE["conflicts"]) == 18
    wide = [text for part in ("conventions", "cautions", "conflicts", "missing") for text in PACKAGE[part]]
    own = [caution for resource in RESOURCES.values() for caution in resource["cautions"]]
    assert [words for words in [*wide, *own] if words not in text] == []
    assert "musan.catalogue" in text.splitlines()[2]


def test_the_page_comes_from_the_descriptor_alone():
    assert page({**PACKAGE, "cautions": ["Mind the gap."]}).count("- Mind the gap.") == 1


def test_field_report_cities_are_the_split_of_city_ids():
    header, rows = cells("field_reports")
    report, ids = header.index("report_id"), header.index("city_ids")
    pairs = [[row[report], city] for row in rows for city in row[ids].split(";") if city]
    assert cells("field_report_cities") == (["report_id", "city_id"], pairs)


# A changed cell


def test_a_cell_that_breaks_the_schema_is_refused_and_nothing_is_written(copy):
    change(copy, "trade_monthly", 118, "basis", "reportd")
    (copy / "README.md").write_text("old", encoding="utf-8")
    with pytest.raises(EvidenceError) as caught:
        catalogue.write(copy)
    assert caught.value.where == "data/trade_monthly.csv, row 118, column basis"
    assert "'reportd' is not one of reported, rounded" in caught.value.what
    assert "python -m musan.catalogue" in caught.value.remedy
    assert (copy / "README.md").read_text(encoding="utf-8") == "old"
    assert (copy / "datapackage.json").read_bytes() == (DATA / "datapackage.json").read_bytes()


def test_an_unknown_source_and_city_are_refused_by_cell(copy):
    change(copy, "macro", 5, "source_id", "no-such-source")
    change(copy, "field_reports", 4, "city_ids", "C01;C99")
    with pytest.raises(EvidenceError) as caught:
        catalogue.build(copy)
    assert caught.value.where == "data/macro.csv, row 5, column source_id"
    assert "'no-such-source' is not in the table sources" in caught.value.what
    change(copy, "macro", 5, "source_id", cells("macro")[1][3][cells("macro")[0].index("source_id")])
    with pytest.raises(EvidenceError) as caught:
        catalogue.build(copy)
    assert caught.value.where == "data/field_reports.csv, row 4, column city_ids"
    assert caught.value.what.startswith("'C99' is not a city_id of cities")


def test_a_permitted_change_is_stale_until_it_is_written(copy, monkeypatch, capsys):
    monkeypatch.setenv("MUSAN_DATA", str(copy))
    change(copy, "trade_monthly", 118, "note", "corrected")
    assert catalogue.main(["--check"]) == 1
    said = capsys.readouterr().out
    assert "data/datapackage.json (rows, bytes or hash of trade_monthly) is stale" in said
    assert "data/checksums.csv is stale" in said
    assert "README" not in said
    assert catalogue.main([]) == 0
    assert "data/checksums.csv written" in capsys.readouterr().out
    recorded = json.loads((copy / "datapackage.json").read_text(encoding="utf-8"))["resources"]
    assert {r["name"] for r in recorded if r["hash"] != RESOURCES[r["name"]]["hash"]} == {"trade_monthly"}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"month,flow", b"month,flows", "the columns are month, flows"),
        (b"2013-01,china_imports,coal", b"2013-01,china_imports,coal,", "15 cells, not 14"),
        (b"\n2013-01", b"\r\n2013-01", "a CR"),
    ],
)
def test_a_table_of_another_shape_is_refused(copy, old, new, what):
    path = copy / "trade_monthly.csv"
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(EvidenceError, match=what) as caught:
        catalogue.build(copy)
    assert caught.value.where.startswith("data/trade_monthly.csv")


def test_a_missing_table_is_refused(copy):
    (copy / "harvest.csv").unlink()
    with pytest.raises(EvidenceError, match=r"data/harvest\.csv: the file does not exist"):
        catalogue.build(copy)


# Where a table differs from its record


def test_locate_finds_the_row_and_the_column_of_a_changed_cell():
    header, rows = cells("cities")
    recorded = checksums.read(DATA / "checksums.csv", "cities")
    assert checksums.locate(header, rows, recorded) == ([], [])
    rows[10][header.index("latitude")] = "40"
    assert checksums.locate(header, rows, recorded) == ([12], ["latitude"])


def test_locate_names_only_the_row_that_was_put_in_or_taken_out():
    header, rows = cells("cities")
    recorded = checksums.read(DATA / "checksums.csv", "cities")
    assert checksums.locate(header, [*rows[:5], rows[0], *rows[5:]], recorded).lines == [7]
    assert checksums.locate(header, [*rows[:5], *rows[6:]], recorded).lines == [7]


def test_locate_names_a_renamed_column():
    header, rows = cells("cities")
    recorded = checksums.read(DATA / "checksums.csv", "cities")
    assert checksums.locate(["id", *header[1:]], rows, recorded) == ([], ["id", "city_id"])


def test_cells_do_not_run_together_in_a_checksum():
    assert checksums.checksums(["a", "b"], [["12", "3"]]) != checksums.checksums(["a", "b"], [["1", "23"]])


def test_a_table_without_checksums_is_told(tmp_path):
    with pytest.raises(EvidenceError, match="no checksums"):
        checksums.read(DATA / "checksums.csv", "no_such_table")
    with pytest.raises(EvidenceError, match="does not exist"):
        checksums.read(tmp_path / "checksums.csv", "cities")


# What a schema can't say


@pytest.mark.parametrize(
    ("faults", "row", "column", "value"),
    [
        (consistency.stray_blanks(table("a\nx\n y\n")), 3, "a", " y"),
        (consistency.stray_blanks(table("a\nx  y\n")), 2, "a", "x  y"),
        (consistency.repeated_rows(table("a,b\n1,2\n3,4\n1,2\n")), 4, "", "1,2"),
        (consistency.unsorted_rows(table("a,b\n2,1\n2,0\n1,5\n"), ["a"]), 4, "a", "1"),
        (consistency.odd_numbers(table("a\n1\n1e3\n"), ["a"]), 3, "a", "1e3"),
        (consistency.odd_numbers(table("a\n007\n"), ["a"]), 2, "a", "007"),
        (consistency.wrong_order(table("low,high\n1,2\n10,9\n")), 3, "low", "10"),
        (consistency.wrong_order(table("low,central,high\n1,0.5,2\n")), 2, "low", "1"),
        (consistency.wrong_order(table("period_start,period_end\n2018-03,2018-02\n")), 2, "period_start", "2018-03"),
        (consistency.missing_addresses(table("url,note\nhttp://a,\n,lost\n", "sources")), 3, "url", ""),
        (consistency.unequal_sexes(table("male,female,total\n1,2,4\n")), 2, "total", "4"),
        (
            consistency.unequal_parts(table("row_type,rank,value_usd\nproduct,1,2\nremainder,,3\ntotal,,6\n")),
            4,
            "value_usd",
            "6",
        ),
        (
            consistency.unequal_parts(table("row_type,rank,value_usd\nproduct,2,2\ntotal,,2\n")),
            2,
            "rank",
            "2",
        ),
    ],
)
def test_a_fault_names_row_column_and_value(faults, row, column, value):
    (fault,) = faults
    assert (fault.row, fault.column, fault.value) == (row, column, value)
    assert fault.what


def test_a_period_is_compared_as_far_as_both_ends_go():
    dates = "period_start,period_end\n2018-03,2018\n2018,2018-01\n,2017\n2019,\n"
    assert consistency.wrong_order(table(dates)) == []


def test_used_by_must_list_the_tables_that_cite_a_source():
    package = {
        "resources": [
            {"name": "sources", "schema": {"fields": [{"name": "source_id"}, {"name": "used_by"}]}},
            {
                "name": "prices",
                "schema": {
                    "fields": [
                        {"name": "source_id"},
                        {"name": "others", "listForeignKey": {"resource": "sources", "field": "source_id"}},
                    ],
                    "foreignKeys": [{"fields": ["source_id"], "reference": {"resource": "sources"}}],
                },
            },
        ]
    }
    tables = {
        "sources": table("source_id,used_by\na,prices\nb,prices\nc,prices\n", "sources"),
        "prices": table("source_id,others\na,b;a\n", "prices"),
    }
    (fault,) = consistency.wrong_used_by(package, tables)
    assert (fault.row, fault.column, fault.value) == (4, "used_by", "prices")


def test_the_descriptor_is_written_as_it_was_read():
    text = (DATA / "datapackage.json").read_text(encoding="utf-8")
    assert catalogue.json_text(json.loads(text)) + "\n" == text
