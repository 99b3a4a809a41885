"""Zones of live results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fakes import CARD, wait_until

from seaformer_edge.frame import NO_CLASS, Frame, Segmentation
from seaformer_edge.live.result import LiveResult, Prediction
from seaformer_edge.live.zone_watch import EventRecord, ZoneWatch
from seaformer_edge.zones import Event, Rule, Zone

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
CLASS = CARD.classes[1]
RULE = Rule(CLASS, above=0.5)


LEFT_ZONE = Zone("left", LEFT, (RULE,))


def keep(events: list[Event]) -> Callable[[Event, EventRecord], None]:
    return lambda event, record: events.append(event)


def result(sequence: int, class_id: int = 1, card: object = CARD) -> LiveResult:
    """A result whose left quarter is of the class, the rest of class 0."""
    labels = np.zeros((8, 16), np.uint8)
    labels[:, :6] = class_id
    frame = Frame(np.zeros((8, 16, 3), np.uint8), sequence, 0.0, captured_at_s=float(sequence))
    segmentation = Segmentation(labels, (), {})
    return LiveResult(frame, sequence, 0.0, Prediction(card, segmentation), True)  # type: ignore[arg-type]


def test_a_result_is_counted_once_and_begins_an_event() -> None:
    results = [result(1)]
    events: list[Event] = []
    watch = ZoneWatch(lambda: results[-1], [LEFT_ZONE], keep(events))
    watch.update()
    watch.update()
    assert watch.shares["left"][CLASS] == 0.75
    assert list(watch.largest_shares()["left"].items()) == [(CLASS, 0.75), (CARD.classes[0], 0.25)]
    assert [(e.begins, e.share, e.at_s) for e in events] == [(True, 0.75, 1.0)]
    (record,) = watch.events
    assert (record["event"], record["zone"], record["class"]) == ("begin", "left", CLASS)
    assert record["above"] == 0.5
    results.append(result(2, class_id=0))
    watch.update()
    assert [e.begins for e in events] == [True, False]


def test_unknown_pixels_are_of_the_zone_but_of_no_class() -> None:
    watch = ZoneWatch(lambda: result(1, class_id=NO_CLASS), [Zone("left", LEFT)], [].append)
    watch.update()
    assert watch.largest_shares() == {"left": {CARD.classes[0]: 0.25}}


def test_a_model_without_the_class_of_a_rule(caplog: pytest.LogCaptureFixture) -> None:
    other = replace(CARD, classes=tuple(f"other {i}" for i, _ in enumerate(CARD.classes)))
    results = [result(1, card=other)]
    events: list[Event] = []
    watch = ZoneWatch(lambda: results[-1], [LEFT_ZONE], keep(events))
    watch.update()
    assert not events
    assert f"the model has no class '{CLASS}'" in caplog.text
    assert watch.shares["left"]["other 1"] == 0.75
    results.append(result(2))
    watch.update()
    assert len(events) == 1


def test_zones_change_while_an_event_lasts() -> None:
    events: list[Event] = []
    results = [result(1)]
    watch = ZoneWatch(lambda: results[-1], [LEFT_ZONE], keep(events))
    watch.update()
    right = Zone("right", ((0.5, 0), (1, 0), (1, 1), (0.5, 1)), (Rule(CLASS, below=0.5),))
    watch.set_zones([right, LEFT_ZONE])
    watch.update()
    assert [(e.zone, e.begins) for e in events] == [("left", True), ("right", True)]
    assert list(watch.shares) == ["right", "left"]
    assert [record["zone"] for record in watch.events] == ["right", "left"]
    watch.set_zones([])
    watch.update()
    assert watch.shares == {}


def test_the_thread_watches_until_the_end() -> None:
    events: list[Event] = []
    watch = ZoneWatch(lambda: result(1), [LEFT_ZONE], keep(events))
    watch.start()
    wait_until(lambda: events)
    watch.stop()
