from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from torch import nn

from seaformer_edge.training.distributed import run_depthwise_in_fp32


def test_slow_depthwise_convolutions_stay_in_float32():
    convolutions = [
        nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8),
        nn.Conv2d(8, 8, 5, padding=2, groups=8),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(8, 8, 1),
    ]
    x = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    exact = [convolution(x) for convolution in convolutions]
    network = run_depthwise_in_fp32(nn.Sequential(*convolutions))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = [convolution(x) for convolution in network]
    assert [y.dtype for y in got] == [torch.float32, torch.float32, torch.bfloat16, torch.bfloat16]
    assert torch.equal(got[0], exact[0])
    assert torch.equal(got[1], exact[1])
