"""The analyses behind each verdict: all defensible choices, from a sweep where there is one, else from the base run.

A base run works its multiverse out inside the notebook. A sweep runs the whole notebook for each combination of the
ledger's choices, which is slower and leaves no shortcut; its results lie in one file a verdict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pandas as pd

from musan import claims
from musan.errors import ClaimError
from musan.locations import output_folder
from musan.methods import multiverse
from musan.rules import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from musan.claims import Aspect, Finding
    from musan.methods.multiverse import Agreement, Influence

Choices = TypeVar("Choices")
Found = TypeVar("Found")
Origin = Literal["sweep", "base run"]
# Parts of choices and options that are not words of their own.
SPELLED = {
    "True": "yes",
    "False": "no",
    "asiapress": "ASIAPRESS",
    "bank_of_korea": "Bank of Korea",
    "bennet": "Bennet",
    "cny": "yuan",
    "coal_suspension": "coal halt",
    "harvard": "Harvard",
    "itc": "ITC",
    "july": "July",
    "june": "June",
    "kotra": "KOTRA",
    "lmdi": "LMDI",
    "montgomery": "Montgomery",
    "reconciled": "rebuilt",
    "sarima": "ARIMA",
    "usd": "dollars",
}
QUESTIONS: dict[Aspect, str] = {"statement": "true?", "attribution": "by sanctions?"}
FACTS = ["verdict", "estimate", "low", "high", "error"]
"""Columns of a sweep's file after those of the choices; ``error`` says why a combination has no verdict."""


@dataclass(frozen=True, eq=False)
class Multiverse:
    """All analyses of one verdict.

    Attributes
    ----------
    finding : Finding
        What the base run reports.
    analyses : DataFrame
        One row an analysis: a column for each choice, ``verdict``, ``estimate`` (missing where there is none).
    agreed : Agreement
        How far the analyses agree with the verdict reported.
    origin : {"sweep", "base run"}
    refused : int
        Combinations that a sweep tried and the tables do not allow.
    """

    finding: Finding
    analyses: pd.DataFrame
    agreed: Agreement
    origin: Origin
    refused: int = 0

    @property
    def choices(self) -> list[str]:
        """Names of the choices."""
        return list(claims.claim(self.finding.claim).criteria[self.finding.aspect].choices)

    @property
    def name(self) -> str:
        """Return the claim's title with the question, such as "Exports fell by 90 percent: true?"."""
        return f"{claims.claim(self.finding.claim).title}: {QUESTIONS[self.finding.aspect]}"

    @property
    def has_estimates(self) -> bool:
        """Whether every analysis with a verdict that can be tested has a number, and the numbers differ."""
        known = self.analyses["estimate"].notna()
        untestable = self.analyses["verdict"] == Verdict.NOT_TESTABLE.value
        numbers = self.analyses["estimate"].dropna()
        return bool((known | untestable).all() and numbers.min() < numbers.max())

    def influence(self) -> Influence:
        """Return which choice matters most for the verdict."""
        return multiverse.influence(self.analyses, choices=self.choices, headline=self.finding.verdict.value)


def once(function: Callable[[Choices], Found], drawn: Iterable[Choices], bears: Sequence[str]) -> list[Found]:
    """Return a function's value for each set of choices, calling it once for all that agree in what bears on it.

    Parameters
    ----------
    function : callable
        From a set of choices to what is found under them.
    drawn : iterable
        Sets of choices.
    bears : sequence of str
        Attributes of a set that the function depends on.

    Returns
    -------
    list
    """
    known: dict[tuple[Any, ...], Found] = {}
    found = []
    for one in drawn:
        key = tuple(getattr(one, name) for name in bears)
        if key not in known:
            known[key] = function(one)
        found.append(known[key])
    return found


def folder(given: str = "") -> Path:
    """Return the folder of sweeps' results; by default ``sweeps`` in the output folder, which need not exist.

    Raises
    ------
    ClaimError
        A folder was given that does not exist.
    """
    chosen = Path(given).expanduser() if given else output_folder() / "sweeps"
    if given and not chosen.is_dir():
        raise ClaimError("the folder does not exist", str(chosen), "give the folder of sweeps' results")
    return chosen


def file_of(folder: Path, claim: str, aspect: Aspect) -> Path:
    """Return the file in which a sweep of one verdict's choices leaves its results."""
    return folder / f"{claim}.{aspect}.csv"


def read(findings: Sequence[Finding], sweeps: Path) -> list[Multiverse]:
    """Return the multiverse of every verdict that has one.

    Parameters
    ----------
    findings : sequence of Finding
        Of the base run.
    sweeps : Path
        Folder of sweeps' results; it need not exist.

    Returns
    -------
    list of Multiverse
        In the order of the ledger.

    Raises
    ------
    ClaimError
        A sweep that lacks combinations of the ledger or contradicts the base run: the ledger, the tables or the
        code have changed since.
    """
    order = {claim: place for place, claim in enumerate(claims.ledger())}
    found = []
    for finding in sorted(findings, key=lambda one: (order[one.claim], one.aspect != "statement")):
        file = file_of(sweeps, finding.claim, finding.aspect)
        if not finding.analyses:
            continue
        found.append(_swept(finding, file) if file.is_file() else _of_base_run(finding))
    return found


def in_words(name: object) -> str:
    """Return a choice or an option as a reader needs it: "without ASIAPRESS" for ``without_asiapress``."""
    text = re.sub(rf"(?<![a-z])({'|'.join(SPELLED)})(?![a-z])", lambda found: SPELLED[found[0]], str(name))
    return text.replace("_", " ")


def _of_base_run(finding: Finding) -> Multiverse:
    analyses = pd.DataFrame({name: list(column) for name, column in finding.analyses.items()})
    return _multiverse(finding, analyses, "base run")


def _swept(finding: Finding, file: Path) -> Multiverse:
    choices = claims.claim(finding.claim).criteria[finding.aspect].choices
    table = pd.read_csv(file, dtype=dict.fromkeys([*choices, "verdict", "error"], str), keep_default_na=False)
    if missing := [name for name in [*choices, *FACTS] if name not in table]:
        raise ClaimError(f"has no column {missing[0]!r}", str(file), _again(finding))
    typed = {name: {str(value): value for value in values} for name, values in choices.items()}
    wanted = {tuple(map(str, values)) for values in product(*choices.values())}
    there = [tuple(row) for row in table[list(choices)].itertuples(index=False)]
    if len(there) != len(wanted) or set(there) != wanted:
        raise ClaimError("does not hold each combination of the ledger's choices once", str(file), _again(finding))
    for name, values in typed.items():
        table[name] = table[name].map(values).astype(object)
    for name in ("estimate", "low", "high"):
        table[name] = pd.to_numeric(table[name])
    allowed = table[table["error"] == ""].reset_index(drop=True)
    _refuse_stale(finding, allowed, list(choices), file)
    return _multiverse(finding, allowed, "sweep", refused=len(table) - len(allowed))


def _refuse_stale(finding: Finding, allowed: pd.DataFrame, choices: list[str], file: Path) -> None:
    """Refuse a sweep whose run with the base run's own choices says something else."""
    own = {name: finding.parameters.get(name) for name in choices}
    same = allowed[[all(row[name] == own[name] for name in choices) for row in allowed.to_dict("records")]]
    if len(same) and same["verdict"].iloc[0] != finding.verdict.value:
        what = f"says {same['verdict'].iloc[0]!r} where the run says {finding.verdict.value!r}"
        raise ClaimError(what, str(file), _again(finding))


def _again(finding: Finding) -> str:
    return f"sweep again: `musan sweep --claim {finding.claim}`"


def _multiverse(finding: Finding, analyses: pd.DataFrame, origin: Origin, refused: int = 0) -> Multiverse:
    if "estimate" not in analyses:
        analyses = analyses.assign(estimate=float("nan"))
    analyses = analyses.assign(estimate=analyses["estimate"].astype(float))
    agreed = claims.agreement(finding.claim, finding.aspect, analyses, headline=finding.verdict.value)
    return Multiverse(finding, analyses, agreed, origin, refused)


def overview(multiverses: Sequence[Multiverse]) -> pd.DataFrame:
    """Return one row a verdict: how far analyses agree, and the choice that matters most.

    Returns
    -------
    DataFrame
        ``claim``, ``question``, ``verdict``, ``agreement`` (a share), ``analyses``, ``others`` (other verdicts with
        their counts), ``choice`` (that flips the verdict most often), ``flip_share``, ``variance`` (the choice's part
        in the variance of "has this verdict"), ``origin``.
    """
    rows = []
    for one in multiverses:
        first = one.influence().frame.iloc[0]
        others = one.agreed.verdicts[one.agreed.verdicts["verdict"] != one.finding.verdict.value]
        flips = first["flip_share"] > 0
        rows.append(
            {
                "claim": claims.claim(one.finding.claim).title,
                "question": QUESTIONS[one.finding.aspect],
                "verdict": one.finding.verdict.value,
                "agreement": one.agreed.share,
                "analyses": one.agreed.n,
                "others": ", ".join(f"{row['verdict']} ({row['specifications']})" for row in others.to_dict("records")),
                "choice": in_words(first["choice"]) if flips else "none",
                "flip_share": float(first["flip_share"]) if flips else None,
                "variance": float(first["verdict_variance"]) if flips else None,
                "origin": one.origin,
            }
        )
    return pd.DataFrame(rows)
