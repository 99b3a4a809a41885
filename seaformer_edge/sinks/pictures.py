"""Results as picture files: one for each frame in a folder, or a single one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError
from seaformer_edge.frame import Frame, Result, Segmentation
from seaformer_edge.sinks.base import Draw, ResultSink, check_file, check_folder, write_whole
from seaformer_edge.sources.base import FrameSource

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
QUICK_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


class PictureFolder(ResultSink[Result]):
    """One PNG for each frame, named after the input picture or the number of the frame."""

    def __init__(
        self, path: Path, draw: Draw[Result], source: FrameSource, *, overwrite: bool = False
    ) -> None:
        check_folder(path, inputs=source.files, overwrite=overwrite)
        self.path = path
        self._draw: Draw[Result] = draw

    def write(self, frame: Frame, result: Result) -> None:
        name = frame.name or f"{frame.index:06d}"
        target = self.path / f"{name}.png"
        write_whole(target, _encoded(self._draw(frame, result), target.suffix))

    def close(self) -> None:
        """Every file is whole already."""


class PictureFile(ResultSink[Result]):
    """A single picture in the format of its suffix."""

    def __init__(
        self, path: Path, draw: Draw[Result], source: FrameSource, *, overwrite: bool = False
    ) -> None:
        check_file(path, inputs=source.files, overwrite=overwrite)
        if source.frame_count != 1:
            raise SinkError(
                f"{path}: {source.name} has more than one frame; "
                "name a folder or a video for the results"
            )
        self.path = path
        self._draw: Draw[Result] = draw

    def write(self, frame: Frame, result: Result) -> None:
        write_whole(self.path, _encoded(self._draw(frame, result), self.path.suffix))

    def close(self) -> None:
        """The file is whole already."""


def class_ids(frame: Frame, segmentation: Segmentation) -> NDArray[np.uint8]:
    """The label map itself, so that a picture's values are class ids."""
    return segmentation.label_map


def _encoded(picture: NDArray[np.uint8], suffix: str) -> bytes:
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
    options = QUICK_PNG if suffix.lower() == ".png" else []
    return cv2.imencode(suffix, picture, options)[1].tobytes()
