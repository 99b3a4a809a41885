"""The sheet of keyboard shortcuts over the window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QScroller,
    QVBoxLayout,
    QWidget,
)

from seaformer_edge_gui import theme
from seaformer_edge_gui.controls import icon_button
from seaformer_edge_gui.icons import icon

COLUMNS = 2
MARGIN_PX = 8
HINT = (
    "Tab moves between controls. In the list of classes, arrow keys and Space choose."
    " To open a video, picture, folder or .pte model, drop it on the window."
)


class HelpSheet(QFrame):
    """Centred over `over`, scrolled if that is small; hidden until toggled."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self._shortcuts: list[tuple[QLabel, QLabel]] = []
        self.setObjectName("sheet")
        self.setAccessibleName("Keyboard shortcuts")
        self.close_button = icon_button("Close", "Close (Esc)")
        self.close_button.clicked.connect(self.toggle)
        title = QHBoxLayout()
        title.addWidget(theme.label("Keyboard", "figure"))
        title.addStretch(1)
        title.addWidget(self.close_button)
        content = QWidget()
        self._grid = QGridLayout(content)
        self._grid.setContentsMargins(0, 0, MARGIN_PX, 0)
        self._grid.setHorizontalSpacing(16)
        self._hint = theme.label(HINT, "caption")
        self._hint.setWordWrap(True)
        self._area = QScrollArea()
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setWidget(content)
        QScroller.grabGesture(self._area.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 8, 12)
        column.addLayout(title)
        column.addWidget(self._area, 1)
        over.installEventFilter(self)
        self.hide()

    def list_shortcuts(self, shortcuts: Sequence[tuple[Sequence[str], str]]) -> None:
        """Lists (keys, action) pairs."""
        for keys, action in shortcuts:
            key = theme.label("  ".join(keys), "key")
            key.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._shortcuts.append((key, theme.label(action)))
        self._fill(COLUMNS)

    def set_colours(self, colours: theme.Colours) -> None:
        """Redraws the icon."""
        self.close_button.setIcon(icon("close", colours))

    def toggle(self) -> None:
        """Shows or hides the sheet."""
        self.ensurePolished()
        self._place()
        self.raise_()
        self.setVisible(not self.isVisible())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def _fill(self, columns: int) -> None:
        per_column = -(-len(self._shortcuts) // columns)
        for i, pair in enumerate(self._shortcuts):
            column, row = divmod(i, per_column)
            for j, part in enumerate(pair):
                self._grid.addWidget(part, row, 2 * column + j)
        self._grid.addWidget(self._hint, per_column, 0, 1, 2 * columns)

    def _place(self) -> None:
        space = self._over.size() - QSize(2 * MARGIN_PX, 2 * MARGIN_PX)
        for columns in (COLUMNS, 1):
            self._fill(columns)
            content = self._grid.sizeHint()
            bar = self._area.verticalScrollBar().sizeHint().width()
            wanted = content + self.sizeHint() - self._area.sizeHint() + QSize(bar + 2, 2)
            if wanted.width() <= space.width():
                break
        self.resize(wanted.boundedTo(space))
        self.move(self._over.rect().center() - self.rect().center())
