"""`measure` with a fake clock that the fake program moves forward."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import CARD, FakeProgram
from numpy.typing import NDArray
from profiles import PROGRAMS, reading, tiny_model

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card
from seaformer_edge.machine.board import SystemReading
from seaformer_edge.profiling import measure as module
from seaformer_edge.profiling.latency import LatencySeries, LatencyStats
from seaformer_edge.profiling.measure import Progress, Request, measure
from seaformer_edge.profiling.record import FULL, QUICK, Protocol, Run

SHORT = Protocol("short", 2, 1.0, 30, 0.5, needs_both=True)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class TimedProgram(FakeProgram):
    """Each run takes `at_first_ms`, and after `changes_s` seconds `later_ms`, of the fake clock."""

    def __init__(self, clock: Clock, card: Card, at_first_ms: float, later_ms: float) -> None:
        super().__init__(card)
        self.clock, self.at_first_ms, self.later_ms = clock, at_first_ms, later_ms
        self.warm_runs = 2 * SHORT.warmup_frames + 1
        self.changes_s = 1.0

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        begun_s = self.warm_runs * self.at_first_ms / 1e3
        early = self.clock.now_s < begun_s + self.changes_s
        self.clock.now_s += (self.at_first_ms if early else self.later_ms) / 1e3
        return super().run(image)


class FakeMonitor:
    """Returns the given readings in order, then the last one again and again."""

    def __init__(self, *readings: SystemReading) -> None:
        self.readings = list(readings) or [reading()]

    def read(self) -> SystemReading:
        return self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]


@pytest.fixture
def fake_run(monkeypatch: pytest.MonkeyPatch):
    """A function that measures a `TimedProgram` and returns the run and its progress."""

    def run_it(
        protocol: Protocol = SHORT,
        at_first_ms: float = 10.0,
        later_ms: float = 10.0,
        monitor: FakeMonitor | None = None,
        task: str = "segmentation",
    ) -> tuple[Run, list[Progress]]:
        clock = Clock()
        card = replace(CARD, task=task)
        program = TimedProgram(clock, card, at_first_ms, later_ms)
        monkeypatch.setattr(module, "verify", lambda path: card)
        monkeypatch.setattr(module, "open_program", lambda path, threads: program)
        progress: list[Progress] = []
        request = Request(Path("fake.pte"), 2, (64, 48), protocol)
        return measure(request, progress.append, monitor or FakeMonitor(), clock), progress

    return run_it


def test_the_first_seconds_are_separate(fake_run) -> None:
    run, _ = fake_run(at_first_ms=10.0, later_ms=25.0)
    for first, steady in [(run.network_first, run.network), (run.end_to_end_first, run.end_to_end)]:
        assert first.p50_ms == pytest.approx(10)
        assert steady.p50_ms == pytest.approx(25)
        assert steady.mean_ms == pytest.approx(25)
        assert steady.frames_per_s == pytest.approx(40)
    assert run.timeline[0].network_p50_ms == pytest.approx(10)
    assert run.timeline[-1].end_to_end_p50_ms == pytest.approx(25)


@pytest.mark.parametrize("latency", ["network", "end_to_end"])
def test_both_minimums_are_reached(fake_run, latency: str) -> None:
    quick_frames, _ = fake_run(at_first_ms=5.0, later_ms=5.0)  # 30 frames are 0.15 s
    stats = getattr(quick_frames, latency)
    assert stats.frames >= 100
    assert stats.frames * stats.mean_ms >= 500
    slow_frames, _ = fake_run(at_first_ms=100.0, later_ms=100.0)  # 0.5 s are 5 frames
    assert 30 <= getattr(slow_frames, latency).frames < 36


def test_one_minimum_is_enough_for_a_quick_run(fake_run) -> None:
    quick = replace(SHORT, needs_both=False)
    run, _ = fake_run(quick, 100.0, 100.0)
    assert 5 <= min(run.network.frames, run.end_to_end.frames) < 12
    run, _ = fake_run(quick, 5.0, 5.0)
    assert 30 <= min(run.network.frames, run.end_to_end.frames) < 100


def test_a_frame_longer_than_the_first_seconds(fake_run) -> None:
    run, _ = fake_run(replace(SHORT, frames=1), 3000.0, 3000.0)
    assert run.network_first.frames == 1
    assert run.end_to_end_first.p50_ms == pytest.approx(3000)


def test_the_minimums_of_the_protocols() -> None:
    assert (FULL.frames, FULL.seconds, FULL.needs_both) == (1024, 60, True)
    assert (QUICK.frames, QUICK.seconds, QUICK.needs_both) == (128, 10, False)


def test_progress_increases_to_1(fake_run) -> None:
    _, progress = fake_run(later_ms=20.0)
    done = [each.done for each in progress]
    assert done == sorted(done)
    assert done[-1] == 1
    assert len(done) >= 2
    assert progress[-1].network_ms == pytest.approx(20)
    assert progress[-1].temperature_c == 50


def test_the_stages_add_up_to_end_to_end(fake_run) -> None:
    run, _ = fake_run()
    assert list(run.stages) == ["resize", "network", "labels", "overlay", "other"]
    assert sum(stage.mean_ms for stage in run.stages.values()) == pytest.approx(
        run.end_to_end.mean_ms
    )
    assert {stage.frames for stage in run.stages.values()} == {run.end_to_end.frames}


def test_a_classifier_has_no_labels_and_no_overlay(fake_run) -> None:
    run, _ = fake_run(task="classification")
    assert list(run.stages) == ["resize", "network", "other"]


def test_memory_and_temperature_before_and_after(fake_run) -> None:
    monitor = FakeMonitor(
        reading(process_rss_mb=60.0, temperature_c=40.0),
        reading(process_rss_mb=100.0),
        reading(process_rss_mb=130.0),
        reading(process_rss_mb=110.0, temperature_c=70.0),
    )
    run, _ = fake_run(later_ms=50.0, monitor=monitor)
    memory = run.memory
    assert (memory.before_mb, memory.loaded_mb, memory.peak_mb) == (60, 100, 130)
    assert (run.before.temperature_c, run.after.temperature_c) == (40, 70)


def test_throttling_is_read_now_and_from_the_memory_of_the_board(fake_run) -> None:
    monitor = FakeMonitor(
        reading(throttled_before=("throttled",)),
        reading(),
        reading(throttled=("clock capped",)),
        reading(throttled_before=("throttled", "under-voltage")),
    )
    run, _ = fake_run(later_ms=50.0, monitor=monitor)
    assert run.throttled == ("clock capped", "under-voltage"), "without what was set before the run"
    assert fake_run()[0].throttled == ()


def test_series_and_stats() -> None:
    series = LatencySeries()
    for number in range(100):
        series.add(number / 10, number + 1)
    assert list(series.between(1.0, 1.25)) == [11, 12, 13]
    assert len(series.between(5)) == 50
    assert list(series.until(0)) == [1]
    assert list(series.until(0.25)) == [1, 2, 3]
    assert LatencyStats.of(series.between(0)) == LatencyStats(100, 50.5, 50, 90, 99)


class TestNative:
    """With a real program."""

    @pytest.fixture(autouse=True)
    def _native(self) -> None:
        pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")

    def test_operators(self, tmp_path: Path) -> None:
        from seaformer_edge.runtime.native import NativeProgram

        request = Request(tiny_model(tmp_path), 1, (64, 48), replace(QUICK, first_s=0.0), True)
        run = measure(request, lambda progress: None)
        kinds = [operator.kind for operator in run.operators]
        assert sum("Convolution" in kind or "Fully Connected" in kind for kind in kinds) == 4
        assert all(operator.p50_ms >= 0 for operator in run.operators)

        program = NativeProgram(PROGRAMS / "slow.pte", 1, time_operators=True)
        assert program.operator_times_ms() == []
        for _ in range(2):  # the second run replaces the times of the first
            program.run(np.zeros(program.input_shape, np.float32))
            times_ms = [ms for _, ms in program.operator_times_ms()]
            assert len(times_ms) == len({name for name, _ in program.operator_times_ms()})
            assert 1 < sum(times_ms) < 10_000

    def test_operators_are_not_timed_by_default(self) -> None:
        from seaformer_edge.runtime.native import NativeProgram

        program = NativeProgram(PROGRAMS / "nhwc.pte", 1)
        program.run(np.zeros(program.input_shape, np.float32))
        assert program.operator_times_ms() == []


def test_timing_operators_needs_the_native_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    class Official:
        runs_overlap = False

    monkeypatch.setattr(module, "binding", lambda: Official)
    request = Request(Path("fake.pte"), 1, (64, 48), SHORT, operators=True)
    with pytest.raises(ModelError, match="needs the native extension"):
        measure(request, lambda progress: None)
