"""Write the small programs in tests/data/programs: the runtime tests need no torch.

    python tests/runtime/make_tiny_programs.py

Every program is one XNNPACK delegate with random weights (seed 0).
"""

from __future__ import annotations

import warnings
from copy import deepcopy
from pathlib import Path

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig, to_edge_transform_and_lower
from executorch.exir.passes import MemoryPlanningPass
from torch import nn

DATA = Path(__file__).parents[1] / "data" / "programs"


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.ReLU())


class Segmenter(nn.Module):
    """(1, 3, H, W) -> (1, 5, H/8, W/8)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, 8, stride=2), conv(8, 8, stride=2), conv(8, 8, stride=2))
        self.head = nn.Conv2d(8, 5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


class Classifier(nn.Module):
    """(1, 3, H, W) -> (1, 7)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, 8, stride=2), conv(8, 8, stride=2))
        self.head = nn.Conv2d(8, 7, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).mean((2, 3), keepdim=True)).flatten(1)


class Slow(nn.Module):
    """Runs for some tens of milliseconds, with a few kilobytes of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 32)
        self.block = conv(32, 32)
        self.head = nn.Conv2d(32, 4, 8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for _ in range(2):
            x = self.block(x)
        return self.head(x)


class TwoOutputs(Segmenter):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        features = self.body(x)
        return features, self.head(features)


def write(
    name: str,
    network: nn.Module,
    size: tuple[int, int],
    nhwc: bool,
    planned: bool,
    dtype: torch.dtype = torch.float32,
) -> None:
    network, example = network.to(dtype), torch.zeros(1, 3, *size, dtype=dtype)
    if nhwc:
        example = example.to(memory_format=torch.channels_last)
    lowered = to_edge_transform_and_lower(
        torch.export.export(network.eval(), (example,)),
        partitioner=[XnnpackPartitioner()],
        compile_config=EdgeCompileConfig(_check_ir_validity=False),
    )
    planning = MemoryPlanningPass(alloc_graph_input=planned, alloc_graph_output=planned)
    program = lowered.to_executorch(ExecutorchBackendConfig(memory_planning_pass=planning))
    (DATA / f"{name}.pte").write_bytes(program.buffer)


def main() -> None:
    DATA.mkdir(exist_ok=True)
    torch.manual_seed(0)
    network = Segmenter()
    write("nhwc", network, (32, 48), nhwc=True, planned=False)
    write("nhwc_planned", network, (32, 48), nhwc=True, planned=True)
    write("nhwc_fp16", deepcopy(network), (32, 48), nhwc=True, planned=False, dtype=torch.float16)
    write("nchw", network, (32, 48), nhwc=False, planned=False)
    write("classifier", Classifier(), (32, 32), nhwc=True, planned=False)
    write("two_outputs", TwoOutputs(), (32, 48), nhwc=True, planned=False)
    write("slow", Slow(), (512, 512), nhwc=True, planned=False)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
