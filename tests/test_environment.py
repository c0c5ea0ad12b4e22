"""The ways in agree: pyproject.toml, environment.yml, both lock files and the Makefile."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from musan.locations import CHECKOUT

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"matplotlib": "matplotlib-base"}  # without the windows toolkit, which no notebook uses
PLATFORMS = [
    {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": system, "os_name": "posix"}
    for python in ("3.11", "3.12", "3.13")
    for system in ("linux", "darwin")
]


def requirements(texts):
    return [Requirement(text) for text in texts]


def locked(name):
    """Return the pinned requirements of a lock file, with their markers, and the hashes of each."""
    text = (CHECKOUT / name).read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return [(Requirement(line.partition(" --hash")[0]), re.findall(r"--hash=(\S+)", line)) for line in lines]


def test_conda_has_the_same_names_and_bounds():
    environment = yaml.safe_load((CHECKOUT / "environment.yml").read_text(encoding="utf-8"))
    listed = [each for each in environment["dependencies"] if isinstance(each, str) and each != "pip"]
    ours = [
        f"{CONDA_NAMES.get(each.name, each.name)}{each.specifier}" for each in requirements(PROJECT["dependencies"])
    ]
    assert listed == [f"python{PROJECT['requires-python']}", *ours]
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}
    assert environment["channels"] == ["conda-forge"]


def test_the_tools_of_developers_are_apart():
    needed = {each.name for each in requirements(PROJECT["dependencies"])}
    assert needed.isdisjoint(each.name for each in requirements(PROJECT["optional-dependencies"]["dev"]))
    assert {"pytest", "ruff", "mypy"}.isdisjoint(needed)


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda one: f"{one['python_version']} {one['sys_platform']}")
def test_the_lock_satisfies_every_bound(platform):
    pinned = {
        canonicalize_name(each.name): each.specifier
        for each, _ in locked("requirements.lock")
        if each.marker is None or Marker(str(each.marker)).evaluate(platform)
    }
    for each in requirements([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]):
        (pin,) = pinned[canonicalize_name(each.name)]
        assert Version(pin.version) in each.specifier, each


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-uv.lock"])
def test_every_pin_has_hashes_and_no_address(name):
    pins = locked(name)
    assert pins
    for each, hashes in pins:
        assert [one.operator for one in each.specifier] == ["=="], each
        assert each.url is None
        assert hashes, each
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes)
    assert "://" not in (CHECKOUT / name).read_text(encoding="utf-8")


def test_uv_alone_is_in_its_own_lock():
    assert [each.name for each, _ in locked("requirements-uv.lock")] == ["uv"]


@pytest.fixture
def checkout(tmp_path):
    """The files that an installation depends on."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-uv.lock"):
        shutil.copy2(CHECKOUT / name, tmp_path)
    return tmp_path


def make(folder, *arguments):
    own = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    command = ["make", "--no-print-directory", *arguments]  # as by hand, also when `make test` runs this
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)


def test_make_installs_once(checkout):
    stamp = checkout / ".venv" / ".installed"
    stamp.parent.mkdir()
    stamp.touch()
    assert make(checkout, "--question", "install").returncode == 0
    for name in ("pyproject.toml", "requirements.lock", "requirements-uv.lock"):
        later = stamp.stat().st_mtime + 10
        os.utime(checkout / name, (later, later))
        assert make(checkout, "--question", "install").returncode == 1, name
        os.utime(checkout / name, (later - 20, later - 20))


def test_make_refuses_an_old_python(checkout):
    done = make(checkout, "PYTHON=false", "install")
    assert done.returncode != 0
    assert "musan needs Python 3.11 or newer; 'false' is not: make PYTHON=python3.12" in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_make_verifies_what_it_installs(checkout, installer):
    plan = make(checkout, "--dry-run", f"INSTALLER={installer}").stdout
    installs = [line for line in plan.splitlines() if "pip install" in line]
    assert len(installs) >= 2
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation -e ." in line for line in installs)
    assert plan.splitlines()[-1] == ".venv/bin/musan run"


def test_make_help_lists_every_target():
    targets = re.search(r"(?m)^\.PHONY: (.*)$", (CHECKOUT / "Makefile").read_text(encoding="utf-8"))[1].split()
    shown = make(CHECKOUT, "help").stdout
    assert [line.split()[1] for line in shown.splitlines()] == targets
