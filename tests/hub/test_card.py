from __future__ import annotations

import codecs
import json
import math
from dataclasses import replace

import pytest

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card, card_path, read_card, verify, write_card, write_model

CARD = Card(
    name="tiny",
    task="segmentation",
    variant="T",
    precision="fp32",
    height=64,
    width=96,
    mean=(1.0, 2.0, 3.0),
    std=(4.0, 5.0, 6.0),
    classes=("road", "sky"),
    palette=((128, 64, 128), (70, 130, 180)),
    logit_channels=16,
    origin="test",
    data="none",
    licence="none",
    accuracy={"mIoU": 0.5},
)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.pte"
    path.write_bytes(b"program" * 100)
    write_card(CARD, path)
    return path


def test_a_model_and_its_card_are_written_together(tmp_path):
    path = tmp_path / "new" / "tiny.safetensors"
    card = write_model(path, b"weights", CARD)
    assert verify(path) == card
    assert replace(card, sha256="", size=0) == CARD
    assert {file.name for file in path.parent.iterdir()} == {path.name, f"{path.name}.json"}


def test_round_trip(model):
    card = verify(model)
    assert replace(card, sha256="", size=0) == CARD
    assert card.size == 700
    assert card.num_classes == 2


def test_a_missing_model(tmp_path):
    with pytest.raises(ModelError, match="no such model file"):
        verify(tmp_path / "absent.pte")


def test_a_missing_card(model):
    card_path(model).unlink()
    with pytest.raises(ModelError, match=r"tiny\.json is missing"):
        verify(model)


def test_a_truncated_file(model):
    model.write_bytes(model.read_bytes()[:300])
    with pytest.raises(ModelError, match="truncated: 300 bytes, but its card says 700"):
        verify(model)


def test_an_altered_file_of_the_same_size(model):
    model.write_bytes(b"PROGRAM" * 100)
    with pytest.raises(ModelError, match="sha256"):
        verify(model)


def test_a_card_without_an_architecture_is_seaformer(model):
    entries = json.loads(card_path(model).read_text())
    assert entries.pop("architecture") == "seaformer"
    card_path(model).write_text(json.dumps(entries))
    assert read_card(model).architecture == "seaformer"


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": 1}', '{"format": 1, "name": "x"}', "\x00\x01", "[" * 100_000],
    ids=lambda content: content[:20],
)
def test_a_file_that_is_not_a_card(model, content):
    card_path(model).write_text(content)
    with pytest.raises(ModelError, match="card"):
        verify(model)


@pytest.mark.parametrize(
    ("entry", "value", "complaint"),
    [
        ("format", 99, "another format"),
        ("name", "harmless\nseaformer-t-everyday  512x384", "name"),
        ("task", "detection", "task"),
        ("precision", "fp8", "precision"),
        ("palette", [[0, 0, 0]], "palette: 1 colours for 2 classes"),
        ("palette", [[0, 0, 0], [0, 0, 256]], "palette"),
        ("palette", [[0, 0, 0], [0, 0, -1]], "palette"),
        ("logit_channels", 1, "logit_channels: 1 for 2 classes"),
        ("colour", "red", "unknown entries colour"),
        ("height", -1, "height"),
        ("height", 16416, "height"),
        ("width", 96.0, "width"),
        ("width", True, "width"),
        ("mean", "grey", "mean"),
        ("mean", [1.0, 2.0, math.nan], "mean: not finite"),
        ("mean", [1.0, 2.0, -math.inf], "mean: not finite"),
        ("std", [1.0, 0.0, 1.0], "std"),
        ("std", [1.0, -1.0, 1.0], "std"),
        ("std", [math.nan, 1.0, 1.0], "std"),
        ("std", [math.inf, 1.0, 1.0], "std: not finite"),
        ("std", [1.0, 10**400, 1.0], "std"),
        ("classes", "road", "classes"),
        ("classes", {"road": 0, "sky": 1}, "classes"),
        ("classes", [], "classes"),
        ("classes", ["road", "sky\r"], "classes"),
        ("classes", ["road", "\ud800"], "surrogates"),
        ("accuracy", [0.5], "accuracy"),
        ("accuracy", {"set": 5}, "accuracy"),
        ("accuracy", {"set": 0.5}, "accuracy: 'set' is not a text"),
        ("accuracy", {"mIoU": math.nan}, "accuracy"),
        ("accuracy", {"mIoU": None}, "accuracy"),
        ("versions", {"torch": 2}, "versions"),
        ("architecture", None, "architecture"),
    ],
)
def test_an_invalid_card_is_refused_with_the_name_of_the_field(model, entry, value, complaint):
    entries = json.loads(card_path(model).read_text())
    card_path(model).write_text(json.dumps(entries | {entry: value}))
    with pytest.raises(ModelError, match=complaint):
        read_card(model)


def test_more_classes_than_a_label_map_holds(tmp_path):
    names, palette = tuple(map(str, range(257))), ((0, 0, 0),) * 257
    card = replace(CARD, classes=names, palette=palette, logit_channels=257)
    with pytest.raises(ModelError, match="257 classes, but a label map holds at most 256"):
        write_model(tmp_path / "many.pte", b"program", card)
    with pytest.raises(ModelError, match="257 classes"):
        write_model(tmp_path / "many.safetensors", b"weights", replace(card, height=0, width=0))
    write_model(tmp_path / "many.pte", b"program", replace(card, task="classification"))


def test_a_card_that_cannot_be_written(model):
    card_path(model).unlink()
    card_path(model).mkdir()
    with pytest.raises(ModelError, match=r"tiny\.json: cannot be written \(Is a directory\)"):
        write_card(CARD, model)


def test_a_missing_field_is_named(model):
    entries = json.loads(card_path(model).read_text())
    del entries["licence"]
    card_path(model).write_text(json.dumps(entries))
    with pytest.raises(ModelError, match="licence"):
        read_card(model)


def test_a_byte_order_mark_is_accepted(model):
    path = card_path(model)
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert read_card(model).name == "tiny"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [({"name": "\ud800"}, "surrogates"), ({"accuracy": {"mIoU": math.nan}}, "accuracy")],
    ids=["not Unicode", "NaN"],
)
def test_a_card_that_could_not_be_read_is_not_written(model, changes, complaint):
    before = card_path(model).read_bytes()
    with pytest.raises(ModelError, match=complaint):
        write_model(model, b"new", replace(CARD, **changes))
    assert card_path(model).read_bytes() == before
    assert verify(model).size == 700
