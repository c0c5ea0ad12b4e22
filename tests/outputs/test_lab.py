"""The explorers in JupyterLab, with a kernel and a browser: what a reader turns by keyboard changes the numbers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

import pytest
from nbformat import v4, write
from playwright.sync_api import expect

from musan.locations import output_folder

pytest.importorskip("ipywidgets")
STARTS_WITHIN = 60  # seconds, of the server; of a kernel on a busy machine too
ATTENDANCE = """
from musan import explorers, workplace_incentives

numbers = workplace_incentives.calibration()
explorers.attendance_explorer(workplace_incentives.paid(numbers), numbers)
"""
ANALYSES = f"""
from pathlib import Path

from musan import claims, explorers, multiverses
from musan.collection import verdicts

output = Path({str(output_folder())!r})
findings = claims.collect(verdicts.executed(output))
explorers.analyses_explorer(multiverses.read(findings, multiverses.folder()))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Return the address of a JupyterLab with a notebook of two cells, and of nobody's own settings."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [v4.new_code_cell(source.strip()) for source in (ATTENDANCE, ANALYSES)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    write(v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), folder / "explorers.ipynb")
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
    own = {name: str(folder / name.lower()) for name in (*places, "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")}
    environment = {name: value for name, value in os.environ.items() if name != "MUSAN_OUTPUT"} | own
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={folder}"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            yield _address(folder / "jupyter_runtime_dir", server, folder / "log")
        finally:
            server.terminate()
            server.wait(30)


def _address(runtime, server, log):
    """Wait until the server has written where it listens."""
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            about = json.loads(file.read_text() or "{}")
            if about.get("port"):
                return f"http://127.0.0.1:{about['port']}/lab/tree/explorers.ipynb?token={about['token']}"
        time.sleep(0.1)
    return pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")


def test_explorers_can_be_turned_by_keyboard_in_jupyterlab(lab, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 1600})
    page.set_default_timeout(1000 * STARTS_WITHIN)
    page.goto(lab)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # a cell that is run before does nothing
    page.locator(".jp-CodeCell .cm-content").first.click()
    for _ in range(2):
        page.keyboard.press("Shift+Enter")
    first, second = (page.locator(".jp-CodeCell").nth(at).locator(".jp-OutputArea") for at in (0, 1))

    expect(first.locator(".widget-slider")).to_have_count(8, timeout=1000 * STARTS_WITHIN)
    table = first.locator("table")
    before = table.inner_text()
    first.get_by_role("slider").first.focus()
    page.keyboard.press("Home")
    expect(table).not_to_have_text(before, use_inner_text=True)
    expect(first.locator(".widget-readout").first).to_have_text(re.compile("^0"))

    caption = second.locator("caption")
    expect(caption).to_have_text(re.compile(r"^(\d+) of \1 analyses"), timeout=1000 * STARTS_WITHIN)
    second.locator("select[multiple]").first.focus()
    page.keyboard.press("Home")  # keeps the first option alone
    expect(caption).not_to_have_text(re.compile(r"^(\d+) of \1 analyses"))
    page.close()
