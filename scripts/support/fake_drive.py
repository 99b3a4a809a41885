"""A local server that behaves like Google Drive."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

FILE_ID = "1eIBkr2x5jv4eNaNUQpC-91tbIlktXSPi"  # of seaformer-t-ade20k
UUID = "5ba1e1c6&7"

CONFIRMATION = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head>
<body><p class="uc-warning-caption">Google Drive can't scan this file for viruses.</p>
<form id="download-form" action="{action}" method="get">
<input type="submit" id="uc-download-link" value="Download anyway"/>
<input type="hidden" name="id" value="{file_id}">
<input type="hidden" name="export" value="download">
<input type="hidden" name="confirm" value="t">
<input type="hidden" name="uuid" value="5ba1e1c6&amp;7">
</form></body></html>"""
PAGE = """<!DOCTYPE html><html><head><title>{title}</title></head><body>
<p class="uc-error-caption">Sorry, you can't view or download this file at this time.</p>
</body></html>"""


class FakeDrive:
    """A server with one file, and the faults that a download of it can meet.

    Attributes:
        content: of the file.
        confirm: whether the form must be submitted first, as for files over 100 MB; "again"
            answers it with the form once more.
        page: title and status of a page that is sent instead of the file.
        cuts: number of bytes after which each of the next responses loses its connection.
        ranges: whether a Range header is obeyed; "wrong" sends a different range,
            "careless" does not compare the version.
        version: the ETag of the content.
        answer: the whole answer to the next requests of the file, instead of the content.
        elsewhere: address of the redirect and of the form.
        requests: for each request of the file, its Range header or None.
    """

    def __init__(self, content: bytes = b""):
        self.content = content
        self.confirm: bool | str = False
        self.page: tuple[str, int] | None = None
        self.cuts: list[int] = []
        self.ranges: bool | str = True
        self.version: str | None = '"1"'
        self.answer: Iterable[bytes] | None = None
        self.elsewhere: str | None = None
        self.requests: list[str | None] = []

        class Handler(_Handler):
            drive = self

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    drive: FakeDrive

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        drive, parts = self.drive, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if query.get("id") != FILE_ID or query.get("export") != "download":
            self._page(PAGE.format(title="Error 404 (Not Found)!!1"), 404)
        elif parts.path == "/uc":
            self.send_response(303)
            confirmed = "/download" if drive.confirm or not drive.elsewhere else drive.elsewhere
            self.send_header("Location", f"{confirmed}?{parts.query}")
            self.end_headers()
        elif drive.page is not None:
            self._page(PAGE.format(title=drive.page[0]), drive.page[1])
        elif drive.confirm == "again" or (
            drive.confirm and (query.get("confirm"), query.get("uuid")) != ("t", UUID)
        ):
            action = drive.elsewhere or f"{drive.url}/download"
            self._page(CONFIRMATION.format(action=action, file_id=FILE_ID), 200)
        else:
            self._file()

    def _page(self, text: str, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def _file(self) -> None:
        drive, wanted = self.drive, self.headers.get("Range")
        drive.requests.append(wanted)
        if drive.answer is not None:
            with suppress(OSError):  # the client gives up
                for data in drive.answer:
                    self.wfile.write(data)
            return
        size, start = len(drive.content), 0
        careless = drive.ranges == "careless"
        same = careless or self.headers.get("If-Range") == drive.version
        if wanted and drive.ranges and same:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= size:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.end_headers()
                return
            if drive.ranges == "wrong":
                start -= 1
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Disposition", 'attachment; filename="latest.pth"')
        self.send_header("Content-Length", str(size - start))
        if drive.version:
            self.send_header("ETag", drive.version)
        self.end_headers()
        end = start + drive.cuts.pop(0) if drive.cuts else size
        self.wfile.write(drive.content[start:end])
