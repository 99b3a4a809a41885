from __future__ import annotations

import threading

from seaformer_edge.live.latest_value import LatestValue

PATIENCE_S = 20


def test_the_newest_item_is_kept_and_overwriting_is_reported() -> None:
    slot: LatestValue[int] = LatestValue()
    assert [slot.put(i) for i in range(4)] == [False, True, True, True]
    assert slot.take() == 3
    assert not slot.put(4)


def test_take_waits() -> None:
    slot: LatestValue[int] = LatestValue()
    taken: list[int | None] = []
    taker = threading.Thread(target=lambda: taken.append(slot.take()))
    taker.start()
    slot.put(7)
    taker.join(PATIENCE_S)
    assert taken == [7]


def test_wake_gives_none_once_and_keeps_the_item() -> None:
    slot: LatestValue[int] = LatestValue()
    slot.put(1)
    slot.wake()
    assert slot.take() is None
    assert slot.take() == 1


def test_close_ends_take() -> None:
    slot: LatestValue[int] = LatestValue()
    taken: list[int | None] = [0]
    taker = threading.Thread(target=lambda: taken.append(slot.take()))
    taker.start()
    slot.close()
    taker.join(PATIENCE_S)
    assert taken == [0, None]
    slot.put(1)
    assert slot.take() is None


def test_every_item_is_taken_once_or_reported_as_overwritten() -> None:
    slot: LatestValue[int] = LatestValue()
    count = 5000
    overwritten = 0
    taken: list[int] = []

    def take() -> None:
        while (item := slot.take()) is not None:
            taken.append(item)

    taker = threading.Thread(target=take)
    taker.start()
    for item in range(1, count + 1):
        overwritten += slot.put(item)
    while len(taken) + overwritten < count:
        pass
    slot.close()
    taker.join(PATIENCE_S)
    assert taken == sorted(set(taken))
    assert taken[-1] == count
    assert len(taken) + overwritten == count
