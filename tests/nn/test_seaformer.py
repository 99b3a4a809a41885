from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

import numpy as np
from published_weights import NETWORKS, published_keys, published_outputs, published_weights
from torch import nn

from seaformer_edge.nn.seaformer import (
    SeaFormerClassifier,
    SeaFormerSegmenter,
    StochasticDepth,
    build,
)


def published_network(name):
    task, variant = name.split("_")
    if task == "seg":
        return build("segmentation", variant, 150)
    return build("classification", variant, 1000)


@pytest.mark.parametrize("name", NETWORKS)
def test_keys_and_shapes_are_the_published_ones(name):
    state = published_network(name).state_dict()
    assert {key: list(tensor.shape) for key, tensor in state.items()} == published_keys(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_the_published_ones(name):
    network = published_network(name).eval()
    network.load_state_dict(published_weights(name))
    outputs = published_outputs(name)
    assert outputs
    for x, expected in outputs.values():
        with torch.inference_mode():
            np.testing.assert_allclose(network(x).numpy(), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("variant", "million_parameters", "giga_multiply_adds"),
    [("T", 1.7, 0.6), ("S", 4.0, 1.1), ("B", 8.6, 1.8), ("L", 14.0, 6.5)],
)
def test_cost_is_the_published_one(variant, million_parameters, giga_multiply_adds):
    """Counted as in the paper's tables: normalisation is two operations, activation one."""
    network = SeaFormerSegmenter(variant, 150).eval()
    parameters = sum(p.numel() for p in network.parameters())
    assert round(parameters / 1e6, 1) == million_parameters

    operations = 0

    def count(module, inputs, output):
        nonlocal operations
        if isinstance(module, nn.Conv2d):
            per_output = module.weight[0].numel() + (module.bias is not None)
            operations += output.numel() * per_output
        elif isinstance(module, nn.BatchNorm2d):
            operations += 2 * output.numel()
        elif isinstance(module, (nn.ReLU, nn.ReLU6)):
            operations += output.numel()

    for module in network.modules():
        module.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.zeros(1, 3, 512, 512))
    assert round(operations / 1e9, 1) == giga_multiply_adds


@pytest.mark.parametrize("size", [(32, 32), (64, 160), (224, 96)])
def test_any_multiple_of_32_and_any_class_count(size):
    logits = SeaFormerSegmenter("T", 7).eval()(torch.randn(1, 3, *size))
    assert logits.shape == (1, 7, size[0] // 8, size[1] // 8)


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="multiples of 32"):
        SeaFormerSegmenter("T", 7)(torch.zeros(1, 3, 360, 480))


def test_unknown_variant_is_refused():
    with pytest.raises(ValueError, match=r"'X'.*T, S, B, L"):
        SeaFormerClassifier("X", 10)


def test_every_parameter_learns():
    network = SeaFormerSegmenter("T", 5, drop_path_rate=0.0)
    # With smaller inputs the deepest stage has one position, where attention has no effect.
    network(torch.randn(2, 3, 128, 192)).square().mean().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not idle


def test_stochastic_depth_drops_samples_in_training_only():
    torch.manual_seed(0)
    layer = StochasticDepth(0.5)
    x = torch.ones(64, 1, 1, 1)
    assert torch.equal(layer.eval()(x), x)
    kept = layer.train()(x).flatten()
    assert set(kept.tolist()) == {0.0, 2.0}


def test_stochastic_depth_grows_within_a_stage():
    backbone = SeaFormerSegmenter("B", 5, drop_path_rate=0.3).backbone
    rates = [block.drop_path.rate for block in backbone.trans1.transformer_blocks]
    assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3])
