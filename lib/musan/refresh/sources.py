"""The live sources, and one refresh of one of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musan.errors import nearest
from musan.refresh import baci, comtrade, comtrade_bulk, ecos, pink_sheet, vintages
from musan.refresh.errors import RefreshError
from musan.refresh.http import Client, Key, Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

    from musan.refresh.http import Report
    from musan.refresh.tables import Licence
    from musan.refresh.vintages import Draft, Vintage


@dataclass(frozen=True)
class Source:
    """A live source.

    Parameters
    ----------
    name, title : str
        For the command, and for readers.
    licence : Licence
        Its terms.
    url : str
        Its address; ``MUSAN_NAME_URL`` overrides it.
    first : Period
        The first month that is fetched when the user names none.
    fetch : callable
        Takes a client, a draft, the address and the first month.
    key : str
        The environment variable with its key, if it knows keys.
    key_needed : bool
        Whether it answers without one.
    usual : bool
        Whether it is refreshed when no source is named.
    """

    name: str
    title: str
    licence: Licence
    url: str
    first: pd.Period
    fetch: Callable[[Client, Draft, str, pd.Period], None]
    key: str = ""
    key_needed: bool = False
    usual: bool = True


SOURCES = {
    source.name: source
    for source in (
        Source(
            "comtrade", comtrade.TITLE, comtrade.LICENCE, comtrade.URL, comtrade.FIRST, comtrade.fetch,
            key="COMTRADE_API_KEY",
        ),
        Source(
            "pink_sheet", pink_sheet.TITLE, pink_sheet.LICENCE, pink_sheet.URL, pink_sheet.FIRST, pink_sheet.fetch
        ),
        Source(
            "comtrade_bulk", comtrade_bulk.TITLE, comtrade_bulk.LICENCE, comtrade_bulk.URL, comtrade_bulk.FIRST,
            comtrade_bulk.fetch, key="COMTRADE_API_KEY", key_needed=True, usual=False,
        ),
        Source("baci", baci.TITLE, baci.LICENCE, baci.URL, baci.FIRST, baci.fetch, usual=False),
        Source(
            "ecos", ecos.TITLE, ecos.LICENCE, ecos.URL, ecos.FIRST, ecos.fetch, key="ECOS_API_KEY", key_needed=True
        ),
    )
}  # fmt: skip


def chosen(names: Sequence[str]) -> list[Source]:
    """Return the sources of the given names; without names, those that are small and need no key that is not set.

    Parameters
    ----------
    names : sequence of str
        As a user writes them.

    Raises
    ------
    RefreshError
        For an unknown name; the nearest is given.
    """
    wanted = [name.replace("-", "_").lower() for name in names]
    for name in wanted:
        if name not in SOURCES:
            raise RefreshError(f"there is no source {name!r}", "", nearest(name, SOURCES))
    if wanted:
        return [SOURCES[name] for name in dict.fromkeys(wanted)]
    return [each for each in SOURCES.values() if each.usual and (not each.key_needed or os.environ.get(each.key))]


def refresh(
    source: Source, store: Path, since: pd.Period | None, report: Report, patience: Patience | None = None
) -> Vintage:
    """Fetch a source into a new vintage.

    Parameters
    ----------
    source : Source
        The source.
    store : Path
        The folder of vintages.
    since : Period, optional
        The first month; the source's own by default.
    report : callable
        Is told how far it is.
    patience : Patience, optional
        How long the server is waited for.

    Returns
    -------
    Vintage
        Whole, in its place.

    Raises
    ------
    RefreshError
        When the source can't be had; nothing is kept then.
    """
    key = Key(source.key, os.environ.get(source.key, "").strip() if source.key else "")
    if source.key_needed and not key.value:
        raise RefreshError("this source needs a key", source.name, f"set {source.key} to yours")
    url = os.environ.get(f"MUSAN_{source.name.upper()}_URL", source.url).rstrip("/")
    first = source.first if since is None else since
    with vintages.draft(store, source.name) as draft, Client(patience or Patience(), key, report) as client:
        source.fetch(client, draft, url, first)
        draft.describe(source.title, source.licence, client.fetched, source=source.name, since=str(first))
    assert draft.vintage is not None  # the block has ended well
    return draft.vintage
