"""Records live results: into a video, or the classes of each into a table."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.inference.views import View
from seaformer_edge.live.latest_value import LatestValue
from seaformer_edge.live.result import LiveResult
from seaformer_edge.live.series import Series, VideoSeries
from seaformer_edge.live.stats import LiveStats
from seaformer_edge.machine import malloc
from seaformer_edge.sinks import ClassScores, ClassShares, VideoFile
from seaformer_edge.sinks.base import free_bytes
from seaformer_edge.sinks.encoder import Picture
from seaformer_edge.sinks.tables import TABLE_SUFFIXES

log = logging.getLogger(__name__)

DrawResult = Callable[[LiveResult], Picture | None]
"""What is recorded of a result: (H, W, 3) uint8 RGB or an indexed image; None leaves it out."""


class Recorder:
    """A thread that records results; those that come too fast are dropped.

    Before the disk is full, the recording ends whole.

    Args:
        path: the file; its suffix is the format, .csv or .jsonl that of a table. Of a series, what
            its files are named after.
        draw: called in this thread; a table does not need it.
        overwrite: replace a file that exists.
        codec: a key of `sinks.encoder.CODECS`, "masks" where `draw` makes indexed images; None
            for the usual one.
        series: splits the recording into several files.
        stats: counts the dropped results.
        on_over: called in this thread once the file is finished, with the error message, "" if
            there was none. Not an exception: its traceback would keep the encoder's threads alive.

    Attributes:
        frames: that have been recorded.
        recorded_s: from the first of them to the last.
        free_bytes: of the disk; None if unknown.

    Raises:
        SinkError: the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        draw: DrawResult,
        overwrite: bool,
        stats: LiveStats,
        on_over: Callable[[Recorder, str], None],
        codec: str | None = None,
        series: Series | None = None,
    ) -> None:
        self.frames = 0
        self.recorded_s = 0.0
        self.free_bytes = free_bytes(path)
        self._stats = stats
        self._on_over = on_over
        self._slot: LatestValue[LiveResult] = LatestValue()
        self._file: _RecordingFile
        if series is not None:
            self._file = _Video(VideoSeries(path, series, codec=codec), draw)
        elif path.suffix.lower() in TABLE_SUFFIXES:
            self._file = _Table(path, overwrite)
        else:
            self._file = _Video(VideoFile(path, overwrite=overwrite, live=True, codec=codec), draw)
        self.thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.thread.start()

    @property
    def path(self) -> Path:
        """The file that is being written."""
        return self._file.path

    def put(self, result: LiveResult) -> None:
        """Hands a result to the thread, which records it soon."""
        if self._slot.put(result):
            self._stats.drop("not recorded")

    def finish(self) -> None:
        """Makes the thread finish the file."""
        self._slot.close()

    def _run(self) -> None:
        error_message = ""
        try:
            with self._file:
                begun_s: float | None = None
                while (result := self._slot.take()) is not None:
                    if self._file.write(result):
                        begun_s = result.captured_at_s if begun_s is None else begun_s
                        self.recorded_s = result.captured_at_s - begun_s
                        self.free_bytes = free_bytes(self.path)
                        self.frames += 1
        except SeaformerEdgeError as error:
            error_message = str(error)
        except Exception as error:
            log.exception("recording %s", self.path)
            error_message = f"{self.path}: recording ended ({error!r})"
        if error_message:
            # An exception and its stack frames can form a cycle that keeps the encoder's threads.
            gc.collect()
        malloc.trim_heap()
        self._on_over(self, error_message)


class _RecordingFile(AbstractContextManager[object], Protocol):
    """What a recorder writes to."""

    @property
    def path(self) -> Path: ...

    def write(self, result: LiveResult) -> bool:
        """Adds a result; returns whether there was something to record. Raises SinkError."""


class _Video(_RecordingFile):
    """Pictures of results."""

    def __init__(self, file: VideoFile | VideoSeries, draw: DrawResult) -> None:
        self._file = file
        self._draw = draw

    @property
    def path(self) -> Path:
        return self._file.path

    def write(self, result: LiveResult) -> bool:
        if (picture := self._draw(result)) is None:
            return False
        self._file.pixel_aspect = result.frame.pixel_aspect
        self._file.write(picture, result.captured_at_s)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)


class _Table(_RecordingFile):
    """The classes of results, or the scores if the first one is a classifier's."""

    def __init__(self, path: Path, overwrite: bool) -> None:
        self._shares = ClassShares(path, overwrite=overwrite)
        self._scores = ClassScores(path, overwrite=overwrite)
        self._table: ClassShares | ClassScores | None = None  # the one that is written
        self._begun_s = 0.0
        self._frames = 0

    @property
    def path(self) -> Path:
        return self._shares.path

    def write(self, result: LiveResult) -> bool:
        if result.prediction is None or not result.current:
            return False
        if self._table is None:
            self._table = self._scores if result.classification is not None else self._shares
            self._begun_s = result.captured_at_s
        time_s = result.captured_at_s - self._begun_s
        frame = replace(result.frame, index=self._frames, timestamp_s=time_s)
        if self._table is self._shares and result.segmentation is not None:
            self._shares.write(frame, result.segmentation)
        elif self._table is self._scores and result.classification is not None:
            self._scores.write(frame, result.classification)
        else:
            return False
        self._frames += 1
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._shares.__exit__(*error)
        self._scores.__exit__(*error)


def drawing_of(what: str, draw_view: DrawResult) -> tuple[DrawResult, str | None]:
    """What draws the pictures of a recording, and the codec for them.

    Args:
        what: "view", "raw" for the pictures alone, or "masks" for class ids, without loss.
        draw_view: draws the view.
    """
    if what == "raw":
        return (lambda result: result.frame.image), None
    if what == "masks":
        return (lambda result: result.mask), "masks"
    return draw_view, None


def draw_overlay(result: LiveResult) -> NDArray[np.uint8]:
    """The frame with its classes in the model's colours, or the frame without a segmentation."""
    return result.render(View())
