"""The Bank of Korea's ECOS: its annual tables on the DPRK.

The tables are looked up by their names, for their codes have changed before. The interface wants the key in the
path of the address; it is left out of what is recorded and shown.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd

from musan.refresh.errors import RefreshError, expect, plain
from musan.refresh.http import Busy
from musan.refresh.tables import Licence, Schema, Table, citation, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from musan.refresh.http import Client
    from musan.refresh.vintages import Draft

URL = "https://ecos.bok.or.kr/api"
LICENCE = Licence(
    "other-at",
    "Bank of Korea, free use with the source named",
    "https://ecos.bok.or.kr/",
    redistribution=True,
)
TITLE = "Bank of Korea, Economic Statistics System (ECOS)"
FIRST = pd.Period("1990-01", "M")
PAGE = 1000  # rows an answer
ABOUT_DPRK = re.compile(r"north korea|n\. ?korea|dprk|북한", re.IGNORECASE)
NO_DATA, WRONG_KEY = "INFO-200", "INFO-100"
# Time-out, server, database, query, too many calls.
PASSING = ("ERROR-400", "ERROR-500", "ERROR-600", "ERROR-601", "ERROR-602")
LISTED = ("STAT_CODE", "STAT_NAME", "CYCLE", "SRCH_YN")
NEEDED = ("STAT_CODE", "STAT_NAME", "ITEM_CODE1", "ITEM_NAME1", "UNIT_NAME", "TIME", "DATA_VALUE")
NAME, SOURCE_ID = "ecos_north_korea", "bank-of-korea-ecos"

SCHEMA: Schema = {
    "fields": [
        field("stat_code", "string", "Table", "Code of the table in ECOS.", required=True),
        field("stat_name", "string", "Name of the table", "As ECOS has it.", required=True),
        field("item_codes", "string", "Items", "Codes of the items, joined by slashes.", required=True),
        field("item_names", "string", "Names of the items", "Joined by slashes.", required=True),
        field("year", "year", "Year", "Calendar year.", required=True),
        field("value", "number", "Value", "In the unit beside it.", unit="as in column unit", required=True),
        field("unit", "string", "Unit", "As ECOS has it; empty for an index."),
        field("source_id", "string", "Source", "The source, in the table sources.", required=True),
    ],
    "primaryKey": ["stat_code", "item_codes", "year"],
}


def fetch(client: Client, draft: Draft, url: str, since: pd.Period) -> None:
    """Fetch all annual tables whose names speak of North Korea.

    Parameters
    ----------
    client : Client
        With the key.
    draft : Draft
        Where to.
    url : str
        The address of the service.
    since : Period
        The first month; years from the one it is in.

    Raises
    ------
    RefreshError
        When the service can't be reached, refuses the key, or does not answer as documented.
    """
    listed = list(_pages(client, url, "StatisticTableList", "", LISTED))
    tables = [
        table for table in listed
        if ABOUT_DPRK.search(str(table["STAT_NAME"])) and table["SRCH_YN"] == "Y" and table["CYCLE"] in ("A", None, "")
    ]  # fmt: skip
    if not tables:
        what = f"expected tables whose names speak of North Korea, seen none among {len(listed)}"
        raise RefreshError(what, f"{url}/StatisticTableList", "see in ECOS how they are called now")
    last = datetime.now(UTC).year
    rows = [
        _row(record, f"{url}/StatisticSearch, table {table['STAT_CODE']}")
        for table in tables
        for record in _pages(client, url, "StatisticSearch", f"{table['STAT_CODE']}/A/{since.year}/{last}", NEEDED)
    ]
    if not rows:
        raise RefreshError(f"expected figures from {since.year} on, seen none", url, "ask for an earlier month")
    draft.write(Table(NAME, TITLE, "One item of one table in one year.", SCHEMA, rows), LICENCE)
    cited = citation(
        NAME, source_id=SOURCE_ID, url="https://ecos.bok.or.kr/", title=TITLE, publisher="Bank of Korea",
        kind="official_statistics",
    )  # fmt: skip
    draft.write(cited, LICENCE)


def _pages(client: Client, url: str, service: str, rest: str, needed: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a service, page after page."""
    first, total = 1, 1
    while first <= total:
        key = quote(client.key.value, safe="")
        address = f"{url}/{service}/{key}/json/en/{first}/{first + PAGE - 1}/{rest}"
        where = client.hide(address)
        label = f"Bank of Korea, {service} {rest.partition('/')[0]}".strip()
        read = partial(_said, where=where, variable=client.key.variable)
        answer = client.json(address, label, read=read)
        if answer is None:
            return
        expect(list(answer), [service], "the parts of the answer", where)
        expect(list(answer[service]), ["list_total_count", "row"], "the parts of the answer", where)
        total = int(answer[service]["list_total_count"])
        rows = answer[service]["row"]
        if len(rows) != min(PAGE, total - first + 1):
            raise RefreshError(f"expected {min(PAGE, total - first + 1)} rows, seen {len(rows)}", where)
        for row in rows:
            expect(list(row), needed, "the fields of a row", where)
        yield from rows
        first += PAGE


def _said(answer: Any, *, where: str, variable: str) -> Any:
    """Return an answer; None where there are no data; raise what the service says is wrong."""
    if not isinstance(answer, dict):
        raise RefreshError(f"expected an object, seen {type(answer).__name__}", where)
    if "RESULT" not in answer:
        return answer
    code, message = (plain(answer["RESULT"].get(part, "")) for part in ("CODE", "MESSAGE"))
    if code == NO_DATA:
        return None
    if code == WRONG_KEY:
        raise RefreshError("the key is wrong or has expired", where, f"correct {variable}")
    if code in PASSING:
        raise Busy(f"the service says {code}: {message}")
    raise RefreshError(f"the service says {code}: {message}", where)


def _row(record: Mapping[str, Any], where: str) -> dict[str, object]:
    items = [number for number in range(1, 5) if record.get(f"ITEM_CODE{number}")]
    try:
        value = Decimal(str(record["DATA_VALUE"]).replace(",", ""))
    except InvalidOperation:
        raise RefreshError(f"expected a number as DATA_VALUE, seen {record['DATA_VALUE']!r}", where) from None
    if not re.fullmatch(r"\d{4}", str(record["TIME"])):
        raise RefreshError(f"expected a year as TIME, seen {record['TIME']!r}", where)
    return {
        "stat_code": record["STAT_CODE"],
        "stat_name": record["STAT_NAME"],
        "item_codes": "/".join(str(record[f"ITEM_CODE{number}"]) for number in items),
        "item_names": "/".join(str(record.get(f"ITEM_NAME{number}") or "") for number in items),
        "year": record["TIME"],
        "value": value,
        "unit": (record["UNIT_NAME"] or "").strip() or None,
        "source_id": SOURCE_ID,
    }
