"""What a notebook computes from a vintage, how that is said, and when a run of it is due again."""

import json
import os
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbformat import v4

from musan import (
    claims,
    commodity_prices,
    evidence,
    exports_fall,
    mirror,
    newer_figures,
    parameters,
    reads,
    without_sanctions,
)
from musan.collection import keys, verdicts
from musan.collection.run import RunRequest
from musan.collection.site import facts, notebook_page
from musan.compare import compare
from musan.errors import EvidenceError, ParameterError
from musan.locations import notebooks_folder
from musan.refresh import vintages
from musan.refresh.errors import RefreshError
from refresh.planted import months
from refresh.services import PRICES, Reply, workbook

FIRST, LAST = "2016-01", "2020-06"  # beyond the last month of the rebuilt series
MONTHS = [str(month) for month in pd.period_range(FIRST, LAST, freq="M")]
IMPORTS = {month: 100e6 + 1e6 * number for number, month in enumerate(MONTHS)}  # customs that saw no collapse
EXPORTS = {month: 250e6 + 2e6 * number for number, month in enumerate(MONTHS)}


@pytest.fixture
def customs(server, fetch, monkeypatch):
    """Return a vintage of UN Comtrade in the store."""
    server.replies = {"/public": months(IMPORTS, EXPORTS)}
    monkeypatch.setenv("MUSAN_VINTAGES", str(fetch.store))
    return fetch("comtrade", since=FIRST)


@pytest.fixture
def prices(server, fetch, monkeypatch):
    """Return a vintage of the Pink Sheet."""
    server.replies = {"/prices.xlsx": [Reply(workbook(PRICES))]}
    monkeypatch.setenv("MUSAN_VINTAGES", str(fetch.store))
    return fetch("pink_sheet", path="/prices.xlsx")


def fall(vintage=""):
    readings = exports_fall.readings(mirror.rebuild("total", vintage=vintage), draws=200, seed=1)
    row = exports_fall.reading(readings, period="first_half", base_year=2017, compiler="reconciled", currency="usd")
    return float(row["fall_pct"])


# Figures


def test_recorded_months_take_the_place_of_printed_figures(customs):
    printed, together = mirror.printed("total"), mirror.printed("total", vintage=customs.full_name)
    recorded = together[together["note"].str.contains("UN Comtrade as of")]
    assert len(recorded) == 2 * 48
    assert recorded["end"].max() == pd.Period("2019-12")
    assert (printed["value"] == 241.93).any()
    assert not (together["value"] == 241.93).any()


def test_the_series_is_then_the_recorded_one(customs):
    imports = mirror.rebuild("total", vintage=customs.full_name).series(mirror.IMPORTS)["mean"]
    later = imports["2017":]  # printed rates of 2016 speak of 2015, too, and pull at the year they are of
    assert later.to_numpy() == pytest.approx([IMPORTS[f"{month}"] / 1e6 for month in later.index], rel=0.03)
    assert fall(customs.full_name) < 0 < fall()


def test_a_vintage_of_another_source_changes_nothing(prices):
    assert mirror.printed("total", vintage=prices.full_name).equals(mirror.printed("total"))


def test_prices_of_a_vintage_take_the_place_of_the_committed_ones(prices):
    before, after = commodity_prices.monthly(), commodity_prices.monthly(prices.full_name)
    assert not after.duplicated(["month", "commodity"]).any()
    newer = after[after["source_id"].str.fullmatch(r"world-bank-\d{4}-\d{2}-\d{2}-pink-sheet")].set_index("commodity")
    assert newer.loc["iron_ore", "price"].tolist() == [70.1, 71.25, 69.0]
    months = ["2018-01", "2018-02", "2018-03"]
    assert newer.loc["iron_ore", "month"].astype(str).tolist() == months
    kept = before[~before["month"].astype(str).isin(months)]
    assert set(zip(kept["month"], kept["commodity"], strict=True)) <= set(
        zip(after["month"], after["commodity"], strict=True)
    )
    logs = without_sanctions.log_prices(prices.full_name)["iron_ore"]
    assert np.exp(logs["2018-02"]) == pytest.approx(71.25)
    assert logs["2016"].equals(without_sanctions.log_prices()["iron_ore"]["2016"])
    assert (
        commodity_prices.yearly("iron_ore", vintage=prices.full_name)[2016] == commodity_prices.yearly("iron_ore")[2016]
    )
    assert (
        commodity_prices.yearly("iron_ore", vintage=prices.full_name)[2018] != commodity_prices.yearly("iron_ore")[2018]
    )


def test_a_forecast_knows_no_month_after_the_measure(customs):
    design = without_sanctions.Design(vintage=customs.full_name)
    known = without_sanctions.rebuilt_before(design.last_before, vintage=design.vintage)
    assert known.statements["end"].max() == design.last_before
    recorded = known.statements["note"].str.contains("UN Comtrade as of")
    assert recorded.sum() == 2 * len(pd.period_range(FIRST, design.last_before, freq="M"))
    quick = replace(design, model="drift", prices=False)
    gap = without_sanctions.gap(quick, paths=2, simulations=200, seed=1)
    assert gap.observed == pytest.approx(sum(IMPORTS[f"2018-0{month}"] for month in range(1, 7)) / 1e6, rel=0.02)


def test_sources_of_a_vintage_are_cited_with_the_committed_ones(customs):
    rebuilt = mirror.rebuild("total", vintage=customs.full_name)
    cited = evidence.sources(rebuilt.statements, vintage=customs.full_name)
    assert "United Nations Statistics Division" in set(cited["publisher"])
    assert len(cited) > 2
    assert mirror.misfits(rebuilt, vintage=customs.full_name)["publisher"].notna().all()


# Names


def test_a_wrong_name_is_refused_with_the_names_that_exist(customs):
    assert parameters.parse("01_trade_collapse", {"vintage": customs.full_name}).vintage == customs.full_name
    for wrong in (customs.source, customs.full_name[:-4], "baci/2026-01-01T000000Z", ",", f"{customs.full_name},"):
        with pytest.raises(ParameterError) as caught:
            parameters.parse("01_trade_collapse", {"vintage": wrong})
        assert "parameter vintage" in str(caught.value)
        assert customs.full_name in str(caught.value)


def test_an_empty_store_says_how_to_fill_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSAN_VINTAGES", str(tmp_path))
    with pytest.raises(ParameterError, match="there is none; fetch one with `musan refresh`"):
        parameters.parse("10_verdicts", {"vintage": "comtrade/2026-01-01T000000Z"})


def test_two_vintages_of_a_source_are_refused(customs, fetch, server):
    server.replies = {"/public": months(IMPORTS, EXPORTS)}
    other = fetch("comtrade", since=FIRST)
    with pytest.raises(RefreshError, match="two vintages of comtrade"):
        vintages.named(f"{customs.full_name},{other.full_name}")


# Words


def test_the_head_of_a_notebook_says_what_it_used_and_what_not(customs, prices):
    both = f"{customs.full_name}, {prices.full_name}"
    text = newer_figures.said("03_without_sanctions", both).text
    assert f"vintage `{customs.full_name}` (retrieved on " in text
    assert "not to be redistributed" in text
    assert "gives the world prices of ore and coal" in text
    text = newer_figures.said("01_trade_collapse", both).text
    assert f"reads no table of `{prices.full_name}`" in text
    text = newer_figures.said("08_testimony", both).text
    assert f"reads no table of `{customs.full_name}` and `{prices.full_name}`" in text
    assert newer_figures.said("03_without_sanctions", "") is None


def test_every_live_source_of_a_notebook_has_a_role():
    assert {source for model in parameters.MODELS.values() for source in model.live_sources} == set(newer_figures.ROLES)


def test_a_page_lists_the_tables_of_a_vintage_with_its_terms(customs):
    place = f"{customs.full_name}/comtrade_flows"
    entry = evidence.resource("comtrade_flows", customs.folder)
    noted = {place: reads.digest(entry), "trade_annual": reads.digest(evidence.resource("trade_annual"))}
    committed, live = facts.tables_read(noted)
    assert (committed.name, committed.live) == ("trade_annual", "")
    assert (live.name, live.vintage, live.sha256) == ("comtrade_flows", customs.full_name, entry["hash"][7:19])
    shown = v4.new_output("display_data", data={reads.MIME: {"tables": noted}, "text/html": ""})
    node = v4.new_notebook(cells=[v4.new_code_cell("1", outputs=[shown])])
    page = BeautifulSoup(notebook_page.html(notebook_page.executed(node, "99_example")), "html.parser")
    assert customs.full_name in page.select_one(".byline").text
    said = page.find(id="tables").find_next("p").text
    assert said.startswith(
        f"Tables: as committed on {evidence.package()['version']}; {customs.full_name} (retrieved on"
    )
    assert said.endswith("not to be redistributed).")


def test_a_page_says_when_a_vintage_is_not_at_hand():
    (gone,) = facts.tables_read({"comtrade/2020-01-01T000000Z/comtrade_flows": "0" * 64})
    assert gone.vintage == "comtrade/2020-01-01T000000Z, which is not at hand"
    assert (gone.sha256, gone.live) == ("", "")


def test_a_damaged_vintage_is_not_mended_from_git(customs):
    path = customs.folder / "comtrade_flows.csv"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(EvidenceError) as caught:
        mirror.printed("total", vintage=customs.full_name)
    assert caught.value.where.startswith(str(path))
    assert caught.value.remedy == "a vintage is never changed: fetch another with `musan refresh comtrade`"


# Runs


def request(output, vintage):
    name = "01_trade_collapse"
    return RunRequest(
        name, notebooks_folder() / f"{name}.ipynb", {"vintage": vintage}, output / "a.ipynb", output / "b.ipynb", output
    )


def test_the_key_of_a_run_follows_the_content_of_the_vintage(customs, tmp_path):
    def key():
        (one,) = keys.Memory(tmp_path, [request(tmp_path, customs.full_name)]).requests
        return one.key

    before = key()
    assert key() == before
    (without,) = keys.Memory(tmp_path, [request(tmp_path, "")]).requests
    assert without.key != before
    path = customs.folder / vintages.DESCRIPTOR
    path.write_text(path.read_text(encoding="utf-8").replace('"title": "UN', '"title": "The UN', 1), encoding="utf-8")
    assert key() != before


def test_a_changed_vintage_is_named(customs):
    shared = {"notebook": "", "parameters": {"vintage": customs.full_name}, "library": {}, "packages": {}}
    shared |= {"python": "", "ledger": "", "catalogue": ""}
    before, now = (shared | {"vintages": {customs.full_name: digest}} for digest in "ab")
    assert list(keys._changed_givens(before, now)) == [f"vintage {customs.full_name} changed"]


def test_a_table_of_a_vintage_is_noted_by_its_vintage_and_checked(customs):
    entry = evidence.resource("comtrade_flows", customs.folder)
    name = vintages.noted_name(customs.folder, "comtrade_flows")
    assert name == f"{customs.full_name}/comtrade_flows"
    assert keys.table_digest(name) == reads.digest(entry)
    os.truncate(customs.folder / "comtrade_flows.csv", 10)
    assert keys.table_digest(name) == ""


def output(folder, vintage=""):
    """Return an output folder with the verdict on exports, as notebook 01 would give it."""
    found = claims.find(
        "exports_fell_90",
        "statement",
        measures={"fall_pct": (lost := fall(vintage)), "low_pct": None, "high_pct": None},
        estimate=lost,
        unit="percent",
    )
    verdicts.write(claims.verdict_table([found]), folder)
    tables = {"trade_monthly": "1"} | ({f"{vintage}/comtrade_flows": "2", f"{vintage}/sources": "3"} if vintage else {})
    givens = {"library": "1", "parameters": {"vintage": vintage}, "vintages": {vintage: "1"} if vintage else {}}
    kept = keys.Kept("01_trade_collapse", "", givens, tables, {}, "", [], 1.0, 0.0, "fork", True)
    keys.path_of(folder, "01_trade_collapse").parent.mkdir()
    keys.path_of(folder, "01_trade_collapse").write_text(json.dumps(asdict(kept)))
    return folder


def test_a_comparison_of_runs_names_the_verdict_that_a_vintage_turns(customs, tmp_path):
    before, after = output(tmp_path / "before"), output(tmp_path / "after", customs.full_name)
    [turn] = compare(before, after).verdicts
    assert (turn.claim, turn.before, turn.after) == ("exports_fell_90", "supported", "contradicted")
    assert turn.why[0] == f"vintage: none -> {customs.full_name}"
    assert turn.why[1].startswith("estimate: ")
    assert not any("tables changed" in why or "not only figures" in why for why in turn.why)
