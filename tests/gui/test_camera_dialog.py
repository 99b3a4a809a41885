"""The settings of a camera in the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import PATIENCE_S
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from seaformer_edge.sources import CameraSettings, VideoMode
from seaformer_edge_gui.camera_dialog import CameraDialog
from seaformer_edge_gui.window import Window

MODES = (VideoMode(1280, 720, (30.0, 10.0)), VideoMode(640, 480, (30.0,)))
RANGES = {"exposure_ms": (0.1, 500.0), "gain": (0.0, 255.0)}


def wait(qtbot: QtBot, condition: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=round(PATIENCE_S * 1e3))


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.mark.parametrize(
    "settings",
    [
        CameraSettings(),
        CameraSettings((640, 480), 10.0, 270, True, exposure_ms=8.0, gain=0.0),
        CameraSettings((100, 100), 7.5, white_balance_k=4000.0),  # in no list, and not offered
    ],
)
def test_settings_are_shown_as_they_are(parent: QWidget, settings: CameraSettings) -> None:
    dialog = CameraDialog(parent, settings, MODES, RANGES)
    assert dialog.chosen() == settings
    assert set(dialog.controls) == set(RANGES), "only what the camera offers"


def test_a_control_is_given_back_to_the_camera(parent: QWidget) -> None:
    settings = CameraSettings(exposure_ms=8.0, gain=9.0)
    dialog = CameraDialog(parent, settings, MODES, RANGES)
    for box, value in dialog.controls.values():
        box.setChecked(False)
        assert not value.isEnabled()
    assert dialog.chosen() == CameraSettings(exposure_ms=0.0)


def test_a_camera_is_opened_anew_with_other_settings(
    window: Window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Path(__file__).parents[1] / "sources" / "fake_picamera2"
    monkeypatch.setenv("PYTHONPATH", str(fake))
    assert not window.tool_bar.camera.isVisible(), "no camera"
    window.controller.set_source("picamera")
    wait(qtbot, lambda: window.controller.status().controls)
    wait(qtbot, window.tool_bar.camera.isVisible)
    qtbot.mouseClick(window.tool_bar.camera, Qt.MouseButton.LeftButton)
    dialog = window._camera
    assert dialog is not None
    dialog.rotate.choose(90)
    dialog.controls["gain"][0].setChecked(True)
    dialog.controls["gain"][1].setValue(4.0)
    qtbot.mouseClick(dialog.apply, Qt.MouseButton.LeftButton)
    assert window.controller.camera == CameraSettings(rotate=90, gain=4.0)
    wait(qtbot, lambda: window.controller.status().frame_size == (704, 1280))
    dialog.show_refused(["picamera: the camera refused 640x480 (gives 640x704)"])
    assert dialog.refused.isVisible()
    window.controller.set_source("synthetic:96x64@50")
    wait(qtbot, lambda: window._camera is None)
    wait(qtbot, lambda: (r := window.picture._result) and r.frame.image.shape == (64, 96, 3))
    assert not window.tool_bar.camera.isVisible()
