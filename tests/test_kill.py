"""SIGKILL at every step of writing a file: it is then complete (old or new) or absent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_drive import FILE_ID, FakeDrive

# Forks repeatedly; the n-th child dies at the n-th time that it opens or renames a file.
KILLED_AT_EACH_STEP = """
import os, signal, sys
from pathlib import Path
folder = Path(sys.argv[1])
{prepare}
steps = 0
while True:
    steps += 1
    {before}
    child = os.fork()
    if child == 0:
        left = [steps]
        def dies(event, arguments):
            if event in ("open", "os.rename", "os.remove") and str(folder) in str(arguments[0]):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(dies)
        {write}
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        break
    {after}
print(steps)
"""


def steps_survived(folder: Path, **parts: str) -> int:
    """Runs the script; returns at how many places the writer was killed."""
    parts = {
        name: text.replace("\n", "\n    ") for name, text in parts.items() if name != "prepare"
    } | {"prepare": parts["prepare"]}
    parts["write"] = parts["write"].replace("\n", "\n    ")
    run = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EACH_STEP.format(**parts), str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout.split()[-1]) - 1


def test_atomic_write(tmp_path: Path) -> None:
    survived = steps_survived(
        tmp_path,
        prepare="from seaformer_edge.files import atomic_write\npath = folder / 'mask.png'",
        before="path.write_bytes(b'old' * 1000)",
        write="atomic_write(path, b'new' * 2000)",
        after="assert path.read_bytes() in (b'old' * 1000, b'new' * 2000)",
    )
    assert survived == 2  # opened, renamed


def test_a_checkpoint_and_its_card(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the train extra (torch) is not installed")
    survived = steps_survived(
        tmp_path,
        prepare="""
from tiny_networks import checkpoint_card, trained_network
from seaformer_edge.hub.card import card_path
from seaformer_edge.nn.checkpoint import load_checkpoint, save_checkpoint
path = folder / "best.safetensors"
card = checkpoint_card("segmentation", 3)
old, new = trained_network("segmentation", 3), trained_network("segmentation", 3, seed=1)
complete = []
for network in (old, new):
    save_checkpoint(network, card, path)
    complete.append((path.read_bytes(), card_path(path).read_bytes()))
""",
        before="save_checkpoint(old, card, path)",
        write="save_checkpoint(new, card, path)",
        after="""assert path.read_bytes() in [model for model, _ in complete]
assert card_path(path).read_bytes() in [card for _, card in complete]""",
    )
    assert survived >= 3


def test_the_list_of_vetted_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAFORMER_EDGE_HOME", str(tmp_path))
    survived = steps_survived(
        tmp_path,
        prepare="from seaformer_edge.runtime.sandbox import _record_vetted, _vetted",
        before="""(folder / "vetted.json").write_text('["1"]')""",
        write="_record_vetted('2')",
        after="assert _vetted() in (['1'], ['1', '2'])",
    )
    assert survived >= 2


KILLED_IN_A_DOWNLOAD = """
import os, signal, sys
from pathlib import Path
from seaformer_edge.hub.download import download
def dies(done, total):
    if done > 300_000:
        os.kill(os.getpid(), signal.SIGKILL)
download(sys.argv[1], Path(sys.argv[2]), dies, sys.argv[3])
"""


def test_a_download(tmp_path: Path) -> None:
    from seaformer_edge.hub.download import download

    content = b"PK\x03\x04" + bytes(range(256)) * 4000
    target = tmp_path / "mine.pth"
    with FakeDrive(content) as drive:
        run = subprocess.run(
            [sys.executable, "-c", KILLED_IN_A_DOWNLOAD, FILE_ID, str(target), drive.url],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=False,
        )
        assert run.returncode == -signal.SIGKILL
        assert not target.exists()
        download(FILE_ID, target, lambda done, total: None, drive.url)
    assert target.read_bytes() == content
    assert list(tmp_path.iterdir()) == [target]


SAVES_FOREVER = """
import sys
from PySide6.QtCore import QSettings
from seaformer_edge_gui.settings import Settings, save
print(flush=True)
for turn in range(10**9):
    store = QSettings(sys.argv[1], QSettings.Format.IniFormat)
    save(Settings(source=str(turn % 2) * 2000, model=str(turn % 2) * 2000), store)
    store.sync()
"""


def test_the_windows_settings(tmp_path: Path) -> None:
    pytest.importorskip("PySide6.QtCore", exc_type=ImportError)
    from PySide6.QtCore import QSettings

    from seaformer_edge_gui.settings import load

    path = tmp_path / "window.ini"
    for turn in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", SAVES_FOREVER, str(path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
        )
        with writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            try:
                writer.wait(0.05 + turn * 0.013)
            except subprocess.TimeoutExpired:
                writer.kill()
        settings = load(QSettings(str(path), QSettings.Format.IniFormat))
        assert settings.source in ("", "0" * 2000, "1" * 2000)
        assert settings.model == settings.source
