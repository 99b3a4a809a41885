"""Video files, through PyAV."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import av
import av.container
import av.video
from av.stream import Disposition
from av.video.reformatter import VideoReformatter

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.base import FrameSource
from seaformer_edge.sources.clock import FrameClock
from seaformer_edge.sources.picture_size import MAX_PIXELS, check_size
from seaformer_edge.sources.playlist import MEDIA_ONLY, PLAYLIST_SUFFIXES, open_playlist
from seaformer_edge.sources.upright import upright_rgb

_NO_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
_HDR_CURVES = {16: "PQ", 18: "HLG"}  # by FFmpeg's numbers of transfer curves
# Formats with an index, whose clock does not begin again. Others are read from their beginning.
_SEARCHED = {"matroska", "mov"}
# Search this much earlier: an index is by decoding times.
_SEARCH_MARGIN_S = 1
PAUSE_S = 1  # a longer gap between frames is a pause of the recording, not a loss
BOUNDED = {"max_pixels": str(MAX_PIXELS)}
MAX_RATE = 1000  # a higher rate, as of raw DV, is that of the ticks of its clock
FALLBACK_RATE = Fraction(25)  # if the file has no frame rate
# Since PyAV 19, metadata in another encoding than UTF-8 is no error, and the option is gone.
FORGIVING: dict[str, Any] = (
    {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
)


log = logging.getLogger(__name__)


class VideoSource(FrameSource):
    """The video stream of any container that FFmpeg reads.

    Timestamps are the file's, relative to the start of the file (of its audio if that starts
    first). Frames are upright. Corrupt and missing frames are counted in `lost_frames`; missing
    ones only if the file is read from its beginning.
    """

    _begin_s = 0.0
    _interrupted = False

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.files = (path,)
        with open_media(path) as container:
            coded_aspect, coded_size = self._describe(container)
            if container.streams.audio:
                self.audio_file = path
        self._measure(next(iter(self), None), coded_aspect, coded_size)

    def __iter__(self) -> Iterator[Frame]:
        with open_media(self.files[0]) as container:
            yield from self._read(container)

    def _describe(
        self, container: av.container.InputContainer
    ) -> tuple[Fraction | None, tuple[int, int]]:
        """Sets what the header says; returns pixel aspect and (width, height) as coded."""
        stream = video_stream(container, self.name)
        self.frame_rate = frame_rate(container, stream)
        self.frame_count = _expected_frames(stream, self.frame_rate)
        warn_if_hdr(stream, self.name)
        kept = ("title", "creation_time")
        self.metadata = {k: container.metadata[k] for k in kept if k in container.metadata}
        aspect = stream.sample_aspect_ratio
        size = (stream.codec_context.width, stream.codec_context.height)
        return fraction(aspect) if aspect else None, size

    def _measure(
        self, first: Frame | None, coded_aspect: Fraction | None, coded_size: tuple[int, int]
    ) -> None:
        """Sets what the first frame says. Raises SourceError without one."""
        if first is None:
            raise SourceError(f"{self.name}: no frame of the video can be decoded")
        self.frame_size = (first.image.shape[1], first.image.shape[0])
        self.pixel_aspect = upright_aspect(coded_aspect, coded_size, self.frame_size)

    def _read(self, container: av.container.InputContainer) -> Iterator[Frame]:
        self.lost_frames, self.exhausted = 0, False
        stream = video_stream(container, self.name)
        interval = 1 / (self.frame_rate or FALLBACK_RATE)
        clock = FrameClock(container, interval)
        to_rgb = VideoReformatter()
        previous = -interval
        paused = Fraction(0)
        index = regular = 0
        is_searched = seek_before(container, self._begin_s)
        before: tuple[av.VideoFrame, int, Fraction] | None = None  # the last one before `_begin_s`
        for picture in self._decoded(clock.watch(container.demux(stream), stream)):
            if self._interrupted:
                return
            time = clock.time(picture)
            if is_searched and index == 0:
                index = round(time / interval)
            step = time - previous
            regular += abs(step - interval) < interval / 10
            paused += step - interval if step > PAUSE_S else 0
            previous = time
            if float(time) < self._begin_s:
                before = picture, index, time
            else:
                if before is not None:
                    yield self._frame(*before, to_rgb)
                    before = None
                yield self._frame(picture, index, time, to_rgb)
            index += 1
        if before is not None:
            yield self._frame(*before, to_rgb)
        # A frame count in the file is exact, except in AVI, which counts ticks: those without
        # a packet are pauses. A duration gives the number of frames only if the frame rate is
        # constant, and if FFmpeg did not have to make up times.
        is_avi = container.format.name == "avi"
        has_count = stream.frames and not is_avi
        is_regular = regular >= 0.9 * index and (is_avi or clock.has_presentation_times)
        if (has_count or is_regular) and not is_searched:
            expected = _expected_frames(stream, self.frame_rate) or 0
            if not has_count:
                gaps = round((paused + clock.jumped) / interval)
                expected -= self._empty_ticks if is_avi else gaps
            self.lost_frames = max(self.lost_frames, expected - self._hidden - index)
        self.exhausted = True

    def _frame(
        self, picture: av.VideoFrame, index: int, time: Fraction, to_rgb: VideoReformatter
    ) -> Frame:
        return Frame(
            upright_rgb(picture, to_rgb, self.new_image),
            index,
            float(time),
            duration_s=_shown_s(picture),
            pixel_aspect=self.pixel_aspect,
        )

    def begin_near(self, time_s: float) -> None:
        self._begin_s, self._interrupted = time_s, False

    def interrupt(self) -> None:
        self._interrupted = True

    def _decoded(
        self, packets: Iterator[av.Packet[av.video.stream.VideoStream]]
    ) -> Iterator[av.VideoFrame]:
        """Every frame that can be decoded.

        Counts packets that fail, those marked as hidden, and decoding times without a packet.
        """
        self._hidden = self._empty_ticks = 0
        previous: int | None = None
        while True:
            try:
                packet = next(packets)  # StopIteration follows an error of the demuxer
                pictures = packet.decode()
            except StopIteration:
                return
            except av.FFmpegError:
                self.lost_frames += 1
            else:
                self._hidden += packet.is_discard
                if packet.dts is not None:
                    if previous is not None:
                        self._empty_ticks += max(packet.dts - previous - 1, 0)
                    previous = packet.dts
                yield from pictures


def is_animated(path: Path) -> bool:
    """Whether a GIF holds more than one picture."""
    with open_media(path) as container:
        stream = video_stream(container, path)
        packets = (packet for packet in container.demux(stream) if packet.size)
        return len(list(islice(packets, 2))) > 1


def open_media(path: Path) -> av.container.InputContainer:
    """Opens a media file by its content, whatever its suffix. Raises SourceError."""
    try:
        with path.open("rb"):  # raises the system's error for a missing or forbidden file
            pass
        if path.suffix.lower() in PLAYLIST_SUFFIXES:
            return open_playlist(path, BOUNDED, **FORGIVING)
        container: av.container.InputContainer = av.open(
            f"file:{path}", options=MEDIA_ONLY | BOUNDED, **FORGIVING
        )
        return container
    except av.ArgumentError:  # the whitelist
        raise SourceError(
            f"{path}: a playlist or script, which may read other files; name the video itself"
        ) from None
    except av.InvalidDataError:
        raise SourceError(f"{path}: neither a video nor a picture that can be read") from None
    except (OSError, av.FFmpegError) as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


def seek_before(container: av.container.InputContainer, time_s: float) -> bool:
    """Continues at the last key frame that is well before `time_s` of the file, in seconds.

    Returns:
        Whether it does; otherwise the container is where it was, at its beginning.
    """
    kind = container.format.name.split(",")[0]
    target_s = time_s - _SEARCH_MARGIN_S
    if kind not in _SEARCHED or container.start_time is None or target_s <= 0:
        return False
    try:
        container.seek(container.start_time + round(target_s * av.time_base))
    except av.FFmpegError:  # for example a damaged index
        return False
    return True


def _shown_s(picture: av.VideoFrame) -> float | None:
    """How long the frame is shown, in seconds, if the file says so."""
    if not picture.duration or picture.time_base is None:
        return None
    return float(picture.duration * fraction(picture.time_base))


class _Rational(Protocol):
    @property
    def numerator(self) -> int: ...

    @property
    def denominator(self) -> int: ...


def fraction(rational: _Rational) -> Fraction:
    """A rational of PyAV, which has its own type since version 19, as a Fraction."""
    return Fraction(rational.numerator, rational.denominator)


def upright_aspect(
    coded: _Rational | None, coded_size: tuple[int, int], frame_size: tuple[int, int]
) -> Fraction:
    """The pixel aspect of the upright frame: the coded one, inverted if the frame is rotated."""
    aspect = fraction(coded) if coded else Fraction(1)
    return 1 / aspect if frame_size == coded_size[::-1] != coded_size else aspect


def start_time(container: av.container.InputContainer) -> Fraction:
    """The first timestamp of the file, in seconds."""
    return Fraction(container.start_time or 0, av.time_base)


def video_stream(
    container: av.container.InputContainer, name: object
) -> av.video.stream.VideoStream:
    """The stream that players choose: the default one, else the largest that can be decoded.

    Cover pictures, thumbnails and streams that only complete another one are no video.

    Raises:
        SourceError: there is none; `name` is the file's or URL's name in the message.
    """
    streams = [s for s in container.streams.video if not s.disposition & _NO_VIDEO]
    if not streams:
        raise SourceError(f"{name}: holds no video")
    # FFmpeg gives a stream of an unknown codec no decoder.
    streams = [s for s in streams if s.codec_context is not None]
    if not streams:
        raise SourceError(f"{name}: the video's codec is unknown; convert it with FFmpeg or VLC")
    stream = max(streams, key=lambda s: (bool(s.disposition & Disposition.default), _area(s)))
    codec = stream.codec_context
    check_size(name, (codec.width, codec.height))
    codec.options = {**codec.options, **BOUNDED}  # the size may change within a stream
    return stream


def warn_if_hdr(stream: av.video.stream.VideoStream, name: object) -> None:
    """Logs that a stream has high dynamic range, which is shown as if it had not."""
    curve = _HDR_CURVES.get(stream.codec_context.color_trc)
    if curve is not None:
        log.warning(
            "%s: HDR video (%s) is not tone-mapped; its colours look pale, and results may be"
            " less accurate",
            name,
            curve,
        )


def _area(stream: av.video.stream.VideoStream) -> int:
    return stream.codec_context.width * stream.codec_context.height


def frame_rate(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> Fraction | None:
    """Frames per second: the mean of the file, or what its header says if it has no mean."""
    raw = container.start_time is None  # FFmpeg then gives 25 as the mean
    for rate in (stream.guessed_rate if raw else None, stream.average_rate, stream.guessed_rate):
        if rate and rate <= MAX_RATE:
            return fraction(rate)
    return None


def _expected_frames(stream: av.video.stream.VideoStream, rate: Fraction | None) -> int | None:
    """The number of frames according to the file's frame count or duration."""
    if stream.frames:
        return stream.frames
    if rate is None or stream.time_base is None:
        return None
    if stream.duration is not None:
        duration = stream.duration * fraction(stream.time_base)
    elif "DURATION" in stream.metadata:  # the end time, written by FFmpeg and mkvmerge to Matroska
        end = _parse_clock(stream.metadata["DURATION"])
        if end is None:
            return None
        duration = end - (stream.start_time or 0) * fraction(stream.time_base)
    else:
        return None
    return round(duration * rate)


def _parse_clock(text: str) -> Fraction | None:
    """The seconds of a time such as "00:01:02.500000000"; None if it has another form."""
    parts = re.fullmatch(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,12})?)", text, re.ASCII)
    return parts and int(parts[1]) * 3600 + int(parts[2]) * 60 + Fraction(parts[3])
