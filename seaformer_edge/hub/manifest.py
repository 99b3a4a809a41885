"""The manifest of the shipped models: the sha256 of each program and card.

A card lies beside its program, so it does not show that both were altered. The manifest is part of
the release that is signed; `sha256sum -c SHA256SUMS` reads it too.
"""

from __future__ import annotations

import re
from pathlib import Path

from seaformer_edge.errors import ModelError, reading
from seaformer_edge.files import atomic_write
from seaformer_edge.hub.card import file_sha256

MANIFEST = "SHA256SUMS"
SUFFIXES = (".pte", ".json")
LINE = re.compile(r"([0-9a-f]{64})  ([^/\n]+)")


def write_manifest(folder: Path) -> None:
    """Write the manifest of the programs and cards in a folder.

    Checkpoints are left out: they are not installed.
    """
    files = [path for suffix in SUFFIXES for path in folder.glob(f"*{suffix}")]
    files = [path for path in files if not path.name.endswith(".safetensors.json")]
    lines = [f"{file_sha256(path)}  {path.name}\n" for path in sorted(files)]
    atomic_write(folder / MANIFEST, "".join(lines).encode())


def changed_files(folder: Path) -> list[str]:
    """Names of the files that differ from the folder's manifest.

    Files that are missing are none of them: a source distribution has some of the models only.

    Raises:
        ModelError: the manifest is missing, damaged or cannot be read.
    """
    path = folder / MANIFEST
    with reading(path):
        text = path.read_text("utf-8", errors="replace")
    entries = [LINE.fullmatch(line) for line in text.splitlines()]
    changed = []
    for entry in entries:
        if entry is None:
            raise ModelError(f"{path}: not a list of sha256 and file names")
        sha256, name = entry.groups()
        with reading(folder / name):
            if (folder / name).is_file() and file_sha256(folder / name) != sha256:
                changed.append(name)
    return changed
