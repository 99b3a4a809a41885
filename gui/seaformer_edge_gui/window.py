"""The window: layout, keyboard shortcuts, drag and drop, and timers that poll the controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from seaformer_edge.inference.modes import Mode
from seaformer_edge.live import LiveStatus
from seaformer_edge_gui import settings, theme
from seaformer_edge_gui.banner import Banner
from seaformer_edge_gui.controller import OPACITY_STEP, Controller
from seaformer_edge_gui.help_sheet import HelpSheet
from seaformer_edge_gui.messages import Message
from seaformer_edge_gui.metrics_panel import MetricsPanel
from seaformer_edge_gui.picture_view import PictureView
from seaformer_edge_gui.side_panel import SidePanel
from seaformer_edge_gui.tool_bar import ToolBar

PICTURE_MS = 16  # a display of 60 Hz
METRICS_MS = 200  # figures that change faster cannot be read
MARGIN_PX = 8
REPEATING_KEYS = ("[", "]")  # the others would flicker or save many snapshots while held


class Window(QWidget):
    """The live window.

    Args:
        controller: not started yet; `start` starts it, and closing the window stops it.
        store: keeps the settings and the window's geometry between runs.
    """

    def __init__(self, controller: Controller, store: QSettings) -> None:
        super().__init__()
        self.controller = controller
        self._store = store
        self._listed_scan = -1
        self._listed_model = ""
        self._message: Message | None = None
        self.setWindowTitle("SeaFormer edge")
        self.setAcceptDrops(True)
        self.tool_bar = ToolBar()
        self.picture = PictureView(controller.painted, controller.describe_pixel)
        self.side = SidePanel()
        self.metrics = MetricsPanel()
        self.banner = Banner(self.picture)
        self.help = HelpSheet(self)
        self._lay_out()
        self._show_settings()
        self._connect()
        self._apply_theme()
        self.shortcuts = [
            QShortcut(QKeySequence(key), self, activated=action)  # type: ignore[call-overload]
            for keys, _, action in self._actions()
            for key in keys
        ]
        for shortcut in self.shortcuts:
            shortcut.setAutoRepeat(shortcut.key().toString() in REPEATING_KEYS)
        self.help.list_shortcuts([(keys, text) for keys, text, _ in self._actions()])
        self._picture_timer = QTimer(self, interval=PICTURE_MS, timerType=Qt.TimerType.PreciseTimer)
        self._picture_timer.timeout.connect(self._show_newest)
        self._metrics_timer = QTimer(self, interval=METRICS_MS)
        self._metrics_timer.timeout.connect(self._show_status)

    def start(self) -> None:
        """Starts the run and the timers."""
        self.controller.start()
        self._picture_timer.start()
        self._metrics_timer.start()
        self._show_status()
        self.picture.setFocus()

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(6)
        middle.addWidget(self.picture, 1)
        middle.addWidget(self.side)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(*[MARGIN_PX] * 4)
        self._layout.setSpacing(6)
        self._layout.addWidget(self.tool_bar)
        self._layout.addLayout(middle, 1)
        self._layout.addWidget(self.metrics)

    def _show_settings(self) -> None:
        values = self.controller.settings
        self.side.set_mode(values.mode)
        self.side.opacity.setValue(round(values.opacity * 100))
        self.side.smoothing.setValue(round(values.smoothing * 100))
        self.tool_bar.threads.setValue(values.threads)
        self.tool_bar.every.setValue(values.every)
        self.tool_bar.full_speed.setChecked(values.full_speed)
        self.tool_bar.mirror.setChecked(values.mirrored)
        self._update_view()
        self._list_models()

    def _connect(self) -> None:
        bar, side, controller = self.tool_bar, self.side, self.controller
        bar.source_requested.connect(controller.set_source)
        bar.source_requested.connect(self._leave_typing)
        bar.source.opening.connect(controller.sources.refresh)
        bar.model_requested.connect(controller.set_model)
        bar.model.opening.connect(self._list_models)
        bar.threads.valueChanged.connect(controller.set_threads)
        bar.every.valueChanged.connect(controller.set_every)
        bar.full_speed.toggled.connect(controller.set_full_speed)
        bar.open.clicked.connect(self._open)
        bar.pause.clicked.connect(controller.toggle_pause)
        bar.snapshot.clicked.connect(controller.take_snapshot)
        bar.record.clicked.connect(controller.toggle_recording)
        bar.mirror.toggled.connect(self._then_update_view(controller.set_mirrored))
        bar.full.clicked.connect(self._toggle_full)
        bar.theme.clicked.connect(self._toggle_theme)
        bar.help.clicked.connect(self.help.toggle)
        side.mode_requested.connect(self._then_update_view(controller.set_mode))
        side.opacity_requested.connect(self._then_update_view(controller.set_opacity))
        side.smoothing_requested.connect(controller.set_smoothing)
        side.legend.chosen.connect(self._then_update_view(controller.choose_classes))
        self.picture.double_clicked.connect(self._toggle_full)
        self.banner.dismissed.connect(self._dismiss)

    def _then_update_view(self, change: Callable[..., None]) -> Callable[..., None]:
        """A slot that applies `change` and then redraws the picture with the new view."""

        def changed(value: object) -> None:
            change(value)
            self._update_view()

        return changed

    def _update_view(self) -> None:
        self.picture.set_view(self.controller.view, mirrored=self.controller.settings.mirrored)

    def _actions(self) -> list[tuple[tuple[str, ...], str, Callable[[], object]]]:
        """Keys, the text for the help sheet, and the function to call."""
        bar, side, controller = self.tool_bar, self.side, self.controller
        modes = [((m.key,), f"View: {m.label.lower()}", side.modes[m].click) for m in Mode]
        step = round(OPACITY_STEP * 100)
        return [
            *modes,
            (
                ("[",),
                "Decrease opacity",
                lambda: side.opacity.setValue(side.opacity.value() - step),
            ),
            (
                ("]",),
                "Increase opacity",
                lambda: side.opacity.setValue(side.opacity.value() + step),
            ),
            (("A",), "Colour all classes", side.legend.clearSelection),
            (("M",), "Mirror left and right", bar.mirror.toggle),
            (("F", "F11"), "Full screen, picture only", self._toggle_full),
            (("P",), "Pause or resume", controller.toggle_pause),
            (("S",), "Save a snapshot", controller.take_snapshot),
            (("R",), "Start or stop recording", controller.toggle_recording),
            (("O",), "Open a file or model", self._open),
            (("Ctrl+L",), "Type a source", self._type_source),
            (("U",), "Play files at full speed", bar.full_speed.toggle),
            (("T",), "Dark or light theme", self._toggle_theme),
            (("H", "F1", "?"), "Keyboard shortcuts", self.help.toggle),
            (("Esc",), "Close message or full screen", self._leave),
            (("Ctrl+Q",), "Quit", self.close),
        ]

    # Called by the timers.

    def _show_newest(self) -> None:
        result = self.controller.newest()
        if result is None:
            return
        self.picture.show_result(result)
        self._update_view()
        self.side.show_card(self.controller.card)
        bars = self.side.bars
        bars.show_rows(self.controller.rows(bars.capacity()), self.controller.card)

    def _show_status(self) -> None:
        status = self.controller.status()
        self.metrics.show_status(status, self.controller.board.reading)
        self.tool_bar.show_source(status.source)
        self.tool_bar.show_state(paused=status.paused, recording=status.recording is not None)
        self._show_title(status)
        if self.controller.model != self._listed_model:
            self._list_models()
        self._message = self.controller.message(status)
        self.banner.show_message(self._message)
        if self.controller.sources.scans != self._listed_scan:
            self._listed_scan = self.controller.sources.scans
            self.tool_bar.list_sources(self.controller.sources.found)
            self.tool_bar.show_source(status.source)

    def _show_title(self, status: LiveStatus) -> None:
        parts = [status.source, status.model or "no model", "SeaFormer edge"]
        if status.recording is not None:
            parts.insert(0, f"recording, {status.recorded_frames} frames")
        self.setWindowTitle("  ·  ".join(parts))

    def _list_models(self) -> None:
        self._listed_model = self.controller.model
        self.tool_bar.list_models(self.controller.models(), self._listed_model)

    # Called by keys and buttons.

    def _open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a video, picture or model (.pte)")
        if path:
            self.controller.open_file(Path(path))

    def _type_source(self) -> None:
        self.tool_bar.source.setFocus()
        editor = self.tool_bar.source.lineEdit()
        assert editor is not None
        editor.selectAll()

    def _leave_typing(self) -> None:
        """Moves the focus away from the text, so that letters are shortcuts again."""
        self.picture.setFocus()

    def _toggle_full(self) -> None:
        full = not self.isFullScreen()
        for widget in (self.tool_bar, self.side, self.metrics):
            widget.setVisible(not full)
        margin = 0 if full else MARGIN_PX
        self._layout.setContentsMargins(margin, margin, margin, margin)
        # Not showNormal: it would forget that the window was maximised.
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _leave(self) -> None:
        editor = self.tool_bar.source.lineEdit()
        if self.help.isVisible():
            self.help.toggle()
        elif editor is not None and editor.hasFocus():
            self._leave_typing()
        elif self.isFullScreen():
            self._toggle_full()
        else:
            self._dismiss()

    def _toggle_theme(self) -> None:
        dark = self.controller.settings.theme is settings.Theme.DARK
        self.controller.set_theme(settings.Theme.LIGHT if dark else settings.Theme.DARK)
        self._apply_theme()

    def _apply_theme(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, self.controller.settings.theme)
        colours = theme.COLOURS[self.controller.settings.theme]
        self.tool_bar.set_colours(colours)
        self.banner.set_colours(colours)

    def _dismiss(self) -> None:
        if self._message is not None:
            self.controller.dismiss(self._message)
            self._show_status()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        url = event.mimeData().urls()[0]
        if url.isLocalFile():
            self.controller.open_file(Path(url.toLocalFile()))
        else:
            self.controller.set_source(url.toString())

    def closeEvent(self, event: QCloseEvent) -> None:
        self._picture_timer.stop()
        self._metrics_timer.stop()
        if not self.isFullScreen():
            self._store.setValue("geometry", self.saveGeometry())
        settings.save(self.controller.settings, self._store)
        self.hide()  # stopping may take a moment
        self.controller.stop()
        super().closeEvent(event)
