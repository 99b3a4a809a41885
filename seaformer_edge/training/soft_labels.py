"""Soft labels of a teacher for every region of a training picture, for classification.

The teacher's logits for the whole picture, on a grid of cells, are stored once; the soft label of
a random crop is computed from the cells that it covers. Yun et al.: Re-labeling ImageNet: from
Single to Multi-Labels, from Global to Localized Labels, CVPR 2021, section 3.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.training.augment import CropBox

FILE = "soft_labels.npy"
"""(N, C, h, w) float16 logits, beside the folders of the classes, in the order of the pictures."""

POINTS = 16
"""Points along each side of a crop that its soft label is averaged over."""


def read_soft_labels(path: Path, count: int, num_classes: int) -> NDArray[np.float16]:
    """The (count, num_classes, h, w) float16 logits of a file, memory-mapped.

    Raises:
        SourceError: it cannot be read, or it belongs to other pictures or classes.
    """
    try:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: not a teacher's soft labels ({error})") from error
    if stored.ndim != 4 or stored.dtype != np.float16 or stored.shape[:2] != (count, num_classes):
        raise SourceError(
            f"{path}: {stored.dtype} {stored.shape}, expected"
            f" float16 ({count}, {num_classes}, h, w): make it for this data set"
        )
    return stored


def soft_label(cells: NDArray[np.float16], box: CropBox) -> NDArray[np.float32]:
    """(C,) float32 probabilities of a crop, from the picture's (C, h, w) logits."""
    top, bottom, left, right = box
    rows = _cover(cells.shape[1], top, bottom)
    columns = _cover(cells.shape[2], left, right)
    logits = rows @ cells.astype(np.float32) @ columns
    exponentials = np.exp(logits - np.max(logits))
    return np.asarray(exponentials / exponentials.sum(), np.float32)


def _cover(cells: int, start: float, end: float) -> NDArray[np.float32]:
    """(cells,) weights of the mean over [start, end] of the values interpolated between cells."""
    points = start + (end - start) * (np.arange(POINTS) + 0.5) / POINTS
    places = np.clip(points * cells - 0.5, 0, cells - 1)
    distances = np.abs(places[:, None] - np.arange(cells))
    return np.asarray(np.maximum(1 - distances, 0).mean(0), np.float32)
