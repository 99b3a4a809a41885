"""From a result to the picture that is shown, and from a place in it back to the frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.inference.views import draw
from seaformer_edge.live import LiveResult

Image = NDArray[np.uint8]

NO_CLASS = 255  # no model has so many classes; see `seaformer_edge.inference.labels`
# Outlines are two pixels wide, and two more for each so many of the picture's width.
WIDER_EVERY_PX = 960


class Mode(StrEnum):
    """What the picture shows."""

    OVERLAY = "overlay"
    MASK = "mask"
    SIDE_BY_SIDE = "side-by-side"
    EDGES = "edges"  # the frame, with the classes' outlines
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class View:
    """How results are looked at.

    Attributes:
        mode: what is shown.
        opacity: of the colours over the frame, 0 to 1.
        classes: the class ids that are coloured; none chosen means all.
        mirrored: left and right are swapped on the screen, as a person in front of the camera
            expects; never in files.
    """

    mode: Mode = Mode.OVERLAY
    opacity: float = 0.5
    classes: frozenset[int] = frozenset()
    mirrored: bool = False

    @property
    def columns(self) -> int:
        """Pictures beside each other."""
        return 2 if self.mode is Mode.SIDE_BY_SIDE else 1


def draw_view(result: LiveResult, view: View) -> Image:
    """A result as `view` wants it, (H, W, 3) uint8 RGB, of twice the width side by side.

    May be the frame's own image: do not write to it.
    """
    parts = list(_parts(result, view))
    return parts[0] if len(parts) == 1 else np.hstack(parts)


def _parts(result: LiveResult, view: View) -> Iterator[Image]:
    """The pictures of a view, from left to right; the frame itself where nothing was seen."""
    image, seen = result.frame.image, result.prediction
    if view.mode is Mode.SIDE_BY_SIDE:
        yield image
    if seen is None or seen.segmentation is None or view.mode is Mode.ORIGINAL:
        yield image
        return
    label_map, opacity = seen.segmentation.label_map, view.opacity
    if view.mode is Mode.EDGES:
        label_map, opacity = _outlines(label_map), 1.0
    yield draw(
        image,
        label_map,
        np.array(seen.card.palette, np.uint8),
        mode="mask" if view.mode is Mode.MASK else "overlay",
        opacity=opacity,
        classes=view.classes or None,
    )


def _outlines(label_map: Image) -> Image:
    """The labels along the borders between classes, `NO_CLASS` elsewhere."""
    side = 3 + 2 * (label_map.shape[1] // WIDER_EVERY_PX)
    around = np.ones((side, side), np.uint8)
    border = cv2.compare(
        cv2.dilate(label_map, around), cv2.erode(label_map, around), cv2.CMP_NE
    ).astype(np.uint8, copy=False)
    outlines = np.full_like(label_map, NO_CLASS)
    cv2.copyTo(label_map, border, outlines)
    return outlines


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a view of frames of one size lies on a canvas; everything in device pixels.

    Attributes:
        left, top, width, height: of all its pictures together, centred, their aspect kept.
        frame_size: (width, height) of the frame.
        columns: pictures beside each other.
        mirrored: each of them is.
    """

    left: int
    top: int
    width: int
    height: int
    frame_size: tuple[int, int]
    columns: int
    mirrored: bool

    @classmethod
    def fit(cls, frame_size: tuple[int, int], canvas: tuple[int, int], view: View) -> Placement:
        """As large as fits on a canvas of (width, height)."""
        width, height = frame_size[0] * view.columns, frame_size[1]
        scale = min(canvas[0] / width, canvas[1] / height)
        # A whole number of device pixels for each column, so that both show the same.
        column = max(round(frame_size[0] * scale), 1)
        size = (column * view.columns, max(round(height * scale), 1))
        left, top = (canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2
        return cls(left, top, *size, frame_size, view.columns, view.mirrored)

    def frame_pixel(self, x: float, y: float) -> tuple[int, int] | None:
        """The frame's pixel (x, y) at a place of the canvas; None beside the picture."""
        column_width = self.width // self.columns
        across, down = x - self.left, y - self.top
        if not (0 <= across < self.width and 0 <= down < self.height):
            return None
        part = (across % column_width) / column_width
        if self.mirrored:
            part = 1 - part
        width, height = self.frame_size
        return min(int(part * width), width - 1), min(int(down / self.height * height), height - 1)


def draw_on_screen(result: LiveResult, view: View, placement: Placement, screen: Image) -> None:
    """Draws a result as `view` wants it at the size of its place.

    Args:
        screen: (height, width, 4) uint8 of the placement; becomes B, G, R, 255, the order in which
            Qt's 32-bit pictures lie in memory, so that painting only copies.
    """
    column = (placement.width // placement.columns, placement.height)
    for i, part in enumerate(_parts(result, view)):
        sized = part if part.shape[1::-1] == column else _resized(part, column)
        turned = cv2.flip(sized, 1) if view.mirrored else sized
        place = screen[:, i * column[0] : (i + 1) * column[0]]
        cv2.cvtColor(turned, cv2.COLOR_RGB2BGRA, dst=place)


def _resized(picture: Image, size: tuple[int, int]) -> Image:
    """The picture at (width, height), bilinear, after as many exact halvings as fit.

    Without these it would alias where it shrinks much; the mean over areas of any other ratio
    takes ten times as long.
    """
    while picture.shape[1] >= 2 * size[0] and picture.shape[0] >= 2 * size[1]:
        height, width = (side // 2 for side in picture.shape[:2])
        even = picture[: 2 * height, : 2 * width]
        halved = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
        picture = halved.astype(np.uint8, copy=False)
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    return resized.astype(np.uint8, copy=False)
