"""Ways to run the whole collection: all notebooks, and a web page of each."""

from __future__ import annotations

import ast
import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparison.measure import Watch, in_turn, run
from comparison.ways import Way, middle
from musan.collection import source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from comparison.environment import Environment
    from comparison.ways import Times

DRIVERS = Path(__file__).parent / "drivers"
REFERENCE = "command_lines"  # whose outputs all others are compared with
OURS = ("cold", "warm", "unchanged")


@dataclass(frozen=True)
class Collection:
    """The notebooks to run, and with what.

    Parameters
    ----------
    environment : Environment
        Programs and notebooks.
    names : tuple of str
        In reading order.
    jobs : int
        How many at a time.
    """

    environment: Environment
    names: tuple[str, ...]
    jobs: int

    def waves(self) -> list[list[str]]:
        """Return the names, those last that read what the others have found."""
        reading = {name for name in self.names if source.reads_findings(source.read(self.source(name)))}
        waves = [[name for name in self.names if (name in reading) == late] for late in (False, True)]
        return [wave for wave in waves if wave]

    def source(self, name: str) -> Path:
        """Return a source notebook."""
        return self.environment.notebooks / f"{name}.ipynb"

    def ways(self) -> list[Way]:
        """Return all ways, the slowest first."""
        several = f"{self.jobs} at a time"
        cold = "cold"
        return [
            Way(REFERENCE, "papermill and nbconvert, command lines in turn", partial(self.command_lines, 1)),
            Way("command_lines_parallel", f"the same, {several}", partial(self.command_lines, self.jobs)),
            Way("ploomber", "ploomber-engine, one process, no isolation", self.ploomber),
            Way("nbmake", f"nbmake, {several}, and one nbconvert", self.nbmake),
            Way("papermill_tuned", f"papermill, tuned, {several}", self.tuned),
            Way(cold, "musan, nothing loaded or known before", self.cold),
            Way("warm", "musan, library loaded before", self.warm),
            Way("unchanged", "musan, nothing has changed", self.unchanged, partial(_copy_of, cold), quick=True),
        ]

    def command_lines(self, at_a_time: int, output: Path) -> None:
        """Run papermill and then nbconvert for each notebook, each an interpreter of its own."""
        variables = self.environment.variables(output)
        (output / "notebooks").mkdir()

        def one(name: str) -> None:
            target = output / "notebooks" / f"{name}.ipynb"
            papermill = [self.environment.program("papermill"), "--no-progress-bar", "-k", "python3"]
            run([*papermill, "--cwd", str(self.environment.notebooks), str(self.source(name)), str(target)], variables)
            self._nbconvert([target], output, variables)

        for wave in self.waves():
            in_turn([partial(one, name) for name in wave], at_a_time)

    def tuned(self, output: Path) -> None:
        """Run papermill's API and nbconvert's in a few processes that have both loaded."""
        waves = [[_job(self.source(name), output, name) for name in wave] for wave in self.waves()]
        self._drive("papermill_tuned", output, json.dumps({"jobs": self.jobs, "waves": waves}))

    def ploomber(self, output: Path) -> None:
        """Run all in the process that runs ploomber-engine, and export there."""
        runs = [_job(self.source(name), output, name) for wave in self.waves() for name in wave]
        self._drive("ploomber", output, json.dumps(runs))

    def nbmake(self, output: Path) -> None:
        """Run pytest with its plug-ins nbmake and xdist on copies of the notebooks, and nbconvert on all."""
        variables = self.environment.variables(output)
        folder = output / "notebooks"
        folder.mkdir()
        pytest = [self.environment.program("python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        pytest += ["--rootdir", str(output), "--nbmake", "--overwrite", "--nbmake-timeout", "3600"]
        for wave in self.waves():
            copies = [str(shutil.copy(self.source(name), folder)) for name in wave]
            at_a_time = min(self.jobs, len(wave))
            run([*pytest, "-n", str(at_a_time), "--dist", "worksteal", *copies], variables)
        self._nbconvert(sorted(folder.glob("*.ipynb")), output, variables)

    def cold(self, output: Path) -> dict[str, Any]:
        """Run our command in a new interpreter, with nothing known."""
        watch = Watch(every=1)
        self._musan(output, "--force", watch=watch)
        return {"memory_mb": watch.found()}

    def unchanged(self, output: Path) -> None:
        """Run our command where it has run before."""
        self._musan(output)

    def warm(self, output: Path) -> dict[str, float]:
        """Run all in a process that has loaded the library before; its parts are told."""
        parts: dict[str, float] = json.loads(self._drive("warm", output, json.dumps([self.jobs, *self.names])))
        return {**parts, "seconds": parts["runs"] + parts["publishing"]}

    def _musan(self, output: Path, *options: str, watch: Watch | None = None) -> None:
        command = [self.environment.program("musan"), "run", *self.names, "--jobs", str(self.jobs)]
        run([*command, "--output", str(output), *options], self.environment.variables(output), watch=watch)

    def _drive(self, name: str, output: Path, given: str) -> str:
        command = [self.environment.program("python"), str(DRIVERS / f"{name}.py"), str(output)]
        return run(command, self.environment.variables(output), given=given).strip().splitlines()[-1]

    def _nbconvert(self, notebooks: Sequence[Path], output: Path, variables: Mapping[str, str]) -> None:
        nbconvert = [self.environment.program("jupyter-nbconvert"), "--to", "html", "--output-dir"]
        run([*nbconvert, str(output / "site"), *map(str, notebooks)], variables)


def _job(notebook: Path, output: Path, name: str) -> dict[str, Any]:
    target, page = output / "notebooks" / f"{name}.ipynb", output / "site" / f"{name}.html"
    return {"source": str(notebook), "target": str(target), "page": str(page), "parameters": {}}


def _copy_of(key: str, output: Path) -> None:
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(output.parent / key, output, copy_function=shutil.copy2)


def limits(collection: Collection, folder: Path, times: Times) -> dict[str, Any]:
    """Return how soon it could be over if nothing but the cells' own work and the export had to be done.

    The cells' work is what papermill has noted when notebooks ran one after another, without the cells that
    import libraries.

    Parameters
    ----------
    collection : Collection
        What was run.
    folder : Path
        With the outputs of each way.
    times : dict
        As :func:`comparison.ways.compare` returns them.
    """
    reference = folder / REFERENCE / "notebooks"
    cells = {name: _work(reference / f"{name}.ipynb") for name in collection.names}
    export, after_runs = (middle(times["warm"], part) for part in ("writing", "publishing"))
    waves = [[cells[name] for name in wave] for wave in collection.waves()]
    in_order = sum(max(sum(wave) / collection.jobs, *wave) for wave in waves) + after_runs
    return {
        "cells": {name: round(seconds, 2) for name, seconds in cells.items()},
        "export": round(export, 2),
        "seconds": round((sum(cells.values()) + export) / collection.jobs, 2),
        "seconds_in_order": round(in_order, 2),
    }


def _work(executed: Path) -> float:
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    own = (cell for cell in cells if cell["cell_type"] == "code" and not _imports("".join(cell["source"])))
    return sum(float(cell["metadata"]["papermill"]["duration"] or 0) for cell in own)


def _imports(code: str) -> bool:
    return any(isinstance(statement, ast.Import | ast.ImportFrom) for statement in ast.parse(code).body)
