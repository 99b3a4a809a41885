"""Fakes for the tests of live runs: networks that take no time, and a check for leaks."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card
from seaformer_edge.inference.segmenter import Classifier, Segmenter
from seaformer_edge.live.inference import ModelRequest

PATIENCE_S = 60.0

CARD = Card(
    name="fake",
    task="segmentation",
    variant="T",
    precision="fp32",
    height=48,
    width=64,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    classes=("red", "green", "blue"),
    palette=((255, 0, 0), (0, 255, 0), (0, 0, 255)),
    logit_channels=3,
    origin="test",
    data="none",
    licence="none",
)


class FakeProgram:
    """A network that predicts class c where colour channel c is strongest.

    Attributes:
        fails: runs raise an error.
        blank: runs return NaN.
        gate: a run waits until this is set.
        image: of the last run.
    """

    def __init__(self, card: Card) -> None:
        height, width = card.height, card.width
        self.input_shape = (height, width, 3)
        self.output_shape = (height // 8, width // 8, 3) if card.task == "segmentation" else (3,)
        self.is_fp16 = card.precision == "fp16"
        self.fails = False
        self.blank = False
        self.runs = 0
        self.image: NDArray[np.floating] | None = None
        self.gate = threading.Event()
        self.gate.set()

    def run(self, image: NDArray[np.floating]) -> NDArray[np.float32]:
        assert self.gate.wait(PATIENCE_S)
        assert image.shape == self.input_shape
        self.image = image
        self.runs += 1
        if self.fails:
            raise ModelError("fake: burnt out; choose another model")
        logits = image[4::8, 4::8] / 16 if len(self.output_shape) == 3 else image.mean((0, 1))
        return np.full_like(logits, np.nan) if self.blank else logits.astype(np.float32)


class FakeModels:
    """A fake `inference.open_model`, which chooses a model by the name of its file.

    Attributes:
        opened: the requests so far.
        program: of the last request.
        opening: called with each request before the model is opened.
    """

    def __init__(self) -> None:
        self.opened: list[ModelRequest] = []
        self.program = FakeProgram(CARD)
        self.opening: Callable[[ModelRequest], None] = lambda request: None

    def __call__(self, request: ModelRequest) -> Segmenter | Classifier:
        self.opened.append(request)
        self.opening(request)
        name = request.path.stem
        if name == "missing":
            raise ModelError(f"{request.path}: no such model file")
        task = "classification" if name == "classifier" else "segmentation"
        height, width = (24, 32) if name == "small" else (CARD.height, CARD.width)
        card = replace(CARD, name=name, task=task, height=height, width=width)
        self.program = FakeProgram(card)
        return (Classifier if name == "classifier" else Segmenter)(self.program, card)


FAKE = Path("fake.pte")


def wait_until(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Waits until `condition()` is true; fails after `patience_s`."""
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, "timed out"
        time.sleep(0.005)


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fails if the block leaves behind threads, child processes or open files."""
    before = _resources()
    yield
    gc.collect()  # shared memory is closed with the last frame in it
    wait_until(lambda: _resources() == before, 2.0)


def _resources() -> tuple[set[int | None], list[str], int]:
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():  # not on Linux
        return {thread.ident for thread in threading.enumerate()}, [], 0
    children: list[str] = []
    for task in tasks.iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            children += (task / "children").read_text().split()
    files = len(list(Path("/proc/self/fd").iterdir()))
    return {thread.ident for thread in threading.enumerate()}, children, files
