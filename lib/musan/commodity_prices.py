"""World prices of commodities by month: the committed table, or newer ones of the same source."""

from __future__ import annotations

import pandas as pd

from musan import evidence
from musan.refresh import vintages

TABLE = "commodity_prices_monthly"
SOURCE = "pink_sheet"


def monthly(vintage: str = "") -> pd.DataFrame:
    """Return prices by month and commodity.

    Parameters
    ----------
    vintage : str
        Names of vintages (see :func:`musan.refresh.vintages.named`). A price in one of the World Bank's Pink Sheet
        takes the place of the committed one of its month.

    Returns
    -------
    DataFrame
        In the form of the table ``commodity_prices_monthly``.
    """
    committed = evidence.load(TABLE)
    newer = vintages.of_source(vintage, SOURCE)
    if newer is None:
        return committed
    both = pd.concat([evidence.load(TABLE, folder=newer.folder), committed], ignore_index=True)
    return both.drop_duplicates(["month", "commodity"]).sort_values(["month", "commodity"], ignore_index=True)


def yearly(commodity: str, lag_months: int = 0, vintage: str = "") -> pd.Series[float]:
    """Return a price by year, of years with all months.

    Parameters
    ----------
    commodity : str
        As the table names it.
    lag_months : int
        Months by which contract prices follow.
    vintage : str
        As for :func:`monthly`.
    """
    table = monthly(vintage)
    table = table[table["commodity"] == commodity]
    by_year = table["price"].astype(float).groupby((table["month"] + lag_months).dt.year)
    return by_year.mean()[by_year.count() == 12]
