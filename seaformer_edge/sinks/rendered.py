"""From a renderer to a sink of pictures, as one sink of results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.frame import Frame, Result
from seaformer_edge.sinks.base import PictureSink, Sink

Render = Callable[[Frame, Result], NDArray[np.uint8]]
"""Draws a frame and its result as a picture, (H, W, 3) uint8 RGB."""


class Rendered(Sink[Result]):
    """Draws each result with `render` and writes the picture to `pictures`.

        with Rendered(draw_scores_of, open_sink(path, source)) as sink:
            process(source, classifier, [sink])

    Args:
        render: called in the thread that writes.
        pictures: closed with this sink.
    """

    def __init__(self, render: Render[Result], pictures: PictureSink) -> None:
        self.path = pictures.path
        self._render: Render[Result] = render
        self._pictures = pictures

    def write(self, frame: Frame, result: Result) -> None:
        self._pictures.write(frame, self._render(frame, result))

    def close(self) -> None:
        self._pictures.close()

    def discard(self) -> None:
        self._pictures.discard()
