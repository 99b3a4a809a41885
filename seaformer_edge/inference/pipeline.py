"""The offline pipeline: runs the network on every frame of a source and writes the results.

Reading, inference and writing run in parallel, and no frame is dropped:

    reader thread: source -> | frame, future result | -> calling thread: result -> sinks
                                worker threads: network

An error in any thread is raised in the caller, after the reader and the workers have ended.
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

from seaformer_edge.frame import ClassScore, ClassShare, Frame, Result, Segmentation
from seaformer_edge.sinks.base import Sink
from seaformer_edge.sources.base import FrameSource

# Covers the time to encode a key frame, and needs little memory with 4K frames on a small board.
CHANNEL_CAPACITY = 4
STOP_POLL_S = 0.1

T = TypeVar("T")
_PendingFrame = tuple[Frame, Future[Result]]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Statistics of a finished run.

    Attributes:
        frames: number of frames that were processed and written.
        lost_frames: number of frames that could not be decoded.
        elapsed_s: wall-clock time.
        mean_ms: mean milliseconds per frame by stage, in the order of processing: "decode", the
            stages of a result's `timings_ms`, "write". Stages overlap in time.
        classes: mean share and mean confidence of each class that occurred, largest first. With a
            classifier: mean probability, of the frames whose best classes included it.
        interrupted: whether the run was stopped before the source's end.
        unknown: mean share of the pixels whose confidence is below the floor.
    """

    frames: int
    lost_frames: int
    elapsed_s: float
    mean_ms: dict[str, float]
    classes: tuple[ClassShare, ...] | tuple[ClassScore, ...]
    interrupted: bool
    unknown: float = 0.0


def process(
    source: FrameSource,
    network: Callable[[NDArray[np.uint8]], Result],
    sinks: Sequence[Sink[Result]],
    *,
    max_concurrency: int = 1,
    stop: threading.Event | None = None,
    on_frame: Callable[[], object] = lambda: None,
) -> RunSummary:
    """Runs the network on every frame of `source` and writes the results, in order, to all `sinks`.

    Args:
        source: read in a separate thread.
        network: a `Segmenter` or `Classifier`, or a function of (H, W, 3) uint8 RGB like them;
            called from several threads.
        sinks: written to in the calling thread, and not closed.
        max_concurrency: how many frames the network can run on in parallel. There are as many
            worker threads, but at least two: one makes labels while the other runs the network.
        stop: once set, no further frame is written, and the source is interrupted.
        on_frame: called after each frame that was written.

    Raises:
        Any exception of the source, `network` or a sink. The frames before it are written.
    """
    stop = stop or threading.Event()
    started_s = perf_counter()
    statistics = _Statistics()
    num_workers = max(max_concurrency, 2)
    pending_frames: Channel[_PendingFrame[Result]] = Channel(
        max(num_workers, CHANNEL_CAPACITY), stop
    )
    workers = ThreadPoolExecutor(num_workers)
    try:
        with ThreadPoolExecutor(1) as reading:
            reader = reading.submit(_read, source, network, workers, pending_frames, statistics)
            try:
                for frame, future in pending_frames:
                    result = future.result()
                    if stop.is_set():
                        break
                    begun_s = perf_counter()
                    for sink in sinks:
                        sink.write(frame, result)
                    statistics.add_written(result, (perf_counter() - begun_s) * 1e3)
                    on_frame()
            finally:
                pending_frames.cancel()
                source.interrupt()
    finally:
        workers.shutdown(cancel_futures=True)
    reader.result()
    return RunSummary(
        frames=statistics.frames,
        lost_frames=source.lost_frames,
        elapsed_s=perf_counter() - started_s,
        mean_ms=statistics.mean_ms(),
        classes=statistics.classes(),
        interrupted=stop.is_set(),
        unknown=statistics.unknown(),
    )


class Channel(Generic[T]):
    """A bounded queue between two threads, which either of them can end.

    The lock of `_changed` guards every field.

    Args:
        stop: once set, the consumer takes no more items.
    """

    def __init__(
        self, capacity: int = CHANNEL_CAPACITY, stop: threading.Event | None = None
    ) -> None:
        self._capacity = capacity
        self._stop = stop
        self._items: deque[T] = deque()
        self._finished = False
        self._cancelled = False
        self._changed = threading.Condition()

    def put(self, item: T) -> bool:
        """Adds an item, waiting while the queue is full; False if the consumer has cancelled."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._capacity or self._cancelled)
            if not self._cancelled:
                self._items.append(item)
                self._changed.notify_all()
            return not self._cancelled

    def finish(self) -> None:
        """The producer has no more items. The consumer still receives those in the queue."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def cancel(self) -> None:
        """The consumer takes no more items. Those in the queue are dropped."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                while not (self._items or self._finished or self._cancelled or self._stopped()):
                    # Signal handlers set `stop` and must not wait for the lock.
                    self._changed.wait(None if self._stop is None else STOP_POLL_S)
                if not self._items or self._stopped():
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item

    def _stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()


class _Statistics:
    """Sums of a run. The reader thread adds decoding times, the calling thread everything else."""

    def __init__(self) -> None:
        self.frames = 0
        self._decoded = 0
        self._decode_ms = 0.0
        self._stage_ms: dict[str, float] = {}
        self._amounts: dict[int, float] = {}  # shares or probabilities
        self._confidences: dict[int, float] = {}
        self._names: dict[int, str] = {}
        self._unknown = 0.0

    def add_decoded(self, elapsed_ms: float) -> None:
        self._decoded += 1
        self._decode_ms += elapsed_ms

    def add_written(self, result: Result, elapsed_ms: float) -> None:
        self.frames += 1
        for stage, stage_ms in (*result.timings_ms.items(), ("write", elapsed_ms)):
            self._stage_ms[stage] = self._stage_ms.get(stage, 0.0) + stage_ms
        if isinstance(result, Segmentation):
            self._unknown += result.unknown
        for entry in result.classes:
            key = entry.class_id
            self._names[key] = entry.name
            if isinstance(entry, ClassScore):
                amount = entry.probability
            else:
                amount = entry.share
                weighted = entry.share * entry.confidence
                self._confidences[key] = self._confidences.get(key, 0.0) + weighted
            self._amounts[key] = self._amounts.get(key, 0.0) + amount

    def mean_ms(self) -> dict[str, float]:
        means = {stage: total / self.frames for stage, total in self._stage_ms.items()}
        return {"decode": self._decode_ms / max(self._decoded, 1), **means}

    def unknown(self) -> float:
        return self._unknown / max(self.frames, 1)

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
    pending_frames: Channel[_PendingFrame[Result]],
    statistics: _Statistics,
) -> None:
    try:
        begun_s = perf_counter()
        for frame in source:
            statistics.add_decoded((perf_counter() - begun_s) * 1e3)
            if not pending_frames.put((frame, workers.submit(network, frame.image))):
                return
            begun_s = perf_counter()
    finally:
        pending_frames.finish()
