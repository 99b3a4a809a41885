"""Time, orientation, colour and damage in video files."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from clips import audio_packets, noise, number, numbered, write_audio, write_video
from numpy.typing import NDArray
from PIL import Image

from seaformer_edge.errors import SourceError
from seaformer_edge.sinks import VideoSink
from seaformer_edge.sources import Selection, VideoSource, open_source, upright, video
from seaformer_edge.sources.process import WorkerSource

COUNT = 40
Picture = NDArray[np.uint8]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_irregular_timestamps_are_kept(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.04, 0.2, 0.21, 1.0, 1.5]
    pictures = [numbered(i) for i in range(len(times))]
    source = open_source(write_video(tmp_path / f"v{suffix}", pictures, times_s=times))
    assert [frame.timestamp_s for frame in source] == pytest.approx(times, abs=0.0006)
    assert source.lost_frames == 0


def test_ntsc_rate_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "ntsc.mp4"
    rate = Fraction(30_000, 1001)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(8):
            frame = av.VideoFrame.from_ndarray(numbered(index), format="rgb24")
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    source = VideoSource(path)
    assert source.frame_rate == rate
    assert [frame.timestamp_s for frame in source] == [float(i / rate) for i in range(8)]


@pytest.mark.parametrize("suffix", [".avi", ".asf", ".mxf"])
def test_b_frames_in_a_format_of_decoding_times_are_evenly_spaced(
    tmp_path: Path, suffix: str
) -> None:
    pictures = [numbered(i) for i in range(COUNT)]  # x264 makes no B-frames of noise
    source = VideoSource(write_video(tmp_path / f"v{suffix}", pictures, max_b_frames=2))
    times = [frame.timestamp_s for frame in source]
    assert source.lost_frames == 0
    assert times == pytest.approx([i / 25 for i in range(COUNT)])


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
def test_a_clock_that_begins_again_goes_on(tmp_path: Path, suffix: str) -> None:
    codec = "mpeg2video"
    path = write_video(tmp_path / f"v{suffix}", [noise(i) for i in range(COUNT)], codec=codec)
    path.write_bytes(path.read_bytes() * 2)
    times = [frame.timestamp_s for frame in VideoSource(path)]
    assert len(times) >= 2 * COUNT - 1
    assert np.diff(times) == pytest.approx(1 / 25, abs=1e-3)


def test_a_pause_is_no_loss(tmp_path: Path) -> None:
    times = [i / 25 + (60 if i >= COUNT / 2 else 0) for i in range(COUNT)]
    pictures = [numbered(i) for i in range(COUNT)]
    source = VideoSource(write_video(tmp_path / "v.mkv", pictures, times_s=times))
    assert [frame.timestamp_s for frame in source] == pytest.approx(times, abs=1e-3)
    assert source.lost_frames == 0


def test_a_jump_of_a_transport_stream_is_no_loss(tmp_path: Path) -> None:
    times = [i / 25 + (60 if i >= COUNT / 2 else 0) for i in range(COUNT)]
    pictures = [numbered(i) for i in range(COUNT)]
    source = VideoSource(write_video(tmp_path / "v.ts", pictures, times_s=times))
    assert [frame.timestamp_s for frame in source] == pytest.approx([i / 25 for i in range(COUNT)])
    assert source.lost_frames == 0


def test_raw_dv_has_the_rate_of_its_frames_and_not_of_its_clock(tmp_path: Path) -> None:
    pictures = [numbered(i, (720, 576)) for i in range(3)]
    source = VideoSource(write_video(tmp_path / "v.dv", pictures, codec="dvvideo"))
    assert (source.frame_rate, source.frame_count) == (25, 3)


def test_a_raw_stream_has_the_rate_of_its_header(tmp_path: Path) -> None:
    source = VideoSource(write_video(tmp_path / "v.h264", [noise(i) for i in range(6)], rate=30))
    assert source.frame_rate == 30
    assert [frame.timestamp_s for frame in source] == pytest.approx([i / 30 for i in range(6)])


def test_the_last_frame_is_shown_as_long_as_the_file_says(tmp_path: Path) -> None:
    pictures = [Image.fromarray(noise(i)) for i in range(3)]
    pictures[0].save(
        tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=[100, 100, 3000]
    )
    source = open_source(tmp_path / "a.gif")
    with VideoSink(tmp_path / "o.mp4", source) as sink:
        for frame in source:
            sink.write(frame, frame.image)
    with av.open(str(tmp_path / "o.mp4")) as result:
        assert result.duration / av.time_base == pytest.approx(3.2)


@pytest.mark.parametrize(("rotation", "quarter_turns"), [(90, 1), (180, 2), (-90, -1)])
def test_rotated_video_is_turned_upright(tmp_path: Path, rotation: int, quarter_turns: int) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255  # the top left quarter
    source = VideoSource(write_video(tmp_path / "v.mp4", [picture] * 3, rotation=rotation))
    expected = np.rot90(picture, quarter_turns)
    assert source.frame_size == (expected.shape[1], expected.shape[0])
    error = np.abs(next(iter(source)).image.astype(int) - expected)
    assert np.median(error) <= 2
    assert error.mean() < 10


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
        ((1, 0, 0, -1), lambda picture: picture[::-1]),
        ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda picture: np.rot90(picture, 2).transpose(1, 0, 2)),
    ],
)
def test_mirrored_video_is_turned_upright(
    tmp_path: Path, matrix: tuple[int, ...], expected: Callable[[Picture], Picture]
) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255  # the top left quarter
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        a, b, c, d = (entry << 16 for entry in matrix)
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    image = next(iter(VideoSource(path))).image
    assert image.shape == expected(picture).shape
    assert np.abs(image.astype(int) - expected(picture)).mean() < 10


def test_full_range_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.color_range = 2
        frame = av.VideoFrame.from_ndarray(np.full((72, 64), 128, np.uint8), format="yuv420p")
        np.frombuffer(frame.planes[0], np.uint8)[:] = 240
        frame.color_range = 2
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert next(iter(VideoSource(path))).image[24, 32] == pytest.approx((240, 240, 240), abs=2)


@pytest.mark.parametrize(("curve", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_reported_once(
    tmp_path: Path, curve: int, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.color_trc = curve
        container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(3), format="rgb24")))
        container.mux(stream.encode())
    expected = [
        f"{path}: HDR video ({name}) is not tone-mapped; its colours look pale, and results may be"
        " less accurate"
    ]
    list(VideoSource(path))
    assert caplog.messages == expected
    with WorkerSource(path) as source:
        list(source)
    assert caplog.messages == 2 * expected, "as in this process"


def test_high_definition_without_a_matrix_is_bt709(tmp_path: Path) -> None:
    green = np.zeros((720, 32, 3), np.uint8)
    green[:] = (40, 200, 60)
    path = tmp_path / "hd.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 720, "yuv420p"
        frame = av.VideoFrame.from_ndarray(green, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="itu709")
        frame.colorspace = 2
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert next(iter(VideoSource(path))).image[360, 16] == pytest.approx((40, 200, 60), abs=4)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_truncated_video_is_read_and_missing_frames_are_counted(
    tmp_path: Path, suffix: str
) -> None:
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    pictures = [noise(i) for i in range(COUNT)]
    path = write_video(tmp_path / f"data{suffix}", pictures, options=options)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    source = VideoSource(path)
    frames = list(source)
    assert COUNT / 4 < len(frames) < COUNT * 3 / 4
    assert source.lost_frames == COUNT - len(frames)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_corrupt_video_is_read_and_lost_frames_are_counted(tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"v{suffix}", [noise(i) for i in range(COUNT)])
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 12_000] = bytes(12_000)
    path.write_bytes(data)
    source = VideoSource(path)
    frames = list(source)
    assert COUNT / 2 < len(frames) < COUNT
    assert source.lost_frames == COUNT - len(frames)


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".mp4"])
def test_gap_in_a_variable_rate_is_no_loss(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.1, 0.15, 0.6, 0.65, 1.9]
    pictures = [numbered(i) for i in range(len(times))]
    source = open_source(write_video(tmp_path / f"v{suffix}", pictures, times_s=times))
    assert len(list(source)) == len(times)
    assert source.lost_frames == 0


@pytest.mark.parametrize("name", ["v:1.mp4", "with space.mp4", "ünï.mp4", "rtsp:odd.mkv"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    clip = write_video(tmp_path / "plain.mkv", [numbered(3)])
    source = VideoSource(clip.rename(tmp_path / name))
    assert [number(frame.image) for frame in source] == [3]


def test_title_in_an_old_encoding(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", [numbered(0)], title="Caf#")
    path.write_bytes(path.read_bytes().replace(b"Caf#", b"Caf\xe9"))
    assert len(list(open_source(path))) == 1


def test_audio_is_found(tmp_path: Path) -> None:
    silent = write_video(tmp_path / "silent.mp4", [numbered(0)])
    sounding = write_video(tmp_path / "sounding.mp4", [numbered(0)], audio=True)
    assert open_source(silent).audio_file is None
    assert open_source(sounding).audio_file == sounding


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"street\.mp4: no such file, folder or camera"):
        open_source(tmp_path / "street.mp4")


def test_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("")
    with pytest.raises(SourceError, match="no such file, folder or camera"):
        open_source(tmp_path / "note" / "street.mp4")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "v.mp4", [numbered(0)])

    def refuse(*_: object) -> None:  # what the system does for anyone but root
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SourceError, match=r"v\.mp4: cannot be read \(Permission denied\)"):
        open_source(path)


def test_no_video_at_all(tmp_path: Path) -> None:
    path = tmp_path / "note.mp4"
    for content, reason in {b"": "is empty", b"just words\n" * 100: "neither a video nor"}.items():
        path.write_bytes(content)
        with pytest.raises(SourceError, match=reason):
            open_source(path)


def test_audio_only(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"song\.m4a: holds no video"):
        open_source(write_audio(tmp_path / "song.m4a"))


def test_an_unknown_codec(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", [numbered(0)] * 3)
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XXX"))
    with pytest.raises(SourceError, match="the video's codec is unknown"):
        VideoSource(path)


def test_the_default_stream_is_read_and_pictures_beside_it_are_not(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        for width, disposition in (
            (160, 0),
            (32, Disposition.default),
            (320, Disposition.dependent),
        ):
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"
            stream.disposition = disposition
        for stream in container.streams.video:
            for _ in range(3):
                picture = noise(0, (stream.width, 48))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    assert VideoSource(path).frame_size == (32, 48)


def test_an_audio_track_of_unknown_codec_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_video(tmp_path / "v.mov", [numbered(i) for i in range(5)], audio=True)
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"apac").replace(b"esds", b"dapa"))
    source = open_source(path)
    with VideoSink(tmp_path / "o.mp4", source) as sink:
        for frame in source:
            sink.write(frame, frame.image)
    assert audio_packets(tmp_path / "o.mp4") == []
    assert "an audio track of unknown codec is left out" in caplog.text


def test_zero_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", [noise(0)])
    with av.open(str(path)) as container:
        packet = next(container.demux(video=0))
        coded = bytes(packet)
    data = path.read_bytes()
    path.write_bytes(data.replace(coded, bytes(len(coded))))
    with pytest.raises(SourceError, match="no frame of the video can be decoded"):
        open_source(path)


def test_range_beyond_the_end(tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / "v.mp4", [numbered(i) for i in range(4)]))
    with pytest.raises(SourceError, match=r"no frame in the range 9:"):
        list(Selection(source, start=9))


def test_selection_counts_and_slows(tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / "v.mp4", [numbered(i) for i in range(10)]))
    selection = Selection(source, start=1, step=3)
    frames = list(selection)
    assert selection.frame_count == len(frames) == 3
    assert selection.frame_rate == Fraction(25, 3)
    assert [frame.timestamp_s for frame in frames] == pytest.approx([1 / 25, 4 / 25, 7 / 25])
    assert selection.exhausted


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".ts", ".avi"])
def test_a_range_of_times_is_the_same_wherever_reading_begins(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    pictures = [numbered(i) for i in range(250)]
    path = write_video(tmp_path / f"v{suffix}", pictures, codec=codec, audio=suffix != ".webm")
    whole = [(frame.index, frame.timestamp_s, number(frame.image)) for frame in VideoSource(path)]
    decoded = []
    monkeypatch.setattr(
        video, "upright_rgb", lambda *given: decoded.append(1) or upright.upright_rgb(*given)
    )
    selection = Selection(VideoSource(path), start_s=8.0, end_s=8.5, step=2)
    frames = [(frame.index, frame.timestamp_s, number(frame.image)) for frame in selection]
    expected = [frame for frame in whole if 8.0 <= frame[1] < 8.5][::2]
    assert frames == expected
    assert selection.lost_frames == 0
    assert selection.frame_count == pytest.approx(len(expected), abs=1)
    if suffix not in (".ts", ".avi"):
        assert len(decoded) < 60, "the frames before are not decoded"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_a_video_begins_with_the_frame_before_a_time(tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"v{suffix}", [numbered(i) for i in range(60)])
    source = VideoSource(path)
    whole = list(source)
    for i in (1, 2, 31, 59):
        source.begin_near(whole[i].timestamp_s)
        first, second = islice(source, 2)
        assert (first.timestamp_s, first.index) == (whole[i - 1].timestamp_s, i - 1)
        assert number(first.image) == number(whole[i - 1].image)
        assert second.timestamp_s == whole[i].timestamp_s
    source.begin_near(99.0)
    assert [frame.timestamp_s for frame in source] == [whole[-1].timestamp_s]
    source.begin_near(0.0)
    assert len(list(source)) == 60
    source.interrupt()
    assert not list(source)


def test_a_time_beyond_the_end(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", [numbered(i) for i in range(50)])
    with pytest.raises(SourceError, match=r"no frame in the range 90 s:"):
        list(Selection(VideoSource(path), start_s=90.0))
