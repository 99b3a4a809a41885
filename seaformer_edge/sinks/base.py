"""The contract that every sink keeps, and the checks on a path before it is written to."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError
from seaformer_edge.files import partial_path
from seaformer_edge.frame import Frame

Content = TypeVar("Content", contravariant=True)
"""What a sink takes with each frame: a rendered picture, a segmentation or a classification."""


MAX_RESERVE = 64 * 10**6
RESERVED_SHARE = 0.05
"""Of a disk, but at most `MAX_RESERVE` bytes: what results leave for other programs."""


class LowDiskError(SinkError):
    """The disk is nearly full; what has been written so far is finished, not discarded."""


class Sink(ABC, Generic[Content]):
    """Writes what a run makes of each frame, frame by frame, in order. A sink renders nothing.

    Nothing is created before the first `write`. A file has its name, and replaces an earlier one,
    only once it is whole: `close` finishes it after the last frame or an interruption, `discard`
    removes it after a failure. A failure to write raises `SinkError` and discards the file. Before
    the disk is full, `LowDiskError` is raised, and the file is finished with the frames so far.

    Attributes:
        path: the file or folder that is written.
    """

    path: Path

    @abstractmethod
    def write(self, frame: Frame, content: Content, /) -> None:
        """Writes what belongs to one frame."""

    @abstractmethod
    def close(self) -> None:
        """Finishes the output. May be called twice."""

    def discard(self) -> None:
        """Ends after a failure: removes an unfinished file; whole ones stay. Raises nothing."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None or issubclass(kind, LowDiskError):
            self.close()
        else:
            self.discard()


PictureSink = Sink[NDArray[np.uint8]]
"""Takes rendered pictures, (H, W, 3) uint8 RGB."""


def free_bytes(path: Path) -> int | None:
    """The space for `path` on its disk; None if the system does not say."""
    usage = _disk_usage(path)
    return None if usage is None else usage[1]


def check_space(path: Path) -> None:
    """Raises LowDiskError if its disk has hardly any space left for `path`."""
    usage = _disk_usage(path)
    if usage is not None and usage[1] < min(usage[0] * RESERVED_SHARE, MAX_RESERVE):
        raise LowDiskError(
            f"{path}: ends here, whole: its disk has only {usage[1] / 1e6:.0f} MB left"
        )


def _disk_usage(path: Path) -> tuple[int, int] | None:
    """Bytes of the disk, and of its free space."""
    with suppress(OSError):
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        usage = shutil.disk_usage(folder)
        if usage.total > 0:  # some network file systems do not tell
            return usage.total, usage.free
    return None


def check_file(path: Path, *, inputs: Sequence[Path] = (), overwrite: bool = False) -> None:
    """Raises SinkError unless a result may be written to the file `path`.

    Args:
        path: the file to write.
        inputs: the files of the source, which are never overwritten.
        overwrite: whether an existing file may be replaced.
    """
    with writing(path):
        if path.is_dir():
            raise SinkError(f"{path}: is a folder; give the name of a file")
        if path.exists():
            if not path.is_file():
                raise SinkError(f"{path}: is a pipe or device; give the name of an ordinary file")
            if any(source.exists() and path.samefile(source) for source in inputs):
                raise SinkError(f"{path}: is the input itself; choose another name for the result")
            if not overwrite:
                raise SinkError(f"{path}: exists already; --overwrite replaces it")
        _check_writable(path, partial_path(path).parent)


def check_folder(path: Path, *, inputs: Sequence[Path] = (), overwrite: bool = False) -> None:
    """Raises SinkError unless results may be written into the folder `path`. See `check_file`."""
    with writing(path):
        if path.exists() and not path.is_dir():
            raise SinkError(f"{path}: is a file; give the name of a folder")
        if os.path.realpath(path) in {os.path.realpath(source.parent) for source in inputs}:
            raise SinkError(f"{path}: is the folder of the input; choose another for the results")
        if path.is_dir() and any(path.iterdir()) and not overwrite:
            raise SinkError(f"{path}: is not empty; --overwrite replaces files of the same name")
        _check_writable(path, path.absolute())


def check_size(path: Path, size: tuple[int, int], suffix: str, max_side: int) -> None:
    """Raises SinkError if pictures of `size`, (width, height), are too large for a format.

    Args:
        path: the file or folder to write.
        size: in pixels.
        suffix: the format's, for the message.
        max_side: the largest width and height of the format or its encoder, in pixels.
    """
    if max(size) > max_side:
        raise SinkError(
            f"{path}: {size[0]}x{size[1]} pixels are too large for {suffix}, which has at most"
            f" {max_side} a side; choose another format"
        )


def _check_writable(path: Path, folder: Path) -> None:
    """Tries `folder` or its nearest existing parent; `path` is created only when written."""
    folder = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SinkError(f"{path}: cannot write into {folder} ({error.strerror})") from error


@contextmanager
def writing(path: Path, *more: type[Exception]) -> Iterator[None]:
    """Raises OSError, and exceptions of the kinds `more`, as SinkError with the path."""
    kinds: tuple[type[Exception], ...] = (OSError, *more)
    try:
        yield
    except kinds as error:
        reason = getattr(error, "strerror", None) or error
        raise SinkError(f"{path}: cannot be written ({reason})") from error
