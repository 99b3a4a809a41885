"""Atomic writing: a file is written under a temporary name, then renamed."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

# Most file systems allow 255 bytes, eCryptfs 143; this leaves space for more.
_SHORT = 100
_changing = threading.Lock()  # a process can lock a file twice


def shortened(name: str, max_bytes: int) -> str:
    """The name itself, or its beginning and a number that tells long names apart."""
    data = os.fsencode(name)
    if len(data) <= max_bytes:
        return name
    start = data[: max_bytes - 9].decode(errors="ignore")
    return f"{start}-{hashlib.sha256(data).hexdigest()[:8]}"


def as_utf8(name: str) -> str:
    r"""The file name with \xNN for each byte that is not UTF-8, and \\ for a backslash."""
    return os.fsencode(name.replace("\\", r"\\")).decode(errors="backslashreplace")


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Wait until no other process or thread changes `path`, and make its folder if missing.

    For a file that is read, changed and written again.

    Raises:
        OSError: the lock file beside it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _changing, exclusive(path.with_name(f".{path.name}.lock"), wait=True):
        yield


@contextmanager
def exclusive(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path` in this process alone, until the block or the process ends.

    On Windows there is no lock.

    Args:
        wait: for another process to release it.

    Raises:
        BlockingIOError: another process holds it.
        OSError: it cannot be made.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with path.open("a") as file:
        try:
            # Not flock: worker processes inherit that lock, and outlive a killed run by seconds.
            fcntl.lockf(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except (BlockingIOError, PermissionError) as error:
            raise BlockingIOError(error.errno, "another program holds it", str(path)) from error
        except OSError:
            pass  # a file system without locks
        yield


def partial_path(path: Path) -> Path:
    """The hidden temporary name beside the file, used until the file is complete.

    If `path` is a symbolic link, it is beside the file that the link names, which need not exist.
    """
    target = Path(os.path.realpath(path))
    return target.with_name(f".{shortened(target.name, _SHORT)}.partial")


def publish(path: Path) -> None:
    """Give the complete file at `partial_path(path)` its name; a link stays, and names it.

    Raises:
        OSError: it cannot be renamed.
    """
    partial_path(path).replace(os.path.realpath(path))


def atomic_write(path: Path, data: bytes) -> None:
    """Write `path` so that no reader ever sees an incomplete file, not even after a crash.

    Missing folders are made. An existing file is replaced only when all of `data` is written.

    Raises:
        OSError: it cannot be written; an existing file is unchanged and no partial file is left.
    """
    atomic_write_together({path: data})


def atomic_write_together(files: Mapping[Path, bytes]) -> None:
    """Write several files that belong together, such as a model and its card.

    All partial files are complete before the first is renamed, so files of different versions
    can only remain if the process dies between two renames. Renames follow the order of `files`.

    Raises:
        OSError: one of them cannot be written; no partial file is left.
    """
    try:
        for path, data in files.items():
            partial = partial_path(path)
            partial.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
        for path in files:
            publish(path)
    except BaseException:
        for path in files:
            with suppress(OSError):
                partial_path(path).unlink()
        raise
