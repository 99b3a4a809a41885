"""A fake `cv2.VideoCapture`, whose camera can be present, in use, or unplugged."""

from __future__ import annotations

import time
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.sources.synthetic import SyntheticSource

INTERVAL_S = 0.01


class FakeCapture:
    """Like OpenCV's: frames are BGR; after unplugging, `read` returns False, and `isOpened` True.

    Attributes:
        present: the numbers of the cameras that are plugged in.
        clock: "driver" reports capture times, "none" does not.
        opened: the captures so far.
        refuses: properties that stay what they are, whatever is set.
    """

    present: ClassVar[set[int]] = {0}
    clock: ClassVar[str] = "driver"
    opened: ClassVar[list[FakeCapture]] = []
    refuses: ClassVar[dict[int, float]] = {}

    def __init__(self, number: int, backend: int) -> None:
        assert backend != cv2.CAP_ANY, "this may choose GStreamer, which queues frames"
        FakeCapture.opened.append(self)
        self.number = number
        self.properties: dict[int, float] = {}
        self.released = number not in self.present
        self.scene = SyntheticSource((96, 64))
        self.begun_s = self.time_s = time.monotonic()

    def isOpened(self) -> bool:  # noqa: N802
        return not self.released

    def set(self, name: int, value: float) -> bool:
        self.properties[name] = value
        return name != cv2.CAP_PROP_BUFFERSIZE  # V4L2 has no such thing

    def get(self, name: int) -> float:
        if name in self.refuses:
            return self.refuses[name]
        if name == cv2.CAP_PROP_FPS:
            return self.properties.get(name, 30.0)
        if name == cv2.CAP_PROP_POS_MSEC and self.clock == "driver":
            return self.time_s * 1e3
        return self.properties.get(name, -1.0)

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        assert not self.released
        time.sleep(INTERVAL_S)
        if self.number not in self.present:
            return False, None
        self.time_s = time.monotonic()
        index = round((self.time_s - self.begun_s) / INTERVAL_S * 2)
        return True, np.ascontiguousarray(self.scene._picture(index)[..., ::-1])

    def release(self) -> None:
        self.released = True
