"""The window: Qt, system libraries, a screen."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from seaformer_edge.doctor import window
from seaformer_edge.doctor.probes import Answer


@pytest.fixture(autouse=True)
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    finding = window.window()
    assert finding.state == "ok"
    assert finding.message.rstrip("'").endswith("[gui]")


@pytest.fixture
def qt() -> None:
    pytest.importorskip("PySide6.QtWidgets", reason="needs Qt (extra: gui)")


@pytest.mark.usefixtures("qt")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_without_a_screen() -> None:
    finding = window.window()
    assert finding.state == "ok"
    assert "no screen: DISPLAY is not set" in finding.message


@pytest.mark.usefixtures("qt")
def test_qt_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    finding = window.window()
    assert finding.state == "ok"
    assert finding.message.endswith("starts on offscreen")


@pytest.mark.usefixtures("qt")
def test_qt_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "nonsense")
    finding = window.window()
    assert finding.state == "warn"
    assert "was ended by SIGABRT" in finding.message
    assert "QT_DEBUG_PLUGINS=1" in finding.remedy


LDD = """#!/bin/sh
echo "libQt6Gui.so.6:"
echo "	libm.so.6 => /lib/libm.so.6 (0x00007f)"
echo "	libxcb-cursor.so.0 => not found"
echo "	libEGL.so.1 => not found"
echo "$1:"
echo "	libEGL.so.1 => not found"
echo "	libunknown.so.3 => not found"
"""


@pytest.mark.usefixtures("qt")
def test_missing_system_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Answer]
) -> None:
    (tmp_path / "ldd").write_text(LDD)
    (tmp_path / "ldd").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    finding = window.window()
    assert finding.state == "warn"
    assert "libEGL.so.1, libunknown.so.3, libxcb-cursor.so.0" in finding.message
    install, search = finding.remedy.splitlines()
    assert install == "sudo apt-get install libegl1 libxcb-cursor0"
    assert search.startswith("apt-file search libunknown.so.3")


@pytest.mark.usefixtures("qt")
@pytest.mark.skipif(sys.platform != "linux", reason="uses the loader of Linux")
def test_missing_libraries_with_the_real_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin is altered to need a library that does not exist."""
    import PySide6

    plugins = tmp_path / "Qt" / "plugins" / "platforms"
    plugins.mkdir(parents=True)
    (original,) = Path(PySide6.__path__[0]).glob("Qt/plugins/platforms/libqxcb.so")
    altered = original.read_bytes().replace(b"libxcb-icccm.so.4\0", b"libxcb-icccm.so.7\0")
    (plugins / "libqxcb.so").write_bytes(altered)
    monkeypatch.setenv("DISPLAY", ":0")
    assert "libxcb-icccm.so.7" in window.missing_libraries(tmp_path)
