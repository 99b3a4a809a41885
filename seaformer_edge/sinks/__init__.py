"""Where results go: `open_sink` makes the sink that the name of the output asks for."""

from __future__ import annotations

from pathlib import Path

from seaformer_edge.errors import SinkError
from seaformer_edge.frame import Result
from seaformer_edge.sinks.base import Draw, ResultSink
from seaformer_edge.sinks.encoder import FORMATS
from seaformer_edge.sinks.pictures import PICTURE_SUFFIXES, PictureFile, PictureFolder, class_ids
from seaformer_edge.sinks.tables import ClassScores, ClassShares
from seaformer_edge.sinks.video import OverlayVideo
from seaformer_edge.sources.base import FrameSource

__all__ = [
    "ClassScores",
    "ClassShares",
    "Draw",
    "OverlayVideo",
    "PictureFile",
    "PictureFolder",
    "ResultSink",
    "class_ids",
    "open_sink",
]


def open_sink(
    path: Path, draw: Draw[Result], source: FrameSource, *, overwrite: bool = False
) -> ResultSink[Result]:
    """The sink for drawn frames: a video or a picture by the suffix of `path`, else a folder.

    Raises:
        SinkError: `path` exists (without `overwrite`), is an input, cannot be written, or has a
            suffix that names no known format.
    """
    suffix = path.suffix.lower()
    if path.is_dir() or not suffix:
        return PictureFolder(path, draw, source, overwrite=overwrite)
    if suffix in PICTURE_SUFFIXES:
        return PictureFile(path, draw, source, overwrite=overwrite)
    if suffix in FORMATS:
        return OverlayVideo(path, draw, source, overwrite=overwrite)
    known = ", ".join([*FORMATS, *sorted(PICTURE_SUFFIXES)])
    raise SinkError(f"{path}: {suffix} is no known format; known are {known}, or name a folder")
