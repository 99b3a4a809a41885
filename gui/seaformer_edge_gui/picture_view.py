"""The picture: the newest result, as large as fits, and what is under the cursor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from seaformer_edge.live import LiveResult
from seaformer_edge_gui.drawing import Placement, View, draw_on_screen

CHIP_OFFSET = 14


class PictureView(QWidget):
    """Paints results at the screen's own resolution.

    Args:
        on_painted: told of every result when it has been painted for the first time.
        under: the words for the frame's pixel (x, y), or None.
    """

    double_clicked = Signal()

    def __init__(
        self,
        on_painted: Callable[[LiveResult], None],
        under: Callable[[int, int], str | None],
    ) -> None:
        super().__init__()
        self._on_painted = on_painted
        self._under = under
        self._result: LiveResult | None = None
        self._view = View()
        self._unpainted = False
        self._cursor: QPointF | None = None
        self._drawn: tuple[object, ...] = ()  # what `_pixels` were made of
        # The image only refers to the pixels, which must outlive it.
        self._pixels = np.empty((0, 0, 4), np.uint8)
        self._image: QImage | None = None
        self.setAccessibleName("Picture")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumSize(240, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def sizeHint(self) -> QSize:
        return QSize(1280, 720)

    def show_result(self, result: LiveResult) -> None:
        """Shows a newer result."""
        self._result, self._unpainted = result, True
        self.update()

    def set_view(self, view: View) -> None:
        """Shows results another way."""
        if view != self._view:
            self._view = view
            self.update()

    def placement(self) -> Placement | None:
        """Where the picture lies in the widget; None without one."""
        if self._result is None:
            return None
        ratio = self.devicePixelRatioF()
        canvas = (round(self.width() * ratio), round(self.height() * ratio))
        height, width = self._result.frame.image.shape[:2]
        return Placement.fit((width, height), canvas, self._view)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        place = self.placement()
        if self._result is None or place is None:
            painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Dark))
            return
        image = self._prepared(self._result, place)
        ratio = self.devicePixelRatioF()
        self._fill_around(painter, place, ratio)
        painter.drawImage(QPointF(place.left / ratio, place.top / ratio), image)
        self._draw_cursor(painter, place, ratio)
        painter.end()
        if self._unpainted:
            self._unpainted = False
            self._on_painted(self._result)

    def _prepared(self, result: LiveResult, place: Placement) -> QImage:
        if self._image is None or self._image.size() != QSize(place.width, place.height):
            # Fresh memory for every frame would cost more than all the drawing.
            self._pixels = np.empty((place.height, place.width, 4), np.uint8)
            self._image = QImage(
                self._pixels.data,
                place.width,
                place.height,
                place.width * 4,
                QImage.Format.Format_RGB32,
            )
            self._drawn = ()
        wanted = (result, self._view, place)
        if wanted != self._drawn:
            draw_on_screen(result, self._view, place, self._pixels)
            self._drawn = wanted
        self._image.setDevicePixelRatio(self.devicePixelRatioF())
        return self._image

    def _fill_around(self, painter: QPainter, place: Placement, ratio: float) -> None:
        """The canvas beside the picture; under it nothing has to be filled."""
        ground = self.palette().color(QPalette.ColorRole.Dark)
        picture = QRectF(place.left, place.top, place.width, place.height)
        picture = QRectF(picture.topLeft() / ratio, picture.size() / ratio)
        whole = QRectF(self.rect())
        for part in (
            QRectF(whole.topLeft(), QPointF(whole.right(), picture.top())),
            QRectF(QPointF(0, picture.bottom()), whole.bottomRight()),
            QRectF(QPointF(0, picture.top()), picture.bottomLeft()),
            QRectF(picture.topRight(), QPointF(whole.right(), picture.bottom())),
        ):
            painter.fillRect(part, ground)

    def _draw_cursor(self, painter: QPainter, place: Placement, ratio: float) -> None:
        if self._cursor is None:
            return
        pixel = place.frame_pixel(self._cursor.x() * ratio, self._cursor.y() * ratio)
        text = None if pixel is None else self._under(*pixel)
        if text is None:
            return
        size = painter.fontMetrics().size(0, text)
        chip = QRectF(0, 0, size.width() + 16, size.height() + 8)
        chip.moveTopLeft(self._cursor + QPointF(CHIP_OFFSET, CHIP_OFFSET))
        chip.moveRight(min(chip.right(), self.width() - 4))
        if chip.bottom() > self.height() - 4:
            chip.moveBottom(self._cursor.y() - 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        ground = QColor(palette.color(QPalette.ColorRole.Base))
        ground.setAlpha(235)
        painter.setBrush(ground)
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid)))
        painter.drawRoundedRect(chip, 4, 4)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, text)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._cursor = event.position()
        self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._cursor = event.position()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._cursor = None
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.double_clicked.emit()
