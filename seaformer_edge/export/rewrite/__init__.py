"""Rewrites for the runtime: the same function in a form that is one XNNPACK delegate.

`rewrite` takes a trained SeaFormer and the input size it will run at, and returns a module that
computes the same logits from raw RGB. Nothing is approximated; only the order of the arithmetic
changes:

- the mean is subtracted in the graph and the deviation is divided into the stem's weights, so
  that borders are padded with the mean colour exactly as in training;
- the layers down to 1/4, and then to 1/8, run one tile of rows at a time where the tensors
  between them have more values than `TILE_VALUES` (`row_tiled.py`);
- every batch normalisation is folded into its convolution;
- q, k and v are one convolution, whose result is also the input of the detail branch; the
  attention's scale is folded into q, and divided out again in the detail branch;
- the positional embeddings are resized once, at export;
- the squeeze is an average pooling and the attention a 3-D batched product: XNNPACK supports
  both, but neither a mean over one axis nor a 4-D product; row and column share one product
  where the feature map is square;
- slope and offset of each hard-sigmoid are folded into the convolution before it, which
  leaves a clamp;
- the head's 1x1 depthwise convolution is folded into its neighbour, except for its bias;
- the class layer is padded to a multiple of `CHANNEL_MULTIPLE` channels by repeating class 0,
  which a first-maximum argmax never prefers, because XNNPACK's kernels are slow at odd widths.

`normalised` is the default for other architectures: the network unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seaformer_edge.export.rewrite.backbone import DeployedBackbone
from seaformer_edge.export.rewrite.fold import CHANNEL_MULTIPLE, pad_classes
from seaformer_edge.export.rewrite.head import DeployedHead
from seaformer_edge.nn.checkpoint import Network
from seaformer_edge.nn.seaformer import SeaFormerClassifier, SeaFormerSegmenter

TILE_VALUES: dict[str, int | None] = {
    "fp32": 1 << 20,  # 4 MiB, the fastest of 1, 2 and 4 MiB on a PC
    "fp16": 1 << 19,  # 1 MiB, for the caches of ARM boards, the only ones that compute in fp16
    "int8": None,  # a quarter of the size, and each tile would get ranges of its own
}
"""Numbers in the largest tensor of a tile, by precision; None: no tiles."""

__all__ = [
    "CHANNEL_MULTIPLE",
    "Normalised",
    "deploy_classifier",
    "deploy_segmenter",
    "normalised",
    "pad_classes",
    "rewrite",
]


def rewrite(
    network: SeaFormerSegmenter | SeaFormerClassifier,
    height: int,
    width: int,
    mean: Sequence[float],
    std: Sequence[float],
    precision: str,
) -> nn.Module:
    """A SeaFormer of either task at one input size; see `nn.registry.Architecture.rewrite`."""
    deploy = deploy_segmenter if isinstance(network, SeaFormerSegmenter) else deploy_classifier
    return deploy(network, height, width, mean, std, tile_values=TILE_VALUES[precision])


def normalised(
    network: Network,
    height: int,
    width: int,
    mean: Sequence[float],
    std: Sequence[float],
    precision: str,
) -> nn.Module:
    """The network unchanged, after normalising: the rewrite of an architecture without its own."""
    return Normalised(network, width, mean, std).eval()


class Normalised(nn.Module):
    """A network that takes RGB 0..255, (1, 3, H, width) float32."""

    def __init__(self, network: Network, width: int, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        self.network = network
        # A row, not one pixel: XNNPACK subtracts and multiplies it four times faster.
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1).repeat(1, 1, 1, width))
        scale = 1 / torch.tensor(std)
        self.register_buffer("scale", scale.view(1, 3, 1, 1).repeat(1, 1, 1, width))
        self.mean: Tensor
        self.scale: Tensor

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network((x - self.mean) * self.scale)
        return logits


def deploy_segmenter(
    network: SeaFormerSegmenter,
    height: int,
    width: int,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    tile_values: int | None = TILE_VALUES["fp32"],
) -> nn.Module:
    """The segmentation network at one input size.

    The result maps (1, 3, height, width) float32 RGB 0..255 to logits
    (1, C, height / 8, width / 8), where C is the number of classes rounded up to a multiple of
    `CHANNEL_MULTIPLE`. `tile_values`, the largest tensor of a tile of rows, changes only the order
    of the computation; None: no tiles.

    Raises:
        ValueError: height or width is not a positive multiple of 32.
    """
    backbone = DeployedBackbone(network.backbone, height, width, mean, std, tile_values)
    return DeployedSegmenter(
        backbone, DeployedHead(network.decode_head, height // 8, width // 8)
    ).eval()


def deploy_classifier(
    network: SeaFormerClassifier,
    height: int,
    width: int,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    tile_values: int | None = TILE_VALUES["fp32"],
) -> nn.Module:
    """The classifier at one input size: (1, 3, height, width) RGB 0..255 to (1, classes)."""
    backbone = DeployedBackbone(network, height, width, mean, std, tile_values)
    return DeployedClassifier(backbone, network.linear).eval()


class DeployedSegmenter(nn.Module):
    def __init__(self, backbone: DeployedBackbone, head: DeployedHead):
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone(x))
        return logits


class DeployedClassifier(nn.Module):
    def __init__(self, backbone: DeployedBackbone, linear: nn.Linear):
        super().__init__()
        self.backbone = backbone
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        deepest = self.backbone(x)[-1]
        pooled = F.avg_pool2d(deepest, deepest.shape[2:])
        logits: Tensor = self.linear(pooled.flatten(1))
        return logits
