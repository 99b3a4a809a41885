"""Optimizer, parameter groups and learning rate of a training stage."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from seaformer_edge.nn.checkpoint import Network
from seaformer_edge.training.recipe import Stage
from seaformer_edge.training.rmsprop import RMSpropTF


def parameter_groups(network: Network, stage: Stage) -> list[dict[str, Any]]:
    """Backbone and head, each with and without weight decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        head = name.startswith("decode_head")
        decays = parameter.ndim > 1 and "pos_embed" not in name
        groups.setdefault((head, decays), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": stage.learning_rate * (stage.head_learning_rate_factor if head else 1.0),
            "weight_decay": stage.weight_decay if decays else 0.0,
        }
        for (head, decays), parameters in groups.items()
    ]


def make_optimizer(network: Network, stage: Stage) -> torch.optim.Optimizer:
    groups = parameter_groups(network, stage)
    if stage.optimizer == "rmsprop":
        return RMSpropTF(groups)
    return torch.optim.AdamW(groups)


def learning_rate_factor(step: int, stage: Stage) -> float:
    """Linear warm-up, then polynomial decay to 0 at the last step or decay by steps."""
    warmup = min(1.0, (step + 1) / max(stage.warmup_steps, 1))
    if stage.schedule == "step":
        return float(warmup * stage.step_decay ** (step // stage.decay_steps))
    return float(warmup * (1 - step / stage.steps) ** stage.poly_power)
