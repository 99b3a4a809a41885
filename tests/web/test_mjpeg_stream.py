"""The stream: always the newest picture, made once for everybody; slow clients harm nobody."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import cv2
import numpy as np
import pytest
from fakes import PATIENCE_S, wait_until
from web_site import Serve, Site

from seaformer_edge.sources.synthetic import read_counter
from seaformer_edge.web import pictures, server, stream
from seaformer_edge.web.pictures import SIZES
from seaformer_edge.web.stream import ADAPT_S, RETRY_S, Pace

BIG = "synthetic:640x480@50"


class Viewer:
    """A client of the stream."""

    def __init__(self, site: Site, buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", site.port))
        self.socket.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.response = http.client.HTTPResponse(self.socket)
        self.response.begin()
        if self.response.status == 200:
            assert self.response.readline() == b"--frame\r\n"

    def picture(self) -> np.ndarray:
        headers = {}
        while (line := self.response.readline().strip()) != b"":
            name, _, value = line.partition(b": ")
            headers[name] = value
        data = self.response.read(int(headers[b"Content-Length"]))
        assert self.response.readline() == b"\r\n"
        assert self.response.readline() == b"--frame\r\n"
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None
        return decoded

    def counter(self) -> int:
        return read_counter(self.picture())

    def close(self) -> None:
        self.response.close()
        self.socket.close()


@contextmanager
def viewing(site: Site, buffer: int | None = None) -> Iterator[Viewer]:
    viewer = Viewer(site, buffer)
    try:
        yield viewer
    finally:
        viewer.close()


def newest(site: Site) -> int:
    result = site.pipeline.newest()
    assert result is not None
    return result.frame.index


def test_pictures_follow_the_run(site: Site) -> None:
    with viewing(site) as viewer:
        assert viewer.response.headers["Content-Type"].startswith("multipart/x-mixed-replace;")
        counters = [viewer.counter() for _ in range(20)]
    assert counters == sorted(set(counters))
    wait_until(lambda: site.get("/api/status").json["stream_clients"] == 0)


def test_a_stalled_client_gets_the_newest_picture_next(serve: Serve) -> None:
    with serve(BIG) as site, viewing(site, 4096) as slow, viewing(site) as fast:
        begun = slow.counter()
        while fast.counter() < begun + 40:
            pass
        resumed = newest(site)
        # Of the pictures from before, only what had left for the client is still delivered.
        assert [slow.counter() for _ in range(4)][-1] >= resumed


def test_a_picture_is_made_once_for_all(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(pictures, "draw", lambda r, v: made.append(r.sequence) or r.frame.image)
    with serve() as site, viewing(site) as a, viewing(site) as b, viewing(site) as c:
        for _ in range(10):
            for viewer in (a, b, c):
                viewer.counter()
    assert len(made) == len(set(made))


def test_nothing_is_drawn_for_nobody(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(pictures, "draw", lambda r, v: made.append(r.sequence) or r.frame.image)
    with serve() as site:
        before = newest(site)
        wait_until(lambda: newest(site) > before + 5)
    assert not made


def test_a_paused_run_shows_changes_of_the_view(site: Site) -> None:
    with viewing(site) as viewer:
        site.change(paused=True)
        site.change(mode="mask", classes=["red"])
        wait_until(lambda: viewer.picture()[32:, :, 0].max() < 60)


def test_a_silent_stream_repeats_its_picture(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "REPEAT_S", 0.05)
    with serve() as site, viewing(site) as viewer:
        site.change(paused=True)
        last = [viewer.counter() for _ in range(30)][-3:]
        assert len(set(last)) == 1


def test_a_client_that_takes_nothing_is_dropped(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STALLED_S", 0.2)
    with serve(BIG) as site, viewing(site, 4096):
        wait_until(lambda: site.get("/api/status").json["stream_clients"] == 0)


def test_there_is_a_limit_of_streams(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_STREAMS", 2)
    with serve() as site, viewing(site) as one, viewing(site):
        with viewing(site) as third:
            assert third.response.status == 503
        assert one.counter() < one.counter()


def read_to_the_end(viewer: Viewer) -> None:
    with suppress(http.client.IncompleteRead, ConnectionError):
        viewer.response.read()


def test_a_stop_with_clients_ends_at_once(serve: Serve) -> None:
    with serve(BIG) as site:
        viewers = [Viewer(site, 4096) for _ in range(3)]
        reading = threading.Thread(target=read_to_the_end, args=(viewers[0],))
        reading.start()
    reading.join(PATIENCE_S)
    assert not reading.is_alive()
    for viewer in viewers:
        viewer.close()


def pace_after(busy: float, over_s: float, pace: Pace, begun_s: float) -> float:
    """The time after a client has received for this part of the time."""
    now_s = begun_s
    while now_s < begun_s + over_s:
        now_s += 0.1
        pace.sent(0.1 * busy, now_s)
    return now_s


def test_a_slow_client_gets_smaller_pictures_and_a_recovered_one_larger() -> None:
    pace = Pace(0.0)
    now_s = pace_after(0.5, 60, pace, 0.0)
    assert pace.index == 0
    now_s = pace_after(0.98, 5 * ADAPT_S, pace, now_s)
    assert pace.index == len(SIZES) - 1
    now_s = pace_after(0.5, 60, pace, now_s)
    assert pace.index == len(SIZES) - 1
    pace_after(0.05, RETRY_S + 2 * ADAPT_S, pace, now_s)
    assert pace.index < len(SIZES) - 1


def test_a_size_that_was_too_large_is_tried_less_and_less_often() -> None:
    pace = Pace(0.0)
    now_s, changes = 0.0, []
    for _ in range(3000):
        now_s += 0.1
        before = pace.index
        pace.sent(0.1 * (0.98 if pace.index < 1 else 0.1), now_s)
        if pace.index < before:
            changes.append(now_s)
    waits = np.diff(changes)
    assert (waits[1:3] > waits[:2] * 1.5).all()
