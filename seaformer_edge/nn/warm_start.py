"""Warm start: begin a training with the weights of a checkpoint.

The checkpoint is of the same variant, or of a smaller SeaFormer that grows to the larger one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from seaformer_edge.errors import ModelError
from seaformer_edge.nn.checkpoint import Network, load_checkpoint
from seaformer_edge.nn.registry import find_architecture
from seaformer_edge.nn.seaformer import SeaFormerClassifier, SeaFormerSegmenter

BACKBONE = "backbone."
"""A segmenter has the tensors of the classifier under this prefix."""

LAST_OF_BRANCH = (".attn.pwconv.bn.weight", ".mlp.fc2.bn.weight")
"""If these are 0, the residual branches of a transformer block add nothing."""


def warm_start(network: Network, path: Path, classes: Sequence[str]) -> None:
    """Load what fits of a checkpoint into `network`, which is to predict `classes`.

    Between a classifier and a segmenter the backbone is loaded. From a checkpoint with other
    classes the class layer is loaded for the names that both have, unless the network is grown:
    from a smaller SeaFormer, so that it computes the same at first (`grow`).

    Raises:
        ModelError: the file or its card is missing or damaged, nothing in it fits, or the
            network cannot start from this variant.
    """
    start, card = load_checkpoint(path)
    fresh = find_architecture(card.architecture).class_layers
    if card.classes == tuple(classes):
        fresh = ()
    own = network.state_dict()
    loaded, known = {}, {}
    for name, tensor in start.state_dict().items():
        for matching in (name, BACKBONE + name, name.removeprefix(BACKBONE)):
            if matching in own and not matching.startswith(fresh):
                loaded[matching] = tensor
                break
            if name == matching in own and tensor.shape[1:] == own[name].shape[1:]:
                known[name] = _same_classes(tensor, own[name], card.classes, classes)
    if not loaded:
        raise ModelError(f"{path}: no tensor in it fits the network to train")
    if any(tensor.shape != own[name].shape for name, tensor in loaded.items()):
        try:
            if not isinstance(network, (SeaFormerSegmenter, SeaFormerClassifier)):
                raise ValueError("only a SeaFormer can grow from a smaller variant")
            loaded = grow(loaded, own)
        except ValueError as error:
            raise ModelError(
                f"{path}: training cannot start from a {card.architecture} {card.variant} network:"
                f" {error}"
            ) from error
    network.load_state_dict(own | known | loaded)


def _same_classes(
    start: Tensor, fresh: Tensor, known: Sequence[str], classes: Sequence[str]
) -> Tensor:
    """`fresh`, a tensor of the class layer, with the rows of `start` for the classes in both."""
    result = fresh.clone()
    for row, name in enumerate(classes):
        if name in known:
            result[row] = start[known.index(name)]
    return result


def grow(small: Mapping[str, Tensor], large: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors for a larger network with which it computes what the smaller one does.

    The idea of Net2Net (Chen et al., ICLR 2016), except that new channels are not copies: they
    start as in `large`, and the old channels read them with weight 0, so that they learn something
    different from the first step. Blocks that the smaller network lacks start as identities.

    Args:
        small: state_dict of the smaller network, or a part of it.
        large: freshly initialised state_dict of the larger one.

    Raises:
        ValueError: a tensor of `small` is not in `large`, or does not fit into its tensor.
    """
    grown = {
        name: torch.zeros_like(tensor) if name.endswith(LAST_OF_BRANCH) else tensor
        for name, tensor in large.items()
    }
    for name, tensor in small.items():
        if name not in large:
            raise ValueError(f"{name}: the larger network has no such tensor")
        grown[name] = _enlarged(name, tensor, large[name])
    return grown


def _enlarged(name: str, small: Tensor, large: Tensor) -> Tensor:
    """`large` with `small` in its corner, and 0 where old channels would read new ones."""
    sizes = list(zip(small.shape, large.shape, strict=True))
    if any(few > many for few, many in sizes) or small.shape[2:] != large.shape[2:]:
        raise ValueError(f"{name}: {tuple(small.shape)} does not fit into {tuple(large.shape)}")
    if small.ndim == 0:
        return small
    outputs, *inputs = [torch.arange(few) for few, _ in sizes[:2]]
    if ".attn.dwconv." in name:
        outputs = _detail_channels(*sizes[0])
    elif ".attn.pwconv.c." in name:
        inputs = [_detail_channels(*sizes[1])]
    result = large.clone()
    if small.ndim == 1:
        result[outputs] = small
        return result
    if name.endswith(".weight"):
        result[outputs] = 0
    result[outputs[:, None], inputs[0]] = small
    return result


def _detail_channels(few: int, many: int) -> Tensor:
    """Indices of the smaller network's channels in the detail branch: queries, keys, values."""
    q, large_q = few // 4, many // 4  # as many keys, and twice as many values
    starts = (0, large_q, 2 * large_q)
    return torch.cat([s + torch.arange(n) for s, n in zip(starts, (q, q, 2 * q), strict=True)])
