"""SeaFormer as published: backbone, light segmentation head and image classifier.

Wan et al., "SeaFormer: Squeeze-enhanced Axial Transformer for Mobile Semantic
Segmentation", ICLR 2023. Parameter names and shapes are those of the published
checkpoints, so their state_dicts load unchanged. This file is the readable, trainable
network; `export/rewrite` computes the same function in a form for the runtime.

Shapes in comments: B batch, C channels, H and W height and width of the current feature
map, N its height or width.
"""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seaformer_edge.nn.network_input import check_size
from seaformer_edge.nn.variants import VARIANTS, Variant


class ConvBN(nn.Sequential):
    """Convolution without bias, then batch normalisation (published names `c`, `bn`)."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ):
        super().__init__()
        self.add_module(
            "c",
            nn.Conv2d(
                channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False
            ),
        )
        self.add_module("bn", nn.BatchNorm2d(channels_out))


class HeadConvBN(nn.Sequential):
    """1x1 convolution and batch normalisation of the head (published names `conv`, `bn`)."""

    def __init__(self, channels_in: int, channels_out: int, groups: int = 1):
        super().__init__()
        self.add_module("conv", nn.Conv2d(channels_in, channels_out, 1, groups=groups, bias=False))
        self.add_module("bn", nn.BatchNorm2d(channels_out))


class StochasticDepth(nn.Module):
    """Drops the residual branch for some samples of a training batch.

    Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.
    """

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        keep = 1.0 - self.rate
        return x * x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(keep).div_(keep)


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise kxk, 1x1 projection (MobileNetV2), with plain ReLU."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, expansion: int, stride: int
    ):
        super().__init__()
        hidden = channels_in * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [ConvBN(channels_in, hidden), nn.ReLU()]
        layers += [
            ConvBN(hidden, hidden, kernel, stride, groups=hidden),
            nn.ReLU(),
            ConvBN(hidden, channels_out),
        ]
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)


class Stage(nn.Module):
    """Inverted residuals in sequence; the first stage starts with the stem (3x3, stride 2)."""

    def __init__(
        self,
        rows: tuple[tuple[int, int, int, int], ...],
        channels_in: int,
        stem_channels: int | None = None,
    ):
        super().__init__()
        if stem_channels is not None:
            self.stem_block = nn.Sequential(ConvBN(channels_in, stem_channels, 3, 2), nn.ReLU())
            channels_in = stem_channels
        self.layer_names = [f"layer{i}" for i in range(1, len(rows) + 1)]
        for name, (kernel, expansion, channels_out, stride) in zip(
            self.layer_names, rows, strict=True
        ):
            block = InvertedResidual(channels_in, channels_out, kernel, expansion, stride)
            self.add_module(name, block)
            channels_in = channels_out

    def forward(self, x: Tensor) -> Tensor:  # (B, C_in, H, W) to (B, C_out, H / s, W / s)
        if hasattr(self, "stem_block"):
            x = self.stem_block(x)
        for name in self.layer_names:
            x = getattr(self, name)(x)
        return x


class SqueezeAxialPositionalEmbedding(nn.Module):
    """A learnt embedding of 16 positions along one axis, resized to its length (section 3.2)."""

    def __init__(self, channels: int, positions: int = 16):
        super().__init__()
        self.pos_embed = nn.Parameter(torch.randn(1, channels, positions))

    def forward(self, x: Tensor) -> Tensor:  # (B, C, N)
        return x + F.interpolate(self.pos_embed, x.shape[2], mode="linear", align_corners=False)


class SeaAttention(nn.Module):
    """Squeeze-enhanced axial attention (paper, section 3.2).

    The feature map is squeezed, by averaging, to one column and to one row, with multi-head
    attention along each. Their sum gates the detail branch, a depthwise convolution of q, k and v
    at full resolution.
    """

    def __init__(self, dim: int, key_dim: int, heads: int, detail_channels: int):
        super().__init__()
        self.heads = heads
        self.scale = key_dim**-0.5
        qk_channels = key_dim * heads
        v_channels = 2 * qk_channels
        self.to_q = ConvBN(dim, qk_channels)
        self.to_k = ConvBN(dim, qk_channels)
        self.to_v = ConvBN(dim, v_channels)
        self.proj = nn.Sequential(nn.ReLU6(), ConvBN(v_channels, dim))
        self.proj_encode_row = nn.Sequential(nn.ReLU6(), ConvBN(v_channels, v_channels))
        self.proj_encode_column = nn.Sequential(nn.ReLU6(), ConvBN(v_channels, v_channels))
        self.pos_emb_rowq = SqueezeAxialPositionalEmbedding(qk_channels)
        self.pos_emb_rowk = SqueezeAxialPositionalEmbedding(qk_channels)
        self.pos_emb_columnq = SqueezeAxialPositionalEmbedding(qk_channels)
        self.pos_emb_columnk = SqueezeAxialPositionalEmbedding(qk_channels)
        self.dwconv = ConvBN(detail_channels, detail_channels, 3, groups=detail_channels)
        self.act = nn.ReLU6()
        self.pwconv = ConvBN(detail_channels, dim)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Multi-head attention along the last axis: (B, C, N) each, to (B, dh, N)."""
        q, k, v = (t.unflatten(1, (self.heads, -1)) for t in (q, k, v))  # (B, heads, c, N)
        weights = (q.transpose(2, 3) @ k * self.scale).softmax(dim=-1)  # (B, heads, N, N)
        return (v @ weights.transpose(2, 3)).flatten(1, 2)

    def forward(self, x: Tensor) -> Tensor:  # (B, dim, H, W)
        q, k, v = self.to_q(x), self.to_k(x), self.to_v(x)  # v has twice the channels of q, k
        detail = self.pwconv(self.act(self.dwconv(torch.cat((q, k, v), dim=1))))

        row = self._attend(  # averaged over W, attention along H: (B, dh, H)
            self.pos_emb_rowq(q.mean(3)), self.pos_emb_rowk(k.mean(3)), v.mean(3)
        )
        column = self._attend(  # averaged over H, attention along W: (B, dh, W)
            self.pos_emb_columnq(q.mean(2)), self.pos_emb_columnk(k.mean(2)), v.mean(2)
        )
        axial = (  # (B, dh, H, W)
            v
            + self.proj_encode_row(row.unsqueeze(3))
            + self.proj_encode_column(column.unsqueeze(2))
        )
        return F.hardsigmoid(self.proj(axial)) * detail


class Mlp(nn.Module):
    """1x1 expansion, depthwise 3x3 with a bias and no normalisation, ReLU6, 1x1 back."""

    def __init__(self, dim: int, hidden: int):
        super().__init__()
        self.fc1 = ConvBN(dim, hidden)
        self.dwconv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.act = nn.ReLU6()
        self.fc2 = ConvBN(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.fc2(self.act(self.dwconv(self.fc1(x)))))


class Block(nn.Module):
    """SeaFormer layer: attention and MLP, each with a residual connection."""

    def __init__(
        self,
        dim: int,
        key_dim: int,
        heads: int,
        mlp_ratio: int,
        detail_channels: int,
        drop_path_rate: float,
    ):
        super().__init__()
        self.attn = SeaAttention(dim, key_dim, heads, detail_channels)
        self.drop_path = StochasticDepth(drop_path_rate)
        self.mlp = Mlp(dim, dim * mlp_ratio)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.attn(x))
        return cast(Tensor, x + self.drop_path(self.mlp(x)))


class TransformerStage(nn.Module):
    """SeaFormer layers in sequence."""

    def __init__(self, blocks: list[Block]):
        super().__init__()
        self.transformer_blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.transformer_blocks:
            x = block(x)
        return x


class Backbone(nn.Module):
    """Convolutional stages smb1 to smb5; a transformer stage follows each of the last ones.

    The paper's shared stem, down to 1/8, and its context branch (section 3.1).

    Args:
        variant: a row of `VARIANTS`.
        drop_path_rate: stochastic depth of the last block of each transformer stage; the rate
            grows linearly from 0 at the first block.
    """

    def __init__(self, variant: Variant, drop_path_rate: float = 0.1):
        super().__init__()
        self.variant = variant
        channels = 3
        first_transformer = len(variant.stages) - len(variant.depths)
        for i, rows in enumerate(variant.stages):
            stem_channels = variant.stem_channels if i == 0 else None
            self.add_module(f"smb{i + 1}", Stage(rows, channels, stem_channels))
            channels = rows[-1][2]
            t = i - first_transformer
            if t < 0:
                continue
            key_dim = variant.key_dims[t]
            depth = variant.depths[t]
            self.add_module(
                f"trans{t + 1}",
                TransformerStage(
                    [
                        Block(
                            channels,
                            key_dim,
                            variant.heads,
                            variant.mlp_ratios[t],
                            detail_channels=4 * key_dim * variant.heads,
                            drop_path_rate=drop_path_rate * b / max(depth - 1, 1),
                        )
                        for b in range(depth)
                    ]
                ),
            )
        self.stage_names = [
            (f"smb{i + 1}", f"trans{i - first_transformer + 1}" if i >= first_transformer else None)
            for i in range(len(variant.stages))
        ]
        initialise(self)

    def forward_features(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) to the features at 1/8 and those after every transformer stage."""
        features = []
        for i, (stage, transformer) in enumerate(self.stage_names):
            x = getattr(self, stage)(x)
            if i == 1:
                features.append(x)  # (B, C, H / 8, W / 8), the spatial branch
            if transformer is not None:
                x = getattr(self, transformer)(x)
                features.append(x)
        return features

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.forward_features(x)


class Fusion(nn.Module):
    """Fusion block: local features, gated by deeper ones (paper, section 3.3)."""

    def __init__(self, local_channels: int, global_channels: int, embedding: int):
        super().__init__()
        self.local_embedding = HeadConvBN(local_channels, embedding)
        self.global_act = HeadConvBN(global_channels, embedding)

    def forward(self, local: Tensor, deep: Tensor) -> Tensor:  # result: (B, embedding, H, W)
        gate = F.hardsigmoid(self.global_act(deep))
        gate = F.interpolate(gate, local.shape[2:], mode="bilinear", align_corners=False)
        return cast(Tensor, self.local_embedding(local) * gate)


class LightHead(nn.Module):
    """Light segmentation head: fuses the 1/8 features with each deeper stage, then classifies every
    position."""

    def __init__(self, variant: Variant, num_classes: int, dropout: float = 0.1):
        super().__init__()
        local = variant.stage_channels[1]
        self.fusion_names = []
        for i, (deep, embedding) in enumerate(
            zip(variant.transformer_channels, variant.head_channels, strict=True), start=1
        ):
            self.fusion_names.append(f"fuse{i}")
            self.add_module(f"fuse{i}", Fusion(local, deep, embedding))
            local = embedding
        self.linear_fuse = HeadConvBN(local, local, groups=local)
        self.dropout = nn.Dropout2d(dropout)
        self.conv_seg = nn.Conv2d(local, num_classes, 1)
        initialise(self)
        nn.init.normal_(self.conv_seg.weight, 0.0, 0.01)

    def forward(self, features: list[Tensor]) -> Tensor:
        x, *deeper = features
        for name, deep in zip(self.fusion_names, deeper, strict=True):
            x = getattr(self, name)(x, deep)
        return cast(Tensor, self.conv_seg(self.dropout(F.relu(self.linear_fuse(x)))))


class SeaFormerSegmenter(nn.Module):
    """SeaFormer for semantic segmentation.

    Args:
        variant: "T", "S", "B" or "L".
        num_classes: number of classes of the logits.

    `forward` maps normalised RGB, (B, 3, H, W) float32 with H and W multiples of 32, to
    logits (B, num_classes, H / 8, W / 8). The labels of a picture are the argmax of the logits
    resized bilinearly (align_corners false) to its size.

    Raises:
        ValueError: unknown variant (on construction), or height or width is no multiple of 32.
    """

    def __init__(
        self, variant: str, num_classes: int, drop_path_rate: float = 0.1, dropout: float = 0.1
    ):
        super().__init__()
        self.variant_name = variant
        self.num_classes = num_classes
        self.backbone = Backbone(_variant(variant), drop_path_rate)
        self.decode_head = LightHead(_variant(variant), num_classes, dropout)

    def forward(self, x: Tensor) -> Tensor:
        check_size(x.shape[2], x.shape[3])
        return cast(Tensor, self.decode_head(self.backbone.forward_features(x)))


class SeaFormerClassifier(Backbone):
    """SeaFormer for image classification: normalised RGB (B, 3, H, W) to (B, num_classes)."""

    def __init__(self, variant: str, num_classes: int, drop_path_rate: float = 0.1):
        row = _variant(variant)
        super().__init__(row, drop_path_rate)
        self.variant_name = variant
        self.num_classes = num_classes
        self.linear = nn.Linear(row.stage_channels[-1], num_classes)
        nn.init.normal_(self.linear.weight, 0.0, 0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.linear(self.forward_features(x)[-1].mean((2, 3))))


def build(
    task: str, variant: str, num_classes: int, drop_path_rate: float = 0.1, dropout: float = 0.1
) -> SeaFormerSegmenter | SeaFormerClassifier:
    """A freshly initialised SeaFormer for "segmentation" or "classification".

    Raises:
        ValueError: unknown task or variant.
    """
    if task == "segmentation":
        return SeaFormerSegmenter(variant, num_classes, drop_path_rate, dropout)
    if task == "classification":
        return SeaFormerClassifier(variant, num_classes, drop_path_rate)
    raise ValueError(f"unknown task {task!r}; known are segmentation and classification")


def _variant(name: str) -> Variant:
    try:
        return VARIANTS[name]
    except KeyError:
        raise ValueError(f"unknown variant {name!r}; known are {', '.join(VARIANTS)}") from None


def initialise(module: nn.Module) -> None:
    """The published initialisation: He (fan out) convolutions, unit batch normalisation."""
    for m in module.modules():
        if isinstance(m, nn.Conv2d):
            fan_out = m.kernel_size[0] * m.kernel_size[1] * m.out_channels // m.groups
            nn.init.normal_(m.weight, 0.0, math.sqrt(2.0 / fan_out))
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.BatchNorm2d):
            nn.init.ones_(m.weight)
            nn.init.zeros_(m.bias)
