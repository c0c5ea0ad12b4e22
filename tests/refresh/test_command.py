"""The commands as a user types them, against services on loopback."""

import json
import re
from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from musan import compare, refresh_command
from musan.refresh import vintages
from refresh.services import PRICES, Reply, baci, comtrade, ecos, record, workbook

YEAR = str(datetime.now(UTC).year)  # few questions need few pauses


@pytest.fixture
def musan(server, tmp_path, monkeypatch):
    """Run a command of an application that has the two, as the real one does."""
    for name in ("COMTRADE_API_KEY", "ECOS_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, path in {"COMTRADE": "", "PINK_SHEET": "/prices.xlsx", "BACI": "/release.zip", "ECOS": "/api"}.items():
        monkeypatch.setenv(f"MUSAN_{name}_URL", f"{server.url}{path}")
    monkeypatch.setenv("MUSAN_VINTAGES", str(tmp_path / "vintages"))
    app = typer.Typer()
    app.command()(refresh_command.refresh)
    app.command()(refresh_command.compare)
    flows = comtrade([record(f"{YEAR}01"), record(YEAR)])
    server.replies = {
        "/public": flows, "/data": flows,
        "/prices": [Reply(workbook())], "/release": [Reply(baci())], "/api": lambda path: ecos()(path[4:]),
    }  # fmt: skip

    def run(*arguments):
        return CliRunner().invoke(app, list(arguments))

    run.store = tmp_path / "vintages"
    return run


def test_without_a_name_the_small_sources_are_refreshed(musan, server):
    server.replies["/prices"] = [Reply(workbook(months=[f"{YEAR}M0{number}" for number in (1, 2, 3)]))]
    done = musan("refresh", "--since", f"{YEAR}-01", "--attempts", "1")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in musan.store.iterdir()) == ["comtrade", "pink_sheet"]
    assert "comtrade_flows 2 rows" in done.stdout
    assert "these rows may not be passed on" in done.stdout
    assert re.search(r"World Bank, Pink Sheet: [\d,]+ bytes", done.stderr)


def test_a_revision_is_counted_at_once_and_named_by_compare(musan, server):
    musan("refresh", "pink-sheet", "--since", "2018-01")
    prices = PRICES | {"Coal, Australian": ("($/mt)", [100.5, 111.1, 99.123456])}
    server.replies["/prices"] = [Reply(workbook(prices))]
    done = musan("refresh", "pink_sheet", "--since", "2018-02")
    assert "figures: 0 added, 1 revised, 0 gone." in done.stdout
    earlier, later = vintages.listing(musan.store, "pink_sheet")
    done = musan("compare", f"pink_sheet/{earlier.name}", "pink_sheet")
    assert re.search(r"2018-02, coal_australian +revised +price +101 +111\.1 +\+10\.0 %", done.stdout)
    assert "rows before 2018-02 are left out" in done.stdout
    assert compare.compare(earlier.folder, later.folder).counts() == {"added": 0, "revised": 1, "gone": 0}


def test_releases_of_baci_are_compared_for_the_dprk(musan, server):
    musan("refresh", "baci")
    server.replies["/release"] = [Reply(baci(rows=["{y},408,156,260111,100000,900.25", "{y},4,8,260111,1,1"]))]
    done = musan("refresh", "baci")
    assert done.exit_code == 0, done.output
    found = compare.compare(*(vintage.folder for vintage in vintages.listing(musan.store, "baci")))
    revised = [figure for figure in found.figures if figure.what == "revised"]
    assert [(figure.row, figure.before, figure.after) for figure in revised] == [
        (f"{year}, 408, 156, 260111", "150000.5", "100000.0") for year in (2015, 2016)
    ]
    assert any("only the trade of the DPRK is compared" in remark for remark in found.remarks)


def test_one_source_that_fails_does_not_stop_the_others(musan, server):
    server.replies["/public"] = [Reply(status=500)]
    done = musan("refresh", "comtrade", "pink_sheet", "--attempts", "1")
    assert done.exit_code == 1
    assert "musan: comtrade: " in done.stderr
    assert "500 Internal Server Error; try again later" in done.stderr
    assert "1 of 2 sources failed: comtrade" in done.stderr
    assert len(vintages.listing(musan.store, "pink_sheet")) == 1


@pytest.mark.parametrize("fault", [None, Reply(b"key KEY0123456789 is bad", status=401), Reply(b"KEY0123456789", 400)])
def test_a_key_is_in_nothing_that_is_printed_or_written(musan, server, monkeypatch, fault, caplog):
    caplog.set_level(0)
    monkeypatch.setenv("COMTRADE_API_KEY", "KEY0123456789")
    monkeypatch.setenv("ECOS_API_KEY", "KEY0123456789")
    if fault:
        server.replies = {"/": [fault]}
    done = musan("refresh", "comtrade", "ecos", "--since", f"{YEAR}-01", "--attempts", "1")
    assert (done.exit_code == 0) == (fault is None), done.output
    assert any("KEY0123456789" in path or "KEY0123456789" in headers.values() for path, headers in server.requests)
    files = [path.read_bytes() for path in musan.store.rglob("*") if path.is_file()]
    assert b"KEY0123456789" not in b"".join([done.stdout_bytes, done.stderr_bytes, caplog.text.encode(), *files])


@pytest.mark.parametrize("since", ["2018-13", "June", "2999-01", "2018-1", "18"])
def test_a_month_that_is_none_is_refused(musan, since):
    done = musan("refresh", "pink_sheet", "--since", since)
    assert done.exit_code != 0
    assert "is no month that has begun" in str(done.exception)


def test_an_unknown_source_is_refused_with_the_nearest(musan):
    done = musan("refresh", "pinksheet")
    assert "did you mean 'pink_sheet'" in str(done.exception)


def test_what_a_killed_refresh_left_is_said_and_removed(musan):
    partial = musan.store / "pink_sheet" / ".partial-1-abc"
    partial.mkdir(parents=True)
    (partial / ".lock").touch()
    done = musan("refresh", "pink_sheet")
    assert "removed what an interrupted refresh had left (.partial-1-abc)" in done.stderr
    assert not partial.exists()


def test_the_folder_can_be_chosen(musan, tmp_path):
    done = musan("refresh", "pink_sheet", "--output", str(tmp_path / "here"))
    assert done.exit_code == 0
    [vintage] = vintages.listing(tmp_path / "here", "pink_sheet")
    assert f"{vintage.full_name} in {vintage.folder.parents[1]}" in done.stdout.replace("\n", "")
    assert json.loads((vintage.folder / "datapackage.json").read_text())["source"] == "pink_sheet"
