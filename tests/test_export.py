"""Executed notebooks are read with care, and become self-contained pages."""

import base64
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest
from bs4 import BeautifulSoup
from nbformat import v4

from musan.collection import export, outputs
from musan.errors import CollectionError
from musan.locations import templates_folder

EVIL = "<script>alert(1)</script>"
CELLS = [
    ("markdown", "# Did trade fall & how far?\n\nWords.", []),
    ("code", "from musan import figures, prose, tables\nanswer = prose.answer()", []),
    ("code", "base_year: int = 2016  # year that others are compared with\nword: str = 'a'  # a word", ["parameters"]),
    ("markdown", "## What fell <i>first</i>\n\n### Coal & ore\n\nText.", []),
    (
        "code",
        "import matplotlib.pyplot as plt\nimport pandas as pd\n"
        "figures.use_style()\nfig, ax = plt.subplots()\nax.plot([1, 2], [2, 1])\nax.set_title('It fell')\n"
        "figures.publish(fig, name='fall', caption='How it fell & why.', "
        "alt='A line that falls from two on the left to one on the right.', "
        "data=pd.DataFrame({'x': [1, 2], 'y': [2, 1]}), "
        "sources=pd.DataFrame({'source_id': ['a'], 'publisher': ['KOTRA']}))",
        ["setup"],
    ),
    ("code", f"tables.show(pd.DataFrame({{'cell': ['{EVIL}'], 'n': [1]}}), 'Caption {EVIL}')", []),
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
            "claim": ["exports_fell", "ore_second"],
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


class _Scripts(HTMLParser):
    """Collects what a browser would run or load."""

    def __init__(self):
        super().__init__()
        self.scripts, self.addresses, self.handlers = [], [], []
        self._inside = False

    def handle_starttag(self, tag, attrs):
        self._inside = tag == "script"
        for name, value in attrs:
            if name.startswith("on"):
                self.handlers.append(value)
            if name in ("src", "href", "srcset", "poster", "data"):
                self.addresses.append((tag, value))

    def handle_data(self, data):
        if self._inside:
            self.scripts.append(data)
        self._inside = False


def parse(html):
    parser = _Scripts()
    parser.feed(html)
    return parser


def test_no_text_of_ours_becomes_a_script(page):
    parsed = parse(page)
    assert parsed.handlers == []
    assert len(parsed.scripts) == 1
    assert "alert" not in parsed.scripts[0]
    # table cell, caption (twice), paragraph, print, answer, parameter (twice), and the code of four cells
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8


def test_a_page_loads_nothing_from_elsewhere(page):
    allowed = {("a", "#main"), ("a", "#What-fell-first"), ("a", "#Coal-&-ore")}
    others = [address for address in parse(page).addresses if address not in allowed]
    assert [(tag, value[:20]) for tag, value in others] == [
        ("img", "data:image/png;base6"),
        ("a", "data:text/csv;charse"),
    ]
    assert not re.search(r"@import|url\(|https?://", page)


def test_a_page_has_the_landmarks_and_a_contents_list(page):
    html = BeautifulSoup(page, "html.parser")
    assert html.html["lang"] == "en"
    assert html.title.text == "Did trade fall?"
    assert html.body.a["class"] == ["skip"]
    assert html.find(id=html.body.a["href"][1:]).name == "main"
    assert html.header
    assert html.footer
    links = html.select("nav.contents a")
    assert [link.text for link in links] == ["What fell first", "Coal & ore"]
    for link in links:
        assert html.find(id=link["href"][1:]).name in ("h2", "h3")
    assert not html.select(".anchor-link")


def test_only_what_scrolls_or_opens_takes_the_keyboard(page):
    html = BeautifulSoup(page, "html.parser")
    assert [element["class"] for element in html.select("[tabindex]")] == [["table"]]


def test_a_figure_keeps_alt_text_caption_and_data(page):
    html = BeautifulSoup(page, "html.parser")
    assert html.figure.img["alt"].startswith("A line that falls")
    assert html.figcaption.text == "How it fell & why."
    link = html.select_one(".figure-data a")
    assert link["download"] == "fall.csv"
    assert link["href"] == "data:text/csv;charset=utf-8,x%2Cy%0A1%2C2%0A2%2C1%0A"


def test_parameters_are_a_table_with_the_changed_one_marked(page):
    rows = BeautifulSoup(page, "html.parser").select(".parameters tbody tr")
    assert [[cell.text for cell in row.find_all(["th", "td"])] for row in rows] == [
        ["base_year", "2016", "year that others are compared with"],
        ["word", f"\"{EVIL}\" (default 'a')", "a word"],
    ]
    assert f"<code>word = {EVIL.replace('<', '&lt;').replace('>', '&gt;')}</code>" in page


def test_code_is_folded_and_has_no_prompts(page):
    html = BeautifulSoup(page, "html.parser")
    assert [fold.summary.text for fold in html.select("details.code")].count("Code: setup") == 1
    assert not any(fold.has_attr("open") for fold in html.select("details.code"))
    assert not re.search(r"(In|Out)(&nbsp;|\s)*\[", page)


def test_the_page_itself_is_light(tmp_path):
    path = save(ran([]), tmp_path / "empty.ipynb")
    assert len(export.page(path).encode()) < 25_000


def test_plain_nbconvert_finds_the_template(executed, tmp_path):
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--template", "musan", str(executed)]
    where = [f"--TemplateExporter.extra_template_basedirs={templates_folder()}", "--output-dir", str(tmp_path)]
    subprocess.run([*command, *where], check=True, capture_output=True)
    html = BeautifulSoup((tmp_path / "01_trade.html").read_text(), "html.parser")
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
    assert written == [site / "01_trade.html", site / "02_ore.html", site / "index.html"]
    first, last = (BeautifulSoup(path.read_text(), "html.parser") for path in written[:2])
    assert [(a["rel"], a["href"]) for a in first.select(".turn a")] == [(["next"], "02_ore.html")]
    assert [(a["rel"], a["href"]) for a in last.select(".turn a")] == [(["prev"], "01_trade.html")]
    assert first.select_one(".name a")["href"] == "index.html"
    assert last.title.text == f"Ore {EVIL} – musan"
    assert all("<script>alert" not in path.read_text() for path in written)
    assert sorted(path.name for path in site.iterdir()) == ["01_trade.html", "02_ore.html", "index.html"]


def test_the_index_shows_verdicts_answers_and_the_key_figure(executed, verdicts, tmp_path):
    index = export.export([executed], tmp_path, verdicts)[-1].read_text()
    html = BeautifulSoup(index, "html.parser")
    rows = html.select(".verdicts tbody tr")
    assert [row.th.text for row in rows] == ["Exports fell", f"Ore was second {EVIL}"]
    assert [[cell.text.strip() for cell in row.select("td")] for row in rows] == [
        ["supported", "mixed", "83\u00a0%", "moderate", "01"],
        ["not run", "no notebook yet", "", "", ""],
    ]
    assert rows[0].select_one(".verdict")["data-verdict"] == "supported"
    assert "Of 1 statement decided so far: 1 supported." in " ".join(html.main.text.split())
    assert html.select_one(".notebooks a")["href"] == "01_trade.html"
    assert html.select_one(".notebooks p").text == f"Yes: it fell by half {EVIL}."
    assert html.figure["id"] == "fig-fall"
    assert parse(index).scripts == []


def test_an_index_needs_no_notebook_and_few_columns(tmp_path):
    few = pd.DataFrame({"title": ["Exports fell"], "statement": ["not run"], "attribution": ["not run"]})
    (index,) = export.export([], tmp_path, few)
    html = BeautifulSoup(index.read_text(), "html.parser")
    assert "No notebook has been run yet." in html.main.text
    assert [row.th.text for row in html.select(".verdicts tbody tr")] == ["Exports fell"]


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


def test_the_first_cell_that_was_not_run_is_named(tmp_path):
    node = ran([], [], [])
    node.cells[1].execution_count = None
    with pytest.raises(CollectionError, match=r"cell 2: has not been run"):
        outputs.read(save(node, tmp_path / "stopped.ipynb"))


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
    assert (tmp_path / "fall.png").read_bytes() == figure.png
    assert (figure.name, figure.caption, figure.sources) == ("fall", "How it fell & why.", ("a",))


def figure_output(name, picture="aGk="):
    about = {"name": name, "caption": "c", "alt": "a", "csv": "x\n", "sources": [], "width": 1, "height": 1}
    html = f'<figure><img src="data:image/png;base64,{picture}"></figure>'
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
    css = (templates_folder() / "musan" / "style.css").read_text()
    themes = [
        dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6});", block)) for block in re.findall(r":root \{.*?\}", css, re.S)
    ]
    assert len(themes) == 3
    for theme in themes:
        colours = {
            name: value if len(value) == 7 else "#" + "".join(2 * digit for digit in value[1:])
            for name, value in theme.items()
        }
        for paper in ("paper", "wash"):
            for ink in ("ink", "soft", "link", "good", "partly", "mixed", "bad", "open"):
                light, dark = sorted((luminance(colours[paper]), luminance(colours[ink])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (paper, ink, theme)


def test_the_picture_in_a_page_is_the_figures(page, executed):
    (figure,) = outputs.figures(executed)
    assert base64.b64encode(figure.png).decode() in page
    assert json.dumps(figure.csv)[1:-1].replace("\\n", "%0A").replace(",", "%2C") in page
