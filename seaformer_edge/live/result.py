"""One result of a live run: a frame and its prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.frame import Classification, Frame, IndexedImage, Segmentation
from seaformer_edge.hub.card import Card
from seaformer_edge.inference.names import Region, draw_names
from seaformer_edge.inference.views import View, draw_scores, join_panels, render_panels


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A model's prediction for one frame.

    Attributes:
        card: the model's card: class names and palette.
        segmentation: at the frame's size; None from a classifier.
        classification: None from a segmenter.
        logits: (h, w, C) float32, the logits behind `segmentation`, after smoothing if it is on;
            do not write to it.
        regions: where names stand; none without a segmentation, or if names are off.
    """

    card: Card
    segmentation: Segmentation | None = None
    classification: Classification | None = None
    logits: NDArray[np.float32] | None = None
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LiveResult:
    """A frame and its prediction. Immutable: threads may share it.

    Attributes:
        frame: its `captured_at_s` is set.
        sequence: 1, 2, 3 ... in the order of publication, across sources and models.
        published_at_s: when this result was ready, on `time.monotonic`'s clock.
        prediction: None while there is no model.
        current: whether `prediction` is of this frame; with inference on every n-th frame, it may
            be of the last frame that the network was given.
    """

    frame: Frame
    sequence: int
    published_at_s: float
    prediction: Prediction | None
    current: bool

    @property
    def captured_at_s(self) -> float:
        """When a camera or stream captured the frame, or a file's frame was due, on
        `time.monotonic`'s clock."""
        assert self.frame.captured_at_s is not None
        return self.frame.captured_at_s

    @property
    def card(self) -> Card | None:
        """The model's card; None without a prediction."""
        return None if self.prediction is None else self.prediction.card

    @property
    def segmentation(self) -> Segmentation | None:
        """At the frame's size; None without a segmenter."""
        return None if self.prediction is None else self.prediction.segmentation

    @property
    def classification(self) -> Classification | None:
        """None without a classifier."""
        return None if self.prediction is None else self.prediction.classification

    def render(self, view: View) -> NDArray[np.uint8]:
        """The result drawn as `view` asks; the frame itself without a prediction.

        Of a classifier, views with names show the most probable classes.

        Returns:
            (H, W * view.columns, 3) uint8 RGB. It may be the frame's image: do not write to it.
        """
        if view.names and self.classification is not None:
            return draw_scores(self.frame.image, self.classification.classes)
        panels = self.render_panels(view)
        if view.names and self.prediction is not None:
            card = self.prediction.card
            palette = np.array(card.palette, np.uint8)
            panels = draw_names(panels, self.prediction.regions, card.classes, palette, view)
        return join_panels(panels)

    def render_panels(self, view: View) -> Sequence[NDArray[np.uint8]]:
        """The pictures of `render` from left to right, before they bear names and are joined."""
        return render_panels(self.frame.image, *self._labels_and_palette(), view)

    @property
    def mask(self) -> IndexedImage | None:
        """The class ids with the model's colours; None without a segmentation."""
        label_map, palette = self._labels_and_palette()
        return None if label_map is None else IndexedImage(label_map, palette)

    def _labels_and_palette(self) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8]]:
        if self.prediction is None or self.prediction.segmentation is None:
            return None, np.empty((0, 3), np.uint8)
        palette = np.array(self.prediction.card.palette, np.uint8)
        return self.prediction.segmentation.label_map, palette

    def confidence_at(self, x: int, y: int) -> float | None:
        """The probability, 0 to 1, of the class that the label map has at pixel (x, y).

        Computed as for the labels: softmax at the logit positions, then bilinear. None without a
        segmentation, or where it is below the floor.

        Raises:
            IndexError: the pixel is outside the frame.
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
        if label_map[y, x] >= self.prediction.card.num_classes:
            return None
        rows, columns = _neighbours(y, height, len(logits)), _neighbours(x, width, len(logits[0]))
        label = label_map[y, x]
        confidence = 0.0
        for row, row_weight in rows:
            for column, column_weight in columns:
                exp = np.exp(logits[row, column] - logits[row, column].max())
                exp = exp[: self.prediction.card.num_classes]
                confidence += row_weight * column_weight * float(exp[label] / exp.sum())
        return confidence


def _neighbours(pixel: int, pixels: int, positions: int) -> list[tuple[int, float]]:
    """The logit positions on both sides of a pixel and their weights (align_corners false)."""
    at = min(max((pixel + 0.5) * positions / pixels - 0.5, 0.0), positions - 1.0)
    low = min(int(at), max(positions - 2, 0))
    return [(low, 1 - (at - low)), (min(low + 1, positions - 1), at - low)]
