"""scripts/verify/check_aarch64: which labels of another machine may differ from this one's."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from loading import load_script
from numpy.typing import NDArray

SCRIPTS = Path(__file__).parents[2] / "scripts" / "verify"
Arrays = dict[str, NDArray[np.generic]]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPTS)
    return load_script("verify/check_aarch64")


def results(model: str, gap: float, label: int) -> Arrays:
    """Two classes that lie `gap` apart everywhere, and one pixel that says `label`."""
    logits = np.zeros((4, 4, 2), np.float32)
    logits[..., 0] = gap
    logits[0] += 1  # another step of the grid
    labels = np.zeros((8, 8), np.uint8)
    labels[4, 4] = label
    picture = np.zeros((32, 32, 3), np.uint8)
    return {f"{model}/0/input": picture, f"{model}/0/logits": logits, f"{model}/0/labels": labels}


@pytest.mark.parametrize(
    ("model", "gap", "label", "fine"),
    [
        ("t", 1.0, 0, True),
        ("t", 1.0, 1, False),
        ("t", 5e-4, 1, True),
        ("t-int8", 1.0, 1, True),
        ("t-int8", 5.0, 1, False),
    ],
)
def test_labels_differ_in_ties_alone(
    check: ModuleType, model: str, gap: float, label: int, fine: bool
) -> None:
    ours, theirs = results(model, gap, 0), results(model, gap, label)
    assert check.same_labels(model, ours, theirs) is fine


def test_another_input_is_not_compared(check: ModuleType) -> None:
    ours, theirs = results("t", 1.0, 0), results("t", 1.0, 0)
    theirs["t/0/input"] = theirs["t/0/input"] + np.uint8(1)
    assert not check.same_labels("t", ours, theirs)


def test_packages_come_from_bootstrap(check: ModuleType) -> None:
    assert {"g++", "python3-dev", "libegl1", "libstdc++6"} <= set(check.packages_of_bootstrap())
