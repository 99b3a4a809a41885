"""The run's figures: rates, latency, stages, dropped frames, the board."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from seaformer_edge.live import LiveStatus
from seaformer_edge.machine.board import SystemReading
from seaformer_edge_gui import formatting
from seaformer_edge_gui.theme import as_tool_tip, label, small_font

# Possible tops of the plot's scale in milliseconds; the smallest that fits is used.
SCALES_MS = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 60_000)
# Colours of the stages, in the order in which a frame passes them.
STAGE_COLOURS = {
    "wait": "#8a94a0",
    "resize": "#5b9bd5",
    "network": "#38a89d",
    "smooth": "#b98ad0",
    "labels": "#d9a441",
    "paint": "#d9705f",
}


class MetricsPanel(QWidget):
    """A strip below the picture, or a page of the drawer."""

    def __init__(self) -> None:
        super().__init__()
        self.rates = {name: _Figure(name) for name in ("camera", "inference", "display")}
        self.latency = _Figure("now")
        self.percentiles = {name: _Figure(name, small=True) for name in ("p50", "p90", "p99")}
        self.plot = LatencyPlot()
        self.stages = StageBar()
        self.dropped = Table("Dropped frames", "none", "overwritten 99.9k")
        self.board = Table("Board", "", "this program 400 %")
        self._layout = layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(_card("FRAMES PER SECOND", _row(*self.rates.values())), 3)
        numbers = _column(_row(self.latency), _row(*self.percentiles.values()))
        layout.addWidget(_card("LATENCY, MS", _row(numbers, self.plot)), 7)
        layout.addWidget(_card("STAGES, MS", self.stages), 4)
        layout.addWidget(_card("DROPPED FRAMES", self.dropped), 3)
        layout.addWidget(_card("BOARD", self.board), 4)

    def arrange(self, *, stacked: bool) -> None:
        """Places the cards below each other, or side by side."""
        below, beside = QBoxLayout.Direction.TopToBottom, QBoxLayout.Direction.LeftToRight
        self._layout.setDirection(below if stacked else beside)

    def show_status(self, status: LiveStatus, board: SystemReading | None) -> None:
        """Shows the current state of the run and of the machine."""
        for name, per_s in (
            ("camera", status.capture_fps),
            ("inference", status.inference_fps),
            ("display", status.display_fps),
        ):
            self.rates[name].set_text(formatting.rate(per_s))
        self.latency.set_text(formatting.milliseconds(status.latency_ms))
        for name, ms in (
            ("p50", status.latency_p50_ms),
            ("p90", status.latency_p90_ms),
            ("p99", status.latency_p99_ms),
        ):
            self.percentiles[name].set_text(formatting.milliseconds(ms))
        self.plot.show_history(status.latency_history, status.network_ms)
        self.stages.show_stages(status.stage_ms)
        self.dropped.show_rows(formatting.dropped(status.dropped))
        if board is not None:
            self.board.show_rows(board_rows(board), warn_last=bool(board.throttled))


def board_rows(board: SystemReading) -> list[tuple[str, str]]:
    """(name, value) pairs; values that the board does not report are left out."""
    rows = [
        ("processor", f"{board.cpu_percent:.0f} %"),
        ("this program", f"{board.process_cpu_percent:.0f} %"),
        ("memory", f"{board.process_rss_mb:.0f} MB"),
        ("free", f"{board.memory_available_mb / 1e3:.1f} GB"),
    ]
    if board.temperature_c is not None:
        rows.append(("temperature", f"{board.temperature_c:.0f} °C"))
    if board.throttled:
        rows.append(("limited", ", ".join(board.throttled)))
    elif board.throttled_before:
        rows.append(("earlier", ", ".join(board.throttled_before)))
    return rows


class _Figure(QWidget):
    """A number with a caption below."""

    def __init__(self, caption: str, *, small: bool = False) -> None:
        super().__init__()
        self.number = label(formatting.ABSENT, "" if small else "figure")
        self.number.setAccessibleName(caption)
        below = label(caption, "caption")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.number)
        layout.addWidget(below)
        layout.addStretch(1)

    def set_text(self, text: str) -> None:
        self.number.setText(text)


class LatencyPlot(QWidget):
    """Latency of the last painted frames, and the network's time as a dashed line."""

    def __init__(self) -> None:
        super().__init__()
        self._history: Sequence[tuple[float, float]] = ()
        self._network_ms = math.nan
        self.setAccessibleName("Latency over time")

    def minimumSizeHint(self) -> QSize:
        return QSize(48, 60)

    def show_history(self, history: Sequence[tuple[float, float]], network_ms: float) -> None:
        """Shows (time in seconds, latency in milliseconds) pairs, oldest first."""
        self._history, self._network_ms = history, network_ms
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(small_font(self.font()))
        palette = self.palette()
        muted = palette.color(QPalette.ColorRole.PlaceholderText)
        highest_ms = max((ms for _, ms in self._history), default=0.0)
        scale_ms = next((top for top in SCALES_MS if top >= highest_ms), SCALES_MS[-1])
        labels_px = painter.fontMetrics().horizontalAdvance(f"{scale_ms:g}") + 6
        area = QRectF(labels_px, 6, self.width() - labels_px - 1, self.height() - 12)

        for part in (0.0, 0.5, 1.0):
            y = area.bottom() - part * area.height()
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(muted)
            label = QRectF(0, y - 7, labels_px - 5, 14)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(label, right, f"{part * scale_ms:g}")

        def height_of(ms: float) -> float:
            return area.bottom() - min(ms / scale_ms, 1.0) * area.height()

        if not math.isnan(self._network_ms):
            painter.setPen(QPen(muted, 1, Qt.PenStyle.DashLine))
            y = height_of(self._network_ms)
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        if len(self._history) < 2:
            return
        first_s, last_s = self._history[0][0], self._history[-1][0]
        span_s = max(last_s - first_s, 1e-3)
        points = [
            QPointF(area.left() + (at_s - first_s) / span_s * area.width(), height_of(ms))
            for at_s, ms in self._history
        ]
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 1.5))
        painter.drawPolyline(QPolygonF(points))


class StageBar(QWidget):
    """The duration of each stage, as a stacked bar and in numbers."""

    def __init__(self) -> None:
        super().__init__()
        self._stage_ms: Mapping[str, float] = {}
        self.setAccessibleName("Stages")

    def minimumSizeHint(self) -> QSize:
        metrics = QFontMetrics(small_font(self.font()))
        column_px = 12 + metrics.horizontalAdvance("network 100")
        return QSize(2 * column_px + 8, 14 + 3 * line_px(self))

    def show_stages(self, stage_ms: Mapping[str, float]) -> None:
        """Shows milliseconds by stage, in the order in which a frame passes them."""
        self._stage_ms = stage_ms
        self.setAccessibleDescription(
            ", ".join(f"{name} {formatting.milliseconds(ms)} ms" for name, ms in stage_ms.items())
        )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        palette = self.palette()
        total_ms = sum(self._stage_ms.values())
        left = 0.0
        for name, ms in self._stage_ms.items():
            width = ms / total_ms * self.width() if total_ms else 0.0
            painter.fillRect(QRectF(left, 2, width, 8), QColor(STAGE_COLOURS[name]))
            left += width
        painter.setFont(small_font(self.font()))
        column_px = self.width() // 2
        per_column = -(-max(len(self._stage_ms), 6) // 2)
        height = line_px(self)
        for i, (name, ms) in enumerate(self._stage_ms.items()):
            column, line = divmod(i, per_column)
            area = QRect(column * (column_px + 4), 14 + line * height, column_px - 4, height)
            painter.fillRect(
                QRectF(area.left(), area.center().y() - 3, 7, 7), QColor(STAGE_COLOURS[name])
            )
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(area.adjusted(12, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, name)
            painter.setPen(palette.color(QPalette.ColorRole.WindowText))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(area, right, formatting.milliseconds(ms))


class Table(QWidget):
    """Names on the left, values on the right.

    Args:
        empty: shown while there is no row.
        widest: a row that must fit.
    """

    def __init__(self, name: str, empty: str, widest: str) -> None:
        super().__init__()
        self._empty, self._widest = empty, widest
        self._rows: Sequence[tuple[str, str]] = ()
        self._warn_last = False
        self.setAccessibleName(name)

    def minimumSizeHint(self) -> QSize:
        metrics = QFontMetrics(small_font(self.font()))
        return QSize(metrics.horizontalAdvance(self._widest) + 10, 4 * metrics.height())

    def show_rows(self, rows: Sequence[tuple[str, str]], *, warn_last: bool = False) -> None:
        """Shows (name, value) pairs; with `warn_last`, the last one in the warning colour."""
        self._rows, self._warn_last = rows, warn_last
        self.setAccessibleDescription(", ".join(f"{name} {value}" for name, value in rows))
        self.setToolTip(as_tool_tip("\n".join(f"{name}: {value}" for name, value in rows)))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(small_font(self.font()))
        metrics = painter.fontMetrics()
        palette = self.palette()
        height = line_px(self)
        for i, (name, value) in enumerate(self._rows or [(self._empty, "")]):
            area = QRect(0, i * height, self.width(), height)
            warn = self._warn_last and i == len(self._rows) - 1
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, name)
            space = area.adjusted(metrics.horizontalAdvance(name) + 8, 0, 0, 0)
            painter.setPen(
                palette.color(
                    QPalette.ColorRole.BrightText if warn else QPalette.ColorRole.WindowText
                )
            )
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            shown = metrics.elidedText(value, Qt.TextElideMode.ElideRight, space.width())
            painter.drawText(space, right, shown)


def line_px(widget: QWidget) -> int:
    """The height of a line of small text."""
    return QFontMetrics(small_font(widget.font())).height()


def _card(heading: str, content: QWidget) -> QFrame:
    frame = QFrame()
    frame.setObjectName("panel")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(8, 6, 8, 8)
    layout.setSpacing(4)
    layout.addWidget(label(heading, "heading"))
    layout.addWidget(content, 1)
    return frame


def _row(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(9)
    for widget in widgets:
        layout.addWidget(widget, 1 if isinstance(widget, LatencyPlot) else 0)
    if not any(isinstance(widget, LatencyPlot) for widget in widgets):
        layout.addStretch(1)
    return holder


def _column(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2)
    for widget in widgets:
        layout.addWidget(widget)
    return holder
