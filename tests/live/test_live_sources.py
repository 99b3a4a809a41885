"""Live sources that start late, freeze, stall, fail and return, through the whole pipeline."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from clips import number, numbered, write_video
from fakes import FAKE, PATIENCE_S, FakeModels, nothing_left, wait_until
from mjpeg_server import PASSWORD, USER, H264Server, MjpegServer, serving

from seaformer_edge.live import LivePipeline, capture, inference, source_health
from seaformer_edge.live.source_reader import PlaybackClock
from seaformer_edge.live.stats import SourceState
from seaformer_edge.sources import CameraSettings, SyntheticSource


@pytest.fixture(autouse=True)
def _models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(inference, "open_model", FakeModels())
    with nothing_left():
        yield


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    with MjpegServer() as server:
        yield server


def state(live: LivePipeline) -> SourceState:
    return live.status().source_state


def has_state(live: LivePipeline, expected: SourceState) -> None:
    wait_until(lambda: state(live) is expected)


def test_a_stream_runs(server: MjpegServer) -> None:
    with LivePipeline(server.url, FAKE) as live:
        assert state(live) is SourceState.CONNECTING
        has_state(live, SourceState.RUNNING)
        wait_until(lambda: (r := live.newest()) is not None and r.sequence > 10)
        result = live.newest()
        assert result is not None
        assert result.frame.captured_at_s == result.captured_at_s
        assert live.status().source == server.url
        assert live.status().message == f"{server.url}: running"


def test_a_lost_stream_is_reconnected(server: MjpegServer) -> None:
    with LivePipeline(server.url, FAKE) as live:
        has_state(live, SourceState.RUNNING)
        server.mode = "cut"
        has_state(live, SourceState.RECONNECTING)
        wait_until(lambda: "cannot be opened" in live.status().message)
        previous = live.newest()
        assert previous is not None, "the last result stays"
        server.mode = "live"
        has_state(live, SourceState.RUNNING)
        wait_until(lambda: live.newest() is not previous)


def test_a_stalled_stream_is_reported_and_recovers(server: MjpegServer) -> None:
    with LivePipeline(server.url, FAKE) as live:
        has_state(live, SourceState.RUNNING)
        server.mode = "silent"
        started_s = monotonic()
        has_state(live, SourceState.STALLED)
        assert monotonic() - started_s < 2
        assert "no frame for" in live.status().message
        server.mode = "live"
        has_state(live, SourceState.RUNNING)
        assert server.connections == 1


def test_a_stream_that_remains_stalled_is_reopened(
    server: MjpegServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_health, "STALLED_AFTER_S", 0.2)
    monkeypatch.setattr(source_health, "REOPEN_AFTER_S", 0.4)
    with LivePipeline(server.url, FAKE) as live:
        has_state(live, SourceState.RUNNING)
        server.mode = "silent"
        wait_until(lambda: server.connections > 1)
        assert "frames have stopped arriving" in live.status().message
        server.mode = "live"
        has_state(live, SourceState.RUNNING)


@pytest.mark.parametrize("gop_s", [2, 10])
def test_a_still_scene_in_h264_is_healthy_until_it_really_stalls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gop_s: int
) -> None:
    monkeypatch.setattr(source_health, "STALLED_AFTER_S", 1.0)
    monkeypatch.setattr(source_health, "UNCHANGED_AFTER_S", 0.2)
    monkeypatch.setattr(source_health, "REOPEN_AFTER_S", 2.0)
    pictures = [SyntheticSource((96, 64))._picture(0)] * 400
    scene = write_video(tmp_path / "scene.ts", pictures, gop=25 * gop_s, max_b_frames=0)
    with H264Server(scene) as server, LivePipeline(server.url, FAKE) as live:
        has_state(live, SourceState.RUNNING)
        wait_until(lambda: "the picture has not changed" in live.status().message)
        ends_s = monotonic() + 2.5  # well into the time after which a stream is reopened
        while monotonic() < ends_s:
            assert state(live) is SourceState.RUNNING
            threading.Event().wait(0.05)
        assert server.connections == 1
        server.mode = "silent"
        has_state(live, SourceState.STALLED)
        wait_until(lambda: server.connections == 2)
        assert "frames have stopped arriving" in live.status().message


def test_corrupt_frames_are_counted(server: MjpegServer) -> None:
    server.rate = 200
    with LivePipeline(server.url, FAKE) as live:
        has_state(live, SourceState.RUNNING)
        server.mode = "garbage"
        has_state(live, SourceState.STALLED)
        server.mode = "live"
        wait_until(lambda: live.status().dropped.get("corrupt"))
        has_state(live, SourceState.RUNNING)


def test_a_camera_that_is_not_plugged_in_yet() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with LivePipeline(f"http://127.0.0.1:{port}/video.mjpg", FAKE) as live:
        has_state(live, SourceState.RECONNECTING)
        assert "cannot be opened (Connection refused)" in live.status().message


def test_secrets_are_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    with MjpegServer(protected=True) as server:
        url = f"http://{USER}:{PASSWORD}@{server.address}/video.mjpg?token=t0ken"
        shown = []
        with LivePipeline(url, FAKE) as live:
            shown.append(live.status())
            has_state(live, SourceState.RUNNING)
            shown.append(live.status())
            server.mode = "cut"
            has_state(live, SourceState.RECONNECTING)
            wait_until(lambda: "cannot be opened" in live.status().message)
            shown.append(live.status())
        for secret in (USER, PASSWORD, "t0ken"):
            assert secret not in repr(shown)
            assert secret not in caplog.text


@pytest.mark.parametrize("mode", ["live", "silent", "frozen", "cut"])
def test_stop_from_every_state_of_a_stream(server: MjpegServer, mode: str) -> None:
    with LivePipeline(server.url, FAKE) as live:
        has_state(live, SourceState.RUNNING)
        server.mode = mode
        if mode == "cut":
            has_state(live, SourceState.RECONNECTING)
        started_s = monotonic()
        live.stop()
        assert monotonic() - started_s < 2


def test_stop_while_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # accepts, and never answers
        url = f"rtsp://127.0.0.1:{listening.getsockname()[1]}/live"
        with LivePipeline(url, FAKE) as live:
            connection, _ = listening.accept()
            assert state(live) is SourceState.CONNECTING
            started_s = monotonic()
            live.stop()
            assert monotonic() - started_s < 2
            connection.close()


def test_switching_away_from_a_host_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"rtsp://127.0.0.1:{listening.getsockname()[1]}/live"
        with LivePipeline(url, FAKE) as live:
            connection, _ = listening.accept()
            live.switch_source("synthetic:96x64@50")
            has_state(live, SourceState.RUNNING)
            connection.close()


def test_a_stream_after_a_failure(tmp_path: Path, server: MjpegServer) -> None:
    with LivePipeline(tmp_path / "nothing.mp4", FAKE) as live:
        has_state(live, SourceState.FAILED)
        live.switch_source(server.url)
        has_state(live, SourceState.RUNNING)


def test_a_file_behind_a_url_plays_at_its_frame_rate_and_ends(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(10)])
    with serving(tmp_path) as address, LivePipeline(f"{address}/clip.mp4", FAKE) as live:
        has_state(live, SourceState.RUNNING)
        started_s = monotonic()
        assert live.wait(PATIENCE_S)
        assert monotonic() - started_s > 0.2
        assert state(live) is SourceState.ENDED
        result = live.newest()
        assert result is not None
        assert number(result.frame.image) == 9


def test_a_file_behind_a_url_may_pause_before_its_first_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "WATCHDOG_INTERVAL_S", 0.01)
    write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(25)])  # more than a pipe holds
    with serving(tmp_path) as address, LivePipeline(f"{address}/clip.mp4", FAKE) as live:
        live.pause()
        wait_until(lambda: (o := live._capture._reader) is not None and not o.is_live)
        monkeypatch.setattr(source_health, "CONNECT_TIMEOUT_S", 0.0)
        threading.Event().wait(0.2)
        live.resume()
        assert live.wait(PATIENCE_S)
        assert state(live) is SourceState.ENDED


def test_a_camera_is_unplugged_and_plugged_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its camera, the fake blocks forever like the real one: only killing it helps."""
    pulled_out = tmp_path / "pulled out"
    monkeypatch.setattr(source_health, "REOPEN_AFTER_S", 2.0)
    monkeypatch.setenv("FAKE_PICAMERA_PULLED_OUT", str(pulled_out))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "sources" / "fake_picamera2"))
    with LivePipeline("picamera", FAKE) as live:
        has_state(live, SourceState.RUNNING)
        pulled_out.touch()
        started_s = monotonic()
        has_state(live, SourceState.STALLED)
        assert monotonic() - started_s < 2
        has_state(live, SourceState.RECONNECTING)
        wait_until(lambda: "is its ribbon cable seated?" in live.status().message)
        pulled_out.unlink()
        has_state(live, SourceState.RUNNING)
        previous = live.newest()
        wait_until(lambda: live.newest() is not previous)
        pulled_out.touch()
        has_state(live, SourceState.STALLED)
        started_s = monotonic()
        live.stop()
        assert monotonic() - started_s < 2


def test_a_camera_is_opened_with_settings_and_what_it_refused_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "sources" / "fake_picamera2"))
    settings = CameraSettings((640, 480), rotate=90)
    with LivePipeline("picamera", FAKE, camera=settings) as live:
        has_state(live, SourceState.RUNNING)
        assert live.status().frame_size == (704, 640)
        assert live.status().warnings == ("picamera: the camera refused 640x480 (gives 640x704)",)
        assert live.status().controls["exposure_ms"] == (0.1, 60)
        live.switch_source("synthetic:96x64@50")
        has_state(live, SourceState.RUNNING)
        assert not live.status().warnings
        assert not live.status().controls


def test_a_file_with_an_absurd_timestamp_does_not_wait_for_it() -> None:
    clock = PlaybackClock()
    assert clock.due_at_s(0, now_s=100) == 100
    assert clock.due_at_s(5, now_s=100) == 105  # a pause is kept
    assert clock.due_at_s(1e6, now_s=105) == 105
    assert clock.due_at_s(1e6 + 1, now_s=105) == pytest.approx(106)  # and does not rush after it
