from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from seaformer_edge.training.metrics import ConfusionMatrix


def labels(*rows):
    return np.array(rows, dtype=np.uint8)


def test_iou_computed_by_hand():
    matrix = ConfusionMatrix(3)
    matrix.update(labels([0, 0, 1, 1]), labels([0, 1, 1, 1]))
    assert matrix.iou[:2] == pytest.approx([1 / 2, 2 / 3])
    assert np.isnan(matrix.iou[2]), "a class that does not occur is not counted"
    assert matrix.mean_iou == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert matrix.pixel_accuracy == pytest.approx(3 / 4)


def test_pictures_are_summed_before_the_ratio():
    whole, parts = ConfusionMatrix(4), ConfusionMatrix(4)
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, (2, 10, 6), dtype=np.uint8)
    whole.update(truth, predicted)
    for row in range(10):
        parts.update(truth[row : row + 1], predicted[row : row + 1])
    assert np.array_equal(whole.counts, parts.counts)


def test_ignored_pixels_are_not_counted():
    matrix = ConfusionMatrix(2)
    matrix.update(labels([0, 255, 2]), labels([0, 1, 1]))
    assert matrix.counts.sum() == 1


def test_label_maps_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="sizes differ"):
        ConfusionMatrix(2).update(labels([0, 1]), labels([0]))
    with pytest.raises(ValueError, match="predicted class 7 of 2"):
        ConfusionMatrix(2).update(labels([0]), labels([7]))
