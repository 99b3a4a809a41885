"""Network streams through PyAV: RTSP, HTTP, motion JPEG."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count
from time import monotonic
from typing import NamedTuple

import av
import av.container
import av.video
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.safe_text import redacted
from seaformer_edge.sources.base import FrameSource
from seaformer_edge.sources.clock import FrameClock
from seaformer_edge.sources.playlist import NO_FILES
from seaformer_edge.sources.upright import upright_rgb
from seaformer_edge.sources.video import (
    FALLBACK_RATE,
    FORGIVING,
    frame_rate,
    upright_aspect,
    video_stream,
    warn_if_hdr,
)

OPEN_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 10.0
# Not "nobuffer": it drops the packets that were read to analyse the stream, including the first key
# frame, without which nothing can be decoded for seconds. Those packets arrive in a burst, which is
# over at once when only the newest frame is used.
_LOW_DELAY = {
    "analyzeduration": "1000000",  # microseconds; five times that by default
    "rtsp_transport": "tcp",  # UDP loses packets
}
# Formats without timestamps: FFmpeg assumes 25 frames per second.
_TIMELESS = {"jpeg_pipe", "mjpeg", "mpjpeg"}
# fmt: off
_FILES_WITHOUT_DURATION = {
    "apng", "gif", "h264", "hevc", "ivf", "m4v", "mpeg", "mpegts", "mpegvideo", "nut", "obu", "ogg",
}
# fmt: on


class _Picture(NamedTuple):
    image: NDArray[np.uint8]
    time_s: float  # on `time.monotonic`'s clock if the stream is live, else its own timestamp


class StreamSource(FrameSource):
    """The stream or file at a URL. A file has a duration or a known size, and is not live.

    Its name and its errors never contain the login or query of the URL.
    """

    frame_count = None
    _pictures: Iterator[_Picture]

    def __init__(self, url: str) -> None:
        self.name = redacted(url)
        scheme, _, rest = url.strip().partition("://")
        self._url = f"{scheme.lower()}://{rest}"  # FFmpeg knows lower case only
        self._container: av.container.InputContainer | None = None
        container = self._open()
        first = next(self._pictures, None)
        if first is None:
            self.close()
            raise SourceError(f"{self.name}: no frame of this stream can be decoded")
        self.frame_size = (first.image.shape[1], first.image.shape[0])
        self._pictures = chain([first], self._pictures)
        stream = video_stream(container, self.name)
        warn_if_hdr(stream, self.name)
        coded_size = (stream.codec_context.width, stream.codec_context.height)
        self.pixel_aspect = upright_aspect(stream.sample_aspect_ratio, coded_size, self.frame_size)
        self._begun = False

    def __iter__(self) -> Iterator[Frame]:
        if self._container is None or (self._begun and not self.is_live):
            self.close()
            self._open()
        self._begun = True
        start_s: float | None = None
        # Not `for picture in`: the next iteration continues where this one stopped.
        for index in count():
            picture = next(self._pictures, None)
            if picture is None:
                return
            start_s = picture.time_s if start_s is None else start_s
            captured_at_s = picture.time_s if self.is_live else None
            yield Frame(
                picture.image,
                index,
                picture.time_s - start_s,
                captured_at_s=captured_at_s,
                pixel_aspect=self.pixel_aspect,
            )

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> av.container.InputContainer:
        timeouts = (OPEN_TIMEOUT_S, READ_TIMEOUT_S)
        scheme = self._url.partition("://")[0]
        started_s = monotonic()
        try:
            container: av.container.InputContainer = av.open(
                self._url, options=_LOW_DELAY | NO_FILES, timeout=timeouts, **FORGIVING
            )
        except av.ProtocolNotFoundError:
            raise SourceError(
                f"{self.name}: FFmpeg as installed here cannot read {scheme}://"
            ) from None
        except (OSError, av.FFmpegError) as error:
            # After a timeout FFmpeg's own message is misleading.
            late = monotonic() - started_s >= OPEN_TIMEOUT_S
            reason = "no answer" if late else error.strerror
            # From None: the original error contains the whole URL.
            raise SourceError(f"{self.name}: cannot be opened ({reason})") from None
        try:
            stream = video_stream(container, self.name)
        except SourceError:
            container.close()
            raise
        timeless = container.format.name in _TIMELESS
        self.frame_rate = None if timeless else frame_rate(container, stream)
        # Without a seekable server, these formats have no duration, but the server says their size.
        is_file = container.duration is not None or (
            container.format.name in _FILES_WITHOUT_DURATION and container.size > 0
        )
        self.is_live = not is_file
        self._container = container
        self._pictures = self._decoded(container)
        return container

    def _decoded(self, container: av.container.InputContainer) -> Iterator[_Picture]:
        """Every picture that can be decoded, from now to the end of the stream."""
        self.lost_frames, self.exhausted = 0, False
        stream = video_stream(container, self.name)
        # In files, the flag upsets the times of MPEG-2 frames.
        if self.is_live:
            stream.codec_context.flags |= Flags.low_delay
        stream.thread_type = "SLICE"  # with threads over frames, each thread delays by one frame
        to_rgb = VideoReformatter()
        clock = FrameClock(container, 1 / (self.frame_rate or FALLBACK_RATE))
        packets = container.demux(stream)
        if not self.is_live:
            packets = clock.watch(packets, stream)
        while True:
            started_s = monotonic()
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.FFmpegError as error:
                late = monotonic() - started_s >= READ_TIMEOUT_S
                reason = "no answer" if late else error.strerror
                raise SourceError(f"{self.name}: the stream was interrupted ({reason})") from None
            try:
                pictures = packet.decode()
            except av.FFmpegError:
                self.lost_frames += 1
                continue
            for picture in pictures:
                time_s = monotonic() if self.is_live else float(clock.time(picture))
                yield _Picture(upright_rgb(picture, to_rgb, self.new_image), time_s)
        self.exhausted = True
