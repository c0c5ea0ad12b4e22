"""What `make` has written holds together: run by `make check`, after `make`."""

import csv
import json

import frictionless
import pytest

from musan import __version__, claims
from musan.collection import outputs, source, verdicts
from musan.locations import CHECKOUT, data_folder, notebooks_folder, output_folder
from musan.parameters import MODELS

OUTPUT = output_folder()
NAMES = source.names(notebooks_folder())


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
    run = then["metadata"]["musan"]["run"]
    assert {key: run[key] for key in ("notebook", "parameters", "version")} == {
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


def test_the_site_is_a_page_and_a_notebook_each_and_an_index():
    files = [f"{name}.{kind}" for name in NAMES for kind in ("html", "ipynb")]
    assert sorted(path.name for path in (OUTPUT / "site").iterdir()) == sorted([*files, "index.html"])
    for name in NAMES:
        assert (OUTPUT / "site" / f"{name}.ipynb").read_bytes() == executed(name).read_bytes()


def test_each_claim_has_a_row_and_an_anchor_on_the_index():
    index = (OUTPUT / "site" / "index.html").read_text(encoding="utf-8")
    for name in claims.ledger():
        assert index.count(f'id="claim-{name}"') == 1
