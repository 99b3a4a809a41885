"""Right of the picture: how it is looked at, the largest classes, the legend."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from seaformer_edge.hub.card import Card
from seaformer_edge_gui.class_panel import ClassBars, Legend
from seaformer_edge_gui.drawing import Mode

MODE_NAMES = {
    Mode.OVERLAY: ("Overlay", "Class colours over the picture (1)"),
    Mode.MASK: ("Mask", "Class colours alone (2)"),
    Mode.SIDE_BY_SIDE: ("Split", "Picture and overlay side by side (3)"),
    Mode.EDGES: ("Edges", "The picture with the classes' outlines (4)"),
    Mode.ORIGINAL: ("Original", "The picture alone (5)"),
}
WIDTH_PX = 288


class SidePanel(QWidget):
    """Controls of the view over the classes; it tells what is wanted and decides nothing."""

    mode_wanted = Signal(object)  # Mode
    opacity_wanted = Signal(float)
    smoothing_wanted = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(WIDTH_PX)
        self.modes = QButtonGroup(self)
        self.opacity = _slider("Opacity", "Of the colours over the picture ([ and ])")
        self.smoothing = _slider("Smoothing", "Over time: less flicker where nothing moves")
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
        self._unit = QLabel()
        self._unit.setObjectName("unit")
        self._legend_card = _card(_heading("LEGEND", self.show_all), self.legend)
        bars_card = _card(_heading("LARGEST CLASSES", self._unit), self.bars)
        layout.addWidget(bars_card, 1)
        layout.addWidget(self._legend_card)
        layout.addStretch(0)
        self.show_card(None)

    def set_mode(self, mode: Mode) -> None:
        """Presses the mode's button."""
        self.modes.button(list(Mode).index(mode)).setChecked(True)

    def show_card(self, card: Card | None) -> None:
        """Shows the classes of a model; a classifier's are not in the picture."""
        self.legend.show_card(card)
        classifier = card is not None and card.task == "classification"
        self._legend_card.setVisible(not classifier)
        self._unit.setText("probability" if classifier else "share, confidence")

    def _mode_row(self) -> QWidget:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        for i, (mode, (name, tip)) in enumerate(MODE_NAMES.items()):
            button = QPushButton(name)
            button.setObjectName("mode")
            button.setCheckable(True)
            button.setToolTip(tip)
            button.clicked.connect(lambda _, mode=mode: self.mode_wanted.emit(mode))
            self.modes.addButton(button, i)
            row.addWidget(button)
        return holder

    def _slider_rows(self) -> QWidget:
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        wanted = (self.opacity_wanted, self.smoothing_wanted)
        for row, (slider, signal) in enumerate(
            zip((self.opacity, self.smoothing), wanted, strict=True)
        ):
            value = QLabel("0 %")
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setMinimumWidth(value.fontMetrics().horizontalAdvance("100 %"))
            slider.valueChanged.connect(lambda v, value=value: value.setText(f"{v} %"))
            slider.valueChanged.connect(lambda v, signal=signal: signal.emit(v / 100))
            name = QLabel(slider.accessibleName())
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
    label = QLabel(text)
    label.setObjectName("heading")
    row.addWidget(label)
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
    # What is left over stays empty below.
    frame.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    return frame
