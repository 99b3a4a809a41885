"""CVAT for images 1.1: one XML file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.training.annotations.shapes import (
    AnnotatedPicture,
    Annotations,
    Bitmap,
    Outline,
    Polygons,
    Shape,
    box,
    check_run_lengths,
    ellipse,
    labels_of,
)


def read_cvat(path: Path) -> Annotations:
    """The classes in the order of the file.

    Raises:
        SourceError: it is not such a file.
    """
    try:
        root = ET.parse(path).getroot()
        names = [text for e in root.iterfind("meta//labels/label/name") if (text := e.text)]
        pictures = []
        for image in root.iterfind("image"):
            size = (int(image.attrib["height"]), int(image.attrib["width"]))
            one = AnnotatedPicture(image.attrib["name"], size)
            for element in sorted(image, key=lambda e: int(e.get("z_order", "0"))):
                if (outline := _outline(element.tag, element.attrib)) is not None:
                    one.shapes.append(Shape(element.attrib["label"], outline))
                elif element.tag != "tag":
                    one.left_out += 1
            pictures.append(one)
    except (OSError, ET.ParseError, LookupError, ValueError, RecursionError) as error:
        raise SourceError(f"{path}: not a file of CVAT for images 1.1 ({error})") from error
    if not pictures:
        raise SourceError(f"{path}: no <image> in it: export as CVAT for images 1.1")
    return Annotations(list(dict.fromkeys(names)) or labels_of(pictures), pictures)


def _outline(tag: str, value: Mapping[str, str]) -> Outline | None:
    match tag:
        case "polygon":
            pairs = [pair.split(",") for pair in value["points"].split(";")]
            points = [(float(x), float(y)) for x, y in pairs]
            return Polygons([points]) if len(points) >= 3 else None
        case "box":
            x0, y0, x1, y1 = (float(value[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
            if not (angle := float(value.get("rotation", "0"))):
                return Polygons([box(x0, y0, x1, y1)])
            turned = cv2.boxPoints((((x0 + x1) / 2, (y0 + y1) / 2), (x1 - x0, y1 - y0), angle))
            return Polygons([turned.tolist()])
        case "ellipse":
            return Polygons([ellipse(*(float(value[name]) for name in ("cx", "cy", "rx", "ry")))])
        case "mask":
            shape = (int(value["height"]), int(value["width"]))
            counts = [int(n) for n in value["rle"].split(",")]
            corner = (int(value["left"]), int(value["top"]))
            return Bitmap(partial(_bitmap, counts, shape), corner)
    return None


def _bitmap(counts: list[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Of run lengths by rows, zeros first."""
    check_run_lengths(counts, shape[0] * shape[1])
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(shape)
