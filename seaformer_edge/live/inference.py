"""From the newest frame to results: the model, its threads, and switching the model.

    slot -> resize thread -> | input | -> network thread -> | logits | -> labels thread -> publish

While the network runs on a frame, the labels of the frame before are made, and, shortly before the
network is free, the newest frame is preprocessed. Each queue holds one frame; the network is the
bottleneck.
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
from seaformer_edge.inference.names import RegionFinder
from seaformer_edge.inference.pipeline import Channel
from seaformer_edge.inference.postprocess import (
    postprocess_classification,
    postprocess_segmentation,
)
from seaformer_edge.inference.preprocess import preprocess_for
from seaformer_edge.inference.segmenter import Classifier, Segmenter
from seaformer_edge.live.latest_value import LatestValue
from seaformer_edge.live.prefetcher import Prefetcher, PreprocessedFrame
from seaformer_edge.live.result import Prediction
from seaformer_edge.live.smoothing import Smoother
from seaformer_edge.live.stats import LiveStats
from seaformer_edge.machine import malloc

Model = Segmenter | Classifier
Publish = Callable[[Frame, Prediction | None, bool], None]
"""Takes a frame, a prediction, and whether the prediction was made from this frame."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A program, and the number of threads to run it on; None leaves it to the runtime."""

    path: Path
    threads: int | None


@dataclass(frozen=True, slots=True)
class InferenceJob:
    """A frame on its way to the labels thread.

    Attributes:
        skipped: the network did not see the frame; it is published with the last prediction.
        card: of the model that made `logits`; None, as are the others, without a model.
        logits: (h, w, C) float32, or (C,) of a classifier.
        timings_ms: by stage.
    """

    frame: Frame
    skipped: bool = False
    card: Card | None = None
    logits: NDArray[np.float32] | None = None
    timings_ms: dict[str, float] | None = None


def open_model(request: ModelRequest) -> Model:
    """Opens the segmenter or classifier of a request. Raises ModelError."""
    card = read_card(request.path)
    kind = Segmenter if card.task == "segmentation" else Classifier
    return kind.from_path(request.path, request.threads)


class Inference:
    """Threads that make results of the newest frames.

    The lock `_lock` guards every field below it.

    Args:
        request: the first model.
        slot: where the newest frame is taken from.
        stats: counts inferences and dropped frames.
        publish: called for every frame that was taken, in order, in the labels thread.
        on_error: called when the model cannot be loaded or fails, in the network or labels thread.
        on_load: called when a model has been loaded, in the network thread.
        is_holding: whether frames follow each other so slowly that none may be skipped.
        every: the network sees every n-th frame.
        smoothing: over time, 0 (off) to 1 (strongest).
        names: whether predictions have the regions that bear names.
        min_confidence: 0 to 1; pixels of less have no class.
    """

    def __init__(
        self,
        request: ModelRequest,
        slot: LatestValue[Frame],
        stats: LiveStats,
        publish: Publish,
        on_error: Callable[[ModelError], None],
        *,
        on_load: Callable[[], None],
        is_holding: Callable[[], bool],
        every: int,
        smoothing: float,
        names: bool,
        min_confidence: float,
    ) -> None:
        self._slot = slot
        self._stats = stats
        self._publish = publish
        self._on_error = on_error
        self._on_load = on_load
        self._is_holding = is_holding
        self._jobs: Channel[InferenceJob] = Channel(1)
        # These three belong to the network thread.
        self._model: Model | None = None
        self._run_s = 0.0  # duration of the last run
        self._loaded: ModelRequest | None = None
        self.threads = [
            threading.Thread(target=self._run_network, name="network", daemon=True),
            threading.Thread(target=self._run_labels, name="labels", daemon=True),
        ]
        # These are single values, set and read without the lock.
        self._stopping = False
        self.every = every
        self.smoothing = smoothing
        self.names = names
        self.min_confidence = min_confidence
        self.num_threads: int | None = None
        self._lock = threading.Lock()
        self._pending: ModelRequest | None = request  # to be loaded
        self._last_request = request  # the model in use, or the one to be loaded
        self._failed = False  # the model must not be used any more
        self._card: Card | None = None  # of the model that is loaded and works

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Makes both threads end after the current frame; does not wait for them."""
        self._stopping = True
        self._slot.close()
        self._jobs.cancel()

    def switch(self, path: Path) -> None:
        """Loads another model, on the same number of threads."""
        with self._lock:
            self._request(ModelRequest(path, self._last_request.threads))

    def set_threads(self, threads: int | None) -> None:
        """Loads the model again on another number of threads."""
        with self._lock:
            self._request(ModelRequest(self._last_request.path, threads))

    def _request(self, request: ModelRequest) -> None:
        self._pending = self._last_request = request
        self._slot.wake()

    @property
    def model_name(self) -> str | None:
        """The name of the model that is loaded and works."""
        with self._lock:
            return None if self._card is None else self._card.name

    @property
    def loading(self) -> bool:
        """Whether a model is being loaded, or about to be."""
        with self._lock:
            return self._pending is not None

    # The network thread.

    def _run_network(self) -> None:
        frames_since_run = 0
        prefetcher = Prefetcher(self._slot)
        try:
            while not self._stopping:
                self._load_pending()
                preprocessed = prefetcher.take()
                if preprocessed is None:
                    continue
                frames_since_run += 1
                skipped = frames_since_run < self.every and not self._is_holding()
                with self._lock:
                    skipped = skipped and self._model is not None
                    if self._failed:
                        self._model, self._failed = None, False
                if skipped:
                    self._stats.drop("skipped")
                    self._jobs.put(InferenceJob(preprocessed.frame, skipped=True))
                else:
                    frames_since_run = 0
                    self._jobs.put(self._run_model(preprocessed, prefetcher))
        finally:
            self._model = None
            self._jobs.finish()
            prefetcher.close()

    def _run_model(self, preprocessed: PreprocessedFrame, prefetcher: Prefetcher) -> InferenceJob:
        """Runs the network on a frame, and starts to prefetch the next one."""
        model, frame = self._model, preprocessed.frame
        if model is None:
            return InferenceJob(frame)
        card = model.card
        assert frame.captured_at_s is not None  # `Capture` sets it
        try:
            started_s = perf_counter()
            network_input, resize_ms = preprocessed.network_input, preprocessed.resize_ms
            if network_input is None or preprocessed.card is not card:
                network_input = preprocess_for(card, frame.image)
                resize_ms = (perf_counter() - started_s) * 1e3
            if self.every == 1:  # otherwise the network skips the next frame
                prefetcher.start(card, self._run_s)
            wait_ms = (monotonic() - frame.captured_at_s) * 1e3 - resize_ms
            started_s = perf_counter()
            logits = model.run(network_input)
            self._run_s = perf_counter() - started_s
        except Exception as error:
            self._disable_model(card, error)
            return InferenceJob(frame)
        timings_ms = {"wait": wait_ms, "resize": resize_ms, "network": self._run_s * 1e3}
        return InferenceJob(frame, card=card, logits=logits, timings_ms=timings_ms)

    def _load_pending(self) -> None:
        with self._lock:
            request = self._pending
        if request is None:
            return
        previous = self._loaded if self._model is not None else None
        # The runtime's thread pool can only change while no program is open.
        if previous is not None and previous.threads != request.threads:
            self._model = None
        failure: ModelError | None = None
        try:
            self._open(request)
        except Exception as error:
            failure = _as_model_error(request.path.stem, error)
            if self._model is None and previous is not None:
                with contextlib.suppress(ModelError):
                    self._open(previous)
        malloc.trim_heap()
        if previous is not None and failure is None:
            self._stats.reset()
        with self._lock:
            if self._pending is request:  # no other model was requested meanwhile
                self._pending = None
                if self._loaded is not None:
                    self._last_request = self._loaded
            self._failed = False
            self._card = None if self._model is None else self._model.card
            self.num_threads = _thread_count(self._loaded)
        if failure is not None:
            self._on_error(failure)
        else:
            self._on_load()

    def _open(self, request: ModelRequest) -> None:
        self._model = open_model(request)
        self._loaded = request

    # The labels thread.

    def _run_labels(self) -> None:
        smoother, find_regions = Smoother(), RegionFinder()
        prediction: Prediction | None = None
        card: Card | None = None
        for job in self._jobs:
            if not job.skipped:
                if job.card is not card:
                    smoother, find_regions, card = Smoother(), RegionFinder(), job.card
                smoother.strength = self.smoothing
                prediction = self._predict(job, smoother, find_regions)
            elif not _fits(prediction, job.frame):
                prediction = None
            current = not job.skipped and prediction is not None
            self._publish(job.frame, prediction, current)

    def _predict(
        self, job: InferenceJob, smoother: Smoother, find_regions: RegionFinder
    ) -> Prediction | None:
        """The prediction for a frame, from its logits."""
        card, logits, timings_ms = job.card, job.logits, job.timings_ms
        if card is None or logits is None or timings_ms is None:
            return None
        try:
            if card.task == "classification":
                classification = postprocess_classification(logits, card, timings_ms)
                prediction = Prediction(card, classification=classification)
            else:
                started_s = perf_counter()
                smoothed = smoother(logits, job.frame.image)
                if smoothed is not logits:
                    timings_ms = {**timings_ms, "smooth": (perf_counter() - started_s) * 1e3}
                height, width = job.frame.image.shape[:2]
                segmentation = postprocess_segmentation(
                    smoothed, card, (width, height), timings_ms, self.min_confidence
                )
                timings_ms = segmentation.timings_ms
                started_s = perf_counter()
                regions = find_regions(segmentation.label_map) if self.names else ()
                labels_ms = timings_ms["labels"] + (perf_counter() - started_s) * 1e3
                timings_ms = {**timings_ms, "labels": labels_ms}
                prediction = Prediction(card, segmentation, logits=smoothed, regions=regions)
        except Exception as error:
            self._disable_model(card, error)
            return None
        self._stats.inferred(monotonic(), timings_ms)
        return prediction

    def _disable_model(self, card: Card, error: Exception) -> None:
        """The model failed: frames are published without it until another one is requested."""
        with self._lock:
            if self._card is not card:  # another model has replaced it
                return
            self._failed = True
            self._card = None
        self._on_error(_as_model_error(card.name, error))


def _fits(prediction: Prediction | None, frame: Frame) -> bool:
    """Whether the prediction for an earlier frame can be displayed over this one."""
    if prediction is None or prediction.segmentation is None:
        return prediction is not None
    return prediction.segmentation.label_map.shape == frame.image.shape[:2]


def _as_model_error(name: str, error: Exception) -> ModelError:
    """The error without its traceback, which would keep the program open."""
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
