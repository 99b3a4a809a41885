"""The scripts that make the everyday training set: class tables, split and masks."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from seaformer_edge.training.layouts import folder

image_module = pytest.importorskip("PIL.Image", reason="the train extra is not installed")

SCRIPTS = Path(__file__).parents[2] / "scripts" / "data"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # the pool of make_everyday_data pickles by module name
    spec.loader.exec_module(module)
    return module


data = load("make_everyday_data")
coco = load("draw_coco_masks")


def ids(*names: str) -> np.ndarray:
    """Class ids; "" is 255."""
    return np.array([[data.CLASSES.index(n) if n else 255 for n in names]], np.uint8)


def test_every_table_names_classes_that_exist() -> None:
    for origin in data.ORIGINS.values():
        assert {name for name in origin.ids.values() if name} <= set(data.CLASSES)
        assert origin.complete <= set(origin.ids.values())


def test_the_masks_of_msrc_name_twenty_classes() -> None:
    named = {name for name in data.ORIGINS["msrc"].ids.values() if name}
    assert len(named) == 20
    mask = np.array([[1, 11, 22, 14, 15, 17, 0]], np.uint8)
    expected = ids("building", "person", "person", "plant", "", "", "")
    assert (data.real_labels(mask, data.ORIGINS["msrc"]) == expected).all()


def test_the_real_mask_replaces_the_teachers_labels() -> None:
    seen = ids("wall", "car", "table", "grass", "dog", "cat")
    mask = np.array([[0, 0, 0, 12, 255, 8]], np.uint8)
    expected = ids("wall", "", "table", "dog", "", "cat")
    assert (data.training_labels(seen, mask, data.ORIGINS["voc"]) == expected).all()


def test_an_incomplete_mask_does_not_contradict_the_teachers() -> None:
    seen = ids("car", "car", "sky")
    mask = np.array([[0, 15, 4]], np.uint8)
    expected = ids("car", "", "cow")
    assert (data.training_labels(seen, mask, data.ORIGINS["msrc"]) == expected).all()


def test_background_is_extended_to_a_real_outline() -> None:
    seen, mask = (
        np.full((1, 128), data.CLASSES.index("sky"), np.uint8),
        np.zeros((1, 128), np.uint8),
    )
    seen[0, 20:60] = data.CLASSES.index("dog")  # larger than the mask
    seen[0, 90:100] = data.CLASSES.index("dog")  # not in the mask
    seen[0, 60:64] = data.CLASSES.index("grass")
    mask[0, 30:58] = 12
    labels = data.training_labels(seen, mask, data.ORIGINS["voc"])
    reach = 128 // 32
    assert (labels[0, 30:58] == data.CLASSES.index("dog")).all()
    assert (labels[0, 30 - reach : 30] == data.CLASSES.index("sky")).all()
    assert (labels[0, 58:60] == data.CLASSES.index("grass")).all()
    assert (labels[0, 20 : 30 - reach] == 255).all()  # farther away: unknown
    assert (labels[0, 90:100] == 255).all()


def test_a_mask_that_names_every_pixel_needs_no_teachers(tmp_path: Path) -> None:
    mask = tmp_path / "street.png"
    put(mask, np.array([[0, 5, 8, 12, 255]], np.uint8))
    picture = data.Picture(
        "cityscapes_street", mask, data.ORIGINS["cityscapes"], tmp_path / "none.png", mask
    )
    _, labels = next(data.targets(picture, "real-more"))
    assert (labels == ids("road", "", "tree", "person", "")).all()


def test_without_background_the_border_is_ignored() -> None:
    mask = np.array([[12, 12, 0, 0]], np.uint8)
    labels = data.training_labels(ids("dog", "dog", "dog", ""), mask, data.ORIGINS["voc"])
    assert (labels == ids("dog", "dog", "", "")).all()


def test_everything_but_persons_is_class_zero() -> None:
    mask = np.array([[0, 15, 12, 255]], np.uint8)
    person = data.CLASSES.index("person")
    labels = data.person_labels(mask, data.ORIGINS["voc"])
    assert labels.tolist() == [[0, person, 0, 255]]


def test_a_tenth_is_held_out_by_name() -> None:
    share = np.mean([data.held_out(f"voc_2008_{i:06}") for i in range(5000)])
    assert share == pytest.approx(0.1, abs=0.02)
    for number in range(50):
        rooms = {data.held_out(f"house_{number}_{room}") for room in data.ROOMS}
        assert len(rooms) == 1
        city = {data.held_out(f"cityscapes_{number}_000{i}_000019") for i in range(20)}
        assert len(city) == 1
        neighbours = {data.held_out(f"nyu_nyu_{20 * number + i:04}") for i in range(20)}
        assert len(neighbours) == 1


def put(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), array)


def name_of(prefix: str, suffix: str, out: bool) -> str:
    return next(name for i in range(1000) if data.held_out(name := f"{prefix}_{i}{suffix}") == out)


def test_the_set_has_the_layout_that_training_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    everyday, more, output = tmp_path / "everyday", tmp_path / "more", tmp_path / "set"
    trained = name_of("msrc", "_s", False)
    tested = name_of("msrc", "_s", True)
    walker = name_of("ccp", "", True)
    room = name_of("house", "_kitchen", True)
    front = room.replace("kitchen", "frontal")
    for name in (trained, tested, walker, room, front):
        put(everyday / "images" / f"{name}.webp", np.full((40, 60, 3), 90, np.uint8))
        put(everyday / "labels" / f"{name}.png", np.full((40, 60), 3, np.uint8))
    mask = np.zeros((40, 60), np.uint8)
    mask[:20] = 1
    for name in (trained, tested, walker):
        put(everyday / "masks" / f"{name}.png", mask)

    animal = name_of("voc", "", True).removeprefix("voc_")
    put(more / "images" / f"{animal}.jpg", np.full((600, 1024, 3), 90, np.uint8))
    put(more / "labels" / f"{animal}.png", np.full((600, 1024), 3, np.uint8))
    with_palette = image_module.fromarray(np.full((600, 1024), 12, np.uint8), mode="P")
    with_palette.putpalette([0, 0, 0] * 12 + [64, 0, 128])
    (more / "masks").mkdir()
    with_palette.save(more / "masks" / f"{animal}.png")

    arguments = ["make", str(output), str(everyday), "--more", f"voc={more}"]
    monkeypatch.setattr(sys, "argv", arguments)
    data.main()

    def stems(split: str) -> list[str]:
        return [picture.stem for picture, _ in folder(output, split)]

    def label(split: str, name: str) -> np.ndarray:
        return cv2.imread(str(output / split / "labels" / f"{name}.png"), cv2.IMREAD_UNCHANGED)

    assert stems("train") == [trained]
    assert stems("val") == sorted([tested, walker, room, front, f"voc_{animal}"])
    assert stems("real") == sorted([tested, walker])
    assert stems("persons") == [walker]
    assert stems("real-more") == stems("persons-more") == [f"voc_{animal}"]
    assert stems("rooms") == [room]
    building, floor, dog = ids("building", "floor", "dog")[0]
    assert (label("train", trained)[:20] == building).all()
    assert (label("train", trained)[20:] == floor).all()
    assert (label("real", tested)[20:] == 255).all()
    assert label("real-more", f"voc_{animal}").shape == (300, 512)
    assert (label("real-more", f"voc_{animal}") == dog).all()
    assert "building      50.000 %      1 pictures" in capsys.readouterr().out


def square(left: int, top: int, side: int) -> list[int]:
    right, bottom = left + side, top + side
    return [left, top, right, top, right, bottom, left, bottom]


def test_small_coco_polygons_lie_over_large_ones_and_crowds(tmp_path: Path) -> None:
    annotations = [
        {"image_id": 7, "category_id": 44, "iscrowd": 0, "segmentation": [square(2, 2, 1)]},
        {"image_id": 7, "category_id": 67, "iscrowd": 0, "segmentation": [square(0, 0, 5)]},
        {
            "image_id": 7,
            "category_id": 1,
            "iscrowd": 1,
            "segmentation": {"size": [8, 10], "counts": [56, 24]},  # the last three columns
        },
    ]
    picture = {"id": 7, "file_name": "a.jpg", "height": 8, "width": 10}
    path = tmp_path / "instances.json"
    path.write_text(json.dumps({"images": [picture], "annotations": annotations}))
    put(tmp_path / "images" / "a.jpg", np.zeros((8, 10, 3), np.uint8))
    coco.main(tmp_path / "images", path, tmp_path / "out")
    mask = cv2.imread(str(tmp_path / "out" / "masks" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert (tmp_path / "out" / "images" / "a.jpg").exists()
    assert mask[2, 2] == 44
    assert mask[0, 0] == 67
    assert (mask[:, 7:] == 255).all()
    assert mask[7, 0] == 0


def test_yolo_polygons_get_the_ids_of_coco(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.jpg", np.zeros((8, 10, 3), np.uint8))
    put(tmp_path / "images" / "no-label.jpg", np.zeros((8, 10, 3), np.uint8))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("79 0.5 0 1 0 1 1 0.5 1\n")  # toothbrush
    ((name, mask),) = coco.from_yolo(tmp_path / "labels", tmp_path / "images")
    assert name == "a.jpg"
    assert (mask[:, 5:] == 90).all()
    assert (mask[:, :5] == 0).all()
    assert len(coco.CATEGORY_IDS) == 80
