"""The window's needs: Qt, the system's libraries, a screen."""

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
    assert finding.what.rstrip("'").endswith("[gui]")


@pytest.fixture
def qt() -> None:
    pytest.importorskip("PySide6.QtWidgets", reason="needs Qt (extra: gui)")


@pytest.mark.usefixtures("qt")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_without_a_screen() -> None:
    finding = window.window()
    assert finding.state == "ok"
    assert "no screen: DISPLAY is not set" in finding.what


@pytest.mark.usefixtures("qt")
def test_qt_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    finding = window.window()
    assert finding.state == "ok"
    assert finding.what.endswith("opens on offscreen")


@pytest.mark.usefixtures("qt")
def test_qt_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "nonsense")
    finding = window.window()
    assert finding.state == "warn"
    assert "was ended by SIGABRT" in finding.what
    assert "QT_DEBUG_PLUGINS=1" in finding.remedy


LDD = """#!/bin/sh
echo "libQt6Gui.so.6:"
echo "	libm.so.6 => /lib/libm.so.6 (0x00007f)"
echo "	libxcb-cursor.so.0 => not found"
echo "	libEGL.so.1 => not found"
echo "$1:"
echo "	libEGL.so.1 => not found"
echo "	libnever-heard-of.so.3 => not found"
"""


@pytest.mark.usefixtures("qt")
def test_libraries_that_the_system_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Answer]
) -> None:
    (tmp_path / "ldd").write_text(LDD)
    (tmp_path / "ldd").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    finding = window.window()
    assert finding.state == "warn"
    assert "libEGL.so.1, libnever-heard-of.so.3, libxcb-cursor.so.0" in finding.what
    install, search = finding.remedy.splitlines()
    assert install == "sudo apt-get install libegl1 libxcb-cursor0"
    assert search.startswith("apt-file search libnever-heard-of.so.3")


@pytest.mark.usefixtures("qt")
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux' loader")
def test_the_true_loader_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is asked for by a name that nothing has is found missing."""
    import PySide6

    plugins = tmp_path / "Qt" / "plugins" / "platforms"
    plugins.mkdir(parents=True)
    (true,) = Path(PySide6.__path__[0]).glob("Qt/plugins/platforms/libqxcb.so")
    altered = true.read_bytes().replace(b"libxcb-icccm.so.4\0", b"libxcb-icccm.so.7\0")
    (plugins / "libqxcb.so").write_bytes(altered)
    monkeypatch.setenv("DISPLAY", ":0")
    assert "libxcb-icccm.so.7" in window.missing_libraries(tmp_path)
