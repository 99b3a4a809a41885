"""Draw COCO's instance polygons as masks of category ids, for make_everyday_data.py.

    python scripts/data/draw_coco_masks.py IMAGES ANNOTATIONS OUTPUT

ANNOTATIONS is an `instances_*.json` of COCO, or a folder of YOLO segmentation labels: a text file
for each picture, with a line for each instance (class and polygon in fractions of the sides).
OUTPUT gets `images` (copies) and `masks`: COCO's category id, 0 where nothing is annotated, 255
for a crowd. Smaller instances are drawn over larger ones.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError, reading
from seaformer_edge.training.pictures import read_picture

CROWD = 255
# COCO's 80 categories have ids up to 90; these are not in use.
_UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
CATEGORY_IDS = tuple(i for i in range(1, 91) if i not in _UNUSED)

Polygon = NDArray[np.float64]
"""(N, 2) x, y in pixels."""


def draw(shape: tuple[int, int], instances: list[tuple[int, list[Polygon]]]) -> NDArray[np.uint8]:
    """One (height, width) mask of a picture's (category id, polygons)."""

    def area(instance: tuple[int, list[Polygon]]) -> float:
        return sum(cv2.contourArea(p.astype(np.float32)) for p in instance[1])

    mask = np.zeros(shape, np.uint8)
    for category, polygons in sorted(instances, key=area, reverse=True):
        points = [np.round(p).astype(np.int32) for p in polygons]
        cv2.fillPoly(mask, points, int(category))
    return mask


def crowd_mask(counts: list[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(height, width) mask from COCO's uncompressed run lengths: by columns, zeros first."""
    runs = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return runs.reshape(size[::-1]).T


def from_json(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """(file name, mask) of every picture of an instances file."""
    with reading(path, SourceError):
        text = path.read_text()
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise SourceError(f"{path}: not a JSON file ({error})") from error
    by_picture: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for annotation in entries["annotations"]:
        by_picture[annotation["image_id"]].append(annotation)
    for picture in entries["images"]:
        annotations = by_picture[picture["id"]]
        shape = (picture["height"], picture["width"])
        mask = draw(
            shape,
            [
                (a["category_id"], [np.reshape(p, (-1, 2)) for p in a["segmentation"]])
                for a in annotations
                if not a["iscrowd"]
            ],
        )
        for crowd in (a["segmentation"] for a in annotations if a["iscrowd"]):
            mask[crowd_mask(crowd["counts"], shape) & (mask == 0)] = CROWD
        yield picture["file_name"], mask


def from_yolo(labels: Path, images: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """(file name, mask) of every picture with a label file."""
    for picture in sorted(images.glob("*.jpg")):
        path = labels / f"{picture.stem}.txt"
        if not path.exists():
            continue
        height, width = read_picture(picture).shape[:2]
        instances = []
        for line in path.read_text().splitlines():
            number, *points = line.split()
            polygon = np.reshape([float(p) for p in points], (-1, 2)) * (width, height)
            instances.append((CATEGORY_IDS[int(number)], [polygon]))
        yield picture.name, draw((height, width), instances)


def main(images: Path, annotations: Path, output: Path) -> None:
    for kind in ("images", "masks"):
        (output / kind).mkdir(parents=True, exist_ok=True)
    found = from_yolo(annotations, images) if annotations.is_dir() else from_json(annotations)
    for name, mask in found:
        if not (images / name).is_file():
            raise SourceError(f"{images / name}: no such file, but {annotations} names it")
        shutil.copy(images / name, output / "images" / name)
        cv2.imwrite(str(output / "masks" / f"{Path(name).stem}.png"), mask)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        main(*(Path(argument) for argument in sys.argv[1:]))
    except SourceError as error:
        sys.exit(str(error))
