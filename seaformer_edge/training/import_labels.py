"""Draw the outlines of annotation tools as masks, in the layout that training reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from seaformer_edge.errors import SeaformerEdgeError, SourceError
from seaformer_edge.files import partial_path
from seaformer_edge.hub.class_list import ClassList, spread_palette
from seaformer_edge.training.annotations import AnnotatedPicture, Annotations, read_annotations
from seaformer_edge.training.layouts import PICTURE_SUFFIXES
from seaformer_edge.training.pictures import picture_size, read_picture
from seaformer_edge.training.problems import LabelError, Problem

BACKGROUND = "background"
GRID_PICTURES, GRID_COLUMNS, CELL = 16, 4, 240


def import_labels(
    path: Path, images: Path | None, output: Path, classes: ClassList | None = None
) -> tuple[int, list[str]]:
    """Write `images`, `labels`, `classes.json` and `check.jpg` into the new folder `output`.

    Of annotations with splits, `images` and `labels` lie in folders `train`, `val` and `test`.
    Pixels without a shape are "background"; of a class list without this name they are ignored.

    Args:
        path: see `read_annotations`.
        images: folder of the pictures; None: see `read_annotations`.
        classes: None: "background" and the names of the annotations.

    Returns:
        The number of pictures, and notes of what was left out.

    Raises:
        LabelError: pictures that are missing or of another size, unknown names, shapes that do
            not fit their picture; lists them all.
        ModelError, SourceError: the annotations cannot be read, or the output is not empty.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise SourceError(f"{output}: is not empty: give another folder")
    found = read_annotations(path, images, classes.names if classes else None)
    if not any(one.shapes for one in found.pictures):
        raise SourceError(f"{path}: no outlines in it: export polygons or masks, not boxes")
    if classes is None:
        names = [BACKGROUND, *(name for name in found.names if name != BACKGROUND)]
        classes = ClassList(tuple(names), spread_palette(len(names)))
    if len(classes.names) > 255:
        raise SourceError(f"{path}: {len(classes.names)} classes; a mask of 8 bits holds 255")
    targets = _targets(found, classes)
    # Whole or not at all: a part of a data set would train without complaint.
    partial = partial_path(output.absolute())
    try:
        shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
        partial.mkdir(parents=True)
        _write(targets, classes, partial)
        output.mkdir(exist_ok=True)
        for entry in list(partial.iterdir()):
            entry.rename(output / entry.name)
    except OSError as error:
        raise SourceError(f"{output}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return len(found.pictures), _notes(found, classes)


def _targets(found: Annotations, classes: ClassList) -> dict[Path, AnnotatedPicture]:
    """Place of each picture in the data set; raises LabelError."""
    problems: list[Problem] = []
    targets: dict[Path, AnnotatedPicture] = {}
    stems = set[Path]()
    for one in found.pictures:
        file = one.file
        if file.suffix.lower() not in PICTURE_SUFFIXES:
            problems.append(Problem(repr(one.name), "not a kind of picture that training reads"))
            continue
        if not file.is_file():
            problems.append(Problem(file, "no such picture; --images gives another folder"))
            continue
        # Inner folders become a part of the name, as equal names may lie in several.
        target = Path(one.split, "images", one.name.replace("/", "_"))
        if target.with_suffix("") in stems:
            problems.append(Problem(file, "another picture has the same name"))
        stems.add(target.with_suffix(""))
        targets[target] = one
        if unknown := sorted({s.label for s in one.shapes} - set(classes.names)):
            problems.append(Problem(file, f"{', '.join(unknown)} not in the class list"))
        try:
            height, width = picture_size(file)
        except SeaformerEdgeError as error:
            problems.append(Problem(file, str(error).removeprefix(f"{file}: ")))
            continue
        if one.size not in (None, (height, width)):
            theirs = f"{one.size[1]}x{one.size[0]}" if one.size else ""
            problems.append(Problem(file, f"size {width}x{height}, but annotated at {theirs}"))
    if problems:
        raise LabelError(problems)
    return targets


def _write(targets: dict[Path, AnnotatedPicture], classes: ClassList, output: Path) -> None:
    """Write the whole data set; raises LabelError with all shapes that do not fit."""
    ids = {name: i for i, name in enumerate(classes.names)}
    palette = np.array(classes.palette, np.uint8)
    problems, shown = [], []
    for target, one in targets.items():
        try:
            labels = one.draw(
                ids, picture_size(one.file), ids.get(BACKGROUND, classes.ignore_index)
            )
        except SourceError as error:
            problems.append(Problem(one.file, str(error)))
            continue
        mask = Image.fromarray(labels)
        mask.putpalette(palette.ravel().tolist())
        place = output / target.parent.parent / "labels" / f"{target.stem}.png"
        for folder in (place.parent, (output / target).parent):
            folder.mkdir(parents=True, exist_ok=True)
        mask.save(place)
        shutil.copyfile(one.file, output / target)
        shown.append((output / target, place))
    if problems:
        raise LabelError(problems)
    entries = {
        "names": classes.names,
        "palette": classes.palette,
        "ignore_index": classes.ignore_index,
    }
    (output / "classes.json").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    _grid(shown, palette).save(output / "check.jpg")


def _notes(found: Annotations, classes: ClassList) -> list[str]:
    notes = list(found.notes)
    if left_out := sum(one.left_out for one in found.pictures):
        notes.append(f"{left_out} shapes without an area (boxes, points, lines) left out")
    if empty := sum(not one.shapes for one in found.pictures):
        notes.append(f"{empty} of {len(found.pictures)} pictures have no outline")
    if BACKGROUND not in classes.names:
        notes.append(f"pixels without an outline are ignored: no class is called {BACKGROUND!r}")
    return notes


def _grid(pairs: Sequence[tuple[Path, Path]], palette: NDArray[np.uint8]) -> Image.Image:
    """Pictures with their masks drawn over them, spread over the data set."""
    shown = pairs[:: -(-len(pairs) // GRID_PICTURES)]
    rows = -(-len(shown) // GRID_COLUMNS)
    grid = Image.new("RGB", (GRID_COLUMNS * CELL, rows * CELL))
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)] = palette
    for n, (picture, label) in enumerate(shown):
        with Image.open(label) as mask:
            over = Image.fromarray(colours[np.asarray(mask)])
        both = Image.blend(Image.fromarray(read_picture(picture)), over, 0.5)
        both = ImageOps.contain(both, (CELL, CELL))
        grid.paste(both, (n % GRID_COLUMNS * CELL, n // GRID_COLUMNS * CELL))
    return grid
