"""The segmentation head for the runtime."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from seaformer_edge.export.rewrite.fold import bias_of, fold, fold_hard_sigmoid, pad_classes
from seaformer_edge.nn.seaformer import Fusion, LightHead


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
        last.local.bias = nn.Parameter(bias_of(last.local).detach() * scale)
        self.register_buffer("bias", bias_of(linear).detach().view(1, -1, 1, 1))
        self.bias: Tensor

        self.classify = pad_classes(head.conv_seg)

    def forward(self, features: list[Tensor]) -> Tensor:
        x, *deeper = features
        for fusion, deep in zip(self.fusions, deeper, strict=True):
            x = fusion(x, deep)
        logits: Tensor = self.classify(F.relu(x + self.bias))
        return logits
