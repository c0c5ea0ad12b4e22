"""Fetch over HTTP: patient with a server that is busy, strict with what it sends.

Retried with growing waits: no connection, a time-out, a body cut off, 408, 429 and 5xx (``Retry-After`` is
heeded). Never followed: a redirect to another host. A key never stands in a message or a log line.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Self
from urllib.parse import quote

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from musan import __version__
from musan.refresh.errors import MESSAGE_LENGTH, RefreshError, plain
from musan.refresh.large_files import MEGABYTE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tenacity import RetryCallState

    # What is fetched, bytes so far, bytes in all where the server says so.
    Report = Callable[[str, int, int | None], None]

ANSWER_LIMIT = 256 * MEGABYTE  # of an answer that is read into memory
REDIRECTS = 5
LOOPBACK = ("127.0.0.1", "::1", "localhost")
BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
KEY_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
HIDDEN = "(key)"
SLOWEST = 1000  # bytes a second, over more than the seconds of silence that are borne


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    Parameters
    ----------
    attempts : int
        How often a request is made at most.
    first_wait, longest_wait : float
        Seconds before the second attempt (doubled each time, with some chance), and at most.
    silence : float
        Seconds without a byte after which an attempt has failed.
    pause : float
        Seconds between one request and the next.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 120.0
    silence: float = 60.0
    pause: float = 1.0


@dataclass(frozen=True)
class Key:
    """The key of a service.

    Parameters
    ----------
    variable : str
        The environment variable that holds it.
    value : str
        The key; empty when it is not set.
    """

    variable: str = ""
    value: str = ""

    def __post_init__(self) -> None:
        if not all("!" <= character <= "~" for character in self.value):
            what = "holds a character that no key has"
            raise RefreshError(what, self.variable, "set it to the key alone, without blanks or quotation marks")

    def __repr__(self) -> str:
        return f"Key({self.variable!r}, {HIDDEN if self.value else ''!r})"


@dataclass(frozen=True)
class Fetched:
    """What is recorded of one answer.

    Parameters
    ----------
    url : str
        Where it came from, with the query, without the key.
    bytes : int
        Its length.
    sha256 : str
        Its hash.
    """

    url: str
    bytes: int
    sha256: str


class Busy(Exception):  # noqa: N818  # a state that may pass, not yet an error
    """An attempt failed in a way that another may not.

    Parameters
    ----------
    what : str
        What happened.
    after : float, optional
        Seconds that the server asks to wait.
    """

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.what, self.after = what, after


class _Hiding(logging.Filter):
    """Hides a key in what the HTTP library logs."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        super().__init__()
        self._hide = hide

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._hide(record.getMessage()), ()
        return True


class Client:
    """A client for one service.

    Parameters
    ----------
    patience : Patience
        How long it waits.
    key : Key
        What must never be shown, and the variable to name when the service refuses it.
    report : callable
        Is told how far a fetch is.
    """

    def __init__(self, patience: Patience, key: Key, report: Report) -> None:
        self.patience, self.key, self.report = patience, key, report
        self.fetched: list[Fetched] = []
        self._last = float("-inf")
        self._filter = _Hiding(self.hide)
        agent = f"musan/{__version__} (research notebooks)"
        self._http = httpx.Client(headers={"User-Agent": agent}, timeout=patience.silence, follow_redirects=False)

    def __enter__(self) -> Self:
        logging.getLogger("httpx").addFilter(self._filter)
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        logging.getLogger("httpx").removeFilter(self._filter)

    def hide(self, text: str) -> str:
        """Return a text without the key.

        Parameters
        ----------
        text : str
            Such as an address or a message of the server.
        """
        for form in {self.key.value, quote(self.key.value, safe="")} - {""}:
            text = text.replace(form, HIDDEN)
        return text

    def json(
        self,
        url: str,
        label: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        read: Callable[[Any], Any] = lambda answer: answer,
    ) -> Any:
        """Return an answer in JSON; numbers with a point are decimals, as the server wrote them.

        Parameters
        ----------
        url, label : str
            The address, and what to call it on the screen.
        params, headers : mapping, optional
            Of the request.
        read : callable
            Makes of the answer what is returned; it may raise :class:`Busy`.

        Raises
        ------
        RefreshError
            See :meth:`download`; also when the answer is not JSON.
        """

        def answer(content: BytesIO) -> Any:
            return read(self._parsed(content.getvalue(), url))

        return self._patiently(url, label, BytesIO, ANSWER_LIMIT, answer, params, headers)

    def text(self, url: str, label: str) -> str:
        """Return a page as text (UTF-8).

        Parameters
        ----------
        url, label : str
            The address, and what to call it on the screen.

        Raises
        ------
        RefreshError
            See :meth:`download`.
        """

        def decoded(content: BytesIO) -> str:
            return content.getvalue().decode("utf-8", errors="replace")

        page: str = self._patiently(url, label, BytesIO, ANSWER_LIMIT, decoded)
        return page

    def download(self, url: str, path: Path, label: str, limit: int, headers: Mapping[str, str] | None = None) -> None:
        """Write an answer to a file.

        Parameters
        ----------
        url : str
            The address.
        path : Path
            The file; what an attempt that failed has left in it is thrown away.
        label : str
            What to call it on the screen.
        limit : int
            Bytes that it may have.
        headers : mapping, optional
            Of the request.

        Raises
        ------
        RefreshError
            No answer after all attempts, a refusal, a redirect to another host, or too many bytes.
        """
        self._patiently(url, label, lambda: path.open("wb"), limit, lambda _: None, headers=headers)

    def _patiently(
        self,
        url: str,
        label: str,
        sink: Callable[[], Any],
        limit: int,
        read: Callable[[Any], Any],
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Fetch, again where that can help, and return what ``read`` makes of the content."""
        attempts = Retrying(
            stop=stop_after_attempt(self.patience.attempts),
            wait=self._wait,
            retry=retry_if_exception_type(Busy),
            reraise=True,
        )
        request = self._request(url, params, headers)
        try:
            for attempt in attempts:
                with attempt, sink() as content:
                    fetched = self._once(request, label, content, limit)
                    found = read(content)
        except Busy as error:
            number = attempts.statistics["attempt_number"]
            tries = f" ({number} attempts)" if number > 1 else ""
            raise RefreshError(f"{error.what}{tries}", self._shown(request.url), "try again later") from None
        self.fetched.append(fetched)
        return found

    def _request(self, url: str, params: Mapping[str, str] | None, headers: Mapping[str, str] | None) -> httpx.Request:
        try:
            request = self._http.build_request("GET", url, params=params, headers=headers)
        except httpx.InvalidURL as error:
            raise RefreshError(f"is not an address ({error})", self.hide(url), "correct the address") from None
        secure = request.url.scheme == "https" or request.url.host in LOOPBACK
        if request.url.scheme not in ("http", "https") or not request.url.host:
            raise RefreshError("is not an address of the web", self.hide(url), "begin it with https://")
        if self.key.value and not secure:
            raise RefreshError("the key would be sent unencrypted", self.hide(url), "use an https address")
        return request

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Busy) and error.after is not None:
            return error.after
        first, longest = self.patience.first_wait, self.patience.longest_wait
        return float((wait_exponential(multiplier=first, max=longest) + wait_random(0, first / 2))(state))

    def _once(self, request: httpx.Request, label: str, content: BinaryIO, limit: int) -> Fetched:
        time.sleep(max(0.0, self._last + self.patience.pause - time.monotonic()))
        try:
            response = self._followed(request)
            try:
                self._refuse(response)
                return self._streamed(request, response, label, content, limit)
            finally:
                response.close()
        except httpx.TimeoutException:
            raise Busy(f"no answer within {self.patience.silence:g} s") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Busy(self.hide(f"the connection failed ({str(error) or type(error).__name__})")) from None
        finally:
            self._last = time.monotonic()

    def _followed(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, after redirects on the same host."""
        first = request.url
        for _ in range(REDIRECTS):
            response = self._http.send(request, stream=True)
            following = response.next_request
            if following is None:
                return response
            response.close()
            to = following.url
            upgrade = (first.scheme, to.scheme) == ("http", "https") and to.port is None
            if to.host != first.host or not (upgrade or (to.scheme, to.port) == (first.scheme, first.port)):
                what = f"sends us on to another host ({self._shown(to)}), which is not followed"
                raise RefreshError(what, self._shown(first), "see whether the service has moved")
            request = following
        raise RefreshError(f"sends us on more than {REDIRECTS} times", self._shown(first), "try again later")

    def _refuse(self, response: httpx.Response) -> None:
        """Raise unless the server gives what was asked for."""
        status = response.status_code
        if response.is_success:
            return
        what = f"the server answers {status} {response.reason_phrase}".strip()
        if status in BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            after = _seconds(response.headers.get("Retry-After", ""))
            if after is not None and after > self.patience.longest_wait:
                remedy = f"it asks to wait {after:.0f} s: try again then"
                raise RefreshError(what, self._shown(response.url), remedy)
            raise Busy(what, after)
        where, variable = self._shown(response.url), self.key.variable
        if status in KEY_REFUSED and self.key.value:
            raise RefreshError(f"{what}: the key is wrong or has expired", where, f"correct {variable}")
        if status in KEY_REFUSED and variable:
            raise RefreshError(f"{what}: it wants a key", where, f"set {variable} to yours")
        body = next(response.iter_bytes(4 * MESSAGE_LENGTH), b"").decode("utf-8", "replace")
        raise RefreshError(f"{what}: {plain(self.hide(body))}".rstrip(": "), where)

    def _streamed(
        self, request: httpx.Request, response: httpx.Response, label: str, content: BinaryIO, limit: int
    ) -> Fetched:
        """Write the body, and refuse one that is too large."""
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() and "Content-Encoding" not in response.headers else None
        done, sha256, started = 0, hashlib.sha256(), time.monotonic()
        for chunk in response.iter_bytes():
            done += len(chunk)
            seconds = time.monotonic() - started
            if seconds > self.patience.silence and done < seconds * SLOWEST:
                raise Busy(f"sends fewer than {SLOWEST:,} bytes a second")
            if max(done, total or 0) > limit:
                what = f"sends more than {limit / MEGABYTE:,.0f} MB, far more than this source has"
                raise RefreshError(what, self._shown(request.url), "see what is at this address")
            content.write(chunk)
            sha256.update(chunk)
            self.report(label, done, total)
        return Fetched(self._shown(request.url), done, sha256.hexdigest())

    def _parsed(self, content: bytes, url: str) -> Any:
        text = content.decode("utf-8-sig", errors="replace").strip()
        try:
            return json.loads(text, parse_float=Decimal)
        except (json.JSONDecodeError, RecursionError) as error:
            if text.startswith("<"):
                remedy = "open the address in a browser: the service may have moved or be closed for repair"
                raise RefreshError("expected JSON, seen a page in HTML", self.hide(url), remedy) from None
            raise Busy(f"expected JSON, seen {len(content):,} bytes that end or break off early") from error

    def _shown(self, url: httpx.URL) -> str:
        return self.hide(str(url))


def _seconds(text: str) -> float | None:
    """Return a ``Retry-After`` in seconds from now; None when there is none."""
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
