"""Where training starts: from a checkpoint of the same variant, or of a smaller one that grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from seaformer_edge.errors import ModelError
from seaformer_edge.nn.checkpoint import Network, load_checkpoint
from seaformer_edge.nn.seaformer import SeaFormerClassifier, SeaFormerSegmenter

CLASS_LAYER = ("decode_head.conv_seg.", "linear.")

LAST_OF_BRANCH = (".attn.pwconv.bn.weight", ".mlp.fc2.bn.weight")
"""At 0 they take a residual branch of a transformer block out."""


def load_initial(network: Network, path: Path, classes: Sequence[str]) -> None:
    """Start `network`, which is to tell `classes` apart, from a checkpoint.

    Everything that both have is taken over: between a classifier and a segmenter, either way, the
    backbone; of a checkpoint with other classes all but the class layer. What a smaller variant
    computes, the larger one computes too at first (`grow`).

    Raises:
        ModelError: the file or its card is missing or damaged, it is of a variant that cannot
            grow to this one, or nothing fits.
    """
    initial, card = load_checkpoint(path)
    state = initial.state_dict()
    if isinstance(initial, SeaFormerClassifier) and isinstance(network, SeaFormerSegmenter):
        state = {f"backbone.{name}": tensor for name, tensor in state.items()}
    elif isinstance(initial, SeaFormerSegmenter) and isinstance(network, SeaFormerClassifier):
        state = {name.removeprefix("backbone."): tensor for name, tensor in state.items()}
    fresh = () if card.classes == tuple(classes) else CLASS_LAYER
    own = network.state_dict()
    taken = {n: t for n, t in state.items() if n in own and not n.startswith(fresh)}
    if not taken:
        raise ModelError(f"{path}: nothing in it fits the network that is to be trained")
    if card.variant != network.variant_name:
        try:
            taken = grow(taken, own)
        except ValueError as error:
            raise ModelError(
                f"{path}: is a {card.variant} network; it cannot start a"
                f" {network.variant_name} network"
            ) from error
    network.load_state_dict(own | taken)


def grow(small: Mapping[str, Tensor], large: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors for a larger network with which it computes what the smaller one does.

    The idea of Net2Net (Chen et al., ICLR 2016), but new channels are not copies: they start as
    `large` has them, and nothing old listens to them (weight 0), so that they have something of
    their own to learn from the first step. Blocks that the smaller one lacks start as identities.

    Args:
        small: state_dict of the smaller network, or a part of it.
        large: freshly initialised state_dict of the larger one.

    Raises:
        ValueError: a tensor of `small` has no room in `large`.
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
    """`large` with `small` in its corner, and 0 where its new channels would reach the old ones."""
    sizes = list(zip(small.shape, large.shape, strict=True))
    if any(few > many for few, many in sizes) or small.shape[2:] != large.shape[2:]:
        raise ValueError(f"{name}: {tuple(small.shape)} has no room in {tuple(large.shape)}")
    if small.ndim == 0:
        return small
    outputs, *inputs = [torch.arange(few) for few, _ in sizes[:2]]
    if ".attn.dwconv." in name:
        outputs = _places_in_detail(*sizes[0])
    elif ".attn.pwconv.c." in name:
        inputs = [_places_in_detail(*sizes[1])]
    result = large.clone()
    if small.ndim == 1:
        result[outputs] = small
        return result
    if name.endswith(".weight"):
        result[outputs] = 0
    result[outputs[:, None], inputs[0]] = small
    return result


def _places_in_detail(few: int, many: int) -> Tensor:
    """Where the smaller network's channels lie in the detail branch: queries, keys, values."""
    q, large_q = few // 4, many // 4  # as many keys, and twice as many values
    starts = (0, large_q, 2 * large_q)
    return torch.cat([s + torch.arange(n) for s, n in zip(starts, (q, q, 2 * q), strict=True)])
