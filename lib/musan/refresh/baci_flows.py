"""Read a vintage of CEPII's BACI, one country or a few at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from musan import evidence
from musan.refresh.errors import RefreshError
from musan.refresh.large_files import database, files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.refresh.vintages import Vintage

DPRK = 408
BY_EXPORTER, BY_IMPORTER = "flows_by_exporter", "flows_by_importer"
SOURCE_ID = "cepii-baci"
# Flow, column of the country, column of its partner, copy that is sorted by the country.
SIDES = (
    ("exports", "exporter", "importer", BY_EXPORTER),
    ("imports", "importer", "exporter", BY_IMPORTER),
)


def flows(
    vintage: Vintage, country: int = DPRK, *, years: tuple[int, int] | None = None, product: str = ""
) -> pd.DataFrame:
    """Return the exports and imports of one country.

    Parameters
    ----------
    vintage : Vintage
        Of BACI.
    country : int
        BACI's number of the country; 408 is the DPRK.
    years : tuple of int, optional
        First and last year.
    product : str
        Beginning of the code in HS 1992, such as ``"2601"``.

    Returns
    -------
    DataFrame
        ``flow`` (exports, imports), ``year``, ``partner``, ``product`` (six digits as text),
        ``value_fob_thousand_usd``, ``quantity_tonnes``.

    Raises
    ------
    RefreshError
        When a file of the vintage is missing or not as it was written.
    """
    first, last = years or (0, 9999)
    parts = []
    with database() as connection:
        for flow, own, partner, order in SIDES:
            query = (
                f"SELECT '{flow}' AS flow, year, {partner} AS partner, format('{{:06d}}', product) AS product, "
                "value_fob_thousand_usd, quantity_tonnes FROM read_parquet($files, hive_partitioning = false) "
                f"WHERE {own} = $country AND {_within(product)} ORDER BY ALL"
            )
            copy = evidence.resource(order, vintage.folder)
            given = {"files": files(vintage.folder, copy, first, last), "country": country}
            parts.append(connection.execute(query, given).df())
    return pd.concat(parts, ignore_index=True)


def _within(product: str) -> str:
    """Return in SQL that a code begins with some digits."""
    if product and not re.fullmatch(r"\d{2,6}", product):
        raise RefreshError(f"{product!r} is no code of two to six digits", "product", "write for example 2601")
    return f"product BETWEEN {int(product.ljust(6, '0') or 0)} AND {int(product.ljust(6, '9') or 0)}"


def years(vintage: Vintage) -> list[int]:
    """Return the years that a vintage has.

    Parameters
    ----------
    vintage : Vintage
        Of BACI.
    """
    parts = evidence.resource(BY_IMPORTER, vintage.folder)["parts"]
    return sorted(int(part["path"].partition("year=")[2][:4]) for part in parts)


def codes(vintage: Vintage) -> dict[str, list[int]]:
    """Return BACI's numbers of each country; some have had two.

    Parameters
    ----------
    vintage : Vintage
        Of BACI.

    Returns
    -------
    dict of str to list of int
        By three letters of ISO 3166.
    """
    table = evidence.load("countries", folder=vintage.folder).dropna(subset="country_iso3")
    return {str(name): rows["country_code"].astype(int).tolist() for name, rows in table.groupby("country_iso3")}


def yearly_imports(
    vintage: Vintage,
    importers: Sequence[int],
    exporters: Sequence[int],
    products: Sequence[str],
    years: tuple[int, int],
) -> pd.DataFrame:
    """Return what some countries bought from some others, all products together.

    Parameters
    ----------
    vintage : Vintage
        Of BACI.
    importers, exporters : sequence of int
        BACI's numbers of the countries.
    products : sequence of str
        Beginnings of the codes in HS 1992, such as ``["61", "62"]``.
    years : tuple of int
        First and last year.

    Returns
    -------
    DataFrame
        ``year``, ``importer``, ``exporter``, ``value_fob_thousand_usd``, ``source_id``; no row where there was no
        trade.

    Raises
    ------
    RefreshError
        When a file of the vintage is missing or not as it was written.
    """
    query = (
        "SELECT year, importer, exporter, sum(value_fob_thousand_usd) AS value_fob_thousand_usd "
        "FROM read_parquet($files, hive_partitioning = false) "
        f"WHERE importer IN ({_listed(importers)}) AND exporter IN ({_listed(exporters)}) "
        f"AND ({' OR '.join(map(_within, products))}) GROUP BY ALL ORDER BY ALL"
    )
    parts = files(vintage.folder, evidence.resource(BY_IMPORTER, vintage.folder), *years)
    with database() as connection:
        found: pd.DataFrame = connection.execute(query, {"files": parts}).df()
    return found.assign(source_id=SOURCE_ID)


def _listed(numbers: Sequence[int]) -> str:
    """Return numbers in SQL, as constants: with these DuckDB leaves out the parts of a file that hold none."""
    return ", ".join(str(int(number)) for number in numbers)
