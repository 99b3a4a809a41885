"""Network streams through PyAV: RTSP, HTTP, motion JPEG."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from urllib.parse import urlsplit

import av
import av.container
import av.video
from av.video.reformatter import VideoReformatter

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource
from seaformer_edge.sources.video import FORGIVING, fraction, upright_rgb

SCHEMES = frozenset({"http", "https", "rtmp", "rtsp", "rtsps", "srt", "tcp", "udp"})
OPEN_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 10.0
_LOW_DELAY = {
    "analyzeduration": "1000000",  # microseconds; five times that by default
    "fflags": "nobuffer",
    "flags": "low_delay",
    "rtsp_transport": "tcp",  # UDP loses packets, and the picture with them
}
# Containers that carry no time: FFmpeg makes up 25 a second.
_TIMELESS = {"jpeg_pipe", "mjpeg", "mpjpeg"}


def is_url(spec: str) -> bool:
    """Whether `spec` names something on the network."""
    return "://" in spec and urlsplit(spec).scheme.lower() in SCHEMES


def redacted(url: str) -> str:
    """The URL without what may be secret: name, password, and everything after the path."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


class StreamSource(FrameSource):
    """What a URL gives, at the pace it gives it; a file behind a URL counts as a file.

    Nothing that this source says or raises holds the URL's name, password or query.
    """

    frame_count = None

    def __init__(self, url: str) -> None:
        self.name = redacted(url)
        self._url = url
        self._container: av.container.InputContainer | None = self._opened()
        stream = self._container.streams.video[0]
        timeless = self._container.format.name in _TIMELESS
        rate = stream.average_rate
        self.frame_rate = fraction(rate) if rate and not timeless else None
        self.live = self._container.duration is None
        self._frames = self._read(self._container)
        first = next(self._frames, None)
        if first is None:
            self.close()
            raise SourceError(f"{self.name}: no picture in this stream can be decoded")
        self._first: Frame | None = first
        self.frame_size = (first.image.shape[1], first.image.shape[0])

    def __iter__(self) -> Iterator[Frame]:
        """Goes on with the present; a file behind a URL, and a stream closed, is opened again."""
        first, self._first = self._first, None
        if first is not None:
            yield first
        elif self._container is None or not self.live:
            self.close()
            self._container = self._opened()
            self._frames = self._read(self._container)
        # Not `yield from`, which would end the frames together with this iteration.
        while (frame := next(self._frames, None)) is not None:
            yield frame

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _opened(self) -> av.container.InputContainer:
        timeouts = (OPEN_TIMEOUT_S, READ_TIMEOUT_S)
        try:
            container: av.container.InputContainer = av.open(
                self._url, options=_LOW_DELAY, timeout=timeouts, **FORGIVING
            )
        except (OSError, av.FFmpegError) as error:
            # From None: the error itself knows the whole URL.
            raise SourceError(f"{self.name}: cannot be opened ({_reason(error)})") from None
        if not container.streams.video:
            container.close()
            raise SourceError(f"{self.name}: holds no video")
        return container

    def _read(self, container: av.container.InputContainer) -> Iterator[Frame]:
        self.lost_frames, self.exhausted = 0, False
        stream = container.streams.video[0]
        stream.thread_type = "SLICE"  # threads over frames would hold back a frame each
        to_rgb = VideoReformatter()
        packets = container.demux(stream)
        start_s: float | None = None
        index = 0
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.FFmpegError as error:
                raise SourceError(f"{self.name}: the stream broke off ({_reason(error)})") from None
            try:
                pictures = packet.decode()
            except av.FFmpegError:
                self.lost_frames += 1
                continue
            for picture in pictures:
                now_s = monotonic()
                time_s = picture.time if picture.time is not None and not self.live else now_s
                start_s = time_s if start_s is None else start_s
                captured_s = now_s if self.live else None
                image = upright_rgb(picture, to_rgb)
                yield Frame(image, index, time_s - start_s, captured_s=captured_s)
                index += 1
        self.exhausted = True


def _reason(error: OSError | av.FFmpegError) -> str:
    if isinstance(error, av.ExitError):  # FFmpeg's word for PyAV's time-out
        return "no answer"
    return str(error.strerror)
