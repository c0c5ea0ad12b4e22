"""A workplace and a model of labour supply at it: attend, sign in and leave, stay away, or buy exemption.

A worker of a state workplace chooses one of four ways to spend his months, whichever pays most in the long
run. Workers differ in one thing: m, what a full day on the market would earn them. In won (KPW) a month,

    pay            W = wage + ration * price of rice
    a full market  D m, where D is the number of working days a month
    sentences      k = detection * share sentenced if detected * months of a sentence

    attend         U = W
    sign and leave U = ((1 - d l) W + f D m - k_day H) / (1 + k_day)
    stay away      U = (D m - k_muster H) / (1 + k_muster)
    exempt         U = D m - F

d is detection in the day and l the share of a month's pay that is withheld from one found out; f is the part of
the day left after signing in; F is the monthly fee for paid absence (the "August 3" scheme); H is what a month
of disciplinary labour is worth avoiding beyond the income lost in it. A worker who is free for
1 / (detection * share sentenced) months on average and then serves his sentence is free for 1 / (1 + k)
of the time; the last term of each numerator is the hardship. Workers are risk-neutral.

Each U is a line in m, A + B m. The best option is the upper envelope of four lines, so each option is chosen
on one interval of m, with ends at crossings (A_i - A_j) / (B_j - B_i). With m log-normal, with median M and
standard deviation s of its logarithm, the share that chooses an interval is the difference of
Phi(ln(m / M) / s) at its ends. Nothing else is needed to compute the model anywhere.

When pay stops (W = 0) and a sentence is no hardship (H = 0), nobody attends at any detection: time served
costs income, but attending earns none. That a choice of parameters gives the share that somebody reported
shows that the report is coherent; it is not evidence that it happened.

Reference: Becker (1968), Journal of Political Economy 76, for crime and punishment as a choice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from musan.errors import MethodError, nearest
from musan.methods import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from musan.methods.arguments import Array

OPTIONS = ("attend", "sign_and_leave", "stay_away", "exempt")


@dataclass(frozen=True)
class Workplace:
    """Pay, market, checks and penalties of a workplace.

    Parameters
    ----------
    wage_kpw_per_month : float
        Cash wage that is in fact paid, 0 or more.
    ration_kg_per_month : float
        Grain that is in fact given, 0 or more, valued at ``rice_price_kpw_per_kg``.
    rice_price_kpw_per_kg : float
        Market price, 0 or more.
    market_income_kpw_per_day : float
        Median over workers of what a full day on the market earns, above 0.
    market_income_log_sd : float
        Standard deviation of its logarithm, above 0: at 0.5 the top tenth earns at least 1.9 times the median.
    working_days_per_month : float
        Above 0, up to 31.
    share_of_day_left : float
        Part of a day's market income left to one who signs in and leaves, 0 to 1.
    detection_at_muster_per_month, detection_in_day_per_month : float
        Chance in a month that one who stays away, or one who signs and leaves, is found out, 0 to 1. A chance
        d a day makes 1 - (1 - d)^days a month.
    share_of_pay_lost_if_detected : float
        Share of the month's pay that is withheld from one who is found out in the day, 0 to 1.
    share_sentenced_if_detected : float
        Share of those found out who are sentenced, 0 to 1.
    sentence_months : float
        Length of a sentence to disciplinary labour, 0 or more.
    hardship_kpw_per_month : float
        What avoiding a month of it is worth beyond the income lost, 0 or more.
    exemption_fee_kpw_per_month : float, optional
        Fee for paid absence, 0 or more; None where it is not offered.

    Raises
    ------
    MethodError
        A parameter is missing, infinite or out of range; the error names it.
    """

    wage_kpw_per_month: float
    ration_kg_per_month: float
    rice_price_kpw_per_kg: float
    market_income_kpw_per_day: float
    market_income_log_sd: float
    working_days_per_month: float
    share_of_day_left: float
    detection_at_muster_per_month: float
    detection_in_day_per_month: float
    share_of_pay_lost_if_detected: float
    share_sentenced_if_detected: float
    sentence_months: float
    hardship_kpw_per_month: float
    exemption_fee_kpw_per_month: float | None = None

    def __post_init__(self) -> None:
        """Refuse impossible parameters."""
        for name, value in self._given().items():
            arguments.number(name, value, *LIMITS.get(name, (0.0, np.inf)), above=name in POSITIVE)

    def _given(self) -> dict[str, float]:
        """Return the parameters that are given: all but a fee that is not offered."""
        return {name: value for name, value in asdict(self).items() if value is not None or name != FEE}

    @property
    def pay_kpw_per_month(self) -> float:
        """Return wage and ration at the price of rice."""
        return self.wage_kpw_per_month + self.ration_kg_per_month * self.rice_price_kpw_per_kg

    @property
    def pay_kg_rice_per_month(self) -> float | None:
        """Return pay in rice at its price, None if rice costs nothing."""
        return self.pay_kpw_per_month / self.rice_price_kpw_per_kg if self.rice_price_kpw_per_kg else None

    def change(self, **changes: float | None) -> Workplace:
        """Return the same workplace with some parameters changed.

        Parameters
        ----------
        **changes : float
            New values by name.

        Returns
        -------
        Workplace
        """
        for name in changes:
            refuse_unknown(name, "changes")
        return replace(self, **changes)  # type: ignore[arg-type]  # checked again in __post_init__


FEE = "exemption_fee_kpw_per_month"
PARAMETERS = tuple(field.name for field in fields(Workplace))
POSITIVE = ("market_income_kpw_per_day", "market_income_log_sd", "working_days_per_month")
LIMITS = {
    "working_days_per_month": (0.0, 31.0),
    "share_of_day_left": (0.0, 1.0),
    "detection_at_muster_per_month": (0.0, 1.0),
    "detection_in_day_per_month": (0.0, 1.0),
    "share_of_pay_lost_if_detected": (0.0, 1.0),
    "share_sentenced_if_detected": (0.0, 1.0),
}


def refuse_unknown(name: str, where: str) -> None:
    """Refuse a name that is no parameter, and give the nearest."""
    if name not in PARAMETERS:
        raise MethodError(f"there is no parameter {name!r}", where, nearest(name, PARAMETERS))


def within(where: str, parameter: str, values: Any) -> Array:
    """Return values of a parameter as an array, or refuse one that it can't have."""
    low, high = LIMITS.get(parameter, (0.0, np.inf))
    return arguments.vector(where, values, low=low, high=high, above=parameter in POSITIVE)


# The model, for many workplaces at once


def lines(values: Mapping[str, Array]) -> tuple[Array, Array]:
    """Return intercepts and slopes in market income, shape (4, workplaces)."""
    pay = values["wage_kpw_per_month"] + values["ration_kg_per_month"] * values["rice_price_kpw_per_kg"]
    days, hardship = values["working_days_per_month"], values["hardship_kpw_per_month"]
    sentence = values["share_sentenced_if_detected"] * values["sentence_months"]
    left, away = values["detection_in_day_per_month"] * sentence, values["detection_at_muster_per_month"] * sentence
    withheld = values["detection_in_day_per_month"] * values["share_of_pay_lost_if_detected"]
    intercepts = [
        pay,
        (pay * (1 - withheld) - left * hardship) / (1 + left),
        -away * hardship / (1 + away),
        -values[FEE],
    ]
    slopes = [np.zeros(1), values["share_of_day_left"] * days / (1 + left), days / (1 + away), days]
    both = np.stack(np.broadcast_arrays(*intercepts, *slopes))
    return both[: len(OPTIONS)], both[len(OPTIONS) :]


def intervals(intercepts: Array, slopes: Array) -> tuple[Array, Array]:
    """Return the interval of market income on which each option is best, shape (4, workplaces).

    An option that is never best has an end at or below its start. Of equal options the earlier is taken.
    """
    start, end = np.zeros_like(intercepts), np.full_like(intercepts, np.inf)
    for i in range(len(OPTIONS)):
        for j in range(len(OPTIONS)):
            steeper = slopes[i] > slopes[j]
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                crossing = (intercepts[i] - intercepts[j]) / (slopes[j] - slopes[i])
            end[j] = np.where(steeper, np.minimum(end[j], crossing), end[j])
            start[i] = np.where(steeper, np.maximum(start[i], crossing), start[i])
            better = (intercepts[i] > intercepts[j]) | ((intercepts[i] == intercepts[j]) & (i < j))
            end[j] = np.where((slopes[i] == slopes[j]) & better & (i != j), 0.0, end[j])
    return start, end


def chosen_shares(values: Mapping[str, Array]) -> Array:
    """Return the share of workers who choose each option, shape (4, workplaces)."""
    start, end = intervals(*lines(values))
    median, spread = values["market_income_kpw_per_day"], values["market_income_log_sd"]
    with np.errstate(divide="ignore"):
        below = [special.ndtr(np.log(np.maximum(income, 0.0) / median) / spread) for income in (start, end)]
    return np.where(end > start, below[1] - below[0], 0.0)


def as_arrays(workplaces: Sequence[Workplace]) -> dict[str, Array]:
    """Return parameters as arrays over workplaces; an exemption that is not offered costs infinitely much."""
    return {
        name: np.array([np.inf if (value := getattr(place, name)) is None else value for place in workplaces])
        for name in PARAMETERS
    }
