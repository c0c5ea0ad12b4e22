"""What a reader can turn himself: the model of attendance by sliders, the analyses of a verdict by switches.

On an exported page a script of ours brings an explorer to life; without it, and in an executed notebook, a table
stands in its place. In JupyterLab sliders and switches are ipywidgets, where these are installed.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import product
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Any

import pandas as pd

from musan import claims, tables, workplace_incentives
from musan.methods import attendance
from musan.methods.workplace import LIMITS
from musan.multiverses import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from musan.methods.workplace import Workplace
    from musan.multiverses import Multiverse
    from musan.workplace_incentives import Calibrated

ATTENDANCE_MIME = "application/vnd.musan.attendance_explorer+json"
ANALYSES_MIME = "application/vnd.musan.analyses_explorer+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
TURNED = (
    "wage_kpw_per_month",
    "ration_kg_per_month",
    "market_income_kpw_per_day",
    "exemption_fee_kpw_per_month",
    "sentence_months",
    "share_sentenced_if_detected",
    "detection_at_muster_per_month",
    "detection_in_day_per_month",
)
"""Parameters of the model that a reader can turn; all others stay as they are."""
PLACES = f"{digits}{ascii_letters}"
"""The letters of a packed column, in their order."""
STEPS = 200  # positions of a slider
CAPTION = "Turn the numbers of the model"
OPTION_WORDS = {
    "attend": "attend all day",
    "sign_and_leave": "sign in and leave",
    "stay_away": "stay away",
    "exempt": "buy leave",
}


@dataclass(frozen=True)
class Slider:
    """A parameter that a reader can turn, with its ends and the distance between two positions."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    step: float


@dataclass(frozen=True)
class AttendanceExplorer:
    """The model of attendance with sliders, from where a workplace stands."""

    workplace: Workplace
    sliders: tuple[Slider, ...]

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        stated = claims.claim("sign_in_and_leave").criteria["statement"].thresholds
        shown = {
            ATTENDANCE_MIME: {
                "caption": CAPTION,
                "values": asdict(self.workplace),
                "sliders": [asdict(slider) for slider in self.sliders],
                "stated": [stated["claimed_low"], stated["claimed_high"]],
            },
            **self.table("Shares in the model at the numbers of this page")._repr_mimebundle_(),
        }
        return shown | (sliders_widget(self) if _live() else {})

    def table(self, caption: str) -> tables.Table:
        """Return the share of workers who choose each option.

        Parameters
        ----------
        caption : str
            What the table says.
        """
        found = attendance.shares(self.workplace)
        rows = [
            {"choice": words, "share": 100 * found.share(option)}  # type: ignore[arg-type]
            for option, words in OPTION_WORDS.items()
        ]
        return tables.show(
            pd.DataFrame(rows),
            caption,
            formats={"share": "{:.1f}"},
            titles={"choice": "Workers who", "share": "Percent"},
        )


def attendance_explorer(workplace: Workplace, calibration: Mapping[str, Calibrated]) -> AttendanceExplorer:
    """Return sliders for the parameters that a reader may turn, over more than their printed ranges.

    Parameters
    ----------
    workplace : Workplace
        Where the sliders start.
    calibration : mapping of str to Calibrated
        Numbers with their ranges; a slider runs from zero to twice the high end, or to the parameter's limit.

    Returns
    -------
    AttendanceExplorer
    """
    sliders = []
    for name in TURNED:
        value = getattr(workplace, name) or 0.0
        limit = LIMITS.get(name, (0.0, float("inf")))[1]
        high = min(limit, max(2 * calibration[name].high, 1.5 * value))
        low = high / STEPS if name == "market_income_kpw_per_day" else 0.0
        label = workplace_incentives.WORDS[name]
        unit = label.rpartition(", ")[2]
        sliders.append(Slider(name, label[:1].upper() + label[1:], unit, low, high, (high - low) / STEPS))
    return AttendanceExplorer(workplace, tuple(sliders))


def _live() -> bool:
    """Whether somebody sits before the notebook and has ipywidgets: a batch run names its output folder."""
    return "MUSAN_OUTPUT" not in os.environ and find_spec("ipywidgets") is not None


def sliders_widget(explorer: AttendanceExplorer) -> dict[str, Any]:
    """Return the model with its sliders as a widget of JupyterLab; needs ipywidgets, which is an extra."""
    widgets = importlib.import_module("ipywidgets")
    shown = widgets.HTML()
    sliders = {
        one.name: widgets.FloatSlider(
            value=getattr(explorer.workplace, one.name) or 0.0,
            min=one.low,
            max=one.high,
            step=one.step,
            description=workplace_incentives.SHORT[one.name],
            style={"description_width": "14em"},
            layout={"width": "38em"},
        )
        for one in explorer.sliders
    }

    def redraw(_: object = None) -> None:
        turned = explorer.workplace.change(**{name: slider.value for name, slider in sliders.items()})
        shown.value = AttendanceExplorer(turned, explorer.sliders).table("Shares in the model").to_html()

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    redraw()
    return _stacked([*sliders.values(), shown])


def _stacked(parts: list[Any]) -> dict[str, Any]:
    """Return widgets one below the other as the output of a cell."""
    bundle: dict[str, Any] = importlib.import_module("ipywidgets").VBox(parts)._repr_mimebundle_()
    return {WIDGET_MIME: bundle[WIDGET_MIME]}


@dataclass(frozen=True)
class AnalysesExplorer:
    """The analyses of all verdicts, with their choices to switch on and off."""

    multiverses: tuple[Multiverse, ...]

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        listed = [
            {
                "name": one.name,
                "verdict": one.finding.verdict.value,
                "unit": one.finding.unit,
                "choices": one.choices,
                "analyses": _columns(one.analyses[[*one.choices, "verdict", "estimate"]]),
            }
            for one in self.multiverses
        ]
        shown = tables.show(
            pd.DataFrame(
                [
                    {"verdict_on": one.name, "says": one.finding.verdict.value, "n": one.agreed.n}
                    for one in self.multiverses
                ]
            ),
            "Verdicts whose analyses can be switched on and off on the exported page",
            titles={"verdict_on": "Verdict", "says": "Says", "n": "Analyses"},
        )
        words = {str(name): in_words(name) for one in self.multiverses for name in _names(one)}
        bundle = {ANALYSES_MIME: {"verdicts": listed, "words": words}, **shown._repr_mimebundle_()}
        return bundle | (switches_widget(self) if _live() else {})


def switches_widget(explorer: AnalysesExplorer) -> dict[str, Any]:
    """Return the analyses with their switches as a widget of JupyterLab; needs ipywidgets, which is an extra."""
    widgets = importlib.import_module("ipywidgets")
    names = [(one.name, place) for place, one in enumerate(explorer.multiverses)]
    verdict = widgets.Dropdown(options=names, description="Verdict", layout={"width": "36em"})
    switches, shown = widgets.HBox(layout={"flex_flow": "row wrap"}), widgets.HTML()

    def redraw(_: object = None) -> None:
        kept = {choice: switch.value for choice, switch in zip(chosen().choices, switches.children, strict=True)}
        shown.value = _tally(chosen(), kept).to_html()

    def chosen() -> Multiverse:
        return explorer.multiverses[int(verdict.value)]

    def switched_on(choice: str) -> Any:
        options = chosen().analyses[choice].unique().tolist()
        named = [(in_words(option), option) for option in options]
        made = widgets.SelectMultiple(options=named, value=options, rows=len(options), description=in_words(choice))
        made.observe(redraw, names="value")
        return made

    def reopen(_: object = None) -> None:
        switches.children = [switched_on(choice) for choice in chosen().choices]
        redraw()

    verdict.observe(reopen, names="value")
    reopen()
    return _stacked([verdict, switches, shown])


def _tally(one: Multiverse, kept: Mapping[str, Sequence[object]]) -> tables.Table:
    """Return how many analyses with the options kept give each verdict."""
    analyses = one.analyses
    for choice, options in kept.items():
        analyses = analyses[analyses[choice].isin(list(options))]
    counts = analyses["verdict"].value_counts().rename_axis("verdict").reset_index(name="analyses")
    return tables.show(
        counts, f"{len(analyses)} of {len(one.analyses)} analyses; this page says {one.finding.verdict.value}"
    )


def _names(one: Multiverse) -> list[object]:
    """Return the choices of a verdict and all their options."""
    return [*one.choices, *(option for choice in one.choices for option in one.analyses[choice].unique())]


def analyses_explorer(multiverses: Sequence[Multiverse]) -> AnalysesExplorer:
    """Return switches for the choices of all verdicts with a multiverse."""
    return AnalysesExplorer(tuple(multiverses))


def _columns(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return a frame as columns for JSON: the different values, numbers with six digits, and which each row has.

    Which one is written with one letter of ``PLACES`` a row, or with as many as the number of values needs.
    """
    columns: dict[str, dict[str, Any]] = {}
    for name, column in frame.items():
        cells: list[Any] = [None if pd.isna(cell) else cell for cell in column.tolist()]
        cells = [float(f"{cell:.6g}") if isinstance(cell, float) else cell for cell in cells]
        values = list(dict.fromkeys(cells))
        codes = ["".join(code) for code in product(PLACES, repeat=_letters(len(values)))]
        columns[str(name)] = {"values": values, "at": "".join(codes[values.index(cell)] for cell in cells)}
    return columns


def _letters(count: int) -> int:
    """Return how many letters of ``PLACES`` tell so many values apart."""
    return next(letters for letters in range(1, count + 2) if len(PLACES) ** letters >= count)
