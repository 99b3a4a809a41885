"""How much freed memory a process keeps: with one heap, and after `trim_heap`."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

glibc_only = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")

THREADS = """
import sys, threading
import numpy as np, psutil

MB = 2**20

def use_memory(turn, done, over):
    turn.wait()
    blocks = [np.ones(64 * 1024, np.uint8) for _ in range(8 * 16)]
    del blocks
    done.set()
    over.wait()

exec(sys.argv[1])
np.ones(16 * MB, np.uint8)  # like a switched model: each heap may now keep that much
process = psutil.Process()
over = threading.Event()
events = [(threading.Event(), threading.Event()) for _ in range(8)]
threads = [threading.Thread(target=use_memory, args=(*each, over)) for each in events]
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
    """The memory that a process keeps after each of eight threads has used and freed 8 MB.

    Args:
        beginning: Python code that runs first.
    """
    command = [sys.executable, "-c", THREADS, beginning]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(run.stdout)


@glibc_only
def test_threads_that_share_a_heap_keep_less() -> None:
    assert (
        kept_mb("from seaformer_edge.live import limit_malloc_arenas; limit_malloc_arenas()") < 16
    )
    assert kept_mb("") > 32  # otherwise these tests prove nothing


@glibc_only
def test_the_window_has_one_heap() -> None:
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    begin = "from seaformer_edge_gui.app import make_application; application = make_application()"
    assert kept_mb(begin) < 16


@glibc_only
def test_trimming_returns_memory_between_used_blocks() -> None:
    command = [sys.executable, "-c", HOLES]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(run.stdout) > 8  # of 16 MB
