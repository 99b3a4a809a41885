from __future__ import annotations

import pytest


@pytest.fixture
def tiny_variant(monkeypatch):
    """The smallest network in place of variant T."""
    pytest.importorskip("torch", reason="the train extra (torch) is not installed")
    from tiny_networks import TINY

    from seaformer_edge.nn import seaformer

    monkeypatch.setitem(seaformer.VARIANTS, "T", TINY)
