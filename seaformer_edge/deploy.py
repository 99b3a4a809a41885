"""SeaFormer rewritten for the runtime: the same function, one XNNPACK delegate.

`deploy_segmenter` and `deploy_classifier` take a trained network and the input size it
will run at, and give a module that computes the same logits from raw RGB. Nothing is
approximated; what changes is where the arithmetic stands:

- the picture's mean is subtracted in the graph and the deviation divided into the stem, so
  that borders are padded with the mean colour exactly as in training;
- the layers down to 1/4, and then to 1/8, run a strip of rows at a time where the tensors
  between them are larger than `STRIP_BYTES` (`strips.py`);
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

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from seaformer_edge.network import (
    SIZE_MULTIPLE,
    Backbone,
    Block,
    ConvBN,
    Fusion,
    HeadConvBN,
    InvertedResidual,
    LightHead,
    Mlp,
    SeaAttention,
    SeaFormerClassifier,
    SeaFormerSegmenter,
    SqueezeAxialPositionalEmbedding,
)
from seaformer_edge.strips import Strips, convolve, rows

CHANNEL_MULTIPLE = 16

STRIP_BYTES = 4 << 20
"""What the widest tensor of a strip may take: the fastest of 1, 2 and 4 MiB where measured."""


def deploy_segmenter(
    network: SeaFormerSegmenter,
    height: int,
    width: int,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    in_strips: bool = True,
) -> nn.Module:
    """The segmentation network at one input size.

    The result maps (1, 3, height, width) float32 RGB 0..255 to logits
    (1, C, height / 8, width / 8), C the class count rounded up to `CHANNEL_MULTIPLE`.
    `in_strips` only says in what order it computes.

    Raises:
        ValueError: height or width is not a positive multiple of 32.
    """
    return DeployedSegmenter(network, height, width, mean, std, in_strips).eval()


def deploy_classifier(
    network: SeaFormerClassifier,
    height: int,
    width: int,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    in_strips: bool = True,
) -> nn.Module:
    """The classifier at one input size: (1, 3, height, width) RGB 0..255 to (1, classes)."""
    return DeployedClassifier(network, height, width, mean, std, in_strips).eval()


class DeployedSegmenter(nn.Module):
    def __init__(
        self,
        network: SeaFormerSegmenter,
        height: int,
        width: int,
        mean: Sequence[float],
        std: Sequence[float],
        in_strips: bool,
    ):
        super().__init__()
        self.backbone = DeployedBackbone(network.backbone, height, width, mean, std, in_strips)
        self.head = DeployedHead(network.decode_head, height // 8, width // 8)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone(x))
        return logits


class DeployedClassifier(nn.Module):
    def __init__(
        self,
        network: SeaFormerClassifier,
        height: int,
        width: int,
        mean: Sequence[float],
        std: Sequence[float],
        in_strips: bool,
    ):
        super().__init__()
        self.backbone = DeployedBackbone(network, height, width, mean, std, in_strips)
        self.linear = network.linear

    def forward(self, x: Tensor) -> Tensor:
        deepest = self.backbone(x)[-1]
        pooled = F.avg_pool2d(deepest, deepest.shape[2:])
        logits: Tensor = self.linear(pooled.flatten(1))
        return logits


class DeployedBackbone(nn.Module):
    """Stages and transformer stages in a row; gives the features the head asks for."""

    def __init__(
        self,
        backbone: Backbone,
        height: int,
        width: int,
        mean: Sequence[float],
        std: Sequence[float],
        in_strips: bool,
    ):
        super().__init__()
        if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE or min(height, width) <= 0:
            raise ValueError(
                f"height and width must be multiples of {SIZE_MULTIPLE}, got {height}x{width}"
            )
        steps: list[nn.Module] = [DeployedStem(backbone.smb1.stem_block[0], width, mean, std)]
        taps: list[int] = []  # indices of the steps whose output is a feature
        rows, columns = height // 2, width // 2
        for stage, transformer in backbone.stage_names:
            for child in getattr(backbone, stage).children():
                if isinstance(child, InvertedResidual):
                    steps.append(DeployedInvertedResidual(child))
                    stride = steps[-1].stride
                    rows, columns = -(-rows // stride), -(-columns // stride)
            if stage == "smb2":
                taps.append(len(steps) - 1)
            if transformer is not None:
                for block in getattr(backbone, transformer).transformer_blocks:
                    steps.append(DeployedBlock(block, rows, columns))
                taps.append(len(steps) - 1)

        halvings = [i + 1 for i, step in enumerate(steps[: taps[0] + 1]) if step.stride == 2]
        first: list[nn.Module] = []
        start, scale = 0, 2
        for end in halvings[1:]:  # the stem halves too; what is widest is what is halved next
            widest = 4 * steps[end - 1].depthwise.in_channels * (height // scale) * (width // scale)
            strips = math.ceil(widest / STRIP_BYTES) if in_strips else 1
            layers = steps[start:end]
            rows = height if start == 0 else height // scale
            first.append(Strips(layers, rows, strips) if strips > 1 else nn.Sequential(*layers))
            start, scale = end, 2 * scale
        self.steps = nn.ModuleList([nn.Sequential(*first), *steps[start:]])
        self.taps = tuple(tap - start + 1 for tap in taps)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for i, step in enumerate(self.steps):
            x = step(x)
            if i in self.taps:
                features.append(x)
        return features


class DeployedStem(nn.Module):
    """The first convolution, on raw RGB."""

    def __init__(self, stem: ConvBN, width: int, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        # A row of means, not one pixel: XNNPACK subtracts it four times faster.
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1).repeat(1, 1, 1, width))
        self.mean: Tensor
        self.conv = fold(stem)
        self.conv.weight.data /= torch.tensor(std).view(1, 3, 1, 1)
        self.kernel, self.stride = self.conv.kernel_size[0], self.conv.stride[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.strip(x, self.kernel // 2, self.kernel // 2)

    def strip(self, x: Tensor, top: int, bottom: int) -> Tensor:
        return F.relu(convolve(self.conv, x - self.mean, top, bottom))


class DeployedInvertedResidual(nn.Module):
    def __init__(self, block: InvertedResidual):
        super().__init__()
        convolutions = [fold(layer) for layer in block.conv if isinstance(layer, ConvBN)]
        *expand, self.depthwise, self.project = convolutions
        self.expand = expand[0] if expand else None
        self.kernel, self.stride = self.depthwise.kernel_size[0], self.depthwise.stride[0]
        self.residual = block.residual

    def forward(self, x: Tensor) -> Tensor:
        return self.strip(x, self.kernel // 2, self.kernel // 2)

    def strip(self, x: Tensor, top: int, bottom: int) -> Tensor:
        y = x if self.expand is None else F.relu(self.expand(x))
        y = self.project(F.relu(convolve(self.depthwise, y, top, bottom)))
        if not self.residual:
            return y
        above = self.kernel // 2 - top  # rows of x that only the convolution needs
        return y + rows(x, above, above + y.shape[2])


class DeployedBlock(nn.Module):
    def __init__(self, block: Block, height: int, width: int):
        super().__init__()
        self.attention = DeployedAttention(block.attn, height, width)
        self.mlp = DeployedMlp(block.mlp)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        y: Tensor = x + self.mlp(x)
        return y


class DeployedMlp(nn.Module):
    def __init__(self, mlp: Mlp):
        super().__init__()
        self.expand = fold(mlp.fc1)
        self.depthwise = mlp.dwconv
        self.project = fold(mlp.fc2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(F.relu6(self.depthwise(self.expand(x))))
        return y


class DeployedAttention(nn.Module):
    """`network.SeaAttention` at one size of the feature map."""

    def __init__(self, attention: SeaAttention, height: int, width: int):
        super().__init__()
        q, k, v = fold(attention.to_q), fold(attention.to_k), fold(attention.to_v)
        self.heads = attention.heads
        self.qk_channels = q.out_channels
        self.v_channels = v.out_channels
        self.height, self.width = height, width

        q.weight.data *= attention.scale
        q_bias = _bias(q) * attention.scale
        self.qkv = nn.Conv2d(q.in_channels, 2 * self.qk_channels + self.v_channels, 1)
        self.qkv.weight.data = torch.cat((q.weight, k.weight, v.weight)).detach()
        self.qkv.bias = nn.Parameter(torch.cat((q_bias, _bias(k), _bias(v))).detach())

        self.depthwise = fold(attention.dwconv)
        self.depthwise.weight.data[: self.qk_channels] /= attention.scale
        self.pointwise = fold(attention.pwconv)

        self.register_buffer(
            "row_embedding",
            self._embedding(
                attention.pos_emb_rowq, attention.pos_emb_rowk, height, attention.scale
            ).unsqueeze(3),
        )
        self.register_buffer(
            "column_embedding",
            self._embedding(
                attention.pos_emb_columnq, attention.pos_emb_columnk, width, attention.scale
            ).unsqueeze(2),
        )
        self.row_embedding: Tensor
        self.column_embedding: Tensor
        self.encode_row = fold(attention.proj_encode_row[1])
        self.encode_column = fold(attention.proj_encode_column[1])
        self.gate = fold_hard_sigmoid(fold(attention.proj[1]))

    def _embedding(
        self,
        q: SqueezeAxialPositionalEmbedding,
        k: SqueezeAxialPositionalEmbedding,
        length: int,
        scale: float,
    ) -> Tensor:
        """What is added to the squeezed q, k and v: (1, C, length); nothing to v."""
        zero = torch.zeros(1, q.pos_embed.shape[1], length)
        v = torch.zeros(1, self.v_channels, length)
        with torch.no_grad():
            return torch.cat((q(zero) * scale, k(zero), v), dim=1)

    def _attend(self, qkv: Tensor, groups: int) -> Tensor:
        """(groups, C, N) to (groups, dh, N): multi-head attention along N, 3-D throughout."""
        n = qkv.shape[2]
        batch = groups * self.heads
        c = self.qk_channels
        q = qkv[:, :c].reshape(batch, -1, n).transpose(1, 2)  # (batch, N, key_dim)
        k = qkv[:, c : 2 * c].reshape(batch, -1, n)
        v = qkv[:, 2 * c :].reshape(batch, -1, n).transpose(1, 2)
        attended = torch.bmm(torch.bmm(q, k).softmax(-1), v)  # (batch, N, v_dim)
        return attended.transpose(1, 2).reshape(groups, self.v_channels, n)

    def forward(self, x: Tensor) -> Tensor:  # (1, dim, H, W)
        qkv = self.qkv(x)
        detail = self.pointwise(F.relu6(self.depthwise(qkv)))

        rows = F.avg_pool2d(qkv, (1, self.width)) + self.row_embedding  # (1, C, H, 1)
        columns = F.avg_pool2d(qkv, (self.height, 1)) + self.column_embedding  # (1, C, 1, W)
        channels = qkv.shape[1]
        rows = rows.reshape(1, channels, self.height)
        columns = columns.reshape(1, channels, self.width)
        if self.height == self.width:
            both = self._attend(torch.cat((rows, columns)), groups=2)
            row, column = both[:1], both[1:]
        else:
            row, column = self._attend(rows, groups=1), self._attend(columns, groups=1)
        row = self.encode_row(F.relu6(row.reshape(1, self.v_channels, self.height, 1)))
        column = self.encode_column(F.relu6(column.reshape(1, self.v_channels, 1, self.width)))

        v = qkv[:, 2 * self.qk_channels :]
        gate = self.gate(F.relu6(v + row + column)).clamp(0.0, 1.0)
        gated: Tensor = gate * detail
        return gated


class DeployedFusion(nn.Module):
    def __init__(self, fusion: Fusion, height: int, width: int):
        super().__init__()
        self.local = fold(fusion.local_embedding)
        self.gate = fold_hard_sigmoid(fold(fusion.global_act))
        self.size = (height, width)

    def forward(self, local: Tensor, deep: Tensor) -> Tensor:
        gate = self.gate(deep).clamp(0.0, 1.0)
        gate = F.interpolate(gate, self.size, mode="bilinear", align_corners=False)
        fused: Tensor = self.local(local) * gate
        return fused


class DeployedHead(nn.Module):
    def __init__(self, head: LightHead, height: int, width: int):
        super().__init__()
        self.fusions = nn.ModuleList(
            DeployedFusion(getattr(head, name), height, width) for name in head.fusion_names
        )
        # scale * (local * gate) + bias = (scale * local) * gate + bias
        linear = fold(head.linear_fuse)
        last = self.fusions[-1]
        assert isinstance(last, DeployedFusion)
        scale = linear.weight.detach().view(-1)
        last.local.weight.data *= scale.view(-1, 1, 1, 1)
        last.local.bias = nn.Parameter(_bias(last.local).detach() * scale)
        self.register_buffer("bias", _bias(linear).detach().view(1, -1, 1, 1))
        self.bias: Tensor

        classes = head.conv_seg
        padding = -classes.out_channels % CHANNEL_MULTIPLE
        self.classify = nn.Conv2d(classes.in_channels, classes.out_channels + padding, 1)
        repeat = torch.cat(
            (torch.arange(classes.out_channels), torch.zeros(padding, dtype=torch.long))
        )
        self.classify.weight.data = classes.weight.detach()[repeat]
        self.classify.bias = nn.Parameter(_bias(classes).detach()[repeat])

    def forward(self, features: list[Tensor]) -> Tensor:
        x, *deeper = features
        for fusion, deep in zip(self.fusions, deeper, strict=True):
            x = fusion(x, deep)
        logits: Tensor = self.classify(F.relu(x + self.bias))
        return logits


def fold(layer: ConvBN | HeadConvBN) -> nn.Conv2d:
    """A convolution and its batch normalisation as one convolution with a bias."""
    conv, bn = layer.children()
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(bn, nn.BatchNorm2d)
    return fuse_conv_bn_eval(conv.eval(), bn.eval())


def fold_hard_sigmoid(conv: nn.Conv2d) -> nn.Conv2d:
    """Fold relu6(x + 3) / 6 = clamp(x / 6 + 1/2, 0, 1) but for the clamp."""
    conv.weight.data /= 6.0
    conv.bias = nn.Parameter(_bias(conv).detach() / 6.0 + 0.5)
    return conv


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias
