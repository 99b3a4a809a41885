from __future__ import annotations

import re
import tempfile

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("executorch.exir", reason="the train extra is not installed")

from tiny_networks import TINY, checkpoint_card, trained_network

from seaformer_edge.cli import main
from seaformer_edge.hub.card import read_card
from seaformer_edge.hub.zoo import DEFAULT_MODEL
from seaformer_edge.nn import seaformer as network
from seaformer_edge.nn.checkpoint import save_checkpoint
from seaformer_edge.training import evaluate
from seaformer_edge.training.datasets import CLASSIFICATION, SEGMENTATION


@pytest.fixture(autouse=True)
def tiny_variant(monkeypatch):
    monkeypatch.setitem(network.VARIANTS, "T", TINY)


@pytest.fixture
def checkpoint(tmp_path):
    """Makes a checkpoint with classes c0, c1, ..., and returns its path."""

    def make(task="segmentation", count=2):
        path = tmp_path / f"{task}{count}.safetensors"
        save_checkpoint(trained_network(task, count), checkpoint_card(task, count), path)
        return path

    return make


def test_classes_that_no_label_shows_are_named(checkpoint, street, capsys):
    path = checkpoint(count=9)
    arguments = ["evaluate", str(path), "--data", str(street), "--ignore", "9"]
    assert main([*arguments, "--write-card", "street"]) == 0
    assert "no pixel of c2, c3, c4, c5, c6, c7, c8 in the labels" in capsys.readouterr().err
    shown = read_card(path).accuracy["IoU by class"]
    assert {"c0", "c1"} <= shown.keys()
    assert len(shown) < 9, "those that are not predicted either have none"
    assert "NaN" not in path.with_name(f"{path.name}.json").read_text()


@pytest.mark.parametrize("name", ["street", "\udcff"])
def test_a_card_that_cannot_be_written_is_refused_first(
    checkpoint, street, capsys, monkeypatch, name
):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    if name == "street":
        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    path = checkpoint()
    assert main(["evaluate", str(path), "--data", str(street), "--write-card", name]) == 1
    shown = capsys.readouterr()
    assert f"{path.name}.json: " in shown.err
    assert "mean IoU" not in shown.out


def test_binary_masks_are_of_two_classes(checkpoint, street, capsys):
    for path in (street / "val" / "labels").iterdir():
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), (mask == 1) * np.uint8(255))
    assert main(["evaluate", str(checkpoint()), "--data", str(street)]) == 0
    assert "no pixel of" not in capsys.readouterr().err


def test_colours_and_ignored_id_are_those_of_the_data_set(checkpoint, street, capsys):
    (street / "classes.json").write_text('{"names": ["c0", "c1"], "ignore_index": 9}')
    assert main(["evaluate", str(checkpoint()), "--data", str(street)]) == 0
    shown = capsys.readouterr().out
    colours = np.array([(1, 2, 3)] * 10)
    colours[:2] = (40, 0, 0), (0, 40, 0)
    for path in (street / "val" / "labels").iterdir():
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), colours[mask][..., ::-1])
    (street / "labelmap.txt").write_text("c0:40,0,0::\nc1:0,40,0::\nvoid:1,2,3::\n")
    assert main(["evaluate", str(checkpoint()), "--data", str(street)]) == 0
    assert capsys.readouterr().out == shown


@pytest.fixture
def sizes(monkeypatch):
    """The (height, width) of each input of a checkpoint's network."""
    seen = []
    run = evaluate._run

    def noted(network, image, size, *normalisation):
        seen.append(size)
        return run(network, image, size, *normalisation)

    monkeypatch.setattr(evaluate, "_run", noted)
    return seen


def test_a_size_is_rounded_to_what_the_network_takes(checkpoint, street, sizes, capsys):
    arguments = ["--data", str(street), "--ignore", "9", "--size", "100x100"]
    assert main(["evaluate", str(checkpoint()), *arguments]) == 0
    assert "size rounded to 96x96" in capsys.readouterr().err
    assert set(sizes) == {(96, 96)}


def test_a_size_is_width_then_height(checkpoint, street, sizes, capsys):
    arguments = ["evaluate", str(checkpoint()), "--data", str(street), "--ignore", "9", "--size"]
    assert main([*arguments, "128x64"]) == 0
    assert set(sizes) == {(64, 128)}
    assert main([*arguments, "64x128"]) == 2
    assert "write --size 128x64" in capsys.readouterr().err
    assert main([*arguments, "64x128", "--yes"]) == 0
    assert set(sizes) == {(64, 128), (128, 64)}


@pytest.mark.parametrize(("name", "side"), [("tiny-imagenet", 128), ("imagenet", 224)])
def test_a_classifier_is_evaluated_at_the_data_sets_size(checkpoint, tmp_path, sizes, name, side):
    for wnid in ("n01", "n02"):
        folder = tmp_path / "train" / wnid
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "a.png"), np.full((64, 64, 3), 90, np.uint8))
    arguments = ["--data", str(tmp_path), "--dataset", name, "--split", "train"]
    assert main(["evaluate", str(checkpoint("classification")), *arguments]) == 0
    assert set(sizes) == {(side, side)}


def test_a_size_is_not_for_a_program(street, capsys):
    assert main(["evaluate", DEFAULT_MODEL, "--data", str(street), "--size", "64x64"]) == 2
    assert "--size is for a checkpoint" in capsys.readouterr().err


def test_an_ignored_id_that_no_label_can_hold(street, capsys):
    assert main(["evaluate", DEFAULT_MODEL, "--data", str(street), "--ignore", "300"]) == 2
    assert "300 is not in the range 0<=x<=255" in capsys.readouterr().err


def test_the_help_names_every_data_set(capsys):
    assert main(["evaluate", "--help"]) == 0
    text = capsys.readouterr().out
    for name in (*SEGMENTATION, *CLASSIFICATION):
        assert re.search(rf"[ \n]{name}[,;.]", text), name
