"""Colours of colour masks: the class list's palette, or the `labelmap.txt` that CVAT writes."""

from __future__ import annotations

from pathlib import Path

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.training.pictures import Colours

FILE = "labelmap.txt"
"""Lines `name:red,green,blue::`, beside the folders of the pictures."""


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
    return Colours.of(ids), notes


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
