"""Where vintages are kept: ``vintages/SOURCE/MOMENT/``, each whole, none ever changed.

A refresh works in a folder of its own, ``.partial-...``, and moves it to its place when all is there. It holds
a lock in that folder for as long as it lives, so what a killed refresh has left can be told from one at work.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from uuid import uuid4

from musan import __version__
from musan.collection import lock
from musan.errors import nearest
from musan.locations import CHECKOUT, data_folder
from musan.refresh.errors import RefreshError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from musan.refresh.http import Fetched
    from musan.refresh.tables import Licence, Table

DESCRIPTOR = "datapackage.json"
PARTIAL = ".partial-"
REFUSED = "not permitted"  # the redistribution of rows
LOCK = ".lock"
MOMENT = "%Y-%m-%dT%H%M%SZ"
NAME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{6}Z(-\d+)?")
UNLOCKED_FOR = 3600.0  # seconds after which a partial folder without a lock file has no owner
_OWN: set[Path] = set()  # partial folders of this process, against which its own locks do not hold


@dataclass(frozen=True)
class Vintage:
    """One state of a source.

    Parameters
    ----------
    source : str
        Its name.
    folder : Path
        A data package.
    """

    source: str
    folder: Path

    @property
    def name(self) -> str:
        """The moment, in UTC."""
        return self.folder.name

    @property
    def full_name(self) -> str:
        """``SOURCE/MOMENT``, as a notebook's parameter has it."""
        return f"{self.source}/{self.name}"

    def package(self) -> dict[str, Any]:
        """Return the descriptor."""
        found: dict[str, Any] = json.loads((self.folder / DESCRIPTOR).read_text(encoding="utf-8"))
        return found

    def about(self) -> str:
        """Return when it was retrieved and under what terms, in words."""
        package = self.package()
        day = datetime.fromisoformat(package["retrieved"])
        terms = [f"retrieved on {day.day} {day:%B %Y}", *(licence["title"] for licence in package["licenses"])]
        if package["redistribution"] == REFUSED:
            terms.append("not to be redistributed")
        return "; ".join(terms)


@dataclass
class Draft:
    """A vintage in the making.

    Parameters
    ----------
    source : str
        Its name.
    folder : Path
        Where its files are written.
    resources : list of dict
        The entries of its tables.
    vintage : Vintage, optional
        What it has become.
    """

    source: str
    folder: Path
    resources: list[dict[str, Any]] = field(default_factory=list)
    vintage: Vintage | None = None

    def write(self, table: Table, licence: Licence) -> None:
        """Write a table.

        Parameters
        ----------
        table : Table
            The table.
        licence : Licence
            Its terms.
        """
        self.resources.append(table.write(self.folder, licence))

    def describe(self, title: str, licence: Licence, fetched: Sequence[Fetched], **more: object) -> None:
        """Write the descriptor, the last file of all.

        Parameters
        ----------
        title : str
            Of the source.
        licence : Licence
            Its terms.
        fetched : sequence of Fetched
            Every answer that it was made from.
        **more
            What else is recorded, such as ``since``.
        """
        if not licence.redistribution:
            # Neither `git add .` nor a package built with git takes the folder along.
            (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        package = {
            "profile": "data-package",
            "name": self.source.replace("_", "-"),
            "title": title,
            "created": moment,
            "version": moment[:10],
            "licenses": [licence.entry()],
            "redistribution": "permitted" if licence.redistribution else REFUSED,
            "retrieved": moment,
            "musan": __version__,
            **more,
            "requests": [vars(one) for one in fetched],
            "resources": self.resources,
        }
        text = json.dumps(package, indent=2, ensure_ascii=False) + "\n"
        (self.folder / DESCRIPTOR).write_text(text, encoding="utf-8", newline="\n")


def store_folder() -> Path:
    """Return the folder of vintages: ``MUSAN_VINTAGES``, else ``vintages`` of a checkout or here."""
    if chosen := os.environ.get("MUSAN_VINTAGES"):
        return Path(chosen).expanduser().resolve()
    in_checkout = (CHECKOUT / "pyproject.toml").is_file() and (CHECKOUT / "notebooks").is_dir()
    return ((CHECKOUT if in_checkout else Path.cwd()) / "vintages").resolve()


def listing(store: Path, source: str) -> list[Vintage]:
    """Return the vintages of a source, the oldest first.

    Parameters
    ----------
    store : Path
        The folder of vintages.
    source : str
        The source.
    """
    folders = (store / source).glob("*") if (store / source).is_dir() else []
    whole = [path for path in folders if NAME.fullmatch(path.name) and (path / DESCRIPTOR).is_file()]
    return [Vintage(source, path) for path in sorted(whole, key=lambda path: _order(path.name))]


def _order(name: str) -> tuple[str, int]:
    moment, _, number = name.partition("Z")
    return moment, int(number.removeprefix("-") or 1)


def all_of(store: Path) -> list[Vintage]:
    """Return the vintages of all sources.

    Parameters
    ----------
    store : Path
        The folder of vintages.
    """
    sources = sorted(path.name for path in store.glob("*")) if store.is_dir() else []
    return [vintage for source in sources for vintage in listing(store, source)]


def named(names: str) -> tuple[Vintage, ...]:
    """Return the vintages that a notebook's parameter names.

    Parameters
    ----------
    names : str
        Full names, ``SOURCE/MOMENT``, separated by commas; empty for none.

    Raises
    ------
    RefreshError
        When there is no such vintage, or two are of one source.
    """
    store = store_folder()
    known = {vintage.full_name: vintage for vintage in all_of(store)} if names else {}
    chosen: dict[str, Vintage] = {}
    for name in (part.strip() for part in names.split(",")) if names else ():
        if name not in known:
            remedy = nearest(name, known) if known else "there is none; fetch one with `musan refresh`"
            raise RefreshError(f"there is no vintage {name!r}", str(store), remedy)
        source = known[name].source
        if source in chosen:
            raise RefreshError(f"two vintages of {source}", names, "name one of each source")
        chosen[source] = known[name]
    return tuple(chosen.values())


def of_source(names: str, source: str) -> Vintage | None:
    """Return the vintage of one source among those that a notebook's parameter names; None when there is none.

    Parameters
    ----------
    names : str
        As for :func:`named`.
    source : str
        The source.
    """
    return next((vintage for vintage in named(names) if vintage.source == source), None)


def noted_name(folder: Path, table: str) -> str:
    """Return the name under which a run notes a table of another folder than the usual one.

    Parameters
    ----------
    folder : Path
        The data package.
    table : str
        Its table.

    Returns
    -------
    str
        ``SOURCE/MOMENT/TABLE`` for a vintage in the store, else the whole path.
    """
    store, folder = store_folder(), folder.resolve()
    place = folder.relative_to(store) if folder.is_relative_to(store) else folder
    return (place / table).as_posix()


def noted_folder(name: str) -> Path:
    """Return the folder of a table that has been noted under :func:`noted_name`.

    Parameters
    ----------
    name : str
        With at least one folder in it.
    """
    return (store_folder() / name).parent  # an absolute path stays what it is


def find(store: Path, name: str) -> Vintage:
    """Return a vintage by its name.

    Parameters
    ----------
    store : Path
        The folder of vintages.
    name : str
        ``SOURCE`` for its latest vintage, or ``SOURCE/MOMENT`` or a unique beginning of it.

    Raises
    ------
    RefreshError
        When there is none, or more than one.
    """
    source, _, moment = name.partition("/")
    known = listing(store, source)
    if not known:
        sources = {vintage.source for vintage in all_of(store)}
        remedy = nearest(source, sources) if sources else f"fetch one with `musan refresh {source}`"
        raise RefreshError(f"there is no vintage of {source!r}", str(store), remedy)
    exact = [vintage for vintage in known if vintage.name == moment]
    fitting = exact or [vintage for vintage in known if vintage.name.startswith(moment)]
    if not moment:
        fitting = known[-1:]
    if len(fitting) != 1:
        what = f"{len(fitting)} vintages of {source} begin with {moment!r}"
        raise RefreshError(what, str(store), f"there are {', '.join(vintage.name for vintage in known)}")
    return fitting[0]


@contextmanager
def draft(store: Path, source: str) -> Iterator[Draft]:
    """Yield a vintage in the making; it gets its place when the block ends well, and is removed when not.

    Parameters
    ----------
    store : Path
        The folder of vintages.
    source : str
        The source.

    Raises
    ------
    RefreshError
        When the folder can't be written or lies in the committed tables.
    """
    if (store / source).resolve().is_relative_to(data_folder()):
        raise RefreshError("vintages do not go into the folder of tables", str(store), "choose another --output")
    try:
        (store / source).mkdir(parents=True, exist_ok=True)
        folder, claim = _claimed(store / source)
    except OSError as error:
        what = f"can't be written ({error.strerror})"
        raise RefreshError(what, str(store), "choose another folder with --output") from error
    made = Draft(source, folder)
    try:
        yield made
        made.vintage = Vintage(source, _moved(folder, claim))
    except OSError as error:
        what = f"can't be written ({error.strerror or error})"
        raise RefreshError(what, str(folder), "free space, or choose another folder with --output") from error
    finally:
        claim.close()
        _OWN.discard(folder)
        if made.vintage is None:
            shutil.rmtree(folder, ignore_errors=True)


def _claimed(parent: Path) -> tuple[Path, TextIO]:
    """Return a new folder and the lock in it that says that its owner lives."""
    while True:
        folder = parent / f"{PARTIAL}{os.getpid()}-{uuid4().hex[:8]}"
        folder.mkdir()
        _OWN.add(folder)
        try:
            file = (folder / LOCK).open("x", encoding="ascii")
            lock.take(file)
            if os.path.samestat(os.fstat(file.fileno()), (folder / LOCK).stat()):
                return folder, file
        except (FileNotFoundError, BlockingIOError):
            _OWN.discard(folder)  # another refresh took it for a leftover before the lock was held


def _moved(folder: Path, claim: TextIO) -> Path:
    """Move a finished folder to its place, under a name that no other has."""
    if sys.platform == "win32":
        claim.close()  # an open file can't be removed there
    (folder / LOCK).unlink()
    moment = datetime.now(UTC).strftime(MOMENT)
    number = 1
    while True:
        place = folder.parent / (moment if number == 1 else f"{moment}-{number}")
        try:
            folder.rename(place)  # fails where a folder that is not empty stands
        except OSError:
            if not place.exists():
                raise
            number += 1
        else:
            return place


def clean(store: Path, source: str) -> list[str]:
    """Remove what killed refreshes of a source have left, and leave alone those at work.

    Parameters
    ----------
    store : Path
        The folder of vintages.
    source : str
        The source.

    Returns
    -------
    list of str
        The names of the folders removed.
    """
    leftovers = [folder for folder in (store / source).glob(f"{PARTIAL}*") if folder not in _OWN]
    return [folder.name for folder in sorted(leftovers) if _removed(folder)]


def _removed(folder: Path) -> bool:
    """Remove a partial folder whose process has ended, and return whether it had."""
    try:
        with (folder / LOCK).open("r+", encoding="ascii") as file:
            lock.take(file)
            shutil.rmtree(folder, ignore_errors=True)  # under the lock: nobody can claim it meanwhile
    except (BlockingIOError, PermissionError):
        return False
    except FileNotFoundError:
        if not folder.is_dir() or time.time() - folder.stat().st_mtime < UNLOCKED_FOR:
            return False
    shutil.rmtree(folder, ignore_errors=True)
    return True
