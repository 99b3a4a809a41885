"""Download a published checkpoint from Google Drive and export it as a program."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from seaformer_edge.errors import ModelError
from seaformer_edge.export.program import export
from seaformer_edge.files import atomic_write, exclusive
from seaformer_edge.hub.card import Card, file_sha256, verify
from seaformer_edge.hub.download import DRIVE, OnBytes, download
from seaformer_edge.hub.json_file import read_json
from seaformer_edge.hub.paths import writable_models_dir
from seaformer_edge.hub.pretrained import PUBLISHED
from seaformer_edge.nn.checkpoint import load_checkpoint, save_checkpoint
from seaformer_edge.nn.import_published import import_checkpoint

LOCK = ".fetch-lock"
KNOWN_HASHES = "known_sha256.json"
"""In the user's models folder: the sha256 of each Drive file at its first use, by file id."""


def fetch_checkpoint(name: str, on_bytes: OnBytes, drive: str = DRIVE) -> Path:
    """Download a published checkpoint and convert it to .safetensors with a card.

    An intact NAME.safetensors in the user's models folder is returned as it is. A NAME.pth there,
    saved by hand, is converted without a download.

    Args:
        name: a key of `PUBLISHED`.
        on_bytes: called with the progress of the download.
        drive: as for `download`.

    Raises:
        ModelError: the download failed; the file differs from the one at its first use here; it
            is not the checkpoint that `name` means; it cannot be written.
    """
    folder = writable_models_dir()
    try:
        with exclusive(folder / LOCK):
            return _fetch(name, folder, on_bytes, drive)
    except BlockingIOError as error:
        raise ModelError(
            f"{folder}: another fetch is running; wait until it has ended, and fetch again"
        ) from error


def _fetch(name: str, folder: Path, on_bytes: OnBytes, drive: str) -> Path:
    published = PUBLISHED[name]
    output = folder / f"{name}.safetensors"
    if is_sound(output):
        return output
    source = folder / f"{name}.pth"
    if not source.exists():
        download(published.file_id, source, on_bytes, drive)
    hashes = _KnownHashes(folder / KNOWN_HASHES)
    sha256 = file_sha256(source)
    # Before anything parses the file.
    hashes.compare(published.file_id, sha256, source)
    try:
        network, card = import_checkpoint(source, name, published.classes())
        if (card.task, card.variant) != (published.task, published.variant):
            raise ModelError(f"{source}: holds {card.task} {card.variant}, which is not {name}")
    except ModelError as error:
        raise ModelError(f"{error}; delete {source} and fetch it again") from error
    card = replace(
        card,
        origin=f"published by SeaFormer's authors, Google Drive {published.file_id}",
        data=f"{published.data_set.name} train",
        licence=published.licence,
        accuracy={
            published.data_set.metric: published.accuracy,
            "set": f"{published.data_set.name} val, as published",
        },
    )
    save_checkpoint(network, card, output)
    hashes.record(published.file_id, sha256)
    # It also holds the state of the optimiser: three times the size of the network.
    source.unlink()
    return output


def export_published(name: str, checkpoint: Path) -> Card:
    """Export a fetched checkpoint to NAME.pte beside it, at the size it was published for.

    Raises:
        ModelError: the checkpoint is damaged, or the program cannot be exported or written.
    """
    network, card = load_checkpoint(checkpoint)
    published = PUBLISHED[name]
    output = checkpoint.with_name(f"{name}.pte")
    return export(network, card, published.height, published.width, output)


def is_sound(model: Path) -> bool:
    """Whether a program or checkpoint exists and matches its card."""
    try:
        verify(model)
    except (ModelError, OSError):
        return False
    return True


class _KnownHashes:
    """Trust on first use: the authors publish no hashes, so the first download sets them."""

    def __init__(self, path: Path):
        self._path = path
        try:
            self._hashes = read_json(path, dict[str, str], "a list of sha256 by file id")
        except FileNotFoundError:
            self._hashes = {}
        except ModelError as error:
            raise ModelError(f"{error}; delete it to accept the next download") from error

    def compare(self, file_id: str, sha256: str, source: Path) -> None:
        known = self._hashes.get(file_id, sha256)
        if sha256 != known:
            raise ModelError(
                f"{source}: sha256 {sha256}, but {known} at its first use; delete the file and"
                f" fetch it again, or remove {file_id} from {self._path} to trust this one"
            )

    def record(self, file_id: str, sha256: str) -> None:
        if self._hashes.get(file_id) == sha256:
            return
        self._hashes[file_id] = sha256
        text = json.dumps(self._hashes, indent=1) + "\n"
        try:
            atomic_write(self._path, text.encode())
        except OSError as error:
            raise ModelError(f"{self._path}: cannot be written ({error.strerror})") from error
