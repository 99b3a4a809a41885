"""How a camera is opened: size, frame rate, orientation, exposure, gain, white balance."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.sources.base import NewImage

ROTATIONS = (0, 90, 180, 270)
AUTOMATIC = 0.0
TOLERANCE = 0.05  # a camera rounds to its own steps
MAX_SIDE, MAX_RATE, MAX_CONTROL = 16384, 1000.0, 1e6
CONTROLS = {
    "exposure_ms": ("exposure", " ms"),
    "gain": ("gain", ""),
    "white_balance_k": ("white balance", " K"),
}
"""The settings that not every camera offers, with their name for people and unit."""

# Codes of `cv2.flip`, None for none, by rotation and flip; 90 and 270 transpose first.
_FLIPS = {
    **{(0, False): None, (0, True): 1, (180, False): -1, (180, True): 0},
    **{(90, False): 1, (90, True): None, (270, False): 0, (270, True): -1},
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """What is asked of a camera. None leaves a value as it is, or to the default.

    Attributes:
        size: (width, height) in pixels, before the rotation; by default 1280x720.
        rate: frames per second; by default 30.
        rotate: clockwise, in degrees: 0, 90, 180 or 270.
        flip: swap left and right of the rotated picture.
        exposure_ms: of a frame; `AUTOMATIC` gives it back to the camera.
        gain: in the camera's own unit.
        white_balance_k: colour temperature in kelvin, or `AUTOMATIC`.

    Raises:
        ValueError: a value is impossible.
    """

    size: tuple[int, int] | None = None
    rate: float | None = None
    rotate: int = 0
    flip: bool = False
    exposure_ms: float | None = None
    gain: float | None = None
    white_balance_k: float | None = None

    def __post_init__(self) -> None:
        if self.size is not None and not all(1 <= side <= MAX_SIDE for side in self.size):
            raise ValueError(f"no size of a camera: {self.size[0]}x{self.size[1]}")
        if self.rate is not None and not 0 < self.rate <= MAX_RATE:
            raise ValueError(f"no frame rate: {self.rate:g}")
        if self.rotate not in ROTATIONS:
            raise ValueError(f"no rotation by a right angle: {self.rotate}")
        for name in CONTROLS:
            value = getattr(self, name)
            if value is not None and not 0 <= value <= MAX_CONTROL:
                raise ValueError(f"{name} cannot be {value:g}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The settings of `dataclasses.asdict`, also after a way through JSON.

        Raises:
            TypeError, ValueError: they are none.
        """
        size = values.get("size")
        return cls(**{**values, "size": None if size is None else (int(size[0]), int(size[1]))})

    def oriented_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of the rotated picture."""
        return (height, width) if self.rotate % 180 else (width, height)

    def orient(self, image: NDArray[np.uint8], new_image: NewImage) -> NDArray[np.uint8]:
        """The picture rotated and flipped, in an array that `new_image` makes.

        Args:
            image: (H, W, 3) as the camera gives it; not changed.
        """
        code = _FLIPS[self.rotate, self.flip]
        if self.rotate % 180 == 0:
            oriented = new_image(image.shape)
            if code is None:
                oriented[:] = image
            else:
                cv2.flip(image, code, oriented)
            return oriented
        oriented = new_image((image.shape[1], image.shape[0], 3))
        cv2.transpose(image, oriented)
        if code is not None:
            cv2.flip(oriented, code, oriented)
        return oriented


AS_IT_IS = CameraSettings()


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) of a text such as 1280x720. Raises ValueError."""
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text.strip(), re.ASCII)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no size such as 1280x720")
    return int(found[1]), int(found[2])


def warn_refused(
    name: str,
    asked: CameraSettings,
    size: tuple[int, ...],
    rate: float,
    controls: Mapping[str, float],
) -> None:
    """Logs what a camera does not give.

    Args:
        name: of the camera.
        size, rate: what it gives instead.
        controls: those that it has, as it has set them; in the units of the settings.
    """
    refused = []
    if asked.size is not None and asked.size != size:
        refused.append(f"{asked.size[0]}x{asked.size[1]} (gives {size[0]}x{size[1]})")
    if asked.rate is not None and abs(asked.rate - rate) > TOLERANCE * asked.rate:
        refused.append(f"{asked.rate:g} frames per second (gives {rate:.3g})")
    for control, (kind, unit) in CONTROLS.items():
        value, given = getattr(asked, control), controls.get(control)
        if value is None:
            continue
        if given is None:
            refused.append(kind)
        elif abs(given - value) > TOLERANCE * value:
            shown = f"{given:g}{unit}" if given or control == "gain" else "automatic"
            refused.append(f"{kind} {value:g}{unit} (gives {shown})")
    if refused:
        log.warning("%s: the camera refused %s", name, ", ".join(refused))
