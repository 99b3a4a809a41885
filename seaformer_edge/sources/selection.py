"""A part of a source: every n-th frame of a range."""

from __future__ import annotations

from collections.abc import Iterator

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource


class Selection(FrameSource):
    """Every `step`-th frame of a range of another source. Frames keep their index and timestamp.

    Args:
        source: is told to begin near `start_s`.
        start, end: the first frame, and the one to stop before, by index.
        step: from one frame to the next.
        start_s, end_s: the same by timestamp, in seconds; both kinds of limits hold.
    """

    def __init__(
        self,
        source: FrameSource,
        start: int = 0,
        end: int | None = None,
        step: int = 1,
        *,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> None:
        self._source = source
        self._start, self._end, self._step = start, end, step
        self._start_s, self._end_s = start_s, end_s
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
            first, last = start, source.frame_count
            if source.frame_rate is not None:
                first = max(first, round(start_s * source.frame_rate))
                last = last if end_s is None else min(last, round(end_s * source.frame_rate))
            last = last if end is None else min(end, last)
            self.frame_count = len(range(first, last, step))
        if start_s > 0:
            source.begin_near(start_s)

    @property
    def lost_frames(self) -> int:  # type: ignore[override]
        return self._source.lost_frames

    @property
    def exhausted(self) -> bool:  # type: ignore[override]
        return self._source.exhausted

    def __iter__(self) -> Iterator[Frame]:
        first: int | None = None
        for frame in self._source:
            if self._end is not None and frame.index >= self._end:
                break
            if self._end_s is not None and frame.timestamp_s >= self._end_s:
                break
            if frame.index < self._start or frame.timestamp_s < self._start_s:
                continue
            first = frame.index if first is None else first
            if (frame.index - first) % self._step == 0:
                yield frame
        if first is None:
            raise SourceError(f"{self.name}: no frame in the range {self._range()}")

    def _range(self) -> str:
        start = f"{self._start_s:g} s" if self._start_s else self._start
        end = "" if self._end is None else self._end
        return f"{start}:{end if self._end_s is None else f'{self._end_s:g} s'}"

    def interrupt(self) -> None:
        self._source.interrupt()

    def close(self) -> None:
        self._source.close()
