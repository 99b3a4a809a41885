"""Writes snapshots in threads of their own."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from queue import Empty, SimpleQueue

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.inference.views import View
from seaformer_edge.live.result import LiveResult
from seaformer_edge.sinks.encoder import Picture
from seaformer_edge.sinks.pictures import write_picture

JOIN_S = 1.5


def free_name(folder: Path, ending: str, taken: Collection[Path] = ()) -> Path:
    """A name made of date and time that no file has yet and that is not in `taken`."""
    now = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
    names = chain([now], (f"{now} ({i})" for i in count(2)))
    paths = (folder / f"{name}{ending}" for name in names)
    # Not Path.exists, which raises if the folder cannot be read; writing reports that better.
    return next(p for p in paths if p not in taken and not os.path.exists(p))  # noqa: PTH110


class SnapshotWriter:
    """Writes each snapshot in a separate thread.

    Always writes `NAME.png`; with a segmenter also `NAME overlay.png` and `NAME classes.png`, a
    palette PNG whose indices are class ids; with a classifier an overlay, if it has names. Only one
    thread calls it.
    """

    def __init__(self) -> None:
        self._done: SimpleQueue[Path | SeaformerEdgeError] = SimpleQueue()
        self._threads: dict[Path, threading.Thread] = {}  # by the file it writes

    def save(self, result: LiveResult, view: View, folder: Path) -> None:
        """Writes a result's frame, its overlay drawn as `view` asks, and its class ids."""
        self._threads = {path: t for path, t in self._threads.items() if t.is_alive()}
        path = free_name(folder, ".png", self._threads)
        thread = threading.Thread(target=self._write, args=(result, view, path), name="snapshot")
        self._threads[path] = thread
        thread.start()

    def outcomes(self) -> list[Path | SeaformerEdgeError]:
        """The paths saved and the errors since the last call."""
        done = []
        try:
            while True:
                done.append(self._done.get_nowait())
        except Empty:
            return done

    @property
    def busy(self) -> bool:
        """Whether a snapshot is being written."""
        return any(thread.is_alive() for thread in self._threads.values())

    def stop(self) -> None:
        """Waits until the last snapshots are written, but not forever."""
        for thread in self._threads.values():
            thread.join(JOIN_S)

    def _write(self, result: LiveResult, view: View, path: Path) -> None:
        pictures: dict[Path, Picture] = {path: result.frame.image}
        if result.mask is not None:
            pictures[path.with_stem(f"{path.stem} overlay")] = result.render(view)
            pictures[path.with_stem(f"{path.stem} classes")] = result.mask
        elif view.names and result.classification is not None:
            pictures[path.with_stem(f"{path.stem} overlay")] = result.render(view)
        try:
            for target, picture in pictures.items():
                write_picture(target, picture)
            self._done.put(path)
        except SeaformerEdgeError as error:
            self._done.put(error)
