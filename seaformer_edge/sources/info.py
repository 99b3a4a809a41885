"""What `--list-sources` shows of a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from seaformer_edge.sources.base import FrameSource


@dataclass(frozen=True, slots=True)
class VideoMode:
    """A frame size that a source offers, and its frame rates.

    Attributes:
        width, height: in pixels.
        rates: frames per second, highest first; empty if unknown.
    """

    width: int
    height: int
    rates: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A source that is available.

    Attributes:
        spec: what to pass as `--source`.
        name: the source's own name.
        modes: largest frame size first; empty if the source does not report them.
    """

    spec: str
    name: str
    modes: tuple[VideoMode, ...]

    @classmethod
    def of(cls, source: FrameSource, spec: str, name: str) -> Self:
        """The information on an open source."""
        rates = (round(float(source.frame_rate), 2),) if source.frame_rate else ()
        return cls(spec, name, (VideoMode(*source.frame_size, rates),))
