"""Fixtures: servers of live runs, and a check for leaked resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from fakes import FakeModels, nothing_left

from seaformer_edge.live import inference

if TYPE_CHECKING:
    from web_site import Serve, Site


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves a run; fails if threads or open files are left."""
    from web_site import serving

    from seaformer_edge.web import server

    monkeypatch.setattr(inference, "open_model", FakeModels())
    monkeypatch.setattr(server, "WRONG_TOKEN_S", 0.0)
    cv2.cvtColor(np.zeros((1, 1, 3), np.uint8), cv2.COLOR_BGR2RGB)  # OpenCV opens what it needs
    with nothing_left():
        yield serving


@pytest.fixture
def site(serve: Serve) -> Iterator[Site]:
    """A server without a token."""
    with serve() as site:
        yield site
