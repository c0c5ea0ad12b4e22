"""papermill and nbconvert by their APIs, as quick as their options allow; its standard input says what to run.

Both are loaded once, in the process that is then forked; no notebook is saved before its end, no kernel is
asked to end in good order, and one exporter makes all pages of a process.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import papermill
from nbconvert import HTMLExporter

logging.getLogger("papermill").setLevel(logging.ERROR)


@cache
def exporter() -> HTMLExporter:
    """Return the exporter of this process."""
    return HTMLExporter()


def do(job: dict[str, Any]) -> float:
    """Run one notebook, export it if a page is wanted, and return when that was done."""
    source, target = Path(job["source"]), Path(job["target"])
    papermill.execute_notebook(
        str(source),
        str(target),
        parameters=job["parameters"],
        kernel_name="python3",
        cwd=str(source.parent),
        progress_bar=False,
        request_save_on_cell_execute=False,
        autosave_cell_every=0,
        shutdown_kernel="immediate",
    )
    if job["page"]:
        page, _ = exporter().from_filename(str(target))
        Path(job["page"]).write_text(page, encoding="utf-8")
    return time.time()


def main() -> None:
    """Run each wave of notebooks after the one before, and print when each run had ended."""
    output, asked = Path(sys.argv[1]), json.load(sys.stdin)
    for name in ("notebooks", "site"):
        (output / name).mkdir()
    ended: list[float] = []
    with ProcessPoolExecutor(asked["jobs"], mp_context=get_context("fork")) as pool:
        for wave in asked["waves"]:
            ended += pool.map(do, wave)
    print(json.dumps(sorted(ended)))


if __name__ == "__main__":
    main()
