"""Published stocks of foreign currency, published yearly losses, and what each pair of them implies.

Nobody outside knows the stock. Authors print different things under that word: a lowest estimate, the cash of
the whole economy with its households, an upper bound. Every pair of a stock and a loss is a conditional sentence,
and a share of pairs is a share of what was published, never a probability.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from musan import claims, evidence
from musan.errors import EvidenceError
from musan.methods import arguments, reserves
from musan.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Hashable

    from musan.field_reports import Mask

CLAIM = "regime_endurance"
START, HORIZON = pd.Period("2016-12", "M"), pd.Period("2020-12", "M")
# Years that sanctions weighed on trade before the border was closed against the epidemic in January 2020.
FIRST_YEAR, LAST_OPEN_YEAR = 2017, 2019
# First match names the author: institutions print under several names.
AUTHORS = (
    ("Zang", "Zang"),
    ("INSS", "INSS"),
    ("Bank of Korea", "Bank of Korea"),
    ("Kim Byung-yeon", "Kim Byung-yeon"),
    ("US ", "US sources"),
    ("Kang Seok-ho", "South Korean intelligence"),
)
# Concept -> what its author means by it. A review of what others found is no estimate of its own.
CONCEPTS = {
    "stock_total": "estimate",
    "stock_total_minimum": "lowest estimate",
    "stock_total_foreign_cash": "whole economy",
    "stock_store_of_value": "store of value",
}
DATES = {
    "end_2016_or_2017": (START, pd.Period("2017-12", "M")),
    "end_2016": (START, START),
    "all_dates": (START, HORIZON - 1),
}
BANK_STOCKS = {"whole_economy": ("whole economy",), "store_of_value": ("store of value",), "left_out": ()}
LATE_LOSSES = ("even", "before_2020")
PAIRS = ("all", "same_author")
# Channels of the institute's balance for 2017-2021.
_PARTS_2021 = (
    "goods_balance",
    "cyber",
    "fishing_rights",
    "smuggling_coal",
    "smuggling_refined_oil_spending",
    "other_licit_and_illicit",
)
ASSUMPTIONS = (
    "all is conditional on the published figures; a share of pairs is no probability",
    "the loss starts at the date of the stock and stays the same",
    "a stock of before 2016 shrinks by its author's own flow until the end of that year",
    "imports are not cut as the stock runs low",
)
CHOICES = ["stocks_dated", "bank_of_korea", "count_claims", "late_losses", "count_upper_bound", "pairs"]
# Months of imports that reserves of a country with a currency of its own are commonly asked to cover at least
# (IMF 2011, "Assessing Reserve Adequacy").
CUSTOMARY_COVER = 3
_BURN = re.compile(r"burn ([\d,]+)-([\d,]+) a year")
_GONE = re.compile(r"dry up|exhausted")
_BY_MONTH = re.compile(r"(?:around|by) ([A-Z][a-z]+ \d{4})")
_BY_YEAR_END = re.compile(r"(?:around|by) end-(\d{4})")
_NEXT_YEAR = "within next year"


@dataclass(frozen=True)
class Choices:
    """Which stocks and losses are paired; the fields are the notebook's parameters.

    Attributes
    ----------
    stocks_dated : {"end_2016_or_2017", "end_2016", "all_dates"}
        Stocks that stood at the end of 2016 or of 2017, of 2016 only, or at any time before the horizon.
    bank_of_korea : {"whole_economy", "store_of_value", "left_out"}
        The Bank of Korea's stock with what households hold, only the part that can shrink without moving
        prices, or none.
    count_claims : bool
        Count figures that rest on an unnamed or a single voice.
    late_losses : {"even", "before_2020"}
        Spread a loss that was summed beyond 2020 evenly, or over the years before the border closed.
    count_upper_bound : bool
        Count stocks that their author calls an upper bound.
    pairs : {"all", "same_author"}
        Every stock with every loss, or each author's stock with the same author's loss.
    """

    stocks_dated: str = "end_2016_or_2017"
    bank_of_korea: str = "whole_economy"
    count_claims: bool = True
    late_losses: str = "even"
    count_upper_bound: bool = True
    pairs: str = "all"

    def __post_init__(self) -> None:
        """Refuse an unknown option."""
        arguments.choice("stocks_dated", self.stocks_dated, DATES)
        arguments.choice("bank_of_korea", self.bank_of_korea, BANK_STOCKS)
        arguments.choice("late_losses", self.late_losses, LATE_LOSSES)
        arguments.choice("pairs", self.pairs, PAIRS)


@dataclass(frozen=True)
class Exhaustion:
    """What the published pairs say.

    Attributes
    ----------
    frame : DataFrame
        The pairs that count, as rows of :func:`all_pairs`.
    share : float or None
        Share of pairs whose stock is gone by the horizon; None without a pair.
    n : int
        Pairs.
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    share: float | None
    n: int
    assumptions: tuple[str, ...]

    def grid(self, column: str = "exhausted_in") -> pd.DataFrame:
        """Return one column of the pairs as a table: a row a stock, a column a loss."""
        by_loss = self.frame.groupby("loss", sort=False)
        return pd.DataFrame({loss: part.set_index("stock")[column] for loss, part in by_loss}).rename_axis("stock")


def author_of(text: str) -> str:
    """Return the short name of an author or institution, or the text itself."""
    return next((name for part, name in AUTHORS if part in text), text)


@remembered
def stocks() -> pd.DataFrame:
    """Return every published stock, each author's figure once.

    Returns
    -------
    DataFrame
        ``author``, ``date`` (month at whose end it stood), ``low`` and ``high`` (million dollars), ``kind`` (what the
        author means by it), ``basis``, ``carried`` (million dollars that the author's own flow takes from a stock of
        before 2016 until the end of that year), ``source_id``.
    """
    table = evidence.load("fx_reserves")
    rows = table[table["concept"].isin(CONCEPTS) & (table["unit"] == "usd_million")]
    bounds = set(table.loc[table["note"].fillna("").str.contains("upper bound"), "source_id"])
    columns = ["author", "date", "low", "high", "kind", "basis", "carried", "source_id"]
    found = pd.DataFrame([_stock(row, bounds, table) for row in rows.to_dict("records")], columns=columns)
    found = found.drop_duplicates(["author", "kind", "low", "high"])  # the same numbers, printed again
    return found.sort_values(["date", "low"], kind="stable", ignore_index=True)


def _stock(row: dict[Hashable, Any], bounds: set[str], table: pd.DataFrame) -> dict[str, object]:
    author = author_of(str(row["author_institution"]))
    date = row["period_end"].asfreq("M", how="end")
    low, high = _ends(row)
    kind = CONCEPTS[str(row["concept"])]
    if str(row["source_id"]) in bounds:
        kind = "upper bound"
    elif row["basis"] == "claim":
        kind = "claim"
    elif str(row["forecast_or_qualifier"]) == "at least":
        kind = "lowest estimate"
    carried = _carried(author, date, table)
    return {
        "author": author,
        "date": max(date, START),
        "low": low + carried,
        "high": high + carried,
        "kind": kind,
        "basis": str(row["basis"]),
        "carried": carried,
        "source_id": str(row["source_id"]),
    }


def _carried(author: str, date: pd.Period, table: pd.DataFrame) -> float:
    """Return what the author's own yearly flow adds to a stock from its date to the end of 2016."""
    if date >= START:
        return 0.0
    flows = table[(table["unit"] == "usd_million_per_year") & table["author_institution"].map(author_of).eq(author)]
    until = [end is not None and end.year >= START.year >= start.year for start, end in _periods(flows)]
    own = flows.loc[until, "central"]
    if own.empty:
        raise EvidenceError(
            f"the stock of {author} is of {date.year} and the author prints no flow to {START.year}",
            "data/fx_reserves.csv",
            "leave the stock out, or add the flow",
        )
    return float(own.iloc[0]) * (START.year - date.year)


def _periods(rows: pd.DataFrame) -> list[tuple[Any, Any]]:
    return list(zip(rows["period_start"], rows["period_end"], strict=True))


def _ends(row: dict[Hashable, Any]) -> tuple[float, float]:
    """Return the low and high end of a row; its central figure stands for an end that is missing."""
    low, high = (row[side] if not pd.isna(row[side]) else row["central"] for side in ("low", "high"))
    return float(low), float(high)


@remembered
def losses(late_losses: str = "even") -> pd.DataFrame:
    """Return every published loss of foreign currency that begins after 2016 and before the horizon.

    Parameters
    ----------
    late_losses : {"even", "before_2020"}
        How a loss that was summed beyond 2020 is spread: evenly, or over the years before the border closed.

    Returns
    -------
    DataFrame
        ``author``, ``first``, ``last`` (years; the last is missing where it goes on), ``low`` and ``high`` (million
        dollars a year, a loss is positive), ``summed`` (was it printed as a sum?), ``basis``, ``source_id``.
    """
    arguments.choice("late_losses", late_losses, LATE_LOSSES)
    table = evidence.load("fx_reserves")
    income = evidence.load("fx_income")
    sums = income[income["channel"] == "final_fx_balance"].assign(author_institution=lambda f: f["note"])
    rows = [
        *table[table["unit"].isin(["usd_million_per_year", "usd_million_cumulative"])].to_dict("records"),
        *sums.to_dict("records"),
    ]
    found = [_loss(row, late_losses) for row in rows]
    found += [burn for row in table.to_dict("records") if (burn := _burn(row)) is not None]
    frame = pd.DataFrame(found)
    frame = frame[frame["first"].between(FIRST_YEAR, LAST_OPEN_YEAR)]
    frame = frame.drop_duplicates(["author", "low", "high", "summed"])
    return frame.astype({"last": "Int64"}).sort_values(["low", "high"], kind="stable", ignore_index=True)


def _loss(row: dict[Hashable, Any], late_losses: str) -> dict[str, object]:
    summed = str(row["unit"]).endswith("_cumulative")
    first: int = row["period_start"].year
    last: int | None = None if row["period_end"] is None else row["period_end"].year
    years = 1
    if summed and last is not None:
        cut = late_losses == "before_2020" and last > HORIZON.year
        years = (LAST_OPEN_YEAR if cut else last) - first + 1
    low, high = sorted(-end / years for end in _ends(row))
    return {
        "author": author_of(str(row["author_institution"])),
        "first": first,
        "last": last,
        "low": low,
        "high": high,
        "summed": summed,
        "basis": str(row["basis"]),
        "source_id": str(row["source_id"]),
    }


def _burn(row: dict[Hashable, Any]) -> dict[str, object] | None:
    """Return a loss that is printed only in the words of a forecast."""
    found = _BURN.search(str(row["forecast_or_qualifier"]))
    if found is None:
        return None
    low, high = (float(part.replace(",", "")) for part in found.groups())
    return {
        "author": author_of(str(row["author_institution"])),
        "first": row["period_start"].year,
        "last": None,
        "low": low,
        "high": high,
        "summed": False,
        "basis": str(row["basis"]),
        "source_id": str(row["source_id"]),
    }


def _both_ends(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each end of a range, one where the ends agree."""
    parts = [frame.assign(amount=frame["low"]), frame[frame["high"] > frame["low"]].assign(amount=lambda f: f["high"])]
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


@remembered
def all_pairs(late_losses: str = "even") -> pd.DataFrame:
    """Return every published stock that stood before the horizon beside every published loss.

    A stock loses the same sum every year from its date on, in equal monthly parts. Both ends of a range count.

    Returns
    -------
    DataFrame
        ``stock`` and ``loss`` (labels), ``date``, ``usd_million``, ``usd_million_per_year``, ``months``,
        ``exhausted_in``, ``exhausted`` (by the horizon), ``statement``; ``author``, ``basis`` and ``source_id`` of both
        sides and ``kind`` of the stock, with ``stock_`` or ``loss_`` before the name.
    """
    held = _both_ends(stocks())
    held = held[held["date"] < HORIZON].drop_duplicates(["author", "date", "amount"])
    held["stock"] = [f"{row.author}, {row.date:%Y}: {row.amount:,.0f}" for row in held.itertuples()]
    lost = _both_ends(losses(late_losses)).sort_values("amount", kind="stable")
    lost["loss"] = [f"{row.author}: {row.amount:,.0f} a year" for row in lost.itertuples()]
    if held.empty or lost.empty:
        return pd.DataFrame()
    pairs = reserves.published_pairs(
        held.rename(columns={"amount": "usd_million"}),
        lost.rename(columns={"amount": "usd_million_per_year"}),
        by=HORIZON,
    )
    facts = ["author", "basis", "source_id"]
    stock_facts = held.set_index("stock")[[*facts, "kind"]].add_prefix("stock_")
    loss_facts = lost.set_index("loss")[facts].add_prefix("loss_")
    return pairs.frame.join(stock_facts, on="stock").join(loss_facts, on="loss")


def exhaustion(choices: Choices) -> Exhaustion:
    """Return which of the pairs that count are exhausted by the horizon."""
    frame = all_pairs(choices.late_losses)
    if frame.empty:
        return Exhaustion(frame, None, 0, ASSUMPTIONS)
    frame = frame[_counted(choices, _counting(frame))].reset_index(drop=True)
    share = float(frame["exhausted"].mean()) if len(frame) else None
    return Exhaustion(frame, share, len(frame), ASSUMPTIONS)


def _counting(pairs: pd.DataFrame) -> dict[str, dict[object, Mask]]:
    """Return which pairs each option of each choice lets count; late losses are another table."""
    kind, every = pairs["stock_kind"], np.ones(len(pairs), dtype=bool)
    printed = (pairs["stock_basis"] != "claim") & (pairs["loss_basis"] != "claim")
    left_out = {option: {"whole economy", "store of value"} - set(kept) for option, kept in BANK_STOCKS.items()}
    return {
        "stocks_dated": {
            option: ((pairs["date"] >= first) & (pairs["date"] <= last)).to_numpy(bool)
            for option, (first, last) in DATES.items()
        },
        "bank_of_korea": {option: ~kind.isin(kinds).to_numpy(bool) for option, kinds in left_out.items()},
        "count_claims": {True: every, False: printed.to_numpy(bool)},
        "count_upper_bound": {True: every, False: (kind != "upper bound").to_numpy(bool)},
        "pairs": {"all": every, "same_author": (pairs["stock_author"] == pairs["loss_author"]).to_numpy(bool)},
    }


def _counted(choices: Choices, counting: dict[str, dict[object, Mask]]) -> Mask:
    """Return which pairs count under all choices."""
    mask: Mask = np.logical_and.reduce([by_option[getattr(choices, name)] for name, by_option in counting.items()])
    return mask


@remembered
def forecasts() -> pd.DataFrame:
    """Return the dated forecasts of exhaustion, and what was published on the time after the date they name.

    Returns
    -------
    DataFrame
        ``said`` (month or day of the page), ``author`` (copies of the same numbers share one), ``words``,
        ``gone_by`` (month), ``only_possible`` (said with "could" or "may"), ``later_low`` (lowest stock published by
        anyone for the first date at or after ``gone_by``; million dollars), ``later_date``, ``later_author``,
        ``next_imports`` (imports of goods in the year after, million dollars), ``failed``, ``source_id``.
    """
    table = evidence.load("fx_reserves")
    published = evidence.load("sources").set_index("source_id")["published"]
    rows = [
        _forecast(row, published[str(row["source_id"])], by)
        for row in table.to_dict("records")
        if (by := _date_named(str(row["forecast_or_qualifier"]), row)) is not None
    ]
    return pd.DataFrame(rows).sort_values(["gone_by", "source_id"], kind="stable", ignore_index=True)


def _date_named(words: str, row: dict[Hashable, Any]) -> pd.Period | None:
    """Return the month by whose end the words say that reserves are gone, if they name one."""
    if not _GONE.search(words):
        return None
    if found := _BY_MONTH.search(words):
        return pd.Period(found[1], freq="M")
    if found := _BY_YEAR_END.search(words):
        return pd.Period(f"{found[1]}-12", freq="M")
    if _NEXT_YEAR in words:
        return pd.Period(f"{row['period_start'].year + 1}-12", freq="M")
    return None


def _forecast(row: dict[Hashable, Any], said: Any, by: pd.Period) -> dict[str, object]:
    later = stocks()
    later = later[(later["date"] >= by) & (later["kind"] != "store of value")]
    next_date = later[later["date"] == later["date"].min()]
    lowest = next_date.loc[next_date["low"].idxmin()] if len(later) else None
    imports = trade_deficits().set_index("year")["imports"].get(by.year + 1)
    words = str(row["forecast_or_qualifier"])
    return {
        "said": said,
        "author": author_of(str(row["author_institution"])),
        "words": words,
        "gone_by": by,
        "only_possible": bool(re.search(r"\b(could|may)\b", words)),
        "later_low": None if lowest is None else float(lowest["low"]),
        "later_date": None if lowest is None else lowest["date"],
        "later_author": None if lowest is None else lowest["author"],
        "next_imports": None if imports is None else float(imports),
        "failed": lowest is not None and bool(lowest["low"] > 0),
        "source_id": str(row["source_id"]),
    }


def failed_forecasts() -> int:
    """Return how many forecasts of exhaustion have failed, copies of one forecast counted once."""
    table = forecasts()
    return int(table.loc[table["failed"], "author"].nunique())


def measures(choices: Choices) -> dict[str, Any]:
    """Return the measures of the rule ``months_of_cover``."""
    return {"share_exhausted": exhaustion(choices).share, "failed_forecasts": failed_forecasts()}


def specifications() -> pd.DataFrame:
    """Return the verdict under all choices.

    Returns
    -------
    DataFrame
        A column for each of :data:`CHOICES`, ``share`` (of pairs exhausted), ``n`` (pairs), ``verdict``.
    """
    failed = failed_forecasts()
    pairs = {spread: all_pairs(spread) for spread in LATE_LOSSES}
    counting = {spread: _counting(frame) for spread, frame in pairs.items() if not frame.empty}
    gone = {spread: pairs[spread]["exhausted"].to_numpy(bool) for spread in counting}
    rows = []
    for options in product(DATES, BANK_STOCKS, (True, False), LATE_LOSSES, (True, False), PAIRS):
        named: dict[str, Any] = dict(zip(CHOICES, options, strict=True))
        spread = named["late_losses"]
        mask = _counted(Choices(**named), counting[spread]) if spread in gone else np.zeros(0, dtype=bool)
        n = int(mask.sum())
        share = float(gone[spread][mask].mean()) if n else None
        ruling = claims.decide(CLAIM, "statement", {"share_exhausted": share, "failed_forecasts": failed})
        rows.append(named | {"share": share, "n": n, "verdict": ruling.verdict.value})
    return pd.DataFrame(rows)


@remembered
def trade_deficits() -> pd.DataFrame:
    """Return trade in goods with all partners by year, as KOTRA prints it.

    Returns
    -------
    DataFrame
        ``year``, ``exports``, ``imports``, ``deficit``, ``crude`` (estimated crude oil within imports, where printed;
        million dollars), ``source_id``.
    """
    balance = evidence.load("trade_balance")
    rows = balance[(balance["compiler"] == "KOTRA") & (balance["frequency"] == "annual")]
    annual = evidence.load("trade_annual")
    crude = annual[(annual["product"] == "crude") & (annual["flow"] == "imports") & (annual["unit"] == "usd_million")]
    by_year = dict(zip([period.year for period in crude["year"]], crude["value"].astype(float), strict=True))
    years = [period.year for period in rows["period_start"]]
    return pd.DataFrame(
        {
            "year": years,
            "exports": rows["exports"].to_numpy(float),
            "imports": rows["imports"].to_numpy(float),
            "deficit": rows["imports"].to_numpy(float) - rows["exports"].to_numpy(float),
            "crude": [by_year.get(year) for year in years],
            "source_id": rows["source_id"].to_numpy(str),
        }
    ).sort_values("year", ignore_index=True)


def income_implied() -> pd.DataFrame:
    """Return what channels other than goods must have brought in for each published loss to hold.

    A loss that is smaller than the deficit in goods means that the difference came in some other way, or was
    not paid in cash. An author's own deficit is taken where it is printed for the same years, else KOTRA's.

    Returns
    -------
    DataFrame
        ``author``, ``loss``, ``deficit`` and ``implied`` (million dollars a year), ``deficit_by``, ``source_id``.
    """
    income = evidence.load("fx_income")
    goods = income[income["channel"] == "goods_balance"]
    own = {
        (start.year, end.year): -float(value) / (end.year - start.year + 1)
        for start, end, value in zip(goods["period_start"], goods["period_end"], goods["central"], strict=True)
    }
    yearly = trade_deficits().set_index("year")["deficit"]
    rows = []
    for row in _both_ends(losses()).sort_values("amount", kind="stable").to_dict("records"):
        key = (row["first"], row["last"])
        found = row["author"] == "INSS" and key in own
        deficit = own[key] if found else float(yearly.loc[FIRST_YEAR:LAST_OPEN_YEAR].mean())
        rows.append(
            {
                "author": row["author"],
                "loss": row["amount"],
                "deficit": deficit,
                "implied": deficit - row["amount"],
                "deficit_by": row["author"] if found else "KOTRA",
                "source_id": row["source_id"],
            }
        )
    return pd.DataFrame(rows)


def import_cover() -> pd.DataFrame:
    """Return how many months of that year's imports each published stock would have paid for.

    Returns
    -------
    DataFrame
        ``author``, ``date``, ``kind``, ``months_low``, ``months_high``, for stocks up to the horizon.
    """
    imports = trade_deficits().set_index("year")["imports"]
    rows = []
    for row in stocks().to_dict("records"):
        if row["date"] <= HORIZON:
            cover = reserves.import_cover((row["low"], row["high"]), float(imports[row["date"].year]))
            ends = {"months_low": cover.low, "months_high": cover.high}
            rows.append({name: row[name] for name in ("author", "date", "kind")} | ends)
    return pd.DataFrame(rows)


def institute_sums() -> pd.DataFrame:
    """Return sums of the institute INSS beside the totals that it prints for the same years.

    Returns
    -------
    DataFrame
        ``sum`` (in words), ``gives``, ``printed_low``, ``printed_high`` (million dollars), ``off`` (distance from the
        printed range, 0 within it).
    """
    income = evidence.load("fx_income")
    rows = income[income["cumulative"].astype(bool)]
    sums = (
        ("2017-2021: goods and every other channel", 2021, _PARTS_2021, "final_fx_balance"),
        ("2017-2023: goods and services", 2023, ("goods_balance", "services_balance"), "legal_balance"),
        (
            "2017-2023: legal balance and gross illicit",
            2023,
            ("legal_balance", "illicit_gross_total"),
            "final_fx_balance",
        ),
    )
    return pd.DataFrame([_sum(rows, *entry) for entry in sums])


def _sum(rows: pd.DataFrame, words: str, last: int, parts: tuple[str, ...], total: str) -> dict[str, object]:
    known = {
        str(row["channel"]): _ends(row)
        for row in rows.to_dict("records")
        if (row["period_start"].year, row["period_end"].year) == (FIRST_YEAR, last)
    }
    gives = sum(sum(known[part]) / 2 for part in parts)
    low, high = known[total]
    off = max(low - gives, gives - high, 0.0)
    return {"sum": words, "gives": gives, "printed_low": low, "printed_high": high, "off": off}
