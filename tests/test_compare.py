"""A planted revision is named, with the verdict that it turns."""

import csv
import json
import re
import shutil
from dataclasses import asdict

import pytest
from typer.testing import CliRunner

from evidence_folder import record_hash
from musan import claims, iron_ore, reads
from musan.collection import keys, verdicts
from musan.compare import compare
from musan.errors import EvidenceError
from musan.locations import CHECKOUT
from musan.refresh_command import page

TABLE = "trade_annual"
NOTEBOOK = "02_musan_iron_ore"


def revised(into, *changes, table=TABLE):
    """Return a copy of the tables in which cells found by (column, value) pairs have another value."""
    folder = into / f"data{len(list(into.iterdir()))}"
    shutil.copytree(CHECKOUT / "data", folder)
    path = folder / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    for key, column, value in changes:
        [row] = [row for row in rows if all(row[header.index(name)] == word for name, word in key.items())]
        row[header.index(column)] = value
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    record_hash(folder, table)
    return folder


def output(into, data, monkeypatch, **givens):
    """Return an output folder with the verdict on the amounts of iron ore, as the notebook would give it."""
    monkeypatch.setenv("MUSAN_DATA", str(data))
    compared = iron_ore.independent_amounts()
    deviations = {str(year): compared.loc[compared["year"] == year, "deviation_pct"].tolist() for year in (2014, 2016)}
    estimate = float(compared["deviation_pct"].abs().max())
    found = claims.find(
        "iron_ore_amounts", "statement", measures={"deviations_pct": deviations}, estimate=estimate, unit="percent"
    )
    folder = into / f"output{len(list(into.iterdir()))}"
    verdicts.write(claims.verdict_table([found]), folder)
    entries = {entry["name"]: entry for entry in json.loads((data / "datapackage.json").read_text())["resources"]}
    tables = {
        name: reads.digest(entries[name])
        for name in ("imports_from_dprk_by_product_china", TABLE, "exports_by_product_2016")
    }
    kept = keys.Kept(
        NOTEBOOK, "", {"library": "1", "parameters": {}} | givens, tables, {}, "", [], 1.0, 0.0, "fork", True
    )
    keys.path_of(folder, NOTEBOOK).parent.mkdir()
    keys.path_of(folder, NOTEBOOK).write_text(json.dumps(asdict(kept)))
    return folder


ORE_2014 = {"year": "2014", "product": "iron_ore", "source_id": "korea-herald-2016-03-kita-2014-exports"}


@pytest.fixture
def two(tmp_path):
    return revised(tmp_path), revised(tmp_path, (ORE_2014, "value", "300.4"))


def test_a_planted_revision_is_the_only_figure_named(two):
    found = compare(*two)
    [figure] = found.figures
    assert (figure.what, figure.table, figure.column) == ("revised", TABLE, "value")
    assert (figure.row, figure.before, figure.after) == (
        "2014, exports, world, iron_ore, value, usd_million, korea-herald-2016-03-kita-2014-exports",
        "220.4",
        "300.4",
    )
    assert figure.change == pytest.approx(80 / 220.4)
    assert found.counts() == {"added": 0, "revised": 1, "gone": 0}
    assert not found.verdicts


def test_a_planted_revision_is_named_with_the_verdict_that_it_turns(two, tmp_path, monkeypatch):
    before, after = (output(tmp_path, data, monkeypatch) for data in two)
    found = compare(before, after, data=two)
    [turn] = found.verdicts
    assert (turn.claim, turn.aspect) == ("iron_ore_amounts", "statement")
    assert (turn.before, turn.after) == ("supported", "mixed")
    assert any("iron_ore" in reason and "value 220.4 -> 300.4 (+36.3 %)" in reason for reason in turn.why)
    assert any(reason.startswith("estimate: ") for reason in turn.why)
    assert not any("not only figures" in reason for reason in turn.why)
    assert not found.remarks or all("has no key" in remark for remark in found.remarks)


def test_a_turned_verdict_names_tables_and_code_when_the_figures_are_not_at_hand(two, tmp_path, monkeypatch):
    before = output(tmp_path, two[0], monkeypatch)
    after = output(tmp_path, two[1], monkeypatch, library="2")
    [turn] = compare(before, after).verdicts
    assert f"tables changed: {TABLE}" in turn.why
    assert "not only figures differ: library" in turn.why


def test_a_verdict_whose_notebook_was_not_run_says_so(two, tmp_path, monkeypatch):
    before, after = (output(tmp_path, data, monkeypatch) for data in two)
    for kept in (after / "keys").iterdir():
        kept.unlink()
    [turn] = compare(before, after).verdicts
    assert any(reason.endswith(f"was not run into {after.name}") for reason in turn.why)
    assert not any("nothing that is recorded" in reason for reason in turn.why)


def test_an_output_of_other_tables_is_remarked(two, tmp_path, monkeypatch):
    before, after = (output(tmp_path, data, monkeypatch) for data in two)
    found = compare(before, after, data=two[::-1])
    assert any(f"was not run with {two[1]}" in remark for remark in found.remarks)


def test_rows_that_come_and_go(two):
    path = two[1] / "commodity_prices_monthly.csv"
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace("2009-01", "2008-12")
    path.write_text("\n".join(lines) + "\n")
    found = compare(*two)
    assert [(f.what, f.row) for f in found.figures if f.table == "commodity_prices_monthly"] == [
        ("added", "2008-12, coal_australian"),
        ("gone", "2009-01, coal_australian"),
    ]
    assert any("commodity_prices_monthly.csv is not as it was recorded" in remark for remark in found.remarks)


def test_a_number_written_otherwise_is_no_revision(tmp_path):
    before = revised(tmp_path)
    after = revised(tmp_path, (ORE_2014, "value", "220.40"))
    assert compare(before, after).figures == ()


def test_a_table_without_a_key_is_compared_by_its_words(tmp_path):
    before = revised(tmp_path)
    with (before / "market_prices.csv").open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    key = {name: first[name] for name in ("date", "city", "place_type", "item", "unit", "source_id")}
    after = revised(tmp_path, (key, "price", "1"), table="market_prices")
    [figure] = compare(before, after).figures
    assert (figure.what, figure.column, figure.after) == ("revised", "price", "1")


def test_two_kinds_are_refused(two, tmp_path, monkeypatch):
    run = output(tmp_path, two[0], monkeypatch)
    with pytest.raises(EvidenceError, match="the first is a data package, the second an output; compare two of a kind"):
        compare(two[0], run)
    with pytest.raises(EvidenceError, match=r"neither datapackage.json nor verdicts.json"):
        compare(tmp_path, two[0])


def test_the_page_escapes_what_it_shows_and_needs_nothing_else(tmp_path):
    before = revised(tmp_path)
    after = revised(tmp_path, (ORE_2014, "basis", "<script>alert(1)</script>"))
    text = page(compare(before, after))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"(src|href)=", text)
    assert text.startswith("<!DOCTYPE html>")


def test_the_command_prints_json_and_writes_the_page(two, tmp_path, application):
    target = tmp_path / "page.html"
    done = CliRunner().invoke(application, ["compare", *map(str, two), "--json", "--html", str(target)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"] == {"added": 0, "revised": 1, "gone": 0}
    assert "+36.3 %" in target.read_text()
    done = CliRunner().invoke(application, ["compare", *map(str, two)])
    assert "0 added, 1 revised, 0 gone" in done.stdout
    assert "iron_ore" in done.stdout


@pytest.fixture
def application():
    import typer

    from musan import refresh_command

    app = typer.Typer()
    app.command()(refresh_command.compare)
    app.command()(refresh_command.refresh)
    return app
