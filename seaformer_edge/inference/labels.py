"""The label map at the frame's size, from logits at 1/8 of the network's input size.

The label map is argmax(bilinear(logits)) with align_corners=False, computed without materialising
the upsampled logits. Bilinear weights are convex, so a class that is below one other class at all
four corners of a cell (the area between four neighbouring logit positions) wins no pixel in it.
`_native` works cell by cell, on the network's threads if they are free. Without `_native`, NumPy
and OpenCV compute the same class by class, slower.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.frame import NO_CLASS

try:
    import seaformer_edge._native as _native
except ImportError:  # installed without a compiler
    _native = None  # type: ignore[assignment]

MAX_CLASSES = 256
"""A label is one byte."""


class Labels(NamedTuple):
    """The result of `upsample_argmax`.

    Attributes:
        label_map: (height, width) uint8 class ids; `NO_CLASS` below the confidence floor.
        pixels: (num_classes,) int64, number of pixels of each class.
        confidence: (num_classes,) float32, mean softmax probability of each class over its own
            pixels, interpolated bilinearly between the logit positions; 0 for a class without
            pixels.

    Pixels below the floor count for no class.
    """

    label_map: NDArray[np.uint8]
    pixels: NDArray[np.int64]
    confidence: NDArray[np.float32]


def upsample_argmax(
    logits: NDArray[np.float32],
    num_classes: int,
    size: tuple[int, int],
    min_confidence: float = 0.0,
) -> Labels:
    """Label every pixel of a frame; of classes with equal logits the first one wins.

    A pixel whose two highest interpolated logits differ only by float32 rounding may get either
    class.

    Args:
        logits: (h, w, C) float32. Another memory layout or dtype is copied first.
        num_classes: the first `num_classes` channels are classes, 1 to 256; the rest are padding.
        size: (width, height) of the frame, larger or smaller than the logits.
        min_confidence: 0 to 1; a pixel gets no class if the softmax probability of its class,
            interpolated bilinearly between the logit positions, is lower.

    Raises:
        ValueError: the shapes, the size, the number of classes or the confidence are invalid.
        ModelError: a logit is NaN or infinite, or 256 classes leave no id for unknown pixels.
    """
    if logits.ndim != 3 or logits.size == 0:
        raise ValueError(f"logits must be (h, w, C) and not empty, got {logits.shape}")
    if not 1 <= num_classes <= min(MAX_CLASSES, logits.shape[2]):
        raise ValueError(
            f"num_classes must be 1 to {MAX_CLASSES} and at most the logits' {logits.shape[2]}"
            f" channels, got {num_classes}"
        )
    if min(size) < 1:
        raise ValueError(f"width and height must be at least 1 pixel, got {size}")
    if not 0 <= min_confidence <= 1:
        raise ValueError(f"min_confidence must be from 0 to 1, got {min_confidence}")
    if min_confidence > 0 and num_classes > NO_CLASS:
        raise ModelError(
            f"{num_classes} classes leave no id for unknown pixels; set no minimum confidence"
        )
    labels = Labels(
        np.empty((size[1], size[0]), np.uint8),
        np.empty(num_classes, np.int64),
        np.empty(num_classes, np.float32),
    )
    fill = _fill if _native is None else _native.upsample_argmax
    if not fill(np.ascontiguousarray(logits, np.float32), *labels, min_confidence):
        raise ModelError("the model's logits contain NaN or infinity; export or fetch it again")
    return labels


def _fill(
    logits: NDArray[np.float32],
    label_map: NDArray[np.uint8],
    pixels: NDArray[np.int64],
    confidence: NDArray[np.float32],
    min_confidence: float = 0.0,
) -> bool:
    """Replaces `_native.upsample_argmax`. Returns False if a logit is NaN or infinite."""
    logits = logits[..., : len(pixels)]
    if not np.isfinite(logits).all():
        return False
    winners = logits.argmax(axis=2)
    odds = np.exp(logits - logits.max(axis=2, keepdims=True))
    probability = (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32, copy=False)

    size = label_map.shape[::-1]
    value, highest, confidence_map = (np.empty(label_map.shape, np.float32) for _ in range(3))
    wins, this_label = (np.empty(label_map.shape, np.uint8) for _ in range(2))
    highest.fill(-np.inf)
    for label in _candidates(logits, winners):  # ascending, so the first maximum wins
        _upsample(logits[..., label], size, value)
        cv2.compare(value, highest, cv2.CMP_GT, dst=wins)
        cv2.max(value, highest, dst=highest)
        this_label.fill(label)
        cv2.copyTo(this_label, wins, label_map)  # five times as fast as NumPy's masks
        _upsample(probability[..., label], size, value)
        cv2.copyTo(value, wins, confidence_map)

    if min_confidence > 0:
        label_map[confidence_map < min_confidence] = NO_CLASS
    flat = label_map.ravel()
    pixels[:] = np.bincount(flat, minlength=MAX_CLASSES)[: len(pixels)]
    sums = np.bincount(flat, weights=confidence_map.ravel(), minlength=MAX_CLASSES)
    confidence[:] = sums[: len(pixels)] / np.maximum(pixels, 1)
    return True


def _upsample(plane: NDArray[np.float32], size: tuple[int, ...], out: NDArray[np.float32]) -> None:
    cv2.resize(np.ascontiguousarray(plane), size, dst=out, interpolation=cv2.INTER_LINEAR)


def _candidates(logits: NDArray[np.float32], winners: NDArray[np.intp]) -> NDArray[np.intp]:
    """Ids of the classes that can win a pixel, ascending."""
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
