"""What the window does, without a window: it holds the live run, the settings and the words.

No Qt here. One thread, the window's, calls everything; nothing here keeps it waiting but `stop`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from seaformer_edge.errors import ModelError, SeaformerEdgeError
from seaformer_edge.hub.card import Card, read_card
from seaformer_edge.hub.zoo import DEFAULT_MODEL, installed_cards, resolve_model
from seaformer_edge.live import LivePipeline, LiveResult, LiveStatus
from seaformer_edge.live.stats import SourceState
from seaformer_edge.sources import sets_its_own_pace
from seaformer_edge.sources.stream import NOT_SHOWN, is_url, with_login_of
from seaformer_edge_gui import formatting
from seaformer_edge_gui.background import BoardReader, SourceLister
from seaformer_edge_gui.drawing import Mode, View, draw_view
from seaformer_edge_gui.ranking import Ranking, Row
from seaformer_edge_gui.settings import Settings, Theme
from seaformer_edge_gui.snapshots import SnapshotWriter, free_name

SAY_S = 6.0  # how long good news stays
OPACITY_STEP = 0.1


@dataclass(frozen=True, slots=True)
class Message:
    """One line for the person at the window.

    Attributes:
        text: what, where, what to do.
        trouble: something is wrong; else it is news.
    """

    text: str
    trouble: bool


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that can be chosen.

    Attributes:
        name: what `--model` takes.
        detail: variant, input size, precision.
    """

    name: str
    detail: str


class Controller:
    """The window's logic.

    Args:
        settings: what to begin with.
        folder: where recordings and snapshots go.

    Raises:
        ModelError: the model is not known here.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.view = View(settings.mode, settings.opacity, frozenset(), settings.mirrored)
        self.sources = SourceLister()
        self.board = BoardReader()
        self.card: Card | None = None
        self._snapshots = SnapshotWriter()
        program = resolve_model(settings.model or None)
        self._running_model = settings.model  # the last one that could be had
        self._asked_name = _name_of(program)
        self._live = LivePipeline(
            settings.source,
            program,
            settings.threads or None,
            every=settings.every,
            smoothing=settings.smoothing,
            realtime=not settings.full_speed,
            loop=True,
        )
        self._ranking = Ranking()
        self._result: LiveResult | None = None
        self._said: Message | None = None
        self._said_until_s = 0.0
        self._dismissed = ""
        self._recording: Path | None = None
        self._noticed = ""  # before the recording began: no trouble of this one

    def start(self) -> None:
        """Begins the run."""
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

    # On every tick of the display.

    def newest(self) -> LiveResult | None:
        """A result that was not given before, or None."""
        result = self._live.newest()
        if result is None or result is self._result:
            return None
        self._result = result
        if result.card is not None and result.card is not self.card:
            if self.card is not None and result.card.classes != self.card.classes:
                self._look(classes=frozenset())
            self.card = result.card
            self._ranking.clear()
        self._ranking.update(_rows(result), monotonic())
        return result

    def painted(self, result: LiveResult) -> None:
        """The result is on the screen."""
        self._live.painted(result)

    def status(self) -> LiveStatus:
        """The run in numbers; also the moment to notice what has ended meanwhile."""
        status = self._live.status()
        if self._recording is not None and status.recording is None:
            if status.notice in ("", self._noticed):
                self._say_recorded(self._recording)
            self._recording = None
        if status.model is not None and not status.loading:
            if status.model != self._asked_name:  # it could not be had; the one before runs
                self.settings = replace(self.settings, model=self._running_model)
                self._asked_name = status.model
            self._running_model = self.settings.model
        for outcome in self._snapshots.outcomes():
            if isinstance(outcome, SeaformerEdgeError):
                self._say(str(outcome), trouble=True)
            else:
                self._say(f"Saved {outcome}")
        return status

    def rows(self, count: int) -> list[Row]:
        """The largest classes, steadied."""
        return self._ranking.top(count)

    def message(self, status: LiveStatus) -> Message | None:
        """What the person should know now; the worst first. None if all is well."""
        trouble = [status.message] if _is_trouble(status) else []
        if status.notice:
            trouble.append(status.notice)
        for text in trouble:
            if text != self._dismissed:
                return Message(text, trouble=True)
        if self._said is not None and monotonic() < self._said_until_s:
            return self._said
        if status.source_state is SourceState.CONNECTING:
            return Message(status.message, trouble=False)
        if status.loading and status.model is None:
            return Message("Loading the model", trouble=False)
        if status.paused:
            return Message("Paused", trouble=False)
        return None

    def dismiss(self, message: Message) -> None:
        """The person has read it."""
        self._dismissed, self._said = message.text, None

    def under(self, x: int, y: int) -> str | None:
        """The class at the frame's pixel (x, y) and its confidence: "road  93 %"."""
        result = self._result
        if result is None or result.segmentation is None or result.card is None:
            return None
        label_map = result.segmentation.label_map
        if not (0 <= y < label_map.shape[0] and 0 <= x < label_map.shape[1]):
            return None
        name = result.card.classes[label_map[y, x]]
        confidence = result.confidence_at(x, y)
        return name if confidence is None else f"{name}  {formatting.percent(confidence)}"

    # What a person can change.

    def set_source(self, source: str) -> None:
        """Takes another source, as `--source` names it, or the same again by the name that is
        shown, which is no source by itself: a camera's name, or a URL without its login."""
        source = source.strip()
        if not source:
            return
        if source == self._live.status().source:
            source = self.settings.source
        elif is_url(source):
            if NOT_SHOWN in source:
                self._say("The URL is not shown whole: type it again, with its login", trouble=True)
                return
            source = with_login_of(self.settings.source, source)
        self.settings = replace(self.settings, source=source)
        self._dismissed = ""
        self._live.switch_source(source, realtime=not self.settings.full_speed, loop=True)

    def set_full_speed(self, full_speed: bool) -> None:
        """Plays files as fast as they go, or at their own pace; begins them again."""
        self.settings = replace(self.settings, full_speed=full_speed)
        if not sets_its_own_pace(self.settings.source):
            self.set_source(self.settings.source)

    def open_file(self, path: Path) -> None:
        """A file or folder that was dropped or picked: a model if it is a .pte, else a source."""
        if path.suffix == ".pte":
            self.set_model(str(path))
        else:
            self.set_source(str(path))

    def set_model(self, model: str) -> None:
        """Takes another model by name or path."""
        try:
            path = resolve_model(model)
        except SeaformerEdgeError as error:
            self._say(str(error), trouble=True)
            return
        self.settings = replace(self.settings, model=model)
        self._asked_name = _name_of(path)
        self._dismissed = ""
        self._live.switch_model(path)

    @property
    def model(self) -> str:
        """The model that runs or is being loaded, by name or path."""
        return self.settings.model or DEFAULT_MODEL

    def models(self) -> list[ModelChoice]:
        """The models that are installed here."""
        return [
            ModelChoice(name, f"{card.variant} {card.width}x{card.height} {card.precision}")
            for name, card in installed_cards().items()
        ]

    def set_threads(self, threads: int) -> None:
        """Threads for the network; 0 leaves it to the runtime."""
        if threads != self.settings.threads:
            self.settings = replace(self.settings, threads=threads)
            self._live.set_threads(threads or None)

    def set_every(self, every: int) -> None:
        """The network sees every n-th frame."""
        self.settings = replace(self.settings, every=every)
        self._live.set_every(every)

    def set_smoothing(self, smoothing: float) -> None:
        """Smoothing over time, 0 to 1."""
        self.settings = replace(self.settings, smoothing=smoothing)
        self._live.set_smoothing(smoothing)

    def set_mode(self, mode: Mode) -> None:
        """What the picture shows."""
        self.settings = replace(self.settings, mode=mode)
        self._look(mode=mode)

    def set_opacity(self, opacity: float) -> None:
        """Of the colours over the frame, 0 to 1."""
        opacity = min(max(opacity, 0.0), 1.0)
        self.settings = replace(self.settings, opacity=opacity)
        self._look(opacity=opacity)

    def set_mirrored(self, mirrored: bool) -> None:
        """Swaps left and right on the screen."""
        self.settings = replace(self.settings, mirrored=mirrored)
        self._look(mirrored=mirrored)

    def set_theme(self, theme: Theme) -> None:
        """Dark or light."""
        self.settings = replace(self.settings, theme=theme)

    def choose_classes(self, classes: Iterable[int]) -> None:
        """Colours only these classes; all of them if there are none."""
        self._look(classes=frozenset(classes))

    def toggle_pause(self) -> None:
        """Holds the picture, or goes on."""
        if self._live.status().paused:
            self._live.resume()
        else:
            self._live.pause()

    def toggle_recording(self) -> None:
        """Begins a recording of what the view shows, or finishes the one under way."""
        if self._recording is not None:
            self._live.stop_recording()
            return
        path = free_name(self.folder, ".mp4")
        self._noticed = self._live.status().notice
        try:
            self._live.start_recording(path, lambda result: draw_view(result, self.view))
        except SeaformerEdgeError as error:
            self._say(str(error), trouble=True)
        else:
            self._recording = path
            self._say(f"Recording {path}")

    def take_snapshot(self) -> None:
        """Saves the picture, the overlay and the class ids of what is shown."""
        if self._result is None:
            self._say("There is no picture yet to save", trouble=True)
        else:
            self._snapshots.save(self._result, replace(self.view, mode=Mode.OVERLAY), self.folder)

    def _look(self, **changes: object) -> None:
        self.view = replace(self.view, **changes)  # type: ignore[arg-type]

    def _say_recorded(self, path: Path) -> None:
        if path.exists():
            self._say(f"Recorded {path}")
        else:
            self._say("Nothing was recorded: no picture came", trouble=True)

    def _say(self, text: str, *, trouble: bool = False) -> None:
        self._said = Message(text, trouble)
        self._said_until_s = monotonic() + SAY_S


def _name_of(program: Path) -> str:
    """What a model calls itself; its file's name if that cannot be known."""
    try:
        return read_card(program).name
    except ModelError:
        return program.stem


def _rows(result: LiveResult) -> list[Row]:
    """What was seen in a frame, as bars."""
    if result.segmentation is not None:
        return [
            Row(seen.class_id, seen.name, seen.share, seen.confidence)
            for seen in result.segmentation.classes
        ]
    if result.classification is not None:
        return [
            Row(score.class_id, score.name, score.probability, None)
            for score in result.classification.classes
        ]
    return []


def _is_trouble(status: LiveStatus) -> bool:
    """Whether the source is not as it should be; a slow one says so in its message."""
    if status.source_state is SourceState.RUNNING:
        return not status.message.endswith(": running")
    return status.source_state not in (SourceState.CONNECTING, SourceState.ENDED)
