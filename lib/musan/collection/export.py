"""Turn executed notebooks into web pages: one file a notebook, and an index with the verdicts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from musan.collection import outputs
from musan.collection.site import facts, index_page, notebook_page
from musan.collection.site.notebook_page import Neighbours
from musan.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from musan.collection.site.notebook_page import Executed


_ADDRESS = re.compile(r"https?://[\w.~%:@/+-]+", re.ASCII)


def site_address(text: str) -> str:
    """Return the address at which a site will be published, with a slash at its end.

    Parameters
    ----------
    text : str
        Such as ``https://example.org/musan``; empty when there is none.

    Raises
    ------
    CollectionError
        It is not the address of a folder on the web.
    """
    if text and not _ADDRESS.fullmatch(text):
        raise CollectionError(
            "is not the address of a folder on the web", text, "write for example https://example.org/musan/"
        )
    return f"{text.rstrip('/')}/" if text else ""


def page(path: Path) -> str:
    """Return one executed notebook as one self-contained HTML page.

    Parameters
    ----------
    path : Path
        An executed notebook.

    Returns
    -------
    str
        HTML; nothing in it is loaded from elsewhere.

    Raises
    ------
    CollectionError
        The file is not a notebook of the collection that ran to its end.
    """
    return notebook_page.html(_open(_file(path)))


def export(executed: Sequence[Path], site: Path, verdicts: pd.DataFrame, address: str = "") -> list[Path]:
    """Write one page a notebook with the notebook beside it, and ``index.html``.

    Pages and notebooks that were written earlier, of notebooks that are no longer there, are removed.

    Parameters
    ----------
    executed : sequence of Path
        Executed notebooks, in reading order.
    site : Path
        Folder of the site; made when it is missing.
    verdicts : DataFrame
        One row a claim. ``statement``, ``attribution`` and ``title`` or ``claim`` are needed; ``estimate``,
        ``agreement`` (a share), ``decisive_choice``, ``grade``, ``admiralty``, ``reasons``, ``would_change``,
        ``notebook`` and ``attribution_notebook`` are shown when they are there.
    address : str, optional
        Where the site will be published, such as ``https://example.org/musan/``; only what is there for
        search engines states it, all links are relative.

    Returns
    -------
    list of Path
        The pages and notebooks, in order, and last the index.

    Raises
    ------
    CollectionError
        A file is not a notebook of the collection that ran to its end, or can't be written; or the address is not
        that of a folder on the web.
    """
    address = site_address(address)
    pages = [_open(_file(path)) for path in executed]
    files: dict[Path, str | bytes] = {}
    for one, path, html in zip(pages, executed, _pages(executed, address), strict=True):
        files[site / one.page] = html
        files[site / one.file] = path.read_bytes()
    files[site / "index.html"] = index_page.html(pages, verdicts, address)
    for path, content in files.items():
        outputs.write_bytes(path, content if isinstance(content, bytes) else content.encode())
    for old in [*site.glob("*.html"), *site.glob("*.ipynb")]:
        if old not in files:
            old.unlink()
    return list(files)


def prepare(executed: Sequence[Path]) -> None:
    """Make pages that a later :func:`export` then has, if these notebooks are still the same by then.

    Parameters
    ----------
    executed : sequence of Path
        Executed notebooks, in reading order; a page depends on those before and after it.
    """
    for _ in _pages(executed, ""):
        pass


@dataclass(frozen=True)
class _File:
    """A file as it stands."""

    path: Path
    modified: int
    size: int


def _file(path: Path) -> _File:
    if not path.is_file():
        return _File(path, 0, 0)  # reading it says what is wrong
    found = path.stat()
    return _File(path, found.st_mtime_ns, found.st_size)


def _pages(executed: Sequence[Path], address: str) -> Iterator[str]:
    files = [None, *map(_file, executed), None]
    for before, one, after in zip(files, files[1:-1], files[2:], strict=False):
        assert one is not None, "only what is around can be missing"
        yield _page(one, before, after, address)


@lru_cache(maxsize=64)
def _page(one: _File, before: _File | None, after: _File | None, address: str) -> str:
    previous, following = (None if file is None else _open(file) for file in (before, after))
    return notebook_page.html(_open(one), Neighbours(previous, following, address))


@lru_cache(maxsize=64)
def _open(file: _File) -> Executed:
    path = file.path
    notebook = outputs.read(path)
    if "musan" not in notebook.metadata:
        raise CollectionError(
            "is not a notebook of this collection: its metadata have no `musan`",
            str(path),
            'leave it out, or give it a title: "musan": {"title": "..."}',
        )
    read = facts.digests(json.loads(path.read_text(encoding="utf-8")))
    return notebook_page.executed(notebook, path.stem, read)
