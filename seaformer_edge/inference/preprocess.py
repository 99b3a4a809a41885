"""From an image to the network's input.

The image is stretched to the network's input size without a letterbox, each axis for itself: where
it shrinks, a pixel is the mean of the area that it covers, so that fine patterns and noise do not
alias; where it grows, pixels are interpolated bilinearly. Inference, evaluation, calibration and
profiling all call this function, so the accuracy on a model's card is measured on the same input
as the one used at run time.

`_native` makes the input in one pass, on the network's threads if they are free. Without `_native`,
OpenCV does the same, slower and rounded.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from seaformer_edge.hub.card import Card

try:
    from seaformer_edge._native import preprocess as _fill
except ImportError:  # installed without a compiler, or built from older sources
    _fill = None  # type: ignore[assignment]


def preprocess(
    image: NDArray[np.uint8], height: int, width: int, dtype: DTypeLike = np.float32
) -> NDArray[np.floating]:
    """Resize an image to a network's input size.

    Mean and deviation are not applied here: an exported program does that itself.

    Args:
        image: (H, W, 3) uint8 RGB of any size. Its rows may have any distance in memory; another
            layout is copied first.
        height, width: input size of the network.
        dtype: float32, or float16 for an fp16 program.

    Returns:
        (height, width, 3) RGB of `dtype`, 0 to 255.

    Raises:
        ValueError: `image` has another shape or dtype, the size is empty or `dtype` is another one.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"an image is (H, W, 3) uint8, got {image.shape} {image.dtype}")
    if min(height, width) < 1 or np.dtype(dtype) not in (np.float32, np.float16):
        raise ValueError(
            "a network's input is at least 1x1 pixel of float32 or float16,"
            f" not {width}x{height} of {np.dtype(dtype)}"
        )
    if _fill is None:
        return _resize(image, height, width).astype(dtype, copy=False)
    network_input = np.empty((height, width, 3), dtype)
    if image.strides[1:] != (3, 1):
        image = np.ascontiguousarray(image)
    _fill(image, network_input)
    return network_input


def preprocess_for(card: Card, image: NDArray[np.uint8]) -> NDArray[np.floating]:
    """The input of a card's program, as from `preprocess`, in the type that it reads in place."""
    dtype = np.float16 if card.precision == "fp16" else np.float32
    return preprocess(image, card.height, card.width, dtype)


def _resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    """Replaces `_native.preprocess`: rounds what it shrinks, so it differs by less than 1."""
    shrunk_size = min(image.shape[1], width), min(image.shape[0], height)
    shrunk = cv2.resize(image, shrunk_size, interpolation=cv2.INTER_AREA).astype(np.float32)
    if shrunk_size == (width, height):
        return shrunk
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]
