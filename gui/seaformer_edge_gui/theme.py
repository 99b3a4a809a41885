"""The dark and the light theme: colours, style sheet and icons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from html import escape
from string import Template

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPainterPath, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QApplication, QLabel

from seaformer_edge_gui.settings import Theme

TEXT_PX, SMALL_PX = 12, 11


@dataclass(frozen=True, slots=True)
class Colours:
    """One theme; text and muted text have a contrast of at least 4.5:1 on every background."""

    window: str
    panel: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    warning: str
    recording: str
    canvas: str


COLOURS = {
    Theme.DARK: Colours(
        window="#15181b",
        panel="#1c2024",
        raised="#282e34",
        line="#343b42",
        text="#e8ecef",
        muted="#9ba6b0",
        accent="#4fb8a8",
        on_accent="#08211d",
        warning="#f0b060",
        recording="#f0616d",
        canvas="#0d0f11",
    ),
    Theme.LIGHT: Colours(
        window="#eef1f3",
        panel="#fbfcfd",
        raised="#e3e8eb",
        line="#cbd2d8",
        text="#1a2024",
        muted="#59646d",
        accent="#0b7a6c",
        on_accent="#ffffff",
        warning="#8a5200",
        recording="#c22f3d",
        canvas="#dde2e6",
    ),
}

SHEET = Template("""
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 3px 6px; }
#panel { background: $panel; border: 1px solid $line; border-radius: 6px; }
#heading { color: $muted; font-size: ${small}px; font-weight: 600; }
#caption, #unit { color: $muted; font-size: ${small}px; }
#figure { font-size: 19px; font-weight: 600; }
#banner { background: $raised; border: 1px solid $line; border-radius: 6px; }
#banner[error="true"] { border-color: $warning; }
#banner[error="true"] QLabel { color: $warning; }
#sheet { background: $panel; border: 1px solid $muted; border-radius: 8px; }
#key { color: $accent; font-weight: 600; }
QPushButton, QToolButton {
    background: $raised; border: 1px solid $line; border-radius: 4px; padding: 0 8px;
    min-height: 26px; color: $text;
}
QToolButton { padding: 0; min-width: 28px; }
QPushButton:hover, QToolButton:hover { border-color: $muted; }
QPushButton:focus, QToolButton:focus, QListWidget:focus { border: 1px solid $accent; }
QPushButton:checked, QToolButton:checked {
    background: $accent; color: $on_accent; border-color: $accent;
}
QPushButton:checked:focus, QToolButton:checked:focus { border: 2px solid $text; }
QPushButton:disabled, QToolButton:disabled { color: $muted; }
#mode { padding: 0 5px; }
#quiet { background: transparent; border-color: transparent; color: $accent; padding: 0 4px;
    min-height: 18px; }
#quiet:hover, #quiet:focus { border: 1px solid $accent; }
QComboBox QAbstractItemView { background: $panel; color: $text; border: 1px solid $line;
    selection-background-color: $accent; selection-color: $on_accent; outline: 0; }
QComboBox QAbstractItemView::item { min-height: 24px; padding: 0 6px; }
QListWidget { background: $panel; border: 1px solid transparent; outline: 0; }
QScrollBar:vertical { background: transparent; width: 8px; }
QScrollBar::handle:vertical { background: $line; border-radius: 4px; min-height: 24px; }
QScrollBar::add-line, QScrollBar::sub-line { height: 0; }
QSlider::groove:horizontal { height: 4px; background: $line; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal { background: $text; width: 12px; height: 12px; margin: -4px 0;
    border-radius: 6px; }
QSlider::handle:horizontal:focus { background: $accent; border: 2px solid $text; width: 10px;
    height: 10px; margin: -5px 0; border-radius: 7px; }
""")


def prepare(app: QApplication) -> None:
    """Sets style and font; call it before creating the first widget."""
    app.setStyle("Fusion")
    font = app.font()
    font.setPixelSize(TEXT_PX)
    app.setFont(font)


def apply(app: QApplication, theme: Theme) -> None:
    """Applies a theme to the whole application."""
    colours = COLOURS[theme]
    palette = QPalette()
    for role, colour in (
        (QPalette.ColorRole.Window, colours.window),
        (QPalette.ColorRole.Base, colours.panel),
        (QPalette.ColorRole.AlternateBase, colours.raised),
        (QPalette.ColorRole.Button, colours.raised),
        (QPalette.ColorRole.Mid, colours.line),
        (QPalette.ColorRole.Dark, colours.canvas),
        (QPalette.ColorRole.WindowText, colours.text),
        (QPalette.ColorRole.Text, colours.text),
        (QPalette.ColorRole.ButtonText, colours.text),
        (QPalette.ColorRole.PlaceholderText, colours.muted),
        (QPalette.ColorRole.Highlight, colours.accent),
        (QPalette.ColorRole.HighlightedText, colours.on_accent),
        (QPalette.ColorRole.BrightText, colours.warning),
        (QPalette.ColorRole.ToolTipBase, colours.raised),
        (QPalette.ColorRole.ToolTipText, colours.text),
    ):
        palette.setColor(role, QColor(colour))
    app.setPalette(palette)
    app.setStyleSheet(SHEET.substitute(asdict(colours), small=SMALL_PX))


def label(text: str = "", name: str = "") -> QLabel:
    """A label that shows its text as it is, also where it looks like HTML.

    Args:
        name: its name in the style sheet.
    """
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setObjectName(name)
    return made


def as_tool_tip(text: str) -> str:
    """A tool tip that shows the text as it is: Qt would take a text that looks like HTML for it."""
    return f"<span style='white-space: pre'>{escape(text)}</span>" if text else ""


def small_font(font: QFont) -> QFont:
    """The font in the size of captions."""
    smaller = QFont(font)
    smaller.setPixelSize(SMALL_PX)
    return smaller


# Icons are drawn on a square of 20 units.


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


def _help(painter: QPainter) -> None:
    font = painter.font()
    font.setPixelSize(15)
    font.setBold(True)
    painter.setFont(font)
    painter.drawText(QRectF(0, 0, 20, 20), Qt.AlignmentFlag.AlignCenter, "?")


def _close(painter: QPainter) -> None:
    painter.drawLine(QPointF(6, 6), QPointF(14, 14))
    painter.drawLine(QPointF(14, 6), QPointF(6, 14))


_DRAWINGS: dict[str, Callable[[QPainter], None]] = {
    "close": _close,
    "fast": _fast,
    "full": _full,
    "help": _help,
    "mirror": _mirror,
    "open": _open,
    "pause": _pause,
    "play": _play,
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
