"""The data that passes through the package: `Frame`, and its `Segmentation` or `Classification`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

NO_CLASS = 255
"""The id of a pixel without a class: its confidence is below the floor."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture from a source.

    Attributes:
        image: (H, W, 3) uint8, RGB, C-contiguous.
        index: position in the source, counted from 0.
        timestamp_s: presentation time in seconds from the source's start.
        name: for pictures, the stem of the input file, or its relative path where stems are equal;
            None for frames of a video.
        captured_at_s: when a camera took it or a stream delivered it, on `time.monotonic`'s clock.
            A frame of a file has None, or, in a live run, the time at which it was due.
        duration_s: how long the file says to show it, in seconds; None if it does not say.
        pixel_aspect: width of a pixel over its height, when displayed.
    """

    image: NDArray[np.uint8]
    index: int
    timestamp_s: float
    name: str | None = None
    captured_at_s: float | None = None
    duration_s: float | None = None
    pixel_aspect: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True, eq=False)
class IndexedImage:
    """Class ids that are a picture too: each id has a colour, as the indices of a palette PNG.

    Attributes:
        ids: (H, W) uint8.
        palette: (N, 3) uint8 RGB, the colours of the ids 0 to N - 1; the others are black.
    """

    ids: NDArray[np.uint8]
    palette: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ClassShare:
    """The share of a picture that one class covers.

    Attributes:
        class_id: index into the model's class list.
        name: of the class.
        share: of the picture's pixels, 0 to 1.
        confidence: mean softmax probability over the class' pixels, 0 to 1.
    """

    class_id: int
    name: str
    share: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A segmenter's prediction for one picture.

    Attributes:
        label_map: (H, W) uint8 class ids, at the picture's size; `NO_CLASS` where unknown.
        classes: the classes that occur, largest share first.
        timings_ms: milliseconds by stage: "resize", "network", "labels".
        unknown: share of the picture's pixels whose confidence is below the floor, 0 to 1.
    """

    label_map: NDArray[np.uint8]
    classes: tuple[ClassShare, ...]
    timings_ms: dict[str, float]
    unknown: float = 0.0

    def top_k(self, k: int) -> tuple[ClassShare, ...]:
        """The `k` classes with the largest share."""
        return self.classes[:k]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """The probability of one class for a whole picture.

    Attributes:
        class_id: index into the model's class list.
        name: of the class.
        probability: softmax probability, 0 to 1.
    """

    class_id: int
    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Classification:
    """A classifier's prediction for one picture.

    Attributes:
        classes: the most probable classes, best first.
        timings_ms: milliseconds by stage: "resize", "network".
    """

    classes: tuple[ClassScore, ...]
    timings_ms: dict[str, float]


Result = TypeVar("Result", Segmentation, Classification)
"""A model's prediction: a `Segmentation` from a segmenter, a `Classification` from a classifier."""
