from __future__ import annotations

import json
from pathlib import Path

import pytest

from seaformer_edge.class_list import read_class_list, spread_palette
from seaformer_edge.errors import ModelError

SHIPPED = sorted((Path(__file__).parents[1] / "models" / "classes").glob("*.json"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_lists_name_each_class_once_and_colour_them_apart(path):
    classes = read_class_list(path)
    assert len(set(classes.names)) == len(set(classes.palette)) == len(classes.names)
    assert all(0 <= value <= 255 for colour in classes.palette for value in colour)


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


def test_a_spread_palette_repeats_no_colour():
    assert len(set(spread_palette(256))) == 256
