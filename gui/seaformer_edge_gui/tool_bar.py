"""The tool bar above the picture: source, model, threads, and buttons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QToolButton, QWidget

from seaformer_edge.sources import SourceInfo
from seaformer_edge_gui import theme
from seaformer_edge_gui.controller import ModelChoice
from seaformer_edge_gui.settings import MAX_EVERY, MAX_THREADS, Theme

MAX_BOX_PX = 360
POPUP_MARGIN_PX = 24
SPEC_ROLE = int(Qt.ItemDataRole.UserRole)


class Chooser(QComboBox):
    """A combo box with a list as wide as its texts; `opening` is emitted before the list opens."""

    opening = Signal()

    def showPopup(self) -> None:
        self.opening.emit()
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + POPUP_MARGIN_PX)
        super().showPopup()


class ToolBar(QWidget):
    """Controls of the run. Its signals report what the user requests."""

    source_requested = Signal(str)
    model_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._colours = theme.COLOURS[Theme.DARK]
        self._state = (False, False)  # paused, recording
        self._sources: list[SourceInfo] = []
        self.source = Chooser()
        self.source.setEditable(True)
        self.source.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.source.setAccessibleName("Source")
        self.source.setToolTip("A camera, file, folder or URL (Ctrl+L)")
        self.source.setCompleter(None)  # type: ignore[arg-type]
        self.source.activated.connect(
            lambda i: self.source_requested.emit(self.source.itemData(i, SPEC_ROLE))
        )
        editor = self.source.lineEdit()
        assert editor is not None
        editor.returnPressed.connect(self._emit_typed_source)
        self._editor = editor
        self.model = Chooser()
        self.model.setAccessibleName("Model")
        self.model.setToolTip("The network")
        self.model.activated.connect(
            lambda i: self.model_requested.emit(self.model.itemData(i, SPEC_ROLE))
        )
        self.threads = QSpinBox()
        self.threads.setRange(0, MAX_THREADS)
        self.threads.setSpecialValueText("auto")
        self.threads.setAccessibleName("Threads")
        self.threads.setToolTip("Threads for the network")
        self.every = QSpinBox()
        self.every.setRange(1, MAX_EVERY)
        self.every.setAccessibleName("Every n-th frame")
        self.every.setToolTip("The network runs on every n-th frame")

        self.open = _button("Open a file (O)")
        self.full_speed = _button("Play files at full speed (U)", checkable=True)
        self.pause = _button("Pause (P)")
        self.snapshot = _button("Save a snapshot: picture, overlay, class ids (S)")
        self.record = _button("Record (R)")
        self.mirror = _button("Mirror (M)", checkable=True)
        self.full = _button("Full screen, picture only (F)")
        self.theme = _button("Dark or light theme (T)")
        self.help = _button("Keyboard shortcuts (H)")

        for box in (self.source, self.model, self.threads, self.every):
            box.setMinimumHeight(28)
            box.setMaximumWidth(MAX_BOX_PX)
        for box in (self.threads, self.every):
            box.setKeyboardTracking(False)  # no change to 1 while 12 is typed
        for box in (self.source, self.model):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(8)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        row.addWidget(self.source, 2)
        row.addWidget(self.open)
        row.addWidget(self.full_speed)
        row.addSpacing(4)
        row.addWidget(self.model, 7)
        for caption, box in (("Threads", self.threads), ("Every", self.every)):
            label = theme.label(caption, "caption")
            label.setBuddy(box)
            row.addSpacing(4)
            row.addWidget(label)
            row.addWidget(box)
        row.addStretch()
        for button in (
            *(self.pause, self.snapshot, self.record, self.mirror),
            *(self.full, self.theme, self.help),
        ):
            row.addWidget(button)

    def set_colours(self, colours: theme.Colours) -> None:
        """Redraws the icons."""
        self._colours = colours
        for name, button in (
            ("open", self.open),
            ("fast", self.full_speed),
            ("snapshot", self.snapshot),
            ("mirror", self.mirror),
            ("full", self.full),
            ("theme", self.theme),
            ("help", self.help),
        ):
            button.setIcon(theme.icon(name, colours))
        paused, recording = self._state
        self._show_state(paused, recording)

    def show_state(self, *, paused: bool, recording: bool) -> None:
        """Updates the pause and record buttons."""
        if (paused, recording) != self._state:
            self._state = (paused, recording)
            self._show_state(paused, recording)

    def _show_state(self, paused: bool, recording: bool) -> None:
        for button, icon, tip in (
            (self.pause, *(("play", "Resume (P)") if paused else ("pause", "Pause (P)"))),
            (
                self.record,
                *(("stop", "Stop recording (R)") if recording else ("record", "Record (R)")),
            ),
        ):
            button.setIcon(theme.icon(icon, self._colours))
            button.setToolTip(tip)
            button.setAccessibleName(tip)

    def show_source(self, name: str) -> None:
        """Shows the name of the current source, unless the user is typing."""
        if not self._editor.hasFocus() and self._editor.text() != name:
            self._editor.setText(name)
            self._editor.setCursorPosition(0)

    def list_sources(self, sources: Sequence[SourceInfo]) -> None:
        """Lists the available sources."""
        if list(sources) == self._sources:
            return
        self._sources = list(sources)
        text = self._editor.text()
        with QSignalBlocker(self.source):
            self.source.clear()
            for info in sources:
                size = f"   {info.modes[0].width}x{info.modes[0].height}" if info.modes else ""
                self.source.addItem(f"{info.spec}   {info.name}{size}", info.spec)
            self.source.setCurrentIndex(-1)
        self._editor.setText(text)
        self._editor.setCursorPosition(0)

    def list_models(self, models: Sequence[ModelChoice], current: str) -> None:
        """Lists the models, and the current one if it is not among them."""
        with QSignalBlocker(self.model):
            self.model.clear()
            for choice in models:
                self.model.addItem(f"{choice.name}  {choice.detail}", choice.name)
                last = self.model.count() - 1
                tip = theme.as_tool_tip(choice.reason)
                self.model.setItemData(last, tip, Qt.ItemDataRole.ToolTipRole)
            index = self.model.findData(current, SPEC_ROLE)
            if index < 0:
                self.model.addItem(Path(current).name, current)
                index = self.model.count() - 1
            self.model.setCurrentIndex(index)

    def _emit_typed_source(self) -> None:
        text = self._editor.text()
        listed = self.source.findText(text)
        spec = self.source.itemData(listed, SPEC_ROLE) if listed >= 0 else text
        self.source_requested.emit(spec)


def _button(tip: str, *, checkable: bool = False) -> QToolButton:
    button = QToolButton()
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button
