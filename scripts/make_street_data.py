"""Put CamVid and other streets together, with CamVid's 11 classes, to train on.

    python scripts/make_street_data.py CAMVID EVERYDAY IDD_LITE OUTPUT [--with-val] \\
        [--streets FOLDER ...]

CamVid's 367 training pictures come from a handful of streets, and its test pictures from
others. So the training split also takes the outdoor photographs ("facade_") of EVERYDAY and
every other picture of IDD_LITE, with the classes that mean the same; all else in them is ignored.
A FOLDER given with --streets holds {images,labels} of other streets, the masks in Cityscapes'
colours, as those of KITTI and BDD100K are. These and CamVid's own pictures stand in it five times.
The validation split is CamVid's alone; its test split is not touched. With --with-val CamVid's
validation pictures are trained on as well.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import cv2
import numpy as np

from seaformer_edge.class_list import read_class_list
from seaformer_edge.paths import shipped_models_dir

VOID = 11
# Ids of the other data sets to CamVid's. What is not drivable in IDD-Lite is bare ground as often
# as pavement.
EVERYDAY = {1: 1, 2: 0, 4: 5, 6: 3, 11: 4, 12: 9, 17: 5, 20: 8, 32: 8}
TWO_WHEELED = (28, 37)  # of EVERYDAY, whose riders are persons; CamVid's are bicyclists
PEDESTRIAN = 9
IDD_LITE = {0: 3, 3: 8, 6: 0}
# Cityscapes' classes to CamVid's: its walls are buildings, grass is tree, traffic lights are signs,
# a bicycle or motorcycle and its rider are one bicyclist. A train is nothing there.
CITYSCAPES = {
    "road": 3,
    "sidewalk": 4,
    "building": 1,
    "wall": 1,
    "fence": 7,
    "pole": 2,
    "traffic light": 6,
    "traffic sign": 6,
    "vegetation": 5,
    "terrain": 5,
    "sky": 0,
    "person": 9,
    "rider": 10,
    "car": 8,
    "truck": 8,
    "bus": 8,
    "motorcycle": 10,
    "bicycle": 10,
}
COPIES = 5
IDD_SCALE = 1.5  # to the size of the others
STREETS_HEIGHT = 360  # CamVid's
SUFFIXES = (".jpg", ".png", ".webp")


def main(
    camvid: Path,
    everyday: Path,
    idd_lite: Path,
    output: Path,
    *,
    with_val: bool,
    streets: list[Path],
) -> None:
    copy_camvid(camvid / "train", output / "train", COPIES)
    copy_camvid(camvid / "val", output / "val", 1)
    if with_val:
        copy_camvid(camvid / "val", output / "train", COPIES)
    for picture in sorted((everyday / "images").glob("facade_*")):
        add(picture, everyday / "labels" / f"{picture.stem}.png", EVERYDAY, 1.0, output)
    for picture in sorted((idd_lite / "train" / "images").iterdir())[::2]:
        label = idd_lite / "train" / "labels" / f"{picture.stem}.png"
        add(picture, label, IDD_LITE, IDD_SCALE, output)
    for folder in streets:
        for picture in sorted((folder / "images").iterdir()):
            if picture.suffix.lower() in SUFFIXES:
                add_street(picture, folder / "labels" / f"{picture.stem}.png", output)


def copy_camvid(split: Path, target: Path, copies: int) -> None:
    """Copy a split's pictures and labels, `copies` times under names of their own."""
    for kind in ("images", "labels"):
        (target / kind).mkdir(parents=True, exist_ok=True)
        for path in sorted((split / kind).iterdir()):
            for copy in range(copies):
                shutil.copy(path, target / kind / f"camvid-{split.name}{copy}_{path.name}")


def add(picture: Path, label: Path, ids: dict[int, int], scale: float, output: Path) -> None:
    """Write one picture and its translated labels into the training split."""
    table = np.full(256, VOID, np.uint8)
    for their_id, our_id in ids.items():
        table[their_id] = our_id
    image = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    theirs = cv2.imread(str(label), cv2.IMREAD_GRAYSCALE)
    labels = table[theirs]
    if ids is EVERYDAY and np.isin(theirs, TWO_WHEELED).any():
        labels[labels == PEDESTRIAN] = VOID
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    cv2.imwrite(str(output / "train" / "images" / f"{picture.stem}.png"), image)
    cv2.imwrite(str(output / "train" / "labels" / f"{picture.stem}.png"), labels)


def add_street(picture: Path, mask: Path, output: Path) -> None:
    """Write one picture with a mask in Cityscapes' colours, at CamVid's height, `COPIES` times.

    Of a mask that was resized smoothly the mixed colours are ignored.
    """
    image = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    colours = cv2.cvtColor(cv2.imread(str(mask), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    classes = read_class_list(shipped_models_dir() / "classes" / "cityscapes.json")
    labels = np.full(colours.shape[:2], VOID, np.uint8)
    for name, ours in CITYSCAPES.items():
        colour = classes.palette[classes.names.index(name)]
        labels[(colours == colour).all(axis=2)] = ours
    size = (round(image.shape[1] * STREETS_HEIGHT / image.shape[0]), STREETS_HEIGHT)
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    for copy in range(COPIES):
        name = f"street{copy}_{picture.stem}.png"
        cv2.imwrite(str(output / "train" / "images" / name), image)
        cv2.imwrite(str(output / "train" / "labels" / name), labels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for argument in ("camvid", "everyday", "idd_lite", "output"):
        parser.add_argument(argument, type=Path)
    parser.add_argument("--with-val", action="store_true")
    parser.add_argument("--streets", type=Path, action="append", default=[], metavar="FOLDER")
    main(**vars(parser.parse_args()))
