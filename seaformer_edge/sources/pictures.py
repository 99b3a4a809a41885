"""Picture files as frames."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource

PICTURE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
# Pictures have no timestamps; 25 per second is usual for numbered image sequences.
SEQUENCE_RATE = Fraction(25)

log = logging.getLogger(__name__)


class PictureSource(FrameSource):
    """Picture files in the order given.

    Pictures are rotated by their EXIF orientation; grey becomes RGB, alpha is dropped, and 16 bits
    are scaled to 8. A picture that cannot be read is skipped and counted as lost.
    """

    frame_rate = SEQUENCE_RATE

    def __init__(self, paths: Sequence[Path], name: str) -> None:
        self.name = name
        self.files = tuple(paths)
        self.frame_count = len(self.files)
        for path in self.files:
            first = _read(path)
            if first is not None:
                self.frame_size = (first.shape[1], first.shape[0])
                return
        raise SourceError(f"{name}: no picture that can be read")

    def __iter__(self) -> Iterator[Frame]:
        self.lost_frames, self.exhausted = 0, False
        for index, (path, name) in enumerate(zip(self.files, _names(self.files), strict=True)):
            image = _read(path)
            if image is None:
                log.warning("%s: cannot be read; skipped", path)
                self.lost_frames += 1
            else:
                yield Frame(image, index, float(index / SEQUENCE_RATE), name)
        self.exhausted = True


def _read(path: Path) -> NDArray[np.uint8] | None:
    """The picture as (H, W, 3) uint8 RGB; None if it cannot be read."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    except (OSError, cv2.error):  # cv2.error: an empty file, or too many pixels for OpenCV
        return None
    return None if image is None else np.ascontiguousarray(image, dtype=np.uint8)


def _names(paths: Sequence[Path]) -> list[str]:
    """Distinct names for the results: stems, else relative paths without or with the suffix."""
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    top = os.path.commonpath([path.parent for path in paths])
    relative = [path.relative_to(top) for path in paths]
    shorter = [path.with_suffix("").as_posix() for path in relative]
    if len(set(shorter)) == len(shorter):
        return shorter
    return [path.as_posix() for path in relative]
