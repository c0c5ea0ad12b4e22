"""A vintage is whole or not there, whatever happens to the process that makes it."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from musan import evidence
from musan.locations import data_folder
from musan.refresh import vintages
from musan.refresh.errors import RefreshError
from refresh.services import Reply, workbook

REFRESHES = """
import sys
from pathlib import Path
import pandas as pd
from musan.refresh import sources
from musan.refresh.http import Patience
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    sources.refresh(
        sources.SOURCES["pink_sheet"], Path(sys.argv[1]), pd.Period("2018-01", "M"), lambda *_: None, Patience(pause=0)
    )
"""


@pytest.fixture
def refreshing(server, tmp_path):
    """Start processes that refresh so many times each, all at once; they are ended with the test."""
    started = []

    def start(*times):
        environment = os.environ | {"MUSAN_PINK_SHEET_URL": f"{server.url}/prices.xlsx"}
        for number in times:
            command = [sys.executable, "-c", REFRESHES, str(tmp_path), str(number)]
            pipe = subprocess.PIPE
            started.append(subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe))
        for child in started:
            child.stdout.readline()
        for child in started:
            child.stdin.close()
        return started

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


def whole(store):
    """Return the vintages of a store, after all of their bytes have been verified."""
    found = vintages.listing(store, "pink_sheet")
    for vintage in found:
        assert len(evidence.load("commodity_prices_monthly", folder=vintage.folder)) == 11
        assert len(evidence.load("sources", folder=vintage.folder)) == 1
    return found


def test_a_refresh_never_writes_over_an_earlier_one(server, fetch):
    server.replies = {"/": [Reply(workbook())]}
    made = [fetch("pink_sheet", path="/prices.xlsx") for _ in range(6)]
    assert [vintage.name for vintage in vintages.listing(fetch.store, "pink_sheet")] == [each.name for each in made]
    assert len({vintage.name for vintage in made}) == 6
    assert vintages.find(fetch.store, "pink_sheet").name == made[-1].name


def test_a_failed_refresh_leaves_nothing(server, fetch):
    server.replies = {"/": [Reply(workbook()), Reply(b"no workbook")]}
    first = fetch("pink_sheet", path="/prices.xlsx")
    with pytest.raises(RefreshError):
        fetch("pink_sheet", path="/prices.xlsx")
    assert [path.name for path in (fetch.store / "pink_sheet").iterdir()] == [first.name]


def test_a_killed_refresh_leaves_earlier_vintages_and_is_cleaned_up(server, tmp_path, refreshing):
    held = threading.Event()
    server.replies = {"/": [Reply(workbook()), Reply(workbook(), before_body=held)]}
    (child,) = refreshing(2)
    while len(server.requests) < 2:
        time.sleep(0.01)
    (partial,) = (tmp_path / "pink_sheet").glob(".partial-*")
    assert vintages.clean(tmp_path, "pink_sheet") == []  # it is at work
    child.send_signal(signal.SIGKILL)
    child.wait()
    held.set()
    assert partial.is_dir()
    assert len(whole(tmp_path)) == 1
    assert vintages.clean(tmp_path, "pink_sheet") == [partial.name]
    assert not partial.exists()
    assert len(whole(tmp_path)) == 1


def test_two_at_once_of_which_one_is_killed_at_any_moment_while_a_third_cleans(server, tmp_path, refreshing):
    server.replies = {"/": [Reply(workbook())]}
    doomed, other = refreshing(10_000, 5)
    end = time.monotonic() + random.Random().uniform(0.1, 1.0)
    while other.poll() is None or time.monotonic() < end:
        vintages.clean(tmp_path, "pink_sheet")
        if time.monotonic() > end:
            doomed.send_signal(signal.SIGKILL)
        time.sleep(0.02)
    doomed.kill()  # the other may have ended before the moment came
    doomed.wait()
    assert other.returncode == 0
    vintages.clean(tmp_path, "pink_sheet")
    assert not [path for path in (tmp_path / "pink_sheet").glob(".partial-*") if (path / vintages.LOCK).exists()]
    assert len(whole(tmp_path)) >= 5


def test_a_partial_folder_without_a_lock_is_left_alone_for_an_hour(tmp_path):
    partial = tmp_path / "baci" / ".partial-1-abc"
    partial.mkdir(parents=True)
    assert vintages.clean(tmp_path, "baci") == []
    os.utime(partial, (0, 0))
    assert vintages.clean(tmp_path, "baci") == [partial.name]


def test_nothing_goes_into_the_committed_tables():
    with pytest.raises(RefreshError, match="do not go into the folder of tables"), vintages.draft(data_folder(), "x"):
        pass
    assert not (data_folder() / "x").exists()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RefreshError, match="can't be written"), vintages.draft(tmp_path / "file", "x"):
        pass


def test_a_vintage_is_found_by_the_beginning_of_its_name(tmp_path):
    for name in ("2026-01-02T030405Z", "2026-01-02T030405Z-2", "2026-01-02T030405Z-10", "2026-03-01T000000Z"):
        folder = tmp_path / "baci" / name
        folder.mkdir(parents=True)
        (folder / "datapackage.json").write_text("{}")
    (tmp_path / "baci" / "2026-04-01T000000Z").mkdir()  # without a descriptor it is none
    names = [vintage.name for vintage in vintages.listing(tmp_path, "baci")]
    assert names[1:3] == ["2026-01-02T030405Z-2", "2026-01-02T030405Z-10"]
    assert vintages.find(tmp_path, "baci").name == "2026-03-01T000000Z"
    assert vintages.find(tmp_path, "baci/2026-03").name == "2026-03-01T000000Z"
    assert vintages.find(tmp_path, "baci/2026-01-02T030405Z").name == "2026-01-02T030405Z"
    with pytest.raises(RefreshError, match="3 vintages of baci begin with '2026-01'"):
        vintages.find(tmp_path, "baci/2026-01")
    with pytest.raises(RefreshError, match=r"no vintage of 'bacci'.*did you mean 'baci'"):
        vintages.find(tmp_path, "bacci")
