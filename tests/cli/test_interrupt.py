"""Ctrl-C while `seaformer-edge segment` waits for a source."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from clips import read_times
from fake_command import run
from mjpeg_server import MjpegServer
from test_segment import PATIENCE_S, _start, _wait_for

LIMIT_S = 6  # FFmpeg waits for ten


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_silent_stream_ends_and_the_files_are_whole(tmp_path: Path, signal_number: int) -> None:
    out, masks = tmp_path / "out.mp4", tmp_path / "masks"
    with (
        MjpegServer() as server,
        _start(0, "segment", server.url, "-o", out, "--masks", masks) as process,
    ):
        _wait_for(masks / "000003.png", process)
        server.mode = "silent"
        time.sleep(0.2)
        process.send_signal(signal_number)
        asked_s = time.monotonic()
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert time.monotonic() - asked_s < LIMIT_S
    assert process.returncode == 130
    assert errors.count("\n") == 1
    assert "seaformer-edge live" in errors
    assert len(read_times(out)) == len(list(masks.iterdir())) >= 4


def test_a_server_that_never_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"rtsp://127.0.0.1:{listening.getsockname()[1]}/live"
        with _start(0, "segment", url, "-o", tmp_path / "out.mp4") as process:
            connection, _ = listening.accept()
            process.send_signal(signal.SIGINT)
            asked_s = time.monotonic()
            _, errors = process.communicate(timeout=PATIENCE_S)
            assert time.monotonic() - asked_s < LIMIT_S
            connection.close()
    assert (process.returncode, errors.strip()) == (130, "seaformer-edge: interrupted")


def test_a_pipe_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "clip.mp4"
    os.mkfifo(pipe)
    assert run("segment", pipe, "-o", tmp_path / "out.mp4") == 1
    assert "a pipe or device" in capsys.readouterr().err
