"""The menu of the button Open: a file, a folder, and the sources that were opened before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QWidget

from seaformer_edge.safe_text import redacted
from seaformer_edge.sources.paths import VIDEO_SUFFIXES
from seaformer_edge.sources.pictures import PICTURE_SUFFIXES

MAX_NAME_PX = 420


class OpenMenu(QMenu):
    """Its signals report what the user requests: a dialog, or a source by its text."""

    file_requested = Signal()
    folder_requested = Signal()
    source_requested = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._recent: Sequence[str] = ()
        self.addAction("File or model…\tO", self.file_requested.emit)
        self.addAction("Folder of pictures…\tShift+O", self.folder_requested.emit)
        self.addSeparator()
        self._fixed = len(self.actions())

    def list_recent(self, sources: Sequence[str]) -> None:
        """Lists these sources, the last one first."""
        if sources == self._recent:
            return
        self._recent = sources
        for action in self.actions()[self._fixed :]:
            self.removeAction(action)
        for source in sources:
            name = self.fontMetrics().elidedText(
                _name(source), Qt.TextElideMode.ElideMiddle, MAX_NAME_PX
            )
            self.addAction(name.replace("&", "&&"), partial(self.source_requested.emit, source))


def _name(source: str) -> str:
    """A source as the menu shows it: the name of a file before its folder."""
    path = Path(source)
    if not path.is_absolute():
        return redacted(source)
    return f"{path.name}   {path.parent}"


def file_filters() -> str:
    """What the dialog for files offers to show."""
    kinds = {
        "Videos": VIDEO_SUFFIXES,
        "Pictures": PICTURE_SUFFIXES,
        "Models": frozenset({".pte"}),
    }
    everything = frozenset().union(*kinds.values())
    rows = {"Videos, pictures, models": everything, **kinds}
    texts = [f"{name} ({_patterns(suffixes)})" for name, suffixes in rows.items()]
    return ";;".join([*texts, "All files (*)"])


def _patterns(suffixes: frozenset[str]) -> str:
    """Patterns of a filter; some dialogs distinguish capital letters, as cameras write them."""
    return " ".join(f"*{suffix} *{suffix.upper()}" for suffix in sorted(suffixes))
