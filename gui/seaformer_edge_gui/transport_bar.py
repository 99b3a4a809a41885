"""The bar below the picture of a file: its position, search, steps, repetition."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QToolButton,
    QWidget,
)

from seaformer_edge.live.stats import Position
from seaformer_edge.sources.pictures import SEQUENCE_RATE
from seaformer_edge_gui import formatting, theme
from seaformer_edge_gui.controls import Chooser, icon_button

SKIP_S = 5.0
PAGE_S = 30.0
NAME_SHARE = 6  # the name of a picture takes at most this part of the width
PICTURE_TIMES_S = (0.0, 0.2, 1.0, 3.0, 10.0, 30.0)
"""For how long a picture of a folder can be shown; 0 plays them as the frames of a video."""


class TransportBar(QWidget):
    """Its signals report what the user requests.

    Attributes:
        is_useful: whether there is a video, or a folder of pictures.
    """

    seek_requested = Signal(float)
    step_requested = Signal(bool)  # forward

    def __init__(self) -> None:
        super().__init__()
        self.is_useful = False
        self._position = Position(0.0)
        self.previous = icon_button("Previous", "")
        self.next = icon_button("Next", "")
        self.slider = _SeekSlider()
        self.time = theme.label()
        self.time.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.name = theme.label(name="caption")
        self.loop = icon_button("Loop", "Begin again at the end (L)", checkable=True)
        self.picture_time = Chooser("Time of a picture", "For how long a picture is shown", 4)
        for seconds in PICTURE_TIMES_S:
            text = f"{seconds:g} s" if seconds else f"{SEQUENCE_RATE} per s"
            self.picture_time.addItem(text, seconds)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GAP_PX)
        for part in (self.previous, self.next, self.slider, self.name, self.time):
            row.addWidget(part, 1 if part is self.slider else 0)
        row.addSpacing(theme.GAP_PX)
        row.addWidget(self.picture_time)
        row.addWidget(self.loop)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.previous.clicked.connect(lambda: self.step_requested.emit(False))
        self.next.clicked.connect(lambda: self.step_requested.emit(True))
        self.slider.valueChanged.connect(self._emit_seek)

    def icons(self) -> dict[str, QToolButton]:
        """The buttons by the names of their icons."""
        return {"previous": self.previous, "next": self.next, "loop": self.loop}

    def show_position(self, position: Position | None) -> bool:
        """Shows where the file is; whether `is_useful` has changed."""
        useful = position is not None and position.pictures != 1
        changed, self.is_useful = useful is not self.is_useful, useful
        if position is None or not useful:
            return changed
        if changed or position.pictures != self._position.pictures:
            what = "frame" if position.pictures is None else "picture"
            for button, which, key in (
                (self.previous, "Previous", ","),
                (self.next, "Next", "."),
            ):
                button.setToolTip(f"{which} {what} ({key})")
                button.setAccessibleName(f"{which} {what} ({key})")
        self._position = position
        self.picture_time.setVisible(position.pictures is not None)
        self.name.setVisible(position.name is not None)
        self.name.setText(
            self.name.fontMetrics().elidedText(
                position.name or "", Qt.TextElideMode.ElideLeft, self.width() // NAME_SHARE
            )
        )
        if not self.slider.isSliderDown():
            self._show_on_slider(position)
        self._show_time(position)
        return changed

    def _show_on_slider(self, position: Position) -> None:
        with QSignalBlocker(self.slider):
            if position.picture is not None and position.pictures is not None:
                steps = (position.pictures - 1, position.picture - 1, 1, 10)
            else:
                times_s = (position.length_s or 0.0, position.time_s, SKIP_S, PAGE_S)
                most, value, step, page = (round(time_s * 1e3) for time_s in times_s)
                steps = (most, value, step, page)
            self.slider.setMaximum(steps[0])
            self.slider.setValue(steps[1])
            self.slider.setSingleStep(steps[2])
            self.slider.setPageStep(steps[3])
        self.slider.setEnabled(self.slider.maximum() > 0)

    def _show_time(self, position: Position) -> None:
        if position.picture is not None:
            text = f"{position.picture} / {position.pictures}"
            widest = f"{position.pictures} / {position.pictures}"
        else:
            length = "" if position.length_s is None else formatting.clock(position.length_s)
            text = f"{formatting.clock(position.time_s, hundredths=True)} / {length or '?'}"
            widest = f"{length or '0:00:00'}.00 / {length or '?'}"
        self.time.setMinimumWidth(self.time.fontMetrics().horizontalAdvance(widest) + 2)
        self.time.setText(text)

    def _emit_seek(self, value: int) -> None:
        is_picture = self._position.pictures is not None
        self.seek_requested.emit(float(value / SEQUENCE_RATE) if is_picture else value / 1e3)


class _SeekSlider(QSlider):
    """A slider that moves to the point that is pressed."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setAccessibleName("Position")
        self.setToolTip("Position (Shift+Left, Shift+Right)")
        self.setMinimumWidth(80)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        part = QStyle.SubControl.SC_SliderHandle
        control = QStyle.ComplexControl.CC_Slider
        handle = self.style().subControlRect(control, option, part, self)
        at = event.position()
        if not handle.contains(at.toPoint()):
            left = round(at.x() - handle.width() / 2)
            space = self.width() - handle.width()
            low, high = self.minimum(), self.maximum()
            self.setValue(QStyle.sliderValueFromPosition(low, high, left, space))
        super().mousePressEvent(event)
