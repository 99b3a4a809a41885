"""A recording as a series of files: a new one after some minutes, and the oldest ones removed."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from typing import Self

from seaformer_edge.sinks.base import LowDiskError, writing
from seaformer_edge.sinks.encoder import Picture
from seaformer_edge.sinks.video import VideoFile

CHECK_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class Series:
    """How a recording is split.

    Attributes:
        file_s: seconds of each file.
        max_bytes: of all files of the series, also of earlier runs: beyond that, the oldest are
            removed. A file also ends at a quarter of it. None keeps all.
    """

    file_s: float
    max_bytes: int | None = None


class VideoSeries:
    """Writes `NAME-20261224-180000.mp4` and so on beside each other, named after their beginning.

    Used as a live `VideoFile`.

    Args:
        path: NAME.mp4, with the suffix of the format.
        series: how to split it.
        codec: as for `VideoFile`.

    Attributes:
        path: the current file.
        pixel_aspect: as of `VideoFile`.

    Raises:
        SinkError: the suffix is unknown, or a file cannot be written or removed. `write` and
            `close` raise it too.
    """

    def __init__(self, path: Path, series: Series, *, codec: str | None = None) -> None:
        self._template = path
        self._series = series
        self._codec = codec
        self.pixel_aspect = Fraction(1)
        self._file = self._next()
        self._begun_s: float | None = None  # None before the first picture
        self._checked_s = 0.0
        self._is_full = False

    @property
    def path(self) -> Path:
        return self._file.path

    def write(self, picture: Picture, time_s: float) -> None:
        """Adds a picture to be shown at `time_s`, in seconds."""
        if self._begun_s is None:
            self._begun_s = time_s
        elif time_s - self._begun_s >= self._series.file_s or self._is_full:
            self._file.close()
            self._file = self._next()
            self._begun_s = time_s
            self._is_full = False
        self._file.pixel_aspect = self.pixel_aspect
        self._file.write(picture, time_s)
        max_bytes = self._series.max_bytes
        if max_bytes is not None and time_s - self._checked_s >= CHECK_INTERVAL_S:
            self._checked_s = time_s
            self._is_full = self._remove_oldest(max_bytes) > max_bytes / 4

    def close(self) -> None:
        """Finishes the current file. May be called twice."""
        self._file.close()

    def discard(self) -> None:
        """Ends after a failure; what was recorded is kept."""
        self._file.discard()

    def _next(self) -> VideoFile:
        now = datetime.now().strftime("%Y%m%d-%H%M%S")
        stems = chain([now], (f"{now}-{i}" for i in count(2)))
        paths = (self._template.with_stem(f"{self._template.stem}-{stem}") for stem in stems)
        with writing(self._template):
            path = next(path for path in paths if not path.exists())
        return VideoFile(path, live=True, codec=self._codec)

    def _remove_oldest(self, max_bytes: int) -> int:
        """Removes the oldest files until the series fits; returns the size of the current one."""
        stem, suffix = re.escape(self._template.stem), re.escape(self._template.suffix)
        name = re.compile(rf"{stem}-\d{{8}}-\d{{6}}(-\d+)?{suffix}", re.ASCII)
        sizes: dict[Path, int] = {}
        with writing(self._template):
            files = []
            for path in self._template.absolute().parent.iterdir():
                # The user may move a file away meanwhile.
                with suppress(FileNotFoundError):
                    if name.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                        status = path.stat()
                        files.append((status.st_mtime_ns, path))
                        sizes[path] = status.st_size
            current = self._file.path.absolute()
            total = sum(sizes.values())
            for _, path in sorted(files):
                if total <= max_bytes:
                    break
                if path != current:
                    path.unlink(missing_ok=True)
                    total -= sizes[path]
        return sizes.get(current, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None or issubclass(kind, LowDiskError):
            self.close()
        else:
            self.discard()
