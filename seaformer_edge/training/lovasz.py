"""The Lovász-softmax loss: intersection over union as a loss."""

from __future__ import annotations

import torch
from torch import Tensor


def lovasz_softmax(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the classes present of a convex stand-in for 1 - IoU.

    Cross-entropy counts pixels: a class of few of them is not painted where it is the second most
    probable, though that is what its IoU would gain by.

    Berman, Triki, Blaschko: The Lovász-Softmax loss, CVPR 2018, equation 11 and algorithm 1.

    Args:
        logits: (N, C) float.
        targets: (N,) int64, class ids.

    Returns:
        () float32; 0 of no pixels.
    """
    probabilities = logits.float().softmax(1)
    losses = []
    for class_ in targets.unique():
        truth = (targets == class_).float()
        errors, order = (truth - probabilities[:, class_]).abs().sort(descending=True)
        truth = truth[order]
        present = truth.sum()
        # IoU if the pixels of the largest 1, 2, 3, ... errors were wrong.
        jaccard = 1 - (present - truth.cumsum(0)) / (present + (1 - truth).cumsum(0))
        losses.append(errors @ torch.diff(jaccard, prepend=jaccard.new_zeros(1)))
    return torch.stack(losses).mean() if losses else probabilities.sum()
