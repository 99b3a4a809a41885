"""The classes of every frame as a table: CSV or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, TextIO

from seaformer_edge.errors import SinkError
from seaformer_edge.files import as_utf8, partial_path, publish
from seaformer_edge.frame import NO_CLASS, Classification, Frame, Result, Segmentation
from seaformer_edge.sinks.base import Sink, check_file, check_space, writing
from seaformer_edge.sources.base import FrameSource

TABLE_SUFFIXES = frozenset({".csv", ".jsonl"})


class ClassTable(Sink[Result]):
    """CSV with one row for each class of each frame, or JSON lines with one line for each frame.

    Pixels below the confidence floor are one more row of CSV, of the class "unknown" with the id
    255, and "unknown" in JSON.

    Rows are written to `files.partial_path(path)`, which is renamed to `path` on close; with the
    path "-", as JSON lines to standard output. The names of pictures are those of `files.as_utf8`.

    Args:
        path: the file.
        source: whose files are not overwritten; None for a live run.
        overwrite: replace an existing file.

    Attributes:
        decimals: the fields of a class besides its id and name, and their number of decimals.
    """

    decimals: ClassVar[dict[str, int]]

    def __init__(
        self, path: Path, source: FrameSource | None = None, *, overwrite: bool = False
    ) -> None:
        self.path = path
        self._is_pipe = str(path) == "-"
        self._is_csv = path.suffix.lower() == ".csv"
        self._partial = partial_path(path)
        self._file: TextIO | None = None
        if self._is_pipe:
            return
        if path.suffix.lower() not in TABLE_SUFFIXES:
            raise SinkError(f"{path}: the name of a table must end in .csv or .jsonl")
        check_file(path, inputs=() if source is None else source.files, overwrite=overwrite)

    def write(self, frame: Frame, result: Result, /) -> None:
        if not self._is_pipe:
            check_space(self.path)
        with self._discarded_on_failure():
            file = self._file or self._open()
            if self._is_csv:
                csv.writer(file).writerows(self._rows(frame, result))
            else:
                file.write(json.dumps(self._record(frame, result), ensure_ascii=False) + "\n")
                if self._is_pipe:
                    file.flush()

    def close(self) -> None:
        if self._file is not None:
            with self._discarded_on_failure():
                self._file.close()
                if not self._is_pipe:
                    publish(self.path)
            self._file = None

    def discard(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # buffered rows may not fit on a full disk
                self._file.close()
            self._file = None
            with suppress(OSError):
                self._partial.unlink()

    @contextmanager
    def _discarded_on_failure(self) -> Iterator[None]:
        with writing(self.path):
            try:
                yield
            except BaseException:
                self.discard()
                raise

    def _open(self) -> TextIO:
        if self._is_pipe:
            self._file = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            return self._file
        self._partial.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._partial.open("w", encoding="utf-8", newline="")
        if self._is_csv:
            columns = ("frame", "name", "timestamp_s", "class_id", "class", *self.decimals)
            csv.writer(self._file).writerow(columns)
        return self._file

    def _rows(self, frame: Frame, result: Result) -> list[tuple[object, ...]]:
        time = round(frame.timestamp_s, 6)
        name = as_utf8(frame.name or "")
        rows: list[tuple[object, ...]] = []
        for entry in result.classes:
            values: list[str] = [
                f"{getattr(entry, field):.{places}f}" for field, places in self.decimals.items()
            ]
            rows.append((frame.index, name, time, entry.class_id, entry.name, *values))
        if isinstance(result, Segmentation) and result.unknown:
            rows.append((frame.index, name, time, NO_CLASS, "unknown", f"{result.unknown:.6f}", ""))
        return rows

    def _record(self, frame: Frame, result: Result) -> dict[str, object]:
        classes: list[dict[str, object]] = []
        for entry in result.classes:
            values = {n: round(getattr(entry, n), places) for n, places in self.decimals.items()}
            classes.append({"class_id": entry.class_id, "class": entry.name, **values})
        record: dict[str, object] = {
            "frame": frame.index,
            "name": frame.name and as_utf8(frame.name),
            "timestamp_s": round(frame.timestamp_s, 6),
            "classes": classes,
        }
        if isinstance(result, Segmentation):
            record["unknown"] = round(result.unknown, 6)
        return record


class ClassShares(ClassTable[Segmentation]):
    """The classes present in each frame, largest share first."""

    decimals: ClassVar = {"share": 6, "confidence": 4}


class ClassScores(ClassTable[Classification]):
    """The most probable classes of each frame, best first."""

    decimals: ClassVar = {"probability": 4}
