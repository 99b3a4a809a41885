from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from seaformer_edge.training.rmsprop import RMSpropTF


def test_two_steps_computed_by_hand():
    parameter = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer = RMSpropTF([parameter], lr=0.5, weight_decay=0.1)
    parameter.grad = torch.tensor([0.3])
    optimizer.step()
    gradient = 0.3 + 0.1 * 2.0
    average = 0.9 + 0.1 * gradient**2
    steps = 0.5 * gradient / (average + 1e-3) ** 0.5
    assert parameter.item() == pytest.approx(2.0 - steps)

    value = parameter.item()
    optimizer.step()
    gradient = 0.3 + 0.1 * value
    average = 0.9 * average + 0.1 * gradient**2
    steps = 0.9 * steps + 0.5 * gradient / (average + 1e-3) ** 0.5
    assert parameter.item() == pytest.approx(value - steps)


def test_small_gradients_make_small_steps():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = RMSpropTF([parameter], lr=1.0, momentum=0.0)
    for _ in range(200):  # until the running mean has forgotten its start
        parameter.grad = torch.tensor([1e-4])
        before = parameter.item()
        optimizer.step()
    assert before - parameter.item() == pytest.approx(1e-4 / (1e-8 + 1e-3) ** 0.5, rel=1e-3)
