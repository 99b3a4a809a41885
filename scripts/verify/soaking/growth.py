"""The growth of memory, threads, files and latency in a run of scripts/verify/soak."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seaformer_edge.live import LiveStatus


class Sample(NamedTuple):
    """The resources in use during one period of normal running.

    Attributes:
        time_s: from the start of the run to the end of the period.
        resident_mb: median of readings half a second apart; a single reading varies by megabytes
            with the number of frames in progress.
        threads, files: open at the end of the period.
        state: the model and the previous fault, both of which affect the size of the heap.
    """

    time_s: float
    resident_mb: float
    threads: int
    files: int
    state: tuple[str, str]


class Latencies:
    """Latencies from capture to paint in the first and the last part of a run.

    Args:
        part_s: duration of the warm-up, of the first part after it, and of the last part.
        duration_s: of the run.
    """

    def __init__(self, part_s: float, duration_s: float) -> None:
        self._first = (part_s, 2 * part_s, array("f"))
        self._last = (duration_s - part_s, float("inf"), array("f"))

    def add(self, time_s: float, latencies_ms: Sequence[float]) -> None:
        for begin_s, end_s, kept_ms in (self._first, self._last):
            if begin_s < time_s <= end_s:
                kept_ms.extend(latencies_ms)

    def parts_ms(self) -> tuple[array[float], array[float]]:
        """The latencies of the first and of the last part."""
        return self._first[2], self._last[2]


def slope_mb_per_hour(samples: Sequence[Sample]) -> tuple[float, float]:
    """The growth of resident memory and its standard error; NaN if too few states recur.

    This is the common slope of parallel lines, one for each state: memory after a recording and
    memory after a change of the model always differ by megabytes, which is not growth.
    """
    resident_mb = np.array([sample.resident_mb for sample in samples])
    hours = [sample.time_s / 3600 for sample in samples]
    levels = [
        [sample.state == state for sample in samples]
        for state in {sample.state for sample in samples}
    ]
    columns = np.array([hours, *levels], float).T
    freedom = len(samples) - columns.shape[1]
    if freedom < 3:
        return float("nan"), float("nan")
    fitted, *_ = np.linalg.lstsq(columns, resident_mb)
    error_mb = resident_mb - columns @ fitted
    covariance = np.linalg.pinv(columns.T @ columns) * (error_mb @ error_mb) / freedom
    return float(fitted[0]), float(np.sqrt(covariance[0, 0]))


def report(
    samples: Sequence[Sample], latencies: Latencies, part_s: float, status: LiveStatus
) -> None:
    """Prints the growth after the first `part_s`, which are the warm-up."""
    settled = [sample for sample in samples if sample.time_s > part_s]
    parts_ms = latencies.parts_ms()
    if not settled or not all(parts_ms):
        print("the run was too short to measure growth")
        return
    slope, error = slope_mb_per_hour(settled)
    first, last = settled[0], settled[-1]
    print(f"{last.time_s / 60:.1f} minutes, the first {part_s / 60:.1f} of them warm-up")
    grown = f"{slope:+.2f} MB per hour, standard error {error:.2f}"
    if math.isnan(slope):
        grown = "unknown (the run was too short)"
    least_mb, most_mb = (f(sample.resident_mb for sample in settled) for f in (min, max))
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
    print(f"p99, last compared with first: {p99s_ms[1] / p99s_ms[0] - 1:+.1%}  (goal 10 %)")
    dropped = ", ".join(f"{cause} {count}" for cause, count in status.dropped.items())
    print(f"frames dropped: {dropped or 'none'}")
