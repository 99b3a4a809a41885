"""Encodes pictures and copies audio into a video file that plays even after a kill."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError
from seaformer_edge.sinks.audio import AudioCopy
from seaformer_edge.sinks.base import check_size

FALLBACK_RATE = Fraction(25)  # for sources of unknown rate
# Timestamp units in a second: a multiple of 1000, of 90 000 and of all usual frame rates, such as
# 24000/1001.
TICKS = 720_000
FFMPEG_AREA = 2**28  # pixels of a frame with its borders
BT709 = 1  # FFmpeg uses this number for the matrix, the primaries and the transfer curve
LIMITED_RANGE = 1


@dataclass(frozen=True)
class _Format:
    """The live options hold back no picture: the encoder gives each one at once, and the muxer
    ends its fragment or cluster when the next one comes."""

    muxer: str
    codec: str
    codec_options: dict[str, str]
    live_codec_options: dict[str, str]
    live_muxer_options: dict[str, str]
    muxer_options: dict[str, str] = field(default_factory=dict)


# The largest width and height.
_MAX_SIDE = {"libx264": 16_384, "libvpx-vp9": 65_536}
# Up to this many pixels, one thread encodes a frame in about a millisecond; more threads would cost
# the network 50 % more processor time.
SMALL_PICTURE = 640 * 480
# A fast preset leaves the processor to the network; crf keeps the quality constant.
_X264 = {"preset": "ultrafast", "crf": "20"}
_LIVE_X264 = _X264 | {"tune": "zerolatency"}
_VP9 = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "30"}
_LIVE_VP9 = _VP9 | {"lag-in-frames": "0"}
# Fragments while writing, an ordinary indexed file once closed; delay_moov keeps timestamps exact.
_FLAGS = "hybrid_fragmented+delay_moov"
_FRAGMENTED = {"movflags": _FLAGS}
_LIVE_FRAGMENTED = {"movflags": f"{_FLAGS}+frag_every_frame"}
_LIVE_CLUSTERS = {"cluster_time_limit": "0"}
FORMATS = {
    ".mp4": _Format("mp4", "libx264", _X264, _LIVE_X264, _LIVE_FRAGMENTED, _FRAGMENTED),
    ".m4v": _Format("ipod", "libx264", _X264, _LIVE_X264, _LIVE_FRAGMENTED, _FRAGMENTED),
    ".mov": _Format("mov", "libx264", _X264, _LIVE_X264, _LIVE_FRAGMENTED, _FRAGMENTED),
    ".mkv": _Format("matroska", "libx264", _X264, _LIVE_X264, _LIVE_CLUSTERS),
    ".webm": _Format("webm", "libvpx-vp9", _VP9, _LIVE_VP9, _LIVE_CLUSTERS),
}


def check_video_size(path: Path, suffix: str, size: tuple[int, int]) -> None:
    """Raises SinkError if pictures are too large for a video.

    Args:
        path: for the message.
        suffix: a key of `FORMATS`.
        size: (width, height) in pixels.
    """
    check_size(path, size, suffix, _MAX_SIDE[FORMATS[suffix].codec])
    if (size[0] + 130) * (size[1] + 130) > FFMPEG_AREA:
        raise SinkError(
            f"{path}: {size[0]}x{size[1]} pixels are too large for FFmpeg, which encodes at most"
            f" {FFMPEG_AREA} of them; name a folder for the results"
        )


class VideoEncoder:
    """An open video file. Failures raise OSError or FFmpegError.

    Args:
        path: the file, replaced if it exists.
        suffix: a key of `FORMATS`.
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
        path: Path,
        suffix: str,
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
        muxer_options = chosen.live_muxer_options if live else chosen.muxer_options
        codec_options = chosen.live_codec_options if live else chosen.codec_options
        options = {"flush_packets": "1", **muxer_options}
        self._container = av.open(f"file:{path}", "w", format=chosen.muxer, options=options)
        self._stream = cast(
            VideoStream, self._container.add_stream(chosen.codec, self._rate, options=codec_options)
        )
        self._stream.width, self._stream.height = (side + side % 2 for side in size)
        self._stream.pix_fmt = "yuv420p"
        codec = self._stream.codec_context
        # Slices cost size and, on many threads, time; frames in parallel hold pictures back.
        codec.thread_type = "SLICE" if live else "FRAME"
        if size[0] * size[1] <= SMALL_PICTURE:
            codec.thread_count = 1
        codec.sample_aspect_ratio = pixel_aspect
        codec.time_base = Fraction(1, TICKS)
        codec.flags |= Flags.frame_duration.value  # of the last frame, which no other one ends
        codec.bit_rate = 0  # constant quality (crf) instead
        codec.gop_size = min(max(round(self._rate), 1), 250)  # a fragment a second
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.color_range = LIMITED_RANGE
        self._container.metadata.update(metadata)
        try:
            self._audio = AudioCopy(audio_file, self._container, origin_s) if audio_file else None
        except BaseException:
            self._container.close()
            raise

    def write(
        self, picture: NDArray[np.uint8], time_s: float, duration_s: float | None = None
    ) -> None:
        """Encodes a (H, W, 3) RGB picture to be shown at `time_s` of the source, in seconds.

        The next picture ends it; without one, it is shown for `duration_s`, if known.
        """
        time_s -= self._origin_s
        if self._audio is not None:
            self._audio.copy_until(time_s)
        # Encoders need strictly rising timestamps; two frames of a source may share one.
        self._pts = max(round(time_s * TICKS), self._pts + 1)
        converted = self._converted(picture)
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

    def _converted(self, picture: NDArray[np.uint8]) -> av.VideoFrame:
        picture = _fitted(picture, self._size)
        below, right = (side % 2 for side in picture.shape[:2])
        if below or right:
            picture = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE).astype(
                np.uint8, copy=False
            )
        converted = self._to_yuv.reformat(
            av.VideoFrame.from_numpy_buffer(picture, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        converted.pts = self._pts
        converted.time_base = Fraction(1, TICKS)
        return converted


def _fitted(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture scaled to fit into `size` (width, height), centred on black."""
    width, height = size
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        picture, inner, interpolation=cv2.INTER_AREA
    )
    return canvas
