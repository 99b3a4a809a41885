"""Random scale, crop, flip and photometric distortion for semantic segmentation."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

IGNORE = 255


@dataclass(frozen=True)
class Augmentation:
    """What may happen to a training picture.

    Attributes:
        crop: (height, width) of the result.
        scale: range of the random resizing.
        colour: strength of the photometric distortion; 1 is the range usual for
            Cityscapes and ADE20K, 0 is none.
    """

    crop: tuple[int, int]
    scale: tuple[float, float] = (0.5, 2.0)
    colour: float = 1.0

    def __call__(
        self, image: NDArray[np.uint8], labels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(H, W, 3) uint8 RGB and (H, W) uint8 to the same at the size of the crop."""
        height, width = self.crop
        # Log-uniform, so that halving is as likely as doubling.
        scale = float(np.exp(rng.uniform(*np.log(self.scale))))
        aspect = float(np.exp(rng.uniform(-0.1, 0.1)))
        size = (
            max(1, round(image.shape[1] * scale * aspect)),
            max(1, round(image.shape[0] * scale / aspect)),
        )
        interpolation = cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR
        image = cv2.resize(image, size, interpolation=interpolation)  # type: ignore[assignment]
        labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)  # type: ignore[assignment]

        top = int(rng.integers(0, max(size[1] - height, 0) + 1))
        left = int(rng.integers(0, max(size[0] - width, 0) + 1))
        image = image[top : top + height, left : left + width]
        labels = labels[top : top + height, left : left + width]
        if rng.random() < 0.5:
            image, labels = image[:, ::-1], labels[:, ::-1]

        image = distort_colours(np.ascontiguousarray(image), rng, self.colour)
        bottom, right = height - image.shape[0], width - image.shape[1]
        if bottom or right:
            border = (0, bottom, 0, right, cv2.BORDER_CONSTANT)
            image = cv2.copyMakeBorder(image, *border, value=(124, 116, 104))  # type: ignore[assignment]
            labels = cv2.copyMakeBorder(np.ascontiguousarray(labels), *border, value=(IGNORE,))  # type: ignore[assignment]
        return image, np.ascontiguousarray(labels)


def distort_colours(
    image: NDArray[np.uint8], rng: np.random.Generator, strength: float
) -> NDArray[np.uint8]:
    """Brightness, contrast, gamma, saturation, hue, grain: each now and then.

    Gamma and gain stand for dusk and glare, which street data sets are short of.
    """
    if strength == 0:
        return image
    if rng.random() < 0.7:
        ramp = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.3 * strength))
        gain = np.exp(rng.normal(0, 0.2 * strength))
        tint = np.exp(rng.normal(0, 0.06 * strength, 3))
        offset = rng.normal(0, 0.06 * strength)
        table = 255 * (ramp[:, None] * gain * tint[None, :] + offset)
        image = cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None])  # type: ignore[assignment]
    if rng.random() < 0.5:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.int16)
        hsv[..., 0] = (hsv[..., 0] + round(rng.normal(0, 6 * strength))) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] * np.exp(rng.normal(0, 0.35 * strength)), 0, 255)
        image = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)  # type: ignore[assignment]
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2 * strength + 0.4))  # type: ignore[assignment]
    if rng.random() < 0.2:
        grain = rng.normal(0, 8 * strength, image.shape[:2]).astype(np.int16)
        image = np.clip(image.astype(np.int16) + grain[..., None], 0, 255).astype(np.uint8)
    return image
