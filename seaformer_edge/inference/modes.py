"""The table of view modes: one row for each. Free of NumPy and OpenCV, so `--help` can read it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

Panel = Literal["frame", "overlay", "mask", "edges"]
"""One picture of a view; `seaformer_edge.inference.views` draws it."""


class Mode(StrEnum):
    """What a view shows: value, label of the button, key, description, panels from left to right.

    A new row is all that the command line, the window's buttons and its shortcuts need. A new
    kind of panel also needs its name in `Panel`, and a function and a row of `_PANELS` in
    `seaformer_edge.inference.views`.
    """

    label: str
    key: str
    description: str
    panels: tuple[Panel, ...]

    OVERLAY = "overlay", "Overlay", "1", "class colours over the picture", ("overlay",)
    MASK = "mask", "Mask", "2", "class colours alone, on black", ("mask",)
    SIDE_BY_SIDE = "side-by-side", "Split", "3", "picture and overlay", ("frame", "overlay")
    EDGES = "edges", "Edges", "4", "outlines of the classes over the picture", ("edges",)
    ORIGINAL = "original", "Original", "5", "the picture alone", ("frame",)

    def __new__(cls, value: str, *row: Any) -> Mode:
        mode = str.__new__(cls, value)
        mode._value_ = value
        mode.label, mode.key, mode.description, mode.panels = row
        return mode
