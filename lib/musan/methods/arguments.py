"""Arguments of methods: turned into numbers and arrays, or refused with their name and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from musan.errors import MethodError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

Array = npt.NDArray[np.float64]
Span = float | tuple[float, float]  # a number, or its lowest and highest value


def number(name: str, given: Any, low: float = -np.inf, high: float = np.inf, *, above: bool = False) -> float:
    """Return a finite number between ``low`` and ``high``; ``above`` excludes ``low``.

    Parameters
    ----------
    name : str
        Name of the argument, for the error.
    given : number
    low, high : float
    above : bool

    Returns
    -------
    float

    Raises
    ------
    MethodError
        It is no number, not finite, or out of range.
    """
    try:
        value = float(given)
    except (TypeError, ValueError) as error:
        raise MethodError(f"{given!r} is not a number", name, "give one number") from error
    limits = f"give a number {_words(low, high, above=above)}"
    if not np.isfinite(value):
        raise MethodError(f"is {value}", name, limits)
    if value > high or value < low or (above and value == low):
        raise MethodError(f"is {value:g}", name, limits)
    return value


def _words(low: float, high: float, *, above: bool) -> str:
    start = f"above {low:g}" if above else f"from {low:g}"
    if np.isinf(low):
        return "that is finite" if np.isinf(high) else f"up to {high:g}"
    return start if np.isinf(high) else f"{start} to {high:g}"


def whole(name: str, given: Any, low: int = 0, high: float = np.inf) -> int:
    """Return a whole number between ``low`` and ``high``, or refuse it."""
    value = number(name, given, low, high)
    if value != round(value):
        raise MethodError(f"is {value:g}, not a whole number", name, "give a count")
    return round(value)


def level(given: Any) -> float:
    """Return a confidence level, above 0 and below 1, or refuse it."""
    value = number("level", given)
    if not 0 < value < 1:
        raise MethodError(f"is {value:g}", "level", "give a share above 0 and below 1, such as 0.95")
    return value


def choice(name: str, given: Any, known: Iterable[str]) -> None:
    """Refuse a word that is not among the known ones, and name the nearest."""
    known = list(known)
    if given not in known:
        raise MethodError(f"{given!r} is not a choice here", name, nearest(str(given), known))


def span(name: str, given: Any, low: float = 0.0, high: float = 1.0, *, above: bool = False) -> tuple[float, float]:
    """Return the lowest and the highest value of a number or a pair of numbers, or refuse it."""
    if not np.iterable(given):
        value = number(name, given, low, high, above=above)
        return value, value
    ends = list(given)
    if len(ends) != 2:
        raise MethodError(f"has {len(ends)} values", name, "give one number, or the lowest and the highest")
    first, last = (number(name, end, low, high, above=above) for end in ends)
    if first > last:
        raise MethodError(f"its low end {first:g} lies above its high end {last:g}", name, "swap them")
    return first, last


def vector(
    name: str, given: Any, *, least: int = 1, low: float = -np.inf, high: float = np.inf, above: bool = False
) -> Array:
    """Return a one-dimensional array of at least ``least`` finite numbers from ``low`` to ``high``."""
    try:
        values = np.atleast_1d(np.asarray(given, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise MethodError("not all of it is numbers", name, "give numbers only") from error
    if values.ndim != 1:
        raise MethodError(f"its shape is {values.shape}", name, "give one dimension")
    if len(values) < least:
        raise MethodError(f"it has {len(values)} values", name, f"give at least {least}")
    limits = f"give numbers {_words(low, high, above=above)}"
    for wrong, what in (
        (np.isnan(values), "is missing"),
        (np.isinf(values), "is infinite"),
        ((values < low) | (values > high) | (above & (values == low)), "is out of range"),
    ):
        if wrong.any():
            place = int(np.argmax(wrong))
            raise MethodError(f"value {place} ({values[place]:g}) {what}", name, limits)
    return values


def same_length(**vectors: Any) -> int:
    """Return the common length of the vectors, or refuse the first that differs."""
    sizes = {name: len(values) for name, values in vectors.items()}
    first = next(iter(sizes))
    for name, size in sizes.items():
        if size != sizes[first]:
            raise MethodError(f"has {size} values, {first} has {sizes[first]}", name, "give one value for each")
    return sizes[first]
