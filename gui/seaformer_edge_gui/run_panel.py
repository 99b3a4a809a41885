"""The controls of the run that are used less often: model, threads, how often, how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolButton, QWidget

from seaformer_edge_gui import theme
from seaformer_edge_gui.controls import DETAIL, VALUE_ROLE, Chooser, icon_button
from seaformer_edge_gui.model_choices import ModelChoice
from seaformer_edge_gui.recordings import Recorded
from seaformer_edge_gui.settings import MAX_EVERY, MAX_THREADS


class RunPanel(QWidget):
    """One row in a wide window, else a page of the drawer, with names beside the icons."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Chooser("Model", "The network", 18)
        self.threads = Chooser("Threads", "Threads for the network", 3)
        for count in range(MAX_THREADS + 1):
            self.threads.addItem(str(count) if count else "auto", count)
        self.every = Chooser("Every n-th frame", "The network runs on every n-th frame", 2)
        for every in range(1, MAX_EVERY + 1):
            self.every.addItem(str(every), every)
        self.recorded = Chooser("Record", "What R records", 5)
        for recorded in Recorded:
            self.recorded.addItem(recorded.label, recorded)
        self.full_speed = icon_button("Full speed", "Play files at full speed (U)", checkable=True)
        self.mirror = icon_button("Mirror", "Mirror left and right (M)", checkable=True)
        self.theme = icon_button("Theme", "Dark or light theme (T)")
        self.help = icon_button("Keys", "Keyboard shortcuts (H)")
        self._buttons = (self.full_speed, self.mirror, self.theme, self.help)
        self._captions = [
            _caption("Model", self.model),
            _caption("Threads", self.threads),
            _caption("Every n-th frame", self.every),
            _caption("Record", self.recorded),
        ]
        self._reason = theme.label(name="caption")
        self._reason.setWordWrap(True)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(theme.GAP_PX)
        self.arrange(in_row=True)

    def arrange(self, *, in_row: bool) -> None:
        """Lays the controls out in one row, or as a page of two columns."""
        model, threads, every, record = self._captions
        model.setVisible(not in_row)
        self._reason.setVisible(not in_row)
        every.setText("Every" if in_row else "Every n-th frame")
        grid = self._grid
        if in_row:
            choices = (threads, self.threads, every, self.every, record, self.recorded)
            for column, part in enumerate((self.model, *choices, *self._buttons)):
                grid.addWidget(part, 0, column)
        else:
            for row, part in enumerate((model, self.model, self._reason)):
                grid.addWidget(part, row, 0, 1, 2)
            grid.addWidget(record, 3, 0)
            grid.addWidget(self.recorded, 3, 1)
            for i, part in enumerate((threads, every, self.threads, self.every, *self._buttons)):
                grid.addWidget(part, 4 + i // 2, i % 2)
        for column in range(grid.columnCount()):
            grid.setColumnStretch(column, column == 0 if in_row else column < 2)
        across = QSizePolicy.Policy.Maximum if in_row else QSizePolicy.Policy.Preferred
        self.setSizePolicy(across, QSizePolicy.Policy.Preferred)
        style, width = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, QSizePolicy.Policy.Expanding
        if in_row:
            style, width = Qt.ToolButtonStyle.ToolButtonIconOnly, QSizePolicy.Policy.Fixed
        for button in self._buttons:
            button.setToolButtonStyle(style)
            button.setSizePolicy(width, QSizePolicy.Policy.Fixed)

    def icons(self) -> dict[str, QToolButton]:
        """The buttons by the names of their icons."""
        return {
            "fast": self.full_speed,
            "mirror": self.mirror,
            "theme": self.theme,
            "help": self.help,
        }

    def list_models(self, models: Sequence[ModelChoice], current: str) -> None:
        """Lists the models, and the current one if it is not among them."""
        with QSignalBlocker(self.model):
            self.model.clear()
            for choice in models:
                self.model.addItem(f"{choice.name}{DETAIL}{choice.detail}", choice.name)
                tip = theme.as_tool_tip(choice.reason)
                self.model.setItemData(self.model.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            if self.model.findData(current, VALUE_ROLE) < 0:
                self.model.addItem(Path(current).name, current)
        self.model.choose(current)
        self._reason.setText(next((m.reason for m in models if m.name == current), ""))


def _caption(text: str, of: QWidget) -> QLabel:
    caption = theme.label(text, "caption")
    caption.setBuddy(of)
    return caption
