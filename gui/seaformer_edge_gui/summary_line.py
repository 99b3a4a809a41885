"""The line below the picture of a small window: the main figures, the largest classes, a menu."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from seaformer_edge.hub.card import Card
from seaformer_edge.live import LiveStatus
from seaformer_edge.machine.board import SystemReading
from seaformer_edge_gui import formatting, theme
from seaformer_edge_gui.class_panel import SWATCH_PX, draw_swatch
from seaformer_edge_gui.controls import icon_button
from seaformer_edge_gui.ranking import UNKNOWN_ID, Row

NAME_GAP_PX = 14


class SummaryLine(QWidget):
    """Frames per second, median latency, heat; the names that fit; the button of the panels."""

    def __init__(self) -> None:
        super().__init__()
        self.figures = theme.label()
        self.figures.setAccessibleName("Figures")
        self.names = _Names()
        self.menu = icon_button("Panels", "Show or hide the panels (D)", checkable=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(NAME_GAP_PX)
        row.addWidget(self.figures)
        row.addWidget(self.names, 1)
        row.addWidget(self.menu)

    def show_status(self, status: LiveStatus, board: SystemReading | None) -> None:
        """Shows the figures of the run and the machine."""
        parts = [
            f"{formatting.rate(status.display_fps)} fps",
            f"{formatting.milliseconds(status.latency_p50_ms)} ms",
        ]
        if board is not None and board.temperature_c is not None:
            parts.append(f"{board.temperature_c:.0f} °C")
        if board is not None and board.throttled:
            parts.append("limited")
        if status.recording is not None:
            parts.insert(0, "● REC")
        self.figures.setText("  ·  ".join(parts))
        warns = status.recording is not None or bool(board is not None and board.throttled)
        theme.set_property(self.figures, "warns", warns)

    def show_rows(self, rows: Sequence[Row], card: Card | None) -> None:
        """Shows the largest classes, the first at the left."""
        self.names.show_rows(rows, card)


class _Names(QWidget):
    """Swatch, name and share of as many classes as fit whole."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[Row] = ()
        self._card: Card | None = None
        self.setAccessibleName("Largest classes")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.fontMetrics().height())

    def show_rows(self, rows: Sequence[Row], card: Card | None) -> None:
        self._rows, self._card = rows, card
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        metrics = painter.fontMetrics()
        palette = self.palette()
        left = 0
        for row in self._rows if self._card else ():
            text = f"{row.name} {formatting.percent(row.share)}"
            width = SWATCH_PX + 6 + metrics.horizontalAdvance(text)
            if left + width > self.width():
                break
            area = QRect(left, 0, width, self.height())
            assert self._card is not None
            colour = QColor(Qt.GlobalColor.transparent)  # of unknown pixels
            if row.class_id != UNKNOWN_ID:
                colour = QColor(*self._card.palette[row.class_id])
            draw_swatch(painter, area, colour, palette)
            painter.setPen(palette.color(QPalette.ColorRole.WindowText))
            painter.drawText(
                area.adjusted(SWATCH_PX + 6, 0, 1, 0), Qt.AlignmentFlag.AlignVCenter, text
            )
            left += width + NAME_GAP_PX
