"""Statistics of a live run: frame rates, latencies, dropped frames, and the status made of them.

All times are seconds on `time.monotonic`'s clock, and are passed by the caller.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from seaformer_edge.percentiles import Percentiles, Rate

HISTORY = 120
STAGES = ("wait", "resize", "network", "smooth", "labels", "paint")
CAUSES = ("overwritten", "skipped", "corrupt", "not painted", "not recorded", "paused")
"""Of dropped frames; see `LiveMetrics.dropped`."""


class SourceState(StrEnum):
    """The state of a live source."""

    CONNECTING = "connecting"  # being opened for the first time
    RUNNING = "running"
    STALLED = "stalled"  # open, but no frames arrive
    RECONNECTING = "reconnecting"  # lost, and waiting to be reopened or being reopened
    ENDED = "ended"  # a file has ended
    FAILED = "failed"  # cannot be opened, and will not be tried again


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a file the newest frame is.

    Attributes:
        time_s: seconds from the file's start.
        length_s: of the whole file; None if unknown.
        picture: its number, from 1; None in a video.
        pictures: how many there are; None in a video.
        name: of the picture, as of `Frame`; None in a video.
    """

    time_s: float
    length_s: float | None = None
    picture: int | None = None
    pictures: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class LiveMetrics:
    """The figures of a live run since the last change of source or model. A value without
    measurements is NaN; rates are 0 while the run is paused.

    Attributes:
        capture_fps: frames captured per second.
        inference_fps: frames that the network ran on, per second.
        display_fps: results painted for the first time, per second.
        latency_ms: end-to-end latency, from capture to paint, of the result painted last; without
            a display, from capture to the result.
        latency_p50_ms: median of the last ten seconds; p90 and p99 likewise.
        latency_history: (time_s, latency_ms) of the last 120 of these results.
        network_ms: median duration of a network run; also in `stage_ms`.
        stage_ms: median milliseconds by stage, in the order of processing: "wait" (in the slot),
            "resize", "network", "smooth" (only with smoothing), "labels" (not of a classifier),
            "paint" (from result to paint).
        dropped: number of frames dropped, by cause: "overwritten" (a newer frame arrived before
            the network was free), "skipped" (not an n-th frame; displayed with older labels),
            "corrupt" (could not be decoded), "not painted", "not recorded" (the encoder was too
            slow), "paused".
        frame_size: (width, height) in pixels of the newest frame; None before the first.
    """

    capture_fps: float
    inference_fps: float
    display_fps: float
    latency_ms: float
    latency_p50_ms: float
    latency_p90_ms: float
    latency_p99_ms: float
    latency_history: tuple[tuple[float, float], ...]
    network_ms: float
    stage_ms: Mapping[str, float]
    dropped: Mapping[str, int]
    frame_size: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class LiveStatus(LiveMetrics):
    """The status of a live run at one moment. Immutable; see `LivePipeline.status`.

    Attributes:
        source: the source's name, without credentials.
        source_state: its state.
        message: the state as a sentence, with what to do about it if there is something.
        notice: the last error of the model or of a recording; "" if there is none.
        model: the model's name; None while none is loaded.
        threads: threads of the network; None if the runtime chose them and does not report them.
        loading: whether a model is being loaded.
        paused: whether the run is paused.
        recording: the file that is being recorded; None if there is none.
        recorded_frames: frames in that file.
        recorded_s: seconds from the first of them to the last.
        disk_free_bytes: of its disk; None without a recording, or if unknown.
        position: in a file, which can be searched; None of anything else, and before its first
            frame.
        controls: of a camera that has given a frame; see `FrameSource`.
        warnings: what a camera or stream said as it was opened: the settings that it refused.
    """

    source: str
    source_state: SourceState
    message: str
    notice: str
    model: str | None
    threads: int | None
    loading: bool
    paused: bool
    recording: Path | None
    recorded_frames: int
    recorded_s: float = 0.0
    disk_free_bytes: int | None = None
    position: Position | None = None
    controls: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class LiveStats:
    """Collects the statistics of all threads of a live run. One lock guards every field."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._painted = 0  # the sequence number of the result painted last
        self._in_flight = 0
        self._start_anew()

    def _start_anew(self) -> None:
        self._start_rates()
        self._latency = Percentiles()
        self._latency_ms = math.nan
        self._history: deque[tuple[float, float]] = deque(maxlen=HISTORY)
        self._stages = {stage: Percentiles() for stage in STAGES}
        self._dropped: Counter[str] = Counter()
        self._frame_size: tuple[int, int] | None = None

    def _start_rates(self) -> None:
        self._capture, self._inference, self._display = Rate(), Rate(), Rate()

    def captured(self, now_s: float, size: tuple[int, int]) -> None:
        """Counts a captured frame of (width, height) pixels."""
        with self._changed:
            self._capture.add(now_s)
            self._frame_size = size

    def add_in_flight(self, frames: int) -> None:
        """Adds to the number of frames between capture and result; negative to subtract."""
        with self._changed:
            self._in_flight += frames
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float | None) -> bool:
        """Waits until no frame is in flight; False after the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight <= 0, timeout_s)

    def drop(self, cause: str, frames: int = 1) -> None:
        """Counts dropped frames."""
        with self._changed:
            if frames > 0:
                self._dropped[cause] += frames

    def inferred(self, now_s: float, stages_ms: Mapping[str, float]) -> None:
        """Adds the timings of a frame that the network ran on."""
        with self._changed:
            self._inference.add(now_s)
            for stage, stage_ms in stages_ms.items():
                self._stages[stage].add(stage_ms, now_s)

    def painted(
        self, now_s: float, sequence: int, captured_at_s: float, published_at_s: float
    ) -> None:
        """Counts a painted result; painting it again does not count."""
        with self._changed:
            if sequence <= self._painted:
                return
            if self._painted:
                self._dropped["not painted"] += sequence - self._painted - 1
            self._painted = sequence
            self._display.add(now_s)
            self._add_latency(now_s, captured_at_s)
            self._stages["paint"].add((now_s - published_at_s) * 1e3, now_s)

    def published(self, now_s: float, captured_at_s: float) -> None:
        """Adds the latency of a result that nobody paints."""
        with self._changed:
            self._add_latency(now_s, captured_at_s)

    def _add_latency(self, now_s: float, captured_at_s: float) -> None:
        self._latency_ms = (now_s - captured_at_s) * 1e3
        self._latency.add(self._latency_ms, now_s)
        self._history.append((now_s, self._latency_ms))

    def reset(self) -> None:
        """Drops all figures: another source or model runs from now on."""
        with self._changed:
            self._start_anew()

    def reset_rates(self) -> None:
        """Makes the rates zero: the run is paused, or continues after that."""
        with self._changed:
            self._start_rates()

    def metrics(self, now_s: float, *, without_rates: bool = False) -> LiveMetrics:
        """All figures now; rates are 0 `without_rates`."""
        with self._changed:
            medians = {stage: times.at(50, now_s=now_s)[0] for stage, times in self._stages.items()}
            rates = (self._capture, self._inference, self._display)
            capture, inference, display = (
                0.0 if without_rates else rate.per_s(now_s) for rate in rates
            )
            p50, p90, p99 = self._latency.at(50, 90, 99, now_s=now_s)
            return LiveMetrics(
                capture_fps=capture,
                inference_fps=inference,
                display_fps=display,
                latency_ms=self._latency_ms,
                latency_p50_ms=p50,
                latency_p90_ms=p90,
                latency_p99_ms=p99,
                latency_history=tuple(self._history),
                network_ms=medians["network"],
                stage_ms=MappingProxyType(
                    {stage: ms for stage, ms in medians.items() if not math.isnan(ms)}
                ),
                dropped=MappingProxyType({c: n for c, n in self._dropped.items() if n}),
                frame_size=self._frame_size,
            )
