"""What there is to see through: the answer to `--list-sources`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from seaformer_edge.errors import SourceError

# macOS and Windows do not number their cameras in a place to look at; these are tried.
PROBED_NUMBERS = 4


@dataclass(frozen=True, slots=True)
class VideoMode:
    """A picture size a source offers, and at which rates.

    Attributes:
        width, height: in pixels.
        rates: frames per second, highest first; empty where unknown.
    """

    width: int
    height: int
    rates: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A source that is there.

    Attributes:
        spec: what to give as `--source`.
        name: what it calls itself.
        modes: largest picture first; empty where the source does not tell.
    """

    spec: str
    name: str
    modes: tuple[VideoMode, ...]


def list_sources() -> list[SourceInfo]:
    """Cameras first, then `sample` and `synthetic`.

    Linux tells of its cameras without turning them on; elsewhere each is opened for a moment.
    """
    # OpenCV and FFmpeg, which naming a camera does not need.
    from seaformer_edge.sources import open_source

    words = {"sample": "the bundled clip", "synthetic": "moving shapes, as synthetic:1280x720@30"}
    bundled = []
    for spec, name in words.items():
        with open_source(spec) as source:
            rates = (round(float(source.frame_rate), 2),) if source.frame_rate else ()
            bundled.append(SourceInfo(spec, name, (VideoMode(*source.frame_size, rates),)))
    return [*list_cameras(), *_ribbon_cameras(), *bundled]


def list_cameras() -> list[SourceInfo]:
    """The cameras that OpenCV can open."""
    if sys.platform == "linux":
        from seaformer_edge.sources import v4l2

        return v4l2.cameras()
    return _tried_cameras()


def find_camera(spec: str) -> SourceInfo | None:
    """The camera with this number, this device or a link to it, such as udev's
    /dev/v4l/by-id/...; or, on Linux, the first with this in its name.

    None if there is none; whether the others lead to a camera shows when it is opened, and so does
    that a name is of one that this user may not open.
    """
    if spec.isdecimal():
        return SourceInfo(spec, f"camera {spec}", ())
    device = _leads_to(spec)
    if device.startswith("/dev/video"):
        return SourceInfo(device.removeprefix("/dev/video"), spec, ())
    if sys.platform != "linux":  # no names there
        return None
    from seaformer_edge.sources import v4l2

    known = chain(list_cameras(), v4l2.unopenable())
    return next((camera for camera in known if spec.lower() in camera.name.lower()), None)


def _leads_to(spec: str) -> str:
    """The path behind all links; `spec` itself where it cannot be a path."""
    try:
        return os.path.realpath(Path(spec).expanduser())
    except (OSError, RuntimeError, ValueError):  # of ~nobody, of a zero byte in it
        return spec


def _tried_cameras() -> list[SourceInfo]:
    from seaformer_edge.sources.camera import CameraSource

    found = []
    for number in range(PROBED_NUMBERS):
        try:
            with CameraSource(number, f"camera {number}") as camera:
                rates = (round(float(camera.frame_rate), 2),) if camera.frame_rate else ()
                mode = VideoMode(*camera.frame_size, rates)
                found.append(SourceInfo(str(number), camera.name, (mode,)))
        except SourceError:
            pass
    return found


def _ribbon_cameras() -> list[SourceInfo]:
    from seaformer_edge.sources.picamera import ribbon_cameras

    try:
        cameras = ribbon_cameras()
    except SourceError:
        return []
    return [SourceInfo("picamera", str(cameras[0].get("Model", "camera")), ())] if cameras else []
