"""Encodes pictures and copies audio into a video file that plays even after a kill."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Protocol, cast

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from seaformer_edge.frame import IndexedImage
from seaformer_edge.sinks.audio import AudioCopy
from seaformer_edge.sinks.formats import FORMATS, MAX_RATE_TERM, Codec
from seaformer_edge.sinks.indexed import Quantizer, indexed_frame

FALLBACK_RATE = Fraction(25)  # for sources of unknown rate
BT709 = 1  # FFmpeg uses this number for the matrix, the primaries and the transfer curve
# Up to this many pixels, one thread encodes a frame in about a millisecond; more threads would cost
# the network 50 % more processor time.
SMALL_PICTURE = 640 * 480

Picture = NDArray[np.uint8] | IndexedImage
"""(H, W, 3) uint8 RGB, or an indexed image where the codec is "masks"."""


class Writable(Protocol):
    """What PyAV writes to."""

    def write(self, data: bytes, /) -> int: ...


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
        quality: as for `Codec.options_of`.
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
        quality: int | None = None,
    ) -> None:
        self._size = size
        self._origin_s = origin_s
        self._rate = (frame_rate or FALLBACK_RATE).limit_denominator(1001)
        self._pts = -1
        self._to_yuv = VideoReformatter()
        self._codec = codec

        chosen = FORMATS[suffix]
        if chosen.ticks is None:
            self._rate = self._rate.limit_denominator(
                int(MAX_RATE_TERM / max(float(self._rate), 66))
            )
        self._ticks = self._rate if chosen.ticks is None else Fraction(chosen.ticks)
        muxer_options = chosen.live_options if live else chosen.options
        options = {"flush_packets": "1", **muxer_options}
        file = f"file:{target}" if isinstance(target, Path) else target
        self._container = av.open(file, "w", format=chosen.muxer, options=options)
        codec_options = codec.options_of(live, quality)
        self._stream = cast(
            VideoStream,
            self._container.add_stream(codec.encoder, self._rate, options=codec_options),
        )
        self._stream.width, self._stream.height = size
        if codec.has_even_sides:
            self._stream.width, self._stream.height = (side + side % 2 for side in size)
        self._stream.pix_fmt = codec.pixel_format
        context = self._stream.codec_context
        # Slices cost size and, on many threads, time; frames in parallel hold pictures back.
        context.thread_type = "SLICE" if live else "FRAME"
        if size[0] * size[1] <= SMALL_PICTURE:
            context.thread_count = 1
        context.sample_aspect_ratio = pixel_aspect
        context.time_base = 1 / self._ticks
        if codec.mp4_tag and suffix in (".mp4", ".mov"):
            context.codec_tag = codec.mp4_tag
        context.flags |= Flags.frame_duration.value  # of the last frame, which no other one ends
        context.bit_rate = 0  # constant quality (crf) instead
        context.gop_size = min(max(round(self._rate), 1), 250)  # a fragment a second
        if codec.has_even_sides:
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = codec.color_range.value
        self._quantizer = Quantizer(size, self._ticks) if suffix == ".gif" else None
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
        self._pts = max(round(time_s * self._ticks), self._pts + 1)
        converted = self._converted(picture)
        converted.pts = self._pts
        converted.time_base = 1 / self._ticks
        if duration_s is not None:
            converted.duration = round(duration_s * self._ticks)
        for frame in [converted] if self._quantizer is None else self._quantizer.push(converted):
            self._container.mux(self._stream.encode(frame))

    def close(self, *, remaining_audio: bool) -> None:
        """Finishes the file. Without `remaining_audio`, audio ends with the last picture."""
        try:
            for frame in () if self._quantizer is None else self._quantizer.push(None):
                self._container.mux(self._stream.encode(frame))
            self._container.mux(self._stream.encode())
            if self._audio is not None:
                end_s = float(self._pts / self._ticks + 1 / self._rate)
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
        below, right = (side % 2 * self._codec.has_even_sides for side in picture.shape[:2])
        if below or right:
            picture = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE).astype(
                np.uint8, copy=False
            )
        frame = av.VideoFrame.from_numpy_buffer(picture, format="rgb24")
        if self._quantizer is not None:
            return frame
        return self._to_yuv.reformat(
            frame,
            format=self._codec.pixel_format,
            dst_colorspace=self._codec.color_space,
            dst_color_range=self._codec.color_range,
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
