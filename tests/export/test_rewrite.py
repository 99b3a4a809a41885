from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from published_weights import published_weights

from seaformer_edge.export.rewrite import (
    CHANNEL_MULTIPLE,
    deploy_classifier,
    deploy_segmenter,
)
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.nn.seaformer import build


def normalised(rgb):
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1)
    return (rgb - mean) / std


@pytest.mark.parametrize("variant", "TSBL")
@pytest.mark.parametrize("size", [(128, 128), (96, 160), (32, 64)])
def test_same_logits_as_the_network(variant, size):
    network = build("segmentation", variant, 150).eval()
    network.load_state_dict(published_weights(f"seg_{variant}"))
    rgb = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) * 255
    with torch.inference_mode():
        expected = network(normalised(rgb))
        deployed = deploy_segmenter(network, *size, IMAGENET_MEAN, IMAGENET_STD)(rgb)
    scale = expected.abs().max()
    assert (deployed[:, :150] - expected).abs().max() / scale < 2e-5
    # The padding repeats class 0, so that a first-maximum argmax never selects it.
    assert deployed.shape[1] % CHANNEL_MULTIPLE == 0
    assert torch.equal(deployed[:, 150:], deployed[:, :1].expand_as(deployed[:, 150:]))


@pytest.mark.parametrize(
    ("variant", "tiles", "tiles_to_eighth"), [("T", 2, 1), ("T", 7, 2), ("L", 3, 2), ("L", 7, 4)]
)
def test_tiles_of_rows_change_nothing(variant, tiles, tiles_to_eighth):
    network = build("segmentation", variant, 150).eval()
    network.load_state_dict(published_weights(f"seg_{variant}"))
    height, width = 96, 64
    widest = {"T": 64, "L": 128}[variant] * (height // 2) * (width // 2)
    rgb = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)) * 255
    whole, parts = (
        deploy_segmenter(
            network, height, width, IMAGENET_MEAN, IMAGENET_STD, tile_values=tile_values
        )
        for tile_values in (None, int(widest / (tiles - 0.5)))
    )
    to_quarter, to_eighth = parts.backbone.steps[0]
    assert to_quarter.count == tiles
    assert getattr(to_eighth, "count", 1) == tiles_to_eighth
    with torch.inference_mode():
        expected = whole(rgb)
        assert (parts(rgb) - expected).abs().max() / expected.abs().max() < 2e-5


@pytest.mark.parametrize("variant", "TSBL")
def test_same_class_scores_as_the_classifier(variant):
    network = build("classification", variant, 1000).eval()
    network.load_state_dict(published_weights(f"cls_{variant}"))
    rgb = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 255
    with torch.inference_mode():
        expected = network(normalised(rgb))
        deployed = deploy_classifier(network, 224, 224, IMAGENET_MEAN, IMAGENET_STD)(rgb)
    assert (deployed - expected).abs().max() / expected.abs().max() < 2e-5


def test_the_network_is_not_changed():
    network = build("segmentation", "T", 11).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    deploy_segmenter(network, 64, 64, IMAGENET_MEAN, IMAGENET_STD)
    assert all(torch.equal(before[n], t) for n, t in network.state_dict().items())


def test_other_sizes_are_refused():
    network = build("segmentation", "T", 11)
    with pytest.raises(ValueError, match="multiples of 32"):
        deploy_segmenter(network, 360, 480, IMAGENET_MEAN, IMAGENET_STD)
