from __future__ import annotations

import codecs
import json
import math
from pathlib import Path

import pytest

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.class_list import read_class_list, spread_palette

SHIPPED = sorted((Path(__file__).parents[2] / "models" / "classes").glob("*.json"))


OWN = ("camvid", "everyday", "everyday-objects")
"""Lists with our own colours; the published palettes of the others repeat some."""


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


def test_a_list_without_a_palette_gets_one(tmp_path):
    (tmp_path / "list.json").write_text('{"names": ["a", "b"], "ignore_index": 255}')
    assert read_class_list(tmp_path / "list.json").palette == spread_palette(2)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000], ids=lambda text: text[:5])
def test_a_file_that_is_not_a_class_list(tmp_path, text):
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(ModelError, match="not a class list"):
        read_class_list(tmp_path / "list.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("names", "ab"),
        ("names", {"a": 0, "b": 2}),
        ("names", {}),
        ("names", {"a": "b"}),
        ("names", []),
        ("names", ["a", 5]),
        ("palette", None),
        ("palette", [[1, 2], [3, 4]]),
        ("palette", [[0, 0, 0], [0, 0, 256]]),
        ("palette", [[0, 0, 0], [0, 0, math.inf]]),
        ("ignore_index", -1),
        ("ignore_index", 256),
        ("ignore_index", "255"),
        ("ignore_index", True),
    ],
)
def test_an_invalid_field_is_named(tmp_path, field, value):
    entries = {"names": ["a", "b"], "palette": [[0, 0, 0], [255, 0, 0]], "ignore_index": 255}
    (tmp_path / "list.json").write_text(json.dumps(entries | {field: value}))
    with pytest.raises(ModelError, match=rf"list\.json: not a class list .*\$\.{field}"):
        read_class_list(tmp_path / "list.json")


def test_a_name_that_is_not_unicode_is_refused(tmp_path):
    (tmp_path / "list.json").write_text('{"names": ["\\ud800"], "ignore_index": 255}')
    with pytest.raises(ModelError, match="surrogates"):
        read_class_list(tmp_path / "list.json")


def test_a_byte_order_mark_is_accepted(tmp_path):
    data = codecs.BOM_UTF8 + b'{"names": ["a"], "ignore_index": 255}'
    (tmp_path / "list.json").write_bytes(data)
    assert read_class_list(tmp_path / "list.json").names == ("a",)


def test_names_and_colours_are_equally_many(tmp_path):
    entries = {"names": ["a", "b"], "palette": [[1, 2, 3]], "ignore_index": 255}
    (tmp_path / "list.json").write_text(json.dumps(entries))
    with pytest.raises(ModelError, match="2 names but 1 colours"):
        read_class_list(tmp_path / "list.json")
    with pytest.raises(ModelError, match=r"nowhere\.json: no such class list"):
        read_class_list(tmp_path / "nowhere.json")
    with pytest.raises(ModelError, match="cannot be read"):
        read_class_list(tmp_path)


def test_a_spread_palette_repeats_no_colour():
    assert len(set(spread_palette(256))) == 256


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"],
        {"a": 0, "b": 1},
        {"1": "b", "0": "a"},
        {"names": {"0": "a", "1": "b"}},
        {"names": ["a", "b"]},
    ],
    ids=str,
)
def test_other_forms_of_a_class_list(tmp_path, values):
    (tmp_path / "list.json").write_text(json.dumps(values))
    classes = read_class_list(tmp_path / "list.json")
    assert classes.names == ("a", "b")
    assert classes.ignore_index == 255


def test_roboflows_classes(tmp_path):
    path = tmp_path / "_classes.csv"
    path.write_text("Pixel Value, Class\n0, background\n1, cat\n")
    assert read_class_list(path).names == ("background", "cat")
    for text in ("", "Pixel Value, Class\nx, cat\n", "Pixel Value, Class\n0\n"):
        path.write_text(text)
        with pytest.raises(ModelError, match=r"_classes\.csv: not a"):
            read_class_list(path)
