"""Outlines that annotation tools write: COCO, labelme, CVAT for images, YOLO segmentation."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.json_file import read_json
from seaformer_edge.training.layouts import pictures_in
from seaformer_edge.training.pictures import picture_size

Points = list[tuple[float, float]]
"""x, y in pixels."""

MAX_PIXELS = 2**28
"""The largest mask, stored as run lengths, that is accepted."""


@dataclass(frozen=True)
class Shape:
    """One annotated object.

    Attributes:
        label: name of its class; None: the pixels are ignored in training (COCO's crowds).
        polygons: outlines; all are filled.
        mask: (h, w) bool in place of polygons.
        corner: x, y of the mask's top left pixel in the picture.
    """

    label: str | None
    polygons: Sequence[Points] = ()
    mask: NDArray[np.bool_] | None = None
    corner: tuple[int, int] = (0, 0)


@dataclass
class AnnotatedPicture:
    """A picture's shapes, in the order in which they are drawn.

    Attributes:
        name: of the picture's file, as the annotation names it.
        size: (height, width) that the annotation was made for; None: not stored.
        left_out: shapes without an area, such as points and lines.
    """

    name: str
    size: tuple[int, int] | None
    shapes: list[Shape] = field(default_factory=list)
    left_out: int = 0


Side = Annotated[int, msgspec.Meta(ge=1, le=2**20)]


class _Category(msgspec.Struct):
    id: int
    name: str


class _Image(msgspec.Struct):
    id: int | str
    file_name: str
    height: Side
    width: Side


class _Runs(msgspec.Struct):
    size: tuple[int, int]
    counts: list[int] | str


class _Annotation(msgspec.Struct):
    image_id: int | str
    category_id: int
    segmentation: list[list[float]] | _Runs = []
    iscrowd: int = 0


class _Coco(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def read_coco(path: Path) -> tuple[list[str], list[AnnotatedPicture]]:
    """Names of the classes in the order of their ids, and the pictures of a COCO file.

    Small objects are drawn over large ones.

    Raises:
        ModelError: it is not a COCO file.
        SourceError: a category is missing, or a mask's run lengths are wrong.
    """
    file = read_json(path, _Coco, "a COCO file of instances")
    names = {c.id: c.name for c in sorted(file.categories, key=lambda c: c.id)}
    by_picture: dict[int | str, list[_Annotation]] = defaultdict(list)
    for annotation in file.annotations:
        if annotation.category_id not in names:
            raise SourceError(f"{path}: no category {annotation.category_id}")
        by_picture[annotation.image_id].append(annotation)
    found = []
    for image in file.images:
        one = AnnotatedPicture(image.file_name, (image.height, image.width))
        for a in by_picture[image.id]:
            label = None if a.iscrowd else names[a.category_id]
            if isinstance(a.segmentation, _Runs):
                if a.segmentation.size != one.size:
                    raise SourceError(f"{path}: a mask of {image.file_name} has another size")
                one.shapes.append(Shape(label, mask=_coco_mask(a.segmentation, path)))
            elif polygons := [_points(flat) for flat in a.segmentation if len(flat) >= 6]:
                one.shapes.append(Shape(label, polygons))
            else:
                one.left_out += 1
        one.shapes.sort(key=lambda shape: (shape.label is not None, -_area(shape)))
        found.append(one)
    return list(names.values()), found


def _coco_mask(runs: _Runs, path: Path) -> NDArray[np.bool_]:
    """(h, w) of run lengths by columns, zeros first."""
    if isinstance(runs.counts, str):
        try:
            from pycocotools import mask  # type: ignore[import-untyped]
        except ImportError as error:
            raise SourceError(
                f"{path}: has compressed masks (RLE): run `pip install pycocotools` and repeat"
            ) from error
        try:
            return np.asarray(mask.decode(msgspec.structs.asdict(runs)), np.bool_)
        except ValueError as error:
            raise SourceError(f"{path}: a compressed mask is damaged ({error})") from error
    return _unrolled(runs.counts, runs.size[::-1], path).T


def _unrolled(counts: Sequence[int], shape: tuple[int, int], path: Path) -> NDArray[np.bool_]:
    """(rows, columns) of run lengths by rows, zeros first."""
    if min(counts, default=0) < 0 or sum(counts) != shape[0] * shape[1] or sum(counts) > MAX_PIXELS:
        raise SourceError(f"{path}: the run lengths of a mask do not fit its size")
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(shape)


def _points(flat: Sequence[float]) -> Points:
    return list(zip(flat[::2], flat[1::2], strict=False))


def _area(shape: Shape) -> float:
    if shape.mask is not None:
        return float(shape.mask.sum())
    total = 0.0
    for polygon in shape.polygons:
        x, y = np.array(polygon).T
        total += abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2
    return total


class _LabelmeShape(msgspec.Struct):
    label: str
    points: list[tuple[float, float]]
    shape_type: str = "polygon"


class _Labelme(msgspec.Struct):
    shapes: list[_LabelmeShape]
    image_path: str = msgspec.field(name="imagePath")
    image_height: int | None = msgspec.field(name="imageHeight", default=None)
    image_width: int | None = msgspec.field(name="imageWidth", default=None)


def read_labelme(folder: Path) -> tuple[list[str], list[AnnotatedPicture]]:
    """The sorted names of the classes, and the pictures of a folder of labelme's JSON files.

    Raises:
        ModelError: a file is not labelme's.
    """
    found = []
    for path in sorted(folder.glob("[!.]*.json")):
        file = read_json(path, _Labelme, "a labelme file")
        height, width = file.image_height, file.image_width
        # Windows writes backslashes.
        name = file.image_path.replace("\\", "/").rpartition("/")[2]
        one = AnnotatedPicture(name, (height, width) if height and width else None)
        for shape in file.shapes:
            points = shape.points
            if shape.shape_type == "rectangle" and len(points) == 2:
                points = _box(*points[0], *points[1])
            elif shape.shape_type != "polygon" or len(points) < 3:
                one.left_out += 1
                continue
            one.shapes.append(Shape(shape.label, [points]))
        found.append(one)
    return _labels(found), found


def _box(x0: float, y0: float, x1: float, y1: float) -> Points:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _labels(found: Sequence[AnnotatedPicture]) -> list[str]:
    return sorted({s.label for one in found for s in one.shapes if s.label is not None})


def read_cvat(path: Path) -> tuple[list[str], list[AnnotatedPicture]]:
    """The names of the classes, and the pictures of a file "CVAT for images".

    Raises:
        SourceError: it is not such a file.
    """
    try:
        root = ET.parse(path).getroot()
        names = [text for e in root.iterfind("meta//labels/label/name") if (text := e.text)]
        found = []
        for image in root.iterfind("image"):
            size = (int(image.attrib["height"]), int(image.attrib["width"]))
            one = AnnotatedPicture(image.attrib["name"], size)
            for element in sorted(image, key=lambda e: int(e.get("z_order", "0"))):
                if (shape := _cvat_shape(element, path)) is not None:
                    one.shapes.append(shape)
                elif element.tag != "tag":
                    one.left_out += 1
            found.append(one)
    except (OSError, ET.ParseError, LookupError, ValueError) as error:
        raise SourceError(f"{path}: not a file of CVAT for images 1.1 ({error})") from error
    return names or _labels(found), found


def _cvat_shape(element: ET.Element, path: Path) -> Shape | None:
    value = element.attrib
    if element.tag == "polygon":
        pairs = [pair.split(",") for pair in value["points"].split(";")]
        return Shape(value["label"], [[(float(x), float(y)) for x, y in pairs]])
    if element.tag == "box":
        x0, y0, x1, y1 = (float(value[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
        return Shape(value["label"], [_box(x0, y0, x1, y1)])
    if element.tag == "mask":
        shape = (int(value["height"]), int(value["width"]))
        mask = _unrolled([int(n) for n in value["rle"].split(",")], shape, path)
        return Shape(value["label"], mask=mask, corner=(int(value["left"]), int(value["top"])))
    return None


def read_yolo(folder: Path, images: Path, names: Sequence[str]) -> list[AnnotatedPicture]:
    """The pictures of `images`, with the polygons of YOLO's text files where there are any.

    Raises:
        SourceError: a line is no polygon of a known class, or a picture cannot be read.
    """
    return [_yolo(picture, folder, names) for picture in pictures_in(images)]


def _yolo(picture: Path, folder: Path, names: Sequence[str]) -> AnnotatedPicture:
    height, width = picture_size(picture)
    one = AnnotatedPicture(picture.name, (height, width))
    path = folder / f"{picture.stem}.txt"
    for number, polygon in _yolo_lines(path) if path.is_file() else ():
        if not 0 <= number < len(names):
            raise SourceError(f"{path}: class id {number}, but there are {len(names)} classes")
        one.shapes.append(Shape(names[number], [[(x * width, y * height) for x, y in polygon]]))
    one.shapes.sort(key=_area, reverse=True)
    return one


def _yolo_lines(path: Path) -> Iterator[tuple[int, Points]]:
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    for line in text.splitlines():
        if not (values := line.split()):
            continue
        try:
            number, flat = int(values[0]), [float(value) for value in values[1:]]
        except ValueError as error:
            raise SourceError(f"{path}: not numbers: {line[:40]!r}") from error
        if len(flat) < 6 or len(flat) % 2 or not np.isfinite(flat).all():
            raise SourceError(f"{path}: not a class and a polygon of 3 or more points")
        yield number, _points(flat)
