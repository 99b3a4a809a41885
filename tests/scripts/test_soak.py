"""What scripts/verify/soak calls growth."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

GROWTH = runpy.run_path(
    str(Path(__file__).parents[2] / "scripts" / "verify" / "soaking" / "growth.py")
)
SMALL, LARGE = ("int8", "pause"), ("fp32", "recording")


def calms(hourly_mb: float, noise_mb: float = 0.0) -> list:
    """An hour whose last quarter is in a state that takes 8 MB more."""
    rng = np.random.default_rng(7)
    made = []
    for i in range(200):
        hours, state = i / 200, LARGE if i >= 150 else SMALL
        level_mb = 150.0 + 8.0 * (state is LARGE) + noise_mb * rng.standard_normal()
        made.append(GROWTH["Calm"](3600 * hours, level_mb + hourly_mb * hours, 10, 8, state))
    return made


@pytest.mark.parametrize("hourly_mb", [0.0, 3.0])
def test_another_state_is_no_growth(hourly_mb):
    slope, error = GROWTH["slope_mb_per_hour"](calms(hourly_mb))
    assert slope == pytest.approx(hourly_mb, abs=1e-6)
    assert error == pytest.approx(0.0, abs=1e-6)


def test_noise_shows_as_the_error():
    slope, error = GROWTH["slope_mb_per_hour"](calms(0.0, noise_mb=2.0))
    assert 0.3 < error < 1.5
    assert abs(slope) < 3 * error


def test_states_that_never_recur_tell_nothing():
    once = [GROWTH["Calm"](60.0 * i, 150.0, 10, 8, ("fp32", str(i))) for i in range(20)]
    assert all(np.isnan(GROWTH["slope_mb_per_hour"](once)))


def test_latencies_are_kept_of_the_first_and_the_last_part_alone():
    latencies = GROWTH["Latencies"](10.0, 60.0)
    for time_s in range(5, 70, 10):
        latencies.add(time_s, [float(time_s)])
    assert [list(part) for part in latencies.parts_ms()] == [[15.0], [55.0, 65.0]]
