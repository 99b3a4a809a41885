"""Streams: protected, damaged, finite or dead; and secrets that no message may contain."""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import pytest
from clips import noise, numbered, write_audio, write_video
from fakes import wait_until
from mjpeg_server import PASSWORD, USER, MjpegServer, serving

from seaformer_edge.errors import SourceError
from seaformer_edge.sources import SourceSpec, open_source, stream
from seaformer_edge.sources.url import is_url, with_login_of


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    with MjpegServer() as server:
        yield server


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path) as address:
        yield address


@pytest.mark.parametrize(
    ("known", "url", "completed"),
    [
        ("rtsp://a:b@Cam:554/live", "rtsp://cam:554/low?x=y@z", "rtsp://a:b@cam:554/low?x=y@z"),
        ("rtsp://a:b@cam/live", "rtsp://me:pw@cam/live", "rtsp://me:pw@cam/live"),
        ("rtsps://a:b@cam/live", "rtsp://cam/live", "rtsp://cam/live"),
        ("rtsp://a:b@cam/live", "rtsp://cam:8554/live", "rtsp://cam:8554/live"),
        ("rtsp://a:b@cam/live", "rtsp://cam.elsewhere/live", "rtsp://cam.elsewhere/live"),
        ("rtsp://a:b/c@cam/live", "rtsp://cam/live", "rtsp://cam/live"),
        ("0", "rtsp://cam/live", "rtsp://cam/live"),
    ],
)
def test_a_login_is_only_sent_to_its_own_server(known: str, url: str, completed: str) -> None:
    assert with_login_of(known, url) == completed


def test_what_is_a_url() -> None:
    assert is_url("RTSP://cam/live")
    assert not is_url("street.mp4")
    assert not is_url("C:/street.mp4")
    assert not is_url("file:///street.mp4")
    assert is_url("http://[")


def test_a_login_is_used_and_not_shown() -> None:
    with MjpegServer(protected=True) as server:
        url = f"http://{USER}:{PASSWORD}@{server.address}/video.mjpg?token=t0ken"
        with open_source(url) as source:
            assert next(iter(source)).image.shape == (64, 96, 3)
            assert source.name == server.url
        with pytest.raises(SourceError) as caught:
            open_source(url.replace(PASSWORD, "wr0ng"))
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    for secret in (USER, PASSWORD, "wr0ng", "t0ken"):
        assert secret not in shown
    assert "cannot be opened" in shown


def test_corrupt_frames_are_counted_and_the_stream_continues(server: MjpegServer) -> None:
    server.rate = 200
    with open_source(server.url) as source:
        frames = iter(source)
        list(islice(frames, 3))
        server.mode = "garbage"
        sent = threading.Timer(0.2, lambda: setattr(server, "mode", "live"))
        sent.start()
        after = list(islice(frames, 100))
        sent.join()
        assert len(after) == 100
        assert source.lost_frames > 0


def test_a_closed_connection_is_an_error(server: MjpegServer) -> None:
    with open_source(server.url) as source:
        frames = iter(source)
        next(frames)
        server.mode = "cut"
        with pytest.raises(SourceError, match="the stream was interrupted"):
            list(islice(frames, 100))


def test_a_silent_stream_times_out(server: MjpegServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "READ_TIMEOUT_S", 0.3)
    with open_source(server.url) as source:
        frames = iter(source)
        next(frames)
        server.mode = "silent"
        with pytest.raises(
            SourceError, match=r"video\.mjpg: the stream was interrupted \(no answer\)"
        ):
            list(frames)


def test_a_silent_host_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "OPEN_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # accepts, and never answers
        url = f"rtsp://127.0.0.1:{listening.getsockname()[1]}/live"
        with pytest.raises(SourceError, match=r"/live: cannot be opened \(no answer\)"):
            open_source(url)


def test_connection_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(SourceError, match=r"cannot be opened \(Connection refused\)"):
        open_source(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "text",
    [
        "rtmps://me:s3cret@cam/x",
        "ftp://me:s3cr*t@cam/x",
        "http:/me:s3cret@cam",
        "me:s3cret@cam/*.mp4",
        "rtmps://me:s3cret@" + 300 * "x",
        " http://me:s3cret@127.0.0.1:1/\udc80\0",
    ],
    ids=lambda text: text[:20],
)
def test_a_login_in_a_mistyped_url_is_not_shown(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(text)
    assert "s3c" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("where", ["file", "variable"])
def test_a_url_in_a_file_or_variable(
    where: str, server: MjpegServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.protected = True
    monkeypatch.chdir(tmp_path)
    url = f" http://{USER}:{PASSWORD}@{server.address}/video.mjpg\nmore"
    Path("cam.txt").write_text(f"\ufeff{url}", encoding="utf-8")
    monkeypatch.setenv("CAM", url)
    spec = SourceSpec.parse("@cam.txt" if where == "file" else "env:CAM")
    assert spec.resolved() == (f"@{tmp_path / 'cam.txt'}" if where == "file" else spec.text)
    assert spec.display_name == spec.text
    assert spec.is_live
    with spec.open() as source:
        assert source.name == server.url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@none.txt", "cannot be read"),
        ("@.", "cannot be read"),
        ("@\0", "null byte"),
        ("@wrong.txt", "its first line is no URL"),
        ("@bytes.txt", "its first line is no URL"),
        ("env:SEAFORMER_EDGE_NONE", "no environment variable"),
    ],
)
def test_a_stored_url_that_cannot_be_read(
    text: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.txt").write_text("s3cret")
    Path("bytes.txt").write_bytes(b"\xff")
    with pytest.raises(SourceError, match=reason) as caught:
        open_source(text)
    assert "s3cret" not in str(caught.value)


def test_a_scheme_in_capitals(web: str, tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", [numbered(0)] * 3)
    with open_source(f"{web}/v.mp4".replace("http", "HTTP")) as source:
        assert source.frame_size == (64, 48)


def test_a_protocol_that_ffmpeg_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise av.ProtocolNotFoundError(0, "Protocol not found")

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(SourceError, match=r"cannot read srt://"):
        open_source("srt://127.0.0.1:9")


def test_a_file_behind_a_url_keeps_its_pixel_aspect(web: str, tmp_path: Path) -> None:
    write_video(tmp_path / "wide.mp4", [numbered(0)] * 3, pixel_aspect=Fraction(16, 11))
    with open_source(f"{web}/wide.mp4") as source:
        assert source.pixel_aspect == Fraction(16, 11)
        assert next(iter(source)).pixel_aspect == Fraction(16, 11)


def test_a_transport_stream_behind_a_url_has_its_own_times(web: str, tmp_path: Path) -> None:
    write_video(tmp_path / "v.ts", [noise(i) for i in range(6)], codec="mpeg2video")
    with open_source(f"{web}/v.ts") as source:
        assert not source.is_live
        times = [frame.timestamp_s for frame in source]
    assert times == pytest.approx([i / 25 for i in range(len(times))], abs=1e-3)
    assert len(times) >= 5


@pytest.mark.parametrize(
    ("name", "codec"), [("v.mxf", "libx264"), ("v.m2v", "mpeg2video"), ("v.h264", "libx264")]
)
def test_a_file_behind_a_url_has_the_times_of_its_frames(
    web: str, tmp_path: Path, name: str, codec: str
) -> None:
    pictures = [numbered(i) for i in range(12)]
    write_video(tmp_path / name, pictures, codec=codec, max_b_frames=2)
    with open_source(f"{web}/{name}") as source:
        assert not source.is_live
        times = [frame.timestamp_s for frame in source]
    assert times == pytest.approx([i / 25 for i in range(12)])


def test_an_unknown_codec_behind_a_url(web: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", [numbered(0)] * 3)
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XXX"))
    with pytest.raises(SourceError, match="the video's codec is unknown"):
        open_source(f"{web}/v.mkv")


def test_a_file_behind_a_url_is_a_file(web: str, tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(6)])
    with open_source(f"{web}/clip.mp4") as source:
        assert not source.is_live
        assert source.frame_rate == 25
        for _ in range(2):
            frames = list(source)
            assert [frame.timestamp_s for frame in frames] == pytest.approx(
                [index / 25 for index in range(6)]
            )
            assert frames[0].captured_at_s is None


def test_audio_only_is_refused(web: str, tmp_path: Path) -> None:
    write_audio(tmp_path / "tone.mp4")
    with pytest.raises(SourceError, match=r"tone\.mp4: holds no video"):
        open_source(f"{web}/tone.mp4")


def test_a_web_page_is_refused(web: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>Welcome to your camera</p>")
    with pytest.raises(SourceError, match="cannot be opened"):
        open_source(f"{web}/")


def test_close_ends_the_connection(server: MjpegServer) -> None:
    server.rate = 1000
    threads = threading.active_count()
    source = open_source(server.url)
    source.close()
    wait_until(lambda: threading.active_count() == threads)
