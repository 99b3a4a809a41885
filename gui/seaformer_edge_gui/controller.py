"""The window's logic without Qt: the live run, the settings, the view and the messages.

Only the window's thread calls it. Every method except `Controller.stop` returns at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.hub.card import Card
from seaformer_edge.hub.zoo import DEFAULT_MODEL, resolve_model
from seaformer_edge.inference.views import Mode, View
from seaformer_edge.live import LivePipeline, LiveResult, LiveStatus
from seaformer_edge.live.recording import drawing_of
from seaformer_edge.live.snapshots import SnapshotWriter, free_name
from seaformer_edge.live.stats import LiveMetrics, LiveStats, SourceState
from seaformer_edge.machine.board_reader import BoardReader
from seaformer_edge.machine.stored_url import names_stored_url
from seaformer_edge.sources import CameraSettings, SourceSpec, VideoMode, list_cameras
from seaformer_edge.sources.paths import absolute
from seaformer_edge.sources.spec import expand_displayed
from seaformer_edge.sources.url import is_url
from seaformer_edge_gui import formatting
from seaformer_edge_gui.background import SourceLister
from seaformer_edge_gui.messages import Message, Messages, has_signal
from seaformer_edge_gui.model_choices import lasting_name, name_on_card
from seaformer_edge_gui.ranking import UNKNOWN_ID, Ranking, Row
from seaformer_edge_gui.recordings import Recorded
from seaformer_edge_gui.settings import Settings, Theme, with_recent

OPACITY_STEP = 0.1
NO_FIGURES: dict[str, Any] = {
    field.name: getattr(LiveStats().metrics(0.0), field.name) for field in fields(LiveMetrics)
}
UNKNOWN = "unknown"


class Controller:
    """The window's logic.

    Args:
        settings: the settings at the start.
        folder: the folder for recordings and snapshots.
        stored: the settings whose source and model stay stored until others have worked.

    Attributes:
        result: what the picture shows; None while the source gives no picture.

    Raises:
        ModelError: the model is unknown.
    """

    def __init__(self, settings: Settings, folder: Path, stored: Settings | None = None) -> None:
        self.settings = replace(settings, model=lasting_name(settings.model))
        self._stored = stored or Settings()
        self._first_source = settings.source or default_source()
        self.folder = folder
        self.view = View(settings.mode, settings.opacity, names=settings.names)
        self.sources = SourceLister()
        self.board = BoardReader()
        self.card: Card | None = None
        self._snapshots = SnapshotWriter()
        program = resolve_model(settings.model or None)
        self._running_model = self.settings.model  # the last one that was loaded
        self._working_source = ""  # the last one that had a frame
        self._requested_name = name_on_card(program)
        self._live = LivePipeline(
            self._first_source,
            program,
            settings.threads or None,
            every=settings.every,
            smoothing=settings.smoothing,
            names=settings.names,
            min_confidence=settings.min_confidence,
            realtime=not settings.full_speed,
            loop=settings.loop,
            picture_s=settings.picture_s or None,
            camera=self.camera,
        )
        self._ranking = Ranking()
        self.result: LiveResult | None = None
        self._newest: LiveResult | None = None  # `result`, also after that was cleared
        self._switched_at_s = 0.0
        self._messages = Messages()
        self._recording: Path | None = None
        self._earlier_notice = ""  # from before the recording, so not about it

    def start(self) -> None:
        """Starts the run."""
        self._live.start()
        self.board.start()
        self.sources.refresh()

    def stop(self) -> None:
        """Ends the run and every thread, within two seconds."""
        ending = threading.Thread(target=self._live.stop, name="ending")
        ending.start()
        self.board.stop()
        self._snapshots.stop()
        self.sources.stop()
        ending.join()

    # Called by the window's timers.

    def newest(self) -> LiveResult | None:
        """The newest result, once; None until there is a newer one."""
        result = self._live.newest()
        if result is None or result is self._newest:
            return None
        self._newest = result
        if result.captured_at_s < self._switched_at_s:  # of the source before
            return None
        self.result = result
        if result.card is not None and result.card is not self.card:
            if self.card is not None and result.card.classes != self.card.classes:
                self._change_view(classes=None)
            self.card = result.card
            self._ranking.clear()
        self._ranking.update(_rows(result), monotonic())
        return result

    def painted(self, result: LiveResult) -> None:
        """Reports that the result is on the screen."""
        self._live.painted(result)

    def status(self) -> LiveStatus:
        """The run's state and figures; also notices finished recordings, models and snapshots.

        Without a signal there are no figures, and no result either.
        """
        status = self._live.status()
        if not has_signal(status):
            self.result = None
            self._ranking.clear()
            status = replace(status, **NO_FIGURES)
        if self._recording is not None and status.recording is None:
            if status.notice in ("", self._earlier_notice):
                self._announce_recorded(self._recording)
            self._recording = None
        if status.model is not None and not status.loading:
            if status.model != self._requested_name:  # it failed to load; the one before still runs
                self.settings = replace(self.settings, model=self._running_model)
                self._requested_name = status.model
            self._running_model = self.settings.model
            if self.settings.model:
                self._stored = replace(self._stored, model=self.settings.model)
        works = status.source_state in (SourceState.RUNNING, SourceState.ENDED)
        if works and self.settings.source not in ("", self._working_source):
            self._working_source = self.settings.source
            self._stored = replace(self._stored, source=self.settings.source)
            self._add_recent(self.settings.source, is_file=status.position is not None)
        for outcome in self._snapshots.outcomes():
            if isinstance(outcome, SeaformerEdgeError):
                self._messages.announce(str(outcome), is_error=True)
            else:
                self._messages.announce(f"Saved {outcome}", file=outcome)
        return status

    def rows(self, count: int) -> list[Row]:
        """The classes with the largest shares, smoothed over time."""
        return self._ranking.top(count)

    def message(self, status: LiveStatus) -> Message | None:
        """The most important message now; None if there is nothing to report."""
        return self._messages.current(status)

    def dismiss(self, message: Message) -> None:
        """Hides the message until another one appears."""
        self._messages.dismiss(message)

    def announce(self, text: str, *, is_error: bool = False) -> None:
        """Shows a message for a few seconds."""
        self._messages.announce(text, is_error=is_error)

    def remembered(self) -> Settings:
        """The settings to store: the last source and model that were chosen and worked."""
        source = SourceSpec.parse(self._stored.source).resolved() if self._stored.source else ""
        return replace(self.settings, source=source, model=self._stored.model)

    def describe_pixel(self, x: int, y: int) -> str | None:
        """The class at the frame's pixel (x, y) and its confidence: "road  93 %"."""
        result = self.result
        if result is None or result.segmentation is None or result.card is None:
            return None
        label_map = result.segmentation.label_map
        if not (0 <= y < label_map.shape[0] and 0 <= x < label_map.shape[1]):
            return None
        class_id = int(label_map[y, x])
        if class_id >= result.card.num_classes:
            return UNKNOWN
        name = result.card.classes[class_id]
        confidence = result.confidence_at(x, y)
        return name if confidence is None else f"{name}  {formatting.percent(confidence)}"

    # Called by the controls.

    def set_source(self, source: str) -> None:
        """Switches to another source.

        Args:
            source: a value for `--source`, or the name that the window shows for the current
                source: a camera's name, or a URL without its login. Neither can be opened, so the
                setting behind it is opened again.
        """
        source = source.strip()
        if source.startswith("file://"):
            source = unquote(urlsplit(source).path)
        if not source:
            return
        if source.lower().endswith(".pte"):
            name = Path(source).name
            text = f"{name}: a model, no source; open it with O, or drop it on the window"
            self._messages.announce(text, is_error=True)
            return
        try:
            source = expand_displayed(source, self.source, self._live.status().source)
        except SeaformerEdgeError as error:
            self._messages.announce(str(error), is_error=True)
            return
        self.settings = replace(self.settings, source=source)
        self.reopen()

    def reopen(self) -> None:
        """Opens the source anew."""
        self._messages.source_changed()
        self._switched_at_s = monotonic()
        self._live.switch_source(
            self.source,
            realtime=not self.settings.full_speed,
            loop=self.settings.loop,
            picture_s=self.settings.picture_s or None,
            camera=self.camera,
        )

    def set_full_speed(self, full_speed: bool) -> None:
        """Plays files at full speed or at their frame rate."""
        self.settings = replace(self.settings, full_speed=full_speed)
        self._live.set_realtime(not full_speed)

    def set_loop(self, loop: bool) -> None:
        """Begins files again at their end, or not."""
        self.settings = replace(self.settings, loop=loop)
        self._live.set_loop(loop)

    def set_picture_s(self, seconds: float) -> None:
        """Shows each picture of a folder for this time; 0 plays them as the frames of a video."""
        self.settings = replace(self.settings, picture_s=seconds)
        self._live.set_picture_s(seconds or None)

    def seek(self, time_s: float) -> None:
        """Continues a file there."""
        self._live.seek(time_s)

    def skip(self, seconds: float) -> None:
        """Continues a video that much later; earlier if negative. Steps through pictures."""
        position = self._live.status().position
        if position is not None and position.pictures is not None:
            self.step(forward=seconds > 0)
        elif position is not None:
            self._live.seek(position.time_s + seconds)

    def step(self, forward: bool) -> None:
        """Shows the next or the previous frame or picture of a file."""
        self._live.step(forward=forward)

    def open_file(self, path: Path) -> None:
        """Opens a dropped or picked path: a .pte file as the model, anything else as the source."""
        if path.suffix == ".pte":
            self.set_model(str(path))
        else:
            self.set_source(str(path))

    def set_model(self, model: str) -> None:
        """Switches to another model, by name or path."""
        try:
            path = resolve_model(model)
        except SeaformerEdgeError as error:
            self._messages.announce(str(error), is_error=True)
            return
        self.settings = replace(self.settings, model=lasting_name(model))
        self._requested_name = name_on_card(path)
        self._messages.model_changed()
        self._live.switch_model(path)

    @property
    def camera(self) -> CameraSettings:
        """How the source is opened, if it is a camera."""
        return self.settings.cameras.get(self.source, CameraSettings())

    @property
    def is_camera(self) -> bool:
        """Whether the source is a camera."""
        return SourceSpec.parse(self.source).is_camera

    def camera_modes(self) -> tuple[VideoMode, ...]:
        """The modes that the camera lists; none if it does not."""
        names = (self.source, self._live.status().source)
        found = [info for info in self.sources.found if names[0] == info.spec]
        found += [info for info in self.sources.found if names[1] == info.name]
        return found[0].modes if found else ()

    def set_camera(self, camera: CameraSettings) -> None:
        """Opens the camera that is played anew, with other settings, and remembers them."""
        cameras = {**self.settings.cameras, self.source: camera}
        self.settings = replace(self.settings, cameras=cameras)
        self.reopen()

    @property
    def source(self) -> str:
        """The value for `--source` of what is played."""
        return self.settings.source or self._first_source

    @property
    def model(self) -> str:
        """The model that is running or being loaded, by name or path."""
        return self.settings.model or DEFAULT_MODEL

    def set_threads(self, threads: int) -> None:
        """Sets the threads for the network; 0 lets the runtime choose."""
        if threads != self.settings.threads:
            self.settings = replace(self.settings, threads=threads)
            self._messages.model_changed()
            self._live.set_threads(threads or None)

    def set_every(self, every: int) -> None:
        """Runs the network on every n-th frame."""
        self.settings = replace(self.settings, every=every)
        self._live.set_every(every)

    def set_smoothing(self, smoothing: float) -> None:
        """Sets the smoothing over time, 0 to 1."""
        self.settings = replace(self.settings, smoothing=smoothing)
        self._live.set_smoothing(smoothing)

    def set_min_confidence(self, min_confidence: float) -> None:
        """Sets the confidence, 0 to 1, below which a pixel has no class."""
        self.settings = replace(self.settings, min_confidence=min_confidence)
        self._live.set_min_confidence(min_confidence)

    def set_mode(self, mode: Mode) -> None:
        """Sets what the picture shows."""
        self.settings = replace(self.settings, mode=mode)
        self._change_view(mode=mode)

    def set_opacity(self, opacity: float) -> None:
        """Sets the opacity of the class colours, 0 to 1."""
        opacity = min(max(opacity, 0.0), 1.0)
        self.settings = replace(self.settings, opacity=opacity)
        self._change_view(opacity=opacity)

    def set_names(self, names: bool) -> None:
        """Writes the names of classes on the picture."""
        self.settings = replace(self.settings, names=names)
        self._live.set_names(names)
        self._change_view(names=names)

    def set_recorded(self, recorded: str) -> None:
        """Sets what the next recording holds, a value of `Recorded`."""
        self.settings = replace(self.settings, recorded=Recorded(recorded))

    def set_mirrored(self, mirrored: bool) -> None:
        """Swaps left and right on the screen."""
        self.settings = replace(self.settings, mirrored=mirrored)

    def set_theme(self, theme: Theme) -> None:
        """Sets the dark or light theme."""
        self.settings = replace(self.settings, theme=theme)

    def choose_classes(self, classes: Iterable[int]) -> None:
        """Colours only these classes; all of them if `classes` is empty."""
        self._change_view(classes=frozenset(classes) or None)

    def toggle_pause(self) -> None:
        """Pauses or resumes; begins a file that has ended again."""
        status = self._live.status()
        if status.source_state is SourceState.ENDED:
            self._live.resume()
            self._live.seek(0.0)
        elif status.paused:
            self._live.resume()
        else:
            self._live.pause()

    def toggle_recording(self) -> None:
        """Starts recording what is chosen, or finishes the current recording."""
        if self._recording is not None:
            self._live.stop_recording()
            return
        recorded = self.settings.recorded
        if recorded is Recorded.MASKS and self.card and self.card.task == "classification":
            text = f"Class ids cannot be recorded: {self.card.name} is a classifier"
            self._messages.announce(text, is_error=True)
            return
        path = free_name(self.folder, recorded.ending)
        self._earlier_notice = self._live.status().notice
        draw, codec = drawing_of(recorded, lambda result: result.render(self.view))
        try:
            self._live.start_recording(path, draw, codec=codec)
        except SeaformerEdgeError as error:
            self._messages.announce(str(error), is_error=True)
        else:
            self._recording = path
            self._messages.announce(f"Recording {path}")

    def take_snapshot(self) -> None:
        """Saves the picture, the overlay and the class ids of the result on the screen."""
        if self.result is None:
            self._messages.announce("There is no picture to save yet", is_error=True)
        else:
            self._snapshots.save(self.result, replace(self.view, mode=Mode.OVERLAY), self.folder)

    def folder_of_source(self) -> str:
        """Where a dialog for files begins: the folder of the file that is played, if it is one."""
        path = Path(self.source).expanduser()
        return str(path if path.is_dir() else path.parent) if path.exists() else ""

    def _add_recent(self, source: str, *, is_file: bool) -> None:
        """Adds what the list of sources lacks; looks for no device, which may take long."""
        if source != "sample" and (is_file or is_url(source) or names_stored_url(source)):
            recent = with_recent(
                self.settings.recent, source if is_url(source) else absolute(source)
            )
            self.settings = replace(self.settings, recent=recent)

    def _change_view(self, **changes: object) -> None:
        self.view = replace(self.view, **changes)  # type: ignore[arg-type]

    def _announce_recorded(self, path: Path) -> None:
        if path.exists():
            self._messages.announce(f"Recorded {path}", file=path)
        else:
            self._messages.announce("Nothing was recorded: no frame arrived", is_error=True)


def default_source() -> str:
    """The first camera; the sample without one."""
    cameras = list_cameras()
    return cameras[0].spec if cameras else "sample"


def _rows(result: LiveResult) -> list[Row]:
    """The predicted classes of a frame, and the pixels without one, as bars."""
    if (seen := result.segmentation) is not None:
        unknown = [Row(UNKNOWN_ID, UNKNOWN, seen.unknown, None)] if seen.unknown else []
        return unknown + [
            Row(entry.class_id, entry.name, entry.share, entry.confidence) for entry in seen.classes
        ]
    if result.classification is not None:
        return [
            Row(score.class_id, score.name, score.probability, None)
            for score in result.classification.classes
        ]
    return []
