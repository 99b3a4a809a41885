"""From an image to a prediction: `Segmenter` and `Classifier`."""

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
from seaformer_edge.inference.preprocess import preprocess_for
from seaformer_edge.runtime import Program, open_program, open_replicas
from seaformer_edge.runtime.sandbox import vet_program


class _Model:
    """A program with its card: what `Segmenter` and `Classifier` have in common.

    Thread-safe. A call waits while all replicas of the program are running.

    Attributes:
        card: the model's card.
        max_concurrency: how many images the network can process at the same time.
    """

    task: str
    output_dimensions: int

    def __init__(self, program: Program, card: Card, *replicas: Program):
        """
        Args:
            program: the network.
            card: its card.
            replicas: more instances of the same program; each allows one more image at a time.

        Raises:
            ModelError: the card is for another task or other shapes than the program's.
        """
        if card.task != self.task:
            raise ModelError(
                f"{card.name}: a model for {card.task}, not for {self.task}; choose another"
            )
        input_shape, output_shape = program.input_shape, program.output_shape
        if input_shape != (card.height, card.width, 3):
            raise ModelError(
                f"{card.name}: the program's input is {input_shape}, but its card says"
                f" {(card.height, card.width, 3)}; export the model again"
            )
        if len(output_shape) != self.output_dimensions or output_shape[-1] != card.logit_channels:
            raise ModelError(
                f"{card.name}: the program's output is {output_shape}, but its card says"
                f" {card.logit_channels} channels for {card.task}; export the model again"
            )
        if program.is_fp16 != (card.precision == "fp16"):
            actual = "fp16" if program.is_fp16 else "not fp16"
            raise ModelError(
                f"{card.name}: the program is {actual}, but its card says {card.precision};"
                " export the model again"
            )
        self.card = card
        self.max_concurrency = 1 + len(replicas)
        self._idle: SimpleQueue[Program] = SimpleQueue()
        for replica in (program, *replicas):
            self._idle.put(replica)

    @classmethod
    def from_path(
        cls, path: str | Path, num_threads: int | None = None, *, throughput: bool = False
    ) -> Self:
        """Open a .pte program whose card is beside it.

        The first time a program that is not shipped here is opened, it is run in a sandbox process.

        Args:
            num_threads: for the network; None leaves the choice to the runtime.
            throughput: open one replica for each thread, for callers with several threads: more
                images per second, but a higher latency and more memory.

        Raises:
            ModelError: the file or its card is missing, damaged or for another task; the run in
                the sandbox failed; or ExecuTorch is not installed.
        """
        path = Path(path)
        card = verify(path)
        vet_program(path, card.sha256)
        if not throughput:
            return cls(open_program(path, num_threads), card)
        program, *replicas = open_replicas(path, num_threads)
        return cls(program, card, *replicas)

    def run(self, network_input: NDArray[np.floating]) -> NDArray[np.float32]:
        """Run the network.

        Args:
            network_input: (height, width, 3) from `preprocess_for`.

        Returns:
            Logits, float32: (h, w, C) of a segmenter, (C,) of a classifier.

        Raises:
            ModelError: the network failed.
        """
        program = self._idle.get()
        try:
            logits = program.run(network_input)
            if logits.shape != program.output_shape:
                raise ModelError(
                    f"{self.card.name}: the logits are {logits.shape} and not"
                    f" {program.output_shape}; export the model again"
                )
            return logits
        finally:
            self._idle.put(program)

    def logits(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], dict[str, float]]:
        """Preprocess an image and run the network.

        Args:
            image: (H, W, 3) uint8 RGB, C-contiguous.

        Returns:
            The logits as from `run`, and the milliseconds of the stages "resize" and "network".

        Raises:
            ModelError: the network failed.
        """
        started_at_s = time.perf_counter()
        network_input = preprocess_for(self.card, image)
        resized_at_s = time.perf_counter()
        logits = self.run(network_input)
        ended_at_s = time.perf_counter()
        timings_ms = {
            "resize": (resized_at_s - started_at_s) * 1e3,
            "network": (ended_at_s - resized_at_s) * 1e3,
        }
        return logits, timings_ms


class Segmenter(_Model):
    """Semantic segmentation of images of any size.

        segmenter = Segmenter.from_path("models/seaformer-t-camvid.pte")
        segmentation = segmenter(image)

    Thread-safe. A call waits while all replicas of the program are running.

    Attributes:
        card: the model's card.
        max_concurrency: how many images the network can process at the same time.
    """

    task = "segmentation"
    output_dimensions = 3

    def __call__(self, image: NDArray[np.uint8], min_confidence: float = 0.0) -> Segmentation:
        """Segment one image.

        Args:
            image: (H, W, 3) uint8 RGB, C-contiguous.
            min_confidence: 0 to 1; pixels of less have no class. See `upsample_argmax`.

        Raises:
            ModelError: the network failed or its logits contain NaN or infinity.
        """
        logits, timings_ms = self.logits(image)
        return postprocess_segmentation(
            logits, self.card, (image.shape[1], image.shape[0]), timings_ms, min_confidence
        )


class Classifier(_Model):
    """Classification of whole images of any size.

    Thread-safe. A call waits while all replicas of the program are running.

    Attributes:
        card: the model's card.
        max_concurrency: how many images the network can process at the same time.
    """

    task = "classification"
    output_dimensions = 1

    def __call__(self, image: NDArray[np.uint8], k: int = 5) -> Classification:
        """Find the `k` most probable classes of one image.

        Args:
            image: (H, W, 3) uint8 RGB, C-contiguous.
            k: how many classes to return.

        Raises:
            ModelError: the network failed or its logits contain NaN or infinity.
        """
        logits, timings_ms = self.logits(image)
        return postprocess_classification(logits, self.card, timings_ms, k)
