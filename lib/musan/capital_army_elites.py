"""Were the capital, the army and the rich hit too? What field reports and figures say, and how they lean.

Each claim has a sample: the independent reports on it in a window of months, and figures where the ledger's
estimand names them. A figure from a page that a report of the sample already rests on is not counted again.
Every way to draw the sample is one field of :class:`Choices`; the ledger lists those that an analyst may defend.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from musan import claims, elite_figures, evidence, field_reports, multiverses
from musan.field_reports import Codes, Lean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.field_reports import Mask

CAPITAL, ARMY, ELITES = "pyongyang_feels_sanctions", "military_feels_sanctions", "elites_hit"
SUBJECTS = {CAPITAL: "the capital", ARMY: "the army", ELITES: "the rich"}
PYONGYANG = "C21"  # in the table of cities
FIGURES_ON_ARMY = "the army"  # subject of figures, in musan.elite_figures
OUTLET = "asiapress"  # the network whose article is under test
# What the rich earn and own, in reports and in figures.
ELITE_INDICATORS = ("elite_income", *elite_figures.ELITE_INDICATORS)
BEFORE = ("2016-01", "2017-06")  # as many months before the bans of 2017 as the ledger's window has after them
# What a direction says of a claim that things got worse.
GROUPS = {
    "worse": "as the claim says",
    "mixed": "neither",
    "unchanged": "against the claim",
    "better": "against the claim",
}
# What studies that speak of the capital find there, and the years of their data; both as read here. "Shielded"
# is against the rest of the country: none of them says that the capital lost nothing.
STUDIES = {
    "stanford-2014-08-countering-sanctions-unequal": ("1992-2010", "shielded"),
    "stanford-2016-10-international-isolation-regional": ("not given", "shielded"),
    "hastings-ubilava-wang-2016-10-effects-sanctions-food-prices": ("2010-2015", "hit"),
    "kiep-2022-01-efficacy-economic-sanctions-against": ("2012-2019", "shielded"),
    "donga-2023-12-sanctions-manufacturing-13-income": ("2013-2019", "shielded"),
    "piie-2014-04-night-i-regional-developments": ("1992-2012", "not on sanctions"),
    "chosun-2017-08-nighttime-luminosity": ("1992-2013", "not on sanctions"),
    "mendeley-nd-mapping-covid-19s-economic": ("2020-2022", "not on sanctions"),
}
# The choices that say which rows are found, which of them may count, and which are admitted.
_OF_FOUND = ("sectors_by", "army", "elites", "first_month", "last_month", "last_month_elites")
_OF_COUNTING = (*_OF_FOUND, "count_figures")
_OF_ADMITTED = ("inferred_dates", "doubtful_coding", "same_outlet")
_ON_THE_CAPITAL = r"Pyongyang|\bcapital\b(?! goods)"


@dataclass(frozen=True)
class Choices:
    """How the samples are drawn; the fields are the notebook's parameters.

    Attributes
    ----------
    first_month, last_month : str
        Reports count whose period ends within these months.
    last_month_elites : str
        The last month for the rich: the ledger's estimand for them reaches further.
    inferred_dates, doubtful_coding : bool
        Count rows whose date was worked out, or whose coding the codebook doubts.
    sectors_by : {"either", "first", "second"}
        Whose codes say what a report is on.
    same_outlet : bool
        Count other reports of the outlet whose article is under test.
    count_figures : {"as_stated", "all", "none"}
        Count figures where the estimand names them, for every claim, or for none.
    army : {"supply", "whole_sector"}
        Reports on food and supply of soldiers, or all on the army, its plants and its firms.
    elites : {"capital", "everywhere", "earnings_only", "with_trading_firms"}
        Reports and figures on the rich anywhere; of these only what they earn and own, not how busy restaurants
        are; only those in Pyongyang; or with those on trading firms.
    """

    first_month: str = "2017-07"
    last_month: str = "2018-12"
    last_month_elites: str = "2019-12"
    inferred_dates: bool = True
    doubtful_coding: bool = True
    sectors_by: str = "either"
    same_outlet: bool = True
    count_figures: str = "as_stated"
    army: str = "supply"
    elites: str = "capital"

    def window(self, claim: str) -> tuple[str, str]:
        """Return the first and the last month that count for a claim."""
        return self.first_month, self.last_month_elites if claim == ELITES else self.last_month

    def counts_figures(self, claim: str) -> bool:
        """Return whether figures count beside reports."""
        if self.count_figures == "as_stated":
            return "figures" in claims.claim(claim).estimand
        return self.count_figures == "all"


@dataclass(frozen=True)
class Pool:
    """All that samples are drawn from.

    Attributes
    ----------
    items : DataFrame
        Independent reports and all figures, one row each: ``kind`` (report, figure), ``first_day``, ``last_day``,
        ``place``, ``city_ids``, ``capital``, ``sector``, ``sector_second``, ``indicator``, ``indicator_second``,
        ``direction``, ``direction_second``, ``attributed_to_sanctions``, ``attributed_second``, ``origin_network``,
        ``date_inferred``, ``doubtful``, ``words``, ``publisher``, ``source_id``. The one judgement of a figure stands
        for both coders; a level to compare with has no direction.
    pairs : DataFrame
        Figures of one page from before and after; see :func:`musan.elite_figures.before_and_after`.
    """

    items: pd.DataFrame
    pairs: pd.DataFrame


def pool() -> Pool:
    """Return all independent reports, and all figures."""
    reports, figures = field_reports.independent(), elite_figures.table()
    items = pd.concat([_reports(reports), _figures(figures)], ignore_index=True)
    return Pool(items, elite_figures.before_and_after(figures))


def _reports(rows: pd.DataFrame) -> pd.DataFrame:
    coded = ["sector", "indicator", "direction"]
    columns = [*coded, *(f"{name}_second" for name in coded), *field_reports.CAUSE.values(), "origin_network"]
    return pd.DataFrame(
        {
            "kind": "report",
            "first_day": rows["first_day"],
            "last_day": rows["last_day"],
            "place": rows["place"].map("; ".join),
            "city_ids": rows["city_ids"],
            "capital": rows["city_ids"].map(lambda ids: PYONGYANG in ids),
            **{name: rows[name].astype(object) for name in columns},
            "date_inferred": rows["date_inferred"].astype(bool),
            "doubtful": rows["report_id"].isin(evidence.DOUBTFUL_CODING),
            "words": rows["paraphrase"].astype(object),
            "publisher": rows["outlet"].astype(object),
            "source_id": rows["source_id"].astype(object),
        }
    )


def _figures(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "kind": "figure",
            "first_day": rows["first_day"],
            "last_day": rows["last_day"],
            "place": rows["place"].astype(object),
            "capital": elite_figures.in_capital(rows),
            **dict.fromkeys(("sector", "sector_second"), rows["subject"]),
            **{name: rows["indicator"].astype(object) for name in ("indicator", "indicator_second")},
            **dict.fromkeys(field_reports.DIRECTION.values(), rows["direction"]),
            **dict.fromkeys(field_reports.CAUSE.values(), "not coded"),
            "origin_network": rows["origin_network"],
            "date_inferred": rows["date_inferred"].astype(bool),
            "doubtful": False,
            "words": rows["note"].fillna("").astype(object),
            "publisher": rows["publisher"],
            "source_id": rows["source_id"].astype(object),
        }
    )


def lean(claim: str, choices: Choices, drawn_from: Pool) -> Lean:
    """Return how the sample of a claim leans.

    Parameters
    ----------
    claim : str
        ``CAPITAL``, ``ARMY`` or ``ELITES``.
    choices : Choices
    drawn_from : Pool
    """
    pairs = drawn_from.pairs
    pairs = pairs[_found(claim, choices, pairs) & _admitted(choices, pairs)]
    last_pairs = pairs.drop_duplicates(["source_id", "indicator", "place", "unit"], keep="last")
    return _lean(claim, sample(claim, choices, drawn_from), last_pairs)


def _lean(claim: str, items: pd.DataFrame, pairs: pd.DataFrame) -> Lean:
    cause = field_reports.named_cause(items[items["kind"] == "report"])
    return Lean(claim, items, field_reports.tally(items), cause, pairs, counted="rows")


def sample(claim: str, choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return the reports and figures that count for a claim; rows of :class:`Pool`, the earliest end first."""
    items = drawn_from.items
    found = items[_may_count(claim, choices, items) & _admitted(choices, items)]
    return found.sort_values("last_day", kind="stable", ignore_index=True)


def _may_count(claim: str, choices: Choices, items: pd.DataFrame) -> Mask:
    """Return which of the rows found count if they are admitted: not those that a report tells already."""
    found, report = _found(claim, choices, items), (items["kind"] == "report").to_numpy()
    if not choices.counts_figures(claim):
        return found & report
    # A page told by a report does not come back as a figure because the report is left out for a caution.
    told = items["source_id"].isin(set(items["source_id"].to_numpy()[found & report])).to_numpy()
    mask: Mask = found & (report | ~told) & items["direction"].notna().to_numpy()
    return mask


def _found(claim: str, choices: Choices, rows: pd.DataFrame) -> Mask:
    """Return which reports, figures or pairs of figures are on the subject, and end within the window."""
    return _is_on(claim, choices, rows) & _within(rows, choices.window(claim))


def _is_on(claim: str, choices: Choices, rows: pd.DataFrame) -> Mask:
    """Return which reports, figures or pairs of figures are on a claim's subject."""
    capital = rows["capital"].to_numpy(dtype=bool)
    army_figure = (rows["sector"] == FIGURES_ON_ARMY).to_numpy()
    by = choices.sectors_by
    if claim == CAPITAL:
        return capital & ~army_figure
    if claim == ARMY:
        military = _coded(rows, "sector", ["military"], by)
        if choices.army == "whole_sector":
            return military | army_figure
        supply = _coded(rows, "indicator", ["military_supply"], by)
        return supply | (military & _coded(rows, "indicator", ["rations"], by)) | army_figure
    sectors = ["elite", "trading_company", "trading firms"] if choices.elites == "with_trading_firms" else ["elite"]
    rich = _coded(rows, "sector", sectors, by) | _coded(rows, "indicator", ELITE_INDICATORS, by)
    if choices.elites == "earnings_only":
        return rich & _coded(rows, "indicator", (*ELITE_INDICATORS, "wages", "prices"), by)
    return rich & capital if choices.elites == "capital" else rich


def _coded(rows: pd.DataFrame, column: str, codes: Sequence[str], by: str) -> Mask:
    """Return which rows a coder puts under one of the codes; a figure has one coder."""
    first = rows[column].isin(codes).to_numpy()
    second = rows[f"{column}_second"].isin(codes).to_numpy()
    return {"first": first, "second": second, "either": first | second}[by]


def _admitted(choices: Choices, rows: pd.DataFrame) -> Mask:
    """Return which rows the choices admit, whatever they are on."""
    keep = np.full(len(rows), True)
    if not choices.inferred_dates:
        keep &= ~rows["date_inferred"].to_numpy(dtype=bool)
    if not choices.doubtful_coding:
        keep &= ~rows["doubtful"].to_numpy(dtype=bool)
    if not choices.same_outlet:
        keep &= (rows["origin_network"] != OUTLET).to_numpy()
    return keep


def _within(rows: pd.DataFrame, window: tuple[str, str]) -> Mask:
    start, end = window
    last = rows["last_day"].to_numpy()
    mask: Mask = (last >= np.datetime64(start)) & (last < np.datetime64(end) + np.timedelta64(1, "M"))
    return mask


def groups(items: pd.DataFrame) -> pd.DataFrame:
    """Return how many rows of a sample speak as the claim says, for neither, and against it, under both codings.

    Returns
    -------
    DataFrame
        Indexed by coding (first, second), one column a group.
    """
    order = list(dict.fromkeys(GROUPS.values()))
    counts = {
        coding: items[column].map(GROUPS).value_counts().reindex(order, fill_value=0)
        for coding, column in field_reports.DIRECTION.items()
    }
    return pd.DataFrame(counts).T.astype(int).rename_axis("coding")


def by_half_year(
    claim: str, choices: Choices, drawn_from: Pool, start: str = "2016-01", end: str = "2019-12"
) -> pd.DataFrame:
    """Return :func:`groups` for each half-year in which what is reported on ended, whatever the claim's own window.

    Returns
    -------
    DataFrame
        ``year``, ``half`` (first, second), ``coding`` and one column a group; also for half-years without a row.
    """
    wide = replace(choices, first_month=start, last_month=end, last_month_elites=end)
    items = sample(claim, wide, drawn_from)
    of_row = items["last_day"].map(_half_year)
    halves = dict.fromkeys(_half_year(day) for day in pd.period_range(start, end, freq="M").to_timestamp())
    parts = [groups(items[of_row == half]).reset_index().assign(year=half[0], half=half[1]) for half in halves]
    return pd.concat(parts, ignore_index=True)


def _half_year(day: pd.Timestamp) -> tuple[int, str]:
    return day.year, "first" if day.month <= 6 else "second"


def opposite_reports(items: pd.DataFrame) -> pd.DataFrame:
    """Return the rows on one indicator in one quarter that at least two networks describe in opposite ways.

    A row takes part only when both coders agree that it is worse, or that it is not.
    """
    first, second = (items[column].map(GROUPS) for column in field_reports.DIRECTION.values())
    clear = items.assign(says=first, quarter=items["last_day"].dt.to_period("Q"))[(first == second)]
    clear = clear[clear["says"] != "neither"]
    sides = clear.groupby(["quarter", "indicator"])[["says", "origin_network"]].transform("nunique")
    return clear[(sides["says"] > 1) & (sides["origin_network"] > 1)].drop(columns="quarter")


def before_and_since(choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return how the same samples lean in the months before the bans of 2017: a placebo in time.

    Returns
    -------
    DataFrame
        One row a claim and window: ``subject``, ``months``, ``n``, ``worse_first_pct``, ``worse_second_pct`` (missing
        where n is 0), ``networks``, ``verdict`` of the ledger's rule on the statement.
    """
    early = replace(choices, first_month=BEFORE[0], last_month=BEFORE[1], last_month_elites=BEFORE[1])
    return pd.DataFrame(
        [
            {"subject": subject, "months": " to ".join(drawn.window(claim))} | _row(lean(claim, drawn, drawn_from))
            for claim, subject in SUBJECTS.items()
            for drawn in (early, choices)
        ]
    )


def without_each_network(choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return how each sample leans with all networks and when one is left out.

    Returns
    -------
    DataFrame
        ``subject``, ``without`` (the network left out, or empty) and the columns of :func:`before_and_since`.
    """
    rows = []
    for claim, subject in SUBJECTS.items():
        whole = lean(claim, choices, drawn_from)
        rows.append({"subject": subject, "without": ""} | _row(whole))
        for network in sorted(set(whole.items["origin_network"])):
            kept = whole.items[whole.items["origin_network"] != network]
            rows.append({"subject": subject, "without": network} | _row(_lean(claim, kept, whole.baseline)))
    return pd.DataFrame(rows)


def _row(leaning: Lean) -> dict[str, object]:
    known = leaning.tally.reports > 0
    return {
        "n": leaning.tally.reports,
        "worse_first_pct": leaning.worse_pct[0] if known else None,
        "worse_second_pct": leaning.worse_pct[1] if known else None,
        "networks": leaning.tally.networks,
        "verdict": leaning.verdict("statement"),
    }


def specifications(claim: str, choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return both verdicts on a claim under every combination of the ledger's choices.

    Returns
    -------
    DataFrame
        One row a combination: a column for each choice, ``n``, ``statement``, ``attribution``, and the percentage
        behind each by the first coder (``statement_estimate``, ``attribution_estimate``; missing for an empty
        sample); the same as :func:`lean` gives, without drawing each sample as a frame.
    """
    grid = claims.claim(claim).choices
    named: list[dict[str, Any]] = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    drawn = [replace(choices, **one) for one in named]
    items, pairs = drawn_from.items, drawn_from.pairs
    codes, report = Codes.of(items), (items["kind"] == "report").to_numpy()
    counting = multiverses.once(lambda one: _may_count(claim, one, items), drawn, _OF_COUNTING)
    admitted = multiverses.once(lambda one: _admitted(one, items), drawn, _OF_ADMITTED)
    pairs_found = multiverses.once(lambda one: _found(claim, one, pairs), drawn, _OF_FOUND)
    pairs_admitted = multiverses.once(lambda one: _admitted(one, pairs), drawn, _OF_ADMITTED)
    rows = []
    for i, chosen in enumerate(named):
        mask, known = counting[i] & admitted[i], bool((pairs_found[i] & pairs_admitted[i]).any())
        said = codes.on_statement(claim, mask) | codes.on_cause(claim, mask & report, baseline=known)
        rows.append({**chosen, "n": int(mask.sum()), **said})
    return pd.DataFrame(rows)


def hunger_in_the_army(drawn_from: Pool) -> pd.DataFrame:
    """Return every report and figure on food and supply of soldiers, whenever it was.

    Returns
    -------
    DataFrame
        Rows of :class:`Pool` with ``names_sanctions`` (yes, one coder, no, not coded) and ``when`` (a month, a year
        or a span of years, in words); dated rows only, the earliest first. A figure from a page that a report rests
        on is left out.
    """
    items = drawn_from.items
    ever = Choices("1900-01", "2100-12", count_figures="all")
    both = items[_may_count(ARMY, ever, items) & _admitted(ever, items)]
    named = [
        _naming(first, second)
        for first, second in zip(both["attributed_to_sanctions"], both["attributed_second"], strict=True)
    ]
    when = [_when(first, last) for first, last in zip(both["first_day"], both["last_day"], strict=True)]
    both = both.assign(names_sanctions=named, when=when)
    return both.sort_values(["first_day", "last_day"], kind="stable", ignore_index=True)


def _when(first: pd.Timestamp, last: pd.Timestamp) -> str:
    if first.year != last.year:
        return f"{first.year} to {last.year}"
    return f"{last:%B %Y}" if first.month == last.month else str(last.year)


def _naming(first: str, second: str) -> str:
    if "not coded" in (first, second):
        return "not coded"
    return {2: "yes", 1: "one coder", 0: "no"}[(first == "yes") + (second == "yes")]


def studies_of_the_capital() -> pd.DataFrame:
    """Return what published studies say of the capital.

    Returns
    -------
    DataFrame
        Rows of ``literature_results`` that speak of Pyongyang or the capital, with ``data_of`` (years) and
        ``capital`` (shielded, hit, not on sanctions; "not judged" for a study that was added since).
    """
    table = evidence.load("literature_results")
    words = table[["outcome", "estimate_text", "sample", "note"]].fillna("").agg(" ".join, axis=1)
    found = table[words.str.contains(_ON_THE_CAPITAL)]
    read = found["source_id"].map(STUDIES)
    return found.assign(
        data_of=[item[0] if isinstance(item, tuple) else "not judged" for item in read],
        capital=[item[1] if isinstance(item, tuple) else "not judged" for item in read],
    )
