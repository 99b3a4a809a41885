"""Files, folders and patterns: chooses the source that reads them."""

from __future__ import annotations

import glob
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.paths import sample_dir
from seaformer_edge.safe_text import redacted, redacted_within
from seaformer_edge.sources.base import FrameSource
from seaformer_edge.sources.pictures import PICTURE_SUFFIXES, PictureSource
from seaformer_edge.sources.video import VideoSource, is_animated

VIDEO_SUFFIXES = frozenset(
    (
        *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"),
        *(".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
    )
)
"""Endings by which the videos of a folder are known; a file that is named may have any ending."""

log = logging.getLogger(__name__)


def is_path(text: str) -> bool:
    """Whether `text` is the path of a file or folder, or of something that cannot be looked up:
    `open_path` then reports why."""
    try:
        path = Path(text).expanduser()
        return path.exists() and not path.is_char_device()  # a character device is a camera
    except (OSError, RuntimeError, ValueError):
        return True


def absolute(text: str) -> str:
    """The absolute path of a file, folder or pattern that exists; any other text unchanged.

    That of `@FILE` begins with the @.
    """
    try:
        path = Path(text).expanduser()
        exists = path.exists() or glob.glob(str(path))  # noqa: PTH207
    except (OSError, RuntimeError, ValueError):
        return text
    if exists:
        return str(path.absolute())
    return f"@{absolute(text[1:])}" if text.startswith("@") else text


def open_path(text: str) -> FrameSource:
    """Opens a video, a picture, or a folder of pictures. Raises SourceError."""
    with _system_errors(text):
        path = Path(text).expanduser()
        return _open_pictures(path.iterdir(), text) if path.is_dir() else _open_file(path)


def open_pattern(text: str) -> FrameSource:
    """Opens the files that a pattern such as `frames/*.png` matches. Raises SourceError."""
    with _system_errors(text):
        pattern = str(Path(text).expanduser())
        files = [Path(match) for match in glob.glob(pattern, recursive=True)]  # noqa: PTH207
        if not files:
            raise SourceError(f"{text}: matches no file")
        if len(files) == 1 and files[0].is_file():
            return _open_file(files[0])
        return _open_pictures(files, text)


def videos_of(text: str) -> list[Path]:
    """The videos of a folder or pattern that holds no pictures, in natural order.

    Empty for anything else: a file, a pattern that matches one file, or what cannot be read.
    """
    try:
        path = Path(text).expanduser()
        if path.is_dir():
            files, fewest = list(path.iterdir()), 1
        else:
            files = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207
            fewest = 2
        files = [p for p in files if not p.name.startswith(".") and p.is_file()]
    except (OSError, RuntimeError, ValueError):
        return []
    if any(p.suffix.lower() in PICTURE_SUFFIXES for p in files):
        return []
    videos = [p for p in files if p.suffix.lower() in VIDEO_SUFFIXES]
    if len(videos) < fewest:
        return []
    if others := _kinds(files, videos):
        log.warning("%s: left out, as they are no videos: %s", text, _counts(others))
    return sorted(videos, key=_natural_order)


def open_pictures(paths: Iterable[Path]) -> FrameSource:
    """Opens picture files, in natural order. Raises SourceError."""
    ordered = sorted(paths, key=_natural_order)
    return PictureSource(ordered, f"{len(ordered)} pictures")


def matches(pattern: str) -> list[Path]:
    """What a pattern matches, in natural order; none for a text without * ? [."""
    if not glob.has_magic(pattern):
        return []
    found = glob.glob(str(Path(pattern).expanduser()), recursive=True)  # noqa: PTH207
    return sorted(map(Path, found), key=_natural_order)


def open_sample() -> FrameSource:
    """Opens the clip or pictures that are shipped with the package."""
    clips = sorted(sample_dir().glob("*.mp4"))
    return VideoSource(clips[0]) if clips else _open_pictures(sample_dir().iterdir(), "sample")


@contextmanager
def _system_errors(text: str) -> Iterator[None]:
    """Turns errors of the file system into `SourceError`."""
    try:
        yield
    except OSError as error:
        raise SourceError(f"{redacted(text)}: cannot be read ({error.strerror})") from None
    except (RuntimeError, ValueError) as error:  # for example "~nobody", or a zero byte
        raise SourceError(f"{redacted(text)}: {redacted_within(str(error))}") from None


def _open_file(path: Path) -> FrameSource:
    if path.is_fifo() or path.is_socket() or path.is_block_device():
        raise SourceError(f"{path}: a pipe or device; write the video to a file first")
    if path.stat().st_size == 0:  # as all files in /proc, some of which block
        raise SourceError(f"{path}: is empty")
    suffix = path.suffix.lower()
    moves = (suffix == ".gif" and is_animated(path)) or (suffix == ".png" and _is_apng(path))
    if suffix in PICTURE_SUFFIXES and not moves:
        return PictureSource([path], str(path))
    return VideoSource(path)


def _is_apng(path: Path) -> bool:
    """Whether a PNG is animated: it then has an acTL chunk before its first picture."""
    with path.open("rb") as file:
        return b"acTL" in file.read(65536).partition(b"IDAT")[0]


def _open_pictures(paths: Iterable[Path], name: str) -> PictureSource:
    shown = [path for path in paths if not path.name.startswith(".")]
    pictures = [p for p in shown if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file()]
    others = _counts(_kinds(shown, pictures))
    if not pictures:
        if any(path.suffix.lower() in VIDEO_SUFFIXES for path in shown):
            raise SourceError(f"{name}: holds no pictures, but {others}; name a video itself")
        known = ", ".join(sorted(PICTURE_SUFFIXES))
        found = f", but {others}" if others else ""
        raise SourceError(f"{name}: holds no pictures ({known}){found}")
    if others:
        log.warning("%s: left out, as they are no pictures: %s", name, others)
    return PictureSource(sorted(pictures, key=_natural_order), name)


def _kinds(paths: Iterable[Path], read: Iterable[Path]) -> Counter[str]:
    """How many of the paths that are not read are of each kind."""
    others = set(paths).difference(read)
    return Counter(
        "folders" if path.is_dir() else path.suffix.lower() or "without a suffix" for path in others
    )


def _counts(kinds: Counter[str]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())


def _natural_order(path: Path) -> list[tuple[int, str]]:
    """Sorts frame2 before frame10."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdecimal() else (0, part.lower()) for part in parts]
