"""What a live run is doing, in numbers: rates, percentiles, and a snapshot of everything.

All times are seconds on `time.monotonic`'s clock, and are given by the caller.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

WINDOW_S = 10.0
RATE_WINDOW_S = 2.0


class SourceState(StrEnum):
    """How a live source is doing."""

    CONNECTING = "connecting"  # being opened for the first time
    RUNNING = "running"
    FROZEN = "frozen"  # frames come, but always the same one
    STALLED = "stalled"  # open, but no frame comes
    RECONNECTING = "reconnecting"  # lost; waiting to be opened again, or being opened again
    ENDED = "ended"  # a file came to its end
    FAILED = "failed"  # cannot be opened, and trying again would not help


class Rate:
    """Events per second over a sliding window: (n - 1) / span, from the stamps within it."""

    def __init__(self, window_s: float = RATE_WINDOW_S) -> None:
        self._window_s = window_s
        self._times: deque[float] = deque()

    def add(self, time_s: float) -> None:
        """Counts an event; times never fall."""
        self._times.append(time_s)
        self._forget(time_s)

    def per_s(self, now_s: float) -> float:
        """The rate now; 0 with fewer than two events in the window."""
        self._forget(now_s)
        if len(self._times) < 2:
            return 0.0
        span = self._times[-1] - self._times[0]
        return (len(self._times) - 1) / span if span > 0 else 0.0

    def _forget(self, now_s: float) -> None:
        while self._times and self._times[0] < now_s - self._window_s:
            self._times.popleft()


class Percentiles:
    """Percentiles of the values of the last seconds."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._values: deque[tuple[float, float]] = deque()

    def add(self, value: float, time_s: float) -> None:
        """Takes a value; times never fall."""
        self._values.append((time_s, value))
        self._forget(time_s)

    def at(self, *percents: float, now_s: float) -> tuple[float, ...]:
        """The smallest values that the given percentages of the window do not exceed.

        NaN where the window is empty.
        """
        self._forget(now_s)
        if not self._values:
            return (math.nan,) * len(percents)
        ordered = sorted(value for _, value in self._values)
        ranks = (math.ceil(percent / 100 * len(ordered)) for percent in percents)
        return tuple(ordered[max(rank, 1) - 1] for rank in ranks)

    def _forget(self, now_s: float) -> None:
        while self._values and self._values[0][0] < now_s - self._window_s:
            self._values.popleft()


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """A live run at one moment. Immutable; made by `LivePipeline.snapshot`.

    A value that nothing has been measured for yet is NaN.

    Attributes:
        capture_fps: frames that came from the source, per second.
        inference_fps: frames that went through the network, per second.
        display_fps: frames that were painted for the first time, per second.
        latency_ms: capture to paint of the frame painted last.
        latency_p50_ms: median of the last ten seconds; p90 and p99 likewise.
        latency_history: (seconds on the monotonic clock, ms) of the last 120 paintings.
        network_ms: median of the network's own time; also in `stage_ms`.
        stage_ms: median milliseconds by stage, in the order of a frame's way: "wait" (in the
            slot), "resize", "network", "smooth" (with smoothing only), "labels", "paint" (from
            result to painting).
        dropped: frames that did not make it, by cause: "overwritten" (a newer one came before
            the network was free), "skipped" (not an n-th frame; painted with older labels),
            "corrupt" (could not be decoded), "not painted", "not recorded" (encoder too slow),
            "paused".
        source: what the source is called, without credentials.
        source_state: how the source is doing.
        message: the state of the source in plain words; what to do where something can be done.
        notice: the last trouble with the model or a recording in plain words; "" for none.
        frame_size: (width, height) in pixels of the newest frame; None before the first.
        model: the model's name; None while none is loaded.
        threads: threads of the network; None where they are the runtime's choice and unknown.
        loading: a model is being loaded.
        paused: the run is paused.
        recording: the file being recorded to; None if there is none.
        recorded_frames: frames in that file.
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
    source: str
    source_state: SourceState
    message: str
    notice: str
    frame_size: tuple[int, int] | None
    model: str | None
    threads: int | None
    loading: bool
    paused: bool
    recording: Path | None
    recorded_frames: int
