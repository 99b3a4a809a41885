"""Numbers formatted for the window."""

from __future__ import annotations

from math import nan

import pytest

from seaformer_edge_gui import formatting


@pytest.mark.parametrize(
    ("per_s", "text"),
    [(0, "0.0"), (29.97, "30.0"), (99.94, "99.9"), (99.96, "100"), (nan, formatting.ABSENT)],
)
def test_rate(per_s: float, text: str) -> None:
    assert formatting.rate(per_s) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(0.84, "0.8"), (9.96, "10"), (1240.2, "1240"), (nan, formatting.ABSENT)]
)
def test_milliseconds(ms: float, text: str) -> None:
    assert formatting.milliseconds(ms) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.004, "0.4 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (1, "100 %")]
)
def test_percent(share: float, text: str) -> None:
    assert formatting.percent(share) == text


@pytest.mark.parametrize(
    ("number", "text"), [(847, "847"), (9999, "9999"), (12400, "12.4k"), (3_100_000, "3.1M")]
)
def test_count(number: int, text: str) -> None:
    assert formatting.count(number) == text


@pytest.mark.parametrize(
    ("size", "text"), [(850_400_000, "850 MB"), (3_240_000_000, "3.2 GB"), (58 * 10**9, "58 GB")]
)
def test_space(size: int, text: str) -> None:
    assert formatting.space(size) == text


def test_dropped_is_sorted_by_count() -> None:
    assert formatting.dropped({"a": 3, "b": 20_000}) == [("b", "20.0k"), ("a", "3")]
