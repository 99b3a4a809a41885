"""Starts the application and runs it until the window is closed."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType

import cv2

# opencv-python contains a second Qt and sets these variables to it when imported.
for _name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
    os.environ.pop(_name, None)

from PySide6.QtCore import QSettings, QStandardPaths, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from seaformer_edge.cli.interrupt import ending_signals  # noqa: E402
from seaformer_edge.errors import ModelError  # noqa: E402
from seaformer_edge.live import limit_malloc_arenas  # noqa: E402
from seaformer_edge.sources import SourceSpec, list_cameras  # noqa: E402
from seaformer_edge_gui import settings, theme  # noqa: E402
from seaformer_edge_gui.controller import Controller  # noqa: E402
from seaformer_edge_gui.window import Window  # noqa: E402

FIRST_SIZE = (1280, 800)


def run(source: str | None, model: str | None, threads: int | None) -> int:
    """Opens the window and returns the exit code after it is closed.

    Args:
        source, model, threads: command-line options; None for the stored setting.

    Raises:
        ModelError: `model` is unknown.
    """
    app = make_application()
    store = QSettings("seaformer-edge", "window")
    stored = settings.load(store)
    resolved = SourceSpec.parse(source).resolved() if source else ""
    values = replace(
        stored,
        source=resolved or stored.source or _first_source(),
        model=model or stored.model,
        threads=stored.threads if threads is None else threads,
    )
    try:
        controller = Controller(values, output_folder())
    except ModelError:
        if model is not None:
            raise
        controller = Controller(
            replace(values, model=""), output_folder()
        )  # the model was removed since
    window = Window(controller, store)
    _place(window, store)
    stop_on_signals(window)
    window.show()
    window.start()
    return app.exec()


def make_application() -> QApplication:
    """Creates the Qt application, and configures OpenCV and malloc for it."""
    limit_malloc_arenas()
    cv2.setNumThreads(1)  # the network and painting already use the cores
    app = QApplication(sys.argv[:1])
    app.setApplicationName("seaformer-edge")
    app.setApplicationDisplayName("SeaFormer edge")
    theme.prepare(app)
    return app


def output_folder() -> Path:
    """The folder for recordings and snapshots."""
    pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    return Path(pictures) / "seaformer-edge"


def stop_on_signals(window: Window) -> None:
    """Closes the window on Ctrl-C, SIGTERM and SIGHUP, and so finishes a recording.

    Python handles them at the next timer tick.
    """

    def close(number: int, frame: FrameType | None) -> None:
        QTimer.singleShot(0, window.close)  # after the current event

    for number in ending_signals():
        signal.signal(number, close)


def _first_source() -> str:
    cameras = list_cameras()
    return cameras[0].spec if cameras else "sample"


def _place(window: Window, store: QSettings) -> None:
    """Restores the stored geometry, or chooses a size that fits the screen."""
    geometry = store.value("geometry")
    if geometry is not None and window.restoreGeometry(geometry):
        return
    screen = window.screen().availableGeometry()
    window.resize(min(FIRST_SIZE[0], screen.width()), min(FIRST_SIZE[1], screen.height()))
