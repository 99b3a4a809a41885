"""Fixtures for the window: no screen, fake models, and a check for leaked widgets."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from clips import numbered
from fakes import PATIENCE_S, FakeModels, nothing_left
from gui_results import QUICK

from seaformer_edge.live import inference

if TYPE_CHECKING:
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from seaformer_edge_gui.window import Window

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> FakeModels:
    """Fake networks that take no time; every name that begins with "fake" is a model."""
    models = FakeModels()
    monkeypatch.setattr(inference, "open_model", models)
    # At its first call, OpenCV opens files that stay open.
    cv2.cvtColor(np.zeros((1, 1, 3), np.uint8), cv2.COLOR_BGR2RGB)
    return models


@pytest.fixture
def fake(tmp_path: Path) -> str:
    """The path of a model that `models` knows."""
    path = tmp_path / "fake.pte"
    path.touch()
    return str(path)


@pytest.fixture
def no_widget_left(qapp: object) -> Iterator[None]:
    """Fails if a test leaves a window or another widget."""
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QApplication

    before = set(QApplication.allWidgets())
    yield
    for _ in range(2):
        gc.collect()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QCoreApplication.processEvents()
    left = set(QApplication.allWidgets()) - before
    assert not left, left


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of four pictures."""
    path = tmp_path / "pictures"
    path.mkdir()
    for i in range(4):
        cv2.imwrite(str(path / f"{i}.png"), numbered(i))
    return path


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    from PySide6.QtCore import QSettings

    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def window(
    qtbot: QtBot,
    qapp: QApplication,
    models: FakeModels,
    fake: str,
    tmp_path: Path,
    store: QSettings,
) -> Iterator[Window]:
    """An open window with a running pipeline; checks that closing it leaves no thread."""
    from seaformer_edge_gui import theme
    from seaformer_edge_gui.controller import Controller
    from seaformer_edge_gui.settings import Settings
    from seaformer_edge_gui.window import Window

    theme.prepare(qapp)
    with nothing_left():
        settings = Settings(source=QUICK, model=fake, smoothing=0.0)
        window = Window(Controller(settings, tmp_path), store)
        qtbot.addWidget(window)
        window.resize(1024, 600)
        window.show()
        window.start()
        patience_ms = round(PATIENCE_S * 1e3)
        qtbot.waitUntil(lambda: window.controller.card is not None, timeout=patience_ms)
        qtbot.waitUntil(lambda: window.controller.status().display_fps > 0, timeout=patience_ms)
        yield window
        window.close()
