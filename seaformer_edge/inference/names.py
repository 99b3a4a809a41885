"""The names of classes on a picture: where each stands, and drawing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.frame import NO_CLASS
from seaformer_edge.inference.views import FONT, View

Image = NDArray[np.uint8]

GRID_PX = 160  # regions are searched on every n-th pixel, so that a side has at most this many
# Shares of the picture that a region needs to get a name, and to keep it.
MIN_SHARE, KEPT_SHARE = 0.004, 0.002
MIN_DEPTH = 0.025  # from its innermost point to its border, as a share of the picture's height
KEPT_DEPTH = 0.5  # a point is kept while it is this deep, as a share of the deepest
MAX_REGIONS = 24
LETTER_SHARE, MIN_LETTER_PX = 0.018, 8  # height of capital letters, as a share of the picture's
BAR_SHARE = 0.4  # width of the coloured bar of a plate, as a share of the letters' height
DARKENED = 2  # the picture under a plate has a quarter of its brightness


@dataclass(frozen=True, slots=True)
class Region:
    """A connected area of one class.

    Attributes:
        class_id: its class.
        x, y: where its name stands, as shares of the picture's width and height.
    """

    class_id: int
    x: float
    y: float


class RegionFinder:
    """Finds the regions of a label map that get a name, the largest first.

    A name stands at the innermost point of its region, and stays there from call to call while
    that is well inside.
    """

    def __init__(self) -> None:
        self._regions: tuple[Region, ...] = ()

    def __call__(self, label_map: Image) -> tuple[Region, ...]:
        """The regions of (H, W) uint8 class ids."""
        step = -(-max(label_map.shape) // GRID_PX)
        rows, columns = (slice(min(step // 2, side - 1), None, step) for side in label_map.shape)
        grid = np.ascontiguousarray(label_map[rows, columns])
        height, width = grid.shape
        around = np.ones((3, 3), np.uint8)
        inner = cv2.compare(cv2.dilate(grid, around), cv2.erode(grid, around), cv2.CMP_EQ)
        inner = cv2.copyMakeBorder(inner, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        depth = cv2.distanceTransform(inner, cv2.DIST_L2, 3)[1:-1, 1:-1]
        _, parts, boxes, _ = cv2.connectedComponentsWithStats(inner, connectivity=4)
        parts, areas = parts[1:-1, 1:-1], boxes[1:, cv2.CC_STAT_AREA]
        found = []
        for part in 1 + np.argsort(-areas, kind="stable")[:MAX_REGIONS]:
            share = areas[part - 1] / grid.size
            if share < KEPT_SHARE:
                break
            left, top, across, down = boxes[part, :4]
            box = slice(max(top - 1, 0), top + down), slice(max(left - 1, 0), left + across)
            inside = (parts[box] == part).astype(np.uint8)
            _, deepest, _, (x, y) = cv2.minMaxLoc(depth[box], inside)
            x, y = x + box[1].start, y + box[0].start
            class_id = int(grid[y, x])
            if class_id == NO_CLASS:
                continue
            kept = None
            for before in self._regions:
                at = int(before.y * height), int(before.x * width)
                if before.class_id == class_id and parts[at] == part:
                    kept = before
                    break
            if kept is None and (share < MIN_SHARE or deepest < MIN_DEPTH * height):
                continue
            if kept is not None and depth[at] >= KEPT_DEPTH * deepest:
                found.append(kept)
            else:
                found.append(Region(class_id, (x + 0.5) / width, (y + 0.5) / height))
        self._regions = tuple(found)
        return self._regions


def place_plates(
    centres: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    space: tuple[float, float],
) -> list[tuple[float, float] | None]:
    """The upper left corners of plates around their centres, moved into a picture.

    Args:
        centres: (x, y), the most important first.
        sizes: (width, height) of each plate.
        space: (width, height) of the picture.

    Returns:
        A corner for each plate; None for one that would cover another, or that is too large.
    """
    taken: list[tuple[float, float, float, float]] = []
    corners: list[tuple[float, float] | None] = []
    for (x, y), (width, height) in zip(centres, sizes, strict=True):
        left = min(max(x - width / 2, 0), space[0] - width)
        top = min(max(y - height / 2, 0), space[1] - height)
        covers = any(
            left < right and other_left < left + width and top < bottom and other_top < top + height
            for other_left, other_top, right, bottom in taken
        )
        if covers or left < 0 or top < 0:
            corners.append(None)
        else:
            corners.append((left, top))
            taken.append((left, top, left + width, top + height))
    return corners


def draw_names(
    panels: Sequence[Image],
    regions: Sequence[Region],
    names: Sequence[str],
    palette: Image,
    view: View,
) -> list[Image]:
    """Writes the names of regions over the panels of a view that show classes.

    Args:
        panels: of `render_panels`, each (H, W, 3) uint8 RGB; they are not changed.
        regions: the largest first.
        names: of the classes.
        palette: (N, 3) uint8 RGB, the colours of the classes.
        view: names only the classes that it colours.

    Returns:
        Panels as before; those with names are new arrays.
    """
    shown = [r for r in regions if view.classes is None or r.class_id in view.classes]
    return [
        panel if kind == "frame" or not shown else _named(panel.copy(), shown, names, palette)
        for kind, panel in zip(view.mode.panels, panels, strict=True)
    ]


def _named(
    picture: Image, regions: Sequence[Region], names: Sequence[str], palette: Image
) -> Image:
    height, width = picture.shape[:2]
    letters = max(round(LETTER_SHARE * height), MIN_LETTER_PX)
    scale, thickness = cv2.getFontScaleFromHeight(FONT, letters), 1 + letters // 16
    pad, bar = letters // 2 + 1, max(round(BAR_SHARE * letters), 3)
    texts = [names[region.class_id] for region in regions]
    widths = [cv2.getTextSize(text, FONT, scale, thickness)[0][0] for text in texts]
    sizes = [(text_px + 2 * pad + bar, letters + 2 * pad) for text_px in widths]
    centres = [(region.x * width, region.y * height) for region in regions]
    corners = place_plates(centres, sizes, (width, height))
    for region, text, size, corner in zip(regions, texts, sizes, corners, strict=True):
        if corner is None:
            continue
        left, top = (round(side) for side in corner)
        plate = picture[top : top + size[1], left : left + size[0]]
        np.right_shift(plate, DARKENED, out=plate)
        plate[:, :bar] = palette[region.class_id]
        at = (left + bar + pad, top + pad + letters)
        white = (255, 255, 255)
        cv2.putText(picture, text, at, FONT, scale, white, thickness, cv2.LINE_AA)
    return picture
