"""The settings of the camera that is played."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDoubleSpinBox,
    QGridLayout,
    QPushButton,
    QWidget,
)

from seaformer_edge.sources import CameraSettings, VideoMode
from seaformer_edge.sources.camera_settings import AUTOMATIC, CONTROLS, ROTATIONS
from seaformer_edge_gui import theme
from seaformer_edge_gui.controls import Chooser

MARGIN_PX = 12


class CameraDialog(QDialog):
    """`requested` reports the settings when they are to be applied; the dialog stays open.

    Args:
        settings: those in use.
        modes: that the camera lists; empty if it does not.
        ranges: of the controls that it has, as `LiveStatus.controls`.
    """

    requested = Signal(object)  # CameraSettings

    def __init__(
        self,
        parent: QWidget,
        settings: CameraSettings,
        modes: Sequence[VideoMode],
        ranges: Mapping[str, tuple[float, float]],
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Camera")
        self._settings = settings
        sizes = [(mode.width, mode.height) for mode in modes]
        rates = sorted({rate for mode in modes for rate in mode.rates}, reverse=True)
        self.size_box = Chooser("Size", "Width and height of the pictures", 11)
        self.rate = Chooser("Rate", "Frames per second", 11)
        self.rotate = Chooser("Turn", "Clockwise, in degrees", 11)
        self.flip = QCheckBox("Flip")
        self.flip.setToolTip("Swap left and right, in recordings too")
        _fill(self.size_box, sizes, settings.size, lambda size: f"{size[0]}x{size[1]}")
        _fill(self.rate, rates, settings.rate, lambda rate: f"{rate:g} per s")
        for degrees in ROTATIONS:
            self.rotate.addItem(f"Turn {degrees}°", degrees)
        self.rotate.choose(settings.rotate)
        self.flip.setChecked(settings.flip)
        self.refused = theme.label()
        self.refused.setWordWrap(True)
        theme.set_property(self.refused, "warns", True)
        self.refused.hide()
        self.apply = QPushButton("Apply")
        self.apply.setDefault(True)
        self.apply.clicked.connect(lambda: self.requested.emit(self.chosen()))
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        grid = QGridLayout(self)
        grid.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        grid.setSpacing(theme.GAP_PX)
        rows: list[tuple[QWidget, QWidget]] = [
            (self.size_box, self.rate),
            (self.rotate, self.flip),
        ]
        self.controls = {
            name: _control(name, getattr(settings, name), ranges[name])
            for name in CONTROLS
            if name in ranges
        }
        rows += self.controls.values()
        for row, parts in enumerate([*rows, (self.apply, close)]):
            for column, part in enumerate(parts):
                grid.addWidget(part, row, column)
        grid.addWidget(self.refused, grid.rowCount(), 0, 1, 2)

    def chosen(self) -> CameraSettings:
        """What the controls show; those that the camera lacks stay."""
        values = {name: getattr(self._settings, name) for name in CONTROLS}
        for name, (is_set, value) in self.controls.items():
            if is_set.isChecked():
                values[name] = value.value()
            elif values[name] is not None:
                # What was set stays in the camera until it is given back.
                values[name] = None if name == "gain" else AUTOMATIC
        self._settings = CameraSettings(
            self.size_box.currentData(),
            self.rate.currentData(),
            self.rotate.currentData(),
            self.flip.isChecked(),
            **values,
        )
        return self._settings

    def show_refused(self, warnings: Sequence[str]) -> None:
        """Shows what the camera has refused."""
        text = "\n".join(warnings)
        if text != self.refused.text():
            self.refused.setText(text)
            self.refused.setVisible(bool(text))
            self.adjustSize()


def _fill(box: Chooser, values: Sequence[Any], chosen: object, text: Callable[[Any], str]) -> None:
    box.addItem(f"default {box.accessibleName().lower()}", None)
    known = values if chosen is None or chosen in values else [chosen, *values]
    for value in known:
        box.addItem(text(value), value)
    box.setCurrentIndex(0 if chosen is None else 1 + list(known).index(chosen))


def _control(
    name: str, value: float | None, limits: tuple[float, float]
) -> tuple[QCheckBox, QDoubleSpinBox]:
    kind, unit = CONTROLS[name]
    box, spin = QCheckBox(f"Set {kind}"), QDoubleSpinBox()
    spin.setAccessibleName(kind.capitalize())
    spin.setRange(*limits)
    spin.setDecimals(1 if limits[1] - limits[0] < 1000 else 0)
    spin.setSuffix(unit)
    is_set = value is not None and (name == "gain" or value != AUTOMATIC)
    spin.setValue(value if is_set and value is not None else sum(limits) / 2)
    spin.setEnabled(is_set)
    box.setChecked(is_set)
    box.toggled.connect(spin.setEnabled)
    return box, spin
