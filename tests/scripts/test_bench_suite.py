from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

SUITE = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "bench" / "suite"))
RECORD = {"engines, T": {"other published network": 1.20, "end to end against network alone": 1.20}}


@pytest.mark.parametrize(
    ("name", "now", "status"),
    [
        ("other published network", 1.10, 0),
        ("other published network", 1.05, 1),
        ("other published network", 2.00, 0),
        ("end to end against network alone", 1.30, 0),
        ("end to end against network alone", 1.40, 1),
        ("end to end against network alone", 0.50, 0),
        ("not recorded", 0.01, 0),
    ],
)
def test_only_a_slowdown_counts_as_worse(name, now, status, capsys):
    assert SUITE["compare"](RECORD, {"engines, T": {name: now}}) == status
    assert ("worse" in capsys.readouterr().out) == bool(status)


def test_new_ratios_replace_the_old_ones_and_their_quartiles(tmp_path):
    path = tmp_path / "performance.json"
    old = {"a": {"x": 1.0}, "b": {"y": 2.0}, "quartiles": {"a": {"x": [1, 1]}, "b": {"y": [2, 2]}}}
    SUITE["save"](old | {"figures": []}, {"a": {"x": 3.0}}, path)
    assert json.loads(path.read_text()) == {
        "a": {"x": 3.0},
        "b": {"y": 2.0},
        "quartiles": {"b": {"y": [2, 2]}},
        "figures": [],
    }
