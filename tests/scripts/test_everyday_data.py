"""The scripts that make the everyday training set: class tables, split and masks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.hub.paths import shipped_models_dir
from seaformer_edge.training.layouts import folder

image_module = pytest.importorskip("PIL.Image", reason="the train extra is not installed")

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "data"))
try:
    import cut_out_objects
    import draw_coco_masks as coco
    import make_everyday_data as data
finally:
    sys.path.pop(0)


def ids(*names: str) -> np.ndarray:
    """Class ids; "" is 255."""
    return np.array([[data.CLASSES.index(n) if n else 255 for n in names]], np.uint8)


def test_every_table_names_classes_that_exist() -> None:
    for origin in data.ORIGINS.values():
        assert {name for name in origin.ids.values() if name} <= set(data.CLASSES)
        assert origin.complete <= set(origin.ids.values())


def test_the_41_classes_have_the_same_ids_in_the_longer_list() -> None:
    everyday = read_class_list(shipped_models_dir() / "classes" / "everyday.json").names
    assert data.CLASSES[: len(everyday)] == everyday


def test_the_masks_of_msrc_name_22_classes() -> None:
    assert len(set(data.ORIGINS["msrc"].ids.values())) == 22
    mask = np.array([[1, 11, 22, 14, 15, 17, 0]], np.uint8)
    expected = ids("building", "person", "person", "plant", "sign", "book", "")
    assert (data.real_labels(mask, data.ORIGINS["msrc"]) == expected).all()


def test_the_real_mask_replaces_the_teachers_labels() -> None:
    seen = ids("wall", "car", "table", "grass", "dog", "cat")
    mask = np.array([[0, 0, 0, 12, 255, 8]], np.uint8)
    expected = ids("wall", "", "table", "dog", "", "cat")
    assert (data.training_labels(seen, mask, data.ORIGINS["voc"]) == expected).all()


def test_an_incomplete_mask_does_not_contradict_the_teachers() -> None:
    seen = ids("car", "car", "sky")
    mask = np.array([[0, 15, 4]], np.uint8)
    expected = ids("car", "sign", "cow")
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


def test_everything_but_the_wanted_classes_is_class_zero() -> None:
    mask = np.array([[0, 15, 12, 255]], np.uint8)
    person, dog = ids("person", "dog")[0]
    labels = data.labels_of(("person",), mask, data.ORIGINS["voc"])
    assert labels.tolist() == [[0, person, 0, 255]]
    labels = data.labels_of(data.VOC_CLASSES[1:], mask, data.ORIGINS["voc"])
    assert labels.tolist() == [[0, person, dog, 255]]


def test_props_of_rooms_are_what_teachers_name_or_other() -> None:
    seen = ids("cup", "wall", "", "cup", "cup")
    mask = np.array([[40, 40, 40, 1, 0]], np.uint8)
    labels = data.training_labels(seen, mask, data.ORIGINS["nyu"])
    assert (labels == ids("cup", "other", "other", "wall", "")).all()


def test_ground_that_teachers_see_in_close_ups_is_ignored(tmp_path: Path) -> None:
    put(tmp_path / "inet.png", ids("ground", "dog", "sky"))
    picture = data.Picture(
        "inet_1", tmp_path, data.ORIGINS["inet"], tmp_path / "inet.png", mask=None
    )
    _, labels = next(data.targets(picture, "real"))
    assert (labels == ids("", "dog", "sky")).all()


@pytest.mark.parametrize(("origin", "expected"), [("voc_2008", 0.1), ("coco", 0.4)])
def test_a_share_is_held_out_by_name(origin: str, expected: float) -> None:
    share = np.mean([data.held_out(f"{origin}_{i:06}") for i in range(5000)])
    assert share == pytest.approx(expected, abs=0.02)


def test_what_belongs_together_is_held_out_together() -> None:
    for number in range(50):
        rooms = {data.held_out(f"house_{number}_{room}") for room in data.ROOMS}
        assert len(rooms) == 1
        city = {data.held_out(f"cityscapes_{number}_000{i}_000019") for i in range(20)}
        assert len(city) == 1
        neighbours = {data.held_out(f"nyu_nyu_{20 * number + i:04}") for i in range(20)}
        assert len(neighbours) == 1


def test_labels_and_mask_of_other_sizes_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "label.png", np.zeros((2, 3), np.uint8))
    put(tmp_path / "mask.png", np.zeros((3, 2), np.uint8))
    paths = (tmp_path / "label.png", tmp_path / "mask.png")
    picture = data.Picture("voc_1", tmp_path / "a.jpg", data.ORIGINS["voc"], *paths)
    with pytest.raises(data.SourceError, match=r"label\.png: another size than .*mask\.png"):
        next(data.targets(picture, "real"))


@pytest.mark.parametrize("origin", ["unknown", None])
def test_pictures_of_an_unknown_origin_are_refused(tmp_path: Path, origin: str | None) -> None:
    put(tmp_path / "images" / "mine_1.png", np.zeros((1, 2, 3), np.uint8))
    with pytest.raises(data.SourceError, match=r"mine_1\.png: '(unknown|mine)' is no origin"):
        list(data.pictures_of(tmp_path, origin))


def test_an_unreadable_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    put(tmp_path / "a.png", np.zeros((2, 3), np.uint8))
    picture = data.Picture("inet_1", tmp_path / "a.jpg", data.Origin({}), tmp_path / "a.png", None)
    with pytest.raises(data.SourceError, match=r"a\.jpg: cannot be read as a picture"):
        data.make(tmp_path, "real", 59, picture)


def test_objects_become_unlabelled_in_the_41_classes(tmp_path: Path) -> None:
    name = name_of("house", "", False)
    put(tmp_path / "images" / f"{name}.png", np.zeros((1, 2, 3), np.uint8))
    put(tmp_path / "labels" / f"{name}.png", ids("cup", "tv"))
    (picture,) = data.pictures_of(tmp_path, None)
    for num_classes, expected in ((41, ids("", "tv")), (59, ids("cup", "tv"))):
        data.make(tmp_path, "real", num_classes, picture)
        labels = cv2.imread(str(tmp_path / "train" / "labels" / f"{name}.png"), -1)
        assert (labels == expected).all()


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
    for split in ("real-more", "persons-more", "objects"):
        assert stems(split) == [f"voc_{animal}"]
    assert stems("rooms") == [room]
    building, floor, dog = ids("building", "floor", "dog")[0]
    assert (label("train", trained)[:20] == building).all()
    assert (label("train", trained)[20:] == floor).all()
    assert (label("real", tested)[20:] == 255).all()
    assert label("real-more", f"voc_{animal}").shape == (300, 512)
    assert (label("real-more", f"voc_{animal}") == dog).all()
    assert "building       50.000 %      1 pictures" in capsys.readouterr().out


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


def test_coco_files_that_are_missing_are_named(tmp_path: Path) -> None:
    picture = {"id": 1, "file_name": "a.jpg", "height": 8, "width": 9}
    path, output = tmp_path / "instances.json", tmp_path / "out"
    for text, expected in (
        (None, r"instances\.json: cannot be read \(No such file"),
        ("{", r"instances\.json: not a JSON file"),
        (
            json.dumps({"images": [picture], "annotations": []}),
            r"a\.jpg: no such file, but .*instances\.json names it",
        ),
    ):
        if text:
            path.write_text(text)
        with pytest.raises(data.SourceError, match=expected):
            coco.main(tmp_path, path, output)


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


def test_whole_objects_of_real_masks_are_cut_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dog, person, wall = ids("dog", "person", "wall")[0]
    labels = np.full((120, 200), wall, np.uint8)
    labels[20:80, 30:90] = dog
    labels[0:60, 120:180] = dog  # touches the edge
    labels[90:100, 30:40] = dog  # too small
    labels[100:110, 100:110] = person
    image = np.full((120, 200, 3), 50, np.uint8)
    image[labels == dog] = (10, 20, 200)
    for name in ("voc_1", "house_1"):  # what teachers label in houses is not cut
        put(tmp_path / "train" / "images" / f"{name}.png", image)
        put(tmp_path / "train" / "labels" / f"{name}.png", labels)
    monkeypatch.setattr(sys, "argv", ["cut", str(tmp_path)])
    cut_out_objects.main()
    (path,) = (tmp_path / "cutouts").rglob("*.webp")
    assert path == tmp_path / "cutouts" / "dog" / "voc_1_0.webp"
    cutout = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert cutout.shape == (60, 60, 4)
    assert (cutout[1:-1, 1:-1, 3] == 255).all()
    assert cutout[29, 29, 2] > 150
    assert "person" in cut_out_objects.cut_classes(data.ORIGINS["cityscapes"])
    assert not cut_out_objects.cut_classes(data.ORIGINS["msrc"])
