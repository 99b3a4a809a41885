from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("executorch.exir", reason="the train extra (executorch) is not installed")

import cv2
import numpy as np
import torch
from executorch.backends.xnnpack import xnnpack_preprocess
from tiny import TINY, checkpoint_card, picture, trained_network

from seaformer_edge import network as network_module
from seaformer_edge.card import verify
from seaformer_edge.export import export
from seaformer_edge.runtime import open_program

pytestmark = pytest.mark.filterwarnings("ignore")  # the exporter's libraries warn at length

aten = torch.ops.aten


@pytest.fixture(autouse=True)
def tiny_variant(monkeypatch):
    monkeypatch.setitem(network_module.VARIANTS, "T", TINY)


@pytest.fixture
def folder(tmp_path):
    """Four pictures that resemble the one the programs are compared on."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i, flipped in enumerate(picture(64, 128)[::a, ::b] for a in (1, -1) for b in (1, -1)):
        cv2.imwrite(str(pictures / f"{i}.png"), flipped[:, :, ::-1])
    return pictures


@pytest.fixture
def operators(monkeypatch):
    """How many operators of each kind the programs exported here ask XNNPACK for."""
    count: Counter[str] = Counter()
    serialize = xnnpack_preprocess.serialize_xnnpack_binary

    def counted(graph, *rest):
        count.update(type(node.xnode_union).__name__ for node in graph.xnodes)
        return serialize(graph, *rest)

    monkeypatch.setattr(xnnpack_preprocess, "serialize_xnnpack_binary", counted)
    return count


def run_both(task, size, tmp_path, folder):
    """What the fp32 and the int8 program of one network give for one picture."""
    network, card = trained_network(task, 5), checkpoint_card(task, 5)
    export(network, card, *size, tmp_path / "fp32.pte")
    export(network, card, *size, tmp_path / "int8.pte", folder)
    image = picture(*size).astype(np.float32)
    return [open_program(tmp_path / f"{p}.pte", num_threads=1).run(image) for p in ("fp32", "int8")]


def relative_error(fp32, int8):
    return np.linalg.norm(int8 - fp32) / np.linalg.norm(fp32 - fp32.mean())


@pytest.mark.parametrize("size", [(64, 64), (64, 128)], ids=["square", "oblong"])
def test_an_int8_segmenter(size, tmp_path, folder, operators):
    fp32, int8 = run_both("segmentation", size, tmp_path, folder)
    print("ERR", relative_error(fp32, int8), len(np.unique(int8)), operators)
    assert relative_error(fp32, int8) < 0.1
    assert len(np.unique(int8)) <= 256, "the logits are not of 8 bits"

    card = verify(tmp_path / "int8.pte")
    assert card.precision == "int8"
    assert card.origin == "test; int8 ranges from 4 pictures"
    assert card.accuracy == {}

    # In and out; around each block's squeezed attention three; around each resized gate two.
    assert operators["XNNConvert"] == 2 + 3 * sum(TINY.depths) + 2 * len(TINY.head_channels)


def test_an_int8_classifier(tmp_path, folder):
    fp32, int8 = run_both("classification", (64, 96), tmp_path, folder)
    print("ERR", relative_error(fp32, int8), fp32, int8)
    assert relative_error(fp32, int8) < 0.1
    assert fp32.argmax() == int8.argmax()
