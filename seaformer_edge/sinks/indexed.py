"""Indexed images for FFmpeg, whose PNG encoder keeps the indices; OpenCV writes no palettes."""

from __future__ import annotations

from fractions import Fraction

import av
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
