"""Live runs with a fast fake network: newest frame, correct statistics, nothing leaked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from clips import number, numbered, read_times, write_video
from fakes import FAKE, PATIENCE_S, FakeModels, wait_until

from seaformer_edge.errors import ModelError, SinkError, SourceError
from seaformer_edge.frame import NO_CLASS, Frame
from seaformer_edge.inference.names import Region
from seaformer_edge.live import LivePipeline, LiveResult, capture, source_health, source_reader
from seaformer_edge.live.inference import ModelRequest
from seaformer_edge.live.recording import draw_overlay
from seaformer_edge.live.stats import SourceState
from seaformer_edge.sinks import base
from seaformer_edge.sources import SourceSpec, VideoSource
from seaformer_edge.sources.synthetic import SyntheticSource, read_counter

QUICK = "synthetic:96x64@200"

pytestmark = pytest.mark.usefixtures("models")


@contextmanager
def running(
    source: str | Path = QUICK, model: Path = FAKE, **options: object
) -> Iterator[LivePipeline]:
    with LivePipeline(source, model, **options) as live:  # type: ignore[arg-type]
        yield live


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function that lets the time limit of connecting pass."""
    monkeypatch.setattr(capture, "WATCHDOG_INTERVAL_S", 0.01)

    def wait() -> None:
        monkeypatch.setattr(source_health, "CONNECT_TIMEOUT_S", 0.0)
        threading.Event().wait(0.2)

    return wait


def next_result(live: LivePipeline, after: LiveResult | None = None) -> LiveResult:
    """A result newer than the one given."""
    wait_until(lambda: live.newest() is not after)
    result = live.newest()
    assert result is not None
    return result


def segmented_result(live: LivePipeline) -> LiveResult:
    """A result with a segmentation."""
    wait_until(lambda: (r := live.newest()) is not None and r.segmentation is not None)
    result = live.newest()
    assert result is not None
    return result


def test_a_result_belongs_to_its_frame() -> None:
    with running() as live:
        result = None
        for _ in range(10):
            result = next_result(live, result)
            assert result.segmentation is not None
            assert result.segmentation.label_map.shape == (64, 96)
            # The sky is blue, and class 2 is where blue is strongest.
            assert result.segmentation.label_map[30, 5] == 2
            assert result.current
            assert result.captured_at_s <= result.published_at_s <= monotonic()


def test_newest_stays_the_same_until_there_is_a_newer_one(models: FakeModels) -> None:
    with running() as live:
        segmented_result(live)
        models.program.gate.clear()
        wait_until(lambda: live.status().dropped.get("overwritten"))
        previous = live.newest()
        assert live.newest() is previous
        models.program.gate.set()
        assert next_result(live, previous).sequence > (previous.sequence if previous else 0)


def test_a_slow_network_gets_the_newest_frame_and_drops_are_counted(models: FakeModels) -> None:
    with running() as live:
        first = segmented_result(live)
        models.program.gate.clear()
        before = live.status().dropped.get("overwritten", 0)
        wait_until(lambda: live.status().dropped.get("overwritten", 0) >= before + 20)
        dropped = live.status().dropped["overwritten"]
        models.program.gate.set()
        # One frame may have been in the network's hands, another just ahead of the labels.
        wait_until(lambda: read_counter(next_result(live).frame.image) >= dropped)
        last = next_result(live)
        assert last.sequence - first.sequence < 20


def test_every_frame_is_a_result_or_a_counted_drop(tmp_path: Path) -> None:
    count = 40
    clip = write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(count)])
    with running(clip, realtime=False) as live:
        assert live.wait(PATIENCE_S)
        result = live.newest()
        assert result is not None
        assert result.sequence + live.status().dropped.get("overwritten", 0) == count
        assert number(result.frame.image) == (count - 1) % 28
        assert live.status().source_state is SourceState.ENDED


def test_a_file_plays_at_its_frame_rate(tmp_path: Path) -> None:
    times_s = [0, 0.1, 0.15, 0.4]
    clip = write_video(tmp_path / "clip.mkv", [numbered(i) for i in range(4)], times_s=times_s)
    captured_at_s = []
    with running(clip) as live:
        result = None
        for _ in times_s:
            result = next_result(live, result)
            captured_at_s.append(result.captured_at_s)
        assert live.wait(PATIENCE_S)
    # Never early; how late, is the machine's business.
    assert all(
        captured - captured_at_s[0] >= time_s - 0.05
        for captured, time_s in zip(captured_at_s, times_s, strict=True)
    )


def test_a_single_picture_remains_the_newest_result() -> None:
    folder = Path(__file__).parents[2] / "seaformer_edge" / "data" / "sample"
    with running(next(folder.glob("*.jpg"))) as live:
        assert live.wait(PATIENCE_S)
        assert segmented_result(live).sequence == 1


def test_looping_restarts_at_the_end(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(3)])
    with running(clip, realtime=False, loop=True) as live:
        wait_until(lambda: (r := live.newest()) is not None and r.sequence > 20)
        assert live.status().source_state is SourceState.RUNNING


def test_painting_gives_latency_and_counts() -> None:
    with running() as live:
        result = None
        for _ in range(5):
            result = next_result(live, result)
            live.painted(result)
            live.painted(result)
        status = live.status()
        assert 0 < status.latency_p50_ms <= status.latency_p90_ms <= status.latency_p99_ms
        assert len(status.latency_history) == 5
        assert {"wait", "resize", "network", "labels", "paint"} == set(status.stage_ms)
        assert status.frame_size == (96, 64)
        assert status.display_fps > 0
        assert status.inference_fps > 0
        assert status.capture_fps > 0


def test_the_network_runs_on_every_third_frame_and_all_are_published(models: FakeModels) -> None:
    with running("synthetic:96x64@50", every=3) as live:
        wait_until(lambda: live.status().dropped.get("skipped", 0) >= 10)
        results = [next_result(live)]
        while len(results) < 6:
            results.append(next_result(live, results[-1]))
        assert {result.current for result in results} == {True, False}
        assert all(result.segmentation is not None for result in results)
        shown = (live.newest() or results[0]).sequence
        assert models.program.runs < shown / 2
        live.set_every(1)
        wait_until(lambda: all(next_result(live).current for _ in range(5)))


def test_smoothing_is_a_stage() -> None:
    with running(smoothing=0.5) as live:
        wait_until(lambda: "smooth" in live.status().stage_ms)
        live.set_smoothing(0)
        sequence = segmented_result(live).sequence
        wait_until(lambda: next_result(live).sequence > sequence + 3)


def test_the_confidence_floor_can_be_moved() -> None:
    with running(min_confidence=1.0) as live:
        result = segmented_result(live)
        assert result.segmentation is not None
        assert result.segmentation.unknown > 0.9
        y, x = np.argwhere(result.segmentation.label_map == NO_CLASS)[0]
        assert result.confidence_at(int(x), int(y)) is None
        live.set_min_confidence(0.0)
        wait_until(lambda: (s := next_result(live).segmentation) is not None and s.unknown == 0)


def test_a_classifier_gives_classes() -> None:
    with running(model=Path("classifier.pte")) as live:
        wait_until(lambda: (r := live.newest()) is not None and r.classification is not None)
        result = next_result(live)
        assert result.segmentation is None
        assert result.confidence_at(0, 0) is None
        assert result.classification is not None
        assert len(result.classification.classes) == 3


# Changing what runs.


def test_switching_the_model(models: FakeModels) -> None:
    with running() as live:
        segmented_result(live)
        live.switch_model(Path("other.pte"))
        wait_until(lambda: live.status().model == "other")
        wait_until(lambda: (card := next_result(live).card) is not None and card.name == "other")
        live.switch_model(Path("small.pte"))  # a frame may be resized for the one before already
        wait_until(lambda: (card := next_result(live).card) is not None and card.name == "small")
        live.switch_model(Path("classifier.pte"))
        wait_until(lambda: next_result(live).classification is not None)
        live.switch_model(FAKE)
        segmented_result(live)
        assert live.status().notice == ""
        assert [request.path.stem for request in models.opened] == [
            "fake",
            "other",
            "small",
            "classifier",
            "fake",
        ]


def test_a_model_that_cannot_be_loaded_leaves_the_current_one() -> None:
    with running() as live:
        segmented_result(live)
        live.switch_model(Path("missing.pte"))
        wait_until(lambda: live.status().notice)
        status = live.status()
        assert status.notice == "missing.pte: no such model file"
        assert status.model == "fake"
        assert not live.wait(0.05)
        sequence = next_result(live).sequence
        wait_until(lambda: segmented_result(live).sequence > sequence)
        live.switch_model(Path("other.pte"))
        wait_until(lambda: live.status().model == "other")
        assert live.status().notice == ""


def test_requests_during_loading_are_combined(models: FakeModels) -> None:
    with running() as live:
        segmented_result(live)
        loading, go_on = threading.Event(), threading.Event()

        def load(request: ModelRequest) -> None:
            if request.path.stem == "other":
                loading.set()
                assert go_on.wait(PATIENCE_S)
            elif request.threads is None:  # while the other request waits
                live.set_threads(2)

        models.opening = load
        live.switch_model(Path("other.pte"))
        assert loading.wait(PATIENCE_S)
        live.switch_model(Path("small.pte"))
        go_on.set()
        # Where there are two cores, two threads are what it began with.
        wait_until(lambda: models.opened[-1] == ModelRequest(Path("small.pte"), 2))
        wait_until(lambda: live.status().threads == 2)


def test_threads_change_only_while_no_program_is_open(models: FakeModels) -> None:
    """The thread pool belongs to the process; resizing it with an open program is refused."""
    alive: list[bool] = []
    with running(threads=1) as live:
        segmented_result(live)

        def check(request: ModelRequest) -> None:
            alive.append(live._inference._model is not None)
            if request.threads == 64:
                raise ModelError("fake: cannot run on 64 threads")

        models.opening = check
        live.set_threads(3)
        wait_until(lambda: live.status().threads == 3)
        assert alive == [False]
        live.set_threads(64)
        wait_until(lambda: live.status().notice == "fake: cannot run on 64 threads")
        assert models.opened[-1].threads == 3
        assert live.status().threads == 3
        assert live.status().model == "fake"
        live.switch_model(Path("other.pte"))
        wait_until(lambda: live.status().model == "other")
        assert models.opened[-1] == ModelRequest(Path("other.pte"), 3)


def test_switching_the_source(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(3)])
    with running() as live:
        previous = segmented_result(live)
        live.switch_source(clip)
        assert live.wait(PATIENCE_S)
        result = live.newest()
        assert result is not None
        assert result.frame.image.shape == (48, 64, 3)
        assert result.sequence > previous.sequence
        live.switch_source(QUICK)
        assert not live.wait(0.05)
        wait_until(lambda: next_result(live).frame.image.shape == (64, 96, 3))
        assert live.status().source == QUICK


def test_a_file_chosen_just_before_a_camera_is_opened_is_played_as_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(3)])
    camera = "/dev/video0"

    parse = SourceSpec.parse

    def switch_at_once(spec: str | Path) -> SourceSpec:
        if spec == camera:
            live.switch_source(clip, realtime=False, loop=True)
        return parse(spec)

    monkeypatch.setattr(SourceSpec, "parse", switch_at_once)
    live = LivePipeline(camera, FAKE)
    with live:
        wait_until(lambda: (r := live.newest()) is not None and r.sequence > 20)


def test_regions_are_found_while_names_are_on() -> None:
    with running(names=True) as live:
        assert {region.class_id for region in regions_of(live)} == {1, 2}
        live.set_names(False)
        wait_until(lambda: not regions_of(live))


def regions_of(live: LivePipeline) -> tuple[Region, ...]:
    prediction = segmented_result(live).prediction
    assert prediction is not None
    return prediction.regions


def test_figures_start_anew_with_a_new_source_or_model() -> None:
    with running() as live:
        for change in (
            lambda: live.switch_source("synthetic:64x48@200"),
            lambda: live.switch_model(Path("small.pte")),
        ):
            segmented_result(live)
            live._stats.drop("corrupt")
            assert live.status().dropped["corrupt"]
            change()
            wait_until(lambda: "corrupt" not in live.status().dropped)


def test_rates_are_zero_while_paused() -> None:
    with running("synthetic:96x64@50") as live:
        segmented_result(live)
        wait_until(lambda: live.status().inference_fps > 0)
        live.pause()
        status = live.status()
        assert (status.capture_fps, status.inference_fps, status.display_fps) == (0, 0, 0)


def test_pause_keeps_the_newest_result() -> None:
    with running() as live:
        segmented_result(live)
        live.pause()
        wait_until(lambda: live.status().paused)
        live._stats.wait_idle(PATIENCE_S)
        previous = live.newest()
        threading.Event().wait(0.1)
        assert live.newest() is previous
        live.resume()
        resumed = next_result(live, previous)
        assert previous is not None
        # The file continues where it was paused.
        assert read_counter(resumed.frame.image) - read_counter(previous.frame.image) <= 3


def test_a_file_opened_while_paused_has_no_time_limit(
    tmp_path: Path, impatient: Callable[[], None]
) -> None:
    clip = write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(3)])
    with running() as live:
        previous = segmented_result(live)
        live.pause()
        live.switch_source(clip, realtime=False, loop=True)
        impatient()
        live.resume()
        wait_until(lambda: (r := live.newest()) is not None and r.sequence > previous.sequence + 20)
        assert live.status().source_state is SourceState.RUNNING


def test_a_file_with_a_slow_first_frame_has_no_time_limit(
    monkeypatch: pytest.MonkeyPatch, impatient: Callable[[], None]
) -> None:
    read = threading.Event()

    class Slow(SyntheticSource):
        def __iter__(self) -> Iterator[Frame]:
            assert read.wait(PATIENCE_S)
            yield from super().__iter__()

    monkeypatch.setattr(source_reader, "open_source", lambda spec: Slow((96, 64)))
    with running() as live:
        impatient()
        read.set()
        next_result(live, next_result(live))


# Errors.


def test_a_missing_source(tmp_path: Path) -> None:
    with running(tmp_path / "street.mp4") as live:
        with pytest.raises(SourceError, match=r"street\.mp4: no such file"):
            live.wait(PATIENCE_S)
        status = live.status()
        assert status.source_state is SourceState.FAILED
        assert "street.mp4: no such file" in status.message
        live.switch_source(QUICK)
        segmented_result(live)
        assert live.status().source_state is SourceState.RUNNING


def test_waiting_again_raises_an_error_without_the_earlier_traceback(tmp_path: Path) -> None:
    with running(tmp_path / "nothing.mp4") as live:
        lengths = []
        for _ in range(3):
            with pytest.raises(SourceError) as caught:
                live.wait(PATIENCE_S)
            lengths.append(len(caught.traceback))
    assert len(set(lengths)) == 1


def test_frames_are_published_without_a_model() -> None:
    with running(model=Path("missing.pte")) as live:
        with pytest.raises(ModelError, match=r"missing\.pte: no such model file"):
            live.wait(PATIENCE_S)
        result = next_result(live)
        assert result.prediction is None
        assert next_result(live, result).sequence > result.sequence
        assert live.status().model is None
        live.switch_model(FAKE)
        segmented_result(live)
        assert live.status().notice == ""


@pytest.mark.parametrize("fault", ["fails", "blank"])
def test_a_failing_network_does_not_hang(models: FakeModels, fault: str) -> None:
    with running() as live:
        segmented_result(live)
        setattr(models.program, fault, True)
        with pytest.raises(ModelError, match=r"fake: burnt out|NaN or infinity"):
            live.wait(PATIENCE_S)
        wait_until(lambda: live.status().model is None)
        wait_until(lambda: next_result(live).segmentation is None)
        result = next_result(live)
        assert next_result(live, result) is not result
        live.switch_model(Path("other.pte"))
        segmented_result(live)


def test_an_unexpected_exception_becomes_an_error_message(
    models: FakeModels, caplog: pytest.LogCaptureFixture
) -> None:
    with running() as live:
        segmented_result(live)
        models.program.output_shape = (1,)
        models.program.run = lambda image: 1 / 0  # type: ignore[method-assign,return-value]
        wait_until(lambda: live.status().notice)
        assert live.status().notice.startswith("fake: failed (ZeroDivisionError")
        assert "choose another model" in live.status().notice
    assert "ZeroDivisionError" in caplog.text


# Recording.


def test_a_recording_contains_the_published_results(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    captured_s: list[float] = []

    def draw(result: LiveResult) -> np.ndarray:
        captured_s.append(result.captured_at_s)
        return draw_overlay(result)

    with running("synthetic:96x64@50") as live:
        segmented_result(live)
        live.start_recording(path, draw)
        wait_until(lambda: live.status().recorded_frames >= 10)
        assert live.status().recording == path
        with pytest.raises(SinkError, match=r"out\.mp4 is being recorded"):
            live.start_recording(tmp_path / "other.mp4")
        live.stop_recording()
        wait_until(lambda: live.status().recording is None)
        assert segmented_result(live)
        times_s = read_times(path)
        assert len(times_s) >= 10
        assert np.allclose(times_s, np.subtract(captured_s, captured_s[0]), atol=2e-3)
        live.start_recording(tmp_path / "again.mkv")
        wait_until(lambda: live.status().recorded_frames >= 2)
    assert len(read_times(tmp_path / "again.mkv")) >= 2


def test_a_recording_uses_the_given_draw_function(tmp_path: Path) -> None:
    drawn: list[LiveResult] = []

    def draw(result: LiveResult) -> np.ndarray:
        drawn.append(result)
        return np.full((64, 96, 3), 200, np.uint8)

    with running() as live:
        segmented_result(live)
        live.start_recording(tmp_path / "out.mp4", draw)
        wait_until(lambda: len(drawn) > 3)
    assert all(b.sequence > a.sequence for a, b in pairwise(drawn))


def test_a_recording_keeps_pixels_that_are_not_square(tmp_path: Path) -> None:
    wide = Fraction(16, 11)
    source = write_video(tmp_path / "in.mp4", [numbered(i) for i in range(5)], pixel_aspect=wide)
    with running(source, loop=True) as live:
        assert segmented_result(live).frame.pixel_aspect == wide
        live.start_recording(tmp_path / "out.mp4")
        wait_until(lambda: live.status().recorded_frames >= 3)
    with VideoSource(tmp_path / "out.mp4") as recorded:
        assert recorded.pixel_aspect == wide


def test_a_recording_does_not_overwrite_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"precious")
    with running() as live:
        with pytest.raises(SinkError, match="exists already"):
            live.start_recording(path)
        assert live.status().recording is None
        live.start_recording(path, overwrite=True)
        wait_until(lambda: live.status().recorded_frames)
    assert len(read_times(path)) >= 1


def test_a_failed_recording_is_reported_and_the_run_continues(tmp_path: Path) -> None:
    def draw(result: LiveResult) -> np.ndarray:
        raise OSError("No space left on device")

    with running() as live:
        live.start_recording(tmp_path / "out.mp4", draw)
        wait_until(lambda: live.status().notice)
        assert "out.mp4" in live.status().notice
        assert live.status().recording is None
        result = live.newest()
        assert next_result(live, result)
        live.start_recording(tmp_path / "again.mp4")
        assert live.status().notice == ""


@pytest.mark.parametrize("suffix", [".mp4", ".csv"])
def test_a_recording_ends_whole_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"out{suffix}"
    free = 2 * 10**9
    monkeypatch.setattr(
        base.shutil, "disk_usage", lambda _: base.shutil._ntuple_diskusage(10**10, 0, free)
    )
    with running() as live:
        segmented_result(live)
        live.start_recording(path)
        wait_until(lambda: live.status().recorded_frames >= 3)
        assert live.status().recorded_s > 0
        assert live.status().disk_free_bytes == free
        free = 10**6
        wait_until(lambda: live.status().recording is None)
        assert live.status().notice == f"{path}: ends here, whole: its disk has only 1 MB left"
    if suffix == ".csv":
        rows = [line.split(",") for line in path.read_text().splitlines()]
        assert rows[0][:5] == ["frame", "name", "timestamp_s", "class_id", "class"]
        assert (rows[1][0], rows[1][2]) == ("0", "0.0")
        assert int(rows[-1][0]) >= 2
    else:
        assert len(read_times(path)) >= 3


def test_a_table_of_a_classifier_has_its_scores(tmp_path: Path) -> None:
    with running(model=Path("classifier.pte")) as live:
        live.start_recording(tmp_path / "scores.csv")
        wait_until(lambda: live.status().recorded_frames >= 2)
    assert "class,probability" in (tmp_path / "scores.csv").read_text()


def test_a_recording_does_not_hide_that_there_is_no_model(
    models: FakeModels, tmp_path: Path
) -> None:
    with running() as live:
        segmented_result(live)
        models.program.fails = True
        wait_until(lambda: live.status().notice)
        live.start_recording(tmp_path / "out.mp4")
        assert "burnt out" in live.status().notice


# Stopping, from every state.


def assert_stops(live: LivePipeline) -> None:
    started_s = monotonic()
    live.stop()
    assert monotonic() - started_s < 2
    live.stop()
    with pytest.raises(SinkError, match="the run has ended"):
        live.start_recording(Path("out.mp4"))
    assert live.wait(0)


def test_stop_before_start() -> None:
    assert_stops(LivePipeline(QUICK, FAKE))


def test_stop_right_after_start() -> None:
    live = LivePipeline(QUICK, FAKE)
    live.start()
    assert_stops(live)


def test_stop_while_a_file_waits_for_its_next_frame(tmp_path: Path) -> None:
    pictures = [numbered(0), numbered(1)]
    clip = write_video(tmp_path / "slow.mkv", pictures, times_s=[0, 3600])
    with running(clip) as live:
        segmented_result(live)
        assert_stops(live)


def test_stop_while_loading_a_model(models: FakeModels) -> None:
    loading, loaded = threading.Event(), threading.Event()

    def load(request: ModelRequest) -> None:
        loading.set()
        loaded.wait(0.5)  # a program takes a while to load, and cannot be interrupted

    models.opening = load
    live = LivePipeline(QUICK, FAKE)
    live.start()
    assert loading.wait(PATIENCE_S)
    assert live.status().loading
    assert_stops(live)


def test_stop_while_recording(tmp_path: Path) -> None:
    with running() as live:
        live.start_recording(tmp_path / "out.mp4")
        wait_until(lambda: live.status().recorded_frames >= 3)
        assert_stops(live)
    assert len(read_times(tmp_path / "out.mp4")) >= 3


def test_stop_while_paused() -> None:
    with running() as live:
        segmented_result(live)
        live.pause()
        assert_stops(live)


def test_stop_after_a_failure(models: FakeModels) -> None:
    with running() as live:
        segmented_result(live)
        models.program.fails = True
        wait_until(lambda: live.status().notice)
        live.stop()
        with pytest.raises(ModelError):
            live.wait(0)


def test_stop_ends_a_wait() -> None:
    with running() as live:
        answers: list[bool] = []
        waiter = threading.Thread(target=lambda: answers.append(live.wait()))
        waiter.start()
        live.stop()
        waiter.join(PATIENCE_S)
        assert answers == [True]
