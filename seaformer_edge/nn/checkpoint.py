"""Networks on disk: our own checkpoints, and the published ones.

Ours are safetensors with a card beside them (`card.py`). The published ones are pickles of
mmsegmentation or timm; they are read without running any code they may carry, checked
against the network tensor by tensor, and from then on kept in our form.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from seaformer_edge._version import __version__
from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card, place, verify
from seaformer_edge.hub.class_list import ClassList, spread_palette
from seaformer_edge.nn.seaformer import VARIANTS, SeaFormerClassifier, SeaFormerSegmenter

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Of RGB 0..255; what the published networks and ours are normalised with."""

MAX_CLASSES = 1 << 16
"""More than any data set has; a tensor can claim any size without holding it."""

MAX_DEPTH = 8
"""A file can hold a dictionary that holds itself."""

Network = SeaFormerSegmenter | SeaFormerClassifier


def save_checkpoint(network: Network, card: Card, path: Path) -> Card:
    """Write the weights as safetensors and their card beside them, in a folder made if need be.

    Raises:
        ModelError: they cannot be written; what stood there is still whole.
    """
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    temporary = path.with_name(path.name + ".tmp")
    versions = {"seaformer-edge": __version__, "torch": torch.__version__}
    card = replace(card, precision="fp32", height=0, width=0, versions=versions)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not by save_file, whose files nobody else can read, whatever the umask.
        temporary.write_bytes(safetensors.torch.save(state))
        return place(temporary, card, path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            temporary.unlink()
        raise ModelError(f"{path}: cannot be written ({error})") from error


def load_checkpoint(path: Path) -> tuple[Network, Card]:
    """The network in evaluation mode, and its card.

    Raises:
        ModelError: the file or its card is missing, damaged, or they do not fit together.
    """
    card = verify(path)
    state = _read_safetensors(path)
    try:
        network = build(card.task, card.variant, card.num_classes)
    except ValueError as error:
        raise ModelError(f"{path}: its card asks for an {error}") from error
    if misfit := compare(state, network):
        raise ModelError(f"{path}: does not fit its card: {misfit}")
    network.load_state_dict(state)
    return network.eval(), card


def import_checkpoint(
    path: Path, name: str, classes: ClassList | None = None
) -> tuple[Network, Card]:
    """Read a published checkpoint, whatever wraps it.

    Variant and class count come from the tensors. Class names come from `classes`, else
    from the checkpoint (mmsegmentation keeps them), else they are numbered.

    Raises:
        ModelError: the file is no checkpoint, carries code, or does not fit any variant;
            the missing, unexpected and misshapen tensors are listed.
    """
    checkpoint = _read_pickle(path)
    state = find_state_dict(checkpoint)
    if not state:
        raise ModelError(f"{path}: no tensors in it, so it is not a checkpoint")
    network = fit_network(state, path)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:  # a kind of tensor that cannot be made numbers of
        raise ModelError(f"{path}: not the tensors of a checkpoint ({error})") from error
    if classes is None:
        classes = _stored_classes(checkpoint, network.num_classes)
    elif len(classes.names) != network.num_classes:
        raise ModelError(
            f"{path}: has {network.num_classes} classes, but the list has {len(classes.names)}"
        )
    segments = isinstance(network, SeaFormerSegmenter)
    card = Card(
        name=name,
        task="segmentation" if segments else "classification",
        variant=network.variant_name,
        precision="fp32",
        height=0,
        width=0,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        classes=classes.names,
        palette=classes.palette,
        logit_channels=network.num_classes,
        origin=f"imported from {path.name}",
        data="as the checkpoint's authors state",
        licence="as the checkpoint's authors state",
    )
    return network.eval(), card


def build(task: str, variant: str, num_classes: int) -> Network:
    """A freshly initialised network."""
    kind = SeaFormerSegmenter if task == "segmentation" else SeaFormerClassifier
    return kind(variant, num_classes)


@dataclass(frozen=True)
class Misfit:
    """How a state_dict differs from the one a network wants."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.misshapen)

    def __len__(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.misshapen)

    def __str__(self) -> str:
        kinds = (
            ("missing", self.missing),
            ("unexpected", self.unexpected),
            ("misshapen", self.misshapen),
        )
        return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds if names)


def compare(state: Mapping[str, Tensor], network: Network) -> Misfit:
    """Compare names and shapes of `state` with what `network` holds."""
    wanted = network.state_dict()
    return Misfit(
        missing=tuple(sorted(wanted.keys() - state.keys())),
        unexpected=tuple(sorted(state.keys() - wanted.keys())),
        misshapen=tuple(
            f"{name} {tuple(state[name].shape)} instead of {tuple(wanted[name].shape)}"
            for name in sorted(wanted.keys() & state.keys())
            if state[name].shape != wanted[name].shape
        ),
    )


def fit_network(state: Mapping[str, Tensor], path: Path) -> Network:
    """The one network whose state_dict has exactly these names and shapes.

    Raises:
        ModelError: none has; the differences from the nearest one are listed.
    """
    segments = any(name.startswith("decode_head.") for name in state)
    class_layer = state.get("decode_head.conv_seg.weight" if segments else "linear.weight")
    # Without its class layer a checkpoint fits nothing; any count serves to say what lacks.
    num_classes = int(class_layer.shape[0]) if class_layer is not None and class_layer.ndim else 1
    if not 1 <= num_classes <= MAX_CLASSES:
        raise ModelError(f"{path}: tells {num_classes} classes apart; 1 to {MAX_CLASSES} it can be")
    task = "segmentation" if segments else "classification"
    nearest: tuple[Misfit, str] | None = None
    for variant in VARIANTS:
        with torch.device("meta"):
            candidate = build(task, variant, num_classes)
        misfit = compare(state, candidate)
        if not misfit:
            return build(task, variant, num_classes)
        if nearest is None or len(misfit) < len(nearest[0]):
            nearest = (misfit, variant)
    assert nearest is not None
    raise ModelError(
        f"{path}: fits no SeaFormer; from the nearest, {task} {nearest[1]} with {num_classes} "
        f"classes, it differs in {len(nearest[0])} tensors: {nearest[0]}"
    )


def find_state_dict(checkpoint: object, depth: int = 0) -> dict[str, Tensor]:
    """The tensors of a checkpoint: averaged weights first, however deep they lie.

    A leading `module.` (DataParallel) is cut from the names. Empty if there are none.
    """
    if not isinstance(checkpoint, Mapping):
        return {}
    for key in ("state_dict_ema", "ema_state_dict", "ema", "state_dict", "model"):
        inner = checkpoint.get(key)
        if isinstance(inner, Mapping) and depth < MAX_DEPTH:
            return find_state_dict(inner, depth + 1)
    return {
        str(name).removeprefix("module."): value
        for name, value in checkpoint.items()
        if isinstance(value, Tensor)
    }


def _stored_classes(checkpoint: object, num_classes: int) -> ClassList:
    names = tuple(f"class {i}" for i in range(num_classes))
    palette = spread_palette(num_classes)
    meta = checkpoint.get("meta") if isinstance(checkpoint, Mapping) else None
    if isinstance(meta, Mapping):
        stored = meta.get("CLASSES")
        if isinstance(stored, (list, tuple)) and len(stored) == num_classes:
            names = tuple(str(name) for name in stored)
        colours = meta.get("PALETTE")
        if isinstance(colours, (list, tuple)) and len(colours) == num_classes:
            with suppress(TypeError, ValueError, OverflowError):  # no colours
                stored_palette = tuple((int(r), int(g), int(b)) for r, g, b in colours)
                if all(0 <= value <= 255 for colour in stored_palette for value in colour):
                    palette = stored_palette
    return ClassList(names, palette)


def _read_pickle(path: Path) -> Any:
    # timm stores its command line, mmsegmentation stray NumPy numbers: both are plain data.
    harmless: list[Any] = [
        argparse.Namespace,
        np.dtype,
        np._core.multiarray.scalar,  # type: ignore[attr-defined]
        *(type(np.dtype(kind)) for kind in ("float32", "float64", "int32", "int64", "bool")),
    ]
    try:
        with torch.serialization.safe_globals(harmless):
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error):
            raise ModelError(
                f"{path}: refused: not plain tensors and data (it may run code when loaded)"
            ) from error
        raise ModelError(f"{path}: not a checkpoint, or damaged") from error
    except Exception as error:  # the restricted reader raises whatever it stumbles over
        raise ModelError(f"{path}: not a checkpoint, or damaged") from error


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read as safetensors ({error})") from error
