"""What China bought from the DPRK, against a mix of what it bought of the same goods from other suppliers.

A synthetic control (:mod:`musan.methods.synthetic_control`) for each good, from a vintage of CEPII's BACI, which the
committed tables do not hold. Every seller's sales are put in percent of their mean before the bans, so that a small
seller can be compared with a large one. Placebos: each other supplier in its turn, and the same suppliers' sales to
two other buyers, each against its own mix; no ban touched them. The p-value is the rank of the DPRK's ratio of gaps
after to gaps before among all ratios. It decides no verdict: the rules of the ledger were set without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from musan.methods.synthetic_control import SyntheticControl, synthetic_control
from musan.refresh import baci_flows, vintages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SOURCE = "baci"
LAST_BEFORE = 2016  # China's halt of coal came in February 2017, the full ban in August
LAST_YEAR = 2019  # in January 2020 the DPRK shut its border
LEAST_YEARS_BEFORE = 5
LEAST_DONORS = 3  # so that each of them has two others to be compared with
TREATED, BUYER = "PRK", "CHN"
OTHER_BUYERS = ("JPN", "KOR")  # near by, buy the same goods, and bought nearly nothing of them from the DPRK
COUNTRIES = {
    "PRK": "North Korea", "CHN": "China", "JPN": "Japan", "KOR": "South Korea", "MNG": "Mongolia", "RUS": "Russia",
    "UKR": "Ukraine", "PER": "Peru", "IND": "India", "ZAF": "South Africa", "MRT": "Mauritania", "IDN": "Indonesia",
    "VNM": "Vietnam", "AUS": "Australia", "ECU": "Ecuador", "BGD": "Bangladesh", "KHM": "Cambodia", "MMR": "Myanmar",
}  # fmt: skip


@dataclass(frozen=True)
class Good:
    """A good, and the suppliers that China is compared to have bought it from, fixed before any result was seen.

    Parameters
    ----------
    name : str
        In words.
    products : tuple of str
        Beginnings of its codes in HS 1992.
    donors : tuple of str
        Suppliers, by three letters of ISO 3166.
    """

    name: str
    products: tuple[str, ...]
    donors: tuple[str, ...]


GOODS = (
    # Middling sellers of ore to China; Australia and Brazil make the price that these take.
    Good("Iron ore", ("2601",), ("MNG", "RUS", "UKR", "PER", "IND", "ZAF", "MRT")),
    # The other large sellers of coal to China, overland and by sea.
    Good("Coal", ("2701",), ("MNG", "RUS", "IDN", "VNM", "AUS")),
    # Sellers of seafood that China processes or eats, from the same seas or in the same kinds.
    Good("Fish", ("03",), ("RUS", "VNM", "IDN", "ECU")),
    # Countries where wages are low and clothes are sewn for others' brands.
    Good("Clothing", ("61", "62"), ("VNM", "BGD", "KHM", "MMR")),
)


@dataclass(frozen=True, eq=False)
class Comparison:
    """One good.

    Attributes
    ----------
    good : Good
    control : SyntheticControl
        The DPRK against its mix, percent of its mean before.
    effect_pct : float
        The DPRK's sales after the bans against those of its mix.
    gaps : DataFrame
        Observed less synthetic by year, a column a placebo.
    ratios : Series
        Root mean squared gap after over before, of the DPRK and of every placebo, the largest first.
    rank, count : int
        Of the DPRK's ratio among all, 1 the largest.
    without : tuple of str
        Suppliers from which China bought nothing before the bans, left out.
    frame : DataFrame
        Sales by year, seller and buyer: ``year``, ``exporter``, ``importer``, ``value_fob_thousand_usd``,
        ``source_id``.
    """

    good: Good
    control: SyntheticControl
    effect_pct: float
    gaps: pd.DataFrame
    ratios: pd.Series[float]
    rank: int
    count: int
    without: tuple[str, ...]
    frame: pd.DataFrame

    @property
    def p_value(self) -> float:
        """Return the rank as a share of all ratios."""
        return self.rank / self.count


@dataclass(frozen=True, eq=False)
class Comparisons:
    """All goods.

    Attributes
    ----------
    found : tuple of Comparison
        Of the goods that could be compared.
    problems : tuple of str
        Why others could not, a sentence each.
    """

    found: tuple[Comparison, ...] = ()
    problems: tuple[str, ...] = ()

    def summary(self) -> pd.DataFrame:
        """Return one row a good: ``good``, ``effect_pct``, ``rank``, ``of``, ``p_value``, ``least_p``, ``left_out``."""
        return pd.DataFrame(
            {
                "good": one.good.name,
                "effect_pct": one.effect_pct,
                "rank": one.rank,
                "of": one.count,
                "p_value": one.p_value,
                "least_p": 1 / one.count,
                "left_out": ", ".join(one.without) or "none",
            }
            for one in self.found
        )

    def data(self) -> pd.DataFrame:
        """Return the figures behind all of it, one row a good, year and unit: observed, synthetic, gap."""
        parts = []
        for one in self.found:
            own = one.control.frame[["period", "observed", "synthetic", "gap"]].assign(unit=COUNTRIES[TREATED])
            others = one.gaps.rename_axis("period").reset_index().melt("period", var_name="unit", value_name="gap")
            parts.append(pd.concat([own, others]).assign(good=one.good.name))
        columns = ["good", "unit", "period", "observed", "synthetic", "gap"]
        return pd.concat(parts, ignore_index=True)[columns].rename(columns={"period": "year"})


def compared(vintage: str) -> Comparisons | None:
    """Return every good's comparison; None without a vintage of BACI.

    Parameters
    ----------
    vintage : str
        Names of vintages (see :func:`musan.refresh.vintages.named`).

    Returns
    -------
    Comparisons or None
        A good or a vintage that does not allow a comparison is named among the problems.
    """
    chosen = vintages.of_source(vintage, SOURCE)
    if chosen is None:
        return None
    years = [year for year in baci_flows.years(chosen) if year <= LAST_YEAR]
    if problem := _too_short(years):
        return Comparisons(problems=(problem,))
    results = [_compared(chosen, good, years) for good in GOODS]
    return Comparisons(
        tuple(result for result in results if isinstance(result, Comparison)),
        tuple(result for result in results if isinstance(result, str)),
    )


def _too_short(years: Sequence[int]) -> str:
    """Return what a vintage's years lack; empty when nothing."""
    before = [year for year in years if year <= LAST_BEFORE]
    if len(before) < LEAST_YEARS_BEFORE:
        return f"The vintage has {len(before)} years up to {LAST_BEFORE}; at least {LEAST_YEARS_BEFORE} are needed."
    if years != list(range(years[0], years[-1] + 1)):
        return f"The vintage lacks years between {years[0]} and {years[-1]}."
    return "" if years[-1] > LAST_BEFORE else f"The vintage has no year after {LAST_BEFORE}."


def _compared(vintage: vintages.Vintage, good: Good, years: Sequence[int]) -> Comparison | str:
    """Return one good's comparison, or a sentence on why there is none."""
    frame = _sales(vintage, good, years)
    wide = frame.pivot_table(
        index="year", columns=["exporter", "importer"], values="value_fob_thousand_usd", aggfunc="sum"
    )
    wide = wide.reindex(list(years)).fillna(0.0)
    before = wide.loc[:LAST_BEFORE].mean()
    shares = 100 * wide.loc[:, before > 0] / before[before > 0]
    donors = [donor for donor in good.donors if (donor, BUYER) in shares]
    without = tuple(COUNTRIES[donor] for donor in good.donors if donor not in donors)
    if (TREATED, BUYER) not in shares:
        return f"{good.name}: China bought none from North Korea before {LAST_BEFORE + 1}."
    if len(donors) < LEAST_DONORS:
        sold = f"only {len(donors)} of {len(good.donors)} other suppliers sold any"
        return f"{good.name}: {sold}; {LEAST_DONORS} are needed."
    control, *placebos = [_control(shares, unit, donors) for unit in _units(shares, donors)]
    if control.relative_pct is None:
        return f"{good.name}: the other suppliers sold none after {LAST_BEFORE}."
    ratios = pd.Series({one.treated: one.ratio for one in (control, *placebos)}, name="ratio")
    return Comparison(
        good=good,
        control=control,
        effect_pct=control.relative_pct,
        gaps=pd.DataFrame({one.treated: one.frame["gap"].to_numpy() for one in placebos}, index=list(years)),
        ratios=ratios.sort_values(ascending=False, kind="stable"),
        rank=int((ratios >= control.ratio).sum()),
        count=len(ratios),
        without=without,
        frame=frame,
    )


def _sales(vintage: vintages.Vintage, good: Good, years: Sequence[int]) -> pd.DataFrame:
    """Return the sales of all units by year, countries by their letters."""
    numbers = {name: numbers for name, numbers in baci_flows.codes(vintage).items() if name in COUNTRIES}
    names = {number: name for name, own in numbers.items() for number in own}
    importers, exporters = (
        [number for name in names_of for number in numbers.get(name, ())]
        for names_of in ((BUYER, *OTHER_BUYERS), (TREATED, *good.donors))
    )
    found = baci_flows.yearly_imports(vintage, importers, exporters, good.products, (years[0], years[-1]))
    return found.assign(**{side: found[side].map(names) for side in ("importer", "exporter")})


def _units(shares: pd.DataFrame, donors: Iterable[str]) -> list[tuple[str, str]]:
    """Return seller and buyer of the treated unit and of all placebos."""
    pairs = [(donor, buyer) for buyer in (BUYER, *OTHER_BUYERS) for donor in donors]
    return [(TREATED, BUYER), *(pair for pair in pairs if pair in shares)]


def _control(shares: pd.DataFrame, unit: tuple[str, str], donors: Iterable[str]) -> SyntheticControl:
    """Return a unit against the mix of the other sellers' sales to China."""
    seller, buyer = unit
    name = COUNTRIES[seller] if buyer == BUYER else f"{COUNTRIES[seller]} to {COUNTRIES[buyer]}"
    others = {f"{COUNTRIES[donor]} to China": shares[donor, BUYER] for donor in donors if donor != seller}
    return synthetic_control(pd.DataFrame({name: shares[unit], **others}), treated=name, last_before=LAST_BEFORE)
