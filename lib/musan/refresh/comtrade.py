"""UN Comtrade: the DPRK's trade as its partners record it.

Without a key the preview interface answers with 500 rows at most; with one (``COMTRADE_API_KEY``) the full
interface with 100,000. A question whose answer may be cut is asked again in halves. The rows may not be passed
on: they stay in the vintage, and each says so.

The interface is called directly. The United Nations' own client ``comtradeapicall`` prints errors and then
returns nothing, does not see that an answer was cut at its limit, puts the key into the address, has no
retries in its main functions, and has its addresses built in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from musan.refresh.errors import RefreshError, expect, plain
from musan.refresh.http import Busy
from musan.refresh.tables import Licence, Schema, Table, citation, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from musan.refresh.http import Client
    from musan.refresh.vintages import Draft

URL = "https://comtradeapi.un.org"
LICENCE = Licence(
    "other-closed",
    "UN Comtrade: no redistribution of the rows without the permission of the United Nations",
    "https://uncomtrade.org/docs/policy-on-use-and-re-dissemination/",
    redistribution=False,
)
TITLE = "UN Comtrade: trade with the DPRK as its partners record it"
DPRK, CHINA = "408", "156"
# All goods, iron ore, coal, fish, apparel (knitted, not knitted), wigs, electricity.
PRODUCTS = ("TOTAL", "2601", "2701", "03", "61", "62", "6704", "2716")
FLOWS = {"M": "imports", "X": "exports"}
FREQUENCIES = {"A": "annual", "M": "monthly"}
FIRST = pd.Period("2013-01", "M")  # where the rebuilt series begin
PREVIEW_ROWS, FULL_ROWS = 500, 100_000
KEY_HEADER = "Ocp-Apim-Subscription-Key"
PERIODS = 12  # that one question may ask for
# The aggregate over partners of transit, customs procedures and modes of transport, which are rows of their own.
AGGREGATE = {"partner2Code": "0", "customsCode": "C00", "motCode": "0"}
NEEDED = (
    "freqCode", "period", "reporterCode", "reporterDesc", "flowCode", "partnerCode", "cmdCode", "classificationCode",
    "qtyUnitAbbr", "qty", "netWgt", "isNetWgtEstimated", "cifvalue", "fobvalue", "primaryValue", *AGGREGATE,
)  # fmt: skip
NAME, SOURCE_ID = "comtrade_flows", "un-comtrade"
CITED = {
    "source_id": SOURCE_ID,
    "url": "https://comtradeplus.un.org/",
    "title": "UN Comtrade Database",
    "publisher": "United Nations Statistics Division",
    "kind": "un_body",
    "licence_note": "no redistribution",
    "note": "as the service answered on that day; it is revised without notice",
}

SCHEMA: Schema = {
    "fields": [
        field("period", "string", "Period", "Month or calendar year.", semantic="date", required=True,
              pattern=r"\d{4}(-\d{2})?"),
        field("frequency", "string", "Frequency", "Whether it is a month or a year.", required=True,
              enum=list(FREQUENCIES.values())),
        field("reporter_code", "string", "Reporter", "UN Comtrade's number of the country that records the trade; "
              "156 is China.", required=True, pattern=r"\d{1,3}"),
        field("reporter", "string", "Name of the reporter", "As UN Comtrade has it.", required=True),
        field("flow", "string", "Flow", "The reporter's imports from the DPRK, or its exports there.", required=True,
              enum=list(FLOWS.values())),
        field("hs_code", "string", "HS code", "Code of the Harmonized System; TOTAL for all goods.", required=True,
              pattern=r"TOTAL|\d{2}|\d{4}"),
        field("classification", "string", "Edition", "Edition of the Harmonized System, H0 (1988) and later.",
              required=True),
        field("value_usd", "number", "Value", "Value of the trade.", unit="usd", required=True, minimum=0),
        field("valuation", "string", "Valuation", "cif with freight and insurance, fob without; unstated where the "
              "reporter gives neither apart.", required=True, enum=["cif", "fob", "unstated"]),
        field("net_weight_kg", "number", "Net weight", "Weight without packing.", unit="kg", minimum=0),
        field("weight_estimated", "boolean", "Weight estimated", "yes where the United Nations estimated it."),
        field("quantity", "number", "Quantity", "In the unit beside it.", unit="as in column quantity_unit",
              minimum=0),
        field("quantity_unit", "string", "Unit of quantity", "As UN Comtrade abbreviates it."),
        field("redistribution", "string", "Redistribution", "The row may not be passed on.", required=True,
              enum=["not_permitted"]),
        field("source_id", "string", "Source", "The source, in the table sources.", required=True),
    ],
    "primaryKey": ["period", "frequency", "reporter_code", "flow", "hs_code"],
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What is asked for at once.

    Parameters
    ----------
    frequency : {"A", "M"}
        Years or months.
    periods, products, flows : tuple of str
        In UN Comtrade's codes.
    reporter : str
        A country, or empty for all that report.
    """

    frequency: str
    periods: tuple[str, ...]
    products: tuple[str, ...] = PRODUCTS
    flows: tuple[str, ...] = tuple(FLOWS)
    reporter: str = ""

    def params(self) -> dict[str, str]:
        """Return the query."""
        asked = {
            "period": ",".join(self.periods),
            "partnerCode": DPRK,
            "cmdCode": ",".join(self.products),
            "flowCode": ",".join(self.flows),
            **AGGREGATE,
            "includeDesc": "true",
        }
        return asked | ({"reporterCode": self.reporter} if self.reporter else {})

    def halves(self) -> tuple[Question, Question] | None:
        """Return two questions that together ask the same; None when it can't be divided."""
        name = max(("periods", "products", "flows"), key=lambda part: len(getattr(self, part)))
        codes = getattr(self, name)
        if len(codes) == 1:
            return None
        middle = len(codes) // 2
        return replace(self, **{name: codes[:middle]}), replace(self, **{name: codes[middle:]})


def fetch(client: Client, draft: Draft, url: str, since: pd.Period) -> None:
    """Fetch China's monthly and all reporters' annual trade with the DPRK.

    Parameters
    ----------
    client : Client
        With the key, if there is one.
    draft : Draft
        Where to.
    url : str
        The address of the service.
    since : Period
        The first month; years from the one it is in.

    Raises
    ------
    RefreshError
        When the service can't be reached or does not answer as documented.
    """
    today = pd.Timestamp.now("UTC").tz_localize(None)
    months = [f"{month:%Y%m}" for month in pd.period_range(since, pd.Period(today, "M"), freq="M")]
    years = [str(year) for year in range(since.year, today.year + 1)]
    rows: list[dict[str, object]] = []
    for frequency, periods, reporter in (("M", months, CHINA), ("A", years, "")):
        found: list[dict[str, object]] = []
        for first in range(0, len(periods), PERIODS):
            question = Question(frequency, tuple(periods[first : first + PERIODS]), reporter=reporter)
            found += [row for answer in _answers(client, url, question) for row in answer]
        if not found:
            what = f"expected {FREQUENCIES[frequency]} rows from {periods[0]} on, seen an empty answer"
            raise RefreshError(what, url, "ask for an earlier month with --since, or try again later")
        rows += found
    about = "One flow, reporter, product and month or year. Imports are the exports of the DPRK."
    draft.write(Table(NAME, "Trade with the DPRK as its partners record it", about, SCHEMA, rows), LICENCE)
    draft.write(citation(NAME, **CITED), LICENCE)


def _answers(client: Client, url: str, question: Question) -> Iterator[list[dict[str, object]]]:
    """Yield the rows of a question, in parts where one answer has no place for all."""
    keyed = bool(client.key.value)
    limit = FULL_ROWS if keyed else PREVIEW_ROWS
    path = "data/v1/get" if keyed else "public/v1/preview"
    where = f"{url}/{path}/C/{question.frequency}/HS"
    headers = {KEY_HEADER: client.key.value} if keyed else {}
    label = f"UN Comtrade, {FREQUENCIES[question.frequency]} {question.periods[0]} to {question.periods[-1]}"
    params = question.params() | {"maxRecords": str(limit)}
    found = client.json(where, label, params=params, headers=headers, read=partial(records, where=where, limit=limit))
    if len(found) < limit:
        yield _rows(found, question, where)
        return
    halves = question.halves()
    if halves is None:
        remedy = f"set {client.key.variable} to a key of UN Comtrade" if not keyed else "ask for fewer reporters"
        raise RefreshError(f"one product of one period has {limit:,} rows, more than an answer can hold", where, remedy)
    for half in halves:
        yield from _answers(client, url, half)


def records(answer: Any, where: str, limit: int = FULL_ROWS) -> list[Mapping[str, Any]]:
    """Return the records of an answer.

    Parameters
    ----------
    answer : object
        From the service.
    where : str
        Its address, for messages.
    limit : int
        Rows at which the service cuts an answer.

    Raises
    ------
    RefreshError
        When it is not as documented.
    Busy
        When the service reports an error, or fewer records came than it says.
    """
    if not isinstance(answer, dict):
        raise RefreshError(f"expected an object with data, seen {type(answer).__name__}", where)
    if said := answer.get("error"):
        raise Busy(f"the service says: {plain(said)}")
    expect(list(answer), ["data", "count"], "the parts of the answer", where)
    found = answer["data"]
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise RefreshError("expected a list of records as data, seen something else", where)
    if answer["count"] != len(found) < limit:
        raise Busy(f"expected {answer['count']} records as the answer says, seen {len(found)}")
    return found


def _rows(records: list[Mapping[str, Any]], question: Question, where: str) -> list[dict[str, object]]:
    rows: dict[tuple[object, ...], dict[str, object]] = {}
    for record in records:
        # The service spells this one in two ways.
        named = {"isNetWgtEstimated" if name == "isnetWgtEstimated" else name: record[name] for name in record}
        expect(list(named), NEEDED, "the fields of a record", where)
        _check(named, question, where)
        row = _row(named, where)
        key = tuple(row[name] for name in SCHEMA["primaryKey"])
        if key in rows:
            raise RefreshError(f"expected one record for {' '.join(map(str, key))}, seen two", where)
        rows[key] = row
    return list(rows.values())


def _check(record: Mapping[str, Any], question: Question, where: str) -> None:
    """Refuse a record that is not what was asked for: it would be counted twice, or for another country."""
    asked = {
        "partnerCode": (DPRK,),
        "freqCode": (question.frequency,),
        "flowCode": question.flows,
        "cmdCode": question.products,
        "period": question.periods,
        **{name: (code,) for name, code in AGGREGATE.items()},
    }
    if question.reporter:
        asked["reporterCode"] = (question.reporter,)
    for name, codes in asked.items():
        if str(record[name]) not in codes:
            raise RefreshError(f"expected {name} {' or '.join(codes)}, seen {record[name]!r}", where)


def _row(record: Mapping[str, Any], where: str) -> dict[str, object]:
    period, value = str(record["period"]), _number(record, "primaryValue", where)
    if value is None:
        raise RefreshError("expected a number as primaryValue, seen nothing", where)
    given = {name: _number(record, f"{name}value", where) for name in ("cif", "fob")}
    unit = str(record["qtyUnitAbbr"] or "")
    measured = unit not in ("", "N/A")
    weight = _number(record, "netWgt", where) or None  # a weight of zero means none
    return {
        "period": period if len(period) == 4 else f"{period[:4]}-{period[4:]}",
        "frequency": FREQUENCIES[record["freqCode"]],
        "reporter_code": str(record["reporterCode"]),
        "reporter": record["reporterDesc"] or f"country {record['reporterCode']}",
        "flow": FLOWS[record["flowCode"]],
        "hs_code": record["cmdCode"],
        "classification": record["classificationCode"],
        "value_usd": value,
        "valuation": next((name for name, other in given.items() if other == value), "unstated"),
        "net_weight_kg": weight,
        "weight_estimated": bool(record["isNetWgtEstimated"]) if weight else None,
        "quantity": _number(record, "qty", where) if measured else None,
        "quantity_unit": unit if measured else None,
        "redistribution": "not_permitted",
        "source_id": SOURCE_ID,
    }


def _number(record: Mapping[str, Any], name: str, where: str) -> Decimal | None:
    value = record[name]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 0:
        raise RefreshError(f"expected a number as {name}, seen {value!r}", where)
    return Decimal(value)
