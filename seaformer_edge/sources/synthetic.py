"""Generated frames of moving shapes that contain their own frame number, for tests and demos."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource

COUNTER_BITS = 24
_SPEC = re.compile(r"synthetic(?::(\d+)x(\d+))?(?:@(\d+(?:\.\d+)?))?")
_SKY, _ROAD, _CAR, _SUN = (140, 180, 220), (90, 90, 95), (170, 40, 40), (250, 230, 120)


def is_synthetic(text: str) -> bool:
    """Whether `text` is `synthetic`, also with a size or rate that `from_spec` refuses."""
    return re.split("[:@]", text, maxsplit=1)[0] == "synthetic"


class SyntheticSource(FrameSource):
    """An endless scene: a road under a sky, with a moving car and sun.

    The top edge shows the frame number as 24 blocks, one per bit; `read_counter` reads it.
    """

    frame_count = None

    def __init__(self, size: tuple[int, int] = (640, 480), rate: Fraction = Fraction(30)) -> None:
        self.name = f"synthetic:{size[0]}x{size[1]}@{float(rate):g}"
        self.frame_size = size
        self.frame_rate = self._rate = rate
        width, height = size
        self._scene = np.empty((height, width, 3), np.uint8)
        self._scene[: height // 2] = _SKY
        self._scene[height // 2 :] = _ROAD

    @classmethod
    def from_spec(cls, spec: str) -> SyntheticSource:
        """Parses `synthetic`, `synthetic:1280x720` or `synthetic:1280x720@30`.

        Raises:
            SourceError: the text has another form, or the size or rate is out of range.
        """
        parts = _SPEC.fullmatch(spec)
        if parts is None:
            raise SourceError(
                f"{spec}: write synthetic:WIDTHxHEIGHT@RATE, as synthetic:1280x720@30"
            )
        size = (int(parts[1] or 640), int(parts[2] or 480))
        rate = Fraction(parts[3] or 30)
        if not (2 * COUNTER_BITS <= size[0] <= 7680 and 16 <= size[1] <= 4320):
            raise SourceError(
                f"{spec}: the size must be between {2 * COUNTER_BITS}x16 and 7680x4320"
            )
        if not 0 < rate <= 1000:
            raise SourceError(
                f"{spec}: the rate must be above 0 and at most 1000 frames per second"
            )
        return cls(size, rate)

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while True:
            yield Frame(self._picture(index), index, float(index / self._rate))
            index += 1

    def _picture(self, index: int) -> NDArray[np.uint8]:
        width, height = self.frame_size
        time_s = float(index / self._rate)
        image = self.new_image(self._scene.shape)
        image[:] = self._scene
        # The car crosses the picture in five seconds, whatever the size and rate.
        left, top = round(width * (time_s / 5 % 1.25 - 0.25)), round(height * 0.55)
        car = (left, top), (left + width // 4, top + height // 4)
        cv2.rectangle(image, *car, _CAR, cv2.FILLED)
        sun = round(width * (0.5 + 0.4 * math.sin(time_s))), round(height * 0.25)
        cv2.circle(image, sun, height // 10, _SUN, cv2.FILLED)
        bits = (index >> np.arange(COUNTER_BITS) & 1).astype(np.uint8) * 255
        blocks = bits[np.arange(width) * COUNTER_BITS // width]
        image[: _counter_height(height)] = blocks[:, None]
        return image


def read_counter(image: NDArray[np.uint8]) -> int:
    """The frame number in a picture of `SyntheticSource`, (H, W, 3) uint8, also after scaling."""
    height, width = image.shape[:2]
    block = width / COUNTER_BITS
    columns = [int((bit + 0.5) * block) for bit in range(COUNTER_BITS)]
    row = image[_counter_height(height) // 2, columns].mean(axis=1)
    return sum(1 << bit for bit, value in enumerate(row) if value > 127)


def _counter_height(height: int) -> int:
    return max(height // 24, 2)
