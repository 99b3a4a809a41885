"""The state of a source, with a clock that the test sets."""

from __future__ import annotations

from fractions import Fraction

import pytest

from seaformer_edge.live import source_health
from seaformer_edge.live.source_health import SourceHealth
from seaformer_edge.live.stats import SourceState

STEP_S = 0.1


class Clocked:
    """A `SourceHealth` that receives frames at ten per second."""

    def __init__(self) -> None:
        self.health = SourceHealth("camera 0")
        self.now_s = 100.0
        self.number = 0

    def open(self) -> None:
        self.health.connecting(self.now_s)

    def frames(self, duration_s: float, *, still: bool = False) -> None:
        for _ in range(round(duration_s / STEP_S)):
            self.now_s += STEP_S
            self.number += not still
            self.health.frame_arrived(self.now_s, self.number)

    def silence(self, duration_s: float) -> None:
        self.now_s += duration_s

    @property
    def state(self) -> SourceState:
        return self.health.state(self.now_s)

    @property
    def message(self) -> str:
        return self.health.message(self.now_s)

    @property
    def overdue(self) -> str | None:
        return self.health.overdue(self.now_s)


@pytest.fixture
def clocked() -> Clocked:
    clocked = Clocked()
    clocked.open()
    return clocked


def test_connecting_then_running(clocked: Clocked) -> None:
    assert clocked.state is SourceState.CONNECTING
    assert clocked.message == "camera 0: connecting"
    clocked.frames(STEP_S)
    assert clocked.state is SourceState.RUNNING
    assert clocked.overdue is None


def test_a_stall_is_reported_within_two_seconds_until_the_next_frame(clocked: Clocked) -> None:
    clocked.frames(3)
    clocked.silence(1.0)
    assert clocked.state is SourceState.RUNNING
    clocked.silence(1.0)
    assert clocked.state is SourceState.STALLED
    assert clocked.message == "camera 0: no frame for 2 s; check the cable or network"
    clocked.frames(STEP_S)
    assert clocked.state is SourceState.RUNNING


def test_equal_pictures_are_mentioned_and_never_reopened(clocked: Clocked) -> None:
    clocked.frames(3)
    clocked.frames(5, still=True)
    assert clocked.message == "camera 0: running"
    clocked.frames(25, still=True)
    assert clocked.message == "camera 0: running; the picture has not changed for 30 s"
    clocked.frames(300, still=True)
    assert clocked.state is SourceState.RUNNING
    assert clocked.overdue is None
    clocked.frames(STEP_S)
    assert clocked.message == "camera 0: running"


def test_the_time_until_reopening_doubles_up_to_a_limit(clocked: Clocked) -> None:
    clocked.frames(3)
    reopened_after_s = []
    for _ in range(6):
        start_s = clocked.now_s
        while clocked.overdue is None:
            clocked.silence(STEP_S)
        reopened_after_s.append(round(clocked.now_s - start_s))
        clocked.health.lost(clocked.now_s, clocked.overdue)
        assert clocked.state is SourceState.RECONNECTING
        clocked.now_s = clocked.health.retry_at_s
        clocked.open()
        clocked.frames(STEP_S)
        assert clocked.state is SourceState.RUNNING
    assert reopened_after_s == [4, 8, 16, 32, 64, 64]


def test_the_delay_before_a_retry_doubles_up_to_a_limit(clocked: Clocked) -> None:
    delays_s = []
    for _ in range(8):
        clocked.health.lost(clocked.now_s, "camera 0: cannot be opened")
        delays_s.append(clocked.health.retry_at_s - clocked.now_s)
        clocked.now_s = clocked.health.retry_at_s
        clocked.open()
    assert delays_s == [0.5, 1, 2, 4, 8, 8, 8, 8]


def test_the_delay_is_reset_after_the_source_has_recovered(clocked: Clocked) -> None:
    for _ in range(5):
        clocked.health.lost(clocked.now_s, "gone")
    clocked.open()
    clocked.frames(source_health.RECOVERED_AFTER_S + 1)
    clocked.health.lost(clocked.now_s, "gone")
    assert clocked.health.retry_at_s - clocked.now_s == source_health.RETRY_DELAY_S


def test_the_message_of_a_lost_source_has_the_reason_and_the_retry(clocked: Clocked) -> None:
    clocked.frames(1)
    clocked.health.lost(clocked.now_s, "camera 0: is it still plugged in?")
    clocked.health.lost(clocked.now_s, "camera 0: is it still plugged in?")
    assert clocked.message == "camera 0: is it still plugged in?; retry in 1 s"
    clocked.now_s = clocked.health.retry_at_s
    clocked.open()
    assert clocked.state is SourceState.RECONNECTING
    assert clocked.message == "camera 0: is it still plugged in?; reconnecting"


def test_connecting_times_out(clocked: Clocked) -> None:
    clocked.silence(source_health.CONNECT_TIMEOUT_S - 1)
    assert clocked.overdue is None
    clocked.silence(2)
    assert clocked.overdue == "camera 0: no answer"


def test_waiting_for_a_retry_is_not_overdue(clocked: Clocked) -> None:
    clocked.health.lost(clocked.now_s, "gone")
    clocked.silence(5)
    assert clocked.overdue is None


def test_a_low_frame_rate_is_reported(clocked: Clocked) -> None:
    nominal_rate = Fraction(30)
    for number in range(30):
        clocked.now_s += 0.2
        clocked.health.frame_arrived(clocked.now_s, number, nominal_rate)
    assert clocked.state is SourceState.RUNNING
    assert "slow, 5.0 of 30 frames per second" in clocked.message
    for number in range(100):
        clocked.now_s += 1 / 30
        clocked.health.frame_arrived(clocked.now_s, 100 + number, nominal_rate)
    assert clocked.message == "camera 0: running"


def test_a_file_may_pause_and_repeat_frames(clocked: Clocked) -> None:
    for _ in range(50):
        clocked.now_s += STEP_S
        clocked.health.frame_arrived(clocked.now_s)
    assert clocked.state is SourceState.RUNNING
    clocked.silence(60)
    assert clocked.state is SourceState.RUNNING
    assert clocked.overdue is None
    clocked.health.ended(clocked.now_s)
    assert clocked.state is SourceState.ENDED


def test_the_message_of_a_failed_source_is_the_reason(clocked: Clocked) -> None:
    clocked.health.failed(clocked.now_s, "nothing.mp4: no such file")
    assert clocked.state is SourceState.FAILED
    assert clocked.message == "nothing.mp4: no such file"
