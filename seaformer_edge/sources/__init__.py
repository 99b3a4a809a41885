"""Sources of frames: `open_source` opens what a person passes as `--source`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seaformer_edge.deprecation import renamed_names
from seaformer_edge.sources.base import FrameSource
from seaformer_edge.sources.camera import CameraSource
from seaformer_edge.sources.camera_settings import CameraSettings
from seaformer_edge.sources.devices import list_cameras
from seaformer_edge.sources.info import SourceInfo, VideoMode
from seaformer_edge.sources.listing import list_sources
from seaformer_edge.sources.picamera import PicameraSource
from seaformer_edge.sources.pictures import PictureSource
from seaformer_edge.sources.retimed import Retimed
from seaformer_edge.sources.selection import Selection
from seaformer_edge.sources.spec import SourceSpec, open_source
from seaformer_edge.sources.stream import StreamSource
from seaformer_edge.sources.synthetic import SyntheticSource
from seaformer_edge.sources.video import VideoSource

__all__ = [
    "CameraSettings",
    "CameraSource",
    "FrameSource",
    "PicameraSource",
    "PictureSource",
    "Retimed",
    "Selection",
    "SourceInfo",
    "SourceSpec",
    "StreamSource",
    "SyntheticSource",
    "VideoMode",
    "VideoSource",
    "list_cameras",
    "list_sources",
    "open_source",
]


def _is_live(spec: str | Path) -> bool:
    return SourceSpec.parse(spec).is_live


def _resolved(spec: str) -> str:
    return SourceSpec.parse(spec).resolved()


if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = renamed_names(
        __name__,
        sets_its_own_pace=("SourceSpec.is_live", _is_live),
        from_anywhere=("SourceSpec.resolved", _resolved),
    )
