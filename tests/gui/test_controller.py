"""The window's logic, without a window."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import pytest
from clips import numbered, write_video
from fakes import CARD, PATIENCE_S, FakeModels, nothing_left, wait_until
from gui_results import classified, segmented, unseen

from seaformer_edge.errors import ModelError, SinkError
from seaformer_edge.live import LiveResult, LiveStatus
from seaformer_edge.live.stats import SourceState
from seaformer_edge.sinks.base import write_whole
from seaformer_edge.sources.synthetic import read_counter
from seaformer_edge_gui import controller as controller_module
from seaformer_edge_gui import snapshots
from seaformer_edge_gui.controller import SAY_S, Controller, Message
from seaformer_edge_gui.drawing import Mode, draw_view
from seaformer_edge_gui.settings import Settings, Theme

QUICK = "synthetic:96x64@100"
CALM = LiveStatus(
    capture_fps=30.0,
    inference_fps=20.0,
    display_fps=20.0,
    latency_ms=40.0,
    latency_p50_ms=40.0,
    latency_p90_ms=50.0,
    latency_p99_ms=60.0,
    latency_history=(),
    network_ms=math.nan,
    stage_ms=MappingProxyType({}),
    dropped=MappingProxyType({}),
    frame_size=None,
    source="camera",
    source_state=SourceState.RUNNING,
    message="camera: running",
    notice="",
    model="fake",
    threads=None,
    loading=False,
    paused=False,
    recording=None,
    recorded_frames=0,
)


class FakeLive:
    """Stands in for the pipeline: notes what it is asked for."""

    def __init__(self, *args: object, **options: object) -> None:
        self.calls: list[tuple[object, ...]] = [("open", *args, options)]
        self.result: LiveResult | None = None
        self.state = CALM
        self.refuses: Exception | None = None

    def newest(self) -> LiveResult | None:
        return self.result

    def status(self) -> LiveStatus:
        return self.state

    def start_recording(self, path: Path, draw: object) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.state = replace(self.state, recording=path)

    def __getattr__(self, name: str):  # whatever else is asked for
        return lambda *args, **options: self.calls.append((name, *args, options))


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> FakeLive:
    live = FakeLive()

    def opened(*args: object, **options: object) -> FakeLive:
        live.__init__(*args, **options)  # type: ignore[misc]
        return live

    monkeypatch.setattr(controller_module, "LivePipeline", opened)
    return live


@pytest.fixture
def desk(live: FakeLive, fake: str, tmp_path: Path) -> Controller:
    """A controller on a pipeline that only notes."""
    return Controller(Settings(source="0", model=fake), tmp_path)


def test_settings_reach_the_pipeline(live: FakeLive, fake: str, tmp_path: Path) -> None:
    settings = Settings("0", fake, threads=2, every=3, smoothing=0.25, full_speed=True)
    controller = Controller(settings, tmp_path)
    options = {"every": 3, "smoothing": 0.25, "realtime": False, "loop": True}
    assert live.calls == [("open", "0", Path(fake), 2, options)]
    controller.set_every(5)
    controller.set_smoothing(0.5)
    controller.set_threads(0)
    controller.set_threads(0)
    assert live.calls[1:] == [
        ("set_every", 5, {}),
        ("set_smoothing", 0.5, {}),
        ("set_threads", None, {}),
    ]
    after = controller.settings
    assert (after.every, after.smoothing, after.threads) == (5, 0.5, 0)


def test_an_unknown_model_cannot_be_begun_with(live: FakeLive, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="unknown model"):
        Controller(Settings(source="0", model="nonsense"), tmp_path)


def test_every_result_is_given_once(desk: Controller, live: FakeLive) -> None:
    assert desk.newest() is None
    live.result = segmented()
    assert desk.newest() is live.result
    assert desk.newest() is None
    live.result = segmented(2)
    assert desk.newest() is live.result


def test_bars_are_of_what_was_seen(desk: Controller, live: FakeLive) -> None:
    live.result = segmented()
    desk.newest()
    assert [(row.name, row.confidence) for row in desk.rows(2)] == [("red", 0.9), ("green", 0.9)]
    live.result = classified()
    desk.newest()
    first = desk.rows(1)[0]
    assert (first.name, first.share, first.confidence) == ("blue", 0.7, None)


def test_views_are_remembered(desk: Controller) -> None:
    desk.set_mode(Mode.EDGES)
    desk.set_opacity(1.7)
    desk.set_mirrored(True)
    desk.set_theme(Theme.LIGHT)
    desk.choose_classes([1, 2])
    assert (desk.view.mode, desk.view.opacity, desk.view.mirrored) == (Mode.EDGES, 1.0, True)
    assert desk.view.classes == {1, 2}
    settings = desk.settings
    assert (settings.mode, settings.opacity, settings.mirrored) == (Mode.EDGES, 1.0, True)
    assert settings.theme is Theme.LIGHT


def test_chosen_classes_last_until_the_classes_are_others(desk: Controller, live: FakeLive) -> None:
    live.result = segmented()
    desk.newest()
    desk.choose_classes([1])
    live.result = segmented(2, replace(CARD, name="same classes"))
    desk.newest()
    assert desk.view.classes == {1}
    live.result = segmented(3, replace(CARD, classes=("a", "b", "c")))
    desk.newest()
    assert desk.view.classes == set()


def test_under_the_cursor_is_the_class_and_its_confidence(desk: Controller, live: FakeLive) -> None:
    assert desk.under(0, 0) is None
    live.result = segmented()
    desk.newest()
    assert desk.under(0, 0) == "red  100 %"
    assert desk.under(3, 3) == "green  100 %"
    assert desk.under(6, 0) is None
    live.result = unseen(2)
    desk.newest()
    assert desk.under(0, 0) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"message": "camera: slow, 3 of 30"}, Message("camera: slow, 3 of 30", True)),
        (
            {"source_state": SourceState.STALLED, "message": "camera: no picture"},
            Message("camera: no picture", True),
        ),
        (
            {"source_state": SourceState.CONNECTING, "message": "camera: connecting"},
            Message("camera: connecting", False),
        ),
        ({"notice": "the model is broken"}, Message("the model is broken", True)),
        ({"loading": True, "model": None}, Message("Loading the model", False)),
        ({"loading": True}, None),
        ({"paused": True}, Message("Paused", False)),
    ],
)
def test_message(desk: Controller, changes: dict[str, object], message: Message | None) -> None:
    assert desk.message(replace(CALM, **changes)) == message  # type: ignore[arg-type]


def test_a_message_that_was_read_stays_away_until_another_comes(desk: Controller) -> None:
    trouble = replace(CALM, notice="the model is broken")
    message = desk.message(trouble)
    assert message is not None
    desk.dismiss(message)
    assert desk.message(trouble) is None
    assert desk.message(replace(CALM, notice="worse")) == Message("worse", True)
    desk.set_source("1")  # the same trouble again is news
    assert desk.message(trouble) == message


def test_news_go_by_themselves(desk: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.set_model("nonsense")
    message = desk.message(CALM)
    assert message is not None
    assert "nonsense: unknown model" in message.text
    later_s = time.monotonic() + SAY_S
    monkeypatch.setattr(controller_module, "monotonic", lambda: later_s)
    assert desk.message(CALM) is None


def test_a_model_that_is_not_known_leaves_the_one_before(
    desk: Controller, live: FakeLive, fake: str
) -> None:
    desk.set_model("nonsense")
    assert live.calls[1:] == []
    assert desk.settings.model == fake


def test_a_model_that_cannot_be_had_is_not_remembered(
    desk: Controller, live: FakeLive, fake: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.pte"
    other.touch()
    desk.status()
    desk.set_model(str(other))
    live.state = replace(CALM, loading=True)
    desk.status()
    assert desk.model == str(other)
    live.state = replace(CALM, notice="other.pte: its card is missing")
    desk.status()
    assert desk.model == desk.settings.model == fake
    desk.set_model(str(other))
    live.state = replace(CALM, model="other")
    desk.status()
    assert desk.model == str(other)


def test_a_dropped_file_is_a_source_and_a_pte_a_model(
    desk: Controller, live: FakeLive, tmp_path: Path
) -> None:
    (tmp_path / "other.pte").touch()
    desk.open_file(tmp_path / "street.mp4")
    desk.open_file(tmp_path / "other.pte")
    options = {"realtime": True, "loop": True}
    assert live.calls[1:] == [
        ("switch_source", str(tmp_path / "street.mp4"), options),
        ("switch_model", tmp_path / "other.pte", {}),
    ]
    assert desk.settings.source == str(tmp_path / "street.mp4")
    assert desk.settings.model == str(tmp_path / "other.pte")


def test_full_speed_begins_a_file_again_but_no_camera(desk: Controller, live: FakeLive) -> None:
    desk.set_full_speed(True)
    assert desk.settings.full_speed
    assert live.calls[1:] == []
    desk.set_source("sample")
    desk.set_full_speed(False)
    assert live.calls[1:] == [
        ("switch_source", "sample", {"realtime": realtime, "loop": True})
        for realtime in (False, True)
    ]


def test_an_empty_source_is_no_source(desk: Controller, live: FakeLive) -> None:
    desk.set_source("  ")
    assert live.calls[1:] == []
    assert desk.settings.source == "0"


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("rtsp://cam/one", "rtsp://me:secret@cam/one?token=t"),
        ("rtsp://cam/two", "rtsp://me:secret@cam/two"),
        ("rtsp://other/one", "rtsp://other/one"),
    ],
)
def test_a_name_that_is_shown_stands_for_what_it_is_the_name_of(
    desk: Controller, live: FakeLive, typed: str, taken: str
) -> None:
    desk.set_source("rtsp://me:secret@cam/one?token=t")
    live.state = replace(CALM, source="rtsp://cam/one")
    desk.set_source(typed)
    assert desk.settings.source == taken
    assert live.calls[-1][:2] == ("switch_source", taken)


def test_the_name_of_a_camera_is_no_source(desk: Controller, live: FakeLive) -> None:
    live.state = replace(CALM, source="camera 0")
    desk.set_source("camera 0")
    assert live.calls[-1][:2] == ("switch_source", "0")


def test_a_url_that_is_not_shown_cannot_be_edited(desk: Controller, live: FakeLive) -> None:
    url = "rtsp://me:sec/ret@cam/one"
    desk.set_source(url)
    live.state = replace(CALM, source="rtsp://(not shown)")
    desk.set_source("rtsp://(not shown)/two")
    assert len(live.calls) == 2
    assert desk.settings.source == url
    assert "type it again" in str(desk.message(live.state))


def test_pause_and_go_on(desk: Controller, live: FakeLive) -> None:
    desk.toggle_pause()
    live.state = replace(CALM, paused=True)
    desk.toggle_pause()
    assert [call[0] for call in live.calls[1:]] == ["pause", "resume"]


def test_a_recording_that_is_refused_is_told(desk: Controller, live: FakeLive) -> None:
    live.refuses = SinkError("no room")
    desk.toggle_recording()
    assert desk.message(desk.status()) == Message("no room", True)


def test_a_recording_that_fails_is_told_by_the_pipeline(desk: Controller, live: FakeLive) -> None:
    desk.toggle_recording()
    live.state = replace(CALM, notice="disk full")
    assert desk.message(desk.status()) == Message("disk full", True)
    desk.toggle_recording()  # and another one can begin
    assert live.state.recording is not None


def test_a_recording_without_a_picture_is_told(desk: Controller, live: FakeLive) -> None:
    desk.toggle_recording()
    desk.toggle_recording()
    live.state = CALM
    message = desk.message(desk.status())
    assert message == Message("Nothing was recorded: no picture came", True)


def test_a_recording_without_a_model_is_confirmed(desk: Controller, live: FakeLive) -> None:
    live.state = replace(CALM, model=None, notice="the model is broken")
    desk.dismiss(Message(live.state.notice, True))
    desk.toggle_recording()
    path = live.state.recording
    assert path is not None
    path.touch()
    live.state = replace(live.state, recording=None)
    assert desk.message(desk.status()) == Message(f"Recorded {path}", False)


def test_models_are_those_installed(desk: Controller) -> None:
    choices = {choice.name: choice.detail for choice in desk.models()}
    assert choices["seaformer-t-camvid"] == "T 640x480 fp32"


# On a real pipeline.


@contextmanager
def running(fake: str, folder: Path, source: str = QUICK) -> Iterator[Controller]:
    with nothing_left():
        controller = Controller(Settings(source=source, model=fake), folder)
        controller.start()
        try:
            yield controller
        finally:
            controller.stop()


def shown(controller: Controller) -> LiveResult:
    """Waits for a result with a segmentation and shows it."""
    results: list[LiveResult] = []

    def comes() -> bool:
        result = controller.newest()
        if result is not None:
            controller.painted(result)
            results.append(result)
        return result is not None and result.segmentation is not None

    wait_until(comes)
    return results[-1]


def test_it_runs_and_leaves_nothing(models: FakeModels, fake: str, tmp_path: Path) -> None:
    with running(fake, tmp_path) as controller:
        first = shown(controller)
        wait_until(lambda: read_counter(shown(controller).frame.image) > 3)
        assert controller.card is first.card
        assert [row.name for row in controller.rows(3)]
        wait_until(lambda: controller.status().display_fps > 0)
        wait_until(lambda: controller.board.reading is not None)
        assert controller.board.reading is not None
        assert controller.board.reading.process_rss_mb > 1
        wait_until(lambda: controller.sources.looks == 1)
        assert "sample" in [info.spec for info in controller.sources.found]


def test_it_ends_before_it_has_begun(models: FakeModels, fake: str, tmp_path: Path) -> None:
    with nothing_left():
        Controller(Settings(source=QUICK, model=fake), tmp_path).stop()


def test_a_snapshot_is_three_files(models: FakeModels, fake: str, tmp_path: Path) -> None:
    with running(fake, tmp_path / "new") as controller:
        controller.take_snapshot()
        message = controller.message(controller.status())
        assert message == Message("There is no picture yet to save", True)
        controller.set_opacity(1)
        controller.set_mode(Mode.ORIGINAL)
        result = shown(controller)
        controller.take_snapshot()
        wait_until(lambda: "Saved" in str(controller.message(controller.status())))
    by_name = {path.stem.partition(" ")[2].partition(" ")[2]: path for path in files(tmp_path)}
    assert set(by_name) == {"", "overlay", "classes"}
    assert result.segmentation is not None
    assert (read(by_name[""]) == result.frame.image).all()
    assert (read(by_name["classes"]) == result.segmentation.label_map[..., None]).all()
    view = replace(controller.view, mode=Mode.OVERLAY)
    assert (read(by_name["overlay"]) == draw_view(result, view)).all()


def test_two_snapshots_in_a_second_have_their_own_names(
    desk: Controller, live: FakeLive, tmp_path: Path
) -> None:
    live.result = classified()
    desk.newest()
    for _ in range(3):
        desk.take_snapshot()
        wait_until(lambda: "Saved" in str(desk.message(desk.status())))
        desk.dismiss(Message("", False))
    assert len(files(tmp_path)) == 3
    desk.stop()


def test_snapshots_before_the_first_is_written_have_their_own_names(
    desk: Controller, live: FakeLive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()

    def write_late(path: Path, data: bytes) -> None:
        assert written.wait(PATIENCE_S)
        write_whole(path, data)

    monkeypatch.setattr(snapshots, "write_whole", write_late)
    live.result = segmented()
    desk.newest()
    for _ in range(3):
        desk.take_snapshot()
    written.set()
    desk.stop()
    assert len(files(tmp_path)) == 9


@pytest.mark.parametrize("folder", ["taken", "long" * 100])
def test_a_snapshot_that_cannot_be_written_is_told(
    desk: Controller, live: FakeLive, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "taken").write_text("no folder")
    desk.folder = tmp_path / folder
    live.result = segmented()
    desk.newest()
    desk.take_snapshot()
    wait_until(lambda: "cannot be written" in str(desk.message(desk.status())))
    assert "Traceback" not in str(desk.message(desk.status()))
    desk.stop()


def test_a_recording_holds_what_the_view_shows(
    models: FakeModels, fake: str, tmp_path: Path
) -> None:
    with running(fake, tmp_path) as controller:
        controller.set_mode(Mode.SIDE_BY_SIDE)
        shown(controller)
        controller.toggle_recording()
        wait_until(lambda: controller.status().recorded_frames >= 5)
        controller.toggle_recording()
        wait_until(lambda: "Recorded" in str(controller.message(controller.status())))
    (path,) = tmp_path.glob("*.mp4")
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) >= 5
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 2 * 96
    capture.release()


def test_it_can_be_closed_while_recording(models: FakeModels, fake: str, tmp_path: Path) -> None:
    with running(fake, tmp_path) as controller:
        shown(controller)
        controller.toggle_recording()
        wait_until(lambda: controller.status().recorded_frames >= 3)
    (path,) = tmp_path.glob("*.mp4")
    assert cv2.VideoCapture(str(path)).read()[0]


def test_a_source_that_is_not_there_is_told_and_another_taken(
    models: FakeModels, fake: str, tmp_path: Path
) -> None:
    clip = write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(5)])
    with running(fake, tmp_path, str(tmp_path / "absent.mp4")) as controller:
        wait_until(lambda: "no such file" in str(controller.message(controller.status())))
        controller.open_file(clip)
        assert shown(controller).frame.image.shape == numbered(0).shape
        assert controller.message(controller.status()) is None


def files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.png"))


def read(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
