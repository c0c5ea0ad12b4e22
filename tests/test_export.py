"""Executed notebooks are read with care, and become self-contained pages."""

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import nbformat
import pandas as pd
import papermill
import pytest
from bs4 import BeautifulSoup
from nbformat import v4
from PIL import Image
from typer.testing import CliRunner

from musan import claims, cli, evidence, explorers, figures, reads
from musan.collection import export, outputs
from musan.collection.site import assets, citation, claim_review, facts, markup
from musan.errors import CollectionError
from musan.locations import templates_folder

EVIL = "<script>alert(1)</script>"
WORSE = "</style></script><img src=x onerror=alert(1)>\"'`"
CELLS = [
    ("markdown", "# Did trade fall & how far?\n\nWords.", []),
    ("code", "from musan import figures, prose, tables\nanswer = prose.answer()", []),
    ("code", "base_year: int = 2016  # year that others are compared with\nword: str = 'a'  # a word", ["parameters"]),
    ("markdown", "## What fell <i>first</i>\n\n### Coal & “ore”\n\nText.", []),
    (
        "code",
        "import matplotlib.pyplot as plt\nimport pandas as pd\n"
        "figures.use_style()\nfig, ax = plt.subplots()\nax.plot([1, 2], [2, 1])\nax.set_title('It fell')\n"
        "figures.publish(fig, name='fall', caption='How it fell & why.', "
        "alt='A line that falls from two on the left to one on the right.', "
        "data=pd.DataFrame({'x': [1, 2], 'y': [2, 1]}), "
        "sources=pd.DataFrame({'source_id': ['a', 'asiapress-2018-08-exports-drop-p2'], 'publisher': ['KOTRA', 'A']}))",
        ["setup"],
    ),
    ("code", f"tables.show(pd.DataFrame({{'cell': ['{EVIL}'], 'n': [1]}}), 'Caption {EVIL}')", []),
    ("code", f"tables.show(pd.DataFrame({{'cell': [{WORSE!r}]}}), {WORSE!r})", []),
    ("code", f"prose.paragraph('Fell by **88 %** {EVIL}')", []),
    ("code", f"print('{EVIL}')", []),
    ("code", f"answer.say('Yes: it fell by **half** {EVIL}.')", []),
]


def notebook(cells=CELLS, title="Did trade fall?"):
    made = []
    for kind, source, tags in cells:
        cell = v4.new_markdown_cell(source) if kind == "markdown" else v4.new_code_cell(source)
        cell.metadata["tags"] = tags
        made.append(cell)
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=made, metadata={"kernelspec": spec, "musan": {"title": title}})


def save(node, path):
    nbformat.write(node, path)
    return path


def ran(*texts_or_outputs):
    """Return a notebook as if run: each argument is the outputs of one cell."""
    node = notebook([("code", "1", []) for _ in texts_or_outputs])
    for count, (cell, shown) in enumerate(zip(node.cells, texts_or_outputs, strict=True), start=1):
        cell.execution_count, cell.outputs = count, shown
    return node


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A notebook executed by papermill with one parameter changed."""
    folder = tmp_path_factory.mktemp("executed")
    source = save(notebook(), folder / "source.ipynb")
    target = folder / "01_trade.ipynb"
    for attempts_left in (2, 1, 0):
        try:
            papermill.execute_notebook(str(source), str(target), parameters={"word": EVIL}, progress_bar=False)
        except RuntimeError as error:
            # A kernel is given its ports before it opens them; one that starts at the same time can take them.
            if "Kernel died before replying" not in str(error) or not attempts_left:
                raise
        else:
            break
    return target


@pytest.fixture(scope="module")
def page(executed):
    return export.page(executed)


@pytest.fixture
def verdicts():
    return pd.DataFrame(
        {
            "claim": ["exports_fell_90", "ore_second"],
            "title": ["Exports fell", f"Ore was second {EVIL}"],
            "statement": ["supported", "not run"],
            "attribution": ["mixed", "no notebook yet"],
            "agreement": pd.array([0.83, None], dtype="Float64"),
            "grade": ["moderate", ""],
            "notebook": ["01_trade", "02_ore"],
            "attribution_notebook": ["03_without", "02_ore"],
        }
    )


def test_the_answer_reaches_its_place_when_papermill_runs_the_notebook(executed):
    node = outputs.read(executed)
    first = next(cell for cell in node.cells if "prose.answer()" in cell.source)
    assert first.outputs[0].data["text/html"].startswith('<p class="answer">Yes: it fell by <strong>half</strong>')
    assert outputs.answer(node) == f"Yes: it fell by half {EVIL}."


def test_the_answer_stands_under_the_title(page):
    html = BeautifulSoup(page, "html.parser")
    assert html.h1.find_next_sibling()["class"] == ["answer"]
    assert len(html.select(".answer")) == 1


def policy_of(html):
    found = BeautifulSoup(html, "html.parser").find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    return dict(part.strip().split(" ", 1) for part in found["content"].split(";"))


def hashes(texts):
    return {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts}


def scripts_of(html):
    """Return the scripts that a browser would run, as they stand between their tags."""
    return re.findall(r"<script>(.*?)</script>", html, re.DOTALL)


def assert_inert(html):
    """Only our own style and scripts, allowed by their hash; no handler, style attribute or address to load from."""
    policy = policy_of(html)
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    assert set(policy["script-src"].split()) == hashes(scripts_of(html))
    assert {policy["style-src"]} == hashes(re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
    soup = BeautifulSoup(html, "html.parser")
    assert len(soup.find_all("style")) == 1
    typed = [script["type"] for script in soup.find_all("script") if script.has_attr("type")]
    assert set(typed) <= {"application/json", "application/ld+json"}  # data, which no browser runs
    assert len(soup.find_all("script")) == len(scripts_of(html)) + len(typed)
    assert "alert" not in "".join(scripts_of(html))
    for tag in soup.find_all(True):
        assert not [name for name in tag.attrs if name.startswith("on") or name == "style"], tag
        for name in ("src", "srcset", "poster", "data", "action"):
            assert str(tag.get(name, "data:")).startswith("data:"), tag
        assert tag.name in ("a", "link") or not tag.has_attr("href"), tag
        assert not str(tag.get("href", "")).startswith("javascript"), tag
    assert not re.search(r"@import|url\(", html)


def test_no_text_becomes_markup(page):
    assert_inert(page)
    # table cell, caption, paragraph, print, answer, parameter (three times), and the code of four cells
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8
    worse = BeautifulSoup(page, "html.parser").find("td", string=lambda text: text and "onerror" in text) or next(
        cell for cell in BeautifulSoup(page, "html.parser").select("tbody th") if "onerror" in cell.text
    )
    assert worse.text == WORSE


def missing(html, *texts):
    """Return the texts that a reader does not find in an element."""
    return [text for text in texts if text not in " ".join(html.get_text(" ").split())]


@pytest.fixture
def worse_ledger(monkeypatch):
    """A ledger whose first claim has a title and a statement that would break out of any element or attribute."""
    first, *others = claims.ledger().items()
    changed = {"title": f"Title {WORSE}", "statement": f"Statement {WORSE}"}
    altered = dict([(first[0], first[1].model_copy(update=changed)), *others])
    monkeypatch.setattr(claims, "ledger", lambda: altered)
    return first[0]


def finding(name):
    """Return a finding all of whose words would break out."""
    words = {"unit": f"Unit {WORSE}", "period": f"Period {WORSE}", "would_change": f"Change {WORSE}"}
    lists = {key: (f"{key} {WORSE}",) for key in ("reasons", "assumptions", "grade_reasons")}
    known = {"estimate": 1.0, "grade": "low", "notebook": "01_trade", "agreement": 1.0}
    given = {"claim": name, "aspect": "statement", "verdict": "mixed", "decisive_choice": f"choice {WORSE}"}
    return claims.Finding(**given, **known, **words, **lists)


def test_the_words_of_a_finding_become_no_markup(worse_ledger, tmp_path):
    card = output("display_data", finding(worse_ledger)._repr_mimebundle_())
    html = export.page(save(ran([card]), tmp_path / "finding.ipynb"))
    assert_inert(html)
    wanted = ("Title", "Unit", "Period", "Change", "reasons", "assumptions", "grade_reasons")
    assert missing(BeautifulSoup(html, "html.parser").section, *(f"{word} {WORSE}" for word in wanted)) == []


def test_the_words_of_a_ledger_and_of_verdicts_become_no_markup_on_the_index(worse_ledger, tmp_path):
    columns = ("title", "estimate", "decisive_choice", "reasons", "would_change", "grade", "admiralty")
    row = {"claim": worse_ledger, "statement": "mixed", "attribution": f"cause {WORSE}"}
    (index,) = export.export([], tmp_path, pd.DataFrame([row | {name: f"{name} {WORSE}" for name in columns}]))
    html = index.read_text()
    assert_inert(html)
    wanted = [f"{name.replace('_', ' ')} {WORSE}" if "choice" in name else f"{name} {WORSE}" for name in columns]
    wanted += [f"cause {WORSE}", f"Statement {WORSE}"]
    assert missing(BeautifulSoup(html, "html.parser").main, *wanted) == []
    (review,) = reviews_on(index)["@graph"]
    assert review["claimReviewed"] == f"Statement {WORSE}"


def test_the_words_of_a_figure_become_no_markup(tmp_path):
    numbers = 'x\n"</script>"\n'
    shown = figures.Figure("fall", f"Caption {WORSE}", f"Alt {WORSE}", b"hi", numbers, (f"source {WORSE}",), 2, 1)
    path = save(ran([output("display_data", shown._repr_mimebundle_())]), tmp_path / "01_figure.ipynb")
    page, _, index = export.export([path], tmp_path / "site", pd.DataFrame({"title": [], "statement": []}))
    for file in (page, index):
        html = BeautifulSoup(file.read_text(), "html.parser")
        assert_inert(file.read_text())
        assert html.figcaption.text == f"Caption {WORSE}"
        assert html.figure.img["alt"] == f"Alt {WORSE}"
    soup = BeautifulSoup(page.read_text(), "html.parser")
    assert soup.find(id="s1").text == f"source {WORSE}"
    assert unquote(soup.find("a", download="fall.csv")["href"].partition(",")[2]) == numbers


def test_parameters_and_titles_become_no_markup(tmp_path):
    cell = f"x: str = {WORSE!r}  # meaning {WORSE}"
    node = notebook([("code", cell, ["parameters"]), ("code", f"x = {'2' + WORSE!r}", ["injected-parameters"])], WORSE)
    for count, one in enumerate(node.cells, start=1):
        one.execution_count = count
    html = export.page(save(node, tmp_path / "parameters.ipynb"))
    assert_inert(html)
    soup = BeautifulSoup(html, "html.parser")
    assert soup.title.text == WORSE
    assert soup.h1.text == WORSE
    assert missing(soup.select_one(".parameters"), repr(WORSE), repr("2" + WORSE), f"meaning {WORSE}") == []


def test_an_explorer_carries_any_text(tmp_path):
    said = {"verdicts": [{"name": WORSE, "choices": [WORSE], "analyses": {WORSE: {"values": [WORSE], "at": "0"}}}]}
    bundle = {explorers.ANALYSES_MIME: said, "text/html": EVIL}
    html = export.page(save(ran([output("display_data", bundle)]), tmp_path / "explorer.ipynb"))
    assert_inert(html)
    assert json.loads(BeautifulSoup(html, "html.parser").select_one(".explorer script").string) == said


def test_a_page_is_the_same_each_time(executed, page):
    assert export.page(executed) == page


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<b>as is</b> 1 &lt; 2", "<b>as is</b> 1 &lt; 2"),
        (f"a{EVIL}b", "ab"),
        ('<p style="color:red" onclick="x()" class="k">t</p>', '<p class="k">t</p>'),
        ('<a href="javascript:alert(1)">t</a>', "<a>t</a>"),
        ('<a href="JavaScript&#58;alert(1)">t</a>', "<a>t</a>"),
        ('<a href="https://a.org/?b=1&amp;c">t</a>', '<a href="https://a.org/?b=1&amp;c">t</a>'),
        ('<img src="https://a.org/b.png" alt="A picture">', "A picture"),
        ("<img src=x onerror=alert(1)>", ""),
        ('<img src="data:image/png;base64,aGk=">', 'alt="A figure without a description"'),
        ("<svg onload=alert(1)><p>t</p></svg>", ""),
        ("<unknown><i>t</i></unknown><!-- c -->", "<i>t</i>"),
        ("<style>p{}</style><link rel=stylesheet href=x><base href=x><p>t</p>", "<p>t</p>"),
        ("<b", "&lt;b"),
    ],
)
def test_html_from_elsewhere_keeps_its_text_and_loses_its_teeth(html, expected):
    made = markup.inert(html)
    assert expected in made
    assert not re.search(r"alert|javascript|<script|style|<svg|<!--", made, re.IGNORECASE)


def test_a_frame_of_pandas_becomes_a_table_with_scopes():
    frame = pd.DataFrame({"a": [1]}, index=["x"])
    html = BeautifulSoup(markup.inert(frame._repr_html_()), "html.parser")
    assert html.select_one("div.table > table")
    assert [(cell.text, cell["scope"]) for cell in html.find_all("th")] == [("a", "col"), ("x", "row")]
    assert not html.select("[style], style")


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What fell first", "what-fell-first"),
        ("Can “30 to 40 percent” hold?", "can-30-to-40-percent-hold"),
        ("Törnqvist & Fisher", "tornqvist-fisher"),
        ("무산", "section"),
        ("main", "main-2"),
    ],
)
def test_an_anchor_is_plain_ascii_that_no_browser_encodes(heading, anchor):
    headings = markup.Headings(taken=["main"])
    html = markup.from_markdown(f"## {heading}", headings)
    assert [(one.level, one.anchor, one.text) for one in headings.found] == [(2, anchor, heading)]
    assert f'id="{anchor}"' in html


def test_two_headings_of_one_name_have_two_anchors():
    headings = markup.Headings()
    markup.from_markdown("## All\n\n## All", headings)
    markup.from_markdown("### All", headings)
    assert [one.anchor for one in headings.found] == ["all", "all-2", "all-3"]


def test_markdown_tables_have_scopes_and_no_style_attribute():
    html = markup.from_markdown("| a | b |\n| --- | ---: |\n| x | 1 |", markup.Headings())
    assert html.startswith('<div class="table"><table>')
    assert '<th scope="col">a</th><th scope="col" class="num">b</th>' in html
    assert '<td class="num">1</td>' in html


def test_code_is_coloured_without_a_change_of_its_text():
    code = 'for x in \'# no\':  # "yes" <b>\n    f(1.5, f"{x!r} \\" y", """a\nb""")\n'
    html = BeautifulSoup(markup.coloured(code), "html.parser")
    assert html.text == code
    marked = [(tag.name, tag.text) for tag in html.find_all(True)]
    assert ("c-c", '# "yes" <b>') in marked
    assert ("c-s", "'# no'") in marked
    assert ("c-m", "1.5") in marked
    assert [text for kind, text in marked if kind == "c-k"] == ["for", "in"]
    assert markup.inert(str(html)) == str(html)


def test_a_page_has_the_landmarks_and_a_contents_list(page):
    html = BeautifulSoup(page, "html.parser")
    assert html.html["lang"] == "en"
    assert html.title.text == "Did trade fall?"
    assert html.body.a["class"] == ["skip"]
    assert html.find(id=html.body.a["href"][1:]).name == "main"
    assert html.header
    links = html.select("nav.contents a")
    assert [link.text for link in links] == ["What fell first", "Coal & “ore”", "About this page"]
    for link in links:
        assert html.find(id=link["href"][1:]).name in ("h2", "h3")
    levels = [int(heading.name[1]) for heading in html.find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert not html.select(".anchor-link")


def test_only_what_scrolls_or_opens_takes_the_keyboard(page):
    html = BeautifulSoup(page, "html.parser")
    assert html.select("[tabindex]") == []  # a table that does not fit becomes a tab stop in the browser
    assert {element.name for element in html.select("main a[href], main summary, main button")} == {"a", "summary"}


def test_a_figure_keeps_alt_text_caption_and_data(page):
    html = BeautifulSoup(page, "html.parser")
    assert html.figure.img["alt"].startswith("A line that falls")
    assert html.figcaption.text == "How it fell & why."
    link = html.select_one(".figure-data a")
    assert link["download"] == "fall.csv"
    assert link["href"] == "data:text/csv;charset=utf-8,x,y%0A1,2%0A2,1%0A"


def test_a_figure_that_was_not_drawn_is_told_in_words(tmp_path):
    shown = figure_output("a")
    shown.data["text/html"] = "<figure><p>a</p></figure>"
    html = BeautifulSoup(export.page(save(ran([shown]), tmp_path / "undrawn.ipynb")), "html.parser")
    assert not html.find("img")
    assert html.figure.p.text == "a"


def test_a_figure_leads_to_its_sources(page):
    html = BeautifulSoup(page, "html.parser")
    links = html.select(".figure-data details a")
    assert [link.text for link in links] == ["1–2"]
    assert links[0]["href"] == "#s1"
    listed = [html.find(id=f"s{number}") for number in (1, 2)]  # the first is in no catalogue
    assert listed[0].text == "a"
    assert listed[1].a["href"].startswith("https://www.asiapress.org/")


def test_sources_of_the_same_figures_have_neighbouring_numbers(tmp_path):
    both = [("first", ("a", "c", "e")), ("second", ("c", "b"))]
    shown = [figures.Figure(name, "c", "a", b"hi", "x\n", sources, 2, 1) for name, sources in both]
    node = ran(*[[output("display_data", figure._repr_mimebundle_())] for figure in shown])
    html = BeautifulSoup(export.page(save(node, tmp_path / "two.ipynb")), "html.parser")
    assert [one.text for one in html.select(".sources li")] == ["c", "a", "e", "b"]
    numbers = [[link.text for link in fold.select("a")] for fold in html.select(".figure-data details")]
    assert numbers == [["1–3"], ["1", "4"]]


def test_parameters_are_a_table_with_the_changed_one_marked(page):
    rows = BeautifulSoup(page, "html.parser").select(".parameters tbody tr")
    assert [[cell.text for cell in row.find_all(["th", "td"])] for row in rows] == [
        ["base_year", "2016", "year that others are compared with"],
        ["word", f"\"{EVIL}\" changed; default 'a'", "a word"],
    ]
    assert [row.get("class") for row in rows] == [None, ["changed"]]
    assert "1 parameter changed" in page


@pytest.mark.parametrize(
    ("default", "given", "changed"), [("1", "2", True), ("1_000", "1000", False), ("'a'", '"a"', False)]
)
def test_a_parameter_is_changed_when_its_value_is(default, given, changed):
    node = notebook([("code", f"x: int = {default}  # why", ["parameters"]), ("code", f"x = {given}", [])])
    node.cells[1].metadata["tags"] = ["injected-parameters"]
    (setting,) = facts.settings(node, "99_unknown")
    assert (setting.name, setting.value, setting.default, setting.meaning) == ("x", given, default, "why")
    assert setting.changed is changed


def test_a_parameter_that_the_cell_lacks_is_described_by_the_model():
    cells = [("code", "period: str = 'june'", ["parameters"]), ("code", "seed = 7", ["injected-parameters"])]
    last = facts.settings(notebook(cells), "01_trade_collapse")[-1]
    assert (last.name, last.value, last.default) == ("seed", "7", "2018")
    assert last.meaning.startswith("seed of")


def test_the_tables_that_were_read_are_named_with_vintage_and_hash():
    entry = evidence.resource("trade_monthly")
    known, other = facts.tables_read({"trade_monthly": reads.digest(entry), "trade_annual": "0" * 64})[::-1]
    assert (known.name, known.vintage) == ("trade_monthly", evidence.package()["version"])
    assert entry["hash"].removeprefix("sha256:").startswith(known.sha256)
    assert (other.sha256, other.rows) == ("", "")
    assert other.vintage.startswith("not the tables")


def test_a_page_lists_the_tables_that_the_notebook_noted(tmp_path):
    noted = {"tables": {"trade_monthly": reads.digest(evidence.resource("trade_monthly"))}}
    node = ran([output("display_data", {reads.MIME: noted, "text/html": ""})])
    html = BeautifulSoup(export.page(save(node, tmp_path / "reads.ipynb")), "html.parser")
    assert [row.th.text for row in html.select(".about tbody tr")] == ["trade_monthly"]
    assert f"on the tables of {evidence.package()['version']}" in html.select_one(".byline").text


def test_a_citation_has_the_facts_of_the_file_and_the_day_of_the_run(executed, page):
    day = facts.day(outputs.read(executed))
    text = citation.sentence("Did it?", "01_trade", day)
    assert text.startswith(f"The musan contributors ({day.year}). Did it? Notebook 01_trade, run of {day.day} ")
    assert citation.work().title in text
    assert f"(version {citation.work().version})" in text
    assert f"Run on {facts.in_words(day)}" in page
    assert citation.sentence("Did it", "x", None).startswith("The musan contributors (2026). Did it. Notebook x. In: ")


def test_bibtex_can_be_read_by_bibtex():
    entry = citation.bibtex("A {title} with 50% & \\more", "01_trade", None)
    assert entry.startswith("@misc{musan_01_trade,\n  author = {{The musan contributors}},\n")
    assert "title = {{A title with 50  more}}" in entry
    assert "01\\_trade" in entry
    assert entry.count("{") == entry.count("}")


def test_code_is_folded_and_has_no_prompts(page):
    html = BeautifulSoup(page, "html.parser")
    assert [fold.summary.text for fold in html.select("details.code")].count("Code: setup") == 1
    assert not any(fold.has_attr("open") for fold in html.select("details.code"))
    assert not re.search(r"(In|Out)(&nbsp;|\s)*\[", page)


def test_the_page_itself_is_light(tmp_path):
    path = save(ran([]), tmp_path / "empty.ipynb")
    assert len(export.page(path).encode()) < 25_000


def test_plain_nbconvert_finds_the_template(executed, tmp_path):
    """Where the package is installed, from a folder that has nothing to do with it."""
    (tmp_path / "x.ipynb").write_bytes(executed.read_bytes())
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--template", "musan", "x.ipynb"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    made = (tmp_path / "x.html").read_text()
    assert_inert(made)
    html = BeautifulSoup(made, "html.parser")
    assert html.title.text == "Did trade fall?"
    assert html.select_one("h1 + .answer")
    assert html.figure.img["alt"]


def output(kind, data):
    return v4.new_output(kind, data=data)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (v4.new_output("stream", name="stderr", text="\x1b[31mcare & <b>"), "care &amp; &lt;b&gt;"),
        (output("execute_result", {"text/plain": "<Model>"}), "<pre>&lt;Model&gt;</pre>"),
        (output("display_data", {"text/markdown": "**bold**"}), "<strong>bold</strong>"),
        (output("display_data", {"text/html": "<b>as is</b>", "text/plain": "no"}), "<b>as is</b>"),
        (output("display_data", {"image/png": "aGk=", "text/plain": "no"}), 'alt="A figure without a description"'),
        (output("display_data", {"text/latex": "$a<b$"}), "<pre>$a&lt;b$</pre>"),
        (
            output("display_data", {"text/html": '<section class="finding">x</section>', "application/x+json": {}}),
            '<section class="finding">x</section>',
        ),
        (output("display_data", {"image/svg+xml": "<svg style='a'/>"}), 'src="data:image/svg+xml;charset=utf-8,%3Csvg'),
    ],
)
def test_outputs_are_rendered(shown, expected, tmp_path):
    html = export.page(save(ran([shown]), tmp_path / "shows.ipynb"))
    assert expected in html
    assert ">no<" not in html
    assert "\x1b" not in html


def test_a_cell_that_is_meant_to_fail_shows_its_error(tmp_path):
    error = v4.new_output("error", ename="ValueError", evalue="<bad>", traceback=["\x1b[31mline 1", "line <2>"])
    node = ran([error])
    node.cells[0].metadata["tags"] = ["raises-exception"]
    html = BeautifulSoup(export.page(save(node, tmp_path / "fails.ipynb")), "html.parser")
    assert html.select_one(".failed p").text == "This cell failed. ValueError: <bad>"
    assert html.select_one(".failed pre").text == "line 1\nline <2>"


def test_a_site_is_pages_that_turn_and_an_index(executed, verdicts, tmp_path):
    second = save(notebook([("markdown", "# Was ore second?", [])], title=f"Ore {EVIL}"), tmp_path / "02_ore.ipynb")
    site = tmp_path / "site"
    written = export.export([executed, second], site, verdicts)
    assert [path.name for path in written] == [
        "01_trade.html", "01_trade.ipynb", "02_ore.html", "02_ore.ipynb", "index.html",
    ]  # fmt: skip
    first, last = (BeautifulSoup(path.read_text(), "html.parser") for path in written[:4:2])
    assert [(a["rel"], a["href"]) for a in first.select(".turn a")] == [(["next"], "02_ore.html")]
    assert [(a["rel"], a["href"]) for a in last.select(".turn a")] == [(["prev"], "01_trade.html")]
    assert first.select_one(".name a")["href"] == "index.html"
    assert last.title.text == f"Ore {EVIL} – musan"
    for path in written[::2]:
        assert_inert(path.read_text())
    assert sorted(site.iterdir()) == sorted(written)
    assert (site / "01_trade.ipynb").read_bytes() == executed.read_bytes()
    assert first.find("a", download=True, href="01_trade.ipynb")


def test_pages_made_before_all_had_run_are_those_made_at_the_end(executed, verdicts, tmp_path):
    node = notebook([("markdown", "# Was ore second?", [])], title="Iron")
    export.prepare([executed])  # the next notebook has not run yet
    second = save(node, tmp_path / "02_ore.ipynb")
    export.prepare([executed, second])
    node.metadata["musan"]["title"] = "Coal"  # of the same length
    os.utime(save(node, second), ns=(0, 0))  # and run again
    pages = [page.read_text() for page in export.export([executed, second], tmp_path / "site", verdicts)[:4:2]]
    assert "Coal" in pages[0]
    assert "Coal" in pages[1]
    assert not any("Iron" in page for page in pages)


def test_pages_of_notebooks_that_are_gone_are_removed(executed, verdicts, tmp_path):
    for name in ("00_old.html", "00_old.ipynb", "notes.txt"):
        (tmp_path / name).write_text("")
    written = export.export([executed], tmp_path, verdicts)
    assert sorted(tmp_path.iterdir()) == sorted([*written, tmp_path / "notes.txt"])


def test_the_index_shows_verdicts_answers_and_the_key_figure(executed, verdicts, tmp_path):
    index = export.export([executed], tmp_path, verdicts)[-1].read_text()
    assert_inert(index)
    html = BeautifulSoup(index, "html.parser")
    rows = html.select(".verdicts tbody tr")
    assert [row.th.a.text for row in rows] == ["Exports fell", f"Ore was second {EVIL}"]
    assert [[cell.text.strip() for cell in row.select("td")] for row in rows] == [
        ["supported", "mixed", "83\u00a0%", "moderate", "01"],
        ["not run", "no notebook yet", "", "", ""],
    ]
    assert rows[0].select_one(".verdict")["data-verdict"] == "supported"
    assert [row["id"] for row in rows] == ["claim-exports_fell_90", "claim-ore_second"]
    assert "Of 1 statement decided, 1 is supported." in " ".join(html.main.text.split())
    assert html.select_one(".notebooks a")["href"] == "01_trade.html"
    assert html.select_one(".notebooks p").text == f"Yes: it fell by half {EVIL}."
    assert html.figure.img["alt"].startswith("A line that falls")
    assert html.find("a", href="01_trade.html#fig-fall")


def test_the_index_lists_the_tables_with_their_terms(verdicts, tmp_path):
    html = BeautifulSoup(export.export([], tmp_path, verdicts)[-1].read_text(), "html.parser")
    rows = html.select("#data ~ .table tbody tr")
    assert [row.th.text for row in rows] == evidence.tables()
    assert all(row.select("td")[-1].text.strip() for row in rows)


def test_the_index_keeps_the_cautions_of_the_data(verdicts, tmp_path):
    html = BeautifulSoup(export.export([], tmp_path, verdicts)[-1].read_text(), "html.parser")
    for resource in evidence.package()["resources"]:
        cautions = html.find(id=f"table-{resource['name']}").select("details li")
        assert [one.text for one in cautions] == resource["cautions"]
    said = {one.text for one in html.select("main > ul li, main > details li")}
    for part in ("cautions", "conflicts", "missing"):
        assert set(evidence.package()[part]) <= said


def test_the_index_can_be_filtered_only_where_scripts_run(verdicts, tmp_path):
    html = BeautifulSoup(export.export([], tmp_path, verdicts)[-1].read_text(), "html.parser")
    for control in html.select("form, select, input, button"):
        assert control.find_parent("template") or (control.name == "form" and control.parent.name == "template")
    assert [row["data-statement"] for row in html.select(".verdicts tbody tr")] == ["0", "6"]


def test_an_index_needs_no_notebook_and_few_columns(tmp_path):
    few = pd.DataFrame({"title": ["Exports fell"], "statement": ["not run"], "attribution": ["not run"]})
    (index,) = export.export([], tmp_path, few)
    html = BeautifulSoup(index.read_text(), "html.parser")
    assert "No notebook has been run yet." in html.main.text
    assert [row.th.a.text for row in html.select(".verdicts tbody tr")] == ["Exports fell"]


# What schema.org and the documentation of Google's Fact Check tools ask of a ClaimReview.
ORGANIZATION = {
    "type": "object",
    "required": ["@type", "name"],
    "properties": {"@type": {"enum": ["Organization", "Person"]}, "name": {"type": "string", "minLength": 1}},
}
CLAIM_REVIEW = {
    "type": "object",
    "required": ["@type", "url", "claimReviewed", "reviewRating", "itemReviewed", "author"],
    "additionalProperties": False,
    "properties": {
        "@type": {"const": "ClaimReview"},
        "@id": {"type": "string"},
        "url": {"type": "string", "pattern": r"^(https://[^ ]+/)?index\.html#claim-[a-z0-9_]+$"},
        "claimReviewed": {"type": "string", "minLength": 1},
        "author": ORGANIZATION,
        "datePublished": {"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"},
        "reviewBody": {"type": "string"},
        "inLanguage": {"const": "en"},
        "itemReviewed": {
            "type": "object",
            "required": ["@type", "author", "datePublished", "appearance"],
            "additionalProperties": False,
            "properties": {
                "@type": {"const": "Claim"},
                "author": ORGANIZATION,
                "datePublished": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
                "appearance": {
                    "type": "object",
                    "required": ["@type", "url"],
                    "properties": {
                        "@type": {"const": "CreativeWork"},
                        "url": {"type": "string", "pattern": "^https://"},
                        "headline": {"type": "string"},
                    },
                },
            },
        },
        "reviewRating": {
            "type": "object",
            "required": ["@type", "alternateName"],
            "additionalProperties": False,
            "dependentRequired": {
                "ratingValue": ["bestRating", "worstRating"],
                "bestRating": ["ratingValue"],
                "worstRating": ["ratingValue"],
            },
            "properties": {
                "@type": {"const": "Rating"},
                "alternateName": {"type": "string", "minLength": 1},
                "ratingExplanation": {"type": "string", "minLength": 1},
                "ratingValue": {"type": "integer", "minimum": 1, "maximum": 5},
                "bestRating": {"const": 5},
                "worstRating": {"const": 1},
            },
        },
    },
}
GRAPH = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["@context", "@graph"],
    "properties": {"@context": {"const": "https://schema.org"}, "@graph": {"type": "array", "items": CLAIM_REVIEW}},
}


def reviews_on(index):
    (block,) = BeautifulSoup(index.read_text(), "html.parser").find_all("script", type="application/ld+json")
    return json.loads(block.string)


@pytest.mark.parametrize("address", ["https://example.org/musan", "http://localhost:8000/"])
def test_published_pages_name_their_address(executed, verdicts, tmp_path, address):
    page, _, index = export.export([executed], tmp_path, verdicts, address)
    for path, name in ((page, "01_trade.html"), (index, "")):
        html = path.read_text()
        assert_inert(html)
        (link,) = BeautifulSoup(html, "html.parser").find_all("link", rel="canonical")
        assert link["href"] == f"{address.rstrip('/')}/{name}"


def test_pages_without_an_address_name_none(executed, verdicts, tmp_path):
    for path in export.export([executed], tmp_path, verdicts)[::2]:
        assert "canonical" not in path.read_text()


@pytest.mark.parametrize(
    "address",
    [
        "example.org/musan", "ftp://example.org/", "https://", "https://a b/", f"https://a.org/{WORSE}",
        "javascript:alert(1)", "https://a.org/?page=1", "https://a.org/#top", "https://a.org/\n",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_anything_is_written(executed, verdicts, tmp_path, address):
    with pytest.raises(CollectionError, match=r"is not the address of a folder on the web; write for example https://"):
        export.export([executed], tmp_path, verdicts, address)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["", "https://example.org/musan/"])
def test_each_decided_claim_is_a_claim_review(executed, tmp_path, address):
    words = [*claim_review.RATINGS, claim_review.UNRATED, "not run"]
    names = list(claims.ledger())
    table = pd.DataFrame(
        {
            "claim": names,
            "title": names,
            "statement": [words[i % len(words)] for i in range(len(names))],
            "attribution": "mixed",
            "reasons": f"because {WORSE}",
            "notebook": "01_trade",
        }
    )
    graph = reviews_on(export.export([executed], tmp_path, table, address)[-1])
    jsonschema.validate(graph, GRAPH, cls=jsonschema.Draft202012Validator)
    decided = table[table["statement"] != "not run"]
    assert [one["url"] for one in graph["@graph"]] == [f"{address}index.html#claim-{name}" for name in decided["claim"]]
    assert {one["reviewRating"]["ratingExplanation"] for one in graph["@graph"]} == {f"because {WORSE}"}
    numbers = {one["reviewRating"]["alternateName"]: one["reviewRating"].get("ratingValue") for one in graph["@graph"]}
    assert numbers == {
        "Supported": 5,
        "Supported with caveats": 4,
        "Mixed": 3,
        "Contradicted": 1,
        "Not testable with open data": None,
    }
    assert {one["datePublished"] for one in graph["@graph"]} == {facts.day(outputs.read(executed)).isoformat()}
    assert {one["itemReviewed"]["author"]["name"] for one in graph["@graph"]} == {"ASIAPRESS"}


def test_an_output_with_a_script_of_ours_brings_it_to_its_page(tmp_path, monkeypatch):
    folder = tmp_path / "templates" / "site"
    for path in (templates_folder() / "site").iterdir():
        if path.is_file():
            (folder / path.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "explorers").mkdir()
    (folder / "explorers" / "explorers.css").write_text(".explorer { margin: 0; }")
    (folder / "explorers" / "slider.js").write_text("document.title;")
    monkeypatch.setattr(assets, "templates_folder", lambda: tmp_path / "templates")
    assets.environment.cache_clear()
    assets._inside.cache_clear()
    try:
        bundle = {"application/vnd.musan.slider+json": {"x": WORSE}, "text/html": "<p>Without scripts.</p>"}
        html = export.page(
            save(ran([output("display_data", bundle)], [output("display_data", bundle)]), tmp_path / "a")
        )
    finally:
        monkeypatch.undo()
        assets.environment.cache_clear()
        assets._inside.cache_clear()
    assert_inert(html)
    assert [script.strip() for script in scripts_of(html)][1:] == ["document.title;"]  # once, however many outputs
    places = BeautifulSoup(html, "html.parser").select('.explorer[data-explorer="slider"]')
    assert [json.loads(place.script.string) for place in places] == [{"x": WORSE}] * 2
    assert places[0].p.text == "Without scripts."


def test_a_title_comes_from_the_first_heading_when_the_metadata_has_none():
    node = notebook([("markdown", "Words.\n\n# A heading #", [])], title=None)
    assert outputs.title(node, "name") == "A heading"
    assert outputs.title(notebook([], title=None), "name") == "name"


ERROR = v4.new_output("error", ename="KeyError", evalue="'month'", traceback=[])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"not valid JSON .*line 1"),
        ("[1]", "not a Jupyter notebook"),
        ('{"cells": [], "nbformat": 3}', "format 3, not 4"),
        (
            '{"cells": [{"cell_type": "code"}], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
            "not a valid notebook",
        ),
        (notebook(), r"the notebook has not been run; run .*musan run"),
        (ran([], [ERROR]), r"cell 2: failed with KeyError: 'month'"),
        (
            v4.new_notebook(metadata={"kernelspec": {"language": "R", "name": "r", "display_name": "R"}}),
            "notebook in R",
        ),
    ],
)
def test_what_is_not_an_executed_notebook_is_refused_by_name(content, message, tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text(content if isinstance(content, str) else nbformat.writes(content))
    with pytest.raises(CollectionError, match=message) as caught:
        outputs.read(path)
    assert str(path) in str(caught.value)


def test_a_notebook_of_others_is_refused(tmp_path):
    node = ran([])
    del node.metadata["musan"]
    with pytest.raises(CollectionError, match=r"other\.ipynb: is not a notebook of this collection"):
        export.page(save(node, tmp_path / "other.ipynb"))


def test_the_first_cell_that_was_not_run_is_named(tmp_path):
    node = ran([], [], [])
    node.cells[1].execution_count = None
    with pytest.raises(CollectionError, match=r"cell 2: has not been run"):
        outputs.read(save(node, tmp_path / "stopped.ipynb"))


def altered(path, change):
    """Save an executed notebook after a change of its JSON."""
    node = json.loads(nbformat.writes(ran([])))
    change(node)
    path.write_text(json.dumps(node))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda node: node["cells"][0].update(execution_count=None), "has not been run"),
        (lambda node: node["cells"][0]["outputs"].append(dict(ERROR)), "cell 1: failed with KeyError: 'month'"),
        (lambda node: node["metadata"].pop("musan"), "is not a notebook of this collection"),
        (lambda node: node.pop("cells"), "is not a notebook"),
    ],
    ids=["not run", "failed", "of others", "no cells"],
)
def test_the_command_refuses_what_it_can_not_export_in_one_line(tmp_path, change, said):
    (tmp_path / "notebooks").mkdir()
    altered(tmp_path / "notebooks" / "01_trade.ipynb", change)
    done = CliRunner().invoke(cli.app, ["export", "--output", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 2
    assert re.fullmatch(rf"musan: \S*01_trade\.ipynb\S*.*{re.escape(said)}.*; .*\n", done.stderr)
    assert not (tmp_path / "site").exists()


def test_a_missing_notebook_is_named(tmp_path):
    with pytest.raises(CollectionError, match=r"nowhere\.ipynb: there is no such notebook"):
        outputs.read(tmp_path / "nowhere.ipynb")


def test_figures_are_written_and_old_ones_removed(executed, tmp_path):
    (tmp_path / "old.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("kept")
    assert outputs.write_figures(executed, tmp_path) == [tmp_path / "fall.png", tmp_path / "fall.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fall.csv", "fall.png", "notes.txt"]
    assert (tmp_path / "fall.csv").read_text() == "x,y\n1,2\n2,1\n"
    (figure,) = outputs.figures(executed)
    png, picture = Image.open(tmp_path / "fall.png"), Image.open(io.BytesIO(figure.webp))
    assert png.format == "PNG"
    assert png.convert("RGB").tobytes() == picture.convert("RGB").tobytes()
    assert (figure.name, figure.caption, figure.sources) == (
        "fall",
        "How it fell & why.",
        ("a", "asiapress-2018-08-exports-drop-p2"),
    )


def figure_output(name, picture="aGk="):
    about = {"name": name, "caption": "c", "alt": "a", "csv": "x\n", "sources": [], "width": 1, "height": 1}
    html = f'<figure><img src="data:image/webp;base64,{picture}"></figure>'
    return output("display_data", {"text/html": html, "application/vnd.musan.figure+json": about})


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ([figure_output("a"), figure_output("a")], "two figures are named 'a'"),
        ([figure_output("../a")], "unfit name"),
        ([figure_output("a", "aGk")], "picture is damaged"),
        ([figure_output("a", "")], "has lost its picture"),
    ],
)
def test_a_figure_that_can_not_be_written_is_refused(shown, message, tmp_path):
    with pytest.raises(CollectionError, match=message):
        outputs.write_figures(ran(shown), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new" / "file.txt"
    outputs.write_text(path, "älter\n")
    assert path.read_bytes() == "älter\n".encode()
    assert path.stat().st_mode & 0o400

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CollectionError, match=r"No space left on device"):
        outputs.write_text(path, "new")
    assert path.read_text() == "älter\n"
    assert [one.name for one in path.parent.iterdir()] == ["file.txt"]


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(CollectionError, match="taken"):
        outputs.write_bytes(tmp_path / "taken" / "file", b"")


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_words_have_contrast_in_light_dark_and_print():
    css = (templates_folder() / "site" / "style.css").read_text()
    pairs = re.findall(r"--([a-z]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", css)
    printed = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", css[css.index("@media print") :]))
    light, dark = ({name: both[i] for name, *both in pairs} for i in (0, 1))
    for theme in (light, dark, {**light, **printed}):
        for paper in ("paper", "wash"):
            for ink in ("ink", "soft", "link", "good", "partly", "mixed", "bad", "open"):
                low, high = sorted((luminance(theme[paper]), luminance(theme[ink])))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (paper, ink, theme)


def test_the_picture_in_a_page_is_the_figures(page, executed):
    (figure,) = outputs.figures(executed)
    assert base64.b64encode(figure.webp).decode() in page
    assert json.dumps(figure.csv)[1:-1].replace("\\n", "%0A") in page
