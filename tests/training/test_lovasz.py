"""The Lovász-softmax loss: 1 - IoU for certain predictions, convex between them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from seaformer_edge.training import lovasz as module
from seaformer_edge.training.lovasz import NEGLIGIBLE, lovasz_softmax


def mean_iou_loss(predicted, targets):
    """1 - IoU, averaged over the classes present in the targets."""
    losses = []
    for class_ in targets.unique():
        ours, true = predicted == class_, targets == class_
        losses.append(1 - (ours & true).sum() / (ours | true).sum())
    return torch.stack(losses).mean()


def test_it_is_one_minus_the_mean_iou_of_certain_predictions():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        targets = torch.randint(0, 4, (30,), generator=generator)
        predicted = torch.randint(0, 5, (30,), generator=generator)
        logits = 200.0 * torch.nn.functional.one_hot(predicted, 5)
        torch.testing.assert_close(
            lovasz_softmax(logits, targets), mean_iou_loss(predicted, targets)
        )


def test_it_is_convex_in_the_errors_of_one_class():
    """Between two sets of probabilities it is never above the straight line (two classes)."""
    generator = torch.Generator().manual_seed(1)
    targets = torch.ones(20, dtype=torch.int64)  # one class present, so errors are 1 - p
    for _ in range(20):
        one, other = torch.rand((2, 20), generator=generator)
        ends = [
            lovasz_softmax(torch.stack([(1 - p).log(), p.log()], 1), targets) for p in (one, other)
        ]
        p = (one + other) / 2
        middle = lovasz_softmax(torch.stack([(1 - p).log(), p.log()], 1), targets)
        assert middle <= sum(ends) / 2 + 1e-6


def test_it_predicts_a_rare_class_where_that_is_second_most_probable():
    """Of 100 pixels that look alike 40 are the whole of one class, 60 belong to one of 1060."""
    targets = torch.tensor([0] * 1060 + [1] * 40)
    looks = torch.zeros(1100, 2)
    looks[:1000, 0] = 1
    looks[1000:, 1] = 1

    def learnt(loss):
        layer = torch.nn.Linear(2, 2)
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        optimizer = torch.optim.Adam(layer.parameters(), 0.05)
        for _ in range(300):
            optimizer.zero_grad()
            loss(layer(looks), targets).backward()
            optimizer.step()
        return layer(looks)

    plain, lovasz = learnt(torch.nn.functional.cross_entropy), learnt(lovasz_softmax)
    assert (plain.argmax(1) == 0).all()
    assert (lovasz.argmax(1) == looks[:, 1]).all()
    # IoU 1000 / 1060 and 40 / 100 instead of 1060 / 1100 and 0.
    assert mean_iou_loss(lovasz.argmax(1), targets) < mean_iou_loss(plain.argmax(1), targets) - 0.15


def test_errors_that_are_left_out_are_negligible(monkeypatch):
    generator = torch.Generator().manual_seed(2)
    targets = torch.randint(0, 12, (2000,), generator=generator)
    logits = 3 * torch.randn((2000, 12), generator=generator)
    logits += 2 * torch.nn.functional.one_hot(targets, 12)
    assert (logits.softmax(1) < NEGLIGIBLE).float().mean() > 0.4
    loss = lovasz_softmax(logits, targets)
    monkeypatch.setattr(module, "NEGLIGIBLE", -1)
    everything = lovasz_softmax(logits, targets)
    assert everything - NEGLIGIBLE <= loss < everything


def test_no_pixels_give_zero_and_a_gradient():
    logits = torch.zeros((0, 3), requires_grad=True)
    loss = lovasz_softmax(logits, torch.zeros(0, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0
