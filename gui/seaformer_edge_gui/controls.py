"""Controls that several panels use: a combo box and a button with an icon."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QStyleOptionComboBox, QToolButton

MAX_BOX_PX = 360
POPUP_MARGIN_PX = 24
DETAIL = "   "
VALUE_ROLE = int(Qt.ItemDataRole.UserRole)


class Chooser(QComboBox):
    """A combo box with a list as wide as its texts.

    Of an item's text, the closed box shows only what is before `DETAIL`. `opening` is emitted
    before the list opens, and `requested` with the value of the item that the user has chosen.
    """

    opening = Signal()
    requested = Signal(object)

    def __init__(self, name: str, tip: str, min_letters: int) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setToolTip(tip)
        self.setMaximumWidth(MAX_BOX_PX)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(min_letters)
        self.activated.connect(lambda i: self.requested.emit(self.itemData(i, VALUE_ROLE)))

    def choose(self, value: object) -> None:
        """Shows an item without reporting it as requested."""
        with QSignalBlocker(self):
            self.setCurrentIndex(self.findData(value, VALUE_ROLE))

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        super().initStyleOption(option)
        option.currentText = option.currentText.partition(DETAIL)[0]

    def showPopup(self) -> None:
        self.opening.emit()
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + POPUP_MARGIN_PX)
        super().showPopup()


def icon_button(name: str, tip: str, *, checkable: bool = False) -> QToolButton:
    """A button without its icon, since that depends on the theme.

    Args:
        name: shown beside the icon where there is space.
        tip: what it does, and its key.
    """
    button = QToolButton()
    button.setText(name)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
