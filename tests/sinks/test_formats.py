"""Every container with every codec that it holds: frames, times, colours, qualities."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import MemorySource, noise, numbered, read_times, write_video
from test_video_sink import _copy

from seaformer_edge.errors import SinkError
from seaformer_edge.sinks import VideoFile, open_sink
from seaformer_edge.sinks.formats import CODECS, FORMATS
from seaformer_edge.sources import open_source

PAIRS = [(s, c) for s, kind in FORMATS.items() for c in kind.codecs if c != "masks"]
WITH_QUALITY = [name for name, codec in CODECS.items() if codec.quality is not None]


def _scene(index: int, size: tuple[int, int] = (95, 63)) -> np.ndarray:
    """Coloured areas that move, of odd width and height."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[:, : 20 + index] = (200, 40, 40)
    picture[:, 20 + index :] = (40, 90, 200)
    return picture


@pytest.mark.parametrize(("suffix", "codec"), PAIRS)
def test_a_video_of_each_codec(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"out{suffix}"
    with VideoFile(path, frame_rate=Fraction(20), codec=codec) as file:
        for i in range(8):
            file.write(_scene(i), 3 + i / 20, 1 / 20)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == codec
    frames = list(open_source(path))
    assert [frame.timestamp_s for frame in frames] == pytest.approx([i / 20 for i in range(8)])
    for i, frame in enumerate(frames):
        expected = _scene(i)
        shown = frame.image[: expected.shape[0], : expected.shape[1]].astype(int)
        assert abs(shown - expected).mean() < (1 if codec == "ffv1" else 8)
        assert abs(shown[10:50, 40:80].mean((0, 1)) - expected[30, 60]).max() < 8


def test_a_video_without_loss(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "out.mkv", codec="ffv1") as file:
        file.write(noise(0, (95, 63)), 0.0)
    (frame,) = open_source(tmp_path / "out.mkv")
    assert (frame.image == noise(0, (95, 63))).all()


@pytest.mark.parametrize("codec", WITH_QUALITY)
def test_quality_decides_the_size(tmp_path: Path, codec: str) -> None:
    sizes = []
    for quality in (5, 60, 100):
        path = tmp_path / f"{quality}{'.avi' if codec == 'mpeg4' else '.mkv'}"
        with VideoFile(path, codec=codec, quality=quality) as file:
            for i in range(3):
                file.write(cv2.blur(noise(i, (96, 64)), (3, 3)).astype(np.uint8), i / 25)
        sizes.append(path.stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]


def test_a_picture_of_less_quality_is_smaller(tmp_path: Path) -> None:
    source = MemorySource([noise(0)])
    for suffix in (".jpg", ".webp"):
        sizes = []
        for quality in (10, 90):
            path = tmp_path / f"{quality}{suffix}"
            with open_sink(path, source, quality=quality) as sink:
                for frame in source:
                    sink.write(frame, frame.image)
            sizes.append(path.stat().st_size)
        assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize("suffix", [".avi", ".gif"])
def test_irregular_times_have_the_nearest_place(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.04, 0.12, 0.16, 1.0, 1.04]
    with VideoFile(tmp_path / f"out{suffix}", frame_rate=Fraction(25)) as file:
        for i, time_s in enumerate(times):
            file.write(numbered(i), time_s, 0.04)
    assert read_times(tmp_path / f"out{suffix}") == pytest.approx(times)


@pytest.mark.parametrize("rate", [Fraction(240_000, 1001), Fraction(999_983, 1000), Fraction(1, 7)])
def test_an_avi_of_any_rate(tmp_path: Path, rate: Fraction) -> None:
    with VideoFile(tmp_path / "out.avi", frame_rate=rate) as file:
        for i in range(20):
            file.write(numbered(i), float(i / rate))
    assert read_times(tmp_path / "out.avi")[-1] == pytest.approx(float(19 / rate), rel=0.01)


def test_audio_in_an_avi(tmp_path: Path) -> None:
    path = write_video(tmp_path / "in.mp4", [numbered(i) for i in range(50)], audio=True)
    copied = _copy(open_source(path), tmp_path / "out.avi")
    with av.open(str(copied)) as container:
        assert len(list(container.decode(video=0))) == 50
        assert not container.streams.audio or container.streams.audio[0].duration


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.webm", {"codec": "h264"}, "h264 cannot be stored in .webm; use .mp4"),
        ("a.png", {"codec": "h264"}, "is no video"),
        ("a.png", {"quality": 50}, "without loss"),
        ("folder", {"quality": 50}, "without loss"),
        ("a.gif", {"quality": 50}, "leave out --quality"),
        ("a.mkv", {"codec": "ffv1", "quality": 50}, "leave out --quality"),
    ],
)
def test_what_a_format_cannot_do(
    tmp_path: Path, name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(SinkError, match=message):
        open_sink(tmp_path / name, MemorySource([noise(0)]), **options)  # type: ignore[call-overload]


def test_a_live_recording_keeps_its_times(tmp_path: Path) -> None:
    for suffix in (".avi", ".gif"):
        with pytest.raises(SinkError, match=r"no exact times; record as \.mp4"):
            VideoFile(tmp_path / f"a{suffix}", live=True)
