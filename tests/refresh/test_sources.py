"""Each source as documented, and each way in which it may have changed."""

import json
from decimal import Decimal

import pytest

from musan import evidence
from musan.refresh import baci_flows, comtrade_bulk
from musan.refresh.errors import RefreshError
from refresh.services import PRICES, Reply, as_json, baci, bulk_file, comtrade, ecos, record, workbook

PREVIEW, FULL = "/public/v1/preview/C", "/data/v1/get/C"
RECORDS = [
    record(period, flow, product, value)
    for period in ("2018", "201801", "201802")
    for flow, product, value in (("M", "TOTAL", 35_000_000.25), ("M", "2601", 0), ("X", "TOTAL", 168_000_000))
]


def test_comtrade_becomes_a_data_package_of_typed_rows(server, fetch):
    server.replies = {PREVIEW: comtrade(RECORDS)}
    vintage = fetch("comtrade")
    flows = evidence.load("comtrade_flows", folder=vintage.folder)
    assert len(flows) == 9
    total = flows[(flows["hs_code"] == "TOTAL") & (flows["flow"] == "imports") & (flows["frequency"] == "monthly")]
    assert total["value_usd"].tolist() == [35_000_000.25] * 2
    assert set(total["valuation"]) == {"cif"}
    assert [str(period) for period in total["period"]] == ["2018-01", "2018-02"]
    package = vintage.package()
    assert package["resources"][0]["rows"] == 9
    assert package["retrieved"]
    assert {len(request["sha256"]) for request in package["requests"]} == {64}
    assert "partnerCode=408" in package["requests"][0]["url"]


def test_comtrade_rows_are_marked_and_git_does_not_see_them(server, fetch):
    server.replies = {PREVIEW: comtrade(RECORDS)}
    vintage = fetch("comtrade")
    flows = evidence.load("comtrade_flows", folder=vintage.folder)
    assert set(flows["redistribution"]) == {"not_permitted"}
    assert vintage.package()["redistribution"] == "not permitted"
    assert (vintage.folder / ".gitignore").read_text() == "*\n"


def test_comtrade_asks_again_in_halves_when_an_answer_may_be_cut(server, fetch):
    others = [record("2018", flow, "TOTAL", 5, reporterCode=code) for flow in "MX" for code in range(200, 500)]
    server.replies = {PREVIEW: comtrade([*RECORDS, *others])}
    flows = evidence.load("comtrade_flows", folder=fetch("comtrade").folder)
    assert len(flows) == 609
    assert flows["reporter_code"].nunique() == 301


def test_comtrade_says_what_to_do_when_halves_are_still_too_large(server, fetch):
    others = [record("2018", "M", "TOTAL", 5, reporterCode=code) for code in range(1, 600)]
    server.replies = {PREVIEW: comtrade([*RECORDS, *others])}
    with pytest.raises(RefreshError, match=r"500 rows.*set COMTRADE_API_KEY"):
        fetch("comtrade")


def test_comtrade_with_a_key_asks_the_full_interface_and_leaves_no_trace_of_it(server, fetch, monkeypatch, caplog):
    caplog.set_level(0)
    server.replies = {FULL: comtrade(RECORDS)}
    monkeypatch.setenv("COMTRADE_API_KEY", "s3cretKey/+=")
    vintage = fetch("comtrade")
    path, headers = server.requests[0]
    sent = {name.lower(): value for name, value in headers.items()}
    assert sent["ocp-apim-subscription-key"] == "s3cretKey/+="
    assert "s3cret" not in path
    written = b"".join(file.read_bytes() for file in vintage.folder.rglob("*") if file.is_file())
    assert b"s3cret" not in written
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda each: each.pop("primaryValue"), "expected primaryValue, seen .*cifvalue"),
        (
            lambda each: each.update(primary_value=each.pop("primaryValue")),
            "expected primaryValue, seen .*primary_value",
        ),
        (lambda each: each.update(partnerCode=410), "expected partnerCode 408, seen 410"),
        (lambda each: each.update(motCode=2100), "expected motCode 0, seen 2100"),
        (lambda each: each.update(primaryValue="1,000"), "expected a number as primaryValue"),
        (lambda each: each.update(primaryValue=None), "expected a number as primaryValue, seen nothing"),
    ],
)
def test_comtrade_refuses_a_record_that_has_changed(server, fetch, change, said):
    changed = record("201801")
    change(changed)
    server.replies = {PREVIEW: [as_json({"count": 1, "data": [changed], "error": ""})]}
    with pytest.raises(RefreshError, match=said):
        fetch("comtrade")
    assert not any(path.name != ".lock" for path in (fetch.store / "comtrade").iterdir())


def test_comtrade_refuses_two_records_for_one_thing(server, fetch):
    answer = {"count": 2, "data": [record("201801"), record("201801", value=2)], "error": ""}
    server.replies = {PREVIEW: [as_json(answer)]}
    with pytest.raises(RefreshError, match=r"expected one record for 2018-01 .* seen two"):
        fetch("comtrade")


def test_comtrade_is_asked_again_when_fewer_records_came_than_it_says(server, fetch):
    server.replies = {PREVIEW: [as_json({"count": 2, "data": [record("201801")], "error": ""})]}
    with pytest.raises(RefreshError, match=r"expected 2 records as the answer says, seen 1 \(3 attempts\)"):
        fetch("comtrade")


def test_comtrade_refuses_an_empty_answer(server, fetch):
    server.replies = {PREVIEW: comtrade([])}
    with pytest.raises(RefreshError, match="expected monthly rows from 201801 on, seen an empty answer"):
        fetch("comtrade")


@pytest.mark.parametrize("answer", [[], {"data": {}, "count": 0, "error": ""}, {"rows": [], "error": ""}])
def test_comtrade_refuses_another_shape(server, fetch, answer):
    server.replies = {PREVIEW: [as_json(answer)]}
    with pytest.raises(RefreshError, match=r"expected .* seen"):
        fetch("comtrade")


def test_pink_sheet_stands_in_the_place_of_the_committed_table(server, fetch):
    page = '<a href="/doc/x/CMO-Historical-Data-Monthly.xlsx">Monthly prices</a>'
    server.replies = {"/page": [Reply(page.encode())], "/doc": [Reply(workbook())]}
    vintage = fetch("pink_sheet", path="/page")
    prices = evidence.load("commodity_prices_monthly", folder=vintage.folder)
    committed = evidence.load("commodity_prices_monthly")
    assert list(prices.columns) == list(committed.columns)
    coal = prices[prices["commodity"] == "coal_australian"]
    assert coal["price"].tolist() == [100.5, 101.0, 99.1235]
    assert len(prices) == 11  # one is missing in the workbook
    cited = evidence.sources(prices, folder=vintage.folder)
    assert cited["publisher"].tolist() == ["World Bank"]
    assert cited["rows"].tolist() == [11]
    assert not list(vintage.folder.glob("*.xlsx"))


def test_pink_sheet_begins_where_it_is_told(server, fetch):
    server.replies = {"/": [Reply(workbook())]}
    vintage = fetch("pink_sheet", since="2018-03", path="/prices.xlsx")
    assert {str(m) for m in evidence.load("commodity_prices_monthly", folder=vintage.folder)["month"]} == {"2018-03"}
    assert vintage.package()["since"] == "2018-03"


def _with(name, unit=None, rename=None):
    changed = {rename if rename and key == name else key: value for key, value in PRICES.items()}
    if unit:
        changed[name] = (unit, PRICES[name][1])
    return workbook(changed)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_with("Coal, Australian", unit="($/st)"), r"unit of Coal, .* changed: expected \(\$/mt\), seen \(\$/st\)"),
        (_with("Rice, Thai 5%", rename="Rice, Thai"), "expected Rice, Thai 5%, seen .*Rice, Thai"),
        (workbook(sheet="Prices"), "the sheets have changed: expected Monthly Prices, seen Prices"),
        (workbook(months=("January", "February", "March")), "expected months such as 2018M01"),
        (b"<html>not here</html>", "expected a workbook.*begins with '<html>"),
        (workbook()[:-200], "expected a workbook"),
        (workbook(PRICES | {"Coal, Australian": ("($/mt)", ["n.a.", 1, 2])}), "row 7, Coal, .*: expected a price"),
    ],
)  # fmt: skip
def test_pink_sheet_refuses_a_workbook_that_has_changed(server, fetch, content, said):
    server.replies = {"/": [Reply(content)]}
    with pytest.raises(RefreshError, match=said):
        fetch("pink_sheet", path="/prices.xlsx")


def test_pink_sheet_says_when_the_page_has_no_link(server, fetch):
    server.replies = {"/": [Reply(b"<html></html>")]}
    with pytest.raises(RefreshError, match=r"expected a link.*MUSAN_PINK_SHEET_URL"):
        fetch("pink_sheet", path="/page")


def test_pink_sheet_does_not_follow_a_link_to_another_host(server, fetch):
    server.replies = {"/": [Reply(b'<a href="http://localhost:1/CMO-Historical-Data-Monthly.xlsx">')]}
    with pytest.raises(RefreshError, match="links to another host"):
        fetch("pink_sheet", path="/page")


def test_baci_is_kept_as_parquet_and_answers_for_one_country(server, fetch):
    server.replies = {
        "/page": [Reply(b"BACI_HS92_V202501 BACI_HS92_V202401b")],
        "/DATA_DOWNLOAD/baci/data/BACI_HS92_V202501.zip": [Reply(baci())],
    }
    vintage = fetch("baci", since="1995-01", path="/page")
    found = baci_flows.flows(vintage)
    assert len(found) == 6
    exports = found[found["flow"] == "exports"]
    assert exports["product"].tolist() == ["260111", "270112"] * 2
    assert exports["quantity_tonnes"].isna().tolist() == [False, True] * 2
    assert found[found["flow"] == "imports"]["product"].tolist() == ["010121"] * 2
    ore = baci_flows.flows(vintage, years=(2016, 2016), product="2601")
    assert ore[["year", "partner", "value_fob_thousand_usd"]].to_numpy().tolist() == [[2016, 156, 150000.5]]
    assert [entry["rows"] for entry in vintage.package()["resources"][:2]] == [8, 8]
    assert evidence.load("countries", folder=vintage.folder)["country_name"].tolist() == ["China", "DPR Korea"]
    assert sorted(path.name for path in vintage.folder.iterdir()) == [
        "countries.csv", "datapackage.json", "flows_by_exporter", "flows_by_importer", "sources.csv",
    ]  # fmt: skip


ORE = [
    ("M", 408, "2601", 0, 6e6), ("M", 36, "2601", 0, 5e9), ("M", 36, "2601", 2100, 4e9), ("X", 408, "TOTAL", 0, 2e8),
    ("M", 0, "2601", 0, 9e9),
]  # fmt: skip


def _bulk(server, content=None, host="", periods=(201712, 201801, 201802)):
    listed = [
        {"period": period, "reporterCode": 156, "fileUrl": f"{host}/files/{period}.gz", "publicationDate": "2018-09-01"}
        for period in periods
    ]
    server.replies = {
        "/bulk": [as_json({"count": 3, "data": listed, "error": ""})],
        "/files/201801": [Reply(content or bulk_file(201801, ORE))],
        "/files/201802": [Reply(bulk_file(201802, ORE[1:2]))],
    }


def test_comtrade_in_bulk_gives_the_months_of_other_countries(server, fetch, monkeypatch):
    monkeypatch.setenv("COMTRADE_API_KEY", "s3cret")
    _bulk(server)
    vintage = fetch("comtrade_bulk")
    ore = comtrade_bulk.imports(vintage, "2601")
    assert ore.columns.tolist() == [36, 408]
    assert ore.to_numpy().tolist() == [[5000.0, 6.0], [5000.0, 0.0]]  # the mode of transport is not counted twice
    assert [str(month) for month in ore.index] == ["2018-01", "2018-02"]
    assert vintage.package()["redistribution"] == "not permitted"
    assert not list(vintage.folder.glob("*.gz"))


def test_comtrade_in_bulk_does_not_take_a_path_for_a_month(server, fetch, monkeypatch):
    monkeypatch.setenv("COMTRADE_API_KEY", "s3cret")
    _bulk(server, periods=("201801", "2018/../../../x", "201802"))
    with pytest.raises(RefreshError, match=r"expected months such as 201801, seen 2018/\.\."):
        fetch("comtrade_bulk")


@pytest.mark.parametrize(
    ("content", "host", "said"),
    [
        (bulk_file(201801, ORE, header="period\treporterCode"), "", "expected flowCode, .* seen period, reporterCode"),
        (b"<html>", "", "expected a gzipped file"),
        (bulk_file(201801, ORE)[:-30], "", "could not be converted|a row is not as documented"),
        (None, "http://localhost:1", "another host, where the key is not sent"),
    ],
)
def test_comtrade_in_bulk_refuses_a_file_that_has_changed(server, fetch, monkeypatch, content, host, said):
    monkeypatch.setenv("COMTRADE_API_KEY", "s3cret")
    _bulk(server, content, host)
    with pytest.raises(RefreshError, match=said):
        fetch("comtrade_bulk")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (baci(header="t,i,j,k,v,quantity"), "expected q, seen t, i, j, k, v, quantity"),
        (baci(rows=["{y},408,156,260111,much,1"]), "a row is not as documented .*much"),
        (baci(rows=["1999,408,156,260111,1,1"]), "expected rows of 2015 only, seen 1999 to 1999"),
        (baci(years=()), "expected files such as BACI_HS92_Y2015_V202501.csv"),
        (b"<html>", "expected a zip archive"),
    ],
)
def test_baci_refuses_an_archive_that_has_changed(server, fetch, content, said):
    server.replies = {"/": [Reply(content)]}
    with pytest.raises(RefreshError, match=said):
        fetch("baci", since="1995-01", path="/release.zip")


def test_ecos_finds_its_tables_by_name_and_hides_the_key(server, fetch, monkeypatch, caplog):
    caplog.set_level(0)
    monkeypatch.setenv("ECOS_API_KEY", "ECOSKEY123")
    server.replies = {"/": ecos()}
    vintage = fetch("ecos")
    table = evidence.load("ecos_north_korea", folder=vintage.folder)
    assert table["value"].tolist() == [-3.5, -4.1]
    assert table["stat_code"].tolist() == ["291Y001"] * 2
    assert any("ECOSKEY123" in path for path, _ in server.requests)
    written = b"".join(file.read_bytes() for file in vintage.folder.rglob("*") if file.is_file())
    assert b"ECOSKEY123" not in written
    assert "ECOSKEY123" not in caplog.text
    assert "(key)" in json.dumps(vintage.package()["requests"])


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (as_json({"RESULT": {"CODE": "INFO-100", "MESSAGE": "no such key"}}), "key is wrong.*correct ECOS_API_KEY"),
        (as_json({"RESULT": {"CODE": "ERROR-301", "MESSAGE": "bad count"}}), "ERROR-301: bad count"),
        (as_json({"RESULT": {"CODE": "ERROR-602", "MESSAGE": "too many"}}), r"ERROR-602: too many \(3 attempts\)"),
        (as_json({"Other": {}}), "expected StatisticTableList, seen Other"),
        (as_json({"StatisticTableList": {"list_total_count": 0, "row": []}}), "speak of North Korea"),
    ],
)
def test_ecos_says_what_is_wrong_without_the_key(server, fetch, monkeypatch, reply, said):
    monkeypatch.setenv("ECOS_API_KEY", "ECOSKEY123")
    server.replies = {"/": [reply]}
    with pytest.raises(RefreshError, match=said) as caught:
        fetch("ecos")
    assert "ECOSKEY123" not in str(caught.value)


def test_ecos_needs_a_key(fetch):
    with pytest.raises(RefreshError, match="needs a key; set ECOS_API_KEY"):
        fetch("ecos")


def test_cells_are_written_as_the_source_has_them():
    from musan.refresh.tables import cell

    assert [cell(Decimal(text)) for text in ("1.5E+3", "0.250", "100")] == ["1500", "0.25", "100"]
