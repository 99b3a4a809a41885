from __future__ import annotations

import pytest

from seaformer_edge import zoo
from seaformer_edge.card import verify
from seaformer_edge.errors import ModelError


def test_the_default_model_ships_and_is_what_its_card_says():
    path = zoo.resolve_model(None)
    assert path.stem == zoo.DEFAULT_MODEL
    assert verify(path).task == "segmentation"


def test_every_shipped_program_has_a_measured_card():
    programs = zoo.shipped_programs()
    assert programs
    for path in programs.values():
        card = verify(path)
        assert card.accuracy["mIoU"] > 0
        assert card.licence
        assert card.data


def test_a_path_is_taken_as_it_is(tmp_path):
    path = tmp_path / "mine.pte"
    path.touch()
    assert zoo.resolve_model(str(path)) == path


def test_unknown_models_are_refused_with_the_known_ones():
    with pytest.raises(ModelError, match=rf"yolo: unknown model; known are .*{zoo.DEFAULT_MODEL}"):
        zoo.resolve_model("yolo")
    with pytest.raises(ModelError, match=r"nowhere\.pte: no such model file"):
        zoo.resolve_model("nowhere.pte")
