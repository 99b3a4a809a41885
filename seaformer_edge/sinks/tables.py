"""The classes of every frame as a table: CSV or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, TextIO

from seaformer_edge.errors import SinkError
from seaformer_edge.frame import Classification, Frame, Result, Segmentation
from seaformer_edge.sinks.base import ResultSink, check_file, partial_name, writing
from seaformer_edge.sources.base import FrameSource

TABLE_SUFFIXES = frozenset({".csv", ".jsonl"})


class ClassTable(ResultSink[Result]):
    """CSV with one row for each class of each frame, or JSON lines with one line for each frame.

    The table appears under its name when it is closed.

    Attributes:
        figures: what is told of a class besides its id and name, and to how many decimals.
    """

    figures: ClassVar[dict[str, int]]

    def __init__(self, path: Path, source: FrameSource, *, overwrite: bool = False) -> None:
        if path.suffix.lower() not in TABLE_SUFFIXES:
            raise SinkError(f"{path}: a table of classes ends in .csv or .jsonl")
        check_file(path, inputs=source.files, overwrite=overwrite)
        self.path = path
        self._partial = partial_name(path)
        self._file: TextIO | None = None

    def write(self, frame: Frame, result: Result) -> None:
        with self._whole_or_not():
            file = self._file or self._open()
            if self.path.suffix.lower() == ".csv":
                csv.writer(file).writerows(self._rows(frame, result))
            else:
                file.write(json.dumps(self._record(frame, result), ensure_ascii=False) + "\n")

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
            columns = ("frame", "name", "timestamp_s", "class_id", "class", *self.figures)
            csv.writer(self._file).writerow(columns)
        return self._file

    def _rows(self, frame: Frame, result: Result) -> list[tuple[object, ...]]:
        time = round(frame.timestamp_s, 6)
        rows: list[tuple[object, ...]] = []
        for seen in result.classes:
            figures: list[str] = [
                f"{getattr(seen, name):.{places}f}" for name, places in self.figures.items()
            ]
            rows.append((frame.index, frame.name or "", time, seen.class_id, seen.name, *figures))
        return rows

    def _record(self, frame: Frame, result: Result) -> dict[str, object]:
        classes: list[dict[str, object]] = []
        for seen in result.classes:
            figures = {n: round(getattr(seen, n), places) for n, places in self.figures.items()}
            classes.append({"class_id": seen.class_id, "class": seen.name, **figures})
        return {
            "frame": frame.index,
            "name": frame.name,
            "timestamp_s": round(frame.timestamp_s, 6),
            "classes": classes,
        }


class ClassShares(ClassTable[Segmentation]):
    """The classes present in each frame, largest share first."""

    figures: ClassVar = {"share": 6, "confidence": 4}


class ClassScores(ClassTable[Classification]):
    """The most probable classes of each frame, best first."""

    figures: ClassVar = {"probability": 4}
