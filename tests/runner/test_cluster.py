"""A sweep on a Dask cluster of two processes finds what one machine finds, also when a worker is killed."""

import os
import shutil
import signal
import sys

import pytest

from musan.collection.sweep import base, batch, cluster
from musan.errors import CollectionError
from musan.locations import data_folder
from sweeping import FINDS, NOTES, READS, SETUP, notebook, planned, swept

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
CHOICES = {"acquaintances": tuple(range(1, 13)), "intraclass_correlation": (0.2,)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("MUSAN_NOTEBOOKS", str(tmp_path / "notebooks"))
    return notebook(tmp_path / "notebooks", SETUP, NOTES, READS, FINDS)


@pytest.fixture
def workers(folder):
    """Two worker processes; they have the environment of the test."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local:
        yield local


def test_a_worker_that_is_killed_loses_no_run(folder, workers, tmp_path):
    want = swept(folder, tmp_path / "here", CHOICES)
    with distributed.Client(workers) as client:
        processes = client.run(os.getpid)
    assert len(processes) == 2
    ended = []

    def kill(one):
        ended.append(one)
        if len(ended) == 4:
            os.kill(next(iter(processes.values())), signal.SIGKILL)

    with cluster.executor(workers.scheduler_address) as executor:
        outcome = batch.run(planned(folder, tmp_path / "there", CHOICES), executor, on_end=kill)
    assert outcome.failures == ()
    assert outcome.written[0].read_bytes() == want


def test_a_worker_that_holds_something_else_is_refused(folder, tmp_path, monkeypatch):
    other = shutil.copytree(data_folder(), tmp_path / "data")
    with (other / "cities.csv").open("a", encoding="utf-8") as file:
        file.write("\n")
    with monkeypatch.context() as changed:
        changed.setenv("MUSAN_DATA", str(other))
        local = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    with local, pytest.raises(CollectionError) as caught, cluster.executor(local.scheduler_address):
        pass
    [worker] = local.scheduler_info["workers"] or [""]
    assert worker in str(caught.value)
    assert "differs in tables cities.csv" in str(caught.value)


def test_a_worker_that_comes_later_and_holds_something_else_fails_its_runs(folder, workers, tmp_path):
    with cluster.executor(workers.scheduler_address) as executor:
        sweep = planned(folder, tmp_path, {"acquaintances": (10,)})
        notebook(folder, SETUP, NOTES, READS, FINDS + "\n    1")
        [line] = batch.run(sweep, executor).failures
    assert "holds another version of the notebook, the tables, the library or a package" in line


def test_no_cluster(monkeypatch):
    monkeypatch.setattr(cluster, "_ANSWER", 1)
    with pytest.raises(CollectionError, match="no cluster answers"), cluster.executor("tcp://127.0.0.1:9"):
        pass


def test_differences_have_names():
    ours = {"packages": {"numpy": "2.2.0", "rich": "14"}, "python": "CPython 3.11.1", "ledger": "a" * 64}
    theirs = {"packages": {"numpy": "2.3.0"}, "python": "CPython 3.12.1", "ledger": "b" * 64}
    assert base.differences(ours, theirs) == [
        "ledger",
        "packages numpy 2.3.0 (here 2.2.0)",
        "packages rich none (here 14)",
        "python CPython 3.12.1 (here CPython 3.11.1)",
    ]
