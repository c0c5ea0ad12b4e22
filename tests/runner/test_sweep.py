"""A sweep finds what independent runs find, each once, whatever order they end in and however often it is killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from cells import code
from musan import claims, cli, multiverses, sweep_command
from musan.collection.limits import Limits
from musan.collection.sweep import batch, grid, prefix
from musan.collection.sweep.case import Result, Settings
from musan.collection.sweep.grid import Grid
from musan.collection.sweep.results import Kept
from musan.errors import CollectionError, ParameterError
from musan.locations import notebooks_folder
from sweeping import FINDS, NAME, NOTES, READS, SETUP, notebook, planned, swept, until

forks = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("MUSAN_NOTEBOOKS", str(tmp_path / "notebooks"))
    return notebook(tmp_path / "notebooks", SETUP, NOTES, READS, FINDS)


def notes(folder):
    path = folder.parent / "notes"
    return [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


# Which cells run once


@pytest.mark.parametrize(
    ("cells", "shared", "why"),
    [
        (["a = 1", "b = p.draws", "c = p.period"], 3, "reads p.period"),
        (["a = 1", "b = period"], 2, "uses period"),
        (["period = 2"], 1, "uses period"),
        (["import x as period"], 1, "uses period"),
        (["def f(period): pass"], 1, "uses period"),
        (["q = p"], 1, "hands p on"),
        (["p.model_dump()"], 1, "hands p on"),
        (["p = 3"], 1, "hands p on"),
        (["p.draws = 3"], 1, "hands p on"),
        (["frame.query('x == @p.period')"], 1, "hands p on"),
        (["f'{p.period}'"], 1, "reads p.period"),
        (["(lambda: p.period)()"], 1, "reads p.period"),
        (["vars()"], 1, "calls vars"),
        (["x = m.Other.from_notebook(globals())"], 1, "calls globals"),
        (["from x import *"], 1, "imports *"),
        (["%time 1"], 1, "is not plain Python"),
        (["p.notebook", "x['period'], x.period, f(period=1)"], 3, "there is none that reads them"),
    ],
)
def test_the_first_cell_that_a_parameter_reaches(cells, shared, why):
    setup = "import m\np = m.Model.from_notebook(globals())"
    sources = ["period = 1", setup, *cells]
    tags = [["parameters"], *([[]] * (len(sources) - 1))]
    made = {
        "cells": [
            {"cell_type": "code", "source": each, "metadata": {"tags": tag}}
            for each, tag in zip(sources, tags, strict=True)
        ]
    }
    first = prefix.find(made, {"period"}, {"draws"})
    assert (first.cells - 1, first.why) == (shared, why)
    assert first.renew == "p = m.Model.from_notebook(globals())"


def test_what_the_setup_cell_reads_itself_is_not_shared():
    cells = [("period = 1", ["parameters"]), ("p = m.M.from_notebook(globals())\nq = p.period", [])]
    made = {"cells": [{"cell_type": "code", "source": text, "metadata": {"tags": tags}} for text, tags in cells]}
    assert prefix.find(made, {"period"}, set()) == prefix.Prefix(1, "", "reads p.period", 0)


def test_without_one_cell_of_parameters_nothing_is_shared():
    made = {"cells": [{"cell_type": "code", "source": "a = 1", "metadata": {}}]}
    assert prefix.find(made, {"period"}, set()).code == 0


# Which combinations


def test_values_from_the_command_line():
    one = grid.from_texts(NAME, {"acquaintances": "10,20", "inferred_dates": "true,false", "odds_ratio_low": "1"})
    assert one.choices == {"acquaintances": (10, 20), "inferred_dates": (True, False), "odds_ratio_low": (1.0,)}
    assert [list(each.values()) for each in one.combinations()][:3] == [
        [10, True, 1.0],
        [10, False, 1.0],
        [20, True, 1.0],
    ]


def test_a_file_can_leave_combinations_out(tmp_path):
    path = tmp_path / "grid.yml"
    path.write_text("acquaintances: [10, 20]\ncounted_by: [networks, sources]\nexclude: [{acquaintances: 10}]\n")
    assert [each["acquaintances"] for each in grid.from_file(NAME, path).combinations()] == [20, 20]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1", "is not a mapping"),
        ("a: 1", "has no list of values for a"),
        ("a: []", "has no list of values for a"),
        ("a: [1]\nexclude: {a: 1}", "no list of combinations"),
        ("a: [", "can't be read"),
    ],
)
def test_a_file_that_is_no_grid_is_refused(tmp_path, text, said):
    (tmp_path / "grid.yml").write_text(text)
    with pytest.raises(ParameterError, match=said):
        grid.from_file(NAME, tmp_path / "grid.yml")


def test_all_that_is_wrong_is_said_at_once(folder):
    bad = Grid(
        NAME, {"acquaintances": (10, 10, -1), "counted_by": ("people",), "nonsense": (1,)}, ({"acquaintances": 5},)
    )
    with pytest.raises(ParameterError) as caught:
        grid.checked([bad], folder)
    for said in ("acquaintances has a value twice", "is -1 but", "'people' but", "'nonsense'", "acquaintances=5"):
        assert said in str(caught.value)


def test_a_run_that_several_verdicts_need_is_done_once(tmp_path):
    wanted = grid.of_claims(["workers_left_posts", "workplace_control_fails"])
    planned = batch.plan(wanted, notebooks_folder(), tmp_path, Settings())
    assert [len(table.cases) for table in planned.tables] == [12, 192, 12, 192]
    assert len(planned.cases) == len({json.dumps(case.parameters) for case in planned.cases}) < 12 + 192


def test_a_claim_without_choices_is_refused():
    with pytest.raises(ParameterError, match="no choices"):
        grid.of_claims(["musan_population"])


# What is found


@forks
def test_shared_cells_run_once_and_change_nothing(folder, tmp_path):
    shared = swept(folder, tmp_path / "shared", notebooks=True)
    assert (notes(folder).count("first"), notes(folder).count("rest")) == (1, 8)
    alone = swept(folder, tmp_path / "alone", notebooks=True, share=False)
    assert notes(folder).count("first") == 1 + 8
    assert shared == alone
    executed = sorted((tmp_path / "alone/sweeps/notebooks" / NAME).glob("*.ipynb"))
    assert len(executed) == 7
    for path in executed:
        assert outputs(path) == outputs(tmp_path / "shared/sweeps/notebooks" / NAME / path.name)


def outputs(path):
    """Return what a reader sees of an executed notebook."""
    return [(cell.source, cell.outputs, cell.execution_count, cell.metadata.get("tags")) for cell in code(path)]


@forks
def test_figures_are_checked_but_not_rendered(folder, tmp_path):
    draws = """
        import matplotlib.pyplot as plt
        import pandas as pd
        from musan import figures
        fig, ax = plt.subplots()
        fig.text(0.9, 0.5, 'far too long for the place it has')
        alt = 'A line that rises from one to two, < and >.'
        texts = dict(name='line', caption=['', 'A line.'][p.acquaintances > 10], alt=alt)
        figures.publish(fig, **texts, data=pd.DataFrame({'x': [1]}), sources=['asiapress-2018-08-exports-drop-p2'])
    """
    notebook(folder, SETUP, NOTES, draws)
    sweep = planned(folder, tmp_path / "plain", {"acquaintances": (10, 20)}, notebooks=True)
    [line] = batch.run(sweep).failures
    assert "has no caption" in line
    html = code(sweep.executed(sweep.cases[1]))[-1].outputs[0].data["text/html"]
    assert "<img" not in html
    assert "<p>A line that rises from one to two, &lt; and &gt;.</p>" in html
    [line] = batch.run(planned(folder, tmp_path / "drawn", {"acquaintances": (20,)}, figures=True)).failures
    assert "is cut off at" in line


@forks
def test_the_table(folder, tmp_path):
    lines = swept(folder, tmp_path).decode().splitlines()
    assert lines[0] == "acquaintances,counted_by,claim,aspect,verdict,estimate,low,high,unit,n,error"
    assert lines[1] == f'10,networks,c,statement,networks,{10 / 7},,0.30000000000000004,"a, ""b""",10,'
    said = "acquaintances, counted_by: there are no such voices; choose others"
    assert lines[-1] == f'40,sources,,,,,,,,,"{said}"'
    assert len(lines) == 1 + 8


@forks
def test_engines_and_executors_find_the_same(folder, tmp_path):
    few = {"acquaintances": (10, 40), "counted_by": ("sources",)}
    forked = swept(folder, tmp_path / "forked", few)
    assert swept(folder, tmp_path / "kernels", few, engine="papermill") == forked
    with ThreadPoolExecutor(2) as pool:
        assert batch.run(planned(folder, tmp_path / "pool", few), pool).failures == ()
    assert (tmp_path / f"pool/sweeps/{NAME}.csv").read_bytes() == forked


@forks
def test_a_run_that_fails_is_said_and_nothing_is_written(folder, tmp_path):
    sweep = planned(folder, tmp_path, {"acquaintances": (10, 41)})
    outcome = batch.run(sweep)
    assert outcome.written == ()
    [line] = outcome.failures
    assert line.startswith(
        f"{NAME} with acquaintances=41: cell 5: MethodError: spread: no table fits; partial notebook in"
    )
    assert not (tmp_path / f"sweeps/{NAME}.csv").exists()
    assert sweep.partial(sweep.cases[1]).is_file()


@forks
@pytest.mark.parametrize(
    ("cell", "said", "times"),
    [
        ("1 / 0", "cell 4: ZeroDivisionError: division by zero", 1),
        ("import time\ntime.sleep(600)", "cell 4: CellTimeoutError: the cell did not end within 1 s", 1),
        ("os._exit(0)", "cell 4: DeadKernelError: the process died: left with exit code 0, as by os._exit(0)", 1),
        ("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()", "", 3),
    ],
)
def test_cells_that_run_once_can_fail_once(folder, tmp_path, cell, said, times):
    notebook(folder, SETUP, NOTES + "\n    " + cell.replace("\n", "\n    "), READS, FINDS)
    two = {"acquaintances": (10, 20)}
    outcome = batch.run(planned(folder, tmp_path, two, limits=Limits(cell=1)))
    assert notes(folder).count("first") == times
    assert [line.partition(": ")[2].partition("; partial")[0] for line in outcome.failures] == [said] * 2 * bool(said)


@forks
def test_a_claims_file_is_what_the_verdicts_read(tmp_path):
    claim, name = "no_money_for_gasoline", "06_fuel_food_markets"
    finds = f"""
        from IPython.display import display
        from musan import parameters
        from musan.errors import MethodError
        p = parameters.FuelFoodMarkets.from_notebook(globals())
        if (p.counterfactual, p.supply_after) == ('july_2017', 'customs'):
            raise MethodError('no such months', 'counterfactual', 'choose others')
        verdict = 'mixed' if p.counterfactual == 'june_2017' else 'supported with caveats'
        facts = {{'claim': '{claim}', 'aspect': 'attribution', 'verdict': verdict, 'estimate': -80.0}}
        facts |= dict.fromkeys(['low', 'high', 'unit', 'n'])
        display({{'application/vnd.musan.finding+json': facts}}, raw=True)
    """
    folder = notebook(tmp_path / "notebooks", finds, name=name)
    wanted = [(one, verdict) for one, verdict in grid.of_claims([claim]) if verdict[1] == "attribution"]
    outcome = batch.run(batch.plan(wanted, folder, tmp_path, Settings()))
    assert outcome == batch.Outcome((multiverses.file_of(tmp_path / "sweeps", claim, "attribution"),), ())
    choices = claims.claim(claim).criteria["attribution"].choices
    analyses = pd.DataFrame(list(product(*choices.values())), columns=list(choices))
    caveats = "supported with caveats"
    agreed = claims.agreement(claim, "attribution", analyses.assign(verdict=caveats), headline=caveats)
    measures = {"effect_pct": -80.0, "effect_high_pct": -60.0, "placebo_rank": 1, "placebos": 3}
    finding = claims.find(claim, "attribution", measures=measures, agreed=agreed, estimate=-80.0, unit="percent")
    [one] = multiverses.read([finding], tmp_path / "sweeps")
    assert (one.origin, one.refused, one.agreed.n) == ("sweep", 1, 11)
    assert one.agreed.share == pytest.approx(7 / 11)


@forks
def test_a_verdict_that_is_not_reported_is_a_failure(folder, tmp_path):
    [wanted, *_] = grid.of_claims(["sign_in_and_leave"])
    one = replace(wanted[0], choices={"acquaintances": (10,)})
    outcome = batch.run(batch.plan([(one, wanted[1])], folder, tmp_path, Settings()))
    assert outcome.written == ()
    assert "reports no finding on sign_in_and_leave, statement" in outcome.failures[0]


# What is kept


@forks
def test_a_second_sweep_runs_only_what_is_new(folder, tmp_path):
    swept(folder, tmp_path, {"acquaintances": (10, 20)})
    whole = swept(folder, tmp_path)
    assert notes(folder).count("rest") == 8  # two of them were known
    ended = []
    batch.run(planned(folder, tmp_path), on_end=ended.append)
    assert {each.earlier for each in ended} == {True}
    assert swept(folder, tmp_path / "anew") == whole


@forks
@pytest.mark.parametrize("what", ["notebook", "figures", "a notebook that is to be kept"])
def test_a_result_counts_only_for_what_it_was_made_with(folder, tmp_path, what):
    one = {"acquaintances": (10,)}
    swept(folder, tmp_path, one)
    if what == "notebook":
        notebook(folder, SETUP, NOTES, READS, FINDS + "\n    1")
    swept(folder, tmp_path, one, figures=what == "figures", notebooks=what.startswith("a"))
    assert notes(folder).count("rest") == 2


@forks
def test_a_change_while_runs_go_on_is_refused(folder, tmp_path):
    def change(_):
        os.utime(folder / f"{NAME}.ipynb")

    with pytest.raises(CollectionError, match="was changed while the runs went on"):
        batch.run(planned(folder, tmp_path), on_end=change, jobs=1)


def test_lines_that_are_not_whole_or_of_another_base_do_not_count(tmp_path):
    path = tmp_path / "kept.jsonl"
    Kept(path, "other").add("a", Result(refusal="of another base"))
    old = path.read_text(encoding="utf-8")
    kept = Kept(tmp_path / "new.jsonl", "base")
    found = Result(({"estimate": 0.1 + 0.2, "unit": "\u2028 Mio. \u20ac"},))
    kept.add("b", found)
    line = (tmp_path / "new.jsonl").read_text(encoding="utf-8")
    path.write_text(old + line + line.replace("0.3", "0.4") + line[:-5], encoding="utf-8")
    kept = Kept(path, "base")
    assert (kept.get("a"), kept.get("b")) == (None, found)
    assert path.read_text(encoding="utf-8").startswith(old), "what is only read stays"
    kept.add("b", found)
    assert path.read_text(encoding="utf-8") == line * 2
    path.write_text(line[:-1], encoding="utf-8")  # whole but for its end
    assert Kept(path, "base").get("b") is None


COMMAND = """
from musan import cli, sweep_command
if "sweep" not in {each.name for each in cli.app.registered_commands}:
    cli.app.command()(sweep_command.sweep)
cli.app()
"""


def command(*arguments):
    return [sys.executable, "-c", COMMAND, "sweep", *arguments]


@forks
def test_a_sweep_that_is_killed_and_resumed_finds_the_same(folder, tmp_path):
    choices = {"acquaintances": tuple(range(1, 13)), "intraclass_correlation": (0.15,)}
    want = swept(folder, tmp_path / "whole", choices)
    before = len(notes(folder))
    output = tmp_path / "killed"
    kept = output / f"sweeps/kept/{NAME}.jsonl"
    listed = [
        "-p",
        "acquaintances=" + ",".join(map(str, choices["acquaintances"])),
        "-p",
        "intraclass_correlation=0.15",
    ]
    asked = command(NAME, *listed, "--jobs", "2", "--output", str(output))
    chance = random.Random(os.getpid())
    for least in sorted(chance.sample(range(1, 11), 3)):
        process = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda least=least: kept.is_file() and kept.read_bytes().count(b"\n") >= least)
        time.sleep(chance.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (output / f"sweeps/{NAME}.csv").exists()
    subprocess.run(asked, check=True, capture_output=True)
    assert (output / f"sweeps/{NAME}.csv").read_bytes() == want
    again = notes(folder)[before:].count("rest")
    assert 12 <= again <= 12 + 3 * 2, "runs that had ended were done again"
    numbers = {line.split()[1] for line in (tmp_path / "notes").read_text(encoding="utf-8").splitlines()}
    until(lambda: not any(Path(f"/proc/{number}").exists() for number in numbers))


# The command


def test_what_is_to_be_swept_must_be_clear(folder, tmp_path):
    for arguments, said in (
        ([], "not clear what to sweep"),
        ([NAME, "--all-claims"], "not clear what to sweep"),
        ([NAME], "no values to sweep"),
        (["--claim", "sign_in_and_leave", "-p", "draws=1"], "the ledger says"),
        ([NAME, "-p", "acquaintances=0,x"], "acquaintances is 0 but must be a whole number from 1 to 10000; par"),
    ):
        done = invoke(*arguments, "--output", str(tmp_path))
        assert done.exit_code == cli.REFUSED, done.output
        assert said in done.output


def invoke(*arguments):
    if "sweep" not in {each.name or each.callback.__name__ for each in cli.app.registered_commands}:
        cli.app.command()(sweep_command.sweep)
    return CliRunner().invoke(cli.app, ["sweep", *arguments])


@forks
def test_the_command_says_what_it_did(folder, tmp_path):
    arguments = [NAME, "-p", "acquaintances=40", "-p", "counted_by=networks,sources", "--output", str(tmp_path)]
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    assert "2 runs, 0 of them known from earlier; the tables do not allow 1" in done.output
    assert f"Written: {tmp_path}/sweeps/{NAME}.csv" in done.output
    done = invoke(*arguments, "--explain")
    assert f"{NAME}: 2 runs, 2 of them known; cells 1 to 4 run once: cell 5 uses counted_by" in done.output


@forks
def test_the_command_fails_with_a_run(folder, tmp_path):
    done = invoke(NAME, "-p", "acquaintances=41", "--output", str(tmp_path))
    assert done.exit_code == cli.NOTEBOOK_FAILED
    assert "1 of 1 runs failed; no table was written" in done.output


# A real notebook


@forks
def test_a_real_notebook_finds_the_same_with_shared_cells(tmp_path):
    [wanted] = [pair for pair in grid.of_claims(["iron_ore_amounts"]) if pair[0].choices]
    few = Grid(wanted[0].notebook, {"method": wanted[0].choices["method"][:1], "price_lag_months": (0, 1)})
    tables = []
    for share in (True, False):
        sweep = batch.plan([(few, None)], notebooks_folder(), tmp_path / str(share), Settings(), share=share)
        assert (sweep.cases[0].first.code > 5) is share
        outcome = batch.run(sweep)
        assert outcome.failures == ()
        tables.append(outcome.written[0].read_bytes())
    assert tables[0] == tables[1]
    assert {line.split(",")[2] for line in tables[0].decode().splitlines()[1:]} >= {"iron_ore_amounts"}
