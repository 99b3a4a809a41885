from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from seaformer_edge.errors import SourceError
from seaformer_edge.training.augment import Augmentation
from seaformer_edge.training.datasets import LabelledPictures, TrainingSamples, read_pair


def test_splits_that_the_data_set_brings(street):
    assert [len(LabelledPictures(street, s).pairs()) for s in ("train", "val")] == [6, 2]


def test_a_tenth_is_held_out_where_there_are_no_splits(tmp_path):
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
        for i in range(200):
            (tmp_path / kind / f"{i}.png").touch()
    train = {p for p, _ in LabelledPictures(tmp_path, "train").pairs()}
    val = {p for p, _ in LabelledPictures(tmp_path, "val").pairs()}
    assert not train & val
    assert len(train | val) == 200
    assert 10 <= len(val) <= 30


def test_labels_are_read_with_ignored_ids_as_255(street):
    image, ids = read_pair(*LabelledPictures(street, "train").pairs()[0], 9, 2)
    assert image.shape == (90, 120, 3)
    assert image.dtype == ids.dtype == np.uint8
    assert set(np.unique(ids)) == {0, 1, 255}
    blue, red = image[0, :, 2].mean(), image[0, :, 0].mean()
    assert blue > red, "the sky is blue in RGB"


def test_what_is_wrong_is_named(street, tmp_path):
    pairs = LabelledPictures(street, "train").pairs()
    with pytest.raises(SourceError, match="class id 9, but there are 2"):
        read_pair(*pairs[0], 255, 2)
    with pytest.raises(SourceError, match="images/ and labels/"):
        LabelledPictures(tmp_path / "nowhere", "train").pairs()
    pairs[1][1].unlink()
    with pytest.raises(SourceError, match=r"01\.png.*missing"):
        LabelledPictures(street, "train").pairs()
    shutil.rmtree(street / "val" / "images")
    (street / "val" / "images").mkdir()
    with pytest.raises(SourceError, match="no pictures"):
        LabelledPictures(street, "val").pairs()
    cv2.imwrite(str(pairs[0][1]), np.zeros((5, 5), np.uint8))
    with pytest.raises(SourceError, match="size"):
        read_pair(*pairs[0], 9, 2)
    pairs[0][0].write_bytes(b"no picture")
    with pytest.raises(SourceError, match="cannot be read"):
        read_pair(*pairs[0], 9, 2)


def test_samples_repeat_exactly_and_differ_between_epochs(street):
    def samples():
        return TrainingSamples(
            LabelledPictures(street, "train").pairs(), Augmentation((64, 96)), 2, 9, 12, seed=3
        )

    first, second = samples(), samples()
    for n in (0, 5, 11):
        assert all(torch.equal(a, b) for a, b in zip(first[n], second[n], strict=True))
    assert not torch.equal(first[0][0], first[6][0])
    image, ids = first[0]
    assert image.shape == (3, 64, 96)
    assert image.dtype == torch.uint8
    assert ids.dtype == torch.int64


@pytest.mark.parametrize("scale", [(0.3, 0.4), (1.0, 1.0), (2.0, 3.0)])
def test_augmentation_keeps_labels_on_their_pixels(scale):
    """Where the colour says which class it is, it still does after scale, crop and flip."""
    rng = np.random.default_rng(0)
    ids = cv2.resize(rng.integers(0, 2, (5, 7), dtype=np.uint8), (140, 100), interpolation=0)
    image = np.repeat(ids[..., None] * 255, 3, axis=2)
    for _ in range(20):
        picture, labels = Augmentation((64, 96), scale, colour=0)(image, ids, rng)
        assert picture.shape == (64, 96, 3)
        assert labels.shape == (64, 96)
        seen = labels != 255
        agree = (picture[..., 0] > 127) == (labels == 1)
        assert agree[seen].mean() > 0.9  # edges are blurred by the resizing
        assert (picture[~seen] == (124, 116, 104)).all()


def test_colours_are_distorted_but_not_the_labels():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)
    ids = np.ones((64, 96), np.uint8)
    changed = [Augmentation((64, 96), (1, 1))(image, ids, rng)[0] for _ in range(10)]
    assert len({picture.tobytes() for picture in changed}) == 10
