"""Outputs of a run: `open_sink` opens the sink for rendered pictures that a path asks for."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError, suggestion
from seaformer_edge.frame import Result, Segmentation
from seaformer_edge.sinks.base import PictureSink, Sink, writing
from seaformer_edge.sinks.formats import FORMATS
from seaformer_edge.sinks.pictures import (
    PICTURE_SUFFIXES,
    LabelMapFile,
    LabelMapFolder,
    PictureFile,
    PictureFolder,
)
from seaformer_edge.sinks.pipe import VideoPipe
from seaformer_edge.sinks.rendered import Render, Rendered
from seaformer_edge.sinks.tables import ClassScores, ClassShares
from seaformer_edge.sinks.video import VideoFile, VideoSink
from seaformer_edge.sources.base import FrameSource

__all__ = [
    "ClassScores",
    "ClassShares",
    "LabelMapFile",
    "LabelMapFolder",
    "PictureFile",
    "PictureFolder",
    "PictureSink",
    "Render",
    "Rendered",
    "Sink",
    "VideoFile",
    "VideoPipe",
    "VideoSink",
    "open_masks",
    "open_sink",
]


@overload
def open_sink(
    path: Path,
    source: FrameSource,
    *,
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
    codec: str | None = None,
    quality: int | None = None,
) -> PictureSink: ...


@overload
def open_sink(
    path: Path, draw: Render[Result], source: FrameSource, *, overwrite: bool = False
) -> Sink[Result]: ...


def open_sink(  # type: ignore[misc]  # the second argument has one name in each form
    path: Path,
    draw: Render[Result] | FrameSource | None = None,
    source: FrameSource | None = None,
    *,
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
    codec: str | None = None,
    quality: int | None = None,
) -> PictureSink | Sink[Result]:
    """Open a sink for pictures: a video or a picture by the suffix of `path`, else a folder.

        with open_sink(Path("out.mp4"), source) as sink:
            for frame in source:
                seen = segmenter(frame.image)
                sink.write(frame, draw(frame.image, seen.label_map, palette))

    Args:
        path: a video, a picture, or a folder for one PNG of each frame.
        source: where the frames come from: rate, pixel aspect, audio, and files not to overwrite.
        size: (width, height) of the pictures; None for that of the frames.
        overwrite: replace what exists.
        codec: of a video, a key of `sinks.formats.CODECS`; None for the usual one of its format.
        quality: of a video, a JPEG or a WebP: 0 to 100; None for the usual one.

    Raises:
        SinkError: `path` exists (without `overwrite`), is an input, cannot be written, or has an
            unknown suffix, or one whose format does not have pictures of that size, the codec or a
            quality.
    """
    if isinstance(draw, FrameSource):
        draw, source = None, draw
    if source is None:
        raise TypeError("open_sink: the source is missing")
    sink = _open(path, source, size, overwrite, codec, quality)
    if draw is None:
        return sink
    warnings.warn(
        "open_sink(path, draw, source) is deprecated: use open_sink(path, source) and write "
        "pictures to it, or wrap it in seaformer_edge.sinks.Rendered",
        DeprecationWarning,
        stacklevel=2,
    )
    return Rendered(draw, sink)


def open_masks(
    path: Path, source: FrameSource, palette: NDArray[np.uint8], *, overwrite: bool = False
) -> Sink[Segmentation]:
    """Open a sink for label maps: a PNG for one picture by the suffix of `path`, else a folder.

    Args:
        path: the file or folder.
        source: where the frames come from.
        palette: (N, 3) uint8 RGB, the colours of the class ids.
        overwrite: replace what exists.

    Raises:
        SinkError: as for `open_sink`.
    """
    with writing(path):
        is_file = path.suffix.lower() in PICTURE_SUFFIXES and not path.is_dir()
    kind = LabelMapFile if is_file else LabelMapFolder
    return kind(path, source, palette, overwrite=overwrite)


def _open(
    path: Path,
    source: FrameSource,
    size: tuple[int, int] | None,
    overwrite: bool,
    codec: str | None,
    quality: int | None,
) -> PictureSink:
    suffix = path.suffix.lower()
    with writing(path):
        is_folder = path.is_dir()  # an error if the name is too long
    if suffix in FORMATS and not is_folder:
        return VideoSink(path, source, size=size, overwrite=overwrite, codec=codec, quality=quality)
    if codec is not None:
        raise SinkError(f"{path}: is no video, and has no codec")
    if is_folder or not suffix:
        if quality is not None:
            raise SinkError(f"{path}: PNGs are stored without loss; leave out --quality")
        return PictureFolder(path, source, size=size, overwrite=overwrite)
    if suffix not in PICTURE_SUFFIXES:
        known = [*FORMATS, *sorted(PICTURE_SUFFIXES)]
        hint = suggestion(suffix, known, f"known are {', '.join(known)}, or name a folder")
        raise SinkError(f"{path}: unknown format {suffix}; {hint}")
    return PictureFile(path, source, size=size, overwrite=overwrite, quality=quality)
