"""Published checkpoints of SeaFormer: pickles of mmsegmentation or timm, read without running code.

They are compared with the network tensor by tensor, and kept in our own form from then on
(`checkpoint.save_checkpoint`).
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import MAX_LABELS, Card
from seaformer_edge.hub.class_list import MAX_CLASSES, ClassList, spread_palette
from seaformer_edge.nn.checkpoint import Network, StateDifference, compare, refuse_unusual
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.nn.registry import build
from seaformer_edge.nn.variants import VARIANTS

ARCHITECTURE = "seaformer"

MAX_DEPTH = 8
"""Nested dictionaries are searched to this depth: one in a file can contain itself."""


def import_checkpoint(
    path: Path, name: str, classes: ClassList | None = None
) -> tuple[Network, Card]:
    """Read a published checkpoint, however its tensors are nested.

    Variant and number of classes come from the tensors. Class names come from `classes`, else
    from the checkpoint (mmsegmentation stores them), else they are numbered.

    Args:
        name: of the model, for its card.

    Returns:
        The network in evaluation mode, and its card.

    Raises:
        ModelError: the file is not a checkpoint, contains code, or does not fit any variant;
            the missing, unexpected and misshapen tensors are listed.
    """
    checkpoint = _read_pickle(path)
    state = find_state_dict(checkpoint)
    if not state:
        raise ModelError(f"{path}: not a checkpoint: it contains no tensors")
    refuse_unusual(state, path)
    task, variant, num_classes = identify(state, path)
    network = build(ARCHITECTURE, task, variant, num_classes)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:  # a kind of tensor that cannot be converted to numbers
        raise ModelError(f"{path}: not the tensors of a checkpoint ({error})") from error
    if classes is None:
        classes = _stored_classes(checkpoint, num_classes)
    elif len(classes.names) != num_classes:
        raise ModelError(
            f"{path}: has {num_classes} classes, but the list has {len(classes.names)}"
        )
    card = Card(
        name=name,
        task=task,
        variant=variant,
        precision="fp32",
        height=0,
        width=0,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        classes=classes.names,
        palette=classes.palette,
        logit_channels=num_classes,
        origin=f"imported from {path.name}",
        data="as the checkpoint's authors state",
        licence="as the checkpoint's authors state",
        architecture=ARCHITECTURE,
    )
    return network.eval(), card


def identify(state: Mapping[str, Tensor], path: Path) -> tuple[str, str, int]:
    """Task, variant and number of classes of the network that has exactly these tensors.

    Raises:
        ModelError: none has; the differences from the nearest one are listed.
    """
    task = "classification"
    class_layer = state.get("linear.weight")
    if any(name.startswith("decode_head.") for name in state):
        task = "segmentation"
        class_layer = state.get("decode_head.conv_seg.weight")
    # Without a class layer nothing fits, and any number does for listing what is missing.
    num_classes = int(class_layer.shape[0]) if class_layer is not None and class_layer.ndim else 1
    # A tensor in a file can claim any shape without holding the data.
    most = MAX_LABELS if task == "segmentation" else MAX_CLASSES
    if not 1 <= num_classes <= most:
        raise ModelError(f"{path}: has {num_classes} classes; {task} takes 1 to {most}")
    nearest: tuple[StateDifference, str] | None = None
    for variant in VARIANTS:
        with torch.device("meta"):
            difference = compare(state, build(ARCHITECTURE, task, variant, num_classes))
        if not difference:
            return task, variant, num_classes
        if nearest is None or len(difference) < len(nearest[0]):
            nearest = (difference, variant)
    assert nearest is not None
    raise ModelError(
        f"{path}: fits no SeaFormer; from the nearest, {task} {nearest[1]} with {num_classes} "
        f"classes, it differs in {len(nearest[0])} tensors: {nearest[0]}"
    )


def find_state_dict(checkpoint: object, depth: int = 0) -> dict[str, Tensor]:
    """The tensors of a checkpoint, however deeply nested; averaged weights are preferred.

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
            with suppress(TypeError, ValueError, OverflowError):  # not colours
                stored_palette = tuple((int(r), int(g), int(b)) for r, g, b in colours)
                if all(0 <= value <= 255 for colour in stored_palette for value in colour):
                    palette = stored_palette
    return ClassList(names, palette)


def _read_pickle(path: Path) -> Any:
    # Plain data: timm stores its command line, mmsegmentation some NumPy numbers.
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
    except Exception as error:  # torch's restricted reader may raise anything
        raise ModelError(f"{path}: not a checkpoint, or damaged") from error
