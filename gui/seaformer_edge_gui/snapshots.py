"""Snapshots of what is shown, written beside the window's thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from queue import Empty, SimpleQueue

import cv2

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.live import LiveResult
from seaformer_edge.sinks.base import write_whole
from seaformer_edge_gui.drawing import Image, View, draw_view

JOIN_S = 1.5
QUICK_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def free_name(folder: Path, ending: str, given: Collection[Path] = ()) -> Path:
    """A name after the time of day that no file has yet, and that was not `given` away."""
    now = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
    names = chain([now], (f"{now} ({i})" for i in count(2)))
    paths = (folder / f"{name}{ending}" for name in names)
    # Not Path.exists, which raises where the folder cannot be read; writing then says so.
    return next(p for p in paths if p not in given and not os.path.exists(p))  # noqa: PTH110


class SnapshotWriter:
    """Writes each snapshot in a thread of its own: `NAME.png`, `NAME overlay.png` and, with a
    segmenter, `NAME classes.png`, whose values are class ids. One thread, the window's, calls."""

    def __init__(self) -> None:
        self._done: SimpleQueue[Path | SeaformerEdgeError] = SimpleQueue()
        self._threads: dict[Path, threading.Thread] = {}  # by what each of them writes

    def save(self, result: LiveResult, view: View, folder: Path) -> None:
        """Writes a result's picture, its overlay as `view` wants it, and its class ids."""
        self._threads = {path: t for path, t in self._threads.items() if t.is_alive()}
        path = free_name(folder, ".png", self._threads)
        thread = threading.Thread(target=self._write, args=(result, view, path), name="still")
        self._threads[path] = thread
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
        for thread in self._threads.values():
            thread.join(JOIN_S)

    def _write(self, result: LiveResult, view: View, path: Path) -> None:
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
