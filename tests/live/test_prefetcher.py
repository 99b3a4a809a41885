from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from fakes import CARD, PATIENCE_S

from seaformer_edge.frame import Frame
from seaformer_edge.live.latest_value import LatestValue
from seaformer_edge.live.prefetcher import Prefetcher

Taken = tuple[Frame, float]
LATER_S = 10 * PATIENCE_S


def frame(value: int) -> Frame:
    return Frame(np.full((96, 128, 3), value, np.uint8), value, 0.0)


@pytest.fixture
def slot() -> LatestValue[Taken]:
    return LatestValue()


@pytest.fixture
def ahead(slot: LatestValue[Taken]) -> Iterator[Prefetcher]:
    lookahead = Prefetcher(slot)
    yield lookahead
    slot.close()
    lookahead.close()


def test_a_frame_that_nobody_began_comes_as_it_is(
    slot: LatestValue[Taken], ahead: Prefetcher
) -> None:
    slot.put((frame(7), 1.0))
    ready = ahead.take()
    assert ready is not None
    assert ready.captured_at_s == 1.0
    assert ready.network_input is None


def test_a_frame_is_prepared_meanwhile(slot: LatestValue[Taken], ahead: Prefetcher) -> None:
    ahead.begin(CARD, 0.0)
    slot.put((frame(7), 1.0))
    ready = ahead.take()
    assert ready is not None
    assert ready.card is CARD
    np.testing.assert_array_equal(ready.network_input, np.full((48, 64, 3), 7, np.float32))


def test_a_frame_is_not_taken_long_before_it_is_needed(
    slot: LatestValue[Taken], ahead: Prefetcher
) -> None:
    slot.put((frame(7), 1.0))
    ahead.begin(CARD, LATER_S)
    time.sleep(0.05)
    assert slot.put((frame(9), 2.0))  # the first one was still there
    ready = ahead.take()  # the network was quicker than it was before
    assert ready is not None
    assert ready.captured_at_s == 2.0


def test_who_waits_can_be_woken(slot: LatestValue[Taken], ahead: Prefetcher) -> None:
    ahead.begin(CARD, 0.0)
    slot.wake()
    assert ahead.take() is None
    slot.put((frame(7), 1.0))
    assert ahead.take() is not None


def test_a_frame_that_cannot_be_prepared_comes_as_it_is(
    slot: LatestValue[Taken], ahead: Prefetcher
) -> None:
    slot.put((frame(7), 1.0))
    ahead.begin(replace(CARD, width=0), 0.0)
    ready = ahead.take()
    assert ready is not None
    assert ready.network_input is None
