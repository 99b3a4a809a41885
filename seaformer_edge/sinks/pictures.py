"""Picture files: one for each frame in a folder, or a single one."""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError
from seaformer_edge.files import atomic_write, shortened
from seaformer_edge.frame import Frame, IndexedImage, Segmentation
from seaformer_edge.sinks.base import (
    PictureSink,
    Sink,
    check_file,
    check_folder,
    check_size,
    check_space,
    writing,
)
from seaformer_edge.sinks.encoder import Picture
from seaformer_edge.sinks.indexed import palette_png
from seaformer_edge.sources.base import FrameSource

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
# The largest width and height: WebP's, and those of OpenCV's encoders, and of its decoders.
_MAX_SIDE = {".jpeg": 65_500, ".jpg": 65_500, ".png": 1_000_000, ".webp": 16_383}
_MAX_SIDE_OF_OTHERS = 2**20
MAX_STEM = 255 - len(".png")  # bytes
_QUALITY = {
    ".jpeg": cv2.IMWRITE_JPEG_QUALITY,
    ".jpg": cv2.IMWRITE_JPEG_QUALITY,
    ".webp": cv2.IMWRITE_WEBP_QUALITY,
}
FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


class PictureFolder(PictureSink):
    """A folder with a PNG of each picture, named after the input file or the frame's number.

    Names that are too long for a file with .png are shortened, and stay distinct.
    """

    def __init__(
        self,
        path: Path,
        source: FrameSource,
        *,
        size: tuple[int, int] | None = None,
        overwrite: bool = False,
    ) -> None:
        check_folder(path, inputs=source.files, overwrite=overwrite)
        _check_size(path, size or source.frame_size, ".png")
        self.path = path
        self._inputs = {os.path.realpath(file) for file in source.files}

    def write(self, frame: Frame, picture: NDArray[np.uint8], /) -> None:
        check_space(self.path)
        write_picture(_png_of(frame, self.path, self._inputs), picture)

    def close(self) -> None:
        """Every file is already complete."""


class PictureFile(PictureSink):
    """A single picture in the format of its suffix.

    Args:
        quality: 0 to 100, of JPEG and WebP; None for the usual one.
    """

    def __init__(
        self,
        path: Path,
        source: FrameSource,
        *,
        size: tuple[int, int] | None = None,
        overwrite: bool = False,
        quality: int | None = None,
    ) -> None:
        if quality is not None and path.suffix.lower() not in _QUALITY:
            raise SinkError(f"{path}: is stored without loss; leave out --quality")
        check_file(path, inputs=source.files, overwrite=overwrite)
        if source.frame_count != 1:
            raise SinkError(
                f"{path}: {source.name} has more than one frame; "
                "name a folder or a video for the results"
            )
        _check_size(path, size or source.frame_size, path.suffix)
        self.path = path
        self._quality = quality

    def write(self, frame: Frame, picture: Picture, /) -> None:
        write_picture(self.path, picture, self._quality)

    def close(self) -> None:
        """The file is already complete."""


class LabelMapFolder(Sink[Segmentation]):
    """A folder with a palette PNG of each label map: indices are class ids, colours the palette's.

    Files are named as in `PictureFolder`.

    Args:
        palette: (N, 3) uint8 RGB.
    """

    def __init__(
        self,
        path: Path,
        source: FrameSource,
        palette: NDArray[np.uint8],
        *,
        overwrite: bool = False,
    ) -> None:
        check_folder(path, inputs=source.files, overwrite=overwrite)
        _check_size(path, source.frame_size, ".png")
        self.path = path
        self._palette = palette
        self._inputs = {os.path.realpath(file) for file in source.files}

    def write(self, frame: Frame, segmentation: Segmentation, /) -> None:
        check_space(self.path)
        mask = IndexedImage(segmentation.label_map, self._palette)
        write_picture(_png_of(frame, self.path, self._inputs), mask)

    def close(self) -> None:
        """Every file is already complete."""


class LabelMapFile(Sink[Segmentation]):
    """The label map of a single picture as a palette PNG; see `LabelMapFolder`."""

    def __init__(
        self,
        path: Path,
        source: FrameSource,
        palette: NDArray[np.uint8],
        *,
        overwrite: bool = False,
    ) -> None:
        if path.suffix.lower() != ".png":
            raise SinkError(f"{path}: masks are PNGs; name a .png or a folder")
        self._file = PictureFile(path, source, overwrite=overwrite)
        self.path = path
        self._palette = palette

    def write(self, frame: Frame, segmentation: Segmentation, /) -> None:
        self._file.write(frame, IndexedImage(segmentation.label_map, self._palette))

    def close(self) -> None:
        """The file is already complete."""


def write_picture(path: Path, picture: Picture, quality: int | None = None) -> None:
    """Writes (H, W, 3) uint8 RGB in the format of the suffix, or an indexed image as a PNG.

    Args:
        quality: 0 to 100, of JPEG and WebP; None for the usual one.

    Raises:
        SinkError: it cannot be written; what was there is unchanged.
    """
    image = picture.ids if isinstance(picture, IndexedImage) else picture
    _check_size(path, (image.shape[1], image.shape[0]), path.suffix)
    with writing(path, av.FFmpegError):
        if isinstance(picture, IndexedImage):
            data = palette_png(picture)
        else:
            data = _encoded(path, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
        atomic_write(path, data)


def _encoded(path: Path, picture: cv2.typing.MatLike, quality: int | None) -> bytes:
    suffix = path.suffix.lower()
    options = FAST_PNG if suffix == ".png" else []
    if quality is not None:
        options = [_QUALITY[suffix], quality]
    encoded, data = cv2.imencode(path.suffix, picture, options)
    if not encoded:
        raise SinkError(
            f"{path}: OpenCV cannot encode {picture.shape[1]}x{picture.shape[0]} pixels"
        )
    return data.tobytes()


def _check_size(path: Path, size: tuple[int, int], suffix: str) -> None:
    check_size(path, size, suffix, _MAX_SIDE.get(suffix.lower(), _MAX_SIDE_OF_OTHERS))


def _png_of(frame: Frame, folder: Path, inputs: Set[str]) -> Path:
    path = folder / (frame.name or f"{frame.index:06d}")
    path = path.with_name(f"{shortened(path.name, MAX_STEM)}.png")
    if os.path.realpath(path) in inputs:
        raise SinkError(f"{path}: is an input; choose another folder for the results")
    return path
