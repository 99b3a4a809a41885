"""Fixtures for the window: no screen, fake models, and a check for leaked widgets."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import FakeModels

from seaformer_edge.live import inference

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
