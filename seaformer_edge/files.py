"""Files that are whole or absent: written beside their final name, then renamed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def partial_path(path: Path) -> Path:
    """The hidden name beside `path` under which it is written until it is whole."""
    return path.with_name(f".{path.name}.partial")


def atomic_write(path: Path, data: bytes) -> None:
    """Write `path` so that a reader, or a crash, never meets half a file.

    Missing folders are made. An existing file is replaced only once `data` is on disk.

    Raises:
        OSError: it could not be written; what was there is unchanged, and no partial file is left.
    """
    atomic_write_together({path: data})


def atomic_write_together(files: Mapping[Path, bytes]) -> None:
    """Write several files that belong together, such as a model and its card.

    All partial files are complete before the first is renamed, so a crash between two renames is
    the only moment at which the files can disagree. The order of `files` is the order of renames.

    Raises:
        OSError: one of them could not be written; no partial file is left.
    """
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial_path(path).write_bytes(data)
        for path in files:
            partial_path(path).replace(path)
    except OSError:
        for path in files:
            partial_path(path).unlink(missing_ok=True)
        raise
