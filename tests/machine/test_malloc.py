"""What a process keeps of what it has freed: with one heap, and after `trim_heap`."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fakes import FAKE, wait_until

from seaformer_edge.live import LivePipeline
from seaformer_edge.live.recording import Recorder
from seaformer_edge.machine import malloc

QUICK = "synthetic:96x64@200"

glibc_only = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is about glibc")

THREADS = """
import sys, threading
import numpy as np, psutil

MB = 2**20

def largest_moment(turn, done, over):
    turn.wait()
    blocks = [np.ones(64 * 1024, np.uint8) for _ in range(8 * 16)]
    del blocks
    done.set()
    over.wait()

exec(sys.argv[1])
np.ones(16 * MB, np.uint8)  # a model was changed: as much may now stay at each heap's end
process = psutil.Process()
over = threading.Event()
events = [(threading.Event(), threading.Event()) for _ in range(8)]
threads = [threading.Thread(target=largest_moment, args=(*each, over)) for each in events]
for thread in threads:
    thread.start()
before = process.memory_info().rss
for turn, done in events:
    turn.set()
    done.wait()
print((process.memory_info().rss - before) / MB)
over.set()
for thread in threads:
    thread.join()
"""

HOLES = """
import numpy as np, psutil
from seaformer_edge.machine import malloc

blocks = [np.ones(64 * 1024, np.uint8) for _ in range(512)]
del blocks[::2]
before = psutil.Process().memory_info().rss
malloc.trim_heap()
print((before - psutil.Process().memory_info().rss) / 2**20)
"""


def kept_mb(beginning: str) -> float:
    """What eight threads keep that each held 8 MB, one after the other, and freed it.

    Args:
        beginning: what the process does first, in Python.
    """
    command = [sys.executable, "-c", THREADS, beginning]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(run.stdout)


@glibc_only
def test_threads_that_share_one_heap_keep_what_one_of_them_needed() -> None:
    assert (
        kept_mb("from seaformer_edge.live import limit_malloc_arenas; limit_malloc_arenas()") < 16
    )
    assert kept_mb("") > 32  # else these tests tell nothing


@glibc_only
def test_the_window_has_one_heap() -> None:
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    begin = "from seaformer_edge_gui.app import make_application; application = make_application()"
    assert kept_mb(begin) < 16


@glibc_only
def test_what_lies_between_is_given_back() -> None:
    command = [sys.executable, "-c", HOLES]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(run.stdout) > 8  # of 16 MB


@pytest.mark.usefixtures("models")
def test_a_recorder_and_its_last_result_go_with_the_recording(tmp_path: Path) -> None:
    gc.collect()
    gc.disable()  # it comes late, or never where little else happens
    try:
        with LivePipeline(QUICK, FAKE) as live:
            live.start_recording(tmp_path / "out.mp4")
            wait_until(lambda: live.status().recorded_frames)
            live.stop_recording()
            wait_until(lambda: live.status().recording is None)
            wait_until(lambda: not [o for o in gc.get_objects() if type(o) is Recorder])
    finally:
        gc.enable()


@pytest.mark.usefixtures("models")
def test_memory_is_given_back_after_whatever_took_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[str] = []
    monkeypatch.setattr(
        malloc, "trim_heap", lambda: given_back.append(threading.current_thread().name)
    )
    with LivePipeline(QUICK, FAKE) as live:
        wait_until(live.newest)
        given_back.clear()  # the first model was loaded
        live.switch_model(Path("small.pte"))
        wait_until(lambda: given_back == ["network"])
        live.switch_source("synthetic:128x96@200")
        wait_until(lambda: given_back == ["network", "capture"])
        live.start_recording(tmp_path / "out.mp4")
        wait_until(lambda: live.status().recorded_frames)
        live.stop_recording()
        wait_until(lambda: given_back == ["network", "capture", "recorder"])
