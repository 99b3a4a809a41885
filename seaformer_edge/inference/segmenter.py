"""From a picture to a prediction: `Segmenter` and `Classifier`."""

from __future__ import annotations

import time
from pathlib import Path
from queue import SimpleQueue
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.frame import Classification, Segmentation
from seaformer_edge.hub.card import Card, verify
from seaformer_edge.inference.postprocess import (
    postprocess_classification,
    postprocess_segmentation,
)
from seaformer_edge.inference.preprocess import preprocess
from seaformer_edge.runtime import Program, open_program, open_replicas
from seaformer_edge.runtime.sandbox import vet_program


class _Network:
    """A program and its card: takes pictures of any size.

    Threads may share it; those that find all its lanes taken wait.

    Attributes:
        card: the model's card.
        max_concurrency: how many can be in the network at the same time.
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
        self.max_concurrency = 1 + len(copies)
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
        vet_program(path, card.sha256)
        if not throughput:
            return cls(open_program(path, num_threads), card)
        program, *copies = open_replicas(path, num_threads)
        return cls(program, card, *copies)

    def run(self, network_input: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits, float32: (h, w, C) of a segmenter, (C,) of a classifier.

        Args:
            network_input: from `preprocess`.

        Raises:
            ModelError: the network failed.
        """
        program = self._free.get()
        try:
            logits = program.run(network_input)
            if logits.shape != program.output_shape:
                raise ModelError(
                    f"{self.card.name}: gave {logits.shape} and not {program.output_shape};"
                    " export the model again"
                )
            return logits
        finally:
            self._free.put(program)

    def logits(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], dict[str, float]]:
        """The first half of a call, `preprocess` and `run`, and milliseconds by stage.

        Raises:
            ModelError: the network failed.
        """
        started = time.perf_counter()
        network_input = preprocess(image, self.card.height, self.card.width)
        resized = time.perf_counter()
        logits = self.run(network_input)
        ended = time.perf_counter()
        return logits, {"resize": (resized - started) * 1e3, "network": (ended - resized) * 1e3}


class Segmenter(_Network):
    """Semantic segmentation of pictures of any size.

        segmenter = Segmenter.from_path("models/seaformer-t-camvid.pte")
        segmentation = segmenter(image)

    Threads may share one; those that find the network taken wait.

    Attributes:
        card: the model's card.
        max_concurrency: how many can be in the network at the same time.
    """

    task = "segmentation"
    output_dimensions = 3

    def __call__(self, image: NDArray[np.uint8]) -> Segmentation:
        """Segment one picture, (H, W, 3) uint8 RGB, C-contiguous.

        Raises:
            ModelError: the network failed or gave NaN.
        """
        logits, timings_ms = self.logits(image)
        return postprocess_segmentation(
            logits, self.card, (image.shape[1], image.shape[0]), timings_ms
        )


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
        return postprocess_classification(logits, self.card, timings_ms, k)
