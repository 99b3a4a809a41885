"""From the newest-frame slot to results: the model, its threads, and changing it on the way.

    slot -> resize thread -> | picture | -> network thread -> | logits | -> labels thread -> publish

While a frame is in the network, the labels of the one before are made, and, shortly before the
network is free again, the then newest one is resized. Between any two threads lies one frame at
most; the network waits for the labels, never the other way round for long.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.frame import Frame
from seaformer_edge.hub.card import Card, read_card
from seaformer_edge.inference.pipeline import Channel
from seaformer_edge.inference.postprocess import (
    postprocess_classification,
    postprocess_segmentation,
)
from seaformer_edge.inference.preprocess import preprocess
from seaformer_edge.inference.segmenter import Classifier, Segmenter
from seaformer_edge.live.latest_value import LatestValue
from seaformer_edge.live.prefetcher import Prefetcher, PreprocessedFrame
from seaformer_edge.live.result import Prediction
from seaformer_edge.live.smoothing import Smoother
from seaformer_edge.live.stats import LiveStats
from seaformer_edge.machine import malloc

Model = Segmenter | Classifier
Publish = Callable[[Frame, float, Prediction | None, bool], None]
"""Takes a frame, when it was captured, what was seen, and whether that is of this frame."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A program and the threads it is to run on."""

    path: Path
    threads: int | None


@dataclass(frozen=True, slots=True)
class InferenceJob:
    """A frame on its way to the labels; `card` None means: shown with what was seen before."""

    frame: Frame
    captured_at_s: float
    card: Card | None = None
    logits: NDArray[np.float32] | None = None
    timings_ms: dict[str, float] | None = None


def open_model(request: ModelRequest) -> Model:
    """The segmenter or classifier that a request asks for. Raises ModelError."""
    card = read_card(request.path)
    kind = Segmenter if card.task == "segmentation" else Classifier
    return kind.from_path(request.path, request.threads)


class Inference:
    """Threads that make results of the newest frames.

    The lock `_lock` guards every field below it.

    Args:
        slot: gives (frame, when it was captured).
        stats: hears of inferences and drops.
        publish: is called for every frame taken, in their order, in the labels thread.
        on_trouble: called with what is wrong with the model, in whatever thread finds out.
    """

    def __init__(
        self,
        request: ModelRequest,
        slot: LatestValue[tuple[Frame, float]],
        stats: LiveStats,
        publish: Publish,
        on_trouble: Callable[[ModelError], None],
        *,
        every: int,
        smoothing: float,
    ) -> None:
        self._slot = slot
        self._stats = stats
        self._publish = publish
        self._on_trouble = on_trouble
        self._work: Channel[InferenceJob] = Channel(1)
        self._model: Model | None = None  # the network thread's own
        self._run_s = 0.0  # what its last run took
        self._loaded: ModelRequest | None = None
        self.threads = [
            threading.Thread(target=self._run_network, name="network", daemon=True),
            threading.Thread(target=self._run_labels, name="labels", daemon=True),
        ]
        self._lock = threading.Lock()
        self._wanted: ModelRequest | None = request
        self._asked = request  # what was asked for last, granted or not
        self._broken = False  # the model is not to be used any more
        self._stopping = False
        self.every = every
        self.smoothing = smoothing
        self._card: Card | None = None  # of the model that is loaded and works
        self.num_threads: int | None = None

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        """Lets both threads end, after the frame in hand."""
        with self._lock:
            self._stopping = True
        self._slot.close()
        self._work.cancel()

    def switch(self, path: Path) -> None:
        """Loads another model."""
        with self._lock:
            self._ask(ModelRequest(path, self._asked.threads))

    def set_threads(self, threads: int | None) -> None:
        """Loads the model again on so many threads."""
        with self._lock:
            self._ask(ModelRequest(self._asked.path, threads))

    def _ask(self, request: ModelRequest) -> None:
        self._wanted = self._asked = request
        self._slot.wake()

    @property
    def model_name(self) -> str | None:
        """Of the model that is loaded and works."""
        with self._lock:
            return None if self._card is None else self._card.name

    @property
    def loading(self) -> bool:
        """Whether a model is being loaded, or about to be."""
        with self._lock:
            return self._wanted is not None

    # The network thread.

    def _run_network(self) -> None:
        since_seen = 0
        ahead = Prefetcher(self._slot)
        try:
            while not self._stopping:
                self._load_wanted()
                ready = ahead.take()
                if ready is None:
                    continue
                since_seen += 1
                with self._lock:
                    skipped = since_seen < self.every and self._model is not None
                    if self._broken:
                        self._model, self._broken = None, False
                if skipped:
                    self._stats.drop("skipped")
                else:
                    since_seen = 0
                unseen = InferenceJob(ready.frame, ready.captured_at_s)
                self._work.put(unseen if skipped else self._see(ready, ahead))
        finally:
            self._model = None
            self._work.finish()
            ahead.close()

    def _see(self, ready: PreprocessedFrame, ahead: Prefetcher) -> InferenceJob:
        """A frame through the network."""
        model, frame, captured_at_s = self._model, ready.frame, ready.captured_at_s
        if model is None:
            return InferenceJob(frame, captured_at_s, timings_ms={})
        card = model.card
        try:
            started = perf_counter()
            network_input, resize_ms = ready.network_input, ready.resize_ms
            if network_input is None or ready.card is not card:
                network_input = preprocess(frame.image, card.height, card.width)
                resize_ms = (perf_counter() - started) * 1e3
            if self.every == 1:  # else the next frame is not for the network
                ahead.begin(card, self._run_s)
            wait_ms = (monotonic() - captured_at_s) * 1e3 - resize_ms
            started = perf_counter()
            logits = model.run(network_input)
            self._run_s = perf_counter() - started
        except Exception as error:
            self._break(card, error)
            return InferenceJob(frame, captured_at_s, timings_ms={})
        timings_ms = {"wait": wait_ms, "resize": resize_ms, "network": self._run_s * 1e3}
        return InferenceJob(frame, captured_at_s, card, logits, timings_ms)

    def _load_wanted(self) -> None:
        with self._lock:
            wanted = self._wanted
        if wanted is None:
            return
        before = self._loaded if self._model is not None else None
        # The threads are the process' own; they change only while no program is open.
        if before is not None and before.threads != wanted.threads:
            self._model = None
        trouble: ModelError | None = None
        try:
            self._open(wanted)
        except Exception as error:
            trouble = _plain(wanted.path.stem, error)
            if self._model is None and before is not None:
                with contextlib.suppress(ModelError):
                    self._open(before)
        malloc.trim_heap()
        self._stats.forget_stages()
        with self._lock:
            if self._wanted is wanted:  # and nothing else was asked for meanwhile
                self._wanted = None
                if self._loaded is not None:
                    self._asked = self._loaded
            self._broken = False
            self._card = None if self._model is None else self._model.card
            self.num_threads = _thread_count(self._loaded)
        if trouble is not None:
            self._on_trouble(trouble)

    def _open(self, request: ModelRequest) -> None:
        self._model = open_model(request)
        self._loaded = request

    # The labels thread.

    def _run_labels(self) -> None:
        smoother = Smoother()
        seen: Prediction | None = None
        card: Card | None = None
        for work in self._work:
            current = work.timings_ms is not None
            if current:
                if work.card is not card:
                    smoother, card = Smoother(), work.card
                smoother.strength = self.smoothing
                seen = self._label(work, smoother)
            elif not _fits(seen, work.frame):
                seen = None
            self._publish(work.frame, work.captured_at_s, seen, current and seen is not None)

    def _label(self, work: InferenceJob, smoother: Smoother) -> Prediction | None:
        """What was seen in a frame, from its logits."""
        card, logits, timings_ms = work.card, work.logits, work.timings_ms
        if card is None or logits is None or timings_ms is None:
            return None
        try:
            if card.task == "classification":
                classification = postprocess_classification(logits, card, timings_ms)
                seen = Prediction(card, classification=classification)
            else:
                started = perf_counter()
                smoothed = smoother(logits, work.frame.image)
                if smoothed is not logits:
                    timings_ms = {**timings_ms, "smooth": (perf_counter() - started) * 1e3}
                height, width = work.frame.image.shape[:2]
                segmentation = postprocess_segmentation(smoothed, card, (width, height), timings_ms)
                timings_ms = segmentation.timings_ms
                seen = Prediction(card, segmentation, logits=smoothed)
        except Exception as error:
            self._break(card, error)
            return None
        self._stats.inferred(monotonic(), timings_ms)
        return seen

    def _break(self, card: Card, error: Exception) -> None:
        """The model failed: frames go on without it until another is asked for."""
        with self._lock:
            if self._card is not card:  # it was replaced meanwhile
                return
            self._broken = True
            self._card = None
        self._on_trouble(_plain(card.name, error))


def _fits(seen: Prediction | None, frame: Frame) -> bool:
    """Whether what was seen in an earlier frame can be shown over this one."""
    if seen is None or seen.segmentation is None:
        return seen is not None
    return seen.segmentation.label_map.shape == frame.image.shape[:2]


def _plain(name: str, error: Exception) -> ModelError:
    """The error as one line, without its traceback, which would keep the program open."""
    if isinstance(error, ModelError):
        return error.with_traceback(None)
    log.error("%s failed", name, exc_info=error)
    return ModelError(f"{name}: failed ({error!r}); choose another model")


def _thread_count(loaded: ModelRequest | None) -> int | None:
    if loaded is None:
        return None
    if loaded.threads is not None:
        return loaded.threads
    try:
        from seaformer_edge.runtime.native import thread_count
    except ImportError:
        return None
    return thread_count()
