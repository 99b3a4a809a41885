"""A network from outside the package, as small as can be: registers itself when imported."""

from __future__ import annotations

from torch import nn

from seaformer_edge.nn import Architecture, register_architecture


class TinyNet(nn.Module):
    """Three strided convolutions and a class layer: logits at 1/8."""

    def __init__(self, width, num_classes):
        super().__init__()
        layers = []
        for channels_in in (3, width, width):
            layers += [nn.Conv2d(channels_in, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.classes = nn.Conv2d(width, num_classes, 1)

    def forward(self, x):
        return self.classes(self.features(x))


def build(task, variant, num_classes, **_):
    if task != "segmentation":
        raise ValueError("it only segments")
    return TinyNet({"8": 8, "16": 16}[variant], num_classes)


register_architecture(
    Architecture("tinynet", variants=("8", "16"), build=build, class_layers=("classes.",))
)
