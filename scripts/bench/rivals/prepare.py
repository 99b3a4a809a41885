"""Convert one network to the file format of one engine.

prepare.py {reference,pte,onnx,ncnn,tflite} VARIANT {published,ours}[-int8] FOLDER

int8 is made with the usual tool of each engine: ranges of activations measured on the sample
pictures, one scale per channel of the weights. onnx starts from the fp32 file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from networks import (
    CLASSES,
    SAMPLE,
    SIZE,
    camera_frame,
    graph,
    network,
    network_input,
    sample_inputs,
)
from numpy.typing import NDArray
from tiny_networks import checkpoint_card


def reference(variant: str, kind: str, folder: Path) -> None:
    """The camera frame, the network's input, and PyTorch's logits of it."""
    image = network_input()
    with torch.inference_mode():
        logits = graph(variant, kind)(torch.from_numpy(image).permute(2, 0, 1)[None])
    np.save(folder / "frame.npy", camera_frame())
    np.save(folder / "input.npy", image)
    np.save(folder / "logits.npy", logits[0, :CLASSES].numpy())


def pte(variant: str, kind: str, folder: Path) -> None:
    from seaformer_edge.export.program import export

    card = checkpoint_card("segmentation", CLASSES, variant=variant)
    quantised = {"precision": "int8", "calibrate": SAMPLE} if kind.endswith("-int8") else {}
    export(network(variant), card, SIZE, SIZE, folder / f"{kind}.pte", **quantised)


def onnx(variant: str, kind: str, folder: Path) -> None:
    if kind.endswith("-int8"):
        return onnx_int8(folder / f"{kind.removesuffix('-int8')}.onnx", folder / f"{kind}.onnx")
    sample = torch.zeros(1, 3, SIZE, SIZE)
    path = folder / f"{kind}.onnx"
    torch.onnx.export(graph(variant, kind), (sample,), path, dynamo=True, external_data=False)


def onnx_int8(source: Path, output: Path) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Pictures(CalibrationDataReader):
        def __init__(self, name: str) -> None:
            self.inputs = iter([{name: x.transpose(2, 0, 1)[None]} for x in sample_inputs()])

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self.inputs, None)

    import onnxruntime

    prepared = output.with_suffix(".prepared")
    quant_pre_process(source, prepared)
    name = onnxruntime.InferenceSession(prepared).get_inputs()[0].name
    quantize_static(
        prepared,
        output,
        Pictures(name),
        per_channel=True,
        activation_type=QuantType.QUInt8,  # AVX-512 VNNI multiplies unsigned by signed
        weight_type=QuantType.QInt8,
    )


def ncnn(variant: str, kind: str, folder: Path) -> None:
    import pnnx

    sample = torch.zeros(1, 3, SIZE, SIZE)
    pnnx.export(graph(variant, kind), str(folder / f"{kind}.pt"), (sample,), fp16=False)


def tflite(variant: str, kind: str, folder: Path) -> None:
    import litert_torch

    sample = torch.zeros(1, SIZE, SIZE, 3)
    module = litert_torch.to_channel_last_io(graph(variant, kind), args=[0], outputs=[0])
    litert_torch.convert(module.eval(), (sample,)).export(str(folder / f"{kind}.tflite"))


if __name__ == "__main__":
    form, variant, kind, folder = sys.argv[1:]
    globals()[form](variant, kind, Path(folder))
