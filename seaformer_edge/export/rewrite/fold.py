"""Linear operations folded into convolutions: batch normalisation, hard-sigmoid; padded classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from seaformer_edge.nn.seaformer import ConvBN, HeadConvBN

CHANNEL_MULTIPLE = 16
"""The class layer is padded to a multiple of this many channels."""


def fold(layer: ConvBN | HeadConvBN) -> nn.Conv2d:
    """A convolution and its batch normalisation as one convolution with a bias."""
    conv, bn = layer.children()
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(bn, nn.BatchNorm2d)
    return fuse_conv_bn_eval(conv.eval(), bn.eval())


def fold_hard_sigmoid(conv: nn.Conv2d) -> nn.Conv2d:
    """Fold the x / 6 + 1/2 of relu6(x + 3) / 6 = clamp(x / 6 + 1/2, 0, 1) into `conv`."""
    conv.weight.data /= 6.0
    conv.bias = nn.Parameter(bias_of(conv).detach() / 6.0 + 0.5)
    return conv


def bias_of(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def pad_classes(conv: nn.Conv2d) -> nn.Conv2d:
    """A 1x1 class layer with its channels padded to `CHANNEL_MULTIPLE` by repeating class 0."""
    padding = -conv.out_channels % CHANNEL_MULTIPLE
    padded = nn.Conv2d(conv.in_channels, conv.out_channels + padding, 1)
    repeat = torch.cat((torch.arange(conv.out_channels), torch.zeros(padding, dtype=torch.long)))
    padded.weight.data = conv.weight.detach()[repeat]
    padded.bias = nn.Parameter(bias_of(conv).detach()[repeat])
    return padded
