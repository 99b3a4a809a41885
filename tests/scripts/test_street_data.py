"""The script that makes the street training set: what is copied, and which class means which."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.hub.paths import shipped_models_dir

SCRIPT = Path(__file__).parents[2] / "scripts" / "data" / "make_street_data.py"
CLASSES = shipped_models_dir() / "classes"


# Coarse mask and teacher's labels of each origin.
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


def test_the_teachers_sure_classes_become_camvids() -> None:
    torch = pytest.importorskip("torch", reason="the train extra is not installed")
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        from label_streets import camvid_labels
    finally:
        sys.path.pop(0)
    names = read_class_list(CLASSES / "cityscapes.json").names
    ours = (*read_class_list(CLASSES / "camvid.json").names, "void")
    # For each pixel the classes with equal logits; the 20th is not of Cityscapes.
    pixels = [("road",), ("car", "truck", "bus"), ("train",), ("pole", "sky"), ("rider", "bicycle")]
    logits = torch.full((20, 1, len(pixels)), -20.0)
    for column, seen in enumerate(pixels):
        for name in seen:
            logits[names.index(name), 0, column] = 1.0
    found = [ours[i] for i in camvid_labels(logits, 0.6)[0]]
    assert found == ["road", "car", "void", "void", "bicyclist"]


def names_in(split: Path) -> list[str]:
    return sorted(p.stem for p in (split / "labels").iterdir())


def make(root: Path, *options: str | Path) -> dict[str, NDArray[np.uint8]]:
    """The training labels, by name, that the script makes from small folders."""
    for split in ("train", "val"):
        write(root / "camvid" / split, "frame", np.full((36, 48), 7, np.uint8))
    for origin, (mask, labels) in LABELLED.items():
        write(root / origin, "picture", np.array([labels], np.uint8))
        if mask:
            write(root / origin, "picture", np.array([mask], np.uint8), "masks")
        options = (*options, "--labelled", f"{origin}={root / origin}")
    paths = [root / name for name in ("camvid", "out")]
    subprocess.run([sys.executable, SCRIPT, *paths, *options], check=True, timeout=120)
    labels = {
        p.stem: np.asarray(cv2.imread(str(p), cv2.IMREAD_UNCHANGED), np.uint8)
        for p in (root / "out" / "train" / "labels").iterdir()
    }
    for stem, ids in labels.items():
        suffix = ".png" if stem.startswith("camvid") else ".jpg"
        image = cv2.imread(str(root / "out" / "train" / "images" / (stem + suffix)))
        assert image is not None
        assert image.shape[:2] == ids.shape
    return labels


def test_camvid_is_repeated_and_others_are_not(tmp_path: Path) -> None:
    labels = make(tmp_path)
    names = {f"camvid-train{n}_frame" for n in range(8)} | {f"{o}_picture" for o in LABELLED}
    assert set(labels) == names
    assert (labels["camvid-train3_frame"] == 7).all()
    assert names_in(tmp_path / "out" / "val") == ["camvid-val0_frame"]


def test_the_teacher_makes_coarse_masks_finer_and_does_not_contradict_them(tmp_path: Path) -> None:
    labels = make(tmp_path)
    # Road stays road; undrivable may be pavement, not road; a vehicle a bicycle, not a house.
    assert labels["idd_picture"].tolist() == [[3, 3, 4, 11, 10, 11, 0, 11]]
    # Persons stand before houses, trees do not; cars not on a road; poles before the sky.
    assert labels["facade_picture"].tolist() == [[9, 11, 9, 1, 3, 2, 1, 8]]
    assert labels["drive_picture"].tolist() == [[0, 1, 9, 11]]


def test_other_streets_validate_if_camvids_validation_pictures_are_trained_on(
    tmp_path: Path,
) -> None:
    write(tmp_path / "held", "far", np.zeros((6, 8), np.uint8), "masks")
    labels = make(tmp_path, "--validate-on", tmp_path / "held", "--copies", "2")
    camvid = {f"camvid-{split}{n}_frame" for split in ("train", "val") for n in range(2)}
    assert {name for name in labels if name.startswith("camvid")} == camvid
    assert names_in(tmp_path / "out" / "val") == ["street_far"]
    assert len(make(tmp_path, "--validate-on", tmp_path / "held")) == 2 * 8 + len(LABELLED)  # again


def test_streets_in_cityscapes_ids_or_colours(tmp_path: Path) -> None:
    theirs = read_class_list(CLASSES / "cityscapes.json")
    ours = read_class_list(CLASSES / "camvid.json").names
    colours = np.array([*theirs.palette, (0, 0, 0), (69, 70, 70)], np.uint8)[None, :, ::-1]
    ids = np.array([*range(len(theirs.names)), 255, 19], np.uint8)[None]
    for folder, stored in (("ids", ids), ("colours", colours)):
        mask = np.repeat(np.repeat(stored, 20, axis=1), 720, axis=0)
        write(tmp_path / folder, folder, np.ascontiguousarray(mask), "masks")
    labels = make(tmp_path, "--streets", tmp_path / "ids", "--streets", tmp_path / "colours")
    made = labels["street_ids"]
    assert made.shape == (480, 280)
    assert (made == made[0]).all()
    assert (made == labels["street_colours"]).all()
    found = [(*ours, "void")[i] for i in made[0, 6::13][:21]]
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


@pytest.mark.parametrize("missing", ["train/images", "train/labels"])
def test_a_missing_folder_is_named_in_one_line(tmp_path: Path, missing: str) -> None:
    write(tmp_path / "camvid" / "train", "frame", np.zeros((6, 8), np.uint8))
    (tmp_path / "camvid" / missing).rename(tmp_path / "elsewhere")
    paths = [tmp_path / name for name in ("camvid", "out")]
    ended = subprocess.run(
        [sys.executable, SCRIPT, *paths], capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 1
    folder = tmp_path / "camvid" / missing
    assert ended.stderr == f"{folder}: cannot be read (No such file or directory)\n"
