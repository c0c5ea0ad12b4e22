"""Pictures of multiverses: how all verdicts would have turned out, and the specification curve of one.

A specification curve (Simonsohn, Simmons and Nelson 2020, Nature Human Behaviour 4) sorts analyses by their estimate
and shows below which choices each of them made.
"""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure as MplFigure
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from matplotlib.transforms import ScaledTranslation

from musan import claims, evidence, figures
from musan.methods import multiverse
from musan.multiverses import in_words
from musan.rules import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from musan.figures import Drawing, Figure
    from musan.multiverses import Multiverse

LINEAR_TO = 10  # where a stretched scale turns logarithmic, on either side of zero
ARTICLE = ["asiapress-2018-08-exports-drop-p2"]
# Pale verdicts would vanish as thin lines and small dots.
INK = {name: ("#7C8794" if face == claims.SHOWN[Verdict.NOT_TESTABLE.value][0] else face)
       for name, (face, _) in claims.SHOWN.items()}  # fmt: skip


def all_verdicts(multiverses: Sequence[Multiverse]) -> Figure:
    """Return a figure with one bar a verdict: the share of analyses that give each verdict."""
    shares = pd.DataFrame(
        [one.analyses["verdict"].value_counts(normalize=True) for one in multiverses],
        index=[one.name for one in multiverses],
        columns=[verdict.value for verdict in Verdict],
    ).fillna(0)
    shares = shares.loc[:, shares.any()]
    height = max(0.46 * len(shares), 1.6)
    fig, ax = plt.subplots(figsize=(8, height + 1.6))
    start = pd.Series(0.0, index=shares.index)
    for verdict in map(str, shares.columns):
        face, ink = claims.SHOWN[verdict]
        width = 100 * shares[verdict]
        ax.barh(range(len(shares)), width, left=100 * start, height=0.78, color=face)
        for row, (left, wide) in enumerate(zip(100 * start, width, strict=True)):
            if wide >= 12:
                ax.text(left + wide / 2, row, f"{wide:.0f}", ha="center", va="center", color=ink, fontsize=10.5)
        start += shares[verdict]
        ax.plot([], [], "s", color=face, markersize=10, label=_brief(verdict))
    for row, one in enumerate(multiverses):
        ax.text(101, row, f"{one.agreed.n}", va="center", fontsize=10.5, color=figures.COLOURS["text"])
    ax.text(101, -0.72, "analyses", va="bottom", fontsize=10.5, color=figures.COLOURS["text"])
    ax.set_yticks(range(len(shares)), [_short(one) for one in multiverses], fontsize=10)
    ax.set_ylim(len(shares) - 0.4, -0.6)
    ax.set_xlim(0, 112)
    ax.set_xticks(range(0, 101, 25))
    ax.set_xlabel("Share of analyses, %")
    above = ax.transAxes + ScaledTranslation(0, 0.3, fig.dpi_scale_trans)  # inches: the column's head is below
    ax.legend(
        loc="lower right", bbox_to_anchor=(1, 1), bbox_transform=above, ncols=3, fontsize=10.5, handletextpad=0.2,
        columnspacing=1.2,
    )  # fmt: skip
    ax.grid(visible=False)
    agree = sum(one.agreed.share == 1 for one in multiverses)
    ax.set_title(f"All analyses agree on {agree} of {len(multiverses)} verdicts")
    return figures.publish(
        fig,
        name="all_analyses",
        caption="Verdicts of all analyses that can be defended, by claim and question, percent of analyses.",
        alt="Stacked bars, one a verdict. "
        + " ".join(
            f"{one.name} {100 * one.agreed.share:.0f} percent {one.finding.verdict.value}." for one in multiverses
        ),
        data=shares.rename_axis("verdict_on").reset_index(),
        sources=ARTICLE,
    )


def _brief(verdict: str) -> str:
    return verdict.replace(" with open data", "")


def _short(one: Multiverse) -> str:
    """Return the name in two lines at most."""
    title, question = one.name.rsplit(": ", 1)
    return f"{title}\n{question}"


def specification_curves(multiverses: Sequence[Multiverse]) -> list[Figure]:
    """Return the specification curve of each verdict whose analyses have estimates.

    Analyses without a number are left out; how many is said in the title.
    """
    with ThreadPoolExecutor(1) as encoder:  # one picture is made small while the next is drawn
        published = [encoder.submit(_curve(one).published) for one in multiverses if one.has_estimates]
    return [figure.result() for figure in published]


def _curve(one: Multiverse) -> Drawing:
    gc.collect(1)  # of the figure before, a cycle of thousands of parts; only among what is young, which takes no time
    known = one.analyses.dropna(subset="estimate").reset_index(drop=True)
    curve = multiverse.specification_curve(known, choices=one.choices, verdict="verdict")
    options = [(choice, option) for choice in one.choices for option in known[choice].unique()]
    # Not one of pyplot's, or the notebook would keep each until the cell ends.
    fig = MplFigure(figsize=(8, 4.1 + 0.24 * len(options)))
    top, below = fig.subplots(2, 1, sharex=True, height_ratios=[2.5, 0.27 * len(options)])
    for name in [verdict.value for verdict in Verdict if (curve.frame["verdict"] == verdict.value).any()]:
        rows = curve.frame[curve.frame["verdict"] == name]
        top.plot(
            rows["order"], rows["estimate"], "o", color=INK[name], markersize=5, label=f"{_brief(name)}: {len(rows)}"
        )
    # Between the panels: among the dots a legend's own would look like analyses.
    handles, labels = top.get_legend_handles_labels()
    columns = 2 if len(" ".join(labels)) > 40 else len(labels)
    below.legend(
        handles, labels, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1.02), fontsize=10.5, handletextpad=0.2
    )
    top.set_ylabel(f"{one.finding.unit[:1].upper()}{one.finding.unit[1:]}")
    stretched = _stretched(curve.frame["estimate"])
    if stretched:
        top.set_yscale("symlog", linthresh=LINEAR_TO)
        top.yaxis.set_major_formatter(ScalarFormatter())
    _choices(below, curve.frame, options)
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    left_out = len(one.analyses) - len(known)
    top.set_title(
        f"{one.name.replace(': ', ', ')} {_share(one)}" + (f"; {left_out} without a number" if left_out else "")
    )
    return figures.drawing(
        fig,
        name=f"curve_{one.finding.claim}_{one.finding.aspect}",
        caption=f"{one.name} Estimates of {len(known)} analyses, sorted ({one.finding.unit}), and the "
        "choices behind each." + (f" Beyond {LINEAR_TO} the scale is logarithmic." if stretched else ""),
        alt=f"{len(known)} dots from {curve.lowest:.4g} to {curve.highest:.4g}, with a median of {curve.median:.4g}. "
        + " ".join(f"{name}: {count}." for name, count in known["verdict"].value_counts().items())
        + " Ticks below mark the choices of each analysis.",
        data=curve.frame.assign(verdict=curve.frame["verdict"].map(_brief)),
        sources=_sources(one),
    )


def _sources(one: Multiverse) -> pd.DataFrame:
    """Return the sources of the claim's tables; derived tables name none of their own."""
    frames = map(evidence.load, claims.claim(one.finding.claim).tables)
    return evidence.sources(*(frame for frame in frames if "source_id" in frame))


def _share(one: Multiverse) -> str:
    same = round(one.agreed.share * one.agreed.n)
    return f"{same} of {one.agreed.n} {one.finding.verdict.value}"


def _stretched(estimates: pd.Series[float]) -> bool:
    """Return whether a few estimates are so far away that the others would lie on one line."""
    sizes = estimates.abs()
    return bool(sizes.max() > 50 * sizes.median())


def _choices(ax: Axes, frame: pd.DataFrame, options: list[tuple[str, object]]) -> None:
    """Draw a row an option with a tick for each analysis that has it."""
    rows = {pair: row for row, pair in enumerate(options)}
    choices = list(dict.fromkeys(choice for choice, _ in options))
    for verdict, part in frame.groupby("verdict", sort=False):
        ticks = [
            (order, rows[choice, option])
            for choice in choices
            for order, option in zip(part["order"], part[choice], strict=True)
        ]
        ax.plot(*zip(*ticks, strict=True), "|", color=INK[str(verdict)], markersize=9, markeredgewidth=1.4)
    first = [place for place, (choice, _) in enumerate(options) if not place or options[place - 1][0] != choice]
    for place in first[1:]:
        ax.axhline(place - 0.5, color=figures.COLOURS["rule"], linewidth=1)
    ax.set_yticks(range(len(options)), [_label(choice, option) for choice, option in options], fontsize=10)
    ax.set_ylim(len(options) - 0.4, -0.6)
    ax.set_xlabel("Analyses, sorted by estimate")
    ax.grid(visible=False)


def _label(choice: str, option: object) -> str:
    return f"{in_words(choice)}: {in_words(option)}"
