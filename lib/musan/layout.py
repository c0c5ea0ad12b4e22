"""Where words go in a figure: title, axis labels, labels of lines and events, source line.

Everything here moves artists that exist; nothing draws data. What has to be placed once the size of
the words is known carries one of the marks below as its ``gid``.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, cast

import matplotlib.dates as mdates
import numpy as np
from matplotlib import ticker
from matplotlib.container import BarContainer
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Annotation, Text
from matplotlib.transforms import IdentityTransform, ScaledTranslation

from musan.paper import paper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

PIXELS_WIDE = 1536  # twice the width of the picture on a page
INCHES_WIDE = 7.5  # one width for all figures, so that type has one size on all pages
WORDS = "#43484E"  # words that are not the finding
FAINT = "#5A6068"  # source line, lines of events
AXIS = "#6B7178"
END_LABEL = "musan-end-label"
EVENT_LABEL = "musan-event-label"
EVENT_LINE = "musan-event-line"
FOOTER = "musan-footer"
_GAP = 6.0  # pixels between a line and its label
_EDGE = 0.012  # where title and footer begin, as a share of the figure's width


def footer(fig: Figure, text: str) -> None:
    """Write a small source line at the bottom left, wrapped to the figure's width.

    Parameters
    ----------
    fig : Figure
        The figure; a footer that it has already is replaced.
    text : str
        One sentence or two.
    """
    for old in _footers(fig):
        old.remove()
    fig.text(_EDGE, 0.016, text, fontsize=10.5, color=FAINT, va="bottom", linespacing=1.25, gid=FOOTER)


def clipped_artists(fig: Figure) -> list[str]:
    """Return the texts of a figure that reach beyond its edge, as they stand.

    Parameters
    ----------
    fig : matplotlib Figure
        A figure that has been drawn: only then a legend knows where it stands.

    Returns
    -------
    list of str
        The words of each text that is cut, in quotes; empty when all is well.
    """
    renderer = _renderer(fig)
    edge = fig.bbox
    cut = []
    for text in _visible_texts(fig):
        box = text.get_window_extent(renderer)
        if box.x0 < edge.x0 - 1 or box.y0 < edge.y0 - 1 or box.x1 > edge.x1 + 1 or box.y1 > edge.y1 + 1:
            cut.append(repr(text.get_text()))
    return cut


def _visible_texts(fig: Figure) -> list[Text]:
    """Return every text that is drawn; tick labels beyond the limits of their axis are not."""
    ticks: set[Artist] = set()
    drawn: set[Artist] = set()
    for axis in (axis for ax in fig.axes for axis in (ax.xaxis, ax.yaxis)):
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            ticks.update((tick.label1, tick.label2))
        drawn.update(_tick_labels(axis))
    texts = [text for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [text for text in texts if text not in ticks or text in drawn]


def _tick_labels(axis: Axis) -> list[Text]:
    """Return the labels of the ticks within the limits of an axis."""
    if not (axis.axes.axison and axis.get_visible()):
        return []
    low, high = sorted(axis.get_view_interval())
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    return [label for tick in ticks if low <= tick.get_loc() <= high for label in (tick.label1, tick.label2)]


def lay_out(fig: Figure) -> None:
    """Put title, axis labels, end labels, events and source line where they fit, then freeze the layout.

    Parameters
    ----------
    fig : matplotlib Figure
        It is made 7.5 inches wide, its proportions kept; then its height grows by what title, source line
        and event labels need, so that the data keep theirs.
    """
    width, height = fig.get_size_inches()
    fig.set_size_inches(INCHES_WIDE, height * INCHES_WIDE / width)
    fig.set_dpi(PIXELS_WIDE / INCHES_WIDE)
    renderer = _renderer(fig)
    lines = _set_titles(fig, renderer) + _wrap_footers(fig, renderer)
    for ax in fig.axes:
        _set_date_axis(ax)
        _set_number_axes(ax)
        _set_bars(ax)
        _set_value_label(ax, 0.0)
        _set_minus(ax)
    _grow(fig, 18.0 * lines)
    _constrain(fig, renderer)
    above = [_stagger_events(ax, renderer) for ax in fig.axes]
    moved = [_spread_labels(ax, renderer) for ax in fig.axes]
    titled = _raise_titles(fig, above, renderer)
    if any([*above, *moved, titled]):
        _grow(fig, max(above))
        _constrain(fig, renderer)
    fig.set_layout_engine("none")
    for ax in fig.axes:
        _raise_event_lines(ax, renderer)
        _align_value_label(ax, renderer)


def _renderer(fig: Figure) -> RendererBase:
    return paper(fig).get_renderer()


def _figure(ax: Axes) -> Figure:
    return cast("Figure", ax.get_figure(root=True))


def _grow(fig: Figure, points: float) -> None:
    """Make the figure taller, so that words above and below do not press the data together.

    Its height is an even number of pixels, for its picture has two on each of a page.
    """
    pairs = round((fig.get_figheight() + points / 72) * fig.dpi / 2)
    fig.set_figheight((2 * pairs + 0.01) / fig.dpi)  # a little more: canvases round down


def _constrain(fig: Figure, renderer: RendererBase) -> None:
    """Lay the axes out above the footer."""
    tops = [line.get_window_extent(renderer).y1 for line in _footers(fig)]
    bottom = float(max(tops, default=0.0) / fig.bbox.height)
    engine = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1, rect=(0, bottom, 1, 1 - bottom))
    fig.set_layout_engine(engine)
    engine.execute(fig)


def _raise_titles(fig: Figure, above: Sequence[float], renderer: RendererBase) -> bool:
    """Lift axis labels over the events, and panels' titles over both, all to one height."""
    needed = 0.0
    for ax, points in zip(fig.axes, above, strict=True):
        label = ax.yaxis.get_label()
        height = _points(ax, label.get_window_extent(renderer).height) + 4 if label.get_text() else 0.0
        _set_value_label(ax, points)
        needed = max(needed, points + height)
    titled = [ax for ax in fig.axes if ax.get_title(loc="left")]
    for ax in titled:
        ax.set_title(ax.get_title(loc="left"), loc="left", pad=8 + needed)
    return bool(titled)


def _points(ax: Axes, pixels: float) -> float:
    return pixels * 72 / _figure(ax).dpi


def _set_titles(fig: Figure, renderer: RendererBase) -> int:
    """Start the title at the figure's left edge and break it; return its lines beyond the first."""
    panels = [ax for ax in fig.axes if ax.get_title(loc="left") or ax.get_title(loc="center")]
    for ax in panels:
        text = ax.get_title(loc="left") or ax.get_title(loc="center")
        ax.set_title("", loc="center")
        ax.set_title(text, loc="left")
    heading = fig.get_suptitle()
    if not heading and len(panels) == 1:
        heading = panels[0].get_title(loc="left")
        panels[0].set_title("", loc="left")
    if not heading:
        return 0
    title = fig.suptitle(heading, x=_EDGE, ha="left", fontsize=15, fontweight="bold", linespacing=1.15)
    _wrap(title, (1 - 2 * _EDGE) * fig.bbox.width, renderer)
    return str(title.get_text()).count("\n")


def _wrap(text: Text, width: float, renderer: RendererBase) -> None:
    """Break a text into as few lines as fit into ``width`` pixels, of about the same length."""
    words = " ".join(text.get_text().split())
    text.set_text(words)
    full = text.get_window_extent(renderer).width
    columns = int(len(words) * width / full) if full > width else 0
    while columns > 10:
        text.set_text("\n".join(textwrap.wrap(words, columns, break_long_words=False)))
        if text.get_window_extent(renderer).width <= width:
            text.set_text(_balanced(words, columns))
            return
        columns -= 1


def _balanced(words: str, columns: int) -> str:
    """Return the words in as many lines as ``columns`` make, the longest line as short as can be."""
    best = textwrap.wrap(words, columns, break_long_words=False)
    for fewer in range(columns - 1, 10, -1):
        lines = textwrap.wrap(words, fewer, break_long_words=False)
        if len(lines) > len(best) or max(map(len, lines)) > fewer:
            break
        best = lines
    return "\n".join(best)


def _set_date_axis(ax: Axes) -> None:
    """Show years alone over long spans, months with their year under January over short ones."""
    if not isinstance(ax.xaxis.get_major_locator(), mdates.AutoDateLocator):
        return
    left, right = ax.get_xlim()
    years = (right - left) / 365.25
    if years > 3:
        every = 1 if years <= 12 else 2 if years <= 24 else 5
        ax.xaxis.set_major_locator(mdates.YearLocator(every))  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))  # type: ignore[no-untyped-call]
        return
    months = range(1, 13, 1 if years <= 0.7 else 3 if years <= 2 else 6)
    ax.xaxis.set_major_locator(mdates.MonthLocator(bymonth=months))  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(_month_name)


def _month_name(x: float, position: float | None = None) -> str:
    at = mdates.num2date(x)  # type: ignore[no-untyped-call]
    return f"{at:%b}\n{at:%Y}" if position == 0 or at.month == 1 else f"{at:%b}"


def _set_number_axes(ax: Axes) -> None:
    """Write tick labels as plain numbers: no offset, no power of ten, years without separator."""
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        formatter = axis.get_major_formatter()
        if axis.get_scale() == "log" and isinstance(formatter, ticker.LogFormatter):
            axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
            axis.set_minor_formatter(ticker.NullFormatter())
            axis.set_major_formatter(_plain_number)
        elif axis.get_scale() == "linear" and isinstance(formatter, ticker.ScalarFormatter):
            years = low >= 1900 and high <= 2100
            if years and isinstance(axis.get_major_locator(), ticker.AutoLocator):
                axis.set_major_locator(ticker.MaxNLocator(integer=True, nbins=10))
            axis.set_major_formatter("{x:.10g}" if years else _plain_number)


def _plain_number(x: float, _position: float | None = None) -> str:
    return f"{x:,.10g}".replace("-", "\u2212")


def _set_minus(ax: Axes) -> None:
    """Give numbers written into the axes a true minus sign."""
    for text in ax.texts:
        text.set_text(re.sub(r"^-(?=[\d.])", "\u2212", text.get_text()))


def has_lying_bars(ax: Axes) -> bool:
    """Return whether the axes have horizontal bars."""
    return any(isinstance(bars, BarContainer) and bars.orientation == "horizontal" for bars in ax.containers)


def _set_bars(ax: Axes) -> None:
    """Give bars the grid across them, and a line at zero where they go both ways."""
    if not any(isinstance(bars, BarContainer) for bars in ax.containers):
        return
    lying = has_lying_bars(ax)
    if lying:
        ax.grid(visible=False, axis="y")
        ax.grid(visible=True, axis="x")
    low, high = sorted(ax.get_xlim() if lying else ax.get_ylim())
    if low < 0 < high:
        (ax.axvline if lying else ax.axhline)(0, color=AXIS, linewidth=0.9, zorder=2.5)
        ax.spines["bottom"].set_visible(False)


def _set_value_label(ax: Axes, above: float) -> None:
    """Write the label of the vertical axis level and above the axis, where it reads like a subtitle."""
    label = ax.yaxis.get_label()
    if not label.get_text() or str(ax.yaxis.get_label_position()) != "left":
        return
    label.set(rotation=0, ha="left", va="bottom")
    offset = ScaledTranslation(0, (above + 6) / 72, _figure(ax).dpi_scale_trans)
    ax.yaxis.set_label_coords(0.0, 1.0, transform=ax.transAxes + offset)


def _align_value_label(ax: Axes, renderer: RendererBase) -> None:
    """Let the label of a single panel's vertical axis begin where its tick labels begin."""
    label = ax.yaxis.get_label()
    if not label.get_text() or label.get_rotation() != 0 or len(_figure(ax).axes) > 1:
        return
    ticks = [text for text in _tick_labels(ax.yaxis) if text.get_visible() and text.get_text()]
    shift = ax.bbox.x0 - min([text.get_window_extent(renderer).x0 for text in ticks], default=ax.bbox.x0)
    x, y = label.get_transform().transform(label.get_position())
    ax.yaxis.set_label_coords(x - shift, y, transform=IdentityTransform())


def _footers(fig: Figure) -> list[Text]:
    return [text for text in fig.texts if text.get_gid() == FOOTER]


def _wrap_footers(fig: Figure, renderer: RendererBase) -> int:
    """Wrap the footer; return how many lines it has beyond the first."""
    for text in _footers(fig):
        _wrap(text, (1 - 2 * _EDGE) * fig.bbox.width, renderer)
    return sum(text.get_text().count("\n") for text in _footers(fig))


def position(ax: Axes, x: object) -> float:
    """Return where a date or number lies on the horizontal axis, in the axis's own units."""
    return float(ax.convert_xunits(x))  # type: ignore[no-untyped-call]


def _marked(ax: Axes, mark: str) -> list[Annotation]:
    return [text for text in ax.texts if isinstance(text, Annotation) and text.get_gid() == mark]


def _events(ax: Axes) -> list[Annotation]:
    """Return the event labels, from left to right."""
    return sorted(_marked(ax, EVENT_LABEL), key=lambda label: position(ax, label.xy[0]))


def _stagger_events(ax: Axes, renderer: RendererBase) -> float:
    """Put event labels on as few rows as keep them off other labels and lines; return the rows' height."""
    labels = _events(ax)
    if not labels:
        return 0.0
    boxes = [label.get_window_extent(renderer) for label in labels]
    at = [box.x0 - _GAP for box in boxes]
    widths = [box.width + 3 * _GAP for box in boxes]
    leftward, rows = _event_rows(at, widths, ax.bbox.x0)
    height = _points(ax, max(box.height for box in boxes)) + 3
    for i, (label, row) in enumerate(zip(labels, rows, strict=True)):
        label.set_horizontalalignment("right" if i < leftward else "left")
        label.xyann = (-3 if i < leftward else 3, 3 + row * height)
    return 3 + (max(rows) + 1) * height


def _event_rows(at: Sequence[float], widths: Sequence[float], left_edge: float) -> tuple[int, list[int]]:
    """Return how many of the first labels stand left of their lines, and each label's row."""
    arrangements = []
    for leftward in range(len(at) + 1):
        if any(at[i] - widths[i] < left_edge for i in range(leftward)):
            break
        left = _rows(at[:leftward], widths[:leftward])
        right = _rows(at[leftward:][::-1], widths[leftward:][::-1])[::-1]
        arrangements.append((max(left + right), leftward, left + right))
    _, leftward, rows = min(arrangements)
    return leftward, rows


def _rows(points: Sequence[float], spans: Sequence[float]) -> list[int]:
    """Return the lowest possible row of each label, the outermost label first.

    A line goes up to its own label, so a label that reaches over another line has to be higher.
    """
    rows: list[int] = []
    for point, span in zip(points, spans, strict=True):
        crossed = [row for other, row in zip(points, rows, strict=False) if abs(other - point) < span]
        rows.append(max(crossed, default=-1) + 1)
    return rows


def _raise_event_lines(ax: Axes, renderer: RendererBase) -> None:
    """Lengthen each event's line up to the top of its label."""
    tops: dict[float, float] = {}
    for label in _events(ax):
        at = position(ax, label.xy[0])
        tops[at] = max(tops.get(at, 0.0), label.get_window_extent(renderer).y1)
    for line in ax.lines:
        if line.get_gid() == EVENT_LINE:
            top = tops[position(ax, np.asarray(line.get_xdata())[0])]
            line.set_ydata([0, (top - ax.bbox.y0) / ax.bbox.height])


def _spread_labels(ax: Axes, renderer: RendererBase) -> bool:
    """Move labels at line ends apart, keeping their order; return whether any had to move."""
    labels = _marked(ax, END_LABEL)
    if len(labels) < 2:
        return False
    boxes = [label.get_window_extent(renderer) for label in labels]
    order = sorted(range(len(labels)), key=lambda i: boxes[i].y0)
    wanted = np.array([(boxes[i].y0 + boxes[i].y1) / 2 for i in order])
    heights = np.array([boxes[i].height for i in order])
    limits = ax.bbox.y0 + heights[0] / 2, ax.bbox.y1 - heights[-1] / 2
    placed = _apart(wanted, (heights[:-1] + heights[1:]) / 2 + 2, limits)
    for i, shift in zip(order, placed - wanted, strict=True):
        labels[i].xyann = (7, _points(ax, float(shift)))
    return bool(np.abs(placed - wanted).max() > 1)


def _apart(wanted: FloatArray, gaps: FloatArray, limits: tuple[float, float]) -> FloatArray:
    """Return ordered positions at least ``gaps`` apart, within limits, nearest to those wanted."""
    offsets = np.concatenate([[0.0], np.cumsum(gaps)])
    # Pool adjacent violators: with the gaps taken out, the positions only have to be in order.
    blocks: list[tuple[float, int]] = []
    for value in wanted - offsets:
        blocks.append((float(value), 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    pooled = np.repeat([value for value, _ in blocks], [n for _, n in blocks])
    lowest, highest = limits[0], max(limits[0], limits[1] - offsets[-1])
    return cast("FloatArray", np.clip(pooled, lowest, highest) + offsets)
