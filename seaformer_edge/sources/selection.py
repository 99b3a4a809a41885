"""A part of a source: every n-th frame of a range."""

from __future__ import annotations

from collections.abc import Iterator

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource


class Selection(FrameSource):
    """The frames `start`, `start + step`, ... before `end` of another source.

    Frames keep their index and timestamp.
    """

    def __init__(
        self, source: FrameSource, start: int = 0, end: int | None = None, step: int = 1
    ) -> None:
        self._source = source
        self._start, self._end, self._step = start, end, step
        self.name = source.name
        self.frame_size = source.frame_size
        self.frame_rate = source.frame_rate and source.frame_rate / step
        self.is_live = source.is_live
        self.files = source.files
        self.pixel_aspect = source.pixel_aspect
        self.audio_file = source.audio_file
        self.metadata = source.metadata
        self.frame_count = None
        if source.frame_count is not None:
            last = source.frame_count if end is None else min(end, source.frame_count)
            self.frame_count = len(range(start, last, step))

    @property
    def lost_frames(self) -> int:  # type: ignore[override]
        return self._source.lost_frames

    @property
    def exhausted(self) -> bool:  # type: ignore[override]
        return self._source.exhausted

    def __iter__(self) -> Iterator[Frame]:
        selected = False
        for frame in self._source:
            if self._end is not None and frame.index >= self._end:
                break
            if frame.index >= self._start and (frame.index - self._start) % self._step == 0:
                selected = True
                yield frame
        if not selected:
            end = "" if self._end is None else self._end
            raise SourceError(f"{self.name}: no frame in the range {self._start}:{end}")

    def interrupt(self) -> None:
        self._source.interrupt()

    def close(self) -> None:
        self._source.close()
