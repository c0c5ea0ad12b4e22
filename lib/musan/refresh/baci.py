"""CEPII's BACI: the world's trade by exporter, importer, product and year, mirror records reconciled.

A release is one zip archive of a CSV file a year, 10^7 to 10^8 rows. It is kept as Parquet by year, once sorted
by exporter and once by importer, so that one country is read without the others.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import pandas as pd

from musan.refresh.baci_flows import BY_EXPORTER, BY_IMPORTER, SOURCE_ID
from musan.refresh.errors import RefreshError, expect
from musan.refresh.large_files import MEGABYTE, Column, Layout, convert, database, entry, unpacked
from musan.refresh.tables import Licence, Schema, Table, citation, field

if TYPE_CHECKING:
    from pathlib import Path

    from musan.refresh.http import Client, Report
    from musan.refresh.vintages import Draft

URL = "https://www.cepii.fr/CEPII/en/bdd_modele/bdd_modele_item.asp?id=37"
RELEASES = "/DATA_DOWNLOAD/baci/data/"
RELEASE = re.compile(r"BACI_HS92_V(\d{6}[a-z]?)(?:\.zip)?")  # HS92: the one edition that reaches back to 1995
ANY_RELEASE = re.compile(r"\b(20\d{2}(?:0[1-9]|1[0-2])[a-z]?)\b")
MEMBER = re.compile(r"BACI_HS\d{2}_Y(\d{4})_V\w+\.csv")
LICENCE = Licence(
    "etalab-2.0",
    "CEPII BACI, Etalab Open Licence 2.0",
    "https://www.etalab.gouv.fr/wp-content/uploads/2018/11/open-licence.pdf",
    redistribution=True,
)
TITLE = "CEPII BACI: bilateral trade by product"
FIRST = pd.Period("1995-01", "M")
SIZE_LIMIT, COUNTRIES_LIMIT = 8_000 * MEGABYTE, MEGABYTE
LAYOUT = Layout(
    columns={
        "t": Column("year", "SMALLINT"),
        "i": Column("exporter", "SMALLINT"),
        "j": Column("importer", "SMALLINT"),
        "k": Column("product", "INTEGER"),
        "v": Column("value_fob_thousand_usd", "DOUBLE"),
        "q": Column("quantity_tonnes", "DOUBLE", missing=("", "NA")),
    },
    orders={
        BY_EXPORTER: ("exporter", "importer", "product"),
        BY_IMPORTER: ("importer", "exporter", "product"),
    },
)
SCHEMA: Schema = {
    "fields": [
        field("year", "year", "Year", "Calendar year."),
        field("exporter", "integer", "Exporter", "BACI's number of the country, see the table countries."),
        field("importer", "integer", "Importer", "BACI's number of the country."),
        field("product", "integer", "Product", "Six digits of HS 1992, as a number."),
        field("value_fob_thousand_usd", "number", "Value", "Free on board, reconciled.", unit="usd_thousand"),
        field("quantity_tonnes", "number", "Quantity", "Where it is known.", unit="tonnes"),
    ],
    "primaryKey": ["year", "exporter", "importer", "product"],
}
COUNTRIES: Schema = {
    "fields": [
        field("country_code", "integer", "Country", "BACI's number.", required=True),
        field("country_name", "string", "Name", "English name.", required=True),
        field("country_iso3", "string", "ISO 3166", "Three letters, where there are."),
    ],
    "primaryKey": ["country_code"],
}


def fetch(client: Client, draft: Draft, url: str, since: pd.Period) -> None:
    """Fetch the latest release and convert it.

    Parameters
    ----------
    client : Client
        Without a key.
    draft : Draft
        Where to.
    url : str
        The page that names the latest release, or the archive itself (``.zip``).
    since : Period
        The first month; earlier years are left out.

    Raises
    ------
    RefreshError
        When the archive can't be had or is not as documented.
    """
    address = url if url.endswith(".zip") else _latest(client.text(url, "CEPII, page of BACI"), url)
    path = draft.folder / "release.zip"
    client.download(address, path, f"CEPII, {address.rsplit('/', 1)[-1]}", SIZE_LIMIT)
    try:
        with zipfile.ZipFile(path) as archive:
            draft.resources += _flows(archive, draft.folder, since.year, address, client.report)
            draft.write(_countries(archive, address), LICENCE)
    except zipfile.BadZipFile as error:
        raise RefreshError(f"expected a zip archive, seen something else ({error})", address) from error
    path.unlink()
    cited = citation(
        BY_EXPORTER, source_id=SOURCE_ID, url=address, title=TITLE, publisher="CEPII", kind="academic",
        licence_note="Etalab Open Licence 2.0",
    )  # fmt: skip
    draft.write(cited, LICENCE)


def _latest(page: str, url: str) -> str:
    """Return the address of the latest archive that the page names."""
    releases = RELEASE.findall(page) or ANY_RELEASE.findall(page)
    if not releases:
        remedy = "find the archive there, and give its address in MUSAN_BACI_URL"
        raise RefreshError("expected the name of a release such as 202501, seen none", url, remedy)
    parts = urlsplit(url)
    return urljoin(f"{parts.scheme}://{parts.netloc}", f"{RELEASES}BACI_HS92_V{max(releases)}.zip")


def _flows(archive: zipfile.ZipFile, folder: Path, first_year: int, where: str, report: Report) -> list[dict[str, Any]]:
    """Convert the years of an archive, and return the entries of the two copies."""
    years = {int(found[1]): name for name in archive.namelist() if (found := MEMBER.fullmatch(name.rsplit("/", 1)[-1]))}
    wanted = {year: name for year, name in sorted(years.items()) if year >= first_year}
    if not wanted:
        what = f"expected files such as BACI_HS92_Y2015_V202501.csv, seen {', '.join(archive.namelist()[:5]) or 'none'}"
        raise RefreshError(what, where, "see what is at this address")
    parts: dict[str, list[dict[str, Any]]] = {order: [] for order in LAYOUT.orders}
    done, total = 0, sum(archive.getinfo(name).file_size for name in wanted.values())
    with database(folder) as connection:
        for year, name in wanted.items():
            with unpacked(archive, name, folder) as path:
                written = convert(connection, path, folder, f"year={year}", LAYOUT, f"{where}, {name}")
            _only_year(connection, folder / written[BY_EXPORTER]["path"], year, f"{where}, {name}")
            for order, part in written.items():
                parts[order].append(part)
            done += archive.getinfo(name).file_size
            report("BACI, years converted", done, total)
    return [entry(order, each, TITLE, LICENCE, SCHEMA) for order, each in parts.items()]


def _only_year(connection: Any, path: Path, year: int, where: str) -> None:
    """Refuse an empty part, and one with rows of another year."""
    query = "SELECT count(*), min(year), max(year) FROM read_parquet(?, hive_partitioning = false)"
    rows, first, last = connection.execute(query, [str(path)]).fetchone()
    if not rows:
        raise RefreshError(f"expected rows of {year}, seen none", where, "fetch it again later")
    if (first, last) != (year, year):
        raise RefreshError(f"expected rows of {year} only, seen {first} to {last}", where, "report it to CEPII")


def _countries(archive: zipfile.ZipFile, where: str) -> Table:
    name = next((name for name in archive.namelist() if name.rsplit("/", 1)[-1].startswith("country_codes")), None)
    if name is None:
        raise RefreshError("expected a file country_codes_V....csv, seen none", where)
    if archive.getinfo(name).file_size > COUNTRIES_LIMIT:
        raise RefreshError("expected a list of some 240 countries, seen a file far too large", f"{where}, {name}")
    lines = list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig", "replace"))))
    wanted = [each["name"] for each in COUNTRIES["fields"]]
    expect(list(lines[0]) if lines else [], wanted, "the columns", f"{where}, {name}")
    missing = ("", "N/A", "NA")
    rows = [{each: None if line[each] in missing else line[each] for each in wanted} for line in lines]
    return Table("countries", "Countries of BACI", "One country or area.", COUNTRIES, rows)
