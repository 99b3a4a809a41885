"""Batch normalisation, and what else is linear, folded into convolutions."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from seaformer_edge.nn.seaformer import ConvBN, HeadConvBN


def fold(layer: ConvBN | HeadConvBN) -> nn.Conv2d:
    """A convolution and its batch normalisation as one convolution with a bias."""
    conv, bn = layer.children()
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(bn, nn.BatchNorm2d)
    return fuse_conv_bn_eval(conv.eval(), bn.eval())


def fold_hard_sigmoid(conv: nn.Conv2d) -> nn.Conv2d:
    """Fold relu6(x + 3) / 6 = clamp(x / 6 + 1/2, 0, 1) but for the clamp."""
    conv.weight.data /= 6.0
    conv.bias = nn.Parameter(bias_of(conv).detach() / 6.0 + 0.5)
    return conv


def bias_of(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias
