"""Put the training set of the `everyday` models together: 41 classes, real masks over teachers'.

    python scripts/data/make_everyday_data.py OUTPUT EVERYDAY [--more ORIGIN=FOLDER]...

EVERYDAY and every FOLDER hold `images`, `labels` (the teachers', as label_with_teachers.py
writes them; not needed where an origin's masks name every pixel) and `masks` (real, where there
are any), with the stem of the picture.
ORIGIN is one of the tables below; in EVERYDAY it is what the name begins with ("msrc_...").

OUTPUT gets, as the data set `folder` reads them:
    train, val   every picture, a tenth held out
    real         held-out pictures of EVERYDAY, real masks alone: mean IoU over the masks' classes
    persons      those of them whose masks name the persons: all else stands as class 0, so
                 that a person seen where there is none counts; only the IoU of `person` means
                 something here
    real-more, persons-more    the same of the other folders
    rooms        held-out rooms of EVERYDAY, teachers' labels: pixel accuracy is the agreement

A picture is held out by a hash of its name, so it stays so whatever is added. Pictures are at
most 512 long.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.training.layouts import pictures_in

CLASSES = read_class_list(Path(__file__).parents[2] / "models" / "classes" / "everyday.json").names
IGNORE = 255
VOID = 255
"""Mask id of VOC's outlines and COCO's crowds."""
LONG_SIDE = 512
ROOMS = ("bathroom", "bedroom", "kitchen")

LabelMap = NDArray[np.uint8]


@dataclass(frozen=True)
class Origin:
    """What the ids of an origin's real masks mean.

    Attributes:
        ids: mask id to class; "" is something that is none of the 41.
        unnamed: mask ids where the mask says nothing: the teachers' label stays.
        complete: classes that the masks name wherever they are: a teacher who sees one of them
            in unnamed pixels is wrong there.
    """

    ids: dict[int, str]
    unnamed: tuple[int, ...] = (0,)
    complete: frozenset[str] = field(default_factory=frozenset)


PERSONS = Origin({1: "person"}, complete=frozenset({"person"}))
VOC_CLASSES = (
    "airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "table", "dog", "horse", "motorcycle", "person", "plant", "sheep", "sofa", "train", "tv",
)  # fmt: skip
# Desks are no dining tables, nor plants in the ground potted ones.
VOC_COMPLETE = frozenset(VOC_CLASSES) - {"table", "plant"}
MSRC_IDS = {
    1: "building", 2: "grass", 3: "tree", 4: "cow", 5: "horse", 6: "sheep", 7: "sky",
    8: "mountain", 9: "airplane", 10: "water", 11: "person", 12: "car", 13: "bicycle",
    14: "plant", 15: "", 16: "bird", 17: "", 18: "chair", 19: "road", 20: "cat", 21: "dog",
    22: "person", 23: "boat",
}  # fmt: skip
# COCO's category ids; the others are none of ours.
COCO_IDS = {
    1: "person", 2: "bicycle", 3: "car", 4: "motorcycle", 5: "airplane", 6: "bus", 7: "train",
    9: "boat", 16: "bird", 17: "cat", 18: "dog", 19: "horse", 20: "sheep", 21: "cow",
    44: "bottle", 62: "chair", 63: "sofa", 64: "plant", 65: "bed", 67: "table", 72: "tv",
}  # fmt: skip

ORIGINS = {
    "house": Origin({}),
    "facade": Origin({}),
    "inet": Origin({}),
    "ccp": PERSONS,
    "people": PERSONS,
    # MSRC v2; it leaves much unnamed, of every class.
    "msrc": Origin(MSRC_IDS),
    # PASCAL VOC 2012 with the masks of SBD; 255 is void.
    "voc": Origin(dict(enumerate(VOC_CLASSES, start=1)) | {VOID: ""}, complete=VOC_COMPLETE),
    # COCO's instances drawn by scripts/data/draw_coco_masks.py: category ids, 255 a crowd.
    "coco": Origin(
        {i: COCO_IDS.get(i, "") for i in range(1, 256)},
        complete=frozenset(COCO_IDS.values()) - {"table", "plant"},
    ),
    # The Weizmann horses.
    "horse": Origin({1: "horse"}, complete=frozenset({"horse"})),
    # Cityscapes' train ids, which name every pixel but those of 255.
    "cityscapes": Origin(
        {
            0: "road",
            1: "sidewalk",
            2: "building",
            8: "tree",
            9: "grass",
            10: "sky",
            11: "person",
            12: "person",
            13: "car",
            15: "bus",
            16: "train",
            17: "motorcycle",
            18: "bicycle",
        },
        unnamed=(),
    ),
    # NYU Depth V2's 40 classes of rooms; 0 is nothing. What stands on and in furniture is none.
    "nyu": Origin(
        {
            1: "wall",
            2: "floor",
            3: "cabinet",
            4: "bed",
            5: "chair",
            6: "sofa",
            7: "table",
            8: "door",
            9: "window",
            10: "shelf",
            11: "painting",
            14: "table",
            15: "shelf",
            16: "curtain",
            17: "cabinet",
            19: "mirror",
            20: "rug",
            22: "ceiling",
            25: "tv",
            28: "curtain",
            31: "person",
            32: "cabinet",
        },
        unnamed=(),
    ),
}


def real_labels(mask: NDArray[np.uint8], origin: Origin) -> LabelMap:
    """The mask in our ids, `IGNORE` where it names none of the 41."""
    table = np.full(256, IGNORE, np.uint8)
    for theirs, name in origin.ids.items():
        if name:
            table[theirs] = CLASSES.index(name)
    return table[mask]


def training_labels(teachers: LabelMap, mask: NDArray[np.uint8], origin: Origin) -> LabelMap:
    """The real mask over the teachers' labels."""
    real = real_labels(mask, origin)
    unnamed = np.isin(mask, origin.unnamed)
    complete = [CLASSES.index(name) for name in origin.complete]
    below = np.where(np.isin(teachers, complete), np.uint8(IGNORE), teachers)
    halo = unnamed & (below == IGNORE) & near(np.isin(real, complete))
    background = unnamed & (below != IGNORE)
    return np.where(unnamed, continued(below, background, halo), real)


def near(things: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the teachers' outlines of `things` may lie: half a cell of their grid of 16 by 16."""
    distance = cv2.distanceTransform((~things).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(distance <= max(things.shape) / 32)


def continued(labels: LabelMap, background: NDArray[np.bool_], halo: NDArray[np.bool_]) -> LabelMap:
    """`labels` with each pixel of `halo` as the nearest one of `background`.

    Ignored instead, it would cost nothing to paint persons and things as fat as the teachers do.
    """
    if not background.any():
        return labels
    _, index = cv2.distanceTransformWithLabels(
        (~background).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    label_of = np.zeros(int(index.max()) + 1, np.uint8)
    label_of[index[background]] = labels[background]
    return np.where(halo, label_of[index], labels)


def person_labels(mask: NDArray[np.uint8], origin: Origin) -> LabelMap:
    """Persons against all else, which stands as class 0; what is void stays `IGNORE`."""
    person = CLASSES.index("person")
    labels = np.where(real_labels(mask, origin) == person, person, 0).astype(np.uint8)
    labels[mask == VOID] = IGNORE
    return labels


def held_out(stem: str) -> bool:
    """A tenth, by name alone; those of one house, city or part of NYU stay together."""
    origin, *rest = stem.split("_")
    key = stem
    if origin in ("house", "cityscapes"):
        key = f"{origin}_{rest[0]}"
    elif origin == "nyu":
        key = f"nyu_{int(rest[-1]) // 20}"
    return zlib.crc32(key.encode()) % 10 == 0


@dataclass(frozen=True)
class Picture:
    name: str
    """In the output, beginning with the origin."""
    path: Path
    origin: Origin
    teachers: Path
    mask: Path | None


def pictures_of(root: Path, origin: str | None) -> Iterator[Picture]:
    """The pictures of a folder; without an origin it is what their names begin with."""
    for path in pictures_in(root / "images"):
        name = path.stem if origin is None else f"{origin}_{path.stem}"
        mask = root / "masks" / f"{path.stem}.png"
        yield Picture(
            name,
            path,
            ORIGINS[name.split("_")[0]],
            root / "labels" / f"{path.stem}.png",
            mask if mask.exists() else None,
        )


def targets(picture: Picture, real: str) -> Iterator[tuple[str, LabelMap]]:
    """(split, labels) of a picture; `real` is the split for its real mask if it is held out."""
    if picture.mask is None:
        teachers = read_ids(picture.teachers)
        mask = np.zeros_like(teachers)
        origin = Origin({})
    else:
        mask = read_ids(picture.mask)
        origin = picture.origin
        teachers = read_ids(picture.teachers) if origin.unnamed else np.full_like(mask, IGNORE)
    out = held_out(picture.name)
    yield "val" if out else "train", training_labels(teachers, mask, origin)
    if out and picture.mask is not None:
        yield real, real_labels(mask, origin)
        if "person" in origin.complete:
            yield real.replace("real", "persons"), person_labels(mask, origin)
    if out and picture.name.startswith("house_") and picture.name.endswith(ROOMS):
        yield "rooms", teachers


def read_ids(path: Path) -> LabelMap:
    """A PNG of ids; of one with a palette the indices, which OpenCV does not give."""
    with Image.open(path) as stored:
        if stored.mode not in ("L", "P"):
            raise SystemExit(f"{path}: not a picture of class ids, one channel of 8 bits")
        return np.asarray(stored, np.uint8)


def write(output: Path, picture: Picture, split: str, labels: LabelMap) -> None:
    image = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
    height, width = image.shape[:2]
    if labels.shape != (height, width):
        raise SystemExit(f"{picture.path}: {height}x{width}, but its labels {labels.shape}")
    scale = LONG_SIDE / max(height, width)
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    for kind in ("images", "labels"):
        (output / split / kind).mkdir(parents=True, exist_ok=True)
    target = output / split / "images" / f"{picture.name}.jpg"
    cv2.imwrite(str(target), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    cv2.imwrite(str(output / split / "labels" / f"{picture.name}.png"), labels)


def make(output: Path, real: str, picture: Picture) -> None:
    for split, labels in targets(picture, real):
        write(output, picture, split, labels)


def balance(output: Path) -> str:
    """Of every class the share of the training split's labelled pixels, and its pictures."""
    pixels = np.zeros(len(CLASSES), np.int64)
    pictures = np.zeros(len(CLASSES), np.int64)
    for path in sorted((output / "train" / "labels").iterdir()):
        counts = np.bincount(read_ids(path).ravel(), minlength=256)[: len(CLASSES)]
        pixels += counts
        pictures += counts > 0
    share = 100 * pixels / pixels.sum()
    rows = [
        f"{name:12} {share[i]:7.3f} % {pictures[i]:6} pictures" for i, name in enumerate(CLASSES)
    ]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the training set of the everyday models.")
    parser.add_argument("output", type=Path)
    parser.add_argument("everyday", type=Path)
    parser.add_argument("--more", action="append", default=[], metavar="ORIGIN=FOLDER")
    options = parser.parse_args()

    sources = [("real", pictures_of(options.everyday, None))]
    for argument in options.more:
        origin, _, root = argument.partition("=")
        sources.append(("real-more", pictures_of(Path(root), origin)))
    for real, pictures in sources:
        todo = list(pictures)
        with ProcessPoolExecutor() as pool:
            done = pool.map(partial(make, options.output, real), todo, chunksize=16)
            list(tqdm(done, total=len(todo), unit="pictures"))
    print(balance(options.output))


if __name__ == "__main__":
    main()
