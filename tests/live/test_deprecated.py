"""Old names of the live package work with a warning."""

from __future__ import annotations

import pytest
from fakes import FAKE

from seaformer_edge import live


def test_module_names() -> None:
    with pytest.warns(DeprecationWarning, match="use LiveStatus"):
        assert live.LiveSnapshot is live.LiveStatus
    with pytest.warns(DeprecationWarning, match="use limit_malloc_arenas"):
        assert live.use_one_arena is live.limit_malloc_arenas
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = live.absent


def test_snapshot() -> None:
    pipeline = live.LivePipeline("synthetic", FAKE)
    with pytest.warns(DeprecationWarning, match=r"use LivePipeline\.status") as warned:
        assert pipeline.snapshot().source == "synthetic"
    assert warned[0].filename == __file__
