"""Our checkpoints: weights as safetensors, with a card beside them (`hub/card.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import safetensors.torch
import torch
from torch import Tensor, nn

from seaformer_edge._version import __version__
from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card, verify, write_model
from seaformer_edge.nn.registry import build

Network: TypeAlias = nn.Module
"""Any network of the registry: normalised RGB (B, 3, H, W) float32 to logits."""


def save_checkpoint(
    network: Network, card: Card, path: Path, dtype: torch.dtype = torch.float32
) -> Card:
    """Write the weights as safetensors and their card beside them; make the folder if needed.

    Args:
        card: of the network; its size is 0 x 0 afterwards, because a checkpoint takes any.
        dtype: of floating-point tensors in the file; torch.float16 halves its size.

    Raises:
        ModelError: a weight does not fit into `dtype`, or the file cannot be written. A file
            that was there before is then still complete.
    """
    state = {}
    for name, tensor in network.state_dict().items():
        stored = tensor.to(dtype) if tensor.is_floating_point() else tensor
        if (stored.isinf() & tensor.isfinite()).any():
            raise ModelError(f"{path}: not written: {name} is too large for {dtype}")
        state[name] = stored.contiguous()
    versions = {"seaformer-edge": __version__, "torch": torch.__version__}
    card = replace(card, precision="fp32", height=0, width=0, versions=versions)
    return write_model(path, safetensors.torch.save(state), card)


def load_checkpoint(path: Path) -> tuple[Network, Card]:
    """The network in evaluation mode, its weights as float32, and its card.

    Raises:
        ModelError: the file or its card is missing or damaged, they do not fit together, or
            the architecture is not known here.
    """
    card = verify(path)
    state = _read_safetensors(path)
    try:
        network = build(card.architecture, card.task, card.variant, card.num_classes)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    if difference := compare(state, network):
        raise ModelError(f"{path}: does not fit its card: {difference}")
    network.load_state_dict(state)
    return network.eval(), card


@dataclass(frozen=True)
class StateDifference:
    """How a state_dict differs from that of a network: names of tensors."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]

    def __bool__(self) -> bool:
        return len(self) > 0

    def __len__(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.misshapen)

    def __str__(self) -> str:
        kinds = (
            ("missing", self.missing),
            ("unexpected", self.unexpected),
            ("misshapen", self.misshapen),
        )
        return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds if names)


def compare(state: Mapping[str, Tensor], network: Network) -> StateDifference:
    """Compare the names and shapes of `state` with those of `network`."""
    expected = network.state_dict()
    return StateDifference(
        missing=tuple(sorted(expected.keys() - state.keys())),
        unexpected=tuple(sorted(state.keys() - expected.keys())),
        misshapen=tuple(
            f"{name} {tuple(state[name].shape)} instead of {tuple(expected[name].shape)}"
            for name in sorted(expected.keys() & state.keys())
            if state[name].shape != expected[name].shape
        ),
    )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        state = safetensors.torch.load_file(path)
    except Exception as error:  # besides SafetensorError what torch raises for odd shapes and types
        raise ModelError(f"{path}: cannot be read as safetensors ({error})") from error
    refuse_unusual(state, path)
    return state


def refuse_unusual(state: Mapping[str, Tensor], path: Path) -> None:
    """Raise ModelError, which names it, if a tensor is not one plain array of real numbers."""
    for name, tensor in state.items():
        for kind, found in (
            ("nested", tensor.is_nested),
            ("sparse", tensor.layout != torch.strided),
            ("complex", tensor.is_complex()),
            ("without data", tensor.is_meta),
        ):
            if found:
                raise ModelError(f"{path}: tensor {name} is {kind}; expected plain real numbers")
