"""Segmentation accuracy from a confusion matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class ConfusionMatrix:
    """Counts of (true class, predicted class) over all pixels.

    Intersection over union as in PASCAL VOC: counted over the whole set, then averaged over the
    classes that occur in the truth or in the prediction.
    """

    def __init__(self, num_classes: int):
        self.counts = np.zeros((num_classes, num_classes), dtype=np.int64)

    def update(self, truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> None:
        """Add two (H, W) label maps; true ids at or above the number of classes are ignored.

        Raises:
            ValueError: the sizes differ, or a predicted id is not a class.
        """
        if truth.shape != predicted.shape:
            raise ValueError(f"sizes differ: {truth.shape} and {predicted.shape}")
        n = len(self.counts)
        counted = truth < n
        pairs = truth[counted].astype(np.int64) * n + predicted[counted]
        if (wrong := predicted[counted & (predicted >= n)]).size:
            raise ValueError(f"predicted class {int(wrong[0])} of {n} classes")
        self.counts += np.bincount(pairs, minlength=n * n).reshape(n, n)

    @property
    def iou(self) -> NDArray[np.float64]:
        """Per class; NaN where a class occurs neither in the truth nor in the prediction."""
        hit = np.diag(self.counts).astype(np.float64)
        union = self.counts.sum(0) + self.counts.sum(1) - np.diag(self.counts)
        return np.divide(hit, union, out=np.full(len(hit), np.nan), where=union > 0)

    @property
    def mean_iou(self) -> float:
        return float(np.nanmean(self.iou))

    @property
    def pixel_accuracy(self) -> float:
        return float(np.trace(self.counts)) / float(self.counts.sum())
