"""The growth that scripts/verify/soak reports."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

GROWTH = runpy.run_path(
    str(Path(__file__).parents[2] / "scripts" / "verify" / "soaking" / "growth.py")
)
SMALL, LARGE = ("int8", "pause"), ("fp32", "recording")


def samples(hourly_mb: float, noise_mb: float = 0.0) -> list:
    """One hour. In its last quarter the state needs 8 MB more."""
    rng = np.random.default_rng(7)
    made = []
    for i in range(200):
        hours, state = i / 200, LARGE if i >= 150 else SMALL
        level_mb = 150.0 + 8.0 * (state is LARGE) + noise_mb * rng.standard_normal()
        made.append(GROWTH["Sample"](3600 * hours, level_mb + hourly_mb * hours, 10, 8, state))
    return made


@pytest.mark.parametrize("hourly_mb", [0.0, 3.0])
def test_a_change_of_state_is_not_growth(hourly_mb):
    slope, error = GROWTH["slope_mb_per_hour"](samples(hourly_mb))
    assert slope == pytest.approx(hourly_mb, abs=1e-6)
    assert error == pytest.approx(0.0, abs=1e-6)


def test_noise_increases_the_error():
    slope, error = GROWTH["slope_mb_per_hour"](samples(0.0, noise_mb=2.0))
    assert 0.3 < error < 1.5
    assert abs(slope) < 3 * error


def test_states_that_never_recur():
    once = [GROWTH["Sample"](60.0 * i, 150.0, 10, 8, ("fp32", str(i))) for i in range(20)]
    assert all(np.isnan(GROWTH["slope_mb_per_hour"](once)))


def test_only_latencies_of_the_first_and_last_part_are_kept():
    latencies = GROWTH["Latencies"](10.0, 60.0)
    for time_s in range(5, 70, 10):
        latencies.add(time_s, [float(time_s)])
    assert [list(part) for part in latencies.parts_ms()] == [[15.0], [55.0, 65.0]]
