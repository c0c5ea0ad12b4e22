"""The one sheet of pixels that all figures of a process are laid out and drawn on, one after the other.

A canvas of matplotlib's has a renderer of its own. Texts of the figure keep it, and a figure is a cycle, so that the
pixels of a dozen figures wait for the garbage collector; and a renderer remembers the size of words, which
each new one has to measure again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

LEAST_TALL = 1400  # pixels; few figures are taller

_sheets: list[RendererAgg] = []


class Paper(FigureCanvasAgg):
    """A canvas that takes the lower left part of the sheet.

    Parameters
    ----------
    figure : matplotlib Figure
        It is drawn here from now on.
    """

    def get_renderer(self) -> RendererAgg:
        """Return the sheet, a new one when the figure does not fit or has another resolution."""
        width, height = self.get_width_height(physical=True)
        dpi = self.figure.dpi
        if not _sheets or _sheets[0].width < width or _sheets[0].height < height or _sheets[0].dpi != dpi:
            _sheets[:] = [RendererAgg(width, max(height, LEAST_TALL), dpi)]  # type: ignore[no-untyped-call]
        return _sheets[0]

    def pixels(self) -> NDArray[np.uint8]:
        """Return red, green, blue and opacity of the figure as it has been drawn, height by width by 4; not a copy."""
        width, height = self.get_width_height(physical=True)
        sheet = np.asarray(self.get_renderer().buffer_rgba())  # type: ignore[no-untyped-call]
        return cast("NDArray[np.uint8]", sheet[len(sheet) - height :, :width])


def paper(fig: Figure) -> Paper:
    """Return the canvas of a figure that draws on the sheet.

    Parameters
    ----------
    fig : matplotlib Figure
        Its canvas is replaced, if need be.
    """
    return fig.canvas if isinstance(fig.canvas, Paper) else Paper(fig)
