"""Figures that are written while other notebooks still run are those that are written at the end."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from nbformat import v4

from musan import figures
from musan.collection.publish import Early
from musan.errors import CollectionError


@pytest.fixture
def executed(tmp_path):
    """A notebook that shows one figure, twice when asked to."""

    def write(name, times=1):
        figures.use_style()
        fig, ax = plt.subplots()
        ax.plot([1, 2], [2, 1])
        ax.set_title("It fell")
        about = {
            "caption": "It fell.",
            "alt": "A line that falls from two on the left to one.",
            "sources": ["asiapress-2018-08-exports-drop-p2"],
        }
        shown = figures.publish(fig, name="fall", data=pd.DataFrame({"x": [1, 2]}), **about)
        data = shown._repr_mimebundle_()
        cell = v4.new_code_cell("1", execution_count=1, outputs=[v4.new_output("display_data", data)] * times)
        path = tmp_path / f"{name}.ipynb"
        path.write_text(v4.writes(v4.new_notebook(cells=[cell], metadata={})))
        return path

    return write


def test_figures_begun_early_are_the_same(executed, tmp_path):
    path = executed("01_first")
    with Early(tmp_path / "early") as early, Early(tmp_path / "late") as late:
        early.ready(path)
        early.begin()
        assert early._begun
        begun, not_begun = early.of(path), late.of(path)
    assert [file.relative_to(tmp_path / "early") for file in begun] == [
        file.relative_to(tmp_path / "late") for file in not_begun
    ]
    assert [file.read_bytes() for file in begun] == [file.read_bytes() for file in not_begun]
    assert {file.suffix for file in begun} == {".png", ".csv"}


def test_what_goes_wrong_early_is_raised_when_the_files_are_needed(executed, tmp_path):
    path = executed("01_first", times=2)
    with Early(tmp_path) as early:
        early.ready(path)
        early.begin()
        with pytest.raises(CollectionError, match="two figures are named 'fall'"):
            early.of(path)


def test_what_has_not_begun_when_a_batch_is_stopped_is_left_out(executed, tmp_path):
    paths = [executed(f"0{number}_one") for number in range(1, 6)]
    with Early(tmp_path / "out") as early:
        for path in paths:
            early.ready(path)
        early.begin()
    assert len(list((tmp_path / "out").glob("figures/*"))) < len(paths)
