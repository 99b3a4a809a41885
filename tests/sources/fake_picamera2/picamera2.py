"""A fake picamera2 that has the failures of the real one.

Arrays of "RGB888" are B, G, R in memory, those of "BGR888" R, G, B. There are only as many
buffers as requested, and requests that are not released use them up. One camera at a time.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.sources.synthetic import SyntheticSource

INTERVAL_S = 0.01


def pulled_out() -> bool:
    """Whether the file that marks it as unplugged exists; another process may create it."""
    name = os.environ.get("FAKE_PICAMERA_PULLED_OUT")
    return name is not None and Path(name).exists()


class Picamera2:
    in_use = False
    cameras: ClassVar[list[dict[str, Any]]] = [
        {"Model": "imx708", "Id": "/base/i2c@88000/imx708@1a"}
    ]

    camera_controls: ClassVar[dict[str, tuple[Any, Any, Any]]] = {
        "FrameDurationLimits": (16_666, 1_000_000, None),
        "ExposureTime": (100, 60_000, None),
        "AeEnable": (False, True, None),
        "AnalogueGain": (1.0, 16.0, None),
    }

    def __init__(self) -> None:
        if Picamera2.in_use:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        Picamera2.in_use = True
        self.free_buffers = 0
        self.started = False
        self.begun_s = time.monotonic()

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return [] if pulled_out() else Picamera2.cameras

    def create_video_configuration(self, **options: Any) -> dict[str, Any]:
        assert options["queue"] is False, "queued frames are old"
        return options

    def configure(self, configuration: dict[str, Any]) -> None:
        assert not self.started
        self.free_buffers = configuration["buffer_count"]
        self.format = configuration["main"]["format"]
        self.controls = configuration["controls"]
        # Sensors like sizes of their own.
        self.size = (configuration["main"]["size"][0] // 32 * 32, 704)
        self.scene = SyntheticSource(self.size)

    def camera_configuration(self) -> dict[str, Any]:
        return {"main": {"size": self.size, "format": self.format}}

    def start(self) -> None:
        self.started = True

    def capture_request(self) -> Request:
        assert self.started
        assert self.free_buffers > 0, "no free buffer: a real camera would wait forever"
        time.sleep(INTERVAL_S)
        while pulled_out():  # no error, no frame
            time.sleep(3600)
        self.free_buffers -= 1
        return Request(self, time.monotonic())

    def close(self) -> None:
        self.started = Picamera2.in_use = False


class Request:
    def __init__(self, camera: Picamera2, time_s: float) -> None:
        self.camera = camera
        self.time_s = time_s
        index = round((time_s - camera.begun_s) / INTERVAL_S * 2)
        self.rgb = camera.scene._picture(index)

    def make_array(self, name: str) -> NDArray[np.uint8]:
        assert name == "main"
        # Rows are padded in memory, and the padding is cut off without a copy.
        padded = np.zeros((self.rgb.shape[0], self.rgb.shape[1] + 32, 3), np.uint8)
        padded[:, :-32] = self.rgb if self.camera.format == "BGR888" else self.rgb[..., ::-1]
        return padded[:, :-32]

    def get_metadata(self) -> dict[str, Any]:
        return {"SensorTimestamp": round((self.time_s - 0.005) * 1e9)}

    def release(self) -> None:
        self.camera.free_buffers += 1
