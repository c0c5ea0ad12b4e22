r"""Sentences whose numbers are computed: the answer under a title, paragraphs, and number words.

>>> f"Imports fell by {percent(87.6)} to {usd_million(213.4)} in {count(12, 'month')}."
'Imports fell by 88\xa0% to 213.4 million USD in 12 months.'
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd

from musan import mime
from musan.errors import MusanError

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_YET = "Not computed yet: run the whole notebook."
NO_BREAK = "\u00a0"
MINUS = "\u2212"


@dataclass(frozen=True)
class Sentence:
    """The one-sentence answer as a rich output: HTML, Markdown, plain text and its own MIME type."""

    text: str
    final: bool = True

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        state = "answer" if self.final else "answer pending"
        return {
            "text/html": f'<p class="{state}">{_inline_html(self.text)}</p>',
            "text/markdown": _inert(self.text),
            "text/plain": _without_marks(self.text),
            mime.ANSWER: {"text": _without_marks(self.text), "final": self.final},
        }


@dataclass(frozen=True)
class Answer:
    """A place under the title of a notebook that a later cell fills.

    Attributes
    ----------
    display_id : str
        Identifier that ties the place to its later content.
    """

    display_id: str = field(default_factory=lambda: f"answer-{uuid4().hex[:12]}")

    def say(self, text: str) -> None:
        """Put the answer, one sentence with computed numbers, into its place.

        Parameters
        ----------
        text : str
            Plain text; ``**bold**`` and ``*emphasis*`` are understood, everything else is literal.
        """
        from IPython.display import update_display

        if not text.strip():
            raise MusanError("the answer is empty", "Answer.say", "pass one computed sentence")
        sentence = Sentence(" ".join(text.split()))
        update_display(sentence, display_id=self.display_id)  # type: ignore[no-untyped-call]


def answer() -> Answer:
    """Show a placeholder where the cell stands, and return it so that a later cell can fill it.

    Returns
    -------
    Answer
        Call its ``say(text)`` once the numbers are known.
    """
    from IPython.display import display

    place = Answer()
    display(Sentence(NOT_YET, final=False), display_id=place.display_id)  # type: ignore[no-untyped-call]
    return place


@dataclass(frozen=True)
class Paragraph:
    """Computed prose, shown as Markdown."""

    text: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/markdown": _inert(self.text), "text/plain": self.text}


def paragraph(text: str) -> Paragraph:
    """Return computed prose that a notebook shows as Markdown.

    Parameters
    ----------
    text : str
        Markdown, one or more paragraphs. HTML in it is shown as text, never obeyed.

    Returns
    -------
    Paragraph
        The last expression of a cell, or an argument of ``display``.
    """
    return Paragraph(text.strip())


def percent(x: float, digits: int = 0) -> str:
    """Return a number that is already in percent: ``percent(87.6)`` is "88 %".

    Parameters
    ----------
    x : float
        The number, in percent.
    digits : int, default 0
        Decimals.

    Returns
    -------
    str
        The number, a no-break space and the sign.
    """
    return f"{_number(x, digits)}{NO_BREAK}%"


def signed_percent(x: float, digits: int = 0) -> str:
    """Return a change in percent with its sign: "+12 %", "−88 %", "0 %"."""
    text = _number(x, digits)
    plus = "+" if not text.startswith(MINUS) and text.strip("0.") else ""
    return f"{plus}{text}{NO_BREAK}%"


def number(x: float, digits: int = 0) -> str:
    """Return a number with thousands separators and a true minus sign: "−1,234.5"."""
    return _number(x, digits)


def usd_million(x: float, digits: int = 1) -> str:
    """Return an amount given in million USD in words: "74.4 million USD", "2.6 billion USD".

    Parameters
    ----------
    x : float
        The amount, in million USD.
    digits : int, default 1
        Decimals of the number that is printed.

    Returns
    -------
    str
        Millions below a thousand, billions from there.
    """
    # Rounding comes first: 999.97 is 1.0 billion, never 1,000.0 million.
    if abs(round(_existing(x), digits)) >= 1000:
        return f"{_number(x / 1000, digits)} billion USD"
    return f"{_number(x, digits)} million USD"


def month(period: object) -> str:
    """Return a month in words: "September 2017".

    Parameters
    ----------
    period : Period, Timestamp, date or str
        A monthly or daily period, a date, or text such as "2017-09".

    Returns
    -------
    str
        The month's English name and the year.
    """
    if period is None or period is pd.NaT or (isinstance(period, float) and math.isnan(period)):
        raise _missing(period, "month")
    if isinstance(period, pd.Period) and period.freqstr[0] not in "MDB":
        raise MusanError(f"{period} is not a month", "prose.month", "pass a monthly or daily period")
    try:
        return f"{pd.Period(period, freq='M'):%B %Y}"  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise MusanError(f"{period!r} is not a month", "prose.month", "pass a period, a date or YYYY-MM") from error


def interval(low: float, high: float, unit: str = "", digits: int = 0) -> str:
    """Return a range in words: "38 to 45 %", "12.5 to 30.1 million USD".

    Parameters
    ----------
    low, high : float
        The limits, ``low`` not above ``high``.
    unit : str, optional
        Put once, after the second number.
    digits : int, default 0
        Decimals of both numbers.

    Returns
    -------
    str
        The range; one number when both limits print the same.
    """
    first, second = _number(low, digits), _number(high, digits)
    if low > high:
        raise MusanError(f"the lower limit {first} is above the upper limit {second}", "prose.interval", "swap them")
    numbers = first if first == second else f"{first} to {second}"
    if unit == "%":
        return f"{numbers}{NO_BREAK}%"
    return f"{numbers} {unit}".rstrip()


def admitted(low: float, high: float, digits: int = 0) -> str:
    """Return what an interval admits that may have no end: "anything from −0.3 to 0.5", "anything up to 0.5".

    Parameters
    ----------
    low, high : float
        The ends; infinite where nothing is refuted on that side.
    digits : int, default 0
        Decimals.

    Returns
    -------
    str
        "anything at all" when neither end exists.
    """
    if low == -math.inf:
        return "anything at all" if high == math.inf else f"anything up to {_number(high, digits)}"
    if high == math.inf:
        return f"anything from {_number(low, digits)} on"
    return f"anything from {_number(low, digits)} to {_number(high, digits)}"


def count(n: int, noun: str, plural: str = "") -> str:
    """Return a counted noun: "1 report", "3 reports", "1,204 entries".

    Parameters
    ----------
    n : int
        How many.
    noun : str
        The singular.
    plural : str, optional
        The plural, where it is not the singular with an s.

    Returns
    -------
    str
        The number and the noun in the right form.
    """
    if _existing(n) != int(n):
        raise MusanError(f"{n} {noun} is not a whole number", "prose.count", "count before writing")
    return f"{_number(n, 0)} {noun if n == 1 else plural or noun + 's'}"


def listing(words: Iterable[object], last: str = "and") -> str:
    """Return words as a list in a sentence: "a, b and c"; "none" for no words.

    Parameters
    ----------
    words : iterable
        Anything that prints.
    last : str, default "and"
        The word before the last one.

    Returns
    -------
    str
        The list.
    """
    texts = [str(word) for word in words]
    if len(texts) < 2:
        return texts[0] if texts else "none"
    return f"{', '.join(texts[:-1])} {last} {texts[-1]}"


def _existing(x: object) -> float:
    """Return ``x`` as a float, or refuse a missing or infinite one: a number in prose must exist."""
    try:
        value = float(x)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise _missing(x, "a number") from None
    if not math.isfinite(value):
        raise _missing(x, "a number")
    return value


def _missing(x: object, kind: str) -> MusanError:
    return MusanError(
        f"{x!r} can't be put into a sentence: {kind} in prose must exist",
        "musan.prose",
        "say in words that the figure is missing, or choose another period",
    )


def _number(x: object, digits: int) -> str:
    text = f"{_existing(x):,.{digits}f}"
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.,") else MINUS + text[1:]
    return text


def _inert(text: str) -> str:
    """Return Markdown in which HTML is text."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _inline_html(text: str) -> str:
    html = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text))
    return re.sub(r"(?<![\w*])\*(\S(?:.*?\S)?)\*(?![\w*])", r"<em>\1</em>", html)


def _without_marks(text: str) -> str:
    bare = re.sub(r"\*\*(.+?)\*\*", r"\1", text)
    return re.sub(r"(?<![\w*])\*(\S(?:.*?\S)?)\*(?![\w*])", r"\1", bare)
