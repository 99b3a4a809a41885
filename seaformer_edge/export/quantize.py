"""A deployed network as int8, in a form that XNNPACK runs whole.

Post-training quantisation: weights get a scale a channel, activations one a tensor, whose
range is measured on pictures. No layer is exempt for accuracy's sake. ExecuTorch's own
quantizer decides what becomes int8; `_Quantizer` corrects it where it would go to float and
back for nothing:

- XNNPACK has no int8 average pooling, softmax or batched product. The squeezed attention
  holds all three, so it stays fp32 from the pooling to the next convolution; it is a few
  thousand numbers wide.
- A clamp (ReLU6, the gates' hard-sigmoid) shares the range of its own output with the
  convolution or addition before it. What lies outside is then cut off by the rounding to
  int8, and `_drop_implied_clamps` takes the clamp itself out.
- ExecuTorch has XNNPACK resize in fp32 only. A resized gate keeps the scale it had.
"""

from __future__ import annotations

import math
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
"""Enough to meet the usual scenes. Each takes seconds, for a histogram of every activation is kept
to choose its range of least error."""

_ATEN = torch.ops.aten
_QUANTIZE = torch.ops.quantized_decomposed.quantize_per_tensor.default
_CLAMPS = (_ATEN.relu.default, _ATEN.relu6.default, _ATEN.clamp.default)


def calibration_pictures(folder: Path) -> PictureSource:
    """Up to `CALIBRATION_PICTURES` pictures below a folder, drawn at random but always the same.

    Raises:
        SourceError: the folder is missing or holds no picture that can be read.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURE_SUFFIXES)
    if not files:
        raise SourceError(f"{folder}: no pictures there to measure int8's ranges on")
    drawn = np.random.default_rng(0).permutation(len(files))[:CALIBRATION_PICTURES]
    return PictureSource([files[i] for i in sorted(drawn)], str(folder))


def quantize(module: nn.Module, pictures: PictureSource, height: int, width: int) -> nn.Module:
    """The same function in int8, with ranges measured on `pictures`.

    Args:
        module: what `export/rewrite/` makes, for (1, 3, height, width) float32 RGB 0..255.
        pictures: any size, resized plainly as `segmenter.py` does.

    Returns:
        A module of the same input and output, both still float32, with the roundings to int8
        written out in its graph.
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
    """XNNPACK's, per channel, with fewer conversions; see the head of this file."""

    def __init__(self) -> None:
        super().__init__()
        self.set_global(get_symmetric_quantization_config(is_per_channel=True))

    def annotate(self, model: fx.GraphModule) -> fx.GraphModule:
        for node in _squeezed_attention(model.graph):
            _annotate(node)  # with nothing: it stays as it is
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
    """What depends on an average pooling without a convolution or matrix in between."""
    found: set[fx.Node] = set()
    ahead = [node for node in graph.nodes if node.target is _ATEN.avg_pool2d.default]
    while ahead:
        node = ahead.pop()
        if node.target not in (_ATEN.conv2d.default, _ATEN.linear.default) and node not in found:
            found.add(node)
            ahead.extend(node.users)
    return found


def _is_quantised(node: fx.Node) -> bool:
    """Whether the quantizer rounds this node's result to int8."""
    annotation = node.meta.get(Q_ANNOTATION_KEY)
    return annotation is not None and annotation.output_qspec is not None


def _annotate(node: fx.Node, **how: object) -> None:
    node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(**how, _annotated=True)


def _drop_implied_clamps(model: fx.GraphModule) -> None:
    """Take out each clamp whose result is rounded to a range that lies inside its bounds."""
    for node in list(model.graph.nodes):
        if node.target in _CLAMPS and all(_implies(user, *_bounds(node)) for user in node.users):
            node.replace_all_uses_with(node.args[0])
            model.graph.erase_node(node)
    model.recompile()


def _implies(node: fx.Node, low: float, high: float) -> bool:
    """Whether a node rounds to int8 so that values beyond low and high end like these."""
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
