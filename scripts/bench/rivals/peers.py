"""Other networks for mobile segmentation, written from their papers and registered from outside.

Importing this module registers "topformer", "lr-aspp", "segformer", "efficientvit" and
"pp-mobileseg", so that they are exported, run and evaluated like SeaFormer. The pyproject.toml
beside it offers them to the commands:

    pip install -e scripts/bench/rivals

They are made for `scripts/bench/peers`, which compares times: batch normalisations are already
folded, so they can be run but hardly trained. Every operator is one that XNNPACK runs, as in
`export/rewrite` for SeaFormer: pooling over fixed windows, 3-D products, hard-sigmoids as clamps.

TopFormer: Zhang et al., CVPR 2022. MobileNetV3 and LR-ASPP: Howard et al., ICCV 2019.
SegFormer: Xie et al., NeurIPS 2021. The newer ones are in `efficientvit` and `pp_mobileseg`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import ClassVar

import torch
import torch.nn.functional as F
from efficientvit import EfficientViT
from peer_layers import InvertedResidual, attend, conv, depthwise, enlarge, hard_sigmoid
from pp_mobileseg import PPMobileSeg
from torch import Tensor, nn

from seaformer_edge.export.rewrite import Normalised, pad_classes
from seaformer_edge.nn import Architecture, register_architecture


class TopFormerBlock(nn.Module):
    def __init__(self, dim: int, heads: int, key_dim: int = 16):
        super().__init__()
        self.heads, qk, v = heads, key_dim * heads, 2 * key_dim * heads
        self.q, self.k, self.v, self.project = (
            conv(dim, qk),
            conv(dim, qk),
            conv(dim, v),
            conv(v, dim),
        )
        self.expand, self.depthwise = conv(dim, 2 * dim), depthwise(2 * dim, 3)
        self.shrink = conv(2 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.project(F.relu6(attend(self.q(x), self.k(x), self.v(x), self.heads)))
        return x + self.shrink(F.relu6(self.depthwise(self.expand(x))))


class TopFormer(nn.Module):
    # fmt: off
    # (kernel, expansion, channels, stride) of the token pyramid's blocks; the blocks whose outputs
    # become tokens; attention heads; width of the head
    ROWS: ClassVar = {
        "T": ([(3, 1, 16, 1), (3, 4, 16, 2), (3, 3, 16, 1), (5, 3, 32, 2), (5, 3, 32, 1),
               (3, 3, 64, 2), (3, 3, 64, 1), (5, 6, 96, 2), (5, 6, 96, 1)], (2, 4, 6, 8), 4, 128),
        "S": ([(3, 1, 16, 1), (3, 4, 24, 2), (3, 3, 24, 1), (5, 3, 48, 2), (5, 3, 48, 1),
               (3, 3, 96, 2), (3, 3, 96, 1), (5, 4, 128, 2), (5, 6, 128, 1), (3, 6, 128, 1)],
              (2, 4, 6, 9), 6, 192),
        "B": ([(3, 1, 16, 1), (3, 4, 32, 2), (3, 3, 32, 1), (5, 3, 64, 2), (5, 3, 64, 1),
               (3, 3, 128, 2), (3, 3, 128, 1), (5, 6, 160, 2), (5, 6, 160, 1), (3, 6, 160, 1)],
              (2, 4, 6, 9), 8, 256),
    }
    # fmt: on

    def __init__(self, variant: str, classes: int):
        super().__init__()
        rows, self.levels, heads, width = self.ROWS[variant]
        self.stem = conv(3, 16, 3, 2)
        channels, blocks = 16, []
        for kernel, expansion, out, stride in rows:
            blocks.append(InvertedResidual(channels, expansion * channels, out, kernel, stride))
            channels = out
        self.pyramid = nn.ModuleList(blocks)
        self.widths = [rows[level][2] for level in self.levels]
        self.blocks = nn.Sequential(*(TopFormerBlock(sum(self.widths), heads) for _ in range(4)))
        self.local = nn.ModuleList(conv(c, width) for c in self.widths[1:])
        self.gate = nn.ModuleList(conv(c, width) for c in self.widths[1:])
        self.deep = nn.ModuleList(conv(c, width) for c in self.widths[1:])
        self.fuse, self.classify = depthwise(width, 1), conv(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        features = []
        for i, block in enumerate(self.pyramid):
            x = block(x)
            if i in self.levels:
                features.append(x)
        # 1/4 to 1/32 pooled to 1/64 and concatenated
        windows = (16, 8, 4, 2)
        tokens = torch.cat([F.avg_pool2d(f, n) for f, n in zip(features, windows, strict=True)], 1)
        tokens = self.blocks(tokens)
        fused = None
        first = self.widths[0]
        for i, local in enumerate(features[1:]):
            token = tokens[:, first : first + self.widths[i + 1]]
            first += self.widths[i + 1]
            gate = enlarge(hard_sigmoid(self.gate[i](token)), local)
            level = self.local[i](local) * gate + enlarge(self.deep[i](token), local)
            fused = level if fused is None else fused + enlarge(level, fused)
        return self.classify(F.relu(self.fuse(fused)))


class LRASPP(nn.Module):
    """LR-ASPP on MobileNetV3-Large with an output stride of 16."""

    # fmt: off
    ROWS = (  # kernel, hidden, channels, squeeze, h-swish, stride, dilation
        (3, 16, 16, 0, 0, 1, 1), (3, 64, 24, 0, 0, 2, 1), (3, 72, 24, 0, 0, 1, 1),
        (5, 72, 40, 1, 0, 2, 1), (5, 120, 40, 1, 0, 1, 1), (5, 120, 40, 1, 0, 1, 1),
        (3, 240, 80, 0, 1, 2, 1), (3, 200, 80, 0, 1, 1, 1), (3, 184, 80, 0, 1, 1, 1),
        (3, 184, 80, 0, 1, 1, 1), (3, 480, 112, 1, 1, 1, 1), (3, 672, 112, 1, 1, 1, 1),
        (5, 672, 160, 1, 1, 1, 2), (5, 960, 160, 1, 1, 1, 2), (5, 960, 160, 1, 1, 1, 2),
    )
    # fmt: on

    def __init__(self, classes: int):
        super().__init__()
        self.stem = conv(3, 16, 3, 2)
        channels, blocks = 16, []
        for kernel, hidden, out, squeeze, swish, stride, dilation in self.ROWS:
            blocks.append(
                InvertedResidual(
                    channels, hidden, out, kernel, stride, dilation, bool(squeeze), bool(swish)
                )
            )
            channels = out
        self.to_eighth, self.rest = nn.Sequential(*blocks[:6]), nn.Sequential(*blocks[6:])
        self.last, self.narrow, self.gate = conv(160, 960), conv(960, 128), conv(960, 128)
        self.low, self.high = conv(40, classes), conv(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        eighth = self.to_eighth(F.hardswish(self.stem(x)))
        deep = F.hardswish(self.last(self.rest(eighth)))
        gated = F.relu(self.narrow(deep)) * self.gate(deep.mean((2, 3), keepdim=True)).sigmoid()
        return self.low(eighth) + self.high(enlarge(gated, eighth))


class ChannelNorm(nn.Module):
    """Layer normalisation over channels; the means are 1x1 convolutions, which XNNPACK runs."""

    def __init__(self, channels: int):
        super().__init__()
        self.mean = conv(channels, 1).requires_grad_(False)
        nn.init.constant_(self.mean.weight, 1 / channels)
        nn.init.zeros_(self.mean.bias)
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = x - self.mean(x)
        return x * (self.mean(x * x).abs() + 1e-5).rsqrt() * self.scale + self.bias


class SegFormerBlock(nn.Module):
    def __init__(self, dim: int, heads: int, reduction: int):
        super().__init__()
        self.heads = heads
        self.before, self.after = ChannelNorm(dim), ChannelNorm(dim)
        self.q, self.k, self.v, self.project = (conv(dim, dim) for _ in range(4))
        self.reduce = None
        if reduction > 1:
            self.reduce = nn.Sequential(nn.Conv2d(dim, dim, reduction, reduction), ChannelNorm(dim))
        self.expand, self.depthwise = conv(dim, 4 * dim), depthwise(4 * dim, 3)
        self.shrink = conv(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        y = self.before(x)
        short = y if self.reduce is None else self.reduce(y)
        x = x + self.project(attend(self.q(y), self.k(short), self.v(short), self.heads))
        return x + self.shrink(F.gelu(self.depthwise(self.expand(self.after(x)))))


class SegFormerB0(nn.Module):
    ROWS = ((32, 1, 8, 7, 4), (64, 2, 4, 3, 2), (160, 5, 2, 3, 2), (256, 8, 1, 3, 2))

    def __init__(self, classes: int):
        super().__init__()
        stages, channels = [], 3
        for dim, heads, reduction, kernel, stride in self.ROWS:
            blocks = (SegFormerBlock(dim, heads, reduction) for _ in range(2))
            embed = (conv(channels, dim, kernel, stride), ChannelNorm(dim))
            stages.append(nn.Sequential(*embed, *blocks, ChannelNorm(dim)))
            channels = dim
        self.stages = nn.ModuleList(stages)
        self.embed = nn.ModuleList(conv(row[0], 256) for row in self.ROWS)
        self.fuse, self.classify = conv(1024, 256), conv(256, classes)

    def forward(self, x: Tensor) -> Tensor:
        levels = []
        for stage, embed in zip(self.stages, self.embed, strict=True):
            x = stage(x)
            level = embed(x)
            levels.append(enlarge(level, levels[0]) if levels else level)
        return self.classify(F.relu(self.fuse(torch.cat(levels, 1))))


def segments_only(network: Callable[[str, int], nn.Module]) -> Callable[..., nn.Module]:
    """`Architecture.build` from (variant, num_classes) to a network."""

    def build(task: str, variant: str, num_classes: int, **_: float) -> nn.Module:
        if task != "segmentation":
            raise ValueError("there is no network for this task")
        return network(variant, num_classes)

    return build


def padded(*class_layers: str) -> Callable[..., nn.Module]:
    """`Architecture.rewrite`: the network with its class layers padded, as SeaFormer's is."""

    def rewrite(
        network: nn.Module,
        height: int,
        width: int,
        mean: Sequence[float],
        std: Sequence[float],
        precision: str,
    ) -> nn.Module:
        network = deepcopy(network)
        for name in class_layers:
            setattr(network, name, pad_classes(getattr(network, name)))
        return Normalised(network, width, mean, std)

    return rewrite


for name, variants, network, class_layers in (
    ("topformer", tuple(TopFormer.ROWS), TopFormer, ("classify",)),
    ("lr-aspp", ("large",), lambda _, num_classes: LRASPP(num_classes), ("low", "high")),
    ("segformer", ("B0",), lambda _, num_classes: SegFormerB0(num_classes), ("classify",)),
    ("efficientvit", tuple(EfficientViT.ROWS), EfficientViT, ("classify",)),
    ("pp-mobileseg", ("T",), lambda _, num_classes: PPMobileSeg(num_classes), ("classify",)),
):
    register_architecture(
        Architecture(
            name,
            variants=variants,
            build=segments_only(network),
            rewrite=padded(*class_layers),
            class_layers=tuple(f"{layer}." for layer in class_layers),
        )
    )
