"""Results on standard output, for another program."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError
from seaformer_edge.frame import Frame
from seaformer_edge.sinks.base import PictureSink, writing
from seaformer_edge.sinks.encoder import VideoEncoder
from seaformer_edge.sinks.formats import check_quality, check_video_size, find_codec
from seaformer_edge.sources.base import FrameSource

STANDARD_OUTPUT = 1
NAME = Path("standard output")
SUFFIX = ".mkv"  # plays from its beginning, without an index


class VideoPipe(PictureSink):
    """A Matroska video on standard output, each picture as soon as the next one comes; no audio.

    Args:
        source: where the frames come from.
        size: (width, height) of the pictures.
        codec, quality: as for `VideoFile`.

    Raises:
        SinkError: it is a terminal, or the pictures are too large.
    """

    def __init__(
        self,
        source: FrameSource,
        size: tuple[int, int],
        codec: str | None = None,
        quality: int | None = None,
    ) -> None:
        if os.isatty(STANDARD_OUTPUT):
            raise SinkError(f"{NAME} is a terminal; pipe the video into another program")
        self.path = NAME
        self._source = source
        self._size = size
        self._codec = find_codec(NAME.with_suffix(SUFFIX), codec)
        self._quality = quality
        check_quality(NAME, self._codec, quality)
        check_video_size(NAME, self._codec, size)
        self._encoder: VideoEncoder | None = None

    def write(self, frame: Frame, picture: NDArray[np.uint8], /) -> None:
        with writing(NAME, av.FFmpegError):
            if self._encoder is None:
                self._encoder = VideoEncoder(
                    _Output(),
                    SUFFIX,
                    self._codec,
                    self._size,
                    frame_rate=self._source.frame_rate,
                    pixel_aspect=self._source.pixel_aspect,
                    audio_file=None,
                    metadata=self._source.metadata,
                    origin_s=frame.timestamp_s,
                    live=True,
                    quality=self._quality,
                )
            self._encoder.write(picture, frame.timestamp_s, frame.duration_s)

    def close(self) -> None:
        if self._encoder is not None:
            encoder, self._encoder = self._encoder, None
            with writing(NAME, av.FFmpegError):
                encoder.close(remaining_audio=False)

    def discard(self) -> None:
        with suppress(SinkError):
            self.close()


class _Output:
    """Standard output for PyAV."""

    def write(self, data: bytes, /) -> int:
        left = memoryview(data)
        while left:
            left = left[os.write(STANDARD_OUTPUT, left) :]
        return len(data)
