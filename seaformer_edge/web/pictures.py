"""Pictures of the newest result, each made once for all clients, and only if one waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.hub.card import Card
from seaformer_edge.inference.views import View, draw_scores
from seaformer_edge.live import LivePipeline, LiveResult
from seaformer_edge.sinks.indexed import palette_png

Stamp = tuple[int, int]
"""The sequence number of a result, and the number of changes of the view until then."""


@dataclass(frozen=True, slots=True)
class Size:
    """A size of the streamed picture: at most `width` pixels wide, JPEG quality 1 to 100."""

    width: int
    quality: int


SIZES = (Size(1280, 80), Size(640, 75), Size(320, 60))
"""From the largest; each takes about a third of the bytes of the one before."""

SNAPSHOT = Size(2**16, 92)
"""The picture in its own size."""

MASK = "mask"
"""The class ids as a palette PNG."""

Kind = Size | str


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture; `data` is None of a mask where there are no class ids."""

    stamp: Stamp
    data: bytes | None


Waiter = tuple[Stamp | None, asyncio.Future[Picture]]
"""What a client shows, and where it waits for another picture."""


class Pictures:
    """Makes pictures in a thread of its own. Only the event loop's thread calls it.

    Args:
        pipeline: its newest result is shown.
        view_of: how to draw the results of a model.
    """

    def __init__(self, pipeline: LivePipeline, view_of: Callable[[Card | None], View]) -> None:
        self._pipeline = pipeline
        self._view_of = view_of
        self._loop = asyncio.get_running_loop()
        self._worker = ThreadPoolExecutor(1, "web pictures")
        self._changes = 0
        self._busy = False
        self._made: dict[Kind, Picture] = {}
        self._waiting: dict[Kind, list[Waiter]] = {}
        pipeline.notify(self._on_result)

    async def other_than(self, shown: Stamp | None, kind: Kind) -> Picture:
        """Waits for a picture that is newer, or drawn in another way, than the one shown."""
        future: asyncio.Future[Picture] = self._loop.create_future()
        self._waiting.setdefault(kind, []).append((shown, future))
        self._work()
        return await future

    def view_changed(self) -> None:
        """Makes everybody's picture anew, also while the run is paused."""
        self._changes += 1
        self._work()

    def close(self) -> None:
        """Ends the thread; does not wait for it."""
        self._pipeline.notify(None)
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _on_result(self) -> None:
        """In a thread of the run. A client that begins to wait looks for a result afterwards."""
        if self._waiting:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._work)

    def _work(self) -> None:
        result = self._pipeline.newest()
        if self._busy or result is None:
            return
        stamp = (result.sequence, self._changes)
        for kind, picture in self._made.items():
            if picture.stamp == stamp:
                self._hand_out(kind, picture)
        kinds = [
            kind
            for kind, waiting in self._waiting.items()
            if any(shown != stamp and not future.done() for shown, future in waiting)
        ]
        if kinds:
            self._busy = True
            self._worker.submit(self._make, result, self._view_of(result.card), stamp, kinds)

    def _hand_out(self, kind: Kind, picture: Picture | BaseException) -> None:
        left: list[Waiter] = []
        for shown, future in self._waiting.pop(kind, ()):
            if future.done():  # the client is gone
                continue
            if isinstance(picture, BaseException):
                future.set_exception(picture)
            elif shown == picture.stamp:
                left.append((shown, future))
            else:
                future.set_result(picture)
        if left:
            self._waiting[kind] = left

    def _done(self, kind: Kind, picture: Picture | BaseException, last: bool) -> None:
        if isinstance(picture, Picture):
            self._made[kind] = picture
        self._hand_out(kind, picture)
        if last:
            self._busy = False
            self._work()

    # The worker's thread.

    def _make(self, result: LiveResult, view: View, stamp: Stamp, kinds: list[Kind]) -> None:
        drawn: NDArray[np.uint8] | None = None
        for kind in kinds:
            made: Picture | BaseException
            try:
                if isinstance(kind, Size):
                    drawn = draw(result, view) if drawn is None else drawn
                    made = Picture(stamp, _jpeg(drawn, kind))
                else:
                    mask = result.mask
                    made = Picture(stamp, None if mask is None else palette_png(mask))
            except Exception as error:  # whoever waits for it reports it
                made = error.with_traceback(None)
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._done, kind, made, kind == kinds[-1])


def draw(result: LiveResult, view: View) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB: the view of a result, or the scores of a classifier."""
    if result.classification is not None:
        return draw_scores(result.frame.image, result.classification.classes)
    return result.render(view)


def _jpeg(image: NDArray[np.uint8], size: Size) -> bytes:
    """A JPEG of the picture, made smaller if it is wider than `size`."""
    picture: cv2.typing.MatLike = image
    if image.shape[1] > size.width:
        height = max(round(image.shape[0] * size.width / image.shape[1]), 1)
        picture = cv2.resize(image, (size.width, height), interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, size.quality])[1].tobytes()
