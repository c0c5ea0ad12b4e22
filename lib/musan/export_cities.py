"""Were export cities hit hardest, and did the rest get worse? Exposure of towns, and what reports say of them.

A town is exposed to what the country lost of the goods that the town is stated to export. Reports are graded
from better to worse and grouped by town. Towns without a stated product are unknown, which is not the same as not
exposed. Every way to draw the samples is one field of :class:`Choices`; the ledger lists those that may be defended.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from musan import claims, evidence, field_reports, multiverses
from musan.errors import MethodError
from musan.field_reports import Codes, Lean
from musan.methods import coders
from musan.methods.exposure import ExposureIndex, exposure_index
from musan.methods.gradient import SeverityGradient, severity_gradient
from musan.methods.ranks import RankIntervals, rank_intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.field_reports import Mask

HARDEST, ELSEWHERE, MILLS = "export_cities_hit_hardest", "other_areas_deteriorating", "mills_almost_shut"
SUBJECTS = {HARDEST: "export towns", ELSEWHERE: "elsewhere", MILLS: "steel mills"}
PYONGYANG, MUSAN = "C21", "C01"  # in the table of cities
NETWORKS = {
    "dailynk": "Daily NK",
    "asiapress": "ASIAPRESS",
    "rfa": "RFA",
    "voa": "VOA",
    "other_press": "other press",
    "analyst": "analysts",
}
OUTLET = "asiapress"  # the network whose article is under test
SEVERITY = {"worse": 1, "mixed": 0, "unchanged": 0, "better": -1}
BEFORE = ("2016-01", "2017-06")  # as many months before the bans of August 2017 as the ledger's window has after them
SANCTIONS_YEAR = pd.Timestamp("2017-01-01")  # what ended earlier is a baseline
# What a town may be stated to export, and the codes under which China's customs print it. Ores other than iron and
# magnesite are not printed by product: their loss is that of all goods that are not printed.
PRODUCTS = {
    "iron_ore": ("2601",),
    "coal": ("2701",),
    "seafood": ("03",),
    "textiles": ("61", "62"),
    "other_minerals": (),
}
PRINTED = ("03", "2601", "2701", "2716", "61", "62", "6704")
# Sectors in which a report on a province is a report on an export trade.
EXPORT_TRADES = ("iron_mining", "coal_mining", "other_mining", "fishery", "textile", "trading_company")
AS_CLAIMED, REVERSE, METHOD, NOT_ON_IT = "as the claim says", "the reverse", "on measurement", "not on it"
# What studies of night lights find for export towns against the rest, and the years of their data; as read here.
STUDIES = {
    "stanford-2014-08-countering-sanctions-unequal": ("1992-2010", REVERSE),
    "stanford-2016-10-international-isolation-regional": ("not given", REVERSE),
    "kiep-2022-01-efficacy-economic-sanctions-against": ("2012-2019", REVERSE),
    "snu-2023-03-measuring-economic-impact-trade": ("2013-2019", AS_CLAIMED),
    "economic-inquiry-2024-measurement-errors-popular-night": ("around 2016", METHOD),
    "yonhap-2023-12-sanctions-cut-manufacturing-12": ("2013-2019", NOT_ON_IT),
    "news1-2023-12-sanctions-cut-manufacturing-12": ("2013-2019", NOT_ON_IT),
    "piie-2014-04-night-i-regional-developments": ("1992-2012", NOT_ON_IT),
    "chosun-2017-08-nighttime-luminosity": ("1992-2013", NOT_ON_IT),
    "mendeley-nd-mapping-covid-19s-economic": ("2020-2022", NOT_ON_IT),
    "globalization-health-2024-covid-19-policy-dilemma": ("2019-2020", NOT_ON_IT),
    "science-advances-2020-07-illuminating-dark-fishing-fleets": ("2017-2018", NOT_ON_IT),
}
_OF_SUBJECT = ("with_capital", "elsewhere", "sectors_by")  # the choices that say what a report is on
_OF_EXPOSURE = ("with_capital", "exposure_by", "unknown_flags")
_OF_WINDOW = ("first_month", "last_month", "inferred_dates", "doubtful_coding", "same_outlet")
_ON_LIGHTS = r"(?i)\blights?\b|luminosity|VIIRS|DMSP"


@dataclass(frozen=True)
class Choices:
    """How samples are drawn and exposure is measured; the fields are parameters of the notebook.

    Attributes
    ----------
    first_month, last_month : str
        Reports count whose period ends within these months.
    coding : {"first", "second"}
        Whose directions grade severity in the slope; shares are always taken under both.
    exposure_by : {"share_lost", "dollars_per_head"}
        A town's exposure: the mean loss over its stated goods, or the dollars lost for each inhabitant when the loss
        of a good is shared evenly among the towns stated to export it. Both are scaled so that the most exposed
        town has 1.
    unknown_flags : {"left_out", "not_exposed"}
        Towns without a stated product: left out of the slope, or counted as not exposed.
    with_capital : bool
        Count Pyongyang among the towns that export.
    elsewhere : {"towns_and_provinces", "towns", "no_export_town"}
        What is elsewhere: towns without a stated product and, outside the export trades, provinces; these towns
        alone; or every report that names no town with a product.
    sectors_by : {"either", "first", "second"}
        Whose codes say that a report is on steel or on an export trade.
    inferred_dates, doubtful_coding : bool
        Count reports whose date was worked out, or whose coding the codebook doubts.
    same_outlet : bool
        Count other reports of the outlet whose article is under test.
    """

    first_month: str = "2017-07"
    last_month: str = "2018-12"
    coding: str = "first"
    exposure_by: str = "share_lost"
    unknown_flags: str = "left_out"
    with_capital: bool = True
    elsewhere: str = "towns_and_provinces"
    sectors_by: str = "either"
    inferred_dates: bool = True
    doubtful_coding: bool = True
    same_outlet: bool = True


@dataclass(frozen=True)
class Pool:
    """All that samples are drawn from.

    Attributes
    ----------
    reports : DataFrame
        Independent reports with ``first_day`` and ``last_day``, and ``about``: ``export town`` (names a town with a
        stated good among the five), ``other product`` (names one whose goods are others), ``no product`` (names
        towns without a stated product only) or ``no town``.
    towns : DataFrame
        By city id: ``name``, ``province``, ``latitude``, ``longitude``, ``population``, ``stated`` (``exports``,
        ``other product``, ``unknown``) and a bool a good.
    losses : DataFrame
        From :func:`losses`.
    """

    reports: pd.DataFrame
    towns: pd.DataFrame
    losses: pd.DataFrame


def pool() -> Pool:
    """Return all independent reports, the towns and the loss by good."""
    places = towns()
    reports = field_reports.independent()
    about = [_about(ids, places["stated"]) for ids in reports["city_ids"]]
    return Pool(reports.assign(about=about), places, losses())


def _about(ids: tuple[str, ...], stated: pd.Series[str]) -> str:
    kinds = {stated[city] for city in ids}
    words = {"exports": "export town", "other product": "other product", "unknown": "no product"}
    return next((word for kind, word in words.items() if kind in kinds), "no town")


def losses(before: int = 2016, after: int = 2018) -> pd.DataFrame:
    """Return what the country lost, by good that towns are stated to export: China's imports in two years.

    Returns
    -------
    DataFrame
        Indexed by good: ``before_usd_million``, ``after_usd_million``, ``lost_usd_million``, ``lost_share`` (0 to 1).
        Other minerals are not printed: theirs are the figures of all goods that are not printed.
    """
    table = evidence.load("imports_from_dprk_by_product_china")
    values = [_by_code(table[table["year"].dt.year == year]) for year in (before, after)]
    rows = {good: [_worth(by_code, codes) for by_code in values] for good, codes in PRODUCTS.items()}
    frame = pd.DataFrame(rows, index=["before_usd_million", "after_usd_million"]).T.rename_axis("good")
    frame["lost_usd_million"] = frame["before_usd_million"] - frame["after_usd_million"]
    return frame.assign(lost_share=(frame["lost_usd_million"] / frame["before_usd_million"]).clip(lower=0))


def _by_code(table: pd.DataFrame) -> pd.Series[float]:
    return table["value_usd"].astype(float).div(1e6).groupby(table["hs_code"].astype(str)).sum()


def _worth(by_code: pd.Series[float], codes: tuple[str, ...]) -> float:
    if codes:
        return float(by_code[list(codes)].sum())
    return float(by_code["TOTAL"] - by_code[list(PRINTED)].sum())


def towns() -> pd.DataFrame:
    """Return the towns with what they are stated to export; see :class:`Pool`."""
    table = evidence.load("cities").set_index("city_id")
    flags = pd.DataFrame({good: table[f"exports_{good}"].astype(str) for good in PRODUCTS})
    stated = np.select([(flags == "yes").any(axis=1), (flags == "unknown").all(axis=1)], ["exports", "unknown"], "")
    return pd.DataFrame(
        {
            "name": table["name"].astype(object),
            "province": table["province"].astype(object),
            "latitude": table["latitude"].astype(float),
            "longitude": table["longitude"].astype(float),
            "population": table["population_2008"].astype(float),
            "stated": pd.Series(stated, index=table.index).replace("", "other product"),
            **{good: flags[good] == "yes" for good in PRODUCTS},
        }
    )


def exposure(choices: Choices, drawn_from: Pool) -> pd.Series[float]:
    """Return the exposure of each town that has one, by city id, from 0 to 1 for the most exposed.

    Under ``dollars_per_head`` towns without a census figure are left out.
    """
    known = _counted(choices, drawn_from)
    if choices.exposure_by == "share_lost":
        found = index_of_exposure(choices, drawn_from).frame.set_index("place")["exposure"]
    else:
        makers = drawn_from.towns[list(PRODUCTS)].astype(float)
        dollars = 1e6 * (makers / makers.sum().clip(lower=1)) @ drawn_from.losses["lost_usd_million"]
        found = (dollars / drawn_from.towns["population"]).reindex(known.index).dropna()
    scaled: pd.Series[float] = (found / found.max()).rename("exposure")
    return scaled


def _counted(choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return the towns that take part in the slope."""
    places = drawn_from.towns
    keep = pd.Series(True, index=places.index)
    if choices.unknown_flags == "left_out":
        keep &= places["stated"] != "unknown"
    if not choices.with_capital:
        keep &= places.index != PYONGYANG
    return places[keep]


def index_of_exposure(choices: Choices, drawn_from: Pool) -> ExposureIndex:
    """Return exposure as a shift-share index: each stated good of a town weighs the same."""
    goods = _counted(choices, drawn_from)[list(PRODUCTS)].astype(float)
    shares = goods.div(goods.sum(axis=1).clip(lower=1), axis=0)
    return exposure_index(shares, drawn_from.losses["lost_share"].reindex(shares.columns))


def window(choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return the reports that the choices admit, whatever they are on."""
    return drawn_from.reports[_admitted(choices, drawn_from.reports, Codes.of(drawn_from.reports))]


def _admitted(choices: Choices, rows: pd.DataFrame, codes: Codes) -> Mask:
    """Return which reports the choices admit."""
    keep = codes.within(choices.first_month, choices.last_month)
    if not choices.inferred_dates:
        keep &= ~rows["date_inferred"].to_numpy(bool)
    if not choices.doubtful_coding:
        keep &= ~rows["report_id"].isin(evidence.DOUBTFUL_CODING).to_numpy(bool)
    if not choices.same_outlet:
        keep &= codes.networks != OUTLET
    return keep


def sample(claim: str, choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return the reports that count for a claim, the earliest end first."""
    rows = window(choices, drawn_from)
    found = rows[_is_on(claim, choices, rows, drawn_from)]
    return found.sort_values("last_day", kind="stable")


def _is_on(claim: str, choices: Choices, rows: pd.DataFrame, drawn_from: Pool) -> pd.Series[bool]:
    if claim == MILLS:
        return _in_sectors(rows, ("steel",), choices.sectors_by)
    if claim == HARDEST:
        return _names_exporter(choices, rows, drawn_from)
    town = rows["about"] == "no product"
    if choices.elsewhere == "towns":
        return town
    if choices.elsewhere == "no_export_town":
        return town | (rows["about"] == "no town")
    province = (rows["about"] == "no town") & rows["province"].notna()
    return town | (province & ~_in_sectors(rows, EXPORT_TRADES, choices.sectors_by))


def _names_exporter(choices: Choices, rows: pd.DataFrame, drawn_from: Pool) -> pd.Series[bool]:
    exporters = set(drawn_from.towns.index[drawn_from.towns["stated"] == "exports"])
    exporters -= set() if choices.with_capital else {PYONGYANG}
    return rows["city_ids"].map(lambda ids: bool(set(ids) & exporters)).astype(bool)


def _in_sectors(rows: pd.DataFrame, sectors: tuple[str, ...], by: str) -> pd.Series[bool]:
    chosen = field_reports.on(rows, sectors=sectors, coding=by).index
    return pd.Series(rows.index.isin(chosen), index=rows.index)


def graded(choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return one row a report and town with an exposure.

    Returns
    -------
    DataFrame
        Columns of the reports, with ``town`` (a city id) and ``severity`` (worse 1, mixed and unchanged 0, better -1).
        A report that names two towns counts in both.
    """
    return _graded(choices, drawn_from, exposure(choices, drawn_from))


def _by_town(reports: pd.DataFrame) -> pd.DataFrame:
    """Return one row a report and town."""
    return reports.explode("city_ids").rename(columns={"city_ids": "town"})


def _graded(choices: Choices, drawn_from: Pool, known: pd.Series[float]) -> pd.DataFrame:
    by_town = _by_town(drawn_from.reports)
    mask = _admitted(choices, by_town, Codes.of(by_town)) & _exposed(by_town, known)
    return _with_severity(choices, by_town[mask])


def _exposed(by_town: pd.DataFrame, known: pd.Series[float]) -> Mask:
    """Return which rows are on a town with an exposure."""
    return by_town["town"].isin(known.index).to_numpy()


def _with_severity(choices: Choices, rows: pd.DataFrame) -> pd.DataFrame:
    severity = rows[field_reports.DIRECTION[choices.coding]].astype(str).map(SEVERITY)
    return rows.assign(severity=severity).reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Gradient:
    """Whether reports are worse where exposure is greater.

    Attributes
    ----------
    fit : SeverityGradient or None
        None where so few places, or so little difference among them, allow no slope.
    effective_places : float
        Places, were all to have equally many reports.
    rows : DataFrame
        What was fitted, from :func:`graded`.
    places : DataFrame
        One row a place: ``place`` (id), ``name``, ``exposure``, ``reports``, ``worse``, ``better``, ``mean_severity``.
    """

    fit: SeverityGradient | None
    effective_places: float
    rows: pd.DataFrame
    places: pd.DataFrame

    def measures(self) -> dict[str, float | None]:
        """Return the measures of the rule ``gradient``; an end that is not known is None."""
        return {**_ends(self.fit), "effective_places": self.effective_places}

    def facts(self) -> dict[str, Any]:
        """Return estimate, interval, unit and n of a finding; no estimate without a slope."""
        unit = "steps of severity from the least to the most exposed town"
        if self.fit is None:
            return {"unit": unit, "n": len(self.rows)}
        ends = self.measures()
        interval = {"low": ends["slope_low"], "high": ends["slope_high"]}
        return {"estimate": self.fit.slope, **interval, "unit": unit, "n": self.fit.n}


def gradient(choices: Choices, drawn_from: Pool, *, permutations: int, seed: int) -> Gradient:
    """Return how severity rises with exposure, with inference over places."""
    known = exposure(choices, drawn_from)
    rows = _graded(choices, drawn_from, known)
    return _gradient(rows, known, drawn_from, permutations, seed)


def _gradient(rows: pd.DataFrame, known: pd.Series[float], drawn_from: Pool, permutations: int, seed: int) -> Gradient:
    fit = _fit(rows, known, permutations, seed)
    return Gradient(fit, effective_places(rows["town"]), rows, _by_place(rows, known, drawn_from))


def _fit(rows: pd.DataFrame, known: pd.Series[float], permutations: int, seed: int) -> SeverityGradient | None:
    try:
        return severity_gradient(rows["severity"], known, rows["town"], permutations=permutations, seed=seed)
    except MethodError:  # fewer than four places, or nothing that differs
        return None


def _ends(fit: SeverityGradient | None) -> dict[str, float | None]:
    """Return the interval of a slope and the least that would be found, None for what is not known."""
    ends = (None, None, None) if fit is None else (fit.low, fit.high, fit.detectable)
    names = ("slope_low", "slope_high", "detectable")
    return {n: None if x is None or not math.isfinite(x) else x for n, x in zip(names, ends, strict=True)}


def effective_places(place: pd.Series[str]) -> float:
    """Return the number of places, were all to have equally many reports; 0 without a report."""
    counts = np.array(list(Counter(place).values()), dtype=float)
    return float(counts.sum() ** 2 / (counts**2).sum()) if len(counts) else 0.0


def _by_place(rows: pd.DataFrame, known: pd.Series[float], drawn_from: Pool) -> pd.DataFrame:
    severity, town = rows["severity"], rows["town"]
    groups = severity.groupby(town)
    frame = pd.DataFrame(
        {
            "exposure": known.reindex(list(groups.groups)),
            "reports": groups.size(),
            "worse": severity.eq(1).groupby(town).sum(),
            "better": severity.eq(-1).groupby(town).sum(),
            "mean_severity": groups.mean(),
        }
    ).rename_axis("place")
    frame.insert(0, "name", drawn_from.towns["name"].reindex(frame.index))
    return frame.sort_values(["exposure", "reports"], ascending=False, kind="stable").reset_index()


def ranked(found: Gradient, *, least_reports: int = 3, draws: int = 2000, seed: int) -> RankIntervals:
    """Return which towns may be called hardest hit, by mean severity.

    Standard errors are the spread of all reports about their town's mean, over the root of a town's reports: a town's
    own spread is not known from three reports, and is nil where all agree.
    """
    often = found.places[found.places["reports"] >= least_reports].set_index("name")
    rest = found.rows["severity"] - found.rows.groupby("town")["severity"].transform("mean")
    spread = float(np.sqrt((rest**2).sum() / max(len(rest) - len(found.places), 1)))
    errors = spread / often["reports"].astype(float).pow(0.5)
    return rank_intervals(often["mean_severity"], standard_errors=errors, draws=draws, seed=seed)


def lean(claim: str, choices: Choices, drawn_from: Pool) -> Lean:
    """Return how the sample of a claim leans."""
    return _lean(claim, sample(claim, choices, drawn_from), choices, drawn_from)


def _lean(claim: str, items: pd.DataFrame, choices: Choices, drawn_from: Pool) -> Lean:
    before = baseline(claim, items, choices, drawn_from)
    return Lean(claim, items, field_reports.tally(items), field_reports.named_cause(items), before)


def baseline(claim: str, items: pd.DataFrame, choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return reports that ended before 2017 and can be held against a report of the sample that says worse.

    For the mills a report on steel; else one on the same indicator in the same town or, where a report names none,
    the same province.
    """
    rows = drawn_from.reports
    early = rows[rows["last_day"] < SANCTIONS_YEAR]
    early = early[_is_on(claim, choices, early, drawn_from)]
    if claim == MILLS:
        return early
    worse = items[(items["direction"] == "worse") | (items["direction_second"] == "worse")]
    wanted = set().union(*_keys(worse))
    return early[[bool(wanted & keys) for keys in _keys(early)]]


def _keys(rows: pd.DataFrame) -> list[set[tuple[str, str]]]:
    """Return the places of each report, its province where it names no town, with its indicator."""
    columns = zip(rows["city_ids"], rows["province"], rows["indicator"], strict=True)
    return [
        {(str(place), str(indicator)) for place in (towns_named or (() if pd.isna(province) else (province,)))}
        for towns_named, province, indicator in columns
    ]


def groups(choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return how reports on export towns and on the rest lean, side by side.

    Returns
    -------
    DataFrame
        One row a group of places: ``group``, ``reports``, ``networks`` (all that report), ``worse_first``,
        ``worse_second``, ``worse_first_pct``, ``worse_second_pct``, ``better_first``, ``without_better_pct`` (the share
        that says worse when every report of betterment is taken as found only by the search for contrary ones).
    """
    rows = window(choices, drawn_from)
    exporter = _names_exporter(choices, rows, drawn_from)
    trade = _in_sectors(rows, EXPORT_TRADES, choices.sectors_by)
    no_town = rows["about"] == "no town"
    parts = {
        "towns with a stated export good": exporter,
        "towns with another product": rows["about"] == "other product",
        "towns without a stated product": rows["about"] == "no product",
        "provinces, outside export trades": no_town & rows["province"].notna() & ~trade,
        "provinces, export trades": no_town & rows["province"].notna() & trade,
        "whole country or no province": no_town & rows["province"].isna(),
    }
    return pd.DataFrame([{"group": name, **_counts(rows[mask])} for name, mask in parts.items()])


def _counts(rows: pd.DataFrame) -> dict[str, float | int | None]:
    n, tally = len(rows), field_reports.tally(rows)
    better = int((rows["direction"] == "better").sum())
    return {
        "reports": n,
        "networks": int(rows["origin_network"].nunique()),
        "worse_first": tally.worse_first,
        "worse_second": tally.worse_second,
        "worse_first_pct": 100 * tally.worse_first / n if n else None,
        "worse_second_pct": 100 * tally.worse_second / n if n else None,
        "better_first": better,
        "without_better_pct": 100 * tally.worse_first / (n - better) if n > better else None,
    }


def contrary_to_drop(leaning: Lean) -> int | None:
    """Return how many reports that are not worse would have to be dropped for two thirds to lean to worse.

    0 if they lean so already, None if nothing is worse. Tells how much the search for contrary reports can matter.
    """
    share = float(claims.claim(ELSEWHERE).criteria["statement"].thresholds["lean_share"])
    tally = leaning.tally
    if min(tally.worse_first, tally.worse_second) == 0:
        return None
    pairs = ((tally.worse_first, tally.other_first), (tally.worse_second, tally.other_second))
    return max(0, *(math.ceil(other - worse * (1 - share) / share - 1e-9) for worse, other in pairs))


def agreement_of_coders(choices: Choices, drawn_from: Pool, *, seed: int) -> pd.DataFrame:
    """Return how far the two coders agree on the reports of the window, by variable."""
    names = {
        "direction": ("direction", "direction_second"),
        "cause": ("attributed_to_sanctions", "attributed_second"),
        "sector": ("sector", "sector_second"),
        "indicator": ("indicator", "indicator_second"),
    }
    rows = window(choices, drawn_from)
    codes = rows[[column for pair in names.values() for column in pair]].astype(str)
    return coders.compare_codings(codes, names, draws=500, seed=seed).frame


def by_sector(choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return reports of the window by the first coder's sector and direction, with the second coder's "worse".

    Returns
    -------
    DataFrame
        ``sector``, ``reports``, ``export_town`` (of them on a town with a stated export good), ``worse``, ``mixed``,
        ``unchanged``, ``better``, ``worse_second``.
    """
    rows = window(choices, drawn_from)
    sector = rows["sector"].astype(str)
    counts = pd.crosstab(sector, rows["direction"].astype(str)).reindex(columns=list(SEVERITY), fill_value=0)
    counts.insert(0, "export_town", (rows["about"] == "export town").groupby(sector).sum())
    counts.insert(0, "reports", rows.groupby(sector).size())
    counts["worse_second"] = (rows["direction_second"] == "worse").groupby(sector).sum()
    return counts.sort_values("reports", ascending=False, kind="stable").rename_axis("sector").reset_index()


def timeline(choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return one row a report and place, to be drawn by month.

    Returns
    -------
    DataFrame
        ``row`` (an export town by name, or ``other towns`` or ``no town named``), ``month``, ``level`` (0 for the first
        report of that row, direction and month, and so on), ``direction``, ``report_id``, ``source_id``.
    """
    rows = window(choices, drawn_from).explode("city_ids").sort_values("last_day", kind="stable")
    exporters = (
        drawn_from.towns.loc[drawn_from.towns["stated"] == "exports", "name"].str.split(" (", regex=False).str[0]
    )
    name = rows["city_ids"].map(exporters).astype(object)
    name = name.where(name.notna(), np.where(rows["city_ids"].isna(), "no town named", "other towns"))
    frame = pd.DataFrame(
        {
            "row": name.to_numpy(),
            "month": rows["last_day"].dt.to_period("M").to_numpy(),
            "direction": rows["direction"].astype(str).to_numpy(),
            "report_id": rows["report_id"].to_numpy(),
            "source_id": rows["source_id"].to_numpy(),
        }
    ).drop_duplicates(["row", "report_id"])
    return frame.assign(level=frame.groupby(["row", "month"]).cumcount()).reset_index(drop=True)


def networks(choices: Choices, drawn_from: Pool) -> pd.DataFrame:
    """Return who reports on what: reports by origin network and kind of place, with the outlets that carried them."""
    rows = window(choices, drawn_from)
    counts = pd.crosstab(rows["origin_network"].astype(str), rows["about"])
    counts = counts.reindex(columns=["export town", "other product", "no product", "no town"], fill_value=0)
    counts.columns = counts.columns.str.replace(" ", "_")
    outlets = rows.groupby(rows["origin_network"].astype(str))["outlet"].nunique().rename("outlets")
    worse = (rows["direction"] == "worse").groupby(rows["origin_network"].astype(str)).mean().mul(100)
    table = counts.assign(reports=counts.sum(axis=1)).join(outlets).join(worse.rename("worse_first_pct"))
    return (
        table.sort_values("reports", ascending=False, kind="stable")
        .rename(index=NETWORKS)
        .rename_axis("network")
        .reset_index()
    )


def slopes_without(choices: Choices, drawn_from: Pool, *, permutations: int, seed: int) -> pd.DataFrame:
    """Return the slope with all reports, before the bans, without each large town and without each network.

    Returns
    -------
    DataFrame
        ``reading``, ``reports``, ``places``, ``effective_places``, ``slope``, ``low``, ``high``, ``verdict``.
    """
    rows, names = graded(choices, drawn_from), drawn_from.towns["name"]
    known = exposure(choices, drawn_from)
    early = replace(choices, first_month=BEFORE[0], last_month=BEFORE[1])
    parts = {"all reports": rows, "before the bans (placebo)": graded(early, drawn_from)}
    for place, n in rows["town"].value_counts().items():
        if n >= 3:
            parts[f"without {names[str(place)]}"] = rows[rows["town"] != place]
    for network in sorted(set(rows["origin_network"].astype(str))):
        parts[f"without {NETWORKS.get(network, network)}"] = rows[rows["origin_network"].astype(str) != network]
    return pd.DataFrame(
        [{"reading": name, **_slope_row(part, _fit(part, known, permutations, seed))} for name, part in parts.items()]
    )


def _slope_row(rows: pd.DataFrame, fit: SeverityGradient | None) -> dict[str, object]:
    places = effective_places(rows["town"])
    ends = {**_ends(fit), "effective_places": places}
    return {
        "reports": len(rows),
        "places": rows["town"].nunique(),
        "effective_places": places,
        "slope": None if fit is None else fit.slope,
        "low": ends["slope_low"],
        "high": ends["slope_high"],
        "verdict": claims.decide(HARDEST, "statement", ends).verdict.value,
    }


def specifications(
    claim: str, choices: Choices, drawn_from: Pool, *, permutations: int = 999, seed: int
) -> pd.DataFrame:
    """Return both verdicts on a claim under every combination of the ledger's choices.

    A slope's interval is found only where there are places enough for it to matter.

    Returns
    -------
    DataFrame
        One row a combination: a column for each choice, ``n``, ``effective_places`` (of the slope; missing for the
        other claims), ``statement``, ``attribution``, and the number behind each (``statement_estimate``,
        ``attribution_estimate``; missing where there is none).
    """
    grid = claims.claim(claim).choices
    named: list[dict[str, Any]] = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    drawn = [replace(choices, **one) for one in named]
    facts = _leanings(claim, drawn, drawn_from)
    if claim == HARDEST:
        slopes = _slopes(drawn, drawn_from, permutations, seed)
        facts = [leaning | slope for leaning, slope in zip(facts, slopes, strict=True)]
    return pd.DataFrame([chosen | found for chosen, found in zip(named, facts, strict=True)])


def _leanings(claim: str, drawn: Sequence[Choices], drawn_from: Pool) -> list[dict[str, object]]:
    """Return what :func:`lean` gives under each set of choices, without drawing samples as frames.

    The verdict on the slope is not among it.
    """
    reports, codes = drawn_from.reports, Codes.of(drawn_from.reports)
    subject = multiverses.once(lambda one: _is_on(claim, one, reports, drawn_from).to_numpy(bool), drawn, _OF_SUBJECT)
    admitted = multiverses.once(lambda one: _admitted(one, reports, codes), drawn, _OF_WINDOW)
    early = codes.last_day < SANCTIONS_YEAR.to_datetime64()
    keys = _keys(reports)
    found = []
    for on, counts in zip(subject, admitted, strict=True):
        mask = on & counts
        worse = mask & (codes.worse["first"] | codes.worse["second"])
        wanted = set().union(*(keys[row] for row in np.flatnonzero(worse)))
        before = np.flatnonzero(on & early)
        known = len(before) > 0 if claim == MILLS else any(wanted & keys[row] for row in before)
        statement = {} if claim == HARDEST else codes.on_statement(claim, mask)
        cause = codes.on_cause(claim, mask, baseline=known)
        found.append({"n": int(mask.sum()), "effective_places": None, **statement, **cause})
    return found


def _slopes(drawn: Sequence[Choices], drawn_from: Pool, permutations: int, seed: int) -> list[dict[str, object]]:
    """Return the verdict on the slope under each set of choices; no slope where there are too few places for one."""
    least = float(claims.claim(HARDEST).criteria["statement"].thresholds["least_places"])
    by_town = _by_town(drawn_from.reports)
    codes = Codes.of(by_town)
    exposures = multiverses.once(lambda one: exposure(one, drawn_from), drawn, _OF_EXPOSURE)
    admitted = multiverses.once(lambda one: _admitted(one, by_town, codes), drawn, _OF_WINDOW)
    found: list[dict[str, object]] = []
    for one, known, counts in zip(drawn, exposures, admitted, strict=True):
        mask = counts & _exposed(by_town, known)
        places = effective_places(by_town["town"][mask])
        measures: dict[str, float | None] = dict.fromkeys(("slope_low", "slope_high", "detectable"))
        if places >= least:
            rows = _with_severity(one, by_town[mask])
            measures |= _ends(_fit(rows, known, permutations, seed))
        ends = measures["slope_low"], measures["slope_high"]
        found.append(
            {
                "effective_places": places,
                "statement": claims.decide(
                    HARDEST, "statement", {**measures, "effective_places": places}
                ).verdict.value,
                "statement_estimate": None if None in ends else sum(ends) / 2,  # type: ignore[arg-type]
            }
        )
    return found


def studies_of_lights() -> pd.DataFrame:
    """Return what published studies of night lights find.

    Returns
    -------
    DataFrame
        Rows of ``literature_results`` on lights, with ``data_of`` (years), ``result`` (in words, with the unit) and
        ``reading`` (as the claim says, the reverse, on measurement, not on it; "not judged" for a study that was added
        since).
    """
    table = evidence.load("literature_results")
    words = table[["paper", "outcome", "sample", "method"]].fillna("").agg(" ".join, axis=1)
    found = table[words.str.contains(_ON_LIGHTS) | table["source_id"].isin(list(STUDIES))]
    read = found["source_id"].map(STUDIES)
    reading = pd.Series([item[1] if isinstance(item, tuple) else "not judged" for item in read], index=found.index)
    # Of a study by exposure only the outcome by exposure compares places; its others are for the country.
    national = (reading == AS_CLAIMED) & ~found["outcome"].str.contains("exposure").fillna(False).astype(bool)
    return found.assign(
        data_of=[item[0] if isinstance(item, tuple) else "not judged" for item in read],
        result=[_result(row) for _, row in found.iterrows()],
        reading=reading.mask(national, NOT_ON_IT),
    )


def _result(row: pd.Series[Any]) -> str:
    """Return a result in words: its number with the unit, or what the study says."""
    if pd.isna(row["estimate_low"]):
        said = [str(cell) for cell in (row["estimate_text"], row["se_or_ci"]) if not pd.isna(cell)]
        return "; ".join(said)
    return f"{float(row['estimate_low']):+g} {row['unit']}".replace("-", "\u2212")


def figures_of_the_country() -> pd.DataFrame:
    """Return national figures of 2016 to 2019 that reach beyond the export towns.

    Returns
    -------
    DataFrame
        ``what``, ``2016`` to ``2019`` (missing where no figure of the same maker was found), ``source_ids``. None tells
        export towns from the rest.
    """
    accounts = evidence.load("bok_national_accounts")
    growth = accounts.set_index(accounts["year"].dt.year)["real_gdp_growth_pct"].astype(float)
    macro = evidence.load("macro")
    heavy = macro[(macro["indicator"] == "real_growth") & (macro["sector"] == "heavy_and_chemical_industry")]
    industry = heavy.set_index(heavy["year"].dt.year)["value"].astype(float)
    harvest = evidence.load("harvest")
    official = harvest["estimator"].str.startswith("DPRK government / UN").fillna(False).astype(bool)
    crops = harvest[official & (harvest["indicator"] == "food_production")]
    yields = pd.Series(crops["value"].astype(float).to_numpy(), [period.year for period in crops["period_start"]])
    rows = {
        "growth of gross domestic product, percent": (growth, accounts["source_id"]),
        "growth of heavy and chemical industry, percent": (industry, heavy["source_id"]),
        "harvest, million tonnes": (yields, crops["source_id"]),
    }
    return pd.DataFrame(
        [
            {"what": what, **{str(y): series.get(y) for y in range(2016, 2020)}, "source_ids": tuple(set(ids))}
            for what, (series, ids) in rows.items()
        ]
    )
