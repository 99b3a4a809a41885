"""USB and built-in cameras through OpenCV."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from time import monotonic

import cv2
import numpy as np

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource

WIDTH, HEIGHT, RATE = 1280, 720, 30
# What OpenCV would choose by itself may be GStreamer or DirectShow, which buffer frames.
_BACKENDS = {
    "darwin": cv2.CAP_AVFOUNDATION,
    "linux": cv2.CAP_V4L2,
    "win32": cv2.CAP_MSMF,
}
# Raw pictures of this size do not fit through USB 2 at 30 a second; motion JPEG does. A camera
# without it stays with what it has.
_MJPG = cv2.VideoWriter.fourcc(*"MJPG")
_OLDEST_S = 1.0


class CameraSource(FrameSource):
    """A camera at 1280x720, 30 frames a second, or what it has that is nearest.

    Args:
        number: the system's number for it; /dev/video0 is 0.
        name: what to call it in messages.
    """

    frame_count = None
    is_live = True

    def __init__(self, number: int, name: str) -> None:
        self.name = name
        self._number = number
        self._capture: cv2.VideoCapture | None = self._opened()
        first = self._capture.read()[1]
        if first is None:
            self.close()
            raise SourceError(f"{name}: gives no picture; is another program using it?")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.frame_rate = Fraction(rate).limit_denominator(1001) if rate > 0 else None
        self.frame_size = (first.shape[1], first.shape[0])

    def __iter__(self) -> Iterator[Frame]:
        self.exhausted = False
        if self._capture is None:
            self._capture = self._opened()
        capture = self._capture
        start_s: float | None = None
        index = 0
        while True:
            read, bgr = capture.read()
            if not read:
                raise SourceError(
                    f"{self.name}: gives no picture any more; is it still plugged in?"
                )
            captured_at_s = _captured_at_s(capture)
            start_s = captured_at_s if start_s is None else start_s
            rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
            yield Frame(rgb, index, captured_at_s - start_s, captured_at_s=captured_at_s)
            index += 1

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _opened(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self._number, _BACKENDS.get(sys.platform, cv2.CAP_ANY))
        if not capture.isOpened():
            capture.release()
            raise SourceError(
                f"{self.name}: cannot be opened; is it plugged in, not used by another program, "
                "and may this user read it?"
            )
        if sys.platform == "linux":
            capture.set(cv2.CAP_PROP_FOURCC, _MJPG)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, WIDTH)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT)
        capture.set(cv2.CAP_PROP_FPS, RATE)
        # One to fill, one full, one being decoded: with fewer the driver drops frames, and since
        # they are read as they come, more would not make them older.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 3)
        return capture


def _captured_at_s(capture: cv2.VideoCapture) -> float:
    """When the frame read last was captured: the driver's word where it uses our clock."""
    now_s = monotonic()
    driver_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
    return driver_s if now_s - _OLDEST_S < driver_s <= now_s else now_s
