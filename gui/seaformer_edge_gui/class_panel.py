"""The classes: those of the picture first, by share, then the others; any can be chosen."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPalette, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPushButton,
    QScroller,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from seaformer_edge.hub.card import Card
from seaformer_edge_gui import formatting, theme
from seaformer_edge_gui.class_list import CLASS_ROLE, ClassList, Entry
from seaformer_edge_gui.controls import icon_button
from seaformer_edge_gui.ranking import UNKNOWN_ID, Row

BAR_PX = 4
MIN_ROWS = 2
SWATCH_PX = 12
NUMBERS = "100 %"  # the widest


class ClassPanel(QWidget):
    """A list of every class, its search, and a button that ends a choice.

    `chosen` reports the ids of the classes to colour; empty for all.

    Attributes:
        top: the heading.
        names: switches the names on the picture.
        unknown: the share of the pixels without a class, if there are any.
    """

    chosen = Signal(object)  # frozenset[int]

    def __init__(self) -> None:
        super().__init__()
        self.classes = ClassList(self)
        self.view = _ClassView(self.classes)
        self.view.toggled.connect(self.classes.toggle)
        self._heading = theme.label("", "heading")
        self.unit = theme.label("", "caption")
        self.unknown = theme.label("", "caption")
        self.show_all = QPushButton("Show all")
        self.show_all.setToolTip("Colour every class again (A)")
        self.show_all.clicked.connect(self.classes.clear_chosen)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search classes")
        self.search.setAccessibleName("Search classes")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self.classes.search)
        self.names = icon_button("Names", "Names on the picture (N)", checkable=True)
        self.classes.chosen.connect(lambda chosen: self.show_all.setVisible(bool(chosen)))
        self.classes.chosen.connect(self.chosen)
        self.top = QWidget()
        top = QHBoxLayout(self.top)
        top.setContentsMargins(0, 0, 0, 0)
        top.addWidget(self._heading)
        top.addStretch(1)
        top.addWidget(self.unit)
        searching = QHBoxLayout()
        searching.setSpacing(theme.GAP_PX)
        searching.addWidget(self.search, 1)
        searching.addWidget(self.show_all)
        searching.addWidget(self.names, 0, Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GAP_PX)
        column.addWidget(self.top)
        column.addLayout(searching)
        column.addWidget(self.view, 1)
        column.addWidget(self.unknown)
        self.show_all.hide()
        self.unknown.hide()
        self.show_card(None)

    def show_card(self, card: Card | None) -> None:
        """Lists the classes of a model. Those of a classifier cannot be chosen: it colours none."""
        classifies = card is not None and card.task == "classification"
        self._heading.setText("TOP CLASSES" if classifies else "CLASSES")
        self.unit.setText("probability" if classifies else "share, confidence")
        self.search.setVisible(not classifies)
        self.classes.show_card(card)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Shows the shares in the picture, the largest first; that of no class apart."""
        self.classes.show_rows([row for row in rows if row.class_id != UNKNOWN_ID])
        unknown = next((row for row in rows if row.class_id == UNKNOWN_ID), None)
        self.unknown.setVisible(unknown is not None)
        if unknown is not None:
            self.unknown.setText(f"{unknown.name}: {formatting.percent(unknown.share)}")

    def set_touch(self, touch: bool) -> None:
        """Makes rows as high as a finger needs."""
        self.view.set_row_px(theme.TOUCH_PX if touch else 0)


class _ClassView(QListView):
    """Draws a `ClassList`. A click, Space or Enter toggles a class."""

    toggled = Signal(int)

    def __init__(self, classes: ClassList) -> None:
        super().__init__()
        self._row_px = 0
        self.setModel(classes)
        self.setAccessibleName("Classes")
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setItemDelegate(_ClassDelegate(self))
        QScroller.grabGesture(self.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        self.clicked.connect(self._toggle)

    def set_row_px(self, min_px: int) -> None:
        """Sets the least height of a row."""
        if self._row_px != min_px:
            self._row_px = min_px
            self.scheduleDelayedItemsLayout()
            self.updateGeometry()

    def row_px(self) -> int:
        return max(self.fontMetrics().height() + BAR_PX + 9, self._row_px)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, MIN_ROWS * self.row_px())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._toggle(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _toggle(self, index: QModelIndex) -> None:
        entry: Entry | None = index.data(CLASS_ROLE)
        if entry is not None:
            self.toggled.emit(entry.class_id)


class _ClassDelegate(QStyledItemDelegate):
    """Swatch, name, share, confidence, and a bar. A chosen class is ticked; the others fade."""

    def __init__(self, view: _ClassView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(0, self._view.row_px())

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        entry: Entry = index.data(CLASS_ROLE)
        palette: QPalette = option.palette
        area: QRect = option.rect.adjusted(1, 1, -1, -1)
        state: QStyle.StateFlag = option.state
        metrics: QFontMetrics = option.fontMetrics
        middle, right = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignRight
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.WindowText), 2))
            painter.drawRoundedRect(area, 4, 4)
        painter.setOpacity(0.5 if entry.fades else 1.0)
        inner = area.adjusted(6, 0, -6, 0)
        row = entry.row
        texts = inner.adjusted(0, 0, 0, -BAR_PX if row else 0)
        draw_swatch(painter, texts, entry.colour, palette, ticked=entry.chosen)
        muted = palette.color(QPalette.ColorRole.PlaceholderText)
        plain = palette.color(QPalette.ColorRole.WindowText)
        name = texts.adjusted(SWATCH_PX + 8, 0, 0, 0)
        if row is not None:
            column = metrics.horizontalAdvance(NUMBERS) + 8
            numbers = [(formatting.percent(row.share), plain)]
            if row.confidence is not None:
                numbers.append((formatting.percent(row.confidence), muted))
            for i, (text, colour) in enumerate(reversed(numbers)):
                painter.setPen(colour)
                painter.drawText(texts.adjusted(0, 0, -i * column, 0), middle | right, text)
            name.setRight(texts.right() - len(numbers) * column)
        painter.setPen(plain if row else muted)
        elided = metrics.elidedText(entry.name, Qt.TextElideMode.ElideRight, name.width())
        painter.drawText(name, middle, elided)
        if row is not None:
            bar = QRectF(inner.left(), area.bottom() - BAR_PX - 1, inner.width(), BAR_PX)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(palette.color(QPalette.ColorRole.AlternateBase))
            painter.drawRoundedRect(bar, 2, 2)
            bar.setWidth(max(bar.width() * row.share, BAR_PX))
            painter.setBrush(palette.color(QPalette.ColorRole.Highlight))
            painter.drawRoundedRect(bar, 2, 2)
        painter.restore()


def draw_swatch(
    painter: QPainter, area: QRect, colour: QColor, palette: QPalette, *, ticked: bool = False
) -> None:
    """A class' colour at the left of `area`, outlined so that it is visible on any background."""
    swatch = QRectF(area.left() + 0.5, area.center().y() - SWATCH_PX / 2 + 0.5, *[SWATCH_PX] * 2)
    painter.setPen(QPen(palette.color(QPalette.ColorRole.PlaceholderText), 1))
    painter.setBrush(colour)
    painter.drawRoundedRect(swatch, 2, 2)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if ticked:
        light = colour.lightnessF() < 0.6
        painter.setPen(QPen(QColor("white" if light else "black"), 2))
        at = swatch.topLeft()
        points = [at + offset * (SWATCH_PX / 12) for offset in theme.TICK]
        painter.drawPolyline(points)
