"""Make a training set of CamVid and other streets, in CamVid's 11 classes.

    python scripts/data/make_street_data.py CAMVID OUTPUT [--validate-on FOLDER] [--copies N] \\
        [--streets FOLDER ...] [--labelled ORIGIN=FOLDER ...]

CamVid's 367 training pictures show a few streets, and its test pictures others. So the training
split also contains

    --streets   {images,masks} of streets in Cityscapes' classes: train ids or colours, which KITTI
                and BDD100K use too
    --labelled  {images,labels}, labelled by label_streets.py, and {masks} with the same stems if
                ORIGIN is a key of `ORIGINS` below: coarse masks whose classes the teacher's labels
                make finer where they do not contradict

CamVid's own pictures are repeated --copies times (8), all others are in it once. The validation
split is CamVid's. With --validate-on it is the streets of that FOLDER, laid out as for --streets,
and CamVid's validation pictures are trained on as well. CamVid's test split is not used.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError, reading
from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.hub.paths import shipped_models_dir
from seaformer_edge.training.layouts import pictures_in

VOID = 11
HEIGHT = 480
"""Higher pictures are scaled down to this."""

LabelMap = NDArray[np.uint8]

# Cityscapes' classes to CamVid's ids: CamVid has no wall, grass, traffic light or train, and a
# bicycle or motorcycle with its rider is one bicyclist.
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

NAMES = read_class_list(shipped_models_dir() / "classes" / "camvid.json").names


def ids(*names: str) -> tuple[int, ...]:
    return tuple(NAMES.index(name) for name in names)


EVERYTHING = tuple(range(len(NAMES)))
IN_FRONT = ids("pole", "sign", "fence", "pedestrian", "bicyclist")
"""Objects that the polygons of what is behind them include."""

# Mask id of an origin to the classes that it may be. Where the teacher names none of them, the
# label is the first.
ORIGINS: dict[str, dict[int, tuple[int, ...]]] = {
    # IDD-Lite: drivable, undrivable, living things, vehicles, road-side objects, far objects, sky.
    "idd": {
        0: ids("road"),
        1: (VOID, *ids("pavement", "tree")),
        2: (VOID, *ids("pedestrian", "bicyclist")),
        3: (VOID, *ids("car", "bicyclist")),
        4: (VOID, *ids("fence", "pole", "sign", "building")),
        5: (VOID, *ids("building", "tree")),
        6: ids("sky"),
    },
    # LabelMeFacade: various, building, car, door, pavement, road, sky, vegetation, window.
    "facade": {
        0: (VOID, *EVERYTHING),
        1: (*ids("building"), *IN_FRONT),
        2: ids("car"),
        3: (*ids("building"), *IN_FRONT),
        4: (*ids("pavement"), *IN_FRONT),
        5: (*ids("road"), *IN_FRONT),
        6: (*ids("sky"), *IN_FRONT),
        7: (*ids("tree"), *IN_FRONT),
        8: (*ids("building"), *IN_FRONT),
    },
}


def main(
    camvid: Path,
    output: Path,
    *,
    validate_on: Path | None,
    copies: int,
    streets: list[Path],
    labelled: list[tuple[str, Path]],
) -> None:
    copy_camvid(camvid / "train", output / "train", copies)
    if validate_on is None:
        copy_camvid(camvid / "val", output / "val", 1)
    else:
        copy_camvid(camvid / "val", output / "train", copies)
        add_streets(validate_on, output / "val")
    for folder in streets:
        add_streets(folder, output / "train")
    for origin, folder in labelled:
        for picture in pictures_in(folder / "images"):
            add_labelled(picture, folder, origin, output / "train")


def copy_camvid(split: Path, target: Path, copies: int) -> None:
    """Copy the pictures and labels of a split, `copies` times under different names."""
    for kind in ("images", "labels"):
        (target / kind).mkdir(parents=True, exist_ok=True)
        with reading(split / kind, SourceError):
            paths = sorted((split / kind).iterdir())
        for path in paths:
            names = [target / kind / f"camvid-{split.name}{n}_{path.name}" for n in range(copies)]
            shutil.copy(path, names[0])
            for name in names[1:]:
                name.unlink(missing_ok=True)
                os.link(names[0], name)


def add_labelled(picture: Path, folder: Path, origin: str, split: Path) -> None:
    """Write a picture with the teacher's labels, refined by a coarse mask if there is one."""
    image = read(picture, cv2.IMREAD_COLOR)
    labels = read(folder / "labels" / f"{picture.stem}.png")
    mask = folder / "masks" / f"{picture.stem}.png"
    if origin in ORIGINS and mask.exists():
        labels = refined(read(mask), labels, ORIGINS[origin])
    write(f"{origin}_{picture.stem}", image, labels, split)


def refined(mask: LabelMap, teacher: LabelMap, table: dict[int, tuple[int, ...]]) -> LabelMap:
    """The teacher's labels where a coarse mask allows them; (H, W) uint8 each."""
    labels = np.full_like(mask, VOID)
    for coarse, fine in table.items():
        here = mask == coarse
        labels[here] = np.where(np.isin(teacher[here], fine), teacher[here], fine[0])
    return labels


def add_streets(folder: Path, split: Path) -> None:
    """Write pictures with masks in Cityscapes' train ids or colours.

    Pixels of other colours, which smooth resizing makes, are ignored.
    """
    classes = read_class_list(shipped_models_dir() / "classes" / "cityscapes.json")
    for picture in pictures_in(folder / "images"):
        image = read(picture, cv2.IMREAD_COLOR)
        stored = read(folder / "masks" / f"{picture.stem}.png")
        labels = np.full(stored.shape[:2], VOID, np.uint8)
        for name, ours in CITYSCAPES.items():
            theirs = classes.names.index(name)
            if stored.ndim == 2:
                labels[stored == theirs] = ours
            else:
                labels[(stored[..., ::-1] == classes.palette[theirs]).all(axis=2)] = ours
        write(f"street_{picture.stem}", image, labels, split)


def write(name: str, image: LabelMap, labels: LabelMap, split: Path) -> None:
    """Write a BGR picture and its labels, at most `HEIGHT` high."""
    for kind in ("images", "labels"):
        (split / kind).mkdir(parents=True, exist_ok=True)
    height = min(HEIGHT, len(image))
    size = (round(image.shape[1] * height / image.shape[0]), height)
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)  # type: ignore[assignment]
    target = split / "images" / f"{name}.jpg"
    cv2.imwrite(str(target), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    cv2.imwrite(str(split / "labels" / f"{name}.png"), labels)


def read(path: Path, flags: int = cv2.IMREAD_UNCHANGED) -> LabelMap:
    """Raises SourceError."""
    stored = cv2.imread(str(path), flags)
    if stored is None:
        raise SourceError(f"{path}: cannot be read as a picture")
    return np.asarray(stored, np.uint8)


def origin_of(text: str) -> tuple[str, Path]:
    origin, folder = text.split("=", 1)
    return origin, Path(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for argument in ("camvid", "output"):
        parser.add_argument(argument, type=Path)
    parser.add_argument("--validate-on", type=Path, metavar="FOLDER")
    parser.add_argument("--copies", type=int, default=8, metavar="N")
    parser.add_argument("--streets", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument(
        "--labelled", type=origin_of, action="append", default=[], metavar="ORIGIN=FOLDER"
    )
    try:
        main(**vars(parser.parse_args()))
    except SourceError as error:
        raise SystemExit(str(error)) from error
