"""The pages that `make` has written, as readers meet them: run by `make check`, after `make`."""

import re
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from musan import claims
from musan.collection import source
from musan.locations import notebooks_folder, output_folder

SITE = output_folder() / "site"
NAMES = source.names(notebooks_folder())
PAGES = [*(f"{name}.html" for name in NAMES), "index.html"]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
MOST_BYTES = 5_000_000  # all pages together, also after sweeps of all claims; more than half are pictures
MOST_OWN_BYTES = 25_000  # of a page: what is neither text, data nor picture of its notebook
CONTENT = re.compile(r"<(main|nav)\b.*?</\1>|<script type=.*?</script>|<template.*?</template>", re.DOTALL)
SHEET = {"width": 680, "height": 1000}  # what the margins leave of a sheet of A4, in CSS pixels
LEAST_BELOW_A_HEADING = 40  # points: the heading and a line of what follows


def own(url, path):
    return url.startswith("data:") or url.partition("#")[0] == path.as_uri()


@contextmanager
def shown(browser, name, **settings):
    """Open a page in a fresh context; yield it and the list of what it complains of or asks for from elsewhere."""
    path = SITE / name
    context = browser.new_context(**{"viewport": DESK, **settings})
    page = context.new_page()
    complaints = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda asked: complaints.append(f"not loaded: {asked.url}"))
    page.on("request", lambda asked: None if own(asked.url, path) else complaints.append(f"asked for {asked.url}"))
    page.goto(path.as_uri(), wait_until="load")
    yield page, complaints
    context.close()


@pytest.fixture(scope="module", params=PAGES)
def opened(browser, request):
    with shown(browser, request.param) as (page, complaints):
        yield page, complaints


IMAGES = """() => Promise.all([...document.images].map(async image => {
    const seen = await image.decode().then(() => image.naturalWidth > 0, () => false);
    const caption = image.closest("figure")?.querySelector("figcaption");
    return { seen, alt: image.alt.trim(), caption: caption?.innerText.trim() ?? "" };
}))"""
LINKS = """() => [...document.querySelectorAll("a[href]")].map(link => link.getAttribute("href"))"""
MISSING = """names => names.filter(name => !document.getElementById(name))"""
# Of the code one cell stands for all: each has the same five colours.
UNFOLD = """() => document.querySelectorAll("details").forEach(one => {
    one.open = !one.matches(".code") || one === document.querySelector("details.code"); })"""
STOPS = """() => [...document.querySelectorAll("[tabindex]")].map(one => ({
    fits: one.scrollWidth <= one.clientWidth, role: one.getAttribute("role"), name: one.getAttribute("aria-label"),
}))"""
SCROLLERS = """() => [...document.querySelectorAll(".table, .output")].filter(one =>
    one.scrollWidth > one.clientWidth + 1 && one.tabIndex !== 0).length"""
WIDER = """() => [...document.querySelectorAll("main *")].filter(one => one.getClientRects().length
    && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    && getComputedStyle(one).position !== "absolute").map(one => one.outerHTML.slice(0, 120))"""
TALLEST = """() => Math.max(0, ...[...document.querySelectorAll("figure")].map(one => one.offsetHeight))"""


def test_a_page_opens_by_itself_and_breaks_no_policy(opened):
    page, complaints = opened
    assert complaints == []
    assert page.locator("meta[http-equiv=Content-Security-Policy]").count() == 1
    assert page.title().strip()
    assert page.locator("html").get_attribute("lang")
    assert page.locator("h1").count() == 1


def test_every_picture_has_words(opened):
    page, _ = opened
    for image in page.evaluate(IMAGES):
        assert image["seen"]
        assert image["alt"]
        assert image["caption"]


def test_every_link_within_the_site_leads_somewhere(opened):
    page, _ = opened
    links = page.evaluate(LINKS)
    assert page.evaluate(MISSING, [link[1:] for link in links if link.startswith("#")]) == []
    for link in links:
        if "://" not in link and not link.startswith(("#", "data:", "mailto:")):
            name, _, anchor = link.partition("#")
            assert (SITE / name).is_file(), link
            assert f'id="{anchor}"' in (SITE / name).read_text(encoding="utf-8") or not anchor, link


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_axe_finds_no_violation(browser, opened, size):
    """All rules in light, with what is folded open; in dark what depends on colours."""
    page, _ = opened
    page.set_viewport_size(size)
    page.evaluate(UNFOLD)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options={"resultTypes": ["violations"], **options})
        assert found.violations_count == 0, found.generate_report()
    page.emulate_media(color_scheme="light")
    stops = page.evaluate(STOPS)
    assert [stop for stop in stops if stop["fits"] or not stop["name"] or not stop["role"]] == []
    assert page.evaluate(SCROLLERS) == 0


def test_nothing_is_cut_off_in_print(opened):
    page, _ = opened
    page.set_viewport_size(SHEET)
    page.emulate_media(media="print")
    assert page.evaluate(WIDER) == []
    assert page.evaluate(TALLEST) <= SHEET["height"]
    page.emulate_media(media="screen")
    page.set_viewport_size(DESK)


def test_no_heading_ends_a_sheet(browser):
    """In the PDF each heading of its outline leaves room for a line below it, and no page is empty."""
    for name in PAGES:
        with shown(browser, name) as (page, _):
            pdf = page.pdf(format="A4", outline=True, tagged=True, prefer_css_page_size=True)
        bottom = 16 * 72 / 25.4  # the margin of the style sheet, in points
        places = [float(y) for y in re.findall(rb"/Title \(?.*\n/Dest \[\d+ 0 R /XYZ [\d.]+ ([\d.]+) 0\]", pdf)]
        assert len(places) >= 3, name
        assert min(places) >= bottom + LEAST_BELOW_A_HEADING, name


def test_the_pages_are_light():
    assert sum((SITE / name).stat().st_size for name in PAGES) < MOST_BYTES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_adds_little_to_its_content(name):
    page = (SITE / name).read_text(encoding="utf-8")
    own = CONTENT.sub("", page)
    assert "<style>" in own
    assert len(own.encode()) < MOST_OWN_BYTES


def test_the_index_leads_to_every_page(browser):
    with shown(browser, "index.html") as (page, _):
        assert {f"{name}.html" for name in NAMES} <= {link.partition("#")[0] for link in page.evaluate(LINKS)}


def press_on(page, selector, key="Enter"):
    """Use an element by the keyboard alone."""
    page.locator(selector).first.focus()
    page.keyboard.press(key)


def test_the_first_tab_stop_skips_to_the_text(browser):
    with shown(browser, PAGES[0]) as (page, _):
        page.keyboard.press("Tab")
        link = page.locator(".skip")
        assert link.evaluate("one => one === document.activeElement")
        assert link.bounding_box()["x"] >= 0
        assert link.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("#main$"))


def test_the_contents_follow_the_reader(browser):
    with shown(browser, PAGES[0], reduced_motion="reduce") as (page, _):
        assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
        links = page.locator(".contents a")
        for at in (2, 4):
            links.nth(at).focus()
            page.keyboard.press("Enter")
            expect(links.nth(at)).to_have_attribute("aria-current", "location")
        page.keyboard.press("End")
        expect(links.last).to_have_attribute("aria-current", "location")
        assert page.locator(".contents [aria-current]").count() == 1


def test_code_unfolds_one_by_one_and_all_at_once(browser):
    with shown(browser, PAGES[0]) as (page, _):
        folds = page.locator("details.code")
        assert page.locator("details.code[open]").count() == 0
        press_on(page, "details.code summary")
        assert page.locator("details.code[open]").count() == 1
        press_on(page, ".show-code")
        assert page.locator("details.code[open]").count() == folds.count() > 1
        press_on(page, ".show-code", "Space")
        assert page.locator("details.code[open]").count() == 0


def test_light_and_dark_can_be_chosen_and_are_remembered(browser):
    paper = "getComputedStyle(document.body).backgroundColor"
    with shown(browser, PAGES[0], color_scheme="dark") as (page, complaints):
        dark = page.evaluate(paper)
        press_on(page, ".theme")
        light = page.evaluate(paper)
        assert light == "rgb(255, 255, 255)" != dark
        page.reload()
        assert page.evaluate(paper) == light
        press_on(page, ".theme")
        assert page.evaluate(paper) == dark
        press_on(page, ".theme")
        page.emulate_media(color_scheme="light")
        assert page.evaluate(paper) == light
        assert complaints == []


def test_a_link_to_a_source_unfolds_the_list_it_is_in(browser):
    with shown(browser, PAGES[0]) as (page, _):
        press_on(page, ".figure-data summary")
        press_on(page, ".figure-data details a")
        expect(page.locator("details[open] > .sources")).to_be_visible()


def test_a_figure_too_small_to_read_can_be_enlarged(browser):
    with shown(browser, PAGES[0], viewport=PHONE) as (page, _):
        picture = page.locator("figure img").first
        small = picture.bounding_box()["width"]
        press_on(page, ".enlarge")
        assert picture.bounding_box()["width"] > 1.5 * small
        expect(page.locator("figure.large")).to_have_attribute("tabindex", "0")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def rows(page):
    return page.locator(".verdicts tbody tr:visible th > a").all_inner_texts()


def test_claims_can_be_chosen_and_sorted_by_keyboard(browser):
    with shown(browser, "index.html") as (page, complaints):
        everything = rows(page)
        assert len(everything) == len(claims.ledger())
        page.locator("select[data-filter=statement]").focus()
        page.keyboard.type("contra")
        expect(page.locator(".filters output")).to_have_text(re.compile(r"^[1-9]\d* of"))
        chosen = rows(page)
        assert 0 < len(chosen) < len(everything)
        said = page.locator(".verdicts tbody tr:visible td:nth-child(2)").all_inner_texts()
        assert {text.split()[-1] for text in said} == {"contradicted"}
        press_on(page, ".filters button[type=reset]")
        expect(page.locator(".filters output")).to_have_text(f"{len(everything)} claims")
        assert rows(page) == everything
        page.locator("input[data-filter=words]").focus()
        page.keyboard.type("iron ore")
        assert all("ore" in row.lower() for row in rows(page))
        press_on(page, ".filters button[type=reset]")
        press_on(page, "th[data-sort=grade] button")
        assert page.locator("th[aria-sort=ascending]").get_attribute("data-sort") == "grade"
        grades = page.locator(".verdicts tbody tr td:nth-child(5)").all_inner_texts()
        places = [claims.GRADES.index(re.match(r"very low|low|moderate|high", text)[0]) for text in grades]
        assert places == sorted(places)
        press_on(page, "th[data-sort=order] button", "Space")
        assert rows(page) == everything
        assert complaints == []


@pytest.mark.parametrize("name", [PAGES[0], "index.html"])
def test_without_scripts_everything_is_there_but_the_controls(browser, name):
    said = []
    for scripts in (True, False):
        with shown(browser, name, java_script_enabled=scripts) as (page, complaints):
            assert complaints == []
            assert (page.locator("button, select, input").count() > 0) is scripts
            said.append([page.locator(each).all_text_contents() for each in ("main p", "main td", "main figcaption")])
            folded = page.locator(".contents details:not([open])").count()
            assert folded == 0
            hidden = page.locator(".verdicts tbody tr:not(:visible)").count()
            assert hidden == 0
    assert said[0] == said[1]


def test_with_its_style_off_a_page_reads_in_order(browser):
    with shown(browser, PAGES[0]) as (page, _):
        page.evaluate("document.querySelector('style').remove()")
        order = ["a.skip", "header a", "nav.contents", "h1", ".answer", "main h2", "figure", "#about"]
        tops = [page.locator(each).first.bounding_box()["y"] for each in order]
        assert tops == sorted(tops)
