"""Lists the cameras of Linux without turning them on, through sysfs and V4L2's ioctls.

Numbers and layouts are those of linux/videodev2.h, which are the same on every architecture.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from seaformer_edge.sources.info import SourceInfo, VideoMode

SYSFS = Path("/sys/class/video4linux")
DEVICES = Path("/dev")

_QUERYCAP = 0x80685600
_ENUM_FMT = 0xC0405602
_ENUM_FRAMESIZES = 0xC02C564A
_ENUM_FRAMEINTERVALS = 0xC034564B
_QUERYCTRL = 0xC0445624
_CONTROL_DISABLED = 0x1
_VIDEO_CAPTURE = 0x1  # both a buffer type and a capability
_HAS_DEVICE_CAPS = 0x80000000
_DISCRETE = 1
# The image pipeline of a Raspberry Pi appears as a dozen nodes that are not usable as cameras.
_NOT_CAMERAS = ("bcm2835", "pispbe", "rp1-cfe", "rpi-", "rpivid", "unicam")
# Limits every enumeration, in case a broken driver never ends it.
_MAX_ENTRIES = 64


def cameras() -> list[SourceInfo]:
    """The cameras of this machine, ordered by number, with their modes."""
    found = []
    for number, name in _nodes():
        try:
            device = _open(number)
        except OSError:  # just unplugged, or this user may not read it
            continue
        try:
            if _is_camera(device):
                found.append(SourceInfo(number, name, tuple(_modes(device))))
        except OSError:
            pass
        finally:
            os.close(device)
    return found


def control_range(number: int, control: int) -> tuple[int, int] | None:
    """The lowest and highest value of a control, V4L2_CID_...; None if the camera lacks it."""
    try:
        device = _open(str(number))
    except OSError:
        return None
    try:
        reply = _query(device, _QUERYCTRL, struct.pack("=I", control), 68)
    finally:
        os.close(device)
    if reply is None:
        return None
    low, high, _, _, flags = struct.unpack_from("=iiiiI", reply, 40)
    return None if flags & _CONTROL_DISABLED else (low, high)


def unopenable() -> Iterator[SourceInfo]:
    """Devices that this user cannot open, and that may be cameras."""
    for number, name in _nodes():
        try:
            os.close(_open(number))
        except OSError:
            yield SourceInfo(number, name, ())


def _nodes() -> Iterator[tuple[str, str]]:
    """The number and name of each device, ordered by number."""
    for node in sorted(SYSFS.glob("video*"), key=lambda node: int(node.name[len("video") :])):
        try:
            name = (node / "name").read_text().strip()
        except OSError:  # just unplugged
            continue
        yield node.name.removeprefix("video"), name


def _open(number: str) -> int:
    return os.open(DEVICES / f"video{number}", os.O_RDWR | os.O_NONBLOCK)


def _is_camera(device: int) -> bool:
    reply = bytearray(104)
    fcntl.ioctl(device, _QUERYCAP, reply)
    driver = reply[:16].split(b"\0")[0].decode(errors="replace")
    capabilities, of_device = struct.unpack_from("=II", reply, 84)
    if capabilities & _HAS_DEVICE_CAPS:
        capabilities = of_device
    return bool(capabilities & _VIDEO_CAPTURE) and not driver.startswith(_NOT_CAMERAS)


def _modes(device: int) -> list[VideoMode]:
    """Frame sizes, largest first, each with the rates of all pixel formats."""
    rates: dict[tuple[int, int], set[float]] = {}
    for index in range(_MAX_ENTRIES):
        request = struct.pack("=II", index, _VIDEO_CAPTURE)
        reply = _query(device, _ENUM_FMT, request, 64)
        if reply is None:
            break
        (pixel_format,) = struct.unpack_from("=I", reply, 44)
        for width, height in _sizes(device, pixel_format):
            rates.setdefault((width, height), set()).update(
                _rates(device, pixel_format, width, height)
            )
    sizes = sorted(rates, key=lambda size: (-size[0] * size[1], size))
    return [VideoMode(*size, tuple(sorted(rates[size], reverse=True))) for size in sizes]


def _sizes(device: int, pixel_format: int) -> Iterator[tuple[int, int]]:
    for index in range(_MAX_ENTRIES):
        request = struct.pack("=II", index, pixel_format)
        reply = _query(device, _ENUM_FRAMESIZES, request, 44)
        if reply is None:
            return
        kind, *numbers = struct.unpack_from("=I6I", reply, 8)
        if kind == _DISCRETE:
            yield numbers[0], numbers[1]
        else:  # min, max and step of the width, then of the height: any size up to the largest
            yield numbers[1], numbers[4]
            return


def _rates(device: int, pixel_format: int, width: int, height: int) -> Iterator[float]:
    for index in range(_MAX_ENTRIES):
        request = struct.pack("=IIII", index, pixel_format, width, height)
        reply = _query(device, _ENUM_FRAMEINTERVALS, request, 52)
        if reply is None:
            return
        kind, numerator, denominator = struct.unpack_from("=III", reply, 16)
        if numerator:  # the frame interval as a fraction of a second; the shortest of a range
            yield round(denominator / numerator, 2)
        if kind != _DISCRETE:
            return


def _query(device: int, code: int, request: bytes, size: int) -> bytearray | None:
    """The driver's reply of `size` bytes; None at the end of an enumeration."""
    reply = bytearray(request.ljust(size, b"\0"))
    try:
        fcntl.ioctl(device, code, reply)
    except OSError:
        return None
    return reply
