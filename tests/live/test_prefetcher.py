"""Frames are taken and preprocessed in time for the network."""

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

LONG_S = 10 * PATIENCE_S


def frame(value: int) -> Frame:
    return Frame(np.full((96, 128, 3), value, np.uint8), value, 0.0)


@pytest.fixture
def slot() -> LatestValue[Frame]:
    return LatestValue()


@pytest.fixture
def prefetcher(slot: LatestValue[Frame]) -> Iterator[Prefetcher]:
    prefetcher = Prefetcher(slot)
    yield prefetcher
    slot.close()
    prefetcher.close()


def test_without_start_a_frame_is_not_preprocessed(
    slot: LatestValue[Frame], prefetcher: Prefetcher
) -> None:
    slot.put(frame(7))
    taken = prefetcher.take()
    assert taken is not None
    assert taken.frame.index == 7
    assert taken.network_input is None


def test_after_start_a_frame_is_preprocessed(
    slot: LatestValue[Frame], prefetcher: Prefetcher
) -> None:
    prefetcher.start(CARD, 0.0)
    slot.put(frame(7))
    taken = prefetcher.take()
    assert taken is not None
    assert taken.card is CARD
    np.testing.assert_array_equal(taken.network_input, np.full((48, 64, 3), 7, np.float32))


def test_a_frame_is_not_taken_long_before_it_is_needed(
    slot: LatestValue[Frame], prefetcher: Prefetcher
) -> None:
    slot.put(frame(7))
    prefetcher.start(CARD, LONG_S)
    time.sleep(0.05)
    assert slot.put(frame(9))  # the first frame was still in the slot
    taken = prefetcher.take()  # earlier than expected
    assert taken is not None
    assert taken.frame.index == 9


def test_wake_ends_the_wait(slot: LatestValue[Frame], prefetcher: Prefetcher) -> None:
    prefetcher.start(CARD, 0.0)
    slot.wake()
    assert prefetcher.take() is None
    slot.put(frame(7))
    assert prefetcher.take() is not None


def test_a_frame_that_cannot_be_preprocessed_is_still_returned(
    slot: LatestValue[Frame], prefetcher: Prefetcher
) -> None:
    slot.put(frame(7))
    prefetcher.start(replace(CARD, width=0), 0.0)
    taken = prefetcher.take()
    assert taken is not None
    assert taken.network_input is None
