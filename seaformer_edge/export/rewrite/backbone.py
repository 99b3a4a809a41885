"""The backbone for the runtime: raw RGB to the features that the head reads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seaformer_edge.export.rewrite.attention import DeployedBlock
from seaformer_edge.export.rewrite.fold import fold
from seaformer_edge.export.rewrite.row_tiled import RowTiled, convolve, rows
from seaformer_edge.nn.network_input import check_size
from seaformer_edge.nn.seaformer import Backbone, ConvBN, InvertedResidual


class DeployedBackbone(nn.Module):
    """Stages and transformer stages in sequence: (1, 3, H, W) to the features the head reads."""

    def __init__(
        self,
        backbone: Backbone,
        height: int,
        width: int,
        mean: Sequence[float],
        std: Sequence[float],
        tile_values: int | None,
    ):
        super().__init__()
        check_size(height, width)
        steps: list[nn.Module] = [DeployedStem(backbone.smb1.stem_block[0], width, mean, std)]
        taps: list[int] = []  # indices of the steps whose output is returned
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
        for end in halvings[1:]:  # the widest tensor is the one that the next stride halves
            widest = steps[end - 1].depthwise.in_channels * (height // scale) * (width // scale)
            tiles = math.ceil(widest / tile_values) if tile_values else 1
            layers = steps[start:end]
            rows = height if start == 0 else height // scale
            first.append(RowTiled(layers, rows, tiles) if tiles > 1 else nn.Sequential(*layers))
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
        return self.tile(x, self.kernel // 2, self.kernel // 2)

    def tile(self, x: Tensor, top: int, bottom: int) -> Tensor:
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
        return self.tile(x, self.kernel // 2, self.kernel // 2)

    def tile(self, x: Tensor, top: int, bottom: int) -> Tensor:
        y = x if self.expand is None else F.relu(self.expand(x))
        y = self.project(F.relu(convolve(self.depthwise, y, top, bottom)))
        if not self.residual:
            return y
        above = self.kernel // 2 - top  # rows of x that only the convolution needs
        return y + rows(x, above, above + y.shape[2])
