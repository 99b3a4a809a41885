"""Atomic writing of files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seaformer_edge.files import atomic_write, atomic_write_together, exclusive, partial_path


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    atomic_write(path, b"one")
    atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["x" * 255, "長" * 85, "\udce9" * 255])
def test_names_up_to_the_file_systems_limit(tmp_path: Path, name: str) -> None:
    atomic_write(tmp_path / name, b"one")
    assert (tmp_path / name).read_bytes() == b"one"
    assert partial_path(tmp_path / name) != partial_path(tmp_path / f"{name[:-1]}y")


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, card = tmp_path / "m.pte", tmp_path / "m.json"
    atomic_write_together({model: b"old", card: b"old"})

    def full_disk(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        atomic_write_together({model: b"new", card: b"new"})
    assert model.read_bytes() == card.read_bytes() == b"old"
    assert not partial_path(model).exists()
    assert not partial_path(card).exists()


OTHER_PROCESS = """
import fcntl, sys
with open(sys.argv[1], "a") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_by_one_process_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", OTHER_PROCESS, path]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as other:  # type: ignore[call-overload]
        assert other.stdout.readline()
        with pytest.raises(BlockingIOError), exclusive(path):
            pass
        other.kill()
    with exclusive(path):
        pass
