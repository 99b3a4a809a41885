"""Clients that misbehave: the server and the stream go on."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from fakes import wait_until
from web_site import Serve, Site

from seaformer_edge.sources import VideoSource
from seaformer_edge.web import connections


def is_closed(client: socket.socket) -> bool:
    """Whether the server has closed the connection."""
    client.setblocking(False)
    try:
        return client.recv(65536) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",  # connected, and silent
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /api/control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{",
    ],
)
def test_a_slow_request_is_cut(serve: Serve, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.2)
    with serve() as site, site.connect() as client:
        client.sendall(sent)
        wait_until(lambda: is_closed(client))
        monkeypatch.undo()
        assert site.get("/healthz").status == 200


def test_many_connections_leave_the_server_usable(site: Site) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(site.connect()) for _ in range(200)]
        for client in clients:
            client.sendall(b"GET /api/status HTTP/1.1\r\n")
        for _ in range(5):
            assert site.get("/api/status").status == 200
        wait_until(lambda: is_closed(clients[0]))
        assert not is_closed(clients[-1])


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"\x00" * 1000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_in_silence(
    site: Site, sent: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with site.connect() as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        reply = b""
        try:
            while data := client.recv(65536):
                reply += data
        except ConnectionError:
            pass
    assert reply == b"" or reply.startswith(b"HTTP/1.1 4") or reply.startswith(b"HTTP/1.0 4")
    assert site.get("/healthz").status == 200
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_clients_that_leave_at_once_leave_no_trace(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/", "/api/snapshot.jpg", "/api/status", "/stream.mjpg") * 5:
        with site.connect() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    wait_until(lambda: site.get("/api/status").json["stream_clients"] == 0)
    assert not caplog.records


def test_nothing_is_lost_of_a_recording_whatever_clients_do(serve: Serve, tmp_path: Path) -> None:
    with serve("synthetic:96x64@20", folder=tmp_path) as site, ExitStack() as stack:
        site.change(recording=True)
        wait_until(lambda: site.pipeline.status().recorded_frames > 0)
        for sent in (
            b"",
            b"\0" * 5000,
            b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ) * 20:
            stack.enter_context(site.connect()).sendall(sent)
        recorded = site.pipeline.status().recorded_frames
        wait_until(lambda: site.pipeline.status().recorded_frames > recorded + 10)
        site.change(recording=False)
        wait_until(lambda: site.pipeline.status().recording is None)
        (video,) = tmp_path.iterdir()
        with VideoSource(video) as source:
            assert sum(1 for _ in source) > recorded + 10
