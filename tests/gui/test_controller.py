"""The controller: the window's logic without a window."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import av
import cv2
import numpy as np
import pytest
from clips import numbered, write_video
from fakes import CARD, PATIENCE_S, FakeModels, nothing_left, wait_until
from gui_results import classified, segmented, unseen

from seaformer_edge.errors import ModelError, SinkError
from seaformer_edge.inference.views import Mode
from seaformer_edge.live import LiveResult, LiveStatus, snapshots
from seaformer_edge.live.stats import Position, SourceState
from seaformer_edge.sinks.pictures import write_picture
from seaformer_edge.sources import CameraSettings
from seaformer_edge.sources.synthetic import read_counter
from seaformer_edge_gui import controller as controller_module
from seaformer_edge_gui import messages
from seaformer_edge_gui.controller import Controller
from seaformer_edge_gui.messages import ANNOUNCEMENT_S, Message
from seaformer_edge_gui.model_choices import model_choices
from seaformer_edge_gui.recordings import Recorded
from seaformer_edge_gui.settings import Settings, Theme

AS_IT_IS = {"camera": CameraSettings()}
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
    """Replaces the pipeline and records the calls."""

    def __init__(self, *args: object, **options: object) -> None:
        self.calls: list[tuple[object, ...]] = [("open", *args, options)]
        self.result: LiveResult | None = None
        self.state = CALM
        self.refuses: Exception | None = None

    def newest(self) -> LiveResult | None:
        return self.result

    def status(self) -> LiveStatus:
        return self.state

    def start_recording(self, path: Path, draw: object, codec: str | None = None) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.state = replace(self.state, recording=path)

    def __getattr__(self, name: str):  # every other method
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
def controller(live: FakeLive, fake: str, tmp_path: Path) -> Controller:
    """A controller on a pipeline that only records calls."""
    return Controller(Settings(source="0", model=fake), tmp_path)


def test_settings_reach_the_pipeline(live: FakeLive, fake: str, tmp_path: Path) -> None:
    settings = Settings(
        *("0", fake, 2, 3, 0.25), min_confidence=0.5, full_speed=True, loop=False, picture_s=1.0
    )
    controller = Controller(settings, tmp_path)
    options = {
        **{"every": 3, "smoothing": 0.25, "names": True, "min_confidence": 0.5},
        **{"realtime": False, "loop": False, "picture_s": 1.0, "camera": CameraSettings()},
    }
    assert live.calls == [("open", "0", Path(fake), 2, options)]
    controller.set_every(5)
    controller.set_smoothing(0.5)
    controller.set_min_confidence(0.25)
    controller.set_threads(0)
    controller.set_threads(0)
    assert live.calls[1:] == [
        ("set_every", 5, {}),
        ("set_smoothing", 0.5, {}),
        ("set_min_confidence", 0.25, {}),
        ("set_threads", None, {}),
    ]
    after = controller.settings
    assert (after.every, after.smoothing, after.threads) == (5, 0.5, 0)


def test_settings_of_a_camera_are_kept_for_it(controller: Controller, live: FakeLive) -> None:
    turned = CameraSettings(rotate=90)
    controller.set_camera(turned)
    assert live.calls[-1][:2] == ("switch_source", "0")
    assert live.calls[-1][-1]["camera"] == turned  # type: ignore[index]
    controller.set_source("1")
    assert live.calls[-1][-1]["camera"] == CameraSettings()  # type: ignore[index]
    controller.set_source("0")
    assert controller.camera == turned
    assert controller.remembered().cameras == {"0": turned}


def test_what_a_camera_refused_is_said(controller: Controller) -> None:
    refused = replace(CALM, warnings=("camera 0: the camera refused gain",))
    message = controller.message(refused)
    assert message == Message("camera 0: the camera refused gain", True)
    controller.dismiss(message)
    assert controller.message(refused) is None


def test_an_unknown_model_is_refused_at_the_start(live: FakeLive, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="unknown model"):
        Controller(Settings(source="0", model="nonsense"), tmp_path)


def test_each_result_is_returned_once(controller: Controller, live: FakeLive) -> None:
    assert controller.newest() is None
    live.result = segmented()
    assert controller.newest() is live.result
    assert controller.newest() is None
    live.result = segmented(2)
    assert controller.newest() is live.result


def test_rows_are_the_predicted_classes(controller: Controller, live: FakeLive) -> None:
    live.result = segmented()
    controller.newest()
    assert [(row.name, row.confidence) for row in controller.rows(2)] == [
        ("red", 0.9),
        ("green", 0.9),
    ]
    live.result = classified()
    controller.newest()
    first = controller.rows(1)[0]
    assert (first.name, first.share, first.confidence) == ("blue", 0.7, None)


def test_view_changes_reach_view_and_settings(controller: Controller) -> None:
    controller.set_mode(Mode.EDGES)
    controller.set_opacity(1.7)
    controller.set_mirrored(True)
    controller.set_names(False)
    controller.set_theme(Theme.LIGHT)
    controller.choose_classes([1, 2])
    assert (controller.view.mode, controller.view.opacity) == (Mode.EDGES, 1.0)
    assert controller.view.classes == {1, 2}
    settings = controller.settings
    assert (settings.mode, settings.opacity, settings.mirrored) == (Mode.EDGES, 1.0, True)
    assert settings.theme is Theme.LIGHT
    assert (settings.names, controller.view.names) == (False, False)


def test_chosen_classes_are_kept_until_the_class_list_changes(
    controller: Controller, live: FakeLive
) -> None:
    live.result = segmented()
    controller.newest()
    controller.choose_classes([1])
    live.result = segmented(2, replace(CARD, name="same classes"))
    controller.newest()
    assert controller.view.classes == {1}
    live.result = segmented(3, replace(CARD, classes=("a", "b", "c")))
    controller.newest()
    assert controller.view.classes is None


def test_describe_pixel_gives_class_and_confidence(controller: Controller, live: FakeLive) -> None:
    assert controller.describe_pixel(0, 0) is None
    live.result = segmented()
    controller.newest()
    assert controller.describe_pixel(0, 0) == "red  100 %"
    assert controller.describe_pixel(3, 3) == "green  100 %"
    assert controller.describe_pixel(6, 0) is None
    live.result = unseen(2)
    controller.newest()
    assert controller.describe_pixel(0, 0) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"message": "camera: slow, 3 of 30"}, Message("camera: slow, 3 of 30", True)),
        (
            {"source_state": SourceState.STALLED, "message": "camera: no picture"},
            Message("camera: no picture", True),
        ),
        # `NoSignal` shows these.
        ({"source_state": SourceState.CONNECTING, "message": "camera: connecting"}, None),
        ({"source_state": SourceState.RECONNECTING, "message": "camera: gone"}, None),
        ({"source_state": SourceState.FAILED, "message": "camera: no such file"}, None),
        ({"notice": "the model is broken"}, Message("the model is broken", True)),
        ({"loading": True, "model": None}, Message("Loading the model", False)),
        ({"loading": True}, None),
        ({"paused": True}, Message("Paused", False)),
    ],
)
def test_message(
    controller: Controller, changes: dict[str, object], message: Message | None
) -> None:
    assert controller.message(replace(CALM, **changes)) == message  # type: ignore[arg-type]


def test_a_dismissed_message_stays_hidden_until_another_appears(controller: Controller) -> None:
    failed = replace(CALM, notice="the model is broken")
    message = controller.message(failed)
    assert message is not None
    controller.dismiss(message)
    assert controller.message(failed) is None
    assert controller.message(replace(CALM, notice="worse")) == Message("worse", True)
    controller.set_source("1")  # it is not about the source
    assert controller.message(failed) is None
    controller.set_threads(2)  # loads the model again
    assert controller.message(failed) == message


def test_a_dismissed_loss_stays_hidden_until_the_next_one(controller: Controller) -> None:
    lost = replace(CALM, source_state=SourceState.STALLED, message="no frame for 2 s")
    message = controller.message(lost)
    assert message is not None
    controller.dismiss(message)
    assert controller.message(replace(lost, message="no frame for 3 s")) is None
    assert controller.message(CALM) is None  # it runs again
    assert controller.message(lost) == message
    controller.dismiss(message)
    controller.set_source("1")
    assert controller.message(lost) == message


def test_a_dismissed_slow_source_stays_hidden(controller: Controller) -> None:
    slow = replace(CALM, message="camera: slow, 3 of 30")
    message = controller.message(slow)
    assert message is not None
    controller.dismiss(message)
    assert controller.message(CALM) is None
    assert controller.message(replace(slow, message="camera: slow, 4 of 30")) is None


def test_announcements_disappear_after_a_while(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller.set_model("nonsense")
    message = controller.message(CALM)
    assert message is not None
    assert "nonsense: unknown model" in message.text
    later_s = time.monotonic() + ANNOUNCEMENT_S
    monkeypatch.setattr(messages, "monotonic", lambda: later_s)
    assert controller.message(CALM) is None


def test_an_unknown_model_keeps_the_current_one(
    controller: Controller, live: FakeLive, fake: str
) -> None:
    controller.set_model("nonsense")
    assert live.calls[1:] == []
    assert controller.settings.model == fake


def test_a_model_that_fails_to_load_is_not_stored(
    controller: Controller, live: FakeLive, fake: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.pte"
    other.touch()
    controller.status()
    controller.set_model(str(other))
    live.state = replace(CALM, loading=True)
    controller.status()
    assert controller.model == str(other)
    live.state = replace(CALM, notice="other.pte: its card is missing")
    controller.status()
    assert controller.model == controller.settings.model == fake
    controller.set_model(str(other))
    live.state = replace(CALM, model="other")
    controller.status()
    assert controller.model == str(other)


def test_only_what_worked_is_remembered(
    live: FakeLive, fake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stored = Settings(source="before", model="before")
    live_state = {"source_state": SourceState.FAILED, "model": None}
    controller = Controller(Settings(source="new.mp4", model="fake.pte"), tmp_path, stored)
    live.state = replace(CALM, **live_state)  # type: ignore[arg-type]
    controller.status()
    assert (controller.remembered().source, controller.remembered().model) == ("before", "before")
    (tmp_path / "new.mp4").touch()
    live.state = CALM
    controller.status()
    remembered = controller.remembered()
    assert (remembered.source, remembered.model) == (str(tmp_path / "new.mp4"), fake)
    controller.set_source("typing error")
    live.state = replace(CALM, source_state=SourceState.FAILED)
    controller.status()
    assert controller.remembered().source == str(tmp_path / "new.mp4")


def test_a_dropped_file_is_a_source_and_a_pte_a_model(
    controller: Controller, live: FakeLive, tmp_path: Path
) -> None:
    (tmp_path / "other.pte").touch()
    controller.open_file(tmp_path / "street.mp4")
    controller.open_file(tmp_path / "other.pte")
    options = {"realtime": True, "loop": True, "picture_s": 3.0, **AS_IT_IS}
    assert live.calls[1:] == [
        ("switch_source", str(tmp_path / "street.mp4"), options),
        ("switch_model", tmp_path / "other.pte", {}),
    ]
    assert controller.settings.source == str(tmp_path / "street.mp4")
    assert controller.settings.model == str(tmp_path / "other.pte")


def test_playback_is_changed_without_opening_the_file_again(
    controller: Controller, live: FakeLive
) -> None:
    controller.set_full_speed(True)
    controller.set_loop(False)
    controller.set_picture_s(0.0)
    controller.set_source("sample")
    controller.seek(1.5)
    controller.skip(5.0)
    controller.step(forward=False)
    assert live.calls[1:] == [
        ("set_realtime", False, {}),
        ("set_loop", False, {}),
        ("set_picture_s", None, {}),
        (
            "switch_source",
            "sample",
            {"realtime": False, "loop": False, "picture_s": None, **AS_IT_IS},
        ),
        ("seek", 1.5, {}),
        ("step", {"forward": False}),
    ]
    live.state = replace(CALM, position=Position(10.0, 60.0))
    controller.skip(-5.0)
    live.state = replace(CALM, position=Position(0.0, None, 3, 9))
    controller.skip(5.0)
    live.state = replace(CALM, source_state=SourceState.ENDED)
    controller.toggle_pause()
    expected = [("seek", 5.0, {}), ("step", {"forward": True}), ("resume", {}), ("seek", 0.0, {})]
    assert live.calls[-4:] == expected


def test_an_empty_source_is_ignored(controller: Controller, live: FakeLive) -> None:
    controller.set_source("  ")
    assert live.calls[1:] == []
    assert controller.settings.source == "0"


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("rtsp://cam/one", "rtsp://me:secret@cam/one?token=t"),
        ("rtsp://cam/two", "rtsp://me:secret@cam/two"),
        ("rtsp://other/one", "rtsp://other/one"),
    ],
)
def test_a_shown_url_keeps_its_login(
    controller: Controller, live: FakeLive, typed: str, taken: str
) -> None:
    controller.set_source("rtsp://me:secret@cam/one?token=t")
    live.state = replace(CALM, source="rtsp://cam/one")
    controller.set_source(typed)
    assert controller.settings.source == taken
    assert live.calls[-1][:2] == ("switch_source", taken)


def test_a_shown_camera_name_reopens_the_camera(controller: Controller, live: FakeLive) -> None:
    live.state = replace(CALM, source="camera 0")
    controller.set_source("camera 0")
    assert live.calls[-1][:2] == ("switch_source", "0")


def test_a_hidden_url_cannot_be_edited(controller: Controller, live: FakeLive) -> None:
    url = "rtsp://me:sec/ret@cam/one"
    controller.set_source(url)
    live.state = replace(CALM, source="rtsp://(not shown)")
    controller.set_source("rtsp://(not shown)/two")
    assert len(live.calls) == 2
    assert controller.settings.source == url
    assert "type it again" in str(controller.message(live.state))


def test_pause_and_resume(controller: Controller, live: FakeLive) -> None:
    controller.toggle_pause()
    live.state = replace(CALM, paused=True)
    controller.toggle_pause()
    assert [call[0] for call in live.calls[1:]] == ["pause", "resume"]


def test_a_refused_recording_is_reported(controller: Controller, live: FakeLive) -> None:
    live.refuses = SinkError("disk full")
    controller.toggle_recording()
    assert controller.message(controller.status()) == Message("disk full", True)


def test_a_failed_recording_is_reported(controller: Controller, live: FakeLive) -> None:
    controller.toggle_recording()
    live.state = replace(CALM, notice="disk full")
    assert controller.message(controller.status()) == Message("disk full", True)
    controller.toggle_recording()  # and another one can begin
    assert live.state.recording is not None


def test_a_recording_without_a_frame_is_reported(controller: Controller, live: FakeLive) -> None:
    controller.toggle_recording()
    controller.toggle_recording()
    live.state = CALM
    message = controller.message(controller.status())
    assert message == Message("Nothing was recorded: no frame arrived", True)


def test_a_recording_without_a_model_is_confirmed(controller: Controller, live: FakeLive) -> None:
    live.state = replace(CALM, model=None, notice="the model is broken")
    message = controller.message(live.state)
    assert message is not None
    controller.dismiss(message)
    controller.toggle_recording()
    path = live.state.recording
    assert path is not None
    path.touch()
    live.state = replace(live.state, recording=None)
    assert controller.message(controller.status()) == Message(f"Recorded {path}", False, file=path)


def test_models_are_the_installed_ones() -> None:
    choices = {choice.name: choice.detail for choice in model_choices()}
    assert choices["seaformer-t-camvid"] == "T 640x480 fp32"


# With a real pipeline.


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


def test_it_runs_and_leaves_no_thread(models: FakeModels, fake: str, tmp_path: Path) -> None:
    with running(fake, tmp_path) as controller:
        first = shown(controller)
        wait_until(lambda: read_counter(shown(controller).frame.image) > 3)
        assert controller.card is first.card
        assert [row.name for row in controller.rows(3)]
        wait_until(lambda: controller.status().display_fps > 0)
        wait_until(lambda: controller.board.reading is not None)
        assert controller.board.reading is not None
        assert controller.board.reading.process_rss_mb > 1
        wait_until(lambda: controller.sources.scans == 1)
        assert "sample" in [info.spec for info in controller.sources.found]


def test_it_can_be_stopped_before_it_is_started(
    models: FakeModels, fake: str, tmp_path: Path
) -> None:
    with nothing_left():
        Controller(Settings(source=QUICK, model=fake), tmp_path).stop()


def test_a_snapshot_is_three_files(models: FakeModels, fake: str, tmp_path: Path) -> None:
    with running(fake, tmp_path / "new") as controller:
        controller.take_snapshot()
        message = controller.message(controller.status())
        assert message == Message("There is no picture to save yet", True)
        controller.set_opacity(1)
        controller.set_mode(Mode.ORIGINAL)
        result = shown(controller)
        controller.take_snapshot()
        wait_until(lambda: "Saved" in str(controller.message(controller.status())))
    by_name = {path.stem.partition(" ")[2].partition(" ")[2]: path for path in files(tmp_path)}
    assert set(by_name) == {"", "overlay", "classes"}
    assert result.segmentation is not None
    assert (read(by_name[""]) == result.frame.image).all()
    assert result.card is not None
    colours = np.array(result.card.palette)[result.segmentation.label_map]
    assert (read(by_name["classes"]) == colours).all()
    view = replace(controller.view, mode=Mode.OVERLAY)
    assert (read(by_name["overlay"]) == result.render(view)).all()


def test_two_snapshots_in_a_second_get_different_names(
    controller: Controller, live: FakeLive, tmp_path: Path
) -> None:
    live.result = classified()
    controller.newest()
    for _ in range(3):
        controller.take_snapshot()
        wait_until(lambda: "Saved" in str(controller.message(controller.status())))
        controller.dismiss(Message("", False))
    assert len(files(tmp_path)) == 6  # each is the picture and, of a classifier, its scores
    controller.stop()


def test_snapshots_before_the_first_is_written_get_different_names(
    controller: Controller, live: FakeLive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()

    def write_late(path: Path, picture: np.ndarray) -> None:
        assert written.wait(PATIENCE_S)
        write_picture(path, picture)

    monkeypatch.setattr(snapshots, "write_picture", write_late)
    live.result = segmented()
    controller.newest()
    for _ in range(3):
        controller.take_snapshot()
    written.set()
    controller.stop()
    assert len(files(tmp_path)) == 9


@pytest.mark.parametrize("folder", ["taken", "long" * 100])
def test_a_snapshot_that_cannot_be_written_is_reported(
    controller: Controller, live: FakeLive, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "taken").write_text("no folder")
    controller.folder = tmp_path / folder
    live.result = segmented()
    controller.newest()
    controller.take_snapshot()
    wait_until(lambda: "cannot be written" in str(controller.message(controller.status())))
    assert "Traceback" not in str(controller.message(controller.status()))
    controller.stop()


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


@pytest.mark.parametrize("recorded", Recorded)
def test_what_is_recorded_can_be_chosen(
    models: FakeModels, fake: str, tmp_path: Path, recorded: Recorded
) -> None:
    with running(fake, tmp_path) as controller:
        controller.set_recorded(recorded)
        shown(controller)
        controller.toggle_recording()
        wait_until(lambda: controller.status().recorded_frames >= 3)
        controller.toggle_recording()
        wait_until(lambda: "Recorded" in str(controller.message(controller.status())))
    (path,) = tmp_path.glob(f"*{recorded.ending}")
    if recorded is Recorded.SHARES:
        assert "share" in path.read_text().splitlines()[0]
    else:
        with av.open(str(path)) as video:
            frame = next(video.decode(video=0))
        assert (frame.format.name == "pal8") == (recorded is Recorded.MASKS)
        assert frame.width == 96


def test_class_ids_of_a_classifier_are_not_recorded(controller: Controller, live: FakeLive) -> None:
    controller.card = replace(CARD, task="classification")
    controller.set_recorded(Recorded.MASKS)
    controller.toggle_recording()
    assert live.state.recording is None
    assert "is a classifier" in str(controller.message(controller.status()))


def test_it_can_be_closed_while_recording(models: FakeModels, fake: str, tmp_path: Path) -> None:
    with running(fake, tmp_path) as controller:
        shown(controller)
        controller.toggle_recording()
        wait_until(lambda: controller.status().recorded_frames >= 3)
    (path,) = tmp_path.glob("*.mp4")
    assert cv2.VideoCapture(str(path)).read()[0]


def test_an_absent_source_is_reported_and_can_be_replaced(
    models: FakeModels, fake: str, tmp_path: Path
) -> None:
    clip = write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(5)])
    with running(fake, tmp_path, str(tmp_path / "absent.mp4")) as controller:
        wait_until(lambda: "no such file" in controller.status().message)
        controller.open_file(clip)
        assert shown(controller).frame.image.shape == numbered(0).shape
        assert controller.message(controller.status()) is None


def files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.png"))


def read(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
