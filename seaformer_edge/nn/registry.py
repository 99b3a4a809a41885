"""The table of architectures: which variants there are, how to build and how to export them.

Checkpoints, export, evaluation and training find a network here by the `architecture` that its
card or recipe names. A network of another design is added without a change to this package:

    from seaformer_edge.nn import Architecture, register_architecture

    register_architecture(Architecture("mynet", variants=("small", "large"), build=build_mynet))

The commands find it by an entry point, named like the architecture, of the Python package that
contains it. The value is the module that calls `register_architecture` when it is imported:

    [project.entry-points."seaformer_edge.architectures"]
    mynet = "mynet"

scripts/bench/rivals is a complete example. This module does not import torch.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from seaformer_edge.errors import ModelError, suggestion
from seaformer_edge.nn.network_input import check_size
from seaformer_edge.nn.variants import VARIANTS

if TYPE_CHECKING:
    from torch import nn

ENTRY_POINTS = "seaformer_edge.architectures"


@dataclass(frozen=True)
class Architecture:
    """One kind of network. A function may be given as "module:name" and is then imported late.

    Attributes:
        name: as cards and recipes write it, e.g. "seaformer".
        variants: names of its sizes, smallest first.
        build: (task, variant, num_classes, **options) to a freshly initialised `nn.Module` that
            maps normalised RGB, (B, 3, H, W) float32 with H and W multiples of 32, to logits:
            (B, num_classes, h, w) for the task "segmentation", (B, num_classes) for
            "classification". Training passes the options drop_path_rate and dropout; a network
            without them takes and ignores them. Raises ValueError for a task that it lacks.
        rewrite: (network, height, width, mean, std, precision) to a module that the exporter
            lowers: (1, 3, height, width) float32 RGB 0..255 to the same logits, optionally with
            more channels that repeat class 0. `precision` is "fp32", "fp16" or "int8"; the result
            is float32, and the exporter converts it. It must leave `network` unchanged. The default
            runs the network as it is after normalising.
        class_layers: prefixes of the names of the tensors that depend on the list of classes, one
            row for each; a training that starts from a checkpoint with other classes takes the
            rows of the classes that have the same name.
    """

    name: str
    variants: tuple[str, ...]
    build: Callable[..., nn.Module] | str
    rewrite: Callable[..., nn.Module] | str = "seaformer_edge.export.rewrite:normalised"
    class_layers: tuple[str, ...] = ()


_ARCHITECTURES: dict[str, Architecture] = {}


def register_architecture(architecture: Architecture) -> None:
    """Make an architecture known to this process.

    Raises:
        ValueError: the name is taken, or there are no variants.
    """
    if architecture.name in _ARCHITECTURES:
        raise ValueError(f"architecture {architecture.name!r} is registered already")
    if not architecture.variants:
        raise ValueError(f"architecture {architecture.name!r} has no variants")
    _ARCHITECTURES[architecture.name] = architecture


register_architecture(
    Architecture(
        "seaformer",
        variants=tuple(VARIANTS),
        build="seaformer_edge.nn.seaformer:build",
        rewrite="seaformer_edge.export.rewrite:rewrite",
        class_layers=("decode_head.conv_seg.", "linear."),
    )
)


def find_architecture(name: str) -> Architecture:
    """The architecture with this name, from the table or from an installed package.

    Raises:
        ModelError: it is not known, or the package that has it cannot be imported.
    """
    if name not in _ARCHITECTURES:
        for entry_point in entry_points(group=ENTRY_POINTS, name=name):
            try:
                entry_point.load()
            except Exception as error:  # whatever the code of others raises
                raise ModelError(
                    f"architecture {name!r}: importing {entry_point.value} failed ({error})"
                ) from error
    if name not in _ARCHITECTURES:
        raise ModelError(
            f"unknown architecture {name!r}; {suggestion(name, _ARCHITECTURES)}. Install the"
            f" package that provides it under the entry point {ENTRY_POINTS}"
        )
    return _ARCHITECTURES[name]


def build(
    architecture: str, task: str, variant: str, num_classes: int, **options: float
) -> nn.Module:
    """A freshly initialised network; see `Architecture.build` for what it takes and returns.

    Raises:
        ModelError: there is no such architecture or variant, or it does not do this task.
    """
    row = find_architecture(architecture)
    if variant not in row.variants:
        raise ModelError(
            f"unknown variant {variant!r} of {architecture}; {suggestion(variant, row.variants)}"
        )
    try:
        return _function(row.build)(task, variant, num_classes, **options)
    except ValueError as error:
        raise ModelError(f"{architecture} {variant}, {task}: {error}") from error


def rewrite(
    architecture: str,
    network: nn.Module,
    height: int,
    width: int,
    mean: Sequence[float],
    std: Sequence[float],
    precision: str = "fp32",
) -> nn.Module:
    """The module to export, in evaluation mode; see `Architecture.rewrite`.

    Raises:
        ModelError: there is no such architecture.
        ValueError: height or width is not a positive multiple of 32.
    """
    check_size(height, width)
    function = _function(find_architecture(architecture).rewrite)
    return function(network, height, width, mean, std, precision).eval()


def _function(function: Callable[..., nn.Module] | str) -> Callable[..., Any]:
    return pkgutil.resolve_name(function) if isinstance(function, str) else function
