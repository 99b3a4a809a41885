"""The size of a picture as its header says, so that none is decoded that takes all memory."""

from __future__ import annotations

import re
import struct

from seaformer_edge.errors import SourceError

MAX_PIXELS = 64_000_000
"""A decoded picture, its labels and its result take about ten bytes a pixel."""

_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def check_size(name: object, size: tuple[int, int]) -> None:
    """Raises SourceError if a picture of `size` (width, height) has too many pixels."""
    width, height = size
    if width * height > MAX_PIXELS:
        raise SourceError(
            f"{name}: {width}x{height} pixels, more than {MAX_PIXELS / 1e6:.0f} million;"
            " make it smaller first"
        )


def size_in_header(data: bytes) -> tuple[int, int]:
    """(width, height) of a picture file; (0, 0) if the format or its header is not understood."""
    try:
        return _size(data)
    except (struct.error, IndexError, ValueError, KeyError):
        return 0, 0


def _size(data: bytes) -> tuple[int, int]:
    if data.startswith(b"\x89PNG"):
        return _pair(">II", data, 16)
    if data.startswith(b"GIF8"):
        return _pair("<HH", data, 6)
    if data.startswith(b"BM"):
        width, height = _pair("<HH" if data[14] == 12 else "<ii", data, 18)
        return width, abs(height)  # negative if the first row is the topmost
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size(data)
    if data[8:12] == b"WEBP":
        return _webp_size(data)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_size(data)
    if data[4:8] == b"ftyp":  # AVIF and HEIC: parts and the whole have a box each
        sizes = [_pair(">II", data, box.end() + 4) for box in re.finditer(b"ispe", data[:65536])]
        return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    if data[4:8] == b"jP  ":
        return _pair(">II", data, data.index(b"ihdr") + 4)[::-1]
    if data.startswith(b"\xff\x4f\xff\x51"):  # JPEG 2000 without a container
        return _pair(">II", data, 8)
    if header := re.match(rb"P[1-6]\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s+(\d{1,9})", data):
        return int(header[1]), int(header[2])
    return 0, 0


def _pair(layout: str, data: bytes, offset: int) -> tuple[int, int]:
    first, second = struct.unpack_from(layout, data, offset)
    return int(first), int(second)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while data[at] == 0xFF:
        if data[at + 1] in _JPEG_FRAMES:
            return _pair(">HH", data, at + 5)[::-1]
        if data[at + 1] == 0xFF:  # filling
            at += 1
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return 0, 0


def _webp_size(data: bytes) -> tuple[int, int]:
    if len(data) < 30:
        return 0, 0
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return width + 1, height + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = _pair("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _tiff_size(data: bytes) -> tuple[int, int]:
    order = "<" if data[:1] == b"I" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    values = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        values[tag] = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", data, entry + 8)[0]
    return values[256], values[257]
