"""Draw what a model sees in photographs it was not trained on, as one picture.

    python scripts/make_result_grid.py WORLD SKIMAGE docs/results.jpg [--model M]

WORLD is `usr/share/blender/datafiles/studiolights/world` of the Debian package `blender-data`,
SKIMAGE the folder `skimage/data` of the scikit-image wheel: see docs/CREDITS.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge import Segmenter
from seaformer_edge.overlay import draw
from seaformer_edge.zoo import resolve_model

Picture = NDArray[np.uint8]

TILE = (480, 360)  # width, height
COLUMNS = 2
GAP = 8
# Panorama, degrees to the right of its left edge, degrees up, field of view.
VIEWS = (
    ("interior", 100, -8, 80),
    ("interior", 285, -14, 80),
    ("courtyard", 48, -12, 80),
    ("sunrise", 115, 0, 80),
    ("forest", 120, 0, 80),
)
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
NAMED_FROM_SHARE = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("world", type=Path)
    parser.add_argument("skimage", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model")
    arguments = parser.parse_args()

    segmenter = Segmenter.from_path(resolve_model(arguments.model))
    tiles = [
        np.hstack((picture, drawn(picture, segmenter)))
        for picture in pictures(arguments.world, arguments.skimage)
    ]
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % COLUMNS)
    tiles = [
        cv2.copyMakeBorder(t, 0, GAP, 0, GAP, cv2.BORDER_CONSTANT, value=(255,) * 3) for t in tiles
    ]
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    grid = cv2.cvtColor(np.vstack(rows)[:-GAP, :-GAP], cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(arguments.output), grid, [cv2.IMWRITE_JPEG_QUALITY, 82])


def pictures(world: Path, skimage: Path) -> Iterator[Picture]:
    """RGB pictures of TILE."""
    for name, azimuth, elevation, field in VIEWS:
        yield view(tone_mapped(world / f"{name}.exr"), azimuth, elevation, field)
    sample = Path(__file__).parents[1] / "seaformer_edge" / "data" / "sample"
    for path in (*(skimage / name for name in PHOTOGRAPHS), sample / "city_parking_deck.jpg"):
        yield cropped(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))


def tone_mapped(path: Path) -> Picture:
    """An OpenEXR panorama as (H, W, 3) uint8, its median at a middle grey."""
    with av.open(str(path)) as container:
        light = next(container.decode(video=0)).to_ndarray(format="gbrpf32le")
    exposed = light / (4 * np.median(light))
    return np.rint(255 * np.clip(exposed, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def view(panorama: Picture, azimuth: float, elevation: float, field: float) -> Picture:
    """What a pinhole camera inside the equirectangular `panorama` sees; angles in degrees."""
    width, height = TILE
    focal = width / 2 / np.tan(np.radians(field) / 2)
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, height / 2 - np.arange(height) - 0.5)
    tilt = np.radians(elevation)
    up = y * np.cos(tilt) + focal * np.sin(tilt)
    ahead = focal * np.cos(tilt) - y * np.sin(tilt)
    rows, columns = panorama.shape[:2]
    longitude = np.arctan2(x, ahead) + np.radians(azimuth)
    latitude = np.arctan2(up, np.hypot(x, ahead))
    map_x = (longitude / (2 * np.pi) * columns - 0.5) % columns
    map_y = (0.5 - latitude / np.pi) * rows - 0.5
    return np.asarray(
        cv2.remap(
            panorama, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_WRAP,
        ),
        np.uint8,
    )  # fmt: skip


def cropped(picture: Picture) -> Picture:
    """The centre of a picture, in TILE."""
    width, height = TILE
    scale = max(width / picture.shape[1], height / picture.shape[0])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return np.asarray(resized[top : top + height, left : left + width], np.uint8)


def drawn(picture: Picture, segmenter: Segmenter) -> Picture:
    """The picture with its classes, the larger ones named where they are widest."""
    card = segmenter.card
    seen = segmenter(picture)
    overlay = draw(picture, seen.label_map, np.array(card.palette, np.uint8), opacity=0.6)
    for share in seen.top_k(len(card.classes)):
        if share.share < NAMED_FROM_SHARE:
            continue
        inside = (seen.label_map == card.classes.index(share.name)).astype(np.uint8)
        _, _, _, (x, y) = cv2.minMaxLoc(cv2.distanceTransform(np.pad(inside, 1), cv2.DIST_L2, 5))
        name_at(overlay, share.name, x, y)
    return overlay


def name_at(picture: Picture, name: str, x: int, y: int) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.5
    (width, height), _ = cv2.getTextSize(name, font, scale, 1)
    x = int(np.clip(x - width // 2, 2, picture.shape[1] - width - 2))
    y = int(np.clip(y + height // 2, height + 2, picture.shape[0] - 4))
    cv2.putText(picture, name, (x, y), font, scale, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(picture, name, (x, y), font, scale, (255, 255, 255), 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
