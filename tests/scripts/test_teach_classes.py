"""The script that labels Tiny-ImageNet with a teacher: class ids, and places in the picture."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "data"))
try:
    from teach_classes import LABELLED_AT, class_names, imagenet_ids, soft_labels
finally:
    sys.path.pop(0)


class Brightness(torch.nn.Module):
    """A teacher of two classes: the mean of each of 4x4 cells, and its negative."""

    def forward(self, x):
        assert x.shape[2:] == (LABELLED_AT, LABELLED_AT)
        cells = torch.nn.functional.adaptive_avg_pool2d(x.mean(1, keepdim=True), 4)
        return torch.cat([cells, -cells], 1)


def test_tiny_imagenets_classes_are_found_in_imagenets():
    ids = imagenet_ids(class_names("tiny-imagenet"))
    assert len(ids) == 200
    assert ids == sorted(set(ids))  # both lists are in the order of WordNet's numbers
    assert class_names("imagenet")[ids[0]] == "goldfish"


def test_a_picture_and_its_mirror_image_are_labelled_in_place(tmp_path):
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, 32:] = 255
    cv2.imwrite(str(tmp_path / "a.png"), image)
    cv2.imwrite(str(tmp_path / "b.png"), image[::-1])
    labels = soft_labels(Brightness(), [(tmp_path / "a.png", 0), (tmp_path / "b.png", 1)])
    assert labels.shape == (2, 2, 4, 4)
    assert labels.dtype == np.float16
    bright = labels[:, 0] > 0
    assert bright[0, :2, 2:].all()
    assert bright[1, 2:, 2:].all()
    assert bright.sum() == 8
    assert np.array_equal(labels[:, 1], -labels[:, 0])
