"""Reading of pictures and of label files. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from seaformer_edge.errors import SourceError

PNG_HEADER = 26
"""Length in bytes of a PNG's beginning, up to and including its colour type."""

EXIF_ORIENTATION = 0x0112
JPEG_END = b"\xff\xd9"


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB.

    Raises:
        SourceError: it cannot be read.
    """
    try:  # OpenCV crashes on a path that is not UTF-8
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
    except (OSError, cv2.error):  # cv2.error: an empty file, or too many pixels for OpenCV
        image = None
    if image is None:
        raise SourceError(f"{path}: cannot be read as a picture")
    return np.asarray(image, dtype=np.uint8)


@dataclass(frozen=True)
class Colours:
    """The label id that each colour of a colour mask stands for.

    Attributes:
        packed: (N,) uint32 colours in rising order, as red << 16 | green << 8 | blue.
        ids: (N,) uint8.
        in_palettes: masks with a palette are colour masks too, if all their colours are known.
    """

    packed: NDArray[np.uint32]
    ids: NDArray[np.uint8]
    in_palettes: bool = False

    @classmethod
    def of(cls, ids: Mapping[tuple[int, int, int], int], in_palettes: bool = False) -> Colours:
        """From RGB colours 0..255 to label ids."""
        rows = sorted((r << 16 | g << 8 | b, label) for (r, g, b), label in ids.items())
        return cls(
            np.array([row[0] for row in rows], np.uint32),
            np.array([row[1] for row in rows], np.uint8),
            in_palettes,
        )

    def lookup(self, packed: NDArray[np.uint32]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The id of every pixel, and whether its colour is known; both of the given shape."""
        places = np.minimum(np.searchsorted(self.packed, packed), len(self.packed) - 1)
        return self.ids[places], self.packed[places] == packed


def read_label(
    path: Path, colours: Colours | None = None
) -> NDArray[np.uint8] | NDArray[np.uint32]:
    """(H, W) uint8 label ids as stored, of a palette the indices; or uint32 packed RGB colours.

    Args:
        colours: decide whether a palette's colours count in place of its indices.

    Raises:
        SourceError: it cannot be read, or holds an id above 255.
    """
    try:
        # OpenCV would return the colours of a palette.
        with Image.open(path) as picture:
            mode, stored = picture.mode, np.asarray(picture)
            palette = np.array(picture.getpalette("RGB") or [], np.uint32).reshape(-1, 3)
        with path.open("rb") as file:
            header = file.read(PNG_HEADER)
    except UnidentifiedImageError as error:
        raise SourceError(f"{path}: cannot be read as a picture") from error
    except Exception as error:  # Pillow's readers raise many kinds
        raise SourceError(f"{path}: cannot be read as a picture ({error})") from error
    bits = header[24] if header.startswith(b"\x89PNG") else 8
    if bits == 16 and mode in ("LA", "RGB", "RGBA"):  # of which Pillow keeps the upper half
        data = np.frombuffer(path.read_bytes(), np.uint8)
        mode, stored = "RGB", np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))[..., 2::-1]
        stored = stored if stored.max() < 256 else stored // 256
    if mode in ("LA", "PA"):
        stored = stored[..., 0]
    elif mode in ("RGB", "RGBA"):
        return _packed(stored)
    elif mode not in ("1", "L", "P", "I", "I;16", "I;16B"):
        raise SourceError(f"{path}: {mode} pixels are no class ids: save the mask as a grey PNG")
    if mode == "P" and colours is not None and colours.in_palettes and stored.max() < len(palette):
        packed = _packed(palette)[stored]
        if colours.lookup(packed)[1].all():
            return packed
    if mode.startswith("I;16") and set(np.unique(stored)) == {0, 65535}:  # of two classes
        stored = stored >> 8
    if stored.size and (stored.min() < 0 or stored.max() > 255):
        raise SourceError(f"{path}: id {int(stored.max())}; ids are 0 to 255")
    if mode == "L" and bits < 8:  # Pillow spreads them over 0 to 255
        stored = stored // (255 // (2**bits - 1))
    return stored.astype(np.uint8, copy=False)


def _packed(rgb: NDArray[Any]) -> NDArray[np.uint32]:
    """(..., 3 or 4) colours to (...) uint32."""
    red, green, blue = (rgb[..., i].astype(np.uint32) for i in range(3))
    return np.asarray(red << 16 | green << 8 | blue, np.uint32)


def is_grey(packed: NDArray[np.uint32]) -> bool:
    """Whether red, green and blue are equal in every pixel."""
    return bool(np.all(packed == (packed & 255) * 0x010101))


def read_ids(path: Path, colours: Colours | None = None) -> NDArray[np.uint8]:
    """(H, W) uint8 label ids as stored; of a PNG with a palette the indices.

    Args:
        colours: of RGB masks; None: an RGB mask must be grey, and its grey values are the ids.

    Raises:
        SourceError: it cannot be read, holds an id above 255 or a colour that is not in `colours`.
    """
    stored = read_label(path, colours)
    if stored.dtype == np.uint8:
        return stored  # type: ignore[return-value]
    packed = stored.astype(np.uint32, copy=False)
    if colours is None:
        if is_grey(packed):
            return (packed & 255).astype(np.uint8)
        raise SourceError(f"{path}: a colour mask; list its colours as palette in the class list")
    ids, known = colours.lookup(packed)
    if not known.all():
        raise SourceError(f"{path}: {colour_text(int(packed[~known][0]))} belongs to no class")
    return ids


def colour_text(packed: int) -> str:
    return f"colour ({packed >> 16}, {packed >> 8 & 255}, {packed & 255})"


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) as `read_picture` returns it; a JPEG that ends as it should is not decoded.

    Raises:
        SourceError: it cannot be read, or a part of it is missing.
    """
    try:
        picture = Image.open(path)
    except Exception:  # Pillow's readers raise many kinds; OpenCV reads more kinds of TIFF
        height, width = read_picture(path).shape[:2]
        return height, width
    with picture:
        try:
            turned = picture.getexif().get(EXIF_ORIENTATION, 1) >= 5
            if picture.format != "JPEG" or JPEG_END not in _tail(path):
                picture.load()
        except Exception as error:
            raise SourceError(f"{path}: cannot be read as a picture ({error})") from error
        width, height = picture.size
    if turned:
        height, width = read_picture(path).shape[:2]
    return height, width


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(file.tell() - 1024, 0))
        return file.read()
