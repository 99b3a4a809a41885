"""Ranks classes by share, smoothed so that the bars stay readable while the picture changes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from seaformer_edge_gui.formatting import percent_shown

FOLLOW_S = 0.4  # time constant of the smoothing
GONE_SHARE = 0.001
UNKNOWN_ID = -1
"""Of the row of the pixels without a class."""


@dataclass(frozen=True, slots=True)
class Row:
    """One bar.

    Attributes:
        class_id: index into the model's class list, or `UNKNOWN_ID`.
        name: the class' name.
        share: part of the picture, or a classifier's probability, 0 to 1, smoothed.
        confidence: mean probability over the class' pixels, smoothed; None with a classifier.
    """

    class_id: int
    name: str
    share: float
    confidence: float | None


class Ranking:
    """Smooths shares over time, and orders them by the numbers that are shown."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._time_s = -math.inf

    def clear(self) -> None:
        """Forgets everything, as for another model."""
        self._rows, self._time_s = [], -math.inf

    def update(self, current: Iterable[Row], now_s: float) -> None:
        """Adds the classes of the newest result.

        New classes rise and vanished ones sink at the same rate, so the shares still add up to one
        while the scene changes.
        """
        follow = 1 - math.exp(-(now_s - self._time_s) / FOLLOW_S)
        self._time_s = now_s
        new = {row.class_id: row for row in current}
        present = frozenset(new)
        rows = [_towards(row, new.pop(row.class_id, None), follow) for row in self._rows]
        rising = [replace(row, share=row.share * follow) for row in new.values()]
        rows += sorted(rising, key=lambda row: -row.share)
        rows = [row for row in rows if row.class_id in present or row.share >= GONE_SHARE]
        self._rows = sorted(rows, key=lambda row: -percent_shown(row.share))

    def top(self, count: int) -> list[Row]:
        """The `count` largest; those of equal number in the order in which they were."""
        return [row for row in self._rows if row.share >= GONE_SHARE][:count]


def _towards(row: Row, current: Row | None, follow: float) -> Row:
    if current is None:
        return Row(row.class_id, row.name, row.share * (1 - follow), row.confidence)
    confidence = current.confidence
    if confidence is not None and row.confidence is not None:
        confidence = row.confidence + follow * (confidence - row.confidence)
    share = row.share + follow * (current.share - row.share)
    return Row(row.class_id, row.name, share, confidence)
