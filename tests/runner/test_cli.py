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

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FIRST = "01_trade_collapse"
HEAVY = {"matplotlib", "nbconvert", "nbformat", "pandas", "papermill", "pydantic", "scipy", "statsmodels"}


def musan(*arguments):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def command(*arguments, code="from musan.cli import app; app()", **environment):
    """Return what the command does in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


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
    cells, about = [v4.new_markdown_cell("# It ran"), cell], {"musan": {"title": "It ran"}}
    nbformat.write(v4.new_notebook(cells=cells, metadata=about), path)
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
    "arguments",
    [["--jobs", "0"], ["--cell-timeout", "0"], ["--timeout", "0"], ["--engine", "none"], ["--no"]],
)
def test_bad_usage_is_refused(collection, no_kernel, arguments):
    assert musan("run", *arguments).exit_code == 2
    assert not collection.exists()


def test_an_unknown_command_is_refused():
    assert musan("runn").exit_code == 2


@pytest.mark.parametrize("arguments", [["verdicts"], ["export"]])
def test_without_a_run_there_is_nothing_to_show(collection, arguments):
    put(collection, folder="failed")
    done = musan(*arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("musan: ")
    assert "no executed notebook; run them with `musan run`" in done.stderr
    assert not (collection / "site").exists()


def test_pages_are_exported_for_an_address(collection):
    put(collection)
    done = musan("export", "--address", "https://example.org/musan")
    assert done.exit_code == 0, done.stderr
    link = '<link rel="canonical" href="https://example.org/musan/{}">'
    for page, name in (("prints.html", "prints.html"), ("index.html", "")):
        assert link.format(name) in (collection / "site" / page).read_text(encoding="utf-8")


def test_an_address_that_is_none_is_refused_in_one_line(collection):
    put(collection)
    done = musan("export", "--address", "example.org")
    assert done.exit_code == 2
    assert done.stderr == (
        "musan: example.org: is not the address of a folder on the web; write for example https://example.org/musan/\n"
    )
    assert not (collection / "site").exists()


def test_a_run_in_which_one_fails(collection):
    """The others go on, everything is written from those that ran, and the exit code says so."""
    put(collection, "raises")
    (collection / "site").mkdir()
    (collection / "site" / "raises.html").write_text("stale", encoding="utf-8")
    done = command("run", "--jobs", "2")
    assert done.returncode == 1, done.stderr
    lines = done.stderr.strip().splitlines()
    names = {FIRST, "prints", "raises"}
    assert {line for line in lines if line.endswith("started")} == {f"{name} started" for name in names}
    ended = [line for line in lines if line.startswith("[")]
    for count, line in enumerate(ended, start=1):
        assert re.match(rf"\[{count}/3\] (01_trade_collapse|prints|raises) (done in|failed after) \d+\.\d s", line)
    (failure,) = [line for line in lines if "failed after" in line]
    assert re.search(
        r"raises: cell 3 \(`prices = \{\}`\): KeyError: 'iron ore'; partial notebook in .*failed/raises", failure
    )
    assert lines[-1] == "musan: 1 of 3 notebooks failed: raises"
    assert len(lines) == 7
    assert {path.name for path in collection.rglob("*") if path.is_file()} == {
        f"{FIRST}.ipynb", "prints.ipynb", "raises.ipynb", f"{FIRST}.html", "prints.html", "index.html",
        "verdicts.csv", "verdicts.json", f"{FIRST}.json", "prints.json", "run.json", "run.xml", "published.json",
        ".lock",
    }  # fmt: skip
    assert {path.name for path in (collection / "failed").iterdir()} == {"raises.ipynb"}
    assert str(collection / "site" / "index.html") in done.stdout
    for title in (claim.title for claim in claims.ledger().values()):
        assert title[:20] in done.stdout


def test_a_run_that_succeeds(collection, tmp_path):
    chosen = tmp_path / "elsewhere"
    done = musan("run", "prints", "--output", str(chosen))
    assert done.exit_code == 0, done.stderr
    assert re.fullmatch(r"prints started\n\[1/1\] prints done in \d+\.\d s\n", done.stderr)
    assert (chosen / "site" / "prints.html").is_file()
    assert not collection.exists()


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """A collection that has run, and what a second `musan run` says, imports and writes again."""
    root = tmp_path_factory.mktemp("twice")
    (root / "notebooks").mkdir()
    for name in ("prints", "reads_others"):
        (root / "notebooks" / f"{name}.ipynb").write_bytes((NOTEBOOKS / f"{name}.ipynb").read_bytes())
    where = {"MUSAN_NOTEBOOKS": str(root / "notebooks"), "MUSAN_OUTPUT": str(root / "output")}
    assert command("run", **where).returncode == 0
    before = times(root / "output")
    code = "import sys, atexit; atexit.register(lambda: print(*sys.modules)); from musan.cli import app; app()"
    second = command("run", code=code, **where)
    changed = {name for name, time in times(root / "output").items() if before.get(name) != time}
    return where, second, changed


def times(folder):
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_an_unchanged_run_does_nothing_again(twice):
    _, second, changed = twice
    assert second.returncode == 0
    assert second.stderr == "[1/2] prints unchanged\n[2/2] reads_others unchanged\n"
    assert changed == {".lock", "run.json", "run.xml"}
    assert all(claim.title[:20] in second.stdout for claim in claims.ledger().values())
    assert "site/index.html (unchanged)" in second.stdout


def test_an_unchanged_run_imports_nothing_heavy(twice):
    _, second, _ = twice
    imported = {name.partition(".")[0] for name in second.stdout.splitlines()[-1].split()}
    assert "musan" in imported
    assert (HEAVY - {"pydantic"}).isdisjoint(imported)


def test_the_reasons_are_explained_and_nothing_is_run(twice, no_kernel, monkeypatch):
    where, *_ = twice
    for name, value in where.items():
        monkeypatch.setenv(name, value)
    before = times(Path(where["MUSAN_OUTPUT"]))
    assert musan("run", "--explain").stdout == "prints: unchanged\nreads_others: unchanged\n"
    assert musan("run", "--explain", "--force", "prints").stdout == "prints: --force\n"
    elsewhere = Path(where["MUSAN_OUTPUT"]) / "elsewhere"
    assert musan("run", "--explain", "--output", str(elsewhere), "prints").stdout == "prints: never run\n"
    assert not elsewhere.exists()
    assert times(Path(where["MUSAN_OUTPUT"])) == before


def test_a_page_that_was_edited_is_made_again(twice, monkeypatch):
    where, *_ = twice
    page = Path(where["MUSAN_OUTPUT"]) / "site" / "prints.html"
    good = page.read_bytes()
    page.write_text("edited", encoding="utf-8")
    for name, value in where.items():
        monkeypatch.setenv(name, value)
    done = musan("run")
    assert "(unchanged)" not in done.stdout
    assert "prints unchanged" in done.stderr
    assert page.read_bytes() == good


def test_force_runs_what_is_unchanged(twice, monkeypatch):
    where, *_ = twice
    for name, value in where.items():
        monkeypatch.setenv(name, value)
    assert re.search(r"\[1/1\] prints done in", musan("run", "prints", "--force").stderr)


def test_a_changed_parameter_is_explained(collection):
    assert musan("run", FIRST).exit_code == 0
    name, default = "base_year", parameters.MODELS[FIRST]().base_year
    explained = musan("run", FIRST, "-p", f"{name}={default - 1}", "--explain").stdout
    assert explained == f"{FIRST}: parameter {name}: {default} -> {default - 1}\n"


NASTY = 'a "b" \'c\' \\ \n%s {x} """ \'\'\' #\N{SNOWMAN} 무산 \u202e $(rm -r) `id` = __import__("os")._exit(1)'


def test_a_text_on_the_command_line_stays_a_text(tmp_path):
    """Through -p, the checks, the key, the kernel, the record and the page."""
    name, parameter = "10_verdicts", "executed_notebooks"
    cells = [
        v4.new_markdown_cell("# What was given?"),
        v4.new_code_cell(parameters.cell_source(parameters.MODELS[name]), metadata={"tags": ["parameters"]}),
        v4.new_code_cell(f"print(ascii({parameter}))"),
    ]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "notebooks" / f"{name}.ipynb")
    output = tmp_path / "output"
    where = {"MUSAN_NOTEBOOKS": str(tmp_path / "notebooks"), "MUSAN_OUTPUT": str(output)}
    given = ["run", "-p", f"{parameter}={NASTY}"]
    done = command(*given, **where)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(output / "notebooks" / f"{name}.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == f"{NASTY!a}\n"
    (recorded,) = json.loads((output / "run.json").read_text(encoding="utf-8"))["runs"]
    assert recorded["parameters"] == executed.metadata.musan.run.parameters
    assert recorded["parameters"][parameter] == NASTY
    assert command(*given, **where).stderr == f"[1/1] {name} unchanged\n"
    assert command("run", "--explain", **where).stdout == f"{name}: parameter {parameter}: {NASTY!r} -> ''\n"


def test_export_is_made_again_from_what_was_run(collection):
    put(collection)
    for stale in ("site/gone.html", "figures/gone/fall.png"):
        (collection / stale).parent.mkdir(parents=True, exist_ok=True)
        (collection / stale).write_text("stale", encoding="utf-8")
    done = musan("export")
    assert done.exit_code == 0, done.stderr
    assert {path.name for path in (collection / "site").glob("*.html")} == {"index.html", "prints.html"}
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
    same = RunOutcome("prints", ok=True, seconds=0.0, unchanged=True)
    return [
        RunEvent("started", name, 0, 2),
        RunEvent("cell", name, 0, 2, cell=3, cells=5),
        RunEvent("ended", name, 1, 2, failed),
        RunEvent("ended", "prints", 2, 2, same),
    ]


def shown(monkeypatch, is_terminal, told, until=None):
    """Return what progress writes for some events."""
    text = io.StringIO()
    screen = Console(file=text, force_terminal=is_terminal, width=90, highlight=False, color_system=None)
    monkeypatch.setattr(terminal, "console", lambda **_: screen)
    with terminal.progress(2, terminal.Pace(["raises", "prints"], {"prints": 500.0}, 2)) as listen:
        for event in told[:until]:
            listen(event)
    return text.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_shows_an_error_as_it_is(monkeypatch, is_terminal):
    text = shown(monkeypatch, is_terminal, events())
    assert "[1/2] raises failed after 1.2 s: raises: cell 3 (`[b]`): KeyError: 'x'\n" in text
    assert "[2/2] prints unchanged\n" in text


def test_a_log_has_a_line_for_each_start_and_end(monkeypatch):
    lines = shown(monkeypatch, False, events()).splitlines()
    assert [line.split()[:2] for line in lines] == [["raises", "started"], ["[1/2]", "raises"], ["[2/2]", "prints"]]


def test_a_terminal_shows_cells_and_the_time_left(monkeypatch):
    text = shown(monkeypatch, True, events(), until=2)
    assert re.search(r"all .*0/2 notebooks 0:00:00 about 8 min left", text)
    assert re.search(r"raises .*3/5 cells +0:00:00", text)


def test_the_time_left_is_that_of_the_last_runs():
    assert terminal.Pace(["a", "b"], {}, 2).left(0) is None
    pace = terminal.Pace(["a", "b", "c"], {"a": 30.0, "b": 10.0}, 2)
    assert pace.left(0) == 30  # c takes 20 s: 60 s of two processes
    pace.note(RunEvent("started", "a", 0, 3), 100)
    pace.note(RunEvent("started", "b", 0, 3), 100)
    assert pace.left(110) == 20
    pace.note(RunEvent("ended", "b", 1, 3), 110)
    assert pace.left(115) == 20
    pace.note(RunEvent("ended", "a", 2, 3), 200)
    assert pace.left(200) == 20  # one notebook needs one process
    pace.note(RunEvent("ended", "c", 3, 3), 201)
    assert pace.left(201) == 0


def alive(process):
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").split()[2] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # no such folder on this system
        return True


def started(folder, *names):
    """Return a process that runs the notebook that sleeps, once that sleeps, and its kernel."""
    pid = folder / "sleeping.pid"
    order = [sys.executable, "-m", "musan.cli", "run", *names, "sleeps", "--output", str(folder), "--jobs", "1"]
    process = subprocess.Popen(order, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 60
    while not (pid.is_file() and pid.read_text(encoding="utf-8")):
        assert time.monotonic() < until
        time.sleep(0.1)
    return process, int(pid.read_text(encoding="utf-8"))


def wait_for_end_of(kernel):
    until = time.monotonic() + 10
    while alive(kernel):
        assert time.monotonic() < until, "the kernel goes on"
        time.sleep(0.1)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process_and_keeps_what_had_ended(tmp_path, monkeypatch, sent):
    monkeypatch.setenv("MUSAN_NOTEBOOKS", str(NOTEBOOKS))
    process, kernel = started(tmp_path, "prints")
    with process:
        process.send_signal(sent)
        process.send_signal(sent)  # impatience changes nothing
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + sent
    assert said.splitlines()[-1] == "musan: interrupted; notebooks that had ended are kept"
    assert "Traceback" not in said
    wait_for_end_of(kernel)
    recorded = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["runs"]
    assert {run["notebook"]: run["outcome"] for run in recorded} == {"prints": "done", "sleeps": "interrupted"}
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files - {"failed/sleeps.ipynb"} == {
        ".lock", "sleeping.pid", "run.json", "run.xml", "keys/prints.json", "notebooks/prints.ipynb",
    }  # fmt: skip
    again = musan("run", "prints", "--output", str(tmp_path))
    assert again.stderr == "[1/1] prints unchanged\n"


def test_a_signal_that_is_ignored_stays_ignored():
    """As under nohup, when the terminal is closed."""
    code = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from musan import command_line\n"
        "with command_line.stopped_by_signals(): os.kill(os.getpid(), signal.SIGHUP); print('goes on')"
    )
    assert command(code=code).stdout == "goes on\n"


def test_a_folder_takes_one_run_at_a_time_and_is_free_after_a_kill(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSAN_NOTEBOOKS", str(NOTEBOOKS))
    process, kernel = started(tmp_path)
    put(tmp_path)
    with process:
        for refused in (["run", "prints"], ["export"]):
            done = command(*refused, "--output", str(tmp_path))
            assert done.returncode == 2
            assert done.stderr == (
                f"musan: {tmp_path}: another musan is at work in this folder (process {process.pid}); "
                "wait for it, or choose another folder with --output\n"
            )
        assert command("verdicts", "--output", str(tmp_path)).returncode == 0
        process.kill()
        process.wait(timeout=10)
        done = command("run", "prints", "--output", str(tmp_path))
        assert done.returncode == 0, done.stderr
        if alive(kernel):
            os.kill(kernel, signal.SIGKILL)
