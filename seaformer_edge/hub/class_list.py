"""Class lists: the names, colours and ignored id of a data set, one JSON file each."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.json_file import read_json

LabelId = Annotated[int, Meta(ge=0, le=255)]
Channel = Annotated[int, Meta(ge=0, le=255)]
Names = Annotated[tuple[str, ...], Meta(min_length=1)]
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
    names: Names
    ignore_index: LabelId
    palette: Palette | UnsetType = UNSET


def read_class_list(path: Path) -> ClassList:
    """Read a class list; without a palette in the file it gets `spread_palette`.

    Raises:
        ModelError: the file is missing or is not a valid class list; names the field.
    """
    try:
        file = read_json(path, _File, "a class list")
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such class list") from error
    names, palette = file.names, file.palette
    if palette is UNSET:
        palette = spread_palette(len(names))
    if len(names) != len(palette):
        raise ModelError(f"{path}: {len(names)} names but {len(palette)} colours in palette")
    return ClassList(names, palette, file.ignore_index)


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
