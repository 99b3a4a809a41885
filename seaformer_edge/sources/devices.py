"""USB and built-in cameras: lists them, and finds one by number, device or name."""

from __future__ import annotations

import os
import re
import sys
from itertools import chain
from pathlib import Path

from seaformer_edge.errors import SourceError
from seaformer_edge.sources.camera import CameraSource
from seaformer_edge.sources.info import SourceInfo

if sys.platform == "linux":
    from seaformer_edge.sources import v4l2

# macOS and Windows have no list of their cameras for us; these numbers are tried.
PROBED_NUMBERS = 4


def list_cameras() -> list[SourceInfo]:
    """The cameras that OpenCV can open.

    On Linux without turning them on; elsewhere each is opened for a moment.
    """
    return v4l2.cameras() if sys.platform == "linux" else _probe_cameras()


def find_camera(text: str) -> SourceInfo | None:
    """The camera with this number or device path; on Linux also the first with `text` in its name.

    A device path may be a link, such as udev's /dev/v4l/by-id/... Numbers and paths are not
    checked here, and a name may be that of a camera this user may not open: opening it fails then.
    """
    if text.isdecimal():
        return SourceInfo(text, f"camera {text}", ())
    device = _link_target(text)
    if device.startswith("/dev/video"):
        return SourceInfo(device.removeprefix("/dev/video"), text, ())
    if sys.platform != "linux":  # no names there
        return None
    named = chain(list_cameras(), v4l2.unopenable())
    return next((camera for camera in named if text.lower() in camera.name.lower()), None)


def names_camera(text: str) -> bool:
    """Whether `text` names a camera. A device path does, even while the device is unplugged."""
    return text.startswith(("/dev/video", "/dev/v4l/")) or find_camera(text) is not None


def open_camera(text: str) -> CameraSource:
    """Opens the camera that `text` names.

    Raises:
        SourceError: there is no such camera, or it cannot be opened.
    """
    camera = find_camera(text)
    if camera is None or not re.fullmatch(r"[0-9]{1,6}", camera.spec):
        raise SourceError(f"{text}: no such camera; seaformer-edge demo --list-sources lists them")
    return CameraSource(int(camera.spec), camera.name)


def _link_target(text: str) -> str:
    """The path behind all links; `text` itself if it cannot be a path."""
    try:
        return os.path.realpath(Path(text).expanduser())
    except (OSError, RuntimeError, ValueError):  # for example "~nobody", or a zero byte
        return text


def _probe_cameras() -> list[SourceInfo]:
    found = []
    for number in range(PROBED_NUMBERS):
        try:
            with CameraSource(number, f"camera {number}") as camera:
                found.append(SourceInfo.of(camera, str(number), camera.name))
        except SourceError:
            pass
    return found
