"""Put CamVid and other streets together, with CamVid's 11 classes, to train on.

    python scripts/make_street_data.py CAMVID EVERYDAY IDD_LITE OUTPUT [--with-val]

CamVid's 367 training pictures come from a handful of streets, and its test pictures from
others. So the training split also takes the outdoor photographs ("facade_") of EVERYDAY and
every other picture of IDD_LITE, with the classes that mean the same; all else in them is ignored.
CamVid's own pictures stand in it five times. The validation split is CamVid's alone; its test
split is not touched. With --with-val CamVid's validation pictures are trained on as well.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np

VOID = 11
# Ids of the other data sets to CamVid's.
EVERYDAY = {1: 1, 2: 0, 4: 5, 6: 3, 11: 4, 12: 9, 17: 5, 20: 8, 32: 8}
IDD_LITE = {0: 3, 1: 4, 3: 8, 6: 0}
CAMVID_COPIES = 5
IDD_SCALE = 1.5  # to the size of the others


def main(camvid: Path, everyday: Path, idd_lite: Path, output: Path, *, with_val: bool) -> None:
    copy_camvid(camvid / "train", output / "train", CAMVID_COPIES)
    copy_camvid(camvid / "val", output / "val", 1)
    if with_val:
        copy_camvid(camvid / "val", output / "train", CAMVID_COPIES)
    for picture in sorted((everyday / "images").glob("facade_*")):
        add(picture, everyday / "labels" / f"{picture.stem}.png", EVERYDAY, 1.0, output)
    for picture in sorted((idd_lite / "train" / "images").iterdir())[::2]:
        label = idd_lite / "train" / "labels" / f"{picture.stem}.png"
        add(picture, label, IDD_LITE, IDD_SCALE, output)


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
    for theirs, ours in ids.items():
        table[theirs] = ours
    image = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    labels = table[cv2.imread(str(label), cv2.IMREAD_GRAYSCALE)]
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(output / "train" / "images" / f"{picture.stem}.png"), image)
    cv2.imwrite(str(output / "train" / "labels" / f"{picture.stem}.png"), labels)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:5]), with_val="--with-val" in sys.argv[5:])
