"""The one sheet of pixels that all figures of a process are laid out and drawn on, one after the other.

A canvas of matplotlib's has a renderer of its own. Texts of the figure keep it, and a figure is a cycle, so that the
pixels of a dozen figures wait for the garbage collector; and a renderer remembers the size of words, which
each new one has to measure again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_sheets: list[RendererAgg] = []


class Paper(FigureCanvasAgg):
    """A canvas that lends the sheet to a figure.

    Parameters
    ----------
    figure : matplotlib Figure
        It is drawn here from now on.
    """

    def get_renderer(self) -> RendererAgg:
        """Return the sheet: words have their size on it, also where it has no room to draw them."""
        if not _sheets:
            _sheets.append(RendererAgg(1, 1, self.figure.dpi))  # type: ignore[no-untyped-call]
        if _sheets[0].dpi != self.figure.dpi:
            _cut(_sheets[0], 1, 1, self.figure.dpi)
        return _sheets[0]

    def draw(self) -> None:
        """Draw the figure on a sheet of its size."""
        _cut(self.get_renderer(), *self.get_width_height(physical=True), self.figure.dpi)
        super().draw()  # type: ignore[no-untyped-call]

    def picture(self) -> Image.Image:
        """Draw the figure and return its pixels: red, green and blue."""
        self.draw()
        sheet = self.get_renderer()
        drawn = Image.fromarray(np.asarray(sheet.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]
        _cut(sheet, 1, 1, sheet.dpi)  # what is drawn takes 10 MB and more
        return drawn

    def print_figure(self, *args: Any, **options: Any) -> Any:
        """Write the figure as matplotlib's own canvas does, which the figure has from then on."""
        return FigureCanvasAgg(self.figure).print_figure(*args, **options)


def paper(fig: Figure) -> Paper:
    """Return the canvas of a figure that draws on the sheet.

    Parameters
    ----------
    fig : matplotlib Figure
        Its canvas is replaced, if need be.
    """
    return fig.canvas if isinstance(fig.canvas, Paper) else Paper(fig)


def _cut(sheet: RendererAgg, width: int, height: int, dpi: float) -> None:
    """Give the sheet new pixels, as it gets them when it is unpickled; it stays the one that texts know."""
    sheet.__setstate__({"width": width, "height": height, "dpi": dpi})  # type: ignore[no-untyped-call]
