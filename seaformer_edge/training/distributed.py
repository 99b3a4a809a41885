"""Training on one process or several: Lightning Fabric under `torchrun`, on CPUs or GPUs.

The gradients are averaged over the processes. If the recipe also synchronises batch normalisation,
several processes compute the same as one process with the same total batch.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn

from seaformer_edge.nn.checkpoint import Network

try:
    from lightning_fabric import Fabric
except ImportError:  # the package "lightning" includes it
    from lightning.fabric import Fabric

Precision = Literal["32-true", "bf16-mixed", "64-true"]


def make_fabric(precision: Precision) -> Fabric:
    """Fabric over the processes that torchrun started, or over this process alone."""
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


def is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"


def synchronise_batch_norm(network: Network, fabric: Fabric) -> Network:
    """Batch normalisation over the batches of all processes."""
    if fabric.world_size == 1:
        return network
    if fabric.device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():  # PyTorch's SyncBatchNorm requires a GPU
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SynchronisedBatchNorm2d
    return network


def run_depthwise_in_fp32(network: Network) -> Network:
    """Run in float32 the depthwise convolutions that bfloat16 makes slower on a CPU.

    oneDNN has no fast bfloat16 backward pass for strides or 5x5 kernels: its reference code took
    half of the training step.
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
    """Sum over all processes; its gradient is summed over them too."""

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
    """Batch normalisation with the statistics of the batches of all processes."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        if not self.training:
            return super().forward(x)
        count = x.numel() // x.shape[1] * dist.get_world_size()
        wide = x.to(self.weight.dtype)  # under autocast x is narrower
        mean = _Sum.apply(wide.sum((0, 2, 3))) / count
        # Not as mean square minus squared mean, which loses digits.
        variance = _Sum.apply((wide - mean[:, None, None]).square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return torch.addcmul(shift[:, None, None], x, scale[:, None, None])
