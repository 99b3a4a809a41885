"""Ranks classes by share, smoothed so that the bars stay readable while the picture changes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

FOLLOW_S = 0.4  # time constant of the smoothing
# A class passes the one above it when it is larger by 10 % and by 0.5 % of the picture.
LEAD, LEAD_SHARE = 1.1, 0.005
GONE_SHARE = 0.001


@dataclass(frozen=True, slots=True)
class Row:
    """One bar.

    Attributes:
        class_id: index into the model's class list.
        name: the class' name.
        share: part of the picture, or a classifier's probability, 0 to 1, smoothed.
        confidence: mean probability over the class' pixels, smoothed; None with a classifier.
    """

    class_id: int
    name: str
    share: float
    confidence: float | None


class Ranking:
    """Smooths shares over time and changes the order only for a clear lead."""

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
        self._rows = _ordered([r for r in rows if r.class_id in present or r.share >= GONE_SHARE])

    def top(self, count: int) -> list[Row]:
        """The `count` largest, in stable order."""
        return [row for row in self._rows if row.share >= GONE_SHARE][:count]


def _towards(row: Row, current: Row | None, follow: float) -> Row:
    if current is None:
        return Row(row.class_id, row.name, row.share * (1 - follow), row.confidence)
    confidence = current.confidence
    if confidence is not None and row.confidence is not None:
        confidence = row.confidence + follow * (confidence - row.confidence)
    share = row.share + follow * (current.share - row.share)
    return Row(row.class_id, row.name, share, confidence)


def _ordered(rows: list[Row]) -> list[Row]:
    """Insertion sort in which only a clear lead moves a row up."""
    ordered: list[Row] = []
    for row in rows:
        place = len(ordered)
        while place and row.share > max(
            ordered[place - 1].share * LEAD, ordered[place - 1].share + LEAD_SHARE
        ):
            place -= 1
        ordered.insert(place, row)
    return ordered
