"""The one contract every sink keeps, and the checks on a name before anything is written to it."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Generic, Self

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError
from seaformer_edge.frame import Frame, Result

# What a sink shows of a frame: (H, W, 3) RGB or (H, W) grey, uint8.
Draw = Callable[[Frame, Result], NDArray[np.uint8]]


class ResultSink(ABC, Generic[Result]):
    """Takes the results of a run, frame by frame, in order.

    Nothing is created or replaced before the first `write`. `close` finishes what was written, so
    that it can be used, however the run ended. Failures to write raise `SinkError`.

    Attributes:
        path: the file or folder the results go to.
    """

    path: Path

    @abstractmethod
    def write(self, frame: Frame, result: Result) -> None:
        """Takes one frame and what was seen in it."""

    @abstractmethod
    def close(self) -> None:
        """Finishes the output. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def check_file(path: Path, *, inputs: Sequence[Path] = (), overwrite: bool = False) -> None:
    """Raises SinkError unless a result may be written to the file `path`.

    Args:
        path: the name to be written.
        inputs: the files of the source, which are never written over.
        overwrite: whether what exists may be replaced.
    """
    with writing(path):
        if path.is_dir():
            raise SinkError(f"{path}: is a folder; give the name of a file")
        if path.exists():
            if any(source.exists() and path.samefile(source) for source in inputs):
                raise SinkError(f"{path}: is the input itself; choose another name for the result")
            if not overwrite:
                raise SinkError(f"{path}: exists already; --overwrite replaces it")
        _check_writable(path, path.absolute().parent)


def check_folder(path: Path, *, inputs: Sequence[Path] = (), overwrite: bool = False) -> None:
    """Raises SinkError unless results may be written into the folder `path`. See `check_file`."""
    with writing(path):
        if path.exists() and not path.is_dir():
            raise SinkError(f"{path}: is a file; give the name of a folder")
        if path.resolve() in {source.parent.resolve() for source in inputs}:
            raise SinkError(f"{path}: is the folder of the input; choose another for the results")
        if path.is_dir() and any(path.iterdir()) and not overwrite:
            raise SinkError(f"{path}: is not empty; --overwrite replaces files of the same name")
        _check_writable(path, path.absolute())


def _check_writable(path: Path, folder: Path) -> None:
    """Tries `folder`, or the nearest above it that exists: `path` is only made when written."""
    folder = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SinkError(f"{path}: cannot write into {folder} ({error.strerror})") from error


@contextmanager
def writing(path: Path, *more: type[Exception]) -> Iterator[None]:
    """Turns the system's errors, and `more` kinds of them, while writing `path` into SinkError."""
    kinds: tuple[type[Exception], ...] = (OSError, *more)
    try:
        yield
    except kinds as error:
        reason = getattr(error, "strerror", None) or error
        raise SinkError(f"{path}: cannot be written ({reason})") from error


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all."""
    partial = partial_name(path)
    with writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def partial_name(path: Path) -> Path:
    """The name beside `path` under which it is written until it is whole."""
    return path.with_name(f".{path.name}.partial")
