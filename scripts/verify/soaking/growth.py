"""What grew in a run of scripts/verify/soak, from what was held in its calms."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seaformer_edge.live import LiveStatus


class Calm(NamedTuple):
    """What was held in a calm.

    Small, for a run keeps hundreds of them and must not itself be what grows.

    Attributes:
        time_s: since the run's beginning, at the calm's end.
        resident_mb: median of readings half a second apart; how many frames are under way at one
            moment moves it by megabytes.
        threads, files: of all kinds, at its end.
        state: the model that ran, and the fault before, which leave their marks on the heap.
    """

    time_s: float
    resident_mb: float
    threads: int
    files: int
    state: tuple[str, str]


class Latencies:
    """Capture to paint in the two parts of a run that are compared.

    Args:
        part_s: the first part follows the warm-up, which lasts as long; the last one lasts until
            `duration_s`.
    """

    def __init__(self, part_s: float, duration_s: float) -> None:
        self._first = (part_s, 2 * part_s, array("f"))
        self._last = (duration_s - part_s, float("inf"), array("f"))

    def add(self, time_s: float, latencies_ms: Sequence[float]) -> None:
        for begin_s, end_s, kept_ms in (self._first, self._last):
            if begin_s < time_s <= end_s:
                kept_ms.extend(latencies_ms)

    def parts_ms(self) -> tuple[array[float], array[float]]:
        """Those of the first and of the last part."""
        return self._first[2], self._last[2]


def slope_mb_per_hour(calms: Sequence[Calm]) -> tuple[float, float]:
    """How fast resident memory grows, and the standard error of that; NaN if too few states recur.

    The slope of parallel lines, one for each state: what a calm holds after a recording and what
    after a change of model differ by megabytes, again and again, and that is no growth.
    """
    resident_mb = np.array([calm.resident_mb for calm in calms])
    hours = [calm.time_s / 3600 for calm in calms]
    levels = [[calm.state == state for calm in calms] for state in {calm.state for calm in calms}]
    columns = np.array([hours, *levels], float).T
    freedom = len(calms) - columns.shape[1]
    if freedom < 3:
        return float("nan"), float("nan")
    fitted, *_ = np.linalg.lstsq(columns, resident_mb)
    error_mb = resident_mb - columns @ fitted
    covariance = np.linalg.pinv(columns.T @ columns) * (error_mb @ error_mb) / freedom
    return float(fitted[0]), float(np.sqrt(covariance[0, 0]))


def report(calms: Sequence[Calm], latencies: Latencies, part_s: float, status: LiveStatus) -> None:
    """What grew over the calms after the first `part_s`, which are the warm-up."""
    settled = [calm for calm in calms if calm.time_s > part_s]
    parts_ms = latencies.parts_ms()
    if not settled or not all(parts_ms):
        print("too short a run to tell what grows")
        return
    slope, error = slope_mb_per_hour(settled)
    first, last = settled[0], settled[-1]
    print(f"{last.time_s / 60:.1f} minutes, the first {part_s / 60:.1f} of them warm-up")
    grown = f"{slope:+.2f} MB an hour, standard error {error:.2f}"
    if math.isnan(slope):
        grown = "too short a run to tell its growth"
    least_mb, most_mb = (f(calm.resident_mb for calm in settled) for f in (min, max))
    print(f"resident memory {grown}  (goal 0.5), {least_mb:.1f} to {most_mb:.1f} MB")
    print(f"threads {last.threads - first.threads:+d}, files {last.files - first.files:+d}")
    p99s_ms = []
    for name, part_ms in zip(("first", "last"), parts_ms, strict=True):
        p50_ms, p99_ms = np.percentile(part_ms, (50, 99))
        p99s_ms.append(p99_ms)
        print(
            f"capture to paint, {name} {part_s / 60:.1f} minutes:"
            f" p50 {p50_ms:.1f}, p99 {p99_ms:.1f} ms"
        )
    print(f"p99, last against first: {p99s_ms[1] / p99s_ms[0] - 1:+.1%}  (goal 10 %)")
    dropped = ", ".join(f"{cause} {count}" for cause, count in status.dropped.items())
    print(f"frames dropped: {dropped or 'none'}")
