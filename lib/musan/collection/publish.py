"""Make everything a reader sees from the executed notebooks of an output folder, and from nothing else."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


def publish(output: Path, *, force: bool = False) -> Published:
    """Write figures, pages and verdicts; remove those of notebooks that are no longer there.

    Parameters
    ----------
    output : Path
        The output folder.
    force : bool
        Write them also when they are there already and nothing that they are made from has changed.

    Returns
    -------
    Published
        The index of the site and the verdicts.
    """
    executed = verdicts.executed(output)
    made_from = _made_from(executed)
    unchanged = not force and _is_there(output, made_from)
    if not unchanged:
        written = _write(executed, output)
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


def _write(executed: list[Path], output: Path) -> list[Path]:
    """Write everything anew and return the files."""
    from musan import claims  # this and the exporter take two seconds to import
    from musan.collection import export

    table = claims.verdict_table(claims.collect(executed))
    figures = [file for path in executed for file in outputs.write_figures(path, output / "figures" / path.stem)]
    pages = export.export(executed, output / "site", table)
    for folder in (output / "figures").glob("*"):
        if folder.name not in {path.stem for path in executed}:
            shutil.rmtree(folder)
    return [*figures, *pages, *verdicts.write(table, output)]
