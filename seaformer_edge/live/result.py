"""What a live run shows: a frame and what was seen in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.frame import Classification, Frame, Segmentation
from seaformer_edge.hub.card import Card


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a model saw in one frame.

    Attributes:
        card: of the model: class names and palette.
        segmentation: at the frame's own size; None with a classifier.
        classification: of a classifier; None with a segmenter.
        logits: (h, w, C) float32, what `segmentation` was made from, smoothed if smoothing is on;
            do not write to it.
    """

    card: Card
    segmentation: Segmentation | None = None
    classification: Classification | None = None
    logits: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LiveResult:
    """A frame and what the network saw in it. Immutable; share it freely between threads.

    Attributes:
        frame: the picture, (H, W, 3) uint8 RGB.
        sequence: 1, 2, 3 ... in the order of publication, across sources and models.
        captured_at_s: when the frame was captured, on `time.monotonic`'s clock.
        published_at_s: when this result was ready, on the same clock.
        prediction: what was seen in the frame; None while there is no model.
        current: whether `seen` is of this very frame; with inference every n-th frame it is of
            the last frame that the network was given.
    """

    frame: Frame
    sequence: int
    captured_at_s: float
    published_at_s: float
    prediction: Prediction | None
    current: bool

    @property
    def card(self) -> Card | None:
        """Of the model that saw the frame."""
        return None if self.prediction is None else self.prediction.card

    @property
    def segmentation(self) -> Segmentation | None:
        """At the frame's own size; None without a segmenter."""
        return None if self.prediction is None else self.prediction.segmentation

    @property
    def classification(self) -> Classification | None:
        """None without a classifier."""
        return None if self.prediction is None else self.prediction.classification

    def confidence_at(self, x: int, y: int) -> float | None:
        """The probability, 0 to 1, of the class that the label map has at pixel (x, y).

        It is taken as the labels' own are: softmax at the logit positions, then bilinear.
        None without a segmentation.

        Raises:
            IndexError: outside the frame.
        """
        if (
            self.prediction is None
            or self.prediction.segmentation is None
            or self.prediction.logits is None
        ):
            return None
        label_map, logits = self.prediction.segmentation.label_map, self.prediction.logits
        height, width = label_map.shape
        if not (0 <= x < width and 0 <= y < height):
            raise IndexError(f"({x}, {y}) is outside a frame of {width}x{height}")
        rows, columns = _neighbours(y, height, len(logits)), _neighbours(x, width, len(logits[0]))
        label = label_map[y, x]
        confidence = 0.0
        for row, row_weight in rows:
            for column, column_weight in columns:
                odds = np.exp(logits[row, column] - logits[row, column].max())
                odds = odds[: self.prediction.card.num_classes]
                confidence += row_weight * column_weight * float(odds[label] / odds.sum())
        return confidence


def _neighbours(pixel: int, pixels: int, positions: int) -> list[tuple[int, float]]:
    """The logit positions on both sides of a pixel and their weights (align_corners false)."""
    at = min(max((pixel + 0.5) * positions / pixels - 0.5, 0.0), positions - 1.0)
    low = min(int(at), max(positions - 2, 0))
    return [(low, 1 - (at - low)), (min(low + 1, positions - 1), at - low)]
