"""The widget that shows the newest result, and the class under the cursor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFontMetrics,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from seaformer_edge.inference.names import place_plates
from seaformer_edge.inference.views import View
from seaformer_edge.live import LiveResult
from seaformer_edge_gui import formatting
from seaformer_edge_gui.canvas import Placement, draw_on_screen

LABEL_OFFSET_PX = 14
PLATE = QColor(0, 0, 0, 190)  # below white text, legible on anything
RECORDING = QColor("#ff4d5a")


class PictureView(QWidget):
    """Paints results at the screen's own resolution.

    Args:
        on_painted: called with each result after it has been painted for the first time.
        describe_pixel: returns the text for the frame's pixel (x, y), or None.
    """

    double_clicked = Signal()

    def __init__(
        self,
        on_painted: Callable[[LiveResult], None],
        describe_pixel: Callable[[int, int], str | None],
    ) -> None:
        super().__init__()
        self._on_painted = on_painted
        self._describe_pixel = describe_pixel
        self._result: LiveResult | None = None
        self._view = View()
        self._mirrored = False
        self._unpainted = False
        self._cursor: QPointF | None = None
        self._recording = ""
        self._drawn: tuple[object, ...] = ()  # what `_pixels` shows
        # The image does not own the pixels, so they must outlive it.
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

    def clear(self) -> None:
        """Shows nothing until the next result."""
        if self._result is not None:
            self._result, self._drawn = None, ()
            self.update()

    def set_view(self, view: View, *, mirrored: bool = False) -> None:
        """Changes how results are shown; `mirrored` swaps left and right of each picture."""
        if (view, mirrored) != (self._view, self._mirrored):
            self._view, self._mirrored = view, mirrored
            self.update()

    def show_recording(self, text: str) -> None:
        """Shows a text about the recording over the picture; hides it if it is empty."""
        if text != self._recording:
            self._recording = text
            self.update()

    def placement(self) -> Placement | None:
        """Where the picture lies in the widget; None before the first result."""
        if self._result is None:
            return None
        ratio = self.devicePixelRatioF()
        canvas = (round(self.width() * ratio), round(self.height() * ratio))
        frame = self._result.frame
        height, width = frame.image.shape[:2]
        return Placement.fit(
            (width, height),
            canvas,
            self._view.columns,
            mirrored=self._mirrored,
            pixel_aspect=float(frame.pixel_aspect),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        placement = self.placement()
        if self._result is None or placement is None:
            painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Dark))
            return
        image = self._drawn_image(self._result, placement)
        ratio = self.devicePixelRatioF()
        self._fill_around(painter, placement, ratio)
        painter.drawImage(QPointF(placement.left / ratio, placement.top / ratio), image)
        if self._view.names:
            self._draw_names(painter, self._result, placement, ratio)
        self._draw_pixel_label(painter, placement, ratio)
        if self._recording:
            self._draw_recording(painter)
        painter.end()
        if self._unpainted:
            self._unpainted = False
            self._on_painted(self._result)

    def _drawn_image(self, result: LiveResult, placement: Placement) -> QImage:
        if self._image is None or self._image.size() != QSize(placement.width, placement.height):
            # Allocating memory for every frame would cost more than drawing it.
            self._pixels = np.empty((placement.height, placement.width, 4), np.uint8)
            self._image = QImage(
                self._pixels.data,
                placement.width,
                placement.height,
                placement.width * 4,
                QImage.Format.Format_RGB32,
            )
            self._drawn = ()
        requested = (result, self._view, placement)
        if requested != self._drawn:
            draw_on_screen(result, self._view, placement, self._pixels)
            self._drawn = requested
        self._image.setDevicePixelRatio(self.devicePixelRatioF())
        return self._image

    def _fill_around(self, painter: QPainter, placement: Placement, ratio: float) -> None:
        """Fills the canvas around the picture, but not under it."""
        background = self.palette().color(QPalette.ColorRole.Dark)
        picture = QRectF(placement.left, placement.top, placement.width, placement.height)
        picture = QRectF(picture.topLeft() / ratio, picture.size() / ratio)
        whole = QRectF(self.rect())
        for part in (
            QRectF(whole.topLeft(), QPointF(whole.right(), picture.top())),
            QRectF(QPointF(0, picture.bottom()), whole.bottomRight()),
            QRectF(QPointF(0, picture.top()), picture.bottomLeft()),
            QRectF(picture.topRight(), QPointF(whole.right(), picture.bottom())),
        ):
            painter.fillRect(part, background)

    def _draw_names(
        self, painter: QPainter, result: LiveResult, placement: Placement, ratio: float
    ) -> None:
        """Writes names in the screen's font and resolution, which those of files do not have."""
        column = placement.width / placement.columns / ratio, placement.height / ratio
        plates = self._plates(result, painter.fontMetrics(), column, placement.mirrored)
        for i, kind in enumerate(self._view.mode.panels):
            if kind == "frame" and result.classification is None:
                continue
            origin = QPointF(placement.left / ratio + i * column[0], placement.top / ratio)
            for text, colour, plate in plates:
                area = plate.translated(origin)
                painter.fillRect(area, PLATE)
                painter.fillRect(QRectF(area.topLeft(), QSizeF(4, area.height())), colour)
                painter.setPen(QColor("white"))
                painter.drawText(area.adjusted(9, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)

    def _plates(
        self, result: LiveResult, metrics: QFontMetrics, space: tuple[float, float], mirrored: bool
    ) -> list[tuple[str, QColor, QRectF]]:
        """Text, colour and place of each plate on a picture of (width, height)."""
        if result.prediction is None:
            return []
        card, chosen, height = result.prediction.card, self._view.classes, metrics.height() + 4
        if result.classification is not None:  # below each other
            scores = result.classification.classes
            ids = [score.class_id for score in scores]
            texts = [f"{score.name}  {formatting.percent(score.probability)}" for score in scores]
            centres = [(0.0, (i + 0.5) * (height + 2)) for i in range(len(ids))]
        else:
            regions = result.prediction.regions
            regions = tuple(r for r in regions if chosen is None or r.class_id in chosen)
            ids = [region.class_id for region in regions]
            texts = [card.classes[class_id] for class_id in ids]
            centres = [((1 - r.x if mirrored else r.x) * space[0], r.y * space[1]) for r in regions]
        sizes = [(metrics.horizontalAdvance(text) + 15, height) for text in texts]
        corners = place_plates(centres, sizes, space)
        return [
            (text, QColor(*card.palette[class_id]), QRectF(QPointF(*corner), QSizeF(*size)))
            for text, class_id, size, corner in zip(texts, ids, sizes, corners, strict=True)
            if corner is not None
        ]

    def _draw_pixel_label(self, painter: QPainter, placement: Placement, ratio: float) -> None:
        if self._cursor is None:
            return
        pixel = placement.frame_pixel(self._cursor.x() * ratio, self._cursor.y() * ratio)
        text = None if pixel is None else self._describe_pixel(*pixel)
        if text is None:
            return
        size = painter.fontMetrics().size(0, text)
        label = QRectF(0, 0, size.width() + 16, size.height() + 8)
        label.moveTopLeft(self._cursor + QPointF(LABEL_OFFSET_PX, LABEL_OFFSET_PX))
        label.moveRight(min(label.right(), self.width() - 4))
        if label.bottom() > self.height() - 4:
            label.moveBottom(self._cursor.y() - 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        background = QColor(palette.color(QPalette.ColorRole.Base))
        background.setAlpha(235)
        painter.setBrush(background)
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid)))
        painter.drawRoundedRect(label, 4, 4)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        painter.drawText(label, Qt.AlignmentFlag.AlignCenter, text)

    def _draw_recording(self, painter: QPainter) -> None:
        """Draws a red dot and the text in the lower left corner."""
        metrics = painter.fontMetrics()
        dot = metrics.capHeight()
        size = QSizeF(metrics.horizontalAdvance(self._recording) + dot + 26, metrics.height() + 8)
        plate = QRectF(QPointF(8, self.height() - size.height() - 8), size)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PLATE)
        painter.drawRoundedRect(plate, 4, 4)
        painter.setBrush(RECORDING)
        centre = QPointF(plate.left() + 8 + dot / 2, plate.center().y())
        painter.drawEllipse(centre, dot / 2, dot / 2)
        painter.setPen(QColor("white"))
        left = QPointF(dot + 16, 0)
        text = QRectF(plate.topLeft() + left, plate.bottomRight())
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, self._recording)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._cursor = event.position()
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.mouseMoveEvent(event)  # a finger does not move before it touches

    def enterEvent(self, event: QEnterEvent) -> None:
        self._cursor = event.position()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._cursor = None
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.double_clicked.emit()
