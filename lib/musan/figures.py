"""House style, and figures that carry a caption, alt text, their data and their sources.

Draw with matplotlib as usual, state the finding as the title, then ``publish``: the figure comes out
as one compact picture inside an HTML ``figure``, beside the data it shows as CSV. Anything that would be
cut off at the edge is an error, not a surprise to the reader. With ``MUSAN_FIGURES=off`` in the environment
figures are not rendered, which a sweep of hundreds of runs has no use for.
"""

from __future__ import annotations

import base64
import io
import os
import re
import textwrap
from dataclasses import dataclass, replace
from datetime import date, datetime
from html import escape
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.container import BarContainer
from PIL import Image, WebPImagePlugin  # noqa: F401  # else the first save loads the plugins of all formats

from musan.errors import CollectionError
from musan.layout import (
    AXIS,
    END_LABEL,
    EVENT_LABEL,
    EVENT_LINE,
    FAINT,
    INCHES_WIDE,
    WORDS,
    clipped_artists,
    footer,
    has_lying_bars,
    lay_out,
    position,
)
from musan.mime import FIGURE as MIME
from musan.paper import paper
from musan.tables import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MplFigure
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

NAME = re.compile(r"[a-z0-9_]+")
SHORTEST_ALT = 40
COLOURS_IN_PICTURE = 32
LARGE = 2_100_000  # pixels; the encoding of a larger picture would take more than 40 MB
PIXELS_PER_CSS_PIXEL = 2  # of a picture, on a page

# Okabe and Ito (2008), "Color universal design", named by role. "main" and "second" differ in
# lightness too, so that they stay apart in print.
COLOURS: dict[str, str] = {
    "main": "#0072B2",
    "second": "#D55E00",
    "third": "#009E73",
    "fourth": "#CC79A7",
    "accent": "#E69F00",
    "light": "#56B4E9",
    "muted": "#8A9099",
    "band": "#B9D7EA",
    "text": "#1A1A1A",
    "rule": "#D9DCE0",
}

_STYLE: Any = {  # a dict; matplotlib's own type lists every key there is
    "figure.figsize": (INCHES_WIDE, 4.4),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,  # colour bars are made for the layout engine they meet
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 12.5,
    "text.color": COLOURS["text"],
    "axes.facecolor": "white",
    "axes.edgecolor": AXIS,
    "axes.labelcolor": WORDS,
    "axes.labelsize": 12,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.linewidth": 0.9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.unicode_minus": True,
    "axes.xmargin": 0.02,
    "axes.prop_cycle": cycler(
        color=[COLOURS[role] for role in ("main", "second", "third", "fourth", "accent", "light")]
    ),
    "grid.color": COLOURS["rule"],
    "grid.linewidth": 0.8,
    "figure.titlesize": 15,
    "figure.titleweight": "bold",
    "legend.frameon": False,
    "legend.fontsize": 12,
    "lines.linewidth": 2.2,
    "lines.solid_capstyle": "round",
    "patch.linewidth": 0,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "xtick.color": AXIS,
    "ytick.color": AXIS,
    "xtick.labelcolor": WORDS,
    "ytick.labelcolor": WORDS,
    "ytick.major.size": 0,
    "xtick.major.size": 4,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
}


@dataclass(frozen=True)
class Figure:
    """A published figure.

    Attributes
    ----------
    name : str
        Identifier, unique within a notebook.
    caption, alt : str
        What it shows, for everyone; what is to be seen, for who can't see it.
    webp : bytes
        The picture, a lossless WebP; empty with ``MUSAN_FIGURES=off``.
    csv : str
        The data that were drawn.
    sources : tuple of str
        Source ids.
    width, height : int
        Size on a page in CSS pixels; the picture has twice as many. Zero without a picture.
    """

    name: str
    caption: str
    alt: str
    webp: bytes
    csv: str
    sources: tuple[str, ...]
    width: int
    height: int

    def __repr__(self) -> str:
        return f"[Figure {self.name}: {self.alt}]"

    def to_html(self) -> str:
        """Return the figure as HTML with the picture inside, or what is to be seen in words; every text escaped."""
        picture = base64.b64encode(self.webp).decode("ascii")
        shown = (
            f'<img src="data:image/webp;base64,{picture}" alt="{escape(self.alt)}" '
            f'width="{self.width}" height="{self.height}" loading="lazy">'
            if picture
            else f"<p>{escape(self.alt)}</p>"
        )
        return (
            f'<figure id="fig-{self.name}" class="figure">{shown}'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        # The picture is stored once, in the HTML.
        description = {
            "name": self.name,
            "caption": self.caption,
            "alt": self.alt,
            "csv": self.csv,
            "sources": list(self.sources),
            "width": self.width,
            "height": self.height,
        }
        return {"text/html": self.to_html(), MIME: description, "text/plain": repr(self)}


def use_style() -> None:
    """Set the house style for all figures drawn from here on."""
    mpl.rcParams.update(_STYLE)


def timestamps(values: object) -> Any:
    """Return periods, dates or text such as "2017-09" as what a date axis understands.

    Parameters
    ----------
    values : one or many of Period, Timestamp, date or str
        A period stands at its first day.

    Returns
    -------
    Timestamp or DatetimeIndex
        One for one, many for many; numbers come back unchanged.
    """
    if isinstance(values, pd.Period):
        return values.start_time
    if isinstance(values, (str, date, datetime, np.datetime64)):
        return pd.Timestamp(values)
    if np.isscalar(values) or not isinstance(values, (list, tuple, np.ndarray, pd.Series, pd.Index)):
        return values
    items = list(values)
    if items and all(isinstance(item, (pd.Period, str, date, np.datetime64)) for item in items):
        return pd.DatetimeIndex([timestamps(item) for item in items])
    return values


def band(ax: Axes, x: object, low: ArrayLike, high: ArrayLike, colour: str = COLOURS["band"]) -> None:
    """Shade an interval around a line.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    x, low, high : array_like
        Positions or dates, and the limits.
    colour : str
        The band's colour; it is drawn behind the lines and half transparent.
    """
    limits = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    ax.fill_between(timestamps(x), *limits, color=colour, alpha=0.6, linewidth=0, zorder=1.5)


def label_line(ax: Axes, x: object, y: float, text: str, colour: str = COLOURS["main"]) -> None:
    """Write a label at the end of a line, in the line's colour, instead of a legend.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    x, y : date or float
        The last point of the line.
    text : str
        A few words. Labels that would overlap are moved apart when the figure is published.
    colour : str
        The line's colour; darkened where that is needed for reading.
    """
    ax.annotate(
        textwrap.fill(text, 20) if "\n" not in text else text,
        (timestamps(x), float(y)),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        ha="left",
        fontsize=12,
        fontweight="bold",
        color=_legible(colour),
        annotation_clip=False,
        linespacing=1.1,
        gid=END_LABEL,
    )


def mark_events(ax: Axes, events: pd.DataFrame | Iterable[tuple[object, str]]) -> None:
    """Draw a thin vertical line at each event, its label above the data.

    Parameters
    ----------
    ax : Axes
        Where to draw, after the data, so that the limits are known.
    events : DataFrame or iterable of pairs
        Columns ``date`` and ``label``, or pairs. Events outside the axis are left out. Labels are put
        on as many rows as they need so as not to overlap.
    """
    pairs = zip(events["date"], events["label"], strict=True) if isinstance(events, pd.DataFrame) else events
    left, right = ax.get_xlim()
    for when, label in pairs:
        at = timestamps(when)
        if not left <= position(ax, at) <= right:
            continue
        line = ax.axvline(at, color=FAINT, linewidth=1, linestyle=(0, (2, 2)), zorder=1.8, clip_on=False)
        line.set_gid(EVENT_LINE)
        ax.annotate(
            textwrap.fill(str(label), 24),
            (at, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=11,
            color=WORDS,
            va="bottom",
            linespacing=1.05,
            annotation_clip=False,
            gid=EVENT_LABEL,
        )
    ax.set_xlim(left, right)


def label_bars(ax: Axes, form: str = "{:,.0f}") -> None:
    """Write the value at the end of each bar and take the value axis away.

    Parameters
    ----------
    ax : Axes
        Axes with bars, upright or lying.
    form : str
        Format of a value.
    """
    for bars in ax.containers:
        if isinstance(bars, BarContainer):
            values = np.asarray(bars.datavalues, dtype=float)
            words = [form.format(value) if np.isfinite(value) else "" for value in values]
            ax.bar_label(bars, labels=words, padding=4, fontsize=12, color=WORDS)
    lying = has_lying_bars(ax)
    (ax.xaxis if lying else ax.yaxis).set_ticks([])
    ax.spines["bottom"].set_visible(not lying)
    if lying:
        ax.margins(x=0.12)
    else:
        ax.margins(y=0.12)


def intervals(
    ax: Axes,
    labels: Sequence[str],
    estimate: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    colour: str = COLOURS["main"],
    reference: float | None = None,
) -> None:
    """Draw one row a label: a dot for the estimate, a bar for its interval, the first label on top.

    Parameters
    ----------
    ax : Axes
        Empty axes.
    labels : sequence of str
        Names of the rows.
    estimate, low, high : array_like
        One number a label each; a missing estimate leaves its row empty.
    colour : str
        Colour of dots and bars.
    reference : float, optional
        Value that the estimates are compared with: a vertical line.
    """
    rows = np.arange(len(labels))
    if reference is not None:
        ax.axvline(reference, color=FAINT, linewidth=1.2, zorder=1.8)
    ax.hlines(
        rows,
        np.asarray(low, dtype=float),
        np.asarray(high, dtype=float),
        color=colour,
        linewidth=3,
        alpha=0.55,
    )
    ax.plot(np.asarray(estimate, dtype=float), rows, "o", color=colour, markersize=8)
    ax.set_yticks(rows, [textwrap.fill(str(label), 30) for label in labels])
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")


@dataclass(frozen=True)
class Drawing:
    """A figure that has been drawn and not yet been made small.

    Attributes
    ----------
    figure : Figure
        All of it but the picture.
    pixels : PIL Image or None
        The picture in few colours; none with ``MUSAN_FIGURES=off``.
    """

    figure: Figure
    pixels: Image.Image | None

    def published(self) -> Figure:
        """Return the figure with its picture; another thread may do this while the next one is drawn."""
        if self.pixels is None:
            return self.figure
        width, height = (pixels // PIXELS_PER_CSS_PIXEL for pixels in self.pixels.size)
        return replace(self.figure, webp=_encoded(self.pixels), width=width, height=height)


def publish(
    fig: MplFigure,
    *,
    name: str,
    caption: str,
    alt: str,
    data: pd.DataFrame,
    sources: pd.DataFrame | Sequence[str],
) -> Figure:
    """Lay a figure out, check that nothing is cut off, and turn it into a rich output.

    Parameters
    ----------
    fig : matplotlib Figure
        Its own width does not matter, its proportions do: every figure is made 7.5 inches wide, so that
        type has one size on all pages. Closed afterwards.
    name : str
        Lower-case letters, digits and underscores.
    caption : str
        What the figure shows, with unit and period.
    alt : str
        What is to be seen, for a reader who can't see it: at least 40 characters, not the caption.
    data : DataFrame
        What was drawn; written as CSV beside the picture. An index is kept when it has a name.
    sources : DataFrame or sequence of str
        ``evidence.sources(...)``, or source ids. Their publishers are named under the figure.

    Returns
    -------
    Figure
        The last expression of a cell.

    Raises
    ------
    CollectionError
        A text is missing or unfit, there are no data, or something would be cut off.
    """
    return drawing(fig, name=name, caption=caption, alt=alt, data=data, sources=sources).published()


def drawing(
    fig: MplFigure,
    *,
    name: str,
    caption: str,
    alt: str,
    data: pd.DataFrame,
    sources: pd.DataFrame | Sequence[str],
) -> Drawing:
    """Do the first part of :func:`publish`, which has to wait for the figure before; its parameters and errors."""
    _check_texts(name, caption, alt)
    if data.empty:
        raise _refuse(name, "has no data", "pass the frame that was drawn as data")
    ids, publishers = _cite(name, sources)
    pixels = None
    try:
        if os.environ.get("MUSAN_FIGURES") != "off":
            pixels = _drawn(fig, name, publishers)
    finally:
        plt.close(fig)
    return Drawing(Figure(name, caption.strip(), alt.strip(), b"", _csv(data), ids, 0, 0), pixels)


def _drawn(fig: MplFigure, name: str, publishers: list[str]) -> Image.Image:
    """Return the figure laid out and rendered, or refuse one that is cut off."""
    with mpl.rc_context(_STYLE):
        footer(fig, _source_line(publishers))
        lay_out(fig)
        picture = paper(fig).picture()
        if cut := clipped_artists(fig):
            raise _refuse(name, f"is cut off at: {'; '.join(cut)}", "shorten the text or enlarge the figure")
        return _in_few_colours(picture)


def _refuse(name: str, what: str, remedy: str) -> CollectionError:
    return CollectionError(what, f"figure {name!r}", remedy)


def _check_texts(name: str, caption: str, alt: str) -> None:
    if not NAME.fullmatch(name):
        raise _refuse(name, "has an unfit name", "use lower-case letters, digits and underscores")
    if not caption.strip():
        raise _refuse(name, "has no caption", "say what it shows, with unit and period")
    if not alt.strip():
        raise _refuse(name, "has no alt text", "describe what is to be seen")
    if alt.strip() == caption.strip():
        raise _refuse(name, "has an alt text equal to its caption", "describe what is to be seen: shape, level, change")
    if len(alt.strip()) < SHORTEST_ALT:
        raise _refuse(
            name,
            f"has an alt text of {len(alt.strip())} characters",
            f"describe what is to be seen in {SHORTEST_ALT} or more",
        )


def _cite(name: str, sources: pd.DataFrame | Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return source ids and their publishers, most used first."""
    if isinstance(sources, pd.DataFrame):
        if not {"source_id", "publisher"} <= set(sources.columns):
            raise _refuse(name, "has sources without source_id or publisher", "pass evidence.sources(frame)")
        table = sources
    else:
        table = _known_sources(sources)
    if table.empty:
        raise _refuse(name, "has no sources", "pass evidence.sources(frame) or source ids")
    publishers = table["publisher"].astype(str).map(_short)
    if "rows" in table.columns:
        order = table["rows"].groupby(publishers).sum().sort_values(ascending=False, kind="stable").index
    else:
        order = publishers.value_counts(sort=True).index
    return tuple(table["source_id"].astype(str)), [str(publisher) for publisher in order]


def _short(publisher: str) -> str:
    """Return a publisher without what it cites, copies or is part of."""
    return re.split(r" \(| via | / |, ", publisher)[0]


def _known_sources(ids: Sequence[str]) -> pd.DataFrame:
    from musan import evidence

    if isinstance(ids, str):
        ids = [ids]
    return evidence.sources(pd.DataFrame({"source_id": list(dict.fromkeys(ids))}))


def _source_line(publishers: list[str], most: int = 4) -> str:
    named = ", ".join(publishers[:most])
    others = len(publishers) - most
    more = f" and {others} more" if others > 0 else ""
    return f"Source{'s' if len(publishers) > 1 else ''}: {named}{more}."


def _in_few_colours(picture: Image.Image) -> Image.Image:
    """Return a picture with a colour table."""
    # Without dithering flat areas stay flat, and the file small. The octree puts its colours slightly
    # off, so the paper is made pure white again.
    small = picture.quantize(COLOURS_IN_PICTURE, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    table = np.array(small.getpalette()).reshape(-1, 3)
    corner = (0, 0, 1, 1)
    table[np.asarray(small.crop(corner))] = np.asarray(picture.crop(corner))
    small.putpalette(table.ravel().tolist())
    return small


def _encoded(picture: Image.Image) -> bytes:
    """Return a picture as a lossless WebP."""
    out = io.BytesIO()
    # More effort takes twice the time and saves one percent; a quality below 25 takes half of time and memory and
    # adds a fifth.
    quality = 25 if picture.width * picture.height < LARGE else 20
    picture.convert("RGB").save(out, format="WEBP", lossless=True, method=2, quality=quality)
    return out.getvalue()


def _csv(data: pd.DataFrame) -> str:
    """Return the data as CSV: periods and categories as text, missing cells empty."""
    if any(name is not None for name in data.index.names):
        data = data.reset_index()
    plain = data.copy()
    for i, column in enumerate(data.columns):
        if not pd.api.types.is_numeric_dtype(data.iloc[:, i]) or pd.api.types.is_bool_dtype(data.iloc[:, i]):
            plain[column] = [("" if as_text(value) == "–" else as_text(value)) for value in data.iloc[:, i]]
    return str(plain.to_csv(index=False, lineterminator="\n", float_format="%.8g"))


def _legible(colour: str, contrast: float = 4.5) -> str:
    """Darken a colour until text in it has the contrast on white that WCAG 2 AA asks for."""
    red, green, blue = mpl.colors.to_rgb(colour)
    while 1.05 / (_luminance(np.array([red, green, blue])) + 0.05) < contrast:
        red, green, blue = red * 0.96, green * 0.96, blue * 0.96
    return str(mpl.colors.to_hex((red, green, blue)))


def _luminance(rgb: FloatArray) -> float:
    """Return the relative luminance of WCAG 2."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))
