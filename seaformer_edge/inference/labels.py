"""Labels at the frame's own size from logits at 1/8, exactly and cheaply.

The labels are argmax(bilinear(logits)), align_corners false, and are had without computing
bilinear(logits): bilinear weights are convex, so between four neighbouring logit positions
(a cell) a class cannot win that stays below another one at all four. `_native` works cell by
cell, on the network's threads while no network runs on them; where it is not built, NumPy and
OpenCV do the same work class by class, slower.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError

try:
    from seaformer_edge import _native
except ImportError:  # installed without a compiler
    _native = None  # type: ignore[assignment]

MAX_CLASSES = 256
"""A label is a byte."""


class Labels(NamedTuple):
    """What `upsample_argmax` finds.

    Attributes:
        label_map: (height, width) uint8 class ids.
        pixels: (num_classes,) int64, how many pixels each class has.
        confidence: (num_classes,) float32, the mean over a class' pixels of its softmax
            probability, taken at the logit positions and interpolated bilinearly;
            0 for a class without pixels.
    """

    label_map: NDArray[np.uint8]
    pixels: NDArray[np.int64]
    confidence: NDArray[np.float32]


def upsample_argmax(logits: NDArray[np.float32], num_classes: int, size: tuple[int, int]) -> Labels:
    """Label every pixel of a frame; where classes tie, the first one wins.

    Pixels whose two highest interpolated logits differ by no more than float32 rounding
    may get either class.

    Args:
        logits: (h, w, C) float32. Another layout or dtype is copied first.
        num_classes: how many of the C channels are classes, 1 to 256; the rest are padding.
        size: (width, height) of the frame, larger or smaller than the logits.

    Raises:
        ValueError: the arguments do not fit together.
        ModelError: a logit is NaN or infinite.
    """
    if logits.ndim != 3 or logits.size == 0:
        raise ValueError(f"logits are (h, w, C) and not empty, got {logits.shape}")
    if not 1 <= num_classes <= min(MAX_CLASSES, logits.shape[2]):
        raise ValueError(f"{num_classes} classes do not fit {logits.shape[2]} channels of logits")
    if min(size) < 1:
        raise ValueError(f"a frame has at least one pixel, got width and height {size}")
    labels = Labels(
        np.empty((size[1], size[0]), np.uint8),
        np.empty(num_classes, np.int64),
        np.empty(num_classes, np.float32),
    )
    fill = _fill if _native is None else _native.upsample_argmax
    if not fill(np.ascontiguousarray(logits, np.float32), *labels):
        raise ModelError("the model's logits hold NaN or infinity; export or fetch the model again")
    return labels


def _fill(
    logits: NDArray[np.float32],
    label_map: NDArray[np.uint8],
    pixels: NDArray[np.int64],
    confidence: NDArray[np.float32],
) -> bool:
    """`_native.upsample_argmax` without `_native`: False if a logit is NaN or infinite."""
    logits = logits[..., : len(pixels)]
    if not np.isfinite(logits).all():
        return False
    winners = logits.argmax(axis=2)
    odds = np.exp(logits - logits.max(axis=2, keepdims=True))
    probability = (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32, copy=False)

    size = label_map.shape[::-1]
    value, highest, certainty = (np.empty(label_map.shape, np.float32) for _ in range(3))
    wins, this_label = (np.empty(label_map.shape, np.uint8) for _ in range(2))
    highest.fill(-np.inf)
    for label in _contenders(logits, winners):  # ascending: the first maximum stays
        _upsample(logits[..., label], size, value)
        cv2.compare(value, highest, cv2.CMP_GT, dst=wins)
        cv2.max(value, highest, dst=highest)
        this_label.fill(label)
        cv2.copyTo(this_label, wins, label_map)  # a fifth of the time of NumPy's masks
        _upsample(probability[..., label], size, value)
        cv2.copyTo(value, wins, certainty)

    flat = label_map.ravel()
    pixels[:] = np.bincount(flat, minlength=len(pixels))
    sums = np.bincount(flat, weights=certainty.ravel(), minlength=len(pixels))
    confidence[:] = sums / np.maximum(pixels, 1)
    return True


def _upsample(plane: NDArray[np.float32], size: tuple[int, ...], out: NDArray[np.float32]) -> None:
    cv2.resize(np.ascontiguousarray(plane), size, dst=out, interpolation=cv2.INTER_LINEAR)


def _contenders(logits: NDArray[np.float32], winners: NDArray[np.intp]) -> NDArray[np.intp]:
    """Ascending ids of the classes that can win somewhere between the logit positions."""
    height, width, num_classes = logits.shape
    y, x = np.mgrid[:height, :width].reshape(2, -1)
    below, right = np.minimum(y + 1, height - 1), np.minimum(x + 1, width - 1)
    corners = np.stack([y * width + x, y * width + right, below * width + x, below * width + right])
    labels = winners.ravel()[corners]  # (4, cells)
    mixed = (labels != labels[0]).any(axis=0)
    corners, labels = corners[:, mixed], labels[:, mixed]

    values = logits.reshape(-1, num_classes)[corners]  # (4, cells, num_classes)
    beaten = np.zeros(values.shape[1:], np.bool_)
    for winner in labels:
        rival = np.take_along_axis(values, winner[None, :, None], axis=2)
        beaten |= (values < rival).all(axis=0)
    return np.union1d(winners, np.flatnonzero(~beaten.all(axis=0)))
