"""PP-MobileSeg-Tiny; see `peers`.

Tang et al., "PP-MobileSeg: Explore the Fast and Accurate Semantic Segmentation Model on Mobile
Devices", 2023. Logits at 1/16: the enlargement to the picture (the paper's VIM) is left out, as for
the others.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from peer_layers import InvertedResidual, attend, conv, depthwise, enlarge, hard_sigmoid
from torch import Tensor, nn

HEADS = 4
POSITIONS = 16


class AxialAttention(nn.Module):
    """SeaFormer's attention at half the size (section 3.1: strided)."""

    def __init__(self, dim: int, key_dim: int):
        super().__init__()
        qk, v = key_dim * HEADS, 2 * key_dim * HEADS
        self.shrink = depthwise(dim, 3, 2)
        self.q, self.k, self.v = conv(dim, qk), conv(dim, qk), conv(dim, v)
        self.detail, self.narrow = depthwise(2 * v, 3), conv(2 * v, dim)
        self.rows, self.columns, self.project = conv(v, v), conv(v, v), conv(v, dim)
        row, column = (POSITIONS, 1), (1, POSITIONS)
        self.row_position, self.column_position = (
            nn.ParameterList(torch.randn(1, qk, *shape) for _ in "qk") for shape in (row, column)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.shrink(x)
        q, k, v = self.q(y), self.k(y), self.v(y)
        detail = self.narrow(F.relu6(self.detail(torch.cat([q, k, v], 1))))
        height, width = y.shape[2:]
        rows = attend_along((F.avg_pool2d(t, (1, width)) for t in (q, k, v)), self.row_position)
        columns = attend_along(
            (F.avg_pool2d(t, (height, 1)) for t in (q, k, v)), self.column_position
        )
        mixed = v + self.rows(F.relu6(rows)) + self.columns(F.relu6(columns))
        return enlarge(hard_sigmoid(self.project(F.relu6(mixed))) * detail, x)


def attend_along(qkv: Iterable[Tensor], positions: Iterable[Tensor]) -> Tensor:
    """Attention along one axis: (B, C, H, W) each, of which H or W is 1."""
    q, k, v = qkv
    q, k = (t + enlarge(position, t) for t, position in zip((q, k), positions, strict=True))
    return attend(q, k, v, HEADS)


class Block(nn.Module):
    def __init__(self, dim: int, key_dim: int, mlp_ratio: int):
        super().__init__()
        hidden = mlp_ratio * dim
        self.attention = AxialAttention(dim, key_dim)
        self.expand, self.depthwise = conv(dim, hidden), depthwise(hidden, 3)
        self.shrink = conv(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.shrink(F.relu6(self.depthwise(self.expand(x))))


class PPMobileSeg(nn.Module):
    # fmt: off
    ROWS = (  # kernel, hidden, channels, squeeze, h-swish, stride of each stage's blocks
        ((3, 16, 16, 1, 0, 1), (3, 64, 32, 0, 0, 2), (3, 48, 24, 0, 0, 1)),
        ((5, 96, 32, 1, 1, 2), (5, 96, 32, 1, 1, 1)),
        ((5, 160, 64, 1, 1, 2), (5, 160, 64, 1, 1, 1)),
        ((3, 384, 128, 1, 1, 2), (3, 384, 128, 1, 1, 1)),
    )
    # fmt: on
    WIDTH = 256

    def __init__(self, classes: int):
        super().__init__()
        self.stem = conv(3, 16, 3, 2)
        stages, channels = [], 16
        for rows in self.ROWS:
            blocks = []
            for kernel, hidden, out, squeeze, swish, stride in rows:
                block = InvertedResidual(
                    channels,
                    hidden,
                    out,
                    kernel,
                    stride,
                    squeeze=bool(squeeze),
                    hard_swish=bool(swish),
                )
                blocks.append(block)
                channels = out
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.sixteenth = nn.Sequential(*(Block(64, 16, 2) for _ in range(2)))
        self.deepest = nn.Sequential(*(Block(128, 24, 4) for _ in range(2)))
        self.embed = nn.ModuleList(conv(c, self.WIDTH) for c in (32, 64, 128))
        self.gate = nn.ModuleList(conv(c, self.WIDTH) for c in (32, 64, 128))
        self.fuse, self.classify = depthwise(self.WIDTH, 1), conv(self.WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        first, second, third, fourth = self.stages
        eighth = second(first(F.hardswish(self.stem(x))))
        sixteenth = self.sixteenth(third(eighth))
        deepest = self.deepest(fourth(sixteenth))
        # The aggregated attention module (section 3.2), at 1/16. Half of the size by bilinear
        # sampling is the mean of 2x2.
        levels = (F.avg_pool2d(eighth, 2), sixteenth, deepest)
        gates = [gate(level).sigmoid() for gate, level in zip(self.gate, levels, strict=True)]
        low, middle, high = (embed(x) for embed, x in zip(self.embed, levels, strict=True))
        gated = gates[0] * gates[1] * enlarge(gates[2], low) * (low + middle)
        return self.classify(F.relu(self.fuse(gated + enlarge(high, low))))
