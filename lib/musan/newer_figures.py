"""The sentence at the head of a notebook that was run with vintages of live sources."""

from __future__ import annotations

from musan import parameters, prose
from musan.refresh import vintages

# Live source -> what a vintage of it does in the notebooks that can read it.
ROLES = {
    "comtrade": "takes the place of printed figures wherever it has the months that they speak of",
    "pink_sheet": "gives the world prices of ore and coal",
    "baci": "adds a comparison with other suppliers",
}


def said(notebook: str, vintage: str) -> prose.Paragraph | None:
    """Return what the notebook rests on apart from the committed tables; None when that is nothing.

    Parameters
    ----------
    notebook : str
        Its name, such as ``01_trade_collapse``.
    vintage : str
        Names of vintages, its parameter of that name.

    Returns
    -------
    Paragraph or None
        To stand under the notebook's answer.
    """
    chosen = vintages.named(vintage)
    if not chosen:
        return None
    live = parameters.model_for(notebook).live_sources
    unused = [f"`{one.full_name}`" for one in chosen if one.source not in live]
    sentences = [
        f"{one.package()['title']}, vintage `{one.full_name}` ({one.about()}), {ROLES[one.source]}."
        for one in chosen
        if one.source in live
    ]
    if unused:
        sentences.append(f"This notebook reads no table of {prose.listing(unused)}.")
    return prose.paragraph(f"**Newer figures.** {' '.join(sentences)}")
