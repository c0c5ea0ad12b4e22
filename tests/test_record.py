"""The record of a batch, for people and for CI servers."""

import json
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from nbformat import v4, writes

from musan import __version__, claims, reads
from musan.collection import keys, lock
from musan.collection.record import Batch
from musan.collection.run import RunEvent, RunOutcome, plan
from musan.errors import CollectionError

NOTEBOOKS = Path(__file__).parent / "notebooks"
NAMES = ["exits", "prints", "raises", "sleeps"]
FINDING = {"claim": "exports_fell_90", "aspect": "statement", "verdict": "supported", "estimate": 90.0}
ERROR = "raises: cell 3 (`a < b & \"c\"`): \x1b[31mKeyError\x1b[0m: '무산 \N{SNOWMAN}\x00'"


def leave(request):
    """Leave an executed notebook."""
    shown = [v4.new_output("display_data", data={kind: content}) for kind, content in (
        (reads.MIME, {"tables": {"trade_monthly": keys.table_digest("trade_monthly")}}), (claims.MIME, FINDING),
    )]  # fmt: skip
    request.target.parent.mkdir(parents=True, exist_ok=True)
    request.target.write_text(writes(v4.new_notebook(cells=[v4.new_code_cell("1", outputs=shown)])), encoding="utf-8")


@pytest.fixture
def batch(tmp_path):
    """A batch interrupted in its second half: one done, one failed, one running, one not begun."""
    memory = keys.Memory(tmp_path, plan(NAMES, {}, NOTEBOOKS, tmp_path))
    batch = Batch(tmp_path, memory, "papermill", "a thread runs", 2, 1_500_000_000.0)
    by_name = {request.name: request for request in memory.requests}
    for name in ("prints", "raises", "sleeps"):
        assert memory.unchanged(by_name[name]) is None
        batch.listen(RunEvent("started", name, 0, 4))
    leave(by_name["prints"])
    done = RunOutcome("prints", True, 1.25, by_name["prints"].target, cells=2, started=1_500_000_001.0)
    copy = by_name["raises"].failed
    failed = RunOutcome("raises", False, 2.5, None, copy, 3, ERROR, cells=2, started=1_500_000_002.0)
    for count, outcome in enumerate((done, failed), start=1):
        batch.listen(RunEvent("ended", outcome.name, count, 4, outcome))
    return batch


def written(batch, seconds=4.0):
    """Return both records as they are on disk."""
    json_path, xml_path = batch.write(batch.started + seconds)
    return json.loads(json_path.read_text(encoding="utf-8")), ElementTree.parse(xml_path).getroot()


def test_the_record_says_what_was_run_how_and_with_what_result(batch):
    content, _ = written(batch)
    assert content["version"] == __version__
    assert (content["engine"], content["reason"], content["jobs"]) == ("papermill", "a thread runs", 2)
    assert (content["started"], content["seconds"]) == ("2017-07-14T02:40:00+00:00", 4.0)
    assert content["outcomes"] == {"not run": 1, "done": 1, "failed": 1, "interrupted": 1}
    assert content["shared"]["packages"] == keys.packages()
    runs = {run["notebook"]: run for run in content["runs"]}
    assert list(runs) == NAMES
    assert {name: run["outcome"] for name, run in runs.items()} == {
        "exits": "not run", "prints": "done", "raises": "failed", "sleeps": "interrupted",
    }  # fmt: skip
    assert runs["sleeps"]["why"] == ["never run"]
    assert runs["exits"]["why"] == []
    done = runs["prints"]
    assert re.fullmatch("[0-9a-f]{64}", done["key"])
    assert done["executed"] == "notebooks/prints.ipynb"
    assert done["sha256"] == keys.file_hash(batch.output / done["executed"])
    assert list(done["tables"]) == ["trade_monthly"]
    assert done["verdicts"] == [{"claim": "exports_fell_90", "aspect": "statement", "verdict": "supported"}]
    assert (done["seconds"], done["started"], done["cells"]) == (1.25, "2017-07-14T02:40:01+00:00", 2)
    failed = runs["raises"]
    assert (failed["cell"], failed["error"], failed["partial"]) == (3, ERROR, "failed/raises.ipynb")
    assert batch.failed() == ["raises"]


def test_an_unchanged_run_has_the_record_of_the_run_that_made_it(batch):
    memory = keys.Memory(batch.output, batch.memory.requests)
    again = replace(batch, memory=memory, outcomes={}, started=1_600_000_000.0)
    (request,) = [request for request in memory.requests if request.name == "prints"]
    again.listen(RunEvent("ended", "prints", 1, 4, memory.unchanged(request)))
    content, root = written(again)
    (run,) = [run for run in content["runs"] if run["notebook"] == "prints"]
    assert (run["outcome"], run["why"], run["seconds"]) == ("unchanged", [], 1.25)
    assert run["started"] == "2017-07-14T02:40:01+00:00"
    assert run["verdicts"][0]["verdict"] == "supported"
    (case,) = root.iterfind(".//testcase[@name='prints']")
    assert (case.get("time"), case.find("skipped").get("message")) == ("0.000", "unchanged")


def test_a_ci_server_can_read_it(batch):
    _, root = written(batch)
    assert root.tag == "testsuites"
    (suite,) = root
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == NAMES
    for element in (root, suite):
        assert (element.get("tests"), element.get("failures"), element.get("errors")) == ("4", "1", "0")
        assert element.get("time") == "4.000"
    assert (suite.get("skipped"), suite.get("timestamp")) == ("2", "2017-07-14T02:40:00")
    assert [case.get("time") for case in cases] == ["0.000", "1.250", "2.500", "0.000"]
    assert Counter(part.tag for case in cases for part in case) == {"skipped": 2, "failure": 1}
    assert [part.get("message") for part in suite.iter("skipped")] == ["not run", "interrupted"]
    (failure,) = suite.iter("failure")
    assert failure.get("message") == failure.text == ERROR.replace("\x1b", "\ufffd").replace("\x00", "\ufffd")


def test_the_record_of_a_batch_without_engine_reason_or_runs(tmp_path):
    content, root = written(Batch(tmp_path, keys.Memory(tmp_path, []), "fork", "", 2, 0.0))
    assert (content["runs"], content["outcomes"], content["reason"]) == ([], {}, "")
    assert len(list(root.iter("testcase"))) == 0


def test_a_folder_that_cannot_be_locked_is_refused(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with (
        pytest.raises(CollectionError, match=r"file: can't be written .*; choose another folder"),
        lock.held(tmp_path / "file"),
    ):
        pass


def test_a_lock_that_was_left_does_not_stand_in_the_way(tmp_path):
    (tmp_path / lock.NAME).write_text("1", encoding="ascii")
    with lock.held(tmp_path):
        assert (tmp_path / lock.NAME).read_text(encoding="ascii") == str(os.getpid())
