from __future__ import annotations

import cv2
import numpy as np
import pytest
from fakes import CARD

from seaformer_edge.frame import Frame
from seaformer_edge.inference.postprocess import postprocess_segmentation
from seaformer_edge.live.result import LiveResult, Prediction


@pytest.fixture
def result() -> LiveResult:
    image = np.zeros((50, 70, 3), np.uint8)
    padded = np.random.default_rng(0).normal(0, 2, (6, 8, 5)).astype(np.float32)
    segmentation = postprocess_segmentation(padded, CARD, (70, 50), {})
    prediction = Prediction(CARD, segmentation, logits=padded)
    return LiveResult(Frame(image, 0, 0.0), 1, 0.0, prediction, True)


def test_confidence_at_a_pixel_agrees_with_the_labels(result: LiveResult) -> None:
    assert result.prediction is not None
    assert result.prediction.logits is not None
    assert result.segmentation is not None
    exp = np.exp(result.prediction.logits[..., : CARD.num_classes])
    probability = exp / exp.sum(axis=2, keepdims=True)
    upsampled = cv2.resize(probability, (70, 50), interpolation=cv2.INTER_LINEAR)
    for x, y in [(0, 0), (69, 49), (35, 25), (13, 41)]:
        expected = upsampled[y, x, result.segmentation.label_map[y, x]]
        assert result.confidence_at(x, y) == pytest.approx(expected, abs=1e-3)
    chosen = [
        [result.confidence_at(x, y) for x in range(70) if label_map_row[x] == 1]
        for y, label_map_row in enumerate(result.segmentation.label_map)
    ]
    mean = np.mean([value for row in chosen for value in row])
    (share,) = [share for share in result.segmentation.classes if share.class_id == 1]
    assert share.confidence == pytest.approx(mean, abs=1e-3)


@pytest.mark.parametrize("place", [(-1, 0), (70, 0), (0, 50)])
def test_a_pixel_outside_the_frame(result: LiveResult, place: tuple[int, int]) -> None:
    with pytest.raises(IndexError, match="outside a frame of 70x50"):
        result.confidence_at(*place)


def test_without_a_model() -> None:
    result = LiveResult(Frame(np.zeros((2, 2, 3), np.uint8), 0, 0.0), 1, 0.0, None, False)
    assert result.confidence_at(0, 0) is None
    assert result.segmentation is result.classification is result.card is None
