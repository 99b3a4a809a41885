"""USB and built-in cameras through OpenCV."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from time import monotonic

import cv2

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource, capture_time

WIDTH, HEIGHT, RATE = 1280, 720, 30
# By default OpenCV may choose GStreamer or DirectShow, which buffer frames.
_BACKENDS = {
    "darwin": cv2.CAP_AVFOUNDATION,
    "linux": cv2.CAP_V4L2,
    "win32": cv2.CAP_MSMF,
}
# USB 2 is too slow for raw frames of this size at this rate, but not for motion JPEG. A camera
# without motion JPEG keeps its own format.
_MJPG = cv2.VideoWriter.fourcc(*"MJPG")


class CameraSource(FrameSource):
    """A camera at 1280x720 and 30 frames per second, or its nearest mode.

    Args:
        number: the system's number of the camera; /dev/video0 is 0.
        name: for messages.
    """

    frame_count = None
    is_live = True

    def __init__(self, number: int, name: str) -> None:
        self.name = name
        self._number = number
        self._capture: cv2.VideoCapture | None = self._open()
        first = self._capture.read()[1]
        if first is None:
            self.close()
            raise SourceError(f"{name}: delivers no frames; is another program using it?")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.frame_rate = Fraction(rate).limit_denominator(1001) if rate > 0 else None
        self.frame_size = (first.shape[1], first.shape[0])

    def __iter__(self) -> Iterator[Frame]:
        self.exhausted = False
        if self._capture is None:
            self._capture = self._open()
        capture = self._capture
        start_s: float | None = None
        index = 0
        while True:
            read, bgr = capture.read()
            if not read:
                raise SourceError(f"{self.name}: delivers no more frames; is it still plugged in?")
            driver_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
            captured_at_s = capture_time(driver_s, monotonic())
            start_s = captured_at_s if start_s is None else start_s
            rgb = self.new_image(bgr.shape)
            cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, rgb)
            yield Frame(rgb, index, captured_at_s - start_s, captured_at_s=captured_at_s)
            index += 1

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self._number, _BACKENDS.get(sys.platform, cv2.CAP_ANY))
        if not capture.isOpened():
            capture.release()
            raise SourceError(
                f"{self.name}: cannot be opened; check that it is plugged in, that no other program"
                " uses it, and that this user may read it"
            )
        if sys.platform == "linux":
            capture.set(cv2.CAP_PROP_FOURCC, _MJPG)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, WIDTH)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT)
        capture.set(cv2.CAP_PROP_FPS, RATE)
        # The driver fills one, one is full, one is being decoded: with fewer, the driver drops
        # frames. More would not add latency, since frames are read as they arrive.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 3)
        return capture
