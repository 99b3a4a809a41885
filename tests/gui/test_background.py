"""Slow work in threads of its own."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
from fakes import wait_until

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

from seaformer_edge.machine.board import SystemReading
from seaformer_edge_gui import background


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

    monkeypatch.setattr(background, "SystemMonitor", Monitor)
    monkeypatch.setattr(background, "READ_INTERVAL_S", 0.01)
    reader = background.BoardReader()
    reader.start()
    wait_until(lambda: reader.reading is reading)
    reader.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "the board's state cannot be read ([Errno 24] Too many open files)"
    ]
