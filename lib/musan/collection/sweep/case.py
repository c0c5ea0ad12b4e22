"""One run of a sweep: what is asked for, what it found, and the run itself, in whatever process."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from musan.collection import outputs, single
from musan.collection.keys import FINDING
from musan.collection.limits import UNLIMITED, Limits
from musan.locations import notebooks_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbformat import NotebookNode

    from musan.collection.kernel import Failure
    from musan.collection.single import Engine
    from musan.collection.sweep.prefix import Prefix

FACTS = ("claim", "aspect", "verdict", "estimate", "low", "high", "unit", "n")
# What a notebook raises when the tables do not allow a choice; its place names the arguments that do not fit.
_REFUSING = "MethodError"


@dataclass(frozen=True)
class Settings:
    """How the runs of a sweep are done.

    Parameters
    ----------
    engine : {"fork", "papermill"}
        A fork of a process that has loaded the library already, or a kernel of its own.
    figures : bool
        Whether figures are rendered.
    notebooks : bool
        Whether executed notebooks come with the results.
    limits : Limits
        How long a cell, and a run, may take.
    folder, output : Path, optional
        The folder of source notebooks and the output folder; by default those of the process that runs them.
    """

    engine: Engine = "fork"
    figures: bool = False
    notebooks: bool = False
    limits: Limits = UNLIMITED
    folder: Path | None = None
    output: Path | None = None


@dataclass(frozen=True)
class Case:
    """One notebook with one set of parameters.

    Parameters
    ----------
    name : str
        The notebook's name.
    parameters : mapping of str to object
        All its parameters, checked.
    given : tuple of str
        Those that the sweep sets, and that the injected cell shows.
    swept : tuple of str
        Those of which it sets several values.
    first : Prefix
        The cells that these don't reach, and that with forks run once for all runs.
    base : str
        What all runs of the notebook depend on, as a hash.
    key : str
        What this run depends on, as a hash.
    settings : Settings
        How it is done.
    """

    name: str
    parameters: Mapping[str, object]
    given: tuple[str, ...]
    swept: tuple[str, ...]
    first: Prefix
    base: str
    key: str
    settings: Settings

    @property
    def source(self) -> Path:
        """The source notebook."""
        return (self.settings.folder or notebooks_folder()) / f"{self.name}.ipynb"

    @property
    def injected(self) -> dict[str, object]:
        """What the injected cell sets."""
        return {name: self.parameters[name] for name in self.given}

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the cells."""
        output = {"MUSAN_OUTPUT": str(self.settings.output)} if self.settings.output else {}
        return {**output, **single.same_vintages(), "MUSAN_FIGURES": "on" if self.settings.figures else "off"}


@dataclass(frozen=True)
class Result:
    """What a run found.

    Parameters
    ----------
    findings : tuple of dict
        :data:`FACTS` of each finding.
    refusal : str
        Why the tables do not allow the combination; empty when they do.
    failure : str
        What else went wrong; empty when nothing did.
    notebook : str
        The executed notebook, when it was asked for, and after a failure as far as it came.
    """

    findings: tuple[dict[str, Any], ...] = ()
    refusal: str = ""
    failure: str = ""
    notebook: str = field(default="", repr=False)


def whole(case: Case) -> Result:
    """Run all cells of a notebook; with forks, in this process.

    Parameters
    ----------
    case : Case
        The run.
    """
    if case.settings.engine == "papermill":
        return executed(case)
    from musan.collection import shell

    return executed(case, shell.ENGINE)


def hold(case: Case, cells: int, address: str) -> Result | str:
    """Run the first cells of a notebook and be forked: :func:`musan.collection.sweep.held.hold`."""
    from musan.collection.sweep import held  # heavy, like all that runs cells, for the process that asks

    return held.hold(case, cells, address)


def resume(case: Case) -> Result:
    """Run the other cells: :func:`musan.collection.sweep.held.resume`."""
    from musan.collection.sweep import held

    return held.resume(case)


def executed(case: Case, *engine: str) -> Result:
    """Run a notebook and return what it found.

    Parameters
    ----------
    case : Case
        The run.
    engine : str, optional
        papermill's name of the engine; a kernel of its own by default.
    """
    from musan.collection import kernel  # papermill takes a second to import, and only workers need it

    notebook, failure = kernel.execute(case.source, case.injected, case.environment, case.settings.limits, *engine)
    return result(case, notebook, failure)


def result(case: Case, notebook: NotebookNode, failure: Failure | None) -> Result:
    """Return what an executed notebook found, or why it stopped.

    Parameters
    ----------
    case : Case
        The run.
    notebook : NotebookNode
        The notebook, complete or up to the cell that failed.
    failure : Failure or None
        Where it stopped.
    """
    import nbformat

    single.note_run(notebook, case.name, case.parameters, case.key)
    refusal = "" if failure is None else _refusal(failure.error, case)
    text = ""
    if case.settings.notebooks or (failure and not refusal):
        text = nbformat.writes(notebook) + "\n"
    if failure is not None:
        return Result((), refusal, "" if refusal else f"cell {failure.cell}: {failure.error}", text)
    findings = tuple({fact: found[fact] for fact in FACTS} for found in outputs.shown(notebook, FINDING))
    return Result(findings, notebook=text)


def _refusal(error: str, case: Case) -> str:
    """Return what an error says when it refuses parameters together, of which the sweep sets at least one."""
    kind, _, message = error.partition(": ")
    refused = set(message.partition(": ")[0].split(", "))
    about_parameters = refused <= set(case.parameters) and not refused.isdisjoint(case.given)
    return message if kind == _REFUSING and about_parameters else ""


def as_json(found: Result) -> dict[str, Any]:
    """Return a result as what JSON can hold, without its notebook.

    Parameters
    ----------
    found : Result
        A result.
    """
    return {name: value for name, value in asdict(found).items() if name != "notebook"}
