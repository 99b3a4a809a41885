"""Picture files: one for each frame in a folder, or a single one."""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError
from seaformer_edge.files import atomic_write, shortened
from seaformer_edge.frame import Frame, Segmentation
from seaformer_edge.sinks.base import (
    PictureSink,
    Sink,
    check_file,
    check_folder,
    check_size,
    writing,
)
from seaformer_edge.sources.base import FrameSource

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
# The largest width and height: WebP's, and those of OpenCV's encoders, and of its decoders.
_MAX_SIDE = {".jpeg": 65_500, ".jpg": 65_500, ".png": 1_000_000, ".webp": 16_383}
_MAX_SIDE_OF_OTHERS = 2**20
MAX_STEM = 255 - len(".png")  # bytes
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
        write_picture(_png_of(frame, self.path, self._inputs), picture)

    def close(self) -> None:
        """Every file is already complete."""


class PictureFile(PictureSink):
    """A single picture in the format of its suffix."""

    def __init__(
        self,
        path: Path,
        source: FrameSource,
        *,
        size: tuple[int, int] | None = None,
        overwrite: bool = False,
    ) -> None:
        check_file(path, inputs=source.files, overwrite=overwrite)
        if source.frame_count != 1:
            raise SinkError(
                f"{path}: {source.name} has more than one frame; "
                "name a folder or a video for the results"
            )
        _check_size(path, size or source.frame_size, path.suffix)
        self.path = path

    def write(self, frame: Frame, picture: NDArray[np.uint8], /) -> None:
        write_picture(self.path, picture)

    def close(self) -> None:
        """The file is already complete."""


class LabelMapFolder(Sink[Segmentation]):
    """A folder with a grey PNG of each label map; pixel values are class ids.

    Files are named as in `PictureFolder`.
    """

    def __init__(self, path: Path, source: FrameSource, *, overwrite: bool = False) -> None:
        check_folder(path, inputs=source.files, overwrite=overwrite)
        _check_size(path, source.frame_size, ".png")
        self.path = path
        self._inputs = {os.path.realpath(file) for file in source.files}

    def write(self, frame: Frame, segmentation: Segmentation, /) -> None:
        write_picture(_png_of(frame, self.path, self._inputs), segmentation.label_map)

    def close(self) -> None:
        """Every file is already complete."""


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes (H, W, 3) RGB or (H, W) grey, uint8, in the format of the suffix.

    Raises:
        SinkError: it cannot be written; what was there is unchanged.
    """
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
    _check_size(path, (picture.shape[1], picture.shape[0]), path.suffix)
    options = FAST_PNG if path.suffix.lower() == ".png" else []
    encoded, data = cv2.imencode(path.suffix, picture, options)
    if not encoded:
        raise SinkError(
            f"{path}: OpenCV cannot encode {picture.shape[1]}x{picture.shape[0]} pixels"
        )
    with writing(path):
        atomic_write(path, data.tobytes())


def _check_size(path: Path, size: tuple[int, int], suffix: str) -> None:
    check_size(path, size, suffix, _MAX_SIDE.get(suffix.lower(), _MAX_SIDE_OF_OTHERS))


def _png_of(frame: Frame, folder: Path, inputs: Set[str]) -> Path:
    path = folder / (frame.name or f"{frame.index:06d}")
    path = path.with_name(f"{shortened(path.name, MAX_STEM)}.png")
    if os.path.realpath(path) in inputs:
        raise SinkError(f"{path}: is an input; choose another folder for the results")
    return path
