"""A coarse outline of North Korea for maps that need no tiles and no download.

Schematic: some sixty points typed by hand from general knowledge of the rivers, coasts and the demarcation line, good
to about 20 km. It shows where towns lie and nothing else; it is no statement on any border, and islands are left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

MIDDLE = 40.4  # degrees north: the parallel at which the map is true to shape
NOTE = "The outline is schematic."
# Longitude and latitude in degrees, clockwise from the mouth of the Yalu.
OUTLINE: tuple[tuple[float, float], ...] = (
    # up the Yalu to Mount Paektu
    (124.35, 39.93), (124.38, 40.10), (124.75, 40.32), (125.02, 40.53), (125.42, 40.66), (125.78, 40.88),
    (126.05, 41.00), (126.32, 41.20), (126.55, 41.42), (126.75, 41.72), (126.95, 41.79), (127.18, 41.56),
    (127.55, 41.45), (128.00, 41.42), (128.25, 41.43), (128.30, 41.60), (128.10, 41.82), (128.06, 42.01),
    # down the Tumen to the sea
    (128.55, 42.02), (128.93, 42.05), (129.20, 42.29), (129.42, 42.44), (129.72, 42.46), (129.82, 42.72),
    (129.95, 42.98), (130.14, 42.95), (130.28, 42.72), (130.52, 42.58), (130.60, 42.42), (130.69, 42.29),
    # the east coast
    (130.38, 42.22), (130.12, 42.05), (129.86, 41.88), (129.80, 41.70), (129.68, 41.42), (129.75, 41.15),
    (129.71, 40.84), (129.33, 40.70), (129.15, 40.58), (128.90, 40.40), (128.55, 40.18), (128.25, 40.00),
    (127.92, 39.88), (127.58, 39.76), (127.50, 39.52), (127.40, 39.30), (127.46, 39.16), (127.85, 39.05),
    (128.12, 38.85), (128.36, 38.62),
    # the demarcation line
    (128.28, 38.40), (127.80, 38.32), (127.15, 38.31), (126.95, 38.12), (126.68, 37.95), (126.62, 37.80),
    # the west coast
    (126.20, 37.82), (125.92, 37.86), (125.68, 37.98), (125.42, 37.72), (125.05, 37.86), (124.70, 38.12),
    (124.98, 38.55), (125.22, 38.68), (125.15, 38.88), (125.40, 39.15), (125.40, 39.48), (125.05, 39.60),
    (124.70, 39.72),
)  # fmt: skip


def draw(ax: Axes, *, land: str = "#F1F2F4", line: str = "#B9BEC6") -> None:
    """Draw the outline and take axes and grid away.

    Parameters
    ----------
    ax : Axes
        Empty axes; longitude goes on x, latitude on y.
    land, line : str
        Colours of the area and of its edge.
    """
    x, y = zip(*OUTLINE, strict=True)
    ax.fill(x, y, facecolor=land, edgecolor=line, linewidth=1.2, zorder=1)
    ax.set_aspect(1 / math.cos(math.radians(MIDDLE)))
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def holds(longitude: float, latitude: float) -> bool:
    """Return whether a point lies within the outline (by the number of edges east of it)."""
    inside = False
    edges: Iterable[Any] = zip(OUTLINE, (*OUTLINE[1:], OUTLINE[0]), strict=True)
    for (x1, y1), (x2, y2) in edges:
        if (y1 > latitude) != (y2 > latitude):
            inside ^= longitude < x1 + (latitude - y1) * (x2 - x1) / (y2 - y1)
    return inside
