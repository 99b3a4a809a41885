"""How the window's parts are arranged for its size; free of Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BASE_TEXT_PX = 13  # all sizes below are for text of this height, and grow with it
WIDE_PX = (960, 540)
COMPANION_PX = (600, 380)
SHORT_PX = 640  # a wide window that is not higher is on a small screen


class Kind(StrEnum):
    """Which parts there is space for."""

    WIDE = "wide"  # everything at once
    COMPACT = "compact"  # the panels in a drawer, the figures in one line
    COMPANION = "companion"  # the picture and one line


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The arrangement at one size.

    Attributes:
        kind: which parts are shown at once.
        portrait: the drawer is below the picture, not beside it.
        touch: controls are large enough for a finger.
    """

    kind: Kind
    portrait: bool
    touch: bool

    @classmethod
    def at(
        cls, width: int, height: int, text_px: int = BASE_TEXT_PX, *, touch_screen: bool = False
    ) -> Arrangement:
        """The arrangement of a window of width x height pixels.

        Args:
            text_px: height of the text.
            touch_screen: whether the machine has one.
        """
        across, down = (side * BASE_TEXT_PX / text_px for side in (width, height))
        if across >= WIDE_PX[0] and down >= WIDE_PX[1]:
            return cls(Kind.WIDE, portrait=False, touch=touch_screen or down < SHORT_PX)
        small = across < COMPANION_PX[0] or down < COMPANION_PX[1]
        portrait = height > width and not small
        return cls(Kind.COMPANION if small else Kind.COMPACT, portrait, touch=True)
