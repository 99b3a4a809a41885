"""COCO: one JSON file of instances."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import msgspec

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.json_file import read_json, validate
from seaformer_edge.training.annotations.shapes import (
    AnnotatedPicture,
    Annotations,
    Outline,
    Polygons,
    RunLengths,
    Shape,
)

Side = Annotated[int, msgspec.Meta(ge=1, le=2**20)]


class _Category(msgspec.Struct):
    id: int
    name: str


class _Image(msgspec.Struct):
    id: int | str
    file_name: str
    height: Side | None = None
    width: Side | None = None


class _Runs(msgspec.Struct):
    size: tuple[int, int]
    counts: list[int] | str


class _Annotation(msgspec.Struct):
    image_id: int | str
    category_id: int
    segmentation: list[list[float]] | _Runs | None = None


class _Coco(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def read_coco(path: Path) -> Annotations:
    """The classes in the order of their ids; small objects are drawn over large ones.

    Crowds are drawn as what they are crowds of: CVAT marks every brush mask as one.

    Raises:
        ModelError: it is not a COCO file.
        SourceError: a category is missing.
    """
    values: Any = read_json(path, object, "a COCO file of instances")
    if isinstance(values, dict) and "shapes" in values:
        raise SourceError(f"{path}: a file of labelme: give the folder of these files")
    file = validate(values, _Coco, path, "a COCO file of instances", strict=False)
    names = {c.id: c.name for c in sorted(file.categories, key=lambda c: c.id)}
    by_picture = defaultdict[str, list[_Annotation]](list)
    for annotation in file.annotations:
        if annotation.category_id not in names:
            raise SourceError(f"{path}: no category {annotation.category_id}")
        by_picture[str(annotation.image_id)].append(annotation)
    found = Annotations(list(dict.fromkeys(names.values())), [])
    for image in file.images:
        size = (image.height, image.width) if image.height and image.width else None
        one = AnnotatedPicture(image.file_name, size, small_last=True)
        for annotation in by_picture.pop(str(image.id), []):
            if (outline := _outline(annotation)) is not None:
                one.shapes.append(Shape(names[annotation.category_id], outline))
            else:
                one.left_out += 1
        found.pictures.append(one)
    if by_picture:
        count = sum(map(len, by_picture.values()))
        found.notes.append(
            f"{path}: {count} annotations of pictures that it does not list left out"
        )
    return found


def _outline(annotation: _Annotation) -> Outline | None:
    found = annotation.segmentation
    if isinstance(found, _Runs):
        return RunLengths(found.size, found.counts)
    polygons = [list(zip(f[::2], f[1::2], strict=False)) for f in found or () if len(f) >= 6]
    return Polygons(polygons) if polygons else None
