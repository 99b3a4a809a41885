"""Class lists: the names, colours and ignored id of a data set, one JSON file each."""

from __future__ import annotations

import colorsys
import json
from dataclasses import dataclass
from pathlib import Path

from seaformer_edge.errors import ModelError


@dataclass(frozen=True)
class ClassList:
    """The classes of a data set.

    Attributes:
        names: of the class ids 0, 1, 2, ...
        palette: RGB, 0..255, one colour a class.
        ignore_index: label id that is neither trained on nor counted.
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    ignore_index: int = 255


def read_class_list(path: Path) -> ClassList:
    """Read a class list; one without a palette is given `spread_palette`.

    Raises:
        ModelError: the file is missing or is not a class list.
    """
    try:
        entries = json.loads(path.read_text())
        names = tuple(str(name) for name in entries["names"])
        palette = entries["palette"] if "palette" in entries else spread_palette(len(names))
        classes = ClassList(
            names=names,
            palette=tuple((int(r), int(g), int(b)) for r, g, b in palette),
            ignore_index=int(entries["ignore_index"]),
        )
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ModelError(f"{path}: not a class list ({error})") from error
    if not 0 <= classes.ignore_index <= 255:
        raise ModelError(f"{path}: ignore_index {classes.ignore_index}, but label ids are 0 to 255")
    if len(classes.names) != len(classes.palette):
        raise ModelError(f"{path}: {len(classes.names)} names but {len(classes.palette)} colours")
    return classes


def spread_palette(count: int) -> tuple[tuple[int, int, int], ...]:
    """`count` colours that differ, for classes nobody chose colours for.

    The hue steps by the golden ratio, so that any run of classes is spread over the circle;
    brightness and saturation alternate between rounds.
    """
    colours = []
    for i in range(count):
        hue = i * 0.61803398875 % 1.0
        saturation = (0.85, 0.55, 1.0)[i % 3]
        value = (0.95, 0.75, 0.55, 0.85)[i % 4]
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        colours.append((round(red * 255), round(green * 255), round(blue * 255)))
    return tuple(colours)
