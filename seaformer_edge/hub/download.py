"""Download of a checkpoint from Google Drive.

Drive answers with the file, with a confirmation page whose form leads to the file (if it is too
large for the virus scan), or with an error page. Received data is kept in a `.part` file beside the
target, so that an interrupted download can be resumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from html.parser import HTMLParser
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from seaformer_edge._version import __version__
from seaformer_edge.errors import ModelError

DRIVE = "https://drive.google.com"
TIMEOUT_S = 30
CHUNK_BYTES = 1 << 18
PAGE_BYTES = 1 << 20

CHECKPOINT_STARTS = (b"PK\x03\x04", b"\x80\x02")
"""First bytes of a zip, which torch.save writes, and of a pickle, which it wrote before 1.6."""

FILE_STATUSES = (
    HTTPStatus.OK,
    HTTPStatus.PARTIAL_CONTENT,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,  # shows whether the .part is complete
)

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes received so far and the total, or None if Drive does not report it."""

Response = HTTPResponse | HTTPError


def download(file_id: str, output: Path, on_bytes: OnBytes, drive: str = DRIVE) -> None:
    """Download Drive's file `file_id`, a checkpoint, and move it to `output` when it is complete.

    A lost connection is resumed as long as each attempt receives some data.

    Args:
        drive: address of Drive; https, or http for a server on this machine.

    Raises:
        ModelError: Drive cannot be reached, refuses the file, or sends something that is not a
            checkpoint; or the file cannot be written.
    """
    part = output.with_name(output.name + ".part")
    url = f"{drive}/uc?{urlencode({'export': 'download', 'id': file_id})}"
    by_hand = f"open {DRIVE}/file/d/{file_id}/view in a browser and save the file as {output}"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        while (lost := _resume(url, part, on_bytes, by_hand)) is not None:
            reason, gained = lost
            if gained <= 0:
                raise ModelError(
                    f"{output.name}: Google Drive cannot be reached ({reason}); try again later:"
                    f" the {_size(part) / 1e6:.1f} MB received so far are kept"
                )
        part.replace(output)
    except OSError as error:
        raise ModelError(f"{output}: cannot be written ({error.strerror})") from error


def _resume(url: str, part: Path, on_bytes: OnBytes, by_hand: str) -> tuple[str, int] | None:
    """Append the missing bytes to `part`.

    Returns:
        None when `part` is complete, else why the connection was lost and the bytes received.
    """
    start = _size(part)
    try:
        response = _open_file(url, start, by_hand)
    except (OSError, HTTPException) as error:
        return str(getattr(error, "reason", error)), 0
    with response:
        if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            complete = response.headers.get("Content-Range") == f"bytes */{start}"
            if not complete:
                part.unlink()
            return None if complete else _resume(url, part, on_bytes, by_hand)
        done, total = _extent(response, start)
        with part.open("ab" if done else "wb") as file:
            while True:
                try:
                    chunk = response.read(CHUNK_BYTES)
                except (OSError, HTTPException) as error:
                    return str(error), done - start
                if not chunk:
                    break
                if not done and not _may_start_checkpoint(chunk):
                    raise ModelError(f"Google Drive's file is not a checkpoint; {by_hand}")
                file.write(chunk)
                done += len(chunk)
                on_bytes(done, total)
    return None if total in (None, done) else ("the connection ended early", done - start)


def _open_file(url: str, start: int, by_hand: str) -> Response:
    """Request the file from byte `start` on; submits the confirmation page if there is one."""
    response = _open(url, start)
    page = _read_page(response)
    if page is not None and page.action is not None:
        url = f"{urljoin(response.url, page.action)}?{urlencode(page.fields)}"
        response = _open(url, start)
        page = _read_page(response)
    if page is None and response.status in FILE_STATUSES:
        return response
    response.close()
    if page is not None and "quota" in page.title.lower():
        raise ModelError(
            "Google Drive's download quota for this file is exceeded; try again tomorrow, or"
            f" {by_hand}"
        )
    title = page.title if page is not None and page.title else f"status {response.status}"
    raise ModelError(f"Google Drive sent a page instead of the file ({title}); {by_hand}")


def _open(url: str, start: int) -> Response:
    _refuse_unsafe(url)
    headers = {"User-Agent": f"seaformer-edge/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response = build_opener(_SafeRedirects).open(Request(url, headers=headers), None, TIMEOUT_S)
    except HTTPError as error:
        return error
    assert isinstance(response, HTTPResponse)
    return response


class _SafeRedirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        _refuse_unsafe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _refuse_unsafe(url: str) -> None:
    parts = urlsplit(url)
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
        raise ModelError(f"{parts.scheme}://{parts.netloc}: refused, not an https address")


class _Page(HTMLParser):
    """Title of one of Drive's pages, and the action and hidden fields of its download form."""

    def __init__(self, text: str):
        super().__init__()
        self.title = ""
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._in_title = False
        with suppress(AssertionError):  # malformed HTML: keep what was parsed before
            self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self._in_title = tag == "title"
        if tag == "form" and attributes.get("id") == "download-form":
            self.action = attributes.get("action")
        elif tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes.get("name") or ""] = attributes.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title = " ".join(data.split())
            self._in_title = False


def _read_page(response: Response) -> _Page | None:
    """The page, or None if the response is a file."""
    if response.headers.get_content_type() != "text/html":
        return None
    with response:
        return _Page(response.read(PAGE_BYTES).decode("utf-8", "replace"))


def _extent(response: Response, start: int) -> tuple[int, int | None]:
    """Offset of the response in the file, and the file's size if the server reports it."""
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        extent = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if not extent or int(extent[1]) != start:
            raise ModelError("Google Drive sent the wrong part of the file; fetch it again")
        return start, int(extent[2])
    length = response.headers.get("Content-Length")
    return 0, int(length) if length else None


def _may_start_checkpoint(chunk: bytes) -> bool:
    """Whether a checkpoint may start with these bytes, of which there may be only one or two."""
    return any(chunk[: len(start)] == start[: len(chunk)] for start in CHECKPOINT_STARTS)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
