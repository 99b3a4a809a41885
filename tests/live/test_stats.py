"""Statistics of a live run, with a clock that the test sets."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from seaformer_edge.live.stats import HISTORY, LiveStats


def test_latency_is_capture_to_paint() -> None:
    stats = LiveStats()
    for sequence in range(1, 11):
        now_s = sequence / 10
        latency_s = sequence / 1000
        stats.painted(now_s, sequence, now_s - latency_s, now_s - 0.0005)
    metrics = stats.metrics(1.0)
    assert metrics.latency_ms == pytest.approx(10)
    assert metrics.latency_p50_ms == pytest.approx(5)
    assert metrics.latency_p90_ms == pytest.approx(9)
    assert metrics.latency_p99_ms == pytest.approx(10)
    assert metrics.display_fps == pytest.approx(10)
    assert metrics.stage_ms["paint"] == pytest.approx(0.5)
    assert metrics.latency_history[-1] == pytest.approx((1.0, 10))


def test_painting_again_does_not_count() -> None:
    stats = LiveStats()
    for now_s in (0.0, 0.1, 0.2):
        stats.painted(now_s, 1, 0, 0)
    metrics = stats.metrics(0.2)
    assert metrics.display_fps == 0
    assert metrics.latency_ms == 0
    assert not metrics.dropped


def test_results_that_are_not_painted_are_counted() -> None:
    stats = LiveStats()
    for sequence in (3, 4, 8):
        stats.painted(sequence, sequence, sequence, sequence)
    assert stats.metrics(8).dropped == {"not painted": 3}


def test_drops_by_cause() -> None:
    stats = LiveStats()
    stats.drop("overwritten")
    stats.drop("corrupt", 3)
    stats.drop("corrupt", 0)
    stats.drop("overwritten")
    assert stats.metrics(0).dropped == {"overwritten": 2, "corrupt": 3}


def test_reset_drops_every_figure() -> None:
    stats = LiveStats()
    new = repr(stats.metrics(3))
    for now_s in (1, 2):
        stats.captured(now_s, (64, 48))
        stats.inferred(now_s, {"network": 5})
        stats.painted(now_s, now_s, now_s - 0.5, now_s)
    stats.drop("corrupt")
    stats.reset_rates()
    metrics = stats.metrics(3)
    assert (metrics.capture_fps, metrics.inference_fps, metrics.display_fps) == (0, 0, 0)
    assert metrics.latency_p50_ms == 500
    assert metrics.dropped == {"corrupt": 1}
    stats.reset()
    assert repr(stats.metrics(3)) == new


def test_stages_are_in_processing_order() -> None:
    stats = LiveStats()
    stats.inferred(0, {"labels": 1, "network": 5, "wait": 2})
    stats.inferred(0, {"labels": 3, "network": 7, "wait": 2})
    metrics = stats.metrics(0)
    assert list(metrics.stage_ms.items()) == [("wait", 2), ("network", 5), ("labels", 1)]
    assert metrics.network_ms == 5


def test_metrics_are_immutable() -> None:
    stats = LiveStats()
    stats.drop("corrupt")
    metrics = stats.metrics(0)
    with pytest.raises(FrozenInstanceError):
        metrics.capture_fps = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        metrics.dropped["corrupt"] = 0  # type: ignore[index]
    stats.drop("corrupt")
    assert metrics.dropped == {"corrupt": 1}


def test_history_is_bounded() -> None:
    stats = LiveStats()
    for sequence in range(1, 2 * HISTORY):
        stats.painted(sequence, sequence, sequence, sequence)
    assert len(stats.metrics(0).latency_history) == HISTORY
