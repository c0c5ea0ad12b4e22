"""Make everything a reader sees from the executed notebooks of an output folder, and from nothing else."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musan import claims
from musan.collection import export, outputs, verdicts

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


@dataclass(frozen=True)
class Published:
    """What was made: the index of the site and the table of verdicts."""

    index: Path
    table: pd.DataFrame


def publish(output: Path) -> Published:
    """Write figures, pages and verdicts; remove those of notebooks that are no longer there.

    Parameters
    ----------
    output : Path
        The output folder.

    Returns
    -------
    Published
        The index of the site and the table of verdicts.
    """
    executed = verdicts.executed(output)
    table = claims.verdict_table(claims.collect(executed))
    for notebook in executed:
        outputs.write_figures(notebook, output / "figures" / notebook.stem)
    pages = export.export(executed, output / "site", table)
    verdicts.write(table, output)
    _remove_stale(output, {notebook.stem for notebook in executed}, set(pages))
    return Published(output / "site" / "index.html", table)


def _remove_stale(output: Path, names: set[str], pages: set[Path]) -> None:
    for page in (output / "site").glob("*.html"):
        if page not in pages and page.name != "index.html":
            page.unlink()
    for folder in (output / "figures").glob("*"):
        if folder.name not in names:
            shutil.rmtree(folder)
