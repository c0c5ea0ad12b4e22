"""The stock month by month, built up from all channels."""

from __future__ import annotations

import pytest

import altered
from musan import reserve_estimates, reserve_paths
from musan.errors import MethodError

DEFAULT = reserve_estimates.Choices()
SMALL = {"n": 1000, "seed": 1}


def test_the_starting_stock_runs_over_what_was_published_for_the_end_of_2016():
    span = reserve_paths.stock_range(DEFAULT)
    assert (span.low, span.high) == (2810, 10600)
    without = reserve_paths.stock_range(reserve_estimates.Choices(count_upper_bound=False))
    assert without.high == 6430


def test_imports_may_leave_out_crude_oil_where_it_is_printed():
    assert reserve_paths.goods(2018)["imports"] == (2600 - 310, 2600)
    assert reserve_paths.goods(2017)["exports"] == (1770, 1772)


def test_raw_mirror_data_are_in_no_year():
    assert max(reserve_paths.goods(year)["exports"][1] for year in reserve_paths.YEARS) < 2000


def test_every_channel_flows_in_and_only_imports_flow_out():
    flows = {flow.name: flow for flow in reserve_paths.flows()}
    assert {name for name, flow in flows.items() if flow.direction == "out"} == {
        f"imports {year}" for year in (2017, 2018, 2019, 2020)
    }
    assert flows["tourism"].last_year == 2019
    assert "Kaesong" not in flows
    assert flows["workers abroad"].range_usd_million.shape == "log_uniform"


def test_few_paths_run_dry_and_shares_of_the_variance_add_up():
    run = reserve_paths.paths(DEFAULT, "published", **SMALL)
    assert run.share_exhausted_by("2020-12") < 1 / 3
    matters = reserve_paths.what_matters(run)
    assert matters["share"].sum() == pytest.approx(1)
    assert set(matters["range"][:2]) == {"workers abroad", "starting stock"}
    wages = reserve_paths.paths(DEFAULT, "from_wages", **SMALL)
    assert wages.frame["median"].iloc[36] < run.frame["median"].iloc[36]


def test_an_unknown_income_of_workers_is_refused():
    with pytest.raises(MethodError, match="is not a choice here"):
        reserve_paths.flows("guessed")


def test_dearer_imports_would_run_most_paths_dry(tmp_path, monkeypatch):
    def dearer(row):
        imports = row.get("imports", "")
        if row.get("frequency") == "annual" and imports and row["period_start"] in ("2017", "2018", "2019"):
            return {"imports": f"{float(imports) * 2:g}"}
        return None

    def dearer_by_year(row):
        hit = (row["flow"], row["partner"], row["product"]) == ("imports", "world", "total")
        late = hit and row["year"] in ("2017", "2018", "2019")
        return {"value": f"{float(row['value']) * 2:g}"} if late else None

    altered.tables({"trade_balance": dearer, "trade_annual": dearer_by_year}, tmp_path, monkeypatch)
    assert reserve_paths.paths(DEFAULT, "published", **SMALL).share_exhausted_by("2020-12") > 2 / 3
