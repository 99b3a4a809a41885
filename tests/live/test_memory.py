"""One heap for all threads keeps less than one for each."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

if platform.libc_ver()[0] != "glibc":
    pytest.skip("only glibc has a heap for each thread", allow_module_level=True)

PROGRAM = """
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


def kept_mb(beginning: str) -> float:
    """What eight threads keep that each held 8 MB, one after the other, and freed it.

    Args:
        beginning: what the process does first, in Python.
    """
    command = [sys.executable, "-c", PROGRAM, beginning]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(run.stdout)


def test_threads_that_share_one_heap_keep_what_one_of_them_needed() -> None:
    assert kept_mb("from seaformer_edge.live import use_one_arena; use_one_arena()") < 16
    assert kept_mb("") > 32  # else these tests tell nothing


def test_the_window_has_one_heap() -> None:
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    begin = "from seaformer_edge_gui.app import make_application; application = make_application()"
    assert kept_mb(begin) < 16
