"""Which combinations of parameters a sweep tries, all of them checked before any runs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import yaml

from musan.collection import source
from musan.errors import ParameterError
from musan.parameters import MODELS, NotebookParameters, without_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Value = bool | int | float | str
_EXCLUDE = "exclude"


@dataclass(frozen=True)
class Grid:
    """Values for parameters of one notebook, of which every combination is meant.

    Parameters
    ----------
    notebook : str
        Its name.
    choices : mapping of str to tuple
        Values by parameter.
    exclude : tuple of mappings
        Combinations to leave out: all that have these values.
    """

    notebook: str
    choices: Mapping[str, tuple[Value, ...]]
    exclude: tuple[Mapping[str, Value], ...] = ()

    @property
    def model(self) -> type[NotebookParameters]:
        """The notebook's model."""
        return MODELS[self.notebook] if self.notebook in MODELS else without_parameters(self.notebook)

    def combinations(self) -> list[dict[str, Value]]:
        """Return the combinations; the last parameter changes fastest."""
        every = (dict(zip(self.choices, values, strict=True)) for values in product(*self.choices.values()))
        return [each for each in every if not any(left.items() <= each.items() for left in self.exclude)]


def from_texts(notebook: str, texts: Mapping[str, str]) -> Grid:
    """Return the grid of values that are separated by commas, as they come from a command line.

    Parameters
    ----------
    notebook : str
        The notebook's name.
    texts : mapping of str to str
        Such as ``2015,2016`` by parameter name.
    """
    known = {parameter.name: parameter for parameter in Grid(notebook, {}).model.described()}
    values = {
        name: tuple(known[name].value_of(text) if name in known else text for text in listed.split(","))
        for name, listed in texts.items()
    }
    return Grid(notebook, values)  # type: ignore[arg-type]  # what a value may be is checked with the combinations


def from_file(notebook: str, path: Path) -> Grid:
    """Return the grid that a YAML file holds.

    Parameters
    ----------
    notebook : str
        The notebook's name.
    path : Path
        A mapping of parameters to lists of values; under ``exclude`` a list of mappings.

    Raises
    ------
    ParameterError
        When it is not that.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ParameterError(f"can't be read ({error})", str(path), "give a YAML file") from error
    remedy = "write each parameter with a list of values, such as `base_year: [2015, 2016]`"
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise ParameterError("is not a mapping of parameters", str(path), remedy)
    exclude = content.pop(_EXCLUDE, [])
    for name, values in content.items():
        if not isinstance(values, list) or not values:
            raise ParameterError(f"has no list of values for {name}", str(path), remedy)
    if not isinstance(exclude, list) or not all(isinstance(each, dict) and each for each in exclude):
        remedy = "write it as a list of mappings, such as `- {compiler: itc, currency: cny}`"
        raise ParameterError("has an `exclude` that is no list of combinations", str(path), remedy)
    return Grid(notebook, {name: tuple(values) for name, values in content.items()}, tuple(exclude))


def of_claims(claims: Sequence[str] = ()) -> list[tuple[Grid, tuple[str, str]]]:
    """Return the grids of the ledger's choices, each with the claim and the aspect of its verdict.

    Parameters
    ----------
    claims : sequence of str
        Ids of claims; empty means all.

    Raises
    ------
    ClaimError
        When there is no such claim.
    ParameterError
        When a claim that is named has no choices.
    """
    from musan import claims as ledger  # with all of pandas

    found: list[tuple[Grid, tuple[str, str]]] = []
    for name in claims or ledger.ledger():
        criteria = ledger.claim(name).criteria.items()
        grids = [(Grid(one.notebook, one.choices), (name, aspect)) for aspect, one in criteria if one.choices]
        if claims and not grids:
            raise ParameterError("has no choices to sweep", f"claim {name}", "list them in data/claims.yml")
        found += grids
    return found


def checked(grids: Sequence[Grid], folder: Path) -> list[list[dict[str, Any]]]:
    """Return all parameters of each combination of each grid, or refuse them all with every reason.

    Parameters
    ----------
    grids : sequence of Grid
        What is asked for.
    folder : Path
        The folder of source notebooks, whose cells hold the other parameters.

    Raises
    ------
    ParameterError
        For an unknown parameter, values that the notebook's model refuses, a value that stands twice, and a grid
        without combinations.
    """
    problems: dict[str, None] = {}  # each once, in order
    found = [list(_checked(grid, folder, problems)) for grid in grids]
    if problems:
        where = ", ".join(dict.fromkeys(grid.notebook for grid in grids))
        raise ParameterError("; ".join(problems), where, f"`musan params {grids[0].notebook}` lists what is allowed")
    return found


def _checked(grid: Grid, folder: Path, problems: dict[str, None]) -> list[dict[str, Any]]:
    notebook = source.read(folder / f"{grid.notebook}.ipynb")
    own = source.parameter_values(notebook) if grid.model.model_fields else {}
    for name, values in grid.choices.items():
        if len({(type(value), value) for value in values}) < len(values):
            problems[f"parameter {name} has a value twice"] = None
    for each in grid.exclude:
        if unknown := [f"{name}={value!r}" for name, value in each.items() if value not in grid.choices.get(name, ())]:
            problems[f"`exclude` names {', '.join(unknown)}, which is not in the grid"] = None
    combinations, found = grid.combinations(), []
    if not combinations:
        problems["no combination is left"] = None
    for combination in combinations:
        try:
            found.append(grid.model.checked({**own, **combination}).model_dump())
        except ParameterError as error:
            problems.update(dict.fromkeys(error.what.split("; ")))
    return found
