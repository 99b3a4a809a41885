"""Percentiles and rates, with a clock that the test sets."""

from __future__ import annotations

import math

import pytest

from seaformer_edge.percentiles import Percentiles, Rate


def test_thirty_events_per_second_are_a_rate_of_thirty() -> None:
    rate = Rate(window_s=1)
    for index in range(200):
        rate.add(index / 30)
    assert rate.per_s(199 / 30) == pytest.approx(30)


def test_a_rate_needs_two_events() -> None:
    rate = Rate()
    assert rate.per_s(0) == 0
    rate.add(1)
    assert rate.per_s(1) == 0
    rate.add(1)
    assert rate.per_s(1) == 0
    rate.add(1.5)
    assert rate.per_s(1.5) == 4  # two intervals in half a second


def test_a_rate_drops_old_events() -> None:
    rate = Rate(window_s=2)
    for index in range(10):
        rate.add(index / 10)
    assert rate.per_s(2) == pytest.approx(10)
    assert rate.per_s(3) == 0


def test_percentiles_are_values_that_occurred() -> None:
    percentiles = Percentiles()
    for value in range(100, 0, -1):
        percentiles.add(value, 0)
    assert percentiles.at(50, 90, 99, 100, 0, now_s=0) == (50, 90, 99, 100, 1)


def test_percentiles_drop_old_values() -> None:
    percentiles = Percentiles(window_s=5)
    percentiles.add(1000, 0)
    percentiles.add(1, 4)
    assert percentiles.at(100, now_s=5) == (1000,)
    assert percentiles.at(100, now_s=5.1) == (1,)
    assert math.isnan(percentiles.at(50, now_s=20)[0])
