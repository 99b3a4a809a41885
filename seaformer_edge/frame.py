"""What travels the frame's way: a `Frame` in, a `Segmentation` or a `Classification` out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture from a source.

    Attributes:
        image: (H, W, 3) uint8, RGB, C-contiguous.
        index: position in the source, counted from 0.
        timestamp_s: presentation time in seconds from the source's start.
        name: stem of the input file for pictures; None for frames of a video.
        captured_at_s: when a camera took it or a stream delivered it, on `time.monotonic`'s clock;
            None for what lay in a file.
    """

    image: NDArray[np.uint8]
    index: int
    timestamp_s: float
    name: str | None = None
    captured_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class ClassShare:
    """How much of a picture one class covers.

    Attributes:
        class_id: index into the model's class list.
        name: the class' name.
        share: part of the picture's pixels, 0 to 1.
        confidence: mean softmax probability over the class' pixels, 0 to 1.
    """

    class_id: int
    name: str
    share: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What the network saw in one frame.

    Attributes:
        label_map: (H, W) uint8 class ids, at the frame's own size.
        classes: the classes present, largest share first.
        timings_ms: milliseconds by stage: "resize", "network", "labels".
    """

    label_map: NDArray[np.uint8]
    classes: tuple[ClassShare, ...]
    timings_ms: dict[str, float]

    def top_k(self, k: int) -> tuple[ClassShare, ...]:
        """The `k` classes with the largest share."""
        return self.classes[:k]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How probable one class is for a whole picture.

    Attributes:
        class_id: index into the model's class list.
        name: the class' name.
        probability: softmax probability, 0 to 1.
    """

    class_id: int
    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Classification:
    """What a classifier saw in one picture.

    Attributes:
        classes: the most probable classes, best first.
        timings_ms: milliseconds by stage: "resize", "network".
    """

    classes: tuple[ClassScore, ...]
    timings_ms: dict[str, float]


Result = TypeVar("Result", Segmentation, Classification)
"""What a run makes of each frame: one or the other, by its model."""
