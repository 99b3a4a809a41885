"""Videos on standard input, results on standard output."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from clips import number, numbered, read_times, write_video
from test_segment import PATIENCE_S
from test_streams import COMMAND

from seaformer_edge.sources import VideoSource

COUNT = 20


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "in.mkv", [numbered(i) for i in range(COUNT)], audio=True)


def _shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a line of the shell, in which `segment` is the command of this name."""
    command = " ".join(f"'{word}'" for word in COMMAND)
    line = f'segment() {{ {command} segment "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_a_video_on_standard_input(tmp_path: Path, clip: Path) -> None:
    done = _shell("cat in.mkv | segment - -o out.mp4 --start 4 --mode original", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with VideoSource(tmp_path / "out.mp4") as source:
        assert [number(frame.image) for frame in source] == list(range(4, COUNT))


@pytest.mark.parametrize("line", ["cat in.mp4 | segment", "< in.mp4 segment"])
def test_an_mp4_with_its_index_at_its_end(tmp_path: Path, line: str) -> None:
    write_video(tmp_path / "in.mp4", [numbered(i) for i in range(COUNT)])
    assert (tmp_path / "in.mp4").read_bytes().index(b"mdat") < 100
    done = _shell(f"{line} - -o out.mp4 --mode original", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with VideoSource(tmp_path / "out.mp4") as source:
        assert [number(frame.image) for frame in source] == list(range(COUNT))


def test_motion_jpeg_on_standard_input(tmp_path: Path) -> None:
    pictures = [cv2.imencode(".jpg", numbered(i))[1].tobytes() for i in range(COUNT)]
    (tmp_path / "in.mjpeg").write_bytes(b"".join(pictures))
    done = _shell("segment - -o out.mp4 --input-fps 10 < in.mjpeg", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_times(tmp_path / "out.mp4") == pytest.approx([i / 10 for i in range(COUNT)])


def test_a_video_on_standard_output(tmp_path: Path, clip: Path) -> None:
    done = _shell("segment in.mkv -o - --mode original | cat > out.mkv", tmp_path)
    assert done.returncode == 0
    assert f"{COUNT} frames" in done.stderr, "the report is not in the video"
    with VideoSource(tmp_path / "out.mkv") as source:
        frames = [(round(frame.timestamp_s * 25), number(frame.image)) for frame in source]
    assert frames == [(i, i) for i in range(COUNT)]


def test_a_table_on_standard_output(tmp_path: Path, clip: Path) -> None:
    done = _shell("segment in.mkv --stats -", tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["frame"] for line in lines] == list(range(COUNT))
    assert f"{COUNT} frames" in done.stderr
    assert not (tmp_path / "-").exists()


def test_a_pipe_that_is_closed(tmp_path: Path, clip: Path) -> None:
    for options in ("-o -", "--stats -"):
        done = _shell(f"segment in.mkv {options} | head -c 10 > /dev/null", tmp_path)
        assert done.returncode in (0, 1), "0 if everything fitted into the pipe"
        assert done.stderr.count("\n") == (1 if done.returncode else 3)


@pytest.mark.parametrize(
    ("line", "message", "code"),
    [
        ("segment - -o out.mp4 < /dev/null", "standard input: no video", 1),
        ("echo words | segment - -o out.mp4", "standard input: no video", 1),
        ("segment in.mkv -o - --stats - | cat", "must be different paths", 2),
        ("segment in.mkv --masks - | cat", "masks are written to", 2),
        ("segment in.mkv in.mkv -o - | cat", "not standard output", 2),
        ("segment - in.mkv -o out", "name this one alone", 2),
    ],
)
def test_pipes_that_cannot_be_used(
    tmp_path: Path, clip: Path, line: str, message: str, code: int
) -> None:
    done = _shell(line, tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["segment - -o out.mp4", "live - --record out.mp4"])
def test_a_signal_ends_waiting_for_standard_input(tmp_path: Path, clip: Path, command: str) -> None:
    words = [*COMMAND, *command.split()]
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(clip.read_bytes())
        process.stdin.flush()
        partial = (tmp_path / ".out.mp4.partial", tmp_path / "out.mp4")
        while not any(path.exists() and path.stat().st_size for path in partial):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 130
        assert b"Traceback" not in process.stderr.read()  # type: ignore[union-attr]
    assert read_times(tmp_path / "out.mp4")
