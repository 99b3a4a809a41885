"""The board is read in a thread of its own."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
from fakes import wait_until

from seaformer_edge.machine import board_reader
from seaformer_edge.machine.board import SystemReading


def test_the_board_is_read_again_after_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reading = object.__new__(SystemReading)

    def readings() -> Iterator[SystemReading]:
        yield from [OSError(errno.EMFILE, "Too many open files")] * 2  # type: ignore[misc]
        while True:
            yield reading

    class Monitor:
        def __init__(self) -> None:
            self._readings = readings()

        def read(self) -> SystemReading:
            value = next(self._readings)
            if isinstance(value, OSError):
                raise value
            return value

    monkeypatch.setattr(board_reader, "SystemMonitor", Monitor)
    monkeypatch.setattr(board_reader, "READ_INTERVAL_S", 0.01)
    reader = board_reader.BoardReader()
    reader.start()
    wait_until(lambda: reader.reading is reading)
    reader.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "the board's state cannot be read ([Errno 24] Too many open files)"
    ]
