"""Random crops, flips, photometric distortion and other changes of training pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.training.camera_faults import with_camera_fault
from seaformer_edge.training.cutouts import Cutouts
from seaformer_edge.training.datasets import IGNORE, fitting_scale

CropBox = tuple[float, float, float, float]
"""Top, bottom, left and right of a crop, as fractions of the picture's height or width."""


@dataclass(frozen=True)
class SegmentationAugmentation:
    """Random scale, crop, flip and photometric distortion of a labelled picture.

    Attributes:
        crop: (height, width) of the result.
        scale: range of the random resizing.
        colour: strength of the photometric distortion; 1 is the range usual for
            Cityscapes and ADE20K, 0 is none.
        max_share: a crop of which one class takes more is drawn again, up to ten times.
        fit: (long, short) side into which a picture is scaled first; None: it keeps its size.
        stretch: chance that a picture is stretched to the size of the crop first, as every frame
            is stretched to the input's size when the exported program runs.
        cutouts: objects to paste onto the picture first.
        paste: chance of that.
        camera_faults: chance of a fault of a camera, the last change.
    """

    crop: tuple[int, int]
    scale: tuple[float, float] = (0.5, 2.0)
    colour: float = 1.0
    max_share: float = 1.0
    fit: tuple[int, int] | None = None
    stretch: float = 0.0
    cutouts: Cutouts | None = None
    paste: float = 0.0
    camera_faults: float = 0.0

    def __call__(
        self, image: NDArray[np.uint8], labels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(H, W, 3) uint8 RGB and (H, W) uint8 labels to both at the size of the crop."""
        height, width = self.crop
        if self.cutouts and rng.random() < self.paste:
            image, labels = self.cutouts.paste(image, labels, rng)
        # Log-uniform, so that halving is as likely as doubling.
        scale = float(np.exp(rng.uniform(*np.log(self.scale))))
        aspect = float(np.exp(rng.uniform(-0.1, 0.1)))
        base_height, base_width = labels.shape
        if self.stretch and rng.random() < self.stretch:
            base_height, base_width = height, width
        elif self.fit is not None:
            scale *= fitting_scale(base_height, base_width, self.fit)
        size = (
            max(1, round(base_width * scale * aspect)),
            max(1, round(base_height * scale / aspect)),
        )
        labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)  # type: ignore[assignment]
        box = self._crop_box(labels, rng)
        labels = labels[box]
        shrunk = size[0] * size[1] < 0.5 * image.shape[0] * image.shape[1]
        interpolation = cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR
        image = cv2.resize(image, size, interpolation=interpolation)[box]  # type: ignore[assignment]
        if rng.random() < 0.5:
            image, labels = image[:, ::-1], labels[:, ::-1]

        image = distort_colours(np.ascontiguousarray(image), rng, self.colour)
        if self.camera_faults and rng.random() < self.camera_faults:
            image = with_camera_fault(image, rng)
        bottom, right = height - image.shape[0], width - image.shape[1]
        if bottom or right:
            border = (0, bottom, 0, right, cv2.BORDER_CONSTANT)
            image = cv2.copyMakeBorder(image, *border, value=(124, 116, 104))  # type: ignore[assignment]
            labels = cv2.copyMakeBorder(np.ascontiguousarray(labels), *border, value=(IGNORE,))  # type: ignore[assignment]
        return image, np.ascontiguousarray(labels)

    def _crop_box(self, labels: NDArray[np.uint8], rng: np.random.Generator) -> tuple[slice, slice]:
        """A random crop; the first of ten in which no class takes more than `max_share`."""
        height, width = self.crop
        for _ in range(10):
            top = int(rng.integers(0, max(labels.shape[0] - height, 0) + 1))
            left = int(rng.integers(0, max(labels.shape[1] - width, 0) + 1))
            box = slice(top, top + height), slice(left, left + width)
            if self.max_share >= 1:
                break
            counts = np.bincount(labels[box].ravel(), minlength=256)[:IGNORE]
            if int(np.max(counts)) < self.max_share * int(np.sum(counts)):
                break
        return box


@dataclass(frozen=True)
class ClassificationAugmentation:
    """Random resized crop (Szegedy et al. 2015), flip and photometric distortion.

    Attributes:
        crop: (height, width) of the result.
        area: range of the crop's area, as a fraction of the picture's.
        colour: strength of the photometric distortion.
    """

    crop: tuple[int, int]
    area: tuple[float, float]
    colour: float

    def __call__(
        self, image: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], CropBox]:
        """(H, W, 3) uint8 RGB to the crop, and where in the picture it lies."""
        full_height, full_width = image.shape[:2]
        area = float(rng.uniform(*self.area)) * full_height * full_width
        ratio = float(np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3))))
        width = min(full_width, max(1, round(math.sqrt(area * ratio))))
        height = min(full_height, max(1, round(math.sqrt(area / ratio))))
        top = int(rng.integers(0, full_height - height + 1))
        left = int(rng.integers(0, full_width - width + 1))
        bottom, right = top + height, left + width
        box = top / full_height, bottom / full_height, left / full_width, right / full_width
        image = distort_colours(image[top:bottom, left:right], rng, self.colour)
        if rng.random() < 0.5:
            image = image[:, ::-1]
        shrinking = height > self.crop[0] and width > self.crop[1]
        interpolation = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
        crop = cv2.resize(image, self.crop[::-1], interpolation=interpolation)
        return np.asarray(crop, np.uint8), box


def distort_colours(
    image: NDArray[np.uint8], rng: np.random.Generator, strength: float
) -> NDArray[np.uint8]:
    """Random brightness, contrast, gamma, saturation, hue, blur and grain.

    Gamma and gain imitate dusk and glare, which street data sets contain rarely.
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
