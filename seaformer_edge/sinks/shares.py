"""The classes of every frame as a table: CSV or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from seaformer_edge.errors import SinkError
from seaformer_edge.frame import Frame, Segmentation
from seaformer_edge.sinks.base import ResultSink, check_file, partial_name, writing
from seaformer_edge.sources.base import FrameSource

TABLE_SUFFIXES = frozenset({".csv", ".jsonl"})
COLUMNS = ("frame", "name", "timestamp_s", "class_id", "class", "share", "confidence")


class ClassShares(ResultSink):
    """CSV with one row for each class of each frame, or JSON lines with one line for each frame.

    The table appears under its name when it is closed.
    """

    def __init__(self, path: Path, source: FrameSource, *, overwrite: bool = False) -> None:
        if path.suffix.lower() not in TABLE_SUFFIXES:
            raise SinkError(f"{path}: a table of classes ends in .csv or .jsonl")
        check_file(path, inputs=source.files, overwrite=overwrite)
        self.path = path
        self._partial = partial_name(path)
        self._file: TextIO | None = None

    def write(self, frame: Frame, segmentation: Segmentation) -> None:
        with self._whole_or_not():
            file = self._file or self._open()
            if self.path.suffix.lower() == ".csv":
                csv.writer(file).writerows(_rows(frame, segmentation))
            else:
                file.write(json.dumps(_record(frame, segmentation), ensure_ascii=False) + "\n")

    def close(self) -> None:
        if self._file is not None:
            with self._whole_or_not():
                self._file.close()
                self._partial.replace(self.path)
            self._file = None

    @contextmanager
    def _whole_or_not(self) -> Iterator[None]:
        """After a failure to write, what was written is let go."""
        with writing(self.path):
            try:
                yield
            except OSError:
                if self._file is not None:
                    with suppress(OSError):  # there may still be rows waiting for the full disk
                        self._file.close()
                    self._file = None
                    self._partial.unlink(missing_ok=True)
                raise

    def _open(self) -> TextIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._partial.open("w", encoding="utf-8", newline="")
        if self.path.suffix.lower() == ".csv":
            csv.writer(self._file).writerow(COLUMNS)
        return self._file


def _rows(frame: Frame, segmentation: Segmentation) -> list[tuple[object, ...]]:
    time = round(frame.timestamp_s, 6)
    return [
        (
            frame.index,
            frame.name or "",
            time,
            seen.class_id,
            seen.name,
            f"{seen.share:.6f}",
            f"{seen.confidence:.4f}",
        )
        for seen in segmentation.classes
    ]


def _record(frame: Frame, segmentation: Segmentation) -> dict[str, object]:
    return {
        "frame": frame.index,
        "name": frame.name,
        "timestamp_s": round(frame.timestamp_s, 6),
        "classes": [
            {
                "class_id": seen.class_id,
                "class": seen.name,
                "share": round(seen.share, 6),
                "confidence": round(seen.confidence, 4),
            }
            for seen in segmentation.classes
        ],
    }
