"""From a source to the newest-frame slot: opened, paced, watched, and opened again when lost.

capture thread: source -> slot; may block in a source until somebody closes that
watch thread: closes an opening that is overdue, so that the capture thread opens it again
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.live.latest_value import LatestValue
from seaformer_edge.live.source_health import SourceHealth
from seaformer_edge.live.stats import LiveStats, SourceState
from seaformer_edge.machine import malloc
from seaformer_edge.sources.process import SourceProcess
from seaformer_edge.sources.spec import SourceSpec, display_name, open_source
from seaformer_edge.sources.video import FALLBACK_RATE

WATCH_INTERVAL_S = 0.2
# Of how much of a picture a digest is made: every camera's noise shows in an eighth of the rows.
DIGEST_ROWS = 8
# A file whose frames are later than this by its own clock has its clock set back.
LATE_S = 0.5


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What is to be played, and how; see `LivePipeline`."""

    spec: str | Path
    realtime: bool = True
    loop: bool = False


class Opening(Protocol):
    """A source while it is being read; `close`, from any thread, ends the reading soon."""

    @property
    def name(self) -> str | None: ...

    frame_rate: Fraction | None
    is_live: bool
    lost_frames: int

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


class Capture:
    """Keeps the newest frame of a source in a slot.

    The lock of `_changed` guards every field below it.

    Args:
        request: the source to begin with.
        slot: takes (frame, when it was captured on `time.monotonic`'s clock).
        stats: hears of frames and drops.
        on_over: called when there is nothing more to come, in whatever thread finds out.
    """

    def __init__(
        self,
        request: SourceRequest,
        slot: LatestValue[tuple[Frame, float]],
        stats: LiveStats,
        on_over: Callable[[], None],
    ) -> None:
        self._slot = slot
        self._stats = stats
        self._on_over = on_over
        self.threads = [
            threading.Thread(target=self._run, name="capture", daemon=True),
            threading.Thread(target=self._supervise, name="watch", daemon=True),
        ]
        self._changed = threading.Condition()
        self._request = request
        self._watch = _watch_for(request)
        self._opening: Opening | None = None
        self._given_up: str | None = None  # why the watch thread closed the opening
        self._switched = False
        self._paused = False
        self._error: SourceError | None = None  # why the source cannot be had at all
        self._isolated = False  # the source is one to be run in a process of its own
        self._stopping = False

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        """Gives the source back and lets both threads end, from whatever they are doing."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            opening = self._opening
        if opening is not None:
            opening.close()

    def switch(self, request: SourceRequest) -> None:
        """Plays something else."""
        with self._changed:
            self._request, self._switched, self._isolated = request, True, False
            self._error = None
            self._watch = _watch_for(request)
            self._watch.opening(monotonic())
            self._changed.notify_all()

    def pause(self, paused: bool) -> None:
        """Holds a file where it is, and lets a camera's frames go; or goes on."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def status(self) -> tuple[str, SourceState, str]:
        """The source's name, its state, and the state in plain words."""
        now_s = monotonic()
        with self._changed:
            return self._watch.name, self._watch.state(now_s), self._watch.message(now_s)

    def is_over(self) -> bool:
        """Whether there is nothing more to come.

        Raises:
            SourceError: so it is, because the source cannot be had at all.
        """
        with self._changed:
            if self._error is not None:
                raise self._error
            return self._watch.state(monotonic()) is SourceState.ENDED

    @property
    def paused(self) -> bool:
        with self._changed:
            return self._paused

    # The capture thread.

    def _run(self) -> None:
        while (request := self._next_request()) is not None:
            try:
                opening = self._open(request)
                self._read(opening, request)
            except SourceError as error:
                self._over(request, error)
            except Exception as error:  # a defect must not end the thread, and so the window
                self._over(request, SourceError(f"{self._watch.name}: unexpected {error!r}"))
            else:
                self._over(request, None)

    def _next_request(self) -> SourceRequest | None:
        """Waits until something is to be opened; None when all is to end."""
        with self._changed:
            while not self._stopping:
                if self._switched:
                    self._switched = False
                    return self._request
                state = self._watch.state(monotonic())
                wait_s = None
                if state is SourceState.CONNECTING:
                    return self._request
                if state is SourceState.RECONNECTING:
                    wait_s = self._watch.retry_at_s - monotonic()
                    if wait_s <= 0:
                        return self._request
                self._changed.wait(wait_s)
            return None

    def _open(self, request: SourceRequest) -> Opening:
        # Once a camera, always a camera: an unplugged one cannot be found by its name.
        isolated = self._isolated or SourceSpec.parse(request.spec).runs_in_worker
        opening = SourceProcess(request.spec) if isolated else _FileOpening(request)
        with self._changed:
            self._opening, self._given_up = opening, None
            current = request is self._request and not self._stopping
            if current:
                self._isolated = isolated
                self._watch.opening(monotonic())
        if not current:
            opening.close()
        return opening

    def _read(self, opening: Opening, request: SourceRequest) -> None:
        pace = _Pace()
        lost = 0
        try:
            for frame in opening:
                digest = _digest(frame.image) if opening.is_live else None
                now_s = monotonic() if opening.is_live else self._await(pace, frame, request)
                with self._changed:
                    if request is not self._request or self._stopping:
                        return
                    if opening.name is not None:
                        self._watch.name = opening.name
                    self._watch.frame(now_s, digest, opening.frame_rate)
                    paused = self._paused
                self._stats.drop("corrupt", opening.lost_frames - lost)
                lost = opening.lost_frames
                self._stats.captured(now_s, (frame.image.shape[1], frame.image.shape[0]))
                if paused:
                    self._stats.drop("paused")
                    continue
                self._stats.handed_on(1)
                if self._slot.put((frame, frame.captured_at_s or now_s)):
                    self._stats.drop("overwritten")
                    self._stats.handed_on(-1)
        finally:
            opening.close()

    def _over(self, request: SourceRequest, error: SourceError | None) -> None:
        """An opening is over: decides what comes next."""
        malloc.trim_heap()
        now_s = monotonic()
        with self._changed:
            opening, self._opening = self._opening, None
            if request is not self._request or self._stopping:
                return
            if self._isolated and (opening is None or opening.is_live):
                reason = self._given_up or str(error or f"{self._watch.name}: the stream has ended")
                self._watch.lost(now_s, reason)
                return
            if error is not None:
                self._error = error.with_traceback(None)
                self._watch.failed(now_s, str(error))
            else:
                self._watch.ended(now_s)
        self._on_over()

    def _await(self, pace: _Pace, frame: Frame, request: SourceRequest) -> float:
        """Waits until a file's frame is due; the time it then is."""
        with self._changed:
            while request is self._request and not self._stopping:
                now_s = monotonic()
                if self._paused:
                    pace.hold()
                    self._changed.wait()
                    continue
                wait_s = pace.due_s(frame.timestamp_s, now_s) - now_s
                if wait_s <= 0 or not request.realtime:
                    return now_s
                self._changed.wait(wait_s)
        return monotonic()

    # The watch thread.

    def _supervise(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                self._changed.wait(WATCH_INTERVAL_S)
                opening = self._opening
                superseded = self._switched
                if opening is None:
                    continue
                # Files have all the time they need, and a pause holds them before their first
                # frame; a camera is read on while paused.
                overdue = self._watch.overdue(monotonic()) if opening.is_live else None
                if not (superseded or overdue):
                    continue
                self._given_up = overdue
            opening.close()


class _FileOpening:
    """A source of this process as an `Opening`; its reads end by themselves."""

    name = None  # the user's own word for it is the best
    is_live = False

    def __init__(self, request: SourceRequest) -> None:
        self._request = request
        self._closed = False
        self.frame_rate: Fraction | None = None
        self.lost_frames = 0

    def __iter__(self) -> Iterator[Frame]:
        with open_source(self._request.spec) as source:
            self.frame_rate = source.frame_rate
            interval_s = float(1 / (source.frame_rate or FALLBACK_RATE))
            start_s = end_s = 0.0
            while True:
                for frame in source:
                    if self._closed:
                        return
                    self.lost_frames = source.lost_frames
                    end_s = start_s + frame.timestamp_s + interval_s
                    yield replace(frame, timestamp_s=start_s + frame.timestamp_s)
                if not self._request.loop:
                    return
                start_s = end_s

    def close(self) -> None:
        self._closed = True


class _Pace:
    """When a file's frames are due on our clock."""

    def __init__(self) -> None:
        self._start_s: float | None = None

    def due_s(self, timestamp_s: float, now_s: float) -> float:
        if self._start_s is None or self._start_s + timestamp_s < now_s - LATE_S:
            self._start_s = now_s - timestamp_s
        return self._start_s + timestamp_s

    def hold(self) -> None:
        """The file waits; it goes on from where it is."""
        self._start_s = None


def _watch_for(request: SourceRequest) -> SourceHealth:
    return SourceHealth(display_name(str(request.spec)))


def _digest(image: NDArray[np.uint8]) -> int:
    return zlib.crc32(image[::DIGEST_ROWS].tobytes())
