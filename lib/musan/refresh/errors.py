"""What goes wrong with a live source."""

from __future__ import annotations

from musan.errors import MusanError


class RefreshError(MusanError):
    """A live source can't be reached, refuses, or does not answer as documented."""
