"""`seaformer-edge demo` without a screen or without Qt."""

from __future__ import annotations

import builtins
import sys

import pytest

from seaformer_edge import runtime
from seaformer_edge.cli import main
from seaformer_edge.cli.demo import demo
from seaformer_edge.machine.cpu import usable_cores


@pytest.fixture(autouse=True)
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line on standard error."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_without_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 1
    line = error_line(capsys)
    assert "no screen" in line
    assert "segment" in line


@pytest.mark.parametrize("command", [["demo", "--source", "sample"], ["live", "sample"]])
@pytest.mark.parametrize(
    "option", [["--rotate", "90"], ["--camera-size", "640x480"], ["--camera-fps", "9"], ["--flip"]]
)
def test_options_of_a_camera_are_refused_for_other_sources(
    capsys: pytest.CaptureFixture[str], command: list[str], option: list[str]
) -> None:
    assert main([*command, *option]) == 2
    assert "are for cameras, and sample is none" in capsys.readouterr().err


def test_a_size_of_a_camera_is_two_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--source", "0", "--camera-size", "big"]) == 2
    assert "'big' is no size such as 1280x720" in capsys.readouterr().err


def test_without_a_native_part_the_window_does_not_open(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runtime, "find_spec", lambda _: None)
    assert main(["demo"]) == 1
    assert "sudo apt-get install g++ python3-dev" in error_line(capsys)


def test_threads_are_auto_or_cores_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    context = demo.make_context("demo", ["--threads", "auto"])
    assert context.params["threads"] == 0
    assert demo.make_context("demo", ["--threads", "1"]).params["threads"] == 1
    assert main(["demo", "--threads", str(usable_cores() + 1)]) == 2
    assert f"1<=x<={usable_cores()}" in capsys.readouterr().err


@pytest.mark.parametrize("display", [":4242", "127.0.0.1:4242.0", "nonsense"])
def test_a_screen_that_does_not_answer(
    display: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    assert main(["demo"]) == 1
    assert f"{display} does not answer" in error_line(capsys)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ModuleNotFoundError("No module named 'PySide6'", name="PySide6"),
            f"{sys.executable} -m pip install 'seaformer-edge[gui]'",
        ),
        (
            ImportError("libxkbcommon.so.0: cannot open shared object file", name="PySide6.QtGui"),
            "sudo apt-get install libxkbcommon0",
        ),
    ],
)
def test_without_qt(
    error: ImportError,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    true_import = builtins.__import__

    def without_qt(name: str, *args: object, **options: object) -> object:
        if name.startswith("seaformer_edge_gui"):
            raise error
        return true_import(name, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without_qt)
    assert main(["demo"]) == 1
    assert message in error_line(capsys)


def test_sources_are_listed_without_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--list-sources"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[0] == "sample" and "480x318 at 25" in line for line in lines)
    assert any(line.split()[0] == "synthetic" for line in lines)
