"""An installed wheel is complete: the library, the tables, the notebooks and the page template."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from musan.locations import CHECKOUT

ASK = """
import json
from musan import evidence, locations
from musan.collection import source
print(json.dumps({
    "package": str(locations.PACKAGE),
    "data": str(locations.data_folder()),
    "notebooks": str(locations.notebooks_folder()),
    "templates": str(locations.templates_folder()),
    "output": str(locations.output_folder()),
    "rows": len(evidence.load("trade_monthly")),
    "names": source.names(locations.notebooks_folder()),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return the folder of a wheel's contents as pip or uv installs them, without the dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    if importlib.util.find_spec("pip"):
        installer = [sys.executable, "-m", "pip", "install"]
    else:  # a .venv made by uv has no pip
        installer = [shutil.which("uv") or "uv", "pip", "install", "--python", sys.executable]
    command = [*installer, "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def committed(folder, pattern):
    return sorted(path.name for path in (CHECKOUT / folder).glob(pattern))


def test_the_wheel_holds_everything(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"musan/data/{name}" for name in committed("data", "*")} <= names
    assert {f"musan/notebooks/{name}" for name in committed("notebooks", "*.ipynb")} <= names
    assert "musan/py.typed" in names
    shared = f"{wheel.name.partition('-py3')[0]}.data/data/share/jupyter/nbconvert/templates/musan"
    template = committed("lib/musan/collection/templates/musan", "*")
    assert template
    for name in template:
        assert {f"{shared}/{name}", f"musan/collection/templates/musan/{name}"} <= names


def test_the_wheel_holds_nothing_else(wheel):
    for name in zipfile.ZipFile(wheel).namelist():
        assert name.startswith(("musan/", "musan-")), name
        assert not {"tests", "__pycache__", ".ipynb_checkpoints", "output"} & set(name.split("/")), name


def test_an_installed_wheel_finds_its_own_copies(installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    inside = installed / "musan"
    assert found == {
        "package": str(inside),
        "data": str(inside / "data"),
        "notebooks": str(inside / "notebooks"),
        "templates": str(inside / "collection" / "templates"),
        "output": str(tmp_path / "output"),
        "rows": found["rows"],
        "names": [name.removesuffix(".ipynb") for name in committed("notebooks", "*.ipynb")],
    }
    assert found["rows"] > 0
    template = installed / "share" / "jupyter" / "nbconvert" / "templates" / "musan"
    assert sorted(path.name for path in template.iterdir()) == committed("lib/musan/collection/templates/musan", "*")


def test_a_checkout_finds_its_own_folders(tmp_path):
    done = subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["data"] == str(CHECKOUT / "data")
    assert found["notebooks"] == str(CHECKOUT / "notebooks")
    assert found["output"] == str(CHECKOUT / "output")
