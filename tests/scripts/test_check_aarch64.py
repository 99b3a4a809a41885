"""scripts/verify/check_aarch64: which labels may differ between two machines."""

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
    """Two classes whose logits differ by `gap` everywhere, and one pixel with the given label."""
    logits = np.zeros((4, 4, 2), np.float32)
    logits[..., 0] = gap
    logits[0] += 1  # another quantisation step
    labels = np.zeros((8, 8), np.uint8)
    labels[4, 4] = label
    picture = np.zeros((32, 32, 3), np.uint8)
    return {f"{model}/0/input": picture, f"{model}/0/logits": logits, f"{model}/0/labels": labels}


@pytest.mark.parametrize(
    ("model", "gap", "label", "same"),
    [
        ("t", 1.0, 0, True),
        ("t", 1.0, 1, False),
        ("t", 5e-4, 1, True),
        ("t-int8", 1.0, 1, True),
        ("t-int8", 5.0, 1, False),
    ],
)
def test_only_labels_of_tied_classes_may_differ(
    check: ModuleType, model: str, gap: float, label: int, same: bool
) -> None:
    ours, theirs = results(model, gap, 0), results(model, gap, label)
    assert check.same_labels(model, ours, theirs) is same


@pytest.mark.parametrize(("gap", "same"), [(0.05, True), (1.0, False)])
def test_fp16_is_compared_with_fp32_of_this_pc(check: ModuleType, gap: float, same: bool) -> None:
    theirs = results("t-fp16", gap, 1)
    ours = {**results("t", gap, 0), **theirs}
    assert check.same_labels("t-fp16", ours, theirs) is same


def test_a_different_input_fails(check: ModuleType) -> None:
    ours, theirs = results("t", 1.0, 0), results("t", 1.0, 0)
    theirs["t/0/input"] = theirs["t/0/input"] + np.uint8(1)
    assert not check.same_labels("t", ours, theirs)


def test_packages_are_those_of_bootstrap(check: ModuleType) -> None:
    packages = set(check.packages_of_bootstrap())
    assert {"python3-venv", "libegl1", "libstdc++6"} <= packages
    assert not {"g++", "python3-dev"} & packages
