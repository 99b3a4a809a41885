"""Live results for tests, made without a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from fakes import CARD

from seaformer_edge.frame import Classification, ClassScore, ClassShare, Frame, Segmentation
from seaformer_edge.hub.card import Card
from seaformer_edge.live import LiveResult
from seaformer_edge.live.result import Prediction

QUICK = "synthetic:96x64@100"
IMAGE = np.full((4, 6, 3), 100, np.uint8)
LABELS = np.repeat(np.array([[0, 0, 1, 1, 2, 2]], np.uint8), 4, axis=0)


def segmented(sequence: int = 1, card: Card = CARD) -> LiveResult:
    """A grey frame of 6x4 with three classes, a third each."""
    classes = tuple(ClassShare(c, card.classes[c], 1 / 3, 0.9) for c in range(3))
    logits = 10 * np.eye(3, dtype=np.float32)[LABELS]
    seen = Prediction(card, Segmentation(LABELS, classes, {}), logits=logits)
    return LiveResult(Frame(IMAGE, 0, 0.0, captured_at_s=0.0), sequence, 0.0, seen, True)


def classified(sequence: int = 1) -> LiveResult:
    """The same frame, classified as class 2."""
    scores = (ClassScore(2, "blue", 0.7), ClassScore(0, "red", 0.2))
    card = replace(CARD, name="classifier", task="classification")
    seen = Prediction(card, classification=Classification(scores, {}))
    return LiveResult(Frame(IMAGE, 0, 0.0, captured_at_s=0.0), sequence, 0.0, seen, True)


def unseen(sequence: int = 1) -> LiveResult:
    """The same frame without a model."""
    return LiveResult(Frame(IMAGE, 0, 0.0, captured_at_s=0.0), sequence, 0.0, None, False)
