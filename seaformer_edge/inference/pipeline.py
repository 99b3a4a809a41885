"""The offline loop: a source's frames through the network to the sinks, none dropped.

Reading, the network and writing work at once:

    reader: source -> | frame, its result to come | -> caller: waits for it -> sinks
                          workers: the network

A failure anywhere is raised in the caller, once the reader and the workers have ended.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.frame import ClassScore, ClassShare, Frame, Result
from seaformer_edge.sinks.base import Sink
from seaformer_edge.sources.base import FrameSource

# Enough to ride out a key frame's encoding, little enough for 4K frames on a small board.
CHANNEL_CAPACITY = 4

T = TypeVar("T")
_Coming = tuple[Frame, Future[Result]]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did.

    Attributes:
        frames: frames that went through the network and were written.
        lost_frames: frames of the source that could not be decoded.
        elapsed_s: wall-clock seconds.
        mean_ms: mean milliseconds of a frame by stage, in the order of the way: "decode", the
            stages of a result's `timings_ms`, "write". Stages overlap in time.
        classes: mean share of the pictures and mean confidence of each class seen, largest first.
            Of a classifier: mean probability, counted only where it was among a frame's best.
        interrupted: the run was stopped before the source's end.
    """

    frames: int
    lost_frames: int
    elapsed_s: float
    mean_ms: dict[str, float]
    classes: tuple[ClassShare, ...] | tuple[ClassScore, ...]
    interrupted: bool


def process(
    source: FrameSource,
    network: Callable[[NDArray[np.uint8]], Result],
    sinks: Sequence[Sink[Result]],
    *,
    at_once: int = 1,
    stop: threading.Event | None = None,
    on_frame: Callable[[], object] = lambda: None,
) -> RunSummary:
    """Sends every frame of `source` through the network and its result, in order, to all `sinks`.

    Args:
        source: is read in a thread of its own.
        network: a `Segmenter` or `Classifier`, or what takes (H, W, 3) uint8 RGB as they do;
            called from several threads.
        sinks: are written to in the calling thread, and left open.
        at_once: how many pictures can be in the network at once. As many threads call it, but
            two at least, so that one frame's labels are made while the next is in the network.
        stop: once set, no further frame is written.
        on_frame: called after each frame that was written.

    Raises:
        Whatever a source, `network` or a sink raises. The frames before it are written.
    """
    stop = stop or threading.Event()
    started = perf_counter()
    tally = _Tally()
    num_workers = max(at_once, 2)
    coming: Channel[_Coming[Result]] = Channel(max(num_workers, CHANNEL_CAPACITY))
    workers = ThreadPoolExecutor(num_workers)
    try:
        with ThreadPoolExecutor(1) as reading:
            reader = reading.submit(_read, source, network, workers, coming, tally)
            try:
                for frame, pending in coming:
                    result = pending.result()
                    if stop.is_set():
                        break
                    begun = perf_counter()
                    for sink in sinks:
                        sink.write(frame, result)
                    tally.add_written(result, (perf_counter() - begun) * 1e3)
                    on_frame()
            finally:
                coming.cancel()
    finally:
        workers.shutdown(cancel_futures=True)
    reader.result()
    return RunSummary(
        frames=tally.frames,
        lost_frames=source.lost_frames,
        elapsed_s=perf_counter() - started,
        mean_ms=tally.mean_ms(),
        classes=tally.classes(),
        interrupted=stop.is_set(),
    )


class Channel(Generic[T]):
    """A bounded queue from one thread to one other that either can end.

    One lock, that of `_changed`, guards every field.
    """

    def __init__(self, capacity: int = CHANNEL_CAPACITY) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._finished = False
        self._cancelled = False
        self._changed = threading.Condition()

    def put(self, item: T) -> bool:
        """Waits for room; False says that nobody takes items any more."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._capacity or self._cancelled)
            if not self._cancelled:
                self._items.append(item)
                self._changed.notify_all()
            return not self._cancelled

    def finish(self) -> None:
        """The producer has no more items; the consumer still gets those that wait."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def cancel(self) -> None:
        """The consumer takes no more items; those that wait are let go."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._finished or self._cancelled)
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


class _Tally:
    """Adds up a run. The reader adds decoding times, the caller all else."""

    def __init__(self) -> None:
        self.frames = 0
        self._decoded = 0
        self._decode_ms = 0.0
        self._stage_ms: dict[str, float] = {}
        self._amounts: dict[int, float] = {}  # shares or probabilities
        self._confidences: dict[int, float] = {}
        self._names: dict[int, str] = {}

    def add_decoded(self, elapsed_ms: float) -> None:
        self._decoded += 1
        self._decode_ms += elapsed_ms

    def add_written(self, result: Result, elapsed_ms: float) -> None:
        self.frames += 1
        for stage, stage_ms in (*result.timings_ms.items(), ("write", elapsed_ms)):
            self._stage_ms[stage] = self._stage_ms.get(stage, 0.0) + stage_ms
        for seen in result.classes:
            key = seen.class_id
            self._names[key] = seen.name
            if isinstance(seen, ClassScore):
                amount = seen.probability
            else:
                amount = seen.share
                weighted = seen.share * seen.confidence
                self._confidences[key] = self._confidences.get(key, 0.0) + weighted
            self._amounts[key] = self._amounts.get(key, 0.0) + amount

    def mean_ms(self) -> dict[str, float]:
        means = {stage: total / self.frames for stage, total in self._stage_ms.items()}
        return {"decode": self._decode_ms / max(self._decoded, 1), **means}

    def classes(self) -> tuple[ClassShare, ...] | tuple[ClassScore, ...]:
        largest_first = sorted(self._amounts.items(), key=lambda item: -item[1])
        if not self._confidences:
            return tuple(
                ClassScore(key, self._names[key], amount / self.frames)
                for key, amount in largest_first
            )
        return tuple(
            ClassShare(key, self._names[key], share / self.frames, self._confidences[key] / share)
            for key, share in largest_first
        )


def _read(
    source: FrameSource,
    network: Callable[[NDArray[np.uint8]], Result],
    workers: ThreadPoolExecutor,
    coming: Channel[_Coming[Result]],
    tally: _Tally,
) -> None:
    try:
        begun = perf_counter()
        for frame in source:
            tally.add_decoded((perf_counter() - begun) * 1e3)
            if not coming.put((frame, workers.submit(network, frame.image))):
                return
            begun = perf_counter()
    finally:
        coming.finish()
