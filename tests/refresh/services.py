"""The services as they are documented, on loopback, with the faults that real ones have."""

from __future__ import annotations

import gzip
import io
import json
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from openpyxl import Workbook

from musan.refresh.http import Patience

QUICK = Patience(attempts=3, first_wait=0.01, longest_wait=5.0, silence=1.0, pause=0.0)
PRICES = {
    "Iron ore, cfr spot": ("($/dmtu)", [70.1, 71.25, 69.0]),
    "Coal, Australian": ("($/mt)", [100.5, 101.0, 99.123456]),
    "Crude oil, average": ("($/bbl)", [60.0, 61.0, 62.0]),
    "Rice, Thai 5%": ("($/mt)", [400.0, "…", 410.0]),
}
MONTHS = ("2018M01", "2018M02", "2018M03")
COUNTRIES = 'country_code,country_name,country_iso2,country_iso3\n156,China,CN,CHN\n408,"DPR Korea",KP,PRK\n'


@dataclass
class Reply:
    """What the server does with one request."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    cut: int | None = None  # bytes after which the connection is closed
    delay: float = 0.0
    drip: float = 0.0  # seconds after each byte
    before_body: threading.Event | None = None  # waited for between the head and the second half of the body


class Server:
    """A server whose replies are scripted by path; the last of a list is repeated."""

    def __init__(self):
        self.replies = {}
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                try:
                    self.reply(outer.reply(self.path))
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def reply(self, reply):
                time.sleep(reply.delay)
                self.send_response(reply.status)
                headers = {"Content-Length": str(len(reply.body)), "Content-Type": reply.kind} | reply.headers
                if "Transfer-Encoding" in headers:
                    del headers["Content-Length"]
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                half = len(reply.body) // 2
                if reply.drip:
                    for byte in reply.body:
                        self.wfile.write(bytes([byte]))
                        time.sleep(reply.drip)
                elif reply.before_body:
                    self.wfile.write(reply.body[:half])
                    self.wfile.flush()
                    reply.before_body.wait(30)
                    self.wfile.write(reply.body[half:])
                else:
                    self.wfile.write(reply.body[: reply.cut])
                if reply.cut is not None:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a client that leaves early, as some here must

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def reply(self, path):
        for prefix, replies in self.replies.items():
            if path.startswith(prefix):
                if callable(replies):
                    return replies(path)
                return replies.pop(0) if len(replies) > 1 else replies[0]
        return Reply(b"nothing here", 404, kind="text/plain")

    @contextmanager
    def running(self):
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


def as_json(content, **more):
    return Reply(json.dumps(content).encode(), **more)


def record(period="201801", flow="M", product="TOTAL", value=1_000_000.5, **more):
    """Return a record as UN Comtrade documents it."""
    cif = value if flow == "M" else None
    return {
        "typeCode": "C", "freqCode": "A" if len(period) == 4 else "M", "refPeriodId": 20180101, "refYear": 2018,
        "refMonth": 1, "period": period, "reporterCode": 156, "reporterISO": "CHN", "reporterDesc": "China",
        "flowCode": flow, "flowDesc": "Import", "partnerCode": 408, "partnerISO": "PRK",
        "partnerDesc": "Dem. People's Rep. of Korea", "partner2Code": 0, "classificationCode": "H5",
        "isOriginalClassification": True, "cmdCode": product, "cmdDesc": "All Commodities", "aggrLevel": 0,
        "customsCode": "C00", "motCode": 0, "qtyUnitCode": 8, "qtyUnitAbbr": "kg", "qty": 5000,
        "isQtyEstimated": False, "netWgt": 5000, "isNetWgtEstimated": False, "cifvalue": cif,
        "fobvalue": None if cif else value, "primaryValue": value, "isReported": True, "isAggregate": True,
    } | more  # fmt: skip


def comtrade(records, limit=500):
    """Return a service that answers each question from some records, cut at its limit."""

    def reply(path):
        query = parse_qs(urlsplit(path).query)
        asked = {
            name: query[name][0].split(",")
            for name in ("period", "cmdCode", "flowCode", "reporterCode")
            if name in query
        }
        fitting = [each for each in records if all(str(each[name]) in codes for name, codes in asked.items())]
        data = fitting[:limit]
        return as_json({"elapsedTime": "0.27 secs", "count": len(data), "data": data, "error": ""})

    return reply


def workbook(prices=PRICES, months=MONTHS, sheet="Monthly Prices"):
    """Return the Pink Sheet's workbook: four lines of title, names, units, months."""
    book = Workbook()
    page = book.active
    page.title = sheet
    for line in ("World Bank Commodity Price Data (The Pink Sheet)", "monthly prices in nominal US dollars", "", ""):
        page.append([line])
    page.append(["", "Gold", *(f"{name} **" if name.startswith("Crude") else name for name in prices)])
    page.append(["", "($/troy oz)", *(unit for unit, _ in prices.values())])
    for place, month in enumerate(months):
        page.append([month, 1300.0, *(values[place] for _, values in prices.values())])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def baci(years=(2015, 2016), header="t,i,j,k,v,q", rows=None, countries=COUNTRIES):
    """Return a release of BACI as a zip archive; ``rows`` are lines, or a function that returns those of a year."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for year in years:
            lines = rows(year) if callable(rows) else rows or (
                "{y},408,156,260111,150000.5,900.25", "{y},408,156,270112,210000.0,         NA",
                "{y},156,408,010121,12.3,", "{y},156,392,260111,7.0,1.0",
            )  # fmt: skip
            text = "\n".join([header, *(line.format(y=year) for line in lines)]) + "\n"
            archive.writestr(f"BACI_HS92_Y{year}_V202501.csv", text)
        archive.writestr("country_codes_V202501.csv", countries)
        archive.writestr("product_codes_HS92_V202501.csv", "code,description\n260111,Iron ores\n")
    return content.getvalue()


def ecos(values=((2017, "-3.5"), (2018, "-4.1"))):
    """Return the two services of ECOS."""
    tables = [
        {"STAT_CODE": "901Y001", "STAT_NAME": "2.1. GDP", "CYCLE": "A", "SRCH_YN": "Y", "ORG_NAME": None},
        {"STAT_CODE": "291Y001", "STAT_NAME": "North Korea: growth", "CYCLE": "A", "SRCH_YN": "Y", "ORG_NAME": None},
    ]

    def reply(path):
        service, _, _, _, first, last, *rest = path.strip("/").split("/")
        if service == "StatisticTableList":
            rows = tables
        else:
            rows = [
                {
                    "STAT_CODE": rest[0], "STAT_NAME": "North Korea: growth", "ITEM_CODE1": "A1",
                    "ITEM_NAME1": "Real GDP", "ITEM_CODE2": None, "ITEM_NAME2": None, "UNIT_NAME": "%", "WGT": None,
                    "TIME": str(year), "DATA_VALUE": value,
                }
                for year, value in values
            ]  # fmt: skip
        part = rows[int(first) - 1 : int(last)]
        return as_json({service: {"list_total_count": len(rows), "row": part}})

    return reply


def bulk_file(
    period,
    rows,
    header="typeCode\tperiod\treporterCode\tflowCode\tpartnerCode\tpartner2Code\tcmdCode\t"
    "customsCode\tmotCode\tnetWgt\tcifvalue\tprimaryValue",
):
    """Return a bulk file of UN Comtrade: gzipped text with tabs."""
    lines = [
        f"C\t{period}\t156\t{flow}\t{partner}\t0\t{code}\tC00\t{mode}\t\t\t{value}"
        for flow, partner, code, mode, value in rows
    ]
    return gzip.compress("\n".join([header, *lines, ""]).encode())
