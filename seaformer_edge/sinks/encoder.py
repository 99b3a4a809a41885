"""Encodes pictures and copies audio into a video file that plays even after a kill."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol, cast

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError
from seaformer_edge.frame import IndexedImage
from seaformer_edge.sinks.audio import AudioCopy
from seaformer_edge.sinks.base import check_size
from seaformer_edge.sinks.indexed import FAST, indexed_frame

FALLBACK_RATE = Fraction(25)  # for sources of unknown rate
# Timestamp units in a second: a multiple of 1000, of 90 000 and of all usual frame rates, such as
# 24000/1001.
TICKS = 720_000
FFMPEG_AREA = 2**28  # pixels of a frame with its borders
Picture = NDArray[np.uint8] | IndexedImage
"""(H, W, 3) uint8 RGB, or an indexed image where the codec is "masks"."""
BT709 = 1  # FFmpeg uses this number for the matrix, the primaries and the transfer curve
LIMITED_RANGE = 1


class Writable(Protocol):
    """What PyAV writes to."""

    def write(self, data: bytes, /) -> int: ...


@dataclass(frozen=True)
class Codec:
    """How to encode pictures. With the live options, the encoder gives each one at once.

    Attributes:
        encoder: FFmpeg's name.
        max_side: the largest width and height.
        pixel_format: FFmpeg's name; "pal8" is that of indexed images.
    """

    encoder: str
    max_side: int
    options: dict[str, str]
    live_options: dict[str, str]
    pixel_format: str = "yuv420p"


@dataclass(frozen=True)
class Format:
    """A container. With the live options, it ends its fragment or cluster at the next picture.

    Attributes:
        codecs: keys of `CODECS`; the first is the usual one.
    """

    muxer: str
    codecs: tuple[str, ...]
    live_options: dict[str, str]
    options: dict[str, str] = field(default_factory=dict)


# Up to this many pixels, one thread encodes a frame in about a millisecond; more threads would cost
# the network 50 % more processor time.
SMALL_PICTURE = 640 * 480
# A fast preset leaves the processor to the network; crf keeps the quality constant.
_X264 = {"preset": "ultrafast", "crf": "20"}
_VP9 = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "30"}
CODECS = {
    "h264": Codec("libx264", 16_384, _X264, _X264 | {"tune": "zerolatency"}),
    "vp9": Codec("libvpx-vp9", 65_536, _VP9, _VP9 | {"lag-in-frames": "0"}),
    "masks": Codec("png", 2**20, FAST, FAST, "pal8"),
}
# Fragments while writing, an ordinary indexed file once closed; delay_moov keeps timestamps exact.
_FLAGS = "hybrid_fragmented+delay_moov"
_FRAGMENTED = ({"movflags": f"{_FLAGS}+frag_every_frame"}, {"movflags": _FLAGS})
_CLUSTERS = ({"cluster_time_limit": "0"},)
FORMATS = {
    ".mp4": Format("mp4", ("h264", "masks"), *_FRAGMENTED),
    ".m4v": Format("ipod", ("h264",), *_FRAGMENTED),
    ".mov": Format("mov", ("h264", "masks"), *_FRAGMENTED),
    ".mkv": Format("matroska", ("h264",), *_CLUSTERS),
    ".webm": Format("webm", ("vp9",), *_CLUSTERS),
}


def find_codec(path: Path, name: str | None = None) -> Codec:
    """The codec of a video, `name` or the usual one of the format.

    Raises:
        SinkError: the suffix of `path` is unknown, or its format does not hold the codec.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise SinkError(f"{path}: the name of a video must end in {', '.join(FORMATS)}")
    name = name or FORMATS[suffix].codecs[0]
    if name not in FORMATS[suffix].codecs:
        able = ", ".join(s for s, format_ in FORMATS.items() if name in format_.codecs)
        raise SinkError(f"{path}: {name} cannot be stored in {suffix}; use {able}")
    return CODECS[name]


def check_video_size(path: Path, codec: Codec, size: tuple[int, int]) -> None:
    """Raises SinkError if pictures of `size`, (width, height) in pixels, are too large."""
    check_size(path, size, path.suffix.lower(), codec.max_side)
    if (size[0] + 130) * (size[1] + 130) > FFMPEG_AREA:
        raise SinkError(
            f"{path}: {size[0]}x{size[1]} pixels are too large for FFmpeg, which encodes at most"
            f" {FFMPEG_AREA} of them; name a folder for the results"
        )


class VideoEncoder:
    """An open video file. Failures raise OSError or FFmpegError.

    Args:
        target: the file, replaced if it exists, or an object with `write`, which is not searched.
        suffix: a key of `FORMATS`.
        codec: one that the format holds.
        size: (width, height) of the pictures; 4:2:0 video has no odd ones, so these grow by one.
        frame_rate: frames per second if known; only a hint, since every frame has a timestamp.
        pixel_aspect: a pixel's width over its height. WebM does not store it: PyAV cannot set it
            for that container, and the codec has no field for it.
        audio_file: the file whose audio is copied, if any.
        metadata: tags of the file by FFmpeg's names, such as "title".
        origin_s: the time of the source, in seconds, at which this file begins.
        live: each picture is in the file once the next one is written. Otherwise a second of
            pictures is written together, which takes less space and time.
    """

    def __init__(
        self,
        target: Path | Writable,
        suffix: str,
        codec: Codec,
        size: tuple[int, int],
        frame_rate: Fraction | None,
        pixel_aspect: Fraction,
        audio_file: Path | None,
        metadata: Mapping[str, str],
        origin_s: float,
        live: bool,
    ) -> None:
        self._size = size
        self._origin_s = origin_s
        self._rate = (frame_rate or FALLBACK_RATE).limit_denominator(1001)
        self._pts = -1
        self._to_yuv = VideoReformatter()

        chosen = FORMATS[suffix]
        muxer_options = chosen.live_options if live else chosen.options
        codec_options = codec.live_options if live else codec.options
        options = {"flush_packets": "1", **muxer_options}
        file = f"file:{target}" if isinstance(target, Path) else target
        self._container = av.open(file, "w", format=chosen.muxer, options=options)
        self._stream = cast(
            VideoStream,
            self._container.add_stream(codec.encoder, self._rate, options=codec_options),
        )
        self._is_indexed = codec.pixel_format == "pal8"
        if self._is_indexed:
            self._stream.width, self._stream.height = size
        else:
            self._stream.width, self._stream.height = (side + side % 2 for side in size)
        self._stream.pix_fmt = codec.pixel_format
        context = self._stream.codec_context
        # Slices cost size and, on many threads, time; frames in parallel hold pictures back.
        context.thread_type = "SLICE" if live else "FRAME"
        if size[0] * size[1] <= SMALL_PICTURE:
            context.thread_count = 1
        context.sample_aspect_ratio = pixel_aspect
        context.time_base = Fraction(1, TICKS)
        context.flags |= Flags.frame_duration.value  # of the last frame, which no other one ends
        context.bit_rate = 0  # constant quality (crf) instead
        context.gop_size = min(max(round(self._rate), 1), 250)  # a fragment a second
        if not self._is_indexed:
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = LIMITED_RANGE
        self._container.metadata.update(metadata)
        try:
            self._audio = AudioCopy(audio_file, self._container, origin_s) if audio_file else None
        except BaseException:
            self._container.close()
            raise

    def write(self, picture: Picture, time_s: float, duration_s: float | None = None) -> None:
        """Encodes a picture to be shown at `time_s` of the source, in seconds.

        The next picture ends it; without one, it is shown for `duration_s`, if known.
        """
        time_s -= self._origin_s
        if self._audio is not None:
            self._audio.copy_until(time_s)
        # Encoders need strictly rising timestamps; two frames of a source may share one.
        self._pts = max(round(time_s * TICKS), self._pts + 1)
        converted = self._converted(picture)
        converted.pts = self._pts
        converted.time_base = Fraction(1, TICKS)
        if duration_s is not None:
            converted.duration = round(duration_s * TICKS)
        self._container.mux(self._stream.encode(converted))

    def close(self, *, remaining_audio: bool) -> None:
        """Finishes the file. Without `remaining_audio`, audio ends with the last picture."""
        try:
            self._container.mux(self._stream.encode())
            if self._audio is not None:
                end_s = self._pts / TICKS + float(1 / self._rate)
                self._audio.copy_until(math.inf if remaining_audio else end_s)
        finally:
            if self._audio is not None:
                self._audio.close()
            self._container.close()

    def _converted(self, picture: Picture) -> av.VideoFrame:
        if isinstance(picture, IndexedImage):
            ids = _fitted(picture.ids, self._size, cv2.INTER_NEAREST)
            return indexed_frame(IndexedImage(ids, picture.palette))
        picture = _fitted(picture, self._size, cv2.INTER_AREA)
        below, right = (side % 2 for side in picture.shape[:2])
        if below or right:
            picture = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE).astype(
                np.uint8, copy=False
            )
        return self._to_yuv.reformat(
            av.VideoFrame.from_numpy_buffer(picture, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )


def _fitted(
    picture: NDArray[np.uint8], size: tuple[int, int], interpolation: int
) -> NDArray[np.uint8]:
    """The picture scaled to fit into `size` (width, height), centred on black; ids on id 255."""
    width, height = size
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    around = 0 if picture.ndim == 3 else 255
    canvas = np.full((height, width, *picture.shape[2:]), around, np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        picture, inner, interpolation=interpolation
    )
    return canvas
