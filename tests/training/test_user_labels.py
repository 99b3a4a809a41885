"""Masks and folders as users have them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from msgspec.structs import replace
from PIL import Image
from tiny_training import STAGE

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.training.datasets import SEGMENTATION, read_pair
from seaformer_edge.training.label_check import check_labels
from seaformer_edge.training.layouts import folder
from seaformer_edge.training.pictures import Colours, picture_size, read_picture
from seaformer_edge.training.tasks import SegmentationTask

IDS = SEGMENTATION["folder"].ids
PALETTE = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0]], np.uint8)
TRUTH = np.zeros((8, 12), np.uint8)
TRUTH[2:5, 3:9] = 1
STAGE = replace(STAGE, class_weights=False)


def put(root, masks, images="images", labels="labels", suffix=".png"):
    """Write a picture and a mask for every name; returns the folder."""
    for name, mask in masks.items():
        for kind in (images, labels):
            (root / kind).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 8), (9, 9, 9)).save(root / images / f"{name}.jpg")
        image = mask if isinstance(mask, Image.Image) else Image.fromarray(mask)
        image.save(root / labels / f"{name}{suffix}")
    return root


def classes(*names, **more):
    return ClassList(names, tuple(map(tuple, PALETTE[: len(names)].tolist())), **more)


def with_palette(ids):
    image = Image.fromarray(ids).convert("P")
    image.putpalette(PALETTE.ravel().tolist())
    return image


MASKS = {
    "palette": with_palette(TRUTH),
    "grey": TRUTH,
    "grey as RGB": np.repeat(TRUTH[..., None], 3, axis=2),
    "grey as RGBA": np.dstack([TRUTH] * 3 + [np.full_like(TRUTH, 255)]),
    "grey with alpha": np.dstack([TRUTH, np.full_like(TRUTH, 255)]),
    "16 bit": TRUTH.astype(np.uint16),
    "1 bit": TRUTH.astype(bool),
    "0 and 255": TRUTH * 255,
    "colours": PALETTE[TRUTH],
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_masks_are_taken_as_they_are(tmp_path, mask):
    put(tmp_path, {f"{i}": mask for i in range(3)})
    task = SegmentationTask(STAGE, classes("a", "b"), tmp_path)
    for pair in task.training + task.validation:
        assert np.array_equal(read_pair(pair, task.ids, 2, task.colours)[1], TRUTH)


def test_a_mask_of_one_colour_is_no_grey_mask_beside_colour_masks(tmp_path):
    palette = Colours.of({(0, 0, 0): 1, (128, 0, 0): 0})
    root = put(tmp_path, {"a": PALETTE[TRUTH], "b": PALETTE[TRUTH * 0]})
    pairs = [(root / "images" / f"{n}.jpg", root / "labels" / f"{n}.png") for n in "ab"]
    labels = check_labels({"all": pairs}, IDS, 2, palette)
    assert set(read_pair(pairs[1], labels.ids, 2, labels.colours)[1].ravel()) == {1}


def test_labelmap_gives_the_colours(tmp_path):
    put(tmp_path, {f"{i}": PALETTE[TRUTH + 1] for i in range(3)})
    (tmp_path / "labelmap.txt").write_text("# label:color\nb:128,0,0::\nvoid:0,128,0::\n")
    task = SegmentationTask(STAGE, classes("a", "b"), tmp_path)
    ids = read_pair(task.training[0], task.ids, 2, task.colours)[1]
    assert np.array_equal(ids, np.where(TRUTH == 0, 1, 255))
    assert any("ignored: void" in note for note in task.notes)
    (tmp_path / "labelmap.txt").write_text("b:1,2")
    with pytest.raises(SourceError, match="not a label map"):
        SegmentationTask(STAGE, classes("a", "b"), tmp_path)


def test_all_problems_are_in_one_list(tmp_path):
    wrong = {
        "size": TRUTH[:4],
        "id": TRUTH + 6,
        "colour": np.full((8, 12, 3), (1, 2, 3), np.uint8),
        "big": TRUTH.astype(np.uint16) * 300,
    }
    put(tmp_path / "train", wrong | {"none": TRUTH, "bad": TRUTH, "fine": TRUTH})
    put(tmp_path / "val", {"lost": TRUTH, "ok": TRUTH})
    (tmp_path / "train" / "labels" / "none.png").unlink()
    (tmp_path / "val" / "labels" / "lost.png").unlink()
    (tmp_path / "train" / "images" / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(SourceError) as caught:
        SegmentationTask(STAGE, classes("a", "b"), tmp_path)
    text = str(caught.value)
    assert text.startswith("7 problems in the data set:\n")
    for part in (
        "size.png: size 12x4 differs from its picture's 12x8",
        "id.png: class id 6, 7, but there are 2 classes",
        "colour.png: colour (1, 2, 3) belongs to no class",
        "big.png: id 300",
        "none.png is missing",
        "lost.png is missing",
        "bad.jpg: cannot be read as a picture",
    ):
        assert part in text
    assert "fine" not in text
    assert "ok" not in text


def test_useless_labels_are_refused_and_missing_classes_named(tmp_path):
    put(tmp_path, {"a": TRUTH * 255})
    pairs = [(tmp_path / "images" / "a.jpg", tmp_path / "labels" / "a.png")]
    with pytest.raises(SourceError, match="0 and 255, which are two classes, but there are 3"):
        check_labels({"all": pairs}, IDS, 3, None)
    put(tmp_path, {"a": TRUTH})
    with pytest.raises(SourceError, match="labels: every pixel of the labels is ignored"):
        check_labels({"all": pairs}, np.full(256, 255, np.uint8), 2, None)
    assert check_labels({"all": pairs}, IDS, 3, None).unseen == {"all": [2]}


@pytest.mark.parametrize(
    ("labels", "suffix"),
    [
        ("labels", ".PNG"),
        ("labels", ".bmp"),
        ("masks", ".tif"),
        ("masks", "_mask.png"),
        ("images", "_mask.png"),
    ],
)
def test_names_of_masks(tmp_path, labels, suffix):
    put(tmp_path / "train", {"x": TRUTH, "y": TRUTH}, "images", labels, suffix)
    put(tmp_path / "valid", {"z": TRUTH}, "images", labels, suffix)
    for kind in ("images", labels):
        (tmp_path / "train" / kind / f"._x{suffix if kind == labels else '.jpg'}").touch()
    found = [[p.stem for p, _ in folder(tmp_path, split)] for split in ("train", "val")]
    assert found == [["x", "y"], ["z"]]
    assert folder(tmp_path, "val")[0][1].name == f"z{suffix}"


def test_masks_beside_the_pictures_as_roboflow_writes_them(tmp_path):
    put(tmp_path, {"x": TRUTH}, "train", "train", "_mask.png")
    put(tmp_path, {"z": TRUTH}, "valid", "valid", "_mask.png")
    assert [p.name for pair in folder(tmp_path, "train") for p in pair] == ["x.jpg", "x_mask.png"]
    assert len(folder(tmp_path, "val")) == 1


@pytest.mark.parametrize("count", [2, 3, 40])
def test_a_tenth_and_at_least_one_is_held_out_of_train_alone(tmp_path, count):
    put(tmp_path / "train", {f"p{i:03}": TRUTH for i in range(count)})
    task = SegmentationTask(STAGE, classes("a", "b"), tmp_path)
    assert not set(task.training) & set(task.validation)
    assert len(task.training) + len(task.validation) == count
    assert 1 <= len(task.validation) <= max(count // 4, 1)
    note = f"{len(task.validation)} of {count} pictures are held out for validation"
    assert note in task.notes
    assert folder(tmp_path, "test") == task.validation
    put(tmp_path / "val", {"v": TRUTH})
    with pytest.raises(SourceError, match="no such folder"):
        folder(tmp_path, "test")


def test_the_size_of_a_picture_is_that_of_its_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (12, 8)).save(tmp_path / "turned.jpg", exif=exif)
    assert picture_size(tmp_path / "turned.jpg") == (12, 8)
    assert read_picture(tmp_path / "turned.jpg").shape[:2] == (12, 8)
    Image.effect_noise((120, 80), 50).save(tmp_path / "cut.png")
    data = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[:60])
    with pytest.raises(SourceError, match=r"cut\.png: cannot be read"):
        picture_size(tmp_path / "cut.png")


def test_more_classes_than_a_mask_holds_are_refused_at_once(tmp_path):
    put(tmp_path, {"a": TRUTH, "b": TRUTH})
    many = ClassList(("x",) * 1_000_000, ((0, 0, 0),) * 1_000_000)
    with pytest.raises(SourceError, match="1000000 classes; a mask of 8 bits holds 255"):
        SegmentationTask(STAGE, many, tmp_path)
