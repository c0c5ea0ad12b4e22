"""UN Comtrade in bulk: all that China records, every partner and product, month by month, for subscribers.

The files are gzipped text with tabs, one a month or year. They are kept as Parquet by year, sorted by partner. They
give what no preview gives: the months of countries under no sanctions, to compare the DPRK with.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import pandas as pd

from musan.refresh import comtrade
from musan.refresh.errors import RefreshError, expect, plain
from musan.refresh.large_files import MEGABYTE, Column, Layout, convert, database, entry, files
from musan.refresh.tables import Schema, citation, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from musan.refresh.http import Client
    from musan.refresh.vintages import Draft, Vintage

URL, LICENCE = comtrade.URL, comtrade.LICENCE
TITLE = "UN Comtrade, bulk files: China's trade by partner and product"
FIRST = comtrade.FIRST
SIZE_LIMIT = 2_000 * MEGABYTE  # of one file
LISTED = ("fileUrl", "period", "reporterCode")
BY_PARTNER = "bulk_by_partner"
PERIOD = re.compile(r"[12]\d{3}(0[1-9]|1[0-2])")  # it becomes the name of a folder
LAYOUT = Layout(
    columns={
        "period": Column("period", "INTEGER"),
        "flowCode": Column("flow", "VARCHAR"),
        "partnerCode": Column("partner_code", "SMALLINT"),
        "cmdCode": Column("hs_code", "VARCHAR"),
        "primaryValue": Column("value_usd", "DOUBLE"),
        "netWgt": Column("net_weight_kg", "DOUBLE", missing=("", "NA")),
    },
    orders={BY_PARTNER: ("partner_code", "hs_code", "flow", "period")},
    delimiter="\t",
    # Rows by transit country, customs procedure and mode of transport add up to those that are kept.
    only=" AND ".join(f"\"{name}\" = '{code}'" for name, code in comtrade.AGGREGATE.items())
    + " AND \"flowCode\" IN ('M', 'X')",
)
SCHEMA: Schema = {
    "fields": [
        field("period", "integer", "Month", "Year and month, six digits."),
        field("flow", "string", "Flow", "M for China's imports, X for its exports."),
        field("partner_code", "integer", "Partner", "UN Comtrade's number of the country; 0 is the world."),
        field("hs_code", "string", "HS code", "Two, four or six digits; TOTAL for all goods."),
        field("value_usd", "number", "Value", "Imports cif, exports fob.", unit="usd"),
        field("net_weight_kg", "number", "Net weight", "Where it is known.", unit="kg"),
    ],
    "primaryKey": ["period", "flow", "partner_code", "hs_code"],
}


def fetch(client: Client, draft: Draft, url: str, since: pd.Period) -> None:
    """Fetch the monthly files of China.

    Parameters
    ----------
    client : Client
        With the key of a subscription.
    draft : Draft
        Where to.
    url : str
        The address of the service.
    since : Period
        The first month.

    Raises
    ------
    RefreshError
        When a file can't be had or is not as documented.
    """
    parts = []
    with database(draft.folder) as connection:
        for period, address in _files(client, url, since).items():
            path = draft.folder / "part.gz"
            client.download(address, path, f"UN Comtrade, file of {period}", SIZE_LIMIT, headers=_key(client))
            written = convert(connection, path, draft.folder, f"year={period[:4]}/month={period[4:]}", LAYOUT, address)
            path.unlink()
            parts.append(written[BY_PARTNER])
    draft.resources.append(entry(BY_PARTNER, parts, TITLE, LICENCE, SCHEMA))
    draft.write(citation(BY_PARTNER, **comtrade.CITED), LICENCE)


def _key(client: Client) -> dict[str, str]:
    return {comtrade.KEY_HEADER: client.key.value}


def _files(client: Client, url: str, since: pd.Period) -> dict[str, str]:
    """Return the address of each month's file, the oldest first."""
    where = f"{url}/bulk/v1/get/C/M/HS"
    answer = client.json(
        where, "UN Comtrade, list of files", params={"reporterCode": comtrade.CHINA}, headers=_key(client)
    )
    listed = comtrade.records(answer, where)
    found: dict[str, str] = {}
    for each in sorted(listed, key=lambda one: str(one.get("publicationDate", ""))):
        expect(list(each), LISTED, "the fields of the list", where)
        address = urljoin(where, str(each["fileUrl"]))
        if urlsplit(address).netloc != urlsplit(where).netloc:
            raise RefreshError("lists a file on another host, where the key is not sent", where, "see what is there")
        period = str(each["period"])
        if not PERIOD.fullmatch(period):
            raise RefreshError(f"expected months such as 201801, seen {plain(period)}", where, "see what is listed")
        if str(each["reporterCode"]) == comtrade.CHINA and period >= f"{since:%Y%m}":
            found[period] = address  # of two, the one published later
    if not found:
        raise RefreshError(f"expected files from {since} on, seen none of {len(listed)}", where, "ask for earlier ones")
    return dict(sorted(found.items()))


def imports(vintage: Vintage, product: str) -> pd.DataFrame:
    """Return China's monthly imports of a product by partner, such as donors for a synthetic control.

    Parameters
    ----------
    vintage : Vintage
        Of the bulk files.
    product : str
        Code of the Harmonized System, such as ``"2601"``, or ``"TOTAL"``.

    Returns
    -------
    DataFrame
        One row a month, one column a partner (UN Comtrade's number), million US dollars; zero where China
        recorded none. The world and the areas not specified are left out.
    """
    copies: Mapping[str, Any] = {each["name"]: each for each in vintage.package()["resources"]}
    expect(list(copies), [BY_PARTNER], "the tables", str(vintage.folder))
    query = (
        "SELECT period, partner_code, value_usd / 1e6 AS value FROM read_parquet($files, hive_partitioning = false) "
        "WHERE flow = 'M' AND hs_code = $product AND partner_code NOT IN (0, 899)"
    )
    given = {"files": files(vintage.folder, copies[BY_PARTNER]), "product": product}
    with database() as connection:
        rows = connection.execute(query, given).df()
    wide = rows.pivot_table(index="period", columns="partner_code", values="value", aggfunc="sum").fillna(0.0)
    months = [f"{period // 100}-{period % 100:02d}" for period in wide.index]
    return wide.set_axis(pd.PeriodIndex(months, freq="M", name="month"))
