"""Class lists that lie in a data set, and `labelmap.txt`, the colours of colour masks.

CVAT writes it; without it the colours are the class list's palette.
"""

from __future__ import annotations

from pathlib import Path

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.class_list import ClassList, read_class_list
from seaformer_edge.training.pictures import Colours

FILE = "labelmap.txt"
"""Lines `name:red,green,blue::`, beside the folders of the pictures."""

CLASS_LISTS = ("classes.json", "_classes.csv", "train/_classes.csv", FILE, "classes.txt")
"""Looked for in a data set, in this order."""


def own_class_list(data_root: Path) -> ClassList | None:
    """The class list that lies in a data set; None: there is none.

    Raises:
        ModelError, SourceError: it cannot be read.
    """
    for name in CLASS_LISTS:
        if (path := data_root / name).is_file():
            return labelmap_classes(path) if name == FILE else read_class_list(path)
    return None


def labelmap_classes(path: Path) -> ClassList:
    """The labels of labelmap.txt as classes, in their order.

    Raises:
        SourceError: see `read_labelmap`.
    """
    names, palette = zip(*read_labelmap(path), strict=True)
    return ClassList(names, palette)


def class_colours(data_root: Path, classes: ClassList) -> tuple[Colours, list[str]]:
    """The label ids of colours, from labelmap.txt where there is one; and notes.

    Labels of the file that are no classes are ignored, with a note.

    Raises:
        SourceError: labelmap.txt cannot be read.
    """
    path = data_root / FILE
    if not path.is_file():
        return Colours.of({colour: i for i, colour in enumerate(classes.palette)}), []
    ids, others = {}, []
    for name, colour in read_labelmap(path):
        if name in classes.names:
            ids[colour] = classes.names.index(name)
        else:
            ids[colour] = classes.ignore_index
            others.append(name)
    notes = [f"{path}: not in the class list and ignored: {', '.join(others)}"] if others else []
    return Colours.of(ids, in_palettes=True), notes


def read_labelmap(path: Path) -> list[tuple[str, tuple[int, int, int]]]:
    """Names and RGB colours.

    Raises:
        SourceError: it cannot be read, or a line is wrong.
    """
    rows = []
    try:
        for line in path.read_text(encoding="utf-8-sig").splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            name, colour = line.split(":")[:2]
            red, green, blue = (int(value) for value in colour.split(","))
            if not all(0 <= value <= 255 for value in (red, green, blue)):
                raise ValueError(line)
            rows.append((name, (red, green, blue)))
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: not a label map of lines name:r,g,b:: ({error})") from error
    if not rows:
        raise SourceError(f"{path}: names no label")
    return rows
