"""The command line: refusals before anything runs, exit codes, what is printed where."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat import v4
from rich.console import Console
from typer.testing import CliRunner

from musan import claims, parameters, terminal
from musan.cli import app
from musan.collection import run as runner
from musan.collection import strip, verdicts
from musan.collection.run import RunEvent, RunOutcome

NOTEBOOKS = Path(__file__).parent / "notebooks"
FIRST = "01_trade_collapse"
HEAVY = {"matplotlib", "nbconvert", "nbformat", "pandas", "papermill", "pydantic", "scipy", "statsmodels"}


def musan(*arguments):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.fixture
def collection(tmp_path, monkeypatch):
    """A collection of three notebooks, one of which takes parameters and one of which fails."""
    folder, output = tmp_path / "notebooks", tmp_path / "output"
    folder.mkdir()
    for name in ("prints", "raises"):
        (folder / f"{name}.ipynb").write_bytes((NOTEBOOKS / f"{name}.ipynb").read_bytes())
    cell = v4.new_code_cell(parameters.cell_source(parameters.MODELS[FIRST]), metadata={"tags": ["parameters"]})
    nbformat.write(
        v4.new_notebook(cells=[v4.new_markdown_cell("# Did trade collapse?"), cell]), folder / f"{FIRST}.ipynb"
    )
    strip.strip(folder / f"{FIRST}.ipynb")
    monkeypatch.setenv("MUSAN_NOTEBOOKS", str(folder))
    monkeypatch.setenv("MUSAN_OUTPUT", str(output))
    return output


@pytest.fixture
def no_kernel(monkeypatch):
    """Nothing may be run."""

    def never(*_, **__):
        raise AssertionError("a run was started")

    monkeypatch.setattr(runner, "run", never)


def put(output, name="prints", folder="notebooks"):
    """Put a notebook into an output folder as if it had been run."""
    cell = v4.new_code_cell("print('ran')", execution_count=1, outputs=[v4.new_output("stream", text="ran\n")])
    path = output / folder / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# It ran"), cell]), path)
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["02"], "musan: no notebook '02'; known: 01_trade_collapse, prints, raises"),
        (["print", "rises"], "did you mean 'raises'?"),
        (["-p", "base_yaer=2015"], "musan: the notebooks to run: no parameter 'base_yaer'"),
        ([FIRST, "-p", "draws=many"], f"musan: {FIRST}: parameter draws is 'many' but must be a whole number"),
        (["prints", FIRST, "-p", "draws=-1"], "parameter draws is -1 but must be a whole number from"),
        (["prints", "-p", "draws=500"], "musan: prints: no parameter 'draws'"),
        (["-p", "draws"], "musan: -p: 'draws' is not of the form key=value"),
        (["-p", "=1"], "musan: -p: '=1' is not of the form key=value"),
        (["-p", "draws=500", "-p", "draws=600"], "musan: -p: parameter draws is given twice"),
    ],
)
def test_a_refusal_is_one_line_before_any_kernel_starts(collection, no_kernel, arguments, said):
    done = musan("run", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
    assert not collection.exists()


@pytest.mark.parametrize(
    "arguments", [["run", "--jobs", "0"], ["run", "--cell-timeout", "0"], ["runn"], ["run", "--no"]]
)
def test_bad_usage_is_refused(collection, no_kernel, arguments):
    assert musan(*arguments).exit_code == 2
    assert not collection.exists()


@pytest.mark.parametrize("arguments", [["verdicts"], ["export"]])
def test_without_a_run_there_is_nothing_to_show(collection, arguments):
    put(collection, folder="failed")
    done = musan(*arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("musan: ")
    assert "no executed notebook; run them with `musan run`" in done.stderr
    assert not (collection / "site").exists()


def test_a_run_in_which_one_fails(collection):
    """The others go on, everything is written from those that ran, and the exit code says so."""
    put(collection, "raises")
    (collection / "site").mkdir()
    (collection / "site" / "raises.html").write_text("stale", encoding="utf-8")
    command = [sys.executable, "-m", "musan.cli", "run", "--jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 4
    for count, line in enumerate(lines[:3], start=1):
        assert re.match(rf"\[{count}/3\] (01_trade_collapse|prints|raises) (done in|failed after) \d+\.\d s", line)
    (failure,) = [line for line in lines if "failed after" in line]
    assert re.search(
        r"raises: cell 3 \(`prices = \{\}`\): KeyError: 'iron ore'; partial notebook in .*failed/raises", failure
    )
    assert lines[3] == "musan: 1 of 3 notebooks failed: raises"
    assert {path.name for path in collection.rglob("*") if path.is_file()} == {
        f"{FIRST}.ipynb", "prints.ipynb", "raises.ipynb", f"{FIRST}.html", "prints.html", "index.html",
        "verdicts.csv", "verdicts.json",
    }  # fmt: skip
    assert {path.name for path in (collection / "failed").iterdir()} == {"raises.ipynb"}
    assert str(collection / "site" / "index.html") in done.stdout
    for title in (claim.title for claim in claims.ledger().values()):
        assert title[:20] in done.stdout


def test_a_run_that_succeeds(collection, tmp_path):
    chosen = tmp_path / "elsewhere"
    done = musan("run", "prints", "--output", str(chosen))
    assert done.exit_code == 0, done.stderr
    assert re.fullmatch(r"\[1/1\] prints done in \d+\.\d s\n", done.stderr)
    assert (chosen / "site" / "prints.html").is_file()
    assert not collection.exists()


def test_export_is_made_again_from_what_was_run(collection):
    put(collection)
    for stale in ("site/gone.html", "figures/gone/fall.png"):
        (collection / stale).parent.mkdir(parents=True, exist_ok=True)
        (collection / stale).write_text("stale", encoding="utf-8")
    done = musan("export")
    assert done.exit_code == 0, done.stderr
    assert {path.name for path in (collection / "site").iterdir()} == {"index.html", "prints.html"}
    assert list((collection / "figures").iterdir()) == []
    assert (collection / "verdicts.json").is_file()


@pytest.fixture
def ran(collection):
    put(collection)
    return collection


def test_verdicts_as_csv(ran):
    rows = list(csv.DictReader(io.StringIO(musan("verdicts", "--format", "csv").stdout)))
    assert [row["claim"] for row in rows] == list(claims.ledger())
    assert {"title", "statement", "attribution", "agreement", "grade", "notebook"} <= set(rows[0])


def test_verdicts_as_json(ran):
    rows = json.loads(musan("verdicts", "--format", "json").stdout)
    assert [row["claim"] for row in rows] == list(claims.ledger())
    assert rows[0]["agreement"] is None


def test_verdicts_as_markdown(ran):
    lines = musan("verdicts", "--format", "markdown").stdout.splitlines()
    assert len(lines) == len(claims.ledger()) + 2
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert lines[0].startswith("| Claim | ")


def test_verdicts_as_a_table(ran):
    shown = musan("verdicts").stdout
    assert all(heading in shown for heading in verdicts.HEADINGS.values())
    assert all(claim.title[:20] in shown for claim in claims.ledger().values())


def test_an_unknown_format_is_refused(ran):
    assert musan("verdicts", "--format", "xml").exit_code == 2


def test_the_readme_takes_the_verdicts(ran, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n\n{verdicts.BEGIN}\nold\n{verdicts.END}\n\nEnd.\n", encoding="utf-8")
    for _ in range(2):
        assert musan("verdicts", "--readme", str(readme)).exit_code == 0
    table = musan("verdicts", "--format", "markdown").stdout
    expected = f"# Title\n\n{verdicts.BEGIN}\n\n{table}\n{verdicts.END}\n\nEnd.\n"
    assert readme.read_text(encoding="utf-8") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        verdicts.BEGIN,
        f"{verdicts.END} {verdicts.BEGIN}",
        f"{verdicts.BEGIN} {verdicts.END} {verdicts.BEGIN} {verdicts.END}",
    ],
)
def test_a_readme_without_a_place_for_the_verdicts_is_left_alone(ran, tmp_path, text):
    readme = tmp_path / "README.md"
    readme.write_text(text, encoding="utf-8")
    done = musan("verdicts", "--readme", str(readme))
    assert done.exit_code == 2
    assert "README.md: has no place for the table of verdicts; put <!-- verdicts:begin -->" in done.stderr
    assert readme.read_text(encoding="utf-8") == text


def test_params_lists_what_may_be_changed(collection):
    shown = musan("params", "01").stdout
    for each in parameters.describe(FIRST):
        assert re.search(rf"(?m)^{each.name}\b.*{each.type_words}", shown)


def test_params_of_an_unknown_notebook(collection):
    done = musan("params", "03_without")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "musan: no notebook '03_without'; known: " in done.stderr


def test_params_of_a_notebook_without_any(collection):
    done = musan("params", "prints")
    assert done.exit_code == 2
    assert "prints: this notebook has no parameters" in done.stderr


def test_help_imports_nothing_heavy():
    code = "import sys, musan.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())


def test_no_command_shows_help():
    assert "run" in musan().output


def events(name="raises", error="raises: cell 3 (`[b]`): KeyError: 'x'"):
    failed = RunOutcome(name, ok=False, seconds=1.25, error=error)
    return [RunEvent("started", name, 0, 2), RunEvent("ended", name, 1, 2, failed)]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_shows_an_error_as_it_is(monkeypatch, is_terminal):
    text = io.StringIO()
    screen = Console(file=text, force_terminal=is_terminal, width=70, highlight=False, color_system=None)
    monkeypatch.setattr(terminal, "console", lambda **_: screen)
    with terminal.progress(2) as listen:
        for event in events():
            listen(event)
    assert "[1/2] raises failed after 1.2 s: raises: cell 3 (`[b]`): KeyError: 'x'\n" in text.getvalue()
    assert ("1/2" in text.getvalue().replace("[1/2]", "")) is is_terminal


def alive(process):
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").split()[2] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # no such folder on this system
        return True


def started(folder):
    """Return a process that runs the notebook that sleeps, once that sleeps, and its kernel."""
    pid = folder / "sleeping.pid"
    command = [sys.executable, "-m", "musan.cli", "run", "sleeps", "--output", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 60
    while not (pid.is_file() and pid.read_text(encoding="utf-8")):
        assert time.monotonic() < until
        time.sleep(0.1)
    return process, int(pid.read_text(encoding="utf-8"))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path, monkeypatch, sent):
    monkeypatch.setenv("MUSAN_NOTEBOOKS", str(NOTEBOOKS))
    process, sleeping = started(tmp_path)
    with process:
        process.send_signal(sent)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "musan: interrupted; notebooks that had ended are kept\n"
    until = time.monotonic() + 10
    while alive(sleeping):
        assert time.monotonic() < until, "the kernel goes on"
        time.sleep(0.1)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"sleeping.pid"}
