"""Percentiles and event rates, of all values or of those in a sliding window.

All times are seconds on one monotonic clock and are passed in by the caller.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

PERCENTILE_WINDOW_S = 10.0
RATE_WINDOW_S = 2.0


def percentiles(values: Iterable[float], *percents: float) -> tuple[float, ...]:
    """Nearest-rank percentiles, 0 to 100, of a non-empty sequence: each is one of the values."""
    ordered = sorted(values)
    ranks = (math.ceil(percent / 100 * len(ordered)) for percent in percents)
    return tuple(ordered[max(rank, 1) - 1] for rank in ranks)


class Percentiles:
    """Percentiles of the values in a sliding window of `window_s` seconds."""

    def __init__(self, window_s: float = PERCENTILE_WINDOW_S) -> None:
        self._window_s = window_s
        self._values: deque[tuple[float, float]] = deque()  # (time_s, value)

    def add(self, value: float, time_s: float) -> None:
        """Adds a value. `time_s` must not decrease."""
        self._values.append((time_s, value))
        self._remove_old(time_s)

    def at(self, *percents: float, now_s: float) -> tuple[float, ...]:
        """The nearest-rank percentiles of the window; NaN if it is empty."""
        self._remove_old(now_s)
        if not self._values:
            return (math.nan,) * len(percents)
        return percentiles((value for _, value in self._values), *percents)

    def _remove_old(self, now_s: float) -> None:
        while self._values and self._values[0][0] < now_s - self._window_s:
            self._values.popleft()


class Rate:
    """Events per second in a sliding window of `window_s` seconds: (n - 1) / span."""

    def __init__(self, window_s: float = RATE_WINDOW_S) -> None:
        self._window_s = window_s
        self._times_s: deque[float] = deque()

    def add(self, time_s: float) -> None:
        """Adds an event. `time_s` must not decrease."""
        self._times_s.append(time_s)
        self._remove_old(time_s)

    def per_s(self, now_s: float) -> float:
        """Events per second; 0 with fewer than two events in the window."""
        self._remove_old(now_s)
        if len(self._times_s) < 2:
            return 0.0
        span_s = self._times_s[-1] - self._times_s[0]
        return (len(self._times_s) - 1) / span_s if span_s > 0 else 0.0

    def _remove_old(self, now_s: float) -> None:
        while self._times_s and self._times_s[0] < now_s - self._window_s:
            self._times_s.popleft()
