"""Fake network cameras: motion JPEG or H.264 over HTTP, with faults on demand."""

from __future__ import annotations

import base64
import contextlib
import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import av
import cv2
import numpy as np

from seaformer_edge.sources import SyntheticSource

BOUNDARY = "frame"
USER, PASSWORD = "guard", "hunter2"


class MjpegServer:
    """Serves the frames of `SyntheticSource`, from the first one, to each client.

    Attributes:
        mode: "live"; "frozen" (always the same frame); "silent" (connected, but no frames);
            "garbage" (data that is not JPEG); "cut" (connections are closed, new ones refused).
        rate: frames per second.
        size: (width, height) of the frames. This, mode and rate may be changed at any time.
        connections: number of connections so far.
    """

    def __init__(self, *, rate: float = 50, protected: bool = False) -> None:
        self.mode = "live"
        self.rate = rate
        self.size = (96, 64)
        self.connections = 0
        self.protected = protected
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}/video.mjpg"

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Serves one client."""
        self.connections += 1
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.protected and handler.headers.get("Authorization") != f"Basic {login}":
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="camera"')
            handler.end_headers()
            return
        if self.mode == "cut":
            handler.send_error(503)
            return
        handler.send_response(200)
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        handler.send_header("Content-Type", kind)
        handler.end_headers()
        picture = b""
        size, frames = self.size, iter(SyntheticSource(self.size))
        while True:
            if size != self.size:
                size, frames = self.size, iter(SyntheticSource(self.size))
            frame = next(frames)
            if self.mode == "cut" or self._closing.wait(1 / self.rate):
                return
            if self.mode == "silent":
                continue
            if self.mode == "garbage":
                picture = np.random.default_rng(frame.index).bytes(400)
            elif self.mode == "live" or not picture:
                picture = cv2.imencode(".jpg", frame.image[..., ::-1])[1].tobytes()
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n"
            handler.wfile.write(head.encode() + b"\r\n" + picture + b"\r\n")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class H264Server(MjpegServer):
    """Serves a video, .ts, from its first frame, at `rate` frames per second to each client.

    It never ends: after the last frame, or once `mode` is "silent", nothing is sent any more.
    """

    def __init__(self, video: Path, *, rate: float = 25) -> None:
        super().__init__(rate=rate)
        data = video.read_bytes()
        with av.open(str(video)) as container:
            starts = [packet.pos for packet in container.demux(video=0) if packet.size]
        ends = [*starts[1:], len(data)]
        self._pieces = [data[i:j] for i, j in zip([0, *starts[1:]], ends, strict=True)]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        self.connections += 1
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp2t")
        handler.end_headers()
        pieces = iter(self._pieces)
        while not self._closing.wait(1 / self.rate):
            if self.mode == "live" and (piece := next(pieces, b"")):
                handler.wfile.write(piece)


def _handler(server: MjpegServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):  # the client has disconnected
                server.serve(self)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a web server that serves a folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
