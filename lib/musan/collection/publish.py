"""Make everything a reader sees from the executed notebooks of an output folder, and from nothing else."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from musan import reads
from musan.collection import keys, outputs, source, verdicts
from musan.locations import CHECKOUT, data_folder, notebooks_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RECORD = "published.json"


@dataclass(frozen=True)
class Published:
    """The site and the verdicts.

    Parameters
    ----------
    index : Path
        The index of the site.
    verdicts : list of dict
        One row a claim, as in ``verdicts.json``.
    unchanged : bool
        Whether all was there already, made from the same and left as it was made.
    """

    index: Path
    verdicts: list[dict[str, Any]]
    unchanged: bool


class Early:
    """Makes what a reader sees of notebooks that have run, in a thread, while others run and leave a core idle.

    That is their figures, and their pages as far as the notebooks around them have run.

    Parameters
    ----------
    output : Path
        The output folder.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="musan-early")
        self._loading: Future[None] | None = None
        self._ready: list[Path] = []
        self._begun: dict[Path, Future[list[Path]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave out what has not begun."""
        self._thread.shutdown(cancel_futures=True)

    def prepare(self) -> None:
        """Load what figures and pages need, while the process that runs are forked from loads the library."""
        if self._loading is None:
            self._loading = self._thread.submit(_load)

    def ready(self, executed: Path) -> None:
        """Note that one notebook has run.

        Parameters
        ----------
        executed : Path
            An executed notebook that will not change.
        """
        self._ready.append(executed)

    def begin(self) -> None:
        """Begin with the notebooks that have run: there is a core for it."""
        if not self._ready:
            return
        while self._ready:
            executed = self._ready.pop(0)
            self._begun[executed] = self._thread.submit(self._write, executed)
        self._thread.submit(_prepare, self._output)

    def of(self, executed: Path) -> list[Path]:
        """Return the files of a notebook's figures once they are written.

        Parameters
        ----------
        executed : Path
            An executed notebook.
        """
        begun = self._begun.get(executed)
        return begun.result() if begun else self._write(executed)

    def _write(self, executed: Path) -> list[Path]:
        return outputs.write_figures(executed, self._output / "figures" / executed.stem)


def _load() -> None:
    """Import what takes two seconds to import."""
    from musan import claims
    from musan.collection import export

    del claims, export


def _prepare(output: Path) -> None:
    """Make pages; what is wrong with a notebook is said when all are made."""
    from musan.collection import export

    export.prepare(verdicts.executed(output))


def publish(output: Path, *, force: bool = False, early: Early | None = None, address: str = "") -> Published:
    """Write figures, pages and verdicts; remove those of notebooks that are no longer there.

    Parameters
    ----------
    output : Path
        The output folder.
    force : bool
        Write them also when they are there already and nothing that they are made from has changed.
    early : Early, optional
        What may have begun.
    address : str, optional
        Where the site will be published, as :func:`musan.collection.export.export` takes it.

    Returns
    -------
    Published
        The index of the site and the verdicts.
    """
    executed = verdicts.executed(output)
    made_from = _made_from(executed)
    unchanged = not force and _is_there(output, made_from)
    if not unchanged:
        written = _write(executed, output, early or Early(output), address)
        hashes = {path.relative_to(output).as_posix(): keys.file_hash(path) for path in written}
        outputs.write_text(output / RECORD, json.dumps({"made_from": made_from, "files": hashes}, indent=1) + "\n")
    return Published(output / "site" / "index.html", verdicts.written(output), unchanged)


def _made_from(executed: Iterable[Path]) -> str:
    """Return the digest of all that figures, pages and verdicts depend on."""
    package = {name: keys.file_hash(path) for name, path in keys.package_files().items()}
    notebooks = {path.stem: keys.file_hash(path) for path in executed}
    beside = (data_folder() / "datapackage.json", CHECKOUT / "CITATION.cff")  # a wheel has the latter in the package
    others = [keys.file_hash(path) for path in beside]
    return reads.digest([keys.common(), package, notebooks, others, source.names(notebooks_folder())])


def _is_there(output: Path, made_from: str) -> bool:
    """Return whether the files that were made from the same are as they were made."""
    try:
        record = json.loads((output / RECORD).read_text(encoding="utf-8"))
        before, files = record["made_from"], dict(record["files"])
    except (OSError, ValueError, KeyError, TypeError):  # never published, or damaged: publish again
        return False
    return before == made_from and all(keys.file_hash(output / name) == content for name, content in files.items())


def _write(executed: list[Path], output: Path, early: Early, address: str) -> list[Path]:
    """Write everything and return the files."""
    from musan import claims
    from musan.collection import export

    table = claims.verdict_table(claims.collect(executed))
    drawn = [file for path in executed for file in early.of(path)]
    pages = export.export(executed, output / "site", table, address)
    for folder in (output / "figures").glob("*"):
        if folder.name not in {path.stem for path in executed}:
            shutil.rmtree(folder)
    return [*drawn, *pages, *verdicts.write(table, output)]
