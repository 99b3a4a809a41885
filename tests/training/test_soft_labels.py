from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from seaformer_edge.errors import SourceError
from seaformer_edge.training.soft_labels import FILE, read_soft_labels, soft_label

WHOLE = (0.0, 1.0, 0.0, 1.0)


def test_a_crop_has_the_label_of_the_cells_that_it_covers():
    cells = np.zeros((2, 4, 4), np.float16)
    cells[0, :, :2] = 8  # class 0 on the left
    cells[1, :, 2:] = 8  # class 1 on the right
    assert soft_label(cells, (0.2, 0.9, 0.0, 0.3))[0] > 0.99
    assert soft_label(cells, (0.2, 0.9, 0.7, 1.0))[1] > 0.99
    assert soft_label(cells, WHOLE) == pytest.approx([0.5, 0.5])
    assert soft_label(cells.swapaxes(1, 2), (0.0, 0.3, 0.2, 0.9))[0] > 0.99


def test_a_whole_picture_has_nearly_the_mean_of_its_cells():
    rng = np.random.default_rng(0)
    cells = rng.normal(0, 2, (5, 4, 6)).astype(np.float16)
    mean = cells.astype(np.float64).mean((1, 2))
    expected = np.exp(mean) / np.exp(mean).sum()
    # Bilinear interpolation with repeated edges weighs the cells nearly alike.
    assert soft_label(cells, WHOLE) == pytest.approx(expected, abs=0.02)
    assert soft_label(cells * 0 + np.float16(600), WHOLE) == pytest.approx([0.2] * 5)


def test_soft_labels_of_other_pictures_are_refused(tmp_path):
    path = tmp_path / FILE
    np.save(path, np.zeros((3, 2, 4, 4), np.float16))
    assert read_soft_labels(path, 3, 2).shape == (3, 2, 4, 4)
    for count, classes in ((4, 2), (3, 5)):
        with pytest.raises(SourceError, match=rf"expected float16 \({count}, {classes}, h, w\)"):
            read_soft_labels(path, count, classes)
    np.save(path, np.zeros((3, 2, 4, 4)))
    with pytest.raises(SourceError, match="float64 "):
        read_soft_labels(path, 3, 2)
    path.write_bytes(b"not an array")
    with pytest.raises(SourceError, match="not a teacher's soft labels"):
        read_soft_labels(path, 3, 2)
    with pytest.raises(SourceError, match=r"nowhere\.npy: not a teacher's soft labels"):
        read_soft_labels(tmp_path / "nowhere.npy", 3, 2)
