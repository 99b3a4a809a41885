"""Shared by the tests of live runs: fast fake networks, and a check for leaked resources."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from fakes import FakeModels, nothing_left

from seaformer_edge.live import inference


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeModels]:
    models = FakeModels()
    monkeypatch.setattr(inference, "open_model", models)
    cv2.cvtColor(np.zeros((1, 1, 3), np.uint8), cv2.COLOR_BGR2RGB)  # OpenCV opens what it needs
    with nothing_left():
        yield models
