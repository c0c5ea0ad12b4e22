"""What a server may do wrong, each by a real one."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from musan.refresh.errors import RefreshError
from musan.refresh.http import Client, Key, Patience
from refresh.services import QUICK, Reply, as_json

GOOD = as_json({"fine": 1})


def get(server, path="/x", patience=QUICK, key=None):
    with Client(patience, key or Key("COMTRADE_API_KEY"), lambda *_: None) as client:
        return client.json(f"{server.url}{path}", "test")


@pytest.mark.parametrize(
    "fault",
    [
        Reply(status=429, headers={"Retry-After": "0"}),
        Reply(status=429),
        Reply(status=500),
        Reply(status=503, headers={"Retry-After": "soon"}),
        Reply(b'{"fine": 1}', cut=5),
        Reply(b'{"fine": 1', kind="application/json"),
        Reply(b'{"fine": 1}', delay=1.5),
    ],
    ids=["429", "429 plain", "500", "503 odd Retry-After", "cut off", "half of the JSON", "slow"],
)
def test_a_fault_that_passes_is_waited_out(server, fault):
    server.replies = {"/x": [fault, GOOD]}
    assert get(server) == {"fine": 1}
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Reply(status=500), r"500 Internal Server Error \(3 attempts\); try again later"),
        (Reply(status=429, headers={"Retry-After": "0"}), r"429 Too Many Requests \(3 attempts\)"),
        (Reply(b'{"fine": 1}', cut=5), r"connection failed .*\(3 attempts\)"),
    ],
)
def test_a_fault_that_stays_ends_in_one_line(server, fault, said):
    server.replies = {"/x": [fault]}
    with pytest.raises(RefreshError, match=said) as caught:
        get(server)
    assert len(server.requests) == 3
    assert "\n" not in str(caught.value)
    assert server.url in str(caught.value)


def test_silence_ends_in_one_line(server):
    server.replies = {"/x": [Reply(delay=0.4)]}
    with pytest.raises(RefreshError, match=r"no answer within 0.1 s \(2 attempts\)"):
        get(server, patience=Patience(attempts=2, first_wait=0.01, silence=0.1, pause=0))


def test_a_server_that_drips_is_left(server):
    server.replies = {"/x": [Reply(b" " * 1000, drip=0.05)]}
    with pytest.raises(RefreshError, match=r"sends fewer than 1,000 bytes a second \(2 attempts\)"):
        get(server, patience=Patience(attempts=2, first_wait=0.01, silence=0.2, pause=0))


def test_what_a_terminal_would_obey_is_not_passed_on(server):
    server.replies = {"/x": [Reply(b"\x1b[31mwrong\x07\n period", status=400)]}
    with pytest.raises(RefreshError) as caught:
        get(server)
    assert str(caught.value).endswith("400 Bad Request: [31mwrong period")


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_heeded(server, form):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    server.replies = {"/x": [Reply(status=429, headers={"Retry-After": "1" if form == "seconds" else date}), GOOD]}
    started = time.monotonic()
    assert get(server) == {"fine": 1}
    assert time.monotonic() - started >= 0.9


def test_a_wait_beyond_patience_is_told_instead(server):
    server.replies = {"/x": [Reply(status=429, headers={"Retry-After": "3600"})]}
    with pytest.raises(RefreshError, match="429 Too Many Requests; it asks to wait 3600 s: try again then"):
        get(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_by_its_variable_only(server, status):
    server.replies = {"/x": [Reply(b"bad key s3cret", status=status)]}
    with pytest.raises(RefreshError, match="the key is wrong or has expired; correct COMTRADE_API_KEY") as caught:
        get(server, key=Key("COMTRADE_API_KEY", "s3cret"))
    assert "s3cret" not in str(caught.value)
    with pytest.raises(RefreshError, match="it wants a key; set COMTRADE_API_KEY"):
        get(server)


def test_what_the_server_says_of_an_error_is_passed_on_without_the_key(server):
    server.replies = {"/x": [Reply(b'{"errorMessage":"period is wrong for s3cret"}', status=400)]}
    with pytest.raises(RefreshError, match=r"400 Bad Request: .*period is wrong for \(key\)"):
        get(server, key=Key("COMTRADE_API_KEY", "s3cret"))


def test_a_page_instead_of_json_is_refused_at_once(server):
    server.replies = {"/x": [Reply(b"<!DOCTYPE html><title>Maintenance</title>", kind="text/html")]}
    with pytest.raises(RefreshError, match="expected JSON, seen a page in HTML"):
        get(server)
    assert len(server.requests) == 1


def test_a_redirect_on_the_same_host_is_followed(server):
    server.replies = {"/x": [Reply(status=302, headers={"Location": "/y"})], "/y": [GOOD]}
    assert get(server) == {"fine": 1}


def test_a_redirect_to_another_host_is_refused_and_not_asked(server):
    elsewhere = f"http://localhost:{server.port}/y"
    server.replies = {"/x": [Reply(status=302, headers={"Location": elsewhere})], "/y": [GOOD]}
    with pytest.raises(RefreshError, match="sends us on to another host"):
        get(server)
    assert [path for path, _ in server.requests] == ["/x"]


def test_a_circle_of_redirects_ends(server):
    server.replies = {"/x": [Reply(status=302, headers={"Location": "/x"})]}
    with pytest.raises(RefreshError, match="sends us on more than 5 times"):
        get(server)


@pytest.mark.parametrize("announced", [True, False])
def test_too_many_bytes_are_refused(server, tmp_path, announced):
    body = b"0" * 200_000
    chunked = Reply(b"30d40\r\n" + body + b"\r\n0\r\n\r\n", headers={"Transfer-Encoding": "chunked"})
    server.replies = {"/x": [Reply(body) if announced else chunked]}
    with Client(QUICK, Key(), lambda *_: None) as client, pytest.raises(RefreshError, match="sends more than 0 MB"):
        client.download(f"{server.url}/x", tmp_path / "file", "test", 100_000)


def test_nobody_there(server):
    with Client(QUICK, Key(), lambda *_: None) as client, pytest.raises(RefreshError, match=r"connection failed"):
        client.json("http://127.0.0.1:9/x", "test")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "no address", "http://[::bad/x"])
def test_an_address_that_is_none(url):
    with Client(QUICK, Key(), lambda *_: None) as client, pytest.raises(RefreshError, match="is not an address"):
        client.json(url, "test")


def test_a_key_is_never_sent_unencrypted():
    with Client(QUICK, Key("K", "s3cret"), lambda *_: None) as client, pytest.raises(RefreshError, match="unencrypted"):
        client.json("http://example.org/s3cret", "test")


def test_a_key_with_a_blank_in_it_is_refused_without_showing_it():
    with pytest.raises(RefreshError, match="COMTRADE_API_KEY: holds a character") as caught:
        Key("COMTRADE_API_KEY", "s3cret\nX: y")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(Key("K", "s3cret"))


def test_a_file_that_was_cut_off_is_fetched_again_from_the_start(server, tmp_path):
    server.replies = {"/x": [Reply(b"0123456789", cut=4), Reply(b"0123456789")]}
    with Client(QUICK, Key(), lambda *_: None) as client:
        client.download(f"{server.url}/x", tmp_path / "file", "test", 1000)
    assert (tmp_path / "file").read_bytes() == b"0123456789"
    assert [each.bytes for each in client.fetched] == [10]
