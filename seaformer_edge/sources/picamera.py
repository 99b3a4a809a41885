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

SIZE = (1280, 720)
FORMAT = "BGR888"  # named after the order in a register: R, G, B in memory
FRAME_US = 33_333


class PicameraSource(FrameSource):
    """The first camera on a ribbon cable, at 1280x720 and 30 frames per second.

    Each frame is captured after it was requested; frames never queue.
    """

    name = "picamera"
    frame_count = None
    frame_rate = Fraction(1_000_000, FRAME_US)
    is_live = True

    def __init__(self) -> None:
        picamera2 = import_picamera2()
        if not ribbon_cameras():
            raise SourceError("picamera: no camera found; is its ribbon cable seated?")
        try:
            self._camera: Any = picamera2.Picamera2()
        except RuntimeError as error:
            raise SourceError(f"picamera: in use by another program ({error})") from error
        try:
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": SIZE, "format": FORMAT},
                    buffer_count=4,
                    queue=False,
                    controls={"FrameDurationLimits": (FRAME_US, FRAME_US)},
                )
            )
            # The size may differ from the requested one, the format may not.
            main = self._camera.camera_configuration()["main"]
            if main["format"] != FORMAT:
                raise RuntimeError(f"its format is {main['format']} instead of {FORMAT}")
            self.frame_size = tuple(main["size"])
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
                pixels = request.make_array("main")
                image = self.new_image(pixels.shape)
                image[:] = pixels
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
