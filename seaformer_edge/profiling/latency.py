"""Latencies: collected in a `LatencySeries`, summarised in `LatencyStats`."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from seaformer_edge.percentiles import percentiles


@dataclass(frozen=True, slots=True)
class LatencyStats:
    """Statistics of the latencies of consecutive frames.

    Attributes:
        frames: number of frames.
        mean_ms: mean latency.
        p50_ms, p90_ms, p99_ms: nearest-rank percentiles.
    """

    frames: int
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float

    @classmethod
    def of(cls, latencies_ms: Sequence[float]) -> LatencyStats:
        """The statistics of at least one latency."""
        p50_ms, p90_ms, p99_ms = percentiles(latencies_ms, 50, 90, 99)
        return cls(len(latencies_ms), fmean(latencies_ms), p50_ms, p90_ms, p99_ms)

    @property
    def frames_per_s(self) -> float:
        """Throughput if each frame starts when the previous one ends."""
        return 1e3 / self.mean_ms


class LatencySeries:
    """Latencies in milliseconds, each with the time at which its frame started."""

    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._latencies_ms: list[float] = []

    def add(self, time_s: float, latency_ms: float) -> None:
        """Adds a frame. `time_s` must not decrease."""
        self._times_s.append(time_s)
        self._latencies_ms.append(latency_ms)

    def between(self, start_s: float, end_s: float = math.inf) -> Sequence[float]:
        """Latencies of the frames that started in start_s <= time < end_s."""
        first, last = bisect_left(self._times_s, start_s), bisect_left(self._times_s, end_s)
        return self._latencies_ms[first:last]

    def until(self, end_s: float) -> Sequence[float]:
        """Latencies of the frames that started before `end_s`; at least of the first frame."""
        return self._latencies_ms[: max(bisect_left(self._times_s, end_s), 1)]
