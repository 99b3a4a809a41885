"""Snapshots of what is shown, written beside the window's thread."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue

import cv2

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.live import LiveResult
from seaformer_edge.sinks.base import write_whole
from seaformer_edge_gui.drawing import Image, View, draw_view

JOIN_S = 1.5
QUICK_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def free_name(folder: Path, ending: str) -> Path:
    """A name after the time of day that no file has yet."""
    now = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
    names = [now, *(f"{now} ({i})" for i in range(2, 1000))]
    return next(p for name in names if not (p := folder / f"{name}{ending}").exists())


class StillWriter:
    """Writes each snapshot in a thread of its own: `NAME.png`, `NAME overlay.png` and, with a
    segmenter, `NAME classes.png`, whose values are class ids."""

    def __init__(self) -> None:
        self._done: SimpleQueue[Path | SeaformerEdgeError] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def save(self, result: LiveResult, view: View, folder: Path) -> None:
        """Writes a result's picture, its overlay as `view` wants it, and its class ids."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=self._write, args=(result, view, folder), name="still")
        self._threads.append(thread)
        thread.start()

    def outcomes(self) -> list[Path | SeaformerEdgeError]:
        """What was saved, or not, since the last call."""
        done = []
        try:
            while True:
                done.append(self._done.get_nowait())
        except Empty:
            return done

    def stop(self) -> None:
        for thread in self._threads:
            thread.join(JOIN_S)

    def _write(self, result: LiveResult, view: View, folder: Path) -> None:
        path = free_name(folder, ".png")
        pictures = {path: result.frame.image}
        if result.segmentation is not None:
            pictures[path.with_stem(f"{path.stem} overlay")] = draw_view(result, view)
            pictures[path.with_stem(f"{path.stem} classes")] = result.segmentation.label_map
        try:
            for target, picture in pictures.items():
                write_whole(target, _png(picture))
            self._done.put(path)
        except SeaformerEdgeError as error:
            self._done.put(error)


def _png(picture: Image) -> bytes:
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR).astype("uint8", copy=False)
    return cv2.imencode(".png", picture, QUICK_PNG)[1].tobytes()
