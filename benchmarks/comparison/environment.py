"""An environment of the benchmark's own: this project as it is now, and the tools it is compared with."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import psutil

CHECKOUT = Path(__file__).resolve().parents[2]
COMPETITORS = ("nbmake", "ploomber-engine", "pytest-xdist")
NAMED = ("papermill", "nbconvert", "nbclient", "ipykernel", *COMPETITORS, "pandas", "matplotlib", "statsmodels")
# Runs share the cores; with pools of threads of their own all of them get slower.
SAME_FOR_ALL = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PLOOMBER_STATS_ENABLED": "false",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Environment:
    """Where the programs are, and the notebooks as they were installed.

    Parameters
    ----------
    folder : Path
        The virtual environment.
    notebooks : Path
        The folder of source notebooks.
    """

    folder: Path
    notebooks: Path

    def program(self, name: str) -> str:
        """Return the path of a program.

        Parameters
        ----------
        name : str
            Such as ``papermill``.
        """
        return str(self.folder / "bin" / name)

    def variables(self, output: Path, *, figures: bool = True) -> dict[str, str]:
        """Return the environment of a process.

        Parameters
        ----------
        output : Path
            The output folder, told to notebooks.
        figures : bool
            Whether they render figures.
        """
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        own = {"PATH": path, "MUSAN_OUTPUT": str(output), "MUSAN_FIGURES": "on" if figures else "off"}
        others = {name: value for name, value in os.environ.items() if not name.startswith(("MUSAN_", "VIRTUAL_ENV"))}
        return {**others, **SAME_FOR_ALL, **own}

    def python(self, code: str) -> str:
        """Return what some code prints.

        Parameters
        ----------
        code : str
            Python.
        """
        command = [self.program("python"), "-c", code]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout.strip()


def prepare(cache: Path) -> Environment:
    """Make the environment, or bring it up to date.

    Parameters
    ----------
    cache : Path
        Folder to keep it in. Packages get the versions that are installed beside this interpreter; the project
        is installed anew, so that nobody who edits it disturbs what is measured.
    """
    installed = {(one.name, one.version) for one in distributions() if one.name != "musan"}
    versions = "".join(f"{name}=={version}\n" for name, version in sorted(installed))
    folder = cache / f"venv-{hashlib.sha256(f'{sys.version}{versions}'.encode()).hexdigest()[:12]}"
    constraints, stamp = folder / "constraints.txt", folder / "complete"
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    if not stamp.is_file():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        constraints.write_text(versions, encoding="utf-8")
        wanted = [*COMPETITORS, "hatchling", str(CHECKOUT)]
        subprocess.run([*pip, "--constraint", str(constraints), *wanted], check=True, cwd="/")
        stamp.touch()
    fresh = ["--no-deps", "--no-build-isolation", "--force-reinstall", str(CHECKOUT)]
    subprocess.run([*pip, *fresh], check=True, cwd="/")
    found = Environment(folder, folder)
    where = found.python("from musan.locations import notebooks_folder; print(notebooks_folder())")
    return Environment(folder, Path(where))


def machine(environment: Environment) -> dict[str, object]:
    """Return what the times depend on: cores, memory, versions.

    Parameters
    ----------
    environment : Environment
        Whose packages are named.
    """
    code = f"import importlib.metadata as m; print(*(f'{{n}}={{m.version(n)}}' for n in {NAMED!r}))"
    packages = dict(pair.split("=") for pair in environment.python(code).split())
    return {
        "cores": cores(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": packages,
    }


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
