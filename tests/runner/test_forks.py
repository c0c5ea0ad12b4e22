"""A run that crashes, hangs, floods or is killed ends in one line, keeps its part and leaves the others alone."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cells import code, printed, write
from musan.collection import forks, workers
from musan.collection.forks import ForkServer, Spawned, fate
from musan.collection.run import plan, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

BOTH = pytest.mark.parametrize("engine", ["fork", "papermill"])
FIRST = "print('before')"
SLEEPS = """
    import os, subprocess, sys, time
    from pathlib import Path
    helper = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
    Path(os.environ['MUSAN_OUTPUT'], 'pids').write_text(f'{os.getpid()} {helper.pid}\\n')
    time.sleep(600)
"""

# What the cell does; the name that its error then has, and what it says.
FAULTS = {
    "crashes": ("import ctypes\nctypes.string_at(0)", "DeadKernelError: the {} died: {}killed by SIGSEGV"),
    "is_killed": ("import os\nos.kill(os.getpid(), 9)", "DeadKernelError: the {} died: {}killed by SIGKILL, as when"),
    "leaves": ("import os\nos._exit(0)", "DeadKernelError: the {} died: {}left with exit code 0, as by os._exit(0)"),
    "ends": ("raise SystemExit(0)", "SystemExit: the cell stopped the notebook before its end"),
    "quits": ("quit()", "SystemExit: the cell stopped the notebook before its end"),
    "raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "hangs": (
        "import time\nprint('in it', end='')\ntime.sleep(600)",
        "CellTimeoutError: the cell did not end within 2 s",
    ),
    "hangs_in_c": (
        "import re, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
        "print('in it')\nre.match('(a+)+b', 'a' * 60)",
        "CellTimeoutError: the cell did not end within 2 s",
    ),
    "closes_everything": ("import os\nos.closerange(3, 200)\nimport time\ntime.sleep(600)", "Error"),
}  # fmt: skip


def runs(folder, engine, **options):
    """Run all notebooks of a folder; return outcomes by name."""
    return {each.name: each for each in run(plan([], {}, folder, folder / "out", engine=engine, **options), jobs=2)}


def gone(process, seconds=10):
    """Return whether a process ends before long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def pids(folder):
    """Return the process that a sleeping cell is in and the one that it has started, once they are there."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        path = folder / "pids"
        if path.is_file() and (text := path.read_text(encoding="utf-8")).endswith("\n"):
            return [int(word) for word in text.split()]
        time.sleep(0.05)
    raise AssertionError("the cell was not reached")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Every fault, and one notebook that is well, in forks two at a time."""
    folder = tmp_path_factory.mktemp("faults")
    for name, (fault, _) in FAULTS.items():
        write(folder / f"{name}.ipynb", FIRST, fault, "print('never')")
    write(folder / "well.ipynb", FIRST)
    return folder, runs(folder, "fork", cell_timeout=2)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_line(faulty, name):
    _, outcomes = faulty
    outcome = outcomes[name]
    assert (outcome.ok, outcome.executed, outcome.cell, outcome.cells) == (False, None, 2, 2)
    assert FAULTS[name][1].format("process", "") in outcome.error
    assert outcome.error.startswith(f"{name}: cell 2 (`")
    assert "\n" not in outcome.error


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_leaves_the_notebook_up_to_it(faulty, name):
    folder, outcomes = faulty
    first, second, third = code(folder / "out" / "failed" / f"{name}.ipynb")
    assert (first.execution_count, first.outputs[0].text) == (1, "before\n")
    assert any(output.output_type == "error" for output in second.outputs)
    assert second.metadata.papermill.status == "failed"
    assert (third.execution_count, third.outputs) == (None, [])
    assert outcomes[name].failed_copy == folder / "out" / "failed" / f"{name}.ipynb"


@pytest.mark.parametrize("name", ["hangs", "hangs_in_c"])
def test_what_a_cell_has_printed_before_it_hung_is_kept(faulty, name):
    folder, _ = faulty
    assert "in it" in code(folder / "out" / "failed" / f"{name}.ipynb")[1].outputs[0].text


def test_the_others_are_left_alone(faulty):
    _, outcomes = faulty
    assert outcomes["well"].ok
    assert all(outcome.engine == "fork" for outcome in outcomes.values())


def test_a_limit_is_kept(faulty):
    _, outcomes = faulty
    assert 2 <= outcomes["hangs_in_c"].seconds < 6


@BOTH
def test_a_run_that_takes_too_long(tmp_path, engine):
    write(tmp_path / "slow.ipynb", *["import time\ntime.sleep(0.8)"] * 9)
    outcome = runs(tmp_path, engine, cell_timeout=60, timeout=3)["slow"]
    assert "CellTimeoutError: the run did not end within 3 s" in outcome.error
    assert outcome.cell in range(1, 5)


@BOTH
def test_a_flood_of_output_is_cut_with_a_word(tmp_path, engine):
    flood = "import resource\nfor _ in range(100): print('x' * 1_000_000)"
    write(tmp_path / "flood.ipynb", flood, "print('after')\nresource.getrusage(resource.RUSAGE_SELF).ru_maxrss")
    outcome = runs(tmp_path, engine)["flood"]
    assert outcome.ok, outcome.error
    flooded, after = code(outcome.executed)
    assert len(flooded.outputs) == 1
    assert flooded.outputs[0].text.endswith(
        "xx\n[musan: the cell printed more than 4,000,000 characters; the rest is left out]\n"
    )
    assert outcome.executed.stat().st_size < 4_100_000
    assert after.outputs[0].text == "after\n"
    if engine == "fork":
        assert int(after.outputs[1].data["text/plain"]) < 300_000  # kilobytes


def test_a_flood_past_python_is_cut_too(tmp_path):
    write(tmp_path / "flood.ipynb", "import os\nfor _ in range(20): os.write(1, b'x' * 1_000_000)")
    outcome = runs(tmp_path, "fork")["flood"]
    assert outcome.executed.stat().st_size < 4_100_000


def test_a_disk_without_room(tmp_path):
    """A limit on the size of files, set in a cell, is met by the journal and by the notebook."""
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))"
    write(tmp_path / "full.ipynb", FIRST, limit, "print('x' * 100_000)")
    write(tmp_path / "well.ipynb", FIRST)
    outcomes = runs(tmp_path, "fork")
    assert outcomes["well"].ok
    assert "File too large" in outcomes["full"].error
    assert "\n" not in outcomes["full"].error
    assert not (tmp_path / "out" / "notebooks" / "full.ipynb").exists()
    assert not list(tmp_path.rglob("*.tmp*"))


PROGRAM = """
import sys
from pathlib import Path
from musan.collection.run import plan, run
folder = Path(sys.argv[1])
run(plan(["sleeps"], {}, folder, folder / "out", engine=sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("engine", "sent"), [("fork", signal.SIGINT), ("fork", signal.SIGKILL), ("papermill", signal.SIGKILL)]
)
def test_nothing_is_left_when_the_one_who_waits_is_gone(tmp_path, engine, sent):
    write(tmp_path / "sleeps.ipynb", SLEEPS)
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), engine]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        sleeping, helper = pids(tmp_path / "out")
        process.send_signal(sent)
        process.communicate(timeout=30)
        assert process.returncode != 0
    assert gone(sleeping)
    if engine == "fork":
        assert gone(helper)
    else:  # a kernel that ends leaves what it has started to itself
        os.kill(helper, signal.SIGKILL)


@BOTH
def test_a_process_that_is_lost_is_replaced(tmp_path, engine):
    """The process that runs cells, or has started the kernel that does, is killed."""
    killed = "os.getpid()" if engine == "fork" else "os.getppid()"
    write(tmp_path / "first.ipynb", FIRST, f"import os, time\nos.kill({killed}, 9)\ntime.sleep(600)")
    write(tmp_path / "well.ipynb", FIRST)
    outcomes = {each.name: each for each in run(plan([], {}, tmp_path, tmp_path / "out", engine=engine), jobs=1)}
    assert outcomes["well"].ok
    said = "cell 2 (`import os, time`): DeadKernelError: the process died: killed by SIGKILL, as when memory runs out"
    assert said in outcomes["first"].error
    assert printed(tmp_path / "out" / "failed" / "first.ipynb") == "before\n"


def test_the_process_that_forks_is_replaced_when_it_is_lost(tmp_path):
    kill_it = "import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(0.5)"
    for name in ("first", "second"):
        write(tmp_path / f"{name}.ipynb", FIRST, kill_it if name == "first" else FIRST)
    requests = plan([], {}, tmp_path, tmp_path / "out", engine="fork")
    assert [(outcome.ok, outcome.engine) for outcome in run(requests, jobs=1)] == [(True, "fork")] * 2


def test_runs_do_not_see_each_other(tmp_path):
    """Nor the environment and the folder that the process which forks was started with."""
    write(
        tmp_path / "changes.ipynb",
        """
        import builtins, os, random, sys
        import numpy as np, pandas as pd
        import matplotlib.pyplot as plt
        from musan import evidence
        print(pd.get_option('display.max_columns'), plt.rcParams['font.size'], os.environ.get('LEFT'), os.getcwd())
        print(hasattr(builtins, 'left'), hasattr(evidence, 'left'), 'left' in globals(), plt.get_fignums())
        print(random.random(), np.random.random())
        left = builtins.left = evidence.left = 1
        pd.set_option('display.max_columns', 3)
        plt.rcParams['font.size'] = 1
        os.environ['LEFT'] = 'x'
        os.chdir('/')
        """,
    )
    (tmp_path / "again.ipynb").write_bytes((tmp_path / "changes.ipynb").read_bytes())
    outcomes = run(plan([], {}, tmp_path, tmp_path / "out", engine="fork"), jobs=1)
    seen = [printed(outcome.executed).splitlines() for outcome in outcomes]
    for lines in seen:
        assert lines[:2] == [f"20 10.0 None {tmp_path}", "False False False []"]
    assert set(seen[0][2].split()).isdisjoint(seen[1][2].split())


def test_a_run_has_the_environment_of_the_moment_when_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("MARK", "before")
    for name in ("first", "second"):
        write(tmp_path / f"{name}.ipynb", "import os\nprint(os.environ['MARK'], 'MUSAN_DATA' in os.environ)")

    def change(event):
        if event.kind == "ended":
            monkeypatch.setenv("MARK", "after")
            monkeypatch.setenv("MUSAN_DATA", str(tmp_path))

    outcomes = run(plan([], {}, tmp_path, tmp_path / "out", engine="fork"), jobs=1, on_event=change)
    assert [printed(outcome.executed) for outcome in outcomes] == ["before False\n", "after True\n"]


@BOTH
def test_files_and_processes_are_given_back(tmp_path, engine):
    write(tmp_path / "well.ipynb", FIRST)
    write(tmp_path / "leaves.ipynb", FAULTS["leaves"][0])
    before = sorted(Path("/proc/self/fd").iterdir())
    runs(tmp_path, engine)
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8")
    assert children == ""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that writes a module which the process that forks can import."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write_module(text):
        (tmp_path / "loaded.py").write_text(text, encoding="utf-8")
        return "loaded"

    return write_module


THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=[600], daemon=True).start()"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1", ""),
        ("import not_there", ""),  # the cell that imports it fails, and says so
        ("print('noise')", ""),
        (THREAD, "what notebooks import has started 1 threads"),
        ("import os\nos._exit(3)", "the process that loads the library ended before it had"),
    ],
)
def test_a_process_with_threads_is_not_forked(module, text, reason):
    server = ForkServer([module(text)])
    try:
        assert server.why_not() == server.why_not() == reason
    finally:
        server.close()


def test_kernels_are_used_where_forks_are_not_safe(tmp_path, module, monkeypatch, caplog):
    module(THREAD)
    monkeypatch.setattr(workers, "PACKAGES", {"loaded"})
    for name in ("one", "two"):
        write(tmp_path / f"{name}.ipynb", "import loaded\nprint('ran')")
    with caplog.at_level(logging.WARNING):
        outcomes = runs(tmp_path, "fork")
    assert {(each.ok, each.engine) for each in outcomes.values()} == {(True, "papermill")}
    assert [record.getMessage() for record in caplog.records] == [
        "runs take longer, each in a kernel of its own: what notebooks import has started 1 threads"
    ]


def test_what_a_notebook_imports_is_found(tmp_path):
    path = write(
        tmp_path / "imports.ipynb",
        "%matplotlib inline",
        "import os, pandas as pd\nfrom musan import evidence, claims\nfrom musan.methods.breaks import chow",
        "if True:\n    import scipy.stats\nimport requests",
    )
    found = set(workers.imports([path]))
    assert {"pandas", "musan", "musan.evidence", "musan.claims", "musan.methods.breaks", "scipy.stats"} <= found
    assert found.isdisjoint({"os", "requests"})


def test_nothing_starts_when_nothing_is_to_be_run(tmp_path, monkeypatch):
    def never(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr(forks.subprocess, "Popen", never)
    write(tmp_path / "well.ipynb", FIRST)
    requests = plan([], {}, tmp_path, tmp_path / "out", engine="fork")
    known = object()
    assert run(requests, unchanged=lambda _: known) == [known]


def test_a_process_that_does_not_start_is_one_line(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(forks.subprocess, "Popen", refuse)
    write(tmp_path / "well.ipynb", FIRST)
    outcome = runs(tmp_path, "fork")["well"]
    assert outcome.error == ("well: its process could not be started ([Errno 11] Resource temporarily unavailable)")


def test_a_process_is_used_again():
    child = Spawned()
    try:
        for number in (1, 2):
            child.give(abs, -number)
            assert child.hear(60).result == number
            assert child.idle
    finally:
        assert child.end() in (0, 128 + signal.SIGTERM, -signal.SIGTERM)  # at the latest by the signal itself
        child.close()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, "left with exit code 0, as by os._exit(0)"),
        (-11, "killed by SIGSEGV"),
        (-9, "killed by SIGKILL, as when memory runs out"),
    ],
)
def test_the_fate_of_a_process_is_said_in_words(code, said):
    assert fate(code) == said
