"""The next frame, resized while the network still has the one before."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.frame import Frame
from seaformer_edge.hub.card import Card
from seaformer_edge.inference.preprocess import preprocess
from seaformer_edge.live.latest_value import LatestValue

# A frame is taken so many resizes, and a little more, before the network is expected to be free: a
# late frame keeps the network waiting, an early one is older when it is shown.
RESIZES_AHEAD = 3
MARGIN_S = 1e-3


@dataclass(frozen=True, slots=True)
class PreprocessedFrame:
    """A frame taken from the slot.

    Attributes:
        captured_at_s: when, on `time.monotonic`'s clock.
        network_input: what the network takes, (h, w, 3) float32; None if nobody said which network.
        card: of the network it was network_input for.
        resize_ms: what that took.
    """

    frame: Frame
    captured_at_s: float
    network_input: NDArray[np.float32] | None = None
    card: Card | None = None
    resize_ms: float = 0.0


class Prefetcher:
    """Takes frames from a slot for one network thread, which alone calls its methods.

    It knows of the model no more than the card, for an open program must be let go of before the
    number of threads can change.
    """

    def __init__(self, slot: LatestValue[tuple[Frame, float]]) -> None:
        self._slot = slot
        self._thread = ThreadPoolExecutor(1, "resize")
        self._pending: Future[PreprocessedFrame | None] | None = None
        self._wanted = threading.Event()
        self._resize_s = 0.0

    def begin(self, card: Card, run_s: float) -> None:
        """Has the next frame taken and network_input by the time a run of about `run_s` ends."""
        self._wanted.clear()
        after_s = run_s - RESIZES_AHEAD * self._resize_s - MARGIN_S
        self._pending = self._thread.submit(self._take_later, card, after_s)

    def take(self) -> PreprocessedFrame | None:
        """Waits for a frame, network_input if it was begun; None as from `LatestValue.take`."""
        if self._pending is None:
            taken = self._slot.take()
            return None if taken is None else PreprocessedFrame(*taken)
        self._wanted.set()
        pending, self._pending = self._pending, None
        ready = pending.result()
        if ready is not None:
            self._resize_s = ready.resize_ms / 1e3
        return ready

    def close(self) -> None:
        """Ends the thread; the slot is closed by now."""
        self._wanted.set()
        self._thread.shutdown()

    def _take_later(self, card: Card, after_s: float) -> PreprocessedFrame | None:
        self._wanted.wait(max(after_s, 0.0))
        taken = self._slot.take()
        if taken is None:
            return None
        frame, captured_at_s = taken
        started = perf_counter()
        with suppress(Exception):  # it comes again, and is told, when the network thread tries
            network_input = preprocess(frame.image, card.height, card.width)
            return PreprocessedFrame(
                frame, captured_at_s, network_input, card, (perf_counter() - started) * 1e3
            )
        return PreprocessedFrame(frame, captured_at_s)
