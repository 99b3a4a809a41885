"""The benchmark's networks are registered from outside, and rewritten without a change."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from tiny_networks import eager_logits, picture

from seaformer_edge.nn import registry
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD

RIVALS = Path(__file__).parents[2] / "scripts" / "bench" / "rivals"


@pytest.fixture
def peers(monkeypatch):
    monkeypatch.setattr(registry, "_ARCHITECTURES", {})
    monkeypatch.syspath_prepend(RIVALS)
    monkeypatch.delitem(sys.modules, "peers", raising=False)
    importlib.import_module("peers")
    return registry._ARCHITECTURES


def test_the_package_offers_every_architecture_that_it_registers(peers):
    project = tomllib.loads((RIVALS / "pyproject.toml").read_text())["project"]
    assert project["entry-points"][registry.ENTRY_POINTS] == dict.fromkeys(peers, "peers")


def test_their_rewrites_compute_the_same_and_pad_the_classes(peers):
    image = picture(64, 96)
    rgb = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    for name, architecture in peers.items():
        torch.manual_seed(0)
        network = registry.build(name, "segmentation", architecture.variants[0], 5).eval()
        module = registry.rewrite(name, network, 64, 96, IMAGENET_MEAN, IMAGENET_STD)
        with torch.inference_mode():
            logits = module(rgb)[0]
        expected = eager_logits(network, image)
        assert logits.shape == (16, *expected.shape[1:]), name
        torch.testing.assert_close(logits[:5], expected, rtol=1e-3, atol=1e-4)
        assert torch.equal(logits[5:], logits[:1].expand_as(logits[5:]))
        assert any(key.startswith(architecture.class_layers) for key in network.state_dict())
