"""What may take its time, and so runs beside the window's thread."""

from __future__ import annotations

import logging
import threading

from seaformer_edge.machine.board import SystemMonitor, SystemReading
from seaformer_edge.sources.listing import SourceInfo, list_sources

READ_INTERVAL_S = 1.0
JOIN_S = 1.0

log = logging.getLogger(__name__)


class BoardReader:
    """Reads every second how the machine is doing.

    Attributes:
        reading: the last one; None before the first.
    """

    def __init__(self) -> None:
        self.reading: SystemReading | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="board", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        monitor = SystemMonitor()
        while not self._ending.wait(READ_INTERVAL_S):
            self.reading = monitor.read()


class SourceLister:
    """Looks for cameras when asked to, which on some systems means opening them.

    Attributes:
        found: what the last look found.
        looks: how many looks are done.
    """

    def __init__(self) -> None:
        self.found: list[SourceInfo] = []
        self.looks = 0
        self._thread: threading.Thread | None = None

    def refresh(self) -> None:
        """Looks again, unless it is looking."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._look, name="sources", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._thread.join(JOIN_S)

    def _look(self) -> None:
        try:
            self.found = list_sources()
        except Exception:  # a camera's driver; the list stays as it was
            log.exception("looking for cameras")
        self.looks += 1
