"""The icons of the buttons, each drawn on a square of 20 units."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from seaformer_edge_gui.theme import Colours


def _circle(painter: QPainter, x: float, y: float, radius: float) -> None:
    painter.drawEllipse(QPointF(x, y), radius, radius)


def _filled(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())


def _pause(painter: QPainter) -> None:
    _filled(painter)
    painter.drawRect(QRectF(6, 5, 2, 10))
    painter.drawRect(QRectF(12, 5, 2, 10))


def _play(painter: QPainter) -> None:
    _filled(painter)
    painter.drawPolygon([QPointF(6.5, 4.5), QPointF(15, 10), QPointF(6.5, 15.5)])


def _record(painter: QPainter) -> None:
    _filled(painter)
    _circle(painter, 10, 10, 5)


def _stop(painter: QPainter) -> None:
    _filled(painter)
    painter.drawRect(QRectF(5.5, 5.5, 9, 9))


def _snapshot(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(2.5, 6, 15, 10.5), 2, 2)
    painter.drawLine(QPointF(7, 6), QPointF(8, 3.5))
    painter.drawLine(QPointF(8, 3.5), QPointF(12, 3.5))
    painter.drawLine(QPointF(12, 3.5), QPointF(13, 6))
    _circle(painter, 10, 11, 3)


def _open(painter: QPainter) -> None:
    path = QPainterPath(QPointF(2.5, 15.5))
    for x, y in ((2.5, 4.5), (8, 4.5), (9.5, 6.5), (17.5, 6.5), (17.5, 15.5)):
        path.lineTo(x, y)
    path.closeSubpath()
    painter.drawPath(path)


def _mirror(painter: QPainter) -> None:
    painter.drawLine(QPointF(10, 3), QPointF(10, 17))
    painter.drawPolygon([QPointF(7, 5), QPointF(7, 15), QPointF(2, 15)])
    _filled(painter)
    painter.drawPolygon([QPointF(13, 5), QPointF(13, 15), QPointF(18, 15)])


def _full(painter: QPainter) -> None:
    for x, dx in ((3.5, 4), (16.5, -4)):
        for y, dy in ((4.5, 4), (15.5, -4)):
            painter.drawPolyline([QPointF(x + dx, y), QPointF(x, y), QPointF(x, y + dy)])


def _theme(painter: QPainter) -> None:
    _circle(painter, 10, 10, 6.5)
    _filled(painter)
    painter.drawChord(QRectF(3.5, 3.5, 13, 13), 90 * 16, 180 * 16)


def _fast(painter: QPainter) -> None:
    _filled(painter)
    for x in (3.5, 10.0):
        painter.drawPolygon([QPointF(x, 5), QPointF(x + 6.5, 10), QPointF(x, 15)])


def _menu(painter: QPainter) -> None:
    for y in (5, 10, 15):
        painter.drawLine(QPointF(3.5, y), QPointF(16.5, y))


def _names(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(1.5, 4, 17, 12), 2, 2)
    _text(painter, "Aa", 9)


def _help(painter: QPainter) -> None:
    _text(painter, "?", 15)


def _text(painter: QPainter, text: str, height: int) -> None:
    font = painter.font()
    font.setPixelSize(height)
    font.setBold(True)
    painter.setFont(font)
    painter.drawText(QRectF(0, 0, 20, 20), Qt.AlignmentFlag.AlignCenter, text)


def _previous(painter: QPainter) -> None:
    _filled(painter)
    painter.drawRect(QRectF(5, 5, 1.5, 10))
    painter.drawPolygon([QPointF(14.5, 5), QPointF(8, 10), QPointF(14.5, 15)])


def _next(painter: QPainter) -> None:
    _filled(painter)
    painter.drawRect(QRectF(13.5, 5, 1.5, 10))
    painter.drawPolygon([QPointF(5.5, 5), QPointF(12, 10), QPointF(5.5, 15)])


def _loop(painter: QPainter) -> None:
    painter.drawArc(QRectF(4, 4, 12, 12), 45 * 16, 300 * 16)
    _filled(painter)
    painter.drawPolygon([QPointF(12, 6.5), QPointF(16.5, 7), QPointF(16, 2.5)])


def _camera(painter: QPainter) -> None:
    for y, x in ((5, 13), (10, 6.5), (15, 11)):
        painter.drawLine(QPointF(3, y), QPointF(x - 2, y))
        painter.drawLine(QPointF(x + 2, y), QPointF(17, y))
        _circle(painter, x, y, 1.8)


def _close(painter: QPainter) -> None:
    painter.drawLine(QPointF(6, 6), QPointF(14, 14))
    painter.drawLine(QPointF(14, 6), QPointF(6, 14))


_DRAWINGS: dict[str, Callable[[QPainter], None]] = {
    "camera": _camera,
    "close": _close,
    "fast": _fast,
    "full": _full,
    "help": _help,
    "loop": _loop,
    "menu": _menu,
    "mirror": _mirror,
    "names": _names,
    "next": _next,
    "open": _open,
    "pause": _pause,
    "play": _play,
    "previous": _previous,
    "record": _record,
    "snapshot": _snapshot,
    "stop": _stop,
    "theme": _theme,
}


def icon(name: str, colours: Colours) -> QIcon:
    """An icon by name, in the colour of text, and of accented text if the button is checked."""
    made = QIcon()
    plain = colours.recording if name in ("record", "stop") else colours.text
    made.addPixmap(_drawn(name, plain), QIcon.Mode.Normal, QIcon.State.Off)
    made.addPixmap(_drawn(name, colours.on_accent), QIcon.Mode.Normal, QIcon.State.On)
    return made


def _drawn(name: str, colour: str) -> QPixmap:
    pixmap = QPixmap(80, 80)  # four device pixels a unit, for dense screens
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(4, 4)
    painter.setPen(QPen(QColor(colour), 1.5, j=Qt.PenJoinStyle.RoundJoin))
    _DRAWINGS[name](painter)
    painter.end()
    return pixmap
