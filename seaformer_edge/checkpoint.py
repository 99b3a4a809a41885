"""Network weights on disk: our safetensors, and the published checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from seaformer_edge.class_list import ClassList
from seaformer_edge.errors import ModelError
from seaformer_edge.network import VARIANTS, SeaFormerClassifier, SeaFormerSegmenter

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Of RGB 0..255; what the published networks and ours are normalised with."""

Network = SeaFormerSegmenter | SeaFormerClassifier


def save_network(network: nn.Module, path: Path, classes: ClassList) -> None:
    """Write the weights as safetensors, with the class list in its metadata."""
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    metadata = {
        "classes": json.dumps(
            {
                "names": classes.names,
                "palette": classes.palette,
                "ignore_index": classes.ignore_index,
            }
        )
    }
    temporary = path.with_name(path.name + ".tmp")
    safetensors.torch.save_file(state, temporary, metadata)
    temporary.replace(path)


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file.

    Raises:
        ModelError: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read as safetensors ({error})") from error


def load_matching(network: nn.Module, path: Path) -> None:
    """Load all tensors whose name and shape fit; for fine-tuning to other classes.

    Raises:
        ModelError: nothing but the class layer may differ, and something does.
    """
    state, _ = read_safetensors(path)
    wanted = network.state_dict()
    class_layer = {name for name in wanted if name.startswith(("decode_head.conv_seg.", "linear."))}
    fitting = {
        name: tensor
        for name, tensor in state.items()
        if name in wanted and wanted[name].shape == tensor.shape
    }
    if absent := sorted(wanted.keys() - fitting.keys() - class_layer):
        raise ModelError(f"{path}: does not fit this network: {', '.join(absent[:8])} ...")
    network.load_state_dict(fitting, strict=False)
