"""The bar above the picture: the source, and what is used most often."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from seaformer_edge.sources import SourceInfo
from seaformer_edge_gui import theme
from seaformer_edge_gui.controls import VALUE_ROLE, Chooser, icon_button
from seaformer_edge_gui.icons import icon
from seaformer_edge_gui.open_menu import OpenMenu
from seaformer_edge_gui.run_panel import RunPanel
from seaformer_edge_gui.settings import Theme


class ToolBar(QWidget):
    """Its signal reports the source that the user requests, chosen or typed."""

    source_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._colours = theme.COLOURS[Theme.DARK]
        self._state = (False, False)  # paused, recording
        self._sources: list[SourceInfo] = []
        self.source = Chooser("Source", "A camera, file, folder or URL (Ctrl+L)", 6)
        self.source.setEditable(True)
        self.source.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.source.setCompleter(None)  # type: ignore[arg-type]
        self.source.requested.connect(lambda spec: self.source_requested.emit(spec))
        editor = self.source.lineEdit()
        assert editor is not None
        editor.returnPressed.connect(self._emit_typed_source)
        self.editor = editor
        self.open = icon_button("Open", "Open a file, a folder or a recent source (O)")
        self.menu = OpenMenu(self.open)
        self.menu.source_requested.connect(self.source_requested)
        self.open.setMenu(self.menu)
        self.open.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.camera = icon_button("Camera", "Settings of the camera (C)")
        self.camera.hide()
        self.pause = icon_button("Pause", "Pause (P)")
        self.snapshot = icon_button("Snapshot", "Save a snapshot: picture, overlay, class ids (S)")
        self.record = icon_button("Record", "Record (R)")
        self.full = icon_button("Full screen", "Full screen, picture only (F)")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.GAP_PX)
        self._row.addWidget(self.source, 1)
        self._row.addWidget(self.open)
        self._row.addWidget(self.camera)
        self._row.addStretch()
        for button in (self.pause, self.snapshot, self.record, self.full):
            self._row.addWidget(button)

    def add_run(self, run: RunPanel) -> None:
        """Takes the controls of the run into the row."""
        self._row.insertWidget(3, run)
        run.arrange(in_row=True)
        run.show()

    def icons(self) -> dict[str, QToolButton]:
        """The buttons by the names of their icons, except those that follow the run's state."""
        names = {"open": self.open, "camera": self.camera}
        return names | {"snapshot": self.snapshot, "full": self.full}

    def set_colours(self, colours: theme.Colours) -> None:
        """Redraws the icons that follow the run's state."""
        self._colours = colours
        paused, recording = self._state
        self._show_state(paused, recording)

    def show_state(self, *, paused: bool, recording: bool) -> None:
        """Updates the pause and record buttons."""
        if (paused, recording) != self._state:
            self._state = (paused, recording)
            self._show_state(paused, recording)

    def _show_state(self, paused: bool, recording: bool) -> None:
        for button, name, tip in (
            (self.pause, *(("play", "Resume (P)") if paused else ("pause", "Pause (P)"))),
            (
                self.record,
                *(("stop", "Stop recording (R)") if recording else ("record", "Record (R)")),
            ),
        ):
            button.setIcon(icon(name, self._colours))
            button.setToolTip(tip)
            button.setAccessibleName(tip)

    def show_source(self, name: str) -> None:
        """Shows the name of the current source, unless the user is typing."""
        if not self.editor.hasFocus() and self.editor.text() != name:
            self.editor.setText(name)
            self.editor.setCursorPosition(0)

    def list_sources(self, sources: Sequence[SourceInfo]) -> None:
        """Lists the available sources."""
        if list(sources) == self._sources:
            return
        self._sources = list(sources)
        text = self.editor.text()
        with QSignalBlocker(self.source):
            self.source.clear()
            for info in sources:
                size = f"   {info.modes[0].width}x{info.modes[0].height}" if info.modes else ""
                self.source.addItem(f"{info.spec}   {info.name}{size}", info.spec)
            self.source.setCurrentIndex(-1)
        self.editor.setText(text)
        self.editor.setCursorPosition(0)

    def _emit_typed_source(self) -> None:
        text = self.editor.text()
        listed = self.source.findText(text)
        spec = self.source.itemData(listed, VALUE_ROLE) if listed >= 0 else text
        self.source_requested.emit(spec)
