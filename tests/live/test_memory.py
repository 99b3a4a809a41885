"""A live run frees what it no longer needs."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest
from fakes import FAKE, wait_until

from seaformer_edge.live import LivePipeline
from seaformer_edge.live.recording import Recorder
from seaformer_edge.machine import malloc

QUICK = "synthetic:96x64@200"

pytestmark = pytest.mark.usefixtures("models")


def test_a_finished_recorder_is_freed_without_the_garbage_collector(tmp_path: Path) -> None:
    gc.collect()
    gc.disable()  # it may run late, or never
    try:
        with LivePipeline(QUICK, FAKE) as live:
            live.start_recording(tmp_path / "out.mp4")
            wait_until(lambda: live.status().recorded_frames)
            live.stop_recording()
            wait_until(lambda: live.status().recording is None)
            wait_until(lambda: not [o for o in gc.get_objects() if type(o) is Recorder])
    finally:
        gc.enable()


def test_the_heap_is_trimmed_after_a_switch_and_after_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trimmed_by: list[str] = []
    monkeypatch.setattr(
        malloc, "trim_heap", lambda: trimmed_by.append(threading.current_thread().name)
    )
    with LivePipeline(QUICK, FAKE) as live:
        wait_until(live.newest)
        trimmed_by.clear()  # loading the first model
        live.switch_model(Path("small.pte"))
        wait_until(lambda: trimmed_by == ["network"])
        live.switch_source("synthetic:128x96@200")
        wait_until(lambda: trimmed_by == ["network", "capture"])
        live.start_recording(tmp_path / "out.mp4")
        wait_until(lambda: live.status().recorded_frames)
        live.stop_recording()
        wait_until(lambda: trimmed_by == ["network", "capture", "recorder"])
