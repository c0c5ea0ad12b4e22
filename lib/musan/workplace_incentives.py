"""The workplace at Musan in numbers: what attending paid, what the market paid, what absence cost.

Every number of the model in :mod:`musan.methods.workplace` has a line in :data:`CALIBRATION`: the rows of the
tables it rests on, or that there is none. Ranges span what is printed; where nothing is printed they are
assumed, wide, and say so. Likeliest values are the printed ones nearest to the mine and to mid-2018; a result should
rest on draws from whole ranges, not on one choice of values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from musan import absence, evidence
from musan.errors import EvidenceError
from musan.methods import attendance, attendance_draws
from musan.methods.ranges import Range
from musan.methods.workplace import OPTIONS, Workplace, as_arrays
from musan.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from musan.methods.attendance_draws import Simulation

# Six days a week, 365.25 days a year: 26.1 working days a month.
WORKING_DAYS = round(6 / 7 * 365.25 / 12)
LEGAL_HOURS = 8  # "law says 8 hours", note of AL41
# The spread of market incomes is in no table: at 0.7 the top tenth earns at least 2.5 times the median.
LOG_SD, LOG_SD_RANGE = 0.7, (0.4, 1.2)
PRICE_FROM, PRICE_TO = "2017-07", "2018-08"  # rice: from the bans to the article
RATES_OF_FEE, RATES_OF_INCOME = ("2016", "2017"), ("2019", "2019")  # years of AL14 and of FR198
PLACEBO = "placebo: the wage of 2014"
PAID = ("wage_kpw_per_month", "ration_kg_per_month")
# Parameters of pay: they have no meaning once pay has stopped.
_OF_PAY = (*PAID, "rice_price_kpw_per_kg", "share_of_pay_lost_if_detected")
WORDS = {
    "wage_kpw_per_month": "cash wage, KPW a month",
    "ration_kg_per_month": "ration, kg of rice a month",
    "rice_price_kpw_per_kg": "price of rice, KPW a kg",
    "market_income_kpw_per_day": "median income on the market, KPW a full day",
    "market_income_log_sd": "spread of market incomes, sd of the logarithm",
    "working_days_per_month": "working days a month",
    "share_of_day_left": "part of the day left after signing in",
    "detection_at_muster_per_month": "chance that absence is found out, a month",
    "detection_in_day_per_month": "chance that leaving early is found out, a month",
    "share_of_pay_lost_if_detected": "part of pay withheld if found out",
    "share_sentenced_if_detected": "share sentenced of those found out",
    "sentence_months": "sentence, months",
    "hardship_kpw_per_month": "worth of avoiding a month's sentence, KPW",
    "exemption_fee_kpw_per_month": "fee for paid leave, KPW a month",
}
# The same in a word or two, for figures.
SHORT = {
    "wage_kpw_per_month": "wage",
    "ration_kg_per_month": "ration",
    "rice_price_kpw_per_kg": "price of rice",
    "market_income_kpw_per_day": "market income",
    "market_income_log_sd": "spread of market income",
    "working_days_per_month": "working days",
    "share_of_day_left": "day left after signing in",
    "detection_at_muster_per_month": "detection at muster",
    "detection_in_day_per_month": "detection in the day",
    "share_of_pay_lost_if_detected": "pay withheld if found out",
    "share_sentenced_if_detected": "share sentenced if found out",
    "sentence_months": "length of sentence",
    "hardship_kpw_per_month": "hardship of a sentence",
    "exemption_fee_kpw_per_month": "fee for paid leave",
}


@dataclass(frozen=True)
class Calibrated:
    """A number of the model: its likeliest value, its range and where they come from.

    ``basis`` is ``printed``, ``converted`` (by a printed price or rate), ``proxy`` (a printed figure for something
    near it) or ``assumed`` (no row). ``rows`` names the rows of the tables.
    """

    parameter: str
    central: float
    low: float
    high: float
    basis: str
    rows: tuple[str, ...]
    why: str
    shape: str = "uniform"

    def range(self) -> Range:
        """Return the range as draws need it."""
        return Range(self.low, self.high, self.shape, source=", ".join(self.rows) or "assumed")  # type: ignore[arg-type]  # a Shape


def calibration() -> dict[str, Calibrated]:
    """Return the numbers of the model, read from the tables.

    Returns
    -------
    dict of str to Calibrated
        One for each parameter of :class:`musan.methods.workplace.Workplace`.

    Raises
    ------
    EvidenceError
        A row that a number rests on is gone.
    """
    found = (*_of_pay(), *_of_markets(), *_of_detection(), *_of_penalties())
    return {one.parameter: one for one in found}


def _of_pay() -> tuple[Calibrated, ...]:
    promised, in_kind = _high("AL11"), _in_note("AL11", r"of which ([\d,]+) in kind")
    low_price, price, high_price = rice_price()
    return (
        Calibrated(
            "wage_kpw_per_month", promised - in_kind, _high("AL12"), promised - in_kind, "printed", ("AL11", "AL12"),
            "promised in 2013, the part in cash; low end: paid in 2014",
        ),
        Calibrated(
            "ration_kg_per_month", _high("AL04"), _high("AL04"), in_kind / price, "converted", ("AL04", "AL11"),
            "rice at the Hyesan mines; high end: Musan's pay in kind of 2013 at the price of rice",
        ),
        Calibrated(
            "rice_price_kpw_per_kg", price, low_price, high_price, "printed", ("market_prices",),
            f"northern and national markets, {PRICE_FROM} to {PRICE_TO}: lowest, median, highest",
        ),
    )  # fmt: skip


def _of_markets() -> tuple[Calibrated, ...]:
    after, before = _reported("FR216")
    worst = _reported("FR198")[0] * _won_per_yuan(*RATES_OF_INCOME) / WORKING_DAYS
    hours = _high("AL41")
    return (
        Calibrated(
            "market_income_kpw_per_day", after, worst, before, "proxy", ("FR216", "FR198"),
            "porters at Hyesan, June 2018; low end: a trader at Sinuiju, 2019; high end: the porters a year before",
            "log_uniform",
        ),
        Calibrated(
            "market_income_log_sd", LOG_SD, *LOG_SD_RANGE, "assumed", (), "no table holds the spread of incomes",
        ),
        Calibrated(
            "working_days_per_month", WORKING_DAYS, WORKING_DAYS, WORKING_DAYS, "assumed", (), "six days a week",
        ),
        Calibrated(
            "share_of_day_left", 0.7, (hours - LEGAL_HOURS) / hours, (hours - 1) / hours, "proxy", ("AL41",),
            "of 13 hours at the workplace, all but the 8 legal ones, or all but one",
        ),
    )  # fmt: skip


def _of_detection() -> tuple[Calibrated, ...]:
    fewest = _high("AL07") / _high("AL02")
    return (
        Calibrated(
            "detection_at_muster_per_month", 0.9, 0, 1, "assumed", (), "anything; lists are said to be checked daily",
        ),
        Calibrated("detection_in_day_per_month", 0.5, 0, 1, "assumed", (), "anything"),
        Calibrated(
            "share_of_pay_lost_if_detected", 1, 0, 1, "proxy", ("LL18",), "undated testimony: loss of wages and food",
        ),
        Calibrated(
            "share_sentenced_if_detected", 0.1, fewest, 1, "proxy", ("AL07", "AL02"),
            "low end: 50 sentenced of 10,000; high end: all", "log_uniform",
        ),
    )  # fmt: skip


def _of_penalties() -> tuple[Calibrated, ...]:
    need = _in_note("AL15", r"need ([\d,]+) KPW a month")
    bribe = float(absence.figure("AL14")["value_low"]) * _won_per_yuan(*RATES_OF_FEE)
    return (
        Calibrated(
            "sentence_months", _high("AL48"), float(absence.figure("AL08")["value_low"]), _high("AL08"), "printed",
            ("AL48", "AL08"), "two farm workers, 2012; range: Musan miners, January 2019, by days missed",
        ),
        Calibrated(
            "hardship_kpw_per_month", need, 0, 2 * need, "proxy", ("AL15",),
            "what a family of four is said to need in a month; range: nothing to twice that",
        ),
        Calibrated(
            "exemption_fee_kpw_per_month", _high("AL10"), _high("AL13"), bribe, "converted", ("AL10", "AL13", "AL14"),
            "Musan 2016; low end: rural factories; high end: 150 yuan at the rate of the time",
        ),
    )  # fmt: skip


def _high(row: str) -> float:
    return float(absence.figure(row)["value_high"])


def _in_note(row: str, pattern: str) -> float:
    """Return a number that stands in a row's note only."""
    note = str(absence.figure(row)["note"])
    found = re.search(pattern, note)
    if not found:
        raise EvidenceError(
            f"the note {note!r} does not hold the number", f"data/attendance.csv, {row}", "restore the row from git"
        )
    return float(found.group(1).replace(",", ""))


def _reported(report_id: str) -> tuple[float, float]:
    """Return the two quantities of a field report."""
    rows = evidence.load("field_reports")
    found = rows[rows["report_id"] == report_id]
    if found.empty or found[["quantity_low", "quantity_high"]].isna().any(axis=None):
        raise EvidenceError(
            f"there is no quantity of {report_id}", "data/field_reports.csv", "restore the row from git"
        )
    return float(found["quantity_low"].iloc[0]), float(found["quantity_high"].iloc[0])


def rice_price() -> tuple[float, float, float]:
    """Return the lowest, the median and the highest won price of a kilogram of rice, from the bans to the article."""
    prices = _rice()["price"].astype(float)
    if prices.empty:
        raise EvidenceError(f"no price of rice from {PRICE_FROM} to {PRICE_TO}", "data/market_prices.csv", "add one")
    return float(prices.min()), float(prices.median()), float(prices.max())


@remembered
def _rice() -> pd.DataFrame:
    """Return the won prices of rice from the bans to the article."""
    rows = evidence.load("market_prices")
    rows = rows[(rows["item"] == "rice") & (rows["unit"] == "kpw_per_kg")]
    first, last = evidence.starts(rows["date"]), evidence.ends(rows["date"])
    return rows[(first >= pd.Timestamp(PRICE_FROM)) & (last <= pd.Period(PRICE_TO, freq="M").end_time)]


def _won_per_yuan(first: str, last: str) -> float:
    """Return the median market rate of the quarters of some years."""
    rows = evidence.load("exchange_rate_quarterly")
    years = rows["quarter"].dt.year
    return float(rows.loc[(years >= int(first)) & (years <= int(last)), "kpw_per_cny"].astype(float).median())


def table(figures: Mapping[str, Calibrated], used: Workplace) -> pd.DataFrame:
    """Return the calibration as a table: parameter, what is used, its range, rows and reasons."""
    rows = [
        {
            "parameter": WORDS[name],
            "used": getattr(used, name),
            "low": one.low,
            "high": one.high,
            "basis": one.basis,
            "rows": ", ".join(one.rows) or "none",
            "why": one.why,
        }
        for name, one in figures.items()
    ]
    return pd.DataFrame(rows)


def words_of(value: float) -> str:
    """Return a number of the calibration as a reader needs it: whole from 100 on, else with two digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def paid(figures: Mapping[str, Calibrated], **chosen: float) -> Workplace:
    """Return the workplace while it paid: chosen numbers, and the likeliest for the rest.

    Parameters
    ----------
    figures : mapping of str to Calibrated
        From :func:`calibration`.
    **chosen : float
        Parameters by name.

    Returns
    -------
    Workplace
    """
    return Workplace(**{name: one.central for name, one in figures.items()}).change(**chosen)


def unpaid(workplace: Workplace) -> Workplace:
    """Return the same workplace without wage and ration."""
    return workplace.change(wage_kpw_per_month=0.0, ration_kg_per_month=0.0)


def scenarios(workplace: Workplace, figures: Mapping[str, Calibrated]) -> dict[str, Workplace]:
    """Return what the report tells, step by step, a placebo, and what might have happened beside it.

    Parameters
    ----------
    workplace : Workplace
        While it paid.
    figures : mapping of str to Calibrated
        From :func:`calibration`.

    Returns
    -------
    dict of str to Workplace
        By label. The placebo is the wage of 2014, paid years before the bans of 2017, without a ration. The market
        income of mid-2017 is the high end of its range.
    """
    stopped = unpaid(workplace)
    better_market = figures["market_income_kpw_per_day"].high
    return {
        "wage and ration": workplace,
        "ration only": workplace.change(wage_kpw_per_month=0.0),
        "neither": stopped,
        "neither, no paid leave": stopped.change(exemption_fee_kpw_per_month=None),
        "neither, all who are found out sentenced": stopped.change(share_sentenced_if_detected=1.0),
        "wage and ration, market of mid-2017": workplace.change(market_income_kpw_per_day=better_market),
        PLACEBO: stopped.change(wage_kpw_per_month=figures["wage_kpw_per_month"].low),
    }


def in_rice(figures: Mapping[str, Calibrated], workplace: Workplace) -> pd.DataFrame:
    """Return what a month is worth in each way to spend it, in kilograms of rice.

    Returns
    -------
    DataFrame
        ``what``, ``kg``, ``low``, ``high``; pay, the market, the fee and a family's need; the low and the high end of
        what is printed.
    """
    price, days = workplace.rice_price_kpw_per_kg, workplace.working_days_per_month
    wage, ration = figures["wage_kpw_per_month"], figures["ration_kg_per_month"]
    market, fee = figures["market_income_kpw_per_day"], figures["exemption_fee_kpw_per_month"]
    need = figures["hardship_kpw_per_month"].central
    official = _high("AL15") / price
    rows = [
        ("official wage of a state enterprise", official, official, official),
        ("ration", workplace.ration_kg_per_month, ration.low, ration.high),
        ("cash wage at the mine", workplace.wage_kpw_per_month / price, wage.low / price, wage.high / price),
        ("fee for a month's paid leave", fee.central / price, fee.low / price, fee.high / price),
        (
            "a month of full days on the market",
            *(days * income / price for income in (workplace.market_income_kpw_per_day, market.low, market.high)),
        ),
        ("need of a family of four", need / price, need / price, need / price),
    ]
    return pd.DataFrame(rows, columns=["what", "kg", "low", "high"])


# Draws from the ranges


def ranges(figures: Mapping[str, Calibrated], *, with_pay: bool) -> dict[str, Range]:
    """Return the ranges to draw from: all that have a width, without those of pay once it has stopped."""
    left_out = () if with_pay else _OF_PAY
    return {name: one.range() for name, one in figures.items() if one.low < one.high and name not in left_out}


@dataclass(frozen=True)
class Paired:
    """The same draws with pay and without it.

    ``paid`` and ``unpaid`` have one row a draw: the parameters drawn and a column for each option.
    """

    paid: Simulation
    unpaid: Simulation

    def held(self, least: float) -> pd.Series[bool]:
        """Return the draws in which at least this share attended while pay came."""
        return self.paid.frame["attend"] >= least

    def share_between(self, low: float, high: float, least: float = 0.0) -> float | None:
        """Return the share of draws in which, without pay, this share of workers sign in and leave.

        Parameters
        ----------
        low, high : float
            Shares of workers.
        least : float
            Only among draws in which at least this share attended while pay came.

        Returns
        -------
        float or None
            None if no draw qualifies. A share of draws, no probability.
        """
        kept = self.unpaid.frame.loc[self.held(least), "sign_and_leave"]
        return float(kept.between(low, high).mean()) if len(kept) else None


def simulate(workplace: Workplace, figures: Mapping[str, Calibrated], *, draws: int, seed: int) -> Paired:
    """Return draws from all ranges, each with pay and without.

    Parameters
    ----------
    workplace : Workplace
        Holds what is not drawn.
    figures : mapping of str to Calibrated
        From :func:`calibration`.
    draws : int
    seed : int

    Returns
    -------
    Paired
    """
    with_pay = attendance_draws.simulate(workplace, ranges(figures, with_pay=True), n=draws, seed=seed)
    drawn = {name: with_pay.frame[name].to_numpy() for name in with_pay.drawn if name not in PAID}
    shares = attendance.shares_frame({**as_arrays([unpaid(workplace)]), **drawn})
    kept = tuple(name for name in with_pay.drawn if name not in _OF_PAY)
    frame = pd.concat([with_pay.frame[list(kept)], shares], axis=1)
    without = attendance_draws.Simulation(frame, kept, with_pay.n, seed, with_pay.assumptions)
    return Paired(with_pay, without)


def quantiles(paired: Paired) -> pd.DataFrame:
    """Return quantiles over draws of each option's share, in percent, with pay and without.

    Returns
    -------
    DataFrame
        ``pay`` (paid, unpaid), ``option``, ``p05``, ``p25``, ``median``, ``p75``, ``p95``.
    """
    parts = []
    for label, simulation in (("paid", paired.paid), ("unpaid", paired.unpaid)):
        part = 100 * simulation.frame[list(OPTIONS)].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).T
        part.columns = pd.Index(["p05", "p25", "median", "p75", "p95"])
        parts.append(part.rename_axis("option").reset_index().assign(pay=label))
    return pd.concat(parts, ignore_index=True)[["pay", "option", "p05", "p25", "median", "p75", "p95"]]


def attend_by_detection(workplaces: Mapping[str, Workplace], points: int = 101) -> pd.DataFrame:
    """Return the share that attends all day for each chance of being found out in the day.

    Parameters
    ----------
    workplaces : mapping of str to Workplace
        By label.
    points : int
        Chances from 0 to 1.

    Returns
    -------
    DataFrame
        ``label``, ``detection``, and a column for each option.
    """
    chances = np.linspace(0, 1, points)
    parts = []
    for label, place in workplaces.items():
        found = attendance.response(place, "detection_in_day_per_month", chances).frame
        parts.append(found.rename(columns={"detection_in_day_per_month": "detection"}).assign(label=label))
    shares: pd.DataFrame = pd.concat(parts, ignore_index=True)[["label", "detection", *OPTIONS]]
    return shares


def rows_behind(figures: Mapping[str, Calibrated]) -> pd.DataFrame:
    """Return the rows of the tables that the numbers rest on, to cite them."""
    ids = {row for one in figures.values() for row in one.rows}
    parts = [_rice()[["source_id"]], evidence.load("exchange_rate_quarterly")[["source_id"]].head(1)]
    for name, key in (("attendance", "attendance_id"), ("field_reports", "report_id"), ("labour_law", "law_id")):
        rows = evidence.load(name)
        parts.append(rows.loc[rows[key].isin(ids), ["source_id"]])
    cited: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return cited
