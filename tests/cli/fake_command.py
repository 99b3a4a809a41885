"""`seaformer-edge` with a fake in the place of the network.

python fake_command.py SECONDS_A_FRAME ARGUMENTS...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from clips import fake_segment
from numpy.typing import NDArray

from seaformer_edge.cli import main
from seaformer_edge.frame import Segmentation


class FakeSegmenter:
    """Stands in for `seaformer_edge.segmenter.Segmenter`."""

    delay_s = 0.0
    card = SimpleNamespace(
        name="fake", classes=("sky", "road"), palette=((0, 0, 255), (255, 0, 0)), num_classes=2
    )

    pictures_at_once = 1

    @classmethod
    def from_path(
        cls, path: Path, num_threads: int | None = None, *, throughput: bool = False
    ) -> FakeSegmenter:
        assert path == Path("fake.pte")
        return cls()

    def __call__(self, image: NDArray[np.uint8]) -> Segmentation:
        time.sleep(self.delay_s)
        return fake_segment(image)


def run(*arguments: object) -> int:
    """Runs `main` with the arguments given and returns its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seaformer_edge.segmenter.Segmenter", FakeSegmenter)
        patch.setattr("seaformer_edge.zoo.resolve_model", lambda model: Path("fake.pte"))
        return main([str(argument) for argument in arguments])


if __name__ == "__main__":
    FakeSegmenter.delay_s = float(sys.argv[1])
    sys.exit(run(*sys.argv[2:]))
