"""The list behind the class panel: order, search and choice, without drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor

from seaformer_edge.hub.card import Card
from seaformer_edge_gui import formatting
from seaformer_edge_gui.ranking import Row
from seaformer_edge_gui.theme import as_tool_tip

CLASS_ROLE = int(Qt.ItemDataRole.UserRole)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row shows.

    Attributes:
        row: share and confidence; None if the picture does not show the class.
        chosen: whether the user has chosen the class.
        fades: whether the user has chosen others.
    """

    class_id: int
    name: str
    colour: QColor
    row: Row | None
    chosen: bool
    fades: bool


class ClassList(QAbstractListModel):
    """The classes of a model: those of the picture in the order of their shares, then the others.

    `chosen` reports the chosen ids whenever they change.
    """

    chosen = Signal(object)  # frozenset[int]

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._card: Card | None = None
        self._rows: dict[int, Row] = {}
        self._order: list[int] = []  # class ids, as listed
        self._chosen: frozenset[int] = frozenset()
        self._searched = ""

    def show_card(self, card: Card | None) -> None:
        """Lists the classes of a model; the choice is kept if they are the same."""
        if card is self._card:
            return
        before, self._card = self._card, card
        if before is not None and card is not None and _classes_of(before) == _classes_of(card):
            return
        self.beginResetModel()
        self._rows, self._order = {}, self._listed()
        self.endResetModel()
        self.clear_chosen()

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Shows shares, the largest first."""
        self._rows = {row.class_id: row for row in rows}
        self._arrange()
        if self._order:
            self.dataChanged.emit(self.index(0), self.index(len(self._order) - 1))

    def search(self, text: str) -> None:
        """Lists only classes whose name contains the text."""
        self._searched = text.strip().casefold()
        self._arrange()

    def toggle(self, class_id: int) -> None:
        """Chooses a class, or ends its choice; a classifier colours nothing to choose."""
        if self._card is not None and self._card.task == "segmentation":
            self._choose(self._chosen ^ {class_id})

    def clear_chosen(self) -> None:
        """Ends the choice."""
        self._choose(frozenset())

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return len(self._order)

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        card = self._card
        if card is None or not 0 <= index.row() < len(self._order):
            return None
        class_id = self._order[index.row()]
        name, row = card.classes[class_id], self._rows.get(class_id)
        chosen = class_id in self._chosen
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return name
            case Qt.ItemDataRole.ToolTipRole:
                return as_tool_tip(f"{name}: click to colour only the chosen classes")
            case Qt.ItemDataRole.AccessibleTextRole:
                share = f", {formatting.percent(row.share)}" if row else ""
                return f"{name}{share}{', chosen' if chosen else ''}"
            case _ if role == CLASS_ROLE:
                colour = QColor(*card.palette[class_id])
                fades = bool(self._chosen) and not chosen
                return Entry(class_id, name, colour, row, chosen, fades)
        return None

    def _choose(self, chosen: frozenset[int]) -> None:
        self._chosen = chosen
        self.chosen.emit(chosen)
        if self._order:
            self.dataChanged.emit(self.index(0), self.index(len(self._order) - 1))

    def _arrange(self) -> None:
        """Sorts and filters again; the current row stays with its class."""
        order = self._listed()
        if order == self._order:
            return
        self.layoutAboutToBeChanged.emit()
        places = {class_id: place for place, class_id in enumerate(order)}
        before = self.persistentIndexList()
        moved = [places.get(self._order[index.row()]) for index in before]
        self._order = order
        after = [QModelIndex() if place is None else self.index(place) for place in moved]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _listed(self) -> list[int]:
        if self._card is None:
            return []
        names = self._card.classes
        others = range(len(names)) if self._card.task == "segmentation" else ()
        listed = [*self._rows, *(c for c in others if c not in self._rows)]
        return [c for c in listed if c < len(names) and self._searched in names[c].casefold()]


def _classes_of(card: Card) -> tuple[object, ...]:
    return card.task, card.classes, card.palette
