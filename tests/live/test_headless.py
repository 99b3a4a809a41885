"""A run without a window: what it reports, and what goes on after a failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import read_times
from fakes import FAKE, FakeModels, wait_until
from mjpeg_server import MjpegServer

from seaformer_edge.inference.views import View
from seaformer_edge.live import LivePipeline, headless
from seaformer_edge.live.headless import HeadlessRun, RecordingPlan, SnapshotPlan
from seaformer_edge.live.recording import draw_overlay
from seaformer_edge.live.result import LiveResult
from seaformer_edge.live.series import Series
from seaformer_edge.live.stats import SourceState

SCENE = "synthetic:96x64@50"
pytestmark = pytest.mark.usefixtures("models")


def _until(run: HeadlessRun, condition: Callable[[], object]) -> None:
    def updated() -> object:
        run.update()
        return condition()

    wait_until(updated)


def test_the_latency_ends_at_the_result() -> None:
    with HeadlessRun(LivePipeline(SCENE, FAKE, displayed=False)) as run:
        _until(run, lambda: run.update().status.latency_p99_ms > 0)
        assert "not painted" not in run.update().status.dropped


def test_a_failed_recording_begins_again_in_a_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(headless, "RETRY_RECORDING_S", 0.0)
    fails = True

    def draw(result: LiveResult) -> np.ndarray:
        if fails:
            raise OSError("No space left on device")
        return draw_overlay(result)

    plan = RecordingPlan(tmp_path / "cam.mp4", draw, series=Series(60.0))
    with HeadlessRun(LivePipeline(SCENE, FAKE, displayed=False), recording=plan) as run:
        _until(run, lambda: run.failed)
        fails = False
        _until(run, lambda: run.pipeline.status().recorded_frames >= 3)
    assert "No space left on device" in caplog.text
    (file,) = tmp_path.iterdir()
    assert len(read_times(file)) >= 3


def test_failing_snapshots_are_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "snaps"
    folder.touch()  # a file in its place
    plan = SnapshotPlan(folder, View(), 0.01)
    with HeadlessRun(LivePipeline(SCENE, FAKE, displayed=False), snapshots=plan) as run:
        _until(run, lambda: run.failed)
        folder.unlink()
        _until(run, lambda: folder.is_dir() and len(list(folder.glob("*classes.png"))) >= 2)
    assert caplog.text.count("cannot be written") == 1


def test_a_lost_source_is_reported_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    with (
        MjpegServer() as server,
        HeadlessRun(LivePipeline(server.url, FAKE, displayed=False)) as run,
    ):
        _until(run, run.pipeline.newest)
        server.mode = "cut"
        _until(run, lambda: run.update().status.source_state is SourceState.RECONNECTING)
        server.mode = "live"
        _until(run, lambda: "running again" in caplog.text)
    assert len(caplog.records) == 2
    assert server.address in caplog.text


def test_a_failing_model_is_reported(models: FakeModels, caplog: pytest.LogCaptureFixture) -> None:
    with HeadlessRun(LivePipeline(SCENE, FAKE, displayed=False)) as run:
        _until(run, run.pipeline.newest)
        models.program.fails = True
        _until(run, lambda: "burnt out" in caplog.text)
