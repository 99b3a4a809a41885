"""Which containers and codecs videos can have, and how pictures are encoded in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from av.video.reformatter import ColorRange, Colorspace

from seaformer_edge.errors import SinkError
from seaformer_edge.sinks.base import check_size
from seaformer_edge.sinks.indexed import FAST

FFMPEG_AREA = 2**28  # pixels of a frame with its borders
MAX_RATE_TERM = 65_535
"""Of the numerator of a frame rate where this is the clock."""
BEST, WORST = 100, 0
"""Of `--quality`."""


@dataclass(frozen=True)
class Codec:
    """How to encode pictures. With the live options, the encoder gives each one at once.

    Attributes:
        encoder: FFmpeg's name.
        max_side: the largest width and height.
        live_options: those that a live recording has besides the options.
        quality: the options that decide it, and their values for `BEST` and `WORST`; None if the
            codec has no loss.
        pixel_format: FFmpeg's name; "pal8" is that of indexed images.
        mp4_tag: its name in MP4 and MOV, where Apple's players need another one than FFmpeg's.
        color_space, color_range: of the pixels.
    """

    encoder: str
    max_side: int
    options: dict[str, str] = field(default_factory=dict)
    live_options: dict[str, str] = field(default_factory=dict)
    quality: tuple[tuple[str, ...], int, int] | None = None
    pixel_format: str = "yuv420p"
    mp4_tag: str = ""
    color_space: Colorspace = Colorspace.ITU709
    color_range: ColorRange = ColorRange.MPEG

    @property
    def is_indexed(self) -> bool:
        return self.pixel_format == "pal8"

    @property
    def has_even_sides(self) -> bool:
        """Whether two rows and columns share their colour."""
        return "420" in self.pixel_format

    def options_of(self, live: bool, quality: int | None) -> dict[str, str]:
        """FFmpeg's options.

        Args:
            live: for a live recording.
            quality: `WORST` to `BEST`; None for the usual one.
        """
        options = self.options | (self.live_options if live else {})
        if quality is None or self.quality is None:
            return options
        names, best, worst = self.quality
        return options | dict.fromkeys(names, str(round(worst + (best - worst) * quality / BEST)))


@dataclass(frozen=True)
class Format:
    """A container. With the live options, it ends its fragment or cluster at the next picture.

    Attributes:
        codecs: keys of `CODECS`; the first is the usual one.
        ticks: timestamp units in a second; None for the frame rate, so that pictures have places in
            a fixed rate.
    """

    muxer: str
    codecs: tuple[str, ...]
    live_options: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    # A multiple of 1000, of 90 000 and of all usual frame rates, such as 24000/1001.
    ticks: int | None = 720_000

    @property
    def keeps_times(self) -> bool:
        """Whether it has the exact times of a live recording."""
        return self.ticks is not None and self.ticks >= 1000


# A fast preset leaves the processor to the network; crf keeps the quality constant.
_X264 = {"preset": "ultrafast", "crf": "20"}
_X265 = {"preset": "ultrafast", "crf": "24", "x265-params": "log-level=none"}
_VP9 = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "30"}
_NO_DELAY = {"tune": "zerolatency"}
_Q3 = {"qmin": "3", "qmax": "3"}
_CRF = ("crf",)
CODECS = {
    "h264": Codec("libx264", 16_384, _X264, _NO_DELAY, (_CRF, 10, 45)),
    "hevc": Codec("libx265", 8_192, _X265, _NO_DELAY, (_CRF, 12, 45), mp4_tag="hvc1"),
    "vp9": Codec("libvpx-vp9", 65_536, _VP9, {"lag-in-frames": "0"}, (_CRF, 10, 60)),
    # Of MPEG-4, only for AVI: its clock has at most `MAX_RATE_TERM` units a second.
    "mpeg4": Codec("mpeg4", 8_192, _Q3, quality=(tuple(_Q3), 2, 31)),
    "mjpeg": Codec(
        "mjpeg",
        65_500,
        _Q3,
        quality=(tuple(_Q3), 2, 31),
        pixel_format="yuvj420p",
        color_space=Colorspace.ITU601,
        color_range=ColorRange.JPEG,
    ),
    "ffv1": Codec("ffv1", 65_536, pixel_format="bgr0"),
    "gif": Codec("gif", 65_535, pixel_format="pal8"),
    "masks": Codec("png", 2**20, FAST, pixel_format="pal8"),
}
# Fragments while writing, an ordinary indexed file once closed; delay_moov keeps timestamps exact.
_FLAGS = "hybrid_fragmented+delay_moov"
_FRAGMENTED = ({"movflags": f"{_FLAGS}+frag_every_frame"}, {"movflags": _FLAGS})
_CLUSTERS = {"cluster_time_limit": "0"}
FORMATS = {
    ".mp4": Format("mp4", ("h264", "hevc", "vp9", "masks"), *_FRAGMENTED),
    ".m4v": Format("ipod", ("h264",), *_FRAGMENTED),
    ".mov": Format("mov", ("h264", "hevc", "mjpeg", "masks"), *_FRAGMENTED),
    ".mkv": Format("matroska", ("h264", "hevc", "vp9", "mjpeg", "ffv1"), _CLUSTERS),
    ".webm": Format("webm", ("vp9",), _CLUSTERS),
    ".avi": Format("avi", ("mpeg4", "mjpeg", "h264", "ffv1"), ticks=None),
    ".gif": Format("gif", ("gif",), ticks=100),
}


def find_codec(path: Path, name: str | None = None, *, live: bool = False) -> Codec:
    """The codec of a video, `name` or the usual one of the format.

    Raises:
        SinkError: the suffix of `path` is unknown, or its format does not hold the codec or, if
            `live`, the times of a live recording.
    """
    suffix = path.suffix.lower()
    usable = [s for s, kind in FORMATS.items() if kind.keeps_times or not live]
    if suffix not in FORMATS:
        raise SinkError(f"{path}: the name of a video must end in {', '.join(usable)}")
    if suffix not in usable:
        raise SinkError(f"{path}: {suffix} has no exact times; record as {', '.join(usable)}")
    name = name or FORMATS[suffix].codecs[0]
    if name not in FORMATS[suffix].codecs:
        able = ", ".join(s for s in usable if name in FORMATS[s].codecs)
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


def check_quality(path: Path, codec: Codec, quality: int | None) -> None:
    """Raises SinkError if a quality is asked for that the codec does not have."""
    if quality is not None and codec.quality is None:
        raise SinkError(f"{path}: is stored without loss, or in 256 colours; leave out --quality")
