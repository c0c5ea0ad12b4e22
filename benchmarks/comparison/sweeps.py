"""Ways to run one notebook many times, each with another value of a parameter."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from comparison.measure import Watch, in_turn, run, timed
from comparison.ways import Way
from comparison.whole import DRIVERS
from musan.collection import source
from musan.collection.sweep import prefix
from musan.parameters import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from comparison.environment import Environment

NOTEBOOK, PARAMETER = "08_testimony", "odds_ratio_high"
REFERENCE = "command_lines"  # whose outputs ours are compared with
OURS = ("independent", "shared")


@dataclass(frozen=True)
class Sweep:
    """The runs to do, and with what.

    Parameters
    ----------
    environment : Environment
        Programs and notebooks.
    runs : int
        How many.
    samples : tuple of int
        How many of them are done by papermill's command line, and how many by other ways that take long; the time
        of all is estimated from these.
    jobs : int
        How many at a time.
    figures : bool
        Whether figures are rendered.
    """

    environment: Environment
    runs: int
    samples: tuple[int, int]
    jobs: int
    figures: bool

    @property
    def source(self) -> Path:
        """The notebook."""
        return self.environment.notebooks / f"{NOTEBOOK}.ipynb"

    def ways(self) -> list[Way]:
        """Return all ways, the slowest first."""
        several = f"{self.jobs} at a time"
        return [
            Way(REFERENCE, "papermill, command lines in turn", partial(self.command_lines, 1)),
            Way("command_lines_parallel", f"the same, {several}", partial(self.command_lines, self.jobs)),
            Way("papermill_tuned", f"papermill, tuned, {several}", partial(self.driven, "papermill_tuned")),
            Way("ploomber", "ploomber-engine, one process, no isolation", partial(self.driven, "ploomber")),
            Way(
                "independent",
                f"musan, all cells in each run, {several}",
                lambda output: self.ours(output, "--independent"),
            ),
            Way("shared", f"musan, first cells once, {several}", self.ours),
        ]

    def command_lines(self, at_a_time: int, output: Path) -> dict[str, Any]:
        """Run papermill for some of the values, each in an interpreter of its own."""
        variables = self.environment.variables(output, figures=self.figures)
        papermill = [self.environment.program("papermill"), "--no-progress-bar", "-k", "python3"]
        papermill += ["--cwd", str(self.source.parent), str(self.source)]
        sample = values(self.samples[0])
        in_turn(
            (partial(run, [*papermill, _target(output, value), "-p", PARAMETER, value], variables) for value in sample),
            at_a_time,
        )
        return {"runs": len(sample)}

    def driven(self, driver: str, output: Path) -> dict[str, Any]:
        """Run some of the values in processes that have papermill, or another tool, loaded."""
        parts = [
            {
                "source": str(self.source),
                "target": _target(output, value),
                "page": "",
                "parameters": {PARAMETER: float(value)},
            }
            for value in values(self.samples[1])
        ]
        at_a_time = self.jobs if driver == "papermill_tuned" else 1
        given = {"jobs": self.jobs, "waves": [parts]} if driver == "papermill_tuned" else parts
        command = [self.environment.program("python"), str(DRIVERS / f"{driver}.py"), str(output)]
        variables = self.environment.variables(output, figures=self.figures)
        ended = json.loads(run(command, variables, given=json.dumps(given)).strip().splitlines()[-1])
        each = (ended[-1] - ended[at_a_time - 1]) / (len(ended) - at_a_time)
        return {"runs": len(parts), "seconds_each": each}

    def ours(self, output: Path, *options: str) -> dict[str, Any]:
        """Run our command for all values."""
        figures = ["--figures"] if self.figures else []
        swept(self.environment, output, self.runs, self.jobs, "--notebooks", *figures, *options)
        return {"runs": self.runs}

    def for_all(self, found: Mapping[str, Any]) -> float:
        """Return the seconds that all runs take, or would take by a sample.

        Parameters
        ----------
        found : mapping
            What was noted of one repetition.
        """
        each = found.get("seconds_each", found["seconds"] / found["runs"])
        return float(found["seconds"] + each * (self.runs - found["runs"]))

    def executed(self, output: Path) -> dict[str, Path]:
        """Return the executed notebooks in a folder, by the value that they were given."""
        found = {}
        for path in sorted(output.rglob("*.ipynb")):
            code = next(_injected(json.loads(path.read_text(encoding="utf-8"))))
            [value] = re.findall(rf"^{PARAMETER} = (\S+)$", code, re.MULTILINE)
            found[value] = path
        return found

    def shared(self) -> dict[str, Any]:
        """Return which part of the notebook runs once for all values."""
        notebook = source.read(self.source)
        others = set(MODELS[NOTEBOOK].model_fields) - {PARAMETER}
        first = prefix.find(notebook, {PARAMETER}, others)
        code = sum(cell["cell_type"] == "code" for cell in notebook["cells"])
        return {"notebook": NOTEBOOK, "parameter": PARAMETER, "code_cells": code, "of_these_once": first.code + 1}


def values(number: int) -> list[str]:
    """Return so many different values, none of them a whole number.

    Parameters
    ----------
    number : int
        At most 1,980.
    """
    return [f"{1.03 + 0.05 * step:.2f}" for step in range(number)]


def swept(
    environment: Environment, output: Path, runs: int, jobs: int, *options: str, watch: Watch | None = None
) -> None:
    """Run our command for a sweep.

    Parameters
    ----------
    environment : Environment
        Programs and notebooks.
    output : Path
        The output folder.
    runs, jobs : int
        How many, and how many at a time.
    options : str
        More of the command's options.
    watch : Watch, optional
        What looks at its processes.
    """
    listed = f"{PARAMETER}={','.join(values(runs))}"
    command = [environment.program("musan"), "sweep", NOTEBOOK, "--parameter", listed]
    command += ["--jobs", str(jobs), "--output", str(output), *options]
    run(command, environment.variables(output), watch=watch)


def growth(
    environment: Environment, sizes: Sequence[int], jobs: int, folder: Path, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Return time and memory of sweeps of several sizes, and the time of the same sweeps again.

    Parameters
    ----------
    environment : Environment
        Programs and notebooks.
    sizes : sequence of int
        Numbers of runs.
    jobs : int
        How many at a time.
    folder : Path
        Where output goes.
    say : callable
        Told of each result.
    """
    found = []
    for runs in sizes:
        output, watch = folder / str(runs), Watch()
        shutil.rmtree(output, ignore_errors=True)
        first = timed(partial(swept, environment, output, runs, jobs, watch=watch))
        again = timed(partial(swept, environment, output, runs, jobs))
        found.append({"runs": runs, **first, "again_seconds": again["seconds"], "memory_mb": watch.found()})
        say(f"{runs} runs: {first['seconds']:.1f} s; again: {again['seconds']:.2f} s")
    return found


def _target(output: Path, value: str) -> str:
    return str(output / f"{value}.ipynb")


def _injected(notebook: dict[str, Any]) -> Iterator[str]:
    for cell in notebook["cells"]:
        if "injected-parameters" in cell["metadata"].get("tags", []):
            yield "".join(cell["source"])
