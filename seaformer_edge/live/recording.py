"""What is shown live, into a video file, through the headless job's own writer."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.frame import Frame, Segmentation
from seaformer_edge.inference.views import draw
from seaformer_edge.live.latest_value import LatestValue
from seaformer_edge.live.result import LiveResult
from seaformer_edge.live.stats import LiveStats
from seaformer_edge.machine import malloc
from seaformer_edge.sinks import OverlayVideo
from seaformer_edge.sources import FrameSource

_UNSEEN = Segmentation(np.zeros((0, 0), np.uint8), (), {})

log = logging.getLogger(__name__)

DrawResult = Callable[[LiveResult], NDArray[np.uint8]]
"""What is recorded of a result: (H, W, 3) uint8 RGB."""


class Recorder:
    """A thread that writes results into a video; those that come too fast are counted and gone.

    Args:
        path: the file; its suffix is the format.
        draw: called in this thread.
        overwrite: replace a file that exists.
        stats: hears of results that are not recorded.
        on_over: called in this thread once the file is whole, with what went wrong, "" if
            nothing did. No exception: its traceback would keep the encoder and its threads.

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
    ) -> None:
        self.path = path
        self.frames = 0
        self._draw = draw
        self._stats = stats
        self._on_over = on_over
        self._slot: LatestValue[LiveResult] = LatestValue()
        self._result: LiveResult | None = None
        self._video = OverlayVideo(path, self._drawn, _Live(), overwrite=overwrite)
        self.thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.thread.start()

    def put(self, result: LiveResult) -> None:
        """Records a result, soon."""
        if self._slot.put(result):
            self._stats.drop("not recorded")

    def finish(self) -> None:
        """Lets the thread finish the file."""
        self._slot.close()

    def _run(self) -> None:
        trouble = ""
        try:
            with self._video:
                while (result := self._slot.take()) is not None:
                    self._result = result
                    # Files begin at index 0 with time 0; this one begins at its first frame.
                    frame = replace(
                        result.frame, index=self.frames + 1, timestamp_s=result.captured_at_s
                    )
                    self._video.write(frame, result.segmentation or _UNSEEN)
                    self.frames += 1
        except SeaformerEdgeError as error:
            trouble = str(error)
        except Exception as error:
            log.exception("recording %s", self.path)
            trouble = f"{self.path}: recording ended ({error!r})"
        if trouble:
            # Exceptions and their frames can hold each other, and so the encoder and its threads.
            gc.collect()
        del self._video  # it knows `_drawn`, and so us and the last result: a cycle
        malloc.trim_heap()
        self._on_over(self, trouble)

    def _drawn(self, frame: Frame, segmentation: Segmentation) -> NDArray[np.uint8]:
        assert self._result is not None
        return self._draw(self._result)


def draw_overlay(result: LiveResult) -> NDArray[np.uint8]:
    """The frame with its classes in the model's colours, or as it is without a segmentation."""
    seen, image = result.prediction, result.frame.image
    if seen is None or seen.segmentation is None:
        return image
    return draw(image, seen.segmentation.label_map, np.array(seen.card.palette, np.uint8))


class _Live(FrameSource):
    """What a video must know of the source of its frames: that it is no file."""

    frame_rate = None

    def __iter__(self) -> Iterator[Frame]:
        return iter(())
