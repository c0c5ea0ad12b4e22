"""A disk that is full ends in one clear line, and leaves whole files only; with room again all goes on."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

MUSAN = shlex.join([sys.executable, "-c", "from musan.cli import app; app()"])
LONG = "import random\nprint(random.Random(1).randbytes(400_000).hex())"
SAYS = "can't be written (No space left on device); free space, or choose a folder that you may write to"


def on_a_disk(folder, size, *commands, **environment):
    """Return what shell commands do with a disk of this size mounted on a folder, which only they see."""
    folder.mkdir()
    script = "; ".join([f"mount -t tmpfs -o size={size} tmpfs {shlex.quote(str(folder))} || exit 99", *commands])
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _may_mount(tmp_path):
    if sys.platform != "linux" or on_a_disk(tmp_path / "try", "1m", "true").returncode:
        pytest.skip("no disk may be mounted here")


@pytest.fixture
def notebooks(tmp_path):
    """A short notebook and one that prints 800,000 characters."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name, source in (("long", LONG), ("short", "print(1)")):
        cells = [v4.new_markdown_cell(f"# {name}"), v4.new_code_cell(source)]
        nbformat.write(v4.new_notebook(cells=cells, metadata={"musan": {"title": name}}), folder / f"{name}.ipynb")
    return str(folder)


@pytest.mark.parametrize(
    ("size", "code", "first"),
    [("60k", 2, "long.ipynb"), ("200k", 1, "long.ipynb"), ("900k", 2, "long.html"), ("2500k", 2, "index.html")],
)
def test_a_run_on_a_full_disk(tmp_path, notebooks, size, code, first):
    output = tmp_path / "output"
    run = f"{MUSAN} run --output {shlex.quote(str(output))}"
    files = f"find {shlex.quote(str(output))} -type f"
    more = f"mount -o remount,size=8m {shlex.quote(str(output))}"
    done = on_a_disk(
        output,
        size,
        run,
        "echo code $?",
        files,
        more,
        f"{run} > /dev/null",
        "echo code $?",
        files,
        MUSAN_NOTEBOOKS=notebooks,
    )
    assert "Traceback" not in done.stderr
    assert f"{first}: {SAYS}" in done.stderr
    before, after = done.stdout.partition("code ")[2].split("code ")
    assert before.startswith(str(code))
    assert after.startswith("0\n"), done.stderr
    for listed in (before, after):
        hidden = [name for name in listed.split() if Path(name).name.startswith(".") and not name.endswith("/.lock")]
        assert hidden == [], "half-written files are left"
    assert f"{output}/site/index.html" in after


def test_a_sweep_on_a_full_disk(tmp_path):
    output = tmp_path / "output"
    sweep = f"{MUSAN} sweep 08 -p odds_ratio_high=2,2.5,3,3.5,4,5,6,7,8,9 --output {shlex.quote(str(output))}"
    more = f"mount -o remount,size=1m {shlex.quote(str(output))}"
    done = on_a_disk(output, "8k", sweep, "echo code $?", more, sweep, "echo code $?")
    assert "Traceback" not in done.stderr
    assert done.stderr.count(SAYS) == 1
    first, second = done.stdout.split("code ")[1:]
    assert (first[0], second[0]) == ("2", "0"), done.stderr
    known = int(first.partition("10 runs, ")[2].split()[0])
    assert 0 < known < 10
