"""What there is to see through: the answer to `--list-sources`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VideoMode:
    """A picture size a source offers, and at which rates.

    Attributes:
        width, height: in pixels.
        rates: frames per second, highest first; empty where unknown.
    """

    width: int
    height: int
    rates: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A source that is there.

    Attributes:
        spec: what to give as `--source`.
        name: what it calls itself.
        modes: largest picture first; empty where the source does not tell.
    """

    spec: str
    name: str
    modes: tuple[VideoMode, ...]


def list_sources() -> list[SourceInfo]:
    """Cameras, then `sample` and `synthetic`. Opens no camera where the system tells by itself."""
    raise NotImplementedError
