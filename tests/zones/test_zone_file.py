"""Zone files: what is read, written and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaformer_edge.errors import ModelError, SinkError
from seaformer_edge.zones import Rule, Zone, change_zones, read_zones, write_zones, zone_file

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


def test_zones_are_added_replaced_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "zones.toml"
    sky = Zone("sky", ((0, 0), (1, 0), (1, 0.5), (0, 0.5)))
    low = Zone("sky", ((0, 0.5), (1, 0.5), (1, 1)), (Rule("car", above=0.1),))
    road = Zone("road", low.polygon)
    assert change_zones(path, put=sky) == (sky,)
    assert change_zones(path, put=road) == (sky, road)
    assert change_zones(path, put=low) == read_zones(path) == (low, road)
    assert change_zones(path, remove="road") == (low,)
    with pytest.raises(ModelError, match="no zone has the name 'road'"):
        change_zones(path, remove="road")
    monkeypatch.setattr(zone_file, "MAX_ZONES", 1)
    with pytest.raises(ModelError, match="at most 1"):
        change_zones(path, put=road)
    assert change_zones(path, remove="sky") == read_zones(path) == ()
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot be written"):
        change_zones(tmp_path / "file" / "zones.toml", put=sky)
    path.write_text("[[zones]")
    with pytest.raises(ModelError, match="not a zone file"):
        change_zones(path, put=sky)
    assert path.read_text() == "[[zones]"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "zones"),
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
