"""A way to do something, and several of them compared in turn."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from comparison.measure import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

Times = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Way:
    """One way.

    Parameters
    ----------
    key : str
        Its name in files.
    label : str
        Its name for readers.
    call : callable
        Does it, into the folder that it is given; may return more to note than the time.
    before : callable, optional
        What has to be there first, not timed; by default an empty folder.
    quick : bool
        Whether it is over so soon that it is repeated more often.
    """

    key: str
    label: str
    call: Callable[[Path], Mapping[str, Any] | None]
    before: Callable[[Path], None] | None = None
    quick: bool = False


def compare(ways: Sequence[Way], folder: Path, repeats: tuple[int, int], say: Callable[[str], None]) -> Times:
    """Return the times of each way, by its key.

    One repetition of all comes before the next of any, so that a machine that gets slower or faster does so for all.

    Parameters
    ----------
    ways : sequence of Way
        In order.
    folder : Path
        Each way gets a folder of its own in it, new for each repetition.
    repeats : tuple of int
        How often those that take long, and the quick ones, are done.
    say : callable
        Told of each result.
    """
    times: Times = {way.key: [] for way in ways}
    for repetition, way in _in_rounds(ways, repeats):
        own = folder / way.key
        if way.before:
            way.before(own)
        else:
            shutil.rmtree(own, ignore_errors=True)
            own.mkdir(parents=True)
        found = timed(lambda way=way, own=own: way.call(own))  # type: ignore[misc]
        times[way.key].append(found)
        say(f"{way.label} ({repetition + 1}): {found['seconds']:.1f} s")
    return times


def _in_rounds(ways: Sequence[Way], repeats: tuple[int, int]) -> Iterator[tuple[int, Way]]:
    for repetition in range(max(repeats)):
        for way in ways:
            if repetition < repeats[way.quick]:
                yield repetition, way


def middle(times: Sequence[Mapping[str, Any]], what: str = "seconds") -> float:
    """Return the median of what was noted.

    Parameters
    ----------
    times : sequence of mapping
        One way's, as :func:`compare` returns them.
    what : str
        Which of the numbers.
    """
    return float(median(float(each[what]) for each in times))
