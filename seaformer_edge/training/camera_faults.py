"""Faults of cameras as augmentation: white balance, low light, motion blur, JPEG."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""

GAMMA = 2.2


def with_camera_fault(image: Picture, rng: np.random.Generator) -> Picture:
    """A copy of the picture with one of the faults, drawn at random."""
    return FAULTS[int(rng.integers(len(FAULTS)))](image, rng)


def white_balance(image: Picture, rng: np.random.Generator) -> Picture:
    """Too warm or too cold, as under a lamp that the camera does not know."""
    warmth, green = rng.normal(0, 0.25), rng.normal(0, 0.08)
    gains = np.exp([warmth, green, -warmth])
    table = np.clip(np.rint(np.arange(256)[:, None] * gains), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), np.uint8)


def low_light(image: Picture, rng: np.random.Generator) -> Picture:
    """A quarter to a twentieth of the light, with the sensor's noise, half brightened again."""
    signal = np.linspace(0, 1, 256) ** GAMMA * np.exp(rng.uniform(-3, -1.4))
    gain = 1 / np.sqrt(signal[-1])
    # Of photons, whose variance is proportional to the light, and of the electronics.
    noisy = signal + np.sqrt(signal * 1e-3 + 1e-5)
    levels, above = (255 * (gain * light) ** (1 / GAMMA) for light in (signal, noisy))
    seen, deviation = (cv2.LUT(image, t.astype(np.float32)) for t in (levels, above - levels))
    noise = deviation * rng.standard_normal(image.shape, np.float32)
    return np.clip(np.rint(seen + noise), 0, 255).astype(np.uint8)


def motion_blur(image: Picture, rng: np.random.Generator) -> Picture:
    """Blur along a line of up to a twentieth of the long side, in any direction."""
    length = max(3, round(max(image.shape[:2]) * rng.uniform(0.01, 0.05))) | 1
    kernel = np.zeros((length, length), np.float32)
    angle, middle = rng.uniform(0, np.pi), length // 2
    x, y = round(middle * np.cos(angle)), round(middle * np.sin(angle))
    cv2.line(kernel, (middle - x, middle - y), (middle + x, middle + y), 1)
    blurred = cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, np.uint8)


def jpeg(image: Picture, rng: np.random.Generator) -> Picture:
    """Blocks and washed-out colours of strong compression."""
    quality = int(rng.integers(8, 50))
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)


FAULTS: tuple[Callable[[Picture, np.random.Generator], Picture], ...] = (
    white_balance,
    low_light,
    motion_blur,
    jpeg,
)
