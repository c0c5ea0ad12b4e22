"""Committed notebooks hold prose and code, nothing that a run or an editor leaves."""

import json

import nbformat
import pytest
from nbformat import v4

from musan.collection import strip
from musan.locations import CHECKOUT


def notebook(*cells, **metadata):
    made = v4.new_notebook(cells=[v4.new_markdown_cell("# Title"), *cells])
    made.metadata.update(metadata)
    return made


def ran(code, **metadata):
    output = v4.new_output("stream", text="seen\n")
    return v4.new_code_cell(code, execution_count=3, outputs=[output], metadata=metadata)


def saved(path, made):
    nbformat.write(made, path)
    return path


@pytest.fixture
def used(tmp_path):
    """A notebook as JupyterLab saves it after a run."""
    made = notebook(
        ran("rate = 1", tags=["parameters"], jupyter={"source_hidden": True}),
        ran("print(rate)\n\nprint(2)", collapsed=True),
        kernelspec={"name": "own-environment", "display_name": "Mine", "language": "python"},
        language_info={"name": "python", "version": "3.12.1"},
        musan={"title": "Title", "reads_findings": True, "run": {"notebook": "used"}},
        papermill={"duration": 3},
    )
    return saved(tmp_path / "used.ipynb", made)


def test_all_notebooks_of_the_repository_are_stripped():
    folders = (CHECKOUT / "notebooks", CHECKOUT / "tests" / "notebooks")
    assert [line for folder in folders for path in folder.glob("*.ipynb") for line in strip.problems(path)] == []


def test_stripping_leaves_only_what_an_author_writes(used):
    assert strip.strip(used)
    left = json.loads(used.read_text(encoding="utf-8"))
    assert left["metadata"] == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "musan": {"title": "Title", "reads_findings": True},
    }
    _, first, second = left["cells"]
    assert first["metadata"] == {"tags": ["parameters"]}
    assert second["source"] == ["print(rate)\n", "\n", "print(2)"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in (first, second))
    nbformat.validate(nbformat.read(used, as_version=4))


def test_stripping_twice_changes_nothing(used):
    strip.strip(used)
    before = used.read_bytes(), used.stat().st_mtime_ns
    assert not strip.strip(used)
    assert (used.read_bytes(), used.stat().st_mtime_ns) == before
    assert strip.problems(used) == []


def test_the_text_is_as_jupyter_writes_it(used):
    strip.strip(used)
    assert used.read_text(encoding="utf-8") == nbformat.writes(nbformat.read(used, as_version=4)) + "\n"


def test_missing_and_repeated_ids_are_given(tmp_path):
    made = notebook(v4.new_code_cell("one = 1"), v4.new_code_cell("two = 2"))
    made.cells[1].id = made.cells[0].id
    del made.cells[2]["id"]
    path = tmp_path / "ids.ipynb"
    path.write_text(json.dumps(made), encoding="utf-8")
    assert strip.problems(path)
    strip.strip(path)
    ids = [cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    assert len(set(ids)) == 3
    assert strip.problems(path) == []


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (ran("one = 1"), "cell 2 has outputs"),
        (v4.new_code_cell("one = 1", execution_count=1), "cell 2 has an execution count"),
        (v4.new_code_cell("def fall():\n    pass"), "cell 2 defines 'fall'; move it to the library"),
        (v4.new_code_cell("if True:\n    class Fall:\n        pass"), "cell 2 defines 'Fall'"),
        (v4.new_code_cell("async def fall():\n    pass"), "cell 2 defines 'fall'"),
        (v4.new_code_cell("!pip install x"), "cell 2 is not plain Python"),
        (v4.new_code_cell("rate = 1", metadata={"tags": ["injected-parameters"]}), "cell 2 was injected"),
        (v4.new_code_cell("one = 1", metadata={"scrolled": True}), "metadata, ids or layout differ"),
    ],
)
def test_what_must_not_be_committed_is_named(tmp_path, cell, problem):
    path = saved(tmp_path / "wrong.ipynb", notebook(cell))
    found = "\n".join(strip.problems(path))
    assert problem in found
    assert str(path) in found


def test_a_notebook_too_long_to_read_is_named(tmp_path):
    cells = [v4.new_code_cell("one = 1") for _ in range(strip.MOST_CELLS)]
    (found,) = strip.problems(saved(tmp_path / "long.ipynb", notebook(*cells)))
    assert "35 cells, at most 34" in found


def test_check_changes_nothing(used, capsys):
    before = used.read_bytes()
    assert strip.main(["--check", str(used)]) == 1
    assert used.read_bytes() == before
    assert "has outputs" in capsys.readouterr().err


def test_the_command_strips_in_place(used, capsys):
    assert strip.main([str(used)]) == 0
    assert "stripped" in capsys.readouterr().out
    assert strip.main(["--check", str(used)]) == 0
    assert list(used.parent.iterdir()) == [used]


def test_the_command_says_what_it_cannot_mend(tmp_path, capsys):
    path = saved(tmp_path / "defines.ipynb", notebook(v4.new_code_cell("def fall():\n    pass")))
    assert strip.main([str(path)]) == 1
    assert "defines 'fall'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 1}', "\xff"])
def test_a_file_that_is_no_notebook_is_left_alone(tmp_path, capsys, text):
    path = tmp_path / "broken.ipynb"
    path.write_text(text, encoding="latin-1")
    assert strip.main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err
    assert path.read_text(encoding="latin-1") == text
