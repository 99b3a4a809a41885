"""Faults injected into a live run: hanging or wrong networks, crashes, full disks, clock jumps."""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from fakes import FAKE, FakeModels, wait_until
from mjpeg_server import MjpegServer

from seaformer_edge.live import LivePipeline
from seaformer_edge.live.stats import SourceState
from seaformer_edge.sources import open_source

QUICK = "synthetic:96x64@200"

pytestmark = pytest.mark.usefixtures("models")


def has_segmentation(live: LivePipeline) -> None:
    wait_until(lambda: (r := live.newest()) is not None and r.segmentation is not None)


def test_a_network_that_hangs_stops_in_time(models: FakeModels) -> None:
    with LivePipeline(QUICK, FAKE) as live:
        has_segmentation(live)
        models.program.gate.clear()
        before = live.status().dropped.get("overwritten", 0)
        wait_until(lambda: live.status().dropped.get("overwritten", 0) > before + 20)
        assert live.status().source_state is SourceState.RUNNING
        started_s = time.monotonic()
        live.stop()
        assert time.monotonic() - started_s < 2
        models.program.gate.set()


@pytest.mark.parametrize(
    "shape", [(), (0,), (6, 8), (8, 6, 3), (6, 8, 2), (6, 8, 0), (1, 6, 8, 3)], ids=str
)
def test_logits_of_another_shape_are_reported(models: FakeModels, shape: tuple[int, ...]) -> None:
    with LivePipeline(QUICK, FAKE) as live:
        has_segmentation(live)
        models.program.run = lambda image: np.zeros(shape, np.float32)  # type: ignore[method-assign]
        wait_until(lambda: live.status().notice)
        assert live.status().notice.startswith("fake: ")
        assert live.status().model is None
        result = live.newest()
        wait_until(lambda: live.newest() is not result)  # frames are still published
        live.switch_model(Path("other.pte"))
        wait_until(lambda: live.status().model == "other")


def test_a_stream_that_changes_size_and_rate(models: FakeModels) -> None:
    with MjpegServer() as server, LivePipeline(server.url, FAKE) as live:
        has_segmentation(live)
        assert live.status().frame_size == (96, 64)
        server.size, server.rate = (160, 120), 20
        wait_until(lambda: live.status().frame_size == (160, 120))
        wait_until(lambda: (r := live.newest()) is not None and _fits(r, (120, 160)))
        server.size, server.rate = (64, 48), 100
        wait_until(lambda: (r := live.newest()) is not None and _fits(r, (48, 64)))
        assert live.status().source_state is SourceState.RUNNING


def _fits(result: object, size: tuple[int, int]) -> bool:
    segmentation = result.segmentation  # type: ignore[attr-defined]
    return segmentation is not None and segmentation.label_map.shape == size


def test_a_wall_clock_that_jumps_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    jumps = count()
    monkeypatch.setattr(time, "time", lambda: (-1) ** next(jumps) * 1e9)
    with LivePipeline(QUICK, FAKE) as live:
        has_segmentation(live)
        for _ in range(20):
            result = live.newest()
            assert result is not None
            live.painted(result)
            wait_until(lambda old=result: live.newest() is not old)
        status = live.status()
        assert status.source_state is SourceState.RUNNING
        assert 0 <= status.latency_ms < 10_000


def test_a_full_disk_ends_only_the_recording_and_the_file_plays(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with LivePipeline("synthetic:320x240@60", FAKE) as live:
        has_segmentation(live)
        before = psutil.Process().num_threads()
        gc.disable()  # the encoder's threads must end without it
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, limits[1]))
        try:
            live.start_recording(path, lambda result: _noise(result.sequence))
            wait_until(lambda: live.status().notice)
            wait_until(lambda: psutil.Process().num_threads() <= before)
        finally:
            gc.enable()
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert live.status().notice == f"{path}: cannot be written (File too large)"
        assert live.status().recording is None
        result = live.newest()
        wait_until(lambda: live.newest() is not result)
    assert sum(1 for _ in open_source(path)) > 1


def _noise(seed: int) -> np.ndarray:
    flat = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return cv2.resize(flat, (320, 240)).astype(np.uint8, copy=False)


def test_a_hundred_starts_and_stops() -> None:
    def resident_mb() -> float:
        return psutil.Process().memory_info().rss / 2**20

    for turn in range(100):
        with LivePipeline(QUICK, FAKE) as live:
            if turn % 4 == 0:
                wait_until(lambda live=live: live.newest() is not None)
        if turn == 20:
            before_mb = resident_mb()
    assert resident_mb() - before_mb < 10


CRASHES_WHILE_RECORDING = """
import ctypes, sys, threading
from pathlib import Path
from fakes import CARD, FakeModels, FAKE, wait_until
from seaformer_edge import cli
from seaformer_edge.live import LivePipeline, inference

def demo(arguments, **_):
    inference.open_model = models = FakeModels()
    with LivePipeline("synthetic:320x240@100", FAKE) as live:
        live.start_recording(Path(sys.argv[1]))
        wait_until(lambda: live.status().recorded_frames > 150, 60)
        models.program.run = lambda image: ctypes.string_at(0)
        threading.Event().wait(30)

cli.cli.main = demo
cli.main([])
"""


def test_a_native_crash_is_reported_and_the_recording_plays(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    helpers = str(Path(__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", CRASHES_WHILE_RECORDING, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([helpers, *sys.path])},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert run.returncode == -signal.SIGSEGV
    assert run.stderr.startswith("Fatal Python error: Segmentation fault")
    assert "inference.py" in run.stderr  # the place of the crash
    assert sum(1 for _ in open_source(path)) >= 50
