"""Masks and folders as users have them."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from msgspec.structs import replace
from PIL import Image
from tiny_training import STAGE

from seaformer_edge.errors import SeaformerEdgeError, SourceError
from seaformer_edge.hub.class_list import ClassList, read_class_list
from seaformer_edge.training.datasets import SEGMENTATION, read_pair
from seaformer_edge.training.label_check import check_labels
from seaformer_edge.training.labelmap import own_class_list
from seaformer_edge.training.layouts import folder
from seaformer_edge.training.pictures import Colours, picture_size, read_ids, read_picture
from seaformer_edge.training.tasks import ClassificationTask, SegmentationTask

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
    "16 bit, 0 and 65535": TRUTH.astype(np.uint16) * 65535,
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


@pytest.mark.parametrize("factor", [1, 257])
def test_masks_of_16_bits_a_channel(tmp_path, factor):
    ids = np.repeat(TRUTH[..., None].astype(np.uint16) * factor, 3, axis=2)
    cv2.imwrite(str(tmp_path / "a.png"), ids)
    assert np.array_equal(read_ids(tmp_path / "a.png"), TRUTH)


def test_a_palette_counts_where_labelmap_has_its_colours(tmp_path):
    image = Image.fromarray(TRUTH * 3).convert("P")  # indices 0 and 3
    image.putpalette([128, 0, 0, 7, 7, 7, 7, 7, 7, 0, 0, 0])
    put(tmp_path, {"x": image, "y": image})
    (tmp_path / "labelmap.txt").write_text("a:0,0,0::\nb:128,0,0::\n")
    task = SegmentationTask(STAGE, own_class_list(tmp_path), tmp_path)
    ids = read_pair(task.training[0], task.ids, 2, task.colours)[1]
    assert np.array_equal(ids, 1 - TRUTH)


def test_two_pictures_or_classes_of_one_name_are_refused(tmp_path):
    put(tmp_path, {"x": TRUTH, "y": TRUTH})
    Image.new("RGB", (12, 8)).save(tmp_path / "images" / "x.bmp")
    with pytest.raises(SourceError, match=r"has the same label as x\."):
        SegmentationTask(STAGE, classes("a", "b"), tmp_path)
    with pytest.raises(SourceError, match="two classes are called a"):
        SegmentationTask(STAGE, classes("a", "a", "b"), tmp_path)


def test_files_of_no_pair_are_named(tmp_path):
    put(tmp_path, {"x": TRUTH, "y": TRUTH})
    for name in ("images/z.heic", "labels/lost.png", "images/._x.jpg", "images/notes.txt"):
        (tmp_path / name).touch()
    notes = "\n".join(SegmentationTask(STAGE, classes("a", "b"), tmp_path).notes)
    assert "images: left out, as no picture with its mask: z.heic\n" in notes
    assert "labels: left out, as no picture with its mask: lost.png" in notes


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
        "id.png: class id 6, 7, but the ids end at 1",
        "colour.png: colour (1, 2, 3) belongs to no class",
        "big.png: id 300",
        "none.jpg: its label",
        "lost.jpg: its label",
        "bad.jpg: cannot be read as a picture",
    ):
        assert part in text
    assert "fine" not in text
    assert "ok" not in text


def test_equal_problems_of_many_files_share_a_line(tmp_path):
    masks = {
        f"{i}": np.full((8, 12, 3), (1, 2, 3), np.uint8) if i % 2 else TRUTH + 6 for i in range(40)
    }
    put(tmp_path, masks)
    for i in range(30, 40):
        (tmp_path / "labels" / f"{i}.png").rename(tmp_path / "labels" / f"{i}.txt")
    with pytest.raises(SourceError) as caught:
        SegmentationTask(STAGE, classes("a", "b"), tmp_path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4, lines
    assert "30.jpg and 9 more files: its label" in lines[1]
    assert "NAME.txt is no mask: run `seaformer-edge import-labels` first" in lines[1]
    assert "colour (1, 2, 3) belongs to no class (and in 14 more masks)" in lines[2]
    assert "and 14 more files: class id 6, 7, but the ids end at 1" in lines[3]


def test_many_unknown_colours_are_not_listed(tmp_path):
    ramp = np.arange(96, dtype=np.uint8).reshape(8, 12)
    put(tmp_path, {"a": np.dstack([ramp, ramp, ramp + 1]), "b": PALETTE[TRUTH]})
    with pytest.raises(SourceError, match="91 more unknown colours in 1 masks: were the masks"):
        SegmentationTask(STAGE, classes("a", "b"), tmp_path)


@pytest.mark.parametrize(
    ("name", "picture", "label"),
    [
        ("camvid", "{}/{}.png", "{}annot/{}.png"),
        ("ade20k", "images/{}/{}.jpg", "annotations/{}/{}.png"),
        (
            "cityscapes",
            "leftImg8bit/{}/ulm/{}_leftImg8bit.png",
            "gtFine/{}/ulm/{}_gtFine_labelIds.png",
        ),
    ],
)
def test_published_sets_are_checked_too(tmp_path, name, picture, label):
    long = {"train": "training", "val": "validation"} if name == "ade20k" else {}
    for split in ("train", "val"):
        for stem in ("fine", "size", "broken", "lost"):
            for pattern, size in ((picture, (12, 8)), (label, (12, 4 if stem == "size" else 8))):
                path = tmp_path / pattern.format(long.get(split, split), f"{split}_{stem}")
                path.parent.mkdir(parents=True, exist_ok=True)
                if stem != "lost" or pattern == picture:
                    Image.new("L", size, 7).save(path)
                if stem == "broken" and pattern == label:
                    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(SourceError, match="6 problems in the data set") as caught:
        SegmentationTask(replace(STAGE, dataset=name), classes(*"abcdefgh"), tmp_path)
    for split in ("train", "val"):
        for part in (f"{split}_size", f"{split}_broken", f"{split}_lost"):
            assert part in str(caught.value)


@pytest.fixture
def animals(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "train" / name).mkdir(parents=True)
        for i in range(4):
            Image.effect_noise((40, 30), 50).save(tmp_path / "train" / name / f"{i}.jpg")
    return tmp_path


CLASSIFIER = replace(STAGE, task="classification", dataset="class-folders")


def test_pictures_of_a_classifier_are_checked(animals):
    (animals / "train" / "cat" / "1.jpg").write_bytes(b"no picture")
    whole = (animals / "train" / "dog" / "2.jpg").read_bytes()
    (animals / "train" / "dog" / "2.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="2 problems in the data set") as caught:
        ClassificationTask(CLASSIFIER, classes("cat", "dog"), animals)
    assert "1.jpg: cannot be read" in str(caught.value)
    assert "2.jpg: cannot be read as a picture (image file is truncated" in str(caught.value)


def test_folders_of_a_classifier(animals):
    for name in ("__MACOSX", ".hidden", "empty"):
        (animals / "train" / name).mkdir()
    with pytest.raises(SourceError, match="no training pictures of empty"):
        ClassificationTask(CLASSIFIER, classes("cat", "dog", "empty"), animals)
    (animals / "train" / "empty").rmdir()
    task = ClassificationTask(CLASSIFIER, classes("cat", "dog"), animals)
    assert task.notes == ("2 of 8 pictures are held out for validation",)
    assert {i for _, i in task.validation} == {0, 1}
    assert not set(task.training) & set(task.validation)
    shutil.copytree(animals / "train", animals / "valid")
    task = ClassificationTask(CLASSIFIER, classes("cat", "dog"), animals)
    assert (len(task.training), len(task.validation), task.notes) == (8, 8, ())


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


@pytest.mark.parametrize(
    ("images", "labels"),
    [("JPEGImages", "SegmentationClass"), ("Images", "Masks")],
)
def test_other_names_of_folders(tmp_path, images, labels):
    put(tmp_path, {"x": TRUTH, "y": TRUTH}, images, labels)
    pairs = folder(tmp_path, "train") + folder(tmp_path, "val")
    assert {p.parent.name for pair in pairs for p in pair} == {images, labels}


def test_splits_inside_images_and_labels(tmp_path):
    for split, name in (("train", "x"), ("val", "z")):
        put(tmp_path, {name: TRUTH}, f"images/{split}", f"labels/{split}")
    assert [p.stem for pair in folder(tmp_path, "val") for p in pair] == ["z", "z"]
    assert [p.stem for pair in folder(tmp_path, "train") for p in pair] == ["x", "x"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.json", '["a", "b"]'),
        ("_classes.csv", "Pixel Value, Class\n0, a\n1, b\n"),
        ("train/_classes.csv", "Pixel Value, Class\n0, a\n1, b\n"),
        ("labelmap.txt", "# label:color_rgb:parts:actions\na:0,0,0::\nb:128,0,0::\n"),
        ("classes.txt", "a\nb\n\n"),
        ("data.yaml", "names: [a, b]"),
        ("data.yaml", "names:\n  0: a\n  1: b\ntrain: x"),
    ],
)
def test_class_lists_that_lie_in_the_data_set(tmp_path, name, text):
    assert own_class_list(tmp_path) is None
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    found = read_class_list(tmp_path / name) if "yaml" in name else own_class_list(tmp_path)
    assert found.names == ("a", "b")
    if name == "labelmap.txt":
        assert found.palette == ((0, 0, 0), (128, 0, 0))


@pytest.mark.parametrize("name", ["_classes.csv", "labelmap.txt", "classes.txt"])
@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\xfe", b"0, a\n1, a\n1, a"])
def test_empty_and_damaged_class_lists_are_refused(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    if name != "classes.txt" or data in (b"", b"\n", b"\xff\xfe"):
        with pytest.raises(SeaformerEdgeError, match=name):
            own_class_list(tmp_path)


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
