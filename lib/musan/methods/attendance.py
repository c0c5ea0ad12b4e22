"""Who attends, who signs in and leaves, who stays away, and what detection would hold them.

Uses the model of :mod:`musan.methods.workplace`, whose docstring has its equations: shares at one workplace or
several, how they answer to each parameter, and the detection that holds a share. Parameters that are known as
ranges only are the business of :mod:`musan.methods.attendance_draws`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from musan.errors import MethodError
from musan.methods import arguments
from musan.methods.facts import facts, percent, words
from musan.methods.workplace import (
    LIMITS,
    OPTIONS,
    PARAMETERS,
    as_arrays,
    chosen_shares,
    intervals,
    lines,
    refuse_unknown,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from musan.methods.arguments import Array
    from musan.methods.workplace import Workplace

Option = Literal["attend", "sign_and_leave", "stay_away", "exempt"]
By = Literal["in_day", "at_muster", "both"]
# What may be held: those who work the day, or all whose names are on the sheet in the morning.
HELD: dict[str, tuple[str, ...]] = {"attend": ("attend",), "sign_in": ("attend", "sign_and_leave")}
DETECTION: dict[str, tuple[str, ...]] = {
    "in_day": ("detection_in_day_per_month",),
    "at_muster": ("detection_at_muster_per_month",),
    "both": ("detection_in_day_per_month", "detection_at_muster_per_month"),
}

ASSUMPTIONS = (
    "A coherent model is not evidence that it happened: many parameters give the same shares.",
    "Workers choose what pays most on average; they differ only in market income, which is log-normal.",
    "Pay and fee are as stated, for all alike; who signs in is paid unless found out, the absent are not.",
    "Detection and sentences don't change with how many are absent, and markets absorb all who come.",
    "Loyalty, shame, friends, health and strength to work are left out.",
)


def shares_frame(values: Mapping[str, Array]) -> pd.DataFrame:
    """Return the shares of parameters as arrays: one row a workplace, a column for each option."""
    return pd.DataFrame(dict(zip(OPTIONS, chosen_shares(values), strict=True)))


@dataclass(frozen=True)
class Attendance:
    """The share of workers who choose each option.

    ``frame`` has one row an option: ``option``, ``share``, the market incomes from and to which it is best
    (``from_kpw_per_day``, ``to_kpw_per_day``, missing if never), and its line ``intercept_kpw_per_month`` and
    ``slope_days_per_month``. ``n`` is the number of workplaces, one.
    """

    workplace: Workplace
    frame: pd.DataFrame
    n: int
    assumptions: tuple[str, ...]

    def share(self, *options: Option) -> float:
        """Return the share of workers who choose one of the options."""
        for option in options:
            arguments.choice("options", option, OPTIONS)
        return float(self.frame.loc[self.frame["option"].isin(options), "share"].sum())

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        rice = self.workplace.pay_kg_rice_per_month
        shares = [(name.replace("_", " "), percent(self.share(name))) for name in get_args(Option)]
        return facts(
            ("pay, KPW a month", self.workplace.pay_kpw_per_month),
            ("pay, kg of rice a month", rice),
            *shares,
        )


def shares(workplace: Workplace) -> Attendance:
    """Return the share of workers who attend, sign in and leave, stay away, and buy exemption.

    Parameters
    ----------
    workplace : Workplace

    Returns
    -------
    Attendance
    """
    values = as_arrays([workplace])
    intercepts, slopes = lines(values)
    start, end = intervals(intercepts, slopes)
    chosen = end > start
    frame = pd.DataFrame(
        {
            "option": OPTIONS,
            "share": chosen_shares(values)[:, 0],
            "from_kpw_per_day": np.where(chosen, start, np.nan)[:, 0],
            "to_kpw_per_day": np.where(chosen, end, np.nan)[:, 0],
            "intercept_kpw_per_month": intercepts[:, 0],
            "slope_days_per_month": slopes[:, 0],
        }
    )
    return Attendance(workplace, frame, 1, ASSUMPTIONS)


@dataclass(frozen=True)
class Response:
    """Shares at several workplaces, or at several values of one parameter.

    ``frame`` has one row each: ``label`` or the parameter, and a column for each option. ``n`` counts them.
    """

    frame: pd.DataFrame
    n: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return the shares in percent, to print in a notebook."""
        table = self.frame.copy()
        table[list(OPTIONS)] = (100 * table[list(OPTIONS)]).round(1)
        return table.rename(columns={option: f"{option}_pct" for option in OPTIONS})


def compare(workplaces: Mapping[str, Workplace]) -> Response:
    """Return the shares at several workplaces side by side, such as before and after pay stopped.

    Parameters
    ----------
    workplaces : mapping of str to Workplace
        By label, at least one.

    Returns
    -------
    Response

    Raises
    ------
    MethodError
        There is none.
    """
    if not workplaces:
        raise MethodError("is empty", "workplaces", "give at least one")
    table = shares_frame(as_arrays(list(workplaces.values())))
    pay = [place.pay_kpw_per_month for place in workplaces.values()]
    table.insert(0, "label", list(workplaces))
    table.insert(1, "pay_kpw_per_month", pay)
    return Response(table, len(table), ASSUMPTIONS)


def response(workplace: Workplace, parameter: str, values: Any) -> Response:
    """Return the shares as one parameter changes and all others stay.

    Parameters
    ----------
    workplace : Workplace
    parameter : str
    values : array of float
        In the parameter's unit.

    Returns
    -------
    Response

    Raises
    ------
    MethodError
        The parameter is unknown or a value out of its range.
    """
    refuse_unknown(parameter, "parameter")
    points = within("values", parameter, values)
    table = shares_frame({**as_arrays([workplace]), parameter: points})
    table.insert(0, parameter, points)
    return Response(table, len(table), ASSUMPTIONS)


@dataclass(frozen=True)
class Statics:
    """What a change of each parameter alone does to each share.

    ``frame`` has one row a parameter: ``parameter``, ``low`` and ``high`` (the values compared), and for each
    option the change of its share from low to high, in percentage points. ``n`` counts the rows.
    """

    frame: pd.DataFrame
    change: float
    n: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return the table with rounded numbers, to print in a notebook."""
        ends = {name: [words(value) for value in self.frame[name]] for name in ("low", "high")}
        return self.frame.round(1).assign(**ends)


def comparative_statics(workplace: Workplace, *, change: float = 0.1) -> Statics:
    """Return how each share answers to each parameter alone, from a little below its value to a little above.

    Parameters
    ----------
    workplace : Workplace
    change : float
        Share of the value by which it goes down and up, above 0 and below 1; not past its limits.

    Returns
    -------
    Statics
        A parameter that is zero, or not offered, can't change by a share of itself and is left out; the
        assumptions name it.

    Raises
    ------
    MethodError
        The change is out of range, or every parameter is zero.
    """
    if not 0 < (change := arguments.number("change", change)) < 1:
        raise MethodError(f"is {change:g}", "change", "give a share above 0 and below 1, such as 0.1")
    base, rows = as_arrays([workplace]), []
    moved = [name for name in PARAMETERS if 0 < base[name][0] < np.inf]
    for name in moved:
        highest = LIMITS.get(name, (0.0, np.inf))[1]
        ends = np.minimum(base[name] * np.array([1 - change, 1 + change]), highest)
        low, high = chosen_shares({**base, name: ends}).T
        rows.append((name, *ends, *(100 * (high - low))))
    frame = pd.DataFrame(rows, columns=["parameter", "low", "high", *(f"{option}_points" for option in OPTIONS)])
    still = ", ".join(name for name in PARAMETERS if name not in moved)
    notes = (*ASSUMPTIONS, f"Left out, for it is zero or not offered: {still}.") if still else ASSUMPTIONS
    return Statics(frame, change, len(frame), notes)


# Detection that holds a share


@dataclass(frozen=True)
class DetectionToHold:
    """The least detection at which a share of workers is held, if there is one.

    ``detection`` is a chance in a month, None if even certain detection does not hold the share.
    ``share_without`` and ``share_at_most`` are the shares at no and at certain detection. ``n`` is 1.
    """

    target_share: float
    of: str
    by: str
    held: bool
    detection: float | None
    share_without: float
    share_at_most: float
    n: int
    assumptions: tuple[str, ...]

    @property
    def words(self) -> str:
        """Return the result as a conditional sentence."""
        who = "attending all day" if self.of == "attend" else "signing in"
        where = {"in_day": "during the day", "at_muster": "at morning muster", "both": "at muster and in the day"}
        goal = f"{percent(self.target_share, 0)} {who}"
        if self.detection is None:
            return (
                f"In this model {goal} can't be held by detection {where[self.by]}: even certain detection"
                f" holds {percent(self.share_at_most)}."
            )
        if self.detection == 0:
            return f"In this model {goal} is held without any detection {where[self.by]}."
        return f"In this model {goal} takes detection {where[self.by]} of at least {percent(self.detection)} a month."

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row: ``of``, ``by``, ``target_share``, ``held``, ``detection`` and the shares."""
        columns = ["of", "by", "target_share", "held", "detection", "share_without", "share_at_most"]
        return pd.DataFrame([[getattr(self, name) for name in columns]], columns=columns)

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("share to hold", f"{percent(self.target_share)} {self.of.replace('_', ' ')}"),
            ("detection needed, a month", "can't be held" if self.detection is None else percent(self.detection)),
            ("share without detection", percent(self.share_without)),
            ("share with certain detection", percent(self.share_at_most)),
        )


def detection_to_hold(
    workplace: Workplace,
    target_share: float,
    *,
    of: Literal["attend", "sign_in"] = "attend",
    by: By = "both",
) -> DetectionToHold:
    """Return the least monthly detection at which a share of workers is held.

    Parameters
    ----------
    workplace : Workplace
        Its own detection, where ``by`` names it, is not used.
    target_share : float
        Share of workers to hold, above 0 and up to 1.
    of : str
        ``attend``: who stay all day; ``sign_in``: who at least register in the morning.
    by : str
        ``in_day``, ``at_muster``, or ``both`` at the same chance. Signing in is held ``at_muster`` only:
        detection in the day makes it less attractive.

    Returns
    -------
    DetectionToHold
        ``held`` is False and ``detection`` None if even certain detection does not hold the share.

    Raises
    ------
    MethodError
        The share is out of range, or the choice is unknown or does not go together.
    """
    target = arguments.number("target_share", target_share, 0, 1, above=True)
    arguments.choice("of", of, HELD)
    arguments.choice("by", by, DETECTION)
    if of == "sign_in" and by != "at_muster":
        raise MethodError("detection in the day can lower the share who sign in", "by", "give by='at_muster'")
    base = as_arrays([workplace])

    def held(detection: float) -> float:
        found = chosen_shares({**base, **dict.fromkeys(DETECTION[by], np.array([detection]))})[:, 0]
        return float(sum(found[OPTIONS.index(option)] for option in HELD[of]))

    without, most = held(0.0), held(1.0)
    # Shares are sums of rounded differences: one that is whole may miss 1 by that.
    target = min(target, 1 - 1e-12)
    least: float | None = None
    if without >= target:
        least = 0.0
    elif most >= target:
        least = _first(held, target)
    return DetectionToHold(float(target_share), of, by, least is not None, least, without, most, 1, ASSUMPTIONS)


def _first(held: Callable[[float], float], target: float) -> float:
    """Return where a share that rises with detection, perhaps by a jump, first reaches the target."""
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (low, middle) if held(middle) >= target else (middle, high)
    return high
