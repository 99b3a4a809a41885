from __future__ import annotations

import json
from pathlib import Path

import pytest

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.class_list import read_class_list, spread_palette

SHIPPED = sorted((Path(__file__).parents[2] / "models" / "classes").glob("*.json"))


OWN = ("camvid", "everyday")
"""Lists whose colours we chose; the usual palettes of the others repeat some."""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_lists_name_each_class_once(path):
    classes = read_class_list(path)
    assert len({name.lower() for name in classes.names}) == len(classes.names)
    assert all(name == name.strip() and "," not in name for name in classes.names), (
        "`--classes` takes names with commas between"
    )
    assert all(0 <= value <= 255 for colour in classes.palette for value in colour)
    if path.stem in OWN:
        assert len(set(classes.palette)) == len(classes.names)


@pytest.mark.parametrize(
    ("name", "count", "index", "class_name", "colour"),
    [
        ("ade20k", 150, 149, "flag", (92, 0, 255)),
        ("cityscapes", 19, 13, "car", (0, 0, 142)),
        ("coco-stuff", 171, 170, "wood", (64, 64, 0)),
        ("pascal-context-59", 59, 0, "aeroplane", (180, 120, 120)),
        ("pascal-context-60", 60, 0, "background", (120, 120, 120)),
        ("imagenet", 1000, 517, "crane (machine)", None),
    ],
)
def test_lists_of_published_data_sets(name, count, index, class_name, colour):
    (path,) = [path for path in SHIPPED if path.stem == name]
    classes = read_class_list(path)
    assert len(classes.names) == count
    assert classes.names[index] == class_name
    assert colour is None or classes.palette[index] == colour


def test_a_list_without_colours_is_given_some(tmp_path):
    (tmp_path / "list.json").write_text('{"names": ["a", "b"], "ignore_index": 255}')
    assert read_class_list(tmp_path / "list.json").palette == spread_palette(2)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"names": ["a"], "palette": [[1, 2]], "ignore_index": 255}'],
)
def test_what_is_no_class_list(tmp_path, text):
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(ModelError, match="not a class list"):
        read_class_list(tmp_path / "list.json")


def test_as_many_colours_as_names(tmp_path):
    entries = {"names": ["a", "b"], "palette": [[1, 2, 3]], "ignore_index": 255}
    (tmp_path / "list.json").write_text(json.dumps(entries))
    with pytest.raises(ModelError, match="2 names but 1 colours"):
        read_class_list(tmp_path / "list.json")
    with pytest.raises(ModelError, match="cannot be read"):
        read_class_list(tmp_path / "nowhere.json")


@pytest.mark.parametrize("index", [-1, 256, 300])
def test_an_ignored_id_that_no_label_can_hold(tmp_path, index):
    (tmp_path / "list.json").write_text(json.dumps({"names": ["a"], "ignore_index": index}))
    with pytest.raises(ModelError, match=rf"list\.json: ignore_index {index}, but label ids are"):
        read_class_list(tmp_path / "list.json")


def test_a_spread_palette_repeats_no_colour():
    assert len(set(spread_palette(256))) == 256
