"""The results as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt

from comparison.ways import middle
from musan import figures, layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

LONGEST_LABEL = 28  # characters in a line
DOTS_PER_INCH = 160


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Write a picture of the collection's seconds and of a sweep's runs a minute.

    Parameters
    ----------
    results : mapping
        With the parts ``collection`` and ``sweep``.
    path : Path
        A PNG.
    """
    figures.use_style()
    whole, sweep = results["collection"], results["sweep"]
    seconds = {key: middle(times) for key, times in whole["times"].items()}
    a_minute = {key: 60 * sweep["runs"] / middle(times, "for_all") for key, times in sweep["times"].items()}
    heights = [len(seconds), len(a_minute)]
    fig, (above, below) = plt.subplots(2, 1, figsize=(8, 0.62 * sum(heights)), height_ratios=heights)
    _bars(above, seconds, whole["labels"], f"Seconds for {len(whole['names'])} notebooks and pages")
    limit = whole["limit"]["seconds_in_order"]
    above.axvline(limit, color=figures.COLOURS["text"], linestyle=(0, (4, 3)), linewidth=1.2)
    above.text(
        limit, len(seconds) - 0.5, " limit for processes that share nothing", va="bottom", ha="left", fontsize=10.5
    )
    _bars(below, a_minute, sweep["labels"], f"Runs a minute, in a sweep of {sweep['runs']}")
    fig.suptitle(
        f"The whole collection in {seconds['cold']:.0f} instead of {seconds['command_lines']:.0f} seconds, "
        f"{a_minute['shared']:.0f} instead of {a_minute['command_lines']:.0f} runs a minute"
    )
    layout.lay_out(fig)
    if cut := layout.clipped_artists(fig):
        raise ValueError(f"cut off: {'; '.join(cut)}")
    fig.savefig(path, dpi=DOTS_PER_INCH)
    plt.close(fig)


def _bars(ax: Axes, values: Mapping[str, float], labels: Mapping[str, str], title: str) -> None:
    names = [_broken(labels[key]) for key in values]
    colours = [figures.COLOURS["main" if name.startswith("musan") else "muted"] for name in names]
    bars = ax.barh(names, list(values.values()), color=colours, height=0.66)
    ax.bar_label(bars, [f" {value:.1f}" if value < 10 else f" {value:.0f}" for value in values.values()], fontsize=11)
    ax.invert_yaxis()
    ax.set_xlim(0, 1.12 * max(values.values()))
    ax.set_title(title)


def _broken(label: str) -> str:
    """Return a label in two lines, the second from its last comma on, when it is long."""
    before, comma, after = label.rpartition(", ")
    return f"{before},\n{after}" if comma and len(label) > LONGEST_LABEL else label
