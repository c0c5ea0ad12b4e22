"""What "30 to 40 percent sign in and leave" from one informant supports.

The statement is one person's estimate about a mine of ten thousand. How much it says of the mine depends on how
many workers he sees, how alike those are, and how they differ from the rest. How far it can be
checked depends on how many others who do not depend on him speak of the same thing. The first three are
parameters; the last is counted in the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from musan import absence, claims, multiverses
from musan.errors import EvidenceError, MethodError
from musan.methods import arguments, informant, sampling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.methods.informant import ShareBounds, ShareInterval

CLAIM = "sign_in_and_leave"
MEASURE = "register_then_leave_share"  # indicator in the table of attendance
YEAR = 2018  # of the statement: mid-2018
CountedBy = Literal["networks", "sources"]
# Refugee surveys that ask those who left at different times the same question: indicator -> words.
SURVEY_QUESTIONS = {
    "never_received_food_rations": "never received food rations",
    "no_wage_and_no_food_from_official_job": "no wage and no food from the official job",
    "informal_share_of_household_income": "share of household income that was informal",
    "paid_bribes_to_officials": "paid bribes to officials",
}
# Indicators of the table of attendance that speak of absence, its price or its punishment.
_ON_ABSENCE = r"absen|attend|leave|left_|exemption|not_to_work|skip_work|sentenced|crackdown"


@dataclass(frozen=True)
class Statement:
    """What is stated of the share who sign in and leave at the mine, and by how many.

    Attributes
    ----------
    rows : DataFrame
        The figures: rows of :func:`musan.absence.stated_shares` on this measure, place and year.
    informants : int
        Voices that do not depend on each other.
    low, high : float
        The lowest and the highest share that any of them states, 0 to 1.
    workforce : int
        Of the mine.
    """

    rows: pd.DataFrame
    informants: int
    low: float
    high: float
    workforce: int

    @property
    def share(self) -> tuple[float, float]:
        """Return the stated range."""
        return self.low, self.high

    @property
    def middle(self) -> float:
        """Return the middle of the stated range."""
        return (self.low + self.high) / 2

    def fraction_seen(self, acquaintances: int) -> float:
        """Return the fraction of the workforce seen by all informants together, each seeing as many at random."""
        one = min(arguments.whole("acquaintances", acquaintances, 1), self.workforce) / self.workforce
        return float(1 - (1 - one) ** max(self.informants, 1))

    def bounds(self, acquaintances: int, odds_low: float, odds_high: float) -> ShareBounds:
        """Return what the share of all can be.

        Parameters
        ----------
        acquaintances : int
            Workers whose days an informant can see.
        odds_low, odds_high : float
            The odds of leaving early among those seen, over the odds among the others.

        Returns
        -------
        ShareBounds
        """
        return informant.selection_bounds(self.share, self.fraction_seen(acquaintances), (odds_low, odds_high))


def statement(*, counted_by: str = "networks", inferred_dates: bool = True) -> Statement:
    """Return what the tables hold on the share of workers of the mine who sign in and leave in 2018.

    Parameters
    ----------
    counted_by : {"networks", "sources"}
        What a voice is: a network, however often it reports, or each page. A survey counts its respondents.
    inferred_dates : bool
        Keep figures whose date was worked out.

    Returns
    -------
    Statement
        The article's partner counts as one voice: it is the statement under test.
    """
    arguments.choice("counted_by", counted_by, ("networks", "sources"))
    shares = absence.stated_shares(inferred_dates=inferred_dates)
    here = shares["measure"].eq(MEASURE) & shares["population"].str.contains(absence.MINE)
    then = (shares["first_day"].dt.year <= YEAR) & (shares["last_day"].dt.year >= YEAR)
    rows = shares[here & then].reset_index(drop=True)
    if rows.empty:
        raise EvidenceError(
            f"no figure for {MEASURE} at {absence.MINE} in {YEAR}", "data/attendance.csv", "restore the row from git"
        )
    voice = rows["network"] if counted_by == "networks" else rows["source_id"]
    respondents = rows["sample_n"].fillna(1).astype(int).groupby(voice).max()
    return Statement(
        rows=rows,
        informants=int(respondents.sum()),
        low=float(rows["low_pct"].min()) / 100,
        high=float(rows["high_pct"].max()) / 100,
        workforce=_workforce(),
    )


def _workforce() -> int:
    rows = absence.attendance()
    rows = rows[(rows["indicator"] == "workforce") & (rows["population"] == absence.MINE)]
    if rows.empty:
        raise EvidenceError(f"no workforce of {absence.MINE}", "data/attendance.csv", "restore the row from git")
    return int(rows["value_high"].iloc[-1])


def measures(said: Statement, bounds: ShareBounds) -> dict[str, float | int]:
    """Return the measures that the rule ``share_from_testimony`` takes."""
    return {"informants": said.informants, "bound_low": bounds.low, "bound_high": bounds.high}


def change(comparable: str, *, inferred_dates: bool = True) -> absence.Change:
    """Return the change since before the sanctions, by one reading of what can be compared.

    Parameters
    ----------
    comparable : {"same_workplace", "same_measure", "any_absence"}
        This measure at this mine; this measure anywhere; any share of workers absent anywhere.
    inferred_dates : bool
        Keep figures whose date was worked out.

    Returns
    -------
    Change
        The article's own figure may be the one from after: what is asked is whether there is one from before.
    """
    shares = absence.stated_shares(inferred_dates=inferred_dates)
    if comparable in ("same_workplace", "same_measure"):
        shares = shares[shares["measure"] == MEASURE]
    if comparable == "same_workplace":
        shares = shares[shares["population"].str.contains(absence.MINE)]
    return absence.change_since(shares, comparable)


# What one pair of eyes is worth


def effective_samples(acquaintances: Sequence[int], correlations: Sequence[float], share: float) -> pd.DataFrame:
    """Return how many independent observations an informant's acquaintances are worth.

    Parameters
    ----------
    acquaintances : sequence of int
        Workers whose days he can see.
    correlations : sequence of float
        How alike they are (intraclass correlation), 0 not at all, 1 the same.
    share : float
        Share of them who do it, for the interval.

    Returns
    -------
    DataFrame
        One row a pair: ``acquaintances``, ``intraclass_correlation``, ``effective_n``, ``low``, ``high`` (95 %
        interval of the share among people like them), ``width``.
    """
    rows = []
    for seen, rho in product(acquaintances, correlations):
        interval = interval_of_acquaintances(seen, rho, share)
        rows.append((seen, rho, interval.effective_n, interval.low, interval.high, interval.high - interval.low))
    return pd.DataFrame(
        rows, columns=["acquaintances", "intraclass_correlation", "effective_n", "low", "high", "width"]
    )


def interval_of_acquaintances(acquaintances: int, correlation: float, share: float) -> ShareInterval:
    """Return the interval of a share that an informant's acquaintances support, taken as one cluster."""
    design = sampling.design_effect_of_clusters([acquaintances], correlation)
    return informant.share_interval(
        round(share * acquaintances), acquaintances, design_effect=max(design.design_effect, 1.0)
    )


def correlation_of_shops(share: float, spread: float) -> float:
    """Return the intraclass correlation of a mine half of whose shops lie above its share by ``spread``, half below.

    Parameters
    ----------
    share : float
        Of the whole mine, above 0 and below 1.
    spread : float
        How far a shop lies from it.

    Returns
    -------
    float
        spread^2 / (share (1 - share)): variance between shops over variance between workers.
    """
    if not 0 < share < 1 or share - spread < 0 or share + spread > 1:
        raise MethodError(f"shops at {share:g} -/+ {spread:g} are no shares", "spread", "give a smaller one")
    return spread**2 / (share * (1 - share))


def worst_by_fraction(share: tuple[float, float], fractions: Sequence[float]) -> pd.DataFrame:
    """Return the bounds that take nothing for granted of the unseen, by the fraction seen.

    Returns
    -------
    DataFrame
        ``fraction_seen``, ``low``, ``high``.
    """
    found = [informant.worst_case(share, float(fraction)) for fraction in fractions]
    return pd.DataFrame(
        {"fraction_seen": fractions, "low": [one.low for one in found], "high": [one.high for one in found]}
    )


def fraction_needed(share: tuple[float, float], widest: float) -> float:
    """Return the least fraction to be seen for bounds no wider than this, without any assumption on the rest.

    Parameters
    ----------
    share : tuple of float
        The stated range.
    widest : float
        Width of the bounds.

    Returns
    -------
    float
        (1 - widest) / (1 - width of the stated range); above 1 where the stated range is wider itself.
    """
    stated = share[1] - share[0]
    return (1 - widest) / (1 - stated) if stated < 1 else np.inf


def by_odds_ratio(share: tuple[float, float], fraction: float, ratios: Sequence[float]) -> pd.DataFrame:
    """Return the bounds where the odds of those seen and of the others differ by up to a ratio, either way.

    Returns
    -------
    DataFrame
        ``odds_ratio`` (r, for 1/r to r), ``low``, ``high``, ``width``.
    """
    found = [informant.selection_bounds(share, fraction, (1 / ratio, ratio)) for ratio in ratios]
    rows = [(ratio, one.low, one.high, one.width) for ratio, one in zip(ratios, found, strict=True)]
    return pd.DataFrame(rows, columns=["odds_ratio", "low", "high", "width"])


def widest_ratio(share: tuple[float, float], fraction: float, widest: float) -> float:
    """Return the largest odds ratio, either way, at which bounds are no wider than this.

    Parameters
    ----------
    share : tuple of float
        The stated range.
    fraction : float
        Fraction of the workforce seen.
    widest : float
        Width of the bounds.

    Returns
    -------
    float
        1 if even the stated range is wider; infinite if so many are seen that no ratio makes the bounds wider.
    """

    def too_wide(ratio: float) -> bool:
        return informant.selection_bounds(share, fraction, (1 / ratio, ratio)).width > widest

    low, high = 1.0, 1e6
    if too_wide(low):
        return low
    if not too_wide(high):
        return np.inf
    while high / low > 1 + 1e-9:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if too_wide(middle) else (middle, high)
    return low


def verdicts_if(
    said: Statement, acquaintances: int, informants: Sequence[int], ratios: Sequence[float]
) -> pd.DataFrame:
    """Return the verdict if so many independent informants stated the same range.

    Parameters
    ----------
    said : Statement
    acquaintances : int
        Workers whose days each can see.
    informants : sequence of int
    ratios : sequence of float
        Odds ratios taken either way.

    Returns
    -------
    DataFrame
        ``informants``, ``odds_ratio``, ``low``, ``high``, ``verdict``.
    """
    rows = []
    for count, ratio in product(informants, ratios):
        more = Statement(said.rows, count, said.low, said.high, said.workforce)
        bounds = more.bounds(acquaintances, 1 / ratio, ratio)
        verdict = claims.decide(CLAIM, "statement", measures(more, bounds)).verdict.value
        rows.append((count, ratio, bounds.low, bounds.high, verdict))
    return pd.DataFrame(rows, columns=["informants", "odds_ratio", "low", "high", "verdict"])


# What else is at hand


def other_reports() -> pd.DataFrame:
    """Return rows on absence, its price and its punishment that do not come from the article.

    Returns
    -------
    DataFrame
        Rows of the table of attendance with ``network``, ``first_day``, ``last_day`` and ``says`` (the figure in
        words), the earliest first, undated rows last.
    """
    rows = absence.attendance()
    notes = rows["note"].fillna("")
    on_it = rows["indicator"].str.contains(_ON_ABSENCE) | notes.str.contains("absen")
    rows = rows[on_it & ~rows["under_test"]]
    rows = rows.assign(says=[absence.in_words(row) for _, row in rows.iterrows()])
    return rows.sort_values(["last_day", "attendance_id"], kind="stable", ignore_index=True)


def base_rates() -> pd.DataFrame:
    """Return what surveys of refugees say of rations, wages, informal income and bribes, by when people left.

    Returns
    -------
    DataFrame
        One row a question and cohort: ``question``, ``cohort``, ``left`` ("before 2000", ...), ``share_pct``,
        ``attendance_id``, ``source_id``; questions in the order of :data:`SURVEY_QUESTIONS`, the earlier cohort first.
    """
    rows = absence.attendance()
    rows = rows[rows["indicator"].isin(list(SURVEY_QUESTIONS)) & (rows["evidence_type"] == "refugee_survey")]
    order = {name: place for place, name in enumerate(SURVEY_QUESTIONS)}
    rows = rows.assign(
        question=rows["indicator"].map(SURVEY_QUESTIONS),
        left=rows["cohort"].str.removeprefix("left the country ").str.removeprefix("in "),
        share_pct=rows["value_high"].astype(float),
        place=rows["indicator"].map(order),
    )
    columns = ["question", "cohort", "left", "share_pct", "attendance_id", "source_id"]
    return rows.sort_values(["place", "last_day"], kind="stable", ignore_index=True)[columns]


def income_from_markets() -> ShareInterval:
    """Return the share of people interviewed in the country in 2016 who live almost wholly from markets."""
    row = absence.figure("AL19")
    n = int(row["sample_n"])
    return informant.share_interval(round(float(row["value_high"]) / 100 * n), n)


# The multiverse


def specifications() -> pd.DataFrame:
    """Return both verdicts under every combination of the ledger's choices.

    Returns
    -------
    DataFrame
        One row a combination: a column for each choice, ``low_pct``, ``high_pct`` (bounds of the share),
        ``statement``, ``attribution``.
    """
    grid = claims.claim(CLAIM).choices
    said = {
        (by, dates): statement(counted_by=by, inferred_dates=dates)
        for by in ("networks", "sources")
        for dates in (True, False)
    }
    attribution = {
        (how, dates): claims.decide(CLAIM, "attribution", change(how, inferred_dates=dates).measures()).verdict.value
        for how in absence.COMPARABLE
        for dates in (True, False)
    }
    chosen = pd.DataFrame(product(*grid.values()), columns=list(grid))
    sets: list[Any] = list(chosen.itertuples(index=False))

    def on_statement(one: Any) -> tuple[float, float, str]:
        stated = said[one.counted_by, one.inferred_dates]
        bounds = stated.bounds(one.acquaintances, one.odds_ratio_low, one.odds_ratio_high)
        verdict = claims.decide(CLAIM, "statement", measures(stated, bounds)).verdict.value
        return 100 * bounds.low, 100 * bounds.high, verdict

    bears = ["counted_by", "inferred_dates", "acquaintances", "odds_ratio_low", "odds_ratio_high"]
    found = multiverses.once(on_statement, sets, bears)
    return chosen.assign(
        low_pct=[low for low, _, _ in found],
        high_pct=[high for _, high, _ in found],
        statement=[verdict for _, _, verdict in found],
        attribution=[attribution[one.comparable, one.inferred_dates] for one in sets],
    )


def change_if_baseline_were(share: tuple[float, float], baselines: Sequence[float]) -> pd.DataFrame:
    """Return the change that a stated share would be, for each share that there may have been before.

    Returns
    -------
    DataFrame
        ``baseline_pct``, ``low``, ``high`` in percentage points.
    """
    before = np.asarray(baselines, dtype=float)
    return pd.DataFrame(
        {"baseline_pct": 100 * before, "low": 100 * (share[0] - before), "high": 100 * (share[1] - before)}
    )
