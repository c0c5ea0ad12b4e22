"""The World Bank's Pink Sheet: monthly prices of commodities, from its workbook."""

from __future__ import annotations

import re
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pandas as pd

from musan.refresh.errors import RefreshError, expect
from musan.refresh.large_files import MEGABYTE
from musan.refresh.tables import Licence, Table, citation, committed_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from musan.refresh.http import Client
    from musan.refresh.vintages import Draft

URL = "https://www.worldbank.org/en/research/commodity-markets"
DOCUMENTS = "thedocs.worldbank.org"  # where the page's files are
WORKBOOK = re.compile(r"""["']([^"'<>\s]*CMO-Historical-Data-Monthly\.xlsx)["']""")
LICENCE = Licence(
    "CC-BY-4.0",
    "World Bank, Creative Commons Attribution 4.0",
    "https://creativecommons.org/licenses/by/4.0/",
    redistribution=True,
)
TITLE = "World Bank Commodity Price Data (The Pink Sheet)"
FIRST = pd.Period("1960-01", "M")
NAME, SHEET = "commodity_prices_monthly", "Monthly Prices"
MONTH = re.compile(r"(\d{4})M(\d{2})")
MISSING = ("", "…", "..", "...")
SIZE_LIMIT, UNPACKED_LIMIT = 50 * MEGABYTE, 500 * MEGABYTE
DECIMALS = 4  # as in the committed table
# Column of the workbook -> our name, the units that it may have, our word for the unit.
COLUMNS = {
    "Iron ore, cfr spot": ("iron_ore", ("($/dmtu)", "($/dmt)"), "usd_per_dry_metric_tonne"),
    "Coal, Australian": ("coal_australian", ("($/mt)",), "usd_per_tonne"),
    "Crude oil, average": ("crude_oil_average", ("($/bbl)",), "usd_per_barrel"),
    "Rice, Thai 5%": ("rice_thai_5pct", ("($/mt)",), "usd_per_tonne"),
}


def fetch(client: Client, draft: Draft, url: str, since: pd.Period) -> None:
    """Fetch the monthly prices, in the form of the committed table ``commodity_prices_monthly``.

    Parameters
    ----------
    client : Client
        Without a key.
    draft : Draft
        Where to.
    url : str
        The page that links to the workbook, or the workbook itself (``.xlsx``).
    since : Period
        The first month.

    Raises
    ------
    RefreshError
        When the service can't be reached, or page or workbook are not as they were.
    """
    found = url if url.endswith(".xlsx") else _linked(client.text(url, "World Bank, page of the Pink Sheet"), url)
    path = draft.folder / "workbook.xlsx"
    client.download(found, path, "World Bank, Pink Sheet", SIZE_LIMIT)
    source_id = f"world-bank-{datetime.now(UTC):%Y-%m-%d}-pink-sheet"
    about = {"basis": "reported", "source_id": source_id}
    rows = [row | about for row in prices(path, found) if row["month"] >= str(since)]
    path.unlink()
    if not rows:
        raise RefreshError(f"expected prices from {since} on, seen none", found, "ask for an earlier month")
    about_table = ("World commodity prices by month", "The world price of one commodity in one month.")
    draft.write(Table(NAME, *about_table, committed_schema(NAME), rows), LICENCE)
    cited = citation(
        NAME, source_id=source_id, url=found, title=TITLE, publisher="World Bank", kind="official_statistics",
        licence_note="CC BY 4.0",
    )  # fmt: skip
    draft.write(cited, LICENCE)


def _linked(page: str, url: str) -> str:
    """Return the address of the workbook that the page links to."""
    links = {urljoin(url, link) for link in WORKBOOK.findall(page)}
    if not links:
        remedy = "find the monthly workbook there, and give its address in MUSAN_PINK_SHEET_URL"
        raise RefreshError("expected a link to CMO-Historical-Data-Monthly.xlsx, seen none", url, remedy)
    link: str = max(links)
    if urlsplit(link).hostname not in (urlsplit(url).hostname, DOCUMENTS):
        raise RefreshError(f"links to another host ({link}), which is not followed", url, "see what is there")
    return link


def prices(path: Path, where: str) -> Iterator[dict[str, str]]:
    """Yield month, commodity, price and unit from the workbook.

    Parameters
    ----------
    path : Path
        The workbook.
    where : str
        Its address, for messages.

    Raises
    ------
    RefreshError
        When it is no workbook, or sheet, columns or units are not as they were.
    """
    lines = _lines(path, where)
    first = next((number for number, line in enumerate(lines) if MONTH.fullmatch(_text(line[0]))), None)
    if first is None:
        raise RefreshError("expected months such as 2018M01 in the first column, seen none", f"{where}, {SHEET}")
    names = next((number for number in range(first) if "Iron ore, cfr spot" in map(_name, lines[number])), first - 2)
    header = [_name(value) for value in lines[max(names, 0)]]
    expect([name for name in header if name], list(COLUMNS), "the columns", f"{where}, {SHEET}, row {names + 1}")
    units = [_text(value) for value in lines[names + 1]]
    places = {name: header.index(name) for name in COLUMNS}
    for name, place in places.items():
        allowed = COLUMNS[name][1]
        if units[place] not in allowed:
            what = f"the unit of {name} has changed: expected {' or '.join(allowed)}, seen {units[place] or 'none'}"
            raise RefreshError(what, f"{where}, {SHEET}, row {names + 2}", "convert it before it is used")
    for number, line in enumerate(lines[first:], start=first + 1):
        month = MONTH.fullmatch(_text(line[0]))
        if month is None:
            continue  # remarks below the table
        for name, place in places.items():
            price = _price(line[place], f"{where}, {SHEET}, row {number}, {name}")
            if price is not None:
                ours, _, unit = COLUMNS[name]
                yield {"month": f"{month[1]}-{month[2]}", "commodity": ours, "price": price, "unit": unit}


def _lines(path: Path, where: str) -> list[Sequence[object]]:
    """Return the cells of the sheet, after a look at what the file would unpack to."""
    from openpyxl import load_workbook  # only needed here, and slow to import

    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile:
        start = path.read_bytes()[:40].decode("utf-8", "replace")
        what = f"expected a workbook (xlsx), seen a file that begins with {start!r}"
        raise RefreshError(what, where, "open the address in a browser") from None
    if unpacked > UNPACKED_LIMIT:
        raise RefreshError(f"the workbook would unpack to {unpacked / MEGABYTE:,.0f} MB", where, "see what it is")
    try:
        workbook = load_workbook(path, read_only=True, data_only=True)
        expect(workbook.sheetnames, [SHEET], "the sheets", where)
        lines: list[Sequence[object]] = [line for line in workbook[SHEET].iter_rows(values_only=True) if line]
        workbook.close()
    except (zipfile.BadZipFile, KeyError, ValueError, SyntaxError) as error:  # SyntaxError: malformed XML
        raise RefreshError(f"expected a workbook (xlsx), seen a damaged one ({error})", where) from error
    return lines


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _name(value: object) -> str:
    """Return a heading without the stars that mark footnotes, blanks made single."""
    return " ".join(_text(value).rstrip("* ").split())


def _price(value: object, where: str) -> str | None:
    if _text(value) in MISSING:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefreshError(f"expected a price, seen {value!r}", where)
    return format(Decimal(str(round(value, DECIMALS))).normalize(), "f")
