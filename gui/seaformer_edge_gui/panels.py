"""The parts of the window, and which of them are shown where at the window's size."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QInputDevice, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from seaformer_edge_gui.arrangement import Arrangement, Kind
from seaformer_edge_gui.banner import Banner
from seaformer_edge_gui.help_sheet import HelpSheet
from seaformer_edge_gui.metrics_panel import MetricsPanel
from seaformer_edge_gui.no_signal import NoSignal
from seaformer_edge_gui.picture_view import PictureView
from seaformer_edge_gui.run_panel import RunPanel
from seaformer_edge_gui.side_panel import SidePanel
from seaformer_edge_gui.summary_line import SummaryLine
from seaformer_edge_gui.tool_bar import ToolBar
from seaformer_edge_gui.transport_bar import TransportBar

MARGIN_PX, SMALL_MARGIN_PX = 8, 4
SPACING_PX = 6
PICTURE_STRETCH, PANELS_STRETCH = 2, 3  # heights in portrait
MIN_SIZE = QSize(320, 240)


class Panels(QWidget):
    """Everything around the picture. `rearranged` is emitted when the arrangement has changed."""

    rearranged = Signal()

    def __init__(self, picture: PictureView) -> None:
        super().__init__()
        self.setMinimumSize(MIN_SIZE)
        self.picture = picture
        self.tool_bar = ToolBar()
        self.transport = TransportBar()
        self.run = RunPanel()
        self.side = SidePanel()
        self.metrics = MetricsPanel()
        self.line = SummaryLine()
        self.no_signal = NoSignal(picture)
        self.banner = Banner(picture)  # above it
        self.help = HelpSheet(self)
        self.arrangement: Arrangement | None = None
        self._drawer_open = False
        self._middle = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._middle.setSpacing(SPACING_PX)
        column = QVBoxLayout()
        column.setSpacing(SPACING_PX)
        column.addWidget(picture, 1)
        column.addWidget(self.transport)
        self._middle.addLayout(column, PICTURE_STRETCH)
        self._middle.addWidget(self.side)
        self._layout = QVBoxLayout(self)
        self._layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetNoConstraint)
        self._layout.setSpacing(SPACING_PX)
        self._layout.addWidget(self.tool_bar)
        self._layout.addLayout(self._middle, 1)
        self._layout.addWidget(self.line)

    def arrange(self) -> None:
        """Shows what there is space for, with controls of the size that they need."""
        now = Arrangement.at(
            self.width(), self.height(), self.font().pixelSize(), touch_screen=_has_touch_screen()
        )
        wide, small = now.kind is Kind.WIDE, now.kind is Kind.COMPANION
        if now != self.arrangement:
            self.arrangement, self._drawer_open = now, now.portrait
            self.side.set_touch(now.touch)
            down, right = QBoxLayout.Direction.TopToBottom, QBoxLayout.Direction.LeftToRight
            self._middle.setDirection(down if now.portrait else right)
            self._middle.setStretch(1, PANELS_STRETCH if now.portrait else 0)
            if wide:
                self.side.show_both()
                self.tool_bar.add_run(self.run)
                self.metrics.arrange(stacked=False)
                self._layout.insertWidget(2, self.metrics)
            else:
                self.side.show_pages(self.run, self.metrics, below=now.portrait or small)
            self.rearranged.emit()
        full, is_open = self.isFullScreen(), self._drawer_open
        self.tool_bar.setVisible(not full and (is_open or not small))
        self.picture.setVisible(full or not (small and is_open))
        shows_file = self.transport.is_useful and not full
        self.transport.setVisible(shows_file and not (small and is_open))
        self.side.setVisible(not full and (wide or is_open))
        if wide:
            self.metrics.setVisible(not full)
        self.line.setVisible(not full and not wide)
        self.line.menu.setChecked(is_open)
        margin = 0 if full else MARGIN_PX if wide else SMALL_MARGIN_PX
        self._layout.setContentsMargins(margin, margin, margin, margin)

    def toggle_drawer(self) -> None:
        """Shows or hides the panels, in a window that has no space for all."""
        self._drawer_open = not self._drawer_open
        self.arrange()

    def toggle_full(self) -> None:
        """Shows the picture alone on the whole screen, or everything again."""
        # Not showNormal: it would forget that the window was maximised.
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def type_source(self) -> None:
        """Moves the focus to the source's text."""
        if not self.tool_bar.isVisible():
            self.toggle_drawer()
        self.tool_bar.source.setFocus()
        self.tool_bar.editor.selectAll()

    def leave_typing(self) -> None:
        """Moves the focus away from a text, so that letters are shortcuts again."""
        self.picture.setFocus()

    def is_typing(self) -> bool:
        """Whether letters go into a text."""
        return self.tool_bar.editor.hasFocus() or self.side.classes.search.hasFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.arrange()


def _has_touch_screen() -> bool:
    devices = QInputDevice.devices()
    return any(device.type() is QInputDevice.DeviceType.TouchScreen for device in devices)
