"""Events of rules on shares."""

from __future__ import annotations

import numpy as np
import pytest

from seaformer_edge.errors import ModelError
from seaformer_edge.zones import Rule, RuleWatch, Zone

TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))


def events_of(rule: Rule, shares: list[float]) -> list[tuple[int, bool]]:
    """The indices of the shares, one a second, at which an event begins (True) or ends."""
    watch = RuleWatch([Zone("z", TRIANGLE, (rule,))], ["road", "car"])
    found = []
    for second, share in enumerate(shares):
        row = np.zeros((1, 256))
        row[0, 1] = share
        for event in watch.update(row, float(second)):
            assert (event.zone, event.share, event.at_s) == ("z", share, second)
            assert bool(watch.active) == event.begins
            found.append((second, event.begins))
    return found


def test_an_event_begins_above_and_ends_at_the_limit() -> None:
    rule = Rule("car", above=0.5)
    assert events_of(rule, [0.4, 0.5, 0.6, 0.7, 0.5, 0.6]) == [(2, True), (4, False), (5, True)]


def test_an_event_begins_below() -> None:
    assert events_of(Rule("car", below=0.5), [0.4, 0.5, 0.6]) == [(0, True), (1, False)]


def test_a_share_between_the_limits_changes_nothing() -> None:
    shares = [0.55, 0.45, 0.55, 0.41, 0.4, 0.45]
    assert events_of(Rule("car", above=0.5, hysteresis=0.1), shares) == [(0, True), (4, False)]
    shares = [0.45, 0.55, 0.45, 0.6]
    assert events_of(Rule("car", below=0.5, hysteresis=0.1), shares) == [(0, True), (3, False)]


def test_a_share_must_stay_for_the_seconds_of_the_rule() -> None:
    shares = [0.6, 0.6, 0.4, 0.6, 0.6, 0.6, 0.4, 0.6, 0.4, 0.4, 0.4]
    assert events_of(Rule("car", above=0.5, seconds=2), shares) == [(5, True), (10, False)]


def test_a_class_that_the_model_lacks() -> None:
    with pytest.raises(ModelError, match="'z': the model has no class 'cat'; did you mean car"):
        RuleWatch([Zone("z", TRIANGLE, (Rule("cat", above=0.5),))], ["road", "car"])
