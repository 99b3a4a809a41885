"""EfficientViT-B0 and -B1 for segmentation; see `peers`.

Cai et al., "EfficientViT: Multi-Scale Linear Attention for High-Resolution Dense Prediction", ICCV
2023. The depth of B1's head and the widths are those of the published models.

The published head enlarges by bicubic interpolation, which XNNPACK has not; here it is bilinear,
which is faster.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from peer_layers import InvertedResidual, conv, depthwise, enlarge
from torch import Tensor, nn

HEAD_CHANNELS = 16
"""Channels of a query, a key and a value."""


class LinearAttention(nn.Module):
    """Multi-scale ReLU attention (section 3.1.1): over single pixels and over windows of 5x5."""

    def __init__(self, dim: int):
        super().__init__()
        self.heads = dim // HEAD_CHANNELS
        self.qkv = conv(dim, 3 * dim)
        self.gather = nn.Sequential(
            depthwise(3 * dim, 5), nn.Conv2d(3 * dim, 3 * dim, 1, groups=3 * self.heads)
        )
        self.project = conv(2 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        qkv = self.qkv(x)
        qkv = torch.cat([qkv, self.gather(qkv)], 1)
        qkv = qkv.reshape(batch * 2 * self.heads, 3 * HEAD_CHANNELS, height * width)
        q = F.relu(qkv[:, :HEAD_CHANNELS])
        k = F.relu(qkv[:, HEAD_CHANNELS : 2 * HEAD_CHANNELS])
        # A further row of ones in v becomes the sum of the weights.
        v = F.pad(qkv[:, 2 * HEAD_CHANNELS :], (0, 0, 0, 1), value=1.0)
        mixed = torch.bmm(torch.bmm(v, k.transpose(1, 2)), q)
        mixed = mixed[:, :-1] / (mixed[:, -1:] + 1e-6)
        return self.project(mixed.reshape(batch, -1, height, width))


class AttentionBlock(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.attention, self.local = LinearAttention(dim), expanded(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.local(x + self.attention(x))


def expanded(channels_in: int, channels_out: int, stride: int = 1) -> InvertedResidual:
    return InvertedResidual(channels_in, 4 * channels_in, channels_out, 3, stride, hard_swish=True)


class EfficientViT(nn.Module):
    # widths of the stem and the four stages, their depths, width and depth of the head
    ROWS: ClassVar = {
        "B0": ((8, 16, 32, 64, 128), (1, 2, 2, 2, 2), 32, 1),
        "B1": ((16, 32, 64, 128, 256), (1, 2, 3, 3, 4), 64, 3),
    }

    def __init__(self, variant: str, classes: int):
        super().__init__()
        widths, depths, head_width, head_depth = self.ROWS[variant]
        stem = widths[0]
        self.first = conv(3, stem, 3, 2)
        self.stem = nn.Sequential(
            *(InvertedResidual(stem, stem, stem, 3, 1, hard_swish=True) for _ in range(depths[0]))
        )
        stages, channels = [], stem
        for number, (width, depth) in enumerate(zip(widths[1:], depths[1:], strict=True), 1):
            blocks: list[nn.Module] = [expanded(channels, width, 2)]
            if number <= 2:
                blocks += [expanded(width, width) for _ in range(depth - 1)]
            else:
                blocks += [AttentionBlock(width) for _ in range(depth)]
            stages.append(nn.Sequential(*blocks))
            channels = width
        self.stages = nn.ModuleList(stages)
        self.reduce = nn.ModuleList(conv(width, head_width) for width in widths[2:])
        self.head = nn.Sequential(*(expanded(head_width, head_width) for _ in range(head_depth)))
        self.classify = conv(head_width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(F.hardswish(self.first(x)))
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        eighth, *deeper = [
            reduce(level) for reduce, level in zip(self.reduce, levels[1:], strict=True)
        ]
        for level in deeper:
            eighth = eighth + enlarge(level, eighth)
        return self.classify(self.head(eighth))
