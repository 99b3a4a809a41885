"""Reading of pictures and of label files. Imports no torch."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seaformer_edge.errors import SourceError

PNG_HEADER = 26
"""Bytes up to the bits a pixel and the kind of pixel."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB.

    Raises:
        SourceError: it cannot be read.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise SourceError(f"{path}: cannot be read as a picture")
    return np.asarray(image, dtype=np.uint8)


def read_ids(path: Path) -> NDArray[np.uint8]:
    """(H, W) uint8 label ids as stored; of a PNG with a palette the indices.

    Raises:
        SourceError: it cannot be read, or has several channels or more than 8 bits.
    """
    try:
        # OpenCV would return the colours of a palette.
        with Image.open(path) as picture:
            mode, stored = picture.mode, np.asarray(picture)
        with path.open("rb") as file:
            header = file.read(PNG_HEADER)
    except Exception as error:  # Pillow's readers raise many kinds
        raise SourceError(f"{path}: cannot be read as a picture ({error})") from error
    if mode not in ("1", "L", "P"):
        raise SourceError(f"{path}: a label has one channel of 8 bits, not {mode}")
    bits = header[24] if header.startswith(b"\x89PNG") else 8
    if mode == "L" and bits < 8:  # Pillow spreads them over 0 to 255
        stored = stored // (255 // (2**bits - 1))
    return stored.astype(np.uint8, copy=False)
