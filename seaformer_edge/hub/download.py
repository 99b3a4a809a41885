"""Download of a checkpoint from Google Drive.

Drive answers with the file, with a confirmation page whose form leads to the file (if it is too
large for the virus scan), or with an error page. Received data is kept in a `.part` file beside the
target, and its version in `.part.version`, so that an interrupted download can be resumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode, urljoin

from seaformer_edge.errors import ModelError
from seaformer_edge.files import atomic_write
from seaformer_edge.hub.connection import MAX_BYTES, LostError, Response, network_errors, open_url

DRIVE = "https://drive.google.com"
CHUNK_BYTES = 1 << 18
PAGE_BYTES = 1 << 17
MAX_CONNECTIONS = 50

CHECKPOINT_STARTS = (b"PK\x03\x04", b"\x80\x02")
"""First bytes of a zip, which torch.save writes, and of a pickle, which it wrote before 1.6."""

FILE_STATUSES = (
    HTTPStatus.OK,
    HTTPStatus.PARTIAL_CONTENT,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,  # shows whether the .part is complete
)

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes received so far and the total, or None if Drive does not report it."""


def download(file_id: str, output: Path, on_bytes: OnBytes, drive: str = DRIVE) -> None:
    """Download Drive's file `file_id`, a checkpoint, and move it to `output` when it is complete.

    A lost connection is resumed as long as each attempt receives some data.

    Args:
        drive: address of Drive; https, or http for a server on this machine.

    Raises:
        ModelError: Drive cannot be reached, refuses the file, or sends something that is not a
            checkpoint; or the file cannot be written.
    """
    part = _Part(output)
    url = f"{drive}/uc?{urlencode({'export': 'download', 'id': file_id})}"
    by_hand = f"open {DRIVE}/file/d/{file_id}/view in a browser and save the file as {output}"
    reason = f"lost {MAX_CONNECTIONS} times"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(MAX_CONNECTIONS):
            before = part.size
            try:
                if _resume(url, part, on_bytes, by_hand):
                    part.publish()
                    return
            except LostError as error:
                reason = str(error)
                if not error.retry or part.size <= before:
                    break
    except OSError as error:
        raise ModelError(f"{output}: cannot be written ({error.strerror})") from error
    raise ModelError(
        f"{output.name}: Google Drive cannot be reached ({reason}); try again later:"
        f" the {part.size / 1e6:.1f} MB received so far are kept"
    )


class _Part:
    """The data received so far, and which version of the file it is a part of.

    Attributes:
        version: the server's name of it, an ETag or a time; empty if it names none, and then
            the part cannot be continued.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self.path = output.with_name(f"{output.name}.part")
        self._version_path = output.with_name(f"{output.name}.part.version")
        self.version = ""
        with suppress(OSError, UnicodeDecodeError):
            self.version = self._version_path.read_text()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def begin(self, version: str = "") -> None:
        """Discards the data; what follows is of this version."""
        self.path.unlink(missing_ok=True)
        self._version_path.unlink(missing_ok=True)
        self.version = version
        if version:
            atomic_write(self._version_path, version.encode())

    def publish(self) -> None:
        self.path.replace(self._output)
        self._version_path.unlink(missing_ok=True)


def _resume(url: str, part: _Part, on_bytes: OnBytes, by_hand: str) -> bool:
    """Append the missing bytes to `part`; whether it is complete.

    Raises:
        LostError: the connection failed.
    """
    if not part.version:
        part.begin()
    done = part.size
    total: int | None
    response = _open_file(url, done, part.version, by_hand)
    with response:
        if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            complete = done > 0 and response.headers.get("Content-Range") == f"bytes */{done}"
            if not complete:
                part.begin()
            return complete
        version = _version(response)
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            start, total = _extent(response)
            if start != done or not done:
                raise ModelError("Google Drive sent the wrong part of the file; fetch it again")
            if version != part.version:
                part.begin()
                return False
        else:
            done, total = 0, _length(response)
            part.begin(version)
        if max(done, total or 0) > MAX_BYTES:
            raise ModelError(f"Google Drive's file is larger than {MAX_BYTES >> 20} MB; {by_hand}")
        with part.path.open("ab") as file:
            while chunk := _read(response):
                if not done and not _may_start_checkpoint(chunk):
                    part.begin()
                    raise ModelError(f"Google Drive's file is not a checkpoint; {by_hand}")
                file.write(chunk)
                done += len(chunk)
                on_bytes(done, total)
    if total is not None and done > total:
        part.begin()
        raise LostError("more data than announced")
    if not done or total not in (None, done):
        raise LostError("the connection ended early")
    return True


def _open_file(url: str, start: int, version: str, by_hand: str) -> Response:
    """Request the file from byte `start` on; submits the confirmation page if there is one."""
    # If-Range: a server that has another version sends all of it.
    headers = {"Range": f"bytes={start}-", "If-Range": version} if start else {}
    response = open_url(url, headers)
    page = _read_page(response)
    if page is not None and page.action is not None:
        with network_errors():
            url = f"{urljoin(response.url, page.action)}?{urlencode(page.fields)}"
        response = open_url(url, headers)
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
            self.title = " ".join(data.split())[:200]
            self._in_title = False


def _read_page(response: Response) -> _Page | None:
    """The page, or None if the response is a file."""
    if response.headers.get_content_type() != "text/html":
        return None
    with response, network_errors():
        return _Page(response.read(PAGE_BYTES).decode("utf-8", "replace"))


def _read(response: Response) -> bytes:
    """What has arrived, at most a chunk; empty at the end."""
    with network_errors():
        return response.read1(CHUNK_BYTES)


def _version(response: Response) -> str:
    """What If-Range takes: the ETag if it stands for equal bytes, else the time of the change."""
    etag = str(response.headers.get("ETag", ""))
    version = etag if etag.startswith('"') else str(response.headers.get("Last-Modified", ""))
    return version if version.isascii() and version.isprintable() else ""


def _extent(response: Response) -> tuple[int, int]:
    """Offset of a part in the file, and the file's size."""
    text = response.headers.get("Content-Range", "")
    extent = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})", text)
    if not extent:
        raise LostError(f"malformed Content-Range: {text[:50]}")
    return int(extent[1]), int(extent[2])


def _length(response: Response) -> int | None:
    """The file's size, if the server reports it."""
    text = response.headers.get("Content-Length")
    if text is not None and not re.fullmatch("[0-9]{1,18}", text):
        raise LostError(f"malformed Content-Length: {text[:50]}")
    return None if text is None else int(text)


def _may_start_checkpoint(chunk: bytes) -> bool:
    """Whether a checkpoint may start with these bytes, of which there may be only one or two."""
    return any(chunk[: len(start)] == start[: len(chunk)] for start in CHECKPOINT_STARTS)
