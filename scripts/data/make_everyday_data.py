"""Make the training set of the `everyday` models: real masks over teachers' labels.

    python scripts/data/make_everyday_data.py OUTPUT EVERYDAY [--more ORIGIN=FOLDER]...
        [--classes everyday|everyday-objects]

EVERYDAY and every FOLDER contain `images`, `labels` (of label_with_teachers.py; not needed for an
origin whose masks name every pixel) and `masks` (real ones, where there are any), all with the stem
of the picture. ORIGIN is a key of `ORIGINS` below; in EVERYDAY it is the first part of the name
("msrc_..."). Pictures larger than 512 are scaled down. The 41 classes of `everyday` are the first
ones of `everyday-objects`; they left the other objects unlabelled.

OUTPUT gets splits in the layout of the data set `folder`:
    train, val   all pictures; a tenth is held out for val
    real         held-out pictures of EVERYDAY with real masks only: mean IoU of their classes
    persons      those whose masks name all persons, everything else as class 0, so that false
                 persons count: only the IoU of `person` is meaningful
    real-more, persons-more    the same for the other folders
    objects      those of the other folders whose masks name all objects of VOC's 20 classes,
                 everything else as class 0: only the IoU of the 20 is meaningful
    rooms        held-out rooms of EVERYDAY with teachers' labels: pixel accuracy is the agreement

A picture is held out by a hash of its name, so adding pictures does not change it. Of COCO, which
has most of the objects, two fifths are held out, not a tenth.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from draw_coco_masks import CATEGORY_IDS
from numpy.typing import NDArray
from teachers import CLASSES, OURS, VOC_CLASSES, YOLO_CLASSES
from tqdm import tqdm

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.hub.paths import shipped_models_dir
from seaformer_edge.training.layouts import pictures_in
from seaformer_edge.training.pictures import read_ids, read_picture

IGNORE = 255
VOID = 255
"""Mask id of outlines in VOC and of crowds in COCO."""
LONG_SIDE = 512
ROOMS = ("bathroom", "bedroom", "kitchen")

LabelMap = NDArray[np.uint8]


@dataclass(frozen=True)
class Origin:
    """What the ids of an origin's real masks mean.

    Attributes:
        ids: mask id to class; "" is something that is none of ours.
        unnamed: mask ids of pixels where the teachers' label stays, if they have one.
        complete: classes of which the masks name every pixel: where a teacher labels one of them
            in unnamed pixels, it is wrong.
        doubtful: classes that the teachers invent in these pictures; they are not trained on.
    """

    ids: dict[int, str]
    unnamed: tuple[int, ...] = (0,)
    complete: frozenset[str] = field(default_factory=frozenset)
    doubtful: frozenset[str] = field(default_factory=frozenset)


PERSONS = Origin({1: "person"}, complete=frozenset({"person"}))
# VOC names dining tables and potted plants only, not desks and plants in the ground.
VOC_COMPLETE = frozenset(VOC_CLASSES[1:]) - {"table", "plant"}
MSRC_IDS = {
    1: "building", 2: "grass", 3: "tree", 4: "cow", 5: "horse", 6: "sheep", 7: "sky",
    8: "mountain", 9: "airplane", 10: "water", 11: "person", 12: "car", 13: "bicycle",
    14: "plant", 15: "sign", 16: "bird", 17: "book", 18: "chair", 19: "road", 20: "cat", 21: "dog",
    22: "person", 23: "boat",
}  # fmt: skip
# COCO's category ids are 1 to 90, with gaps.
COCO_IDS = {i: OURS[name] for i, name in zip(CATEGORY_IDS, YOLO_CLASSES, strict=True)}
# NYU Depth V2's 40 classes of rooms; 0 is none, 40 "other prop".
NYU_IDS = {
    1: "wall", 2: "floor", 3: "cabinet", 4: "bed", 5: "chair", 6: "sofa", 7: "table", 8: "door",
    9: "window", 10: "shelf", 11: "painting", 14: "table", 15: "shelf", 16: "curtain",
    17: "cabinet", 19: "mirror", 20: "rug", 22: "ceiling", 23: "book", 24: "refrigerator",
    25: "tv", 28: "curtain", 31: "person", 32: "cabinet", 33: "toilet", 34: "sink", 37: "bag",
    40: "other",
}  # fmt: skip

ORIGINS = {
    "house": Origin({}),
    "facade": Origin({}),
    # One thing close up: teachers of rooms and streets see ground and walls in it.
    "inet": Origin({}, doubtful=frozenset({"ground", "floor", "wall", "mountain", "building"})),
    "ccp": PERSONS,
    "people": PERSONS,
    # MSRC v2 leaves pixels of every class unnamed.
    "msrc": Origin(MSRC_IDS),
    # PASCAL VOC 2012 with the masks of SBD; 255 is void.
    "voc": Origin(dict(enumerate(VOC_CLASSES)) | {VOID: ""}, complete=VOC_COMPLETE),
    # COCO, as draw_coco_masks.py draws it: category ids, 255 for crowds.
    "coco": Origin(
        COCO_IDS | {VOID: ""}, complete=frozenset(COCO_IDS.values()) - {"table", "plant", "book"}
    ),
    # Those without masks.
    "cocomore": Origin({}),
    # Those of which only the persons are drawn, as 1.
    "cocoperson": PERSONS,
    # The Weizmann horses.
    "horse": Origin({1: "horse"}, complete=frozenset({"horse"})),
    # Cityscapes' train ids; 255 is none of them.
    "cityscapes": Origin(
        {
            0: "road",
            1: "sidewalk",
            2: "building",
            6: "traffic light",
            7: "sign",
            8: "tree",
            9: "grass",
            10: "sky",
            11: "person",
            12: "person",
            13: "car",
            14: "truck",
            15: "bus",
            16: "train",
            17: "motorcycle",
            18: "bicycle",
        },
        unnamed=(),
    ),
    "nyu": Origin(NYU_IDS, unnamed=(40,), complete=frozenset(NYU_IDS.values()) - {"other"}),
}


def real_labels(mask: NDArray[np.uint8], origin: Origin) -> LabelMap:
    """The mask in our ids, `IGNORE` where it names none of them."""
    table = np.full(256, IGNORE, np.uint8)
    for theirs, name in origin.ids.items():
        if name:
            table[theirs] = CLASSES.index(name)
    return table[mask]


def training_labels(teachers: LabelMap, mask: NDArray[np.uint8], origin: Origin) -> LabelMap:
    """The real mask over the teachers' labels; (H, W) uint8 each."""
    real = real_labels(mask, origin)
    unnamed = np.isin(mask, origin.unnamed)
    complete = [CLASSES.index(name) for name in origin.complete]
    doubtful = [CLASSES.index(name) for name in origin.doubtful]
    below = np.where(np.isin(teachers, complete + doubtful), np.uint8(IGNORE), teachers)
    unknown = unnamed & (below == IGNORE) & (real == IGNORE)
    border = unknown & is_near(np.isin(real, complete))
    background = unnamed & (below != IGNORE)
    below = filled(below, background, border)
    return np.where(unnamed & (below != IGNORE), below, real)


def is_near(things: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where teachers may draw the outline of `things`: within half a cell of a 16 by 16 grid."""
    distance = cv2.distanceTransform((~things).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(distance <= max(things.shape) / 32)


def filled(labels: LabelMap, background: NDArray[np.bool_], border: NDArray[np.bool_]) -> LabelMap:
    """`labels` with each pixel of `border` as the nearest pixel of `background`.

    If these pixels were ignored, a network could draw things larger than they are, as the teachers
    do, at no cost.
    """
    if not background.any():
        return labels
    _, index = cv2.distanceTransformWithLabels(
        (~background).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    label_of = np.zeros(int(index.max()) + 1, np.uint8)
    label_of[index[background]] = labels[background]
    return np.where(border, label_of[index], labels)


def labels_of(names: Collection[str], mask: NDArray[np.uint8], origin: Origin) -> LabelMap:
    """The classes `names` where the mask names them, `IGNORE` where it is void, else class 0."""
    real = real_labels(mask, origin)
    named = np.isin(real, [CLASSES.index(name) for name in names])
    return np.where(mask == VOID, np.uint8(IGNORE), np.where(named, real, np.uint8(0)))


def held_out(stem: str) -> bool:
    """Whether a picture is in the held-out tenth, by its name.

    Pictures of one house, of one city, and 20 neighbours of NYU are held out together.
    """
    origin, *rest = stem.split("_")
    key = stem
    if origin in ("house", "cityscapes"):
        key = f"{origin}_{rest[0]}"
    elif origin == "nyu":
        key = f"nyu_{int(rest[-1]) // 20}"
    number = zlib.crc32(key.encode())
    return number % 10 == 0 or (origin == "coco" and number % 3 == 0)


@dataclass(frozen=True)
class Picture:
    name: str
    """In the output; it begins with the origin."""
    path: Path
    origin: Origin
    teachers: Path
    mask: Path | None


def pictures_of(root: Path, origin: str | None) -> Iterator[Picture]:
    """The pictures of a folder; with origin None it is the first part of their names."""
    for path in pictures_in(root / "images"):
        name = path.stem if origin is None else f"{origin}_{path.stem}"
        mask = root / "masks" / f"{path.stem}.png"
        if (key := name.split("_")[0]) not in ORIGINS:
            raise SourceError(
                f"{path}: {key!r} is no origin; known are {', '.join(ORIGINS)}: the name begins"
                " with it, or --more names it"
            )
        yield Picture(
            name,
            path,
            ORIGINS[key],
            root / "labels" / f"{path.stem}.png",
            mask if mask.exists() else None,
        )


def targets(picture: Picture, real: str) -> Iterator[tuple[str, LabelMap]]:
    """(split, labels) pairs of a picture; `real` is the split of its real mask if held out."""
    if picture.mask is None:
        teachers = read_ids(picture.teachers)
        mask = np.zeros_like(teachers)
        origin = Origin({}, doubtful=picture.origin.doubtful)
    else:
        mask = read_ids(picture.mask)
        origin = picture.origin
        teachers = read_ids(picture.teachers) if origin.unnamed else np.full_like(mask, IGNORE)
        if teachers.shape != mask.shape:
            raise SourceError(f"{picture.teachers}: another size than {picture.mask}: remove it")
    in_val = held_out(picture.name)
    yield "val" if in_val else "train", training_labels(teachers, mask, origin)
    if in_val and picture.mask is not None:
        yield real, real_labels(mask, origin)
        if "person" in origin.complete:
            yield real.replace("real", "persons"), labels_of(("person",), mask, origin)
        if origin.complete >= VOC_COMPLETE:
            yield "objects", labels_of(VOC_CLASSES[1:], mask, origin)
    if in_val and picture.name.startswith("house_") and picture.name.endswith(ROOMS):
        yield "rooms", teachers


def write(output: Path, picture: Picture, split: str, labels: LabelMap) -> None:
    image = read_picture(picture.path)
    height, width = image.shape[:2]
    if labels.shape != (height, width):
        raise SourceError(f"{picture.path}: the labels have another size than the picture")
    scale = LONG_SIDE / max(height, width)
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    for kind in ("images", "labels"):
        (output / split / kind).mkdir(parents=True, exist_ok=True)
    target = output / split / "images" / f"{picture.name}.jpg"
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(target), bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])
    cv2.imwrite(str(output / split / "labels" / f"{picture.name}.png"), labels)


def make(output: Path, real: str, num_classes: int, picture: Picture) -> None:
    """Write a picture; ids from `num_classes` on become `IGNORE`."""
    for split, labels in targets(picture, real):
        write(output, picture, split, np.where(labels < num_classes, labels, np.uint8(IGNORE)))


def balance(output: Path, names: Sequence[str]) -> str:
    """A line for each class: its share of the labelled training pixels, and its pictures."""
    pixels = np.zeros(len(names), np.int64)
    pictures = np.zeros(len(names), np.int64)
    for path in sorted((output / "train" / "labels").iterdir()):
        counts = np.bincount(read_ids(path).ravel(), minlength=256)[: len(names)]
        pixels += counts
        pictures += counts > 0
    share = 100 * pixels / pixels.sum()
    rows = [f"{name:13} {share[i]:7.3f} % {pictures[i]:6} pictures" for i, name in enumerate(names)]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path)
    parser.add_argument("everyday", type=Path)
    parser.add_argument("--more", action="append", default=[], metavar="ORIGIN=FOLDER")
    lists = ("everyday", "everyday-objects")
    parser.add_argument("--classes", choices=lists, default=lists[0], help="(%(default)s)")
    options = parser.parse_args()
    names = read_class_list(shipped_models_dir() / "classes" / f"{options.classes}.json").names

    sources = [("real", list(pictures_of(options.everyday, None)))]
    for argument in options.more:
        origin, _, root = argument.partition("=")
        sources.append(("real-more", list(pictures_of(Path(root), origin))))
    for real, todo in sources:
        with ProcessPoolExecutor() as pool:
            done = pool.map(partial(make, options.output, real, len(names)), todo, chunksize=16)
            list(tqdm(done, total=len(todo), unit="pictures"))
    print(balance(options.output, names))


if __name__ == "__main__":
    try:
        main()
    except SourceError as error:
        raise SystemExit(str(error)) from error
