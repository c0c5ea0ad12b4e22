"""How to cite a page: the facts of CITATION.cff, with the notebook and the day of its run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import yaml

from musan.collection.site.facts import in_words
from musan.errors import CollectionError
from musan.locations import CHECKOUT, PACKAGE

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class Work:
    """The collection as CITATION.cff describes it."""

    title: str
    authors: tuple[str, ...]
    version: str
    year: int
    address: str


@cache
def work() -> Work:
    """Return the facts of CITATION.cff, in a checkout and in a wheel.

    Raises
    ------
    CollectionError
        The file was installed neither with the package nor beside it.
    """
    for folder in (PACKAGE, CHECKOUT):
        path = folder / "CITATION.cff"
        if path.is_file():
            facts = yaml.safe_load(path.read_text(encoding="utf-8"))
            names = tuple(_name(author) for author in facts["authors"])
            address = facts.get("url") or facts.get("repository-code") or ""
            return Work(facts["title"], names, str(facts["version"]), facts["date-released"].year, address)
    raise CollectionError("CITATION.cff is missing", str(PACKAGE), "install musan again, or restore the file from git")


def _name(author: dict[str, str]) -> str:
    return author.get("name") or " ".join(filter(None, [author.get("given-names"), author.get("family-names")]))


def sentence(title: str, name: str, when: date | None) -> str:
    """Return a citation of a notebook in one line.

    Parameters
    ----------
    title, name : str
        Title and name of the notebook.
    when : date or None
        The day of its run.
    """
    cited = work()
    ran = f", run of {in_words(when)}" if when else ""
    year = when.year if when else cited.year
    ending = f" {cited.address}" if cited.address else ""
    closed = title if title.endswith(("?", "!", ".")) else f"{title}."
    return (
        f"{' and '.join(cited.authors)} ({year}). {closed} Notebook {name}{ran}. "
        f"In: {cited.title} (version {cited.version}).{ending}"
    )


def bibtex(title: str, name: str, when: date | None) -> str:
    """Return a citation of a notebook as a BibTeX entry.

    Parameters
    ----------
    title, name : str
        Title and name of the notebook.
    when : date or None
        The day of its run.
    """
    cited = work()
    fields = {
        "author": " and ".join(f"{{{author}}}" for author in cited.authors),
        "title": f"{{{_plain(title)}}}",
        "year": str(when.year if when else cited.year),
        "note": f"Notebook {name.replace('_', chr(92) + '_')}" + (f", run of {in_words(when)}" if when else ""),
        "howpublished": f"In: {_plain(cited.title)}, version {cited.version}",
        "url": cited.address,
    }
    lines = "".join(f"  {key} = {{{value}}},\n" for key, value in fields.items() if value)
    return f"@misc{{musan_{name},\n{lines}}}"


def _plain(title: str) -> str:
    """Return a title without what BibTeX and TeX would obey."""
    return "".join(letter for letter in title if letter not in "{}\\%$#&~^").strip()
