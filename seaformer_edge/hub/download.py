"""Download of a checkpoint from Google Drive.

Drive answers with the file; or, where it is too large for its virus scan, with a page whose
form leads to the file; or with a page that says why there is none. What arrives is kept in a
`.part` file beside the target, so that an interrupted download goes on where it stopped.
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
"""Of a zip, which torch.save writes, and of a pickle, which it wrote before 1.6."""

FILE_STATUSES = (
    HTTPStatus.OK,
    HTTPStatus.PARTIAL_CONTENT,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,  # tells whether the .part is whole
)

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes there are so far and the bytes there will be, if Drive says it."""

Response = HTTPResponse | HTTPError


def download(file_id: str, output: Path, on_bytes: OnBytes, drive: str = DRIVE) -> None:
    """Write Drive's file `file_id`, a checkpoint, to `output`, whole or not at all.

    A lost connection is taken up again for as long as each attempt brings something.

    Args:
        drive: where Drive answers; https, but for a server on this machine.

    Raises:
        ModelError: Drive cannot be reached, does not give the file, or gives something
            that is not a checkpoint; or the file cannot be written.
    """
    part = output.with_name(output.name + ".part")
    url = f"{drive}/uc?{urlencode({'export': 'download', 'id': file_id})}"
    by_hand = f"open {DRIVE}/file/d/{file_id}/view in a browser and save the file as {output}"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        while (lost := _bring(url, part, on_bytes, by_hand)) is not None:
            reason, gained = lost
            if gained <= 0:
                raise ModelError(
                    f"{output.name}: Google Drive cannot be reached ({reason}); fetch again later,"
                    f" {_size(part) / 1e6:.1f} MB are kept"
                )
        part.replace(output)
    except OSError as error:
        raise ModelError(f"{output}: cannot be written ({error.strerror})") from error


def _bring(url: str, part: Path, on_bytes: OnBytes, by_hand: str) -> tuple[str, int] | None:
    """Append to `part` what it lacks.

    Returns None when it is whole, or why the connection was lost and the bytes gained.
    """
    start = _size(part)
    try:
        response = _open_file(url, start, by_hand)
    except (OSError, HTTPException) as error:
        return str(getattr(error, "reason", error)), 0
    with response:
        if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            whole = response.headers.get("Content-Range") == f"bytes */{start}"
            if not whole:
                part.unlink()
            return None if whole else _bring(url, part, on_bytes, by_hand)
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
    """Drive's answer that holds the file from byte `start` on, past its confirmation page."""
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
            "Google Drive's quota for this file is used up for now; fetch again tomorrow, or"
            f" {by_hand}"
        )
    title = page.title if page is not None and page.title else f"status {response.status}"
    raise ModelError(f"Google Drive sent a page and not the file ({title}); {by_hand}")


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
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        raise ModelError(f"{parts.scheme}://{parts.netloc}: refused, not an https address")


class _Page(HTMLParser):
    """Title of one of Drive's pages, and the target and fields of its form, if it has one."""

    def __init__(self, text: str):
        super().__init__()
        self.title = ""
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._in_title = False
        with suppress(AssertionError):  # the parser's word for what is no HTML; as much as it was
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
    """The page, if the answer is one and not a file."""
    if response.headers.get_content_type() != "text/html":
        return None
    with response:
        return _Page(response.read(PAGE_BYTES).decode("utf-8", "replace"))


def _extent(response: Response, start: int) -> tuple[int, int | None]:
    """Where the answer's bytes begin in the file, and the size of the file if it is told."""
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        told = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if not told or int(told[1]) != start:
            raise ModelError("Google Drive sent another part of the file than was asked for")
        return start, int(told[2])
    length = response.headers.get("Content-Length")
    return 0, int(length) if length else None


def _may_start_checkpoint(chunk: bytes) -> bool:
    """Whether a file may begin so; a connection may be lost within the first bytes."""
    return any(chunk[: len(start)] == start[: len(chunk)] for start in CHECKPOINT_STARTS)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
