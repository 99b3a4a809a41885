"""The bars of the largest classes, and the legend for choosing classes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from seaformer_edge.hub.card import Card
from seaformer_edge_gui import formatting
from seaformer_edge_gui.ranking import Row
from seaformer_edge_gui.theme import as_tool_tip, small_font

ROW_PX = 28
BAR_PX = 4
MAX_ROWS, MIN_ROWS = 10, 5
LEGEND_ROW_PX = 20
MAX_LEGEND_ROWS, MIN_LEGEND_ROWS = 12, 6
SCROLL_BAR_PX = 14
SWATCH_PX = 10
NUMBER_PX = 46
COLOUR_ROLE = int(Qt.ItemDataRole.UserRole)


class ClassBars(QWidget):
    """One bar for each of the largest classes: colour, name, share, confidence."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[Row] = ()
        self._card: Card | None = None
        self.setAccessibleName("Largest classes")

    def show_rows(self, rows: Sequence[Row], card: Card | None) -> None:
        """Shows the rows, the first at the top."""
        self._rows, self._card = rows, card
        self.setAccessibleDescription(
            ", ".join(f"{row.name} {formatting.percent(row.share)}" for row in rows)
        )
        self.update()

    def capacity(self) -> int:
        """How many rows fit."""
        return max(self.height() // ROW_PX, 1)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, MIN_ROWS * ROW_PX)

    def sizeHint(self) -> QSize:
        return QSize(240, MAX_ROWS * ROW_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i, row in enumerate(self._rows[: self.capacity()]):
            self._draw_row(painter, QRect(0, i * ROW_PX, self.width(), ROW_PX), row)

    def _draw_row(self, painter: QPainter, area: QRect, row: Row) -> None:
        palette = self.palette()
        middle, right = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignRight
        text_area = area.adjusted(0, 0, 0, -BAR_PX - 6)
        colour = QColor(*self._card.palette[row.class_id]) if self._card else QColor()
        draw_swatch(painter, text_area, colour, palette)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        numbers = 1 if row.confidence is None else 2
        name = text_area.adjusted(SWATCH_PX + 8, 0, -numbers * NUMBER_PX, 0)
        metrics = painter.fontMetrics()
        elided = metrics.elidedText(row.name, Qt.TextElideMode.ElideRight, name.width())
        painter.drawText(name, middle, elided)
        share = text_area.adjusted(0, 0, -(numbers - 1) * NUMBER_PX, 0)
        painter.drawText(share, middle | right, formatting.percent(row.share))
        if row.confidence is not None:
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            painter.setFont(small_font(self.font()))
            painter.drawText(text_area, middle | right, formatting.percent(row.confidence))
            painter.setFont(self.font())
        bar = QRectF(area.left(), text_area.bottom() + 1, area.width(), BAR_PX)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.color(QPalette.ColorRole.AlternateBase))
        painter.drawRoundedRect(bar, 2, 2)
        bar.setWidth(max(bar.width() * row.share, BAR_PX))
        painter.setBrush(palette.color(QPalette.ColorRole.Highlight))
        painter.drawRoundedRect(bar, 2, 2)


class Legend(QListWidget):
    """Every class with its colour. If any are chosen, only those are coloured in the picture."""

    chosen = Signal(object)  # frozenset of class ids

    def __init__(self) -> None:
        super().__init__()
        self._card: Card | None = None
        self.setAccessibleName("Legend")
        self.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setItemDelegate(_LegendDelegate(self))
        self.itemSelectionChanged.connect(self._emit_chosen)

    def minimumSizeHint(self) -> QSize:
        return self._height_of(MIN_LEGEND_ROWS)

    def sizeHint(self) -> QSize:
        return self._height_of(MAX_LEGEND_ROWS)

    def _height_of(self, max_rows: int) -> QSize:
        rows = min(max(-(-self.count() // 2), 1), max_rows)
        return QSize(240, rows * LEGEND_ROW_PX + 6)

    def show_card(self, card: Card | None) -> None:
        """Lists the classes of a model; none for a classifier, since it colours nothing."""
        if card is self._card:
            return
        before, self._card = self._card, card
        if before is not None and card is not None and _legend_of(before) == _legend_of(card):
            return
        self.clear()
        if card is not None and card.task == "segmentation":
            for name, colour in zip(card.classes, card.palette, strict=True):
                item = QListWidgetItem(name, self)
                item.setData(COLOUR_ROLE, QColor(*colour))
                item.setToolTip(as_tool_tip(f"{name}: click to colour only the chosen classes"))
        self.updateGeometry()
        self._emit_chosen()

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        # Keep space for the scroll bar, whether it is visible or not.
        self.setGridSize(QSize((self.width() - SCROLL_BAR_PX) // 2, LEGEND_ROW_PX))

    def _emit_chosen(self) -> None:
        self.chosen.emit(frozenset(index.row() for index in self.selectedIndexes()))
        self.viewport().update()  # repaints the other classes faded


def _legend_of(card: Card) -> tuple[object, ...]:
    return card.task, card.classes, card.palette


class _LegendDelegate(QStyledItemDelegate):
    """A swatch and a name. Chosen classes get a background, and the others fade."""

    def __init__(self, legend: Legend) -> None:
        super().__init__(legend)
        self._legend = legend

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        palette: QPalette = option.palette
        area: QRect = option.rect.adjusted(1, 1, -3, -1)
        state: QStyle.StateFlag = option.state
        font: QFont = option.font
        is_chosen = bool(state & QStyle.StateFlag.State_Selected)
        fades = not is_chosen and bool(self._legend.selectedIndexes())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if is_chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(palette.color(QPalette.ColorRole.AlternateBase))
            painter.drawRoundedRect(area, 4, 4)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, 4, 4)
        painter.setOpacity(0.45 if fades else 1.0)
        inner = area.adjusted(6, 0, -2, 0)
        draw_swatch(painter, inner, index.data(COLOUR_ROLE), palette)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        name = inner.adjusted(SWATCH_PX + 7, 0, 0, 0)
        elided = QFontMetrics(font).elidedText(
            str(index.data()), Qt.TextElideMode.ElideRight, name.width()
        )
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, elided)
        painter.restore()

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return self._legend.gridSize()


def draw_swatch(painter: QPainter, area: QRect, colour: QColor, palette: QPalette) -> None:
    """A class' colour at the left of `area`, outlined so that it is visible on any background."""
    top = area.center().y() - SWATCH_PX / 2 + 0.5
    painter.setPen(QPen(palette.color(QPalette.ColorRole.PlaceholderText), 1))
    painter.setBrush(colour)
    painter.drawRoundedRect(QRectF(area.left() + 0.5, top, SWATCH_PX, SWATCH_PX), 2, 2)
