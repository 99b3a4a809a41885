"""The ranking follows the shares without jitter."""

from __future__ import annotations

import pytest

from seaformer_edge_gui.ranking import Ranking, Row


def rows(**shares: float) -> list[Row]:
    return [Row(ord(name), name, share, 0.5) for name, share in shares.items()]


def names(ranking: Ranking, count: int = 9) -> list[str]:
    return [row.name for row in ranking.top(count)]


def test_the_first_result_is_not_smoothed() -> None:
    ranking = Ranking()
    ranking.update(rows(a=0.2, b=0.5), 10.0)
    assert [(row.name, row.share) for row in ranking.top(5)] == [("b", 0.5), ("a", 0.2)]
    assert names(ranking, 1) == ["b"]


def test_equal_classes_keep_their_order() -> None:
    ranking = Ranking()
    ranking.update(rows(a=0.40, b=0.39), 0.0)
    for i in range(1, 100):
        noise = 0.02 * (-1) ** i
        ranking.update(rows(a=0.40 - noise, b=0.40 + noise), i / 30)
        assert names(ranking) == ["a", "b"]


def test_the_order_is_that_of_the_numbers() -> None:
    ranking = Ranking()
    ranking.update(rows(a=0.40, b=0.39, c=0.021, d=0.020), 0.0)
    ranking.update(rows(a=0.39, b=0.40, c=0.020, d=0.021), 60.0)
    assert names(ranking) == ["b", "a", "d", "c"]


def test_shares_follow_without_jumping() -> None:
    ranking = Ranking()
    ranking.update(rows(a=0.2), 0.0)
    ranking.update(rows(a=0.8), 1 / 30)
    share = ranking.top(1)[0].share
    assert 0.2 < share < 0.3
    ranking.update(rows(a=0.8), 3.0)
    assert ranking.top(1)[0].share == pytest.approx(0.8, abs=0.01)


def test_a_vanished_class_disappears() -> None:
    ranking = Ranking()
    ranking.update(rows(a=0.5, b=0.4), 0.0)
    ranking.update(rows(a=0.5), 0.1)
    assert names(ranking) == ["a", "b"]
    ranking.update(rows(a=0.5), 5.0)
    assert names(ranking) == ["a"]


def test_clear_forgets_everything() -> None:
    ranking = Ranking()
    ranking.update(rows(a=0.5), 0.0)
    ranking.clear()
    ranking.update(rows(b=0.3), 0.1)
    assert [(row.name, row.share) for row in ranking.top(5)] == [("b", 0.3)]


def test_shares_of_a_changing_scene_add_up_to_one() -> None:
    ranking = Ranking()
    ranking.update(rows(a=0.996, c=0.004), 0.0)
    for i in range(1, 40):
        ranking.update(rows(b=0.996, c=0.004), i / 30)
        assert sum(row.share for row in ranking.top(9)) == pytest.approx(1.0, abs=0.003)
    assert names(ranking)[0] == "b"


def test_a_small_class_rises_to_its_share() -> None:
    ranking = Ranking()
    ranking.update(rows(a=1.0), 0.0)
    for i in range(1, 90):
        ranking.update(rows(a=0.997, b=0.003), i / 30)
    assert ranking.top(9)[1].share == pytest.approx(0.003, rel=0.01)
