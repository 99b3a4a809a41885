"""From a source to the slot of the newest frame: opens, paces, monitors and reopens the source.

capture thread    source -> slot; may block in a source until another thread closes that
watchdog thread   closes a source that has stopped working; the capture thread then reopens it
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from time import monotonic
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.live.latest_value import LatestValue
from seaformer_edge.live.source_health import SourceHealth
from seaformer_edge.live.source_reader import (
    FileReader,
    PlaybackClock,
    Seek,
    SourceReader,
    SourceRequest,
)
from seaformer_edge.live.stats import LiveStats, Position, SourceState
from seaformer_edge.machine import malloc
from seaformer_edge.safe_text import redacted, redacted_within
from seaformer_edge.sources.process import SourceProcess
from seaformer_edge.sources.spec import SourceSpec

WATCHDOG_INTERVAL_S = 0.2
# A frame's digest is made of every n-th row: enough to see any camera's noise.
DIGEST_ROW_STEP = 8


class Capture:
    """Puts the newest frame of a source into a slot.

    The lock of `_changed` guards every field below it.

    Args:
        request: the first source.
        slot: takes the frames; their `captured_at_s` is set.
        stats: counts captured and dropped frames.
        on_end: called when the source has ended or failed for good, in the capture thread.
    """

    def __init__(
        self,
        request: SourceRequest,
        slot: LatestValue[Frame],
        stats: LiveStats,
        on_end: Callable[[], None],
    ) -> None:
        self._slot = slot
        self._stats = stats
        self._on_end = on_end
        self.threads = [
            threading.Thread(target=self._run, name="capture", daemon=True),
            threading.Thread(target=self._run_watchdog, name="watchdog", daemon=True),
        ]
        self._changed = threading.Condition()
        self._request = request
        self._health = _health_of(request)
        self._reader: SourceReader | None = None
        self._close_reason: str | None = None  # why the watchdog closed the reader
        self._switched = False
        self._file: FileReader | None = None  # the reader, if it can be searched
        self._seek: Seek | None = None  # for a file that has ended, and is to be opened again
        self._position: Position | None = None
        self._controls: Mapping[str, tuple[float, float]] = MappingProxyType({})
        self._warnings: tuple[str, ...] = ()
        self._last: Frame | None = None  # the frame that was put last
        self._put_at_s = 0.0
        self._paused = False
        self._shows_next = True  # the next frame of a file is due at once, even if paused
        self._error: SourceError | None = None  # why the source failed for good
        self._in_worker = False  # the source is of a kind that runs in a worker process
        self._stopping = False

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Closes the source and makes both threads end; does not wait for them."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            reader = self._reader
        if reader is not None:
            reader.close()

    def switch(self, request: SourceRequest) -> None:
        """Plays another source."""
        with self._changed:
            self._request, self._switched, self._in_worker = request, True, False
            self._error = self._seek = self._position = self._last = None
            self._controls, self._warnings = MappingProxyType({}), ()
            self._shows_next = True
            self._health = _health_of(request)
            self._health.connecting(monotonic())
            self._changed.notify_all()

    def pause(self, paused: bool) -> None:
        """Pauses or resumes: a file waits, the frames of a live source are dropped."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def seek(self, seek: Seek) -> None:
        """Continues a file elsewhere; shows one frame if it is paused. Does nothing to others."""
        with self._changed:
            position = self._position
            if position is None:
                return
            if self._file is not None:
                self._file.seek(seek)
            elif self._health.state(monotonic()) is SourceState.ENDED:
                self._seek = seek
            if not seek.before:
                self._position = replace(position, time_s=seek.time_s)
            self._shows_next = True
            self._changed.notify_all()

    def step(self, forward: bool) -> None:
        """Shows the next or previous frame of a file; pauses a video. Does nothing to others."""
        with self._changed:
            position = self._position
            if position is None:
                return
            if position.pictures is None:
                self._paused = True
            if forward:
                self._shows_next = True
                self._changed.notify_all()
        if not forward:
            self.seek(Seek(position.time_s, before=True))

    def set_playback(self, **values: bool | float | None) -> None:
        """Sets values of the request: how the source is played."""
        with self._changed:
            for name, value in values.items():
                setattr(self._request, name, value)
            is_over = self._health.state(monotonic()) is SourceState.ENDED
            if is_over and self._request.loop and self._position and self._position.pictures != 1:
                self._seek = Seek()
            self._changed.notify_all()

    def repeat(self) -> None:
        """Puts the last frame once more, if none follows by itself."""
        with self._changed:
            if self._last is None or not self._is_holding():
                return
            self._last = replace(self._last, captured_at_s=monotonic())
            if self._slot.offer(self._last):
                self._stats.add_in_flight(1)

    @property
    def is_holding(self) -> bool:
        """Whether each frame stays for a while: the run is paused, or shows pictures."""
        with self._changed:
            return self._is_holding()

    def _is_holding(self) -> bool:
        if self._paused or self._health.state(monotonic()) is SourceState.ENDED:
            return True
        position = self._position
        if position is None or position.pictures is None:
            return False
        return position.pictures == 1 or self._request.picture_s is not None

    def status(self) -> tuple[str, SourceState, str]:
        """The source's name, its state, and a message about the state."""
        now_s = monotonic()
        with self._changed:
            return self._health.name, self._health.state(now_s), self._health.message(now_s)

    def has_ended(self) -> bool:
        """Whether a file has ended.

        Raises:
            SourceError: the source failed for good.
        """
        with self._changed:
            if self._error is not None:
                raise copy(self._error)  # raising adds to the traceback
            return self._health.state(monotonic()) is SourceState.ENDED

    @property
    def camera(self) -> tuple[Mapping[str, tuple[float, float]], tuple[str, ...]]:
        """`LiveStatus.controls` and `LiveStatus.warnings`."""
        with self._changed:
            return self._controls, self._warnings

    @property
    def position(self) -> Position | None:
        with self._changed:
            return self._position

    @property
    def paused(self) -> bool:
        with self._changed:
            return self._paused

    # The capture thread.

    def _run(self) -> None:
        while (request := self._next_request()) is not None:
            try:
                reader = self._open(request)
                self._read(reader, request)
            except SourceError as error:
                self._finish(request, error)
            except Exception as error:  # a defect must not end the thread
                reason = redacted_within(repr(error))
                name, _, _ = self.status()
                self._finish(request, SourceError(f"{name}: unexpected {reason}"))
            else:
                self._finish(request, None)

    def _next_request(self) -> SourceRequest | None:
        """Waits until a source is to be opened or reopened; None when the thread is to end."""
        with self._changed:
            while not self._stopping:
                if self._switched:
                    self._switched = False
                    return self._request
                state = self._health.state(monotonic())
                wait_s = None
                if state is SourceState.ENDED and self._seek is not None:
                    self._health = _health_of(self._request)
                    return self._request
                if state is SourceState.CONNECTING:
                    return self._request
                if state is SourceState.RECONNECTING:
                    wait_s = self._health.retry_at_s - monotonic()
                    if wait_s <= 0:
                        return self._request
                self._changed.wait(wait_s)
            return None

    def _open(self, request: SourceRequest) -> SourceReader:
        # A link to the device of an unplugged camera leads nowhere, so its kind is remembered.
        with self._changed:
            in_worker = self._in_worker
        in_worker = in_worker or SourceSpec.parse(request.spec).runs_in_worker
        with self._changed:
            seek, self._seek = self._seek, None
        file = None if in_worker else FileReader(request, seek)
        reader: SourceReader = file or SourceProcess(request.spec, request.camera)
        with self._changed:
            self._reader, self._file, self._close_reason = reader, file, None
            is_current = request is self._request and not self._stopping
            if is_current:
                self._in_worker = in_worker
                self._health.connecting(monotonic())
        if not is_current:
            reader.close()
        return reader

    def _read(self, reader: SourceReader, request: SourceRequest) -> None:
        clock = PlaybackClock()
        file = reader if isinstance(reader, FileReader) else None
        lost = 0
        try:
            for frame in reader:
                digest = _digest(frame.image) if reader.is_live else None
                if not reader.is_live:
                    self._wait_until_due(clock, frame, request, file)
                with self._changed:
                    if request is not self._request or self._stopping:
                        return
                    if file is not None and file.seek_pending:
                        continue
                    now_s = monotonic()
                    if reader.name is not None:
                        self._health.name = reader.name
                    self._controls, self._warnings = reader.controls, tuple(reader.warnings)
                    self._health.frame_arrived(now_s, digest, reader.frame_rate)
                    self._stats.drop("corrupt", reader.lost_frames - lost)
                    lost = reader.lost_frames
                    if self._paused and reader.is_live:
                        self._stats.drop("paused")
                        continue
                    self._stats.captured(now_s, (frame.image.shape[1], frame.image.shape[0]))
                    if frame.captured_at_s is None:
                        frame = replace(frame, captured_at_s=now_s)
                    if file is not None:
                        self._position = file.position
                    self._last, self._put_at_s = frame, now_s
                    self._stats.add_in_flight(1)
                    if self._slot.put(frame):
                        self._stats.drop("overwritten")
                        self._stats.add_in_flight(-1)
        finally:
            reader.close()

    def _finish(self, request: SourceRequest, error: SourceError | None) -> None:
        """Decides what follows after a reader has ended: reopening, an error, or the end."""
        malloc.trim_heap()
        now_s = monotonic()
        with self._changed:
            reader, self._reader = self._reader, None
            file, self._file = self._file, None
            if request is not self._request or self._stopping:
                return
            if self._in_worker and (reader is None or reader.is_live):
                message = str(error or f"{self._health.name}: the stream has ended")
                self._health.lost(now_s, self._close_reason or message)
                return
            if error is not None:
                self._error = error.with_traceback(None)
                self._health.failed(now_s, str(error))
            else:
                self._health.ended(now_s)
                self._seek = None if file is None else file.take_seek()
        self._on_end()

    def _wait_until_due(
        self, clock: PlaybackClock, frame: Frame, request: SourceRequest, file: FileReader | None
    ) -> None:
        """Waits until a file's frame is due, or the file is to continue elsewhere."""
        with self._changed:
            while request is self._request and not self._stopping:
                now_s = monotonic()
                if file is not None and file.seek_pending:
                    return
                if self._shows_next:
                    self._shows_next = False
                    clock.reset()
                    clock.due_at_s(frame.timestamp_s, now_s)  # the next one follows this one
                    return
                if self._paused:
                    clock.reset()
                    self._changed.wait()
                    continue
                position = self._position
                if position and position.pictures and request.picture_s is not None:
                    clock.reset()
                    due_at_s = self._put_at_s + request.picture_s
                else:
                    due_at_s = clock.due_at_s(frame.timestamp_s, now_s)
                if now_s >= due_at_s or not request.realtime:
                    return
                self._changed.wait(due_at_s - now_s)

    # The watchdog thread.

    def _run_watchdog(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                self._changed.wait(WATCHDOG_INTERVAL_S)
                reader = self._reader
                if reader is None:
                    continue
                # A file has no time limit: it may be paused before its first frame. A camera is
                # read while paused.
                overdue = self._health.overdue(monotonic()) if reader.is_live else None
                if not (self._switched or overdue):
                    continue
                self._close_reason = overdue
            reader.close()


def _health_of(request: SourceRequest) -> SourceHealth:
    return SourceHealth(redacted(str(request.spec)))


def _digest(image: NDArray[np.uint8]) -> int:
    return zlib.crc32(image[::DIGEST_ROW_STEP].tobytes())
