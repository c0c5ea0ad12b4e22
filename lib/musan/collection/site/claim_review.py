"""The verdicts as schema.org ``ClaimReview``: what search engines and fact-check databases read.

A review is of the statement alone; whether sanctions are the cause is said in its text. The scale has five
steps, from 1 (contradicted) to 5 (supported); a statement that no published figure can decide has words and no number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from musan import evidence
from musan.collection.site import citation
from musan.rules import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from musan.claims import Claim
    from musan.collection.site.index_page import Row

BEST, WORST = 5, 1
RATINGS: dict[str, int] = {
    Verdict.SUPPORTED.value: 5,
    Verdict.CAVEATS.value: 4,
    Verdict.MIXED.value: 3,
    Verdict.CONTRADICTED.value: 1,
}
"""The step of each verdict; 2 is left free, because no verdict lies between mixed and contradicted."""
UNRATED = Verdict.NOT_TESTABLE.value


def reviews(rows: Iterable[Row], address: str = "") -> dict[str, Any]:
    """Return the reviews of all statements that are decided, as JSON-LD.

    Parameters
    ----------
    rows : iterable of Row
        The claims as the index shows them.
    address : str, optional
        Where the site is published, such as ``https://example.org/musan/``; without it addresses are
        relative to the index.
    """
    sources = _article()
    decided = {*RATINGS, UNRATED}
    graph = [_review(row, row.claim, sources, address) for row in rows if row.claim and row.statement in decided]
    return {"@context": "https://schema.org", "@graph": graph}


def _review(row: Row, claim: Claim, sources: Mapping[int, Mapping[str, str]], address: str) -> dict[str, Any]:
    page = sources.get(claim.page) or next(iter(sources.values()), {})
    appearance = {"@type": "CreativeWork", "url": page["url"], "headline": page["title"]} if page else None
    rating: dict[str, Any] = {"@type": "Rating", "alternateName": row.statement.capitalize()}
    if row.statement in RATINGS:
        rating |= {"ratingValue": RATINGS[row.statement], "bestRating": BEST, "worstRating": WORST}
    if row.reasons:
        rating["ratingExplanation"] = row.reasons
    return _present(
        {
            "@type": "ClaimReview",
            "@id": f"{address}index.html#{row.anchor}",
            "url": f"{address}index.html#{row.anchor}",
            "claimReviewed": claim.statement,
            "itemReviewed": _present(
                {
                    "@type": "Claim",
                    "author": {"@type": "Organization", "name": "ASIAPRESS"},
                    "datePublished": page.get("published"),
                    "appearance": appearance,
                }
            ),
            "author": {"@type": "Organization", "name": " and ".join(citation.work().authors)},
            "datePublished": row.day.isoformat() if row.day else None,
            "reviewRating": rating,
            "reviewBody": f"Is the statement true? {row.statement}. Are sanctions the cause? {row.attribution}.",
            "inLanguage": "en",
        }
    )


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _article() -> dict[int, dict[str, str]]:
    """Return the pages of the article under test that the catalogue has as sources, by number."""
    table = evidence.load("sources")[["source_id", "url", "title", "published"]].astype(str)
    found: dict[int, dict[str, str]] = {}
    for name, address, title, published in table.itertuples(index=False):
        stem, _, number = name.rpartition("-p")
        if stem == evidence.UNDER_TEST and number.isdigit():
            found[int(number)] = {"url": address, "title": title, "published": published}
    return found
