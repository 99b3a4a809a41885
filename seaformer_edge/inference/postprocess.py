"""From a network's logits to a prediction. Needs the model's card, but not the network."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.frame import Classification, ClassScore, ClassShare, Segmentation
from seaformer_edge.hub.card import Card
from seaformer_edge.inference.labels import upsample_argmax


def postprocess_segmentation(
    logits: NDArray[np.float32], card: Card, size: tuple[int, int], timings_ms: dict[str, float]
) -> Segmentation:
    """Turn a segmenter's logits into labels at the frame's size.

    Args:
        logits: (h, w, C) float32.
        card: of the model they come from.
        size: (width, height) of the frame.
        timings_ms: of the stages so far.

    Raises:
        ModelError: the logits hold NaN.
    """
    started = time.perf_counter()
    labels = upsample_argmax(logits, card.num_classes, size)
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


def postprocess_classification(
    logits: NDArray[np.float32], card: Card, timings_ms: dict[str, float], k: int = 5
) -> Classification:
    """Turn a classifier's logits into its most probable classes.

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
