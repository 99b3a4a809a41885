"""USB and built-in cameras: lists them, and finds one by number, device or name."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from seaformer_edge.errors import SourceError
from seaformer_edge.sources.camera import CameraSource
from seaformer_edge.sources.camera_settings import AS_IT_IS, CameraSettings
from seaformer_edge.sources.info import SourceInfo

if sys.platform == "linux":
    from seaformer_edge.sources import v4l2

# macOS and Windows have no list of their cameras for us; these numbers are tried.
PROBED_NUMBERS = 4
PREFIX = "camera:"


def list_cameras() -> list[SourceInfo]:
    """The cameras that OpenCV can open.

    On Linux without turning them on; elsewhere each is opened for a moment.
    """
    return v4l2.cameras() if sys.platform == "linux" else _probe_cameras()


def find_camera(text: str) -> SourceInfo | None:
    """The camera with this number or device path.

    A device path may be a link, such as udev's /dev/v4l/by-id/... Neither is checked here: opening
    the camera may fail.
    """
    if text.isdecimal():
        return SourceInfo(text, f"camera {text}", ())
    device = _link_target(text)
    if device.startswith("/dev/video"):
        return SourceInfo(device.removeprefix("/dev/video"), text, ())
    return None


def find_named_camera(name: str) -> SourceInfo | None:
    """The camera with this name, in any case; else the first with it in its name.

    It may be one that this user may not open.
    """
    name = name.strip().lower()
    cameras = [*list_cameras(), *(v4l2.unopenable() if sys.platform == "linux" else ())]
    named = [camera for camera in cameras if name and name in camera.name.lower()]
    return next((c for c in named if c.name.lower() == name), named[0] if named else None)


def names_camera(text: str) -> bool:
    """Whether `text` names a camera. A device path does, even while the device is unplugged."""
    return text.startswith(("/dev/video", "/dev/v4l/")) or find_camera(text) is not None


def open_camera(text: str, settings: CameraSettings = AS_IT_IS) -> CameraSource:
    """Opens the camera with this number or device path, or the name after `camera:`.

    Raises:
        SourceError: there is no such camera, or it cannot be opened.
    """
    is_name = text.startswith(PREFIX)
    camera = find_named_camera(text.removeprefix(PREFIX)) if is_name else find_camera(text)
    if camera is None or not re.fullmatch(r"[0-9]{1,6}", camera.spec):
        raise SourceError(f"{text}: no such camera; seaformer-edge demo --list-sources lists them")
    return CameraSource(int(camera.spec), camera.name, settings)


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
