"""Video files: one that takes pictures and times, and the sink for the frames of a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError
from seaformer_edge.files import partial_path, publish
from seaformer_edge.frame import Frame, IndexedImage
from seaformer_edge.sinks.base import LowDiskError, PictureSink, check_file, check_space, writing
from seaformer_edge.sinks.encoder import Picture, VideoEncoder
from seaformer_edge.sinks.formats import check_quality, check_video_size, find_codec
from seaformer_edge.sources.base import FrameSource


class VideoFile:
    """A video file; it is created with the first picture, which decides its size.

    The suffix decides container and codec. Odd sizes grow by one row or column; pictures of
    another size than the first are fitted into it. It is written to `files.partial_path(path)`,
    which plays up to about its last second of pictures even if the program is killed, and gets
    its name on close. After a failure it is removed.

    Args:
        path: the file.
        frame_rate: frames per second, a hint for the encoder; None if unknown.
        pixel_aspect: see the attributes.
        audio_file: the file whose audio is copied, if any.
        metadata: tags of the file by FFmpeg's names, such as "title".
        inputs: files that must not be overwritten.
        overwrite: replace an existing file.
        live: pictures come slowly, as from a camera: each one is in the file once the next one is
            written, and the file has its name from the second one on. After a failure, what was
            recorded is kept.
        codec: a key of `formats.CODECS`; None for the usual one of the format.
        quality: 0 to 100; None for the usual one.

    Attributes:
        path: the file.
        origin_s: the time, in seconds, at which the file begins; None for that of the first
            picture. Set it before the first picture.
        pixel_aspect: a pixel's width over its height. Set it before the first picture.

    Raises:
        SinkError: the suffix is unknown or does not fit the codec, or the file may not or cannot be
            written. `write` and `close` raise it too.
        LowDiskError: from `write`, before the disk is full; the file can still be closed.
    """

    def __init__(
        self,
        path: Path,
        *,
        frame_rate: Fraction | None = None,
        pixel_aspect: Fraction = Fraction(1),
        audio_file: Path | None = None,
        metadata: Mapping[str, str] = MappingProxyType({}),
        inputs: Sequence[Path] = (),
        overwrite: bool = False,
        live: bool = False,
        codec: str | None = None,
        quality: int | None = None,
    ) -> None:
        self._codec = find_codec(path, codec, live=live)
        check_quality(path, self._codec, quality)
        self._quality = quality
        check_file(path, inputs=inputs, overwrite=overwrite)
        self.path = path
        self.origin_s: float | None = None
        self._frame_rate = frame_rate
        self.pixel_aspect = pixel_aspect
        self._audio_file = audio_file
        self._metadata = metadata
        self._encoder: VideoEncoder | None = None
        self._live = live
        self._pictures = 0
        self._partial: Path | None = partial_path(path)  # None once the file has its name

    def write(self, picture: Picture, time_s: float, duration_s: float | None = None) -> None:
        """Adds a picture to be shown at `time_s` of the source.

        The next picture ends it; `duration_s` counts for the last one.
        """
        check_space(self.path)
        with self._discarded_on_failure():
            if self._encoder is None:
                assert self._partial is not None
                image = picture.ids if isinstance(picture, IndexedImage) else picture
                size = (image.shape[1], image.shape[0])
                check_video_size(self.path, self._codec, size)
                self._partial.parent.mkdir(parents=True, exist_ok=True)
                self._encoder = VideoEncoder(
                    self._partial,
                    self.path.suffix.lower(),
                    self._codec,
                    size,
                    frame_rate=self._frame_rate,
                    pixel_aspect=self.pixel_aspect,
                    audio_file=self._audio_file,
                    metadata=self._metadata,
                    origin_s=time_s if self.origin_s is None else self.origin_s,
                    live=self._live,
                    quality=self._quality,
                )
            self._encoder.write(picture, time_s, duration_s)
            self._pictures += 1
            if self._live and self._pictures > 1:  # the first is in the file
                self._give_name()

    def close(self, *, remaining_audio: bool = False) -> None:
        """Finishes the file. May be called twice.

        Args:
            remaining_audio: copy all audio; else it ends with the last picture.
        """
        if self._encoder is not None:
            with self._discarded_on_failure():
                encoder, self._encoder = self._encoder, None
                encoder.close(remaining_audio=remaining_audio)
                self._give_name()

    def discard(self) -> None:
        """Ends the file after a failure: removes it, but keeps a live recording."""
        with suppress(SinkError, OSError, av.FFmpegError):
            if self._live:
                self.close()
            elif self._encoder is not None:
                encoder, self._encoder = self._encoder, None
                encoder.close(remaining_audio=False)
        with suppress(OSError):
            if self._partial is not None:
                self._partial.unlink()
            elif self._live and self.path.stat().st_size == 0:  # the disk was full already
                self.path.unlink()

    @contextmanager
    def _discarded_on_failure(self) -> Iterator[None]:
        with writing(self.path, av.FFmpegError):
            try:
                yield
            except BaseException:
                self.discard()
                raise

    def _give_name(self) -> None:
        if self._partial is not None:
            publish(self.path)
            self._partial = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None or issubclass(kind, LowDiskError):
            self.close()
        else:
            self.discard()


class VideoSink(PictureSink):
    """A video with the source's times, pixel aspect, audio and metadata. See `VideoFile`.

    A range of a source begins at zero. Audio after the last frame is kept if the source was read
    to its end, and cut if the run was interrupted.

    Args:
        path: the file.
        source: where the frames come from.
        size: (width, height) of the pictures; None for that of the frames.
        overwrite: replace an existing file.
        codec, quality: as for `VideoFile`.
    """

    def __init__(
        self,
        path: Path,
        source: FrameSource,
        *,
        size: tuple[int, int] | None = None,
        overwrite: bool = False,
        codec: str | None = None,
        quality: int | None = None,
    ) -> None:
        self.path = path
        self._source = source
        self._file = VideoFile(
            path,
            frame_rate=source.frame_rate,
            pixel_aspect=source.pixel_aspect,
            audio_file=source.audio_file,
            metadata=source.metadata,
            inputs=source.files,
            overwrite=overwrite,
            live=source.is_live,
            codec=codec,
            quality=quality,
        )
        check_video_size(path, find_codec(path, codec), size or source.frame_size)

    def write(self, frame: Frame, picture: NDArray[np.uint8], /) -> None:
        if frame.index == 0:
            self._file.origin_s = 0.0  # a whole file keeps its start, which the audio refers to
        self._file.write(picture, frame.timestamp_s, frame.duration_s)

    def close(self) -> None:
        self._file.close(remaining_audio=self._source.exhausted)

    def discard(self) -> None:
        self._file.discard()
