"""Latencies as they are collected, and what is told of them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from seaformer_edge.percentiles import percentiles


@dataclass(frozen=True, slots=True)
class Latency:
    """What a number of frames took, one after the other.

    Attributes:
        frames: how many.
        mean_ms, p50_ms, p90_ms, p99_ms: of a frame; a percentile is a value that occurred.
    """

    frames: int
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float

    @classmethod
    def of(cls, latencies_ms: Sequence[float]) -> Latency:
        """Of one frame at least."""
        p50_ms, p90_ms, p99_ms = percentiles(latencies_ms, 50, 90, 99)
        return cls(len(latencies_ms), fmean(latencies_ms), p50_ms, p90_ms, p99_ms)

    @property
    def frames_per_s(self) -> float:
        """The throughput of a single stream."""
        return 1e3 / self.mean_ms


class Collector:
    """Latencies in milliseconds with the seconds at which their frames began, which never fall."""

    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._latencies_ms: list[float] = []

    def add(self, time_s: float, latency_ms: float) -> None:
        self._times_s.append(time_s)
        self._latencies_ms.append(latency_ms)

    def between(self, start_s: float, end_s: float = math.inf) -> Sequence[float]:
        """The latencies of the frames that began at `start_s` or later, but before `end_s`."""
        first, last = bisect_left(self._times_s, start_s), bisect_left(self._times_s, end_s)
        return self._latencies_ms[first:last]

    def until(self, end_s: float) -> Sequence[float]:
        """The latencies of the frames that began before `end_s`, or of the first one."""
        return self._latencies_ms[: max(bisect_left(self._times_s, end_s), 1)]
