"""The application: from settings to a closed window."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType

import cv2

# OpenCV's full package carries another Qt and points at it when imported.
for _name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
    os.environ.pop(_name, None)

from PySide6.QtCore import QSettings, QStandardPaths, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from seaformer_edge.errors import ModelError  # noqa: E402
from seaformer_edge.live import limit_malloc_arenas  # noqa: E402
from seaformer_edge.sources import from_anywhere  # noqa: E402
from seaformer_edge.sources.listing import list_cameras  # noqa: E402
from seaformer_edge_gui import settings, theme  # noqa: E402
from seaformer_edge_gui.controller import Controller  # noqa: E402
from seaformer_edge_gui.window import Window  # noqa: E402

FIRST_SIZE = (1280, 800)


def run(source: str | None, model: str | None, threads: int | None) -> int:
    """Opens the window and returns the exit code once it is closed.

    Args:
        source, model, threads: of the command line; None for what was remembered.

    Raises:
        ModelError: the model asked for is not known here.
    """
    app = make_application()
    store = QSettings("seaformer-edge", "window")
    remembered = settings.load(store)
    values = replace(
        remembered,
        source=from_anywhere(source) if source else remembered.source or _first_source(),
        model=model or remembered.model,
        threads=remembered.threads if threads is None else threads,
    )
    try:
        controller = Controller(values, output_folder())
    except ModelError:
        if model is not None:
            raise
        controller = Controller(replace(values, model=""), output_folder())  # it was removed
    window = Window(controller, store)
    _place(window, store)
    stop_on_signals(window)
    window.show()
    window.start()
    return app.exec()


def make_application() -> QApplication:
    """Qt, and OpenCV and malloc beside it, as the window wants them."""
    limit_malloc_arenas()
    cv2.setNumThreads(1)  # the network and the painting share the cores already
    app = QApplication(sys.argv[:1])
    app.setApplicationName("seaformer-edge")
    app.setApplicationDisplayName("SeaFormer edge")
    theme.prepare(app)
    return app


def output_folder() -> Path:
    """Where recordings and snapshots go."""
    pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    return Path(pictures) / "seaformer-edge"


def stop_on_signals(window: Window) -> None:
    """Closes the window on Ctrl-C in the terminal; its ticks let Python see the signal."""

    def close(number: int, frame: FrameType | None) -> None:
        QTimer.singleShot(0, window.close)  # not in the middle of whatever it does

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, close)


def _first_source() -> str:
    cameras = list_cameras()
    return cameras[0].spec if cameras else "sample"


def _place(window: Window, store: QSettings) -> None:
    """Where it was the last time, or a size that fits the screen."""
    geometry = store.value("geometry")
    if geometry is not None and window.restoreGeometry(geometry):
        return
    screen = window.screen().availableGeometry()
    window.resize(min(FIRST_SIZE[0], screen.width()), min(FIRST_SIZE[1], screen.height()))
