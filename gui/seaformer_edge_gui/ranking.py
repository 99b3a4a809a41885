"""The classes with the largest share, as bars that a person can read while everything moves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

FOLLOW_S = 0.4  # shares follow what is seen with this time constant
# A class passes the one above it when it is larger by a tenth and by half a percent of the picture.
LEAD, LEAD_SHARE = 1.1, 0.005
GONE_SHARE = 0.001


@dataclass(frozen=True, slots=True)
class Row:
    """One bar.

    Attributes:
        class_id: index into the model's class list.
        name: the class' name.
        share: part of the picture, or probability of a classifier's class, 0 to 1, steadied.
        confidence: mean probability over the class' pixels, steadied; None with a classifier.
    """

    class_id: int
    name: str
    share: float
    confidence: float | None


class Ranking:
    """Follows shares smoothly and changes places only for a clear lead."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._time_s = -math.inf

    def clear(self) -> None:
        """Begins anew, as for another model."""
        self._rows, self._time_s = [], -math.inf

    def update(self, seen: Iterable[Row], now_s: float) -> None:
        """Takes what is seen now.

        A new class' bar rises and that of one no longer seen sinks at the same pace, so that the
        shares of a scene that changes still make a whole.
        """
        follow = 1 - math.exp(-(now_s - self._time_s) / FOLLOW_S)
        self._time_s = now_s
        new = {row.class_id: row for row in seen}
        here = frozenset(new)
        rows = [_towards(row, new.pop(row.class_id, None), follow) for row in self._rows]
        rising = [replace(row, share=row.share * follow) for row in new.values()]
        rows += sorted(rising, key=lambda row: -row.share)
        self._rows = _ordered([r for r in rows if r.class_id in here or r.share >= GONE_SHARE])

    def top(self, count: int) -> list[Row]:
        """The largest, in their steady order."""
        return [row for row in self._rows if row.share >= GONE_SHARE][:count]


def _towards(row: Row, seen: Row | None, follow: float) -> Row:
    if seen is None:
        return Row(row.class_id, row.name, row.share * (1 - follow), row.confidence)
    confidence = seen.confidence
    if confidence is not None and row.confidence is not None:
        confidence = row.confidence + follow * (confidence - row.confidence)
    share = row.share + follow * (seen.share - row.share)
    return Row(row.class_id, row.name, share, confidence)


def _ordered(rows: list[Row]) -> list[Row]:
    """Insertion sort, in which only a clear lead moves a row up."""
    ordered: list[Row] = []
    for row in rows:
        place = len(ordered)
        while place and row.share > max(
            ordered[place - 1].share * LEAD, ordered[place - 1].share + LEAD_SHARE
        ):
            place -= 1
        ordered.insert(place, row)
    return ordered
