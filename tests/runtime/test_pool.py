"""Input, labels and overlay on the network's threads: identical for any number and any load."""

from __future__ import annotations

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from seaformer_edge.inference.labels import upsample_argmax
from seaformer_edge.inference.preprocess import preprocess
from seaformer_edge.inference.views import draw

if TYPE_CHECKING:
    from conftest import Binding

PROGRAMS = Path(__file__).parents[1] / "data" / "programs"
NUM_CLASSES = 9


def all_stages(seed: int) -> tuple[NDArray[np.generic], ...]:
    """Network's input, label map, pixels, confidence, overlay of a frame without even parts."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (23, 31, NUM_CLASSES)).astype(np.float32)
    image = rng.integers(0, 256, (157, 211, 3), np.uint8)
    palette = rng.integers(0, 256, (NUM_CLASSES, 3), np.uint8)
    labels = upsample_argmax(logits, NUM_CLASSES, (211, 157))
    network_input = preprocess(image, 70, 90)
    return network_input, *labels, draw(image, labels.label_map, palette)


def assert_same(
    one: tuple[NDArray[np.generic], ...], other: tuple[NDArray[np.generic], ...]
) -> None:
    for actual, expected in zip(one, other, strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_same_result_with_any_number_of_threads(native: Binding) -> None:
    gc.collect()  # an earlier test's traceback may keep a program open
    before = native.thread_count()
    found = []
    for num_threads in (1, 2, 5, before):
        program = native.open("nhwc", num_threads)
        found.append(all_stages(0))
        del program
    for other in found[1:]:
        assert_same(found[0], other)


def test_same_result_while_the_network_and_other_calls_run(native: Binding) -> None:
    gc.collect()
    before = native.thread_count()
    program = native.open("nhwc", 3)
    image = np.zeros(program.input_shape, np.float32)
    logits = program.run(image)
    expected = [all_stages(seed) for seed in range(6)]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(20):
            runs = [threads.submit(program.run, image) for _ in range(6)]
            frames = [threads.submit(all_stages, seed) for seed in range(6)]
            for frame, wanted in zip(frames, expected, strict=True):
                assert_same(frame.result(), wanted)
            for run in runs:
                np.testing.assert_array_equal(run.result(), logits)
    del program
    native.open("nhwc", before)


LABELS_WHEN_PYTHON_ENDS = f"""
import threading, time
import numpy as np
from seaformer_edge.inference.labels import upsample_argmax
from seaformer_edge.runtime import open_program

program = open_program({str(PROGRAMS / "nhwc.pte")!r}, 2)
logits = np.random.default_rng(0).normal(0, 3, (64, 64, 150)).astype(np.float32)
warm = threading.Event()

def run():
    while True:
        upsample_argmax(logits, 150, (640, 480))
        warm.set()

for _ in range(2):
    threading.Thread(target=run, daemon=True).start()
warm.wait()
time.sleep(0.05)
"""


@pytest.mark.usefixtures("native")
def test_python_ends_while_a_daemon_thread_computes_labels() -> None:
    for _ in range(4):  # the thread is interrupted at a random point of its work
        command = [sys.executable, "-c", LABELS_WHEN_PYTHON_ENDS]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (run.returncode, run.stderr) == (0, "")
