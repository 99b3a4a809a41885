"""What the capture thread reads: a source in a worker process, or a file in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource
from seaformer_edge.sources.spec import open_source
from seaformer_edge.sources.video import FALLBACK_RATE

# A file that falls behind its timestamps by more than this continues from where it is.
MAX_DELAY_S = 0.5
# A frame that is due later than this has an absurd timestamp; the file continues with it at once.
MAX_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """A source, and how to play it; see `LivePipeline`."""

    spec: str | Path
    realtime: bool = True
    loop: bool = False


class SourceReader(Protocol):
    """An open source that one thread iterates. `close`, from any thread, ends the iteration soon.

    For a source in a worker process it is `SourceProcess`, else `FileReader`.

    Attributes:
        name: the source's own name, if it has one.
        frame_rate, is_live, lost_frames: as of `FrameSource`, from the first frame on.
    """

    @property
    def name(self) -> str | None: ...

    frame_rate: Fraction | None
    is_live: bool
    lost_frames: int

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


class FileReader:
    """A source in this process as a `SourceReader`: its reads do not block for long."""

    name = None  # the text of the request is the best name
    is_live = False

    def __init__(self, request: SourceRequest) -> None:
        self._request = request
        self._closed = False
        self._source: FrameSource | None = None  # while it is open
        self.frame_rate: Fraction | None = None
        self.lost_frames = 0

    def __iter__(self) -> Iterator[Frame]:
        with open_source(self._request.spec) as source:
            self._source = source
            self.frame_rate = source.frame_rate
            interval_s = float(1 / (source.frame_rate or FALLBACK_RATE))
            start_s = end_s = 0.0
            while True:
                for frame in source:
                    if self._closed:
                        return
                    self.lost_frames = source.lost_frames
                    end_s = start_s + frame.timestamp_s + interval_s
                    yield replace(frame, timestamp_s=start_s + frame.timestamp_s)
                if not self._request.loop:
                    return
                start_s = end_s

    def close(self) -> None:
        self._closed = True
        if self._source is not None:
            self._source.interrupt()


class PlaybackClock:
    """Converts a file's timestamps to times on `time.monotonic`'s clock."""

    def __init__(self) -> None:
        self._start_at_s: float | None = None

    def due_at_s(self, timestamp_s: float, now_s: float) -> float:
        """When the frame is due; now, if the clock was reset, is late or waits too long."""
        due_at_s = now_s if self._start_at_s is None else self._start_at_s + timestamp_s
        if self._start_at_s is None or not -MAX_DELAY_S <= due_at_s - now_s <= MAX_WAIT_S:
            self._start_at_s = now_s - timestamp_s
        return self._start_at_s + timestamp_s

    def reset(self) -> None:
        """The next frame is due at once: the file was paused."""
        self._start_at_s = None
