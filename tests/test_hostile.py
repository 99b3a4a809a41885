"""A few broken inputs for everybody who takes input from strangers; `scripts/fuzz` has more."""

from __future__ import annotations

import importlib.util

import pytest
from hostile import TARGETS, take
from hypothesis import HealthCheck, Phase, given, settings

# A program's first run is in a process of its own, and a checkpoint is compared with networks.
SLOW = {"programs": 12, "checkpoints": 12}


@pytest.mark.parametrize("name", TARGETS)
def test_it_is_refused_or_taken(name: str) -> None:
    target = TARGETS[name]
    if importlib.util.find_spec(target.needs) is None:
        pytest.skip(f"{target.needs} is not installed")

    @settings(
        max_examples=SLOW.get(name, 60),
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs())
    def feed(given_input: object) -> None:
        take(target, given_input)

    feed()
