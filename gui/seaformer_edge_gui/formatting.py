"""Formats numbers for the window."""

from __future__ import annotations

import math
from collections.abc import Mapping

from seaformer_edge.live import LiveStatus

ABSENT = "–"  # noqa: RUF001  (an en dash, for an unknown number)


def rate(per_s: float) -> str:
    """A rate, one decimal below a hundred: "29.9"."""
    return ABSENT if math.isnan(per_s) else f"{per_s:.1f}" if per_s < 99.95 else f"{per_s:.0f}"


def milliseconds(ms: float) -> str:
    """A time without its unit: "8.4", "23", "1240"."""
    return ABSENT if math.isnan(ms) else f"{ms:.1f}" if ms < 9.95 else f"{ms:.0f}"


def percent(share: float) -> str:
    """A share of 1: "0.4 %", "12 %"."""
    return f"{_rounded(share)} %"


def percent_shown(share: float) -> float:
    """The number of `percent`."""
    return float(_rounded(share))


def _rounded(share: float) -> str:
    value = share * 100
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def space(size: int) -> str:
    """Bytes of a disk: "850 MB", "3.2 GB", "120 GB"."""
    if size < 1e9:
        return f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB" if size < 1e10 else f"{size / 1e9:.0f} GB"


def recording(status: LiveStatus) -> str:
    """What is shown while recording, "REC  0:07  ·  58 GB left"; empty without a recording."""
    if status.recording is None:
        return ""
    left = status.disk_free_bytes
    shown = f"REC  {clock(status.recorded_s)}"
    return shown if left is None else f"{shown}  ·  {space(left)} left"


def count(number: int) -> str:
    """A count, abbreviated from 10 000: "847", "12.4k", "3.1M"."""
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if number >= limit:
            return f"{number / (1e6 if unit == 'M' else 1e3):.1f}{unit}"
    return str(number)


def dropped(causes: Mapping[str, int]) -> list[tuple[str, str]]:
    """(cause, count) pairs, largest count first."""
    return [(cause, count(n)) for cause, n in sorted(causes.items(), key=lambda item: -item[1])]


def clock(seconds: float, *, hundredths: bool = False) -> str:
    """A time as "1:05", "1:05.04" or "2:01:05"."""
    whole = int(round(seconds, 2))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"{text}.{round((seconds - whole) * 100):02}" if hundredths else text
