"""Preprocesses the next frame while the network runs on the current one."""

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
from seaformer_edge.inference.preprocess import preprocess_for
from seaformer_edge.live.latest_value import LatestValue

# A frame is taken this many preprocessing times, plus a margin, before the network is expected to
# be free: taken too late, the network waits for it; taken too early, it is older when displayed.
LEAD_RESIZES = 3
LEAD_MARGIN_S = 1e-3


@dataclass(frozen=True, slots=True)
class PreprocessedFrame:
    """A frame taken from the slot, with the network's input if it has been made.

    Attributes:
        network_input: (h, w, 3) from `preprocess_for`; None if the frame was not prefetched, or
            preprocessing failed.
        card: of the model that `network_input` is for.
        resize_ms: duration of the preprocessing.
    """

    frame: Frame
    network_input: NDArray[np.floating] | None = None
    card: Card | None = None
    resize_ms: float = 0.0


class Prefetcher:
    """Takes frames from a slot for the network thread, which alone calls its methods.

    It keeps the model's card but not the model: an open program must be closed before the number
    of threads can change.
    """

    def __init__(self, slot: LatestValue[Frame]) -> None:
        self._slot = slot
        self._thread = ThreadPoolExecutor(1, "resize")
        self._pending: Future[PreprocessedFrame | None] | None = None
        self._wanted = threading.Event()
        self._resize_s = 0.0

    def start(self, card: Card, run_s: float) -> None:
        """Starts to take and preprocess the next frame, for a network run of about `run_s`."""
        self._wanted.clear()
        delay_s = run_s - LEAD_RESIZES * self._resize_s - LEAD_MARGIN_S
        self._pending = self._thread.submit(self._take_after, card, delay_s)

    def take(self) -> PreprocessedFrame | None:
        """Waits for a frame, preprocessed if `start` was called; None as `LatestValue.take`."""
        if self._pending is None:
            frame = self._slot.take()
            return None if frame is None else PreprocessedFrame(frame)
        self._wanted.set()
        pending, self._pending = self._pending, None
        preprocessed = pending.result()
        if preprocessed is not None:
            self._resize_s = preprocessed.resize_ms / 1e3
        return preprocessed

    def close(self) -> None:
        """Ends the thread. The slot must be closed before."""
        self._wanted.set()
        self._thread.shutdown()

    def _take_after(self, card: Card, delay_s: float) -> PreprocessedFrame | None:
        self._wanted.wait(max(delay_s, 0.0))
        frame = self._slot.take()
        if frame is None:
            return None
        started_s = perf_counter()
        with suppress(Exception):  # the network thread tries again and reports the error
            network_input = preprocess_for(card, frame.image)
            return PreprocessedFrame(
                frame, network_input, card, resize_ms=(perf_counter() - started_s) * 1e3
            )
        return PreprocessedFrame(frame)
