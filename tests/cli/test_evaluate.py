from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("executorch.exir", reason="the train extra is not installed")

from tiny import TINY, checkpoint_card, trained_network

from seaformer_edge import network
from seaformer_edge.card import read_card
from seaformer_edge.checkpoint import save_checkpoint
from seaformer_edge.cli import main


@pytest.fixture(autouse=True)
def tiny_variant(monkeypatch):
    monkeypatch.setitem(network.VARIANTS, "T", TINY)


@pytest.fixture
def checkpoint(tmp_path):
    """Makes a checkpoint of so many classes c0, c1, ..., and gives its path."""

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


def test_binary_masks_are_refused(checkpoint, street, capsys):
    for path in (street / "val" / "labels").iterdir():
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), (mask == 1) * np.uint8(255))
    assert main(["evaluate", str(checkpoint()), "--data", str(street)]) == 1
    assert "255 is ignored; write ids 0, 1" in capsys.readouterr().err
