"""The sentence at the head of a notebook that was run with vintages of live sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musan import prose
from musan.refresh import vintages

if TYPE_CHECKING:
    from musan.parameters import NotebookParameters

# Live source -> what a vintage of it does in the notebooks that can read it.
ROLES = {
    "comtrade": "takes the place of printed figures wherever it has the months that they speak of",
    "baci": "adds a comparison with other suppliers",
}


def said(p: NotebookParameters) -> prose.Paragraph | None:
    """Return what the notebook rests on apart from the committed tables; None when that is nothing.

    Parameters
    ----------
    p : NotebookParameters
        The notebook's parameters, ``vintage`` among them.

    Returns
    -------
    Paragraph or None
        To stand under the notebook's answer.
    """
    chosen = vintages.named(p.model_dump()["vintage"])
    if not chosen:
        return None
    used = [vintage for vintage in chosen if vintage.source in p.live_sources]
    unused = [f"`{vintage.full_name}`" for vintage in chosen if vintage not in used]
    sentences = [
        f"{vintage.package()['title']}, vintage `{vintage.full_name}` ({vintage.about()}), {ROLES[vintage.source]}."
        for vintage in used
    ]
    if unused:
        sentences.append(f"This notebook reads no table of {prose.listing(unused)}.")
    return prose.paragraph(f"**Newer figures.** {' '.join(sentences)}")
