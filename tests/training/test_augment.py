"""Objects pasted onto training pictures, and the faults of cameras."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from msgspec.structs import replace
from tiny_training import STAGE

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.training.augment import SegmentationAugmentation
from seaformer_edge.training.camera_faults import FAULTS
from seaformer_edge.training.cutouts import Cutouts
from seaformer_edge.training.tasks import SegmentationTask

CLASSES = ClassList(("wall", "cup", "dog"), ((0, 0, 0), (255, 0, 0), (0, 255, 0)), 255)


def cutout(path: Path, rgb: tuple[int, int, int]) -> None:
    """A disc of one colour in a transparent picture."""
    alpha = cv2.circle(np.zeros((40, 50), np.uint8), (25, 20), 18, 255, -1)
    picture = np.dstack((np.full((40, 50, 3), rgb[::-1], np.uint8), alpha))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


def test_pasted_objects_have_the_label_of_their_class(tmp_path: Path) -> None:
    for i in range(3):
        cutout(tmp_path / "cutouts" / "cup" / f"{i}.png", (255, 0, 0))
    cutout(tmp_path / "cutouts" / "dog" / "a.webp", (0, 255, 0))
    cutouts = Cutouts.of(tmp_path, CLASSES)
    image, labels = np.zeros((60, 80, 3), np.uint8), np.zeros((60, 80), np.uint8)
    rng = np.random.default_rng(0)
    seen = [cutouts.paste(image, labels, rng) for _ in range(60)]
    assert not image.any(), "the picture itself is unchanged"
    for picture, ids in seen:
        assert ids.any()
        for class_id, channel in ((1, 0), (2, 1)):
            coloured = picture[..., channel] > 140
            assert (coloured <= (ids == class_id)).mean() > 0.99
            if (ids == class_id).any():  # its outline may be half covered by another object's
                assert (picture[ids == class_id][:, channel] > 100).mean() > 0.9
    with_class = [np.mean([(ids == i).any() for _, ids in seen]) for i in (1, 2)]
    assert min(with_class) > 0.4, "classes are equally likely, whatever their pictures"


def test_a_recipe_pastes_objects_of_a_data_set(street: Path) -> None:
    more = ClassList(("sky", "road", "cup"), ((0, 0, 0),) * 3, 9)
    with pytest.raises(SourceError, match="no cut-out objects"):
        SegmentationTask(replace(STAGE, paste=1.0), more, street)
    cutout(street / "cutouts" / "cup" / "a.png", (255, 0, 0))

    def pictures_with_cups(share: float) -> float:
        samples = SegmentationTask(replace(STAGE, paste=share), more, street).samples(20)
        return np.mean([bool((samples[n][1] == 2).any()) for n in range(20)])

    assert pictures_with_cups(0.0) == 0
    assert pictures_with_cups(1.0) > 0.5


def test_cutouts_that_cannot_be_pasted_are_refused(tmp_path: Path) -> None:
    def error() -> str:
        with pytest.raises(SourceError) as caught:
            Cutouts.of(tmp_path, CLASSES)
        return str(caught.value)

    folder = tmp_path / "cutouts"
    assert error() == f"{folder}: no cut-out objects: expected a folder for each class"
    cutout(folder / "cup" / "a.png", (1, 2, 3))
    cutout(folder / "kite" / "a.png", (1, 2, 3))
    assert error() == f"{folder}/kite: no class is called 'kite'"
    (folder / "kite").rename(folder / "dog")
    cv2.imwrite(str(folder / "dog" / "b.png"), np.zeros((4, 4, 3), np.uint8))
    assert "b.png: no alpha channel: save the object as an RGBA PNG or WebP" in error()
    (folder / "dog" / "b.png").write_bytes(b"no picture")
    assert "b.png: cannot be read as a picture" in error()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_faults_of_cameras_change_a_picture_but_not_what_it_shows(fault) -> None:
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (160, 120))
    changed = [fault(image, rng) for _ in range(5)]
    assert len({picture.tobytes() for picture in [image, *changed]}) == 6
    for picture in changed:
        assert picture.shape == image.shape
        assert picture.dtype == np.uint8
        assert np.corrcoef(picture.ravel(), image.ravel())[0, 1] > 0.6


def test_faults_of_cameras_occur_by_chance() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    labels = np.zeros((32, 32), np.uint8)

    def augmented(chance: float, seed: int) -> np.ndarray:
        augment = SegmentationAugmentation((32, 32), (1, 1), 0, camera_faults=chance)
        return augment(image, labels, np.random.default_rng(seed))[0]

    def changed(chance: float) -> float:
        return np.mean([(augmented(chance, i) != augmented(0, i)).any() for i in range(40)])

    assert changed(0) == 0
    assert 0.2 < changed(0.5) < 0.8
    assert changed(1) == 1
