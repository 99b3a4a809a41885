"""Class lists: the names, colours and ignored id of a data set, one JSON file each."""

from __future__ import annotations

import colorsys
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.json_file import read_json, validate

LabelId = Annotated[int, Meta(ge=0, le=255)]
Channel = Annotated[int, Meta(ge=0, le=255)]
MAX_CLASSES = 1 << 16
"""More than any data set has."""

Line = Annotated[str, Meta(pattern=r"\A[^\r\n]*\Z")]
"""Text of one line: names stand in the rows of tables."""

Names = Annotated[tuple[Line, ...], Meta(min_length=1, max_length=MAX_CLASSES)]
# From id to name, or from name to id.
Mapping = Annotated[dict[Line, Line | int], Meta(max_length=MAX_CLASSES)]
Palette = tuple[tuple[Channel, Channel, Channel], ...]


@dataclass(frozen=True)
class ClassList:
    """The classes of a data set.

    Attributes:
        names: of the class ids 0, 1, 2, ...
        palette: RGB 0..255, one colour for each class.
        ignore_index: label id that is neither trained on nor counted.
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    ignore_index: int = 255


class _File(msgspec.Struct):
    names: Names | Mapping
    ignore_index: LabelId = 255
    palette: Palette | UnsetType = UNSET


def read_class_list(path: Path) -> ClassList:
    """Read a class list; without a palette in the file it gets `spread_palette`.

    Taken are an object with `names`, `ignore_index` (255 if it is missing) and `palette`; a list
    of names; an object of ids and names, in either direction, alone or as `names`; a `.txt` of one
    name a line; Roboflow's `_classes.csv`; and the `names` of YOLO's data.yaml.

    Raises:
        ModelError: the file is missing or is not a valid class list; names the field.
    """
    try:
        if path.suffix.lower() == ".csv":
            file = _File(_csv_names(path))
        elif path.suffix.lower() == ".txt":
            file = _File(_lines(path))
        elif path.suffix.lower() in (".yaml", ".yml"):
            file = validate(_yaml_names(path), _File, path, "a class list")
        else:
            values: Any = read_json(path, object, "a class list")
            if isinstance(values, list) or (isinstance(values, dict) and _is_mapping(values)):
                values = {"names": values}
            file = validate(values, _File, path, "a class list")
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such class list") from error
    names, palette = file.names, file.palette
    if isinstance(names, dict):
        names = _in_order(names, path)
    if palette is UNSET:
        palette = spread_palette(len(names))
    if len(names) != len(palette):
        raise ModelError(f"{path}: {len(names)} names but {len(palette)} colours in palette")
    return ClassList(names, palette, file.ignore_index)


def _is_mapping(values: dict[str, Any]) -> bool:
    return bool(values) and not values.keys() & {"names", "palette", "ignore_index"}


def _in_order(mapping: Mapping, path: Path) -> tuple[str, ...]:
    """The names of ids 0, 1, 2, ..."""
    try:
        if all(isinstance(value, int) for value in mapping.values()):
            by_id = {int(class_id): name for name, class_id in mapping.items()}
        else:
            by_id = {int(class_id): str(name) for class_id, name in mapping.items()}
    except ValueError:
        by_id = {}
    if not by_id or sorted(by_id) != list(range(len(mapping))):
        raise ModelError(
            f"{path}: not a class list (ids must be 0, 1, 2, ... without a gap - at `$.names`)"
        )
    return tuple(by_id[i] for i in range(len(by_id)))


def _csv_names(path: Path) -> Mapping:
    """Names to ids, from lines `id, name` below a line of titles."""
    try:
        rows = [row for row in csv.reader(_text(path).splitlines()) if row][1:]
        names = {row[1].strip(): int(row[0]) for row in rows}
    except (ValueError, LookupError, csv.Error) as error:
        raise ModelError(f"{path}: not a list of lines `id, name` ({error})") from error
    if len(names) != len(rows):
        raise ModelError(f"{path}: two classes have the same name")
    return {**names}


def _lines(path: Path) -> Names:
    names = tuple(line.strip() for line in _text(path).splitlines() if line.strip())
    if not names:
        raise ModelError(f"{path}: names no class")
    return names


def _yaml_names(path: Path) -> dict[str, Any]:
    try:
        import yaml  # of the train extra

        names = yaml.safe_load(_text(path))["names"]
    except FileNotFoundError:
        raise
    except Exception as error:  # the reader raises many kinds
        raise ModelError(f"{path}: has no names as YOLO's data.yaml ({error!r})") from error
    if isinstance(names, dict):
        return {"names": {str(key): str(value) for key, value in names.items()}}
    return {"names": list(map(str, names)) if isinstance(names, list) else names}


def _text(path: Path) -> str:
    """Raises FileNotFoundError, or ModelError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as UTF-8 text ({error})") from error


def spread_palette(count: int) -> tuple[tuple[int, int, int], ...]:
    """`count` different colours, for classes without chosen ones.

    The hue advances by the golden ratio, so the hues of any run of neighbouring ids are spread
    over the colour circle; saturation and brightness vary with shorter periods.
    """
    colours = []
    for i in range(count):
        hue = i * 0.61803398875 % 1.0
        saturation = (0.85, 0.55, 1.0)[i % 3]
        value = (0.95, 0.75, 0.55, 0.85)[i % 4]
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        colours.append((round(red * 255), round(green * 255), round(blue * 255)))
    return tuple(colours)
