"""The script that makes the street training set: what is copied, and which class means which."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.class_list import read_class_list
from seaformer_edge.paths import shipped_models_dir

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_street_data.py"
CLASSES = shipped_models_dir() / "classes"


# What an origin's coarse mask says, and what the teacher.
LABELLED = {
    "idd": ([0, 0, 1, 1, 3, 3, 6, 255], [3, 9, 4, 3, 10, 1, 5, 3]),
    "facade": ([0, 0, 1, 1, 5, 6, 8, 2], [9, 11, 9, 5, 8, 2, 11, 10]),
    "drive": ([], [0, 1, 9, 11]),
}


def write(folder: Path, stem: str, labels: NDArray[np.uint8], name: str = "labels") -> None:
    """A grey picture and its labels, ids or BGR colours."""
    image = np.full((*labels.shape[:2], 3), 128, np.uint8)
    for kind, pixels in (("images", image), (name, labels)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / kind / f"{stem}.png"), pixels)


def make(root: Path, *options: str | Path) -> dict[str, NDArray[np.uint8]]:
    """The training labels made of small trees, by name."""
    for split in ("train", "val"):
        write(root / "camvid" / split, "frame", np.full((36, 48), 7, np.uint8))
    for origin, (mask, labels) in LABELLED.items():
        write(root / origin, "picture", np.array([labels], np.uint8))
        if mask:
            write(root / origin, "picture", np.array([mask], np.uint8), "masks")
        options = (*options, "--labelled", f"{origin}={root / origin}")
    paths = [root / name for name in ("camvid", "out")]
    subprocess.run([sys.executable, SCRIPT, *paths, *options], check=True, timeout=120)
    assert sorted(p.name for p in (root / "out" / "val" / "labels").iterdir()) == [
        "camvid-val0_frame.png"
    ]
    labels = {
        p.stem: np.asarray(cv2.imread(str(p), cv2.IMREAD_UNCHANGED), np.uint8)
        for p in (root / "out" / "train" / "labels").iterdir()
    }
    for stem, ids in labels.items():
        image = cv2.imread(str(root / "out" / "train" / "images" / f"{stem}.png"))
        assert image is not None
        assert image.shape[:2] == ids.shape
    return labels


def test_camvid_comes_often_and_others_once(tmp_path: Path) -> None:
    labels = make(tmp_path)
    names = {f"camvid-train{n}_frame" for n in range(5)} | {f"{o}_picture" for o in LABELLED}
    assert set(labels) == names
    assert (labels["camvid-train3_frame"] == 7).all()


def test_the_teacher_makes_coarse_masks_finer_and_does_not_contradict_them(tmp_path: Path) -> None:
    labels = make(tmp_path)
    # Road stays road; undrivable may be pavement, not road; a vehicle a bicycle, not a house.
    assert labels["idd_picture"].tolist() == [[3, 3, 4, 11, 10, 11, 0, 11]]
    # Persons stand before houses, trees do not; cars not on a road; poles before the sky.
    assert labels["facade_picture"].tolist() == [[9, 11, 9, 1, 3, 2, 1, 8]]
    assert labels["drive_picture"].tolist() == [[0, 1, 9, 11]]


def test_validation_pictures_are_trained_on_only_if_asked(tmp_path: Path) -> None:
    assert "camvid-val4_frame" in make(tmp_path, "--with-val")


def test_streets_in_the_colours_of_cityscapes(tmp_path: Path) -> None:
    theirs = read_class_list(CLASSES / "cityscapes.json")
    ours = read_class_list(CLASSES / "camvid.json").names
    colours = np.array([*theirs.palette, (0, 0, 0), (69, 70, 70)], np.uint8)[None, :, ::-1]
    mask = np.repeat(np.repeat(colours, 20, axis=1), 720, axis=0)
    for folder in ("one", "two"):
        write(tmp_path / folder, folder, np.ascontiguousarray(mask))
    labels = make(tmp_path, "--streets", tmp_path / "one", "--streets", tmp_path / "two")
    assert {f"street{n}_{stem}" for n in range(5) for stem in ("one", "two")} <= set(labels)
    made = labels["street4_two"]
    assert made.shape == (360, 210)
    assert (made == made[0]).all()
    found = [(*ours, "void")[i] for i in made[0, 5::10]]
    same = {"road", "building", "fence", "pole", "sky", "car"}
    assert dict(zip((*theirs.names, "void", "mixed"), found, strict=True)) == {
        **{name: name for name in same},
        "sidewalk": "pavement",
        "wall": "building",
        "traffic light": "sign",
        "traffic sign": "sign",
        "vegetation": "tree",
        "terrain": "tree",
        "person": "pedestrian",
        "rider": "bicyclist",
        "bicycle": "bicyclist",
        "motorcycle": "bicyclist",
        "truck": "car",
        "bus": "car",
        "train": "void",
        "void": "void",
        "mixed": "void",
    }
