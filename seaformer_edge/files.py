"""Atomic writing: a file is written under a temporary name, then renamed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def partial_path(path: Path) -> Path:
    """The hidden temporary name beside `path`, used until the file is complete."""
    return path.with_name(f".{path.name}.partial")


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
            path.parent.mkdir(parents=True, exist_ok=True)
            partial_path(path).write_bytes(data)
        for path in files:
            partial_path(path).replace(path)
    except BaseException:
        for path in files:
            with suppress(OSError):
                partial_path(path).unlink()
        raise
