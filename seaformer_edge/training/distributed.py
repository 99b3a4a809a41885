"""One process or many: Lightning Fabric under `torchrun`, on CPUs or GPUs.

The gradients are averaged over the processes. Where the recipe synchronises batch normalisation
too, a run on several processes computes what one process with the same total batch computes.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Literal

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor, nn

from seaformer_edge.nn.checkpoint import Network

Precision = Literal["32-true", "bf16-mixed", "64-true"]


def make_fabric(precision: Precision) -> Fabric:
    """Fabric over the processes that torchrun started, or over this one alone."""
    for name in ("lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=local,
        num_nodes=max(world // local, 1),
        strategy="ddp" if world > 1 else "auto",
        precision=precision,
    )
    fabric.launch()
    return fabric


def synchronise_batch_norm(network: Network, fabric: Fabric) -> Network:
    """Batch normalisation over the batches of all processes."""
    if fabric.world_size == 1:
        return network
    if fabric.device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():  # PyTorch's own wants a GPU
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SynchronisedBatchNorm2d
    return network


def run_depthwise_in_fp32(network: Network) -> Network:
    """Depthwise convolutions of bfloat16 training on a CPU in float32, where that is faster.

    oneDNN has no bfloat16 backward pass for strides, nor a fast one for 5x5 kernels: its reference
    code took half of the whole training step.
    """
    for module in network.modules():
        if type(module) is not nn.Conv2d or module.groups != module.in_channels:
            continue
        if module.stride != (1, 1) or module.kernel_size != (3, 3):
            module.__class__ = Float32Conv2d
    return network


class Float32Conv2d(nn.Conv2d):
    """Convolution that autocast leaves in float32."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))


class _Sum(torch.autograd.Function):
    """The sum over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


class SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose statistics are those of the batches of all processes."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        if not self.training:
            return super().forward(x)
        count = x.numel() // x.shape[1] * dist.get_world_size()
        wide = x.to(self.weight.dtype)  # under autocast x is narrower
        mean = _Sum.apply(wide.sum((0, 2, 3))) / count
        # Of the differences from the mean: the mean square less the squared mean loses digits.
        variance = _Sum.apply((wide - mean[:, None, None]).square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return torch.addcmul(shift[:, None, None], x, scale[:, None, None])
