"""Post-training quantisation to int8, in a form that is one XNNPACK delegate.

Weights get one scale per channel; activations one per tensor, from a range that is measured on
pictures. No layer is left in fp32 for accuracy. ExecuTorch's quantizer decides what becomes
int8; `_Quantizer` changes its decisions where they would convert to float and back:

- XNNPACK has no int8 average pooling, softmax or batched product. The squeezed attention uses
  all three, so it stays fp32 from the pooling to the next convolution; its tensors have only a
  few thousand numbers.
- A clamp (ReLU6, the gates' hard-sigmoid) and the convolution or addition before it get the same
  range, that of the clamp's output. Rounding to int8 then cuts off the values outside, and
  `_drop_implied_clamps` removes the clamp.
- ExecuTorch resizes in XNNPACK in fp32 only. A resized gate keeps its scale.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from torch import fx, nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation, SharedQuantizationSpec
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY
from tqdm import tqdm

from seaformer_edge.errors import SourceError
from seaformer_edge.inference.preprocess import preprocess
from seaformer_edge.sources import PictureSource
from seaformer_edge.sources.pictures import PICTURE_SUFFIXES

CALIBRATION_PICTURES = 32
"""Enough to cover the usual scenes. Each takes seconds, because a histogram of every activation is
updated, from which the range with the least error is chosen."""

# Of your own data sets and of those in training.layouts.
_LABEL_FOLDER = re.compile(r"labels?|masks?|annotations?|.*annot|gt.+|segmentation(class|object).*")

_ATEN = torch.ops.aten
_QUANTIZE = torch.ops.quantized_decomposed.quantize_per_tensor.default
_CLAMPS = (_ATEN.relu.default, _ATEN.relu6.default, _ATEN.clamp.default)


def calibration_pictures(folder: Path, task: str) -> PictureSource:
    """Up to `CALIBRATION_PICTURES` random pictures below a folder, the same ones each time.

    Args:
        folder: of pictures, or of a data set.
        task: "segmentation": label masks, which data sets keep in folders such as `labels` or
            beside the pictures as `NAME_mask.png`, are left out. "classification": a folder may
            have the name of any class.

    Raises:
        SourceError: the folder is missing or contains no picture.
    """
    files = sorted(
        file
        for file in folder.rglob("[!.]*")
        if file.suffix.lower() in PICTURE_SUFFIXES
        and not (task == "segmentation" and _is_label(file.relative_to(folder)))
    )
    if not files:
        raise SourceError(f"{folder}: no pictures for the calibration of int8")
    drawn = np.random.default_rng(0).permutation(len(files))[:CALIBRATION_PICTURES]
    return PictureSource([files[i] for i in sorted(drawn)], str(folder))


def _is_label(file: Path) -> bool:
    in_folder = any(map(_LABEL_FOLDER.fullmatch, map(str.lower, file.parts[:-1])))
    return in_folder or file.stem.lower().endswith("_mask")


def quantize(module: nn.Module, pictures: PictureSource, height: int, width: int) -> nn.Module:
    """The same function in int8, with ranges measured on `pictures`.

    Args:
        module: from `registry.rewrite`, for (1, 3, height, width) float32 RGB 0..255.
        pictures: of any size; preprocessed as for inference.

    Returns:
        A module with the same float32 input and output, and with explicit roundings to int8 in
        its graph.
    """
    sample = torch.zeros(1, 3, height, width).to(memory_format=torch.channels_last)
    prepared = prepare_pt2e(
        torch.export.export(module, (sample,), strict=True).module(), _Quantizer()
    )
    with torch.inference_mode():
        for picture in tqdm(
            pictures, "calibrating", pictures.frame_count, unit="picture", disable=None
        ):
            network_input = preprocess(picture.image, height, width)
            prepared(torch.from_numpy(network_input).permute(2, 0, 1)[None])
    quantized = convert_pt2e(prepared)
    _drop_implied_clamps(quantized)
    return quantized


class _Quantizer(XNNPACKQuantizer):
    """XNNPACK's quantizer, per channel, with fewer conversions; see the top of this file."""

    def __init__(self) -> None:
        super().__init__()
        self.set_global(get_symmetric_quantization_config(is_per_channel=True))

    def annotate(self, model: fx.GraphModule) -> fx.GraphModule:
        for node in _squeezed_attention(model.graph):
            _annotate(node)  # without a type: it stays fp32
        super().annotate(model)
        for node in model.graph.nodes:
            if node.target in _CLAMPS and _is_quantised(source := node.args[0]):
                if not _is_quantised(node) and len(source.users) == 1:
                    _annotate(node, output_qspec=source.meta[Q_ANNOTATION_KEY].output_qspec)
                    source.meta[Q_ANNOTATION_KEY].output_qspec = None
            elif node.target is _ATEN.upsample_bilinear2d.vec:
                same = SharedQuantizationSpec(node.args[0])
                _annotate(node, input_qspec_map={node.args[0]: same}, output_qspec=same)
        return model


def _squeezed_attention(graph: fx.Graph) -> set[fx.Node]:
    """Nodes that depend on an average pooling without a convolution or linear layer between."""
    found: set[fx.Node] = set()
    ahead = [node for node in graph.nodes if node.target is _ATEN.avg_pool2d.default]
    while ahead:
        node = ahead.pop()
        if node.target not in (_ATEN.conv2d.default, _ATEN.linear.default) and node not in found:
            found.add(node)
            ahead.extend(node.users)
    return found


def _is_quantised(node: fx.Node) -> bool:
    """Whether the quantizer rounds the result of this node to int8."""
    annotation = node.meta.get(Q_ANNOTATION_KEY)
    return annotation is not None and annotation.output_qspec is not None


def _annotate(node: fx.Node, **how: object) -> None:
    node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(**how, _annotated=True)


def _drop_implied_clamps(model: fx.GraphModule) -> None:
    """Remove each clamp whose result is rounded to a range inside its bounds."""
    for node in list(model.graph.nodes):
        if node.target in _CLAMPS and all(_implies(user, *_bounds(node)) for user in node.users):
            node.replace_all_uses_with(node.args[0])
            model.graph.erase_node(node)
    model.recompile()


def _implies(node: fx.Node, low: float, high: float) -> bool:
    """Whether a node rounds to int8 in a range that cuts off values outside low to high."""
    if node.target is not _QUANTIZE:
        return False
    _, scale, zero_point, first, last, _ = node.args
    lowest, highest = (first - zero_point) * scale, (last - zero_point) * scale
    return low <= lowest + scale / 2 and highest - scale / 2 <= high


def _bounds(clamp: fx.Node) -> tuple[float, float]:
    if clamp.target is _ATEN.relu.default:
        return 0.0, math.inf
    if clamp.target is _ATEN.relu6.default:
        return 0.0, 6.0
    _, low, high = clamp.args
    return low, high
