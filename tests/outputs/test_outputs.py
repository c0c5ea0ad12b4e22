"""What `make` has written holds together and opens in a browser: run by `make check`, after `make`."""

import csv
import json
import os
import shutil

import frictionless
import pytest
from playwright.sync_api import sync_playwright

from musan import __version__, claims
from musan.collection import outputs, source, verdicts
from musan.locations import CHECKOUT, data_folder, notebooks_folder, output_folder
from musan.parameters import MODELS

OUTPUT = output_folder()
NAMES = source.names(notebooks_folder())
PAGES = [*(f"{name}.html" for name in NAMES), "index.html"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No background traffic of the browser's own; no sandbox, which root does not have.
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def executed(name):
    return OUTPUT / "notebooks" / f"{name}.ipynb"


def test_every_notebook_ran():
    assert [path.stem for path in verdicts.executed(OUTPUT)] == NAMES
    assert list((OUTPUT / "failed").glob("*")) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_ran_is_the_notebook_as_it_is_now(name):
    now = source.read(notebooks_folder() / f"{name}.ipynb")
    then = source.read(executed(name))
    assert [cell["source"] for cell in then["cells"]] == [cell["source"] for cell in now["cells"]]
    assert then["metadata"]["musan"]["run"] == {
        "notebook": name,
        "parameters": MODELS[name]().model_dump(),
        "version": __version__,
    }


def test_every_figure_is_a_picture_and_its_numbers():
    for name in NAMES:
        folder = OUTPUT / "figures" / name
        figures = outputs.figures(executed(name))
        files = sorted(path.name for path in folder.glob("*"))
        assert files == sorted(f"{one.name}.{kind}" for one in figures for kind in ("csv", "png"))
        for one in figures:
            assert (folder / f"{one.name}.png").read_bytes().startswith(b"\x89PNG")
            with (folder / f"{one.name}.csv").open(encoding="utf-8", newline="") as file:
                assert len(list(csv.DictReader(file))) > 0, one.name


def test_the_verdicts_are_those_of_the_notebooks():
    table = verdicts.read(OUTPUT)
    assert (OUTPUT / "verdicts.csv").read_text(encoding="utf-8") == verdicts.as_text(table, "csv")
    rows = json.loads((OUTPUT / "verdicts.json").read_text(encoding="utf-8"))
    assert [row["claim"] for row in rows] == list(claims.ledger())
    for row in rows:
        for aspect, notebook in (("statement", "notebook"), ("attribution", "attribution_notebook")):
            assert (row[aspect] == claims.NO_NOTEBOOK) is (row[notebook] not in NAMES), row["claim"]
            assert row[aspect] != claims.NOT_RUN, row["claim"]


def test_the_readme_shows_the_verdicts_of_this_run():
    readme = CHECKOUT / "README.md"
    fresh = verdicts.in_readme(readme, verdicts.read(OUTPUT))
    assert readme.read_text(encoding="utf-8") == fresh, "the table of verdicts is old: `make readme`"


def test_the_tables_are_a_valid_data_package():
    report = frictionless.validate(str(data_folder() / "datapackage.json"))
    assert report.valid, report.to_summary()


def test_the_site_is_complete():
    assert sorted(path.name for path in (OUTPUT / "site").glob("*.html")) == sorted(PAGES)


@pytest.fixture(scope="module")
def browser():
    chosen = os.environ.get("MUSAN_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if chosen is None:
        pytest.fail("no Chromium to open the pages in: install it, or set MUSAN_CHROMIUM to its path")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chosen, args=SWITCHES)
        yield launched
        launched.close()


@pytest.fixture(params=PAGES)
def opened(browser, request):
    """Return a page as a reader sees it, and what it complained of or asked for from elsewhere."""
    path = OUTPUT / "site" / request.param
    page = browser.new_page()
    complaints = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda asked: complaints.append(f"not loaded: {asked.url}"))
    page.on("request", lambda asked: None if own(asked.url, path) else complaints.append(f"asked for {asked.url}"))
    page.goto(path.as_uri(), wait_until="load")
    yield page, complaints
    page.close()


def own(url, path):
    return url.startswith("data:") or url == path.as_uri()


IMAGES = """() => Promise.all([...document.images].map(async image => {
    image.loading = "eager";  // else those below the first screen wait for the reader
    const shown = await image.decode().then(() => image.naturalWidth > 0, () => false);
    const caption = image.closest("figure")?.querySelector("figcaption");
    return { shown, alt: image.alt.trim(), caption: caption?.innerText.trim() ?? "" };
}))"""
LINKS = """() => [...document.querySelectorAll("a[href]")].map(link => link.getAttribute("href"))"""
MISSING = """names => names.filter(name => !document.getElementById(decodeURIComponent(name)))"""


def test_a_page_opens_by_itself(opened):
    page, complaints = opened
    assert complaints == []
    assert page.title().strip()
    assert page.locator("html").get_attribute("lang")
    assert page.locator("h1").count() == 1


def test_every_picture_has_words(opened):
    page, _ = opened
    for image in page.evaluate(IMAGES):
        assert image["shown"]
        assert image["alt"]
        assert image["caption"]


def test_every_link_within_the_site_leads_somewhere(opened):
    page, _ = opened
    links = page.evaluate(LINKS)
    assert page.evaluate(MISSING, [link[1:] for link in links if link.startswith("#") and link != "#"]) == []
    for link in links:
        if "://" not in link and not link.startswith(("#", "data:", "mailto:")):
            assert (OUTPUT / "site" / link.partition("#")[0]).is_file(), link


def test_the_index_leads_to_every_page(browser):
    page = browser.new_page()
    page.goto((OUTPUT / "site" / "index.html").as_uri())
    assert {f"{name}.html" for name in NAMES} <= {link.partition("#")[0] for link in page.evaluate(LINKS)}
    page.close()
