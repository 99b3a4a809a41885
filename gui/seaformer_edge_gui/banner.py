"""The message over the picture: an error with its remedy, or information."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QWidget

from seaformer_edge_gui import theme
from seaformer_edge_gui.icons import icon
from seaformer_edge_gui.messages import Message

MARGIN_PX = 10


class Banner(QFrame):
    """Covers the top of `over` while there is a message.

    Attributes:
        open_folder: asks for the folder of a message's file.
    """

    dismissed = Signal()

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self.setObjectName("banner")
        self.text = theme.label()
        self.text.setWordWrap(True)
        self._close = QToolButton()
        self._close.setObjectName("quiet")
        self._close.setToolTip("Close (Esc)")
        self._close.setAccessibleName("Close the message")
        self._close.clicked.connect(self.dismissed)
        self.open_folder = QPushButton("Open folder")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.addWidget(self.text, 1)
        row.addWidget(self.open_folder, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        over.installEventFilter(self)
        self.hide()

    def set_colours(self, colours: theme.Colours) -> None:
        """Redraws the icon."""
        self._close.setIcon(icon("close", colours))

    def show_message(self, message: Message | None) -> None:
        """Shows a message, or hides the banner."""
        if message is None:
            self.hide()
            return
        if theme.set_property(self, "error", message.is_error):
            self.text.style().polish(self.text)
        if self.text.text() != message.text:
            self.text.setText(message.text)
            self.setAccessibleName(message.text)
        self.open_folder.setVisible(message.file is not None)
        self._place()
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        width = self._over.width() - 2 * MARGIN_PX
        self.setGeometry(MARGIN_PX, MARGIN_PX, width, self.heightForWidth(width))
