"""Raspberry Pi camera modules, through picamera2."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from time import monotonic
from typing import Any

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource, capture_time
from seaformer_edge.sources.camera_settings import (
    AS_IT_IS,
    AUTOMATIC,
    CameraSettings,
    warn_refused,
)

SIZE = (1280, 720)
FORMAT = "BGR888"  # named after the order in a register: R, G, B in memory
FRAME_US = 33_333


# Of each setting: libcamera's control, its units in one of ours, and the control of the automatic.
_CONTROLS: dict[str, tuple[str, int, str | None]] = {
    "exposure_ms": ("ExposureTime", 1000, "AeEnable"),
    "gain": ("AnalogueGain", 1, None),
    "white_balance_k": ("ColourTemperature", 1, "AwbEnable"),
}


class PicameraSource(FrameSource):
    """The first camera on a ribbon cable. What it refuses of the settings is logged as a warning.

    Each frame is captured after it was requested; frames never queue.
    """

    name = "picamera"
    frame_count = None
    is_live = True

    def __init__(self, settings: CameraSettings = AS_IT_IS) -> None:
        self._settings = settings
        frame_us = FRAME_US if settings.rate is None else round(1e6 / settings.rate)
        picamera2 = import_picamera2()
        if not ribbon_cameras():
            raise SourceError("picamera: no camera found; is its ribbon cable seated?")
        try:
            self._camera: Any = picamera2.Picamera2()
        except RuntimeError as error:
            raise SourceError(f"picamera: in use by another program ({error})") from error
        offered = self._camera.camera_controls
        self.controls = {
            name: (offered[control][0] / scale, offered[control][1] / scale)
            for name, (control, scale, _) in _CONTROLS.items()
            if control in offered
        }
        shortest_us = offered.get("FrameDurationLimits", (0,))[0]
        self.frame_rate = Fraction(1_000_000, max(frame_us, round(shortest_us)))
        try:
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": settings.size or SIZE, "format": FORMAT},
                    buffer_count=4,
                    queue=False,
                    controls={"FrameDurationLimits": (frame_us, frame_us)} | self._chosen(),
                )
            )
            # The size may differ from the requested one, the format may not.
            main = self._camera.camera_configuration()["main"]
            if main["format"] != FORMAT:
                raise RuntimeError(f"its format is {main['format']} instead of {FORMAT}")
            size = tuple(main["size"])
            self.frame_size = settings.oriented_size(*size)
            warn_refused(self.name, settings, size, float(self.frame_rate), self._given())
            self._camera.start()
        except RuntimeError as error:
            self.close()
            raise SourceError(f"picamera: cannot be started ({error})") from error

    def __iter__(self) -> Iterator[Frame]:
        start_s: float | None = None
        index = 0
        while self._camera is not None:
            request = self._camera.capture_request()
            try:
                image = self._settings.orient(request.make_array("main"), self.new_image)
                sensor_ns = request.get_metadata().get("SensorTimestamp", 0)
            finally:
                request.release()
            captured_at_s = capture_time(sensor_ns / 1e9, monotonic())
            start_s = captured_at_s if start_s is None else start_s
            yield Frame(image, index, captured_at_s - start_s, captured_at_s=captured_at_s)
            index += 1

    def close(self) -> None:
        if self._camera is not None:
            camera, self._camera = self._camera, None
            camera.close()  # stops it first

    def _given(self) -> dict[str, float]:
        """The settings within what the camera offers."""
        given = {}
        for name, (low, high) in self.controls.items():
            value, has_automatic = getattr(self._settings, name), _CONTROLS[name][2] is not None
            if value is not None:
                is_automatic = has_automatic and value == AUTOMATIC
                given[name] = AUTOMATIC if is_automatic else min(max(value, low), high)
        return given

    def _chosen(self) -> dict[str, Any]:
        """The settings as libcamera's controls."""
        chosen: dict[str, Any] = {}
        for name, value in self._given().items():
            control, scale, automatic = _CONTROLS[name]
            if automatic is not None:
                chosen[automatic] = value == AUTOMATIC
            if automatic is None or value != AUTOMATIC:
                chosen[control] = value if name == "gain" else round(value * scale)
        return chosen


def ribbon_cameras() -> list[dict[str, Any]]:
    """picamera2's information on the cameras that are not on USB. It opens the first of them.

    Raises:
        SourceError: picamera2 is not installed.
    """
    cameras = import_picamera2().Picamera2.global_camera_info()
    return [camera for camera in cameras if "/usb" not in camera.get("Id", "")]


def import_picamera2() -> Any:
    """The module picamera2. Raises SourceError if it is not installed or cannot be loaded."""
    try:
        import picamera2
    except ValueError as error:  # raised by Cython for a module built for another NumPy
        raise SourceError(
            f"picamera: picamera2 cannot be loaded ({error}); run `{sys.executable} -m pip install"
            " --ignore-installed --no-deps simplejpeg`"
        ) from error
    except (ImportError, OSError) as error:
        raise SourceError(
            f"picamera: picamera2 is missing ({error}); on a Raspberry Pi run `sudo apt install"
            " python3-picamera2` and make the environment with --system-site-packages"
        ) from error
    return picamera2
