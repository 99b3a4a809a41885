"""Starts the application and runs it until the window is closed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import cv2

# opencv-python contains a second Qt and sets these variables to it when imported.
for _name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
    os.environ.pop(_name, None)

from PySide6.QtCore import (  # noqa: E402
    QLockFile,
    QPoint,
    QSettings,
    QSize,
    QStandardPaths,
    Qt,
    QTimer,
)
from PySide6.QtWidgets import QApplication  # noqa: E402

from seaformer_edge.cli.interrupt import ending_signals  # noqa: E402
from seaformer_edge.errors import ModelError, SeaformerEdgeError, SourceError  # noqa: E402
from seaformer_edge.hub.card import read_card  # noqa: E402
from seaformer_edge.hub.zoo import resolve_model  # noqa: E402
from seaformer_edge.live import limit_malloc_arenas  # noqa: E402
from seaformer_edge.sources import CameraSettings, SourceSpec  # noqa: E402
from seaformer_edge_gui import settings, theme  # noqa: E402
from seaformer_edge_gui.controller import Controller, default_source  # noqa: E402
from seaformer_edge_gui.window import Window  # noqa: E402

FIRST_SIZE = (1280, 800)
TITLE_BAR_PX = 60  # with a task bar
SHIFT_PX = 32  # between windows that are open at once
MAX_COUNTED = 8


def run(
    source: str | None,
    model: str | None,
    threads: int | None,
    camera: Mapping[str, Any] | None = None,
) -> int:
    """Opens the window and returns the exit code after it is closed.

    Args:
        source, model, threads: command-line options; None for the stored setting.
        camera: values of `CameraSettings`; the others are as stored for the camera.

    Raises:
        SeaformerEdgeError: `source` or `model` cannot be opened; the message names all problems.
    """
    problems = [_problem_of_model(model or ""), _problem_of_source(source or "")]
    if any(problems):
        raise SeaformerEdgeError("; ".join(filter(None, problems)))
    app = make_application()
    store = QSettings("seaformer-edge", "window")
    window = make_window(store, source, model, threads, camera)
    with counted() as others:
        place(window, store, others)
        stop_on_signals(window)
        window.show()
        window.start()
        return app.exec()


def make_window(
    store: QSettings,
    source: str | None,
    model: str | None,
    threads: int | None,
    camera: Mapping[str, Any] | None = None,
) -> Window:
    """The window, not shown yet, with the stored settings for what is None.

    What is stored and has been removed since is replaced, with a message, but stays stored.
    """
    stored = settings.load(store)
    values = replace(stored, threads=stored.threads if threads is None else threads)
    removed = []
    if source:
        values = replace(values, source=SourceSpec.parse(source).resolved())
    elif problem := _problem_of_source(stored.source):
        values = replace(values, source="")
        removed.append(problem)
    if model:
        values = replace(values, model=model)
    elif problem := _problem_of_model(stored.model):
        values = replace(values, model="")
        removed.append(problem)
    if camera:
        opened = values.source or default_source()
        if SourceSpec.parse(opened).is_camera:
            chosen = replace(values.cameras.get(opened, CameraSettings()), **camera)
            values = replace(values, cameras={**values.cameras, opened: chosen})
    controller = Controller(values, output_folder(), stored)
    if removed:
        controller.announce(f"Not opened again: {'; '.join(removed)}", is_error=True)
    return Window(controller, store)


def _problem_of_source(source: str) -> str:
    """Why a source that can be looked at without waiting for it cannot be opened; "" if it can."""
    spec = SourceSpec.parse(source)
    if not source or spec.is_live:  # a camera may be plugged in later
        return ""
    try:
        spec.open().close()
    except SourceError as error:
        return str(error)
    return ""


def _problem_of_model(model: str) -> str:
    """Why a model cannot be opened; "" if it can, as far as its card tells."""
    try:
        read_card(resolve_model(model or None))
    except ModelError as error:
        return str(error)
    return ""


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


@contextmanager
def counted() -> Iterator[int]:
    """How many other windows this user has open, at least; this one counts while inside."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.TempLocation)
    for others in range(MAX_COUNTED):
        lock = QLockFile(f"{folder}/seaformer-edge-{os.getuid()}-{others}.lock")
        lock.setStaleLockTime(0)  # only that of a process that has ended
        if lock.tryLock(0) or lock.error() is not QLockFile.LockError.LockFailedError:
            break
    yield others
    lock.unlock()


def place(window: Window, store: QSettings, others: int = 0) -> None:
    """Restores the stored geometry, or chooses a size that fits the screen.

    Args:
        others: the number of other windows; this one must not cover them exactly.
    """
    geometry = store.value("geometry")
    if geometry is None or not window.restoreGeometry(geometry):
        screen = window.screen().availableGeometry()
        size = QSize(*FIRST_SIZE).boundedTo(screen.size())
        window.resize(size)
        # The title bar's height is not known yet: the window manager lets both fit.
        if screen.height() < FIRST_SIZE[1] + TITLE_BAR_PX or screen.width() < FIRST_SIZE[0]:
            window.setWindowState(Qt.WindowState.WindowMaximized)
    if others:
        window.setWindowState(Qt.WindowState.WindowNoState)
        window.move(window.pos() + QPoint(SHIFT_PX, SHIFT_PX) * others)
