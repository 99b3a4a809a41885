"""scripts/demo, called in every way, in a checkout whose environment is a stand-in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, and an environment whose seaformer-edge prints its arguments."""
    monkeypatch.setenv("PYTHON", sys.executable)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    checkout = tmp_path / "a checkout"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "demo", checkout / "scripts")
    programs = checkout / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, script in {
        "python": f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"\n',
        "seaformer-edge": '#!/bin/sh\nprintf "%s\\n" "$@"\n',
    }.items():
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    (checkout / "scripts" / "bootstrap").write_text(
        "import sys\n"
        "print('extras:', sys.argv[1:], file=sys.stderr)\n"
        f"print({str(programs / 'python')!r})\n"
    )
    return checkout


def run(*command: str | Path, cwd: Path) -> tuple[list[str], str]:
    """Lines of standard output, and standard error."""
    run = subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True)
    return run.stdout.splitlines(), run.stderr


def segmented(result: Path, *arguments: str) -> list[str]:
    """What is printed if the sample is segmented."""
    words = ["segment", "sample", "--output", str(result), "--overwrite", *arguments]
    return [*words, f"The segmented sample is in {result}."]


def test_from_another_folder_through_a_link_and_with_sh(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(checkout / "scripts" / "demo")
    (tmp_path / "elsewhere").mkdir()
    for command in (
        [checkout / "scripts" / "demo"],
        ["sh", "../a checkout/scripts/demo"],
        ["../link"],
        ["sh", "../link"],
    ):
        printed, errors = run(*command, "--mode", "a b", cwd=tmp_path / "elsewhere")
        assert printed == segmented(checkout / "results" / "demo.mp4", "--mode", "a b")
        assert errors == "extras: []\n"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS always has a screen")
@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_a_screen_that_does_not_answer(
    checkout: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, ":4242")
    printed, errors = run(checkout / "scripts" / "demo", cwd=checkout)
    assert printed == segmented(checkout / "results" / "demo.mp4")
    extras, reason = errors.splitlines()
    assert extras == "extras: ['gui']"
    assert "no screen" in reason
    assert ":4242 does not answer" in reason


def test_a_screen(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    printed, _ = run(checkout / "scripts" / "demo", "--source", "0", cwd=checkout)
    assert printed == ["demo", "--source", "0"]


def test_a_checkout_that_cannot_be_written(checkout: Path, tmp_path: Path) -> None:
    (checkout / "results").touch()  # no folder of that name can be made, not even by root
    printed, errors = run(checkout / "scripts" / "demo", cwd=checkout)
    result = Path(printed[3])
    assert printed == segmented(result)
    assert result.parent.parent == tmp_path
    assert errors == "extras: []\n"
