"""Where frames come from: `open_source` makes a `FrameSource` of what the user names."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.paths import sample_dir
from seaformer_edge.sources.base import FrameSource
from seaformer_edge.sources.camera import CameraSource
from seaformer_edge.sources.listing import SourceInfo, find_camera, list_sources
from seaformer_edge.sources.picamera import PicameraSource
from seaformer_edge.sources.pictures import PICTURE_SUFFIXES, PictureSource
from seaformer_edge.sources.selection import Selection
from seaformer_edge.sources.stream import StreamSource, is_url
from seaformer_edge.sources.synthetic import SyntheticSource
from seaformer_edge.sources.video import VideoSource, is_animated

__all__ = [
    "CameraSource",
    "FrameSource",
    "PicameraSource",
    "PictureSource",
    "Selection",
    "StreamSource",
    "SyntheticSource",
    "VideoSource",
    "from_anywhere",
    "list_sources",
    "open_source",
    "sets_its_own_pace",
]


def open_source(spec: str | Path) -> FrameSource:
    """Opens whatever `--source` can name.

    Args:
        spec: a video, picture, folder, or pattern such as `frames/*.png`; a camera's number,
            device or name; `picamera`; a URL; `sample` for what comes with the package; or
            `synthetic`, `synthetic:1280x720@30`.

    Raises:
        SourceError: nothing there that can be read.
    """
    if spec == "sample":
        return _open_sample()
    if spec == "picamera":
        return PicameraSource()
    name = str(spec)
    if _is_synthetic(name):
        return SyntheticSource.from_spec(name)
    if is_url(name):
        return StreamSource(name)
    try:
        path = Path(spec).expanduser()
        if path.is_dir():
            return _open_pictures(path.iterdir(), name)
        if path.exists() and not path.is_char_device():  # cameras are
            return _open_file(path)
    except OSError as error:
        raise SourceError(f"{spec}: cannot be read ({error.strerror})") from error
    except (RuntimeError, ValueError) as error:  # of ~nobody; of a zero byte in it
        raise SourceError(f"{spec}: {error}") from error
    camera = find_camera(name)
    if camera is not None:
        return CameraSource(_camera_number(camera), camera.name)
    if glob.has_magic(str(path)):
        return _open_pattern(str(path))
    raise SourceError(
        f"{spec}: no such file, folder or camera;"
        " seaformer-edge demo --list-sources lists the cameras"
    )


def _camera_number(camera: SourceInfo) -> int:
    """The system's number for a camera. Raises SourceError."""
    if not re.fullmatch(r"[0-9]{1,6}", camera.spec):
        raise SourceError(
            f"{camera.name}: no such camera; seaformer-edge demo --list-sources lists them"
        )
    return int(camera.spec)


def sets_its_own_pace(spec: str | Path) -> bool:
    """Whether `spec` names a camera or a stream, there or not: what may block for long, may
    vanish, and may come back."""
    name = str(spec)
    if name == "picamera" or is_url(name) or name.startswith(("/dev/video", "/dev/v4l/")):
        return True
    try:
        path = Path(spec).expanduser()
        is_file = path.exists() and not path.is_char_device()
    except (OSError, RuntimeError, ValueError):  # opening it says what is wrong
        return False
    return not is_file and find_camera(name) is not None


def from_anywhere(spec: str) -> str:
    """`spec`, a file, folder or pattern by its whole path: the same from another folder."""
    if spec in ("sample", "picamera") or _is_synthetic(spec) or is_url(spec):
        return spec
    try:
        is_there = Path(spec).exists() or glob.glob(spec)  # noqa: PTH207
    except (OSError, ValueError):  # opening it says what is wrong
        return spec
    return str(Path(spec).absolute()) if is_there else spec


def _is_synthetic(name: str) -> bool:
    return re.split("[:@]", name, maxsplit=1)[0] == "synthetic"


def _open_file(path: Path) -> FrameSource:
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES and not (suffix == ".gif" and is_animated(path)):
        return PictureSource([path], str(path))
    return VideoSource(path)


def _open_pattern(pattern: str) -> FrameSource:
    files = [Path(match) for match in glob.glob(pattern, recursive=True)]  # noqa: PTH207
    if not files:
        raise SourceError(f"{pattern}: matches no file")
    if len(files) == 1 and files[0].is_file():
        return _open_file(files[0])
    return _open_pictures(files, pattern)


def _open_pictures(paths: Iterable[Path], name: str) -> PictureSource:
    pictures = [
        path
        for path in paths
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    ]
    if not pictures:
        raise SourceError(f"{name}: holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return PictureSource(sorted(pictures, key=_natural_order), name)


def _open_sample() -> FrameSource:
    clips = sorted(sample_dir().glob("*.mp4"))
    return VideoSource(clips[0]) if clips else _open_pictures(sample_dir().iterdir(), "sample")


def _natural_order(path: Path) -> list[tuple[int, str]]:
    """Sorts frame2 before frame10."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdecimal() else (0, part.lower()) for part in parts]
