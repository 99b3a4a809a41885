"""What Linux tells of its cameras, without turning one on: sysfs and V4L2's own questions.

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
_VIDEO_CAPTURE = 0x1  # both a buffer type and a capability
_HAS_DEVICE_CAPS = 0x80000000
_DISCRETE = 1
# A Raspberry Pi's image pipeline shows as a dozen nodes that no one can open as a camera.
_NOT_CAMERAS = ("bcm2835", "pispbe", "rp1-cfe", "rpi-", "rpivid", "unicam")
# What a camera without end could answer must end here.
_MAX_ENTRIES = 64


def cameras() -> list[SourceInfo]:
    """The cameras of this machine in the order of their numbers, with what they offer."""
    found = []
    for number, name in _nodes():
        try:
            device = _opened(number)
        except OSError:  # just unplugged, or not this user's to read
            continue
        try:
            if _is_camera(device):
                found.append(SourceInfo(number, name, tuple(_modes(device))))
        except OSError:
            pass
        finally:
            os.close(device)
    return found


def unopenable() -> Iterator[SourceInfo]:
    """What has a name but cannot be opened, and so may be a camera, just not this user's."""
    for number, name in _nodes():
        try:
            os.close(_opened(number))
        except OSError:
            yield SourceInfo(number, name, ())


def _nodes() -> Iterator[tuple[str, str]]:
    """Numbers, in their order, and names."""
    for node in sorted(SYSFS.glob("video*"), key=lambda node: int(node.name[len("video") :])):
        try:
            name = (node / "name").read_text().strip()
        except OSError:  # just unplugged
            continue
        yield node.name.removeprefix("video"), name


def _opened(number: str) -> int:
    return os.open(DEVICES / f"video{number}", os.O_RDWR | os.O_NONBLOCK)


def _is_camera(device: int) -> bool:
    answer = bytearray(104)
    fcntl.ioctl(device, _QUERYCAP, answer)
    driver = answer[:16].split(b"\0")[0].decode(errors="replace")
    capabilities, of_device = struct.unpack_from("=II", answer, 84)
    if capabilities & _HAS_DEVICE_CAPS:
        capabilities = of_device
    return bool(capabilities & _VIDEO_CAPTURE) and not driver.startswith(_NOT_CAMERAS)


def _modes(device: int) -> list[VideoMode]:
    """Sizes, largest first, each with the rates of the format that has the highest."""
    rates: dict[tuple[int, int], set[float]] = {}
    for index in range(_MAX_ENTRIES):
        question = struct.pack("=II", index, _VIDEO_CAPTURE)
        answer = _ask(device, _ENUM_FMT, question, 64)
        if answer is None:
            break
        (pixel_format,) = struct.unpack_from("=I", answer, 44)
        for width, height in _sizes(device, pixel_format):
            rates.setdefault((width, height), set()).update(
                _rates(device, pixel_format, width, height)
            )
    sizes = sorted(rates, key=lambda size: (-size[0] * size[1], size))
    return [VideoMode(*size, tuple(sorted(rates[size], reverse=True))) for size in sizes]


def _sizes(device: int, pixel_format: int) -> Iterator[tuple[int, int]]:
    for index in range(_MAX_ENTRIES):
        question = struct.pack("=II", index, pixel_format)
        answer = _ask(device, _ENUM_FRAMESIZES, question, 44)
        if answer is None:
            return
        kind, *numbers = struct.unpack_from("=I6I", answer, 8)
        if kind == _DISCRETE:
            yield numbers[0], numbers[1]
        else:  # min, max and step of the width, then of the height: any size up to the largest
            yield numbers[1], numbers[4]
            return


def _rates(device: int, pixel_format: int, width: int, height: int) -> Iterator[float]:
    for index in range(_MAX_ENTRIES):
        question = struct.pack("=IIII", index, pixel_format, width, height)
        answer = _ask(device, _ENUM_FRAMEINTERVALS, question, 52)
        if answer is None:
            return
        kind, numerator, denominator = struct.unpack_from("=III", answer, 16)
        if numerator:  # an interval, seconds as a fraction; of a range, the shortest
            yield round(denominator / numerator, 2)
        if kind != _DISCRETE:
            return


def _ask(device: int, request: int, question: bytes, size: int) -> bytearray | None:
    """The driver's answer; None where its list has ended."""
    answer = bytearray(question.ljust(size, b"\0"))
    try:
        fcntl.ioctl(device, request, answer)
    except OSError:
        return None
    return answer
