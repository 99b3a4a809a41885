"""Outlines that annotation tools write: COCO, labelme, CVAT for images, YOLO segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from seaformer_edge.errors import SourceError
from seaformer_edge.training.annotations.coco import read_coco
from seaformer_edge.training.annotations.cvat import read_cvat
from seaformer_edge.training.annotations.labelme import read_labelme
from seaformer_edge.training.annotations.shapes import (
    NOT_FOUND,
    AnnotatedPicture,
    Annotations,
    Shape,
)
from seaformer_edge.training.annotations.yolo import find_images, read_data_file, read_yolo
from seaformer_edge.training.layouts import split_folder

__all__ = ["AnnotatedPicture", "Annotations", "Shape", "read_annotations"]

FILES = ("data.yaml", "_annotations.coco.json", "annotations.xml")
"""Looked for in a folder, before labelme's and YOLO's files."""

KINDS = (
    "a COCO .json, a CVAT .xml, a YOLO data.yaml,"
    " or a folder of these, of labelme .json or of YOLO .txt files"
)


def read_annotations(
    path: Path, images: Path | None = None, names: Sequence[str] | None = None
) -> Annotations:
    """Read any of the kinds, chosen by the file.

    Args:
        path: COCO's JSON, CVAT's XML, YOLO's data.yaml; a folder with one of them, of labelme's
            JSON or YOLO's text files; or a folder with such folders `train` and `val`.
        images: folder of the pictures; None: that of `path`, or `images` in or beside it.
        names: of YOLO's class ids; None: those of its data.yaml or classes.txt.

    Raises:
        ModelError, SourceError: it is none of these, or a part of it is wrong.
    """
    if not path.is_dir():
        return _with_files(_read_file(path), images or find_images(path.parent))
    if own := next((path / name for name in FILES if (path / name).is_file()), None):
        return read_annotations(own, images, names)
    if any(path.glob("[!.]*.json")) and not (path / "labels").is_dir():
        return _with_files(read_labelme(path), images or find_images(path))
    if (found := read_yolo(path, images, names)) is None:
        found = _of_splits(path, images, names)
    return found


def _read_file(path: Path) -> Annotations:
    if not path.is_file():
        raise SourceError(f"{path}: no such file: give {KINDS}")
    match path.suffix.lower():
        case ".json":
            return read_coco(path)
        case ".xml":
            return read_cvat(path)
        case ".yaml" | ".yml":
            return read_data_file(path)
    raise SourceError(f"{path}: give {KINDS}")


def _of_splits(path: Path, images: Path | None, names: Sequence[str] | None) -> Annotations:
    """Of the folders `train`, `val` and `test` in `path`."""
    parts = {split: split_folder(path, split) for split in ("train", "val", "test")}
    if parts["train"] is None or images is not None:
        raise SourceError(f"{path}: give {KINDS}")
    whole = Annotations([], [])
    for split, folder in parts.items():
        if folder is None:
            continue
        part = read_annotations(folder, None, names)
        whole.names += [name for name in part.names if name not in whole.names]
        whole.pictures += [replace(one, split=split) for one in part.pictures]
        whole.notes += part.notes
    return whole


def _with_files(found: Annotations, base: Path) -> Annotations:
    """The pictures with their files, those that the reader did not find itself in `base`."""
    for one in found.pictures:
        if one.file == NOT_FOUND:
            one.file = _file(base, one.name)
            inside = one.file.is_relative_to(base)
            one.name = (one.file.relative_to(base) if inside else Path(one.file.name)).as_posix()
    return found


def _file(base: Path, name: str) -> Path:
    """The file of a name, which may contain folders; never outside the pictures' folder."""
    parts = PurePosixPath(name.replace("\\", "/").replace("\0", "?"))
    if not parts.is_absolute() and ".." not in parts.parts:
        # The names may contain that of the folder.
        for inside in (base / parts, base.parent / parts):
            if inside.is_file() and inside.is_relative_to(base):
                return inside
    return base / parts.name
