"""A browser for the pages that `make` has written."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No background traffic of the browser's own; no sandbox, which root does not have.
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser():
    chosen = os.environ.get("MUSAN_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if chosen is None:
        pytest.fail("no Chromium to open the pages in: install it, or set MUSAN_CHROMIUM to its path")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chosen, args=SWITCHES)
        yield launched
        launched.close()
