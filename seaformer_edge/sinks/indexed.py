"""Indexed images for FFmpeg, whose PNG encoder keeps the indices; OpenCV writes no palettes."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import av.filter
import numpy as np

from seaformer_edge.frame import IndexedImage

FAST = {"compression_level": "1"}


def indexed_frame(image: IndexedImage) -> av.VideoFrame:
    """The image as a frame of the pixel format "pal8"."""
    palette = np.zeros((256, 4), np.uint8)
    palette[:, 0] = 255  # opaque
    palette[: len(image.palette), 1:] = image.palette
    pair = (np.ascontiguousarray(image.ids), palette)
    return av.VideoFrame.from_ndarray(pair, format="pal8")  # type: ignore[arg-type]


def palette_png(image: IndexedImage) -> bytes:
    """The image as a PNG file.

    Raises:
        av.FFmpegError: it is too large for FFmpeg.
    """
    codec = av.CodecContext.create("png", "w")
    codec.height, codec.width = image.ids.shape
    codec.pix_fmt = "pal8"
    codec.time_base = Fraction(1)
    codec.sample_aspect_ratio = Fraction(1)
    codec.options = FAST
    packets = [*codec.encode(indexed_frame(image)), *codec.encode()]
    return b"".join(bytes(packet) for packet in packets)


class Quantizer:
    """Reduces RGB frames to 256 colours each, chosen for the frame.

    Args:
        size: (width, height) of the frames.
        ticks: timestamp units in a second.
    """

    def __init__(self, size: tuple[int, int], ticks: Fraction) -> None:
        graph = self._graph = av.filter.Graph()  # which the others need alive
        self._input = graph.add_buffer(
            width=size[0], height=size[1], format=av.VideoFormat("rgb24"), time_base=1 / ticks
        )
        split = graph.add("split")
        choose = graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
        use = graph.add("paletteuse", "new=1:dither=bayer")
        self._output = graph.add("buffersink")
        self._input.link_to(split)
        split.link_to(choose, 0, 0)
        split.link_to(use, 1, 0)
        choose.link_to(use, 0, 1)
        use.link_to(self._output)
        graph.configure()

    def push(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """The frames that are ready once this one is given, of format "pal8"; None is the end."""
        self._input.push(frame)
        while True:
            try:
                ready = self._output.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(ready, av.VideoFrame)
            yield ready
