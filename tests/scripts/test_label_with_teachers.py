"""The script that labels photographs with three teachers, here with fake ones."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "data"))
try:
    import label_with_teachers as script
    import teachers
finally:
    sys.path.pop(0)
from teachers import CLASSES, MOSAIC_CLASSES, UNSURE, Instance, Teachers, merge

from seaformer_edge.errors import SourceError


def ids(*names: str) -> np.ndarray:
    """(1, N) class ids; "" is `UNSURE`."""
    return np.array([[CLASSES.index(name) if name else UNSURE for name in names]], np.uint8)


def mask(*columns: int, width: int) -> np.ndarray:
    return np.isin(np.arange(width), columns)[None]


SURE = np.ones((1, 8), np.bool_)
NOTHING = ids(*[""] * 8)


def test_every_teacher_names_our_classes() -> None:
    assert {*MOSAIC_CLASSES, *teachers.VOC_CLASSES} - {""} <= set(CLASSES)
    assert len(MOSAIC_CLASSES) == 32
    assert len(teachers.YOLO_CLASSES) == len(set(teachers.YOLO_CLASSES)) == 80
    assert {*teachers.VOC_CLASSES, "bed", "bench"} >= teachers.THINGS | teachers.FURNITURE
    assert set(CLASSES[41:]) <= set(teachers.OURS.values()) <= set(CLASSES)


def test_voc_names_things_and_fills_gaps_of_mosaic() -> None:
    mosaic = ids("wall", "chair", "person", "person", "", "", "car", "floor")
    voc = ids("dog", "sofa", "", "person", "table", "", "", "tv")
    expected = ids("dog", "chair", "", "person", "table", "", "", "tv")
    assert (merge(mosaic, SURE, voc, ()) == expected).all()


def test_furniture_of_voc_fills_no_gap_where_mosaic_is_unsure() -> None:
    voc = ids("table", "dog", "", "", "", "", "", "")
    assert (merge(NOTHING, ~SURE, voc, ()) == ids("", "dog", *[""] * 6)).all()


def test_objects_of_yolo_are_drawn_by_kind_and_score() -> None:
    mosaic = ids("wall", "wall", "wall", "", "", "wall", "wall", "wall")
    voc = ids("dog", "", "", "", "", "cat", "", "")
    objects = [
        Instance("person", 0.9, mask(0, 1, width=8)),  # a thing: over everything
        Instance("sofa", 0.9, mask(2, 5, width=8)),  # furniture: not over VOC's cat
        Instance("bottle", 0.3, mask(2, 3, width=8)),  # uncertain: only where nothing is
        Instance("kite", 0.9, mask(5, 6, width=8)),  # none of ours: not over things
        Instance("wine glass", 0.9, mask(7, width=8)),
    ]
    expected = ids("person", "person", "sofa", "bottle", "", "cat", "other", "cup")
    assert (merge(mosaic, SURE, voc, objects) == expected).all()


def test_smaller_objects_lie_over_larger_ones() -> None:
    objects = [Instance("dog", 0.9, mask(1, width=8)), Instance("sofa", 0.9, SURE)]
    merged = merge(NOTHING, SURE, NOTHING, objects)
    assert (merged == ids("sofa", "dog", *["sofa"] * 6)).all()


def test_probabilities_of_one_class_are_added_and_low_ones_are_unsure() -> None:
    logits = np.full((2, 4, 32), -20, np.float32)
    chairs = [i for i, name in enumerate(MOSAIC_CLASSES) if name == "chair"]
    assert len(chairs) == 2
    logits[:, 0, [MOSAIC_CLASSES.index("wall"), *chairs]] = (1.2, 1, 1)  # 0.37 and twice 0.31
    logits[:, 1, [1, 3, 4]] = 1  # a third each
    logits[:, 2:, 0] = 1
    labels, sure = teachers.surroundings_from(logits, (4, 2))
    assert labels[0, 0] == CLASSES.index("chair")
    assert sure[0].tolist() == [True, False, True, True]
    assert (labels[:, 2:] == UNSURE).all()


def test_yolo_outputs_become_masks_inside_their_boxes() -> None:
    detections = np.zeros((3, 8), np.float32)
    detections[0] = (0, 0, 0.5, 1, 0.8, 16, 1, 0)  # a dog on the left
    detections[1] = (0, 0, 1, 1, 0.1, 0, 1, 0)  # too uncertain
    detections[2] = (0.5, 0.5, 1, 1, 0.5, 39, 0, 1)
    prototypes = np.ones((4, 4, 2), np.float32)
    prototypes[..., 1] = -1
    (dog, bottle) = teachers.instances_from(detections, prototypes, 16)
    assert (dog[0], bottle[0]) == ("dog", "bottle")
    assert dog[1] == pytest.approx(0.8)
    assert (dog[2][:, :8] > 0).all()
    assert (dog[2][:, 9:] < 0).all()
    assert (bottle[2] < 0).all()


def fake_teachers() -> Teachers:
    """A wall everywhere, a dog in the upper half, a bottle in the corner."""

    def whole(image: np.ndarray, name: str) -> np.ndarray:
        return np.full(image.shape[:2], CLASSES.index(name), np.uint8)

    def voc(image: np.ndarray) -> np.ndarray:
        labels = whole(image, "dog")
        labels[len(image) // 2 :] = UNSURE
        return labels

    def yolo(image: np.ndarray) -> list[Instance]:
        corner = np.zeros(image.shape[:2], np.bool_)
        corner[-1, -1] = True
        return [Instance("bottle", 0.9, corner)]

    return Teachers(lambda image: (whole(image, "wall"), whole(image, "wall") < UNSURE), voc, yolo)


def test_pictures_are_labelled_once_and_in_parts(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for stem in "abc":
        cv2.imwrite(str(tmp_path / "images" / f"{stem}.png"), np.zeros((4, 6, 3), np.uint8))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.png").write_bytes(b"labelled before")
    script.label(tmp_path, fake_teachers(), (1, 2))
    assert sorted(p.name for p in (tmp_path / "labels").iterdir()) == ["a.png", "c.png"]
    assert (tmp_path / "labels" / "a.png").read_bytes() == b"labelled before"
    labels = cv2.imread(str(tmp_path / "labels" / "c.png"), cv2.IMREAD_UNCHANGED)
    dog, wall, bottle = (CLASSES.index(name) for name in ("dog", "wall", "bottle"))
    assert labels.tolist() == [[dog] * 6] * 2 + [[wall] * 6, [wall] * 5 + [bottle]]


def test_an_interrupted_picture_is_labelled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((4, 6, 3), np.uint8))

    def interrupted(*_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        script.label(tmp_path, fake_teachers(), (1, 1))
    monkeypatch.undo()
    assert not list((tmp_path / "labels").glob("*.png"))
    script.label(tmp_path, fake_teachers(), (1, 1))
    assert cv2.imread(str(tmp_path / "labels" / "a.png"), cv2.IMREAD_UNCHANGED).shape == (4, 6)


def test_each_teacher_and_the_merged_labels_are_measured(tmp_path: Path) -> None:
    for kind, array in (
        ("images", np.zeros((4, 6, 3), np.uint8)),
        ("labels", np.full((4, 6), CLASSES.index("dog"), np.uint8)),
    ):
        (tmp_path / "real" / kind).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "real" / kind / "a.png"), array)
    matrices = dict(script.measure(tmp_path, "real", fake_teachers()))
    dog = CLASSES.index("dog")
    iou = {name: matrix.iou[dog] for name, matrix in matrices.items()}
    assert iou == {"mosaic": 0, "voc": 0.5, "yolo": 0, "merged": 0.5}


def test_bystanders_that_two_teachers_see_are_ignored(tmp_path: Path) -> None:
    person = CLASSES.index("person")
    truth = np.zeros((1, 8), np.uint8)
    truth[0, :3] = person

    def yolo(image: np.ndarray) -> list[Instance]:
        return [
            Instance("person", 0.9, mask(0, 1, 2, 3, width=8)),  # the person, too wide
            Instance("person", 0.9, mask(2, 4, 5, 6, width=8)),  # a bystander
            Instance("dog", 0.9, mask(7, width=8)),
        ]

    def voc(image: np.ndarray) -> np.ndarray:
        return ids("", "", "", "person", "person", "", "", "person")

    agreeing = Teachers(lambda image: (ids("", "", "", "", "", "person", "", ""), SURE), voc, yolo)
    for kind, array in (("images", np.zeros((1, 8, 3), np.uint8)), ("labels", truth)):
        (tmp_path / "persons" / kind).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "persons" / kind / "a.png"), array)
    script.ignore_bystanders(tmp_path, agreeing)
    labels = cv2.imread(str(tmp_path / "persons-agreed" / "labels" / "a.png"), -1)
    assert labels.tolist() == [[person] * 3 + [0, UNSURE, UNSURE, 0, 0]]
    assert (tmp_path / "persons-agreed" / "images" / "a.png").is_file()


def test_another_file_than_the_known_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"network\.tflite: cannot be read \(No such file"):
        teachers.Voc(tmp_path / "network.tflite", 1)
    (tmp_path / "network.tflite").write_bytes(b"other")
    with pytest.raises(SourceError, match=r"network\.tflite: not the file that is known as voc"):
        teachers.Voc(tmp_path / "network.tflite", 1)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="images: no such folder"):
        script.label(tmp_path / "nowhere", fake_teachers(), (1, 1))
