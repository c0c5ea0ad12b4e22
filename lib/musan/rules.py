"""The decision rules of the ledger: pure functions from what was measured, and thresholds, to a verdict.

A rule's keyword arguments are its measures (given by a notebook) and its thresholds (given by the
ledger). It returns a :class:`Ruling`: the verdict and the reasons in words. Each rule states the verdicts
that it may return; a property test shows that it can return every one of them.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from numbers import Real
from typing import Any

from musan.errors import ClaimError, nearest


class Verdict(StrEnum):
    """What the figures say of a claim; ``NO_CAUSAL_CLAIM`` is for attribution only."""

    SUPPORTED = "supported"
    CAVEATS = "supported with caveats"
    MIXED = "mixed"
    CONTRADICTED = "contradicted"
    NOT_TESTABLE = "not testable with open data"
    NO_CAUSAL_CLAIM = "no causal claim"


SCALE = (Verdict.SUPPORTED, Verdict.CAVEATS, Verdict.MIXED, Verdict.CONTRADICTED)
ALL = (*SCALE, Verdict.NOT_TESTABLE)


@dataclass(frozen=True)
class Ruling:
    """A verdict and why, in words."""

    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """A decision rule: its function and the verdicts that it may return."""

    name: str
    function: Callable[..., Ruling]
    may_return: tuple[Verdict, ...]

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """Names of measures and thresholds."""
        return tuple(inspect.signature(self.function).parameters)

    def __call__(self, measures: Mapping[str, Any], thresholds: Mapping[str, Any]) -> Ruling:
        """Apply the rule; refuse unknown, missing, doubled or infinite arguments."""
        given = {**measures, **thresholds}
        for name in (*measures, *thresholds):
            if name not in self.arguments:
                raise ClaimError(f"unknown argument {name!r}", f"rule {self.name}", nearest(name, self.arguments))
        if missing := [name for name in self.arguments if name not in given]:
            raise ClaimError(f"needs {', '.join(missing)}", f"rule {self.name}", "give it as a measure")
        if both := sorted(set(measures) & set(thresholds)):
            raise ClaimError(
                f"{both[0]!r} is given twice", f"rule {self.name}", "a threshold is set in the ledger only"
            )
        for name, value in given.items():
            for number in _numbers_in(value):
                if not math.isfinite(number):
                    raise ClaimError(f"{name} is {number}", f"rule {self.name}", "give a number, or None where unknown")
        ruling = self.function(**given)
        if ruling.verdict not in self.may_return:
            raise ClaimError(f"returned {ruling.verdict.value!r}", f"rule {self.name}", "add it to may_return")
        return ruling


def _numbers_in(value: object) -> Iterator[float]:
    """Return every number in a measure, however deep it lies."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from _numbers_in(part)
    elif isinstance(value, Real):
        yield float(value)


RULES: dict[str, Rule] = {}


def _rule(*may_return: Verdict) -> Callable[[Callable[..., Ruling]], Callable[..., Ruling]]:
    def register(function: Callable[..., Ruling]) -> Callable[..., Ruling]:
        RULES[function.__name__] = Rule(function.__name__, function, may_return)
        return function

    return register


def rule(name: str) -> Rule:
    """Return the rule of this name, or say which is nearest."""
    if name not in RULES:
        raise ClaimError(f"there is no rule {name!r}", "claims.yml", nearest(name, RULES))
    return RULES[name]


def _months(n: int) -> str:
    return f"{n} month" if n == 1 else f"{n} months"


def _networks(n: int) -> str:
    return f"{n} network" if n == 1 else f"{n} networks"


def _at_best(verdict: Verdict, ceiling: Verdict) -> Verdict:
    return verdict if SCALE.index(verdict) >= SCALE.index(ceiling) else ceiling


@_rule(*ALL)
def size_of_fall(
    *,
    fall_pct: float | None,
    low_pct: float | None,
    high_pct: float | None,
    claimed_pct: float,
    tolerance_pp: float,
    caveat_pp: float,
    least_share: float,
) -> Ruling:
    """A fall has the size that was stated.

    Supported within ``tolerance_pp`` points of the claimed fall; with caveats within ``caveat_pp``, or when
    the interval reaches beyond ``caveat_pp``; mixed when the fall is at least ``least_share`` of the
    claimed one; else contradicted. Not testable without a figure.
    """
    if fall_pct is None:
        return Ruling(Verdict.NOT_TESTABLE, ("no figure for the fall",))
    gap = abs(fall_pct - claimed_pct)
    reasons = [f"a fall of {fall_pct:.1f} % is {gap:.1f} points from the {claimed_pct:g} % stated"]
    if gap <= tolerance_pp:
        verdict = Verdict.SUPPORTED
    elif gap <= caveat_pp:
        verdict = Verdict.CAVEATS
    elif fall_pct >= least_share * claimed_pct:
        verdict = Verdict.MIXED
    else:
        verdict = Verdict.CONTRADICTED
    if low_pct is not None and high_pct is not None and verdict is Verdict.SUPPORTED:
        reach = max(abs(low_pct - claimed_pct), abs(high_pct - claimed_pct))
        if reach > caveat_pp:
            verdict = Verdict.CAVEATS
            reasons.append(f"its interval reaches {reach:.1f} points away")
    return Ruling(verdict, tuple(reasons))


@_rule(*ALL)
def income_fell(
    *,
    before_low: float | None,
    before_high: float | None,
    after_low: float | None,
    after_high: float | None,
    sharp_pct: float,
) -> Ruling:
    """Income from all channels fell sharply, whatever the ranges allow.

    Supported when even the smallest fall (from the low end before to the high end after) is sharp; with
    caveats when only the fall between mid-points is sharp; mixed when it is a fall but not a sharp one;
    contradicted when the mid-points do not fall. Not testable without all four ends, or with no income before.
    """
    if None in (before_low, before_high, after_low, after_high):
        return Ruling(Verdict.NOT_TESTABLE, ("a range of income is missing",))
    assert before_low is not None
    assert before_high is not None
    assert after_low is not None
    assert after_high is not None
    if before_high <= 0:
        return Ruling(Verdict.NOT_TESTABLE, ("no income before to fall from",))
    smallest = 100 * (1 - after_high / before_low) if before_low > 0 else -math.inf
    middle = 100 * (1 - (after_low + after_high) / (before_low + before_high))
    least = f"a fall of at least {smallest:.0f} %" if smallest >= 0 else f"even a rise of {-smallest:.0f} %"
    reasons = (f"a fall of {middle:.0f} % between mid-points; the ranges allow {least}",)
    if smallest >= sharp_pct:
        return Ruling(Verdict.SUPPORTED, reasons)
    if middle >= sharp_pct:
        return Ruling(Verdict.CAVEATS, reasons)
    return Ruling(Verdict.MIXED if middle > 0 else Verdict.CONTRADICTED, reasons)


@_rule(*ALL)
def printed_amounts(
    *,
    deviations_pct: Mapping[str, Sequence[float]],
    tolerance_pct: float,
    caveat_pct: float,
    agree_share: float,
) -> Ruling:
    """Amounts agree with what independent compilers print.

    ``deviations_pct`` holds, for each stated amount, the deviation of each independent compiler from it. An
    amount agrees when at least ``agree_share`` of its compilers lie within ``tolerance_pct``, and agrees
    loosely within ``caveat_pct``. All agree: supported. All at least loosely: with caveats. Some: mixed.
    None: contradicted. An amount without an independent compiler: not testable.
    """
    if not deviations_pct or any(len(values) == 0 for values in deviations_pct.values()):
        return Ruling(Verdict.NOT_TESTABLE, ("no independent compiler for one of the amounts",))

    def share(values: Sequence[float], bound: float) -> float:
        return sum(abs(value) <= bound for value in values) / len(values)

    close = {name: share(values, tolerance_pct) >= agree_share for name, values in deviations_pct.items()}
    loose = {name: share(values, caveat_pct) >= agree_share for name, values in deviations_pct.items()}
    reasons = tuple(
        f"{name}: {sum(abs(v) <= tolerance_pct for v in values)} of {len(values)} independent figures within "
        f"{tolerance_pct:g} %, the farthest {max(map(abs, values)):.1f} % off"
        for name, values in deviations_pct.items()
    )
    if all(close.values()):
        return Ruling(Verdict.SUPPORTED, reasons)
    if all(loose.values()):
        return Ruling(Verdict.CAVEATS, reasons)
    return Ruling(Verdict.MIXED if any(loose.values()) else Verdict.CONTRADICTED, reasons)


@_rule(*ALL)
def rank(*, ranks: Mapping[str, int], claimed_rank: int, most_share: float) -> Ruling:
    """An item has the stated rank in every classification of all exports.

    All readings: supported; at least ``most_share`` of them: with caveats; some: mixed; none: contradicted;
    no reading: not testable. Rankings among a part of exports are no reading of "the country's".
    """
    if not ranks:
        return Ruling(Verdict.NOT_TESTABLE, ("no ranking of all exports",))
    hits = sum(place == claimed_rank for place in ranks.values())
    reasons = tuple(f"{reading}: number {place}" for reading, place in ranks.items())
    if hits == len(ranks):
        return Ruling(Verdict.SUPPORTED, reasons)
    if hits / len(ranks) >= most_share:
        return Ruling(Verdict.CAVEATS, reasons)
    return Ruling(Verdict.MIXED if hits else Verdict.CONTRADICTED, reasons)


@_rule(*ALL)
def stopped_since(
    *,
    months_early: int | None,
    share_after_pct: float | None,
    networks_reporting_more: int,
    near_months: int,
    far_months: int,
    stopped_share_pct: float,
) -> Ruling:
    """A flow has been cut off since a stated month.

    ``months_early``: months from the last recorded shipment to the stated month (negative when it went on
    past it). ``share_after_pct``: the recorded flow after the stated month, as a share of the same flow
    before. Contradicted when it exceeds ``stopped_share_pct``. Otherwise supported within ``near_months``
    of the stated month, with caveats within ``far_months``, else mixed. Networks that report unrecorded
    trade after the stated month and are independent of the claim cap the verdict: one at "with caveats",
    two or more at "mixed". Not testable without a record.
    """
    if months_early is None or share_after_pct is None:
        return Ruling(Verdict.NOT_TESTABLE, ("no record of the flow",))
    reasons = [
        f"the last recorded shipment lies {_months(abs(months_early))} {'before' if months_early >= 0 else 'after'} "
        "the stated month",
        f"recorded trade after it is {share_after_pct:.1f} % of the level before",
    ]
    if share_after_pct > stopped_share_pct:
        return Ruling(Verdict.CONTRADICTED, tuple(reasons))
    gap = abs(months_early)
    verdict = Verdict.SUPPORTED if gap <= near_months else Verdict.CAVEATS if gap <= far_months else Verdict.MIXED
    if networks_reporting_more:
        reasons.append(f"independent networks that report unrecorded trade in the period: {networks_reporting_more}")
        verdict = _at_best(verdict, Verdict.CAVEATS if networks_reporting_more == 1 else Verdict.MIXED)
    return Ruling(verdict, tuple(reasons))


@_rule(Verdict.CAVEATS, Verdict.MIXED, Verdict.CONTRADICTED, Verdict.NOT_TESTABLE)
def reports_lean(
    *,
    worse_first: int,
    worse_second: int,
    other_first: int,
    other_second: int,
    networks: int,
    least_reports: int,
    least_networks: int,
    lean_share: float,
) -> Ruling:
    """Field reports independent of the article lean one way under both codings.

    ``worse_*`` count reports that the claim would lead one to expect, ``other_*`` all the rest. Reports are
    no sample and contrary ones were looked for on purpose, so the best verdict is "with caveats". With
    caveats when the share reaches ``lean_share`` under both codings and at least ``least_networks``
    networks report it; mixed when under one coding or from fewer networks; contradicted when it stays below
    ``1 - lean_share`` under both; else mixed. Not testable below ``least_reports``.
    """
    counts = (worse_first + other_first, worse_second + other_second)
    if min(counts) < least_reports:
        return Ruling(Verdict.NOT_TESTABLE, (f"only {min(counts)} independent reports, {least_reports} are needed",))
    shares = (worse_first / counts[0], worse_second / counts[1])
    reasons = (
        f"{100 * shares[0]:.0f} % and {100 * shares[1]:.0f} % of {counts[0]} reports lean this way (two codings)",
        f"{_networks(networks)}, independent of the article",
    )
    if min(shares) >= lean_share and networks >= least_networks:
        return Ruling(Verdict.CAVEATS, reasons)
    return Ruling(Verdict.CONTRADICTED if max(shares) < 1 - lean_share else Verdict.MIXED, reasons)


@_rule(*ALL)
def gradient(
    *,
    slope_low: float | None,
    slope_high: float | None,
    effective_places: float,
    least_places: float,
    detectable: float | None,
    worth_seeing: float,
) -> Ruling:
    """Harm rises with exposure.

    Supported when the interval of the slope lies above zero in at least ``least_places`` effective places;
    contradicted when it lies below zero; mixed when it straddles zero though a slope of ``worth_seeing``
    could have been seen; with caveats when above zero but with fewer than twice ``least_places``. Not
    testable when too few places, or when the smallest slope that could be seen exceeds ``worth_seeing``.
    """
    if slope_low is None or slope_high is None or effective_places < least_places:
        return Ruling(Verdict.NOT_TESTABLE, (f"{effective_places:.1f} effective places, {least_places:g} are needed",))
    reasons = (f"slope between {slope_low:.2f} and {slope_high:.2f}, {effective_places:.1f} effective places",)
    if slope_low > 0:
        return Ruling(Verdict.SUPPORTED if effective_places >= 2 * least_places else Verdict.CAVEATS, reasons)
    if slope_high < 0:
        return Ruling(Verdict.CONTRADICTED, reasons)
    if detectable is None or detectable > worth_seeing:
        return Ruling(Verdict.NOT_TESTABLE, (*reasons, "a slope worth seeing could not have been seen"))
    return Ruling(Verdict.MIXED, reasons)


@_rule(*ALL)
def affordable(
    *,
    price_change_pct: float | None,
    quantity_change_pct: float | None,
    dear_pct: float,
    scarce_pct: float,
    networks: int,
) -> Ruling:
    """Fuel became too dear: its price rose and its recorded supply fell, over the year before the report.

    Supported when the price rose by at least ``dear_pct`` and supply fell by at least ``scarce_pct``, from
    two networks or more; with caveats when from one; mixed when only one of the two holds; contradicted
    when neither does; not testable when a figure is missing.
    """
    if price_change_pct is None or quantity_change_pct is None or networks == 0:
        return Ruling(Verdict.NOT_TESTABLE, ("no comparable price or quantity",))
    dear, scarce = price_change_pct >= dear_pct, quantity_change_pct <= -scarce_pct
    reasons = (f"price {price_change_pct:+.0f} %, recorded supply {quantity_change_pct:+.0f} %, {_networks(networks)}",)
    if dear and scarce:
        return Ruling(Verdict.SUPPORTED if networks >= 2 else Verdict.CAVEATS, reasons)
    return Ruling(Verdict.MIXED if dear or scarce else Verdict.CONTRADICTED, reasons)


@_rule(*ALL)
def dated_by_networks(*, months_off: Mapping[str, int], near_months: int, far_months: int) -> Ruling:
    """A change began in the stated month according to networks that do not depend on the claim.

    ``months_off``: for each network, how many months its date lies from the stated one. All within
    ``near_months``: supported from two networks or more, with caveats from one. Else the nearest within
    ``far_months``: mixed; none: contradicted. No network: not testable.
    """
    if not months_off:
        return Ruling(Verdict.NOT_TESTABLE, ("no independent network gives a date",))
    reasons = tuple(f"{name}: {months:+d} months off" for name, months in months_off.items())
    gaps = [abs(months) for months in months_off.values()]
    if max(gaps) <= near_months:
        return Ruling(Verdict.SUPPORTED if len(gaps) >= 2 else Verdict.CAVEATS, reasons)
    return Ruling(Verdict.MIXED if min(gaps) <= far_months else Verdict.CONTRADICTED, reasons)


@_rule(*ALL)
def share_from_testimony(
    *,
    informants: int,
    bound_low: float | None,
    bound_high: float | None,
    claimed_low: float,
    claimed_high: float,
    least_informants: int,
    widest: float,
) -> Ruling:
    """A share stated by informants lies in the stated range.

    ``bound_low`` and ``bound_high``: what the share can be after selection and what an informant can see
    are allowed for. Not testable with fewer than ``least_informants`` independent informants or when the
    bounds are wider than ``widest``. Supported when the bounds lie within the stated range; with caveats
    when they overlap it and their mid-point lies in it; mixed when they only overlap; else contradicted.
    """
    if informants < least_informants or bound_low is None or bound_high is None:
        return Ruling(Verdict.NOT_TESTABLE, (f"{informants} independent informants, {least_informants} are needed",))
    reasons = (f"the share can lie between {100 * bound_low:.0f} and {100 * bound_high:.0f} %",)
    if bound_high - bound_low > widest + 1e-9:  # 0.4 - 0.1 is a little more than 0.3 in binary
        return Ruling(Verdict.NOT_TESTABLE, (*reasons, "too wide to tell"))
    if bound_low >= claimed_low and bound_high <= claimed_high:
        return Ruling(Verdict.SUPPORTED, reasons)
    if bound_high < claimed_low or bound_low > claimed_high:
        return Ruling(Verdict.CONTRADICTED, reasons)
    middle = (bound_low + bound_high) / 2
    return Ruling(Verdict.CAVEATS if claimed_low <= middle <= claimed_high else Verdict.MIXED, reasons)


@_rule(*ALL)
def rise_since(
    *, change: float | None, change_low: float | None, change_high: float | None, dates: int, networks: int
) -> Ruling:
    """Something rose between two dates: "rising" needs a figure at each.

    Not testable with fewer than two comparable dates. Supported when the whole interval of the change is
    positive and two networks or more report it; with caveats from one; mixed when the interval straddles
    zero; contradicted when it is not positive anywhere.
    """
    if dates < 2 or change is None or change_low is None or change_high is None:
        return Ruling(Verdict.NOT_TESTABLE, (f"comparable dates: {dates}, needed: 2",))
    reasons = (f"a change of {change:+.1f}, between {change_low:+.1f} and {change_high:+.1f}; {_networks(networks)}",)
    if change_low > 0:
        return Ruling(Verdict.SUPPORTED if networks >= 2 else Verdict.CAVEATS, reasons)
    return Ruling(Verdict.CONTRADICTED if change_high <= 0 else Verdict.MIXED, reasons)


@_rule(*ALL)
def months_of_cover(
    *,
    share_exhausted: float | None,
    failed_forecasts: int,
    under_pressure_share: float,
    enduring_share: float,
) -> Ruling:
    """Reserves run out within the horizon: the regime is under real pressure.

    ``share_exhausted``: share of published stock and flow pairs under which reserves end within the
    horizon. At least ``under_pressure_share``: supported, but with caveats when a dated forecast of
    exhaustion has already failed; at most ``enduring_share``: contradicted; between: mixed. Not testable
    without a stock.
    """
    if share_exhausted is None:
        return Ruling(Verdict.NOT_TESTABLE, ("no published stock and flow",))
    reasons = (
        f"{100 * share_exhausted:.0f} % of the published pairs run out within the horizon",
        f"dated forecasts of exhaustion that have failed: {failed_forecasts}",
    )
    if share_exhausted >= under_pressure_share:
        return Ruling(Verdict.CAVEATS if failed_forecasts else Verdict.SUPPORTED, reasons)
    return Ruling(Verdict.CONTRADICTED if share_exhausted <= enduring_share else Verdict.MIXED, reasons)


@_rule(*ALL)
def rule_exists(
    *, independent_before: int, independent_after: int, denying: int, claimed_new: bool, least_sources: int
) -> Ruling:
    """A rule or practice exists: sources independent of the article describe it.

    ``denying``: independent sources that say it does not exist. As many as describe it: contradicted; some:
    mixed. Otherwise supported with ``least_sources`` or more; with caveats with fewer. Where the claim says
    that it is new, sources that describe it from before turn the verdict to mixed when there are later
    ones too, and to contradicted when there are none. Not testable without any.
    """
    total = independent_before + independent_after
    if total + denying == 0:
        return Ruling(Verdict.NOT_TESTABLE, ("no independent source describes it",))
    reasons = (
        f"independent sources: {independent_before} from before the sanctions, {independent_after} after, "
        f"{denying} that deny it",
    )
    if denying >= total:
        return Ruling(Verdict.CONTRADICTED, reasons)
    if claimed_new and independent_before:
        return Ruling(Verdict.MIXED if independent_after else Verdict.CONTRADICTED, reasons)
    if denying:
        return Ruling(Verdict.MIXED, reasons)
    return Ruling(Verdict.SUPPORTED if total >= least_sources else Verdict.CAVEATS, reasons)


@_rule(Verdict.NOT_TESTABLE, Verdict.MIXED)
def nothing_bears_on_it(*, rows: int) -> Ruling:
    """No open table bears on the claim; if one ever does, the claim needs a rule of its own."""
    if rows == 0:
        return Ruling(Verdict.NOT_TESTABLE, ("no row of any table bears on it",))
    return Ruling(Verdict.MIXED, (f"{rows} rows bear on it and no rule weighs them yet",))


@_rule(Verdict.NO_CAUSAL_CLAIM)
def no_causal_claim() -> Ruling:
    """The statement names no cause, so there is nothing to attribute."""
    return Ruling(Verdict.NO_CAUSAL_CLAIM, ("the statement names no cause",))


@_rule(*ALL)
def stopped_with_measure(
    *,
    months_after_measure: int | None,
    unbanned_change_pct: float | None,
    near_months: int,
    steady_pct: float,
) -> Ruling:
    """A flow stopped because of a measure: it stopped when the measure took effect and goods outside it went on.

    ``months_after_measure``: months from the measure's taking effect to the first empty month (negative
    when the flow stopped before). Contradicted when it stopped before the measure. Within ``near_months``:
    supported when goods outside the measure fell by less than ``steady_pct``, with caveats when no such
    good is on record, mixed when they fell too. Later: mixed. Not testable without dates.
    """
    if months_after_measure is None:
        return Ruling(Verdict.NOT_TESTABLE, ("no month of stopping",))
    side = "after" if months_after_measure >= 0 else "before"
    reasons = [f"the first empty month lies {_months(abs(months_after_measure))} {side} the measure took effect"]
    if months_after_measure < 0:
        return Ruling(Verdict.CONTRADICTED, tuple(reasons))
    if months_after_measure > near_months:
        return Ruling(Verdict.MIXED, tuple(reasons))
    if unbanned_change_pct is None:
        return Ruling(Verdict.CAVEATS, (*reasons, "no goods outside the measure to compare with"))
    reasons.append(f"goods outside the measure changed by {unbanned_change_pct:+.0f} %")
    return Ruling(Verdict.SUPPORTED if unbanned_change_pct > -steady_pct else Verdict.MIXED, tuple(reasons))


@_rule(*ALL)
def fall_after_measure(
    *,
    share_before_pct: float | None,
    price_share_low_pct: float | None,
    price_share_high_pct: float | None,
    mostly_pct: float,
    hardly_pct: float,
) -> Ruling:
    """A fall is due to a measure: it came after the measure took effect, and prices do not explain it.

    ``share_before_pct``: share of the fall before the measure could bind; ``price_share_*_pct``: share of the
    fall that world prices explain, over methods. Contradicted when at least ``mostly_pct`` came before;
    mixed when at least ``hardly_pct`` came before, or prices explain ``mostly_pct`` or more at the low end;
    with caveats when they do at the high end; else supported. Not testable without the share.
    """
    if share_before_pct is None or price_share_low_pct is None or price_share_high_pct is None:
        return Ruling(Verdict.NOT_TESTABLE, ("the fall can't be dated or priced",))
    reasons = (
        f"{share_before_pct:.0f} % of the fall came before the measure could bind",
        f"world prices explain {price_share_low_pct:.0f} to {price_share_high_pct:.0f} % of it",
    )
    if share_before_pct >= mostly_pct:
        return Ruling(Verdict.CONTRADICTED, reasons)
    if share_before_pct >= hardly_pct or price_share_low_pct >= mostly_pct:
        return Ruling(Verdict.MIXED, reasons)
    return Ruling(Verdict.CAVEATS if price_share_high_pct >= mostly_pct else Verdict.SUPPORTED, reasons)


@_rule(*ALL)
def gap_to_counterfactual(
    *,
    effect_pct: float | None,
    effect_high_pct: float | None,
    placebo_rank: int | None,
    placebos: int,
    large_pct: float,
    rank_share: float,
    least_placebos: int,
) -> Ruling:
    """A fall goes beyond what would have come without the measure, and beyond placebo dates and goods.

    Effects are in percent of the counterfactual, negative for a fall; ``effect_high_pct`` is the end of the
    interval nearest to zero. Supported when that end is beyond ``-large_pct`` and the true date ranks in
    the top ``rank_share`` of at least ``least_placebos`` placebos; with caveats when the placebos are too
    few; mixed when the fall is smaller or its interval reaches above ``-large_pct``, or the rank is worse;
    contradicted when the estimate is not negative. Not testable without a counterfactual.
    """
    if effect_pct is None or effect_high_pct is None:
        return Ruling(Verdict.NOT_TESTABLE, ("no counterfactual",))
    reasons = [f"effect {effect_pct:.0f} %; its interval reaches {effect_high_pct:+.0f} %"]
    if effect_pct >= 0:
        return Ruling(Verdict.CONTRADICTED, tuple(reasons))
    if effect_high_pct > -large_pct:
        return Ruling(Verdict.MIXED, tuple(reasons))
    if placebo_rank is None or placebos < least_placebos:
        return Ruling(Verdict.CAVEATS, (*reasons, f"{placebos} placebos, {least_placebos} are needed"))
    reasons.append(f"rank {placebo_rank} of {placebos + 1} among placebos")
    near_top = placebo_rank <= max(1, rank_share * (placebos + 1))
    return Ruling(Verdict.SUPPORTED if near_top else Verdict.MIXED, tuple(reasons))


@_rule(Verdict.CAVEATS, Verdict.MIXED, Verdict.CONTRADICTED, Verdict.NOT_TESTABLE)
def cause_named_by_reports(
    *,
    named_first: float,
    named_second: float,
    baseline: bool,
    reports: int,
    least_reports: int,
    named_share: float,
) -> Ruling:
    """Reports independent of the article name sanctions as the cause, and there is a figure from before.

    Coders agree on attribution with a kappa of 0.50 only, so the best verdict is "with caveats": at least
    ``named_share`` under both codings and a baseline. Below ``1 - named_share`` under both: contradicted.
    Otherwise mixed with a baseline, not testable without one, or with fewer than ``least_reports``.
    """
    if reports < least_reports:
        short = f"independent reports that say worse: {reports}, needed: {least_reports}"
        return Ruling(Verdict.NOT_TESTABLE, (short,))
    reasons = (
        f"{100 * named_first:.0f} % and {100 * named_second:.0f} % of {reports} reports name sanctions (two codings)",
        "a figure from before the sanctions exists" if baseline else "there is no figure from before the sanctions",
    )
    if min(named_first, named_second) >= named_share and baseline:
        return Ruling(Verdict.CAVEATS, reasons)
    if max(named_first, named_second) < 1 - named_share:
        return Ruling(Verdict.CONTRADICTED, reasons)
    return Ruling(Verdict.MIXED if baseline else Verdict.NOT_TESTABLE, reasons)
