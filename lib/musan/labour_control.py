"""Whether workers leave their posts, control through the workplace fails, and absence is checked and punished.

Three claims of the article, each measured in two ways. Whether absence rose needs a figure from before the
sanctions and one from after, which :mod:`musan.absence` looks for. Whether sanctions are named as the cause, and
whether checks and camps exist, is counted over reports that do not come from the article. Every way to count is one
field of :class:`Choices`; the ledger lists those that an analyst may defend.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from musan import absence, claims, evidence, field_reports, multiverses
from musan.field_reports import Codes
from musan.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from musan.absence import Change
    from musan.claims import Aspect
    from musan.field_reports import Mask

LEFT, CONTROL, CHECKED = "workers_left_posts", "workplace_control_fails", "absence_checked_and_punished"
SUBJECTS = {LEFT: "workers left their posts", CONTROL: "control through the workplace fails"}
BEFORE = ("2016-01", "2017-06")  # as many months before the bans of 2017 as the default window has after them
ABROAD = frozenset({"Dandong", "Hunchun", "Liaoning"})  # places in China that reports are on
# What a row says of absence: that attendance is checked, that camps await, or any other penalty.
_ON_ABSENCE = re.compile(r"absen|attendance")
_ON_IDLENESS = re.compile(r"absen|attendance|not registered as employed|unemployed|jobless|loafing")
_CHECKS = re.compile(r"attendance (?:list|sheet|book|record)s?")
_CAMPS = re.compile(r"\bcamps?\b|re-?education|disciplinary labour|sentence")
_PENALTIES = re.compile(r"\bcamps?\b|re-?education|labour|sentence|\bfines?\b|loss of wages|penalt|crackdown|unlawful")
_DENIES = re.compile(r"(?:not|never|no longer) (?:punished|checked|sentenced|sent)|unpunished")
# Texts of law and summaries of them state a duty or a penalty, not that anybody was checked or sent.
_PRACTICE = ("testimony", "informant", "government_report", "press")
FEE_AT_THE_MINE = "paid_exemption_fee_8_3"
# The choices that a count depends on.
_OF_CHANGE = ("inferred_dates", "same_outlet", "comparable")
_OF_REPORTS = ("inferred_dates", "doubtful_coding", "same_outlet", "firms_abroad")
_OF_BASELINE = ("inferred_dates", "same_outlet", "baseline")
_OF_EXISTENCE = ("inferred_dates", "same_outlet", "practice")


@dataclass(frozen=True)
class Choices:
    """How figures, reports and descriptions are counted; the fields are parameters of the notebook.

    Attributes
    ----------
    first_month, last_month : str
        Reports count whose period ends within these months.
    inferred_dates, doubtful_coding : bool
        Count rows whose date was worked out, or whose coding the codebook doubts.
    same_outlet : bool
        Count other rows of the outlet whose article is under test.
    firms_abroad : bool
        Count reports on North Korean traders and staff in China.
    comparable : {"same_workplace", "same_measure", "any_absence"}
        What a figure from before may be compared with.
    baseline : {"share", "fee"}
        What counts as a figure from before: a share of workers, or the price of paid leave at the mine too.
    practice : {"both", "either", "camps", "checks", "any_penalty"}
        What must be described: checks and camps, each by itself (the one that fewer tell of counts); either of
        them; one of them; any penalty.
    """

    first_month: str = "2017-07"
    last_month: str = "2018-12"
    inferred_dates: bool = True
    doubtful_coding: bool = True
    same_outlet: bool = True
    firms_abroad: bool = False
    comparable: str = "same_workplace"
    baseline: str = "share"
    practice: str = "both"

    @classmethod
    def among(cls, parameters: Mapping[str, Any]) -> Choices:
        """Return the choices that stand among a notebook's parameters."""
        return cls(**{one.name: parameters[one.name] for one in fields(cls)})


# Whether absence rose


def change(claim: str, choices: Choices) -> Change:
    """Return the change of absence, or of absence that goes unpunished, since before the sanctions.

    Parameters
    ----------
    claim : str
        ``workers_left_posts`` or ``workplace_control_fails``.
    choices : Choices

    Returns
    -------
    Change
        From figures that do not come from the article. For control the share punished is taken off: its estimand
        names absence and its punishment.
    """
    return _change(claim, choices, _figures())


@dataclass(frozen=True, eq=False)
class _Figures:
    """All that is printed of absence: shares of workers away and punished, and prices of paid leave at the mine."""

    away: pd.DataFrame
    punished: pd.DataFrame
    fees: pd.DataFrame


@remembered
def _figures() -> _Figures:
    rows = absence.attendance()
    fees = rows[(rows["indicator"] == FEE_AT_THE_MINE) & rows["population"].str.contains(absence.MINE)]
    return _Figures(
        away=absence.stated_shares(),
        punished=absence.shares_punished(),
        fees=fees.assign(id=fees["attendance_id"], measure=fees["indicator"]),
    )


def _change(claim: str, choices: Choices, known: _Figures) -> Change:
    absent = absence.change_since(_independent(known.away, choices), choices.comparable)
    if claim == LEFT:
        return absent
    punished = absence.change_since(_independent(known.punished, choices), choices.comparable)
    return absence.less(absent, punished)


def _independent(shares: pd.DataFrame, choices: Choices) -> pd.DataFrame:
    keep = ~shares["under_test"] & ((shares["network"] != absence.OUTLET) | choices.same_outlet)
    return shares[keep & (~shares["date_inferred"] | choices.inferred_dates)]


def baseline(claim: str, choices: Choices) -> pd.DataFrame:
    """Return the figures from before the sanctions that count as a baseline.

    Parameters
    ----------
    claim : str
    choices : Choices

    Returns
    -------
    DataFrame
        ``id``, ``measure``, ``first_day``, ``source_id``: shares of workers away from work (for control also of workers
        punished), and where a fee counts, the price of paid leave at the mine.
    """
    return _baseline(claim, choices, _figures())


def _baseline(claim: str, choices: Choices, known: _Figures) -> pd.DataFrame:
    parts = [_independent(known.away, choices)]
    if claim == CONTROL:
        parts.append(_independent(known.punished, choices))
    if choices.baseline == "fee":
        parts.append(known.fees)
    both = pd.concat([part[["id", "measure", "first_day", "last_day", "source_id"]] for part in parts])
    return both[both["last_day"] < absence.SANCTIONED_SINCE].drop(columns="last_day").reset_index(drop=True)


# What reports say, and whether they name sanctions


def reports_on(claim: str, choices: Choices) -> pd.DataFrame:
    """Return the independent field reports on a claim, whenever they are of.

    Parameters
    ----------
    claim : str
        For ``workers_left_posts`` those on attendance and employment, for ``workplace_control_fails`` those in the
        sector of labour control, by either coder.
    choices : Choices

    Returns
    -------
    DataFrame
        Rows of :func:`musan.field_reports.independent`.
    """
    reports = _on_subject(claim, field_reports.independent())
    return reports[_admitted(choices, reports)]


def _on_subject(claim: str, reports: pd.DataFrame) -> pd.DataFrame:
    if claim == LEFT:
        return field_reports.on(reports, indicators=["employment_attendance"])
    return field_reports.on(reports, sectors=["labour_control"])


def _admitted(choices: Choices, reports: pd.DataFrame) -> Mask:
    """Return which reports the choices admit, whenever they are of."""
    keep = np.ones(len(reports), dtype=bool)
    if not choices.inferred_dates:
        keep &= ~reports["date_inferred"].to_numpy(bool)
    if not choices.doubtful_coding:
        keep &= ~reports["report_id"].isin(evidence.DOUBTFUL_CODING).to_numpy(bool)
    if not choices.firms_abroad:
        keep &= [not ABROAD & {place.split(" (")[0] for place in places} for places in reports["place"]]
    if not choices.same_outlet:
        keep &= reports["origin_network"].to_numpy(dtype=object) != absence.OUTLET
    return keep


def in_window(reports: pd.DataFrame, choices: Choices) -> pd.DataFrame:
    """Return the reports whose period ends within the window."""
    return field_reports.between(reports, choices.first_month, choices.last_month)


def cause(claim: str, choices: Choices) -> dict[str, float | int | bool]:
    """Return the measures that the rule ``cause_named_by_reports`` takes."""
    named = field_reports.named_cause(in_window(reports_on(claim, choices), choices))
    return {**named, "baseline": not baseline(claim, choices).empty}


def before_and_since(choices: Choices) -> pd.DataFrame:
    """Return how reports lean before the bans of 2017 and in the window, by claim and coding.

    Returns
    -------
    DataFrame
        ``subject``, ``months``, ``coding``, ``worse``, ``mixed``, ``unchanged``, ``better``, ``name_sanctions`` (of the
        worse ones).
    """
    rows = []
    early = replace(choices, first_month=BEFORE[0], last_month=BEFORE[1])
    for (claim, subject), drawn in product(SUBJECTS.items(), (early, choices)):
        reports = in_window(reports_on(claim, drawn), drawn)
        for record in field_reports.tally(reports).frame.to_dict("records"):
            worse = reports[reports[field_reports.DIRECTION[record["coding"]]] == "worse"]
            named = int((worse[field_reports.CAUSE[record["coding"]]] == "yes").sum())
            months = f"{drawn.first_month} to {drawn.last_month}"
            rows.append({"subject": subject, "months": months, **record, "name_sanctions": named})
    return pd.DataFrame(rows)


# Whether absence is checked and punished


def descriptions(choices: Choices) -> pd.DataFrame:
    """Return the rows that describe checks of attendance, or penalties for absence, as a practice.

    Parameters
    ----------
    choices : Choices
        ``practice`` says what must be described, ``same_outlet`` whether other rows of the outlet under test count.

    Returns
    -------
    DataFrame
        ``id``, ``table``, ``first_day``, ``last_day``, ``when`` ("before", "after" or "undated"), ``words``,
        ``checks``, ``camps``, ``denies``, ``network``, ``source_id``; the earliest first. The article and texts of
        law, which state what shall be, are left out.
    """
    return _descriptions(choices, _stated_practice())


@remembered
def _stated_practice() -> pd.DataFrame:
    """Return all rows that may describe checks or penalties, but the article's."""
    rows = pd.concat([_from_law(), _from_attendance(), _denied_in_reports()], ignore_index=True)
    return rows[~rows["source_id"].str.startswith(evidence.UNDER_TEST)]


def _descriptions(choices: Choices, rows: pd.DataFrame) -> pd.DataFrame:
    if not choices.same_outlet:
        rows = rows[rows["network"] != absence.OUTLET]
    if not choices.inferred_dates:
        rows = rows[~rows["date_inferred"]]
    rows = rows[rows["denies"] | rows["text"].map(lambda text: describes(text, choices.practice)).astype(bool)]
    early = rows["last_day"] < absence.SANCTIONED_SINCE
    late = rows["first_day"] >= absence.SANCTIONED_SINCE
    when = pd.Series("undated", index=rows.index).mask(early, "before").mask(late, "after")
    found = rows.assign(
        when=when,
        checks=rows["text"].map(_says(_CHECKS)).astype(bool),
        camps=rows["text"].map(_says(_CAMPS)).astype(bool),
    )
    order = [
        "id",
        "table",
        "first_day",
        "last_day",
        "when",
        "words",
        "checks",
        "camps",
        "denies",
        "network",
        "source_id",
    ]
    return found.sort_values(["last_day", "id"], kind="stable", ignore_index=True)[order]


def describes(text: str, practice: str) -> bool:
    """Return whether a text tells of checks, of camps, of either, or of any penalty for absence or idleness."""
    if practice == "any_penalty":
        return bool(_ON_IDLENESS.search(text) and _PENALTIES.search(text))
    if not _ON_ABSENCE.search(text):
        return False
    checks, camps = bool(_CHECKS.search(text)), bool(_CAMPS.search(text))
    return {"checks": checks, "camps": camps}.get(practice, checks or camps)


def _says(pattern: re.Pattern[str]) -> Any:
    return lambda text: bool(pattern.search(text))


def _from_law() -> pd.DataFrame:
    rows = evidence.load("labour_law")
    rows = rows[rows["text_or_practice"].isin(_PRACTICE)]
    words = rows["rule"] + ": " + rows["penalty"].fillna("no penalty named")
    days = {"first_day": evidence.starts(rows["version_date"]), "last_day": evidence.ends(rows["version_date"])}
    text = rows[["rule", "penalty", "note"]].fillna("").agg(" ".join, axis=1)
    return _described(rows, "labour_law", "law_id", days, words, text)


def _from_attendance() -> pd.DataFrame:
    rows = absence.attendance()
    words = [absence.in_words(row) for _, row in rows.iterrows()]
    text = pd.Series(words, index=rows.index) + " " + rows["population"] + " " + rows["note"].fillna("")
    shown = pd.Series(words, index=rows.index) + rows["note"].map("; {}".format, na_action="ignore").fillna("")
    days = {"first_day": rows["first_day"], "last_day": rows["last_day"]}
    return _described(rows, "attendance", "attendance_id", days, shown, text)


def _denied_in_reports() -> pd.DataFrame:
    """Return field reports that both coders read as less punishment of absence: they deny the practice."""
    rows = field_reports.independent()
    eased = (rows["direction"] == "better") & (rows["direction_second"] == "better")
    on_it = (rows["sector"] == "labour_control") & (rows["indicator"] == "repression")
    rows = rows[eased & on_it]
    days = {"first_day": rows["first_day"], "last_day": rows["last_day"]}
    found = _described(rows, "field_reports", "report_id", days, rows["paraphrase"], rows["paraphrase"])
    return found.assign(denies=True)


def _described(
    rows: pd.DataFrame,
    table: str,
    key: str,
    days: Mapping[str, pd.Series[Any]],
    words: pd.Series[Any],
    text: pd.Series[Any],
) -> pd.DataFrame:
    lower = text.astype(str).str.lower()
    on_absence = lower.map(_says(_ON_ABSENCE)).astype(bool)
    return pd.DataFrame(
        {
            "id": rows[key].astype(str),
            "table": table,
            **days,
            "date_inferred": rows["date_inferred"].astype(bool),
            "words": words.astype(str),
            "text": lower,
            "denies": lower.map(_says(_DENIES)).astype(bool) & on_absence,
            "network": absence.network_of(rows["source_id"]),
            "source_id": rows["source_id"].astype(str),
        }
    )


def existence(found: pd.DataFrame, practice: str) -> dict[str, int]:
    """Return the measures that the rule ``rule_exists`` takes.

    Parameters
    ----------
    found : DataFrame
        From :func:`descriptions`.
    practice : str
        For ``both``, the part that fewer independent networks tell of counts: checks or camps.

    Returns
    -------
    dict of str to int
        ``independent_before``, ``independent_after``, ``denying``: networks, for pages of one network may rest on one
        person. A network that describes the practice on both sides of 2017 is counted before; one whose
        descriptions are all undated is counted after, which can't make the practice older than it is.
    """
    if practice == "both":
        parts = [existence(found[found["denies"] | found[part]], part) for part in ("checks", "camps")]
        return min(parts, key=lambda one: one["independent_before"] + one["independent_after"] - one["denying"])
    telling = found[~found["denies"]]
    before = set(telling.loc[telling["when"] == "before", "network"])
    after = set(telling["network"]) - before
    denying = set(found.loc[found["denies"], "network"])
    return {"independent_before": len(before), "independent_after": len(after), "denying": len(denying)}


# Measures, verdicts and the multiverse


def measures(claim: str, aspect: Aspect, choices: Choices) -> dict[str, Any]:
    """Return what the ledger's rule for one aspect of a claim takes."""
    if claim == CHECKED:
        return dict(existence(descriptions(choices), choices.practice)) if aspect == "statement" else {}
    return dict(change(claim, choices).measures()) if aspect == "statement" else dict(cause(claim, choices))


def verdict(claim: str, aspect: Aspect, choices: Choices) -> str:
    """Return what the ledger's rule makes of the measures."""
    return claims.decide(claim, aspect, measures(claim, aspect, choices)).verdict.value


def specifications(claim: str, choices: Choices) -> pd.DataFrame:
    """Return both verdicts on a claim under every combination of the ledger's choices.

    Parameters
    ----------
    claim : str
    choices : Choices
        For the fields that the ledger does not list.

    Returns
    -------
    DataFrame
        One row a combination: a column for each choice, ``statement``, ``attribution``.
    """
    grid = claims.claim(claim).choices
    drawn = [replace(choices, **_named(grid, values)) for values in product(*grid.values())]
    frame = pd.DataFrame([{name: getattr(one, name) for name in grid} for one in drawn])
    found = _existence_under(drawn) if claim == CHECKED else _changes_and_causes(claim, drawn)
    return frame.assign(**{aspect: _decided(claim, aspect, measured) for aspect, measured in found.items()})


def _decided(claim: str, aspect: Aspect, measured: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the verdict on each set of measures; many are equal, and are decided once."""
    different = {tuple(one.items()): one for one in measured}
    verdicts = {items: claims.decide(claim, aspect, one).verdict.value for items, one in different.items()}
    return [verdicts[tuple(one.items())] for one in measured]


def _named(grid: Mapping[str, Any], values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(grid, values, strict=True))


def _existence_under(drawn: Sequence[Choices]) -> dict[Aspect, list[dict[str, Any]]]:
    """Return :func:`measures` of checks and punishment for each set of choices."""
    rows = _stated_practice()
    found = multiverses.once(lambda one: dict(existence(_descriptions(one, rows), one.practice)), drawn, _OF_EXISTENCE)
    return {"statement": found, "attribution": [{} for _ in drawn]}


def _changes_and_causes(claim: str, drawn: Sequence[Choices]) -> dict[Aspect, list[dict[str, Any]]]:
    """Return :func:`measures` of the other two claims for each set of choices; what some share is worked out once."""
    figures, reports = _figures(), _on_subject(claim, field_reports.independent())
    codes = Codes.of(reports)
    changes = multiverses.once(lambda one: dict(_change(claim, one, figures).measures()), drawn, _OF_CHANGE)
    admitted = multiverses.once(lambda one: _admitted(one, reports), drawn, _OF_REPORTS)
    early = multiverses.once(lambda one: not _baseline(claim, one, figures).empty, drawn, _OF_BASELINE)
    causes = [
        {**codes.attribution(counts & codes.within(one.first_month, one.last_month)), "baseline": known}
        for counts, known, one in zip(admitted, early, drawn, strict=True)
    ]
    return {"statement": changes, "attribution": causes}
