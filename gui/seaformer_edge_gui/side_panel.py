"""The panel right of the picture: view controls, largest classes, legend."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from seaformer_edge.hub.card import Card
from seaformer_edge.inference.modes import Mode
from seaformer_edge_gui.class_panel import ClassBars, Legend
from seaformer_edge_gui.theme import label

WIDTH_PX = 288


class SidePanel(QWidget):
    """View controls above the classes. Its signals report what the user requests.

    Attributes:
        modes: the button of each mode.
    """

    mode_requested = Signal(object)  # Mode
    opacity_requested = Signal(float)
    smoothing_requested = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(WIDTH_PX)
        self.modes = {mode: self._mode_button(mode) for mode in Mode}
        self.opacity = _slider("Opacity", "Opacity of the class colours ([ and ])")
        self.smoothing = _slider("Smoothing", "Smoothing over time: less flicker in still areas")
        self.bars = ClassBars()
        self.legend = Legend()
        self.show_all = QPushButton("Show all")
        self.show_all.setObjectName("quiet")
        self.show_all.setToolTip("Colour every class again (A)")
        self.show_all.clicked.connect(self.legend.clearSelection)
        self.show_all.setVisible(False)
        self.legend.chosen.connect(lambda chosen: self.show_all.setVisible(bool(chosen)))

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(_card(self._mode_row(), self._slider_rows()))
        self._unit = label(name="unit")
        self._legend_card = _card(_heading("LEGEND", self.show_all), self.legend)
        bars_card = _card(_heading("LARGEST CLASSES", self._unit), self.bars)
        layout.addWidget(bars_card, 1)
        layout.addWidget(self._legend_card)
        layout.addStretch(0)
        self.show_card(None)

    def set_mode(self, mode: Mode) -> None:
        """Checks the mode's button."""
        self.modes[mode].setChecked(True)

    def show_card(self, card: Card | None) -> None:
        """Shows the classes of a model; a classifier has no legend, since it colours nothing."""
        self.legend.show_card(card)
        classifier = card is not None and card.task == "classification"
        self._legend_card.setVisible(not classifier)
        self._unit.setText("probability" if classifier else "share, confidence")

    def _mode_row(self) -> QWidget:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        group = QButtonGroup(self)  # exclusive
        for button in self.modes.values():
            group.addButton(button)
            row.addWidget(button)
        return holder

    def _mode_button(self, mode: Mode) -> QPushButton:
        button = QPushButton(mode.label)
        button.setObjectName("mode")
        button.setCheckable(True)
        button.setToolTip(f"{mode.description.capitalize()} ({mode.key})")
        button.clicked.connect(lambda: self.mode_requested.emit(mode))
        return button

    def _slider_rows(self) -> QWidget:
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        signals = (self.opacity_requested, self.smoothing_requested)
        for row, (slider, signal) in enumerate(
            zip((self.opacity, self.smoothing), signals, strict=True)
        ):
            value = label("0 %")
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setMinimumWidth(value.fontMetrics().horizontalAdvance("100 %"))
            slider.valueChanged.connect(lambda v, value=value: value.setText(f"{v} %"))
            slider.valueChanged.connect(lambda v, signal=signal: signal.emit(v / 100))
            name = label(slider.accessibleName())
            name.setBuddy(slider)
            for column, widget in enumerate((name, slider, value)):
                grid.addWidget(widget, row, column)
        grid.setColumnStretch(1, 1)
        return holder


def _slider(name: str, tip: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setPageStep(10)
    slider.setSingleStep(5)
    slider.setAccessibleName(name)
    slider.setToolTip(tip)
    return slider


def _heading(text: str, beside: QWidget) -> QWidget:
    holder = QWidget()
    holder.setFixedHeight(20)
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(label(text, "heading"))
    row.addStretch(1)
    row.addWidget(beside)
    return holder


def _card(*contents: QWidget) -> QFrame:
    frame = QFrame()
    frame.setObjectName("panel")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(10, 6, 10, 8)
    layout.setSpacing(4)
    for content in contents:
        layout.addWidget(content)
    layout.setStretch(len(contents) - 1, 1)
    # Extra height stays empty below the content.
    frame.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    return frame
