"""Attendance where parameters are known as ranges: regions, draws, and which range matters most.

The model is that of :mod:`musan.methods.workplace`. That some parameters within published ranges give a share
that somebody reported shows that the report is coherent with them, not that it is true.

References: Spear and Hornberger (1980), Water Research 14, for comparing draws inside and outside a region;
Saltelli and others (2010), Computer Physics Communications 181, for Sobol indices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from musan.errors import MethodError
from musan.methods import arguments, ranges
from musan.methods.attendance import ASSUMPTIONS, shares_frame
from musan.methods.facts import facts, percent
from musan.methods.workplace import OPTIONS, as_arrays, chosen_shares, refuse_unknown, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from musan.methods.arguments import Array
    from musan.methods.attendance import Option
    from musan.methods.ranges import Range, Sensitivity
    from musan.methods.workplace import Workplace


@dataclass(frozen=True)
class Region:
    """Where in a plane of two parameters a share lies between two values.

    ``frame`` has one row a point: the two parameters, ``share`` and ``inside``. ``inside_share`` is the share
    of points inside, a property of the grid and no probability. ``n`` counts the points.
    """

    option: str
    low: float
    high: float
    parameters: tuple[str, str]
    frame: pd.DataFrame
    inside_share: float
    n: int
    assumptions: tuple[str, ...]

    def grid(self) -> pd.DataFrame:
        """Return the share as a table, the first parameter in columns and the second in rows."""
        return self.frame.pivot_table(index=self.parameters[1], columns=self.parameters[0], values="share")

    def summary(self) -> pd.DataFrame:
        """Return one row a fact: where the region lies, to print in a notebook."""
        inside = self.frame[self.frame["inside"]]
        spans = [
            (f"{name}, inside", f"{inside[name].min():g} to {inside[name].max():g}" if len(inside) else "nowhere")
            for name in self.parameters
        ]
        goal = f"{percent(self.low, 0)} to {percent(self.high, 0)} {self.option.replace('_', ' ')}"
        return facts((f"points with {goal}", f"{len(inside)} of {self.n}"), *spans)


def region(
    workplace: Workplace,
    across: tuple[str, Any],
    up: tuple[str, Any],
    *,
    option: Option = "sign_and_leave",
    low: float = 0.3,
    high: float = 0.4,
) -> Region:
    """Return where in a plane of two parameters the share of an option lies between two values.

    Parameters
    ----------
    workplace : Workplace
        Holds all other parameters.
    across, up : pair of str and array of float
        Parameter and its values.
    option : str
    low, high : float
        Shares, both ends inside.

    Returns
    -------
    Region

    Raises
    ------
    MethodError
        A parameter is unknown or given twice, a value out of range, or low lies above high.
    """
    arguments.choice("option", option, OPTIONS)
    low, high = arguments.span("low", (low, high))
    names = str(across[0]), str(up[0])
    for where, name in zip(("across", "up"), names, strict=True):
        refuse_unknown(name, where)
    if names[0] == names[1]:
        raise MethodError(f"is {names[1]} again", "up", "give another parameter")
    axes = within("across", names[0], across[1]), within("up", names[1], up[1])
    points = dict(zip(names, (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")), strict=True))
    share = chosen_shares({**as_arrays([workplace]), **points})[OPTIONS.index(option)]
    inside = (share >= low) & (share <= high)
    frame = pd.DataFrame({**points, "share": share, "inside": inside})
    return Region(option, low, high, names, frame, float(inside.mean()), len(frame), ASSUMPTIONS)


@dataclass(frozen=True)
class Simulation:
    """Shares over draws of uncertain parameters.

    ``frame`` has one row a draw: the parameters drawn and a column for each option. ``n`` counts the draws,
    which are independent.
    """

    frame: pd.DataFrame
    drawn: tuple[str, ...]
    n: int
    seed: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return quantiles over draws of each option's share, in percent, to print in a notebook."""
        table = 100 * self.frame[list(OPTIONS)].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).T
        table.columns = pd.Index(["p05", "p25", "median", "p75", "p95"])
        return table.round(1).rename_axis("share, percent").reset_index()

    def share_between(self, option: Option, low: float, high: float) -> float:
        """Return the share of draws in which an option's share lies between two values.

        Parameters
        ----------
        option : str
        low, high : float
            Shares, both ends inside.

        Returns
        -------
        float
            A share of draws, no probability; its simulation error is sqrt(p (1 - p) / n).
        """
        return float(self._inside(option, low, high).mean())

    def _inside(self, option: str, low: float, high: float) -> pd.Series[bool]:
        arguments.choice("option", option, OPTIONS)
        low, high = arguments.span("low", (low, high))
        return (self.frame[option] >= low) & (self.frame[option] <= high)

    def what_it_takes(self, option: Option, low: float, high: float) -> pd.DataFrame:
        """Return how parameters differ between draws inside and outside a range of an option's share.

        Parameters
        ----------
        option : str
        low, high : float
            Shares.

        Returns
        -------
        DataFrame
            One row a parameter drawn: ``parameter``, quantiles inside (``p05``, ``median``, ``p95``),
            ``median_outside``, and ``distance``, the largest gap between the two distributions (Kolmogorov and
            Smirnov), by which rows are sorted. Empty if all draws, or none, are inside.
        """
        inside = self._inside(option, low, high)
        columns = ["parameter", "p05", "median", "p95", "median_outside", "distance"]
        if inside.all() or not inside.any():
            return pd.DataFrame(columns=columns)
        rows = []
        for name in self.drawn:
            values, others = self.frame.loc[inside, name], self.frame.loc[~inside, name]
            gap = stats.ks_2samp(values, others, method="asymp").statistic
            rows.append((name, *values.quantile([0.05, 0.5, 0.95]), others.median(), float(gap)))
        table = pd.DataFrame(rows, columns=columns)
        return table.sort_values("distance", ascending=False, kind="stable", ignore_index=True)


def simulate(workplace: Workplace, over: Mapping[str, Range], *, n: int = 10_000, seed: int) -> Simulation:
    """Return shares over random draws of uncertain parameters.

    Parameters
    ----------
    workplace : Workplace
        Holds the parameters that are not drawn.
    over : mapping of str to Range
        Parameter -> its range, in the parameter's unit.
    n : int
        Number of draws.
    seed : int
        Of the generator.

    Returns
    -------
    Simulation

    Raises
    ------
    MethodError
        A parameter is unknown, or its range reaches beyond what it may be.
    """
    _check_ranges(over)
    drawn = ranges.draw(over, n, seed=seed)
    values = {**as_arrays([workplace]), **{name: drawn[name].to_numpy() for name in drawn.columns}}
    frame = pd.concat([drawn, shares_frame(values)], axis=1)
    notes = (*ASSUMPTIONS, "Ranges are independent and drawn as stated.")
    return Simulation(frame, tuple(over), len(frame), seed, notes)


def sensitivity(
    workplace: Workplace,
    over: Mapping[str, Range],
    *,
    option: Option = "sign_and_leave",
    n: int = 1024,
    replicates: int = 8,
    level: float = 0.95,
    seed: int,
) -> Sensitivity:
    """Return Sobol indices of an option's share: which uncertain parameter moves it most.

    Parameters
    ----------
    workplace, over
        As in :func:`simulate`.
    option : str
    n, replicates, level, seed
        As in :func:`musan.methods.ranges.sensitivity`.

    Returns
    -------
    Sensitivity

    Raises
    ------
    MethodError
        As :func:`simulate`, or the share does not move over the ranges.
    """
    arguments.choice("option", option, OPTIONS)
    _check_ranges(over)
    base = as_arrays([workplace])

    def share(points: dict[str, Array]) -> Array:
        chosen: Array = chosen_shares({**base, **points})[OPTIONS.index(option)]
        return chosen

    found = ranges.sensitivity(share, over, n=n, replicates=replicates, level=level, seed=seed)
    return replace(found, assumptions=(*ASSUMPTIONS, *found.assumptions))


def _check_ranges(over: Mapping[str, Range]) -> None:
    for name, span in over.items():
        refuse_unknown(name, "over")
        within(name, name, [span.low, span.high])
