"""Picture files as frames."""

from __future__ import annotations

import logging
import math
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
from seaformer_edge.sources.heif import is_heif, read_heif
from seaformer_edge.sources.picture_size import check_size, size_in_header

# fmt: off
PICTURE_SUFFIXES = frozenset({
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pgm",
    ".png", ".ppm", ".tif", ".tiff", ".webp",
})
# fmt: on
# Formats of several pages or frames.
_MAY_HAVE_PAGES = frozenset({".avif", ".gif", ".png", ".tif", ".tiff", ".webp"})
# Pictures have no timestamps; 25 per second is usual for numbered image sequences.
SEQUENCE_RATE = Fraction(25)

log = logging.getLogger(__name__)


class PictureSource(FrameSource):
    """Picture files in the order given.

    Pictures are rotated by their EXIF orientation; grey becomes RGB, alpha is dropped, and 16 bits
    are scaled to 8. A picture that cannot be read is skipped and counted as lost. Of several pages
    or frames the first is read, with a message.
    """

    frame_rate = SEQUENCE_RATE
    _begin_s = 0.0

    def __init__(self, paths: Sequence[Path], name: str) -> None:
        self.name = name
        self.files = tuple(paths)
        self._file_names = _names(self.files)
        self.frame_count = len(self.files)
        reason: SourceError | None = None
        for path in self.files:
            try:
                first = _read(path)
            except SourceError as error:
                reason = reason or error
            else:
                self.frame_size = (first.shape[1], first.shape[0])
                return
        raise SourceError(f"{name}: no picture that can be read ({reason})")

    def __iter__(self) -> Iterator[Frame]:
        self.lost_frames, self.exhausted = 0, False
        before = math.ceil(round(self._begin_s * SEQUENCE_RATE, 6)) - 1
        first = min(max(before, 0), len(self.files) - 1)
        for index in range(first, -1, -1):  # usually one
            if (frame := self._frame(index)) is not None:
                yield frame
                break
        for index in range(first + 1, len(self.files)):
            if (frame := self._frame(index)) is not None:
                yield frame
        self.exhausted = True

    def begin_near(self, time_s: float) -> None:
        self._begin_s = time_s

    def _frame(self, index: int) -> Frame | None:
        """The frame of a file; None, with a message, if it cannot be read."""
        path = self.files[index]
        try:
            image = _read(path)
        except SourceError as error:
            log.warning("%s; skipped", error)
            self.lost_frames += 1
            return None
        if (pages := _page_count(path)) > 1:
            log.warning("%s: only the first of its %d pictures is read", path, pages)
        return Frame(image, index, float(index / SEQUENCE_RATE), self._file_names[index])


def _read(path: Path) -> NDArray[np.uint8]:
    """The picture as (H, W, 3) uint8 RGB. Raises SourceError."""
    try:
        data = path.read_bytes()
        check_size(path, size_in_header(data))
        if is_heif(data):
            return read_heif(path, data)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except (OSError, cv2.error):  # cv2.error: for example an empty file
        image = None
    if image is None:
        raise SourceError(f"{path}: cannot be read")
    return np.ascontiguousarray(image, dtype=np.uint8)


def _page_count(path: Path) -> int:
    """The number of pages or frames of a picture that OpenCV has read."""
    if path.suffix.lower() not in _MAY_HAVE_PAGES:
        return 1
    try:
        str(path).encode()  # OpenCV crashes on a path that is not UTF-8
        return cv2.imcount(str(path))
    except (cv2.error, UnicodeError):
        return 1


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
