"""The verdicts for a reader in a hurry: what holds and what does not, and sentences to quote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from musan import __version__, claims, evidence, prose
from musan.rules import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.claims import Finding

ARTICLE = "asiapress-2018-08-exports-drop-p2"
SAYS = {
    Verdict.SUPPORTED: "Open figures support this",
    Verdict.CAVEATS: "Open figures support this with caveats",
    Verdict.MIXED: "Open figures point both ways",
    Verdict.CONTRADICTED: "Open figures contradict this",
    Verdict.NOT_TESTABLE: "Open figures can't test this",
}
CAUSED = {
    Verdict.SUPPORTED: "so do they that sanctions are the cause",
    Verdict.CAVEATS: "that sanctions are the cause they support with caveats",
    Verdict.MIXED: "on sanctions as the cause they point both ways",
    Verdict.CONTRADICTED: "they contradict that sanctions are the cause",
    Verdict.NOT_TESTABLE: "whether sanctions are the cause they can't tell",
}


def in_short(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return one row a verdict with the claims that got it, the firmest first.

    Returns
    -------
    DataFrame
        ``verdict``, ``statement`` (titles of the claims of which the statement got it), ``attribution``; a verdict
        that no claim got has no row.
    """
    rows = []
    for verdict in Verdict:
        statement, attribution = (_titles(findings, aspect, verdict) for aspect in claims.ASPECTS)
        if statement or attribution:
            rows.append({"verdict": verdict.value, "statement": statement, "attribution": attribution})
    return pd.DataFrame(rows, columns=["verdict", *claims.ASPECTS])


def _titles(findings: Sequence[Finding], aspect: str, verdict: Verdict) -> str:
    return "; ".join(claims.claim(f.claim).title for f in findings if f.aspect == aspect and f.verdict is verdict)


def quotable(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return a sentence on each claim that can be quoted as it stands, with its citation.

    Returns
    -------
    DataFrame
        ``sentence`` and ``cite``: project, version, notebook and vintage of the tables.
    """
    by_key = {(one.claim, one.aspect): one for one in findings}
    rows = [
        {"sentence": _sentence(statement, by_key.get((name, "attribution"))), "cite": citation(statement)}
        for name in claims.ledger()
        if (statement := by_key.get((name, "statement")))
    ]
    return pd.DataFrame(rows, columns=["sentence", "cite"])


def _sentence(statement: Finding, attribution: Finding | None) -> str:
    entry = claims.claim(statement.claim)
    untestable = statement.verdict is Verdict.NOT_TESTABLE
    why = statement.reasons[0] if untestable or statement.estimate is None else statement.figures()
    # The ledger restates the article; quotation marks would say that these are its words.
    said = f"ASIAPRESS, {_when()}, in our words: {entry.statement} {SAYS[statement.verdict]} ({why})"
    if attribution is None or attribution.verdict not in CAUSED:
        return f"{said}."
    joined = CAUSED[attribution.verdict]
    if attribution.verdict is Verdict.SUPPORTED and statement.verdict is not Verdict.SUPPORTED:
        joined = "that sanctions are the cause they support"
    return f"{said}; {joined}."


def _when() -> str:
    """Return month and year of the article."""
    published = evidence.load("sources").set_index("source_id")["published"]
    return prose.month(published[ARTICLE].asfreq("M"))


def citation(finding: Finding) -> str:
    """Return what to cite with a finding: project, version, notebook, vintage of the tables."""
    names = list(claims.claim(finding.claim).tables) or ["sources"]
    vintage = max(map(str, evidence.provenance(*names)["vintage"]))
    return f"musan {__version__}, {finding.notebook}, tables of {vintage}"
