"""The dark and the light theme: colours and style sheet."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from string import Template

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from seaformer_edge_gui.settings import Theme

MIN_TEXT_PX = 13
SMALL_SHARE = 0.88  # of the text's height, for captions
BUTTON_PX, TOUCH_PX = 30, 40  # least width and height of a control
GAP_PX = 4  # between controls
TICK = (QPointF(2.5, 6.5), QPointF(5, 9), QPointF(9.5, 3.5))  # in a square of 12


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
#figure { font-size: ${large}px; font-weight: 600; }
QLabel[warns="true"] { color: $warning; }
#nosignal { background: $canvas; }
#banner { background: $raised; border: 1px solid $line; border-radius: 6px; }
#banner[error="true"] { border-color: $warning; }
#banner[error="true"] QLabel { color: $warning; }
#sheet { background: $panel; border: 1px solid $muted; border-radius: 8px; }
#key { color: $accent; font-weight: 600; }
QPushButton, QToolButton {
    background: $raised; border: 1px solid $line; border-radius: 4px; padding: 0 8px;
    min-height: ${inner}px; color: $text;
}
QToolButton { padding: 0; min-width: ${inner}px; }
QComboBox, QLineEdit, QCheckBox, QDoubleSpinBox { min-height: ${inner}px; }
QLineEdit { background: $window; border: 1px solid $line; border-radius: 4px; padding: 0 6px;
    color: $text; }
QComboBox QLineEdit { background: transparent; border: 0; padding: 0; min-height: 0; }
QPushButton:hover, QToolButton:hover { border-color: $muted; }
QPushButton:checked, QToolButton:checked {
    background: $accent; color: $on_accent; border-color: $accent;
}
QPushButton:focus, QToolButton:focus, QLineEdit:focus { border: 2px solid $text; }
QComboBox QLineEdit:focus { border: 0; }
QPushButton:disabled, QToolButton:disabled { color: $muted; border-color: transparent; }
QPushButton:checked:disabled { background: $line; border-color: $line; }
#mode { padding: 0 2px; }
#quiet { background: transparent; border-color: transparent; color: $accent; padding: 0 4px; }
#quiet:hover { border: 1px solid $accent; }
QTabBar::tab { background: $panel; color: $muted; min-height: ${inner}px; padding: 0 6px;
    border: 1px solid $line; border-bottom: 3px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom: 3px solid $accent; }
QTabBar:focus { border: 2px solid $text; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; }
QComboBox QAbstractItemView { background: $panel; color: $text; border: 1px solid $line;
    selection-background-color: $accent; selection-color: $on_accent; outline: 0; }
QComboBox QAbstractItemView::item { min-height: ${inner}px; padding: 0 6px; }
QMenu { background: $panel; color: $text; border: 1px solid $line; }
QMenu::item { padding: ${menu}px 16px; }
QMenu::item:selected { background: $accent; color: $on_accent; }
QToolButton::menu-indicator { image: none; }
QListView { background: transparent; border: 0; outline: 0; }
QScrollBar:vertical { background: transparent; width: ${bar}px; }
QScrollBar::handle:vertical { background: $line; border-radius: 4px; min-height: 24px; }
QScrollBar::add-line, QScrollBar::sub-line { height: 0; }
QSlider { min-height: ${slider}px; }
QSlider::groove:horizontal { height: 4px; background: $line; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal { background: $text; width: ${knob}px; margin: -${overlap}px 0;
    border-radius: ${half}px; }
QSlider::handle:horizontal:focus { background: $accent; border: 2px solid $text;
    width: ${focused}px; }
QSlider::sub-page:horizontal:disabled, QSlider::handle:horizontal:disabled { background: $line; }
""")


def prepare(app: QApplication) -> None:
    """Sets style and font; call it before creating the first widget."""
    app.setStyle("Fusion")
    font = app.font()
    font.setPixelSize(max(MIN_TEXT_PX, QFontInfo(font).pixelSize()))
    app.setFont(font)


def on_screen(theme: Theme) -> Theme:
    """The dark or the light theme; the desktop's for SYSTEM, dark if it has none."""
    if theme is not Theme.SYSTEM:
        return theme
    light = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Light
    return Theme.LIGHT if light else Theme.DARK


def other(theme: Theme) -> Theme:
    """The theme to change to: the desktop's is followed again once it is chosen."""
    chosen = Theme.LIGHT if on_screen(theme) is Theme.DARK else Theme.DARK
    return Theme.SYSTEM if on_screen(Theme.SYSTEM) is chosen else chosen


def apply(app: QApplication, theme: Theme, *, touch: bool) -> None:
    """Applies a theme to the whole application.

    Args:
        touch: controls are large enough for a finger.
    """
    colours = COLOURS[on_screen(theme)]
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
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.muted))
    app.setPalette(palette)
    text_px = app.font().pixelSize()
    knob = 24 if touch else 14
    sheet = SHEET.substitute(
        asdict(colours),
        small=_small_px(text_px),
        large=round(1.5 * text_px),
        inner=(TOUCH_PX if touch else max(BUTTON_PX, text_px + 12)) - 2,
        menu=(TOUCH_PX - text_px) // 2 if touch else 6,
        slider=TOUCH_PX if touch else knob + 2,
        bar=16 if touch else 10,
        knob=knob,
        half=knob // 2,
        focused=knob - 4,
        overlap=(knob - 4) // 2,
    )
    app.setStyleSheet(sheet)


def set_property(widget: QWidget, name: str, value: object) -> bool:
    """Sets a property that the style sheet asks for; whether it changed."""
    if widget.property(name) == value:
        return False
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    return True


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
    smaller.setPixelSize(_small_px(font.pixelSize()))
    return smaller


def _small_px(text_px: int) -> int:
    return max(MIN_TEXT_PX, round(SMALL_SHARE * text_px))
