"""The worker process of a source: errors, and ending it at any time."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import monotonic

import pytest
from fakes import nothing_left
from mjpeg_server import PASSWORD, USER, MjpegServer

from seaformer_edge.errors import SourceError
from seaformer_edge.sources import worker
from seaformer_edge.sources.process import GRACE_S, SourceProcess

LIMIT_S = GRACE_S + 0.5


@pytest.fixture(autouse=True)
def _no_remains() -> Iterator[None]:
    with nothing_left():
        yield


def test_errors_are_raised_in_the_parent(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file, folder or camera"):
        list(SourceProcess(tmp_path / "street.mp4"))


def test_close_while_running() -> None:
    child = SourceProcess("synthetic")
    frames = iter(child)
    list(islice(frames, 3))
    started_s = monotonic()
    child.close()
    assert monotonic() - started_s < LIMIT_S
    assert len(list(frames)) < 100, "what was on its way"
    assert not child.exhausted


def test_close_while_connecting() -> None:
    """FFmpeg would wait for ten seconds, a name look-up even longer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        child = SourceProcess(f"rtsp://127.0.0.1:{listening.getsockname()[1]}/live")
        connection, _ = listening.accept()
        reader_ends: list[str] = []

        def read() -> None:
            assert list(child) == []
            reader_ends.append("yes")

        reader = threading.Thread(target=read)
        reader.start()
        started_s = monotonic()
        child.close()
        reader.join(LIMIT_S)
        assert monotonic() - started_s < LIMIT_S
        assert reader_ends == ["yes"]
        connection.close()


def test_close_before_the_first_frame() -> None:
    child = SourceProcess("synthetic")
    child.close()
    assert list(child) == []


def test_a_crash_is_an_error() -> None:
    child = SourceProcess("synthetic")
    frames = iter(child)
    next(frames)
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(SourceError, match=r"synthetic:640x480@30: its process died \(-9\)"):
        list(frames)


def test_leaving_the_loop_ends_the_child() -> None:
    child = SourceProcess("synthetic")
    for _frame in child:
        break
    assert child._child.stop(LIMIT_S) == 0


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks into /proc")
def test_the_password_is_not_among_the_arguments() -> None:
    with MjpegServer(protected=True) as server:
        child = SourceProcess(f"http://{USER}:{PASSWORD}@{server.address}/video.mjpg")
        frames = iter(child)
        next(frames)
        arguments = Path(f"/proc/{child.pid}/cmdline").read_text()
        assert "seaformer_edge" in arguments
        assert PASSWORD not in arguments
        assert child.name == server.url
        child.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is for Linux")
def test_the_memory_of_the_child_is_limited() -> None:
    child = SourceProcess("synthetic")
    frames = iter(child)
    next(frames)
    assert resource.prlimit(child.pid, resource.RLIMIT_DATA)[0] <= worker.MAX_BYTES
    child.close()
