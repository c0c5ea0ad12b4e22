"""Figures on absence from work: whose they are, which can be compared, and whether two dates can be found.

A share of workers absent is news only as a change, and a change needs two figures of one thing: one from before
the sanctions and one from after. This module collects every share that is stated, in the table of attendance
and in the field reports, and looks for such pairs under wider and wider readings of "one thing".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from musan import evidence
from musan.errors import EvidenceError, MethodError, nearest
from musan.remembered import remembered

Comparable = Literal["same_workplace", "same_measure", "any_absence"]
# What two figures must share to be compared.
COMPARABLE: dict[str, tuple[str, ...]] = {
    "same_workplace": ("measure", "population"),
    "same_measure": ("measure",),
    "any_absence": (),
}
SANCTIONED_SINCE = pd.Timestamp("2017-01-01")  # the ledger asks for figures from before 2017
MINE = "Musan mine"
OUTLET = "asiapress"  # the network whose article is under test
# Indicators with a share of workers: away from work, or at work.
_AWAY = re.compile(r"(?:^|_)(?:absen\w*|leave|left)(?:_|$)")
_AT_WORK = re.compile(r"(?:^|_)attend\w*(?:_|$)")
_SENTENCED = re.compile(r"(?:^|_)sentenced(?:_|$)")
# Network of a publisher: the first name that occurs in it.
_NETWORKS = {
    "ASIAPRESS": "asiapress",
    "Daily NK": "dailynk",
    "RFA": "rfa",
    "Good Friends": "good_friends",
    "US State": "us_state",
    "OHCHR": "ohchr",
}
_COLUMNS = [
    "id", "measure", "population", "first_day", "last_day", "low_pct", "high_pct", "sample_n", "network",
    "date_inferred", "under_test", "source_id",
]  # fmt: skip


def network_of(source_ids: pd.Series[Any]) -> pd.Series[str]:
    """Return the network that a source belongs to: the informants behind it, else its publisher.

    Parameters
    ----------
    source_ids : Series of str

    Returns
    -------
    Series of str
        ``asiapress``, ``dailynk``, ``rfa``, ...; a publisher of its own without what it cites or copies.
    """
    publishers = evidence.load("sources").set_index("source_id")["publisher"]
    return source_ids.map(publishers).astype(str).map(_network)


def _network(publisher: str) -> str:
    """Return the network that is named first, else the publisher's own name."""
    known = [name for name in _NETWORKS if name in publisher]
    if known:
        return _NETWORKS[min(known, key=publisher.index)]
    return re.split(r" \(| via | citing | / |, ", publisher)[0]


def name_of(network: str) -> str:
    """Return a network's name as a reader knows it: "Daily NK" for dailynk."""
    return next((name for name, code in _NETWORKS.items() if code == network), network.replace("_", " "))


@remembered
def attendance() -> pd.DataFrame:
    """Return the table of attendance with ``first_day``, ``last_day``, ``network`` and ``under_test``.

    Returns
    -------
    DataFrame
        A row without a start has no first day, one without an end no last day. ``network`` is the table's own, or
        the publisher where it says "other"; ``under_test`` marks rows of the article itself.
    """
    rows = evidence.load("attendance")
    return rows.assign(
        first_day=evidence.starts(rows["period_start"]),
        last_day=evidence.ends(rows["period_end"]),
        network=rows["origin_network"].mask(rows["origin_network"] == "other", network_of(rows["source_id"])),
        under_test=rows["source_id"].str.startswith(evidence.UNDER_TEST).astype(bool),
    )


def figure(attendance_id: str) -> pd.Series[Any]:
    """Return one row of the table of attendance, or say which is nearest."""
    rows = evidence.load("attendance")
    found = rows[rows["attendance_id"] == attendance_id]
    if found.empty:
        known = nearest(attendance_id, map(str, rows["attendance_id"]))
        raise EvidenceError(f"there is no row {attendance_id!r}", "data/attendance.csv", known)
    return found.iloc[0]


def in_words(row: pd.Series[Any]) -> str:
    """Return a row of attendance in words, such as "sentence for absence: 1 to 6 months disciplinary labour"."""
    name = str(row["indicator"]).replace("_8_3", " (8.3)").replace("_", " ")
    low, high = row["value_low"], row["value_high"]
    numbers = [f"{float(value):,g}" for value in (low, high) if pd.notna(value)]
    if not numbers:
        return name
    unit = str(row["unit"]).replace("share_percent", "percent").replace("kpw", "KPW").replace("_", " ")
    limit = {"lower": "at least ", "upper": "at most "}.get(str(row["bound"]), "")
    return f"{name}: {limit}{' to '.join(dict.fromkeys(numbers))} {unit}"


def stated_shares(*, same_outlet: bool = True, inferred_dates: bool = True) -> pd.DataFrame:
    """Return every stated share of workers who are away from work, in the two tables that hold any.

    Parameters
    ----------
    same_outlet : bool
        Keep other figures of the outlet whose article is under test.
    inferred_dates : bool
        Keep figures whose date was worked out rather than printed.

    Returns
    -------
    DataFrame
        ``id``, ``measure`` (indicator), ``population``, ``first_day``, ``last_day``, ``low_pct`` and ``high_pct`` away,
        ``sample_n``, ``network``, ``date_inferred``, ``under_test``, ``source_id``; the earliest first. A share at
        work is turned round; an end that is not stated is 0 or 100. A field report on a page that the table of
        attendance rests on is left out.
    """
    both = _from_both()
    keep = both["under_test"] | (both["network"] != OUTLET) | same_outlet
    keep &= ~both["date_inferred"] | inferred_dates
    return both[keep].sort_values(["first_day", "id"], kind="stable", ignore_index=True)


@remembered
def _from_both() -> pd.DataFrame:
    table, reports = _from_attendance(), _from_reports()
    return pd.concat([table, reports[~reports["source_id"].isin(table["source_id"])]], ignore_index=True)


def _from_attendance() -> pd.DataFrame:
    rows = attendance()
    rows = rows[(rows["unit"] == "share_percent") & rows["indicator"].map(_is_share_of_workers).astype(bool)]
    low, high = _away(rows["value_low"], rows["value_high"], rows["indicator"])
    return rows.assign(
        id=rows["attendance_id"], measure=rows["indicator"], low_pct=low, high_pct=high,
        date_inferred=rows["date_inferred"].astype(bool),
    )[_COLUMNS]  # fmt: skip


def _is_share_of_workers(indicator: str) -> bool:
    return bool(_AWAY.search(indicator) or _AT_WORK.search(indicator))


def _away(low: pd.Series[Any], high: pd.Series[Any], indicator: pd.Series[Any]) -> tuple[pd.Series[Any], ...]:
    """Return shares away from work, whichever way they are stated; an open end is 0 or 100."""
    low, high = low.astype(float).fillna(0.0), high.astype(float).fillna(100.0)
    at_work = indicator.map(lambda name: not _AWAY.search(name)).astype(bool)
    return low.mask(at_work, 100 - high), high.mask(at_work, 100 - low)


def _from_reports() -> pd.DataFrame:
    """Return field reports that give a share of workers, both coders calling it attendance."""
    rows = evidence.exclude(evidence.load("field_reports"), "state_media", "marked")
    unit = rows["quantity_unit"].fillna("").astype(str)
    agreed = (rows["indicator"] == "employment_attendance") & (rows["indicator_second"] == "employment_attendance")
    rows = rows[agreed & unit.isin(["share_percent", "share_percent_attending"])]
    measure = unit.loc[rows.index].map({"share_percent": "absent", "share_percent_attending": "attending"})
    low, high = _away(rows["quantity_low"], rows["quantity_high"], measure)
    return pd.DataFrame(
        {
            "id": rows["report_id"],
            "measure": measure,
            "population": rows["place"].map("; ".join),
            "first_day": evidence.starts(rows["period_start"]),
            "last_day": evidence.ends(rows["period_end"]),
            "low_pct": low,
            "high_pct": high,
            "sample_n": pd.array([pd.NA] * len(rows), dtype="Int64"),
            "network": network_of(rows["source_id"]),
            "date_inferred": rows["date_inferred"].astype(bool),
            "under_test": ~rows.index.isin(evidence.exclude(rows, "not_independent").index),
            "source_id": rows["source_id"],
        }
    )[_COLUMNS]


def shares_punished() -> pd.DataFrame:
    """Return every stated share of a workforce that was sentenced for absence.

    Returns
    -------
    DataFrame
        Columns of :func:`stated_shares`; persons sentenced over the workforce of the same place, where both stand
        in the table of attendance.
    """
    rows = attendance()
    staff = rows[rows["indicator"] == "workforce"]
    rows = rows[(rows["unit"] == "persons") & rows["indicator"].map(lambda name: bool(_SENTENCED.search(name)))]
    size = rows["population"].map(lambda population: _workforce(population, staff)).astype(float)
    rows = rows.assign(
        id=rows["attendance_id"], measure=rows["indicator"], date_inferred=rows["date_inferred"].astype(bool),
        low_pct=100 * rows["value_low"].astype(float) / size, high_pct=100 * rows["value_high"].astype(float) / size,
    )  # fmt: skip
    return rows.dropna(subset=["low_pct", "high_pct"])[_COLUMNS].reset_index(drop=True)


def _workforce(population: str, staff: pd.DataFrame) -> float:
    of_place = staff["population"].map(lambda place: place in population).astype(bool)
    sizes = staff.loc[of_place, "value_low"].astype(float)
    return float(sizes.iloc[0]) if len(sizes) else np.nan


@dataclass(frozen=True)
class Change:
    """A change between a figure from before the sanctions and one from after, if there are two.

    Attributes
    ----------
    dates : int
        Sides of 2017 on which one thing has a figure: 0, 1 or 2.
    change, low, high : float or None
        From before to after in percentage points: between mid-points, the least and the most.
    networks : int
        Networks that give a figure on both sides.
    before, after : DataFrame
        The figures compared: rows of :func:`stated_shares`.
    """

    dates: int
    change: float | None
    low: float | None
    high: float | None
    networks: int
    before: pd.DataFrame
    after: pd.DataFrame

    def measures(self) -> dict[str, float | int | None]:
        """Return the measures that the rule ``rise_since`` takes."""
        return {
            "change": self.change,
            "change_low": self.low,
            "change_high": self.high,
            "dates": self.dates,
            "networks": self.networks,
        }


def change_since(shares: pd.DataFrame, comparable: str) -> Change:
    """Return the change of a share from before the sanctions to after, between figures of one thing.

    Parameters
    ----------
    shares : DataFrame
        Rows of :func:`stated_shares` or :func:`shares_punished`.
    comparable : {"same_workplace", "same_measure", "any_absence"}
        What "one thing" is: one measure at one workplace, one measure anywhere, or any share of absent workers.

    Returns
    -------
    Change
        That of the group with the most figures among those with both sides; without such a group, the sides that
        exist and no change. An undated figure stands on no side, nor does one whose period holds the turn of 2017.
    """
    if comparable not in COMPARABLE:
        raise MethodError(f"unknown reading {comparable!r}", "comparable", nearest(comparable, COMPARABLE))
    by = list(COMPARABLE[comparable])
    groups = [group for _, group in shares.groupby(by, sort=False, observed=True)] if by else [shares]
    changes = [_change(group) for group in groups if not group.empty]
    if not changes:
        return Change(0, None, None, None, 0, shares, shares)
    return max(changes, key=lambda found: (found.dates, len(found.before) + len(found.after)))


def _change(group: pd.DataFrame) -> Change:
    before = group[group["last_day"] < SANCTIONED_SINCE]
    after = group[group["first_day"] >= SANCTIONED_SINCE]
    dates = int(not before.empty) + int(not after.empty)
    if dates < 2:
        return Change(dates, None, None, None, 0, before, after)
    ends = [float(end) for side in (before, after) for end in (side["low_pct"].min(), side["high_pct"].max())]
    low, high = ends[2] - ends[1], ends[3] - ends[0]
    networks = len(set(before["network"]) & set(after["network"]))
    return Change(dates, (low + high) / 2, low, high, networks, before, after)


def less(absent: Change, punished: Change) -> Change:
    """Return the change of absence that goes unpunished: of the share absent less the share punished.

    Parameters
    ----------
    absent, punished : Change

    Returns
    -------
    Change
        With as many dates as the lesser of the two has, and no change unless both have two.
    """
    dates = min(absent.dates, punished.dates)
    networks = min(absent.networks, punished.networks)
    ends = (absent.low, absent.high, punished.low, punished.high)
    if dates < 2 or None in ends:
        return Change(dates, None, None, None, networks, absent.before, absent.after)
    low, high = ends[0] - ends[3], ends[1] - ends[2]  # type: ignore[operator]  # none is missing
    return Change(dates, (low + high) / 2, low, high, networks, absent.before, absent.after)
