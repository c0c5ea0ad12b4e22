"""The ledger of claims, the findings that notebooks report, and the table of verdicts.

The ledger ``data/claims.yml`` holds, for every claim, what would test it: the estimand, two criteria (is the
statement true? are sanctions the cause?), each with a rule and thresholds and the date they were set. A
notebook measures, calls :func:`find`, and shows the :class:`Finding`; :func:`collect` reads findings back
from executed notebooks, and :func:`verdict_table` puts them beside the ledger.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from musan import rules
from musan.errors import ClaimError, nearest
from musan.locations import data_folder, notebooks_folder, output_folder
from musan.methods import multiverse
from musan.rules import Ruling, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.methods.multiverse import Agreement

MIME = "application/vnd.musan.finding+json"
Aspect = Literal["statement", "attribution"]
ASPECTS: tuple[Aspect, ...] = ("statement", "attribution")
Grade = Literal["high", "moderate", "low", "very low"]
GRADES: tuple[Grade, ...] = ("high", "moderate", "low", "very low")
Kind = Literal["measured", "comparison", "testimony", "cause", "forecast"]
# Where the evidence for a kind of claim starts before concerns and strengths are counted (after GRADE).
STARTING_GRADE: dict[str, Grade] = {
    "measured": "high",
    "comparison": "moderate",
    "cause": "moderate",
    "testimony": "low",
    "forecast": "low",
}
CHANGED = "the ledger or the notebook has changed since: run it again"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C, ten times as fast, where PyYAML was built with it
NO_NOTEBOOK, NOT_RUN = "no notebook yet", "not run"
# How a verdict is painted where space is short: background and ink, never without its words.
SHOWN = {
    Verdict.SUPPORTED.value: ("#00674F", "white"),
    Verdict.CAVEATS.value: ("#7FB79E", "black"),
    Verdict.MIXED.value: ("#E9C46A", "black"),
    Verdict.CONTRADICTED.value: ("#B5441A", "white"),
    Verdict.NOT_TESTABLE.value: ("#C9CED6", "black"),
    Verdict.NO_CAUSAL_CLAIM.value: ("#ECEEF1", "black"),
    NO_NOTEBOOK: ("#FFFFFF", "#5A6068"),
    NOT_RUN: ("#FFFFFF", "#5A6068"),
}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Admiralty(_Frozen):
    """NATO letters for testimony: reliability of the source A-F, credibility of the item 1-6."""

    source: Literal["A", "B", "C", "D", "E", "F"]
    item: Literal[1, 2, 3, 4, 5, 6]
    why: str

    def __str__(self) -> str:
        """Return letter and digit, such as C3."""
        return f"{self.source}{self.item}"


class Criterion(_Frozen):
    """What decides one verdict: the notebook that makes it, its rule and the thresholds set beforehand.

    ``choices`` are parameters of the notebook with the values that a careful analyst could defend: the
    verdict's multiverse is all their combinations.
    """

    notebook: str
    rule: str
    thresholds: dict[str, float | int | bool | str] = Field(default_factory=dict)
    set_on: date
    why: str
    choices: dict[str, tuple[str | int | float | bool, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _thresholds_are_the_rules(self) -> Criterion:
        known = rules.rule(self.rule).arguments
        for name in self.thresholds:
            if name not in known:
                raise ValueError(f"rule {self.rule} has no threshold {name!r}; {nearest(name, known)}")
        return self


class Claim(_Frozen):
    """One claim of the article, in our words, with what decides it, fixed before the results."""

    id: str = Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")
    title: str
    statement: str
    quote: str | None = None
    article: tuple[Annotated[str, Field(pattern=r"^\d\.\d{1,2}$")], ...] = Field(min_length=1)
    page: int
    kind: Kind
    estimand: str
    tables: tuple[str, ...]
    criteria: dict[Aspect, Criterion]
    admiralty: Admiralty | None = None
    would_change: str

    @property
    def choices(self) -> dict[str, tuple[str | int | float | bool, ...]]:
        """Return the choices of both criteria."""
        return {name: values for criterion in self.criteria.values() for name, values in criterion.choices.items()}

    @field_validator("article", mode="before")
    @classmethod
    def _one_or_several_items(cls, article: object) -> object:
        return (article,) if isinstance(article, str) else article

    @field_validator("criteria")
    @classmethod
    def _both_aspects(cls, criteria: dict[Aspect, Criterion]) -> dict[Aspect, Criterion]:
        if set(criteria) != set(ASPECTS):
            raise ValueError("a claim has two criteria, statement and attribution")
        return criteria

    @model_validator(mode="after")
    def _testimony_is_graded(self) -> Claim:
        if self.kind == "testimony" and self.admiralty is None:
            raise ValueError("testimony needs its Admiralty letters")
        return self


@lru_cache(maxsize=8)
def _ledger(path: Path, modified: int) -> dict[str, Claim]:
    del modified  # part of the cache key only
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # a safe one
    except yaml.YAMLError as error:
        raise ClaimError(f"is not valid YAML: {error}", str(path), "correct the ledger") from error
    entries = read.get("claims") if isinstance(read, dict) else None
    if not isinstance(entries, list):
        raise ClaimError("has no list of claims", str(path), "start it with `claims:` and one item a claim")
    found = [_valid(entry, path) for entry in entries]
    ids = [claim.id for claim in found]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise ClaimError(f"the claim {twice[0]!r} stands twice", path.name, "give each claim its own id")
    return {claim.id: claim for claim in found}


def _valid(entry: object, path: Path) -> Claim:
    if not isinstance(entry, dict):
        raise ClaimError(f"holds {entry!r} where a claim is due", str(path), "write each claim as a mapping")
    try:
        return Claim.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        where = ", ".join([path.name, f"claim {entry.get('id', '?')}", ".".join(map(str, first["loc"]))])
        raise ClaimError(first["msg"], where.rstrip(", "), "correct the ledger") from error


def ledger(path: Path | None = None) -> dict[str, Claim]:
    """Return the ledger: claim ids to claims, in the article's order.

    Parameters
    ----------
    path : Path, optional
        Another ledger than ``data/claims.yml``.

    Raises
    ------
    ClaimError
        A ledger that is not valid YAML or breaks the model, or a claim that stands twice.
    """
    path = data_folder() / "claims.yml" if path is None else path
    if not path.is_file():
        raise ClaimError("there is no ledger", str(path), "restore data/claims.yml from git")
    return _ledger(path, path.stat().st_mtime_ns)


def claim(name: str) -> Claim:
    """Return one claim of the ledger, or say which is nearest."""
    known = ledger()
    if name not in known:
        raise ClaimError(f"there is no claim {name!r}", "claims.yml", nearest(name, known))
    return known[name]


def of_notebook(notebook: str) -> pd.DataFrame:
    """Return the verdicts that a notebook decides, to show at its head.

    Returns
    -------
    DataFrame
        Columns ``claim``, ``verdict_on`` (statement or attribution), ``estimand``, ``rule`` (the rule's first
        sentence), ``thresholds``, ``set_on``.
    """
    rows = [
        {
            "claim": entry.statement,
            "verdict_on": aspect,
            "estimand": entry.estimand,
            "rule": (rules.rule(criterion.rule).function.__doc__ or "").split("\n\n")[0].strip(),
            "thresholds": _in_words(criterion.thresholds),
            "set_on": criterion.set_on.isoformat(),
        }
        for entry in ledger().values()
        for aspect, criterion in entry.criteria.items()
        if criterion.notebook == notebook
    ]
    if not rows:
        raise ClaimError(f"no claim is tested in {notebook!r}", "claims.yml", "name the notebook in a claim's criteria")
    return pd.DataFrame(rows)


def _in_words(thresholds: Mapping[str, Any]) -> str:
    """Return thresholds as "claimed 90 %, tolerance 5 points"."""
    units = {"pct": " %", "pp": " points", "months": " months"}
    words = []
    for name, value in thresholds.items():
        head, _, last = name.rpartition("_")
        known = last in units and head
        words.append(f"{(head if known else name).replace('_', ' ')} {value}{units[last] if known else ''}")
    return ", ".join(words) or "none"


def _short(number: float | None) -> str:
    """Return a number with a true minus sign, thousands separators from 1,000 on, else at most three digits."""
    assert number is not None
    size = abs(number)
    return ("\N{MINUS SIGN}" if number < 0 else "") + (f"{size:,.0f}" if size >= 1000 else f"{size:.3g}")


class Finding(_Frozen):
    """What a notebook reports for one aspect of a claim under one set of parameters.

    Shown as the last value of a cell it becomes a card, and a record with the MIME type
    ``application/vnd.musan.finding+json`` in the executed notebook.
    """

    claim: str
    aspect: Aspect
    verdict: Verdict
    reasons: tuple[str, ...]
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    period: str = ""
    n: int | None = None
    measures: dict[str, Any] = Field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    agreement: float | None = Field(default=None, ge=0, le=1)
    specifications: int = 1
    decisive_choice: str | None = None
    analyses: dict[str, tuple[str | int | float | bool | None, ...]] = Field(default_factory=dict)
    grade: Grade
    grade_reasons: tuple[str, ...]
    would_change: str
    notebook: str
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _as_many_analyses_as_it_says(self) -> Finding:
        if self.analyses and {len(column) for column in self.analyses.values()} != {self.specifications}:
            raise ValueError(f"the analyses are not {self.specifications} each")
        return self

    @model_validator(mode="after")
    def _interval_holds_the_estimate(self) -> Finding:
        known = self.estimate is not None and self.low is not None and self.high is not None
        if known and not self.low <= self.estimate <= self.high:  # type: ignore[operator]
            raise ValueError(f"the interval {self.low} to {self.high} does not hold the estimate {self.estimate}")
        return self

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude
        return {MIME: self.model_dump(mode="json"), "text/html": self._card(), "text/plain": self.sentence()}

    def sentence(self) -> str:
        """Return claim, aspect, verdict and reasons in one line of plain text."""
        return f"{claim(self.claim).title}: {self.aspect} {self.verdict.value} ({'; '.join(self.reasons)})"

    def figures(self) -> str:
        """Return estimate, interval, unit, period and n in words; empty without an estimate."""
        if self.estimate is None:
            return ""
        known = self.low is not None and self.high is not None
        interval = f" ({_short(self.low)} to {_short(self.high)})" if known else ""
        count = f", n = {self.n}" if self.n is not None else ""
        return f"{_short(self.estimate)}{interval} {self.unit}, {self.period}{count}"

    def _card(self) -> str:
        entry = claim(self.claim)
        rows = [
            ("Measured", self.figures()),
            ("Why", "; ".join(self.reasons)),
            ("Agreement", self.agreed()),
            ("Evidence", f"{self.grade} ({'; '.join(self.grade_reasons)})"),
            ("Testimony", f"{entry.admiralty}: {entry.admiralty.why}" if entry.admiralty else ""),
            ("Assumes", "; ".join(self.assumptions)),
            ("Would change our mind", self.would_change),
        ]
        if self.verdict is Verdict.NO_CAUSAL_CLAIM:
            rows = rows[1:2]
        facts = "".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in rows if text)
        aspect = {"statement": "Is the statement true?", "attribution": "Are sanctions the cause?"}[self.aspect]
        return (
            f'<section class="finding" data-verdict="{html.escape(self.verdict.value)}" '
            f'aria-label="{html.escape(entry.title)}, {self.aspect}">'
            f'<p class="finding-claim">{html.escape(entry.title)}</p>'
            f'<p class="finding-verdict"><span>{aspect}</span> <strong>{html.escape(self.verdict.value)}</strong></p>'
            f"<dl>{facts}</dl></section>"
        )

    def agreed(self) -> str:
        """Return the share of defensible analyses with this verdict, in words."""
        if self.agreement is None:
            return ""
        flips = f"; {self.decisive_choice} flips it most often" if self.decisive_choice else ""
        return f"{100 * self.agreement:.0f} % of {self.specifications} defensible analyses give this verdict{flips}"


def decide(name: str, aspect: Aspect, measures: Mapping[str, Any]) -> Ruling:
    """Apply a claim's rule with the ledger's thresholds to measures, without reporting a finding.

    Used for the other readings of a claim, whose share of equal verdicts is the agreement.
    """
    if aspect not in ASPECTS:
        raise ClaimError(f"there is no verdict on {aspect!r}", f"claim {name}", nearest(aspect, ASPECTS))
    criterion = claim(name).criteria[aspect]
    return rules.rule(criterion.rule)(measures, criterion.thresholds)


def agreement(
    name: str,
    aspect: Aspect,
    analyses: pd.DataFrame,
    *,
    headline: str,
    verdict: str = "verdict",
    estimate: str | None = None,
) -> Agreement:
    """Return how far the analyses of a verdict's multiverse agree with the one reported.

    Parameters
    ----------
    name, aspect : str
        A claim and one of its aspects; its choices are those of the ledger.
    analyses : DataFrame
        One row an analysis: a column for each choice, and the verdict. Other columns may vary too, as long as
        the verdict does not depend on them.
    headline : str
        The verdict that is reported.
    verdict, estimate : str
        Columns with the verdict and the number behind it.

    Raises
    ------
    ClaimError
        The ledger has no choices for this verdict, or the verdict depends on something else.
    MethodError
        A choice of the ledger is no column.
    """
    own = list(claim(name).criteria[aspect].choices)
    if not own:
        raise ClaimError(f"has no choices for its {aspect}", f"claim {name}", "list them in data/claims.yml")
    if set(own) <= set(analyses.columns):
        depends = analyses.groupby(own, sort=False, observed=True)[verdict].nunique()
        if (depends > 1).any():
            what = f"the verdict on the {aspect} differs between analyses with the same choices"
            raise ClaimError(what, f"claim {name}", "add to data/claims.yml the choice that it depends on")
        analyses = analyses.drop_duplicates(own)
    return multiverse.agreement(analyses, choices=own, headline=headline, verdict=verdict, estimate=estimate)


def grade(kind: Kind, concerns: Sequence[str], strengths: Sequence[str]) -> tuple[Grade, tuple[str, ...]]:
    """Grade the evidence: where its kind starts, one step down a concern, one up a strength.

    Parameters
    ----------
    kind : str
        Kind of the claim.
    concerns, strengths : sequence of str
        Reasons in words.

    Returns
    -------
    grade : {"high", "moderate", "low", "very low"}
    reasons : tuple of str
        The start, then each reason with its sign.
    """
    start = STARTING_GRADE[kind]
    place = GRADES.index(start) + len(concerns) - len(strengths)
    reasons = (
        f"starts {start} for a {kind} claim",
        *(f"+ {s}" for s in strengths),
        *(f"− {c}" for c in concerns),
    )
    return GRADES[min(max(place, 0), len(GRADES) - 1)], reasons


def _plain(value: Any) -> Any:
    """Return a measure with numbers of numpy and pandas as Python's own, so that it can be written to JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_plain(part) for part in value)
    return value.item() if isinstance(value, np.generic) else value


def _columns(analyses: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """Return a frame as plain columns, None where a cell is missing."""
    return {
        str(name): tuple(None if pd.isna(cell) else cell for cell in column.tolist())
        for name, column in analyses.items()
    }


def find(
    name: str,
    aspect: Aspect,
    parameters: BaseModel | None = None,
    *,
    measures: Mapping[str, Any],
    agreed: Agreement | None = None,
    concerns: Sequence[str] = (),
    strengths: Sequence[str] = (),
    **facts: Any,
) -> Finding:
    """Return the finding for one aspect of a claim: the ledger's rule applied to what was measured.

    Parameters
    ----------
    name : str
        Id of the claim.
    aspect : {"statement", "attribution"}
    parameters : BaseModel, optional
        The notebook's validated parameters.
    measures : mapping
        The rule's measures; thresholds come from the ledger only.
    agreed : Agreement, optional
        From :func:`agreement`, where the verdict has a multiverse.
    concerns, strengths : sequence of str
        Reasons that lower or raise the evidence grade.
    **facts
        Other fields of :class:`Finding`: ``estimate``, ``low``, ``high``, ``unit``, ``period``, ``n``,
        ``assumptions``.

    Raises
    ------
    ClaimError
        Unknown claim, or measures that do not fit the rule.
    """
    entry = claim(name)
    ruling = decide(name, aspect, measures)
    graded, grade_reasons = grade(entry.kind, concerns, strengths)
    if agreed is not None:
        facts |= {
            "agreement": agreed.share,
            "specifications": agreed.n,
            "decisive_choice": agreed.decisive_choice,
            "analyses": _columns(agreed.analyses),
        }
    try:
        return Finding(
            claim=name,
            aspect=aspect,
            verdict=ruling.verdict,
            reasons=ruling.reasons,
            measures=_plain(measures),
            grade=graded,
            grade_reasons=grade_reasons,
            would_change=entry.would_change,
            notebook=entry.criteria[aspect].notebook,
            parameters=parameters.model_dump(mode="json") if parameters is not None else {},
            **_plain(facts),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ClaimError(
            first["msg"], f"find({name!r}), {'.'.join(map(str, first['loc']))}", "correct the call"
        ) from error


def executed_notebooks(folder: str = "") -> list[Path]:
    """Return the executed notebooks that findings are read from, in the order of their names.

    Parameters
    ----------
    folder : str
        Their folder; by default ``notebooks`` in the output folder, where no folder means that nothing
        has been run yet.

    Raises
    ------
    ClaimError
        A folder was given that does not exist.
    """
    chosen = Path(folder).expanduser() if folder else output_folder() / "notebooks"
    if folder and not chosen.is_dir():
        raise ClaimError("the folder does not exist", str(chosen), "give the folder of executed notebooks")
    return sorted(chosen.glob("*.ipynb"))


def collect(paths: Sequence[Path]) -> list[Finding]:
    """Return the findings that executed notebooks hold, each checked against the ledger.

    Parameters
    ----------
    paths : sequence of Path
        Executed notebooks.

    Returns
    -------
    list of Finding
        In the order of the notebooks and their cells.

    Raises
    ------
    ClaimError
        A file that is no notebook; a record that is not a finding; a verdict that the ledger's rule does
        not give for the measures beside it; two findings for one aspect of a claim.
    """
    found: dict[tuple[str, str], tuple[Finding, Path]] = {}
    for path in paths:
        for record in _records(path):
            finding = _checked(record, path)
            key = (finding.claim, finding.aspect)
            if key in found:
                raise ClaimError(
                    f"{finding.claim}, {finding.aspect} is found in {found[key][1].name} too",
                    str(path),
                    "give each aspect of a claim to one notebook",
                )
            found[key] = (finding, path)
    return [finding for finding, _ in found.values()]


def _records(path: Path) -> list[Mapping[str, Any]]:
    # Read as plain JSON: nbformat would check every cell of a file that a run has just written against its schema.
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClaimError(f"is not a notebook ({type(error).__name__})", str(path), "run it again") from error
    return [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]


def _checked(record: Mapping[str, Any], path: Path) -> Finding:
    try:
        finding = Finding.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ClaimError(
            f"holds a finding that is not one ({where}: {first['msg']})", str(path), "run it again"
        ) from error
    try:
        ruling = decide(finding.claim, finding.aspect, finding.measures)
    except ClaimError as error:
        raise ClaimError(f"holds a finding that can't be checked ({error})", str(path), CHANGED) from error
    if ruling.verdict is not finding.verdict:
        what = f"says {finding.verdict.value!r} of {finding.claim}, {finding.aspect}; the ledger's rule gives "
        raise ClaimError(f"{what}{ruling.verdict.value!r}", str(path), CHANGED)
    if ruling.reasons != finding.reasons:
        raise ClaimError(f"gives other reasons for {finding.claim}, {finding.aspect} than the rule", str(path), CHANGED)
    return finding


def verdict_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return one row a claim of the ledger with both verdicts.

    Parameters
    ----------
    findings : sequence of Finding
        From :func:`collect`.

    Returns
    -------
    DataFrame
        Columns ``claim``, ``title``, ``quote``, ``kind``, ``statement``, ``attribution``, ``agreement``
        (share, missing where no multiverse was run), ``decisive_choice``, ``grade``, ``admiralty``,
        ``estimate`` (in words), ``reasons``, ``would_change``, ``notebook``, ``attribution_notebook``. A
        verdict whose notebook does not exist or was not run says so.
    """
    by_key = {(finding.claim, finding.aspect): finding for finding in findings}
    rows = []
    for entry in ledger().values():
        statement = by_key.get((entry.id, "statement"))
        verdicts: dict[str, str] = {
            aspect: _verdict(by_key.get((entry.id, aspect)), entry.criteria[aspect]) for aspect in ASPECTS
        }
        rows.append(
            {
                "claim": entry.id,
                "title": entry.title,
                "quote": entry.quote or "",
                "kind": entry.kind,
                **verdicts,
                "agreement": statement.agreement if statement else None,
                "decisive_choice": (statement.decisive_choice if statement else None) or "",
                "grade": statement.grade if statement else "",
                "admiralty": str(entry.admiralty or ""),
                "estimate": statement.figures() if statement else "",
                "reasons": "; ".join(statement.reasons) if statement else "",
                "would_change": entry.would_change,
                "notebook": entry.criteria["statement"].notebook,
                "attribution_notebook": entry.criteria["attribution"].notebook,
            }
        )
    return pd.DataFrame(rows).astype({"agreement": "Float64"})


def _verdict(finding: Finding | None, criterion: Criterion) -> str:
    if finding is not None:
        return finding.verdict.value
    exists = (notebooks_folder() / f"{criterion.notebook}.ipynb").is_file()
    return NOT_RUN if exists else NO_NOTEBOOK
