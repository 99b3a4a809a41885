"""The one contract every source of frames keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from seaformer_edge.frame import Frame


class FrameSource(ABC):
    """Frames in presentation order. Iterating again starts again from the first frame, or from the
    present where the source is live.

    Opening a source already proves that it holds at least one frame; what cannot be opened raises
    `SourceError`.

    Attributes:
        name: what the user knows the source by, for messages.
        frame_rate: frames per second, the mean where it varies; None where it is unknown.
        frame_size: (width, height) of the first frame in pixels, upright.
        pixel_aspect: a pixel's width over its height, as it is to be shown.
        frame_count: best estimate of the number of frames; None where it is unknown.
        files: the files behind the frames; no result may be written over them.
        audio_file: the file whose audio belongs to the frames, if there is one.
        lost_frames: frames the last iteration met but could not decode.
        exhausted: the last iteration came to the source's own end.
        is_live: a camera or live stream, whose frames are lost if they are not read in time.
    """

    name: str
    frame_rate: Fraction | None
    frame_size: tuple[int, int]
    frame_count: int | None
    pixel_aspect: Fraction = Fraction(1)
    files: tuple[Path, ...] = ()
    audio_file: Path | None = None
    lost_frames: int = 0
    exhausted: bool = False
    is_live: bool = False

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yields every frame that decodes; `timestamp_s` never falls."""

    def close(self) -> None:  # noqa: B027  (files have nothing to give back; cameras do)
        """Gives the device or file back. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
