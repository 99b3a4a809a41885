"""From an image to the network's input.

The image is stretched to the network's input size: bilinear interpolation, each axis by its own
factor, no letterbox. Inference, evaluation, calibration and profiling all call this function, so
the accuracy on a model's card is measured on the same input as the one used at run time.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def preprocess(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    """Resize an image to a network's input size.

    Mean and deviation are not applied here: an exported program does that itself.

    Args:
        image: (H, W, 3) uint8 RGB of any size.
        height, width: input size of the network.

    Returns:
        (height, width, 3) float32 RGB, 0 to 255.

    Raises:
        ValueError: `image` has another shape or dtype.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"an image is (H, W, 3) uint8, got {image.shape} {image.dtype}")
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized.astype(np.float32)
