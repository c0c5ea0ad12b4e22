"""What the collection's speed is meant to be, and whether a comparison found it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comparison.ways import middle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_MB = 300
FLAT = 1.05  # how much larger memory may be at the end of 1,000 runs than half-way


@dataclass(frozen=True)
class Aim:
    """One aim: in words, the value found, and the bound it must keep.

    Parameters
    ----------
    words : str
        What is compared.
    found : float
        The value.
    bound : float
        What it must not be above, or below.
    at_most : bool
        Whether the bound is an upper one.
    """

    words: str
    found: float
    bound: float
    at_most: bool = True

    @property
    def met(self) -> bool:
        """Whether the value keeps the bound."""
        return self.found <= self.bound if self.at_most else self.found >= self.bound


def of_collection(part: Mapping[str, Any]) -> Iterator[Aim]:
    """Yield the aims for the whole collection.

    Parameters
    ----------
    part : mapping
        What was found.
    """
    seconds = {key: middle(times) for key, times in part["times"].items()}
    cold, limit = seconds["cold"], part["limit"]
    yield Aim("nothing loaded before, over command lines in turn", cold / seconds["command_lines"], 0.20)
    yield Aim("nothing loaded before, over nbmake", cold / seconds["nbmake"], 0.50)
    yield Aim("nothing loaded before, over papermill tuned", cold / seconds["papermill_tuned"], 0.55)
    yield Aim("limit over library loaded before", limit["seconds"] / seconds["warm"], 0.85, at_most=False)
    words = "limit with the order of notebooks, over library loaded before"
    yield Aim(words, limit["seconds_in_order"] / seconds["warm"], 0.85, at_most=False)
    yield Aim("unchanged, seconds after the interpreter's start", seconds["unchanged"] - part["interpreter_seconds"], 1)
    yield Aim(
        "most memory of a run, MB", max(each["memory_mb"]["run, most"] for each in part["times"]["cold"]), MOST_MB
    )
    yield Aim("notebooks that differ from papermill's", len(part["different"]["cold"]), 0)


def of_sweep(part: Mapping[str, Any]) -> Iterator[Aim]:
    """Yield the aims for a sweep.

    Parameters
    ----------
    part : mapping
        What was found.
    """
    seconds = {key: middle(times, "for_all") for key, times in part["times"].items()}
    yield Aim(
        "command lines over all cells in each run", seconds["command_lines"] / seconds["independent"], 10, at_most=False
    )
    yield Aim(
        "papermill tuned over all cells in each run",
        seconds["papermill_tuned"] / seconds["independent"],
        4,
        at_most=False,
    )
    yield Aim("papermill tuned over first cells once", seconds["papermill_tuned"] / seconds["shared"], 8, at_most=False)
    yield Aim("notebooks that differ from papermill's", sum(map(len, part["different"].values())), 0)


def of_growth(part: Mapping[str, Any]) -> Iterator[Aim]:
    """Yield the aims for memory, by the largest sweep.

    Parameters
    ----------
    part : mapping
        What was found.
    """
    memory = part["sizes"][-1]["memory_mb"]
    yield Aim("most memory of a run, MB", memory["run, most"], MOST_MB)
    for kind in ("command", "preloaded", "first cells"):
        if f"{kind} late" in memory:
            yield Aim(f"memory late over half-way: {kind}", memory[f"{kind} late"] / memory[f"{kind} half-way"], FLAT)
    halves = memory["run, most of the second half"] / memory["run, most of the first half"]
    yield Aim("most memory of a run, second half over first", halves, FLAT)
