"""Records live results into a video file."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.inference.views import View
from seaformer_edge.live.latest_value import LatestValue
from seaformer_edge.live.result import LiveResult
from seaformer_edge.live.series import Series, VideoSeries
from seaformer_edge.live.stats import LiveStats
from seaformer_edge.machine import malloc
from seaformer_edge.sinks import VideoFile
from seaformer_edge.sinks.encoder import Picture

log = logging.getLogger(__name__)

DrawResult = Callable[[LiveResult], Picture | None]
"""What is recorded of a result: (H, W, 3) uint8 RGB or an indexed image; None leaves it out."""


class Recorder:
    """A thread that writes results into a video; results that come too fast are dropped.

    Args:
        path: the file; its suffix is the format. Of a series, what its files are named after.
        draw: called in this thread.
        overwrite: replace a file that exists.
        codec: a key of `sinks.encoder.CODECS`, "masks" where `draw` makes indexed images; None
            for the usual one.
        series: splits the recording into several files.
        stats: counts the dropped results.
        on_over: called in this thread once the file is finished, with the error message, "" if
            there was none. Not an exception: its traceback would keep the encoder's threads alive.

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
        self._draw = draw
        self._stats = stats
        self._on_over = on_over
        self._slot: LatestValue[LiveResult] = LatestValue()
        self._video: VideoFile | VideoSeries
        if series is None:
            self._video = VideoFile(path, overwrite=overwrite, live=True, codec=codec)
        else:
            self._video = VideoSeries(path, series, codec=codec)
        self.thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.thread.start()

    @property
    def path(self) -> Path:
        """The file that is being written."""
        return self._video.path

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
            with self._video:
                while (result := self._slot.take()) is not None:
                    if (picture := self._draw(result)) is not None:
                        self._video.pixel_aspect = result.frame.pixel_aspect
                        self._video.write(picture, result.captured_at_s)
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


def draw_overlay(result: LiveResult) -> NDArray[np.uint8]:
    """The frame with its classes in the model's colours, or the frame without a segmentation."""
    return result.render(View())
