"""The pages of one set of executed notebooks by three templates, measured: `python benchmarks/pages.py [FOLDER]`.

FOLDER holds executed notebooks; by default those of the last `make`. Printed is a Markdown table with the mean
of a page: its size, how often it asks for something from elsewhere, the rules of axe that it breaks and at how
many places, its tab stops on a screen 1280 pixels wide, and the time an export takes in one process that has
all libraries loaded, the least of three. Needs Chromium, and `pip install -e .[dev]`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe
from nbconvert import HTMLExporter
from playwright.sync_api import sync_playwright

from musan.collection import export
from musan.locations import output_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TIMES = 3  # an export is timed, since other work on the machine lengthens some
HEAD = ("template", "KB a page", "outside requests", "axe: rules broken", "axe: places", "tab stops", "ms an export")
# What the Tab key reaches: shown, not switched off, not taken out of the order.
TAB_STOPS = """() => [...document.querySelectorAll("a[href], button, input, select, summary, textarea, [tabindex]")]
    .filter(one => one.tabIndex >= 0 && !one.disabled && one.checkVisibility()).length"""


def stock(template: str) -> Callable[[Path], str]:
    """Return the export of a template that comes with nbconvert."""
    exporter = HTMLExporter(template_name=template)
    return lambda path: str(exporter.from_filename(str(path))[0])


def timed(make: Callable[[Path], str], notebooks: list[Path]) -> tuple[list[str], list[float]]:
    """Return the pages, and the seconds that each took at its quickest."""
    pages, seconds = dict.fromkeys(notebooks, ""), dict.fromkeys(notebooks, float("inf"))
    for path in notebooks * TIMES:
        started = time.perf_counter()
        pages[path] = make(path)
        seconds[path] = min(seconds[path], time.perf_counter() - started)
    return list(pages.values()), list(seconds.values())


def looked_at(html: str, browser: Browser) -> tuple[int, int, int, int]:
    """Return outside requests, rules broken, places and tab stops of a page in a browser that is offline."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    outside: list[str] = []
    page.route(lambda url: url.startswith("http"), lambda route: (outside.append(route.request.url), route.abort()))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(html, encoding="utf-8")
        page.goto(file.as_uri(), wait_until="load")
        violations = Axe().run(page).response["violations"]
        stops = page.evaluate(TAB_STOPS)
    page.close()
    return len(outside), len(violations), sum(len(each["nodes"]) for each in violations), stops


def line(name: str, make: Callable[[Path], str], notebooks: list[Path], browser: Browser) -> list[str]:
    """Return one line of the table."""
    pages, seconds = timed(make, notebooks)
    seen = [looked_at(page, browser) for page in pages]
    size = mean(len(page.encode()) for page in pages) / 1000
    return [
        name,
        f"{size:.0f}",
        *(f"{mean(column):.1f}" for column in zip(*seen, strict=True)),
        f"{1000 * mean(seconds):.0f}",
    ]


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else output_folder() / "notebooks"
    notebooks = sorted(folder.glob("*.ipynb"))
    if not notebooks:
        sys.exit(f"{folder}: no executed notebook; run them with `musan run`")
    chosen = os.environ.get("MUSAN_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chosen, args=["--no-sandbox", "--disable-gpu"])
        makers = {"lab": stock("lab"), "classic": stock("classic"), "musan": export.page}
        lines = [line(name, make, notebooks, browser) for name, make in makers.items()]
        browser.close()
    print(f"Means over {len(notebooks)} notebooks.\n")
    for cells in (HEAD, ["---"] * len(HEAD), *lines):
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
