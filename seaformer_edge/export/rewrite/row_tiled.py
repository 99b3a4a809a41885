"""Convolutions a strip of rows at a time, so that what lies between them stays in the cache.

XNNPACK runs one operator over the whole picture after the other. Between the first ones of the
network lie tensors of many megabytes (16 for SeaFormer-T at 512x512), which would be written to
memory and read back. `RowTiled` runs a few layers on some rows of the picture, then on the next:
the "depth-first" order of Goetschalckx and Verhelst, "Breaking High-Resolution CNN Bandwidth
Barriers With Enhanced Depth-First Execution", JETCAS 2019. Each tile is read with the neighbouring
rows that its convolutions need, so every output sums the same products as without tiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RowTileLayer(Protocol):
    """What can be run in strips: at most one convolution of it reaches beyond its own pixel."""

    kernel: int
    stride: int

    def strip(self, x: Tensor, top: int, bottom: int) -> Tensor:
        """(1, C, rows, W) to its result, with `top` and `bottom` rows of zeros to be put around
        the convolution's input: those of its padding that lie outside the picture."""
        ...


def convolve(conv: nn.Conv2d, x: Tensor, top: int, bottom: int) -> Tensor:
    """`conv` with rows of zeros above and below as told; XNNPACK takes the padding into it."""
    if top == bottom == conv.kernel_size[0] // 2:
        return conv(x)
    padded = F.pad(x, (0, 0, top, bottom))
    padding = (0, conv.kernel_size[1] // 2)
    return F.conv2d(padded, conv.weight, conv.bias, conv.stride, padding, groups=conv.groups)


def rows(x: Tensor, first: int, last: int) -> Tensor:
    """x[:, :, first:last]; x itself if that is all of it, since an alias would not be delegated."""
    return x if last - first == x.shape[2] else x[:, :, first:last]


class RowTiled(nn.Module):
    """`layers` one after the other, in `count` strips of the last one's rows.

    Args:
        height: rows of the input of the first.
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
        strips = [self._strip(x, *strip) for strip in pairwise(edges)]
        # ExecuTorch takes a slice to be NCHW, and what is made of it; this says otherwise.
        return torch.ops.aten._to_copy(torch.cat(strips, 2), memory_format=torch.channels_last)

    def _strip(self, x: Tensor, first: int, last: int) -> Tensor:
        """The rows `first` to `last` of the output."""
        paddings = []
        for layer, height in zip(reversed(self.layers), reversed(self.heights[:-1]), strict=True):
            reach = layer.kernel // 2
            first, last = first * layer.stride - reach, (last - 1) * layer.stride + reach + 1
            paddings.append((max(0, -first), max(0, last - height)))
            first, last = max(0, first), min(height, last)
        strip = rows(x, first, last)
        for layer, (top, bottom) in zip(self.layers, reversed(paddings), strict=True):
            strip = layer.strip(strip, top, bottom)
        return strip
