"""HEIF pictures, such as the HEIC of phones."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.machine.extras import install_extra
from seaformer_edge.sources.base import new_image
from seaformer_edge.sources.upright import upright_rgb
from seaformer_edge.sources.video import open_media, video_stream

_AVIF_BRANDS = (b"avif", b"avis")


def is_heif(data: bytes) -> bool:
    """Whether a file with these bytes is in the container of HEIF."""
    return data[4:8] == b"ftyp"


def read_heif(path: Path, data: bytes) -> NDArray[np.uint8]:
    """The whole picture as (H, W, 3) uint8 RGB, upright.

    Raises:
        SourceError: it cannot be read, or consists of tiles and pillow-heif is not installed.
    """
    if data[8:12] not in _AVIF_BRANDS and find_spec("pillow_heif"):
        return _by_pillow(path, data)
    with open_media(path) as container:
        # FFmpeg decodes the tiles of a picture only one by one.
        if any(stream.disposition & Disposition.dependent for stream in container.streams.video):
            if data[8:12] in _AVIF_BRANDS:
                return _by_opencv(path, data)
            raise SourceError(
                f"{path}: HEIC pictures of tiles, as phones write them, need pillow-heif:"
                f" {install_extra('heif')}"
            )
        try:
            for picture in container.decode(video_stream(container, path)):
                return upright_rgb(picture, VideoReformatter(), new_image)
        except av.FFmpegError:
            pass
    raise SourceError(f"{path}: cannot be read")


def _by_pillow(path: Path, data: bytes) -> NDArray[np.uint8]:
    import pillow_heif
    from PIL import ImageOps

    try:
        picture = pillow_heif.open_heif(io.BytesIO(data)).to_pillow()
        return np.array(ImageOps.exif_transpose(picture).convert("RGB"), np.uint8)
    except (OSError, ValueError, EOFError, RuntimeError, SyntaxError) as error:
        raise SourceError(f"{path}: cannot be read ({error})") from error


def _by_opencv(path: Path, data: bytes) -> NDArray[np.uint8]:
    """An AVIF of tiles; OpenCV ignores its orientation."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise SourceError(f"{path}: cannot be read")
    return np.ascontiguousarray(image, dtype=np.uint8)
