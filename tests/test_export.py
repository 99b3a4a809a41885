from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("executorch.exir", reason="the train extra (executorch) is not installed")

import cv2
import numpy as np
import torch
from torch import nn

from seaformer_edge import network as network_module
from seaformer_edge.card import Card, verify
from seaformer_edge.checkpoint import IMAGENET_MEAN, IMAGENET_STD, build
from seaformer_edge.class_list import spread_palette
from seaformer_edge.errors import ModelError
from seaformer_edge.export import export, lower
from seaformer_edge.network import Variant, round_size
from seaformer_edge.runtime import open_program

pytestmark = pytest.mark.filterwarnings("ignore")  # the exporter's libraries warn at length

TINY = Variant(
    stages=(
        ((3, 1, 8, 1), (3, 2, 8, 2)),
        ((3, 2, 8, 2),),
        ((3, 2, 16, 2),),
        ((3, 2, 16, 2),),
        ((3, 2, 16, 2),),
    ),
    stem_channels=8,
    depths=(1, 1),
    key_dims=(8, 12),
    mlp_ratios=(2, 2),
    heads=2,
    head_channels=(8, 16),
)


@pytest.fixture(autouse=True)
def tiny_variant(monkeypatch):
    """The family's smallest possible member: lowering T takes half a minute, this seconds."""
    monkeypatch.setitem(network_module.VARIANTS, "T", TINY)


def trained_network(task, num_classes, seed=0):
    """Weights as if trained: batch normalisation with statistics, a class layer that decides."""
    torch.manual_seed(seed)
    network = build(task, "T", num_classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.weight, 0, 0.5)
    return network.eval()


def checkpoint_card(task, num_classes):
    return Card(
        name="tiny",
        task=task,
        variant="T",
        precision="fp32",
        height=0,
        width=0,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        classes=tuple(f"c{i}" for i in range(num_classes)),
        palette=spread_palette(num_classes),
        logit_channels=num_classes,
        origin="test",
        data="none",
        licence="none",
        accuracy={"mIoU": 0.9},
    )


def picture(height, width):
    """A picture with edges and gradients, uint8 RGB."""
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)


def eager_logits(network, image):
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1)
    with torch.inference_mode():
        return network((x - mean) / std)[0]


@pytest.mark.parametrize("size", [(64, 64), (64, 128)], ids=["square", "oblong"])
def test_the_program_computes_the_network(tmp_path, size):
    network = trained_network("segmentation", 5)
    output = tmp_path / "tiny.pte"
    card = export(network, checkpoint_card("segmentation", 5), *size, output)
    assert card == verify(output)
    assert (card.height, card.width, card.logit_channels) == (*size, 16)
    assert card.accuracy == {}, "the checkpoint's figures are not the program's"

    image = picture(*size)
    expected = eager_logits(network, image).permute(1, 2, 0).numpy()
    logits = open_program(output, num_threads=1).run(image.astype(np.float32))
    assert logits.shape == (size[0] // 8, size[1] // 8, 16)
    np.testing.assert_allclose(logits[..., :5], expected, atol=1e-4 * np.abs(expected).max())
    assert len(np.unique(expected.argmax(-1))) > 1, "a picture of one class proves little"


def test_the_classifier_too(tmp_path):
    network = trained_network("classification", 7)
    output = tmp_path / "tiny.pte"
    export(network, checkpoint_card("classification", 7), 64, 96, output)
    image = picture(64, 96)
    expected = eager_logits(network, image).numpy()
    scores = open_program(output, num_threads=1).run(image.astype(np.float32))
    np.testing.assert_allclose(scores, expected, atol=1e-4 * np.abs(expected).max())


class Leftover(nn.Module):
    """Convolution, then something XNNPACK has no kernel for."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        return self.conv(x).cumsum(1)


def test_a_program_with_operators_left_over_is_refused():
    with pytest.raises(ModelError, match="cumsum"):
        lower(Leftover(), 32, 32)


def test_other_endings_are_refused(tmp_path):
    network = build("segmentation", "T", 5)
    with pytest.raises(ModelError, match=r"ends in \.pte"):
        export(network, checkpoint_card("segmentation", 5), 64, 64, tmp_path / "tiny.bin")


def test_an_unwritable_place_is_named_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("seaformer_edge.export.lower", lambda *_: (b"program", 16))
    (tmp_path / "file").touch()
    network = build("segmentation", "T", 5)
    with pytest.raises(ModelError, match="cannot be written"):
        export(network, checkpoint_card("segmentation", 5), 64, 64, tmp_path / "file" / "tiny.pte")


@pytest.mark.parametrize(
    ("size", "rounded"),
    [((512, 512), (512, 512)), ((360, 480), (352, 480)), ((1, 50), (32, 64))],
)
def test_sizes_are_rounded_to_what_the_network_takes(size, rounded):
    assert round_size(*size) == rounded
