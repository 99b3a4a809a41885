from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

import importlib
import sys

from tiny_networks import checkpoint_card, trained_network

from seaformer_edge.errors import ModelError
from seaformer_edge.nn import registry
from seaformer_edge.nn.checkpoint import save_checkpoint
from seaformer_edge.nn.seaformer import build
from seaformer_edge.nn.warm_start import warm_start


def grown_network(tmp_path, start, variant):
    """A network of `variant`, started from `start`."""
    task = "segmentation" if hasattr(start, "decode_head") else "classification"
    card = checkpoint_card(task, start.num_classes, variant=start.variant_name)
    path = tmp_path / "start.safetensors"
    save_checkpoint(start, card, path)
    network = build(task, variant, start.num_classes)
    warm_start(network, path, card.classes)
    return network


@pytest.mark.parametrize("task", ["segmentation", "classification"])
@pytest.mark.parametrize(("small", "large"), ["TS", "TB", "SB"])
def test_a_grown_network_computes_what_the_smaller_one_did(tmp_path, task, small, large):
    start = trained_network(task, 3, variant=small)
    network = grown_network(tmp_path, start, large).double().eval()
    x = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        expected, got = start.double()(x), network(x)
    torch.testing.assert_close(got, expected)
    assert expected.std() > 1e-3


def test_all_of_a_grown_network_learns(tmp_path):
    torch.manual_seed(0)
    network = grown_network(tmp_path, trained_network("segmentation", 3), "S").train()
    begun = {name: p.detach().clone() for name, p in network.named_parameters()}
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.0)
    for _ in range(3):  # weights that start at 0, then their inputs, then the inputs of these
        loss = network(torch.randn(4, 3, 128, 128)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for name, parameter in network.named_parameters():
        moved = parameter != begun[name]
        if parameter.ndim > 2:  # small pictures do not reach all of a kernel or embedding
            moved = moved.flatten(2).any(-1)
        assert moved.float().mean() > 0.9, name


def test_a_classifier_grows_into_the_backbone_of_a_segmenter(tmp_path):
    start = trained_network("classification", 5)
    path = tmp_path / "start.safetensors"
    save_checkpoint(start, checkpoint_card("classification", 5), path)
    network = build("segmentation", "S", 3)
    warm_start(network, path, ["a", "b", "c"])
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        expected = start.double().forward_features(x)[-1]
        got = network.double().eval().backbone.forward_features(x)[-1]
    torch.testing.assert_close(got[:, : expected.shape[1]], expected)


@pytest.mark.parametrize(("start", "wanted"), ["ST", "TL"])
def test_a_variant_that_cannot_grow_to_the_wanted_one_is_refused(tmp_path, start, wanted):
    with pytest.raises(ModelError, match=f"cannot start from a seaformer {start} network"):
        grown_network(tmp_path, build("segmentation", start, 3), wanted)


@pytest.mark.parametrize("task", ["segmentation", "classification"])
def test_fine_tuning_starts_from_all_but_the_class_layer(tmp_path, task):
    start = build(task, "T", 5)
    path = tmp_path / "start.safetensors"
    save_checkpoint(start, checkpoint_card(task, 5), path)
    network = build("segmentation", "T", 3)
    fresh = network.decode_head.conv_seg.weight.clone()
    warm_start(network, path, ["a", "b", "c"])
    prefix = "backbone." if task == "segmentation" else ""
    stem = start.state_dict()[f"{prefix}smb1.stem_block.0.c.weight"]
    assert torch.equal(network.backbone.smb1.stem_block[0].c.weight, stem)
    assert torch.equal(network.decode_head.conv_seg.weight, fresh)


@pytest.mark.parametrize("task", ["segmentation", "classification"])
def test_classes_with_the_same_name_keep_their_part_of_the_class_layer(tmp_path, task):
    start = build(task, "T", 3)
    card = checkpoint_card(task, 3)
    save_checkpoint(start, card, tmp_path / "start.safetensors")
    network = build(task, "T", 4)
    layer, start_layer = (
        n.decode_head.conv_seg if task == "segmentation" else n.linear for n in (network, start)
    )
    fresh = layer.weight.clone()
    warm_start(network, tmp_path / "start.safetensors", ["new", card.classes[2], "b", "c"])
    assert torch.equal(layer.weight[1], start_layer.weight[2])
    assert torch.equal(layer.bias[1], start_layer.bias[2])
    assert torch.equal(layer.weight[[0, 2, 3]], fresh[[0, 2, 3]])


def test_a_classifier_starts_from_the_backbone_of_a_segmenter(tmp_path):
    start = build("segmentation", "T", 5)
    path = tmp_path / "start.safetensors"
    save_checkpoint(start, checkpoint_card("segmentation", 5), path)
    network = build("classification", "T", 3)
    fresh = network.linear.weight.clone()
    warm_start(network, path, ["a", "b", "c"])
    backbone = start.backbone.state_dict()
    state = network.state_dict()
    assert state.keys() - backbone.keys() == {"linear.weight", "linear.bias"}
    assert all(torch.equal(state[name], tensor) for name, tensor in backbone.items())
    assert torch.equal(network.linear.weight, fresh)


@pytest.fixture
def tinynet(monkeypatch):
    """The architecture "tinynet", registered for one test."""
    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
    monkeypatch.delitem(sys.modules, "tiny_plugin", raising=False)
    importlib.import_module("tiny_plugin")


def tinynet_checkpoint(folder, count):
    card = checkpoint_card("segmentation", count, "tinynet", "8")
    network = registry.build("tinynet", "segmentation", "8", count)
    save_checkpoint(network, card, folder / "start.safetensors")
    return network


def test_a_start_of_which_nothing_fits_is_refused(tmp_path, tinynet):
    tinynet_checkpoint(tmp_path, 3)
    with pytest.raises(ModelError, match=r"start\.safetensors: no tensor in it fits"):
        warm_start(build("segmentation", "T", 2), tmp_path / "start.safetensors", ["a", "b"])


def test_a_registered_network_starts_without_its_class_layer(tmp_path, tinynet):
    start = tinynet_checkpoint(tmp_path, 3)
    network = registry.build("tinynet", "segmentation", "8", 3)
    fresh = network.classes.weight.clone()
    warm_start(network, tmp_path / "start.safetensors", ["a", "b", "c"])
    assert torch.equal(network.features[0].weight, start.features[0].weight)
    assert torch.equal(network.classes.weight, fresh)


def test_a_registered_network_does_not_grow(tmp_path, tinynet):
    tinynet_checkpoint(tmp_path, 3)
    larger = registry.build("tinynet", "segmentation", "16", 3)
    with pytest.raises(ModelError, match="only a SeaFormer can grow"):
        warm_start(larger, tmp_path / "start.safetensors", ["a", "b", "c"])


@pytest.mark.parametrize("task", ["segmentation", "classification"])
def test_the_same_classes_keep_the_class_layer(tmp_path, task):
    start = build(task, "T", 3)
    path = tmp_path / "start.safetensors"
    save_checkpoint(start, checkpoint_card(task, 3), path)
    network = build(task, "T", 3)
    warm_start(network, path, checkpoint_card(task, 3).classes)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, start.state_dict()[name]), name
