"""Notebooks run side by side; each is written whole or not at all, and a failure says where."""

import json
import subprocess
import sys
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from cells import printed
from musan import __version__, parameters
from musan.collection import kernel, source, strip
from musan.collection.limits import Limits
from musan.collection.run import RunOutcome, engine_for, plan, run, run_one
from musan.errors import CollectionError, ParameterError

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FAILING = {"dies", "exits", "raises", "sleeps"}
FIRST = "01_trade_collapse"


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


class Inline(Executor):
    """Runs each call at once, in this process."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Broken(Executor):
    def submit(self, fn, /, *args, **kwargs):
        raise BrokenProcessPool


class Cancelling(Executor):
    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


@pytest.fixture(scope="module", params=["fork", "papermill"])
def finished(tmp_path_factory, request):
    """Every behaviour, run two at a time over the remains of an earlier run."""
    if request.param == "fork" and sys.platform != "linux":
        pytest.skip("processes are forked on Linux only")
    output = tmp_path_factory.mktemp("output")
    for remains in ("notebooks/raises.ipynb", "failed/prints.ipynb"):
        (output / remains).parent.mkdir()
        (output / remains).write_text("{}", encoding="utf-8")
    requests = plan([], {}, NOTEBOOKS, output, cell_timeout=2, engine=request.param)
    events = []
    outcomes = run(requests, jobs=2, on_event=events.append)
    return output, {outcome.name: outcome for outcome in outcomes}, events


def test_a_failure_does_not_stop_the_others(finished):
    _, outcomes, _ = finished
    assert {name for name, outcome in outcomes.items() if not outcome.ok} == FAILING
    assert set(outcomes) == set(source.names(NOTEBOOKS))


def test_each_event_says_how_many_runs_are_under_way(finished):
    *_, events = finished
    under_way = 0
    for event in events:
        under_way += {"started": 1, "cell": 0, "ended": -1}[event.kind]
        assert event.running == under_way <= 2
    assert under_way == 0


def test_each_result_is_in_its_place_and_nothing_else_is(finished):
    output, outcomes, _ = finished
    expected = {f"{'failed' if name in FAILING else 'notebooks'}/{name}.ipynb" for name in outcomes}
    assert files(output) == expected | {"sleeping.pid"}
    for name, outcome in outcomes.items():
        assert outcome.executed == (None if name in FAILING else output / "notebooks" / f"{name}.ipynb")
        assert outcome.failed_copy == (output / "failed" / f"{name}.ipynb" if name in FAILING else None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "cell 3 (`prices = {}`): KeyError: 'iron ore'; partial notebook in "),
        ("dies", "cell 3 (`os._exit(0)`): DeadKernelError: the "),
        ("exits", "cell 3 (`sys.exit(0)`): SystemExit: the cell stopped the notebook before its end"),
        ("sleeps", '"sleeping.pid").write_t…`): CellTimeoutError: the cell did not end within 2 s'),
    ],
)  # fmt: skip
def test_a_failure_names_notebook_cell_and_error_in_one_line(finished, name, said):
    output, outcomes, _ = finished
    outcome = outcomes[name]
    assert outcome.cell == 3
    assert outcome.error.startswith(f"{name}: cell 3 (`")
    assert said in outcome.error
    assert outcome.error.endswith(str(output / "failed" / f"{name}.ipynb"))
    assert "\n" not in outcome.error


@pytest.mark.parametrize("name", sorted(FAILING))
def test_the_partial_notebook_keeps_what_ran_and_shows_the_error(finished, name):
    output, _, _ = finished
    partial = nbformat.read(output / "failed" / f"{name}.ipynb", as_version=4)
    nbformat.validate(partial)
    cells = [cell for cell in partial.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    assert cells[1].execution_count == 1
    assert any(shown.output_type == "error" for shown in cells[2].outputs)
    assert all(cell.execution_count is None for cell in cells[3:])


def test_the_kernel_knows_the_output_folder_and_has_one_thread(finished):
    output, _, _ = finished
    assert printed(output / "notebooks" / "reports_environment.ipynb").split("\n")[:3] == [
        str(output),
        str(NOTEBOOKS),
        "1 1",
    ]


def test_a_notebook_that_reads_findings_runs_last(finished):
    output, outcomes, _ = finished
    good = sorted(f"{name}.ipynb" for name, outcome in outcomes.items() if outcome.ok and name != "reads_others")
    assert printed(output / "notebooks" / "reads_others.ipynb") == f"{good}\n"


def test_the_executed_notebook_says_how_it_was_run(finished):
    output, _, _ = finished
    metadata = source.read(output / "notebooks" / "prints.ipynb")["metadata"]
    assert metadata["musan"]["run"] == {"notebook": "prints", "parameters": {}, "version": __version__}


def test_events_tell_what_runs_and_what_has_ended(finished):
    _, outcomes, events = finished
    running = {}
    for event in events:
        assert event.total == len(outcomes)
        if event.kind == "started":
            running[event.name] = 0
        elif event.kind == "cell":
            assert running[event.name] <= event.cell <= event.cells
            running[event.name] = event.cell
        else:
            # A cell that takes the process with it has begun and never ends.
            assert event.outcome.cells - running.pop(event.name) in ({0} if event.outcome.ok else {0, 1})
        assert len(running) <= 2
    ended = [event for event in events if event.kind == "ended"]
    assert [event.done for event in ended] == list(range(1, len(outcomes) + 1))
    assert {event.name: event.outcome for event in ended} == outcomes


def test_outcomes_tell_when_and_by_what_they_were_made(finished, request):
    _, outcomes, _ = finished
    engine = request.node.callspec.params["finished"]
    assert {outcome.engine for outcome in outcomes.values()} == {engine}
    first = min(outcome.started for outcome in outcomes.values())
    assert (
        outcomes["reads_others"].started
        > max(outcome.started + outcome.seconds for name, outcome in outcomes.items() if name != "reads_others") - 0.1
        > first
    )
    assert not any(outcome.unchanged for outcome in outcomes.values())


@pytest.fixture
def collection(tmp_path):
    """A folder with a first notebook that has the real parameters, as small as can be."""
    model = parameters.MODELS[FIRST]
    setup = f"from musan import parameters\n\np = parameters.{model.__name__}.from_notebook(globals())\nprint(p)"
    cells = [
        v4.new_markdown_cell("# Did trade collapse?"),
        v4.new_code_cell(parameters.cell_source(model), metadata={"tags": ["parameters"]}),
        v4.new_code_cell(setup),
    ]
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(v4.new_notebook(cells=cells), folder / f"{FIRST}.ipynb")
    strip.strip(folder / f"{FIRST}.ipynb")
    for name in ("prints", "raises"):
        (folder / f"{name}.ipynb").write_bytes((NOTEBOOKS / f"{name}.ipynb").read_bytes())
    return folder


def other_value(name=FIRST):
    """Return a parameter of a notebook, and a value as text that is allowed and not the default."""
    for each in parameters.describe(name):
        if each.choices:
            return each.name, next(str(choice) for choice in each.choices if choice != each.default)
        if each.kind is int and each.low is not None and each.low != each.default:
            return each.name, str(each.low)
    raise AssertionError("no such parameter")


def test_a_plan_is_complete(collection, tmp_path):
    name, text = other_value()
    first, *others = plan([], {name: text}, collection, tmp_path / "out", cell_timeout=5, timeout=9, engine="fork")
    assert str(first.parameters[name]) == text
    assert set(first.parameters) == set(parameters.MODELS[FIRST].model_fields)
    assert first.target == tmp_path / "out" / "notebooks" / f"{FIRST}.ipynb"
    assert first.failed == tmp_path / "out" / "failed" / f"{FIRST}.ipynb"
    assert (first.cell_timeout, first.timeout, first.engine, first.key) == (5, 9, "fork", "")
    assert [each.parameters for each in others] == [{}, {}]


def test_a_value_changed_in_the_notebook_itself_holds(collection, tmp_path):
    name, text = other_value()
    default = getattr(parameters.MODELS[FIRST](), name)
    path = collection / f"{FIRST}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    value = json.dumps(text) if isinstance(default, str) else text
    lines = [
        line if not line.startswith(f"{name}:") else f"{name} = {value}"
        for line in notebook.cells[1].source.split("\n")
    ]
    notebook.cells[1].source = "\n".join(lines)
    nbformat.write(notebook, path)
    (request,) = plan([FIRST], {}, collection, tmp_path / "out")
    assert str(request.parameters[name]) == text
    (request,) = plan([FIRST], {name: str(default)}, collection, tmp_path / "out")
    assert request.parameters[name] == default


@pytest.mark.parametrize("selection", [["01"], [FIRST], [f"notebooks/{FIRST}.ipynb"], ["01", "01_trade"]])
def test_a_notebook_is_found_by_a_unique_beginning(collection, tmp_path, selection):
    assert [each.name for each in plan(selection, {}, collection, tmp_path)] == [FIRST]


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (["02"], "no notebook '02'; known: 01_trade_collapse, prints, raises"),
        (["print"] * 2 + ["rises"], "no notebook 'rises'; did you mean 'raises'?"),
        ([""], "no notebook ''"),
        (["notebooks/01_trade_colapse.ipynb"], "did you mean '01_trade_collapse'?"),
    ],
)
def test_an_unknown_notebook_is_refused_with_its_neighbour(collection, tmp_path, selection, said):
    with pytest.raises(CollectionError) as caught:
        plan(selection, {}, collection, tmp_path)
    assert said in str(caught.value)


def test_an_ambiguous_beginning_is_refused():
    with pytest.raises(CollectionError, match="'re' could be reads_others or reports_environment; give more"):
        plan(["re"], {}, NOTEBOOKS, Path("out"))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(CollectionError, match="has no notebook"):
        plan([], {}, tmp_path, tmp_path)


def test_a_file_that_is_no_notebook_is_refused_before_anything_runs(collection, tmp_path):
    (collection / f"{FIRST}.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(CollectionError, match="cannot be read as a notebook"):
        plan([], {}, collection, tmp_path)


def test_a_parameter_that_no_notebook_has_is_refused(collection, tmp_path):
    name, text = other_value()
    with pytest.raises(ParameterError, match=f"the notebooks to run: no parameter '{name}x'; did you mean '{name}'"):
        plan([], {f"{name}x": text}, collection, tmp_path)
    with pytest.raises(ParameterError, match=f"prints: no parameter '{name}'; they have no parameters"):
        plan(["prints"], {name: text}, collection, tmp_path)


def test_a_value_that_one_notebook_refuses_is_refused(collection, tmp_path):
    name, _ = other_value()
    with pytest.raises(ParameterError, match=f"{FIRST}: parameter {name} is 'no such value' but must be"):
        plan([], {name: "no such value"}, collection, tmp_path)


def test_a_changed_parameter_reaches_the_notebook(collection, tmp_path):
    name, text = other_value()
    outcome = run_one(plan([FIRST], {name: text}, collection, tmp_path / "out")[0])
    assert outcome.error == ""
    assert f"{name}={parameters.parse(FIRST, {name: text}).model_dump()[name]!r}" in printed(outcome.executed)
    tags = [cell.metadata.get("tags") for cell in nbformat.read(outcome.executed, as_version=4).cells]
    assert tags.count(["injected-parameters"]) == 1


NASTY = 'a "b" \'c\' \\ \n%s {x} """ \'\'\' #\N{SNOWMAN} 무산 \u202e $(rm -r) `id` __import__("os")._exit(1)'


def test_a_text_stays_a_text_on_its_way_into_the_kernel(tmp_path):
    (request,) = plan(["echoes_parameters"], {}, NOTEBOOKS, tmp_path)
    outcome = run_one(replace(request, parameters={"label": NASTY, "factor": 1.5}))
    assert outcome.ok, outcome.error
    assert printed(outcome.executed) == f"{NASTY!r} 1.5\n"


def test_the_cell_is_counted_without_the_one_that_papermill_puts_in(collection, tmp_path):
    name, text = other_value()
    path = collection / f"{FIRST}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(v4.new_code_cell("# Why.\n1 / 0"))
    nbformat.write(notebook, path)
    outcome = run_one(plan([FIRST], {name: text}, collection, tmp_path / "out")[0])
    assert outcome.cell == 4
    assert "cell 4 (`1 / 0`): ZeroDivisionError: division by zero" in outcome.error


def test_plain_papermill_refuses_an_unknown_parameter_too(collection, tmp_path):
    command = [sys.executable, "-m", "papermill", str(collection / f"{FIRST}.ipynb"), str(tmp_path / "out.ipynb")]
    done = subprocess.run([*command, "-p", "base_yaer", "2015"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ParameterError: {FIRST}: no parameter 'base_yaer'")


class Stub:
    """In place of a kernel: every notebook runs at once and shows nothing."""

    def __init__(self, monkeypatch):
        self.calls = []
        monkeypatch.setattr(kernel, "execute", self)

    def __call__(self, path, values, environment, limits):
        self.calls.append((path.stem, dict(values), dict(environment), limits))
        return v4.new_notebook(), None


def test_only_values_that_differ_from_the_cell_are_put_in(collection, tmp_path, monkeypatch):
    stub = Stub(monkeypatch)
    name, text = other_value()
    default = str(getattr(parameters.MODELS[FIRST](), name))
    for given in ({}, {name: default}, {name: text}):
        run(plan([FIRST], given, collection, tmp_path / "out"), Inline())
    changed = {name: parameters.parse(FIRST, {name: text}).model_dump()[name]}
    assert [values for _, values, _, _ in stub.calls] == [{}, {}, changed]


def test_any_executor_will_do(collection, tmp_path, monkeypatch):
    stub = Stub(monkeypatch)
    outcomes = run(plan([], {}, collection, tmp_path / "out"), Inline(), jobs=1)
    assert [outcome.name for outcome in outcomes] == [name for name, *_ in stub.calls] == [FIRST, "prints", "raises"]


def test_in_an_executor_of_somebody_else_cells_have_a_kernel_of_their_own(collection, tmp_path, monkeypatch):
    stub = Stub(monkeypatch)
    requests = plan(["prints"], {}, collection, tmp_path / "out", cell_timeout=5, timeout=9, engine="fork")
    (outcome,) = run(requests, Inline())
    assert outcome.engine == "papermill"
    assert [limits for *_, limits in stub.calls] == [Limits(cell=5, run=9)]


def test_what_is_unchanged_is_not_run(tmp_path, monkeypatch):
    """It is asked for when the run would start, so the notebook that reads findings is asked for last."""
    stub = Stub(monkeypatch)
    known = RunOutcome("dies", ok=True, seconds=0.0, unchanged=True)
    asked, events = [], []

    def unchanged(request):
        asked.append((request.name, len(stub.calls)))
        return known if request.name == "dies" else None

    names = ["dies", "reads_others", "prints"]
    requests = plan(names, {}, NOTEBOOKS, tmp_path / "out")
    outcomes = run(requests, Inline(), jobs=1, on_event=events.append, unchanged=unchanged)
    assert outcomes[0] is known
    assert asked == [("dies", 0), ("prints", 0), ("reads_others", 1)]
    assert [name for name, *_ in stub.calls] == ["prints", "reads_others"]
    assert [(event.kind, event.name, event.done) for event in events[:2]] == [
        ("ended", "dies", 1),
        ("started", "prints", 1),
    ]


def test_the_key_of_a_run_is_kept_in_the_notebook(collection, tmp_path, monkeypatch):
    Stub(monkeypatch)
    (request,) = plan(["prints"], {}, collection, tmp_path / "out")
    outcome = run_one(replace(request, key="abc"))
    assert source.read(outcome.executed)["metadata"]["musan"]["run"]["key"] == "abc"


@pytest.mark.parametrize(
    ("platform", "asked", "engine", "reason"),
    [
        ("linux", "fork", "fork", ""),
        ("linux", "papermill", "papermill", ""),
        ("darwin", "papermill", "papermill", ""),
        ("darwin", "fork", "papermill", "only Linux lets a process be forked safely once it has loaded numpy"),
    ],
)
def test_the_fast_engine_is_for_linux(monkeypatch, platform, asked, engine, reason):
    monkeypatch.setattr(sys, "platform", platform)
    assert engine_for(asked) == (engine, reason)


@pytest.mark.parametrize(("executor", "said"), [(Broken(), "its process died"), (Cancelling(), "CancelledError")])
def test_an_executor_that_gives_up_is_one_line_a_run(collection, tmp_path, executor, said):
    outcomes = run(plan([], {}, collection, tmp_path / "out"), executor)
    assert outcomes[0].error == f"{FIRST}: {said}"
    assert not any(outcome.ok for outcome in outcomes)


def test_a_folder_that_cannot_be_written_is_one_line(collection, tmp_path, monkeypatch):
    Stub(monkeypatch)
    (tmp_path / "out").write_text("a file where the folder should be", encoding="utf-8")
    outcome = run_one(plan(["prints"], {}, collection, tmp_path / "out")[0])
    assert not outcome.ok
    assert "can't be written" in outcome.error
    assert "\n" not in outcome.error


def test_a_write_that_fails_leaves_neither_a_half_nor_a_stale_notebook(collection, tmp_path, monkeypatch):
    Stub(monkeypatch)
    (request,) = plan(["prints"], {}, collection, tmp_path / "out")
    assert run_one(request).ok

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    outcome = run_one(request)
    assert "No space left on device" in outcome.error
    assert files(tmp_path / "out") == set()


def test_a_kernel_that_does_not_start_is_one_line(collection, tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("Kernel died before replying to kernel_info")

    monkeypatch.setattr(kernel, "execute", fails)
    outcome = run_one(plan(["prints"], {}, collection, tmp_path / "out")[0])
    assert not outcome.ok
    assert outcome.error == "prints: RuntimeError: Kernel died before replying to kernel_info"


def test_a_long_notebook_starts_first(tmp_path):
    for name, about in (
        ("01_short", {}),
        ("02_long", {"long": True}),
        ("03_last", {"reads_findings": True, "long": True}),
    ):
        node = v4.new_notebook(cells=[v4.new_code_cell("1")], metadata={"musan": about})
        nbformat.write(node, tmp_path / f"{name}.ipynb")
    requests = plan([], {}, tmp_path, tmp_path / "out")
    started = []
    outcomes = run(
        requests,
        on_event=lambda event: started.append(event.name),
        unchanged=lambda request: RunOutcome(request.name, ok=True, seconds=0, unchanged=True),
    )
    assert started == ["02_long", "01_short", "03_last"]
    assert [outcome.name for outcome in outcomes] == ["01_short", "02_long", "03_last"]
