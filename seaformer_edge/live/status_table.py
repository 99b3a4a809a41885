"""Status records in a table on disk, which begins a new file at a given size."""

from __future__ import annotations

import csv
import errno
import io
import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from seaformer_edge.errors import SinkError
from seaformer_edge.live.report import COLUMNS, as_json, row_of
from seaformer_edge.sinks.base import check_file, writing
from seaformer_edge.sinks.tables import TABLE_SUFFIXES

KEPT = 4
"""Earlier files beside the current one: NAME.1.csv is the newest."""


class StatusTable:
    """Appends records to a CSV or JSON lines file; what is written is on disk at once.

    Args:
        path: .csv or .jsonl; an existing one is continued.
        max_bytes: before it grows beyond this size, the file becomes NAME.1.csv, that one
            NAME.2.csv, and so on; `KEPT` of them stay.

    Raises:
        SinkError: it has another suffix or other columns, or cannot be written. `write` raises it
            too, and the next `write` tries again.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        if path.suffix.lower() not in TABLE_SUFFIXES:
            raise SinkError(f"{path}: the name of a table must end in .csv or .jsonl")
        check_file(path, overwrite=True)
        self._path = path
        self._max_bytes = max_bytes
        self._is_csv = path.suffix.lower() == ".csv"
        self._head = _csv_line(COLUMNS) if self._is_csv else b""
        with writing(path):
            self._file: io.FileIO | None = self._open()

    def write(self, record: dict[str, object]) -> None:
        """Adds a record."""
        line = (
            _csv_line(row_of(record))
            if self._is_csv
            else f"{as_json(record)}\n".encode(errors="backslashreplace")
        )
        with writing(self._path):
            try:
                self._file = self._file or self._open()
                size = self._file.tell()
                if size > len(self._head) and size + len(line) > self._max_bytes:
                    self._file.close()
                    self._rename()
                    self._file = self._open()
                _write(self._file, line)
            except OSError:
                self.close()
                raise

    def close(self) -> None:
        """Closes the file. May be called twice."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        self._file = None

    def _open(self) -> io.FileIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = io.FileIO(self._path, "a+")
        try:
            if file.seek(0, os.SEEK_END) == 0:
                _write(file, self._head)
                return file
            file.seek(0)
            if file.read(len(self._head)) != self._head:
                raise SinkError(f"{self._path}: holds other columns; choose another name")
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":  # the line before is cut: a full disk, or a kill
                _write(file, b"\n")
        except BaseException:
            file.close()
            raise
        return file

    def _rename(self) -> None:
        path = self._path
        names = [path, *(path.with_stem(f"{path.stem}.{n}") for n in range(1, KEPT + 1))]
        for newer, older in reversed(list(pairwise(names))):
            with suppress(FileNotFoundError):
                newer.replace(older)


def _csv_line(values: Iterable[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue().encode(errors="backslashreplace")


def _write(file: io.FileIO, data: bytes) -> None:
    if file.write(data) != len(data):  # the disk is full
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
