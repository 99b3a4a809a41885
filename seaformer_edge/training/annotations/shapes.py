"""Outlines of objects, and their pixels by pycocotools: those whose centre lies inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask

from seaformer_edge.errors import SourceError

Points = Sequence[tuple[float, float]]
"""x, y in pixels; the centre of the first pixel is at 0.5, 0.5."""

Runs = dict[str, Any]
"""Compressed run lengths of pycocotools: `size` (height, width), `counts` bytes."""


NOT_FOUND = Path()


class Outline(Protocol):
    """What an object covers."""

    def runs(self, height: int, width: int) -> Runs:
        """The pixels in a picture of this size. Raises SourceError if it does not fit."""
        ...


@dataclass(frozen=True)
class Polygons:
    """Outlines, all filled."""

    outlines: Sequence[Points]

    def runs(self, height: int, width: int) -> Runs:
        flat = [[float(value) for point in points for value in point] for points in self.outlines]
        for values in flat:
            x, y = np.array(values[::2]), np.array(values[1::2])
            # pycocotools walks along the outline; NaN is no place either.
            if not np.all((abs(x) <= 2 * width) & (abs(y) <= 2 * height)):
                raise SourceError("an outline has points far outside the picture")
        return dict(mask.merge(mask.frPyObjects(flat, height, width)))


@dataclass(frozen=True)
class RunLengths:
    """Run lengths of a whole picture by columns, zeros first: plain, or compressed as text."""

    size: tuple[int, int]
    counts: Sequence[int] | str

    def runs(self, height: int, width: int) -> Runs:
        if self.size != (height, width):
            raise SourceError("a mask has another size than the picture")
        if isinstance(self.counts, str):
            found = {"size": [height, width], "counts": self.counts.encode()}
            try:
                mask.decode(found)
            except ValueError as error:
                raise SourceError("a compressed mask is damaged") from error
            return found
        check_run_lengths(self.counts, height * width)
        plain = {"size": [height, width], "counts": list(self.counts)}
        return dict(mask.frPyObjects(plain, height, width))


@dataclass(frozen=True)
class Bitmap:
    """The mask of a part of the picture.

    Attributes:
        read: returns (h, w) bool; may raise SourceError.
        corner: x, y of its top left pixel in the picture.
    """

    read: Callable[[], NDArray[np.bool_]]
    corner: tuple[int, int]

    def runs(self, height: int, width: int) -> Runs:
        part, (left, top) = self.read(), self.corner
        bottom, right = top + part.shape[0], left + part.shape[1]
        if min(left, top) < 0 or bottom > height or right > width:
            raise SourceError("a mask lies outside the picture")
        whole = np.zeros((height, width), np.uint8, order="F")
        whole[top:bottom, left:right] = part
        return dict(mask.encode(whole))


def check_run_lengths(counts: Sequence[int], pixels: int) -> None:
    """Raises SourceError if they are not of this number of pixels."""
    if min(counts, default=0) < 0 or sum(counts) != pixels:
        raise SourceError("the run lengths of a mask do not fit its size")


@dataclass(frozen=True)
class Shape:
    """One annotated object and the name of its class."""

    label: str
    outline: Outline


@dataclass
class AnnotatedPicture:
    """A picture's shapes.

    Attributes:
        name: of the picture's file, with its folders inside that of the pictures.
        size: (height, width) that the annotation was made for; None: not stored.
        shapes: in the order in which they are drawn.
        small_last: small shapes are drawn over large ones instead.
        left_out: shapes without an area, such as points and lines.
        split: "train", "val", "test", or empty where the annotations know no splits.
        file: of the picture, if the reader finds it.
    """

    name: str
    size: tuple[int, int] | None
    shapes: list[Shape] = field(default_factory=list)
    small_last: bool = False
    left_out: int = 0
    split: str = ""
    file: Path = NOT_FOUND

    def draw(self, ids: dict[str, int], size: tuple[int, int], elsewhere: int) -> NDArray[np.uint8]:
        """(height, width) uint8 class ids of the shapes, and `elsewhere`.

        Raises:
            SourceError: a shape does not fit the picture.
        """
        drawn = [(ids[shape.label], shape.outline.runs(*size)) for shape in self.shapes]
        if self.small_last:
            drawn.sort(key=lambda one: -int(mask.area(one[1])))
        labels = np.full(size, elsewhere, np.uint8, order="F")  # as the masks are
        for class_id, runs in drawn:
            labels[mask.decode(runs) == 1] = class_id
        return np.ascontiguousarray(labels)


@dataclass
class Annotations:
    """What a file or folder of annotations holds.

    Attributes:
        names: of the classes, without repetition.
        pictures: with their shapes.
        notes: what was left out, one line each.
    """

    names: list[str]
    pictures: list[AnnotatedPicture]
    notes: list[str] = field(default_factory=list)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> Points:
    """As a polygon of 1 degree."""
    angles = np.radians(np.arange(360))
    with np.errstate(invalid="ignore"):  # infinite radii are refused as places
        return list(zip(x + radius_x * np.cos(angles), y + radius_y * np.sin(angles), strict=True))


def labels_of(pictures: Sequence[AnnotatedPicture]) -> list[str]:
    """The names of the classes, sorted."""
    return sorted({shape.label for one in pictures for shape in one.shapes})
