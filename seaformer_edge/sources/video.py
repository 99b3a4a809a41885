"""Frames of a video file, through PyAV."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import av
import av.container
import av.video
import numpy as np
from av.stream import Disposition
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource

# FFmpeg's code for "the file does not say"; players then take BT.709 from this height on.
UNSPECIFIED = 2
HD_HEIGHT = 720
FALLBACK_RATE = Fraction(25)  # where the file does not say
# From PyAV 19 on, titles in another encoding than UTF-8 are no error, and the option is gone.
FORGIVING: dict[str, Any] = (
    {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
)


class VideoSource(FrameSource):
    """The video stream of any container FFmpeg reads.

    Timestamps are the file's own, counted from the start of the file (of its audio, if that begins
    first). Frames come upright. What is corrupt or cut off is counted in `lost_frames`.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.files = (path,)
        with open_media(path) as container:
            stream = _video_stream(container, path)
            self.frame_rate = fraction(stream.average_rate) if stream.average_rate else None
            self.frame_count = _promised_frames(stream)
            aspect = stream.sample_aspect_ratio
            self.pixel_aspect = fraction(aspect) if aspect else Fraction(1)
            # A stream that FFmpeg has no decoder for has no size; nor does a frame of it come.
            coded_size = (getattr(stream, "width", 0), getattr(stream, "height", 0))
            if container.streams.audio:
                self.audio_file = path
        first = next(iter(self), None)
        if first is None:
            raise SourceError(f"{path}: no frame of the video can be decoded")
        self.frame_size = (first.image.shape[1], first.image.shape[0])
        if self.frame_size == coded_size[::-1] != coded_size:  # turned upright
            self.pixel_aspect = 1 / self.pixel_aspect

    def __iter__(self) -> Iterator[Frame]:
        self.lost_frames, self.exhausted = 0, False
        path = self.files[0]
        with open_media(path) as container:
            stream = _video_stream(container, path)
            start = start_time(container)
            interval = 1 / (self.frame_rate or FALLBACK_RATE)
            to_rgb = VideoReformatter()
            time = -interval
            index = steady = 0
            for picture in self._decoded(container, stream):
                earlier = time
                if picture.pts is None or picture.time_base is None:
                    time += interval
                else:
                    time = max(picture.pts * fraction(picture.time_base) - start, time, Fraction(0))
                steady += abs(time - earlier - interval) < interval / 10
                yield Frame(upright_rgb(picture, to_rgb), index, float(time))
                index += 1
            # A count in the file is certain (AVI counts ticks). A duration tells the number of
            # frames only where they come at a constant rate.
            certain = stream.frames and container.format.name != "avi"
            if certain or steady >= 0.9 * index:
                promised = _promised_frames(stream) or 0
                self.lost_frames = max(self.lost_frames, promised - self._hidden - index)
        self.exhausted = True

    def _decoded(
        self, container: av.container.InputContainer, stream: av.video.stream.VideoStream
    ) -> Iterator[av.VideoFrame]:
        """Whatever decodes; counts the packets that fail, and those the file itself hides."""
        self._hidden = 0
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)  # after an error of its own: StopIteration
                pictures = packet.decode()
            except StopIteration:
                return
            except av.FFmpegError:
                self.lost_frames += 1
            else:
                self._hidden += packet.is_discard
                yield from pictures


def is_animated(path: Path) -> bool:
    """Whether a GIF holds more than one picture."""
    with open_media(path) as container:
        stream = _video_stream(container, path)
        packets = (packet for packet in container.demux(stream) if packet.size)
        return len(list(islice(packets, 2))) > 1


def open_media(path: Path) -> av.container.InputContainer:
    """Opens a media file, whatever its name looks like. Raises SourceError."""
    try:
        with path.open("rb"):  # the system's own words for what is missing or forbidden
            pass
        container: av.container.InputContainer = av.open(f"file:{path}", **FORGIVING)
        return container
    except av.InvalidDataError:
        raise SourceError(f"{path}: neither a video nor a picture that can be read") from None
    except (OSError, av.FFmpegError) as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


class _Rational(Protocol):
    @property
    def numerator(self) -> int: ...

    @property
    def denominator(self) -> int: ...


def fraction(rational: _Rational) -> Fraction:
    """What PyAV says in its own type of 32-bit rationals, from version 19 on, as a Fraction."""
    return Fraction(rational.numerator, rational.denominator)


def start_time(container: av.container.InputContainer) -> Fraction:
    """Where the file's own clock starts, in seconds."""
    return Fraction(container.start_time or 0, av.time_base)


def _video_stream(
    container: av.container.InputContainer, path: Path
) -> av.video.stream.VideoStream:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:  # the cover of a piece of music
            return stream
    raise SourceError(f"{path}: holds no video")


def _promised_frames(stream: av.video.stream.VideoStream) -> int | None:
    """How many frames the file says it has, by count or by duration."""
    if stream.frames:
        return stream.frames
    if stream.average_rate is None or stream.time_base is None:
        return None
    if stream.duration is not None:
        duration = stream.duration * fraction(stream.time_base)
    elif "DURATION" in stream.metadata:  # Matroska's, as FFmpeg and mkvmerge write it: the end
        end = _clock(stream.metadata["DURATION"])
        if end is None:
            return None
        duration = end - (stream.start_time or 0) * fraction(stream.time_base)
    else:
        return None
    return round(duration * fraction(stream.average_rate))


def _clock(text: str) -> Fraction | None:
    """The seconds of "00:01:02.500000000"; None if it is not written so."""
    parts = re.fullmatch(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,12})?)", text, re.ASCII)
    return parts and int(parts[1]) * 3600 + int(parts[2]) * 60 + Fraction(parts[3])


def upright_rgb(picture: av.VideoFrame, to_rgb: VideoReformatter) -> NDArray[np.uint8]:
    """The decoded picture as (H, W, 3) uint8 RGB, turned by its display matrix."""
    matrix = None
    if picture.colorspace == UNSPECIFIED and picture.height >= HD_HEIGHT:
        matrix = Colorspace.ITU709
    image = to_rgb.reformat(picture, format="rgb24", src_colorspace=matrix).to_ndarray()
    quarter_turns = round(picture.rotation / 90)
    return np.ascontiguousarray(np.rot90(image, quarter_turns), dtype=np.uint8)
