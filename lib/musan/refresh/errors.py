"""What goes wrong with a live source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musan.errors import MusanError

if TYPE_CHECKING:
    from collections.abc import Sequence

MESSAGE_LENGTH, NAMES_LENGTH = 200, 1000  # of what a server says about an error, and of a list of names


class RefreshError(MusanError):
    """A live source can't be reached, refuses, or does not answer as documented."""


def plain(text: object, length: int = MESSAGE_LENGTH) -> str:
    """Return what a server says as the beginning of one line, without characters that a terminal would obey.

    Parameters
    ----------
    text : object
        Its words.
    length : int
        Characters at most.
    """
    return " ".join("".join(each if each.isprintable() else " " for each in str(text)).split())[:length]


def expect(seen: Sequence[str], expected: Sequence[str], what: str, where: str) -> None:
    """Refuse columns or fields that lack one that is needed.

    Parameters
    ----------
    seen, expected : sequence of str
        The names that there are, and those that are needed.
    what : str
        What has them, such as ``"the columns"``.
    where : str
        The file or address.

    Raises
    ------
    RefreshError
        With what was expected and what was seen.
    """
    if missing := [name for name in expected if name not in seen]:
        text = (
            f"{what} have changed: expected {', '.join(missing)}, seen {plain(', '.join(seen), NAMES_LENGTH) or 'none'}"
        )
        raise RefreshError(text, where, "nothing was kept: see the documentation of the source for the new names")
