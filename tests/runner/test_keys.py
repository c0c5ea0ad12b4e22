"""A run that nothing has changed for is not done again; a change is named."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from musan import claims, evidence, reads
from musan.collection import keys
from musan.collection.run import RunOutcome, RunRequest, run_one

FINDING = {"claim": "exports_fell_90", "aspect": "statement", "verdict": "supported", "estimate": 90.0}


def shown(kind, content):
    return v4.new_output("display_data", data={kind: content, "text/html": ""})


def write(path, cells, **about):
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}, "musan": about}
    nbformat.write(v4.new_notebook(cells=cells, metadata=metadata), path)


def put_table(folder, name, text):
    """Put a table into a data package, and its hash into the catalogue."""
    (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    entries = {entry["name"]: entry for entry in package["resources"]}
    entries[name] = {"name": name, "path": f"{name}.csv", "hash": digest, "cautions": ["one", "two"]}
    path.write_text(json.dumps({**package, "resources": list(entries.values())}), encoding="utf-8")


@dataclass
class World:
    """A data package, a library, installed packages, and a notebook that has run."""

    root: Path

    @property
    def output(self):
        return self.root / "output"

    @property
    def data(self):
        return self.root / "data"

    def file(self, name):
        return self.root / "musan" / name

    def request(self, name="prints", **parameters):
        executed = self.output / "notebooks" / f"{name}.ipynb"
        failed = self.output / "failed" / f"{name}.ipynb"
        return RunRequest(name, self.root / "notebooks" / f"{name}.ipynb", parameters, executed, failed, self.output)

    def memory(self, *requests, **options):
        return keys.Memory(self.output, requests or [self.request(base_year=2016, label="a")], **options)

    def reasons(self, *requests, **options):
        memory = self.memory(*requests, **options)
        return memory.reasons(memory.requests[0])

    def run(self, *requests, tables=("trade",), meanwhile=lambda: None, found=(FINDING,)):
        """Leave what a run leaves."""
        memory = self.memory(*requests)
        (request,) = memory.requests
        assert memory.unchanged(request) is None
        meanwhile()
        digests = {table: keys.table_digest(table) for table in tables}
        outputs = [shown(reads.MIME, {"tables": digests}), *(shown(claims.MIME, one) for one in found)]
        write(request.target, [v4.new_code_cell("1", outputs=outputs)], run={"key": request.key})
        outcome = RunOutcome(request.name, ok=True, seconds=1.5, executed=request.target, started=1.0)
        memory.ended(request, outcome)
        return memory


@pytest.fixture
def world(tmp_path, monkeypatch):
    one = World(tmp_path)
    cells = [v4.new_markdown_cell("# Title"), v4.new_code_cell("print(1)")]
    write(tmp_path / "notebooks" / "prints.ipynb", cells)
    write(tmp_path / "notebooks" / "verdicts.ipynb", cells, reads_findings=True)
    for name in (
        "mirror.py",
        "cli.py",
        "methods/breaks.py",
        "methods/published/table.csv",
        "collection/templates/a.css",
    ):
        one.file(name).parent.mkdir(parents=True, exist_ok=True)
        one.file(name).write_text("", encoding="utf-8")
    (tmp_path / "site" / "made_up-3.0.dist-info").mkdir(parents=True)
    one.data.mkdir()
    (one.data / "datapackage.json").write_text('{"version": "1", "resources": []}', encoding="utf-8")
    (one.data / "claims.yml").write_text("claims: []", encoding="utf-8")
    put_table(one.data, "trade", "a,b\n1,2\n")
    put_table(one.data, "harvest", "a,b\n1,2\n")
    monkeypatch.setenv("MUSAN_DATA", str(one.data))
    monkeypatch.setattr(keys, "PACKAGE", tmp_path / "musan")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site")])
    return one


def append(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def edit_source(world, change):
    path = world.root / "notebooks" / "prints.ipynb"
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def save_results(notebook):
    notebook.cells[1].outputs = [v4.new_output("stream", text="1\n")]
    notebook.cells[1].execution_count = 7
    notebook.cells[1].id = "other"


def retitle(notebook):
    notebook.cells[0].source = "# Another title"


def recode(notebook):
    notebook.cells[1].source = "print(2)"


def rename(world, old, new):
    (world.root / "site" / f"{old}.dist-info").rename(world.root / "site" / f"{new}.dist-info")


def touch(world):
    """Write files again with the same content, as a fresh checkout does."""
    for path in world.root.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes())
            os.utime(path, (1, 1))


def other_format(path):
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "format": 0}), encoding="utf-8")


EXECUTED = Path("output", "notebooks", "prints.ipynb")
KEPT = Path("output", "keys", "prints.json")


CHANGES = {
    "nothing": (lambda world: None, []),
    "fresh checkout": (touch, []),
    "results saved into the source": (lambda world: edit_source(world, save_results), []),
    "prose": (lambda world: edit_source(world, retitle), ["notebook changed"]),
    "code": (lambda world: edit_source(world, recode), ["notebook changed"]),
    "module": (lambda world: append(world.file("mirror.py"), "\n"), ["library changed: musan/mirror.py"]),
    "data of the library": (
        lambda world: append(world.file("methods/published/table.csv"), "1"),
        ["library changed: musan/methods/published/table.csv"],
    ),
    "new module": (lambda world: world.file("new.py").touch(), ["library new: musan/new.py"]),
    "module gone": (lambda world: world.file("mirror.py").unlink(), ["library gone: musan/mirror.py"]),
    "command line": (lambda world: append(world.file("cli.py"), "\n"), []),
    "page template": (lambda world: append(world.file("collection/templates/a.css"), "\n"), []),
    "package": (lambda world: rename(world, "made_up-3.0", "made_up-3.1"), ["package made_up 3.0 -> 3.1"]),
    "new package": (lambda world: (world.root / "site" / "b_c-1.dist-info").mkdir(), ["package b_c none -> 1"]),
    "package gone": (
        lambda world: (world.root / "site" / "made_up-3.0.dist-info").rmdir(),
        ["package made_up 3.0 -> none"],
    ),
    "ledger": (lambda world: append(world.data / "claims.yml", "\n"), ["ledger claims.yml changed"]),
    "table": (lambda world: put_table(world.data, "trade", "a,b\n1,3\n"), ["table trade changed"]),
    "table not as recorded": (lambda world: append(world.data / "trade.csv", "1,3\n"), ["table trade changed"]),
    "table gone": (lambda world: (world.data / "trade.csv").unlink(), ["table trade changed"]),
    "table not read": (lambda world: put_table(world.data, "harvest", "a,b\n1,3\n"), []),
    "new table": (lambda world: put_table(world.data, "added", "a,b\n1,3\n"), []),
    "executed edited": (lambda world: append(world.root / EXECUTED, " "), ["executed notebook changed"]),
    "executed cut short": (lambda world: os.truncate(world.root / EXECUTED, 100), ["executed notebook changed"]),
    "executed gone": (lambda world: (world.root / EXECUTED).unlink(), ["executed notebook gone"]),
    "record gone": (lambda world: (world.root / KEPT).unlink(), ["no record of its last run"]),
    "record cut short": (lambda world: os.truncate(world.root / KEPT, 100), ["no record of its last run"]),
    "record of another kind": (lambda world: (world.root / KEPT).write_text("[]"), ["no record of its last run"]),
    "record of another format": (lambda world: other_format(world.root / KEPT), ["no record of its last run"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named(world, name):
    change, reasons = CHANGES[name]
    world.run()
    change(world)
    assert world.reasons() == reasons


def test_a_caution_of_a_table_is_part_of_it(world):
    world.run()
    path = world.data / "datapackage.json"
    path.write_text(path.read_text(encoding="utf-8").replace("two", "three"), encoding="utf-8")
    assert world.reasons() == ["table trade changed"]


def test_the_vintage_of_the_tables_counts(world):
    world.run(tables=())
    path = world.data / "datapackage.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"version": "1"', '"version": "2"'), encoding="utf-8")
    assert world.reasons() == ["head of datapackage.json changed"]


def test_another_python_is_named(world, monkeypatch):
    world.run()
    before = f"{platform.python_implementation()} {platform.python_version()}"
    monkeypatch.setattr(platform, "python_version", lambda: "4.0.0")
    assert world.reasons() == [f"{before} -> {platform.python_implementation()} 4.0.0"]


def test_each_changed_parameter_is_named_with_both_values(world):
    world.run()
    changed = world.request(base_year=2017, label='a"\n\N{RIGHT-TO-LEFT OVERRIDE}무산')
    assert world.reasons(changed) == [
        "parameter base_year: 2016 -> 2017",
        "parameter label: 'a' -> 'a\"\\n\\u202e무산'",
    ]
    assert world.reasons(world.request(base_year=2016)) == ["parameter label: 'a' -> none"]


def test_many_changes_of_a_kind_are_counted(world):
    world.run()
    for name in "abcde":
        world.file(f"{name}.py").touch()
    assert world.reasons() == ["library new: musan/a.py, musan/b.py, musan/c.py and 2 more"]


def test_all_changes_are_named(world):
    world.run()
    put_table(world.data, "trade", "a,b\n")
    append(world.data / "claims.yml", "\n")
    (world.root / EXECUTED).unlink()
    assert world.reasons() == ["ledger claims.yml changed", "table trade changed", "executed notebook gone"]


def test_never_run_failed_and_forced(world):
    assert world.reasons() == ["never run"]
    world.run()
    assert world.reasons(force=True) == ["--force"]
    memory = world.memory()
    (request,) = memory.requests
    request.target.unlink()
    request.failed.parent.mkdir()
    request.failed.write_text("{}", encoding="utf-8")
    memory.ended(request, RunOutcome(request.name, ok=False, seconds=1.0, failed_copy=request.failed))
    assert world.reasons() == ["failed last time"]


def test_an_unchanged_run_has_an_outcome_and_stays_on_record(world):
    world.run()
    before = (world.root / KEPT).read_bytes()
    memory = world.memory()
    (request,) = memory.requests
    outcome = memory.unchanged(request)
    assert outcome == RunOutcome("prints", ok=True, seconds=0.0, executed=request.target, unchanged=True)
    assert memory.why == {"prints": []}
    memory.ended(request, outcome)
    assert (world.root / KEPT).read_bytes() == before
    assert memory.seconds() == {"prints": 1.5}


def swap(path):
    """Change a file and put it back as it was, in content and in its time of change."""
    content, stat = path.read_bytes(), path.stat()
    path.write_bytes(b"raise SystemExit")
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("name", ["musan/mirror.py", "data/claims.yml", "notebooks/prints.ipynb"])
def test_a_run_during_which_something_changed_is_done_again(world, name):
    world.run(meanwhile=lambda: swap(world.root / name))
    assert world.reasons() == ["something changed while it ran"]
    world.run()
    assert world.reasons() == []


def test_a_table_that_changed_while_it_was_read_is_never_the_same(monkeypatch):
    monkeypatch.setattr(reads, "_noted", {})
    monkeypatch.setattr(reads, "_entries", {})
    for entry in ({"hash": "1"}, {"hash": "2"}, {"hash": "2"}):
        reads.note("trade", entry)
    assert reads._noted == {"trade": reads.CHANGED}


def test_the_key_is_that_of_the_givens(world):
    def key(**parameters):
        (request,) = world.memory(world.request(**parameters)).requests
        return request.key

    assert key(base_year=2016) == key(base_year=2016) != key(base_year=2017)
    before = key()
    put_table(world.data, "trade", "a,b\n")
    assert key() == before
    append(world.file("mirror.py"), "\n")
    assert key() != before


def put_findings(folder, name, *found):
    printed = v4.new_output("stream", text="1")
    cell = v4.new_code_cell("1", outputs=[printed, *(shown(claims.MIME, one) for one in found)])
    write(folder / f"{name}.ipynb", [cell])


def test_a_notebook_that_reads_findings_depends_on_findings_only(world):
    request, folder = world.request("verdicts"), world.output / "notebooks"
    put_findings(folder, "first", FINDING)
    put_findings(folder, "second")
    world.run(request, tables=())
    put_findings(folder, "first", dict(reversed(FINDING.items())))
    assert world.reasons(request) == []
    put_findings(folder, "first", FINDING | {"verdict": "mixed"})
    (folder / "second.ipynb").unlink()
    put_findings(folder, "third")
    assert world.reasons(request) == [
        "findings of first changed", "findings of second gone", "findings of third new",
    ]  # fmt: skip


def test_findings_may_be_in_another_folder(world):
    request = world.request("verdicts", executed_notebooks=str(world.root / "elsewhere"))
    put_findings(world.root / "elsewhere", "first", FINDING)
    world.run(request, tables=())
    put_findings(world.output / "notebooks", "first", FINDING | {"verdict": "mixed"})
    assert world.reasons(request) == []
    put_findings(world.root / "elsewhere", "first")
    assert world.reasons(request) == ["findings of first changed"]


def test_a_sweep_is_among_the_findings(world):
    request, folder = world.request("verdicts"), world.output / "sweeps"
    world.run(request, tables=())
    folder.mkdir()
    (folder / "fell.statement.csv").write_text("a,b\n", encoding="utf-8")
    assert world.reasons(request) == ["findings of fell.statement.csv new"]
    world.run(request, tables=())
    elsewhere = world.root / "elsewhere"
    assert world.reasons(world.request("verdicts", sweeps=str(elsewhere))) == [
        f"parameter sweeps: none -> {str(elsewhere)!r}",
        "findings of fell.statement.csv gone",
    ]


def test_what_would_run_is_explained(world):
    requests = [world.request(base_year=2016, label="a"), world.request("verdicts")]
    assert world.memory(*requests).explained() == {"prints": ["never run"], "verdicts": ["never run"]}
    world.run(requests[0])
    world.run(requests[1], tables=())
    assert world.memory(*requests).explained() == {"prints": [], "verdicts": []}
    put_table(world.data, "trade", "a,b\n")
    assert world.memory(*requests).explained() == {
        "prints": ["table trade changed"],
        "verdicts": ["only if findings change: it reads those of prints"],
    }


def test_packages_are_those_that_importlib_finds():
    found = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    same = {name.lower().replace("-", "_").replace(".", "_"): version for name, version in found.items()}
    ours = {name.lower().replace("-", "_").replace(".", "_"): version for name, version in keys.packages().items()}
    assert ours == same


def test_the_mime_type_of_findings_is_the_ledgers():
    assert keys.FINDING == claims.MIME


LOADS = [
    "from musan import evidence",
    "evidence.load('trade_monthly').shape",
    "1 + 1",
    "evidence.provenance('sources')\nevidence.load('fx_income').shape",
]
READ = {"trade_monthly", "sources", "fx_income"}


@pytest.fixture
def loads(tmp_path):
    write(tmp_path / "loads.ipynb", [v4.new_code_cell(code) for code in LOADS])
    return tmp_path / "loads.ipynb"


def tables_in(path):
    notebook = nbformat.read(path, as_version=4)
    bundles = [output.get("data", {}) for cell in notebook.cells for output in cell.outputs]
    (tables,) = [data[reads.MIME]["tables"] for data in bundles if reads.MIME in data]  # renewed in its place
    assert all(keys.table_digest(table) == digest for table, digest in tables.items())
    return set(tables)


def test_a_run_tells_what_it_has_read(loads, tmp_path):
    target = tmp_path / "out" / "loads.ipynb"
    outcome = run_one(RunRequest("loads", loads, {}, target, tmp_path / "failed.ipynb", tmp_path))
    assert outcome.error == ""
    assert tables_in(target) == READ


def test_plain_papermill_tells_it_too(loads, tmp_path):
    target = tmp_path / "out.ipynb"
    subprocess.run([sys.executable, "-m", "papermill", loads, target], capture_output=True, check=True)
    assert tables_in(target) == READ


def test_a_table_of_another_folder_is_found_there(world, tmp_path):
    other = tmp_path / "vintage"
    other.mkdir()
    (other / "datapackage.json").write_text('{"resources": []}', encoding="utf-8")
    put_table(other, "trade", "a,b\n5,6\n")
    before = keys.table_digest(str(other / "trade"))
    assert before not in ("", keys.table_digest("trade"))
    put_table(other, "trade", "a,b\n5,7\n")
    assert keys.table_digest(str(other / "trade")) not in ("", before)
    assert keys.table_digest("no_such") == ""


def test_a_table_of_another_folder_is_noted_with_it(world, monkeypatch):
    monkeypatch.setattr(reads, "_noted", {})
    monkeypatch.setattr(reads, "_entries", {})
    monkeypatch.chdir(world.root)
    (world.root / "data").rename(world.root / "vintage")
    world.data.mkdir()
    (world.data / "datapackage.json").write_text('{"resources": []}', encoding="utf-8")
    put_table(world.data, "trade", "a,b\n5,6\n")
    for folder in (None, world.data, Path("vintage")):
        evidence.resource("trade", folder)
    assert reads._noted == {
        table: keys.table_digest(table) for table in ("trade", str(world.root / "vintage" / "trade"))
    }
