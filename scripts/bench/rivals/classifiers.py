"""Networks that others have measured on ARM boards, for the cross-check of arm_instructions.

ncnn publishes times of them (benchmark/README.md in its repository). Random weights, 224x224.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIZE, CLASSES = 224, 1000


def convolution(
    channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups)


def classifier(channels: int, side: int) -> list[nn.Module]:
    return [nn.AvgPool2d(side), nn.Flatten(), nn.Linear(channels, CLASSES)]


def mobilenet_v1() -> nn.Module:
    """Howard et al., 2017; 569 million multiplications."""
    layers: list[nn.Module] = [convolution(3, 32, 3, 2), nn.ReLU()]
    channels = 32
    rows = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
    for out, stride in [*rows, *[(512, 1)] * 5, (1024, 2), (1024, 1)]:
        layers += [convolution(channels, channels, 3, stride, channels), nn.ReLU()]
        layers += [convolution(channels, out), nn.ReLU()]
        channels = out
    return nn.Sequential(*layers, *classifier(1024, 7))


class InvertedResidual(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, expansion: int, stride: int):
        super().__init__()
        hidden = channels_in * expansion
        expand = [convolution(channels_in, hidden), nn.ReLU6()] if expansion > 1 else []
        depthwise = [convolution(hidden, hidden, 3, stride, hidden), nn.ReLU6()]
        self.layers = nn.Sequential(*expand, *depthwise, convolution(hidden, channels_out))
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


def mobilenet_v2() -> nn.Module:
    """Sandler et al., 2018; 300 million multiplications."""
    layers: list[nn.Module] = [convolution(3, 32, 3, 2), nn.ReLU6()]
    channels = 32
    rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1)]
    for expansion, out, repeats, first_stride in [*rows, (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(repeats):
            stride = first_stride if i == 0 else 1
            layers.append(InvertedResidual(channels, out, expansion, stride))
            channels = out
    return nn.Sequential(*layers, convolution(320, 1280), nn.ReLU6(), *classifier(1280, 7))


class Fire(nn.Module):
    def __init__(self, channels_in: int, squeezed: int, expanded: int):
        super().__init__()
        self.squeeze = convolution(channels_in, squeezed)
        self.expand_1 = convolution(squeezed, expanded)
        self.expand_3 = convolution(squeezed, expanded, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat((self.expand_1(x).relu(), self.expand_3(x).relu()), 1)


def squeezenet() -> nn.Module:
    """Iandola et al., 2016, version 1.1; 350 million multiplications."""
    pool = [nn.MaxPool2d(3, 2, 1)]
    layers = [convolution(3, 64, 3, 2), nn.ReLU(), *pool, Fire(64, 16, 64), Fire(128, 16, 64)]
    layers += [*pool, Fire(128, 32, 128), Fire(256, 32, 128), *pool, Fire(256, 48, 192)]
    layers += [Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)]
    return nn.Sequential(
        *layers, convolution(512, CLASSES), nn.ReLU(), nn.AvgPool2d(14), nn.Flatten()
    )


NETWORKS = {"MobileNet v1": mobilenet_v1, "MobileNet v2": mobilenet_v2, "SqueezeNet": squeezenet}
