"""Convolutions one tile of rows at a time, so that the tensors between them stay in the cache.

XNNPACK runs each operator over the whole picture before the next one. The tensors between the
first operators of the network have many megabytes (16 for SeaFormer-T at 512x512), and would be
written to memory and read back. `RowTiled` runs several layers on some rows of the picture, then
on the next rows: the "depth-first" order of Goetschalckx and Verhelst, "Breaking High-Resolution
CNN Bandwidth Barriers With Enhanced Depth-First Execution", JETCAS 2019. Each tile includes the
neighbouring rows that its convolutions need, so every output sums the same products as without
tiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def convolve(conv: nn.Conv2d, x: Tensor, top: int, bottom: int) -> Tensor:
    """`conv` with `top` and `bottom` rows of zero padding, which XNNPACK fuses into it in fp32."""
    if top == bottom == conv.kernel_size[0] // 2:
        return conv(x)
    padded = F.pad(x, (0, 0, top, bottom)) if top or bottom else x
    padding = (0, conv.kernel_size[1] // 2)
    return F.conv2d(padded, conv.weight, conv.bias, conv.stride, padding, groups=conv.groups)


def rows(x: Tensor, first: int, last: int) -> Tensor:
    """x[:, :, first:last]; x itself if these are all its rows, as an alias is not delegated."""
    return x if last - first == x.shape[2] else x[:, :, first:last]


class RowTiled(nn.Module):
    """`layers` in sequence, on `count` tiles of the last layer's rows.

    A layer has attributes `kernel` and `stride` and a method `tile(x, top, bottom)`, which runs it
    on a tile, (1, C, rows, W). `top` and `bottom` are the rows of zeros to add to the input of its
    convolution: the padding that lies outside the picture. At most one of its convolutions is
    larger than 1x1.

    Args:
        height: rows of the first layer's input.
    """

    def __init__(self, layers: Sequence[nn.Module], height: int, count: int):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.heights = [height]
        for layer in layers:
            self.heights.append(self.heights[-1] // layer.stride)
        self.count = count

    def forward(self, x: Tensor) -> Tensor:  # (1, C, H, W)
        edges = [self.heights[-1] * i // self.count for i in range(self.count + 1)]
        tiles = [self._tile(x, first, last) for first, last in pairwise(edges)]
        # ExecuTorch assumes that a slice, and what is computed from it, is NCHW; it is not.
        return torch.ops.aten._to_copy(torch.cat(tiles, 2), memory_format=torch.channels_last)

    def _tile(self, x: Tensor, first: int, last: int) -> Tensor:
        """Rows `first` to `last`, exclusive, of the output."""
        paddings = []
        for layer, height in zip(reversed(self.layers), reversed(self.heights[:-1]), strict=True):
            reach = layer.kernel // 2
            first, last = first * layer.stride - reach, (last - 1) * layer.stride + reach + 1
            paddings.append((max(0, -first), max(0, last - height)))
            first, last = max(0, first), min(height, last)
        tile = rows(x, first, last)
        for layer, (top, bottom) in zip(self.layers, reversed(paddings), strict=True):
            tile = layer.tile(tile, top, bottom)
        return tile
