"""How long a stock of foreign currency lasts under published stocks and flows.

Three readings, all conditional. Import cover is the stock over monthly imports. Published pairs put each
published stock beside each published yearly loss: the stock ends after stock / loss years. A run-down draws a
starting stock and yearly flows (exports, services, labour income, illicit income, imports and so on) from
their published ranges and follows the stock month by month until it is gone.

A share of paths is a share of what was drawn from ranges that somebody published, never a probability of what
will happen or has happened: the ranges are not independent of each other, and nobody drew them at random. A
country that runs short also cuts its imports, which no constant flow does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from musan.errors import MethodError, nearest
from musan.methods import arguments
from musan.methods.facts import facts, percent, span_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.methods.arguments import Array, Span
    from musan.methods.ranges import Range

QUANTILES = {"p05": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
CONDITIONAL = "All statements are conditional on the published figures; none is a probability."
NO_REPLY = "Flows do not react: imports are not cut as the stock runs low."


@dataclass(frozen=True)
class Flow:
    """A yearly flow of foreign currency.

    Parameters
    ----------
    name : str
        Such as ``exports``.
    range_usd_million : Range
        Million dollars a year.
    direction : str
        ``in`` or ``out``.
    first_year, last_year : int, optional
        Years in which it flows; by default all.
    varies : str
        ``once``: one draw holds for all its years; ``yearly``: each year is drawn anew.

    Raises
    ------
    MethodError
        The direction or the kind of variation is unknown, or the first year lies after the last.
    """

    name: str
    range_usd_million: Range
    direction: Literal["in", "out"]
    first_year: int | None = None
    last_year: int | None = None
    varies: Literal["once", "yearly"] = "once"

    def __post_init__(self) -> None:
        """Refuse an impossible flow."""
        arguments.choice("direction", self.direction, ["in", "out"])
        arguments.choice("varies", self.varies, ["once", "yearly"])
        if self.first_year is not None and self.last_year is not None and self.first_year > self.last_year:
            raise MethodError(f"is {self.first_year}, after {self.last_year}", "first_year", "swap them")

    def _runs(self, years: Array) -> Array:
        """Return for each year whether the flow runs."""
        first = -np.inf if self.first_year is None else self.first_year
        last = np.inf if self.last_year is None else self.last_year
        return np.asarray((years >= first) & (years <= last), dtype=np.float64)


@dataclass(frozen=True)
class RunDown:
    """A stock followed month by month over draws of the starting stock and the flows.

    Attributes
    ----------
    frame : DataFrame
        One row a month's end: ``month``, quantiles of the stock over paths in million dollars (``p05``, ``p25``,
        ``median``, ``p75``, ``p95``; an exhausted path stays at zero) and ``share_exhausted``.
    months_of_cover : Series of length n
        Months from the start until each path's stock is gone, infinite if not by the end.
    draws : DataFrame, shape (n, 1 + flows)
        ``stock`` and the yearly mean of each flow, million dollars; flows out are negative.
    n : int
        Number of paths, which are independent.
    """

    frame: pd.DataFrame
    months_of_cover: pd.Series[float]
    draws: pd.DataFrame
    start: pd.Period
    end: pd.Period
    n: int
    seed: int
    assumptions: tuple[str, ...]

    def share_exhausted_by(self, month: pd.Period | str) -> float:
        """Return the share of paths whose stock is gone by the end of a month.

        Parameters
        ----------
        month : Period or str
            Monthly, from the start to the end of the paths.

        Returns
        -------
        float
            A share of paths, no probability; its simulation error is sqrt(p (1 - p) / n).
        """
        when = _month("month", month)
        if not self.start <= when <= self.end:
            raise MethodError(f"is {when}", "month", f"give a month from {self.start} to {self.end}")
        return float(self.frame["share_exhausted"].iloc[(when - self.start).n])

    def cover(self) -> pd.DataFrame:
        """Return quantiles of the months of cover: ``quantile``, ``months`` (infinite: beyond the end)."""
        return pd.DataFrame({"quantile": list(QUANTILES), "months": self._cover_quantiles()})

    def _cover_quantiles(self) -> list[float]:
        values = np.quantile(self.months_of_cover, list(QUANTILES.values()), method="inverted_cdf")
        return [float(value) for value in values]

    def statement(self, month: pd.Period | str) -> str:
        """Return a conditional sentence on the stock by a month's end."""
        share = percent(self.share_exhausted_by(month), 0)
        middle = dict(zip(QUANTILES, self._cover_quantiles(), strict=True))["median"]
        horizon = (self.end - self.start).n
        lasts = f"{middle:.0f} months" if np.isfinite(middle) else f"more than {horizon} months"
        return (
            f"If the stock at the end of {self.start} and all flows lay within the ranges given, it was gone by the"
            f" end of {_month('month', month)} in {share} of the simulated paths; the middle path lasts {lasts}."
        )

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        horizon = (self.end - self.start).n
        months = [
            (f"months of cover, {name}", value if np.isfinite(value) else f"more than {horizon}")
            for name, value in zip(QUANTILES, self._cover_quantiles(), strict=True)
        ]
        share = self.share_exhausted_by(self.end)
        yearly = self.draws.drop(columns="stock").sum(axis=1)
        return facts(
            ("paths", self.n),
            (
                f"stock at the end of {self.start}, USD million",
                span_words(self.draws["stock"].min(), self.draws["stock"].max()),
            ),
            (
                "net flow a year, USD million, p05 to p95",
                span_words(float(yearly.quantile(0.05)), float(yearly.quantile(0.95))),
            ),
            *months,
            (f"share of paths exhausted by the end of {self.end}", percent(share)),
            ("simulation error of that share, points", 100 * np.sqrt(share * (1 - share) / self.n)),
        )


@dataclass(frozen=True)
class PublishedPairs:
    """Each published stock beside each published yearly loss.

    ``frame`` has one row a pair: ``stock``, ``date``, ``usd_million``, ``loss``, ``usd_million_per_year``,
    ``months`` (infinite without a loss), ``exhausted_in`` (month, missing without a loss), ``exhausted`` (by
    ``by``) and ``statement`` (a conditional sentence). ``n`` counts the pairs.
    """

    frame: pd.DataFrame
    by: pd.Period
    share_exhausted: float
    n: int
    assumptions: tuple[str, ...]

    def grid(self) -> pd.DataFrame:
        """Return the months each stock lasts: a row a stock, a column a loss."""
        rows, columns = self.frame["stock"].unique(), self.frame["loss"].unique()
        return self.frame.pivot_table(index="stock", columns="loss", values="months").loc[rows, columns]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        finite = self.frame.loc[np.isfinite(self.frame["months"]), "months"]
        lasts = f"{finite.min():.0f} to {finite.max():.0f}" if len(finite) else "for ever"
        return facts(
            ("pairs of a published stock and loss", self.n),
            (f"exhausted by the end of {self.by}", f"{int(self.frame['exhausted'].sum())} of {self.n}"),
            ("months that the stock lasts under a loss", lasts),
            ("pairs without a loss", self.n - len(finite)),
        )


@dataclass(frozen=True)
class ImportCover:
    """Months of imports that a stock pays for: ``low`` to ``high``. ``n`` is the number of stocks, one."""

    low: float
    high: float
    stock_usd_million: tuple[float, float]
    imports_usd_million_per_year: tuple[float, float]
    n: int
    assumptions: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row: ``months_low``, ``months_high``."""
        return pd.DataFrame({"months_low": [self.low], "months_high": [self.high]})

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("stock, USD million", span_words(*self.stock_usd_million)),
            ("imports, USD million a year", span_words(*self.imports_usd_million_per_year)),
            ("months of imports", span_words(self.low, self.high, 3)),
        )


def import_cover(stock_usd_million: Span, imports_usd_million_per_year: Span) -> ImportCover:
    """Return how many months of imports a stock pays for: 12 stock / imports.

    Parameters
    ----------
    stock_usd_million : float or pair of float
        The stock, or its lowest and highest value, 0 or more.
    imports_usd_million_per_year : float or pair of float
        Above 0.

    Returns
    -------
    ImportCover

    Raises
    ------
    MethodError
        A figure is out of range, or a low end lies above its high end.
    """
    stock = arguments.span("stock_usd_million", stock_usd_million, 0, np.inf)
    name = "imports_usd_million_per_year"
    imports = arguments.span(name, imports_usd_million_per_year, 0, np.inf, above=True)
    low, high = 12 * stock[0] / imports[1], 12 * stock[1] / imports[0]
    return ImportCover(low, high, stock, imports, 1, ("Nothing else comes in and nothing else is paid.", CONDITIONAL))


def _month(name: str, given: Any) -> pd.Period:
    if isinstance(given, int) or (isinstance(given, str) and given.strip().isdigit()):
        raise MethodError(f"{given!r} is not a month", name, "give a month such as '2016-12'")  # pandas reads January
    try:
        month = pd.Period(given, freq="M")
    except (TypeError, ValueError) as error:
        raise MethodError(f"{given!r} is not a month", name, "give a month such as '2016-12'") from error
    if not isinstance(month, pd.Period):  # a missing date becomes NaT
        raise MethodError("a month is missing", name, "give a month such as '2016-12'")
    return month


def run_down(
    stock_usd_million: Range,
    flows: Sequence[Flow],
    *,
    start: pd.Period | str,
    end: pd.Period | str,
    n: int = 10_000,
    seed: int,
) -> RunDown:
    """Follow a stock month by month over draws of it and of yearly flows.

    A year's flow is spread evenly over its months. A path whose stock is gone stays exhausted.

    Parameters
    ----------
    stock_usd_million : Range
        Stock at the end of ``start``, million dollars, 0 or more.
    flows : sequence of Flow
        At least one, each with its own name.
    start, end : Period or str
        Months; the paths run from the end of the first to the end of the second.
    n : int
        Number of paths.
    seed : int
        Of the generator.

    Returns
    -------
    RunDown

    Raises
    ------
    MethodError
        The stock reaches below zero, there is no flow or a name is used twice, a flow runs in no year of the
        paths, the end is not after the start, or a date can't be read.
    """
    first, last, n = _month("start", start), _month("end", end), arguments.whole("n", n, 1)
    if last <= first:
        raise MethodError(f"is {last}, not after {first}", "end", "give a later month")
    arguments.number("stock_usd_million", stock_usd_million.low, 0)
    months = pd.period_range(first + 1, last, freq="M")
    years, place = np.unique(months.year, return_inverse=True)
    _check_flows(flows, years)
    generator = np.random.default_rng(seed)
    stock = stock_usd_million.ppf(generator.random(n))
    yearly = {flow.name: _drawn(flow, years, n, generator) for flow in flows}
    net = sum(yearly.values(), np.zeros((n, len(years))))[:, place] / 12
    paths, cover = _follow(stock, net)
    gone = cover[:, None] <= np.arange(1, len(months) + 1) * (1 + 1e-12)
    share = np.concatenate([[np.mean(cover == 0)], gone.mean(axis=0)])
    quantiles = np.quantile(np.column_stack([stock, paths]), list(QUANTILES.values()), axis=0)
    frame = pd.DataFrame({"month": pd.period_range(first, last, freq="M")})
    frame = frame.assign(**dict(zip(QUANTILES, quantiles, strict=True)), share_exhausted=share)
    weight = np.bincount(place) / len(months)
    means = {name: drawn @ weight for name, drawn in yearly.items()}
    return RunDown(
        frame=frame,
        months_of_cover=pd.Series(cover, name="months_of_cover"),
        draws=pd.DataFrame({"stock": stock, **means}),
        start=first,
        end=last,
        n=n,
        seed=seed,
        assumptions=(CONDITIONAL, "Stock and flows are drawn independently, as their ranges state.", NO_REPLY),
    )


def _check_flows(flows: Sequence[Flow], years: Array) -> None:
    names = [flow.name for flow in flows]
    if not names:
        raise MethodError("is empty", "flows", "give at least one flow")
    for flow in flows:
        if names.count(flow.name) > 1 or flow.name == "stock":
            raise MethodError(f"{flow.name!r} is used twice", "flows", "give each flow a name of its own")
        if not flow._runs(years).any():
            what = f"{flow.name!r} runs in none of {years[0]:g} to {years[-1]:g}"
            raise MethodError(what, "flows", "correct its years or leave it out")


def _drawn(flow: Flow, years: Array, n: int, generator: np.random.Generator) -> Array:
    """Return the flow into the stock of each path and year, million dollars, shape (n, years)."""
    uniform = generator.random((n, len(years) if flow.varies == "yearly" else 1))
    sign = 1.0 if flow.direction == "in" else -1.0
    return sign * flow.range_usd_million.ppf(uniform) * flow._runs(years)


def _follow(stock: Array, net: Array) -> tuple[Array, Array]:
    """Return the stock at each month's end, zero once gone, and the months until then, shape (n, T) and (n,)."""
    after = stock[:, None] + np.cumsum(net, axis=1)
    before = np.column_stack([stock, after[:, :-1]])
    gone = after <= 1e-9 * (1 + np.abs(stock[:, None]))
    n, first = np.arange(len(stock)), gone.argmax(axis=1)
    # Within the month in which it goes the stock falls evenly.
    with np.errstate(divide="ignore", invalid="ignore"):
        last_month = np.clip(before[n, first] / -net[n, first], 0, 1)
    cover = np.where(gone.any(axis=1), first + last_month, np.inf)
    cover[stock == 0] = 0.0
    done = np.maximum.accumulate(gone, axis=1) | (stock == 0)[:, None]
    return np.where(done, 0.0, after), cover


def published_pairs(stocks: pd.DataFrame, losses: pd.DataFrame, *, by: pd.Period | str) -> PublishedPairs:
    """Return how long each published stock lasts under each published yearly loss.

    Parameters
    ----------
    stocks : DataFrame
        One row a stock: ``stock`` (label, used once), ``date`` (month at whose end it stood, up to ``by``),
        ``usd_million`` (0 or more). Give the two ends of a range as two rows.
    losses : DataFrame
        One row a loss: ``loss`` (label, used once), ``usd_million_per_year`` (a gain is negative).
    by : Period or str
        Month by whose end the stock is said to be exhausted or not.

    Returns
    -------
    PublishedPairs
        ``share_exhausted`` is a share of pairs, no probability.

    Raises
    ------
    MethodError
        A column or a figure is missing, a label is used twice, a stock is negative or dated after ``by``.
    """
    end = _month("by", by)
    amounts = _labelled(stocks, "stocks", "stock", "usd_million", 0.0)
    flows = _labelled(losses, "losses", "loss", "usd_million_per_year", -np.inf)
    if "date" not in stocks.columns:
        raise MethodError("there is no column 'date'", "stocks", "give the month at whose end each stock stood")
    amounts["date"] = pd.PeriodIndex([_month("stocks", date) for date in stocks["date"]], freq="M")
    if (late := amounts["date"] > end).any():
        what = f"{amounts.loc[late, 'stock'].iloc[0]!r} is dated after {end}"
        raise MethodError(what, "stocks", "leave out stocks that come later than 'by'")
    pairs = amounts[["stock", "date", "usd_million"]].merge(flows, how="cross")
    with np.errstate(divide="ignore", invalid="ignore"):
        months = 12 * pairs["usd_million"] / pairs["usd_million_per_year"].where(pairs["usd_million_per_year"] > 0)
    pairs["months"] = months.fillna(np.inf).mask(pairs["usd_million"] == 0, 0.0)
    pairs["exhausted_in"] = pd.PeriodIndex(
        [_gone(date, left) for date, left in zip(pairs["date"], pairs["months"], strict=True)], freq="M"
    )
    pairs["exhausted"] = pairs["exhausted_in"] <= end
    pairs["statement"] = [_sentence(row) for row in pairs.to_dict("records")]
    notes = CONDITIONAL, "The loss starts at the date of the stock and stays the same.", NO_REPLY
    return PublishedPairs(pairs, end, float(pairs["exhausted"].mean()), len(pairs), notes)


def _labelled(frame: pd.DataFrame, where: str, label: str, amount: str, low: float) -> pd.DataFrame:
    for column in (label, amount):
        if column not in frame.columns:
            raise MethodError(f"there is no column {column!r}", where, nearest(column, map(str, frame.columns)))
    values = arguments.vector(where, frame[amount], low=low)
    labels = frame[label].astype(str).tolist()
    if len(set(labels)) < len(labels):
        raise MethodError("a label is used twice", where, f"give each row of {label!r} its own")
    return pd.DataFrame({label: labels, amount: values})


def _gone(date: pd.Period, months: float) -> pd.Period | Any:
    # A loss of a twelfth a month: the stock is gone within the month in which the last of it flows out.
    return pd.NaT if np.isinf(months) else date + int(np.ceil(months - 1e-9))


def _sentence(pair: dict[Any, Any]) -> str:
    yearly, loss, stock = pair["usd_million_per_year"], pair["loss"], f"{pair['usd_million']:,.0f} million dollars"
    start = f"If the stock at the end of {pair['date']} was {stock} ({pair['stock']})"
    if pair["months"] == 0:
        return f"{start}, it was exhausted then."
    if yearly <= 0:
        flow = "nothing was lost" if yearly == 0 else f"{-yearly:,.0f} million a year was gained"
        return f"{start} and {flow} ({loss}), it was never exhausted."
    lasted = f"it lasted {pair['months']:.0f} months, to {pair['exhausted_in']}"
    return f"{start} and {yearly:,.0f} million a year was lost ({loss}), {lasted}."
