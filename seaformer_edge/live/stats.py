"""What a live run is doing, in numbers: rates, percentiles, and a status of everything.

All times are seconds on `time.monotonic`'s clock, and are given by the caller.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from seaformer_edge.percentiles import Percentiles, Rate

HISTORY = 120
STAGES = ("wait", "resize", "network", "smooth", "labels", "paint")


class SourceState(StrEnum):
    """How a live source is doing."""

    CONNECTING = "connecting"  # being opened for the first time
    RUNNING = "running"
    FROZEN = "frozen"  # frames come, but always the same one
    STALLED = "stalled"  # open, but no frame comes
    RECONNECTING = "reconnecting"  # lost; waiting to be opened again, or being opened again
    ENDED = "ended"  # a file came to its end
    FAILED = "failed"  # cannot be opened, and trying again would not help


@dataclass(frozen=True, slots=True)
class LiveNumbers:
    """What is counted and measured of a live run; a value nothing was measured for is NaN.

    Attributes:
        capture_fps: frames that came from the source, per second.
        inference_fps: frames that went through the network, per second.
        display_fps: frames that were painted for the first time, per second.
        latency_ms: capture to paint of the frame painted last.
        latency_p50_ms: median of the last ten seconds; p90 and p99 likewise.
        latency_history: (seconds on the monotonic clock, ms) of the last 120 paintings.
        network_ms: median of the network's own time; also in `stage_ms`.
        stage_ms: median milliseconds by stage, in the order of a frame's way: "wait" (in the
            slot), "resize", "network", "smooth" (with smoothing only), "labels" (not of a
            classifier), "paint" (from result to painting).
        dropped: frames that did not make it, by cause: "overwritten" (a newer one came before
            the network was free), "skipped" (not an n-th frame; shown with older labels),
            "corrupt" (could not be decoded), "not painted", "not recorded" (encoder too slow),
            "paused".
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
class LiveStatus(LiveNumbers):
    """A live run at one moment. Immutable; made by `LivePipeline.status`.

    Attributes:
        source: what the source is called, without credentials.
        source_state: how the source is doing.
        message: the state of the source in plain words; what to do where something can be done.
        notice: the last trouble with the model or a recording in plain words; "" for none.
        model: the model's name; None while none is loaded.
        threads: threads of the network; None where they are the runtime's choice and unknown.
        loading: a model is being loaded.
        paused: the run is paused.
        recording: the file being recorded to; None if there is none.
        recorded_frames: frames in that file.
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


class LiveStats:
    """Listens to all the threads of a live run. One lock guards every field."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._capture, self._inference, self._display = Rate(), Rate(), Rate()
        self._latency = Percentiles()
        self._latency_ms = math.nan
        self._history: deque[tuple[float, float]] = deque(maxlen=HISTORY)
        self._stages = {stage: Percentiles() for stage in STAGES}
        self._dropped: Counter[str] = Counter()
        self._frame_size: tuple[int, int] | None = None
        self._painted = 0  # the sequence number painted last
        self._under_way = 0

    def captured(self, now_s: float, size: tuple[int, int]) -> None:
        """A frame of (width, height) came from the source."""
        with self._changed:
            self._capture.add(now_s)
            self._frame_size = size

    def handed_on(self, frames: int) -> None:
        """So many more frames, or fewer, are on their way from the source to a result."""
        with self._changed:
            self._under_way += frames
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float | None) -> bool:
        """Waits until no frame is on its way; False when the time is up."""
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way <= 0, timeout_s)

    def drop(self, cause: str, frames: int = 1) -> None:
        """So many frames did not make it."""
        with self._changed:
            if frames > 0:
                self._dropped[cause] += frames

    def inferred(self, now_s: float, stages_ms: Mapping[str, float]) -> None:
        """A frame has gone through the network and what is around it."""
        with self._changed:
            self._inference.add(now_s)
            for stage, stage_ms in stages_ms.items():
                self._stages[stage].add(stage_ms, now_s)

    def painted(
        self, now_s: float, sequence: int, captured_at_s: float, published_at_s: float
    ) -> None:
        """A result was painted; only its first time counts."""
        with self._changed:
            if sequence <= self._painted:
                return
            if self._painted:
                self._dropped["not painted"] += sequence - self._painted - 1
            self._painted = sequence
            self._display.add(now_s)
            self._latency_ms = (now_s - captured_at_s) * 1e3
            self._latency.add(self._latency_ms, now_s)
            self._history.append((now_s, self._latency_ms))
            self._stages["paint"].add((now_s - published_at_s) * 1e3, now_s)

    def forget_stages(self) -> None:
        """Another model runs from now on: what its stages took before says nothing."""
        with self._changed:
            self._stages = {stage: Percentiles() for stage in STAGES}

    def numbers(self, now_s: float) -> LiveNumbers:
        """All of it, at this moment."""
        with self._changed:
            medians = {stage: times.at(50, now_s=now_s)[0] for stage, times in self._stages.items()}
            p50, p90, p99 = self._latency.at(50, 90, 99, now_s=now_s)
            return LiveNumbers(
                capture_fps=self._capture.per_s(now_s),
                inference_fps=self._inference.per_s(now_s),
                display_fps=self._display.per_s(now_s),
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
