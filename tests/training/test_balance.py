from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

import cv2

from seaformer_edge.training.balance import class_counts, class_weights, repeats


def test_pixels_are_counted_by_class(tmp_path):
    labels = np.array([[0, 0, 2], [255, 2, 2]], np.uint8)
    picture, label = tmp_path / "a.png", tmp_path / "label.png"
    cv2.imwrite(str(picture), np.zeros((2, 3, 3), np.uint8))
    cv2.imwrite(str(label), labels)
    counts = class_counts([(picture, label)], np.arange(256, dtype=np.uint8), 3)
    assert counts.tolist() == [[2, 0, 3]]


def test_weights_computed_by_hand():
    weights = class_weights(np.array([[30, 10], [60, 0]])).numpy()
    expected = 1 / np.log(1.1 + np.array([0.9, 0.1]))
    assert weights == pytest.approx(expected / expected.mean())


def test_a_picture_is_repeated_for_its_rarest_class():
    counts = np.zeros((100, 3), np.int64)
    counts[:, 0] = 1000  # everywhere
    counts[:25, 1] = 1  # in a quarter
    counts[:1, 2] = 1  # in one of a hundred
    assert repeats(counts, 0.0, 0).tolist() == [1] * 100
    times = repeats(counts, 0.25, 0)
    assert times[0] == 5  # sqrt(0.25 / 0.01)
    assert times[1:].tolist() == [1] * 99


def test_factors_are_rounded_at_random_and_reproducibly():
    counts = np.zeros((4000, 1), np.int64)
    counts[:1000] = 1
    times = repeats(counts, 0.5625, 3)  # sqrt(0.5625 / 0.25) is 1.5
    assert set(times[:1000]) == {1, 2}
    assert times[:1000].mean() == pytest.approx(1.5, abs=0.05)
    assert set(times[1000:]) == {1}
    assert (times == repeats(counts, 0.5625, 3)).all()
