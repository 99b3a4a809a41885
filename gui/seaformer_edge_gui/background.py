"""Slow work in threads of its own: reading the board's state and listing sources."""

from __future__ import annotations

import logging
import threading

from seaformer_edge.machine.board import SystemMonitor, SystemReading
from seaformer_edge.sources import SourceInfo, list_sources

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


class SourceLister:
    """Lists sources on request. Some systems have to open each camera for that.

    Attributes:
        found: the sources that the last scan found.
        scans: how many scans have finished.
    """

    def __init__(self) -> None:
        self.found: list[SourceInfo] = []
        self.scans = 0
        self._thread: threading.Thread | None = None

    def refresh(self) -> None:
        """Starts a scan, unless one is running."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._scan, name="sources", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._thread.join(JOIN_S)

    def _scan(self) -> None:
        try:
            self.found = list_sources()
        except Exception:  # a camera driver may raise anything; the list stays as it was
            log.exception("listing the sources")
        self.scans += 1
