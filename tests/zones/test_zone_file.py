"""Zone files: what is read, written and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaformer_edge.errors import ModelError
from seaformer_edge.zones import Rule, Zone, read_zones, write_zones

SQUARE = "[[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]"


def test_zones_are_read_as_they_were_written(tmp_path: Path) -> None:
    zones = (
        Zone(
            'the "crossing" \\ \x7f Zebra\t\u00e4',
            ((0.1, 0.6), (0.9, 0.6), (1.0, 1 / 3)),
            (Rule("person", above=0.05, seconds=2.0, hysteresis=0.01), Rule("car", below=0.5)),
        ),
        Zone("sky", ((0, 0), (1, 0), (1, 0.5), (0, 0.5))),
    )
    write_zones(tmp_path / "zones.toml", zones)
    assert read_zones(tmp_path / "zones.toml") == zones


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "zones"),
        ("zones = []", "zones"),
        ("[[zones]", "not a zone file"),
        ("\x00", "not a zone file"),
        (f"[[zones]]\npolygon = {SQUARE}", "name"),
        ("[[zones]]\nname = 'a'\npolygon = [[0, 0], [1, 1]]", "polygon"),
        ("[[zones]]\nname = 'a'\npolygon = [[0, 0], [1, 0], [1.2, 1]]", "polygon"),
        ("[[zones]]\nname = 'a'\npolygon = [[0, 0], [1, 0], [nan, 1]]", "polygon"),
        ("[[zones]]\nname = 'a'\npolygon = [[0, 0], [0.5, 0.5], [1, 1]]", "'a' has no area"),
        (
            "[[zones]]\nname = 'a'\npolygon = [[0, 0], [1, 1], [1, 0], [0, 0.9]]",
            "edges of zone 'a' cross",
        ),
        (
            "[[zones]]\nname = 'a'\npolygon = [[0, 0], [1, 0], [0.5, 0], [0.5, 1]]",
            "edges of zone 'a' cross",
        ),
        (f"[[zones]]\nname = 'a'\npolygon = {SQUARE}\ncolour = 'red'", "colour"),
        (f"[[zones]]\nname = 'a'\npolygon = {SQUARE}\n" * 2, "two zones have the name 'a'"),
        (
            f"[[zones]]\nname = 'a'\npolygon = {SQUARE}\n[[zones.rules]]\nclass = 'car'",
            "'above' or 'below'",
        ),
        (
            f"[[zones]]\nname = 'a'\npolygon = {SQUARE}\n[[zones.rules]]\nclass = 'car'\nabove = 5",
            "above",
        ),
    ],
)
def test_a_zone_file_that_is_not_valid(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "zones.toml"
    path.write_text(content)
    with pytest.raises(ModelError, match=complaint) as caught:
        read_zones(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_zone_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_zones(tmp_path)
