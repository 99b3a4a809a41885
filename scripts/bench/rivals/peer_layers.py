"""Layers that several of the networks of `peers` have; batch normalisations are already folded."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(
    channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1, dilation: int = 1
) -> nn.Conv2d:
    padding = dilation * (kernel // 2)
    return nn.Conv2d(channels_in, channels_out, kernel, stride, padding, dilation)


def depthwise(channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel // 2)
    return nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels)


def hard_sigmoid(x: Tensor) -> Tensor:
    """The clamp of a hard-sigmoid; slope and offset are part of the convolution before it."""
    return x.clamp(0.0, 1.0)


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Multi-head attention over all pixels: (B, C, H, W) each, to (B, channels of v, H, W)."""
    batch, _, height, width = q.shape
    q, k, v = (t.reshape(batch * heads, t.shape[1] // heads, -1) for t in (q, k, v))
    mixed = torch.bmm(torch.bmm(q.transpose(1, 2), k).softmax(-1), v.transpose(1, 2))
    return mixed.transpose(1, 2).reshape(batch, -1, height, width)


class InvertedResidual(nn.Module):
    """The block of MobileNetV2; with `squeeze` and `hard_swish`, that of MobileNetV3."""

    def __init__(
        self,
        channels_in: int,
        hidden: int,
        channels_out: int,
        kernel: int,
        stride: int,
        dilation: int = 1,
        squeeze: bool = False,
        hard_swish: bool = False,
    ):
        super().__init__()
        self.expand = conv(channels_in, hidden) if hidden != channels_in else None
        self.depthwise = depthwise(hidden, kernel, stride, dilation)
        narrow = max(8, (hidden // 4 + 4) // 8 * 8)
        self.squeeze = nn.ModuleList([conv(hidden, narrow), conv(narrow, hidden)][: 2 * squeeze])
        self.project = conv(hidden, channels_out)
        self.residual = stride == 1 and channels_in == channels_out
        self.act = F.hardswish if hard_swish else F.relu

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else self.act(self.expand(x))
        y = self.act(self.depthwise(y))
        if self.squeeze:
            down, up = self.squeeze
            y = y * hard_sigmoid(up(F.relu(down(y.mean((2, 3), keepdim=True)))))
        y = self.project(y)
        return x + y if self.residual else y
