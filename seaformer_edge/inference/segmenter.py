"""From a picture to what the network saw in it: `Segmenter` and `Classifier`.

The picture is resized to the network's input plainly: bilinear, both axes on their own, no
letterbox. The networks were evaluated so, and the figures on their cards hold only so.
"""

from __future__ import annotations

import time
from pathlib import Path
from queue import SimpleQueue
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.frame import Classification, ClassScore, ClassShare, Segmentation
from seaformer_edge.hub.card import Card, verify
from seaformer_edge.inference.labels import label_frame
from seaformer_edge.runtime import Program, open_copies, open_program
from seaformer_edge.runtime.sandbox import require_trial


def prepare(image: NDArray[np.uint8], card: Card) -> NDArray[np.float32]:
    """What a card's network takes, (h, w, 3) float32, of a picture, (H, W, 3) uint8 RGB.

    Raises:
        ValueError: not such a picture.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"an image is (H, W, 3) uint8, got {image.shape} {image.dtype}")
    size = (card.width, card.height)
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)


class _Network:
    """A program and its card: takes pictures of any size.

    Threads may share it; those that find all its lanes taken wait.

    Attributes:
        card: the model's card.
        pictures_at_once: how many can be in the network at the same time.
    """

    task: str
    output_dimensions: int

    def __init__(self, program: Program, card: Card, *copies: Program):
        """Each of the `copies` of the program lets one picture more into the network at once.

        Raises:
            ModelError: the program's shapes are not the card's.
        """
        if card.task != self.task:
            raise ModelError(f"{card.name}: a model for {card.task}, not for {self.task}")
        takes, gives = program.input_shape, program.output_shape
        if takes != (card.height, card.width, 3):
            raise ModelError(
                f"{card.name}: the program takes {takes}, its card says"
                f" {(card.height, card.width, 3)}; export the model again"
            )
        if len(gives) != self.output_dimensions or gives[-1] != card.logit_channels:
            raise ModelError(
                f"{card.name}: the program gives {gives}, which does not fit"
                f" {card.logit_channels} channels for {card.task}; export the model again"
            )
        self.card = card
        self.pictures_at_once = 1 + len(copies)
        self._free: SimpleQueue[Program] = SimpleQueue()
        for each in (program, *copies):
            self._free.put(each)

    @classmethod
    def from_path(
        cls, path: str | Path, num_threads: int | None = None, *, throughput: bool = False
    ) -> Self:
        """Open a .pte program that has its card beside it.

        Args:
            num_threads: for the network; None leaves it to the runtime.
            throughput: whether each thread takes a picture of its own, if called from several
                threads, rather than all of them the same one: more pictures a second, but each
                takes longer, and memory for each thread.

        Raises:
            ModelError: the file or its card is missing, damaged or for another task, its first
                run here, in a process of its own, failed, or nothing here can run it.
        """
        path = Path(path)
        card = verify(path)
        require_trial(path, card.sha256)
        if not throughput:
            return cls(open_program(path, num_threads), card)
        program, *copies = open_copies(path, num_threads)
        return cls(program, card, *copies)

    def run(self, prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits, float32: (h, w, C) of a segmenter, (C,) of a classifier.

        Args:
            prepared: what `prepare` gave.

        Raises:
            ModelError: the network failed.
        """
        program = self._free.get()
        try:
            logits = program.run(prepared)
            if logits.shape != program.output_shape:
                raise ModelError(
                    f"{self.card.name}: gave {logits.shape} and not {program.output_shape};"
                    " export the model again"
                )
            return logits
        finally:
            self._free.put(program)

    def logits(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], dict[str, float]]:
        """The first half of a call, `prepare` and `run`, and milliseconds by stage.

        Raises:
            ModelError: the network failed.
        """
        started = time.perf_counter()
        prepared = prepare(image, self.card)
        resized = time.perf_counter()
        logits = self.run(prepared)
        ended = time.perf_counter()
        return logits, {"resize": (resized - started) * 1e3, "network": (ended - resized) * 1e3}


class Segmenter(_Network):
    """Semantic segmentation of pictures of any size.

        segmenter = Segmenter.from_path("models/seaformer-t-camvid.pte")
        segmentation = segmenter(image)

    Threads may share one; those that find the network taken wait.

    Attributes:
        card: the model's card.
        pictures_at_once: how many can be in the network at the same time.
    """

    task = "segmentation"
    output_dimensions = 3

    def __call__(self, image: NDArray[np.uint8]) -> Segmentation:
        """Segment one picture, (H, W, 3) uint8 RGB, C-contiguous.

        Raises:
            ModelError: the network failed or gave NaN.
        """
        logits, timings_ms = self.logits(image)
        return segmentation_of(logits, self.card, (image.shape[1], image.shape[0]), timings_ms)


def segmentation_of(
    logits: NDArray[np.float32], card: Card, size: tuple[int, int], timings_ms: dict[str, float]
) -> Segmentation:
    """The second half of a call of `Segmenter`, which needs no network.

    Args:
        logits: (h, w, C) float32.
        card: of the model they come from.
        size: (width, height) of the frame.
        timings_ms: of the stages so far.

    Raises:
        ModelError: the logits hold NaN.
    """
    started = time.perf_counter()
    labels = label_frame(logits, card.num_classes, size)
    present = np.flatnonzero(labels.pixels)
    classes = tuple(
        ClassShare(
            class_id=int(c),
            name=card.classes[c],
            share=float(labels.pixels[c] / labels.label_map.size),
            confidence=float(labels.confidence[c]),
        )
        for c in present[np.argsort(-labels.pixels[present], kind="stable")]
    )
    labels_ms = (time.perf_counter() - started) * 1e3
    return Segmentation(labels.label_map, classes, {**timings_ms, "labels": labels_ms})


class Classifier(_Network):
    """Classification of whole pictures. Threads may share one; they wait for each other.

    Attributes:
        card: the model's card.
    """

    task = "classification"
    output_dimensions = 1

    def __call__(self, image: NDArray[np.uint8], k: int = 5) -> Classification:
        """The `k` most probable classes of one picture, (H, W, 3) uint8 RGB, C-contiguous.

        Raises:
            ModelError: the network failed or gave NaN.
        """
        logits, timings_ms = self.logits(image)
        return classification_of(logits, self.card, timings_ms, k)


def classification_of(
    logits: NDArray[np.float32], card: Card, timings_ms: dict[str, float], k: int = 5
) -> Classification:
    """The second half of a call of `Classifier`, which needs no network.

    Args:
        logits: (C,) float32.
        card: of the model they come from.
        timings_ms: of the stages so far.
        k: how many classes, the most probable first.

    Raises:
        ModelError: the logits hold NaN or infinity.
    """
    logits = logits[: card.num_classes]
    if not np.isfinite(logits).all():
        raise ModelError(f"{card.name}: gave NaN or infinity; export or fetch it again")
    odds = np.exp(logits - np.max(logits))
    probability = odds / odds.sum()
    classes = tuple(
        ClassScore(int(c), card.classes[c], float(probability[c]))
        for c in np.argsort(-probability, kind="stable")[:k]
    )
    return Classification(classes, timings_ms)
