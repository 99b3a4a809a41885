"""`seaformer-edge` with a fake network; `live` reports twenty times a second.

python fake_command.py SECONDS_PER_FRAME ARGUMENTS...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Self

from seaformer_edge.cli.streams import open_standard_streams

# As the command does before it loads NumPy: libffi 3.5 keeps a file open, which would be number 1
# where standard output is closed.
open_standard_streams()

import numpy as np
import pytest
from clips import fake_classify, fake_segment
from fakes import FakeModels
from numpy.typing import NDArray

from seaformer_edge.cli import main
from seaformer_edge.frame import Classification, Segmentation


class FakeSegmenter:
    """Replaces `seaformer_edge.inference.segmenter.Segmenter`."""

    task = "segmentation"
    delay_s = 0.0
    max_concurrency = 1

    @classmethod
    def from_path(
        cls, path: Path, num_threads: int | None = None, *, throughput: bool = False
    ) -> Self:
        assert path == Path("fake.pte")
        return cls()

    def __call__(self, image: NDArray[np.uint8], min_confidence: float = 0.0) -> Segmentation:
        time.sleep(self.delay_s)
        return fake_segment(image, min_confidence)


class FakeClassifier(FakeSegmenter):
    """Replaces `seaformer_edge.inference.segmenter.Classifier`."""

    task = "classification"

    def __call__(self, image: NDArray[np.uint8]) -> Classification:  # type: ignore[override]
        return fake_classify(image)


def run(*arguments: object, network: type[FakeSegmenter] = FakeSegmenter) -> int:
    """Runs `main` with the arguments given and returns its exit code."""
    card = SimpleNamespace(
        name="fake",
        task=network.task,
        classes=("sky", "road", "blue"),  # the last is also a class of `FakeModels`
        palette=((0, 0, 255), (255, 0, 0), (0, 255, 0)),
        num_classes=3,
        variant="T",
        width=64,
        height=48,
        precision="fp32",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seaformer_edge.inference.segmenter.Segmenter", network)
        patch.setattr("seaformer_edge.inference.segmenter.Classifier", network)
        patch.setattr("seaformer_edge.hub.card.read_card", lambda path: card)
        patch.setattr("seaformer_edge.hub.zoo.resolve_model", lambda model: Path("fake.pte"))
        patch.setattr("seaformer_edge.live.inference.open_model", FakeModels())
        patch.setattr("seaformer_edge.cli.live.UPDATE_S", 0.05)
        return main([str(argument) for argument in arguments])


if __name__ == "__main__":
    FakeSegmenter.delay_s = float(sys.argv[1])
    sys.exit(run(*sys.argv[2:]))
