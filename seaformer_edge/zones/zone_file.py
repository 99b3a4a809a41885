"""The zone file: TOML with the polygons of the zones and their rules.

[[zones]]
name = "crossing"
polygon = [[0.1, 0.6], [0.9, 0.6], [1.0, 1.0], [0.0, 1.0]]

[[zones.rules]]
class = "person"
above = 0.05
seconds = 2
hysteresis = 0.01
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from seaformer_edge.errors import ModelError, SinkError, reading
from seaformer_edge.files import atomic_write, changing
from seaformer_edge.hub.class_list import Line
from seaformer_edge.hub.json_file import validate

MAX_ZONES = 256
MAX_POINTS = 1000
WHAT = "a zone file"

Coordinate = Annotated[float, Meta(ge=0, le=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Point = tuple[Coordinate, Coordinate]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the share of a class in a zone is an event.

    Attributes:
        class_name: `class` in the file.
        above, below: the event begins at a share above, or below, this one; one of the two is
            given. Shares are of the zone's pixels, 0 to 1.
        seconds: for how long the share must stay there until the event begins, and as long on the
            other side until it ends.
        hysteresis: how far the share must be back beyond the limit for the event to end.
    """

    class_name: Line = msgspec.field(name="class")
    above: Share | None = None
    below: Share | None = None
    seconds: Annotated[float, Meta(ge=0, le=86400)] = 0.0
    hysteresis: Share = 0.0

    def __post_init__(self) -> None:
        if (self.above is None) == (self.below is None):
            raise ValueError("a rule has either 'above' or 'below'")

    def __str__(self) -> str:
        limit = f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"
        return f"{self.class_name} {limit}"


class Zone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the picture.

    Attributes:
        name: unique in its file.
        polygon: (x, y) of its corners relative to the picture's width and height, 0 to 1. Its
            edges do not cross.
        rules: on the shares of classes in the zone.
    """

    name: Annotated[Line, Meta(min_length=1, max_length=100)]
    polygon: Annotated[tuple[Point, ...], Meta(min_length=3, max_length=MAX_POINTS)]
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if _edges_cross(self.polygon):
            raise ValueError(f"edges of zone {self.name!r} cross")
        if not _area(self.polygon):
            raise ValueError(f"zone {self.name!r} has no area")


class _File(msgspec.Struct, forbid_unknown_fields=True):
    zones: Annotated[tuple[Zone, ...], Meta(max_length=MAX_ZONES)]


def read_zones(path: Path) -> tuple[Zone, ...]:
    """Read a zone file.

    Raises:
        ModelError: it cannot be read or is not valid; names the entry.
    """
    try:
        with reading(path):
            entries: dict[str, Any] = tomllib.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not {WHAT} ({error})") from error
    zones = validate(entries, _File, path, WHAT).zones
    names = [zone.name for zone in zones]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise ModelError(f"{path}: two zones have the name {double!r}")
    return zones


def write_zones(path: Path, zones: Sequence[Zone]) -> None:
    """Write a zone file that `read_zones` reads as the same zones.

    Raises:
        OSError: it cannot be written; an earlier file is unchanged.
    """
    blocks = [] if zones else ["zones = []\n"]
    for zone in zones:
        corners = ", ".join(f"[{x!r}, {y!r}]" for x, y in zone.polygon)
        blocks.append(f"[[zones]]\nname = {_text(zone.name)}\npolygon = [{corners}]\n")
        for rule in zone.rules:
            entries = msgspec.to_builtins(rule)
            lines = [
                f"{key} = {_value(value)}" for key, value in entries.items() if value is not None
            ]
            blocks.append("\n".join(["[[zones.rules]]", *lines, ""]))
    atomic_write(path, "\n".join(blocks).encode())


def change_zones(
    path: Path, put: Zone | None = None, remove: str | None = None
) -> tuple[Zone, ...]:
    """Change one zone of a zone file, which is written anew, without its comments.

    Args:
        path: need not exist.
        put: replaces the zone of the same name, or is added.
        remove: name of a zone.

    Returns:
        all zones of the file.

    Raises:
        ModelError: the file is not valid, has no zone of the name to remove, or has too many.
        SinkError: it cannot be written; it is unchanged.
    """
    try:
        with changing(path):
            zones = {zone.name: zone for zone in read_zones(path)} if path.exists() else {}
            if remove is not None and zones.pop(remove, None) is None:
                raise ModelError(f"{path}: no zone has the name {remove!r}")
            if put is not None:
                zones[put.name] = put
            if len(zones) > MAX_ZONES:
                raise ModelError(f"{path}: at most {MAX_ZONES} zones")
            write_zones(path, [*zones.values()])
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror or error})") from error
    return tuple(zones.values())


def _value(value: str | float) -> str:
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    # A basic string of TOML takes JSON's escapes, but DEL must be escaped too.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _area(polygon: Sequence[Point]) -> float:
    closed = (*polygon, polygon[0])
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(closed)) / 2


def _edges_cross(polygon: Sequence[Point]) -> bool:
    """Whether two edges without a common corner share a point."""
    edges = list(pairwise((*polygon, polygon[0])))
    return any(
        _intersect(*edges[i], *edges[j])
        for i, j in combinations(range(len(edges)), 2)
        if j - i not in (1, len(edges) - 1)
    )


def _intersect(a: Point, b: Point, c: Point, d: Point) -> bool:
    sides = [_side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)]
    if sides[0] != sides[1] and sides[2] != sides[3]:
        return True
    ends = [(a, b, c), (a, b, d), (c, d, a), (c, d, b)]
    return any(not side and _within(*end) for side, end in zip(sides, ends, strict=True))


def _side(a: Point, b: Point, point: Point) -> int:
    """On which side of the line from a to b the point is: -1, 0 or 1."""
    cross = (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
    return (cross > 0) - (cross < 0)


def _within(a: Point, b: Point, point: Point) -> bool:
    """Whether a point on the line through a and b is between them."""
    return all(min(p, q) <= r <= max(p, q) for p, q, r in zip(a, b, point, strict=True))
