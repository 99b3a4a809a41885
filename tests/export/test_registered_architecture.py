"""A network from outside the package, through the ordinary functions and commands."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("executorch.exir", reason="the train extra (executorch) is not installed")

import cv2
import numpy as np
from entry_point import write_entry_point
from tiny_networks import checkpoint_card, eager_logits

from seaformer_edge.cli import main
from seaformer_edge.errors import ModelError
from seaformer_edge.export.program import export
from seaformer_edge.hub.card import read_card
from seaformer_edge.inference.preprocess import preprocess
from seaformer_edge.inference.segmenter import Segmenter
from seaformer_edge.nn import registry
from seaformer_edge.nn.checkpoint import load_checkpoint, save_checkpoint

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # the exporter's libraries warn at length
    pytest.mark.usefixtures("cached_lowering"),
]


@pytest.fixture
def tinynet(monkeypatch, tmp_path_factory):
    """An installed package that offers "tinynet" by its entry point; not yet imported."""
    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
    monkeypatch.delitem(sys.modules, "tiny_plugin", raising=False)
    folder = tmp_path_factory.mktemp("site")
    write_entry_point(folder, "tinynet", "tiny_plugin")
    monkeypatch.syspath_prepend(folder)


def trained(street):
    """A network and its card: two classes, told apart by how light the picture is."""
    torch.manual_seed(0)
    network = registry.build("tinynet", "segmentation", "8", 2)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    card = replace(
        checkpoint_card("segmentation", 2, "tinynet", "8"), mean=(90, 100, 110), std=(40, 50, 60)
    )
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (card.mean, card.std))
    pairs = [
        (cv2.imread(str(path))[..., ::-1].copy(), cv2.imread(str(labels), cv2.IMREAD_UNCHANGED))
        for path, labels in zip(
            sorted((street / "train" / "images").iterdir()),
            sorted((street / "train" / "labels").iterdir()),
            strict=True,
        )
    ]
    for _ in range(10):
        for image, labels in pairs:
            x = torch.from_numpy(cv2.resize(image, (128, 96))).permute(2, 0, 1)[None].float()
            small = cv2.resize(labels, (16, 12), interpolation=cv2.INTER_NEAREST)
            target = torch.from_numpy(small.astype(np.int64))[None]
            logits = network((x - mean) / std)
            loss = torch.nn.functional.cross_entropy(logits, target, ignore_index=9)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval(), card


def test_by_functions(tinynet, tmp_path, street):
    importlib.import_module("tiny_plugin")
    network, card = trained(street)
    save_checkpoint(network, card, tmp_path / "tiny.safetensors")
    loaded, card = load_checkpoint(tmp_path / "tiny.safetensors")
    assert type(loaded).__name__ == "TinyNet"
    export(loaded, card, 96, 128, tmp_path / "tiny.pte")
    segmenter = Segmenter.from_path(tmp_path / "tiny.pte", 1)
    assert (segmenter.card.architecture, segmenter.card.variant) == ("tinynet", "8")

    image = cv2.imread(str(street / "val" / "images" / "00.png"))[..., ::-1].copy()
    logits, _ = segmenter.logits(image)
    expected = eager_logits(network, preprocess(image, 96, 128), card.mean, card.std)
    expected = expected.permute(1, 2, 0).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
    assert set(np.unique(segmenter(image).label_map)) == {0, 1}


def test_by_commands(tinynet, tmp_path, street, capsys):
    importlib.import_module("tiny_plugin")
    save_checkpoint(*trained(street), tmp_path / "tiny.safetensors")
    registry._ARCHITECTURES.pop("tinynet")  # as in a new process, which imported nothing yet
    sys.modules.pop("tiny_plugin")

    checkpoint, program = str(tmp_path / "tiny.safetensors"), str(tmp_path / "tiny.pte")
    assert main(["models", "export", checkpoint, "-o", program, "--size", "128x96"]) == 0
    assert "one XNNPACK delegate, input 128x96" in capsys.readouterr().out
    assert main(["models", "info", program]) == 0
    assert "tinynet 8, segmentation, fp32" in capsys.readouterr().out
    data = ["--data", str(street), "--ignore", "9", "--write-card", "made-up street"]
    for model in (checkpoint, program):
        assert main(["evaluate", model, *data]) == 0
        assert read_card(tmp_path / model).accuracy["mIoU"] > 0.8
    masks = tmp_path / "masks"
    picture = str(street / "val" / "images" / "00.png")
    assert main(["segment", picture, "--masks", str(masks), "-m", program]) == 0
    assert len(list(masks.iterdir())) == 1


def test_a_checkpoint_of_an_architecture_that_is_not_installed(tinynet, tmp_path):
    importlib.import_module("tiny_plugin")
    network = registry.build("tinynet", "segmentation", "8", 2)
    card = checkpoint_card("segmentation", 2, "absent", "8")
    save_checkpoint(network, card, tmp_path / "tiny.safetensors")
    with pytest.raises(ModelError, match=r"tiny\.safetensors: unknown architecture"):
        load_checkpoint(tmp_path / "tiny.safetensors")
