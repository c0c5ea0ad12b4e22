"""The one family of errors: what happened, where, what to do."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class MusanError(Exception):
    """Base of every error that this library raises on purpose.

    Parameters
    ----------
    what : str
        What happened, in one sentence.
    where : str, optional
        File, row, column, parameter or notebook and cell.
    remedy : str, optional
        What the reader can do about it.
    """

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        head = f"{where}: {what}" if where else what
        super().__init__(f"{head}; {remedy}" if remedy else head)

    def __reduce__(self) -> tuple[type[MusanError], tuple[str, str, str]]:
        # Errors cross process borders when runs are done in parallel.
        return type(self), (self.what, self.where, self.remedy)


class EvidenceError(MusanError):
    """A table is missing, altered, or breaks its own schema."""


class ParameterError(MusanError):
    """A notebook parameter has an unknown name, a wrong type or an impossible value."""


class ClaimError(MusanError):
    """The ledger, a finding or a rule's input is not as it must be."""


class MethodError(MusanError, ValueError):
    """An argument of a method can't be used; ``where`` names the argument."""


class CollectionError(MusanError):
    """A notebook can't be found, run, read or exported."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x'?"`` for the closest known name, else the list of names.

    Parameters
    ----------
    name : str
        The unknown name.
    known : iterable of str
        The names that exist.

    Returns
    -------
    str
        A phrase that can end an error message.
    """
    known = sorted(known)
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    listing = "known: " + ", ".join(known)
    return f"did you mean {close[0]!r}? ({listing})" if close else listing
