from __future__ import annotations

import json
from dataclasses import replace

import pytest

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card, card_path, read_card, verify, write_card

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


def test_round_trip(model):
    card = verify(model)
    assert replace(card, sha256="", size=0) == CARD
    assert card.size == 700
    assert card.num_classes == 2


def test_a_missing_file(tmp_path):
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
    "content", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "name": "x"}', "\x00\x01"]
)
def test_what_is_no_card(model, content):
    card_path(model).write_text(content)
    with pytest.raises(ModelError, match="card"):
        verify(model)


@pytest.mark.parametrize(
    ("entry", "value", "complaint"),
    [
        ("format", 99, "another format"),
        ("task", "detection", "task"),
        ("precision", "fp8", "precision"),
        ("palette", [[0, 0, 0]], "colours"),
        ("logit_channels", 1, "fewer logits"),
        ("colour", "red", "unknown entries colour"),
        ("height", -1, "negative"),
        ("mean", "grey", "card"),
    ],
)
def test_a_card_that_makes_no_sense(model, entry, value, complaint):
    entries = json.loads(card_path(model).read_text())
    card_path(model).write_text(json.dumps(entries | {entry: value}))
    with pytest.raises(ModelError, match=complaint):
        read_card(model)
