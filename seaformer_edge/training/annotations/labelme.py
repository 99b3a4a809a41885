"""labelme: a folder with one JSON file a picture."""

from __future__ import annotations

import base64
import io
from functools import partial
from math import dist
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.json_file import read_json
from seaformer_edge.training.annotations.shapes import (
    AnnotatedPicture,
    Annotations,
    Bitmap,
    Outline,
    Polygons,
    Shape,
    box,
    ellipse,
    labels_of,
)


class _Shape(msgspec.Struct):
    label: str
    points: list[tuple[float, float]]
    shape_type: str = "polygon"
    mask: str | None = None


class _File(msgspec.Struct):
    shapes: list[_Shape]
    image_path: str = msgspec.field(name="imagePath")
    image_height: int | None = msgspec.field(name="imageHeight", default=None)
    image_width: int | None = msgspec.field(name="imageWidth", default=None)


def read_labelme(folder: Path) -> Annotations:
    """The sorted names of the classes, and the pictures; later shapes are drawn over earlier ones.

    Raises:
        ModelError: a file is not labelme's.
    """
    pictures = []
    for path in sorted(folder.glob("[!.]*.json")):
        file = read_json(path, _File, "a labelme file")
        height, width = file.image_height, file.image_width
        # Windows writes backslashes.
        name = file.image_path.replace("\\", "/").rpartition("/")[2]
        one = AnnotatedPicture(name, (height, width) if height and width else None)
        for shape in file.shapes:
            if (outline := _outline(shape)) is not None:
                one.shapes.append(Shape(shape.label, outline))
            else:
                one.left_out += 1
        pictures.append(one)
    return Annotations(labels_of(pictures), pictures)


def _outline(shape: _Shape) -> Outline | None:
    points = shape.points
    match shape.shape_type, len(points):
        case "polygon", count if count >= 3:
            return Polygons([points])
        case "rectangle", 2:
            return Polygons([box(*points[0], *points[1])])
        case "circle", 2:  # the centre and a point of the outline
            radius = dist(*points)
            return Polygons([ellipse(*points[0], radius, radius)])
        case "mask", 2 if shape.mask and np.isfinite(points).all():
            x, y = points[0]
            return Bitmap(partial(_bitmap, shape.mask), (round(x), round(y)))
    return None


def _bitmap(text: str) -> NDArray[np.bool_]:
    try:
        with Image.open(io.BytesIO(base64.b64decode(text)), formats=["PNG"]) as picture:
            return np.asarray(picture.convert("L")) > 0
    except Exception as error:  # Pillow's readers raise many kinds
        raise SourceError(f"a mask cannot be read as PNG ({error})") from error
