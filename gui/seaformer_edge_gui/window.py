"""The window: keyboard shortcuts, drag and drop, and timers that poll the controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSettings, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import QApplication, QFileDialog

from seaformer_edge.inference.modes import Mode
from seaformer_edge.live import LiveStatus
from seaformer_edge.live.stats import SourceState
from seaformer_edge_gui import formatting, settings, theme
from seaformer_edge_gui.camera_dialog import CameraDialog
from seaformer_edge_gui.controller import OPACITY_STEP, Controller
from seaformer_edge_gui.icons import icon
from seaformer_edge_gui.messages import Message
from seaformer_edge_gui.model_choices import model_choices
from seaformer_edge_gui.open_menu import file_filters
from seaformer_edge_gui.panels import Panels
from seaformer_edge_gui.picture_view import PictureView
from seaformer_edge_gui.transport_bar import SKIP_S

PICTURE_MS = 16  # a display of 60 Hz
METRICS_MS = 200  # figures that change faster cannot be read
ROWS = 64  # more classes than fit
REPEATING_KEYS = (
    "[",
    "]",
    ",",
    ".",
    "Shift+Left",
    "Shift+Right",
)  # the others would flicker or save many snapshots while held


class Window(Panels):
    """The live window.

    Args:
        controller: not started yet; `start` starts it, and closing the window stops it.
        store: keeps the settings and the window's geometry between runs.
    """

    def __init__(self, controller: Controller, store: QSettings) -> None:
        super().__init__(PictureView(controller.painted, controller.describe_pixel))
        self.controller = controller
        self._store = store
        self._listed_scan = -1
        self._listed_model = ""
        self._message: Message | None = None
        self._camera: CameraDialog | None = None  # while it is open
        self._known_source = ""
        self.setWindowTitle("SeaFormer edge")
        self.setAcceptDrops(True)
        self._show_settings()
        self._connect()
        self.arrange()
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

    def _show_settings(self) -> None:
        values = self.controller.settings
        self.side.set_mode(values.mode)
        self.side.classes.names.setChecked(values.names)
        self.side.opacity.setValue(round(values.opacity * 100))
        self.side.smoothing.setValue(round(values.smoothing * 100))
        self.side.min_confidence.setValue(round(values.min_confidence * 100))
        self.run.threads.choose(values.threads)
        self.run.every.choose(values.every)
        self.run.recorded.choose(values.recorded)
        self.run.full_speed.setChecked(values.full_speed)
        self.transport.loop.setChecked(values.loop)
        self.transport.picture_time.choose(values.picture_s)
        self.run.mirror.setChecked(values.mirrored)
        self._update_view()
        self._list_models()

    def _connect(self) -> None:
        bar, run, side, controller = self.tool_bar, self.run, self.side, self.controller
        bar.source_requested.connect(controller.set_source)
        bar.source_requested.connect(self.leave_typing)
        bar.source.opening.connect(controller.sources.refresh)
        run.model.requested.connect(controller.set_model)
        run.model.opening.connect(self._list_models)
        run.threads.requested.connect(controller.set_threads)
        run.every.requested.connect(controller.set_every)
        run.recorded.requested.connect(controller.set_recorded)
        run.full_speed.toggled.connect(controller.set_full_speed)
        bar.menu.file_requested.connect(self._open_file)
        bar.menu.folder_requested.connect(self._open_folder)
        bar.camera.clicked.connect(self._show_camera)
        bar.pause.clicked.connect(controller.toggle_pause)
        bar.snapshot.clicked.connect(controller.take_snapshot)
        bar.record.clicked.connect(controller.toggle_recording)
        transport = self.transport
        transport.seek_requested.connect(controller.seek)
        transport.step_requested.connect(controller.step)
        transport.loop.toggled.connect(controller.set_loop)
        transport.picture_time.requested.connect(controller.set_picture_s)
        run.mirror.toggled.connect(self._then_update_view(controller.set_mirrored))
        bar.full.clicked.connect(self.toggle_full)
        run.theme.clicked.connect(self._toggle_theme)
        run.help.clicked.connect(self.help.toggle)
        self.line.menu.clicked.connect(self.toggle_drawer)
        side.mode_requested.connect(self._then_update_view(controller.set_mode))
        side.opacity_requested.connect(self._then_update_view(controller.set_opacity))
        side.smoothing_requested.connect(controller.set_smoothing)
        side.min_confidence_requested.connect(controller.set_min_confidence)
        side.classes.chosen.connect(self._then_update_view(controller.choose_classes))
        side.classes.names.toggled.connect(self._then_update_view(controller.set_names))
        side.classes.search.returnPressed.connect(self.leave_typing)
        self.picture.double_clicked.connect(self.toggle_full)
        self.banner.dismissed.connect(self._dismiss)
        self.banner.open_folder.clicked.connect(self._show_folder)
        self.no_signal.retry.clicked.connect(controller.reopen)
        self.no_signal.open.clicked.connect(self._open_file)
        self.rearranged.connect(self._apply_theme)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._apply_theme)

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
        run, side, controller = self.run, self.side, self.controller
        modes = [((m.key,), f"View: {m.label.lower()}", side.modes[m].click) for m in Mode]
        step = round(OPACITY_STEP * 100)
        return [
            *modes,
            (("[",), "Decrease opacity", lambda: side.change_opacity(-step)),
            (("]",), "Increase opacity", lambda: side.change_opacity(step)),
            (("A",), "Colour all classes", side.classes.show_all.click),
            (("N",), "Names on the picture", side.classes.names.toggle),
            (("M",), "Mirror left and right", run.mirror.toggle),
            (("F", "F11"), "Full screen, picture only", self.toggle_full),
            (("D",), "Show or hide the panels", self.toggle_drawer),
            (("P",), "Pause or resume", controller.toggle_pause),
            ((",",), "Previous frame or picture", lambda: controller.step(forward=False)),
            ((".",), "Next frame or picture", lambda: controller.step(forward=True)),
            (("Shift+Left",), "Back 5 seconds", lambda: controller.skip(-SKIP_S)),
            (("Shift+Right",), "Forward 5 seconds", lambda: controller.skip(SKIP_S)),
            (("L",), "Loop a file, or not", self.transport.loop.toggle),
            (("S",), "Save a snapshot", controller.take_snapshot),
            (("R",), "Start or stop recording", controller.toggle_recording),
            (("O",), "Open a file or model", self._open_file),
            (("Shift+O",), "Open a folder of pictures", self._open_folder),
            (("C",), "Settings of the camera", self._show_camera),
            (("Ctrl+L",), "Type a source", self.type_source),
            (("U",), "Play files at full speed", run.full_speed.toggle),
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

    def _show_status(self) -> None:
        status = self.controller.status()
        self.no_signal.show_status(status)
        self._show_whether_camera(status)
        if self.controller.result is None:
            self.picture.clear()
        self.metrics.show_status(status, self.controller.board.reading)
        self.line.show_status(status, self.controller.board.reading)
        rows = self.controller.rows(ROWS)
        self.side.classes.show_rows(rows)
        self.line.show_rows(rows, self.controller.card)
        self.tool_bar.show_source(status.source)
        self.tool_bar.menu.list_recent(self.controller.settings.recent)
        stands = status.paused or status.source_state is SourceState.ENDED
        self.tool_bar.show_state(paused=stands, recording=status.recording is not None)
        if self.transport.show_position(status.position):
            self.arrange()
        self.picture.show_recording(formatting.recording(status))
        self._show_title(status)
        if self.controller.model != self._listed_model:
            self._list_models()
        self._message = self.controller.message(status)
        self.banner.show_message(self._message)
        if self.controller.sources.scans != self._listed_scan:
            self._listed_scan = self.controller.sources.scans
            self.tool_bar.list_sources(self.controller.sources.found)
            self.tool_bar.show_source(status.source)

    def _show_whether_camera(self, status: LiveStatus) -> None:
        if self.controller.source != self._known_source:
            self._known_source = self.controller.source
            self.tool_bar.camera.setVisible(self.controller.is_camera)
            if self._camera is not None:
                self._camera.close()
        if self._camera is not None:
            self._camera.show_refused(status.warnings)

    def _show_title(self, status: LiveStatus) -> None:
        parts = [status.source, status.model or "no model", "SeaFormer edge"]
        if status.recording is not None:
            parts.insert(0, f"recording, {status.recorded_frames} frames")
        self.setWindowTitle("  ·  ".join(parts))

    def _list_models(self) -> None:
        self._listed_model = self.controller.model
        self.run.list_models(model_choices(), self._listed_model)

    # Called by keys and buttons.

    def _open_file(self) -> None:
        title, folder = "Open a video, picture or model", self.controller.folder_of_source()
        path, _ = QFileDialog.getOpenFileName(self, title, folder, file_filters())
        if path:
            self.controller.open_file(Path(path))

    def _open_folder(self) -> None:
        title, folder = "Open a folder of pictures", self.controller.folder_of_source()
        if path := QFileDialog.getExistingDirectory(self, title, folder):
            self.controller.open_file(Path(path))

    def _leave(self) -> None:
        if self.help.isVisible():
            self.help.toggle()
        elif self.is_typing():
            self.leave_typing()
        elif self.isFullScreen():
            self.toggle_full()
        else:
            self._dismiss()

    def _show_camera(self) -> None:
        if not self.controller.is_camera or self._camera is not None:
            return
        controller = self.controller
        self._camera = CameraDialog(
            self, controller.camera, controller.camera_modes(), controller.status().controls
        )
        self._camera.requested.connect(controller.set_camera)
        self._camera.finished.connect(self._close_camera)
        self._camera.show()

    def _close_camera(self) -> None:
        if self._camera is not None:
            self._camera.deleteLater()
            self._camera = None

    def _toggle_theme(self) -> None:
        self.controller.set_theme(theme.other(self.controller.settings.theme))
        self._apply_theme()

    def _apply_theme(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        chosen = self.controller.settings.theme
        theme.apply(app, chosen, touch=self.arrangement is None or self.arrangement.touch)
        colours = theme.COLOURS[theme.on_screen(chosen)]
        buttons = {**self.tool_bar.icons(), **self.run.icons(), **self.transport.icons()}
        buttons["menu"] = self.line.menu
        buttons["names"] = self.side.classes.names
        for name, button in buttons.items():
            button.setIcon(icon(name, colours))
        self.tool_bar.set_colours(colours)
        self.banner.set_colours(colours)
        self.help.set_colours(colours)

    def _dismiss(self) -> None:
        if self._message is not None:
            self.controller.dismiss(self._message)
            self._show_status()

    def _show_folder(self) -> None:
        """Opens the folder of the message's file in the desktop's program for files."""
        if self._message is None or self._message.file is None:
            return
        folder = self._message.file.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.controller.announce(f"No program opens folders here; it is {folder}")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls()[:1]:
            if url.isLocalFile():
                self.controller.open_file(Path(url.toLocalFile()))
            else:  # a decoded URL is another one
                self.controller.set_source(bytes(url.toEncoded().data()).decode())

    def closeEvent(self, event: QCloseEvent) -> None:
        self._picture_timer.stop()
        self._metrics_timer.stop()
        if not self.isFullScreen():
            self._store.setValue("geometry", self.saveGeometry())
        self.hide()  # stopping may take a moment
        settings.save(self.controller.remembered(), self._store)
        self.controller.stop()
        super().closeEvent(event)
