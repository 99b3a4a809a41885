"""Recordings at low frame rates: what is left of them after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from clips import noise, read_times

from seaformer_edge.sinks import VideoFile

DIES_WHILE_RECORDING = """
import os, signal, sys
from pathlib import Path
from clips import noise
from fakes import wait_until
from seaformer_edge.frame import Frame
from seaformer_edge.live.recording import Recorder, draw_overlay
from seaformer_edge.live.result import LiveResult
from seaformer_edge.live.stats import LiveStats

path, rate, seconds, size = sys.argv[1], *map(int, sys.argv[2:])
recorder = Recorder(Path(path), draw_overlay, False, LiveStats(), lambda *_: None)
for i in range(rate * seconds + 1):
    frame = Frame(noise(i, (size, size)), i, i / rate, captured_at_s=100 + i / rate)
    recorder.put(LiveResult(frame, i, frame.captured_at_s, None, True))
    wait_until(lambda: recorder.frames > i)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("suffix", "rate", "size"),
    [(".mp4", 2, 64), (".mp4", 5, 720), (".mov", 1, 64), (".mkv", 2, 64), (".webm", 5, 64)],
)
def test_a_kill_costs_a_second_of_a_recording(
    tmp_path: Path, suffix: str, rate: int, size: int
) -> None:
    path, seconds = tmp_path / f"out{suffix}", 4
    helpers = str(Path(__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", DIES_WHILE_RECORDING, str(path), str(rate), str(seconds), str(size)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([helpers, *sys.path])},
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    assert read_times(path)[-1] >= seconds - 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v", ".mkv", ".webm"])
def test_a_recording_has_its_name_once_it_can_be_played(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"precious")
    with VideoFile(path, overwrite=True, live=True) as file:
        file.write(noise(0), 1.0)
        assert path.read_bytes() == b"precious"
        file.write(noise(1), 1.5)
        assert read_times(path) == [0]
    assert len(read_times(path)) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_recording_of_one_picture(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "out.mp4", live=True) as file:
        file.write(noise(0), 1.0)
    assert read_times(tmp_path / "out.mp4") == [0]
