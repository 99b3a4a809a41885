"""Cut objects out of a training set's real masks, for the recipe setting `paste`.

    python scripts/data/cut_out_objects.py SET

SET is of make_everyday_data.py. Writes SET/cutouts/CLASS/PICTURE_N.webp, with the outline as alpha
channel. Only classes whose labels are real masks in the picture's origin are cut; objects that
touch the picture's edge, which are not whole, are left out.
"""

from __future__ import annotations

import argparse
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from make_everyday_data import ORIGINS, Origin
from numpy.typing import NDArray
from teachers import CLASSES, OURS
from tqdm import tqdm

from seaformer_edge.errors import SourceError
from seaformer_edge.training.cutouts import FOLDER
from seaformer_edge.training.layouts import folder
from seaformer_edge.training.pictures import read_ids, read_picture

OBJECTS = frozenset(OURS.values()) - {"other", "table", "bed"}
MOST_OF_A_CLASS = 300
SHARE = (0.01, 0.4)
"""Of the picture's pixels."""
SHORTEST_PX = 32


def cut_classes(origin: Origin) -> frozenset[str]:
    """The objects that only real masks name in the labels of an origin."""
    return OBJECTS & (origin.complete if origin.unnamed else frozenset(origin.ids.values()))


def outlines(labels: NDArray[np.uint8], class_id: int) -> Iterator[NDArray[np.bool_]]:
    """(H, W) masks of the whole objects of a class, a pixel smaller than their labels."""
    count, parts, boxes, _ = cv2.connectedComponentsWithStats((labels == class_id).astype(np.uint8))
    rows, columns = labels.shape
    for number in range(1, count):
        left, top, width, height, area = boxes[number]
        whole = left > 0 and top > 0 and left + width < columns and top + height < rows
        large = SHARE[0] <= area / labels.size <= SHARE[1] and min(width, height) >= SHORTEST_PX
        if whole and large:
            mask = cv2.erode((parts == number).astype(np.uint8), np.ones((3, 3), np.uint8))
            if mask.any():
                yield mask.astype(np.bool_)


def cut(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(h, w, 4) BGRA of the mask's bounding box and a pixel around it: WebP drops an alpha channel
    that is opaque everywhere."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = slice(rows[0] - 1, rows[-1] + 2), slice(columns[0] - 1, columns[-1] + 2)
    alpha = np.where(mask, np.uint8(255), np.uint8(0))
    return np.dstack((image[box][..., ::-1], alpha[box]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", type=Path, metavar="SET")
    root = parser.parse_args().set
    found = Counter[str]()
    pairs = sorted(folder(root, "train"), key=lambda pair: zlib.crc32(pair[0].stem.encode()))
    for picture, label in tqdm(pairs, unit="pictures"):
        wanted = cut_classes(ORIGINS[picture.stem.split("_")[0]])
        wanted = frozenset(name for name in wanted if found[name] < MOST_OF_A_CLASS)
        if not wanted:
            continue
        labels = read_ids(label)
        for name in sorted(wanted & {CLASSES[i] for i in np.unique(labels) if i < len(CLASSES)}):
            for number, mask in enumerate(outlines(labels, CLASSES.index(name))):
                target = root / FOLDER / name / f"{picture.stem}_{number}.webp"
                target.parent.mkdir(parents=True, exist_ok=True)
                cutout = cut(read_picture(picture), mask)
                cv2.imwrite(str(target), cutout, [cv2.IMWRITE_WEBP_QUALITY, 90])
                found[name] += 1
    print("\n".join(f"{name:13} {count:4}" for name, count in sorted(found.items())))


if __name__ == "__main__":
    try:
        main()
    except SourceError as error:
        raise SystemExit(str(error)) from error
