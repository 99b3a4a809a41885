"""Reads the board's state in a thread of its own: some machines take seconds to answer."""

from __future__ import annotations

import logging
import threading

from seaformer_edge.machine.board import SystemMonitor, SystemReading

READ_INTERVAL_S = 1.0
JOIN_S = 1.0

log = logging.getLogger(__name__)


class BoardReader:
    """Reads the machine's load and temperature every second.

    Attributes:
        reading: the last reading; None before the first.
    """

    def __init__(self) -> None:
        self.reading: SystemReading | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="board", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        monitor = SystemMonitor()
        failed = False
        while not self._stopping.wait(READ_INTERVAL_S):
            try:
                self.reading = monitor.read()
                failed = False
            except (OSError, MemoryError) as error:  # for example no file descriptor is left
                if not failed:
                    log.warning("the board's state cannot be read (%s)", error)
                failed = True
