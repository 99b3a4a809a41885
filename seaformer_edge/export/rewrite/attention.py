"""A transformer block for the runtime, at one size of its feature map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seaformer_edge.export.rewrite.fold import bias_of, fold, fold_hard_sigmoid
from seaformer_edge.nn.seaformer import (
    Block,
    Mlp,
    SeaAttention,
    SqueezeAxialPositionalEmbedding,
)


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
    """`nn.seaformer.SeaAttention` at one size of the feature map."""

    def __init__(self, attention: SeaAttention, height: int, width: int):
        super().__init__()
        q, k, v = fold(attention.to_q), fold(attention.to_k), fold(attention.to_v)
        self.heads = attention.heads
        self.qk_channels = q.out_channels
        self.v_channels = v.out_channels
        self.height, self.width = height, width

        q.weight.data *= attention.scale
        q_bias = bias_of(q) * attention.scale
        self.qkv = nn.Conv2d(q.in_channels, 2 * self.qk_channels + self.v_channels, 1)
        self.qkv.weight.data = torch.cat((q.weight, k.weight, v.weight)).detach()
        self.qkv.bias = nn.Parameter(torch.cat((q_bias, bias_of(k), bias_of(v))).detach())

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
        """The embeddings added to the squeezed q, k and v: (1, C, length); 0 for v."""
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
