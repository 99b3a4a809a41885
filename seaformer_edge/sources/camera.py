"""USB and built-in cameras through OpenCV."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from time import monotonic
from typing import NamedTuple

import cv2
import numpy as np

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource, capture_time, new_image
from seaformer_edge.sources.camera_settings import (
    AS_IT_IS,
    AUTOMATIC,
    CameraSettings,
    warn_refused,
)

if sys.platform == "linux":
    from seaformer_edge.sources import v4l2

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


class _Control(NamedTuple):
    """A control of V4L2: its number, OpenCV's property, and units of the driver in one of ours.

    `mode` is OpenCV's property that gives it to the camera with the value `automatic`, and takes it
    back with `manual`.
    """

    number: int
    value: int
    scale: int = 1
    mode: int | None = None
    automatic: int = 1
    manual: int = 0


# The values of V4L2_CID_EXPOSURE_AUTO are an enumeration; its time is in steps of 100 us.
_CONTROLS = {
    "exposure_ms": _Control(
        0x009A0902, cv2.CAP_PROP_EXPOSURE, 10, cv2.CAP_PROP_AUTO_EXPOSURE, automatic=3, manual=1
    ),
    "gain": _Control(0x00980913, cv2.CAP_PROP_GAIN),
    "white_balance_k": _Control(0x0098091A, cv2.CAP_PROP_WB_TEMPERATURE, mode=cv2.CAP_PROP_AUTO_WB),
}


class CameraSource(FrameSource):
    """A camera. What it refuses of the settings is logged as a warning.

    Args:
        number: the system's number of the camera; /dev/video0 is 0.
        name: for messages.
        settings: the nearest mode is used. Exposure, gain and white balance are for Linux only.
    """

    frame_count = None
    is_live = True

    def __init__(self, number: int, name: str, settings: CameraSettings = AS_IT_IS) -> None:
        self.name = name
        self._number = number
        self._settings = settings
        self.controls = _ranges(number)
        self._capture: cv2.VideoCapture | None = self._open()
        first = self._capture.read()[1]
        if first is None:
            self.close()
            raise SourceError(f"{name}: delivers no frames; is another program using it?")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.frame_rate = Fraction(rate).limit_denominator(1001) if rate > 0 else None
        warn_refused(name, settings, (first.shape[1], first.shape[0]), rate, self._given())
        self.frame_size = settings.oriented_size(first.shape[1], first.shape[0])

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
            picture = bgr.astype(np.uint8, copy=False)
            if self._settings.rotate or self._settings.flip:
                picture = self._settings.orient(picture, new_image)
            rgb = self.new_image(picture.shape)
            cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, rgb)
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
        width, height = self._settings.size or (WIDTH, HEIGHT)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        capture.set(cv2.CAP_PROP_FPS, self._settings.rate or RATE)
        self._set_controls(capture)
        # The driver fills one, one is full, one is being decoded: with fewer, the driver drops
        # frames. More would not add latency, since frames are read as they arrive.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 3)
        return capture

    def _set_controls(self, capture: cv2.VideoCapture) -> None:
        for name in self.controls:
            value, control = getattr(self._settings, name), _CONTROLS[name]
            if value is None:
                continue
            is_automatic = control.mode is not None and value == AUTOMATIC
            if control.mode is not None:
                capture.set(control.mode, control.automatic if is_automatic else control.manual)
            if not is_automatic:
                capture.set(control.value, round(value * control.scale))

    def _given(self) -> dict[str, float]:
        """What the controls are set to, in the units of the settings."""
        given = {}
        assert self._capture is not None
        for name in self.controls:
            control = _CONTROLS[name]
            if control.mode is not None and self._capture.get(control.mode) != control.manual:
                given[name] = AUTOMATIC
            else:
                given[name] = self._capture.get(control.value) / control.scale
        return given


def _ranges(number: int) -> dict[str, tuple[float, float]]:
    """The controls that a camera has, with their range in the units of the settings."""
    if sys.platform != "linux":
        return {}
    found = {name: v4l2.control_range(number, c.number) for name, c in _CONTROLS.items()}
    return {
        name: (limits[0] / _CONTROLS[name].scale, limits[1] / _CONTROLS[name].scale)
        for name, limits in found.items()
        if limits is not None
    }
