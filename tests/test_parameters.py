"""Parameters are typed, described, and refused in one clear line."""

import ast
import json
import re
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.translators import PythonTranslator
from pydantic import Field, ValidationError, model_validator

from musan import parameters
from musan.collection import source
from musan.errors import CollectionError, ParameterError
from musan.locations import CHECKOUT
from musan.parameters import MODELS, NotebookParameters, cell_source

NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


class Example(NotebookParameters):
    notebook: ClassVar[str] = "00_example"

    base_year: int = Field(2016, ge=2010, le=2018, description="year that falls are measured from")
    share: float = Field(0.5, ge=0, description="share of a day")
    doubted: bool = Field(False, description="use doubted figures")
    ore: Literal["iron_ore", "all_ores"] = Field("iron_ore", description="what counts as ore")
    lag: Literal[0, 3, 6] = Field(3, description="months of lag")
    label: str = Field("as printed", description="words under the figure")

    @model_validator(mode="after")
    def _late_years_have_no_lag(self):
        if self.base_year == 2018 and self.lag == 6:
            raise ValueError("base_year 2018 leaves no room for a lag of 6")
        return self


CELL = """\
base_year: int = 2016  # year that falls are measured from
share: float = 0.5  # share of a day
doubted: bool = False  # use doubted figures
ore: str = "iron_ore"  # what counts as ore
lag: int = 3  # months of lag
label: str = "as printed"  # words under the figure"""


@pytest.fixture
def example(monkeypatch):
    monkeypatch.setitem(MODELS, "00_example", Example)
    return Example


def test_the_notebooks_repeat_their_models():
    for path in NOTEBOOKS:
        notebook = source.read(path)
        (position,) = source.tagged(notebook, "parameters")
        assert "".join(notebook["cells"][position]["source"]) == cell_source(MODELS[path.stem]), path


def test_the_notebooks_check_their_parameters():
    for path in NOTEBOOKS:
        code = json.dumps(source.read(path))
        assert f"parameters.{MODELS[path.stem].__name__}.from_notebook(globals())" in code, path


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_its_notebooks_and_fits_a_line(name):
    assert MODELS[name].notebook == name
    assert all(len(line) <= 120 for line in cell_source(MODELS[name]).splitlines())


def test_cell_source_is_the_cell():
    assert cell_source(Example) == CELL


@pytest.mark.parametrize(
    ("texts", "field", "value"),
    [
        ({}, "base_year", 2016),
        ({"base_year": "2015"}, "base_year", 2015),
        ({"base_year": "+2015"}, "base_year", 2015),
        ({"share": "1"}, "share", 1.0),
        ({"share": ".25"}, "share", 0.25),
        ({"share": "1e-3"}, "share", 0.001),
        ({"doubted": "true"}, "doubted", True),
        ({"doubted": "False"}, "doubted", False),
        ({"ore": "all_ores"}, "ore", "all_ores"),
        ({"lag": "6"}, "lag", 6),
        ({"label": ""}, "label", ""),
        ({"label": "2015"}, "label", "2015"),
    ],
)
def test_texts_become_values_of_the_type(example, texts, field, value):
    found = getattr(parameters.parse("00_example", texts), field)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ({"base_yaer": "2015"}, "no parameter 'base_yaer': did you mean 'base_year'?"),
        ({"base_year": "2015.5"}, "base_year is '2015.5' but must be a whole number from 2010 to 2018"),
        ({"base_year": "2015.0"}, "base_year is '2015.0' but must be a whole number"),
        ({"base_year": "2_015"}, "base_year is '2_015' but"),
        ({"base_year": " 2015"}, "base_year is ' 2015' but"),
        ({"base_year": "٢٠١٥"}, "base_year is '٢٠١٥' but"),
        ({"base_year": ""}, "base_year is '' but"),
        ({"base_year": "9" * 5000}, "must be a whole number from 2010 to 2018"),
        ({"base_year": "2009"}, "base_year is 2009 but must be a whole number from 2010 to 2018"),
        ({"base_year": "2019"}, "base_year is 2019 but must be a whole number from 2010 to 2018"),
        ({"share": "-0.1"}, "share is -0.1 but must be a number at least 0"),
        ({"share": "nan"}, "share is 'nan' but must be a number"),
        ({"share": "1e999"}, "share is inf but must be a number"),
        ({"share": "half"}, "share is 'half' but must be a number"),
        ({"doubted": "yes"}, "doubted is 'yes' but must be true or false"),
        ({"doubted": "1"}, "doubted is '1' but must be true or false"),
        ({"ore": "coal"}, "ore is 'coal' but must be one of 'iron_ore', 'all_ores'"),
        ({"lag": "4"}, "lag is 4 but must be one of 0, 3, 6"),
        ({"base_year": "2018", "lag": "6"}, "base_year 2018 leaves no room for a lag of 6"),
        ({"base_year": "1", "ore": "coal"}, "is 1 but must be a whole number from 2010 to 2018; parameter ore"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_is_allowed(example, texts, problem):
    with pytest.raises(ParameterError) as caught:
        parameters.parse("00_example", texts)
    message = str(caught.value)
    assert message.startswith("00_example: ")
    assert problem in message
    assert message.endswith("`musan params 00_example` lists what is allowed")
    assert "\n" not in message


def test_an_unknown_notebook_is_named_with_its_neighbour(example):
    with pytest.raises(CollectionError, match="no notebook '00_exampel'; did you mean '00_example'"):
        parameters.parse("00_exampel", {})


def test_a_notebook_without_a_model_takes_no_parameter():
    model = parameters.without_parameters("99_own")
    assert model.checked({}).model_dump() == {}
    with pytest.raises(ParameterError, match=r"99_own: no parameter 'a': musan\.parameters has no model"):
        model.values_of({"a": "1"})


def test_a_set_of_parameters_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Example().base_year = 2015


@given(TEXT)
def test_any_text_stays_text(text):
    assert Example.checked(Example.values_of({"label": text})).label == text


@given(TEXT)
def test_papermill_carries_any_text_unharmed(text):
    namespace = {"label": None}
    exec(PythonTranslator.codify({"label": text}), namespace)
    assert namespace["label"] == text


@given(st.sampled_from(["base_year", "share", "doubted", "ore", "lag"]), TEXT)
def test_any_text_is_a_value_or_one_clear_line(name, text):
    value = Example.values_of({name: text})[name]
    if value == text and name != "ore":
        with pytest.raises(ParameterError, match=f"parameter {name} is ") as caught:
            Example.checked({name: value})
        assert "\n" not in str(caught.value)
    else:
        assert type(value) is type(getattr(Example(), name))


def defined(kind, field):
    """Return a model with one field, made as a class statement makes it."""
    contents = {"__module__": __name__, "notebook": "00", "__annotations__": {"field": kind}, "field": field}
    return type("Defined", (NotebookParameters,), contents)


@given(TEXT)
def test_a_cell_means_its_model_whatever_the_default(text):
    (line,) = ast.parse(cell_source(defined(str, Field(text, description="any text")))).body
    assert ast.literal_eval(line.value) == text


def test_describe_gives_words(example):
    described = {each.name: each for each in parameters.describe("00_example")}
    assert list(described) == ["base_year", "share", "doubted", "ore", "lag", "label"]
    assert [each.type_words for each in described.values()] == [
        "whole number", "number", "true or false", "choice", "choice", "text",
    ]  # fmt: skip
    assert [each.range_words for each in described.values()] == [
        "from 2010 to 2018", "at least 0", "", "'iron_ore', 'all_ores'", "0, 3, 6", "",
    ]  # fmt: skip
    assert described["base_year"].default == 2016
    assert described["base_year"].description == "year that falls are measured from"


def namespace_of(code, *history):
    namespace = {}
    exec(code, namespace)
    return namespace | {"In": ["", *history]}


def test_a_notebook_takes_its_values_back():
    found = Example.from_notebook(namespace_of(CELL.replace("2016", "2014"), CELL))
    assert found == Example(base_year=2014)


def test_a_notebook_without_history_works():
    namespace = namespace_of(CELL)
    del namespace["In"]
    assert Example.from_notebook(namespace) == Example()


def test_a_whole_number_is_taken_for_a_number():
    found = Example.from_notebook(namespace_of(CELL.replace("0.5", "2")))
    assert found.share == 2.0
    assert isinstance(found.share, float)


@pytest.mark.parametrize(
    ("injected", "problem"),
    [
        ("base_year = 2015.5", "base_year is 2015.5 but must be a whole number from 2010 to 2018"),
        ("base_year = True", "base_year is True but must be a whole number"),
        ("base_year = '2015'", "base_year is '2015' but must be a whole number"),
        ("doubted = 1", "doubted is 1 but must be true or false"),
        ("label = 7", "label is 7 but must be text"),
        ("base_yaer = 2015", "no parameter 'base_yaer': did you mean 'base_year'"),
        ("base_year = 2015\nbase_yaer: int = 2015", "no parameter 'base_yaer'"),
    ],
)
def test_a_notebook_refuses_what_papermill_injected(injected, problem):
    cell = f"# Parameters\n{injected}\n"
    with pytest.raises(ParameterError, match=re.escape(problem)):
        Example.from_notebook(namespace_of(f"{CELL}\n{injected}", CELL, cell, "p = ..."))


def test_only_the_newest_injected_cell_counts():
    old, new = "# Parameters\nbase_yaer = 2015\n", "# Parameters\nbase_year = 2015\n"
    assert Example.from_notebook(namespace_of(CELL, old, new, "base_yaer = 1")) == Example()


def test_history_that_is_not_plain_python_is_passed_over():
    assert Example.from_notebook(namespace_of(CELL, "# Parameters\n%time 1")) == Example()


def test_a_line_missing_from_the_cell_is_named():
    with pytest.raises(ParameterError, match="the parameters cell does not set label"):
        Example.from_notebook(namespace_of("\n".join(CELL.splitlines()[:-1])))


@pytest.mark.parametrize(
    ("annotation", "field"),
    [
        (int, Field(description="no default")),
        (int, Field(1)),
        (int, Field(1, description="two\nlines")),
        (list, Field([], description="not a builtin scalar")),
        (int | None, Field(None, description="may be missing")),
        (Literal[1, "a"], Field(1, description="mixed kinds")),
    ],
)
def test_an_unsound_model_fails_when_it_is_defined(annotation, field):
    with pytest.raises(TypeError, match="needs a builtin type, a default and a one-line description"):
        defined(annotation, field)


def test_a_model_must_name_its_notebook():
    with pytest.raises(TypeError, match="which notebook"):
        type("Homeless", (NotebookParameters,), {"__module__": __name__})


def test_a_default_out_of_range_fails_when_it_is_defined():
    with pytest.raises(ValidationError):
        defined(int, Field(3, le=2, description="a number"))
