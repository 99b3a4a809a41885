"""The interface of all sources of frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.frame import Frame

NewImage = Callable[[tuple[int, ...]], NDArray[np.uint8]]

# A reported capture time that is older than this comes from another clock.
_MAX_AGE_S = 1.0


def capture_time(reported_s: float, now_s: float) -> float:
    """The capture time that a driver reports if it is on `time.monotonic`'s clock, else now."""
    return reported_s if now_s - _MAX_AGE_S < reported_s <= now_s else now_s


def new_image(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An array for a picture of this shape."""
    return np.empty(shape, np.uint8)


class FrameSource(ABC):
    """Frames in presentation order. Iterating again restarts at the first frame, or, if the source
    is live, continues with the newest.

    The constructor reads the first frame, and raises `SourceError` if there is none. A picture
    belongs to its frame: the source does not write to it again. A live source counts `index` and
    `timestamp_s` from 0 in each iteration, and sets `captured_at_s`.

    Attributes:
        name: for messages; holds no secrets.
        frame_rate: frames per second, the mean if it varies; None if it is unknown.
        frame_size: (width, height) of the first frame in pixels, upright.
        pixel_aspect: width of a pixel over its height, when displayed.
        frame_count: best estimate of the number of frames; None if it is unknown.
        files: the files that are read; no result may overwrite them.
        audio_file: the file with the audio of the frames, if there is one.
        lost_frames: frames of the last iteration that could not be decoded.
        exhausted: whether the last iteration reached the source's end.
        metadata: what the file says of "title" and "creation_time".
        controls: the settings of `CameraSettings` that a camera offers, beside those that all have,
            with their (lowest, highest) value.
        is_live: a camera or live stream, whose frames are lost if they are not read in time.
        new_image: makes the arrays of the pictures from their shape, where the source can choose;
            another function may be set.
    """

    name: str
    frame_rate: Fraction | None
    frame_size: tuple[int, int]
    frame_count: int | None
    pixel_aspect: Fraction = Fraction(1)
    files: tuple[Path, ...] = ()
    audio_file: Path | None = None
    metadata: Mapping[str, str] = MappingProxyType({})
    lost_frames: int = 0
    exhausted: bool = False
    controls: Mapping[str, tuple[float, float]] = MappingProxyType({})
    is_live: bool = False
    new_image: NewImage = staticmethod(new_image)

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yields every frame that can be decoded. `timestamp_s` never decreases."""

    def begin_near(self, time_s: float) -> None:  # noqa: B027  (only files can be searched)
        """Lets later iterations begin with the last frame before `time_s`, if the source is a file.

        The indices of the frames may then follow from their times and the frame rate. Takes an
        `interrupt` back.
        """

    def interrupt(self) -> None:  # noqa: B027  (reading a picture does not block)
        """Ends an iteration in another thread soon, even one that waits for a frame or searches."""

    def close(self) -> None:  # noqa: B027  (only some sources have something to close)
        """Releases the device or stream. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
