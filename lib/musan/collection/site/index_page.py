"""The index: the question, the verdict of each claim, one figure, how to read them, the data."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from musan import __version__, claims, evidence
from musan.collection import outputs
from musan.collection.site import assets, citation, claim_review, facts, markup
from musan.collection.site.notebook_page import json_inside
from musan.rules import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from musan.claims import Claim
    from musan.collection.outputs import SavedFigure
    from musan.collection.site.notebook_page import Executed

_UNDECIDED = {claims.NO_NOTEBOOK, claims.NOT_RUN}
_ORDER = [verdict.value for verdict in Verdict]


@dataclass(frozen=True)
class Row:
    """A claim as the index shows it; what is not known is empty."""

    anchor: str
    title: str
    statement: str
    attribution: str
    claim: Claim | None = None
    estimate: str = ""
    agreement: str = ""
    share: float | None = None
    decisive_choice: str = ""
    grade: str = ""
    admiralty: str = ""
    reasons: str = ""
    would_change: str = ""
    pages: tuple[Executed, ...] = ()
    day: date | None = None

    @property
    def places(self) -> dict[str, float | int]:
        """Return where the claim comes when it is sorted by a column, best first."""
        verdicts, grades = [*_ORDER, claims.NOT_RUN, claims.NO_NOTEBOOK], [*claims.GRADES, ""]
        return {
            "statement": verdicts.index(self.statement) if self.statement in verdicts else len(verdicts),
            "attribution": verdicts.index(self.attribution) if self.attribution in verdicts else len(verdicts),
            "agreement": -1.0 if self.share is None else self.share,
            "grade": grades.index(self.grade) if self.grade in grades else len(grades),
        }


def html(pages: Sequence[Executed], verdicts: pd.DataFrame, address: str = "") -> str:
    """Return the index.

    Parameters
    ----------
    pages : sequence of Executed
        The notebooks, in reading order.
    verdicts : DataFrame
        One row a claim, as :func:`musan.collection.export.export` takes it.
    address : str, optional
        Where the site is published.

    Returns
    -------
    str
        HTML; nothing in it is loaded from elsewhere.
    """
    rows = [_row(row, {one.name: one for one in pages}) for row in verdicts.to_dict("records")]
    decided = Counter(row.statement for row in rows if row.statement not in _UNDECIDED)
    package = evidence.package()
    days = [one.day for one in pages if one.day]
    return assets.render(
        "index.html.j2",
        files=assets.INDEX,
        title="Does a 2018 report on North Korea under sanctions hold?",
        site=True,
        address=address,
        pages=pages,
        rows=rows,
        counts=sorted(decided.items(), key=lambda item: (-item[1], item[0])),
        choices={
            key: [word for word in order if any(getattr(row, key) == word for row in rows)]
            for key, order in (("statement", _ORDER), ("attribution", _ORDER), ("grade", [*claims.GRADES]))
        },
        table=markup.data_address("text/csv", _csv(verdicts)),
        figure=_key_figure(pages),
        package=package,
        reviews=json_inside(claim_review.reviews(rows, address)),
        ratings=claim_review.RATINGS,
        unrated=claim_review.UNRATED,
        day=facts.in_words(max(days, default=None)),
        work=citation.work(),
        version=__version__,
    )


def _csv(verdicts: pd.DataFrame) -> str:
    file = io.StringIO()
    verdicts.to_csv(file, index=False, lineterminator="\n")
    return file.getvalue()


def _key_figure(pages: Sequence[Executed]) -> tuple[SavedFigure, str, Executed] | None:
    """Return the first figure of the first notebook that has one, the address of its picture, and the notebook."""
    for one in pages:
        for figure in outputs.figures(one.notebook)[:1]:
            return figure, figure.html.partition('src="')[2].partition('"')[0], one
    return None


def _row(row: Mapping[Any, Any], pages: Mapping[str, Executed]) -> Row:
    """Return a row of verdicts in words; a column that is not there is empty."""
    words = {key: "" if pd.api.types.is_scalar(value) and pd.isna(value) else value for key, value in row.items()}
    name = str(words.get("claim", ""))
    share = words.get("agreement", "")
    names = dict.fromkeys(str(words.get(key, "")) for key in ("notebook", "attribution_notebook"))
    shown = tuple(pages[each] for each in names if each in pages)
    return Row(
        anchor=f"claim-{name or markup.Headings().add(2, str(words['title'])).anchor}",
        title=str(words.get("title") or name),
        statement=str(words["statement"]),
        attribution=str(words["attribution"]),
        claim=claims.ledger().get(name),
        agreement=f"{100 * float(share):.0f}\u00a0%" if share != "" else "",
        share=float(share) if share != "" else None,
        decisive_choice=str(words.get("decisive_choice", "")).replace("_", " "),
        pages=shown,
        day=shown[0].day if shown else None,
        **{key: str(words.get(key, "")) for key in ("estimate", "grade", "admiralty", "reasons", "would_change")},
    )
