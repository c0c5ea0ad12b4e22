"""ploomber-engine, all notebooks in one process; its standard input says which."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from nbconvert import HTMLExporter
from ploomber_engine import execute_notebook


def main() -> None:
    """Run and export one notebook after another, and print when each had ended."""
    output, jobs = Path(sys.argv[1]), json.load(sys.stdin)
    for name in ("notebooks", "site"):
        (output / name).mkdir()
    exporter = HTMLExporter()
    ended = []
    for job in jobs:
        folder, parameters = str(Path(job["source"]).parent), job["parameters"] or None
        execute_notebook(job["source"], job["target"], parameters=parameters, progress_bar=False, cwd=folder)
        if job["page"]:
            page, _ = exporter.from_filename(job["target"])
            Path(job["page"]).write_text(page, encoding="utf-8")
        ended.append(time.time())
    print(json.dumps(ended))


if __name__ == "__main__":
    main()
