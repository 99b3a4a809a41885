"""A source at another frame rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource


class Retimed(FrameSource):
    """The frames of a source at a constant rate instead of its own times, and without its audio.

    For files without times, such as raw H.264 and pictures.
    """

    audio_file = None

    def __init__(self, source: FrameSource, frame_rate: Fraction) -> None:
        self._source = source
        self._interval = 1 / frame_rate
        self.frame_rate = frame_rate
        self.name = source.name
        self.frame_size = source.frame_size
        self.frame_count = source.frame_count
        self.pixel_aspect = source.pixel_aspect
        self.files = source.files
        self.metadata = source.metadata

    @property
    def lost_frames(self) -> int:  # type: ignore[override]
        return self._source.lost_frames

    @property
    def exhausted(self) -> bool:  # type: ignore[override]
        return self._source.exhausted

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            yield replace(frame, timestamp_s=float(frame.index * self._interval), duration_s=None)

    def interrupt(self) -> None:
        self._source.interrupt()

    def close(self) -> None:
        self._source.close()
