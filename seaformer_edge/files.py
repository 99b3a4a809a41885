"""Atomic writing: a file is written under a temporary name, then renamed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# Bytes of a name that its temporary name repeats. File systems allow 255, eCryptfs 143.
_REPEATED_BYTES = 100


def partial_path(path: Path) -> Path:
    """The hidden temporary name beside the file, used until the file is complete.

    If `path` is a symbolic link, it is beside the file that the link names, which need not exist.
    """
    target = Path(os.path.realpath(path))
    name = target.name
    data = os.fsencode(name)
    if len(data) > _REPEATED_BYTES:
        start = data[:_REPEATED_BYTES].decode(errors="ignore")
        name = f"{start}-{hashlib.sha256(data).hexdigest()[:8]}"
    return target.with_name(f".{name}.partial")


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
