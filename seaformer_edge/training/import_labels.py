"""Draw the outlines of annotation tools as masks, in the layout that training reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from seaformer_edge.errors import SeaformerEdgeError, SourceError
from seaformer_edge.hub.class_list import ClassList, spread_palette
from seaformer_edge.training.annotations import (
    AnnotatedPicture,
    read_coco,
    read_cvat,
    read_labelme,
    read_yolo,
)
from seaformer_edge.training.layouts import PICTURE_SUFFIXES, LabelError
from seaformer_edge.training.pictures import picture_size

BACKGROUND = "background"
MAX_COORDINATE = 1e6  # pixels; Pillow overflows far beyond
GRID_PICTURES, GRID_COLUMNS, CELL = 16, 4, 240


def read_annotations(
    path: Path, images: Path, names: Sequence[str] | None
) -> tuple[list[str], list[AnnotatedPicture]]:
    """Names of the classes and pictures of any of the four kinds, chosen by the file.

    Args:
        path: COCO's JSON, CVAT's XML, or a folder of labelme's JSON or YOLO's text files.
        images: folder of the pictures.
        names: of the classes; only YOLO needs them.

    Raises:
        ModelError, SourceError: it is none of these, or a part of it is wrong.
    """
    if path.suffix.lower() == ".xml":
        return read_cvat(path)
    if path.suffix.lower() == ".json":
        return read_coco(path)
    if path.is_dir() and any(path.glob("[!.]*.json")):
        return read_labelme(path)
    if path.is_dir() and any(path.glob("[!.]*.txt")):
        if names is None:
            raise SourceError(f"{path}: YOLO's files name no classes: give --classes FILE")
        return list(names), read_yolo(path, images, names)
    raise SourceError(
        f"{path}: give a COCO .json, a CVAT .xml, or a folder of labelme .json or YOLO .txt files"
    )


def import_labels(
    path: Path, images: Path, output: Path, classes: ClassList | None = None
) -> tuple[int, int]:
    """Write `images`, `labels`, `classes.json` and `check.jpg` into the folder `output`.

    Pixels without a shape are "background"; of a class list without this name they are ignored.

    Args:
        path: see `read_annotations`.
        images: folder of the pictures.
        classes: None: "background" and the names of the annotations.

    Returns:
        The numbers of pictures, and of shapes that have no area and were left out.

    Raises:
        LabelError: pictures that are missing or of another size, unknown names; lists them all.
        ModelError, SourceError: the annotations cannot be read, or the output is not empty.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise SourceError(f"{output}: is not empty: give another folder")
    names, found = read_annotations(path, images, classes.names if classes else None)
    if classes is None:
        names = [BACKGROUND, *(name for name in names if name != BACKGROUND)]
        classes = ClassList(tuple(names), spread_palette(len(names)))
    if len(classes.names) > 255:
        raise SourceError(f"{path}: {len(classes.names)} classes; a mask of 8 bits holds 255")
    pictures = _checked(found, images, classes)
    try:
        for name in ("images", "labels"):
            (output / name).mkdir(parents=True, exist_ok=True)
        for one, picture in zip(found, pictures, strict=True):
            target = _flat_name(one.name)
            mask = Image.fromarray(draw(one, classes, picture_size(picture)))
            mask.putpalette(np.array(classes.palette, np.uint8).ravel().tolist())
            mask.save(output / "labels" / f"{Path(target).stem}.png")
            shutil.copyfile(picture, output / "images" / target)
        entries = {
            "names": classes.names,
            "palette": classes.palette,
            "ignore_index": classes.ignore_index,
        }
        (output / "classes.json").write_text(json.dumps(entries, ensure_ascii=False))
        _grid(output, classes).save(output / "check.jpg")
    except OSError as error:
        raise SourceError(f"{output}: cannot be written ({error.strerror or error})") from error
    return len(found), sum(one.left_out for one in found)


def draw(one: AnnotatedPicture, classes: ClassList, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width) uint8 class ids of a picture's shapes."""
    ids = {name: i for i, name in enumerate(classes.names)}
    image = Image.new("L", size[::-1], ids.get(BACKGROUND, classes.ignore_index))
    pen = ImageDraw.Draw(image)
    for shape in one.shapes:
        value = classes.ignore_index if shape.label is None else ids[shape.label]
        for polygon in shape.polygons:
            pen.polygon(polygon, fill=value)
        if shape.mask is not None:
            image.paste(value, shape.corner, Image.fromarray(shape.mask))
    return np.asarray(image)


def _checked(found: Sequence[AnnotatedPicture], images: Path, classes: ClassList) -> list[Path]:
    """The files of the pictures; raises LabelError with all problems."""
    problems, pictures, stems = [], [], set[str]()
    if not found:
        raise SourceError(f"{images}: the annotations name no picture")
    for one in found:
        picture = _picture(images, one.name)
        pictures.append(picture)
        stem = Path(_flat_name(one.name)).stem
        if stem in stems:
            problems.append(f"{one.name}: another picture has this name")
        stems.add(stem)
        if "\0" in one.name or Path(one.name).suffix.lower() not in PICTURE_SUFFIXES:
            problems.append(f"{one.name!r}: not a kind of picture that training reads")
            continue
        points = [point for s in one.shapes for polygon in s.polygons for point in polygon]
        if points and not np.all(np.abs(points) < MAX_COORDINATE):  # NaN included
            problems.append(f"{one.name}: has points at impossible places")
        if unknown := sorted({s.label for s in one.shapes if s.label} - set(classes.names)):
            problems.append(f"{one.name}: {', '.join(unknown)} not in the class list")
        try:
            height, width = picture_size(picture)
        except SeaformerEdgeError as error:
            problems.append(str(error) if picture.is_file() else f"{picture}: is missing")
            continue
        if one.size not in (None, (height, width)):
            theirs = f"{one.size[1]}x{one.size[0]}" if one.size else ""
            problems.append(f"{picture}: size {width}x{height}, but annotated at {theirs}")
    if problems:
        raise LabelError(problems)
    return pictures


def _picture(images: Path, name: str) -> Path:
    """The file of a name, which may contain folders; never outside `images`."""
    parts = PurePosixPath(name.replace("\\", "/"))
    inside = images / parts
    if not parts.is_absolute() and ".." not in parts.parts and inside.is_file():
        return inside
    return images / parts.name


def _flat_name(name: str) -> str:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "_".join(part for part in parts if part not in ("/", "..", "."))


def _grid(output: Path, classes: ClassList) -> Image.Image:
    """Pictures with their masks drawn over them, spread over the data set."""
    pictures = sorted((output / "images").iterdir())
    shown = pictures[:: -(-len(pictures) // GRID_PICTURES)]
    rows = -(-len(shown) // GRID_COLUMNS)
    grid = Image.new("RGB", (GRID_COLUMNS * CELL, rows * CELL))
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(classes.palette)] = classes.palette
    for n, path in enumerate(shown):
        with Image.open(path) as file, Image.open(output / "labels" / f"{path.stem}.png") as mask:
            image = ImageOps.exif_transpose(file).convert("RGB")
            over = Image.fromarray(colours[np.asarray(mask)])
        both = ImageOps.contain(Image.blend(image, over, 0.5), (CELL, CELL))
        grid.paste(both, (n % GRID_COLUMNS * CELL, n // GRID_COLUMNS * CELL))
    return grid
