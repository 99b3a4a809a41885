"""The sheet of keyboard shortcuts over the window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from seaformer_edge_gui.theme import label

COLUMNS = 2


class HelpSheet(QFrame):
    """Centred over `over`; hidden until toggled."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self.setObjectName("sheet")
        self.setAccessibleName("Keyboard shortcuts")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(24, 18, 24, 20)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(7)
        over.installEventFilter(self)
        self.hide()

    def list_shortcuts(self, shortcuts: Sequence[tuple[Sequence[str], str]]) -> None:
        """Lists (keys, action) pairs."""
        title = label("Keyboard", "figure")
        self._grid.addWidget(title, 0, 0, 1, 2 * COLUMNS)
        per_column = -(-len(shortcuts) // COLUMNS)
        for i, (keys, action) in enumerate(shortcuts):
            column, row = divmod(i, per_column)
            key = label("  ".join(keys), "key")
            key.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._grid.addWidget(key, row + 1, 2 * column)
            self._grid.addWidget(label(action), row + 1, 2 * column + 1)
        hint = label(
            "Tab moves between controls. In the legend, arrow keys and Space choose classes.\n"
            "To open a video, picture, folder or .pte model, drop it on the window.",
            "caption",
        )
        self._grid.addWidget(hint, per_column + 1, 0, 1, 2 * COLUMNS)

    def toggle(self) -> None:
        """Shows or hides the sheet."""
        self.setVisible(not self.isVisible())
        self._place()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        self.adjustSize()
        self.move(self._over.rect().center() - self.rect().center())
