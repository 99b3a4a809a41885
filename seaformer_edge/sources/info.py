"""What `--list-sources` shows of a source."""

from __future__ import annotations

from dataclasses import dataclass


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
