"""SeaFormer rewritten for the runtime: the same function, one XNNPACK delegate.

`deploy_segmenter` and `deploy_classifier` take a trained network and the input size it
will run at, and give a module that computes the same logits from raw RGB. Nothing is
approximated; what changes is where the arithmetic stands:

- the picture's mean is subtracted in the graph and the deviation divided into the stem, so
  that borders are padded with the mean colour exactly as in training;
- the layers down to 1/4, and then to 1/8, run a strip of rows at a time where the tensors
  between them are larger than `TILE_BYTES` (`strips.py`);
- every batch normalisation is folded into its convolution;
- q, k and v are one convolution, which is also the input of the detail branch; the
  attention's scale is folded into q and out of the detail branch again;
- the positional embeddings are resized once, to the size at hand;
- the squeeze is an average pooling and the attention a 3-D batched product, both of which
  XNNPACK takes, where the mean over an axis and the 4-D product stay outside; row and
  column share one product where the feature map is square;
- the hard-sigmoid's slope and offset are folded into the convolution before it, which
  leaves a clamp;
- the head's 1x1 depthwise convolution is folded into its neighbour, but for its bias;
- the class layer is padded to a multiple of `CHANNEL_MULTIPLE` channels by repeating class
  0, which a first-maximum argmax never prefers; XNNPACK's kernels are slow at odd widths.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from seaformer_edge.export.rewrite.backbone import DeployedBackbone
from seaformer_edge.export.rewrite.head import CHANNEL_MULTIPLE, DeployedHead
from seaformer_edge.nn.seaformer import SeaFormerClassifier, SeaFormerSegmenter

__all__ = ["CHANNEL_MULTIPLE", "deploy_classifier", "deploy_segmenter"]


def deploy_segmenter(
    network: SeaFormerSegmenter,
    height: int,
    width: int,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    tiled: bool = True,
) -> nn.Module:
    """The segmentation network at one input size.

    The result maps (1, 3, height, width) float32 RGB 0..255 to logits
    (1, C, height / 8, width / 8), C the class count rounded up to `CHANNEL_MULTIPLE`.
    `tiled` only says in what order it computes.

    Raises:
        ValueError: height or width is not a positive multiple of 32.
    """
    backbone = DeployedBackbone(network.backbone, height, width, mean, std, tiled)
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
    tiled: bool = True,
) -> nn.Module:
    """The classifier at one input size: (1, 3, height, width) RGB 0..255 to (1, classes)."""
    backbone = DeployedBackbone(network, height, width, mean, std, tiled)
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
