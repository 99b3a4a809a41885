"""What the capture thread reads: a source in a worker process, or a file in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from seaformer_edge.frame import Frame
from seaformer_edge.live.stats import Position
from seaformer_edge.sources.base import FrameSource
from seaformer_edge.sources.camera_settings import AS_IT_IS, CameraSettings
from seaformer_edge.sources.pictures import PictureSource
from seaformer_edge.sources.spec import open_source
from seaformer_edge.sources.video import FALLBACK_RATE

# A file that falls behind its timestamps by more than this continues from where it is.
MAX_DELAY_S = 0.5
# A frame that is due later than this has an absurd timestamp; the file continues with it at once.
MAX_WAIT_S = 60.0
TIME_TOLERANCE_S = 1e-6


@dataclass(slots=True, eq=False)
class SourceRequest:
    """A source, and how to play it; see `LivePipeline`. The values may change while it plays."""

    spec: str | Path
    realtime: bool = True
    loop: bool = False
    picture_s: float | None = None
    camera: CameraSettings = AS_IT_IS


@dataclass(frozen=True, slots=True)
class Seek:
    """Where a file is to continue: with the first frame from `time_s` on, or the last if there is
    none; with `before`, with the last frame before `time_s`, or the first if there is none."""

    time_s: float = 0.0
    before: bool = False


class SourceReader(Protocol):
    """An open source that one thread iterates. `close`, from any thread, ends the iteration soon.

    For a source in a worker process it is `SourceProcess`, else `FileReader`.

    Attributes:
        name: the source's own name, if it has one.
        frame_rate, is_live, lost_frames, controls: as of `FrameSource`, from the first frame on.
        warnings: what the source said as it was opened; not of a file, which says it itself.
    """

    @property
    def name(self) -> str | None: ...

    @property
    def frame_rate(self) -> Fraction | None: ...

    @property
    def controls(self) -> Mapping[str, tuple[float, float]]: ...

    @property
    def warnings(self) -> Sequence[str]: ...

    is_live: bool
    lost_frames: int

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


class FileReader:
    """A source in this process as a `SourceReader`: its reads do not block for long.

    Attributes:
        position: of the frame that was yielded last; None if the source is no file.
    """

    name = None  # the text of the request is the best name
    is_live = False
    frame_rate = None  # nothing to judge it by: it is searched, stepped through and paused
    controls: Mapping[str, tuple[float, float]] = MappingProxyType({})
    warnings = ()

    def __init__(self, request: SourceRequest, seek: Seek | None = None) -> None:
        self._request = request
        self.lost_frames = 0
        self.position: Position | None = None
        self._lock = threading.Lock()  # of the fields below
        self._closed = False
        self._seek = seek
        self._source: FrameSource | None = None  # while it is open

    def __iter__(self) -> Iterator[Frame]:
        request = self._request
        with open_source(request.spec) as source:
            pictures = source.frame_count if isinstance(source, PictureSource) else None
            rate = source.frame_rate or FALLBACK_RATE
            length_s = float(source.frame_count / rate) if source.frame_count else None
            start_s = end_s = 0.0
            while (seek := self._begin(source)) is not None:
                first = last = -1
                for frame in _frames_from(source, seek):
                    first, last = (frame.index if first < 0 else first), frame.index
                    self.lost_frames = source.lost_frames
                    if source.files:
                        picture = None if pictures is None else frame.index + 1
                        self.position = Position(
                            frame.timestamp_s, length_s, picture, pictures, frame.name
                        )
                    end_s = start_s + frame.timestamp_s + float(1 / rate)
                    yield replace(frame, timestamp_s=start_s + frame.timestamp_s)
                    if self._closed or self.seek_pending:
                        break
                else:
                    is_still = first == last and seek == Seek()
                    if (is_still or not request.loop) and not self.seek_pending:
                        return
                start_s = end_s

    @property
    def seek_pending(self) -> bool:
        """Whether the next frame will be of another place than the frame that was yielded last."""
        return self._seek is not None

    def seek(self, seek: Seek) -> None:
        """Continues elsewhere, soon. Any thread may call it."""
        with self._lock:
            self._seek = seek
            if self._source is not None:
                self._source.interrupt()

    def take_seek(self) -> Seek | None:
        """The seek that is pending, once."""
        with self._lock:
            seek, self._seek = self._seek, None
            return seek

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._source is not None:
                self._source.interrupt()

    def _begin(self, source: FrameSource) -> Seek | None:
        """Where the next iteration begins; None if the reader is closed."""
        with self._lock:
            if self._closed:
                return None
            self._source = source
            seek, self._seek = self._seek or Seek(), None
            source.begin_near(seek.time_s)
            return seek


def _frames_from(source: FrameSource, seek: Seek) -> Iterator[Frame]:
    """The frames of a source that was told to begin near the time of `seek`."""
    earlier: Frame | None = None
    for frame in source:
        if not seek.before and frame.timestamp_s < seek.time_s - TIME_TOLERANCE_S:
            earlier = frame
        else:
            earlier = None
            yield frame
    if earlier is not None:
        yield earlier


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
