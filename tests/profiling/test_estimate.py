"""The arithmetic of estimated times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaformer_edge.profiling import estimate
from seaformer_edge.profiling.estimate import BOARDS, Board, Counts, board_of

NOTHING = Counts(*[0] * 12)
M = 1_000_000
BOARD = Board("Test", "core", 2.0, 4, 2, 2, 1, 2, 1, (10.0, 20.0))


@pytest.mark.parametrize(
    ("changes", "cycles"),
    [
        ({"multiply": 8}, 4),
        ({"multiply": 8, "arithmetic": 4}, 6),
        ({"int_multiply": 8}, 8),
        ({"load": 8}, 4),
        ({"store": 8}, 8),
        ({"scalar": 8, "branch": 4}, 3),
        ({"multiply": 8, "scalar": 24}, 8),
    ],
)
def test_the_busiest_part_of_the_core_takes_the_cycles(changes, cycles):
    assert BOARD.cycles(replace(NOTHING, **changes)) == cycles


def test_cycles_and_memory_add_up():
    counts = replace(NOTHING, multiply=40 * M, l3_misses=M)
    assert BOARD.time_ms(counts, 1) == pytest.approx(10 + 6.4)


def test_four_threads_share_cycles_and_bandwidth_and_meet_after_operators():
    counts = replace(NOTHING, multiply=40 * M, l3_misses=M)
    meetings_ms = 1e3 * estimate.MEETING_S * estimate.OPERATORS
    assert BOARD.time_ms(counts, 4) == pytest.approx(2.5 + 3.2 + meetings_ms)


def test_instructions_of_all_classes_are_counted_once():
    counts = Counts(1, 2, 4, 8, 16, 32, 64, 5, 5, 5, 5, 5)
    assert (counts.neon, counts.instructions) == (7, 127)
    assert (counts + counts).instructions == 254


def test_the_range_is_the_spread_of_the_cross_checks(monkeypatch):
    row = (40 * M, *[0] * 11)
    times = [estimate.Measurement("Raspberry Pi 5", "other", 1, ms, "a page") for ms in (5.0, 20.0)]
    record = estimate._Record({"other": {"cortex-a76": row}, "ours": {"cortex-a76": row}}, times)
    monkeypatch.setattr(estimate, "_record", lambda: record)
    estimate.error.cache_clear()
    try:
        board = BOARDS["Raspberry Pi 5"]  # 40 M / 2 / 2.4 GHz
        assert estimate.error(False, 1) == pytest.approx((5 / (20 / 2.4), 20 / (20 / 2.4)))
        assert estimate.estimate_ms("ours", board, 1) == pytest.approx((5, 20))
        assert estimate.estimate_ms("unknown", board, 1) is None
    finally:
        estimate.error.cache_clear()


def test_every_published_time_has_an_estimate_and_every_board_a_range():
    checks = estimate.cross_checks()
    assert len(checks) == len(estimate._record().measured)
    for name in ("Raspberry Pi 4", "Raspberry Pi 5", "Jetson AGX Orin", "Apple M1"):
        assert estimate.estimate_ms("seaformer-t-everyday", BOARDS[name], 4)


@pytest.mark.parametrize(
    ("cpu", "name"),
    [
        ("4x Cortex-A76", "Raspberry Pi 5"),
        ("12x Cortex-A78AE", "Jetson AGX Orin"),
        ("Apple M1", "Apple M1"),
        ("4x Cortex-A55 + 4x Cortex-A76", None),  # which cores will run it is not known
        ("AMD EPYC", None),
    ],
)
def test_a_board_is_found_by_its_processor(cpu, name):
    assert board_of(cpu) is (BOARDS[name] if name else None)
