"""A live run without a window: recordings, snapshots and tables go on, whatever fails meanwhile."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import NamedTuple, Self

from seaformer_edge.errors import SeaformerEdgeError, SinkError
from seaformer_edge.inference.views import View
from seaformer_edge.live.pipeline import LivePipeline
from seaformer_edge.live.recording import DrawResult
from seaformer_edge.live.report import record_of
from seaformer_edge.live.result import LiveResult
from seaformer_edge.live.series import Series
from seaformer_edge.live.snapshots import SnapshotWriter
from seaformer_edge.live.stats import LiveStatus, SourceState
from seaformer_edge.live.status_table import StatusTable
from seaformer_edge.live.zone_watch import ZoneWatch
from seaformer_edge.machine.board import SystemReading
from seaformer_edge.machine.board_reader import BoardReader

RETRY_RECORDING_S = 20.0
FINISH_S = 10.0
_PROBLEMS = {SourceState.STALLED, SourceState.RECONNECTING}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What `LivePipeline.start_recording` is given."""

    path: Path
    draw: DrawResult
    overwrite: bool = False
    codec: str | None = None
    series: Series | None = None


@dataclass(frozen=True, slots=True)
class SnapshotPlan:
    """Where to save snapshots, how the overlay is drawn, and seconds from one to the next."""

    folder: Path
    view: View
    interval_s: float


class Update(NamedTuple):
    """The run at one moment; `record` is that of `report.record_of`."""

    status: LiveStatus
    board: SystemReading | None
    record: dict[str, object]


class HeadlessRun:
    """Runs a pipeline with a recording, snapshots and a table. Only one thread calls it.

    A failure of any of these is logged, and the others go on. A recording in a series is begun
    again after a while; a table and snapshots are tried again each time.

    Args:
        pipeline: one that is not `displayed`; started and stopped by this object.
        recording, snapshots, table, zones: None for none.

    Attributes:
        failed: whether anything could not be written.

    Raises:
        SinkError: on entry, the recording cannot be written.
    """

    def __init__(
        self,
        pipeline: LivePipeline,
        *,
        recording: RecordingPlan | None = None,
        snapshots: SnapshotPlan | None = None,
        table: StatusTable | None = None,
        zones: ZoneWatch | None = None,
    ) -> None:
        self.pipeline = pipeline
        self._recording = recording
        self._snapshots = snapshots
        self._table = table
        self._zones = zones
        self._board = BoardReader()
        self._writer = SnapshotWriter()
        self._failing: set[str] = set()
        self.failed = False
        self._state = SourceState.CONNECTING
        self._notice = ""
        self._warnings: tuple[str, ...] = ()
        self._retry_at_s: float | None = None  # of the recording, while it fails
        self._snapshot_at_s = 0.0
        self._last: LiveResult | None = None  # of the last snapshot

    @property
    def board(self) -> SystemReading | None:
        """The last reading of the board; None before the first."""
        return self._board.reading

    def update(self) -> Update:
        """Call it about once a second: does what is due, and returns the run's state."""
        status, result, board = self.pipeline.status(), self.pipeline.newest(), self.board
        self._log_changes(status)
        if self._recording is not None and status.recording is None:
            self._record_again(self._recording)
        if self._snapshots is not None:
            self._take_snapshot(self._snapshots, result)
        record = record_of(status, board, result)
        if self._zones is not None:
            record["zones"] = self._zones.largest_shares()
        if (table := self._table) is not None:
            self._try("table", lambda: table.write(record))
        return Update(status, board, record)

    def _log_changes(self, status: LiveStatus) -> None:
        if status.source_state is not self._state:
            if status.source_state in _PROBLEMS:
                log.warning("%s", status.message)
            elif self._state in _PROBLEMS and status.source_state is SourceState.RUNNING:
                log.warning("%s again", status.message)
            self._state = status.source_state
        if status.warnings != self._warnings:
            for warning in status.warnings:
                log.warning("%s", warning)
        self._warnings = status.warnings
        if status.notice != self._notice and status.notice:
            log.error("%s", status.notice)
        self._notice = status.notice

    def _record_again(self, plan: RecordingPlan) -> None:
        """The recording has failed, which its notice has reported."""
        self.failed = True
        if plan.series is None:
            return
        if self._retry_at_s is None:
            self._retry_at_s = monotonic() + RETRY_RECORDING_S
        elif monotonic() >= self._retry_at_s:
            self._retry_at_s = None
            self._try("recording", lambda: self._start_recording(plan))

    def _start_recording(self, plan: RecordingPlan) -> None:
        self.pipeline.start_recording(
            plan.path, plan.draw, overwrite=plan.overwrite, codec=plan.codec, series=plan.series
        )

    def _take_snapshot(self, plan: SnapshotPlan, result: LiveResult | None) -> None:
        for outcome in self._writer.outcomes():
            self._note("snapshots", outcome if isinstance(outcome, SeaformerEdgeError) else None)
        due = monotonic() >= self._snapshot_at_s and not self._writer.busy
        if due and result is not None and result is not self._last:
            self._snapshot_at_s = monotonic() + plan.interval_s
            self._last = result
            self._writer.save(result, plan.view, plan.folder)

    def _try(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except SinkError as error:
            self._note(what, error)
        else:
            self._note(what, None)

    def _note(self, what: str, error: SeaformerEdgeError | None) -> None:
        """Logs the first error of several in a row."""
        if error is None:
            self._failing.discard(what)
            return
        self.failed = True
        if what not in self._failing:
            log.error("%s", error)
        self._failing.add(what)

    def __enter__(self) -> Self:
        self.pipeline.start()
        try:
            if self._recording is not None:
                self._start_recording(self._recording)
        except BaseException:
            self.pipeline.stop()
            raise
        self._board.start()
        if self._zones is not None:
            self._zones.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._zones is not None:
            self._zones.stop()
        try:
            self.pipeline.stop_recording()
            deadline_s = monotonic() + FINISH_S
            while self.pipeline.status().recording is not None and monotonic() < deadline_s:
                time.sleep(0.02)
        finally:
            self.pipeline.stop()
            self._board.stop()
            self._writer.stop()
            if self._snapshots is not None:
                self._take_snapshot(self._snapshots, None)  # the outcomes
            if self._table is not None:
                self._table.close()
