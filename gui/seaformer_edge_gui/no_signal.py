"""The page in the place of the picture while the source gives none: why, and what to do."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from seaformer_edge.live import LiveStatus
from seaformer_edge.live.stats import SourceState
from seaformer_edge_gui import theme
from seaformer_edge_gui.messages import has_signal

MARGIN_PX = 24


class NoSignal(QFrame):
    """Covers `over` while the source gives no picture.

    Attributes:
        retry: opens the source again.
        open: chooses another one.
    """

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self.setObjectName("nosignal")
        self.heading = theme.label(name="figure")
        self.reason = theme.label()
        self.reason.setWordWrap(True)
        self.retry = QPushButton("Try again")
        self.retry.setToolTip("Open the source again")
        self.open = QPushButton("Open a file")
        self.open.setToolTip("Open a file or model (O)")
        buttons = QHBoxLayout()
        buttons.addStretch()
        for button in (self.retry, self.open):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            buttons.addWidget(button)
        buttons.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.addStretch()
        for label in (self.heading, self.reason):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        column.addLayout(buttons)
        column.addStretch()
        over.installEventFilter(self)
        self.hide()

    def show_status(self, status: LiveStatus) -> None:
        """Shows why there is no picture, or hides itself."""
        if has_signal(status):
            self.hide()
            return
        connecting = status.source_state is SourceState.CONNECTING
        self.heading.setText("Connecting" if connecting else "No signal")
        theme.set_property(self.heading, "warns", not connecting)
        self.reason.setText(status.message)
        self.setAccessibleName(status.message)
        self.retry.setVisible(not connecting)
        self.setGeometry(self._over.rect())
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._over.rect())
        return False
