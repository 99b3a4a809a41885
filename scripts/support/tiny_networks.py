"""The smallest possible SeaFormer, for tests that do not depend on its size, and test cards."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import nn

from seaformer_edge.hub.card import Card
from seaformer_edge.hub.class_list import spread_palette
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.nn.seaformer import build
from seaformer_edge.nn.variants import Variant

TINY = Variant(
    stages=(
        ((3, 1, 8, 1), (3, 2, 8, 2)),
        ((3, 2, 8, 2),),
        ((3, 2, 16, 2),),
        ((3, 2, 16, 2),),
        ((3, 2, 16, 2),),
    ),
    stem_channels=8,
    depths=(1, 1),
    key_dims=(8, 12),
    mlp_ratios=(2, 2),
    heads=2,
    head_channels=(8, 16),
)


def trained_network(task, num_classes, seed=0, variant="T"):
    """A network with weights as if trained: batch statistics, and logits of different classes."""
    torch.manual_seed(seed)
    network = build(task, variant, num_classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.weight, 0, 0.5)
    return network.eval()


def checkpoint_card(task, num_classes, architecture="seaformer", variant="T"):
    """The card of a checkpoint with classes c0, c1, ..."""
    return Card(
        name="tiny",
        task=task,
        variant=variant,
        precision="fp32",
        height=0,
        width=0,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        classes=tuple(f"c{i}" for i in range(num_classes)),
        palette=spread_palette(num_classes),
        logit_channels=num_classes,
        origin="test",
        data="none",
        licence="none",
        accuracy={"mIoU": 0.9},
        architecture=architecture,
    )


def eager_logits(network, image, mean=IMAGENET_MEAN, std=IMAGENET_STD):
    """PyTorch's logits of one picture, (H, W, 3) uint8 RGB: (C, h, w) or (C,)."""
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (mean, std))
    with torch.inference_mode():
        return network((x - mean) / std)[0]


def picture(height, width):
    """A picture with edges and gradients, uint8 RGB."""
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
