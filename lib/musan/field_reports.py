"""Field reports as evidence: select what is independent, and tally it under both codings.

Reports are no sample: outlets, phone reach and readers choose the places, and contrary reports were
looked for on purpose. A tally says how the reports at hand lean, never how common a thing is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from musan import claims, evidence
from musan.errors import MethodError
from musan.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from musan.claims import Aspect

    Mask = NDArray[np.bool_]

CODINGS = ("first", "second")
DIRECTION = {"first": "direction", "second": "direction_second"}
CAUSE = {"first": "attributed_to_sanctions", "second": "attributed_second"}


@remembered
def independent(*, inferred_dates: bool = True, doubtful_coding: bool = True) -> pd.DataFrame:
    """Return the reports that may be tallied: not the article, not state media, not marked rows.

    Parameters
    ----------
    inferred_dates : bool
        Keep reports whose date was worked out rather than printed.
    doubtful_coding : bool
        Keep reports whose coding the codebook calls doubtful.

    Returns
    -------
    DataFrame
        Rows of ``field_reports`` with ``first_day`` and ``last_day`` of what is reported on.
    """
    table = evidence.exclude(evidence.load("field_reports"), "not_independent", "state_media", "marked")
    dated = table.assign(first_day=evidence.starts(table["period_start"]), last_day=evidence.ends(table["period_end"]))
    kept = admitted(dated, inferred_dates=inferred_dates, doubtful_coding=doubtful_coding)
    kept.attrs.clear()  # else pandas copies the counts of what was left out each time a sample is drawn
    return kept


def admitted(reports: pd.DataFrame, *, inferred_dates: bool, doubtful_coding: bool) -> pd.DataFrame:
    """Return the reports without those of a worked-out date, or of doubtful coding, unless they are to be kept."""
    cautions = [] if inferred_dates else ["date_inferred"]
    cautions += [] if doubtful_coding else ["doubtful_coding"]
    return evidence.exclude(reports, *cautions)


def between(reports: pd.DataFrame, start: str, end: str) -> pd.DataFrame:
    """Return the reports whose period ends within two days, both included (a report on years counts at its end)."""
    first, last = pd.Timestamp(start), pd.Period(end).end_time
    return reports[(reports["last_day"] >= first) & (reports["last_day"] <= last)]


def on(
    reports: pd.DataFrame,
    *,
    sectors: Sequence[str] = (),
    indicators: Sequence[str] = (),
    cities: Sequence[str] = (),
    provinces: Sequence[str] = (),
    coding: str = "either",
) -> pd.DataFrame:
    """Return the reports on given sectors, indicators or places; an empty sequence does not restrict.

    Parameters
    ----------
    reports : DataFrame
        From :func:`independent`.
    sectors, indicators : sequence of str
        Codes of the codebook.
    cities : sequence of str
        City ids.
    provinces : sequence of str
    coding : {"first", "second", "either"}
        Whose codes of sector and indicator decide.

    Returns
    -------
    DataFrame
    """
    if coding not in (*CODINGS, "either"):
        raise MethodError(f"unknown coding {coding!r}", "coding", "give first, second or either")
    keep = pd.Series(True, index=reports.index)
    for codes, column in ((sectors, "sector"), (indicators, "indicator")):
        if codes:
            keep &= _coded(reports, column, codes, coding)
    if cities:
        keep &= reports["city_ids"].map(lambda ids: bool(set(ids) & set(cities)))
    if provinces:
        keep &= reports["province"].isin(list(provinces)).fillna(False).astype(bool)
    return reports[keep]


def _coded(reports: pd.DataFrame, column: str, codes: Sequence[str], coding: str) -> pd.Series[bool]:
    first, second = reports[column].isin(list(codes)), reports[f"{column}_second"].isin(list(codes))
    return {"first": first, "second": second, "either": first | second}[coding]


@dataclass(frozen=True)
class Tally:
    """How reports lean, under both codings.

    Attributes
    ----------
    worse_first, worse_second, other_first, other_second : int
        Reports that say worse, and all the rest, by the first and the second coder.
    networks : int
        Origin networks with at least one report that both coders call worse.
    reports : int
    frame : DataFrame
        ``coding``, ``worse``, ``mixed``, ``unchanged``, ``better``.
    """

    worse_first: int
    worse_second: int
    other_first: int
    other_second: int
    networks: int
    reports: int
    frame: pd.DataFrame

    def measures(self) -> dict[str, int]:
        """Return the measures that the rule ``reports_lean`` takes."""
        return {
            "worse_first": self.worse_first,
            "worse_second": self.worse_second,
            "other_first": self.other_first,
            "other_second": self.other_second,
            "networks": self.networks,
        }


def tally(reports: pd.DataFrame) -> Tally:
    """Count how reports lean under both codings."""
    order = ["worse", "mixed", "unchanged", "better"]
    counts = {c: reports[DIRECTION[c]].astype(str).value_counts().reindex(order, fill_value=0) for c in CODINGS}
    frame = pd.DataFrame([{"coding": c, **counts[c].to_dict()} for c in CODINGS])
    both = (reports["direction"] == "worse") & (reports["direction_second"] == "worse")
    return Tally(
        worse_first=int(counts["first"]["worse"]),
        worse_second=int(counts["second"]["worse"]),
        other_first=int(len(reports) - counts["first"]["worse"]),
        other_second=int(len(reports) - counts["second"]["worse"]),
        networks=int(reports.loc[both, "origin_network"].nunique()),
        reports=len(reports),
        frame=frame,
    )


def named_cause(reports: pd.DataFrame) -> dict[str, float | int]:
    """Return the share of worse reports that name sanctions as the cause, under both codings.

    Returns
    -------
    dict
        ``named_first``, ``named_second`` (0 to 1; "unclear" counts as not naming) and ``reports``: how many
        either coder calls worse. Measures of the rule ``cause_named_by_reports``.
    """
    worse = reports[(reports["direction"] == "worse") | (reports["direction_second"] == "worse")]
    shares = {f"named_{c}": float((worse[CAUSE[c]] == "yes").mean()) if len(worse) else 0.0 for c in CODINGS}
    return {**shares, "reports": len(worse)}


@dataclass(frozen=True, eq=False)
class Codes:
    """The columns of reports that a tally needs, so that hundreds of samples are counted in a moment.

    A sample is a mask, true for the rows that it holds.

    Attributes
    ----------
    last_day : array of datetime64
    networks : array of str
    worse, named : dict
        By coding, which rows say worse and which name sanctions as the cause.
    """

    last_day: NDArray[np.datetime64]
    networks: NDArray[np.object_]
    worse: dict[str, Mask]
    named: dict[str, Mask]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Codes:
        """Return the codes of reports, or of rows of the same shape."""
        return cls(
            last_day=rows["last_day"].to_numpy(),
            networks=rows["origin_network"].to_numpy(dtype=object),
            worse={coding: (rows[name] == "worse").to_numpy(bool) for coding, name in DIRECTION.items()},
            named={coding: (rows[name] == "yes").to_numpy(bool) for coding, name in CAUSE.items()},
        )

    def within(self, start: str, end: str) -> Mask:
        """Return which rows end within two months, both included."""
        month_after = np.datetime64(end, "M") + np.timedelta64(1, "M")
        mask: Mask = (self.last_day >= np.datetime64(start)) & (self.last_day < month_after)
        return mask

    def statement(self, sample: Mask) -> dict[str, float | int | bool]:
        """Return what :meth:`Tally.measures` gives for a sample."""
        count = {coding: int(worse[sample].sum()) for coding, worse in self.worse.items()}
        return {
            **{f"worse_{coding}": number for coding, number in count.items()},
            **{f"other_{coding}": int(sample.sum()) - number for coding, number in count.items()},
            "networks": len(set(self.networks[sample & self.worse["first"] & self.worse["second"]])),
        }

    def attribution(self, sample: Mask) -> dict[str, float | int | bool]:
        """Return what :func:`named_cause` gives for a sample."""
        told = sample & (self.worse["first"] | self.worse["second"])
        share = {
            f"named_{coding}": float(named[told].mean()) if told.any() else 0.0 for coding, named in self.named.items()
        }
        return {**share, "reports": int(told.sum())}

    def on_statement(self, claim: str, sample: Mask) -> dict[str, object]:
        """Return the verdict of :class:`Lean` on the statement, and the percentage behind it (None for no row)."""
        counted, measures = int(sample.sum()), self.statement(sample)
        return {
            "statement": claims.decide(claim, "statement", measures).verdict.value,
            "statement_estimate": 100 * measures["worse_first"] / counted if counted else None,
        }

    def on_cause(self, claim: str, sample: Mask, *, baseline: bool) -> dict[str, object]:
        """Return the verdict of :class:`Lean` on the cause, and the percentage behind it (None for no worse row)."""
        measures = self.attribution(sample)
        return {
            "attribution": claims.decide(claim, "attribution", {**measures, "baseline": baseline}).verdict.value,
            "attribution_estimate": 100 * measures["named_first"] if measures["reports"] else None,
        }


@dataclass(frozen=True)
class Lean:
    """How the reports on a claim lean, and what cause they name.

    Attributes
    ----------
    claim : str
    items : DataFrame
        The sample.
    tally : Tally
    cause : dict
        Measures of the rule on causes, but the baseline.
    baseline : DataFrame
        What is known from before 2017 and can be held against the sample.
    counted : str
        What the sample's rows are called.
    """

    claim: str
    items: pd.DataFrame
    tally: Tally
    cause: dict[str, float | int]
    baseline: pd.DataFrame
    counted: str = "reports"

    @property
    def worse_pct(self) -> tuple[float, float]:
        """Share that says worse, in percent, by the first and the second coding; 0 for an empty sample."""
        n = max(self.tally.reports, 1)
        return 100 * self.tally.worse_first / n, 100 * self.tally.worse_second / n

    @property
    def to_spare(self) -> int:
        """Rows that could stop to say worse before a coding falls short of the ledger's share; negative when short."""
        share = float(claims.claim(self.claim).criteria["statement"].thresholds["lean_share"])
        return min(self.tally.worse_first, self.tally.worse_second) - math.ceil(share * self.tally.reports)

    def measures(self, aspect: Aspect) -> dict[str, float | int | bool]:
        """Return what the ledger's rule for an aspect takes."""
        if aspect == "statement":
            return {**self.tally.measures()}
        return {**self.cause, "baseline": not self.baseline.empty}

    def facts(self, aspect: Aspect) -> dict[str, Any]:
        """Return estimate, range over the two codings, unit and n of a finding; no estimate for an empty sample."""
        if aspect == "statement":
            shares, n, unit = self.worse_pct, self.tally.reports, f"percent of {self.counted} that say worse"
        else:
            shares = (100 * self.cause["named_first"], 100 * self.cause["named_second"])
            n, unit = int(self.cause["reports"]), "percent of worse reports that name sanctions"
        known = {"estimate": shares[0], "low": min(shares), "high": max(shares)} if n else {}
        return {**known, "unit": unit, "n": n}

    def verdict(self, aspect: Aspect) -> str:
        """Return what the ledger's rule makes of the measures."""
        return claims.decide(self.claim, aspect, self.measures(aspect)).verdict.value
