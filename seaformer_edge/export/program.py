"""Export: a network as a .pte program that is one XNNPACK delegate, and its card."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.devtools.backend_debug import get_delegation_info
from executorch.exir import (
    EdgeCompileConfig,
    EdgeProgramManager,
    ExecutorchBackendConfig,
    to_edge_transform_and_lower,
)
from executorch.exir.passes import MemoryPlanningPass
from torch import nn

from seaformer_edge._version import __version__
from seaformer_edge.errors import ModelError
from seaformer_edge.export.quantize import calibration_pictures, quantize
from seaformer_edge.hub.card import PRECISIONS, Card, check_classes, write_model
from seaformer_edge.nn.checkpoint import Network
from seaformer_edge.nn.registry import rewrite
from seaformer_edge.runtime.quiet import quiet


def export(
    network: Network,
    card: Card,
    height: int,
    width: int,
    output: Path,
    *,
    precision: str = "fp32",
    calibrate: Path | None = None,
) -> Card:
    """Write `output` (.pte) and its card for inputs of height x width.

    Args:
        network: trained; its weights are not changed.
        card: of the checkpoint; names the architecture. The program's card differs from it only
            in what the export decides.
        height, width: multiples of 32 (`network_input.round_size` gives the nearest).
        output: path ending in .pte; written completely or not at all.
        precision: "fp32", "fp16" or "int8".
        calibrate: for int8, a folder of pictures like those the network was trained on; the ranges
            are measured on them.

    Raises:
        SourceError: `calibrate` is missing or contains no picture that can be read.
        ModelError: an operator would run outside the XNNPACK delegate (it is named), the
            architecture is not known here, or the program cannot be written.
        ValueError: height or width is not a positive multiple of 32, the precision is another one,
            or `calibrate` is missing for int8 or given for another precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r}: must be one of {', '.join(PRECISIONS)}")
    if (precision == "int8") != (calibrate is not None):
        raise ValueError("int8 needs pictures to calibrate on, and no other precision does")
    if output.suffix != ".pte":
        raise ModelError(f"{output}: the name of a program ends in .pte")
    check_classes(card, output)
    network.eval()
    module = rewrite(card.architecture, network, height, width, card.mean, card.std, precision)
    if calibrate is not None:
        pictures = calibration_pictures(calibrate, card.task)
        with quiet():
            module = quantize(module, pictures, height, width)
        count = len(pictures.files) - pictures.lost_frames
        origin = f"{card.origin}; int8 ranges from {count} pictures"
        card = replace(card, origin=origin)
    if precision == "fp16":
        module = deepcopy(module).half()  # it shares weights with `network`
    if precision != "fp32":
        card = replace(card, name=f"{card.name}-{precision}", precision=precision)
    program, logit_channels = lower(module, height, width)

    versions = {
        "seaformer-edge": __version__,
        "torch": torch.__version__,
        "executorch": version("executorch"),
    }
    card = replace(
        card,
        height=height,
        width=width,
        logit_channels=logit_channels,
        accuracy={},
        versions=versions,
    )
    return write_model(output, program, card)


def lower(module: nn.Module, height: int, width: int) -> tuple[bytes, int]:
    """Lower a module over (1, 3, height, width), channels-last in memory, to a program.

    The program's input and output have the type of the module's parameters.

    Returns:
        The program's bytes, and the number of channels of its output.

    Raises:
        ModelError: an operator would run outside the XNNPACK delegate.
    """
    dtype = next((parameter.dtype for parameter in module.parameters()), torch.float32)
    sample = torch.zeros(1, 3, height, width, dtype=dtype).to(memory_format=torch.channels_last)
    with quiet():
        exported = torch.export.export(module, (sample,), strict=True)
        edge = to_edge_transform_and_lower(
            exported,
            partitioner=[XnnpackPartitioner()],
            # The checker rejects the channels-last memory formats that XNNPACK uses.
            compile_config=EdgeCompileConfig(_check_ir_validity=False),
        )
        refuse_partial_delegation(edge)
        program = edge.to_executorch(
            # Input and output stay in the caller's buffers, without a second copy.
            ExecutorchBackendConfig(
                memory_planning_pass=MemoryPlanningPass(
                    alloc_graph_input=False, alloc_graph_output=False
                )
            )
        )
    with torch.inference_mode():
        channels = int(module(sample).shape[1])
    return bytes(program.buffer), channels


def refuse_partial_delegation(edge: EdgeProgramManager) -> None:
    """Raise ModelError unless the program is exactly one delegate and nothing else."""
    info = get_delegation_info(edge.exported_program().graph_module)
    outside = [
        name
        for name, count in info.delegation_by_operator.items()
        if count.non_delegated and "getitem" not in name
    ]
    if outside or info.num_delegated_subgraphs != 1:
        raise ModelError(
            f"not exported: {info.num_delegated_subgraphs} XNNPACK delegates, expected one; "
            f"operators outside: {', '.join(sorted(outside)) or 'none'}; replace them"
            " in the network, or in the `rewrite` of its architecture"
        )
