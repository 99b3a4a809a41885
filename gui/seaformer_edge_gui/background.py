"""Lists sources in a thread of its own."""

from __future__ import annotations

import logging
import threading

from seaformer_edge.sources import SourceInfo, list_sources

JOIN_S = 1.0

log = logging.getLogger(__name__)


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
