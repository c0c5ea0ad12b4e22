"""The stock of foreign currency month by month, from published ranges of every channel of income and of imports.

Where pairs of a stock and a loss take the loss as an author printed it, paths build it up from the channels. They
know nothing of debts, gifts, equipment brought in as investment, or smuggled imports, and imports do not react.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from musan import evidence, foreign_currency, reserve_estimates, workers_abroad
from musan.methods import arguments
from musan.methods.ranges import Range
from musan.methods.reserves import Flow, RunDown, run_down
from musan.remembered import remembered

if TYPE_CHECKING:
    from musan.reserve_estimates import Choices

YEARS = range(reserve_estimates.FIRST_YEAR, reserve_estimates.HORIZON.year + 1)
WORKERS = ("published", "from_wages")
# Published figures of these channels differ by factors, not by sums.
BY_FACTORS = ("workers abroad",)
# The border was closed in January 2020.
UNTIL_BORDER_CLOSED = ("tourism",)
CHANNEL_YEAR = 2018  # the year that stands for all under sanctions


def stock_range(choices: Choices) -> Range:
    """Return the range of the published stocks of the end of 2016 that count."""
    pairs = reserve_estimates.exhaustion(choices).frame
    amounts = pairs.loc[pairs["date"] == reserve_estimates.START, "usd_million"]
    return Range(float(amounts.min()), float(amounts.max()), "log_uniform", unit="million USD")


@remembered
def goods(year: int) -> dict[str, tuple[float, float]]:
    """Return the lowest and highest published exports and imports of goods in a year, million dollars.

    The low end of imports leaves out crude oil where its estimate is printed: it may never have been paid for.
    """
    balance = evidence.load("trade_balance")
    annual = evidence.filter_basis(evidence.load("trade_annual"))
    balance = balance[balance["frequency"] == "annual"]
    balance = balance[[start.year == year for start in balance["period_start"]]]
    annual = annual[
        (annual["year"] == pd.Period(str(year), "Y"))
        & (annual["partner"] == "world")
        & (annual["product"] == "total")
        & (annual["measure"] == "value")
    ]
    found = {}
    for flow in ("exports", "imports"):
        printed = [*balance[flow].dropna(), *annual.loc[annual["flow"] == flow, "value"]]
        found[flow] = (float(min(printed)), float(max(printed)))
    deficits = reserve_estimates.trade_deficits().set_index("year")
    crude = deficits["crude"].get(year)
    if crude is not None and not pd.isna(crude):
        low, high = found["imports"]
        found["imports"] = (min(low, float(deficits["imports"][year]) - float(crude)), high)
    return found


def flows(workers: str = "published") -> list[Flow]:
    """Return every yearly flow with its published range, 2017 to 2020.

    Parameters
    ----------
    workers : {"published", "from_wages"}
        Income from workers abroad as published, or as wages of published numbers of workers allow.
    """
    arguments.choice("workers", workers, WORKERS)
    found = []
    for year in YEARS:
        for name, ends in goods(year).items():
            found.append(Flow(f"{name} {year}", Range(*ends), "in" if name == "exports" else "out", year, year))
    for row in foreign_currency.channel_ranges(CHANNEL_YEAR).to_dict("records"):
        channel, ends = str(row["channel"]), (float(row["low_usd_million"]), float(row["high_usd_million"]))
        if channel == "goods" or ends[1] == 0:
            continue
        if channel == "workers abroad" and workers == "from_wages":
            ends = workers_abroad.income_from_wages()
        drawn = Range(*ends, "log_uniform") if channel in BY_FACTORS else Range(*ends)
        last = reserve_estimates.LAST_OPEN_YEAR if channel in UNTIL_BORDER_CLOSED else None
        found.append(Flow(channel, drawn, "in", None, last))
    return found


def paths(choices: Choices, workers: str, *, n: int, seed: int) -> RunDown:
    """Return the stock month by month from the end of 2016 to the horizon over draws from all ranges."""
    start, end = reserve_estimates.START, reserve_estimates.HORIZON
    return run_down(stock_range(choices), flows(workers), start=start, end=end, n=n, seed=seed)


def what_matters(run: RunDown) -> pd.DataFrame:
    """Return how much of the variance of what is left at the end each range accounts for.

    What is left is a sum of independent draws, so the shares are those of their variances and add up to one.

    Returns
    -------
    DataFrame
        ``range``, ``share``, the largest first; exports and imports of all years are one.
    """
    years = (run.end - run.start).n / 12
    parts = run.draws.drop(columns="stock") * years
    variance = parts.assign(**{"starting stock": run.draws["stock"]}).var()
    name = ["trade in goods" if str(key).startswith(("exports", "imports")) else str(key) for key in variance.index]
    total = variance.groupby(name).sum()
    share = (total / total.sum()).sort_values(ascending=False)
    return share.rename_axis("range").reset_index(name="share")
