"""Videos: time, audio, size, colour, and the file after its writer was killed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from clips import (
    MemorySource,
    audio_packets,
    noise,
    number,
    numbered,
    read_times,
    write_video,
)

from seaformer_edge.files import partial_path
from seaformer_edge.frame import Frame
from seaformer_edge.sinks import VideoFile, VideoSink
from seaformer_edge.sources import FrameSource, Selection, open_source

COUNT = 50
SUFFIXES = [".mp4", ".mov", ".mkv", ".webm"]


def _copy(source: FrameSource, path: Path, frames: int | None = None) -> Path:
    with VideoSink(path, source) as sink:
        for count, frame in enumerate(source, start=1):
            sink.write(frame, frame.image)
            if count == frames:
                break
    return path


@pytest.fixture
def clip(tmp_path: Path) -> FrameSource:
    """Two seconds with a tone."""
    pictures = [numbered(i) for i in range(COUNT)]
    return open_source(write_video(tmp_path / "clip.mp4", pictures, audio=True))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_frame_in_order(tmp_path: Path, clip: FrameSource, suffix: str) -> None:
    copied = list(open_source(_copy(clip, tmp_path / f"out{suffix}")))
    assert [number(frame.image) for frame in copied] == [i % 28 for i in range(COUNT)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_irregular_timestamps_are_kept(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.04, 0.2, 0.21, 1.0, 1.5, 1.501]
    pictures = [numbered(i) for i in range(len(times))]
    clip = open_source(write_video(tmp_path / "clip.mp4", pictures, times_s=times))
    copied = read_times(_copy(clip, tmp_path / f"out{suffix}"))
    assert copied == pytest.approx(times, abs=1e-9 if suffix in {".mp4", ".mov"} else 0.0006)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_aac_of_a_transport_stream_is_copied(
    tmp_path: Path, clip: FrameSource, suffix: str
) -> None:
    transport = tmp_path / "clip.ts"
    with av.open(str(clip.files[0])) as source, av.open(str(transport), "w") as output:
        streams = {stream: output.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream]
                output.mux(packet)
    out = _copy(open_source(transport), tmp_path / f"out{suffix}")
    assert len(read_times(out)) == COUNT
    with av.open(str(out)) as result:
        samples = sum(frame.samples for frame in result.decode(audio=0))
        assert samples / result.streams.audio[0].rate == pytest.approx(2, abs=0.1)


def _as(path: Path, clip: FrameSource, tick: Fraction | None = None, skip: int = 0) -> Path:
    """Copies a clip into another container.

    Args:
        path: the new file.
        clip: of which the packets are copied.
        tick: audio begins at multiples of this many seconds.
        skip: leaves out the last audio packets.
    """
    with av.open(str(clip.files[0])) as source, av.open(str(path), "w") as output:
        streams = {stream: output.add_stream_from_template(stream) for stream in source.streams}
        output.start_encoding()
        packets = [packet for packet in source.demux() if packet.size]
        sound = [packet for packet in packets if packet.stream.type == "audio"]
        for packet in packets:
            if packet in sound[len(sound) - skip :]:
                continue
            if tick is not None and packet in sound:
                ticks = int(packet.dts * packet.time_base / tick)
                packet.dts = packet.pts = round(ticks * tick / packet.time_base)
            packet.stream = streams[packet.stream]
            output.mux(packet)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_audio_packets_of_equal_times_are_kept(
    tmp_path: Path, clip: FrameSource, suffix: str
) -> None:
    shared = _as(tmp_path / "shared.mkv", clip, tick=Fraction(1, 10))
    out = _copy(open_source(shared), tmp_path / f"out{suffix}")
    assert audio_packets(out) == audio_packets(clip.files[0])
    with av.open(str(out)) as result:
        times = [p.dts * p.time_base for p in result.demux(audio=0) if p.size]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(1.9, abs=0.03)


@pytest.mark.parametrize("skip", [0, 20])
def test_audio_after_a_clock_that_began_again_is_kept(
    tmp_path: Path, clip: FrameSource, skip: int
) -> None:
    part = _as(tmp_path / "part.ts", clip, skip=skip).read_bytes()
    (tmp_path / "joined.ts").write_bytes(part * 3)
    joined = open_source(tmp_path / "joined.ts")
    with av.open(str(_copy(joined, tmp_path / "out.mp4"))) as result:
        times = [p.dts * p.time_base for p in result.demux(audio=0) if p.size]
    count = len(audio_packets(clip.files[0])) - skip
    assert len(times) == pytest.approx(3 * count, abs=3)
    # In each part, as far from the video's beginning as in the first.
    begins = [time for time, before in pairwise([*times[::-1], -1]) if time - before > 0.3]
    if skip:
        assert sorted(begins) == pytest.approx([0, 2, 4], abs=0.03)
    assert times[-1] == pytest.approx(6 - skip * 1024 / 44100, abs=0.06)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_title_language_and_time_of_creation_are_kept(tmp_path: Path, suffix: str) -> None:
    created = "2021-03-04T05:06:07.000000Z"
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as output:
        output.metadata.update(title="Straße", creation_time=created)
        video, audio = output.add_stream("libx264", 25), output.add_stream("aac", 48000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio.metadata.update(language="jpn", title="Kommentar")
        output.mux(video.encode(av.VideoFrame(64, 48, "yuv420p")))
        output.mux(video.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        silence.sample_rate = 48000
        output.mux(audio.encode(silence))
        output.mux(audio.encode())
    for name, source in ("whole", open_source(path)), ("part", Selection(open_source(path), end=1)):
        with av.open(str(_copy(source, tmp_path / f"{name}{suffix}"))) as result:
            assert result.metadata["title"] == "Straße"
            assert result.metadata["creation_time"] == created
            assert result.streams.audio[0].language == "jpn"
            if suffix == ".mkv":
                assert result.streams.audio[0].metadata["title"] == "Kommentar"


def test_a_failure_at_the_start_closes_both_files(
    tmp_path: Path, clip: FrameSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise RuntimeError

    monkeypatch.setattr("seaformer_edge.sinks.audio._accepts", fail)
    file = VideoFile(tmp_path / "out.mp4", audio_file=clip.files[0])
    with pytest.raises(RuntimeError) as failure:
        file.write(numbered(0), 0)
    opened = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    assert failure.traceback, "it keeps the objects"
    assert [path for path in opened if path.startswith(str(tmp_path))] == []
    assert list(tmp_path.iterdir()) == [clip.files[0]]


@pytest.mark.parametrize(("codec", "suffix"), [("libopus", ".mov"), ("flac", ".mov")])
def test_audio_that_the_muxer_refuses_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, codec: str, suffix: str
) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as output:
        video, audio = output.add_stream("libx264", 25), output.add_stream(codec, 48000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        output.mux(video.encode(av.VideoFrame(64, 48, "yuv420p")))
        output.mux(video.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), "s16", "stereo")
        silence.sample_rate = 48000
        output.mux(audio.encode(silence))
        output.mux(audio.encode())
    out = _copy(open_source(path), tmp_path / f"out{suffix}")
    assert len(read_times(out)) == 1
    assert "it is left out" in caplog.text


def test_frames_with_equal_timestamps_are_kept(tmp_path: Path) -> None:
    source = MemorySource([numbered(0)] * 3)
    with VideoSink(tmp_path / "out.mp4", source) as sink:
        for index in range(3):
            frame = Frame(numbered(index), index, timestamp_s=0.5)
            sink.write(frame, frame.image)
    assert len(read_times(tmp_path / "out.mp4")) == 3


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(("rotation", "expected"), [(0, Fraction(16, 11)), (90, Fraction(11, 16))])
def test_pixels_that_are_not_square_are_kept(
    tmp_path: Path, suffix: str, rotation: int, expected: Fraction
) -> None:
    clip = write_video(
        tmp_path / "clip.mp4", [noise(0)] * 3, pixel_aspect=Fraction(16, 11), rotation=rotation
    )
    source = open_source(clip)
    assert source.pixel_aspect == expected
    assert open_source(_copy(source, tmp_path / f"out{suffix}")).pixel_aspect == expected


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_audio_is_copied(tmp_path: Path, clip: FrameSource, suffix: str) -> None:
    copied = _copy(clip, tmp_path / f"out{suffix}")
    assert audio_packets(copied) == audio_packets(clip.files[0])
    assert read_times(copied) == pytest.approx(read_times(clip.files[0]), abs=0.025)


def test_audio_stays_in_sync(tmp_path: Path, clip: FrameSource) -> None:
    def starts(path: Path) -> list[float]:
        with av.open(str(path)) as container:
            return [
                float(stream.start_time * stream.time_base)
                for stream in (container.streams.video[0], container.streams.audio[0])
            ]

    assert starts(_copy(clip, tmp_path / "out.mp4")) == pytest.approx(starts(clip.files[0]))


def test_audio_the_container_cannot_hold_is_named(
    tmp_path: Path, clip: FrameSource, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        copied = _copy(clip, tmp_path / "out.webm")
    assert audio_packets(copied) == []
    assert "cannot hold aac audio; it is left out" in caplog.text


def test_a_range_keeps_its_audio(tmp_path: Path, clip: FrameSource) -> None:
    copied = _copy(Selection(clip, start=10, end=35), tmp_path / "out.mp4")
    times = read_times(copied)
    assert len(times) == 25
    assert times[0] == pytest.approx(0)
    whole = audio_packets(clip.files[0])
    part = audio_packets(copied)
    assert len(part) == pytest.approx(len(whole) / 2, abs=2)
    begin = whole.index(part[0])
    assert begin == pytest.approx(len(whole) * 10 / COUNT, abs=2)
    assert part == whole[begin : begin + len(part)]


def test_a_range_of_times_keeps_its_audio(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", [numbered(i) for i in range(200)], audio=True)
    copied = _copy(Selection(open_source(path), start_s=5.0, end_s=6.0), tmp_path / "out.mp4")
    assert read_times(copied) == pytest.approx([i / 25 for i in range(25)])
    whole, part = audio_packets(path), audio_packets(copied)
    begin = whole.index(part[0])
    assert begin == pytest.approx(len(whole) * 5 / 8, abs=2)
    assert part == whole[begin : begin + len(part)]
    assert len(part) == pytest.approx(len(whole) / 8, abs=2)


def test_interrupted_run_ends_picture_and_audio_together(tmp_path: Path, clip: FrameSource) -> None:
    copied = _copy(clip, tmp_path / "out.mp4", frames=25)
    assert len(read_times(copied)) == 25
    assert len(audio_packets(copied)) == pytest.approx(len(audio_packets(clip.files[0])) / 2, abs=2)


def test_a_file_without_a_source_begins_at_its_first_picture(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "out.mp4") as file:
        for time_s in (71.0, 71.5, 72.25):
            file.write(numbered(1), time_s)
    assert read_times(tmp_path / "out.mp4") == pytest.approx([0.0, 0.5, 1.25], abs=1e-9)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("size", [(65, 48), (64, 49), (33, 35), (1, 1)])
def test_odd_sizes_grow_by_one(tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
    copied = _copy(MemorySource([numbered(9, size)]), tmp_path / f"out{suffix}")
    (frame,) = open_source(copied)
    assert frame.image.shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)
    assert np.abs(frame.image.astype(int) - numbered(9, (1, 1))).max() <= 3


def test_frames_of_another_size_are_scaled_to_fit(tmp_path: Path) -> None:
    source = MemorySource([numbered(20, (64, 48)), numbered(20, (96, 24))])
    first, second = open_source(_copy(source, tmp_path / "out.mp4"))
    assert first.image.shape == second.image.shape == (48, 64, 3)
    assert number(second.image[20:28]) == 20
    assert second.image[:14].max() <= 8
    assert second.image[-14:].max() <= 8


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_colours_survive(tmp_path: Path, suffix: str) -> None:
    colours = np.array([(220, 20, 60), (0, 130, 180), (128, 64, 128), (250, 250, 250)], np.uint8)
    picture = np.repeat(np.repeat(colours[None], 64, 0), 32, 1)
    (frame,) = open_source(_copy(MemorySource([picture]), tmp_path / f"out{suffix}"))
    error = np.abs(frame.image[32, 16::32].astype(int) - colours)
    assert error.max() <= 4
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert next(container.decode(video=0)).colorspace == 1  # marked as BT.709


DIES_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from clips import MemorySource, noise
from seaformer_edge.sinks import VideoSink
source = MemorySource([noise(i) for i in range(100)])
sink = VideoSink(Path(sys.argv[1]), source)
for frame in source:
    sink.write(frame, frame.image)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_killed_writer_leaves_a_playable_partial_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    helpers = str(Path(__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", DIES_WHILE_WRITING, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([helpers, *sys.path])},
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    assert not path.exists()
    frames = list(open_source(partial_path(path)))
    assert len(frames) >= 50  # 4 s were written; a fragment takes one, encoders look ahead
    assert all(b.timestamp_s - a.timestamp_s == pytest.approx(0.04) for a, b in pairwise(frames))


def test_a_closed_file_is_not_fragmented(tmp_path: Path) -> None:
    with av.open(str(_copy(MemorySource([noise(i) for i in range(9)]), tmp_path / "o.mp4"))) as out:
        assert out.streams.video[0].frames == 9
        assert out.streams.video[0].codec_context.name == "h264"
        assert out.duration == pytest.approx(9 / 25 * 1e6, abs=1)
