"""YOLO segmentation: a text file of polygons for each picture, and data.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import yaml

from seaformer_edge.errors import SourceError
from seaformer_edge.training.annotations.shapes import (
    AnnotatedPicture,
    Annotations,
    Points,
    Polygons,
    Shape,
)
from seaformer_edge.training.layouts import PICTURE_SUFFIXES, pictures_in
from seaformer_edge.training.pictures import picture_size
from seaformer_edge.training.problems import LabelError, Problem

NAMES = "classes.txt"
Places = str | list[str] | None


class _DataFile(msgspec.Struct):
    names: list[str] | dict[int, str]
    path: str = ""
    train: Places = None
    val: Places = None
    test: Places = None


def read_data_file(path: Path) -> Annotations:
    """A data.yaml: names, and pictures of its splits. Small objects are drawn over large ones.

    Raises:
        SourceError: it is not such a file, or names no pictures.
        LabelError: what is wrong with the text files; lists it all.
    """
    try:
        # YAML's numbers and dates as names are text.
        file = msgspec.convert(yaml.safe_load(path.read_bytes()), _DataFile, strict=False)
    except Exception as error:  # the reader raises many kinds
        reason = " ".join(str(error).split())
        raise SourceError(f"{path}: not a data.yaml of YOLO ({reason})") from error
    names = file.names
    if isinstance(names, dict):
        if sorted(names) != list(range(len(names))):
            raise SourceError(f"{path}: the ids of names must be 0, 1, 2, ... without a gap")
        names = [names[i] for i in range(len(names))]
    problems: list[Problem] = []
    found, taken, again = Annotations(list(dict.fromkeys(names)), []), set[Path](), 0
    for split in ("train", "val", "test"):
        places = getattr(file, split) or []
        for place in [places] if isinstance(places, str) else places:
            folder, pictures = _pictures(path, file.path, place, split)
            again += len(taken & set(pictures))
            for picture in pictures:
                if picture not in taken:
                    one = _read(picture, _text_file(picture), names, problems)
                    one.split = split
                    if picture.is_relative_to(folder):
                        one.name = picture.relative_to(folder).as_posix()
                    found.pictures.append(one)
            taken.update(pictures)
    if again:
        found.notes.append(f"{path}: {again} pictures are in two splits; left out of the second")
    if problems:
        raise LabelError(problems)
    if not found.pictures:
        raise SourceError(f"{path}: names no folder of pictures as train or val")
    return found


def _pictures(path: Path, root: str, place: str, split: str) -> tuple[Path, list[Path]]:
    """A folder and the pictures in it, of an entry that names the folder or a list of files."""
    # Roboflow writes ../train/images for what is beside data.yaml.
    bases = [path.parent / root, path.parent]
    tries = [base / part for base in bases for part in (place, place.removeprefix("../"))]
    found = next((one for one in tries if one.exists()), None)
    if found is None and split == "test":  # often named and not exported
        return path.parent, []
    if found is None:
        raise SourceError(f"{path}: {split}: {tries[0]}: no such folder")
    if found.is_dir():
        return found, [p for pattern in ("*", "*/*") for p in _in(found, pattern)]
    try:
        lines = found.read_text().split("\n")
    except (OSError, ValueError) as error:
        raise SourceError(f"{found}: cannot be read as a list of pictures ({error})") from error
    listed = [found.parent / line.strip().removeprefix("./") for line in lines if line.strip()]
    if lost := [p for p in listed if not p.is_file()]:
        raise SourceError(f"{found}: {len(lost)} of {len(listed)} pictures missing: {lost[0]}")
    return found.parent, listed


def _in(folder: Path, pattern: str) -> list[Path]:
    kept = (p for p in folder.glob(pattern) if not p.name.startswith("._"))  # of macOS
    return sorted(p for p in kept if p.suffix.lower() in PICTURE_SUFFIXES)


def _text_file(picture: Path) -> Path:
    """Its polygons: `labels` in place of the last `images` of its path, or beside it."""
    parts = list(picture.parts)
    for i in reversed(range(len(parts) - 1)):
        if parts[i] == "images":
            return Path(*parts[:i], "labels", *parts[i + 1 :]).with_suffix(".txt")
    return picture.with_suffix(".txt")


def read_yolo(folder: Path, images: Path | None, names: Sequence[str] | None) -> Annotations | None:
    """A folder of text files, or one with `labels` and `images`; None: there are none.

    Args:
        images: folder of the pictures; None: `images` in or beside `folder`.
        names: of the class ids; None: the lines of classes.txt in or beside `folder`.

    Raises:
        SourceError: the names or the pictures are missing.
        LabelError: what is wrong with the text files; lists it all.
    """
    labels = folder / "labels" if (folder / "labels").is_dir() else folder
    texts = {p for p in labels.glob("[!.]*.txt") if p.name != NAMES}
    if not texts:
        return None
    if names is None:
        lists = [base / NAMES for base in (labels, labels.parent)]
        known = next((path for path in lists if path.is_file()), None)
        if known is None:
            raise SourceError(
                f"{labels}: YOLO's files name no classes: give data.yaml, or --classes FILE"
            )
        names = [n.strip() for n in known.read_text(errors="replace").splitlines() if n.strip()]
    problems: list[Problem] = []
    pictures = []
    for picture in pictures_in(images or find_images(labels)):
        text = labels / f"{picture.stem}.txt"
        texts.discard(text)
        pictures.append(_read(picture, text, names, problems))
    problems += [Problem(path, "there is no picture of this name") for path in sorted(texts)]
    if problems:
        raise LabelError(problems)
    return Annotations(list(dict.fromkeys(names)), pictures)


def find_images(folder: Path) -> Path:
    """Where the pictures of annotations in `folder` are."""
    places = (folder, folder / "images", folder.parent / "images")
    return next((place for place in places if place.is_dir() and _in(place, "*")), folder)


def _read(
    picture: Path, path: Path, names: Sequence[str], problems: list[Problem]
) -> AnnotatedPicture:
    """A picture with its polygons; what is wrong is added to `problems`."""
    one = AnnotatedPicture(picture.name, None, small_last=True, file=picture)
    try:
        height, width = picture_size(picture)
    except SourceError as error:
        problems.append(Problem(picture, str(error).removeprefix(f"{picture}: ")))
        return one
    try:
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    except OSError as error:
        problems.append(Problem(path, f"cannot be read ({error.strerror})"))
        return one
    for line in filter(str.strip, lines):
        try:
            number, points = _polygon(line)
        except ValueError as error:
            problems.append(Problem(path, str(error)))
            break
        if not 0 <= number < len(names):
            problems.append(
                Problem(path, f"class id {number}, but the ids end at {len(names) - 1}")
            )
            break
        scaled = [(x * width, y * height) for x, y in points]
        one.shapes.append(Shape(names[number], Polygons([scaled])))
    return one


def _polygon(line: str) -> tuple[int, Points]:
    """Class id, and x, y from 0 to 1. Raises ValueError with what is wrong."""
    first, *rest = line.split()
    try:
        number, values = int(float(first)), np.array([float(value) for value in rest])
    except (ValueError, OverflowError) as error:
        raise ValueError("not lines of a class id and x y x y ...") from error
    if len(values) == 4:
        raise ValueError("has boxes (x y width height), no outlines: export for segmentation")
    if len(values) < 6 or len(values) % 2:
        raise ValueError("not lines of a class id and 3 or more points")
    if not np.all((values >= -1) & (values <= 2)):
        raise ValueError("has points outside the picture: they must be shares from 0 to 1")
    return number, list(zip(values[::2], values[1::2], strict=True))
