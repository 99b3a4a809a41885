from __future__ import annotations

import shutil
import struct
from zlib import compress, crc32

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from PIL import Image

from seaformer_edge.errors import ModelError, SourceError
from seaformer_edge.training.augment import ClassificationAugmentation, SegmentationAugmentation
from seaformer_edge.training.datasets import (
    CLASSIFICATION,
    IGNORE,
    SEGMENTATION,
    TrainingSamples,
    as_tensor,
    data_set,
    read_pair,
)
from seaformer_edge.training.layouts import folder
from seaformer_edge.training.pictures import read_ids

IDS = SEGMENTATION["folder"].ids.copy()
IDS[9] = IGNORE


def test_folders_of_splits_are_used(street):
    assert [len(folder(street, s)) for s in ("train", "val")] == [6, 2]


def test_a_tenth_is_held_out_without_splits(tmp_path):
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
        for i in range(200):
            (tmp_path / kind / f"{i}.png").touch()
    train = {p for p, _ in folder(tmp_path, "train")}
    val = {p for p, _ in folder(tmp_path, "val")}
    assert not train & val
    assert len(train | val) == 200
    assert 10 <= len(val) <= 30


def test_labels_are_read_with_ignored_ids_as_255(street):
    image, ids = read_pair(folder(street, "train")[0], IDS, 2)
    assert image.shape == (90, 120, 3)
    assert image.dtype == ids.dtype == np.uint8
    assert set(np.unique(ids)) == {0, 1, 255}
    blue, red = image[0, :, 2].mean(), image[0, :, 0].mean()
    assert blue > red, "the sky is blue in RGB"


def test_errors_name_the_file_and_the_problem(street, tmp_path):
    pairs = folder(street, "train")
    with pytest.raises(SourceError, match="class id 9, but there are 2"):
        read_pair(pairs[0], SEGMENTATION["folder"].ids, 2)
    with pytest.raises(SourceError, match="no such folder: expected images/"):
        folder(tmp_path / "nowhere", "train")
    shutil.rmtree(street / "val" / "images")
    (street / "val" / "images").mkdir()
    with pytest.raises(SourceError, match="no pictures"):
        folder(street, "val")
    cv2.imwrite(str(pairs[0][1]), np.zeros((5, 5), np.uint8))
    with pytest.raises(SourceError, match="size"):
        read_pair(pairs[0], IDS, 2)
    pairs[0][0].write_bytes(b"no picture")
    with pytest.raises(SourceError, match="cannot be read"):
        read_pair(pairs[0], IDS, 2)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("mode", ["P", "L"])
def test_ids_are_read_as_stored(tmp_path, mode, bits):
    """Indices of a palette; numbers of fewer than 8 bits, which readers spread to 255."""
    ids = np.random.default_rng(0).integers(0, 2**bits, (7, 13), dtype=np.uint8)
    if mode == "P":
        picture = Image.new("P", (13, 7))
        picture.putdata(ids.ravel().tolist())
        picture.putpalette([200, 10, 90] * 256)
        picture.save(tmp_path / "ids.png", bits=bits)
    else:
        (tmp_path / "ids.png").write_bytes(grey_png(ids, bits))
    assert np.array_equal(read_ids(tmp_path / "ids.png"), ids)


def grey_png(ids, bits):
    """A greyscale PNG with `bits` bits a pixel, which OpenCV and Pillow cannot write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    rows = np.unpackbits(ids[..., None], axis=2)[..., 8 - bits :].reshape(len(ids), -1)
    lines = np.pad(np.packbits(rows, axis=1), ((0, 0), (1, 0)))
    header = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], bits, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", compress(lines.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def huge_png():
    data = bytearray(grey_png(np.ones((4, 4), np.uint8), 8))
    data[16:24] = struct.pack(">II", 70_000, 70_000)
    data[29:33] = struct.pack(">I", crc32(data[12:29]))
    return bytes(data)


@pytest.mark.parametrize("data", [b"", b"no picture", huge_png()[:25], huge_png()])
def test_unreadable_labels_are_refused(tmp_path, data):
    (tmp_path / "ids.png").write_bytes(data)
    with pytest.raises(SourceError, match=r"ids\.png: cannot be read as a picture"):
        read_ids(tmp_path / "ids.png")
    with pytest.raises(SourceError, match=r"nowhere\.png: cannot be read"):
        read_ids(tmp_path / "nowhere.png")


def test_samples_repeat_exactly_and_differ_between_epochs(street):
    def samples():
        def augment(pair, rng):
            image, ids = SegmentationAugmentation((64, 96))(*read_pair(pair, IDS, 2), rng)
            return as_tensor(image), torch.from_numpy(ids.astype(np.int64))

        return TrainingSamples(folder(street, "train"), augment, 12, seed=3)

    first, second = samples(), samples()
    for n in (0, 5, 11):
        assert all(torch.equal(a, b) for a, b in zip(first[n], second[n], strict=True))
    assert not torch.equal(first[0][0], first[6][0])
    image, ids = first[0]
    assert image.shape == (3, 64, 96)
    assert image.dtype == torch.uint8
    assert ids.dtype == torch.int64


@pytest.mark.parametrize("scale", [(0.3, 0.4), (1.0, 1.0), (2.0, 3.0)])
@pytest.mark.parametrize("stretch", [0.0, 1.0])
def test_augmentation_keeps_labels_on_their_pixels(scale, stretch):
    """The colour still shows the class after scale, crop and flip."""
    rng = np.random.default_rng(0)
    ids = cv2.resize(rng.integers(0, 2, (5, 7), dtype=np.uint8), (140, 100), interpolation=0)
    image = np.repeat(ids[..., None] * 255, 3, axis=2)
    for _ in range(20):
        augment = SegmentationAugmentation((64, 96), scale, colour=0, stretch=stretch)
        picture, labels = augment(image, ids, rng)
        assert picture.shape == (64, 96, 3)
        assert labels.shape == (64, 96)
        seen = labels != 255
        agree = (picture[..., 0] > 127) == (labels == 1)
        assert agree[seen].mean() > 0.9  # edges are blurred by the resizing
        assert (picture[~seen] == (124, 116, 104)).all()


def test_a_stretched_picture_fills_the_crop_whatever_its_shape():
    rng = np.random.default_rng(0)
    image, ids = np.zeros((300, 60, 3), np.uint8), np.ones((300, 60), np.uint8)
    image[:150] = 255
    for stretch, least in ((0.0, 0.0), (1.0, 0.8)):
        augment = SegmentationAugmentation((64, 96), (1, 1), colour=0, stretch=stretch)
        shares = [(augment(image, ids, rng)[1] == 1).mean() for _ in range(20)]
        assert least <= min(shares)
        assert max(shares) <= (1.0 if stretch else 0.75)
    both = augment(image, ids, rng)[0]
    assert {0, 255} <= set(both[..., 0].ravel()), "the whole picture, not a part"


def test_colours_are_distorted_but_not_the_labels():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)
    ids = np.ones((64, 96), np.uint8)
    changed = [SegmentationAugmentation((64, 96), (1, 1))(image, ids, rng)[0] for _ in range(10)]
    assert len({picture.tobytes() for picture in changed}) == 10


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), array)


PICTURE = np.full((40, 60, 3), 90, np.uint8)
LABEL = np.full((40, 60), 7, np.uint8)

OFFICIAL = {
    "camvid": ("train/a.png", "trainannot/a.png", 7),
    "ade20k": ("images/training/a.jpg", "annotations/training/a.png", 6),
    "cityscapes": (
        "leftImg8bit/train/ulm/ulm_0_1_leftImg8bit.png",
        "gtFine/train/ulm/ulm_0_1_gtFine_labelIds.png",
        0,
    ),
    "pascal-context-59": ("JPEGImages/a.jpg", "SegmentationClassContext/a.png", 6),
    "pascal-context-60": ("JPEGImages/a.jpg", "SegmentationClassContext/a.png", 7),
    "coco-stuff": ("images/train2014/a.jpg", "annotations/train2014/a_labelTrainIds.png", 6),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_layouts_and_their_label_ids(tmp_path, name):
    """The stored label id 7 becomes the class that the data set's table gives."""
    picture, label, class_id = OFFICIAL[name]
    write(tmp_path / picture, PICTURE)
    write(tmp_path / label, LABEL)
    listing = tmp_path / "ImageSets" / "SegmentationContext" / "train.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("a\n")
    rules = data_set(SEGMENTATION, name)
    (pair,) = rules.pairs(tmp_path, "train")
    assert pair == (tmp_path / picture, tmp_path / label)
    _, ids = read_pair(pair, rules.ids, 150)
    assert set(np.unique(ids)) == {class_id}


def test_ignored_label_ids():
    assert SEGMENTATION["ade20k"].ids[0] == IGNORE
    assert SEGMENTATION["camvid"].ids[11] == IGNORE
    cityscapes = SEGMENTATION["cityscapes"].ids
    assert sorted(cityscapes[cityscapes != IGNORE]) == list(range(19))
    assert cityscapes[33] == 18


@pytest.mark.parametrize(
    ("name", "picture", "size"),
    [
        ("ade20k", (480, 640), (512, 704)),  # 512 x 683, rounded up
        ("cityscapes", (1024, 2048), (1024, 2048)),
        ("cityscapes-half", (1024, 2048), (512, 1024)),
        ("folder", (360, 480), (352, 480)),
    ],
)
def test_input_sizes_are_the_published_ones(name, picture, size):
    assert SEGMENTATION[name].input_size(*picture) == size


def test_class_folders_and_tiny_imagenet(tmp_path):
    for class_id, wnid in enumerate(("n01", "n02")):
        for i in range(2):
            write(tmp_path / "train" / wnid / "images" / f"{class_id}{i}.JPEG.png", PICTURE)
    write(tmp_path / "val" / "images" / "v.png", PICTURE)
    listing = tmp_path / "val" / "val_annotations.txt"
    listing.write_text("v.png\tn02\t0\t0\t1\t1\n")
    rules = CLASSIFICATION["tiny-imagenet"]
    (tmp_path / "train" / "a stray file").touch()
    assert [c for _, c in rules.samples(tmp_path, "train", "ab")] == [0, 0, 1, 1]
    assert rules.samples(tmp_path, "val", "ab") == [(tmp_path / "val" / "images" / "v.png", 1)]
    with pytest.raises(SourceError, match="train: 2 folders of classes, but 3 classes"):
        rules.samples(tmp_path, "val", "abc")
    for wrong in (b"v.png n02", b"v.png\tn03", b"\xff"):
        listing.write_bytes(wrong)
        with pytest.raises(SourceError, match="list of labels"):
            rules.samples(tmp_path, "val", "ab")
    for name in ("imagenet", "tiny-imagenet"):
        with pytest.raises(SourceError, match="a folder of pictures for each class"):
            CLASSIFICATION[name].samples(tmp_path / "nowhere", "val", "ab")
    with pytest.raises(ModelError, match="unknown data set 'coco'; known are folder"):
        data_set(SEGMENTATION, "coco")


def test_own_class_folders_have_the_names_of_the_classes(tmp_path):
    for name in ("cat", "ant"):
        write(tmp_path / "train" / name / "a.png", PICTURE)
    write(tmp_path / "val" / "cat" / "a.png", PICTURE)
    rules = CLASSIFICATION["class-folders"]
    names = ("cat", "bee", "ant")
    assert {(p.parent.name, i) for p, i in rules.samples(tmp_path, "train", names)} == {
        ("cat", 0),
        ("ant", 2),
    }
    assert [i for _, i in rules.samples(tmp_path, "val", names)] == [0]
    with pytest.raises(SourceError, match="train: ant not in the class list; give each"):
        rules.samples(tmp_path, "train", ("cat", "bee"))


def test_a_crop_filled_by_one_class_is_drawn_again():
    rng = np.random.default_rng(0)
    ids = np.zeros((100, 400), np.uint8)
    ids[:, 350:] = 1
    image = np.zeros((100, 400, 3), np.uint8)

    def shares(max_share):
        augment = SegmentationAugmentation((96, 96), (1, 1), 0, max_share)
        return [(augment(image, ids, rng)[1] == 0).mean() for _ in range(40)]

    assert np.mean(np.array(shares(0.75)) < 0.76) > np.mean(np.array(shares(1.0)) < 0.76)


def test_resized_crops_have_the_given_size():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 48, 3), dtype=np.uint8)
    augmented = [ClassificationAugmentation((96, 64), (0.1, 1), 1)(image, rng) for _ in range(20)]
    crops = [crop for crop, _ in augmented]
    assert {crop.shape for crop in crops} == {(96, 64, 3)}
    assert len({crop.tobytes() for crop in crops}) == 20


def test_a_resized_crop_returns_its_place_in_the_picture():
    image = np.zeros((64, 48, 3), np.uint8)
    image[..., 0] = np.arange(64)[:, None]
    image[..., 1] = np.arange(48)
    augmentation = ClassificationAugmentation((96, 96), (0.1, 0.5), 0)
    for seed in range(10):
        crop, (top, bottom, left, right) = augmentation(image, np.random.default_rng(seed))
        rows, columns = crop[..., 0], crop[..., 1]
        assert (rows.min(), rows.max()) == (round(top * 64), round(bottom * 64) - 1)
        assert (columns.min(), columns.max()) == (round(left * 48), round(right * 48) - 1)
