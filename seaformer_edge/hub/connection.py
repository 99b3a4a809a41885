"""HTTP from a server that may send anything: https only, with limits on time, size and redirects.

Every failure of a connection becomes a `LostError`, whatever http.client or the socket raised.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse
from time import monotonic
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    AbstractHTTPHandler,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    Request,
    build_opener,
)

from seaformer_edge._version import __version__
from seaformer_edge.errors import ModelError

TIMEOUT_S = 30  # without a byte
MAX_BYTES = 1 << 30  # of one connection; the largest published checkpoint has 170 MB
MAX_REDIRECTS = 5
SLOW_AFTER_S = 60.0
MIN_BYTES_PER_S = 1000

Response = HTTPResponse | HTTPError
"""An `HTTPError` is an answer with another status than 2xx."""


class LostError(Exception):
    """The connection failed, or the server does not speak HTTP.

    Attributes:
        retry: whether it is worth to connect again.
    """

    def __init__(self, reason: str, *, retry: bool = True) -> None:
        super().__init__(reason)
        self.retry = retry


class _LimitError(OSError):
    """The server sends too slowly or too much."""


@contextmanager
def network_errors() -> Iterator[None]:
    """Turns every error of a connection into `LostError`.

    Malformed addresses and numbers are errors of values, and too large ones of overflow.
    """
    try:
        yield
    except (OSError, HTTPException, ValueError, OverflowError) as error:
        reason = " ".join(str(getattr(error, "reason", error)).split())
        raise LostError(reason[:200], retry=not isinstance(error, _LimitError)) from error


def open_url(url: str, headers: Mapping[str, str]) -> Response:
    """Requests `url`, and follows redirects.

    Raises:
        LostError: no answer, or one that is not HTTP.
        ModelError: the address, or that of a redirect, is not https on another machine.
    """
    with network_errors():
        _refuse_unsafe(url)
        request = Request(url, headers={"User-Agent": f"seaformer-edge/{__version__}", **headers})
        opener = build_opener(_Redirects, _GuardedHttp, _GuardedHttps)
        try:
            response = opener.open(request, None, TIMEOUT_S)
        except HTTPError as error:
            return error
    assert isinstance(response, HTTPResponse)
    return response


class _Redirects(HTTPRedirectHandler):
    max_redirections = MAX_REDIRECTS

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        _refuse_unsafe(newurl)
        fp.close()  # urllib would read all of its page into memory
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _refuse_unsafe(url: str) -> None:
    parts = urlsplit(url)
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
        raise ModelError(f"{parts.scheme}://{parts.netloc}: refused, not an https address")


class _Guard(io.RawIOBase):
    """What arrives on a socket, status line and headers included, within the limits."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._received = self._in_window = 0
        self._window_since_s = monotonic()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        count = self._raw.readinto(buffer)
        self._received += count
        self._in_window += count
        if self._received > MAX_BYTES:
            raise _LimitError(f"more than {MAX_BYTES >> 20} MB")
        elapsed_s = monotonic() - self._window_since_s
        if elapsed_s > SLOW_AFTER_S:
            if count and self._in_window < MIN_BYTES_PER_S * elapsed_s:
                raise _LimitError(f"less than {MIN_BYTES_PER_S} bytes a second")
            self._in_window, self._window_since_s = 0, monotonic()
        return int(count)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _GuardedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_Guard(self.fp.detach()))


class _Guarded(AbstractHTTPHandler):
    def do_open(
        self, http_class: Callable[..., HTTPConnection], req: Request, **options: Any
    ) -> HTTPResponse:
        def connect(*arguments: Any, **more: Any) -> HTTPConnection:
            connection = http_class(*arguments, **more)
            connection.response_class = _GuardedResponse
            return connection

        return super().do_open(connect, req, **options)


class _GuardedHttp(_Guarded, HTTPHandler):
    pass


class _GuardedHttps(_Guarded, HTTPSHandler):
    pass
