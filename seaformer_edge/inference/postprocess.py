"""From a network's logits to a prediction. Needs the model's card, not the network."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.frame import Classification, ClassScore, ClassShare, Segmentation
from seaformer_edge.hub.card import Card
from seaformer_edge.inference.labels import upsample_argmax


def postprocess_segmentation(
    logits: NDArray[np.float32],
    card: Card,
    size: tuple[int, int],
    timings_ms: dict[str, float],
    min_confidence: float = 0.0,
) -> Segmentation:
    """Compute the label map at the frame's size, and the classes in it, largest first.

    Args:
        logits: (h, w, C) float32 of a segmenter.
        card: the segmenter's card.
        size: (width, height) of the frame.
        timings_ms: milliseconds of the earlier stages; the result adds "labels".
        min_confidence: 0 to 1; pixels of less have no class. See `upsample_argmax`.

    Raises:
        ModelError: the logits contain NaN or infinity, or no id is left for unknown pixels.
    """
    started_at_s = time.perf_counter()
    labels = upsample_argmax(logits, card.num_classes, size, min_confidence)
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
    unknown = 1 - int(labels.pixels.sum()) / labels.label_map.size
    labels_ms = (time.perf_counter() - started_at_s) * 1e3
    return Segmentation(labels.label_map, classes, {**timings_ms, "labels": labels_ms}, unknown)


def postprocess_classification(
    logits: NDArray[np.float32], card: Card, timings_ms: dict[str, float], k: int = 5
) -> Classification:
    """Find the most probable classes, the most probable first.

    Args:
        logits: (C,) float32 of a classifier.
        card: the classifier's card.
        timings_ms: milliseconds of the earlier stages.
        k: how many classes to return.

    Raises:
        ModelError: the logits contain NaN or infinity.
    """
    logits = logits[: card.num_classes]
    if not np.isfinite(logits).all():
        raise ModelError(
            f"{card.name}: the logits contain NaN or infinity; export or fetch it again"
        )
    odds = np.exp(logits - np.max(logits))
    probability = odds / odds.sum()
    classes = tuple(
        ClassScore(int(c), card.classes[c], float(probability[c]))
        for c in np.argsort(-probability, kind="stable")[:k]
    )
    return Classification(classes, timings_ms)
